"""
Explanations: how a payee's amount came about, tier by tier, in words and figures.

Kept with each allocation, so that it reads the same in ten years. Words are for the payee; figures
beside them are JSON-ready, money as strings with two places.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from distributions import cents
from distributions.day_counts import DayCount
from distributions.waterfall import (
    Balance,
    CapitalBase,
    CatchUp,
    Compounding,
    IrrHurdle,
    MultipleHurdle,
    Position,
    PreferredReturn,
    ProfitBasis,
    Result,
    ReturnOfCapital,
    Share,
    Split,
    Terms,
    Tier,
    TierTotal,
)
from realco.money import ZERO, format_money, to_json

SPONSOR = "sponsor"
DAY_COUNTS = {
    DayCount.ACT_365: "ACT/365",
    DayCount.ACT_360: "ACT/360",
    DayCount.ACT_ACT_ISDA: "ACT/ACT",
    DayCount.THIRTY_360_US: "30/360",
    DayCount.THIRTY_E_360: "30E/360",
}
_COMPOUNDINGS = {
    Compounding.SIMPLE: "simple",
    Compounding.ANNUAL: "compounded annually",
    Compounding.SEMI_ANNUAL: "compounded semi-annually",
    Compounding.QUARTERLY: "compounded quarterly",
    Compounding.MONTHLY: "compounded monthly",
    Compounding.DAILY: "compounded daily",
}


def tiers(terms: Terms, result: Result) -> list[dict[str, str]]:
    """Return each tier with its title and what it takes, JSON-ready, in order of payment."""
    return [_figures(tier, total) for tier, total in zip(terms.tiers, result.tiers, strict=True)]


def title(tier: Tier) -> str:
    """Name a tier as people speak of it."""
    match tier:
        case ReturnOfCapital():
            return "Return of capital"
        case PreferredReturn():
            return f"{percent(tier.rate)} preferred return"
        case IrrHurdle():
            return f"{percent(tier.rate)} IRR hurdle, {percent(tier.lp_share)} to investors"
        case MultipleHurdle():
            return f"{tier.multiple.normalize():f}x hurdle, {percent(tier.lp_share)} to investors"
        case CatchUp():
            return f"Catch-up to {percent(tier.target)} for the sponsor"
        case Split():
            return f"{percent(tier.lp_share)} to investors, {percent(tier.gp_share)} to the sponsor"


def percent(fraction: Decimal) -> str:
    """Write a fraction as a percentage, without zeros that say nothing: 0.08 is 8%."""
    return f"{(fraction * 100).normalize():f}%"


def explain(
    terms: Terms, positions: Sequence[Position], result: Result, *, version: int
) -> dict[str, dict[str, object]]:
    """Return the explanation of each investor's share by its key, and the sponsor's under ``SPONSOR``."""
    whole = _Whole(terms, positions, result)
    heading = {
        "as_of_date": result.on.isoformat(),
        "terms_version": version,
        "distributed": to_json(result.amount),
    }
    explained: dict[str, dict[str, object]] = {}
    for share, balance in zip(result.shares, result.balances, strict=True):
        owed_after = max(balance.preferred_owed, ZERO)
        explained[share.key] = {
            **heading,
            "yours": to_json(share.total),
            "contributed": to_json(balance.contributed),
            "unreturned_before": to_json(balance.unreturned_capital + share.return_of_capital),
            "unreturned_after": to_json(balance.unreturned_capital),
            "preferred_owed_before": to_json(owed_after + share.preferred_return),
            "preferred_owed_after": to_json(owed_after),
            "tiers": whole.of_investor(share, balance),
        }
    explained[SPONSOR] = {**heading, "yours": to_json(result.sponsor.total), "tiers": whole.of_sponsor()}
    return explained


class _Whole:
    """What all explanations of one run have in common, worked out once."""

    def __init__(self, terms: Terms, positions: Sequence[Position], result: Result) -> None:
        self.terms = terms
        self.result = result
        self.heads = [
            _head(tier, total, is_left=any(later.total for later in result.tiers[place + 1 :]))
            for place, (tier, total) in enumerate(zip(terms.tiers, result.tiers, strict=True))
        ]
        self.figures = tiers(terms, result)
        shares, balances = result.shares, result.balances
        self.unreturned = sum((b.unreturned_capital + s.return_of_capital for b, s in _pairs(balances, shares)), ZERO)
        owed = [b.preferred_owed_exact + Fraction(s.preferred_return) for b, s in _pairs(balances, shares)]
        self.owed = format_money(_cents(sum((max(one, Fraction(0)) for one in owed), Fraction(0))))
        self.contributed = format_money(sum((b.contributed for b in balances), ZERO))
        self.capital = format_money(self.unreturned)
        self.ownership = {position.key: position.ownership or Decimal(0) for position in positions}

    def of_investor(self, share: Share, balance: Balance) -> list[dict[str, str]]:
        """Return the tiers with what one investor has of each."""
        lines = []
        tiers = zip(self.terms.tiers, self.result.tiers, self.heads, self.figures, strict=True)
        for (tier, total, head, figures), yours_in_cents in zip(tiers, share.by_tier, strict=True):
            yours = cents.to_decimal(yours_in_cents)
            words = head
            if total.total:
                words = f"{head} {self._reason(tier, share, balance)}, so your part is {format_money(yours)}."
            lines.append(figures | {"words": words, "yours": to_json(yours)})
        return lines

    def of_sponsor(self) -> list[dict[str, str]]:
        """Return the tiers with what the sponsor has of each."""
        lines = []
        for total, head, figures in zip(self.result.tiers, self.heads, self.figures, strict=True):
            words = f"{head} The sponsor's part is {format_money(total.gp)}." if total.total else head
            lines.append(figures | {"words": words, "yours": to_json(total.gp)})
        return lines

    def _reason(self, tier: Tier, share: Share, balance: Balance) -> str:
        match tier:
            case ReturnOfCapital():
                yours = format_money(balance.unreturned_capital + share.return_of_capital)
                return f"Of the {self.capital} not returned to investors before, {yours} was yours"
            case PreferredReturn():
                yours = format_money(balance.preferred_owed + share.preferred_return)
                return f"Of the {self.owed} owed to investors by {self.result.on:%B %-d, %Y}, {yours} was owed to you"
            case IrrHurdle() | MultipleHurdle():
                return "It is shared by what each investor still lacks of it"
            case _ if self.terms.profits_by is ProfitBasis.OWNERSHIP:
                return f"You own {percent(self.ownership[share.key])}"
            case _:
                return f"Of the {self.contributed} that investors put in, {format_money(balance.contributed)} was yours"


def _head(tier: Tier, total: TierTotal, *, is_left: bool) -> str:
    """Say what a tier is for and what it took of this distribution."""
    if not total.total:
        why = "nothing was due" if is_left else "nothing was left for it"
        return f"{_rule(tier)} Here {why}."
    if total.gp:
        parts = f", {format_money(total.gp)} for the sponsor and {format_money(total.lp)} for investors"
        return f"{_rule(tier)} It took {format_money(total.total)}{parts}."
    return f"{_rule(tier)} It took {format_money(total.total)}, all for investors."


def _rule(tier: Tier) -> str:
    match tier:
        case ReturnOfCapital():
            return "Investors get their capital back, in proportion to what has not been returned yet."
        case PreferredReturn():
            base = "capital not returned yet" if tier.base is CapitalBase.UNRETURNED else "the capital put in"
            how = f"{_COMPOUNDINGS[tier.compounding]}, {DAY_COUNTS[tier.day_count]}"
            return f"Investors earn {percent(tier.rate)} a year on {base} ({how})."
        case IrrHurdle():
            return (
                f"Until investors have earned {percent(tier.rate)} a year on their money (IRR), they get"
                f" {percent(tier.lp_share)} and the sponsor {percent(tier.gp_share)}."
            )
        case MultipleHurdle():
            return (
                f"Until investors have {tier.multiple.normalize():f} times what they put in, they get"
                f" {percent(tier.lp_share)} and the sponsor {percent(tier.gp_share)}."
            )
        case CatchUp():
            return (
                f"The sponsor gets {percent(tier.gp_rate)} of each dollar until it has {percent(tier.target)}"
                " of all profit."
            )
        case Split():
            return (
                f"What is left goes {percent(tier.lp_share)} to investors and {percent(tier.gp_share)} to the sponsor."
            )


def _figures(tier: Tier, total: TierTotal) -> dict[str, str]:
    return {
        "kind": total.kind.value,
        "title": title(tier),
        "took": to_json(total.total),
        "to_investors": to_json(total.lp),
        "to_sponsor": to_json(total.gp),
    }


def _pairs(balances: Sequence[Balance], shares: Sequence[Share]) -> list[tuple[Balance, Share]]:
    return list(zip(balances, shares, strict=True))


def _cents(dollars: Fraction) -> Decimal:
    return cents.to_decimal(round(dollars * 100))
