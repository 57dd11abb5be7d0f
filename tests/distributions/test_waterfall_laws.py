"""The laws every waterfall keeps, whatever its terms, its investors and its history."""

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributions.waterfall import (
    CapitalBase,
    CatchUp,
    Compounding,
    DayCount,
    PastDistribution,
    PastLine,
    Position,
    PreferredReturn,
    Result,
    ReturnOfCapital,
    Split,
    Terms,
    Tier,
    TierKind,
    balances,
    calculate,
    original_four_tiers,
)

START, EXIT = date(2023, 1, 1), date(2025, 12, 31)
CENT = Decimal("0.01")
LAST = Split(Decimal("0.80"), Decimal("0.20"))
ALL_TO_INVESTORS = Split(Decimal("1"), Decimal("0"))


def position(key: str, amount: int | str, on: date = START) -> Position:
    return Position(key=key, contributions=((on, Decimal(amount)),))


def money(least: int, most: int) -> st.SearchStrategy[Decimal]:
    return st.integers(least, most).map(lambda cents: Decimal(cents).scaleb(-2))


def hundredths(least: int, most: int) -> st.SearchStrategy[Decimal]:
    return st.integers(least, most).map(lambda part: Decimal(part).scaleb(-2))


days = st.integers(0, 700).map(lambda number: START + timedelta(number))
# Even cents, so that a contribution can be halved.
contributions = st.tuples(days, st.integers(1, 10**8).map(lambda cents: Decimal(2 * cents).scaleb(-2)))
amounts = money(1, 3 * 10**8)


@st.composite
def all_terms(draw: st.DrawFn) -> Terms:
    tiers: list[Tier] = [ReturnOfCapital()]
    preferred = PreferredReturn(
        rate=draw(hundredths(1, 25)),
        base=draw(st.sampled_from(CapitalBase)),
        day_count=draw(st.sampled_from(DayCount)),
        compounding=draw(st.sampled_from(Compounding)),
        accrues_from=draw(st.none() | days),
    )
    target = draw(hundredths(5, 50))
    tiers.append(preferred)
    tiers.append(CatchUp(draw(hundredths(int(target * 100) + 1, 100)), target))
    kept = draw(st.lists(st.sampled_from(tiers), unique=True))
    share = draw(hundredths(0, 100))
    return Terms((*kept, Split(share, 1 - share)))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Terms, list[Position], list[PastDistribution], date]:
    """Draw terms, investors, the distributions they had so far, and a day."""
    terms = draw(all_terms())
    held = st.lists(contributions, min_size=1, max_size=3)
    people = [
        Position(f"{index:02}", ((START, Decimal("2.00")), *draw(held))) for index in range(draw(st.integers(1, 8)))
    ]
    history: list[PastDistribution] = []
    on = START
    for amount in draw(st.lists(amounts, max_size=4)):
        on += timedelta(draw(st.integers(0, 300)))
        history.append(calculate(terms, people, history, amount, on).as_past())
    return terms, people, history, on + timedelta(draw(st.integers(0, 300)))


# The machine may be busy; a law is not broken by being proven slowly.
unhurried = settings(deadline=None)

Case = tuple[Terms, list[Position], list[PastDistribution], date]


def run(case: Case, amount: Decimal) -> Result:
    terms, people, history, on = case
    return calculate(terms, people, history, amount, on)


class TestLaws:
    @unhurried
    @given(cases(), amounts)
    def test_everything_foots(self, case: Case, amount: Decimal) -> None:
        result = run(case, amount)

        assert sum(share.total for share in result.shares) + result.sponsor.total == amount
        assert sum(tier.total for tier in result.tiers) == amount
        stored = (result.return_of_capital, result.preferred_return)
        assert sum(stored) + result.sponsor_catch_up + result.profit_split == amount
        by_kind = {tier.kind: tier for tier in result.tiers}
        for kind, total in zip((TierKind.RETURN_OF_CAPITAL, TierKind.PREFERRED_RETURN), stored, strict=True):
            assert total == (by_kind[kind].total if kind in by_kind else 0)
        for share in result.shares:
            assert share.total == share.return_of_capital + share.preferred_return + share.profit_split

    @unhurried
    @given(cases(), amounts)
    def test_nothing_is_negative(self, case: Case, amount: Decimal) -> None:
        result = run(case, amount)

        for share in result.shares:
            assert min(share.return_of_capital, share.preferred_return, share.profit_split) >= 0
        assert min(result.sponsor.catch_up, result.sponsor.profit_split) >= 0
        for balance in result.balances:
            assert 0 <= balance.unreturned_capital <= balance.contributed
            assert balance.preferred_owed >= 0

    @unhurried
    @given(cases(), amounts)
    def test_every_payee_is_within_a_cent_of_its_exact_share(self, case: Case, amount: Decimal) -> None:
        result = run(case, amount)

        payees = [(share.total, share.exact) for share in result.shares]
        for total, exact in [*payees, (result.sponsor.total, result.sponsor.exact)]:
            assert abs(Fraction(total) - exact) < Fraction(1, 100)
        assert sum(share.exact for share in result.shares) + result.sponsor.exact == Fraction(amount)

    @unhurried
    @given(cases(), amounts)
    def test_each_tier_conserves_its_exact_total(self, case: Case, amount: Decimal) -> None:
        result = run(case, amount)

        for tier in result.tiers:
            exact = tier.lp_exact + tier.gp_exact
            assert abs(Fraction(tier.total) - exact) < Fraction(1, 100)
            assert tier.lp_exact >= 0
            assert tier.gp_exact >= 0

    @unhurried
    @given(cases(), amounts, amounts)
    def test_more_money_never_pays_anyone_less(self, case: Case, amount: Decimal, more: Decimal) -> None:
        less, greater = run(case, amount), run(case, amount + more)

        for before, after in zip(less.shares, greater.shares, strict=True):
            assert before.exact <= after.exact
            assert before.total <= after.total + CENT
        assert less.sponsor.exact <= greater.sponsor.exact

    @unhurried
    @given(cases(), amounts, st.randoms(use_true_random=False))
    def test_order_of_investors_does_not_matter(self, case: Case, amount: Decimal, rng: random.Random) -> None:
        terms, people, history, on = case
        shuffled = rng.sample(people, len(people))
        lines = [replace(past, lines=tuple(rng.sample(past.lines, len(past.lines)))) for past in history]

        assert calculate(terms, shuffled, lines, amount, on) == run(case, amount)

    @unhurried
    @given(cases(), amounts)
    def test_splitting_one_investor_in_two_moves_nobody_else_by_more_than_a_cent(
        self, case: Case, amount: Decimal
    ) -> None:
        terms, people, _, on = case
        first, *others = people
        half = tuple((day, capital / 2) for day, capital in first.contributions)
        halves = [Position("00", half), Position("99", half)]

        whole = calculate(terms, people, (), amount, on)
        split = calculate(terms, halves + others, (), amount, on)

        for before, after in zip(whole.shares[1:], split.shares[1:-1], strict=True):
            assert before.key == after.key
            assert abs(before.total - after.total) <= CENT
        assert abs(whole.sponsor.total - split.sponsor.total) <= CENT
        together = split.shares[0].total + split.shares[-1].total
        assert abs(whole.shares[0].total - together) <= 2 * CENT

    @unhurried
    @given(cases(), amounts)
    def test_computing_twice_gives_the_same(self, case: Case, amount: Decimal) -> None:
        assert run(case, amount) == run(case, amount)

    @unhurried
    @given(cases(), amounts)
    def test_balances_after_are_those_before_the_next(self, case: Case, amount: Decimal) -> None:
        terms, people, history, on = case
        result = run(case, amount)

        assert balances(terms, people, [*history, result.as_past()], on) == result.balances

    @unhurried
    @given(cases(), amounts, amounts)
    def test_two_distributions_of_a_day_are_as_good_as_one(self, case: Case, first: Decimal, second: Decimal) -> None:
        # Without a catch-up, which multiplies a cent of rounding in the profits it looks back on.
        terms, people, history, on = case
        terms = replace(terms, tiers=tuple(tier for tier in terms.tiers if not isinstance(tier, CatchUp)))
        begun = calculate(terms, people, history, first, on)
        ended = calculate(terms, people, [*history, begun.as_past()], second, on)
        once = calculate(terms, people, history, first + second, on)

        for one, two, both in zip(begun.shares, ended.shares, once.shares, strict=True):
            assert abs(one.total + two.total - both.total) <= 3 * CENT


def calculated(
    terms: Terms, amount: str, people: Sequence[Position], history: Sequence[PastDistribution], on: date = EXIT
) -> Result:
    return calculate(terms, people, history, Decimal(amount), on)


class TestLifetime:
    @pytest.mark.parametrize("tiers", [(LAST,), (ReturnOfCapital(), LAST)], ids=["profit", "capital"])
    def test_drifts_about_a_cent_from_the_exact_entitlement(self, tiers: tuple[Tier, ...]) -> None:
        rng = random.Random(3)
        people = [position(f"{n:02}", rng.randrange(1_000, 900_000)) for n in range(15)]
        whole = sum(person.contributions[0][1] for person in people)
        history: list[PastDistribution] = []
        paid = dict.fromkeys((person.key for person in people), Decimal(0))
        sent, drift = Decimal(0), Fraction(0)
        for month in range(60):
            amount = Decimal(rng.randrange(1, int(whole))) / 100
            result = calculated(Terms(tiers), str(amount), people, history, START + timedelta(30 * month))
            history.append(result.as_past())
            sent += amount
            for share, person in zip(result.shares, people, strict=True):
                paid[share.key] += share.total
                part = Fraction(person.contributions[0][1]) / Fraction(whole)
                lp = sent if len(tiers) > 1 else sent * LAST.lp_share
                drift = max(drift, abs(Fraction(paid[share.key]) - part * Fraction(lp)))

        assert drift < Fraction(13, 1000)

    def test_closes_capital_to_the_cent(self) -> None:
        people = [position(key, "333.33") for key in "abc"]
        history: list[PastDistribution] = []
        for amount in ("0.01", "100.00", "7.77", "500.00", "392.21"):
            history.append(calculated(Terms((ReturnOfCapital(), LAST)), amount, people, history).as_past())

        assert [b.unreturned_capital for b in balances(Terms((LAST,)), people, history, EXIT)] == [0, 0, 0]

    def test_forgets_what_the_balances_have_made_good(self) -> None:
        # The first got the odd cent of capital, and a cent less when capital was closed.
        people = [position(key, 1) for key in "abc"]
        history: list[PastDistribution] = []
        for amount in ("1.00", "2.00", "0.01"):
            result = calculated(Terms((ReturnOfCapital(), ALL_TO_INVESTORS)), amount, people, history)
            history.append(result.as_past())

        assert [share.total for share in result.shares] == [CENT, 0, 0]

    def test_does_not_make_good_what_no_rounding_made(self) -> None:
        # The first was paid alone, as the original did; that is not ours to balance in cents.
        people = [position(key, 1) for key in "abc"]
        past = PastDistribution(EXIT, (PastLine("a", profit_split=Decimal("400000.00")),))

        result = calculated(Terms((ALL_TO_INVESTORS,)), "0.01", people, [past])

        assert [share.total for share in result.shares] == [CENT, 0, 0]


class TestAsALibrary:
    def test_needs_no_django(self) -> None:
        script = "import sys, distributions.waterfall; sys.exit('django' in sys.modules)"

        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

    def test_calculates_a_thousand_investors_with_history_quickly(self) -> None:
        rng = random.Random(5)
        people = [
            position(f"{n:04}", rng.randrange(1_000, 100_000), on=START + timedelta(rng.randrange(60)))
            for n in range(1000)
        ]
        history: list[PastDistribution] = []
        for quarter in range(8):
            on = date(2023, 4, 1) + timedelta(91 * quarter)
            history.append(calculated(original_four_tiers(), "750000.11", people, history, on).as_past())

        seconds = []
        for _ in range(3):
            began = time.process_time()
            calculated(original_four_tiers(), "60000000.00", people, history)
            seconds.append(time.process_time() - began)

        # Work of this process alone, about 0.05 s of it; a benchmark holds it against the figure to meet. This one
        # is for a step that takes a time that grows with the square of the investors.
        assert min(seconds) < 0.5
