"""What an investor owns, summed over all offerings: money in escrow, capital at work, and what came back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum

from escrow.models import EscrowLedgerEntry, Investment, JournalEntry, LedgerAccount
from realco.models import User

ZERO = Decimal("0.00")
Kind = LedgerAccount.Kind
_THEIR_MONEY = (Kind.UNCLEARED, Kind.INVESTOR, Kind.HELD)


@dataclass(frozen=True, slots=True)
class Balances:
    """
    An investor's money in US dollars, each part counted once.

    ``arriving`` may still be returned by a bank, ``cleared`` waits in escrow for a closing,
    ``held`` is blocked, ``at_work`` is capital released to offerings and not yet returned. ``owed``
    is what the person owes escrow after a payment was returned that had been released already.
    """

    arriving: Decimal
    cleared: Decimal
    held: Decimal
    owed: Decimal
    at_work: Decimal
    returned_capital: Decimal
    preferred_return: Decimal
    profits: Decimal

    @property
    def total(self) -> Decimal:
        """Everything that is theirs and not yet paid back to them."""
        return self.arriving + self.cleared + self.held + self.at_work

    @property
    def received(self) -> Decimal:
        """Everything that distributions have paid them."""
        return self.returned_capital + self.preferred_return + self.profits


@dataclass(frozen=True, slots=True)
class DayOfChanges:
    """By how much a day changed what the investor has in escrow and at work."""

    day: date
    in_escrow: Decimal
    at_work: Decimal


def balances(investor: User) -> Balances:
    """Return the investor's money now, from stored balances."""
    by_kind = dict(
        LedgerAccount.objects.filter(owner=investor)
        .order_by()
        .values_list("kind")
        .annotate(total=Sum("balance"))
        .values_list("kind", "total")
    )
    invested = Investment.objects.filter(investor=investor).aggregate(
        at_work=Sum("current_balance"),
        capital=Sum("returned_capital"),
        preferred=Sum("preferred_return_paid"),
        profits=Sum("profits_paid"),
    )
    return Balances(
        arriving=by_kind.get(Kind.UNCLEARED, ZERO),
        cleared=by_kind.get(Kind.INVESTOR, ZERO),
        held=by_kind.get(Kind.HELD, ZERO),
        owed=by_kind.get(Kind.RECEIVABLE, ZERO),
        at_work=invested["at_work"] or ZERO,
        returned_capital=invested["capital"] or ZERO,
        preferred_return=invested["preferred"] or ZERO,
        profits=invested["profits"] or ZERO,
    )


def changes(investor: User) -> Sequence[DayOfChanges]:
    """Return, day by day, what entered and left escrow for the investor and what closings put to work."""
    released = Q(journal_entry__event=JournalEntry.Event.RELEASE)
    days = (
        EscrowLedgerEntry.objects.filter(ledger_account__owner=investor, ledger_account__kind__in=_THEIR_MONEY)
        .order_by("effective_date")
        .values("effective_date")
        .annotate(debits=Sum("amount"), released=Sum("amount", filter=released))
    )
    # These accounts are liabilities: a credit, which is negative, makes them grow.
    return [DayOfChanges(row["effective_date"], -row["debits"], row["released"] or ZERO) for row in days]


def investments(investor: User) -> QuerySet[Investment]:
    """Return the investor's stakes with their offerings, newest first."""
    return Investment.objects.filter(investor=investor).select_related("offering")
