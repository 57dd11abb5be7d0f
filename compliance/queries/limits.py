"""
The limits in force on a day, and how much of each a payment would use.

Which limits hold for whom: per transaction for everybody; daily and monthly for those who are not
accredited; the yearly one of Regulation CF for those who are not accredited, in such offerings.
In place of the last three, accredited investors have a limit that is none in practice.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q

from compliance import regulation_cf
from compliance.facts import DEPOSIT, LIMITED_TYPES, PaymentFacts, Totals
from compliance.models import InvestorProfile
from compliance.models.transaction_limits import LimitType, TransactionLimit
from realco.models import Offering
from realco.money import ZERO


@dataclass(frozen=True, slots=True)
class Measure:
    """One limit and what is used of it before a payment. ``limit`` is None if no row is in force on the day."""

    limit_type: LimitType
    limit: Decimal | None
    used: Decimal

    @property
    def room(self) -> Decimal:
        """What may still be paid; nothing where no limit is in force."""
        return ZERO if self.limit is None else max(ZERO, self.limit - self.used)

    def is_exceeded_by(self, amount: Decimal) -> bool:
        """Whether a payment of this amount goes over a limit that is in force."""
        return self.limit is not None and amount > self.room


def in_force(on: date) -> dict[LimitType, Decimal]:
    """Return the limits of a day by type; of two rows that overlap, the one that began later counts."""
    rows = (
        TransactionLimit.objects.filter(effective_from__lte=on)
        .filter(Q(effective_to__isnull=True) | Q(effective_to__gt=on))
        .order_by("limit_type", "-effective_from")
        .distinct("limit_type")
    )
    return {LimitType(row.limit_type): row.amount for row in rows}


def measures(facts: PaymentFacts, profile: InvestorProfile | None, *, on: date) -> tuple[Measure, ...]:
    """
    Return the limits that hold for a payment, with what is used of each.

    Only an investor's deposits and capital calls have any: a distribution, a draw or a sponsor's
    income is not an investment. Somebody without a profile counts as not accredited, without means.
    """
    if facts.type not in LIMITED_TYPES:
        return ()
    limits = in_force(on)
    totals = facts.totals
    found = [Measure(LimitType.PER_TRANSACTION, limits.get(LimitType.PER_TRANSACTION), ZERO)]
    if profile is not None and profile.is_accredited:
        most = limits.get(LimitType.ACCREDITED_INVESTOR)
        return (*found, Measure(LimitType.ACCREDITED_INVESTOR, most, totals.invested_12_months))
    daily, monthly = LimitType.DAILY_DEPOSIT, LimitType.MONTHLY_DEPOSIT
    found.append(Measure(daily, limits.get(daily), totals.deposited_today))
    found.append(Measure(monthly, limits.get(monthly), totals.deposited_this_month))
    if facts.exemption == Offering.Exemption.REG_CF:
        most = _crowdfunding_allowance(profile, limits)
        found.append(Measure(LimitType.ANNUAL_INVESTMENT, most, totals.invested_12_months))
    return tuple(found)


def crowdfunding(profile: InvestorProfile | None, used: Decimal, *, on: date) -> Measure | None:
    """Return the yearly limit of Regulation CF for somebody who has used some of it; None for accredited investors."""
    if profile is not None and profile.is_accredited:
        return None
    return Measure(LimitType.ANNUAL_INVESTMENT, _crowdfunding_allowance(profile, in_force(on)), used)


def room(profile: InvestorProfile | None, totals: Totals, *, exemption: str = "", on: date) -> Decimal:
    """Return the largest deposit that would be within every limit on the day; zero if there is none."""
    asked = PaymentFacts(None, DEPOSIT, "IN", ZERO, "", exemption=exemption, totals=totals)
    return min(measure.room for measure in measures(asked, profile, on=on))


def _crowdfunding_allowance(profile: InvestorProfile | None, limits: dict[LimitType, Decimal]) -> Decimal | None:
    floor, ceiling = limits.get(LimitType.NON_ACCREDITED_INVESTOR), limits.get(LimitType.ANNUAL_INVESTMENT)
    if floor is None or ceiling is None:
        return None
    income, worth = (profile.annual_income, profile.net_worth) if profile is not None else (None, None)
    return regulation_cf.allowance(income, worth, regulation_cf.Figures(floor=floor, ceiling=ceiling))
