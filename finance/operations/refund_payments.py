"""
Paying what a refund run owes: batch by batch, each in one database transaction, nobody twice.

The items are the queue. A run cut short anywhere goes on where it stopped: an item that has its payment is
no longer DUE, and the database holds all payments of an item below its amount. Who cannot be
paid now is BLOCKED with the reason, and the others go on.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction

from compliance.models import InvestorProfile
from escrow.models import EscrowAccount, LedgerAccount
from escrow.operations import escrow_accounts, ledger
from escrow.postings import Posting
from escrow.queries.balances import balance
from finance import entries
from finance.models import RefundItem, RefundRun, Transaction
from finance.models.transactions import PaymentMethod, TransactionStatus, TransactionType
from finance.operations import locks, payouts, refund_items, refund_runs, transactions
from finance.operations.orders import BankAccountNotUsable, Order, require_escrow_open, require_usable
from finance.queries import refund_figures
from finance.queries.refund_figures import Refund
from realco import audit, copying, stopping_points
from realco.business_days import banking_date
from realco.errors import Refusal
from realco.money import ZERO, format_money

Status = RefundItem.Status
Obstacle = RefundItem.Obstacle
Kind = LedgerAccount.Kind
BATCH = 200
NOT_THERE = "{} is no longer in escrow: it settled what the investor owed, or left before."
_MARK_PAYING = """
UPDATE refund_items i SET status = 'PAYING', payment_id = p.payment, obstacle = '', note = '', updated_at = %s
  FROM unnest(%s::uuid[], %s::uuid[]) AS p (item, payment) WHERE i.id = p.item
"""
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Purse:
    """What the items of a batch may still take, while they are dealt with one by one."""

    cleared: dict[UUID, Decimal]
    held: Mapping[UUID, Decimal]
    under_way: Mapping[UUID, Decimal]
    fees_returned: set[UUID]
    fees: Decimal


def resume(run_id: UUID, *, at: datetime) -> RefundRun:
    """
    Go on with a run: collect nothing more, take on what came late, pay whoever is due; harmless at any time.

    What stops all of it, such as a frozen escrow account, is noted on the run, and the sweep tries again.
    """
    try:
        take_on(run_id, at=at)
        while pay_some(run_id, at=at):
            stopping_points.reach("refund_run.between_batches")
    except Refusal as refusal:
        logger.warning("refund run %s is stopped: %s", run_id, refusal)
        _note(run_id, str(refusal))
    return RefundRun.objects.get(pk=run_id)


def take_on(run_id: UUID, *, at: datetime) -> int:
    """
    Stop what would still be collected for an offering that is over, and add what reached escrow all the same.

    A deposit asked for while the run was being approved is not in its figures, and neither is a receipt that was
    claimed later; their money goes back like the rest. Returns how many payments and items it touched.
    """
    with audit.acting("refund_run.take_on"), transaction.atomic():
        run = refund_runs.lock(run_id)
        if run.status != RefundRun.Status.RUNNING or not run.is_whole_offering:
            return 0
        deposits = Transaction.objects.filter(escrow_account=run.escrow_account_id, type__in=refund_figures.GIVEN_BACK)
        locks.unsent(deposits)
        account = escrow_accounts.lock(run.escrow_account_id)
        stopped = transactions.cancel_unsent(deposits, reason=refund_runs.RAISE_IS_OVER, at=at)
        late = _late(run, account) if refund_figures.has_more(run) else []
        refund_runs.add_items(run, late, at=at)
        if not late:
            refund_items.finish(run, at=at)
    return len(stopped) + len(late)


def pay_some(run_id: UUID, *, at: datetime) -> int:
    """
    Deal with the next items that are due, and return how many; 0 when none is left.

    :raises Refusal: whatever making the payments refuses; then none of this batch was made
    """
    with audit.acting("refund_run.pay"), transaction.atomic():
        run = refund_runs.lock(run_id)
        if run.status != RefundRun.Status.RUNNING:
            return 0
        account = escrow_accounts.lock(run.escrow_account_id)
        due = run.items.filter(status=Status.DUE).select_related(
            "investor", "bank_account__organization", "deposit", "payment"
        )
        items = list(due.order_by("pk")[:BATCH])
        if items:
            require_escrow_open(account, TransactionType.REFUND)
            _pay(run, items, at=at)
            _clear_note(run)
            stopping_points.reach("refund_run.before_batch_commits")
        else:
            refund_items.finish(run, at=at)
    return len(items)


def _late(run: RefundRun, account: EscrowAccount) -> list[Refund]:
    """Return what is to be given back and is neither in the run's figures nor among its items."""
    known = {row[0] for row in run.figures}
    busy = set(run.items.exclude(status__in=refund_figures.OVER).values_list("investor_id", flat=True))
    return [
        refund
        for refund in refund_figures.owed(account)
        if (refund.deposit is not None and str(refund.deposit.pk) not in known)
        or (refund.deposit is None and refund.investor_id not in busy)
    ]


def _pay(run: RefundRun, items: Sequence[RefundItem], *, at: datetime) -> None:
    """Give the fees back, make the payments, and mark the items, in the caller's transaction."""
    purse = _open_purse(run, items)
    obstacles = _obstacles(items)
    fees: list[Posting] = []
    payable: list[tuple[RefundItem, Decimal]] = []
    for item in items:
        if item.deposit is not None and item.deposit.status != TransactionStatus.COMPLETED:
            _keep(item, "The bank took the deposit back; nothing of it is left.", at=at)
            continue
        if obstacle := obstacles.get(item.pk):
            item.mark_blocked(obstacle=Obstacle.BANK_ACCOUNT if obstacle[0] else Obstacle.PAYEE, note=obstacle[1])
            continue
        _return_fee(item, purse, fees, at=at)
        amount = _take(item, purse)
        if amount:
            payable.append((item, amount))
        else:
            _block_or_keep(item, purse, at=at)
    ledger.post(fees, by=None, at=at)
    _originate(run, payable, at=at)
    _save(items, at=at)


def _save(items: Sequence[RefundItem], *, at: datetime) -> None:
    """Write the items' new states: those being paid with one statement, the few others by name."""
    paying = [item for item in items if item.status == Status.PAYING]
    with connection.cursor() as cursor:
        cursor.execute(_MARK_PAYING, [at, [item.pk for item in paying], [item.payment_id for item in paying]])
    others = [item for item in items if item.status != Status.PAYING]
    for item in others:
        item.updated_at = at
    copying.update(others, ["status", "obstacle", "note", "payment_id", "kept_amount", "paid_at", "updated_at"])


def _open_purse(run: RefundRun, items: Sequence[RefundItem]) -> _Purse:
    owners = {item.investor_id for item in items}
    return _Purse(
        cleared=refund_figures.money_of(run.escrow_account_id, Kind.INVESTOR, owners),
        held=refund_figures.money_of(run.escrow_account_id, Kind.HELD, owners),
        under_way=refund_figures.under_way([item.pk for item in items]),
        fees_returned=refund_figures.fees_returned([item.deposit_id for item in items if item.deposit_id is not None]),
        fees=balance(run.escrow_account_id, Kind.FEES),
    )


def _obstacles(items: Sequence[RefundItem]) -> dict[UUID, tuple[bool, str]]:
    """Return what keeps items from being paid, by item: whether it is the bank account, and in which words."""
    owners = {item.investor_id for item in items}
    profiles = {profile.user_id: profile for profile in InvestorProfile.objects.filter(user__in=owners)}
    found: dict[UUID, tuple[bool, str]] = {}
    for item in items:
        profile = profiles.get(item.investor_id)
        if not item.investor.is_active:
            found[item.pk] = (False, "This person's sign-in is closed. Open it again, or settle with them outside.")
        elif profile is not None and profile.is_restricted:
            found[item.pk] = (False, "This person is restricted. The money waits until the restriction is lifted.")
        elif item.bank_account is not None:
            try:
                require_usable(item.bank_account, to_debit=False)
            except BankAccountNotUsable as refusal:
                found[item.pk] = (True, refusal.message)
    return found


def _return_fee(item: RefundItem, purse: _Purse, fees: list[Posting], *, at: datetime) -> None:
    """Give a deposit's fee back, if that was not done and the fee is there; never out of others' money."""
    deposit = item.deposit
    if deposit is None or not _owes_fee(item, purse) or purse.fees < item.fee_amount:
        return
    fees.append(entries.fee_returned(deposit, on=banking_date(at)))
    purse.fees -= item.fee_amount
    purse.fees_returned.add(deposit.pk)
    purse.cleared[item.investor_id] += item.fee_amount


def _owes_fee(item: RefundItem, purse: _Purse) -> bool:
    return bool(item.fee_amount) and item.deposit_id not in purse.fees_returned


def _take(item: RefundItem, purse: _Purse) -> Decimal:
    """Take out of the purse what can be paid of an item now."""
    wanted = item.amount - item.kept_amount - purse.under_way[item.pk]
    amount = min(wanted, purse.cleared[item.investor_id])
    purse.cleared[item.investor_id] -= amount
    return amount


def _block_or_keep(item: RefundItem, purse: _Purse, *, at: datetime) -> None:
    """Nothing of an item's rest is free: it waits while money is on hold or a fee is missing, else it is not there."""
    held = purse.held[item.investor_id]
    missing = item.amount - item.kept_amount - purse.under_way[item.pk]
    if held > ZERO:
        item.mark_blocked(
            obstacle=Obstacle.MONEY_HELD,
            note=f"{format_money(missing)} is missing, and {format_money(held)} of this investor's is on hold. It is "
            "paid when the hold is released.",
        )
    elif _owes_fee(item, purse):
        item.mark_blocked(
            obstacle=Obstacle.FEES_GONE,
            note=f"The fee of {format_money(item.fee_amount)} is no longer in this account, and is not taken out of "
            "others' money. It is paid when the platform has put it back.",
        )
    else:
        _keep(item, NOT_THERE.format(format_money(missing)), at=at)


def _keep(item: RefundItem, note: str, *, at: datetime) -> None:
    """Say that the rest of an item is not there to be given back."""
    paid = sum(
        item.payments.exclude(status__in=refund_figures.NOT_PAID).values_list("amount", flat=True), start=ZERO
    )  # fmt: skip
    if paid:
        item.kept_amount = item.amount - paid
        item.note = note[:300]
        item.mark_paid(at=at)
    else:
        item.mark_nothing_left(note=note)


def _originate(run: RefundRun, payable: Sequence[tuple[RefundItem, Decimal]], *, at: datetime) -> None:
    signers = [approval.approver for approval in run.approvals.select_related("approver")]
    payments = payouts.originate_refunds(
        [_order(run, item, amount) for item, amount in payable],
        keys=[_key(item) for item, _ in payable],
        initiator=run.proposed_by,
        approvers=signers[:2],
        at=at,
    )
    for (item, _), payment in zip(payable, payments, strict=True):
        item.mark_paying(payment=payment)
        if payment.status == TransactionStatus.CANCELLED:
            item.mark_blocked(obstacle=Obstacle.COMPLIANCE, note="Compliance refuses this payment; ask them about it.")


def _order(run: RefundRun, item: RefundItem, amount: Decimal) -> Order:
    replaced = item.payment if item.payment is not None and item.payment.status in refund_figures.NOT_PAID else None
    return Order(
        type=TransactionType.REFUND,
        payment_method=PaymentMethod(item.method),
        amount=amount,
        escrow_account_id=run.escrow_account_id,
        to_user_id=item.investor_id,
        to_bank_account_id=item.bank_account_id,
        description=f"Refund of {run.offering}"[:300],
        refund_item_id=item.pk,
        replaces_id=replaced.pk if replaced is not None else None,
    )


def _key(item: RefundItem) -> str:
    """Return the idempotency key of an item's next payment: one for the first, one after each payment it had."""
    return f"refund:{item.pk}" + (f":{item.payment_id}" if item.payment_id else "")


def _note(run_id: UUID, reason: str) -> None:
    """Keep why paying stopped where staff see it."""
    with audit.acting("refund_run.stop", reason=reason[:300]), transaction.atomic():
        run = refund_runs.lock(run_id)
        if run.stopped_reason != reason[:300]:
            run.stopped_reason = reason[:300]
            run.save()


def _clear_note(run: RefundRun) -> None:
    if run.stopped_reason:
        run.stopped_reason = ""
        run.save()
