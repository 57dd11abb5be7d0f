"""
Money moved between two of our own escrow accounts: two payments, the halves, that share their fate.

One half is a distribution payment that leaves the first account, the other a deposit of the same investor into
the second; no bank account and no fee. They are made in one transaction, the bank is asked for both with
one request outside of any, and what it answers is recorded for both in another. Whatever stands
against one half gives up both, and the database refuses any commit that would leave them apart.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance.models import CheckStatus, InvestorProfile
from compliance.operations import gate
from escrow.models import EscrowAccount
from escrow.operations import escrow_accounts
from escrow.operations.investments import OfferingNotOpen
from escrow.operations.ledger import EscrowNotOpen
from finance.gateways import registry
from finance.models import Transaction, TransactionAttempt
from finance.models.transactions import TransactionStatus as Status
from finance.models.transactions import approvals_required
from finance.operations import (
    commitments,
    internal_settlements,
    locks,
    movements,
    orders,
    reservations,
    screening,
    settlements,
    transactions,
)
from finance.operations.movements import Movement
from finance.operations.orders import Order
from finance.operations.screening import facts
from realco import audit, queue, stopping_points
from realco.business_days import banking_date
from realco.errors import ProviderUnavailable
from realco.models import Offering, User

Outcome = TransactionAttempt.Outcome
KEY = "movement"
NEEDS_REVIEW = "Our compliance staff has to look at this first."
Attempts = Mapping[UUID, TransactionAttempt]


def lock_parties(people: Collection[UUID], *, source_id: UUID, offerings: Collection[UUID]) -> None:
    """
    Lock the investors, the account that the money leaves, and the target offerings, in the order of ``locks``.

    A deposit locks its investor, then its offering; whoever makes many of them in one transaction does so for
    all of them before the first, so that two who do cannot wait for one another. The account comes before
    offerings, because whoever cancels deposits of the target holds both accounts when it locks that offering.
    """
    list(User.objects.select_for_update(no_key=True).filter(pk__in=people).order_by("pk").values_list("pk"))
    locks.accounts([source_id])
    list(Offering.objects.select_for_update(no_key=True).filter(pk__in=offerings).order_by("pk").values_list("pk"))


def originate(
    leaving: Order, coming: Order, *, key: str, initiator: User, approvers: Collection[User], at: datetime
) -> Movement:
    """
    Make both halves of a movement that people have approved, reserve the money and queue them; or refuse both.

    The deposit is its investor's own: it keeps every rule of a deposit (state of the offering, deadline, limits,
    minimum, maximum) but the fee, and commits what it brings. An investor who does not pass the screening leaves
    both halves CANCELLED with their checks; everything else that is refused leaves nothing behind.

    :raises Refusal: whatever ``orders.examine_approved``, the limits or the commitment refuse
    :raises EscrowNotOpen: if either escrow account is frozen, closed or just being closed
    :raises OfferingNotOpen: if the target takes no deposits
    """
    with audit.acting("internal_transfer.originate"), transaction.atomic():
        [source] = orders.examine_approved([leaving])
        target = _target(coming, at=at)
        signers = [*approvers][:2]
        movement = Movement(
            _half(leaving, source.escrow_account, key=f"{KEY}:{key}:out", initiator=initiator, signers=signers, at=at),
            _half(coming, target, key=f"{KEY}:{key}:in", initiator=source.party, signers=signers, at=at),
        )
        movement.leaving.to_user = movement.coming.from_user = source.party
        movement.leaving.counterpart_id, movement.coming.counterpart_id = movement.coming.pk, movement.leaving.pk
        lock_parties([source.party.pk], source_id=leaving.escrow_account_id, offerings=[target.offering_id])
        profile = InvestorProfile.objects.filter(user=source.party).first()
        gate.require_within_limits(facts(movement.coming, at=at), profile, on=banking_date(at))
        verdicts = screening.screen_many(movement.halves, at=at)
        is_passed = all(verdict.is_passed for verdict in verdicts)
        if is_passed:
            commitments.commit_the_rest(movement.coming, at=at)
        for half in movement.halves:
            half.save(force_insert=True)
        screening.keep(verdicts)
        if is_passed:
            _queue(movement, at=at)
        else:
            is_refused = any(verdict.status == CheckStatus.FAILED for verdict in verdicts)
            _refuse(movement, transactions.NOT_POSSIBLE if is_refused else NEEDS_REVIEW, at=at)
    return movement


def _target(coming: Order, *, at: datetime) -> EscrowAccount:
    if not escrow_accounts.keep_open(coming.escrow_account_id):
        raise EscrowNotOpen("The escrow account of the other offering is just being closed.")
    account = EscrowAccount.objects.select_related("offering").get(pk=coming.escrow_account_id)
    orders.require_escrow_open(account, coming.type)
    orders.require_offering_open(coming, account.offering, at=at)
    return account


def _half(
    order: Order, account: EscrowAccount, *, key: str, initiator: User, signers: list[User], at: datetime
) -> Transaction:
    """Build one half, signed by as many of the signers as a payment of this kind and size needs."""
    needed = approvals_required(order.type, order.amount)
    first, second = [*signers[:needed], None, None][:2]
    return Transaction(
        type=order.type,
        payment_method=order.payment_method,
        amount=order.amount,
        net_amount=order.amount,
        currency=order.currency,
        offering=account.offering,
        escrow_account=account,
        distribution_id=order.distribution_id,
        idempotency_key=key,
        request_hash=order.content_hash,
        description=order.description,
        metadata=dict(order.metadata),
        approvals_required=needed,
        initiated_by=initiator,
        approved_by=first,
        approved_at=at if first else None,
        second_approved_by=second,
        second_approved_at=at if second else None,
        created_at=at,
    )


def _queue(movement: Movement, *, at: datetime) -> None:
    for half in movement.halves:
        half.mark_queued()
    reservations.reserve(movement.leaving, by=movement.leaving.initiated_by, at=at)
    movements.save(movement)
    queue.enqueue("finance.process_transaction", payment_id=movement.leaving.pk)


def _refuse(movement: Movement, reason: str, *, at: datetime) -> None:
    for half in movement.halves:
        half.failure_code, half.failure_message = transactions.COMPLIANCE, reason
        half.mark_cancelled(reason=reason, at=at)
    movements.save(movement)


def process(payment_id: UUID, *, at: datetime) -> bool:
    """
    Have the bank move the money of a queued movement; return whether it is no longer queued.

    It waits while the account that the money leaves is frozen. Whatever else stands against either half by now
    (a target that is frozen, closed or takes no deposits any more, a restricted investor) cancels both.
    """
    stopping_points.reach("movement.before_begin")
    begun = _begin(payment_id, at=at)
    if begun is None:
        return not Transaction.objects.filter(pk=payment_id, status=Status.QUEUED).exists()
    stopping_points.reach("movement.after_begin")
    _ask(*begun, at=at)
    return True


def _begin(payment_id: UUID, *, at: datetime) -> tuple[Movement, Attempts] | None:
    """Mark both halves as being processed and note their attempts; committed before the bank is asked."""
    with audit.acting("internal_transfer.process"), transaction.atomic(durable=True):
        movement = movements.lock(payment_id)
        is_frozen = movement.leaving.escrow_account.status == EscrowAccount.Status.FROZEN
        if movement.leaving.status != Status.QUEUED or is_frozen:
            return None
        profile = InvestorProfile.objects.filter(user=movement.coming.from_user).first()
        if known := settlements.obstacle_of(profile, at=at):
            _give_up(movement, known, at=at)
            return None
        if obstacle := _obstacle(movement, profile, at=at):
            transactions.cancel_queued(movement.leaving, reason=obstacle, at=at)
            return None
        for half in movement.halves:
            half.mark_processing(at=at)
            half.save(update_fields=["status", "processed_at", "updated_at"])
        attempts = {half.pk: settlements.attempt_of(half, at=at) for half in movement.halves}
        TransactionAttempt.objects.bulk_create(attempts.values())
    return movement, attempts


def _give_up(movement: Movement, known: str, *, at: datetime) -> None:
    """Cancel both halves for what compliance has against their investor, who is not told what that is."""
    for half in movement.halves:
        half.internal_memo = f"{half.internal_memo}\n{known}".strip()
        half.save(update_fields=["internal_memo", "updated_at"])
    with audit.acting(reason=known):
        transactions.cancel_queued(movement.leaving, reason=transactions.NOT_POSSIBLE, at=at)


def _obstacle(movement: Movement, profile: InvestorProfile | None, *, at: datetime) -> str:
    coming = movement.coming
    try:
        orders.require_escrow_open(coming.escrow_account, coming.type)
        orders.require_raising(coming.escrow_account.offering, at=at)
    except (EscrowNotOpen, OfferingNotOpen) as refusal:
        return refusal.message
    return next(filter(None, (settlements.obstacle(half, profile, at=at) for half in movement.halves)), "")


def _ask(movement: Movement, attempts: Attempts, *, at: datetime) -> None:
    """Ask for both halves with one request, outside of any transaction, and record the answer for both."""
    leaving, coming = movement.halves
    provider = registry.named(attempts[leaving.pk].provider)
    try:
        answers = provider.move(
            settlements.submission(leaving, attempts[leaving.pk]),
            settlements.submission(coming, attempts[coming.pk]),
            at=at,
        )
    except ProviderUnavailable as failure:
        _record_unknown(leaving.pk, str(failure), at=at)
        return
    stopping_points.reach("movement.after_ask")
    internal_settlements.record_answers(leaving.pk, answers, at=at)


def _record_unknown(payment_id: UUID, message: str, *, at: datetime) -> None:
    """Nobody knows whether the bank moved it: hold both, and ask before anything else."""
    with audit.acting("internal_transfer.lose_answer", reason=message), transaction.atomic():
        movement = movements.lock(payment_id)
        for half, attempt in zip(movement.halves, movements.attempts(movement), strict=True):
            if attempt.outcome == Outcome.SENDING:
                attempt.outcome, attempt.message, attempt.answered_at = Outcome.UNKNOWN, message[:500], at
                attempt.save()
            if half.status == Status.PROCESSING:
                half.mark_on_hold(reason=f"{transactions.OUTCOME_UNKNOWN}: {message}"[:300])
                half.save()


def resolve_unknown(payment_id: UUID, *, at: datetime) -> bool:
    """
    Ask the bank what became of a movement whose answer was never recorded; return whether it is resolved.

    What it never received is asked for again under the same keys.
    """
    movement = movements.read(payment_id)
    if not settlements.waits_for_answer(movement.leaving):
        return False
    attempts = dict(zip([half.pk for half in movement.halves], movements.attempts(movement), strict=True))
    provider = registry.named(attempts[movement.leaving.pk].provider)
    try:
        known = [provider.lookup(attempts[half.pk].idempotency_key, at=at) for half in movement.halves]
    except ProviderUnavailable:
        return False
    if known[0] is not None and known[1] is not None:
        internal_settlements.record_answers(movement.leaving.pk, (known[0], known[1]), at=at)
    else:
        _ask(movement, attempts, at=at)
    return not settlements.waits_for_answer(Transaction.objects.get(pk=payment_id))
