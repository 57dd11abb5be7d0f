"""
Drift: where stored figures differ from what the replay says.

The engine never reads stored totals; these functions hold them against the story told from
the first contribution, so that a difference is known and somebody can look at it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from distributions import cents
from distributions.positions import PastDistribution, Position, Transfer
from distributions.replay import Replay, in_order, replay
from distributions.results import Worked
from distributions.terms import ClassedTerms, Terms

SPONSOR = "sponsor"
_NOTHING = Decimal("0.00")


@dataclass(frozen=True)
class StoredBalance:
    """What somebody keeps about one investor; None for what is not kept."""

    key: str
    contributed: Decimal | None = None
    unreturned_capital: Decimal | None = None
    returned_capital: Decimal | None = None
    preferred_owed: Decimal | None = None
    preferred_paid: Decimal | None = None
    profits_paid: Decimal | None = None


@dataclass(frozen=True)
class Drift:
    """A stored figure of an investor that is not what the replay says."""

    key: str
    figure: str
    stored: Decimal
    replayed: Decimal

    @property
    def by(self) -> Decimal:
        return self.stored - self.replayed

    def __str__(self) -> str:
        return f"{self.key}: {self.figure} is kept as {self.stored}, the history makes it {self.replayed}."


@dataclass(frozen=True)
class LineDrift:
    """A line of a past distribution that is not what the terms gave on its day, in the light of all before it."""

    on: date
    key: str
    paid: Decimal
    entitled: Decimal

    @property
    def by(self) -> Decimal:
        return self.paid - self.entitled


def drift_of_balances(
    terms: Terms | ClassedTerms,
    positions: Sequence[Position],
    history: Sequence[PastDistribution],
    on: date,
    stored: Iterable[StoredBalance],
    *,
    transfers: Sequence[Transfer] = (),
) -> list[Drift]:
    """
    Return every stored figure that the replay does not bear out, in the order of the keys.

    An investor who is stored but has no position is held against nothing at all, and one
    with a position who is not stored counts as stored with nothing.

    :raises UnworkableFigures: as for calculating
    """
    told = {balance.key: balance for balance in replay(terms, positions, history, on, transfers).books.balances(on)}
    paid = _paid_by_nature(history)
    kept = {one.key: one for one in stored}
    drifts = []
    for key in sorted(told.keys() | kept.keys()):
        balance = told.get(key)
        capital, preferred, profit = paid.get(key, (_NOTHING,) * 3)
        replayed = {
            "contributed": balance.contributed if balance else _NOTHING,
            "unreturned_capital": balance.unreturned_capital if balance else _NOTHING,
            "returned_capital": capital,
            "preferred_owed": balance.preferred_owed if balance else _NOTHING,
            "preferred_paid": preferred,
            "profits_paid": profit,
        }
        one = kept.get(key) or StoredBalance(key, contributed=_NOTHING)
        for figure, right in replayed.items():
            value = getattr(one, figure)
            if value is not None and value != right:
                drifts.append(Drift(key, figure, value, right))
    return drifts


def drift_of_history(
    terms: Terms | ClassedTerms,
    positions: Sequence[Position],
    history: Sequence[PastDistribution],
    *,
    transfers: Sequence[Transfer] = (),
) -> list[LineDrift]:
    """
    Return every past line, the sponsor's too, that differs from what these terms gave on its day.

    Each distribution is worked anew from what was really paid before it, so that one wrong
    line is not reported again and again.

    :raises UnworkableFigures: as for calculating
    """
    story = Replay(terms, positions, transfers)
    drifts: list[LineDrift] = []
    for past in in_order(history, date.max):
        story.come_to(past.on)
        drifts.extend(_line_drifts(story, past))
        story.pay(past)
    return drifts


def _line_drifts(story: Replay, past: PastDistribution) -> Iterable[LineDrift]:
    got = {key: sum(natures, _NOTHING) for key, natures in _paid_by_nature([past]).items()}
    got[SPONSOR] = past.sponsor_catch_up + past.sponsor_profit_split
    amount = cents.from_decimal(sum(got.values(), _NOTHING))
    if not amount or not story.books.contributed:
        return
    worked = Worked(story.books, story.books.run(amount, past.on), past.on)
    columns = [column for tiers in worked.cells for column in tiers]
    keys = [*story.books.keys, SPONSOR]
    for key, cells in zip(keys, zip(*columns, strict=True), strict=True):
        entitled = cents.to_decimal(sum(cells))
        paid = got.get(key, _NOTHING)
        if paid != entitled:
            yield LineDrift(past.on, key, paid, entitled)


def _paid_by_nature(history: Sequence[PastDistribution]) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    paid: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
    for past in history:
        for line in past.lines:
            capital, preferred, profit = paid.get(line.key, (_NOTHING,) * 3)
            paid[line.key] = (
                capital + line.return_of_capital,
                preferred + line.preferred_return,
                profit + line.profit_split,
            )
    return paid
