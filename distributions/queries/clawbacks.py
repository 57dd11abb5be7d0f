"""
Clawbacks: what a sponsor's promotes, paid deal by deal, exceed what its whole fund would have given it.

All deals' money is run again through the fund's terms, day by day, as if they had been one deal. Capital that is still
in a building counts as not returned; what a sale of it would bring can be asked. Nothing is written.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from distributions import funds, waterfall
from distributions.funds import Clawback, Deal
from distributions.models import Distribution, FundArrangement
from distributions.positions import PastDistribution
from distributions.queries import entitlements, fund_deals
from distributions.queries import terms as terms_queries
from distributions.queries.entitlements import NotDistributable
from distributions.queries.fund_deals import FundDeals, NotMeasurable
from distributions.queries.previews import NoEscrowAccount, writing_nothing
from escrow.models import EscrowAccount, Investment
from realco.errors import Refusal
from realco.models import Offering
from realco.money import ZERO, from_cents

MOST = 2_000_000
"""Positions times days of distribution that are measured while somebody waits: about half a minute of a processor."""


class NotOfThisFund(Refusal):
    """The offering is not in the fund."""


@dataclass(frozen=True, slots=True)
class DealLine:
    """One deal up to the day, US dollars; ``sale`` is what a sale asked about would bring, and is not in the rest."""

    offering_id: UUID
    name: str
    contributed: Decimal
    unreturned: Decimal
    distributed: Decimal
    promote: Decimal
    sale: Decimal = ZERO
    sale_promote: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class InvestorLine:
    """One investor over all deals, sales that were asked about among them; US dollars."""

    investor_id: UUID
    contributed: Decimal
    received: Decimal
    entitled: Decimal
    restored: Decimal

    @property
    def lacking(self) -> Decimal:
        """What they got less than the whole fund would have given them."""
        return max(self.entitled - self.received, ZERO)


@dataclass(frozen=True)
class Measure:
    """
    A fund measured as of the end of a day.

    ``standing`` is the clawback as things are; ``result`` the same after the sales that were asked about, and equal
    to it without any. ``sales_by_fund`` is the promote on the sales if the fund's own waterfall shared them out
    after all that was paid.
    """

    arrangement: FundArrangement
    on: date
    made_at: datetime
    deals: tuple[DealLine, ...]
    investors: tuple[InvestorLine, ...]
    standing: Clawback
    result: Clawback
    sales_by_fund: Decimal | None = None

    @property
    def has_sales(self) -> bool:
        """Whether sales were asked about."""
        return self.sales_by_fund is not None

    def total(self, name: str) -> Decimal:
        """Return the sum of a column over all deals."""
        return sum((getattr(deal, name) for deal in self.deals), ZERO)


def measure(
    arrangement: FundArrangement, *, on: date, sales: Mapping[UUID, Decimal] | None = None, at: datetime
) -> Measure:
    """
    Measure a fund as of a day, and what sales of some deals on that day would leave.

    ``sales`` are proceeds by offering, each shared out by its own offering's terms.

    :raises NotMeasurable: if the fund's terms cannot be run over its deals, or there is too much to run
    :raises NotOfThisFund: if a sale is of an offering that is not in the fund
    :raises NoTerms: if the offering of a sale has no terms on that day
    :raises NotDistributable: if a sale cannot be shared out
    """
    sales = {offering_id: amount for offering_id, amount in (sales or {}).items() if amount}
    with writing_nothing():
        read = fund_deals.read(arrangement, on=on)
        if read.size > MOST:
            raise NotMeasurable("The fund has too many investors and distributions to be measured while you wait.")
        if not sales.keys() <= {offering.pk for offering in read.offerings}:
            raise NotOfThisFund(f"Ask about sales of the offerings of {arrangement.name} only.")
        sold = {
            offering.pk: _sold(offering, sales[offering.pk], on) for offering in read.offerings if offering.pk in sales
        }
        standing, after = read.clawback(), read
        for offering_id, past in sold.items():
            after = after.with_more(offering_id, past)
        result = after.clawback() if sold else standing
        return Measure(
            arrangement=arrangement,
            on=on,
            made_at=at,
            deals=tuple(
                _line(offering, deal, sold.get(offering.pk))
                for offering, deal in zip(read.offerings, read.deals, strict=True)
            ),
            investors=_investors(after, result),
            standing=standing,
            result=result,
            sales_by_fund=_by_fund(read, sum(sales.values(), ZERO), on) if sold else None,
        )


def _sold(offering: Offering, amount: Decimal, on: date) -> PastDistribution:
    """Share proceeds out by the offering's own terms, after all that it distributed."""
    account = EscrowAccount.objects.filter(offering=offering).first()
    if account is None:
        raise NoEscrowAccount(f"{offering} has no escrow account. Open one first.")
    imagined = Distribution(
        offering=offering, escrow_account=account, total_amount=amount, net_amount=amount, as_of_date=on
    )
    basis = entitlements.basis_of(imagined)
    deal = Deal(str(offering.pk), basis.positions, basis.history)
    terms = terms_queries.as_engine(basis.terms)
    try:
        return funds.calculate_deal(terms, deal, amount, on, transfers=basis.transfers).as_past()
    except waterfall.UnworkableFigures as error:
        raise NotDistributable(f"{offering}: {error}") from error


def _by_fund(read: FundDeals, amount: Decimal, on: date) -> Decimal:
    try:
        result = funds.calculate_whole_fund(read.terms, read.deals, amount, on, transfers=read.transfers)
    except waterfall.UnworkableFigures as error:
        raise NotMeasurable(f"The fund cannot be measured: {error}") from error
    return result.sponsor.total


def _line(offering: Offering, deal: Deal, sale: PastDistribution | None) -> DealLine:
    contributed = sum((amount for one in deal.positions for _, amount in one.contributions), ZERO)
    whole, capital, promote = fund_deals.distributed(deal.history)
    brought, _, from_sale = fund_deals.distributed([sale] if sale else [])
    return DealLine(offering.pk, offering.name, contributed, contributed - capital, whole, promote, brought, from_sale)


def _investors(read: FundDeals, result: Clawback) -> tuple[InvestorLine, ...]:
    """Return everybody's figures over all deals, and what a clawback would restore to them."""
    rows = Investment.objects.filter(offering__in=read.offerings).order_by().values_list("pk", "investor_id")
    people = {str(pk): str(investor_id) for pk, investor_id in rows}
    contributed, entitled = (defaultdict[str, Decimal](lambda: ZERO) for _ in range(2))
    cents: dict[str, int] = defaultdict(int)
    for deal in read.deals:
        for position in deal.positions:
            contributed[people[position.key]] += sum((amount for _, amount in position.contributions), ZERO)
        for past in deal.history:
            lines = funds.table_of(past)
            for key, *parts in zip(lines.keys, lines.capital, lines.preferred, lines.profit, strict=True):
                cents[people[key]] += sum(parts)
    for key, amount in result.to_investors:
        entitled[people[key]] += amount
    received = {key: from_cents(amount) for key, amount in cents.items()}
    restored = funds.restored(result.due, received, entitled)
    return tuple(
        InvestorLine(UUID(key), contributed[key], received.get(key, ZERO), entitled[key], restored.get(key, ZERO))
        for key in sorted(contributed)
    )
