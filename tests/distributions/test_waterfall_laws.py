"""The laws every waterfall keeps, whatever its terms, its investors and its history."""

import json
import random
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from distributions.derivations import SPONSOR, derive
from distributions.drift import drift_of_history
from distributions.terms_data import as_data, from_data
from distributions.waterfall import Position, Terms, TierKind, balances, calculate
from tests.distributions.drawn import Case, all_terms, amounts, cases, classed_terms, lawful

pytestmark = pytest.mark.slow

CENT = Decimal("0.01")
# More than any drawn deal needs to fill every hurdle.
PLENTY = Decimal("900000000000.00")


class TestLaws:
    @lawful
    @given(cases(), amounts)
    def test_everything_foots(self, case: Case, amount: Decimal) -> None:
        result = case.run(amount)

        assert sum(share.total for share in result.shares) + result.sponsor.total == amount
        assert sum(tier.total for tier in result.tiers) == amount
        stored = result.return_of_capital + result.preferred_return
        assert stored + result.sponsor_catch_up + result.profit_split == amount
        for share in result.shares:
            assert share.total == share.return_of_capital + share.preferred_return + share.profit_split
            assert share.total == Decimal(sum(share.by_tier)).scaleb(-2)
        for place, tier in enumerate(result.tiers):
            assert tier.lp == Decimal(sum(share.by_tier[place] for share in result.shares)).scaleb(-2)

    @lawful
    @given(cases(all_terms()), amounts)
    def test_natures_are_those_of_the_tiers(self, case: Case, amount: Decimal) -> None:
        result = case.run(amount)

        took: dict[TierKind, Decimal] = dict.fromkeys(TierKind, Decimal(0))
        for tier in result.tiers:
            took[tier.kind] += tier.lp
        by_cash: Decimal = took[TierKind.IRR_HURDLE] + took[TierKind.MULTIPLE_HURDLE]
        capital, preferred = took[TierKind.RETURN_OF_CAPITAL], took[TierKind.PREFERRED_RETURN]
        # Of capital returned by two tiers, a cent that both round up is not capital.
        odd = CENT * len(case.people) if by_cash else Decimal(0)
        assert capital - odd <= result.return_of_capital <= capital + by_cash
        assert preferred <= result.preferred_return <= preferred + by_cash + odd

    @lawful
    @given(cases(), amounts)
    def test_nothing_is_negative(self, case: Case, amount: Decimal) -> None:
        result = case.run(amount)

        for share in result.shares:
            assert min(share.return_of_capital, share.preferred_return, share.profit_split) >= 0
            assert min(share.by_tier) >= 0
        assert min(result.sponsor.catch_up, result.sponsor.profit_split) >= 0
        for balance in result.balances:
            assert 0 <= balance.unreturned_capital <= balance.contributed
            assert balance.preferred_owed >= 0

    @lawful
    @given(cases(), amounts)
    def test_every_payee_is_within_a_cent_of_its_exact_share(self, case: Case, amount: Decimal) -> None:
        result = case.run(amount)

        payees = [(share.total, share.exact) for share in result.shares]
        for total, exact in [*payees, (result.sponsor.total, result.sponsor.exact)]:
            assert abs(Fraction(total) - exact) < Fraction(1, 100)
        assert sum(share.exact for share in result.shares) + result.sponsor.exact == Fraction(amount)

    @lawful
    @given(cases(), amounts)
    def test_each_tier_conserves_its_exact_total(self, case: Case, amount: Decimal) -> None:
        result = case.run(amount)

        for tier in result.tiers:
            exact = tier.lp_exact + tier.gp_exact
            assert abs(Fraction(tier.total) - exact) < Fraction(1, 100)
            assert tier.lp_exact >= 0
            assert tier.gp_exact >= 0

    @lawful
    @given(cases(), amounts, amounts)
    def test_more_money_never_pays_anyone_less(self, case: Case, amount: Decimal, more: Decimal) -> None:
        less, greater = case.run(amount), case.run(amount + more)

        for before, after in zip(less.shares, greater.shares, strict=True):
            assert before.exact <= after.exact
            assert before.total <= after.total + CENT
        assert less.sponsor.exact <= greater.sponsor.exact

    @lawful
    @given(cases(all_terms()))
    def test_tier_edges_are_exact(self, case: Case) -> None:
        needs = [tier.lp_exact + tier.gp_exact for tier in case.run(PLENTY).tiers[:-1]]
        edge = Fraction(0)
        for place, need in enumerate(needs):
            edge += need
            below, above = Decimal(floor(edge * 100)).scaleb(-2), Decimal(ceil(edge * 100)).scaleb(-2)
            if below:
                assert not any(tier.lp_exact + tier.gp_exact for tier in case.run(below).tiers[place + 1 :])
            if above:
                filled = [tier.lp_exact + tier.gp_exact for tier in case.run(above).tiers[: place + 1]]
                assert filled == needs[: place + 1]

    @pytest.mark.slow
    @lawful
    @given(cases(), amounts, st.randoms(use_true_random=False))
    def test_order_of_investors_does_not_matter(self, case: Case, amount: Decimal, rng: random.Random) -> None:
        shuffled = rng.sample(case.people, len(case.people))
        lines = [replace(past, lines=tuple(rng.sample(list(past.lines), len(past.lines)))) for past in case.history]

        assert calculate(case.terms, shuffled, lines, amount, case.on) == case.run(amount)

    @pytest.mark.slow
    @lawful
    @given(cases(), amounts)
    def test_splitting_one_investor_in_two_moves_nobody_else_by_more_than_a_cent(
        self, case: Case, amount: Decimal
    ) -> None:
        first, *others = case.people
        half = tuple((day, capital / 2) for day, capital in first.contributions)
        halves = [Position(key, half, investor_class=first.investor_class) for key in ("00", "99")]

        whole = calculate(case.terms, case.people, (), amount, case.on)
        split = calculate(case.terms, halves + others, (), amount, case.on)

        for before, after in zip(whole.shares[1:], split.shares[1:-1], strict=True):
            assert before.key == after.key
            assert abs(before.total - after.total) <= CENT
        assert abs(whole.sponsor.total - split.sponsor.total) <= CENT
        together = split.shares[0].total + split.shares[-1].total
        assert abs(whole.shares[0].total - together) <= 2 * CENT

    @lawful
    @given(cases(), amounts)
    def test_computing_twice_gives_the_same(self, case: Case, amount: Decimal) -> None:
        assert case.run(amount) == case.run(amount)

    @pytest.mark.slow
    @lawful
    @given(cases(), amounts)
    def test_balances_after_are_those_before_the_next(self, case: Case, amount: Decimal) -> None:
        result = case.run(amount)

        assert balances(case.terms, case.people, [*case.history, result.as_past()], case.on) == result.balances

    @pytest.mark.slow
    @lawful
    @given(cases(), amounts, amounts)
    def test_reversing_a_distribution_restores_every_balance(
        self, case: Case, amount: Decimal, next_amount: Decimal
    ) -> None:
        before = balances(case.terms, case.people, case.history, case.on)
        due = case.run(next_amount)
        history = [*case.history, case.run(amount).as_past()]

        history.pop()

        assert balances(case.terms, case.people, history, case.on) == before
        assert calculate(case.terms, case.people, history, next_amount, case.on) == due

    @pytest.mark.slow
    @lawful
    @given(cases(), amounts, amounts)
    def test_two_distributions_of_a_day_are_as_good_as_one(self, case: Case, first: Decimal, second: Decimal) -> None:
        # Without a catch-up, which multiplies a cent of rounding in the profits it looks back on.
        case = case.without_catch_up()
        begun = case.run(first)
        ended = replace(case, history=[*case.history, begun.as_past()]).run(second)
        once = case.run(first + second)

        for one, two, both in zip(begun.shares, ended.shares, once.shares, strict=True):
            assert abs(one.total + two.total - both.total) <= 3 * CENT


class TestWhatIsToldBesides:
    @pytest.mark.slow
    @lawful
    @given(cases(), amounts)
    def test_a_derivation_ends_in_the_result(self, case: Case, amount: Decimal) -> None:
        result = case.run(amount)

        derived = derive(case.terms, case.people, case.history, amount, case.on)

        assert {share.key: str(share.total) for share in result.shares} | {SPONSOR: str(result.sponsor.total)} == {
            key: one["total"] for key, one in derived.items()
        }
        for share in result.shares:
            one = derived[share.key]
            assert [tier["cents"] for tier in one["tiers"] if tier["cents"]] == [cell for cell in share.by_tier if cell]
            assert one["cents"]["leftover_cent"] in (0, 1)
            assert sum(Fraction(tier["exact"]) for tier in one["tiers"]) == share.exact * 100
        alone = derive(case.terms, case.people, case.history, amount, case.on, keys=[case.people[0].key])
        assert json.dumps(alone[case.people[0].key]) == json.dumps(derived[case.people[0].key])

    @pytest.mark.slow
    @lawful
    @given(cases(), amounts)
    def test_history_of_these_terms_shows_no_drift(self, case: Case, amount: Decimal) -> None:
        assume(case.history)
        history = [*case.history, case.run(amount).as_past()]

        assert drift_of_history(case.terms, case.people, history) == []

    @lawful
    @given(st.one_of(all_terms(), classed_terms()))
    def test_terms_come_back_from_their_data(self, terms: Terms) -> None:
        text = json.dumps(as_data(terms))

        assert from_data(json.loads(text)) == terms
        assert json.dumps(as_data(from_data(json.loads(text)))) == text


class TestAsALibrary:
    def test_needs_no_django(self) -> None:
        modules = "waterfall, derivations, drift, funds, metrics, templates, terms_data, xirr"
        imports = "; ".join(f"import distributions.{module}" for module in modules.split(", "))
        script = f"import sys; {imports}; sys.exit('django' in sys.modules)"

        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
