"""
Funds: several deals of the same investors, whole-fund (European) or deal by deal (American).

Deal by deal, each deal runs its own waterfall, and the sponsor may be paid a promote on an
early success that later losses undo. What it then got beyond what the whole fund would have
given it is the clawback that it may leave.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from distributions import cents
from distributions.positions import LineTable, PastDistribution, Position, Transfer, UnworkableFigures
from distributions.replay import Replay, read_cents
from distributions.results import Result
from distributions.terms import ClassedTerms, Terms
from distributions.waterfall import calculate, work

_NOTHING = Decimal("0.00")


@dataclass(frozen=True)
class Deal:
    """One deal of a fund: what its investors put into it, and what it has distributed."""

    name: str
    positions: tuple[Position, ...]
    history: tuple[PastDistribution, ...] = ()


@dataclass(frozen=True)
class Clawback:
    """
    What the sponsor must give back, and how that comes about.

    `received` is its promote from all deals and `entitled` what the whole fund would have given
    it on the same money on the same days. `due` is the difference, not above `after_tax`, which is
    `received` less the tax on it; each deal's promote is in `by_deal`. `to_investors` is what the whole fund
    would have given each position.
    """

    received: Decimal
    entitled: Decimal
    due: Decimal
    by_deal: tuple[tuple[str, Decimal], ...]
    after_tax: Decimal
    to_investors: tuple[tuple[str, Decimal], ...]

    @property
    def excess(self) -> Decimal:
        """What the sponsor got beyond what the whole fund would have given it, before the tax is looked at."""
        return max(self.received - self.entitled, _NOTHING)


def calculate_deal(
    terms: Terms | ClassedTerms,
    deal: Deal,
    amount: Decimal,
    on: date,
    *,
    transfers: Sequence[Transfer] = (),
) -> Result:
    """Run an amount that one deal brought through that deal's own waterfall. Raises like `calculate`."""
    return calculate(terms, deal.positions, deal.history, amount, on, transfers=transfers)


def calculate_whole_fund(
    terms: Terms | ClassedTerms,
    deals: Sequence[Deal],
    amount: Decimal,
    on: date,
    *,
    transfers: Sequence[Transfer] = (),
) -> Result:
    """Run an amount through the waterfall of all deals together. Raises like `calculate`."""
    history = sorted((past for deal in deals for past in deal.history), key=lambda past: past.on)
    return calculate(terms, pooled(deals), history, amount, on, transfers=transfers)


def clawback(
    terms: Terms | ClassedTerms,
    deals: Sequence[Deal],
    *,
    tax_rate: Decimal = Decimal(0),
    transfers: Sequence[Transfer] = (),
) -> Clawback:
    """
    Return what the sponsor got, deal by deal, beyond what the whole fund would have given it.

    All money distributed is run again, day by day, through the fund's terms as if the deals had
    been one. `tax_rate` is the part of the promote that the sponsor has paid in tax and need
    not give back.

    :raises UnworkableFigures: as for calculating, or if the tax rate is no part of one
    """
    if not tax_rate.is_finite() or not 0 <= tax_rate <= 1:
        raise UnworkableFigures(f"The tax on a promote lies between 0 and 1; it is {tax_rate}.")
    by_deal = tuple((deal.name, sum((_promote(past) for past in deal.history), _NOTHING)) for deal in deals)
    received = sum((amount for _, amount in by_deal), _NOTHING)
    distributed: dict[date, int] = defaultdict(int)
    for deal in deals:
        for past in deal.history:
            lines = table_of(past)
            whole = sum(lines.capital) + sum(lines.preferred) + sum(lines.profit)
            distributed[past.on] += whole + read_cents(_promote(past), f"The promote of {past.on}")
    promote, to_investors = _whole_fund(terms, deals, distributed, transfers)
    entitled = cents.to_decimal(promote)
    after_tax = cents.to_decimal(int(cents.from_decimal(received) * (1 - tax_rate)))
    due = min(max(received - entitled, _NOTHING), after_tax)
    return Clawback(received, entitled, due, by_deal, after_tax, to_investors)


def restored(due: Decimal, received: Mapping[str, Decimal], entitled: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """
    Divide a clawback among those who got less than the whole fund would have given them, by what they lack.

    Both are by investor, of all deals together. Nobody gets more than what they lack: all of them lack at least
    what the sponsor got too much.
    """
    lacking = {key: cents.from_decimal(amount - received.get(key, _NOTHING)) for key, amount in entitled.items()}
    lacking = {key: missing for key, missing in lacking.items() if missing > 0}
    return cents.allocate(due, lacking) if due and lacking else {}


def pooled(deals: Sequence[Deal]) -> list[Position]:
    """
    Return each investor's contributions to all deals as one position.

    :raises UnworkableFigures: if somebody belongs to different classes in different deals
    """
    found: dict[str, list[Position]] = defaultdict(list)
    for deal in deals:
        for position in deal.positions:
            found[position.key].append(position)
    whole = []
    for key, ones in found.items():
        if len({one.investor_class for one in ones}) > 1:
            raise UnworkableFigures(f"{key} belongs to different classes in different deals; the fund needs one.")
        if len({one.ownership for one in ones}) > 1:
            raise UnworkableFigures(f"{key} owns different parts of different deals; the fund needs one.")
        contributions = tuple(sorted(flow for one in ones for flow in one.contributions))
        whole.append(Position(key, contributions, ones[0].ownership, ones[0].investor_class))
    return whole


def _whole_fund(
    terms: Terms | ClassedTerms, deals: Sequence[Deal], distributed: dict[date, int], transfers: Sequence[Transfer]
) -> tuple[int, tuple[tuple[str, Decimal], ...]]:
    """Return the cents of promote on these amounts if all deals had been one, and what each position would have got."""
    story = Replay(terms, pooled(deals), transfers)
    promote, given = 0, [0] * len(story.rows)
    for on, amount in sorted(distributed.items()):
        if amount:
            story.come_to(on)
            paid = work(story, amount, on).paid()
            story.book(paid, on)
            promote += sum(paid.promote)
            given = [sum(parts) for parts in zip(given, paid.capital, paid.preferred, paid.profit, strict=True)]
    return promote, tuple(zip(story.rows, map(cents.to_decimal, given), strict=True))


def table_of(past: PastDistribution) -> LineTable:
    """
    Return the lines of a distribution in columns of cents, in which they are added up fast.

    :raises UnworkableFigures: if a line is not in whole cents
    """
    if isinstance(past.lines, LineTable):
        return past.lines
    name, lines = f"The distribution of {past.on}", past.lines
    return LineTable(
        tuple(line.key for line in lines),
        [read_cents(line.return_of_capital, name) for line in lines],
        [read_cents(line.preferred_return, name) for line in lines],
        [read_cents(line.profit_split, name) for line in lines],
    )


def _promote(past: PastDistribution) -> Decimal:
    return past.sponsor_catch_up + past.sponsor_profit_split
