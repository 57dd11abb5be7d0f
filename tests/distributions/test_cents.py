"""Cents: worked splits, tables that foot, and how far a lifetime of rounding drifts."""

import random
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, lcm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributions.cents import Column, add, allocate, from_decimal, to_decimal, whole_cents

Table = list[list[Fraction]]

thousandths = st.integers(0, 5_000).map(lambda n: Fraction(n, 1000))


def column_of(fractions: list[Fraction]) -> Column:
    denominator = lcm(*(fraction.denominator for fraction in fractions))
    return Column([int(fraction * denominator) for fraction in fractions], denominator)


def nothing(rows: int) -> Column:
    return Column([0] * rows, 1)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Table, list[Fraction]]:
    """Draw a table of exact cents by row, whose sum is whole, and what each row is behind."""
    width = draw(st.integers(1, 4))
    row = st.lists(thousandths | st.just(Fraction(0)), min_size=width, max_size=width)
    rows = draw(st.lists(row, min_size=1, max_size=12))
    total = sum((sum(cells, Fraction(0)) for cells in rows), Fraction(0))
    rows.append([ceil(total) - total] + [Fraction(0)] * (width - 1))
    behind = draw(st.lists(thousandths, min_size=len(rows), max_size=len(rows)))
    return rows, behind


class TestAllocate:
    @pytest.mark.parametrize(
        ("total", "weights", "expected"),
        [
            ("100000.00", [1, 1, 1], ["33333.34", "33333.33", "33333.33"]),
            ("100.00", [1] * 6, ["16.67"] * 4 + ["16.66"] * 2),
            ("0.07", [1] * 15, ["0.01"] * 7 + ["0.00"] * 8),
            (
                "123456.78",
                [500_000, 333_333, 100_001, 66_666],
                ["61728.39", "41152.22", "12345.80", "8230.37"],
            ),
        ],
    )
    def test_gives_the_worked_splits(self, total: str, weights: list[int], expected: list[str]) -> None:
        shares = allocate(Decimal(total), dict(zip("abcdefghijklmno", weights, strict=False)))

        assert list(shares.values()) == [Decimal(share) for share in expected]

    def test_gives_the_cent_to_whoever_is_furthest_behind(self) -> None:
        shares = allocate(Decimal("1.00"), {"a": 1, "b": 1, "c": 1}, behind={"c": Fraction(1, 3)})

        assert shares == {"a": Decimal("0.33"), "b": Decimal("0.33"), "c": Decimal("0.34")}

    def test_gives_no_cent_to_a_whole_share_however_far_behind(self) -> None:
        shares = allocate(Decimal("0.04"), {"a": 2, "b": 1, "c": 1}, behind={"a": Fraction(5)})

        assert shares == {"a": Decimal("0.02"), "b": Decimal("0.01"), "c": Decimal("0.01")}

    @pytest.mark.parametrize("weights", [{}, {"a": 0}, {"a": 2, "b": -1}])
    def test_refuses_weights_that_divide_nothing(self, weights: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="split"):
            allocate(Decimal("1.00"), weights)

    @given(
        st.integers(0, 10**9),
        st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 10**6), min_size=1),
    )
    def test_loses_nothing_and_stays_within_a_cent(self, cents: int, weights: dict[str, int]) -> None:
        shares = allocate(to_decimal(cents), weights)

        assert sum(shares.values()) == to_decimal(cents)
        pool = sum(weights.values())
        for key, share in shares.items():
            assert abs(from_decimal(share) - Fraction(cents * weights[key], pool)) < 1

    def test_drifts_about_a_cent_over_a_lifetime(self) -> None:
        rng = random.Random(7)
        weights = {f"investor-{n:02}": rng.randrange(1, 10_000_000) for n in range(40)}
        pool = sum(weights.values())
        behind = dict.fromkeys(weights, Fraction(0))
        drift = Fraction(0)
        for _ in range(60):
            cents = rng.randrange(1, 10**8)
            shares = allocate(to_decimal(cents), weights, behind)
            for key, share in shares.items():
                behind[key] += Fraction(cents * weights[key], pool) - from_decimal(share)
            drift = max(drift, max(map(abs, behind.values())))

        assert drift < Fraction(5, 4)


class TestWholeCents:
    def test_rounds_totals_by_the_rule_and_lets_tiers_foot(self) -> None:
        thirds = column_of([Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)])
        halves = column_of([Fraction(1, 2), Fraction(1, 2), Fraction(0)])

        table = whole_cents([thirds, halves], nothing(3))

        assert [sum(column) for column in table] == [1, 1]
        assert [sum(row) for row in zip(*table, strict=True)] == [1, 1, 0]

    def test_passes_a_cent_on_when_the_tiers_could_not_foot(self) -> None:
        # The ten first rows are furthest behind, and all they lack beyond a whole
        # cent is a sliver of the first tier, which adds up to one cent only.
        slim = [[Fraction(1, 10), Fraction(95, 100)] for _ in range(10)]
        rest = [[Fraction(0), Fraction(95, 100)] for _ in range(10)]
        rows = slim + rest
        columns = [column_of([row[i] for row in rows]) for i in range(2)]
        behind = Column([1] * 10 + [0] * 10, 1)

        table = whole_cents(columns, behind)

        assert [sum(column) for column in table] == [1, 19]

    def test_refuses_a_table_that_is_not_whole(self) -> None:
        with pytest.raises(ValueError, match="whole cents"):
            whole_cents([Column([1, 1], 3)], nothing(2))

    @given(tables())
    def test_rounds_every_cell_row_and_column_down_or_up(self, drawn: tuple[Table, list[Fraction]]) -> None:
        rows, behind = drawn
        exact = [list(column) for column in zip(*rows, strict=True)]

        table = whole_cents([column_of(column) for column in exact], column_of(behind))

        for cells, exacts in zip(table, exact, strict=True):
            assert floor(sum(exacts)) <= sum(cells) <= ceil(sum(exacts))
            for cell, fraction in zip(cells, exacts, strict=True):
                assert floor(fraction) <= cell <= ceil(fraction)
        for row, exacts in zip(zip(*table, strict=True), rows, strict=True):
            assert floor(sum(exacts)) <= sum(row) <= ceil(sum(exacts))
        assert sum(map(sum, table)) == sum(map(sum, exact))

    @given(tables())
    def test_prefers_whoever_is_further_behind(self, drawn: tuple[Table, list[Fraction]]) -> None:
        rows, behind = drawn
        totals = [sum(row, Fraction(0)) for row in rows]

        [cells] = whole_cents([column_of(totals)], column_of(behind))

        late = [b + total - floor(total) for total, b in zip(totals, behind, strict=True)]
        fractional = [row for row, total in enumerate(totals) if total.denominator > 1]
        got = [late[row] for row in fractional if cells[row] > totals[row]]
        went_without = [late[row] for row in fractional if cells[row] < totals[row]]
        assert not got or not went_without or min(got) >= max(went_without)


class TestAdd:
    def test_keeps_a_part_of_the_old(self) -> None:
        column = add(Column([1, 2], 3), Column([1, 0], 2), keep=Fraction(1, 2))

        fractions = [Fraction(n, column.denominator) for n in column.numerators]
        assert fractions == [Fraction(2, 3), Fraction(1, 3)]


class TestFromDecimal:
    def test_reads_whole_cents(self) -> None:
        assert from_decimal(Decimal("1234.5")) == 1234_50
        assert from_decimal(Decimal("9999999999999999.99")) == 10**18 - 1
        assert to_decimal(-1_05) == Decimal("-1.05")

    @pytest.mark.parametrize(
        "amount", ["0.001", "NaN", "-Infinity", "1e20", "1E+999999", "1E-999999", "1." + "0" * 30 + "1"]
    )
    def test_refuses_what_is_not_money(self, amount: str) -> None:
        with pytest.raises(ValueError, match=r"is not|more than"):
            from_decimal(Decimal(amount))
