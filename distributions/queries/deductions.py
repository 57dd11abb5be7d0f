"""
Deductions: what is taken off an allocation before it is paid.

A platform fee where a fee rule for distributions is in force on the day as of which money is sent back, for
investors only; and withholding, by the investor's newest rate on that day, of income: preferred return, profit and
premiums that are paid on.
Whatever is taken off stays in the offering's ledger account, promised, until it is remitted by a payment of its own.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from distributions.models import (
    AllocationLine,
    AllocationWriteOff,
    Distribution,
    DistributionAllocation,
    WithholdingRate,
)
from distributions.queries.histories import COUNTED
from finance.models import FeeRule, Transaction
from finance.models.transactions import PaymentMethod, TransactionType
from finance.queries import fees
from realco.money import CENT, ZERO, to_json

Kind = AllocationLine.Kind
Payment = Transaction.Status
GIVEN_UP = (Payment.FAILED, Payment.CANCELLED, Payment.REVERSED)
LEFT = (Payment.SETTLED, Payment.COMPLETED)
OVER = (Payment.CANCELLED, Payment.REVERSED)


@dataclass(frozen=True, slots=True)
class Deducted:
    """What was taken off a distribution for one purpose and what was asked for of it to be remitted, US dollars."""

    kind: str
    taken_amount: Decimal
    asked_amount: Decimal

    @property
    def due_amount(self) -> Decimal:
        """What is left to remit."""
        return max(self.taken_amount - self.asked_amount, ZERO)


def summary(distribution: Distribution) -> list[Deducted]:
    """Return what was taken off an approved distribution, for each purpose; nothing of one that is not."""
    return [deducted(distribution, kind) for kind in Kind.values]


def deducted(distribution: Distribution, kind: str) -> Deducted:
    """Return what was taken off a distribution for a purpose; payments that came to nothing were not asked for."""
    if distribution.status not in COUNTED:
        return Deducted(kind, ZERO, ZERO)
    lines = taken_off().filter(allocation__distribution=distribution, kind=kind)
    taken: Decimal = lines.aggregate(total=Sum("amount", default=ZERO))["total"]
    if kind == Kind.PLATFORM_FEE:
        taken += distribution.platform_fee_amount
    asked = _remittances(distribution, kind).exclude(status__in=GIVEN_UP)
    return Deducted(kind, taken, asked.aggregate(total=Sum("amount", default=ZERO))["total"])


def left_escrow(distribution: Distribution, kind: str) -> Decimal:
    """Return what of a deduction has left escrow by payments that have arrived, US dollars."""
    found = _remittances(distribution, kind).filter(status__in=LEFT).aggregate(total=Sum("amount", default=ZERO))
    total: Decimal = found["total"]
    return total


def may_leave_escrow(distribution: Distribution, kind: str) -> Decimal:
    """Return the same with all that may still leave: asked for, under way, or failed and not given up, US dollars."""
    found = _remittances(distribution, kind).exclude(status__in=OVER).aggregate(total=Sum("amount", default=ZERO))
    total: Decimal = found["total"]
    return total


def _remittances(distribution: Distribution, kind: str) -> QuerySet[Transaction]:
    return Transaction.objects.filter(distribution=distribution, metadata__remits=kind)


def taken_off() -> QuerySet[AllocationLine]:
    """
    Return the lines that count: of allocations that stand, and of written-off ones what was remitted before.

    Nothing is taken off what was never paid, unless it has left escrow already.
    """
    kept = AllocationWriteOff.objects.filter(status=AllocationWriteOff.Status.EXECUTED, keeps_deductions=True)
    stands = ~Q(allocation__status=DistributionAllocation.Status.CANCELLED)
    return AllocationLine.objects.filter(stands | Q(allocation__in=kept.values("allocation")))


def apply(distribution: Distribution, allocations: Sequence[DistributionAllocation]) -> list[AllocationLine]:
    """
    Set the fee, the withholding and the net amount of allocations that are not saved; return their lines.

    A handful of queries for any number.
    """
    rules = fee_rules(distribution)
    rates = _rates(distribution, [row.investor_id for row in allocations])
    lines = []
    for row in allocations:
        own = [*_fees(row, rules)]
        own += _withheld(row, rates.get(row.investor_id), at_most=row.total_amount - CENT - _sum(own))
        row.fee_amount = _sum(line for line in own if line.kind == Kind.PLATFORM_FEE)
        row.withholding_amount = _sum(line for line in own if line.kind == Kind.WITHHOLDING)
        row.net_amount = row.total_amount - row.fee_amount - row.withholding_amount
        lines += own
    return lines


def fee_rules(distribution: Distribution) -> list[FeeRule]:
    """Return the rules by which distributions cost something on the day as of which this one is made."""
    return list(fees.rules(TransactionType.DISTRIBUTION, PaymentMethod.ACH, on=distribution.as_of_date))


def digest(distribution: Distribution, investor_ids: Iterable[UUID]) -> str:
    """Return the SHA-256 of the rules and rates that these investors' deductions follow from."""
    rates = _rates(distribution, list(investor_ids))
    known = [sorted(str(rule.pk) for rule in fee_rules(distribution)), sorted(str(rate.pk) for rate in rates.values())]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def _rates(distribution: Distribution, investor_ids: Sequence[UUID]) -> dict[UUID, WithholdingRate]:
    rows = WithholdingRate.objects.filter(
        investor_id__among=investor_ids, effective_from__lte=distribution.as_of_date
    ).order_by("effective_from", "created_at", "id")
    return {row.investor_id: row for row in rows}


def _fees(row: DistributionAllocation, rules: Sequence[FeeRule]) -> Iterable[AllocationLine]:
    left = row.total_amount - CENT
    for rule in rules if row.investment_id else ():
        # A fee with a minimum leaves a cent to pay: a payment of nothing is none.
        amount = min(fees.part(rule, row.total_amount), left)
        if amount > 0:
            left -= amount
            yield _line(row, Kind.PLATFORM_FEE, amount, row.total_amount, rule.rate, f"Fee rule {rule}")


def _withheld(
    row: DistributionAllocation, rate: WithholdingRate | None, *, at_most: Decimal
) -> Iterable[AllocationLine]:
    if rate is None:
        return
    income = row.preferred_return + row.profit_split + row.sponsor_catch_up + row.premium_amount
    amount = min((income * rate.rate).quantize(CENT, ROUND_HALF_UP), at_most)
    if amount > 0:
        yield _line(row, Kind.WITHHOLDING, amount, income, rate.rate, rate.reason)


def _sum(lines: Iterable[AllocationLine]) -> Decimal:
    return sum((line.amount for line in lines), ZERO)


def _line(
    row: DistributionAllocation, kind: str, amount: Decimal, base: Decimal, rate: Decimal, reason: str
) -> AllocationLine:
    return AllocationLine(
        allocation=row, kind=kind, amount=amount, base_amount=base, rate=rate, reason=reason[:300],
        created_at=row.created_at,
    )  # fmt: skip


def signed(distribution: Distribution) -> list[list[str]]:
    """Return a distribution's lines as they are part of what approvers sign."""
    rows = AllocationLine.objects.filter(allocation__distribution=distribution)
    return sorted(
        [str(one.allocation_id), one.kind, to_json(one.amount), to_json(one.base_amount), str(one.rate), one.reason]
        for one in rows.exclude(allocation__status=DistributionAllocation.Status.CANCELLED)
    )
