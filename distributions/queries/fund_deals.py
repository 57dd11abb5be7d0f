"""
The deals of a fund, read from the ledger: what each was paid in and has distributed, as the engine is told them.

Every deal's history is its own, with all that was approved by now, whether or not it has arrived, and nothing that
was cancelled or written off. What somebody is about to distribute is held against the fund here, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from distributions import funds, waterfall
from distributions import terms as engine
from distributions.funds import Clawback, Deal
from distributions.models import Distribution, DistributionAllocation, FundArrangement
from distributions.positions import PastDistribution, PastLine, Transfer
from distributions.queries import entitlements
from distributions.queries import fund_arrangements as queries
from distributions.queries import terms as terms_queries
from escrow.models import EscrowAccount
from realco.errors import Refusal
from realco.models import Offering
from realco.money import ZERO, from_cents

MOST_BESIDE_A_PREVIEW = 100_000
"""Positions times days of distribution: above that, holding a distribution against its fund takes many seconds."""


class NotMeasurable(Refusal):
    """The fund cannot be measured on these figures; the message says why."""


@dataclass(frozen=True)
class FundDeals:
    """A fund's deals up to a day, in the order of its offerings, and what changed hands in any of them."""

    terms: engine.Terms | engine.ClassedTerms
    tax_rate: Decimal
    offerings: tuple[Offering, ...]
    deals: tuple[Deal, ...]
    transfers: tuple[Transfer, ...]

    @property
    def size(self) -> int:
        """How many positions are run through how many days."""
        days = {past.on for deal in self.deals for past in deal.history}
        return sum(len(deal.positions) for deal in self.deals) * len(days)

    def clawback(self) -> Clawback:
        """
        Return what the sponsor must give back.

        :raises NotMeasurable: if the fund's terms cannot be run over these deals
        """
        try:
            return funds.clawback(self.terms, self.deals, tax_rate=self.tax_rate, transfers=self.transfers)
        except waterfall.UnworkableFigures as error:
            raise NotMeasurable(f"The fund cannot be measured: {error}") from error

    def with_more(self, offering_id: UUID, past: PastDistribution) -> "FundDeals":
        """Return the same with one more distribution of one of the deals."""
        deals = tuple(
            Deal(deal.name, deal.positions, (*deal.history, past)) if deal.name == str(offering_id) else deal
            for deal in self.deals
        )
        return FundDeals(self.terms, self.tax_rate, self.offerings, deals, self.transfers)


def read(arrangement: FundArrangement, *, on: date) -> FundDeals:
    """
    Read the deals of a fund as they stood at the end of a day; a few queries for each.

    :raises NotDistributable: if money was released for somebody who has no investment
    :raises NotMeasurable: if the fund's terms have classes, and somebody is in none of them
    """
    offerings = tuple(queries.offerings(arrangement))
    classes = terms_queries.class_names(arrangement.terms)
    deals: list[Deal] = []
    moves: list[Transfer] = []
    accounts = {account.offering_id: account for account in EscrowAccount.objects.filter(offering__in=offerings)}
    for offering in offerings:
        name, account = str(offering.pk), accounts.get(offering.pk)
        if account is None:
            deals.append(Deal(name, ()))
            continue
        positions, history, handed_over = entitlements.sample(arrangement.terms, account, on)
        without = {one.investor_class or "none" for one in positions if classes and one.investor_class not in classes}
        if without:
            raise NotMeasurable(
                f"{arrangement.name} is measured by classes ({', '.join(classes)}); in {offering} there are investors"
                f" of class {', '.join(sorted(without))}."
            )
        deals.append(Deal(name, tuple(positions), tuple(past for past in history if past.on <= on)))
        moves.extend(handed_over)
    moves.sort(key=lambda one: one.on)
    terms = terms_queries.as_engine(arrangement.terms)
    return FundDeals(terms, arrangement.tax_rate, offerings, tuple(deals), tuple(moves))


@dataclass(frozen=True, slots=True)
class Effect:
    """
    What a distribution would do to the clawback of its offering's fund; US dollars.

    ``before`` is what the promotes so far would leave if nothing more came, ``after`` the same with this one;
    ``problem`` says why neither is known.
    """

    fund_id: UUID
    fund: str
    before: Decimal = ZERO
    after: Decimal = ZERO
    problem: str = ""

    @property
    def raised(self) -> Decimal:
        """By how much the distribution would raise the clawback; nothing where it would not."""
        return max(self.after - self.before, ZERO)


def effect(offering_id: UUID, past: PastDistribution, *, on: date) -> Effect | None:
    """
    Hold a distribution that is not approved yet against its offering's fund; None where it is in none.

    ``on`` is the day as of which the fund is looked at, not before that of the distribution.
    """
    arrangement = queries.of_offering(offering_id)
    if arrangement is None:
        return None
    named = (arrangement.pk, arrangement.name)
    try:
        deals = read(arrangement, on=on)
        if deals.size > MOST_BESIDE_A_PREVIEW:
            return Effect(*named, problem="It has too many investors to be measured here; look at its own page.")
        before, after = deals.clawback(), deals.with_more(offering_id, past).clawback()
    except Refusal as refusal:
        return Effect(*named, problem=str(refusal))
    return Effect(*named, before.due, after.due)


def effect_of(distribution: Distribution, allocations: Sequence[DistributionAllocation], *, on: date) -> Effect | None:
    """Hold a distribution's lines, saved or not, against its offering's fund; as ``effect``."""
    lines = [
        PastLine(str(row.investment_id), row.return_of_capital, row.preferred_return, row.profit_split)
        for row in allocations
        if row.investment_id is not None
    ]
    promote = sum((row.sponsor_catch_up + row.profit_split for row in allocations if row.investment_id is None), ZERO)
    past = PastDistribution(distribution.as_of_date, lines, sponsor_profit_split=promote)
    return effect(distribution.offering_id, past, on=max(on, distribution.as_of_date))


def distributed(history: Sequence[PastDistribution]) -> tuple[Decimal, Decimal, Decimal]:
    """Return what distributions paid in all, what of it was return of capital, and what was promote."""
    capital = others = 0
    promote = ZERO
    for past in history:
        lines = funds.table_of(past)
        capital += sum(lines.capital)
        others += sum(lines.preferred) + sum(lines.profit)
        promote += past.sponsor_catch_up + past.sponsor_profit_split
    return from_cents(capital + others) + promote, from_cents(capital), promote
