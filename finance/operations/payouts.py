"""
Many outbound payments at once, approved before they were made: distributions and refund runs.

The approvals are those of the distribution or the run, whose signed figures name every payee and
amount. Money is reserved for all of them with one posting, rows are written set-based.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from django.db import transaction

from compliance.models import CheckStatus
from escrow.operations import escrow_accounts, ledger
from escrow.operations.ledger import EscrowNotOpen
from finance import entries
from finance.models import BankAccount, Transaction
from finance.models.transactions import TransactionType, approvals_required
from finance.operations import bulk_submissions, orders, screening, transactions
from finance.operations.orders import Order, Parties
from realco import audit, copying
from realco.business_days import banking_date
from realco.errors import NotPermitted
from realco.identifiers import new_id
from realco.models import User


class LacksApprovals(NotPermitted):
    """Fewer people signed than a payment of this size needs."""


def originate(
    wanted: Sequence[Order],
    *,
    keys: Sequence[str],
    initiator: User,
    approvers: Sequence[User],
    at: datetime,
    bank_accounts: Mapping[UUID, BankAccount] = MappingProxyType({}),
    before_reserving: Callable[[Sequence[Transaction]], None] = lambda _: None,
) -> list[Transaction]:
    """
    Make approved distribution payments, reserve their money, and queue them; all or none.

    ``keys`` are idempotency keys, one for each order: those whose payment exists already return
    it, so a run that was cut short goes on. No person's key can be one of them, because theirs
    begin with their id. Payees are screened; one who does not pass leaves his
    payment PENDING_APPROVAL (a review is open) or CANCELLED (refused), with nothing reserved.
    Runs inside its own transaction, or its caller's; ``bank_accounts`` are those that this has read in it.
    ``before_reserving`` is called with the payments: what is written there keeps nobody waiting, as everything
    after the posting does, which locks the escrow account until the transaction ends.

    :raises LacksApprovals: if a payment needs more approvers than signed
    :raises ApproverIsInitiator: if the initiator is among the approvers
    :raises InsufficientFunds: if escrow holds less than the sum
    :raises Refusal: whatever ``orders.examine_approved`` refuses
    """
    if any(order.type != TransactionType.DISTRIBUTION for order in wanted):
        raise ValueError("payouts are distributions; other payments are approved one by one")
    signers = _different(approvers)
    for order in wanted:
        if _lacks(order, signers):
            needed = approvals_required(order.type, order.amount)
            raise LacksApprovals(f"A payment of {order.amount} needs {needed} approvers.")
    _require_kept_open(wanted)
    return _make(
        wanted, keys=keys, initiator=initiator, approvers=approvers, at=at, bank_accounts=bank_accounts,
        before_reserving=before_reserving,
    )  # fmt: skip


def originate_refunds(
    wanted: Sequence[Order],
    *,
    keys: Sequence[str],
    initiator: User,
    approvers: Sequence[User],
    at: datetime,
) -> list[Transaction]:
    """
    Make the payments of refund items, reserve their money, and queue them; all or none.

    Like ``originate``, with two differences. Whether the initiator may ask for them was asked when the run
    was proposed, or the investor cancelled: they may have left since, and the money goes back all the same.
    And a payment that needs more approvers than the run has waits PENDING_APPROVAL for its own, with
    nothing reserved. Each order names its item; the database refuses a payment that is not its item's.

    :raises ApproverIsInitiator: if the initiator is among the approvers
    :raises EscrowNotOpen: if the escrow account is just being closed
    :raises InsufficientFunds: if escrow holds less than the sum
    :raises Refusal: whatever ``orders.examine_approved`` refuses
    """
    if any(order.type != TransactionType.REFUND or order.refund_item_id is None for order in wanted):
        raise ValueError("these are the payments of refund items and of nothing else")
    _require_kept_open(wanted)
    return _make(wanted, keys=keys, initiator=initiator, approvers=approvers, at=at)


def _require_kept_open(wanted: Sequence[Order]) -> None:
    """Keep the escrow accounts from being closed until the caller's transaction ends."""
    if not all(escrow_accounts.keep_open(account) for account in {order.escrow_account_id for order in wanted}):
        raise EscrowNotOpen("The escrow account is just being closed. Everybody is paid when it stays open.")


def _make(
    wanted: Sequence[Order],
    *,
    keys: Sequence[str],
    initiator: User,
    approvers: Sequence[User],
    at: datetime,
    bank_accounts: Mapping[UUID, BankAccount] = MappingProxyType({}),
    before_reserving: Callable[[Sequence[Transaction]], None] = lambda _: None,
) -> list[Transaction]:
    if any(approver.pk == initiator.pk for approver in approvers):
        raise transactions.ApproverIsInitiator("Nobody approves what they asked for.")
    with audit.acting("transaction.originate"), transaction.atomic():
        full_keys = [f"payout:{key}" for key in keys]
        known = {payment.idempotency_key: payment for payment in _existing(full_keys)}
        new = [(order, key) for order, key in zip(wanted, full_keys, strict=True) if key not in known]
        examined = orders.examine_approved([order for order, _ in new], known=bank_accounts)
        pattern = copying.Pattern(Transaction(initiated_by=initiator, created_at=at))
        signers = _different(approvers)
        made = [
            _new(pattern, order, parties, key=key, signers=signers, at=at)
            for (order, key), parties in zip(new, examined, strict=True)
        ]
        passed = _route(made, at=at)
        known.update({payment.idempotency_key: payment for payment in made})
        payments = [known[key] for key in full_keys]
        before_reserving(payments)
        reserved = [entries.reserved(payment, on=banking_date(at)) for payment in passed]
        ledger.post(reserved, by=initiator, at=at)
        bulk_submissions.wake(passed)
    return payments


def _existing(keys: Sequence[str]) -> list[Transaction]:
    return list(Transaction.objects.select_for_update(of=("self",), no_key=True).filter(idempotency_key__in=keys))


def _different(approvers: Sequence[User]) -> list[User]:
    """Return each of them once."""
    return list({approver.pk: approver for approver in approvers}.values())


def _lacks(order: Order, signers: Sequence[User]) -> bool:
    return len(signers) < approvals_required(order.type, order.amount)


def _new(
    pattern: copying.Pattern[Transaction],
    order: Order,
    parties: Parties,
    *,
    key: str,
    signers: Sequence[User],
    at: datetime,
) -> Transaction:
    """Build the row, signed by the run's approvers, unless they are fewer than it needs."""
    first, second = [*([] if _lacks(order, signers) else signers), None, None][:2]
    return pattern.row(
        related={
            "to_user": parties.party,
            "to_bank_account": parties.bank_account,
            "offering": parties.escrow_account.offering,
            "escrow_account": parties.escrow_account,
            "approved_by": first,
            "second_approved_by": second,
        },
        id=new_id(),
        type=order.type,
        payment_method=order.payment_method,
        amount=order.amount,
        net_amount=order.amount,
        currency=order.currency,
        distribution_id=order.distribution_id,
        refund_item_id=order.refund_item_id,
        replaces_id=order.replaces_id,
        idempotency_key=key,
        request_hash=order.content_hash,
        description=order.description,
        metadata=dict(order.metadata),
        approvals_required=approvals_required(order.type, order.amount),
        approved_at=at if first else None,
        second_approved_at=at if second else None,
    )


def _route(made: Sequence[Transaction], *, at: datetime) -> list[Transaction]:
    """Screen the payees and write the payments; return those that begin in the queue, whose money is to be reserved."""
    passed, others = [], []
    verdicts = screening.screen_many(made, at=at)
    for payment, verdict in zip(made, verdicts, strict=True):
        if verdict.status == CheckStatus.PASSED and payment.is_fully_approved:
            payment.mark_approved()
            payment.mark_queued()
            payment.is_reserved = True
            passed.append(payment)
        else:
            others.append((payment, verdict))
    copying.insert(Transaction, [*passed, *(payment for payment, _ in others)])
    screening.keep(verdicts)
    for payment, verdict in others:
        if verdict.status == CheckStatus.FAILED:
            transactions.refuse(payment, at=at)
        else:
            payment.mark_pending_approval(approvals=max(1, payment.approvals_required))
        payment.save()
    return passed
