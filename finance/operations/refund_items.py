"""
Refunds after they were written down: each follows its deposit and its payment, and is mended by people when blocked.

Where a refund goes changes only when one person names another verified account of its investor and a second
one agrees. When nobody waits any more the run completes, with its report.
"""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from escrow.operations.escrow_accounts import require_reason
from finance import refund_clock
from finance.models import BankAccount, RefundItem, RefundRun, Transaction
from finance.models.transactions import PaymentMethod, TransactionStatus
from finance.operations import refund_runs, transactions
from finance.operations.orders import BankAccountNotUsable, require_usable
from finance.queries import refund_figures
from finance.queries import refund_runs as queries
from realco import audit, copying, permissions, stopping_points
from realco.business_days import banking_date
from realco.errors import IllegalTransition, NotPermitted
from realco.models import User

Status = RefundItem.Status
Obstacle = RefundItem.Obstacle
Payment = TransactionStatus
NOT_PAID = refund_figures.NOT_PAID
BATCH = 500


class ItemNotBlocked(IllegalTransition):
    """The refund waits for nobody; there is nothing to mend."""


class NoRedirection(IllegalTransition):
    """Nobody has named another account for this refund."""


class ApproverNamedAccount(NotPermitted):
    """Whoever named an account for a refund is not the one who agrees to it."""


class ApproverIsPayee(NotPermitted):
    """Nobody decides where their own refund goes."""


def follow(payment_id: UUID, *, at: datetime) -> RefundItem | None:
    """
    Bring the refund of a deposit, or the refund that a payment pays, to where the payment is.

    Harmless when repeated, and for payments that have nothing to do with a refund: then None.
    """
    row = RefundItem.objects.filter(Q(deposit=payment_id) | Q(payment=payment_id)).only("id", "run_id").first()
    if row is None:
        return None
    follow_many(row.run_id, item_ids=[row.pk], at=at)
    return RefundItem.objects.get(pk=row.pk)


def follow_many(run_id: UUID, *, item_ids: list[UUID], at: datetime) -> int:
    """Bring some items of a run to where their payments are, in one transaction; return how many moved."""
    with audit.acting("refund_run.follow"), transaction.atomic():
        run = refund_runs.lock(run_id)
        items = list(run.items.filter(pk__in=item_ids).select_related("deposit", "payment").order_by("pk"))
        arrived = queries.arrived(item_ids)
        moved = [item for item in items if _catch_up(item, arrived=arrived[item.pk], at=at)]
        for item in moved:
            item.updated_at = at
        copying.update(moved, _FOLLOWED)
        if moved:
            finish(run, at=at)
            stopping_points.reach("refund_run.follow.before_commit")
    return len(moved)


def reconsider(run_id: UUID, *, at: datetime) -> int:
    """Make blocked items due again whose obstacle is gone, and return how many."""
    with audit.acting("refund_run.reconsider"), transaction.atomic():
        run = refund_runs.lock(run_id)
        freed = list(queries.unblocked(run))
        for item in freed:
            item.mark_due(promised_by=run.promised_by)
            item.updated_at = at
        copying.update(freed, _FOLLOWED)
    return len(freed)


def finish(run: RefundRun, *, at: datetime) -> None:
    """
    Give a locked run the status that its items add up to.

    It is COMPLETED when every item is paid or has nothing left, and no deposit is under way; a bank's late
    return opens it again.
    """
    is_waiting = run.items.exclude(status__in=refund_figures.OVER).exists()
    if run.status == RefundRun.Status.COMPLETED and is_waiting:
        run.mark_running(at=at)
    elif run.status == RefundRun.Status.RUNNING and not is_waiting and not _more_to_come(run):
        run.mark_completed(report=queries.report(run, at=at), at=at)
    else:
        return
    run.save()


def redirect(item: RefundItem, *, bank_account: BankAccount | None, by: User, reason: str, at: datetime) -> RefundItem:
    """
    Name another verified account of the investor for a blocked refund, or none to pay by check.

    It is paid there after another person has agreed.

    :raises NotPermitted: if the person may not propose refund runs
    :raises ReasonMissing: if no reason is given
    :raises ApproverIsPayee: if it is their own refund
    :raises ItemNotBlocked: if the refund is not blocked
    :raises BankAccountNotUsable: if the account is not the investor's own and verified
    """
    permissions.require(by, permissions.PROPOSE_REFUND_RUN)
    require_reason(reason)
    with audit.acting("refund_item.redirect", by=by, reason=reason), transaction.atomic():
        item = _lock(item)
        _require_blocked(item, by)
        if bank_account is not None:
            _require_own(bank_account, item)
        item.redirected_to = bank_account
        item.redirected_by = by
        item.redirect_reason = reason.strip()
        item.redirect_approved_by = None
        item.updated_at = at
        item.save()
    return item


def approve_redirection(item: RefundItem, *, approver: User, at: datetime) -> RefundItem:
    """
    Agree to the account that somebody else has named for a blocked refund; it is due again.

    :raises NotPermitted: if the approver may not approve refund runs
    :raises ApproverIsPayee: if it is their own refund
    :raises NoRedirection: if nobody has named an account
    :raises ApproverNamedAccount: if they named it themselves
    :raises ItemNotBlocked: if the refund is not blocked (any more)
    :raises BankAccountNotUsable: if the account is no longer verified
    """
    permissions.require(approver, permissions.APPROVE_REFUND_RUN)
    with audit.acting("refund_item.approve_redirection", by=approver), transaction.atomic():
        item = _lock(item)
        _require_blocked(item, approver)
        if item.redirected_by_id is None or item.redirect_approved_by_id is not None:
            raise NoRedirection("Nobody has named another account for this refund; name one first.")
        if item.redirected_by_id == approver.pk:
            raise ApproverNamedAccount("You named this account; another person has to agree to it.")
        if item.redirected_to is not None:
            _require_own(item.redirected_to, item)
        item.redirect_approved_by = approver
        item.bank_account = item.redirected_to
        item.method = PaymentMethod.CHECK if item.redirected_to is None else PaymentMethod.ACH
        _make_due(item, by=approver, at=at)
    return item


def retry(item: RefundItem, *, by: User, reason: str, at: datetime) -> RefundItem:
    """
    Try a blocked refund again where it was to go, because what blocked it is settled.

    :raises NotPermitted: if the person may not retry payments
    :raises ReasonMissing: if no reason is given
    :raises ApproverIsPayee: if it is their own refund
    :raises ItemNotBlocked: if the refund is not blocked
    """
    permissions.require(by, permissions.RETRY_PAYMENT)
    require_reason(reason)
    with audit.acting("refund_item.retry", by=by, reason=reason), transaction.atomic():
        item = _lock(item)
        _require_blocked(item, by)
        _make_due(item, by=by, at=at)
    return item


def _lock(item: RefundItem) -> RefundItem:
    """Lock the item's run, its payment and then the item, as a payment that is tried again does."""
    refund_runs.lock(item.run_id)
    payment_id = RefundItem.objects.values_list("payment_id", flat=True).get(pk=item.pk)
    if payment_id is not None:
        transactions.lock(payment_id)
    return (
        RefundItem.objects.select_for_update(of=("self",), no_key=True)
        .select_related("run", "investor", "payment", "bank_account", "redirected_to__organization")
        .get(pk=item.pk)
    )


def _require_blocked(item: RefundItem, by: User) -> None:
    if item.investor_id == by.pk:
        raise ApproverIsPayee("This is your own refund; somebody else decides about it.")
    if item.status != Status.BLOCKED:
        raise ItemNotBlocked(f"This refund is {item.get_status_display().lower()}, not blocked.")


def _require_own(account: BankAccount, item: RefundItem) -> None:
    if account.owner_id != item.investor_id:
        raise BankAccountNotUsable(f"There is no such bank account of {item.investor}.")
    require_usable(account, to_debit=False)


def _make_due(item: RefundItem, *, by: User, at: datetime) -> None:
    """Let a new payment be made; the one that failed cannot be tried again beside it."""
    old = item.payment
    if old is not None and old.status == Payment.FAILED:
        transactions.cancel_failed(old, by=by, reason="Paid by a new payment instead", at=at)
    item.mark_due(promised_by=item.run.promised_by)
    item.updated_at = at
    item.save()


def _catch_up(item: RefundItem, *, arrived: Decimal, at: datetime) -> bool:
    """Bring an item of a locked run to where its deposit and its payment are; return whether it moved."""
    deposit, payment = item.deposit, item.payment
    if item.status == Status.WAITING_TO_CLEAR and deposit is not None:
        if deposit.status == Payment.COMPLETED:
            item.mark_due(promised_by=_promised_by(item.run, deposit.completed_at or at))
        elif deposit.status in NOT_PAID:
            item.mark_nothing_left(note=_why(deposit, "The deposit did not arrive"))
        return str(item.status) != Status.WAITING_TO_CLEAR
    if payment is None:
        return False
    if payment.status == Payment.COMPLETED and item.status == Status.PAYING:
        if arrived + item.kept_amount == item.amount:
            item.mark_paid(at=payment.completed_at or at)
        else:
            item.mark_due(promised_by=item.run.promised_by)
    elif payment.status in NOT_PAID and item.status in (Status.PAYING, Status.PAID):
        item.mark_blocked(obstacle=Obstacle.BANK, note=_why(payment, "The refund did not arrive"))
    elif payment.status not in NOT_PAID and item.status == Status.BLOCKED and item.obstacle == Obstacle.BANK:
        item.mark_paying(payment=payment)
    else:
        return False
    return True


def _promised_by(run: RefundRun, cleared_at: datetime) -> date:
    return max(run.promised_by, refund_clock.promised_by(banking_date(cleared_at)))


def _more_to_come(run: RefundRun) -> bool:
    """Whether money of a whole offering is still at the bank, or there without an item."""
    return run.is_whole_offering and refund_figures.has_more(run)


def _why(payment: Transaction, otherwise: str) -> str:
    """Say in words why a payment did not arrive."""
    said = payment.cancelled_reason if payment.status == Payment.CANCELLED else payment.failure_message
    return f"{otherwise}: {payment.failure_code} {said}".replace("  ", " ").strip()[:300]


_FOLLOWED = ("status", "obstacle", "note", "kept_amount", "payment_id", "promised_by", "paid_at", "updated_at")
