"""Rounding over a lifetime: who gets the odd cents of many distributions, and for how long it is remembered."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from distributions.replay import Replay, read_cents
from distributions.templates import original_four_tiers, preferred_and_split, three_hurdle_promote
from distributions.waterfall import (
    PastDistribution,
    PastLine,
    Position,
    PreferredReturn,
    Result,
    ReturnOfCapital,
    Split,
    Terms,
    Tier,
    balances,
    calculate,
    work,
)

START, EXIT = date(2023, 1, 1), date(2025, 12, 31)
CENT = Decimal("0.01")
LAST = Split(Decimal("0.80"), Decimal("0.20"))
ALL_TO_INVESTORS = Split(Decimal("1"), Decimal("0"))


def position(key: str, amount: int | str, on: date = START) -> Position:
    return Position(key=key, contributions=((on, Decimal(amount)),))


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

    @pytest.mark.parametrize(
        "terms",
        [
            Terms((LAST,)),
            preferred_and_split(),
            three_hurdle_promote(),
            original_four_tiers(),
            Terms((PreferredReturn(Decimal("0.02")), *three_hurdle_promote().tiers)),
        ],
        ids=["split", "preferred and split", "IRR promote", "original", "preferred and IRR promote"],
    )
    def test_drifts_two_cents_at_most_over_sixty_runs_of_changing_weights(self, terms: Terms) -> None:
        # The same deal a million times as large is rounded a million times as finely.
        rng, fine = random.Random(11), 10**6
        people = {f"{n:02}": [(START, Decimal(rng.randrange(1_000, 900_000)))] for n in range(15)}
        runs = [(START + timedelta(30 * month), Decimal(rng.randrange(1, 10**8)) / 100) for month in range(60)]
        for on, _ in runs:
            people[f"{rng.randrange(15):02}"].append((on, Decimal(rng.randrange(100, 50_000))))
        rounded, ideal = (
            distributed(
                terms,
                [Position(key, tuple((on, paid * scale) for on, paid in flows)) for key, flows in people.items()],
                [(on, amount * scale) for on, amount in runs],
            )
            for scale in (1, fine)
        )

        drift = dict.fromkeys(people, Fraction(0))
        worst = Fraction(0)
        for result, exactly in zip(rounded, ideal, strict=True):
            for row, key in enumerate(people):
                drift[key] += result[row] - exactly[row] / fine
            worst = max(worst, *map(abs, drift.values()))
        assert worst < 2


def distributed(terms: Terms, people: Sequence[Position], runs: Sequence[tuple[date, Decimal]]) -> list[list[Fraction]]:
    """Return the cents each investor gets of each distribution, in one telling of the story."""
    story = Replay(terms, people)
    told = []
    for on, amount in runs:
        story.come_to(on)
        paid = work(story, read_cents(amount, "A distribution"), on).paid()
        story.book(paid, on)
        told.append([Fraction(sum(row)) for row in zip(paid.capital, paid.preferred, paid.profit, strict=True)])
    return told
