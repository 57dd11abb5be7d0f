"""Exports: figures that a spreadsheet reads as figures, and text that it never takes for a formula."""

import csv
import zipfile
from datetime import date
from decimal import Decimal
from io import BytesIO, StringIO

import pytest
from defusedxml import ElementTree

from distributions import exports

EVIL = ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\tx", "\rx"]


def sheet(data: bytes) -> str:
    with zipfile.ZipFile(BytesIO(data)) as book:
        return book.read("xl/worksheets/sheet1.xml").decode()


class TestEscaped:
    @pytest.mark.parametrize("text", EVIL)
    def test_puts_an_apostrophe_before_what_begins_like_a_formula(self, text: str) -> None:
        assert exports.escaped(text) == f"'{text}"

    @pytest.mark.parametrize("text", ["Ivy", "a=b", "", "'quoted'", " 1"])
    def test_leaves_other_text_alone(self, text: str) -> None:
        assert exports.escaped(text) == text


class TestCsv:
    def test_writes_figures_and_escapes_text(self) -> None:
        data = exports.as_csv(["Name", "=Title"], [[text, Decimal("-1.50")] for text in EVIL])

        rows = list(csv.reader(StringIO(data.decode("utf-8-sig"), newline="")))
        assert rows[0] == ["Name", "'=Title"]
        assert [row[0] for row in rows[1:]] == [f"'{text}" for text in EVIL]
        assert {row[1] for row in rows[1:]} == {"-1.50"}


class TestXlsx:
    def test_has_numbers_days_and_no_formula(self) -> None:
        rows = [[*EVIL, Decimal("1234567.89"), 7, date(2026, 3, 31), None]]

        found = sheet(exports.as_xlsx("Table", ["Title"] * 10, rows))

        assert ElementTree.fromstring(found) is not None
        assert "<f>" not in found
        assert "<v>1234567.89</v>" in found and "<v>7</v>" in found and "<v>46112</v>" in found
        assert found.count("<t") - found.count("<t>") == found.count('<t xml:space="preserve">')

    def test_escapes_text_as_well(self) -> None:
        assert "'=1+1" in sheet(exports.as_xlsx("Table", ["T"], [["=1+1"]]))
