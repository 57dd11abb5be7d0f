"""What an investor owns, summed over all offerings: money in escrow and capital at work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from escrow.models import EscrowLedgerEntry, Investment, JournalEntry, LedgerAccount
from realco.models import User

ZERO = Decimal("0.00")
Kind = LedgerAccount.Kind
_THEIR_MONEY = (Kind.UNCLEARED, Kind.INVESTOR, Kind.HELD)


@dataclass(frozen=True, slots=True)
class InEscrow:
    """
    What an investor is shown of their money in escrow, US dollars.

    ``arriving`` may still be returned by a bank, ``cleared`` waits for a closing, ``held`` is blocked;
    ``owed`` is what the person owes escrow.
    """

    arriving: Decimal = ZERO
    cleared: Decimal = ZERO
    held: Decimal = ZERO
    owed: Decimal = ZERO

    @property
    def together(self) -> Decimal:
        """What is theirs in escrow, wherever it stands."""
        return self.arriving + self.cleared + self.held


NOTHING = InEscrow()


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

    @property
    def total(self) -> Decimal:
        """Everything that is theirs and not yet paid back to them."""
        return self.arriving + self.cleared + self.held + self.at_work


@dataclass(frozen=True, slots=True)
class DayOfChanges:
    """By how much a day changed what the investor has in escrow and at work."""

    day: date
    in_escrow: Decimal
    at_work: Decimal


def shown(*, escrow_account_id: UUID | None = None, investor_id: UUID | None = None) -> dict[UUID, InEscrow]:
    """
    Return what investors are shown of their money in escrow, by investor: in one account or all, of one person or all.

    This is the only query that answers it: the portal and the API show its figures, and proof
    snapshots are built from them and compared with the ledger. Whoever ever had money there is
    listed, if only with zeros. One query.
    """
    accounts = LedgerAccount.objects.filter(owner__isnull=False, kind__in=(*_THEIR_MONEY, Kind.RECEIVABLE))
    if escrow_account_id is not None:
        accounts = accounts.filter(escrow_account_id=escrow_account_id)
    if investor_id is not None:
        accounts = accounts.filter(owner_id=investor_id)
    rows = (
        accounts.order_by("owner_id")
        .values("owner_id")
        .annotate(
            arriving=_summed(Kind.UNCLEARED),
            cleared=_summed(Kind.INVESTOR),
            blocked=_summed(Kind.HELD),
            owed=_summed(Kind.RECEIVABLE),
        )
    )
    return {row["owner_id"]: InEscrow(row["arriving"], row["cleared"], row["blocked"], row["owed"]) for row in rows}


def _summed(kind: str) -> Sum:
    return Sum("balance", filter=Q(kind=kind), default=ZERO)


def balances(investor: User) -> Balances:
    """Return the investor's money now, from stored balances."""
    escrowed = shown(investor_id=investor.pk).get(investor.pk, NOTHING)
    invested = Investment.objects.filter(investor=investor).aggregate(at_work=Sum("current_balance", default=ZERO))
    return Balances(
        arriving=escrowed.arriving,
        cleared=escrowed.cleared,
        held=escrowed.held,
        owed=escrowed.owed,
        at_work=invested["at_work"],
    )


def changes(investor: User) -> Sequence[DayOfChanges]:
    """Return, day by day, what entered and left escrow for the investor and what closings and calls put to work."""
    # Premium and interest on a capital call are the offering's income; they are not at work for the investor.
    charges = Q(journal_entry__reference__endswith=":charges")
    released = Q(journal_entry__event=JournalEntry.Event.RELEASE) & ~charges
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
