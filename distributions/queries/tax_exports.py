"""
What an investor's tax forms of a year rest on (Schedule K-1 and 1099): figures, not the forms.

Distributions count in the year in which their payment arrived, in the banks' time; the capital account is
that of the year's ends. Interest of late closings that was paid on is interest (1099-INT), and no part of what was
distributed. How an amount is to be reported is the accountant's matter, not decided here.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, Sum

from compliance.models import InvestorProfile
from distributions.models import AllocationLine, CapitalCallItem, Distribution, DistributionAllocation
from distributions.queries import capital_accounts
from distributions.queries.capital_accounts import CapitalAccount
from distributions.queries.entitlements import NoTerms
from realco.business_days import BANKING_ZONE
from realco.models import Offering
from realco.money import ZERO, to_json

TITLES = (
    "investor_id", "legal_name", "kind", "country", "address", "tax_id", "offering", "year",
    "capital_at_start", "capital_contributed", "capital_returned", "capital_transferred_in_net", "capital_at_end",
    "preferred_return_paid", "profit_paid", "distributed_total", "withheld", "interest_and_premium_on_calls",
    "ownership_percentage_now", "late_closing_interest_received",
    "withheld_of_late_closing_interest",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class TaxRow:
    """One investor's figures of a year, US dollars; distributions are what arrived."""

    investor_id: UUID
    start: Decimal
    contributed: Decimal
    returned: Decimal
    moved: Decimal
    end: Decimal
    preferred: Decimal
    profit: Decimal
    withheld: Decimal
    charges: Decimal
    ownership: Decimal | None
    premium: Decimal
    premium_withheld: Decimal


def rows(offering: Offering, year: int) -> list[TaxRow]:
    """
    Return every investor's figures of a calendar year, in the order of their names.

    :raises NoTerms: if the offering had no waterfall terms at the end of the year
    :raises NotDistributable: if the ledger's figures cannot be replayed
    """
    ends = {one.investor_id: one for one in capital_accounts.accounts(offering, on=date(year, 12, 31))}
    starts = _at_start(offering, year)
    contributed = capital_accounts.paid_in(offering, first=date(year, 1, 1), last=date(year, 12, 31))
    arrived = _arrived(offering, year)
    charges = _charges(offering, year)
    withheld = _withheld(offering, year)
    premium_withheld = _withheld(offering, year, nature=Distribution.Nature.PREMIUM)
    allocated = capital_accounts.returned_by_lines(offering, first=date(year, 1, 1), last=date(year, 12, 31))
    owned = capital_accounts.ownership(offering)
    found = []
    for key, end in ends.items():
        start = starts[key].unreturned if key in starts else ZERO
        capital, preferred, profit, premium = arrived.get(key, (ZERO, ZERO, ZERO, ZERO))
        paid = contributed.get(key, ZERO)
        # What the account changed by, and neither paying in nor distributing explains, has changed hands.
        moved = end.unreturned - start - paid + allocated.get(end.investment_id, ZERO)
        found.append(
            TaxRow(
                investor_id=key,
                start=start,
                contributed=paid,
                returned=capital,
                moved=moved,
                end=end.unreturned,
                preferred=preferred,
                profit=profit,
                withheld=withheld.get(key, ZERO),
                charges=charges.get(key, ZERO),
                ownership=owned.get(key),
                premium=premium,
                premium_withheld=premium_withheld.get(key, ZERO),
            )
        )
    return found


def lines(offering: Offering, year: int, found: list[TaxRow], *, shows_tax_ids: bool) -> list[list[str]]:
    """Return the lines of the file, the titles first; a cell that a spreadsheet would take for a formula is text."""
    profiles = InvestorProfile.objects.in_bulk([row.investor_id for row in found], field_name="user_id")
    written = [list(TITLES)]
    for row in found:
        profile = profiles.get(row.investor_id)
        total = row.returned + row.preferred + row.profit
        amounts = (
            row.start,
            row.contributed,
            row.returned,
            row.moved,
            row.end,
            row.preferred,
            row.profit,
            total,
            row.withheld,
            row.charges,
        )
        written.append(
            [
                str(row.investor_id),
                *_identity(profile, shows_tax_ids=shows_tax_ids),
                as_text(str(offering)),
                str(year),
                *map(to_json, amounts),
                "" if row.ownership is None else str(row.ownership),
                to_json(row.premium),
                to_json(row.premium_withheld),
            ]
        )
    return written


def as_text(words: str) -> str:
    """Return words that no spreadsheet takes for a formula."""
    return f"'{words}" if words.lstrip(" ").startswith(_FORMULA) else words


def _identity(profile: InvestorProfile | None, *, shows_tax_ids: bool) -> list[str]:
    if profile is None:
        return ["", "", "", "", ""]
    last = profile.tax_id_last_four
    tax_id = (profile.tax_id or "") if shows_tax_ids else (f"***-**-{last}" if last else "")
    return [as_text(words) for words in (profile.legal_name, profile.kind, profile.country, profile.address, tax_id)]


def _at_start(offering: Offering, year: int) -> Mapping[UUID, CapitalAccount]:
    try:
        return {one.investor_id: one for one in capital_accounts.accounts(offering, on=date(year - 1, 12, 31))}
    except NoTerms:
        # Terms come with the closing; before them nothing was distributed, and what was paid in is all.
        paid = capital_accounts.paid_in(offering, first=date.min, last=date(year - 1, 12, 31))
        return {key: CapitalAccount.of_capital(key, amount) for key, amount in paid.items()}


def _arrived(offering: Offering, year: int) -> dict[UUID, tuple[Decimal, Decimal, Decimal, Decimal]]:
    found = (
        DistributionAllocation.objects.filter(_arrived_in(year), distribution__offering=offering)
        .order_by()
        .values_list("investor_id")
        .annotate(Sum("return_of_capital"), Sum("preferred_return"), Sum("profit_split"), Sum("premium_amount"))
    )
    return {key: tuple(amounts) for key, *amounts in found}


def _withheld(offering: Offering, year: int, **of: str) -> dict[UUID, Decimal]:
    """Return what was withheld for taxes of what arrived, of all distributions or those of one nature."""
    paid = DistributionAllocation.objects.filter(_arrived_in(year), distribution__offering=offering)
    paid = paid.filter(**{f"distribution__{name}": value for name, value in of.items()})
    lines = AllocationLine.objects.filter(allocation__in=paid, kind=AllocationLine.Kind.WITHHOLDING)
    return dict(lines.order_by().values_list("allocation__investor_id").annotate(Sum("amount")))


def _arrived_in(year: int) -> Q:
    """Return the condition that an investor's allocation arrived in a year."""
    first, after = (datetime(one, 1, 1, tzinfo=BANKING_ZONE) for one in (year, year + 1))
    return Q(
        investment__isnull=False,
        status=DistributionAllocation.Status.COMPLETED,
        processed_at__gte=first,
        processed_at__lt=after,
    )


def _charges(offering: Offering, year: int) -> dict[UUID, Decimal]:
    items = CapitalCallItem.objects.filter(
        call__offering=offering, status=CapitalCallItem.Status.PAID, paid_date__year=year
    )
    charged: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    for item in items:
        charged[item.investor_id] += item.premium_amount + item.interest_amount
    return charged
