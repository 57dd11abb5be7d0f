"""Money is decimal and whole cents, whatever is sent."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import F
from hypothesis import given
from hypothesis import strategies as st

from realco import money
from realco.errors import Refusal
from realco.money import InvalidAmount, MoneyField, NotPositive, UnknownCurrency

AMOUNTS = st.decimals(-money.MAX_AMOUNT, money.MAX_AMOUNT, allow_nan=False, allow_infinity=False, places=2)


class TestParse:
    @pytest.mark.parametrize(
        ("sent", "read"),
        [
            ("1234.50", "1234.50"),
            ("1234.5", "1234.50"),
            ("7", "7.00"),
            (" 0.01 ", "0.01"),
            ("-5.00", "-5.00"),
            (12, "12.00"),
            (Decimal("1E+3"), "1000.00"),
            (Decimal("1.500"), "1.50"),
            (money.MAX_AMOUNT, "9999999999999999.99"),
        ],
    )
    def test_reads_an_amount_with_two_places(self, sent: object, read: str) -> None:
        assert str(money.parse(sent)) == read

    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            (None, "missing"),
            (1.5, "float loses cents"),
            (True, "not yes or no"),
            ("", "empty"),
            ("  ", "empty"),
            ("NaN", "is not an amount"),
            ("Infinity", "is not an amount"),
            (Decimal("NaN"), "finite"),
            (Decimal("sNaN"), "finite"),
            (Decimal("-Infinity"), "finite"),
            ("1.234", "more than two decimals"),
            ("1.500", "more than two decimals"),
            (Decimal("0.001"), "whole cents"),
            (Decimal("1.0000000000000000000000000000000000001"), "whole cents"),
            ("1e20", "is not an amount"),
            (Decimal("1e20"), "too large"),
            (Decimal("1e999999"), "too large"),
            (10**16, "too large"),
            pytest.param(10**6000, "too large", id="six thousand digits"),
            pytest.param("9" * 5000, "too large", id="text of five thousand digits"),
            ("1,234.50", "is not an amount"),
            ("$5", "is not an amount"),
            ("+5", "is not an amount"),
            (".5", "is not an amount"),
            ("5.", "is not an amount"),
            ("1_000", "is not an amount"),
            ("٣٤", "is not an amount"),
            ("5\n6", "is not an amount"),
            ([], "is text"),
            ({"amount": "1"}, "is text"),
        ],
    )
    def test_refuses_what_is_no_amount(self, sent: object, said: str) -> None:
        with pytest.raises(InvalidAmount, match=said):
            money.parse(sent)

    def test_a_refusal_never_repeats_a_page_of_text(self) -> None:
        with pytest.raises(InvalidAmount) as refusal:
            money.parse("x" * 100_000)

        assert len(str(refusal.value)) < 200

    @pytest.mark.parametrize("currency", ["EUR", "usd", "", None, 840])
    def test_refuses_another_currency(self, currency: object) -> None:
        with pytest.raises(UnknownCurrency, match="Only USD") as refusal:
            money.parse("5.00", currency=currency)

        assert isinstance(refusal.value, Refusal)

    @pytest.mark.parametrize("long", [lambda: "x" * 5000, lambda: 10**6000])
    def test_a_refused_currency_is_never_repeated_at_length(self, long: Callable[[], object]) -> None:
        with pytest.raises(UnknownCurrency) as refusal:
            money.parse("5.00", currency=long())

        assert len(str(refusal.value)) < 200

    def test_minus_zero_is_zero(self) -> None:
        assert str(money.parse("-0.00")) == "0.00"

    @given(AMOUNTS)
    def test_reads_back_what_to_json_writes(self, amount: Decimal) -> None:
        assert money.parse(money.to_json(amount)) == amount


class TestPositive:
    def test_reads_more_than_zero(self) -> None:
        assert money.positive("0.01") == money.CENT

    @pytest.mark.parametrize("sent", ["0", "0.00", "-0.01", 0, -5])
    def test_refuses_zero_and_less(self, sent: object) -> None:
        with pytest.raises(NotPositive, match="more than zero"):
            money.positive(sent)

    def test_refuses_another_currency(self) -> None:
        with pytest.raises(UnknownCurrency):
            money.positive("5.00", currency="EUR")


class TestParseWritten:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("1,234.50", "1234.50"),
            ("$1,234.50", "1234.50"),
            (" $ 1,234,567 ", "1234567.00"),
            ("1234.5", "1234.50"),
            ("25", "25.00"),
            ("-$5", "-5.00"),
            ("$-5.00", "-5.00"),
            ("(250.00)", "-250.00"),
            ("($1,250.00)", "-1250.00"),
        ],
    )
    def test_reads_what_people_write(self, written: str, read: str) -> None:
        assert str(money.parse_written(written)) == read

    @pytest.mark.parametrize(
        "written",
        [
            "1.234,50",
            "1,23",
            "1234,50",
            "1,234,50",
            "12,34.50",
            ",500",
            "1.234",
            "1 234.50",
            "1'234.50",
            "€5",
            "$",
            "",
            "()",
            "(-5.00)",
            "--5",
            "-$-5",
            "5-",
            "1e3",
            "NaN",
            "five",
            "99,999,999,999,999,999.99",
        ],
    )
    def test_refuses_what_can_be_read_in_two_ways_or_none(self, written: str) -> None:
        with pytest.raises(InvalidAmount):
            money.parse_written(written)

    @given(AMOUNTS, st.booleans())
    def test_reads_back_what_format_money_writes(self, amount: Decimal, parentheses: bool) -> None:
        assert money.parse_written(money.format_money(amount, parentheses=parentheses)) == amount


class TestAllocate:
    def test_gives_the_cents_left_over_to_the_largest_remainders(self) -> None:
        # The exact shares are 16.666…, 33.333… and 50.
        assert money.allocate(Decimal("100.00"), [1, 2, 3]) == [
            Decimal("16.67"),
            Decimal("33.33"),
            Decimal("50.00"),
        ]

    def test_gives_them_to_the_earlier_share_when_remainders_tie(self) -> None:
        assert money.allocate(Decimal("0.05"), [1, 1, 1]) == [
            Decimal("0.02"),
            Decimal("0.02"),
            Decimal("0.01"),
        ]

    def test_gives_a_weight_of_zero_nothing(self) -> None:
        assert money.allocate(Decimal("0.03"), [0, 1, 1]) == [
            Decimal("0.00"),
            Decimal("0.02"),
            Decimal("0.01"),
        ]

    def test_splits_the_capital_of_worked_case_a(self) -> None:
        assert money.allocate(Decimal("400000.00"), [500_000, 300_000, 200_000]) == [
            Decimal("200000.00"),
            Decimal("120000.00"),
            Decimal("80000.00"),
        ]

    def test_refuses_a_total_with_parts_of_cents(self) -> None:
        with pytest.raises(InvalidAmount, match="whole cents"):
            money.allocate(Decimal("0.001"), [1])

    @pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
    def test_cannot_split_by_weights_that_say_nothing(self, weights: list[int]) -> None:
        with pytest.raises(ValueError, match=r"[Ww]eights"):
            money.allocate(Decimal("1.00"), weights)

    def test_splits_nothing_among_nobody(self) -> None:
        assert money.allocate(Decimal("0.00"), []) == []

    @given(AMOUNTS, st.lists(st.integers(0, 10**20), min_size=1, max_size=60).filter(any))
    def test_loses_and_invents_nothing(self, total: Decimal, weights: list[int]) -> None:
        shares = money.allocate(total, weights)

        assert sum(shares, Decimal(0)) == total
        assert len(shares) == len(weights)

    @given(AMOUNTS, st.lists(st.integers(0, 10**20), min_size=1, max_size=60).filter(any))
    def test_every_share_is_within_a_cent_of_the_exact_one(self, total: Decimal, weights: list[int]) -> None:
        for share, weight in zip(money.allocate(total, weights), weights, strict=True):
            distance = money.as_cents(share) * sum(weights) - money.as_cents(total) * weight

            assert abs(distance) < sum(weights)

    @given(AMOUNTS, st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any))
    def test_a_reversal_mirrors_what_it_reverses(self, total: Decimal, weights: list[int]) -> None:
        assert money.allocate(-total, weights) == [-share for share in money.allocate(total, weights)]


class TestCents:
    @given(AMOUNTS)
    def test_go_there_and_back(self, amount: Decimal) -> None:
        assert money.from_cents(money.as_cents(amount)) == amount

    def test_always_have_two_places(self) -> None:
        assert str(money.from_cents(0)) == "0.00"
        assert str(money.from_cents(-500)) == "-5.00"

    @pytest.mark.parametrize("amount", [Decimal("0.005"), Decimal("NaN"), Decimal("Infinity")])
    def test_refuse_what_is_not_whole(self, amount: Decimal) -> None:
        with pytest.raises(InvalidAmount):
            money.as_cents(amount)


class TestFormatMoney:
    @pytest.mark.parametrize(
        ("amount", "minus", "parentheses"),
        [
            ("1234.5", "$1,234.50", "$1,234.50"),
            ("-1234.50", "-$1,234.50", "($1,234.50)"),
            ("0", "$0.00", "$0.00"),
            ("-0.00", "$0.00", "$0.00"),
            ("9999999999999999.99", "$9,999,999,999,999,999.99", "$9,999,999,999,999,999.99"),
        ],
    )
    def test_writes_for_people(self, amount: str, minus: str, parentheses: str) -> None:
        assert money.format_money(Decimal(amount)) == minus
        assert money.format_money(Decimal(amount), parentheses=True) == parentheses


class TestToJson:
    @pytest.mark.parametrize(
        ("amount", "written"),
        [("1234.5", "1234.50"), ("1E+3", "1000.00"), ("-0", "0.00"), ("-7", "-7.00")],
    )
    def test_always_writes_two_places(self, amount: str, written: str) -> None:
        assert money.to_json(Decimal(amount)) == written


class TestMoneyField:
    def test_migrations_see_a_plain_decimal_field(self) -> None:
        field = MoneyField(default=money.ZERO)
        field.set_attributes_from_name("amount")

        assert field.deconstruct() == (
            "amount",
            "django.db.models.DecimalField",
            [],
            {"default": Decimal("0.00"), "max_digits": 18, "decimal_places": 2},
        )

    def test_survives_being_cloned(self) -> None:
        assert isinstance(MoneyField().clone(), MoneyField)

    @pytest.mark.parametrize("value", [Decimal("0.005"), Decimal("1e16"), "0.001"])
    def test_refuses_to_store_what_the_database_would_round(self, value: Any) -> None:
        with pytest.raises(InvalidAmount):
            MoneyField().get_db_prep_save(value, connection)

    @pytest.mark.parametrize("value", [0.5, True, Decimal("NaN"), "nonsense"])
    def test_refuses_what_is_no_decimal_number(self, value: object) -> None:
        with pytest.raises(ValidationError, match="decimal number"):
            MoneyField().get_db_prep_save(value, connection)

    def test_lets_nothing_and_expressions_through(self) -> None:
        field = MoneyField(null=True)
        expression = F("amount") + Decimal("1.00")

        assert field.get_db_prep_save(None, connection) is None
        assert field.get_db_prep_save(expression, connection) is expression
