"""What-ifs in columns: the same figures as a calculated distribution and its performances, for any deal."""

from decimal import ROUND_HALF_EVEN, Decimal

from hypothesis import given

from distributions import metrics, what_ifs
from distributions.replay import replay
from distributions.waterfall import calculate
from tests.distributions.drawn import Case, amounts, cases, handed_over, lawful
from tests.distributions.drawn import money as drawn_money

PLACES = Decimal("0.0001")


def dollars(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


class TestOutcome:
    @lawful
    @given(handed_over(), amounts, amounts)
    def test_is_what_two_calculations_give(self, case: Case, amount: Decimal, residual: Decimal) -> None:
        result = case.run(amount)
        history = [*case.history, result.as_past()]
        left = calculate(case.terms, case.people, history, residual, case.on, transfers=case.transfers)

        told = what_ifs.outcome(
            case.terms, case.people, case.history, amount, residual, case.on, transfers=case.transfers
        )

        assert told.keys == [share.key for share in result.shares]
        assert [dollars(one) for one in told.capital] == [share.return_of_capital for share in result.shares]
        assert [dollars(one) for one in told.total] == [share.total for share in result.shares]
        assert [dollars(one) for one in told.residual] == [share.total for share in left.shares]
        assert [dollars(one) for one in told.unreturned] == [one.unreturned_capital for one in result.balances]
        assert [dollars(one) for one in told.contributed] == [one.contributed for one in result.balances]
        assert [dollars(one.to_investors) for one in told.tiers] == [tier.lp for tier in result.tiers]
        assert (dollars(told.sponsor), dollars(told.sponsor_residual)) == (result.sponsor.total, left.sponsor.total)

    @lawful
    @given(handed_over(), amounts, amounts)
    def test_has_the_performance_of_each_class_and_of_all(self, case: Case, amount: Decimal, residual: Decimal) -> None:
        history = [*case.history, case.run(amount).as_past()]
        left = calculate(case.terms, case.people, history, residual, case.on, transfers=case.transfers)
        worth = {share.key: share.total for share in left.shares}
        handed = replay(case.terms, case.people, case.history, case.on, case.transfers).handed
        each = metrics.by_investor(case.people, history, case.on, worth, handed)

        told = what_ifs.outcome(
            case.terms, case.people, case.history, amount, residual, case.on, transfers=case.transfers
        )

        expected = {**metrics.by_class(case.people, each), "": metrics.together(list(each.values()))}
        assert told.performances == expected
        for row, key in enumerate(told.keys):
            assert sorted(told.contributions(row)) == sorted(each[key].contributions)
            assert metrics.taken_over(told.moves.get(key, ())) == each[key].taken_over
            assert metrics.handed_over(told.moves.get(key, ())) == each[key].handed_over

    @lawful
    @given(cases(), drawn_money(1, 10**8))
    def test_says_how_far_off_pro_rata_everybody_is(self, case: Case, amount: Decimal) -> None:
        told = what_ifs.outcome(case.terms, case.people, case.history, amount, Decimal(0), case.on)

        everybody, capital = Decimal(sum(told.total)), Decimal(sum(told.contributed))
        for off, got, held in zip(told.off, told.total, told.contributed, strict=True):
            if not everybody or not held:
                assert off is None
                continue
            share = everybody * held / capital
            assert off == int(((got - share) / share).quantize(PLACES, ROUND_HALF_EVEN).scaleb(4))
