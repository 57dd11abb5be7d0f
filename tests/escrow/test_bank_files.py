"""BAI2 files: read to the cent with their lines' signs, or refused with the line."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.bank_files import bai2
from escrow.bank_files.stated import BrokenStatement
from tests.escrow.money import MONDAY, TUESDAY, Day, Stated, statement

D = Decimal
SAMPLES = next(
    (found for parent in Path(__file__).parents if (found := parent / "shared" / "data" / "bai2").is_dir()),
    Path("shared/data/bai2"),
)

WHOLE = """\
01,BANK,REALCO,260304,0600,1,,,2/
02,REALCO,BANK,1,260303,2400,USD,2/
03,111,USD,010,100000,,,015,160050,,/
88,100,70050,2,,400,10000,1,/
16,142,70000,V,260304,,B1,SBX-1,DEPOSIT OF
88,MRS. A, LONDON
16,195,50,S,10,20,20,B2,,CENTS/
16,451,10000,,B3,SBX-2/
49,420150,7/
98,420150,1,9/
99,420150,1,11/
"""


def test_reads_balances_signs_value_dates_and_continuations() -> None:
    [day] = bai2.read(WHOLE.encode())
    assert (day.account_number, day.as_of) == ("111", TUESDAY)
    assert (day.opening_balance, day.closing_balance) == (D("1000.00"), D("1600.50"))
    assert [line.amount for line in day.lines] == [D("700.00"), D("0.50"), D("-100.00")]
    assert [line.customer_reference for line in day.lines] == ["SBX-1", "", "SBX-2"]
    assert [line.value_date for line in day.lines] == [date(2026, 3, 4), TUESDAY, TUESDAY]
    assert day.lines[0].text == "DEPOSIT OF MRS. A, LONDON"


def test_two_genuine_equal_lines_are_two_and_known_again_in_an_overlapping_file() -> None:
    equal = Stated(100, "", "CHECK")
    one = bai2.read(statement("1", Day(MONDAY, 0, [equal])))
    both = bai2.read(statement("1", Day(MONDAY, 0, [equal, equal]), Day(TUESDAY, 200, [equal])))
    first, second, next_day = (line.fingerprint for day in both for line in day.lines)
    assert one[0].lines[0].fingerprint == first
    assert len({first, second, next_day}) == 3


def test_lines_imported_long_ago_are_known_again() -> None:
    """Fingerprints are stored: made in another way they would let every line of an old file in once more."""
    [day] = bai2.read(WHOLE.encode())
    assert [line.fingerprint for line in day.lines] == [
        "244c2518a766f4a76c1ca68138278b4cda597fa8a20d887f949bfcfa94a68ab4",
        "120e291d2408782c1cb023d8f19146b391faabef4392241eb48fa6ac1f5dee36",
        "8db5181d0baa9e13d3f1d206a7ad15940b43ca6f49acc37a2a742367ea6b818f",
    ]


def test_two_parts_of_one_day_are_one_statement() -> None:
    parts = Day(MONDAY, 0, [Stated(100)]), Day(MONDAY, 100, [Stated(100)])
    [day] = bai2.read(statement("1", *parts))
    assert (day.opening_balance, day.closing_balance) == (D("0.00"), D("2.00"))
    assert len({line.fingerprint for line in day.lines}) == 2


BROKEN = {
    "an empty file": ("", 1),
    "something else": ("hello\n", 1),
    "no header": (WHOLE.split("\n", 1)[1], 1),
    "a cut-off file": (WHOLE[: WHOLE.index("49,")], 8),
    "a file cut in its last transaction": (WHOLE[: WHOLE.index("16,451")], 7),
    "two files in one": (WHOLE + WHOLE, 12),
    "a line lost": (WHOLE.replace("16,195,50,S,10,20,20,B2,,CENTS/\n", ""), 8),
    "an amount altered": (WHOLE.replace("16,451,10000", "16,451,10001"), 9),
    "an amount that is no number": (WHOLE.replace("16,451,10000", "16,451,1O000"), 8),
    "an unknown type code": (WHOLE.replace("16,451", "16,999"), 8),
    "a code that is neither credit nor debit": (WHOLE.replace("16,451", "16,721"), 8),
    "another currency": (WHOLE.replace("03,111,USD", "03,111,EUR"), 3),
    "no closing balance": (WHOLE.replace("015,160050", "045,160050"), 3),
    "a group that deletes": (WHOLE.replace("02,REALCO,BANK,1", "02,REALCO,BANK,2"), 2),
    "a day that is none": (WHOLE.replace("1,260303", "1,260230"), 2),
    "version 1": (WHOLE.replace(",,,2/\n02", ",,,1/\n02"), 1),
    "a NUL": (WHOLE.replace("CENTS", "CE\0TS"), 7),
}


@pytest.mark.parametrize(("text", "line"), BROKEN.values(), ids=BROKEN.keys())
def test_explains_a_broken_file_by_its_line(text: str, line: int) -> None:
    with pytest.raises(BrokenStatement) as caught:
        bai2.read(text.encode())
    assert caught.value.details["line"] == line
    assert str(caught.value).startswith(f"Line {line}: ")


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, len(WHOLE)), put=st.text(max_size=12), length=st.integers(0, 30))
def test_whatever_is_damaged_is_read_or_refused(cut: int, put: str, length: int) -> None:
    damaged = WHOLE[:cut] + put + WHOLE[cut + length :]
    try:
        bai2.read(damaged.encode("utf-8", "surrogatepass"))
    except BrokenStatement as refusal:
        assert str(refusal)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared sample files are not here")
@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("moj_svb_us_example.bai2", "2 days"),
        ("moj_account_trailer_amount_blank_example.bai2", "no closing ledger balance"),
        ("moj_citi_example.bai2", "in GBP"),
        ("moj_nwb_example.bai2", "in GBP"),
        ("moov_sample-parseError.txt", "Line 1: .* record code"),
        ("moov_sample1.txt", "in CAD"),
        ("moov_sample2.txt", "Line 7: type code"),
        ("moov_sample3.txt", "Line 19: .* record code"),
        ("moov_sample4-continuations-newline-delimited.txt", "Line 22: invalid number of records"),
        ("moov_sample5-issue113.txt", "Line 22: invalid number of records"),
    ],
)
def test_published_samples_are_read_or_refused_with_a_reason(name: str, outcome: str) -> None:
    data = (SAMPLES / name).read_bytes()
    if outcome == "2 days":
        days = bai2.read(data)
        assert [(day.closing_balance, day.lines[0].amount) for day in days] == [
            (D("352171.75"), D("4901.96")),
            (D("361229.75"), D("9058.00")),
        ]
    else:
        with pytest.raises(BrokenStatement, match=outcome):
            bai2.read(data)
