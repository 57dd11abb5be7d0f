"""
Worked examples: what an operating agreement says its own terms give, to hold the terms against.

Pure arithmetic, like the waterfall. Earlier distributions of an example are run through the same
terms, since the agreement says what was distributed when and leaves the rest to its terms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from distributions.positions import PastDistribution, Position, UnworkableFigures
from distributions.results import Result
from distributions.terms import ClassedTerms, Terms
from distributions.waterfall import calculate

SPONSOR = "Sponsor"
"""How the sponsor's promote is named among the figures; no party may be called so."""
MOST_LINES = 60
FIRST_YEAR, LAST_YEAR = 1980, 2120
"""Between these years a deal lies; beyond them compounding every day would take its time for nothing."""
_NOTHING = Decimal("0.00")
_MOST = Decimal("1000000000000.00")


class UnworkableExample(Exception):
    """This is no worked example; the message says why, and ``field`` names the part that is wrong."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a named party put in on a day, and its class where there are classes."""

    party: str
    on: date
    amount: Decimal
    investor_class: str = ""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A distribution that came before the one in question."""

    on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class TierFigures:
    """What a tier takes for the investors and for the sponsor; tiers are counted from 1, over all classes."""

    tier: int
    investors: Decimal
    sponsor: Decimal


@dataclass(frozen=True)
class Example:
    """
    One worked example.

    :raises UnworkableExample: if it is not complete, or does not add up
    """

    source: str
    on: date
    amount: Decimal
    contributions: tuple[Contribution, ...]
    expected: tuple[tuple[str, Decimal], ...]
    sponsor: Decimal
    earlier: tuple[Earlier, ...] = ()
    tiers: tuple[TierFigures, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise UnworkableExample("Say where in the agreement it stands: section and page.", "source")
        _require_amount(self.amount, "The amount", "amount")
        self._require_parties()
        self._require_expected()
        for one in self.earlier:
            _require_amount(one.amount, f"The distribution of {one.on}", "earlier")
            if one.on > self.on:
                raise UnworkableExample(f"{one.on} is later than the distribution in question.", "earlier")
        if len({one.tier for one in self.tiers}) < len(self.tiers):
            raise UnworkableExample("Name each tier once.", "tiers")
        for tier in self.tiers:
            for figure in (tier.investors, tier.sponsor):
                _require_amount(figure, f"Tier {tier.tier}", "tiers", least=_NOTHING)

    def _require_parties(self) -> None:
        if not self.contributions:
            raise UnworkableExample("Name one party at least, with what it put in and when.", "contributions")
        classes: dict[str, str] = {}
        for one in self.contributions:
            if not one.party.strip() or one.party.casefold() == SPONSOR.casefold():
                raise UnworkableExample(
                    f"“{one.party}” is no party: the promote is the sponsor's. A sponsor that put in capital needs"
                    " another name for it.", "contributions",
                )  # fmt: skip
            _require_amount(one.amount, f"The contribution of {one.party}", "contributions")
            if classes.setdefault(one.party, one.investor_class) != one.investor_class:
                raise UnworkableExample(f"{one.party} belongs to two classes; give it one.", "contributions")

    def _require_expected(self) -> None:
        parties = {one.party for one in self.contributions}
        named = [party for party, _ in self.expected]
        for party in named:
            if party not in parties or named.count(party) > 1:
                raise UnworkableExample(f"“{party}” has no contribution, or is named twice.", "expected")
        missing = sorted(parties - set(named))
        if missing:
            raise UnworkableExample(f"Say what {missing[0]} gets, even if it is nothing.", "expected")
        for party, amount in (*self.expected, (SPONSOR, self.sponsor)):
            _require_amount(amount, f"What {party} gets", "expected", least=_NOTHING)
        together = sum((amount for _, amount in self.expected), self.sponsor)
        if together != self.amount:
            raise UnworkableExample(
                f"The expected figures come to {together:,.2f}, not to the {self.amount:,.2f} distributed.", "expected"
            )


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of an example: of whom or what, as the agreement has it and as the terms give it."""

    what: str
    expected: Decimal
    computed: Decimal

    @property
    def difference(self) -> Decimal:
        """What the terms give more than the agreement says."""
        return self.computed - self.expected


@dataclass(frozen=True, slots=True)
class Outcome:
    """An example held against terms: its figures, or why the terms cannot work it."""

    example: Example
    figures: tuple[Figure, ...]
    problem: str = ""

    @property
    def first_difference(self) -> Figure | None:
        """The first figure that does not come out to the cent."""
        return next((figure for figure in self.figures if figure.difference), None)

    @property
    def reproduces(self) -> bool:
        """Whether every figure comes out to the cent."""
        return not self.problem and self.first_difference is None


def hold_against(terms: Terms | ClassedTerms, example: Example) -> Outcome:
    """Work an example by the terms, and put every expected figure beside what comes out."""
    try:
        result = work(terms, example)
    except UnworkableFigures as error:
        return Outcome(example, (), str(error))
    computed = {share.key: share.total for share in result.shares}
    figures = [Figure(party, amount, computed[party]) for party, amount in example.expected]
    figures.append(Figure(SPONSOR, example.sponsor, result.sponsor.total))
    for one in sorted(example.tiers, key=lambda one: one.tier):
        if not 1 <= one.tier <= len(result.tiers):
            return Outcome(example, tuple(figures), f"There is no tier {one.tier}; the terms have {len(result.tiers)}.")
        total = result.tiers[one.tier - 1]
        figures += [
            Figure(f"Tier {one.tier}, investors", one.investors, total.lp),
            Figure(f"Tier {one.tier}, sponsor", one.sponsor, total.gp),
        ]
    return Outcome(example, tuple(figures))


def work(terms: Terms | ClassedTerms, example: Example) -> Result:
    """
    Run an example through terms, with the distributions that came before.

    :raises UnworkableFigures: if the terms cannot work it
    """
    history: list[PastDistribution] = []
    positions = positions_of(example)
    for one in sorted(example.earlier, key=lambda one: one.on):
        history.append(calculate(terms, positions, history, one.amount, one.on).as_past())
    return calculate(terms, positions, history, example.amount, example.on)


def positions_of(example: Example) -> list[Position]:
    """Return each party with its contributions; what it puts in later than the distribution counts for nothing."""
    flows: dict[str, list[tuple[date, Decimal]]] = {}
    classes = {one.party: one.investor_class for one in example.contributions}
    for one in example.contributions:
        flows.setdefault(one.party, []).append((one.on, one.amount))
    return [Position(party, tuple(sorted(paid)), investor_class=classes[party]) for party, paid in flows.items()]


def as_data(example: Example) -> dict[str, Any]:
    """Return an example as lists and text that JSON can hold."""
    return {
        "source": example.source,
        "on": example.on.isoformat(),
        "amount": _text(example.amount),
        "contributions": [
            [one.party, one.on.isoformat(), _text(one.amount), one.investor_class] for one in example.contributions
        ],
        "earlier": [[one.on.isoformat(), _text(one.amount)] for one in example.earlier],
        "expected": [[party, _text(amount)] for party, amount in example.expected],
        "sponsor": _text(example.sponsor),
        "tiers": [[one.tier, _text(one.investors), _text(one.sponsor)] for one in example.tiers],
    }


def from_data(data: Mapping[str, Any]) -> Example:
    """
    Return the example that data describes.

    :raises UnworkableExample: if it is none
    """
    lists = {name: _lines(data, name) for name in ("contributions", "earlier", "expected", "tiers")}
    return Example(
        source=str(data.get("source", "")).strip(),
        on=_day(data.get("on"), "on"),
        amount=_amount(data.get("amount"), "amount"),
        contributions=tuple(
            Contribution(
                party, _day(on, "contributions"), _amount(paid, "contributions"), str(rest[0]).strip() if rest else ""
            )
            for party, on, paid, *rest in _parts(lists, "contributions", 3, 4)
        ),
        earlier=tuple(
            Earlier(_day(on, "earlier"), _amount(paid, "earlier")) for on, paid in _parts(lists, "earlier", 2, 2)
        ),
        expected=tuple((party, _amount(amount, "expected")) for party, amount in _parts(lists, "expected", 2, 2)),
        sponsor=_amount(data.get("sponsor"), "sponsor"),
        tiers=tuple(
            TierFigures(_number(tier), _amount(lp, "tiers"), _amount(gp, "tiers"))
            for tier, lp, gp in _parts(lists, "tiers", 3, 3)
        ),
    )


def _lines(data: Mapping[str, Any], name: str) -> Sequence[Any]:
    lines = data.get(name, [])
    if not isinstance(lines, Sequence) or isinstance(lines, str) or len(lines) > MOST_LINES:
        raise UnworkableExample(f"This must be a list of at most {MOST_LINES} lines.", name)
    return lines


def _parts(lists: Mapping[str, Sequence[Any]], name: str, least: int, most: int) -> list[list[Any]]:
    found = []
    for number, line in enumerate(lists[name], start=1):
        if not isinstance(line, Sequence) or isinstance(line, str):
            line = [line]
        if not least <= len(line) <= most:
            wanted = str(least) if least == most else f"{least} or {most}"
            raise UnworkableExample(f"Line {number} needs {wanted} parts; it has {len(line)}.", name)
        found.append([part.strip() if isinstance(part, str) else part for part in line])
        if name in ("contributions", "expected") and not (isinstance(line[0], str) and 0 < len(line[0].strip()) <= 60):
            raise UnworkableExample(f"Line {number} must begin with a party's name, of 60 letters at most.", name)
    return found


def _day(value: object, name: str) -> date:
    try:
        day = date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise UnworkableExample(f"“{value}” is not a day such as 2023-01-31.", name) from error
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise UnworkableExample(f"Give a day between {FIRST_YEAR} and {LAST_YEAR}, not {day}.", name)
    return day


def _amount(value: object, name: str) -> Decimal:
    try:
        amount = Decimal(value.replace(",", "").removeprefix("$") if isinstance(value, str) else "")
        exact = amount.quantize(_NOTHING)
    except InvalidOperation as error:
        raise UnworkableExample(f"“{value}” is not an amount such as 1250.00.", name) from error
    if exact != amount:
        raise UnworkableExample(f"{value} is not in whole cents.", name)
    return exact


def _number(value: object) -> int:
    try:
        return int(str(value).casefold().removeprefix("tier").strip())
    except ValueError as error:
        raise UnworkableExample(f"“{value}” is not the number of a tier.", "tiers") from error


def _require_amount(amount: Decimal, name: str, field: str, *, least: Decimal = Decimal("0.01")) -> None:
    if not amount.is_finite() or not least <= amount < _MOST or amount != amount.quantize(_NOTHING):
        raise UnworkableExample(f"{name} must be an amount in whole cents, of at least {least}; it is {amount}.", field)


def _text(amount: Decimal) -> str:
    return f"{amount.quantize(_NOTHING):f}"
