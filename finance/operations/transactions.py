"""
What people do with payments: ask for one, approve, reject, cancel, hold and release it.

What banks and workers do with them is in settlements.py and retries.py. Every function commits
its own transaction, takes the row's lock before it looks, and leaves its audit events in it.
"""

from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from compliance.models import CheckStatus, InvestorProfile
from compliance.operations import gate
from compliance.operations.gate import ComplianceRefused
from finance.models import Transaction
from finance.models.transactions import TransactionStatus as Status
from finance.models.transactions import TransactionType, approvals_required
from finance.operations import commitments, locks, orders, reservations
from finance.operations.orders import Order, Parties
from finance.operations.screening import facts, screen
from finance.queries import fees
from realco import audit, events, permissions, queue
from realco.business_days import banking_date
from realco.errors import Duplicate, IllegalTransition, NotPermitted, Refusal
from realco.models import User

COMPLIANCE = "COMPLIANCE"
NOT_POSSIBLE = "We cannot make this payment. Please get in touch with us about it."
OUTCOME_UNKNOWN = "Outcome unknown"
Rows = QuerySet[Transaction]
PAYEES_OWN_MONEY = (TransactionType.WITHDRAWAL, TransactionType.REFUND)


class IdempotencyKeyMissing(Refusal):
    """A payment is asked for under a key, so that asking twice pays once."""


class IdempotencyKeyReused(Duplicate):
    """The key was used for another payment."""


class AmountBelowFees(Refusal):
    """The fees would eat the whole amount."""


class NotAwaitingApproval(IllegalTransition):
    """The payment does not wait for an approval."""


class ApproverIsInitiator(NotPermitted):
    """Nobody approves what they asked for."""


class ApproverIsParty(NotPermitted):
    """Nobody approves a payment from or to themselves."""


class AlreadyApprovedByYou(NotPermitted):
    """Two approvals are two people."""


class NotCancellable(IllegalTransition):
    """The payment has gone too far to be cancelled."""


class NotHoldable(IllegalTransition):
    """The payment cannot be held in its state."""


class NotHeld(IllegalTransition):
    """The payment is not on hold, or waits for the bank and not for us."""


class ReasonMissing(Refusal):
    """This needs a reason, for the audit trail."""


def initiate(
    order: Order,
    *,
    initiator: User,
    idempotency_key: str,
    at: datetime,
    ip_address: str | None = None,
    user_agent: str = "",
) -> Transaction:
    """
    Ask for a payment: check it, price it, screen its party, and queue it or have it approved.

    The same key with the same order returns the same payment, however often and from however many
    threads. A party who fails compliance leaves the payment CANCELLED with its checks as evidence,
    and then ComplianceRefused is raised; every other refusal leaves nothing behind. A deposit
    beyond what its investor has committed so far commits the rest.

    :raises IdempotencyKeyMissing: if the key is empty or longer than 200 characters
    :raises IdempotencyKeyReused: if the key was used with another order
    :raises Refusal: whatever ``orders.examine``, the limits or the commitment refuse
    :raises ComplianceRefused: if a compliance check failed
    """
    if not 1 <= len(idempotency_key.strip()) <= 200:
        raise IdempotencyKeyMissing("Give an idempotency key of 1 to 200 characters, a new one for each payment.")
    key = f"{initiator.pk}:{idempotency_key.strip()}"
    with audit.acting("transaction.initiate", by=initiator, reason=order.description), transaction.atomic():
        payment = _find_earlier(key, order)
        if payment is None:
            parties = orders.examine(order, initiator=initiator, at=at)
            payment = _create(order, parties, initiator=initiator, key=key, at=at)
            payment.ip_address = ip_address
            payment.user_agent = user_agent[:300]
            payment.save()
            _screen_and_route(payment, party=parties.party, at=at)
    if payment.status == Status.CANCELLED and payment.failure_code == COMPLIANCE:
        raise ComplianceRefused(payment.failure_message)
    return payment


def _find_earlier(key: str, order: Order) -> Transaction | None:
    """Return the payment of this key, after waiting for anybody who is making it right now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
    earlier = Transaction.objects.filter(idempotency_key=key).first()
    if earlier is not None and earlier.request_hash != order.content_hash:
        raise IdempotencyKeyReused(
            "This idempotency key was used for another payment. Use a new key for a new payment.",
            transaction_id=str(earlier.pk),
        )
    return earlier


def _create(order: Order, parties: Parties, *, initiator: User, key: str, at: datetime) -> Transaction:
    """Build the row, within the limits of its party, whose row is locked so that two orders cannot share one limit."""
    User.objects.select_for_update(no_key=True).get(pk=parties.party.pk)
    price = fees.quote(order.type, order.payment_method, order.amount, on=banking_date(at))
    if price.net_amount <= 0:
        raise AmountBelowFees(f"The fee of {price.fee_amount} leaves nothing of {order.amount}. Ask for more.")
    payment = Transaction(
        type=order.type,
        payment_method=order.payment_method,
        amount=order.amount,
        fee_amount=price.fee_amount,
        net_amount=price.net_amount,
        currency=order.currency,
        from_user_id=order.from_user_id,
        to_user_id=order.to_user_id,
        from_bank_account_id=order.from_bank_account_id,
        to_bank_account_id=order.to_bank_account_id,
        offering=parties.escrow_account.offering,
        escrow_account=parties.escrow_account,
        distribution_id=order.distribution_id,
        replaces_id=order.replaces_id,
        idempotency_key=key,
        request_hash=order.content_hash,
        description=order.description,
        internal_memo=order.internal_memo,
        metadata={**order.metadata, "fees": [[name, str(part)] for name, part in price.parts]},
        approvals_required=_approvals_of(order, initiator),
        initiated_by=initiator,
        created_at=at,
    )
    profile = InvestorProfile.objects.filter(user=parties.party).first()
    gate.require_within_limits(facts(payment, at=at), profile, on=banking_date(at))
    if order.type == TransactionType.DEPOSIT:
        commitments.commit_the_rest(payment, at=at)
    return payment


def _approvals_of(order: Order, initiator: User) -> int:
    """Return how many approvers an order needs: one at least when who asks for others' money is who gets it."""
    is_self_dealing = order.to_user_id == initiator.pk and order.type not in PAYEES_OWN_MONEY
    return max(approvals_required(order.type, order.amount), int(is_self_dealing))


def _screen_and_route(payment: Transaction, *, party: User, at: datetime) -> None:
    """Send a new payment where its screening and its need of approval say."""
    verdict = screen(payment, party=party, at=at)
    if verdict.status == CheckStatus.FAILED:
        refuse(payment, at=at)
        payment.save()
    elif verdict.status != CheckStatus.PASSED or payment.approvals_required:
        payment.mark_pending_approval(approvals=max(1, payment.approvals_required))
        payment.save()
    else:
        _queue(payment, by=payment.initiated_by, at=at)


def refuse(payment: Transaction, *, at: datetime) -> None:
    """Cancel a payment because compliance refuses it, in words that do not warn its subject of what was found."""
    payment.failure_code = COMPLIANCE
    payment.failure_message = NOT_POSSIBLE
    payment.mark_cancelled(reason=NOT_POSSIBLE, at=at)


def _queue(payment: Transaction, *, by: User | None, at: datetime) -> None:
    """Reserve an outbound payment's money, and put the payment in the queue."""
    reservations.reserve(payment, by=by, at=at)
    payment.mark_queued()
    payment.save()
    queue.enqueue("finance.process_transaction", payment_id=payment.pk)


def lock(payment_id: UUID) -> Transaction:
    """Return the payment as it is now, locked until the transaction ends, and so is its other half, if it has one."""
    return locks.payment(payment_id)


def approve(payment: Transaction, *, approver: User, at: datetime, reason: str = "") -> Transaction:
    """
    Sign an approval; with the last one it needs, reserve the money and queue the payment.

    The money leaves the available balance now, so that no other payment can count on it; the
    provider is asked only after this has committed. Compliance is asked again, and its answers
    stay even where they refuse.

    :raises NotPermitted: if the approver may not approve payments
    :raises NotAwaitingApproval: if it is not waiting for approval
    :raises ApproverIsInitiator: if the approver asked for the payment
    :raises ApproverIsParty: if the approver pays or is paid by it
    :raises AlreadyApprovedByYou: if the approver has signed it before
    :raises EscrowNotOpen: if the escrow account is frozen, liquidating or closed
    :raises OfferingNotOpen: if it is a deposit, and the offering no longer raises money
    :raises InsufficientFunds: if escrow holds less than the payment
    :raises ComplianceRefused: if a compliance check fails now
    :raises AwaitsReview: if a compliance check waits for a person
    """
    permissions.require(approver, permissions.APPROVE_PAYMENT)
    with audit.acting("transaction.approve", by=approver, reason=reason), transaction.atomic():
        payment = lock(payment.pk)
        _require_approvable(payment, approver)
        orders.require_escrow_open(payment.escrow_account, payment.type)
        if payment.type == TransactionType.DEPOSIT:
            orders.require_raising(payment.escrow_account.offering)
        verdict = screen(payment, party=payment.party, at=at)
        if verdict.status == CheckStatus.PASSED:
            _sign(payment, approver=approver, at=at)
            if payment.is_fully_approved:
                payment.mark_approved()
                payment.save()
                _queue(payment, by=approver, at=at)
        payment.save()
    verdict.require_passed()
    return payment


def _require_approvable(payment: Transaction, approver: User) -> None:
    if payment.status != Status.PENDING_APPROVAL:
        raise NotAwaitingApproval(
            f"This payment is {payment.get_status_display().lower()} and does not wait for approval. Reload the page."
        )
    if approver.pk == payment.initiated_by_id:
        raise ApproverIsInitiator("You asked for this payment; somebody else must approve it.")
    if approver.pk in (payment.from_user_id, payment.to_user_id):
        raise ApproverIsParty("This payment is yours; somebody else must approve it.")
    if approver.pk == payment.approved_by_id and not payment.is_fully_approved:
        raise AlreadyApprovedByYou("You have approved this payment; a second person must approve it too.")


def _sign(payment: Transaction, *, approver: User, at: datetime) -> None:
    """Write the signature down, unless the payment was signed before and waited for compliance alone."""
    if payment.is_fully_approved:
        return
    if payment.approved_by_id is None:
        payment.approved_by = approver
        payment.approved_at = at
    else:
        payment.second_approved_by = approver
        payment.second_approved_at = at


def reject(payment: Transaction, *, approver: User, reason: str, at: datetime) -> Transaction:
    """
    Refuse to approve: the payment is cancelled, with the reason.

    :raises NotPermitted: if the approver may not approve payments
    :raises ReasonMissing: without a reason
    :raises NotAwaitingApproval: if it is not waiting for approval
    :raises ApproverIsInitiator: if the approver asked for the payment (cancel it instead)
    """
    permissions.require(approver, permissions.APPROVE_PAYMENT)
    require_reason(reason)
    with audit.acting("transaction.reject", by=approver, reason=reason), transaction.atomic():
        payment = lock(payment.pk)
        if payment.status != Status.PENDING_APPROVAL:
            raise NotAwaitingApproval(
                f"This payment is {payment.get_status_display().lower()} and does not wait for approval."
            )
        if approver.pk == payment.initiated_by_id:
            raise ApproverIsInitiator("You asked for this payment; cancel it instead of rejecting it.")
        _cancel(payment, by=approver, reason=reason, at=at)
    return payment


def cancel(payment: Transaction, *, by: User, reason: str, at: datetime) -> Transaction:
    """
    Cancel a payment that has not gone to the bank, or has come back failed; reserved money is freed.

    :raises NotPermitted: unless it is one's own, or one may initiate or approve payments
    :raises ReasonMissing: without a reason
    :raises NotCancellable: if it has gone too far, or its outcome at the bank is unknown
    """
    require_reason(reason)
    is_own = by.is_active and by.pk in (payment.initiated_by_id, payment.from_user_id)
    if not is_own and not by.has_perm(permissions.APPROVE_PAYMENT):
        permissions.require(by, permissions.INITIATE_PAYMENT)
    with audit.acting("transaction.cancel", by=by, reason=reason), transaction.atomic():
        payment = lock(payment.pk)
        if payment.status == Status.ON_HOLD and payment.held_from == Status.PROCESSING:
            raise NotCancellable("The bank has not said yet what became of this payment; wait until it has.")
        if Status.CANCELLED not in Transaction.TRANSITIONS[Status(payment.status)]:
            raise NotCancellable(
                f"This payment is {payment.get_status_display().lower()} and can no longer be cancelled."
            )
        _cancel(payment, by=by, reason=reason, at=at)
    return payment


def _cancel(payment: Transaction, *, by: User | None, reason: str, at: datetime) -> None:
    """Cancel a payment, and with it the other half of a movement between our own accounts."""
    others = [] if payment.counterpart_id is None else [lock(payment.counterpart_id)]
    for one in (payment, *others):
        reservations.unreserve(one, by=by, at=at)
        one.mark_cancelled(reason=reason[:300], at=at)
        one.save()
        events.publish("finance.transaction.cancelled", payment_id=one.pk)
    for one in (payment, *others):
        commitments.end_with(one, at=at)


def cancel_unsent(payments: Rows, *, reason: str, at: datetime) -> list[Transaction]:
    """
    Cancel those of one escrow account's payments that are not at the bank, and return them; in a caller's transaction.

    What a bank may have, it keeps: of those, only what became of them is waited for. The caller has locked
    them (``locks.unsent``) and holds the account; one that was asked for meanwhile is cancelled too.

    :raises OperationalError: if somebody is just working on such a one; nothing is done, and the caller tries again
    """
    locks.unsent(payments, nowait=True)
    found = list(payments.filter(locks.UNSENT).order_by("pk"))
    for payment in found:
        _cancel(payment, by=None, reason=reason, at=at)
    return found


def cancel_queued(half: Transaction, *, reason: str, at: datetime) -> None:
    """Give up both halves of a movement that the bank has not done; the caller has locked them."""
    _cancel(half, by=None, reason=reason, at=at)


def cancel_failed(payment: Transaction, *, by: User | None, reason: str, at: datetime) -> None:
    """Give a failed payment up because another takes its place; the caller has locked it."""
    if payment.status == Status.FAILED:
        _cancel(payment, by=by, reason=reason, at=at)


def hold(payment: Transaction, *, by: User, reason: str, at: datetime) -> Transaction:
    """
    Stop a payment that has not gone to the bank until somebody releases it.

    :raises NotPermitted: if the person may not hold payments
    :raises ReasonMissing: without a reason
    :raises NotHoldable: if it is at the bank already, held, or over
    """
    permissions.require(by, permissions.HOLD_PAYMENT)
    require_reason(reason)
    with audit.acting("transaction.hold", by=by, reason=reason), transaction.atomic():
        payment = lock(payment.pk)
        if payment.status not in (Status.INITIATED, Status.PENDING_APPROVAL, Status.APPROVED, Status.QUEUED):
            raise NotHoldable(f"This payment is {payment.get_status_display().lower()} and can no longer be held.")
        if payment.is_half:
            raise NotHoldable(
                "This is one half of a reinvestment, and both are done together. Cancel it: then it is paid in cash."
            )
        payment.mark_on_hold(reason=reason[:300])
        payment.save()
    return payment


def release(payment: Transaction, *, by: User, at: datetime, reason: str = "") -> Transaction:
    """
    Release a held payment into the state it was held from.

    Compliance is asked again before it returns to the queue: while it is not satisfied the payment
    stays held, and one that it refuses is cancelled. Its answers stay.

    :raises NotPermitted: if the person may not hold payments
    :raises NotHeld: if it is not on hold, or its outcome at the bank is unknown
    :raises ComplianceRefused: if a compliance check fails now
    :raises AwaitsReview: if a compliance check waits for a person
    """
    permissions.require(by, permissions.HOLD_PAYMENT)
    with audit.acting("transaction.release", by=by, reason=reason), transaction.atomic():
        payment = lock(payment.pk)
        if payment.status != Status.ON_HOLD:
            raise NotHeld(f"This payment is {payment.get_status_display().lower()}, not on hold.")
        if payment.held_from == Status.PROCESSING:
            raise NotHeld("The bank has not said yet what became of this payment; it is asked again by itself.")
        verdict = screen(payment, party=payment.party, at=at) if payment.held_from == Status.QUEUED else None
        if verdict is None or verdict.is_passed:
            payment.mark_released()
            payment.hold_reason = ""
        elif verdict.status == CheckStatus.FAILED:
            reservations.unreserve(payment, by=by, at=at)
            refuse(payment, at=at)
            events.publish("finance.transaction.cancelled", payment_id=payment.pk)
        payment.save()
        if payment.status == Status.QUEUED:
            queue.enqueue("finance.process_transaction", payment_id=payment.pk)
    if verdict is not None:
        verdict.require_passed()
    return payment


def describe(
    payment: Transaction,
    *,
    by: User,
    description: str | None = None,
    internal_memo: str | None = None,
    metadata: dict[str, object] | None = None,
) -> Transaction:
    """
    Change the words on a payment; nothing else of it ever changes.

    :raises NotPermitted: if it is not one's own, or the memo is to be changed without being staff
    """
    is_staff = by.is_active and by.has_perm(permissions.INITIATE_PAYMENT)
    if not is_staff and (by.pk != payment.initiated_by_id or internal_memo is not None):
        permissions.require(by, permissions.INITIATE_PAYMENT)
    with audit.acting("transaction.describe", by=by), transaction.atomic():
        payment = lock(payment.pk)
        if description is not None:
            payment.description = description
        if internal_memo is not None:
            payment.internal_memo = internal_memo
        if metadata is not None:
            payment.metadata = {**metadata, "fees": payment.metadata.get("fees", [])}
        payment.save()
    return payment


def require_reason(reason: str) -> None:
    """
    Refuse to go on without a reason.

    :raises ReasonMissing: if the reason is empty
    """
    if not reason.strip():
        raise ReasonMissing("Say why; the reason is kept in the audit trail.")
