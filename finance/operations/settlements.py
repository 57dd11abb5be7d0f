"""
A payment's way through the bank: sent, accepted, settled, failed, returned, cleared.

Sending is three steps, and only the middle one is outside the database: reserve the attempt and
commit, ask the provider with a key made from our row, record the answer. A worker that dies
between two steps leaves a row that a sweep finds; nothing is sent again before the provider has
been asked what it knows. What the bank reports is recorded once for each attempt, in whatever
order and however often it is said.
"""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from compliance.models import InvestorProfile
from escrow.models import EscrowAccount, JournalEntry, LedgerAccount
from escrow.operations import ledger
from escrow.operations.investments import OfferingNotOpen
from escrow.operations.ledger import EscrowNotOpen
from escrow.queries.balances import balance
from finance import entries, return_codes
from finance.gateways import registry
from finance.gateways.interface import Answer, Submission
from finance.models import Transaction, TransactionAttempt
from finance.models.transaction_attempts import AttemptOutcome
from finance.models.transactions import TransactionStatus as Status
from finance.models.transactions import TransactionType
from finance.operations import bank_accounts, reservations, retries, transactions
from finance.operations.orders import BankAccountNotUsable, require_escrow_open, require_raising, require_usable
from finance.settlement_times import clears_on
from realco import audit, events, stopping_points
from realco.business_days import banking_date
from realco.errors import ProviderUnavailable, Refusal

Outcome = TransactionAttempt.Outcome
_SETTLED = ("status", "settled_at", "clears_on", "is_reserved", "updated_at")
"""What accepting and settling change; writing a whole row would ask every rule of all its columns."""


class EventBeforeItsTime(Refusal):
    """The bank reports something about a payment that is not so far yet; it is tried again later."""

    code = "INVALID_STATE_TRANSITION"


def process(payment_id: UUID, *, at: datetime) -> None:
    """
    Send a queued payment to the bank. Does nothing if it is not queued (any more), or half of a movement.

    Outbound payments of a frozen escrow account stay queued; those whose party is restricted or has to be
    identified anew, whose bank account is no longer usable, whose escrow account is being emptied, or
    whose offering no longer takes deposits go on hold.
    """
    stopping_points.reach("finance.process.before_begin")
    attempt = _begin(payment_id, at=at)
    if attempt is None:
        return
    stopping_points.reach("finance.process.after_begin")
    _send(attempt, at=at)
    stopping_points.reach("finance.process.after_record")


def _begin(payment_id: UUID, *, at: datetime) -> TransactionAttempt | None:
    """Mark the payment as being processed and note the attempt; committed before anything is sent."""
    with audit.acting("transaction.process"), transaction.atomic(durable=True):
        payment = transactions.lock(payment_id)
        if payment.status != Status.QUEUED or payment.is_half:
            return None
        if payment.is_outbound and payment.escrow_account.status == EscrowAccount.Status.FROZEN:
            return None
        profile = InvestorProfile.objects.filter(user=payment.party).first()
        reason = obstacle(payment, profile, at=at)
        if reason:
            payment.mark_on_hold(reason=reason[:300])
            payment.save()
            return None
        payment.mark_processing(at=at)
        payment.save(update_fields=["status", "processed_at", "updated_at"])
        attempt = attempt_of(payment, at=at)
        attempt.save(force_insert=True)
        return attempt


def attempt_of(payment: Transaction, *, at: datetime) -> TransactionAttempt:
    """Return the row, not saved yet, that a payment's present attempt is noted in before it is sent."""
    return TransactionAttempt(
        payment=payment,
        number=payment.retry_count,
        provider=settings.PAYMENT_GATEWAY,
        idempotency_key=payment.attempt_key,
        sent_at=at,
    )


def obstacle_of(profile: InvestorProfile | None, *, at: datetime) -> str:
    """Return what compliance has against a party now, or nothing; in words for staff alone."""
    if profile is not None and profile.is_restricted:
        return f"{profile} is restricted: {profile.restriction_reason}"
    if profile is not None and not profile.is_identified(at):
        return f"The identity of {profile} has to be checked again; a name may have changed since this was screened."
    return ""


def obstacle(payment: Transaction, profile: InvestorProfile | None, *, at: datetime) -> str:
    """Return why a queued payment may not go to the bank after all, or nothing; ``profile`` is its party's."""
    if found := obstacle_of(profile, at=at):
        return found
    account = payment.from_bank_account or payment.to_bank_account
    try:
        if payment.escrow_account.status != EscrowAccount.Status.FROZEN:
            require_escrow_open(payment.escrow_account, payment.type)
        if payment.type == TransactionType.DEPOSIT:
            require_raising(payment.escrow_account.offering)
        if account is not None:
            require_usable(account, to_debit=payment.is_inbound)
    except (EscrowNotOpen, OfferingNotOpen, BankAccountNotUsable) as refusal:
        return refusal.message
    return ""


def _send(attempt: TransactionAttempt, *, at: datetime) -> None:
    """Ask the provider and record its answer."""
    payment = Transaction.objects.select_related(
        "escrow_account", "from_bank_account", "to_bank_account", "from_user", "to_user"
    ).get(pk=attempt.payment_id)
    answer = ask(payment, attempt, at=at)
    if answer is not None:
        record_answer(attempt.idempotency_key, answer, at=at)


def ask(payment: Transaction, attempt: TransactionAttempt, *, at: datetime) -> Answer | None:
    """
    Ask the provider for an attempt, outside any database transaction, and return its answer.

    None if nobody knows the outcome; then the payment is on hold until the provider has been asked about it.
    """
    try:
        answer = registry.named(attempt.provider).submit(submission(payment, attempt), at=at)
    except ProviderUnavailable as failure:
        _record_unknown(attempt, str(failure), at=at)
        return None
    stopping_points.reach("finance.process.after_submit")
    return answer


def submission(payment: Transaction, attempt: TransactionAttempt) -> Submission:
    """Return what the provider is asked for in an attempt."""
    account = payment.from_bank_account if payment.is_inbound else payment.to_bank_account
    return Submission(
        idempotency_key=attempt.idempotency_key,
        reference_text=payment.description[:80],
        external_account_id=payment.escrow_account.external_account_id,
        method=payment.payment_method,
        direction="IN" if payment.is_inbound else "OUT",
        amount=payment.amount if payment.is_inbound else payment.net_amount,
        currency=payment.currency,
        account_number=account.account_number if account else "",
        routing_number=account.routing_number if account else "",
        counterparty=account.holder_name if account else str(payment.party),
        attempt=attempt.number,
    )


def _record_unknown(attempt: TransactionAttempt, message: str, *, at: datetime) -> None:
    """Nobody knows whether the bank took it: hold it, and ask before anything else."""
    with audit.acting("transaction.lose_answer", reason=message), transaction.atomic():
        payment = transactions.lock(attempt.payment_id)
        TransactionAttempt.objects.filter(pk=attempt.pk, outcome=Outcome.SENDING).update(
            outcome=Outcome.UNKNOWN, message=message[:500], answered_at=at
        )
        if payment.status == Status.PROCESSING:
            payment.mark_on_hold(reason=f"{transactions.OUTCOME_UNKNOWN}: {message}"[:300])
            payment.save()


def resolve_unknown(payment_id: UUID, *, at: datetime) -> bool:
    """
    Ask the bank what became of a payment whose answer we never recorded; return whether it is resolved.

    What the bank knows is recorded. What it never received is sent again under the same key, so
    that an answer that was merely slow cannot make it two. The provider asked is the one it was
    sent to, whichever is in use by now.
    """
    attempt = (
        TransactionAttempt.objects.filter(payment_id=payment_id, number=F("payment__retry_count"))
        .select_related("payment")
        .first()
    )
    if attempt is None or not waits_for_answer(attempt.payment):
        return False
    try:
        answer = registry.named(attempt.provider).lookup(attempt.idempotency_key, at=at)
    except ProviderUnavailable:
        return False
    if answer is not None:
        record_answer(attempt.idempotency_key, answer, at=at)
    else:
        _send(attempt, at=at)
    return not waits_for_answer(Transaction.objects.get(pk=payment_id))


def waits_for_answer(payment: Transaction) -> bool:
    """Whether the provider was asked for a payment and its answer is not known."""
    return payment.status == Status.PROCESSING or (
        payment.status == Status.ON_HOLD and payment.held_from == Status.PROCESSING
    )


def record_answer(attempt_key: str, answer: Answer, *, at: datetime) -> None:
    """Record what the bank answered to a submission; a second time, or too late, changes nothing."""
    on = answer.effective_date or banking_date(at)
    with audit.acting("transaction.record_answer", reason=answer.message), transaction.atomic():
        attempt, payment = _lock_attempt(attempt_key)
        if attempt.number != payment.retry_count or not waits_for_answer(payment):
            return
        if payment.status == Status.ON_HOLD:
            payment.mark_released()
            payment.hold_reason = ""
            payment.save()
        attempt.provider_reference = answer.provider_reference
        attempt.answered_at = at
        if answer.outcome == "REFUSED":
            _fail(attempt, payment, code=answer.code, message=answer.message, outcome=Outcome.REFUSED, on=on, at=at)
            return
        if payment.is_inbound:
            accepted = entries.accepted(payment, bank_reference=answer.provider_reference, on=on)
            ledger.post([accepted], by=None, at=at)
        payment.mark_pending_settlement()
        attempt.outcome = Outcome.ACCEPTED
        if answer.outcome == "SETTLED":
            _settle(attempt, payment, on=on, at=at)
        payment.save(update_fields=_SETTLED)
        attempt.save()


def record_settled(attempt_key: str, *, effective_date: date, at: datetime) -> None:
    """
    Record that an attempt's money has arrived at its bank.

    :raises EventBeforeItsTime: if its acceptance has not been recorded yet
    """
    with audit.acting("transaction.settle"), transaction.atomic():
        attempt, payment = _lock_attempt(attempt_key)
        if attempt.outcome in (Outcome.SETTLED, Outcome.RETURNED, Outcome.FAILED, Outcome.REFUSED):
            return
        _require_current(attempt, payment, Status.PENDING_SETTLEMENT)
        _settle(attempt, payment, on=effective_date, at=at)
        payment.save(update_fields=_SETTLED)
        attempt.save(update_fields=["outcome"])


def _settle(attempt: TransactionAttempt, payment: Transaction, *, on: date, at: datetime) -> None:
    ledger.post([entries.settled(payment, bank_reference=attempt.provider_reference, on=on)], by=None, at=at)
    payment.mark_settled(at=at, clears_on=clears_on(payment, settled_on=on))
    payment.is_reserved = False
    attempt.outcome = Outcome.SETTLED
    events.publish("finance.transaction.settled", payment_id=payment.pk)


def record_failed(attempt_key: str, *, code: str, message: str, effective_date: date, at: datetime) -> None:
    """
    Record that the bank could not carry an attempt out, before its money settled.

    :raises EventBeforeItsTime: if its acceptance has not been recorded yet
    """
    with audit.acting("transaction.fail", reason=f"{code} {message}".strip()), transaction.atomic():
        attempt, payment = _lock_attempt(attempt_key)
        if attempt.outcome in (Outcome.FAILED, Outcome.REFUSED, Outcome.RETURNED, Outcome.SETTLED):
            return
        _require_current(attempt, payment, Status.PENDING_SETTLEMENT)
        if payment.is_inbound:
            failed = entries.failed(payment, bank_reference=attempt.provider_reference, on=effective_date)
            ledger.post([failed], by=None, at=at)
        _fail(attempt, payment, code=code, message=message, outcome=Outcome.FAILED, on=effective_date, at=at)


def _fail(
    attempt: TransactionAttempt,
    payment: Transaction,
    *,
    code: str,
    message: str,
    outcome: AttemptOutcome,
    on: date,
    at: datetime,
) -> None:
    """Mark the failure, and either plan the next attempt or free the money."""
    attempt.outcome = outcome
    attempt.code = code
    attempt.message = message[:500]
    attempt.save()
    payment.mark_failed(code=code, message=(message or return_codes.meaning(code))[:500], at=at)
    payment.save()
    if not retries.plan(payment, code=code, at=at):
        reservations.unreserve(payment, by=None, at=at)
        payment.save()
        events.publish("finance.transaction.failed", payment_id=payment.pk)
    # After the ledger: a bank account is locked after the escrow account, here as in a return.
    bank_accounts.follow_return_code(payment, code=code, at=at)


def record_returned(attempt_key: str, *, code: str, message: str, effective_date: date, at: datetime) -> None:
    """
    Record that a bank sent settled money back.

    Before clearing it is taken from the payer's uncleared money, after it from what the payer
    still has; what is no longer there becomes a receivable. A returned payout goes back to where
    it came from.

    :raises EventBeforeItsTime: if its settlement has not been recorded yet
    """
    with audit.acting("transaction.return", reason=f"{code} {message}".strip()), transaction.atomic():
        attempt, payment = _lock_attempt(attempt_key)
        if attempt.outcome in (Outcome.RETURNED, Outcome.FAILED, Outcome.REFUSED):
            return
        _require_current(attempt, payment, Status.SETTLED, Status.COMPLETED)
        was_cleared = payment.status == Status.COMPLETED
        posting = entries.returned(
            payment,
            bank_reference=attempt.provider_reference,
            left=_left(payment) if payment.is_inbound and was_cleared else Decimal("0.00"),
            was_cleared=was_cleared,
            on=effective_date,
            fee_was_returned=JournalEntry.objects.filter(reference=entries.fee_reference(payment.pk)).exists(),
        )
        ledger.post([posting], by=None, at=at)
        payment.mark_reversed(code=code, message=(message or return_codes.meaning(code))[:500], at=at)
        payment.save()
        attempt.outcome = Outcome.RETURNED
        attempt.code = code
        attempt.message = message[:500]
        attempt.save()
        bank_accounts.follow_return_code(payment, code=code, at=at)
        events.publish("finance.transaction.reversed", payment_id=payment.pk)


def _left(payment: Transaction) -> Decimal:
    """Return what is left of the account a cleared payment was credited to, with the escrow account locked."""
    EscrowAccount.objects.select_for_update(no_key=True).get(pk=payment.escrow_account_id)
    if entries.goes_to_offering(payment):
        return balance(payment.escrow_account_id, LedgerAccount.Kind.OFFERING)
    return balance(payment.escrow_account_id, LedgerAccount.Kind.INVESTOR, payment.from_user_id)


def clear(payment_id: UUID, *, at: datetime) -> bool:
    """
    Complete a settled payment whose return window has passed; return whether it is complete now.

    Inbound money becomes the payer's refundable balance (the offering's, when the sponsor paid it
    in), less the fee; what the payer owes from an earlier return is settled first.
    """
    today = banking_date(at)
    with audit.acting("transaction.clear"), transaction.atomic():
        payment = _lock_row(payment_id)
        if payment.status != Status.SETTLED or payment.clears_on is None or payment.clears_on > today:
            return bool(payment.status == Status.COMPLETED)
        if payment.is_inbound:
            EscrowAccount.objects.select_for_update(no_key=True).get(pk=payment.escrow_account_id)
            owed = balance(payment.escrow_account_id, LedgerAccount.Kind.RECEIVABLE, payment.from_user_id)
            ledger.post([entries.cleared(payment, owed=owed, on=payment.clears_on)], by=None, at=at)
        payment.mark_completed(at=at)
        payment.save(update_fields=["status", "completed_at", "updated_at"])
        events.publish("finance.transaction.completed", payment_id=payment.pk)
        stopping_points.reach("clearing.before_commit")
    return True


def _lock_attempt(attempt_key: str) -> tuple[TransactionAttempt, Transaction]:
    """Return an attempt and its payment, the payment locked first."""
    payment = _lock_row(
        TransactionAttempt.objects.values_list("payment_id", flat=True).get(idempotency_key=attempt_key)
    )
    return TransactionAttempt.objects.get(idempotency_key=attempt_key), payment


def _lock_row(payment_id: UUID) -> Transaction:
    """Lock a payment without the rows around it: what a bank tells thousands of times a day needs none of them."""
    return Transaction.objects.select_for_update(no_key=True).get(pk=payment_id)


def _require_current(attempt: TransactionAttempt, payment: Transaction, *statuses: str) -> None:
    if attempt.number != payment.retry_count or payment.status not in statuses:
        raise EventBeforeItsTime(
            f"The bank reports on attempt {attempt.number} of a payment that is"
            f" {payment.get_status_display().lower()} in attempt {payment.retry_count}; it is tried again later."
        )
