"""Random deals for property tests: terms of every kind, investors, and the distributions they had so far."""

import os
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st

from distributions.waterfall import (
    BetweenClasses,
    CapitalBase,
    CatchUp,
    ClassedTerms,
    Compounding,
    DayCount,
    InvestorClass,
    IrrHurdle,
    MultipleHurdle,
    PastDistribution,
    Position,
    PreferredReturn,
    Result,
    ReturnOfCapital,
    Split,
    Terms,
    Tier,
    Transfer,
    calculate,
)

START = date(2023, 1, 1)

# The machine may be busy; a law is not broken by being proven slowly. REALCO_LAWS=5000 proves it on so many deals.
lawful = settings(
    deadline=None,
    max_examples=int(os.environ.get("REALCO_LAWS", "25")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def money(least: int, most: int) -> st.SearchStrategy[Decimal]:
    return st.integers(least, most).map(lambda cents: Decimal(cents).scaleb(-2))


def hundredths(least: int, most: int) -> st.SearchStrategy[Decimal]:
    return st.integers(least, most).map(lambda part: Decimal(part).scaleb(-2))


days = st.integers(0, 700).map(lambda number: START + timedelta(number))
# Even cents, so that a contribution can be halved.
contributions = st.tuples(days, st.integers(1, 10**8).map(lambda cents: Decimal(2 * cents).scaleb(-2)))
amounts = money(1, 3 * 10**8)
# Investors' share of a hurdle; a small one would multiply what a cent of rounding does.
shares = hundredths(50, 100)


@st.composite
def preferred_returns(draw: st.DrawFn, rate: Decimal) -> PreferredReturn:
    cumulative = draw(st.sampled_from([True, True, True, False]))
    share = draw(shares)
    return PreferredReturn(
        rate=rate,
        base=draw(st.sampled_from(CapitalBase)),
        day_count=draw(st.sampled_from(DayCount)),
        compounding=draw(st.sampled_from(Compounding)) if cumulative else Compounding.SIMPLE,
        accrues_from=draw(st.none() | days),
        cumulative=cumulative,
        lp_share=share,
        gp_share=1 - share,
    )


@st.composite
def all_terms(draw: st.DrawFn) -> Terms:
    """Draw up to five tiers of any kind in any order, hurdles of a kind rising, and a split."""
    kinds = draw(st.lists(st.sampled_from("RRPPIIMC"), max_size=5))
    rates = iter(sorted(draw(st.lists(hundredths(1, 30), min_size=5, max_size=5, unique=True))))
    multiples = iter(sorted(draw(st.lists(hundredths(100, 300), min_size=5, max_size=5, unique=True))))
    targets = iter(sorted(draw(st.lists(hundredths(5, 50), min_size=5, max_size=5, unique=True))))
    tiers: list[Tier] = []
    for kind in kinds:
        share = draw(shares)
        if kind == "R" and not any(isinstance(tier, ReturnOfCapital) for tier in tiers):
            tiers.append(ReturnOfCapital())
        elif kind == "P":
            tiers.append(draw(preferred_returns(next(rates))))
        elif kind == "I":
            tiers.append(IrrHurdle(next(rates), share, 1 - share))
        elif kind == "M":
            tiers.append(MultipleHurdle(next(multiples), share, 1 - share))
        elif kind == "C":
            target = next(targets)
            tiers.append(CatchUp(draw(hundredths(int(target * 100) + 1, 100)), target))
    share = draw(hundredths(0, 100))
    return Terms((*tiers, Split(share, 1 - share)))


@st.composite
def classed_terms(draw: st.DrawFn) -> ClassedTerms:
    number = draw(st.integers(2, 3))
    classes = tuple(InvestorClass("ABC"[index], draw(all_terms())) for index in range(number))
    return ClassedTerms(classes, draw(st.sampled_from(BetweenClasses)))


@dataclass
class Case:
    """Terms, investors, the distributions they had so far, and a day."""

    terms: Terms | ClassedTerms
    people: list[Position]
    history: list[PastDistribution]
    on: date
    transfers: tuple[Transfer, ...] = ()

    def run(self, amount: Decimal) -> Result:
        return calculate(self.terms, self.people, self.history, amount, self.on, transfers=self.transfers)

    def without_catch_up(self) -> "Case":
        if isinstance(self.terms, Terms):
            return replace(self, terms=_without_catch_up(self.terms))
        classes = tuple(InvestorClass(one.name, _without_catch_up(one.terms)) for one in self.terms.classes)
        return replace(self, terms=replace(self.terms, classes=classes))


@st.composite
def cases(draw: st.DrawFn, terms: st.SearchStrategy[Terms | ClassedTerms] | None = None) -> Case:
    chosen = draw(terms if terms is not None else st.one_of(all_terms(), all_terms(), classed_terms()))
    names = [one.name for one in chosen.classes] if isinstance(chosen, ClassedTerms) else [""]
    held = st.lists(contributions, min_size=1, max_size=3)
    people = [
        Position(
            f"{index:02}",
            ((START, Decimal("2.00")), *draw(held)),
            investor_class=names[index % len(names)],
        )
        for index in range(draw(st.integers(1, 8)))
    ]
    history: list[PastDistribution] = []
    on = START
    for amount in draw(st.lists(amounts, max_size=4)):
        on += timedelta(draw(st.integers(0, 300)))
        history.append(calculate(chosen, people, history, amount, on).as_past())
    return Case(chosen, people, history, on + timedelta(draw(st.integers(0, 300))))


@st.composite
def handed_over(draw: st.DrawFn) -> Case:
    """Draw a deal in which parts of investments change hands, before and between distributions."""
    case = draw(cases())
    pairs = [
        (one.key, other.key)
        for one in case.people
        for other in case.people
        if one is not other and one.investor_class == other.investor_class
    ]
    assume(pairs)
    parts = st.one_of(st.just(Decimal(1)), hundredths(1, 99))
    days_of_runs = [past.on for past in case.history]
    history: list[PastDistribution] = []
    transfers: list[Transfer] = []
    free_from = START
    for on in [*days_of_runs, case.on]:
        # What is distributed stands: nothing changes hands on its day any more.
        for _ in range(draw(st.integers(0, 2)) if free_from <= on else 0):
            free_from += timedelta(draw(st.integers(0, (on - free_from).days)))
            transfers.append(Transfer(free_from, *draw(st.sampled_from(pairs)), draw(parts)))
        free_from = on + timedelta(1)
        if len(history) < len(days_of_runs):
            amount = draw(amounts)
            past = calculate(case.terms, case.people, history, amount, on, transfers=tuple(transfers))
            history.append(past.as_past())
    return replace(case, history=history, transfers=tuple(transfers))


def _without_catch_up(terms: Terms) -> Terms:
    return replace(terms, tiers=tuple(tier for tier in terms.tiers if not isinstance(tier, CatchUp)))
