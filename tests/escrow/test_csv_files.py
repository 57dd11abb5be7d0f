"""CSV: each way in which banks write columns, days and amounts; and layouts that could mean two things."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.bank_files import csv_files, csv_layouts
from escrow.bank_files.csv_layouts import BadLayout, CsvLayout
from escrow.bank_files.stated import BrokenStatement, StatedDay
from tests.escrow.bank_days import CSV, CSV_LAYOUT
from tests.escrow.money import MONDAY, TUESDAY

D = Decimal


def layout(**changes: Any) -> CsvLayout:
    return csv_layouts.from_json({**CSV_LAYOUT, **changes})


def signed(**changes: Any) -> CsvLayout:
    """One amount with a sign and a balance, by column numbers, without a row of titles."""
    given = {"columns": {"date": 1, "amount": 2, "balance": 3}, "has_header": False, "account_number": "1"}
    return csv_layouts.from_json({**given, **changes})


def read(text: str, by: CsvLayout, **options: Any) -> list[StatedDay]:
    return csv_files.read(text.encode(), by, **options)


def amounts(days: list[StatedDay]) -> list[Decimal]:
    return [line.amount for day in days for line in day.lines]


class TestDialects:
    def test_reads_debit_and_credit_titles_quotes_and_line_breaks(self) -> None:
        first, second = csv_files.read(CSV, layout())
        assert (first.as_of, second.as_of) == (MONDAY, TUESDAY)
        line = first.lines[0]
        assert (line.text, line.value_date, line.type_code) == ("Deposit of Mrs. A", TUESDAY, "DEP")
        assert (line.bank_reference, line.customer_reference) == ("B1", "SBX-1")

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({}, "2026-03-02,1234.50,1234.50\n"),
            ({}, '2026-03-02,"1,234.50","$1,234.50"\n'),
            ({"delimiter": ";", "decimal": ",", "thousands": "."}, "2026-03-02;1.234,50;1234,5\n"),
            ({"delimiter": "\t", "thousands": "'"}, "2026-03-02\t1'234.50\t+1234.50\n"),
            ({"delimiter": "|", "decimal": ",", "thousands": " "}, "2026-03-02|1\xa0234,50|1 234,50\n"),
            ({"date_format": "DD.MM.YY"}, "02.03.26,1234.50,1234.50 USD\n"),
            ({"date_format": "D-MMM-YYYY"}, "2-Mar-2026,1234.50,1234.50\n"),
            ({"date_format": "YYYY-MM-DD hh:mm:ss"}, "2026-03-02 13:44:01,1234.50,1234.50\n"),
            ({"date_format": "YYYYMMDD"}, "20260302,1234.50,1234.50\n"),
            ({"is_negated": True}, "2026-03-02,(1234.50),1234.50\n"),
            ({"skip_rows": 2, "skip_last_rows": 1}, "Bank,\nx\n2026-03-02,1234.50,1234.50\nTotal,1,1\n\n"),
            ({"encoding": "utf-16"}, "2026-03-02,1234.50,1234.50\n"),
        ],
    )  # fmt: skip
    def test_reads_each_way_of_writing(self, changes: dict[str, Any], text: str) -> None:
        data = text.encode("utf-16" if "encoding" in changes else "utf-8")
        [day] = csv_files.read(data, signed(**changes))
        assert (day.as_of, day.opening_balance, day.closing_balance) == (MONDAY, D("0.00"), D("1234.50"))
        assert amounts([day]) == [D("1234.50")]

    @pytest.mark.parametrize(
        ("written", "amount"),
        [("-5", "-5"), ("5-", "-5"), ("(5)", "-5"), ("−5", "-5"), ("$-5.0000", "-5"), ("-$5", "-5")],
    )
    def test_reads_each_minus(self, written: str, amount: str) -> None:
        assert amounts(read(f"2026-03-02,{written},0\n", signed())) == [D(amount)]

    def test_reads_an_indicator(self) -> None:
        columns = {"date": 1, "amount": 2, "indicator": 3}
        by = signed(columns=columns, credit_words=["Haben"], debit_words=["Soll"])
        days = read("2026-03-02,5,haben\n2026-03-02,7,SOLL\n", by, closing_balance=D("10.00"))
        assert (amounts(days), days[0].opening_balance) == ([D("5.00"), D("-7.00")], D("12.00"))
        with pytest.raises(BrokenStatement, match="neither credit nor debit"):
            read("2026-03-02,5,x\n", by, closing_balance=D("1"))

    def test_reads_the_newest_row_first(self) -> None:
        text = "2026-03-03,-1,9\n2026-03-02,4,10\n2026-03-02,6,6\n"
        days = read(text, signed(newest_first=True))
        assert [(day.as_of, day.closing_balance) for day in days] == [(MONDAY, D("10.00")), (TUESDAY, D("9.00"))]
        assert amounts(days) == [D("6.00"), D("4.00"), D("-1.00")]

    def test_reads_several_accounts_by_their_balances(self) -> None:
        by = signed(columns={"date": 1, "amount": 2, "balance": 3, "account": 4}, account_number="")
        days = read("2026-03-02,1,1,A\n2026-03-02,5,5,B\n2026-03-02,1,2,A\n", by)
        assert [(day.account_number, day.closing_balance) for day in days] == [("A", D("2.00")), ("B", D("5.00"))]

    def test_needs_the_account_and_the_balance_from_somewhere(self) -> None:
        by = signed(columns={"date": 1, "amount": 2}, account_number="")
        with pytest.raises(BrokenStatement, match="names no account"):
            read("2026-03-02,1\n", by)
        with pytest.raises(BrokenStatement, match="has no balances"):
            read("2026-03-02,1\n", by, account_number="7")
        [day] = read("2026-03-02,1\n", by, account_number="7", closing_balance=D("5"))
        assert (day.account_number, day.opening_balance, day.closing_balance) == ("7", D("4.00"), D("5.00"))

    def test_equal_rows_are_two(self) -> None:
        days = read("2026-03-02,1,1\n2026-03-02,1,2\n", signed())
        assert len({line.fingerprint for line in days[0].lines}) == 2


class TestBrokenFiles:
    @pytest.mark.parametrize(
        ("text", "words", "line"),
        [
            ("2026-03-02,1,1\n2026-03-03,1,3\n", "a line is missing", 2),
            ("2026-03-02,1,1\n2026-03-03,1\n", "2 values for 3 columns", 2),
            ("2026-03-02,1,1\n2026-02-30,1,2\n", "not a day", 2),
            ("2026-03-02,1,1\n03/03/2026,1,2\n", "not a day like YYYY-MM-DD", 2),
            ('2026-03-02,"1,23",1\n', "not an amount", 1),
            ("2026-03-02,1.005,1.005\n", "whole cents", 1),
            ("2026-03-02,-(5),0\n", "not an amount", 1),
            ("2026-03-02,-5-,0\n", "not an amount", 1),
            ("2026-03-02,1e5,1\n", "not an amount", 1),
            ("2026-03-02,99999999999999999,1\n", "too large", 1),
            ("2026-03-02,,1\n", "not an amount", 1),
            ('2026-03-02,1,1\n2026-03-02,"1,2\n', "quote", 2),
            ("", "no rows", 1),
        ],
    )  # fmt: skip
    def test_are_explained_by_line(self, text: str, words: str, line: int) -> None:
        with pytest.raises(BrokenStatement, match=words) as caught:
            read(text, signed())
        assert caught.value.details["line"] == line

    @pytest.mark.parametrize(
        ("old", "new", "words", "line"),
        [
            ("Balance,", "Saldo,", "“Balance” is not there", 2),
            ("Words\n", "Words,Words\n", "twice", 2),
            ("0.50,,", "0.50,0.50,", "either a debit or a credit", 5),
            ("0.50,,", ",,", "either a debit or a credit", 5),
            ("0.50,,", "-0.50,,", "carries no minus", 5),
        ],
    )  # fmt: skip
    def test_are_explained_by_column(self, old: str, new: str, words: str, line: int) -> None:
        with pytest.raises(BrokenStatement, match=words) as caught:
            read(CSV.decode().replace(old, new, 1), layout())
        assert caught.value.details["line"] == line

    def test_another_currency_is_refused_by_line(self) -> None:
        by = signed(columns={"date": 1, "amount": 2, "balance": 3, "currency": 4})
        with pytest.raises(BrokenStatement, match="in EUR") as caught:
            read("2026-03-02,1,1,usd\n2026-03-02,1,2,EUR\n", by)
        assert caught.value.details["line"] == 2


BAD = {
    "no columns": {"columns": {}},
    "an unknown key": {"colour": "red"},
    "an unknown column": {"columns": {"date": "a", "amount": "b", "mood": "c"}},
    "no amount": {"columns": {"date": "a"}},
    "amount and debit": {"columns": {"date": "a", "amount": "b", "debit": "c", "credit": "d"}},
    "debit alone": {"columns": {"date": "a", "debit": "c"}},
    "two dates": {"columns": {"date": ["a", "b"], "amount": "c"}},
    "an indicator with debit": {"columns": {"date": "a", "debit": "b", "credit": "c", "indicator": "d"}},
    "one sign for both": {"decimal": ",", "thousands": ","},
    "a delimiter of two signs": {"delimiter": "::"},
    "a float": {"skip_rows": 1.5},
    "a truth value for a number": {"skip_rows": True},
    "too many rows": {"skip_rows": 10**9},
    "a word for a truth value": {"has_header": "yes"},
    "a title without a header": {"has_header": False},
    "a day without a year": {"date_format": "DD.MM."},
    "a day twice": {"date_format": "DD.MM.YYYY DD"},
    "an encoding nobody knows": {"encoding": "ebcdic"},
    "no object": {"columns": 5},
    "words that mean both": {
        "columns": {"date": "a", "amount": "b", "indicator": "c"}, "credit_words": ["X"], "debit_words": ["x"],
    },
}  # fmt: skip


class TestLayouts:
    @pytest.mark.parametrize("changes", BAD.values(), ids=BAD.keys())
    def test_refuses_what_cannot_be_read_with(self, changes: dict[str, Any]) -> None:
        with pytest.raises(BadLayout):
            layout(**changes)

    def test_is_saved_with_every_setting_and_read_back(self) -> None:
        saved = csv_layouts.to_json(layout())
        assert csv_layouts.from_json(json.loads(json.dumps(saved))) == layout()
        assert {"decimal", "thousands", "debit_words", "encoding"} <= set(saved)

    @settings(max_examples=200)
    @given(
        cents=st.integers(-(10**17), 10**17),
        decimal=st.sampled_from(csv_layouts.DECIMALS),
        thousands=st.sampled_from(csv_layouts.THOUSANDS),
        in_parentheses=st.booleans(),
    )
    def test_reads_every_amount_it_writes(self, cents: int, decimal: str, thousands: str, in_parentheses: bool) -> None:
        if decimal == thousands:
            return
        by = signed(decimal=decimal, thousands=thousands)
        amount = D(cents).scaleb(-2)
        figures = f"{abs(amount):,.2f}".replace(".", "#").replace(",", thousands).replace("#", decimal)
        written = f"({figures})" if in_parentheses and cents < 0 else f"{'-' if cents < 0 else ''}{figures}"
        assert by.amount(written) == amount
