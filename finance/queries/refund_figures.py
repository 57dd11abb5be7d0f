"""What a refund run would give back: every deposit of an escrow account with what is left of it."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from escrow.models import EscrowAccount, JournalEntry, LedgerAccount
from finance import entries
from finance.models import RefundItem, RefundRun, Transaction
from finance.models.transactions import TransactionStatus, TransactionType
from realco.money import to_json

ZERO = Decimal("0.00")
Kind = LedgerAccount.Kind
Status = TransactionStatus
GIVEN_BACK = (TransactionType.DEPOSIT, TransactionType.CAPITAL_CALL)
"""Money that investors paid in; a sponsor's income is the offering's."""
AT_THE_BANK = Q(status__in=[Status.PROCESSING, Status.PENDING_SETTLEMENT, Status.SETTLED]) | Q(
    status=Status.ON_HOLD, held_from=Status.PROCESSING
)
NOT_PAID = (Status.FAILED, Status.CANCELLED, Status.REVERSED)
OVER = (RefundItem.Status.PAID, RefundItem.Status.NOTHING_LEFT)


@dataclass(frozen=True, slots=True)
class Refund:
    """
    What one deposit gives back, ``fee`` included, US dollars.

    Without a deposit it is money of the investor's that no deposit explains.
    """

    deposit: Transaction | None
    investor_id: UUID
    amount: Decimal
    fee: Decimal

    @property
    def is_cleared(self) -> bool:
        """Whether the money is the investor's in escrow, and no bank's to take back."""
        return self.deposit is None or self.deposit.status == Status.COMPLETED


def owed(account: EscrowAccount, *, investor_id: UUID | None = None) -> list[Refund]:
    """
    Return what a run over the account would give back now, or to one investor, newest deposit first.

    That is every deposit that no run gives back yet: in full as long as it has not cleared; once it has, what the
    investor still has in the account, on hold included, with the fee. What was paid out or
    settled meanwhile is taken off the oldest deposits. Four queries.
    """
    deposits = returnable(account)
    if investor_id is not None:
        deposits = deposits.filter(from_user_id=investor_id)
    left = _left(account, investor_id)
    found = []
    for deposit in deposits.order_by("-created_at", "-id"):
        assert deposit.from_user_id is not None
        amount, fee = deposit.amount, deposit.fee_amount
        if deposit.status == Status.COMPLETED:
            there = min(deposit.net_amount, left[deposit.from_user_id])
            left[deposit.from_user_id] -= there
            amount = there + fee
        if amount > ZERO:
            found.append(Refund(deposit, deposit.from_user_id, amount, fee))
    found += [Refund(None, owner, amount, ZERO) for owner, amount in left.items() if amount > ZERO]
    return found


def returnable(account: EscrowAccount) -> QuerySet[Transaction]:
    """Return the deposits into an account that are there or at the bank, and that no run gives back yet."""
    return Transaction.objects.filter(
        Q(status=Status.COMPLETED) | AT_THE_BANK,
        escrow_account=account, type__in=GIVEN_BACK, refund_of__isnull=True,
    )  # fmt: skip


def has_more(run: RefundRun) -> bool:
    """Whether there may be money that a running run over its whole account does not know of yet; two small queries."""
    waiting = run.items.exclude(status__in=OVER).filter(investor=OuterRef("owner"))
    free = LedgerAccount.objects.filter(escrow_account=run.escrow_account_id, kind=Kind.INVESTOR, balance__gt=0)
    return returnable(run.escrow_account).exists() or free.exclude(Exists(waiting)).exists()


def fees_returned(deposit_ids: Collection[UUID]) -> set[UUID]:
    """Return those of some deposits whose fee was given back; one query."""
    references = {entries.fee_reference(deposit_id): deposit_id for deposit_id in deposit_ids}
    posted = JournalEntry.objects.filter(reference__in=references).values_list("reference", flat=True)
    return {references[reference] for reference in posted}


def under_way(item_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """Return what has been paid or is under way for each of some items, zero included; one query."""
    rows = Transaction.objects.filter(refund_item__in=item_ids).exclude(status__in=NOT_PAID)
    sums: dict[UUID, Decimal] = dict.fromkeys(item_ids, ZERO)
    for item_id, amount in rows.values_list("refund_item_id", "amount"):
        assert item_id is not None
        sums[item_id] += amount
    return sums


def money_of(account_id: UUID, kind: str, owners: Collection[UUID]) -> dict[UUID, Decimal]:
    """Return what some investors have in their accounts of a kind, zero included; one query."""
    rows = LedgerAccount.objects.filter(escrow_account_id=account_id, kind=kind, owner__in=owners)
    there: dict[UUID, Decimal] = dict.fromkeys(owners, ZERO)
    there.update({row.owner_id: row.balance for row in rows if row.owner_id is not None})
    return there


def as_json(refunds: Sequence[Refund]) -> list[list[str]]:
    """Return the figures in canonical form: deposit, investor, amount, in a fixed order."""
    return sorted(
        [str(refund.deposit.pk) if refund.deposit else "", str(refund.investor_id), to_json(refund.amount)]
        for refund in refunds
    )


def content_hash(escrow_account_id: UUID, cause: str, figures: Sequence[Sequence[str]]) -> str:
    """Return the SHA-256 of the figures in canonical JSON, which is what an approver signs."""
    content = {"escrow_account": str(escrow_account_id), "cause": str(cause), "figures": [list(row) for row in figures]}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _left(account: EscrowAccount, investor_id: UUID | None) -> dict[UUID, Decimal]:
    """Return each investor's cleared money, on hold included, less what other runs are about to give back of it."""
    rows = LedgerAccount.objects.filter(escrow_account=account, kind__in=[Kind.INVESTOR, Kind.HELD])
    if investor_id is not None:
        rows = rows.filter(owner=investor_id)
    left: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    for owner_id, balance in rows.exclude(owner=None).values_list("owner_id", "balance"):
        assert owner_id is not None
        left[owner_id] += balance
    for item in promised(account):
        left[item.investor_id] -= item.amount
    return left


def promised(account: EscrowAccount) -> list[Refund]:
    """Return what runs under way will still take out of investors' cleared money, item by item."""
    items = RefundItem.objects.filter(run__escrow_account=account, run__status=RefundRun.Status.RUNNING).exclude(
        status__in=[*OVER, RefundItem.Status.WAITING_TO_CLEAR]
    )
    rows = list(items.select_related("deposit"))
    returned = fees_returned([item.deposit_id for item in rows if item.deposit_id is not None])
    taken: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    payments = Transaction.objects.filter(refund_item__in=[item.pk for item in rows])
    for item_id, amount in payments.filter(
        Q(is_reserved=True) | Q(status__in=[Status.SETTLED, Status.COMPLETED])
    ).values_list("refund_item_id", "amount"):
        assert item_id is not None
        taken[item_id] += amount
    found = []
    for item in rows:
        fee = ZERO if item.deposit_id is None or item.deposit_id in returned else item.fee_amount
        amount = item.amount - item.kept_amount - taken[item.pk] - fee
        found.append(Refund(item.deposit, item.investor_id, amount, fee))
    return found
