"""
Standings: what investments have had back, told from what has arrived.

Capital, preferred return and profit are the sums of what was paid and has not come back. Preferred return
owed is the engine's: the story is replayed with those payments alone, up to the newest day as of which anything
reached the investor, so that it is the same in whatever order payments arrive and are returned.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from distributions.models import Distribution, DistributionAllocation
from distributions.queries import entitlements
from distributions.queries import terms as terms_queries
from distributions.replay import Replay
from distributions.waterfall import Balance, PastDistribution, PastLine, Position, Transfer
from realco.money import ZERO

Status = DistributionAllocation.Status


@dataclass(frozen=True, slots=True)
class Standing:
    """What one investment has had back, and is owed of preferred return, US dollars."""

    investment_id: UUID
    returned_capital: Decimal
    preferred_paid: Decimal
    profits_paid: Decimal
    preferred_owed: Decimal


def of(distribution: Distribution, investment_ids: Collection[UUID]) -> list[Standing]:
    """Return where investments of a distribution's offering stand; a handful of queries for any number."""
    if not investment_ids:
        return []
    handed_over = entitlements.transfers(distribution.offering_id, until=date.max)
    parties = _parties(handed_over, investment_ids)
    investment_ids = {*investment_ids, *parties}
    lines: dict[date, dict[UUID, list[PastLine]]] = defaultdict(lambda: defaultdict(list))
    sums = dict.fromkeys(investment_ids, (ZERO, ZERO, ZERO))
    newest: dict[UUID, date] = {}
    reached = (
        DistributionAllocation.objects.filter(
            distribution__offering_id=distribution.offering_id,
            distribution__nature=Distribution.Nature.WATERFALL,
            investment_id__among=investment_ids,
            processed_at__isnull=False,
        )
        .exclude(status=Status.CANCELLED)
        .order_by("distribution__as_of_date", "distribution__approved_at", "distribution_id")
        .values_list(
            "investment_id", "distribution_id", "distribution__as_of_date", "status",
            "return_of_capital", "preferred_return", "profit_split",
        )
    )  # fmt: skip
    for pk, distribution_id, day, status, capital, preferred, profit in reached:
        newest[pk] = max(day, newest.get(pk, day))
        if status == Status.COMPLETED:
            had = sums[pk]
            sums[pk] = (had[0] + capital, had[1] + preferred, had[2] + profit)
            lines[day][distribution_id].append(PastLine(str(pk), capital, preferred, profit))
    if parties:
        latest = max([*(one.on for one in handed_over), *(newest[pk] for pk in parties if pk in newest)])
        newest.update(dict.fromkeys(parties, latest))
    told = _told(distribution, newest, lines)
    for pk in parties & told.keys():
        sums[pk] = (told[pk].contributed - told[pk].unreturned_capital, *sums[pk][1:])
    return [Standing(pk, *parts, told[pk].preferred_owed if pk in told else ZERO) for pk, parts in sums.items()]


def _parties(handed_over: Sequence[Transfer], investment_ids: Collection[UUID]) -> set[UUID]:
    """Return those of some investments between which capital changed hands, and all that they are linked with."""
    linked = {str(pk) for pk in investment_ids}
    found: set[str] = set()
    for _ in handed_over:
        for one in handed_over:
            if {one.seller, one.buyer} & linked:
                found |= {one.seller, one.buyer}
        linked |= found
    return {UUID(key) for key in found}


def _told(
    distribution: Distribution, newest: dict[UUID, date], lines: dict[date, dict[UUID, list[PastLine]]]
) -> dict[UUID, Balance]:
    """Return the engine's balance of each investment on its day."""
    by_day: dict[date, list[UUID]] = defaultdict(list)
    for pk, day in newest.items():
        by_day[day].append(pk)
    told: dict[UUID, Balance] = {}
    for day, investment_ids in by_day.items():
        keys = {str(pk): pk for pk in investment_ids}
        positions = list(entitlements.positions(distribution, on=day, only=keys.values()))
        for balance in _balances(distribution, positions, lines, day):
            told[keys[balance.key]] = balance
    return told


def _balances(
    distribution: Distribution,
    positions: list[Position],
    lines: dict[date, dict[UUID, list[PastLine]]],
    on: date,
) -> tuple[Balance, ...]:
    """Replay what reached these investors, and nobody else; nobody's depends on another's but by a transfer."""
    terms = terms_queries.in_force(distribution.offering_id, on)
    if terms is None:
        return ()
    known = {position.key for position in positions}
    handed_over = entitlements.transfers(distribution.offering_id, until=on)
    among_them = [one for one in handed_over if {one.seller, one.buyer} <= known]
    story = Replay(terms_queries.as_engine(terms), positions, among_them)
    for day in sorted(day for day in lines if day <= on):
        for past in lines[day].values():
            story.come_to(day)
            theirs = [line for line in past if line.key in known]
            # What rounding owes is another question, which only the whole of a distribution could answer.
            story.books.pay(story.paid(PastDistribution(day, theirs)), day)
    story.come_to(on)
    return story.books.balances(on)
