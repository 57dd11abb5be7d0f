"""Statements: what distributions brought a payee, one at a time or a quarter's over all offerings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from distributions.models import DistributionAllocation, Reinvestment
from distributions.queries import investor_distributions, receipt_words, reinvestments
from distributions.queries.investor_distributions import Standing, TierShare
from distributions.queries.receipt_words import Told
from realco.errors import Refusal
from realco.models import User
from realco.money import ZERO


class NoSuchQuarter(Refusal):
    """A year has four quarters."""


class NotBegun(NoSuchQuarter):
    """The quarter lies ahead; nothing can be stated of it."""


class WrittenOff(Refusal):
    """The allocation ended unpaid; there is nothing to state of it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One distribution on a statement."""

    allocation: DistributionAllocation
    tiers: Sequence[TierShare]
    standing: Standing | None
    told: Told | None
    reinvested: Reinvestment | None = None

    @property
    def in_cash(self) -> Decimal:
        """What is paid to the payee's bank, US dollars: all but what was reinvested."""
        was_moved = self.reinvested is not None and self.reinvested.status == Reinvestment.Status.DONE
        return self.allocation.net_amount - (self.reinvested.amount if self.reinvested and was_moved else ZERO)

    @property
    def worked_out(self) -> Decimal:
        """What the tiers gave in all, US dollars."""
        return investor_distributions.worked_out(self.allocation)

    @property
    def decided(self) -> Decimal:
        """By how much people decided otherwise, US dollars."""
        return self.allocation.total_amount - self.worked_out

    @property
    def profit(self) -> Decimal:
        """Profit, a sponsor's catch-up among it, US dollars."""
        return self.allocation.profit_split + self.allocation.sponsor_catch_up

    @property
    def kept_back(self) -> Decimal:
        """Fees, and what was withheld, US dollars."""
        return self.allocation.total_amount - self.allocation.net_amount


@dataclass(frozen=True, slots=True)
class Quarter:
    """A calendar quarter, such as 2026 Q1."""

    year: int
    number: int

    def __post_init__(self) -> None:
        if not (1 <= self.number <= 4 and 1900 <= self.year <= 9998):
            raise NoSuchQuarter("A quarter is numbered from 1 to 4.")

    def __str__(self) -> str:
        return f"{self.year} Q{self.number}"

    @property
    def first_day(self) -> date:
        """The quarter's first day."""
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def last_day(self) -> date:
        """The quarter's last day."""
        following = date(self.year + self.number // 4, 3 * self.number % 12 + 1, 1)
        return following - timedelta(days=1)

    def require_begun(self, *, on: date) -> None:
        """
        Refuse a quarter that has not begun by a day.

        :raises NotBegun: if its first day is later
        """
        if self.first_day > on:
            raise NotBegun(f"{self} has not begun, so there is no statement of it.")


@dataclass(frozen=True, slots=True)
class Statement:
    """What is on a statement; amounts in US dollars."""

    investor: User
    title: str
    entries: Sequence[Entry]

    def _sum(self, name: str) -> Decimal:
        return sum((getattr(entry.allocation, name) for entry in self.entries), ZERO)

    @property
    def return_of_capital(self) -> Decimal:
        """Capital returned by all its distributions."""
        return self._sum("return_of_capital")

    @property
    def preferred_return(self) -> Decimal:
        """Preferred return of all its distributions."""
        return self._sum("preferred_return")

    @property
    def profit(self) -> Decimal:
        """Profit of all its distributions, a sponsor's catch-up among it."""
        return self._sum("profit_split") + self._sum("sponsor_catch_up")

    @property
    def premium(self) -> Decimal:
        """Interest of late closings that was paid on; income, and neither capital nor a return on it."""
        return self._sum("premium_amount")

    @property
    def kept_back(self) -> Decimal:
        """Fees, and what was withheld."""
        return sum((entry.kept_back for entry in self.entries), ZERO)

    @property
    def net(self) -> Decimal:
        """What is paid."""
        return self._sum("net_amount")


def of_allocation(allocation: DistributionAllocation) -> Statement:
    """
    Return the statement of one distribution.

    :raises WrittenOff: if nothing of it was paid, nor will be
    """
    if allocation.written_off_at is not None:
        raise WrittenOff("This was written off and not paid, so there is no statement of it.")
    distribution = allocation.distribution
    title = f"Statement of distribution {distribution.distribution_number}, {distribution.offering}"
    return Statement(allocation.investor, title, [_entry(allocation)])


def of_quarter(investor: User, quarter: Quarter) -> Statement:
    """
    Return the statement of a quarter: every distribution as of a day in it, whichever offering it is of.

    What was written off is left out.
    """
    rows = investor_distributions.of(investor).filter(
        written_off_at__isnull=True,
        distribution__as_of_date__gte=quarter.first_day,
        distribution__as_of_date__lte=quarter.last_day,
    )
    ordered = rows.order_by("distribution__as_of_date", "distribution__distribution_number", "id")
    return Statement(investor, f"Statement of distributions, {quarter}", [_entry(row) for row in ordered])


def quarters(allocations: QuerySet[DistributionAllocation] | Iterable[DistributionAllocation]) -> list[Quarter]:
    """Return the quarters in which there were distributions, the latest first."""
    days = {row.distribution.as_of_date for row in allocations if row.written_off_at is None}
    found = {(day.year, (day.month + 2) // 3) for day in days}
    return [Quarter(year, number) for year, number in sorted(found, reverse=True)]


def _entry(allocation: DistributionAllocation) -> Entry:
    return Entry(
        allocation=allocation,
        tiers=investor_distributions.tiers(allocation),
        standing=investor_distributions.standing(allocation),
        told=receipt_words.told(allocation),
        reinvested=reinvestments.of_allocation(allocation),
    )
