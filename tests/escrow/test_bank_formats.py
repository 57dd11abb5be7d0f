"""OFX, MT940 and camt.053: each dialect read to the cent, whatever is damaged refused by its line."""

import io
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from escrow.bank_files import camt053, csv_layouts, mt940, ofx, reading
from escrow.bank_files.stated import LARGEST_FILE, BrokenStatement, FileFormat, StatedDay
from tests.escrow.bank_days import CAMT053, CSV, CSV_LAYOUT, MT940, OFX_SGML, OFX_XML
from tests.escrow.money import MONDAY, TUESDAY, WEDNESDAY, Day, Stated, statement

pytestmark = pytest.mark.slow

D = Decimal
Reader = Callable[[bytes], list[StatedDay]]
LAYOUT = csv_layouts.from_json(CSV_LAYOUT)


def read_csv(data: bytes) -> list[StatedDay]:
    return reading.read(data, layout=LAYOUT).days


EACH: dict[str, tuple[bytes, Reader]] = {
    "MT940": (MT940, mt940.read),
    "OFX 1": (OFX_SGML, ofx.read),
    "OFX 2": (OFX_XML, ofx.read),
    "camt.053": (CAMT053, camt053.read),
    "CSV": (CSV, read_csv),
    "BAI2": (
        statement("111", Day(MONDAY, 100000, [Stated(70000), Stated(-50)]), Day(TUESDAY, 169950, [Stated(-10000)])),
        lambda data: reading.read(data).days,
    ),
}
each = pytest.mark.parametrize(("data", "read"), EACH.values(), ids=EACH.keys())


class TestEveryFormat:
    @each
    def test_states_the_same_days(self, data: bytes, read: Reader) -> None:
        days = read(data)
        assert [(day.account_number, day.as_of, day.opening_balance, day.closing_balance) for day in days] == [
            ("111", MONDAY, D("1000.00"), D("1699.50")),
            ("111", TUESDAY, D("1699.50"), D("1599.50")),
        ]
        amounts = [[line.amount for line in day.lines] for day in days]
        assert amounts == [[D("700.00"), D("-0.50")], [D("-100.00")]]
        assert all(isinstance(line.amount, Decimal) and line.amount.as_tuple().exponent == -2
                   for day in days for line in day.lines)  # fmt: skip

    @each
    def test_is_found_out_from_its_contents(self, data: bytes, read: Reader) -> None:
        if data is CSV:
            with pytest.raises(BrokenStatement, match="layout"):
                reading.read(data)
        else:
            assert reading.read(data).days == read(data)
            assert reading.read(b"\n" + data).days == read(data)

    @each
    def test_reads_other_encodings_alike(self, data: bytes, read: Reader) -> None:
        text = data.decode("latin-1").replace('encoding="UTF-8"', 'encoding="UTF-16"')
        wanted = [(day.as_of, [line.fingerprint for line in day.lines]) for day in read(data)]
        for other in (text.encode("utf-16"), b"\xff\xfe" + text.encode("utf-16-le")):
            assert [(day.as_of, [line.fingerprint for line in day.lines]) for day in read(other)] == wanted
        if text.isascii():
            assert read(b"\xef\xbb\xbf" + data) == read(data)
            assert read(data.replace(b"\n", b"\r\n")) == read(data)

    @each
    @pytest.mark.parametrize("what", ["zip", "gzip", "PDF", "nothing", "blanks", "NUL", "too large"])
    def test_refuses_what_is_no_statement(self, data: bytes, read: Reader, what: str) -> None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as within:
            within.writestr("statement", data)
        contents = {
            "zip": archive.getvalue(), "gzip": b"\x1f\x8b\x08" + data, "PDF": b"%PDF-1.7\n", "nothing": b"",
            "blanks": b" \n\n", "NUL": data[:80] + b"\0" + data[80:], "too large": b"0" * (LARGEST_FILE + 1),
        }  # fmt: skip
        with pytest.raises(BrokenStatement) as caught:
            read(contents[what])
        assert isinstance(caught.value.details["line"], int)

    @settings(max_examples=120, deadline=None)
    @given(data=st.data())
    def test_whatever_is_cut_off_is_refused(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(EACH)))
        whole, read = EACH[name]
        end = whole.rindex(b":62F") if name == "MT940" else len(whole.rstrip()) - 1
        cut = whole[: data.draw(st.integers(0, end))]
        # A row of CSV that is gone altogether, with its balance, leaves nothing to notice it by.
        assume(name != "CSV" or (not cut.endswith(b"\n") and cut.rsplit(b"\n", 1)[-1][:3] != b"03/"))
        try:
            days = read(cut)
        except BrokenStatement as refusal:
            assert isinstance(refusal.details["line"], int)
        else:
            # Only the stroke that ends a BAI2 file may be missing, or the end of a CSV file's last words.
            said, full = ([line.amount for day in file for line in day.lines] for file in (days, read(whole)))
            assert (name == "BAI2" and days == read(whole)) or (name == "CSV" and said == full[: len(said)])

    @pytest.mark.slow
    @settings(max_examples=400, deadline=None)
    @given(data=st.data())
    def test_whatever_is_damaged_is_read_or_refused_by_line(self, data: st.DataObject) -> None:
        whole, read = EACH[data.draw(st.sampled_from(sorted(EACH)))]
        at, length = data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, 40))
        damaged = whole[:at] + data.draw(st.binary(max_size=12)) + whole[at + length :]
        try:
            days = read(damaged)
        except BrokenStatement as refusal:
            assert isinstance(refusal.details["line"], int)
        else:
            require_sound(days)


def require_sound(days: list[StatedDay]) -> None:
    """Whatever was read adds up, in whole cents."""
    for day in days:
        assert all(line.amount and line.amount == line.amount.quantize(D("0.01")) for line in day.lines)
        if day.opening_balance is not None and day.lines and day.lines[0].type_code not in ("142", "451"):
            assert day.opening_balance + sum(line.amount for line in day.lines) == day.closing_balance


def broken(read: Reader, data: bytes, words: str, line: int) -> None:
    with pytest.raises(BrokenStatement, match=words) as caught:
        read(data)
    assert caught.value.details["line"] == line
    assert str(caught.value).startswith(f"Line {line}: ")


def changed(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) >= 1
    return data.replace(old, new, 1)


class TestMt940:
    def test_reads_references_texts_and_reversals(self) -> None:
        first, reversal, out = [line for day in mt940.read(MT940) for line in day.lines]
        assert (first.bank_reference, first.customer_reference, first.text) == (
            "B1",
            "SBX-1",
            "DEPOSIT OF MRS. A, LONDON",
        )
        assert (reversal.value_date, reversal.booked) == (TUESDAY, MONDAY)
        assert (reversal.type_code, reversal.text) == ("RNMSC", "EARLIER CREDIT WITHDRAWN")
        assert (out.customer_reference, out.bank_reference, out.type_code) == ("SBX-2", "", "NTRF")
        assert "BUILDER INC" in out.text

    def test_reads_several_messages_pages_and_accounts(self) -> None:
        second = changed(changed(MT940, b":25:111", b":25:222"), b"STMT260303", b"OTHER")
        pages = b"""\
:20:P1\n:25:333\n:28C:1/1\n:60F:C260302USD0,\n:61:260303C5,NTRFA\n:62M:C260303USD5,
:20:P2\n:25:333\n:28C:1/2\n:60M:C260303USD5,\n:61:260303C7,NTRFB\n:62F:C260303USD12,\n"""
        days = mt940.read(MT940 + second + pages)
        assert [(day.account_number, day.closing_balance, len(day.lines)) for day in days] == [
            ("111", D("1699.50"), 2), ("111", D("1599.50"), 1), ("222", D("1699.50"), 2), ("222", D("1599.50"), 1),
            ("333", D("12.00"), 2),
        ]  # fmt: skip
        broken(mt940.read, pages[: pages.index(b":20:P2")], "last page is missing", 1)
        broken(mt940.read, pages[pages.index(b":20:P2") :], "earlier page", 1)
        broken(mt940.read, changed(pages, b":60M:C260303USD5,", b":60M:C260303USD6,"), "does not open", 10)

    def test_takes_the_year_of_an_entry_across_new_year(self) -> None:
        data = b":20:A\n:25:1\n:60F:D251231USD1,\n:61:2512310102D1,00NTRFX\n:62F:D260102USD2,\n"
        [day] = mt940.read(data)
        [line] = day.lines
        assert (line.value_date, line.booked, day.closing_balance) == (date(2025, 12, 31), date(2026, 1, 2), D("-2.00"))

    @pytest.mark.parametrize(
        ("old", "new", "words", "line"),
        [
            (b":25:111\n", b"", "names no account", 2),
            (b":60F:C260302USD1000,00\n", b"", "between the opening", 5),
            (b"USD1599,50\n:64", b"USD1599,51\n:64", "comes? to|moves from", 13),
            (b"C700,00", b"C700,005", "whole cents", 6),
            (b"C700,00", b"C700.00", "61. is damaged|not an amount", 6),
            (b"C700,00", b"C7,00,00", "not an amount", 6),
            (b"C700,00", b"C-700,00", "damaged", 6),
            (b":61:2603030302C", b":61:2602300302C", "day that does not exist", 6),
            (b":62F:C260303USD", b":62F:C260303EUR", "in EUR", 13),
            (b":62F:C260303", b":62F:C260301", "before it opens", 13),
            (b":64:", b":66:", "no field 66", 14),
            (b":62F:C260303USD1599,50\n", b"", "cut off|no closing balance", 2),
            (b":20:STMT260303\n", b"", "before the message begins", 2),
            (b"RC0,50NMSCNONREF//B2", b"RC0,50", "no type", 9),
            (b":28C", b":25:222\n:28C", "second account", 4),
        ],
    )  # fmt: skip
    def test_explains_what_is_broken(self, old: bytes, new: bytes, words: str, line: int) -> None:
        broken(mt940.read, changed(MT940, old, new), words, line)


class TestOfx:
    def test_reads_ids_references_and_texts(self) -> None:
        first, _, check = [line for day in ofx.read(OFX_SGML) for line in day.lines]
        assert (first.bank_id, first.bank_reference, first.customer_reference) == ("B1", "B1", "SBX-1")
        assert (first.text, first.booked) == ("MRS. A & CO, Zürich", MONDAY)
        assert (check.customer_reference, check.type_code) == ("17", "CHECK")
        assert ofx.read(OFX_XML)[0].lines[0].text == "MRS. A & CO <RENT>"

    def test_both_versions_know_a_line_by_its_id(self) -> None:
        one, two = ([line.fingerprint for day in ofx.read(data) for line in day.lines] for data in (OFX_SGML, OFX_XML))
        assert one == two

    def test_a_balance_of_a_later_day_is_one_statement_of_that_day(self) -> None:
        [day] = ofx.read(changed(OFX_SGML, b"1599.50<DTASOF>20260303", b"999.00<DTASOF>20260309"))
        assert (day.as_of, day.opening_balance, day.closing_balance) == (date(2026, 3, 9), None, D("999.00"))
        assert len(day.lines) == 3

    @pytest.mark.parametrize(
        ("old", "new", "words", "line"),
        [
            (b"<CURDEF>USD", b"<CURDEF>CAD", "in CAD", 14),
            (b"<TRNAMT>-0,50", b"<TRNAMT>-0.505", "whole cents", 26),
            (b"<TRNAMT>-0,50", b"<TRNAMT>1e9", "not an amount", 26),
            (b"<TRNAMT>-0,50", b"<TRNAMT>" + b"9" * 18, "too large", 26),
            (b"<FITID>B2", b"", "no id", 26),
            (b"<DTPOSTED>20260303", b"<DTPOSTED>20260230", "not a day", 27),
            (b"<LEDGERBAL><BALAMT>1599.50<DTASOF>20260303</LEDGERBAL>\n", b"", "no ledger balance", 14),
            (b"<ACCTID>111", b"", "no number", 14),
            (b"<FITID>B2", b"<FITID>B2<CORRECTFITID>B1<CORRECTACTION>DELETE", "corrects", 26),
            (b"<FITID>B2", b"<FITID>B2<CURRENCY><CURRATE>1.1<CURSYM>EUR</CURRENCY>", "in EUR", 26),
            (b"</BANKTRANLIST>", b"</BANKTRANLISTS>", "was not begun", 28),
            (b"<DTSTART>", b"<dtstart>", "between the tags", 16),
            (b"<SEVERITY>INFO", b"<SEVERITY>ERROR<MESSAGE>Come again", "Come again", 12),
            (b"OFXHEADER:100", b"OFXHEADER:900", "header", 1),
            (b"<OFX>", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><OFX>", "document type", 11),
            (b"</OFX>", b"</OFX><OFX></OFX>", "", 31),
        ],
    )  # fmt: skip
    def test_explains_what_is_broken(self, old: bytes, new: bytes, words: str, line: int) -> None:
        data = changed(OFX_SGML, old, new)
        if words:
            broken(ofx.read, data, words, line)
        else:
            with pytest.raises(BrokenStatement):
                ofx.read(data)

    def test_refuses_a_credit_card(self) -> None:
        data = OFX_SGML.replace(b"STMTRS>", b"CCSTMTRS>").replace(b"BANKACCTFROM>", b"CCACCTFROM>")
        broken(ofx.read, data, "credit card", 14)


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>&b;</BkToCstmrStmt></Document>
"""


class TestCamt053:
    def test_reads_references_batches_and_reversals(self) -> None:
        first, reversal, batch = [line for day in camt053.read(CAMT053) for line in day.lines]
        assert (first.bank_id, first.customer_reference, first.type_code) == ("B1", "SBX-1", "RCDT-DMCT")
        assert (first.value_date, first.booked, first.text) == (TUESDAY, MONDAY, "Mrs. A & Co Deposit")
        assert (reversal.amount, reversal.type_code) == (D("-0.50"), "R:REV")
        assert (batch.amount, batch.customer_reference) == (D("-100.00"), "BATCH-7")
        assert batch.text == "[E1 60.00] [E2 40.00]"

    @pytest.mark.parametrize("version", range(2, 9))
    def test_reads_each_version(self, version: int) -> None:
        data = changed(CAMT053, b"camt.053.001.08", f"camt.053.001.{version:02}".encode())
        if version < 8:
            data = (
                data.replace(b"<Sts><Cd>BOOK</Cd></Sts>", b"<Sts>BOOK</Sts>")
                .replace(b"<Pty>", b"")
                .replace(b"</Pty>", b"")
            )
        assert camt053.read(data) == camt053.read(CAMT053)

    def test_reads_a_prefix_several_statements_and_accounts(self) -> None:
        stmt = CAMT053[CAMT053.index(b"<Stmt>") : CAMT053.index(b"</Stmt>") + len(b"</Stmt>\n")]
        other = changed(stmt, b"<Othr><Id>111</Id></Othr>", b"<IBAN>US00111</IBAN>")
        days = camt053.read(CAMT053.replace(stmt, stmt + other))
        assert [day.account_number for day in days] == ["111", "111", "US00111", "US00111"]
        prefixed = CAMT053.replace(b"<Document xmlns=", b"<n:Document xmlns:n=").replace(b"</Document", b"</n:Document")
        assert camt053.read(prefixed.replace(b"<Ntry>", b"<n:Ntry>").replace(b"</Ntry>", b"</n:Ntry>")) == camt053.read(
            CAMT053
        )

    def test_leaves_out_what_is_not_booked(self) -> None:
        data = changed(
            CAMT053, b"</Stmt>", b"<Ntry><Amt Ccy='USD'>5</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts></Ntry></Stmt>"
        )
        assert camt053.read(data) == camt053.read(CAMT053)

    @pytest.mark.parametrize(
        ("old", "new", "words", "line"),
        [
            (b"camt.053.001.08", b"camt.052.001.08", "camt.052", 2),
            (b"camt.053.001.08", b"camt.053.001.99", "not known", 2),
            (b"urn:iso:std:iso:20022:tech:xsd:", b"urn:x-", "no ISO 20022 document", 2),
            (b"<Othr><Id>111</Id></Othr>", b"", "no number", 6),
            (b"OPBD", b"ITBD", "no opening booked balance", 5),
            (b"CLBD", b"ITBD", "no closing booked balance", 5),
            (b'<Amt Ccy="USD">700.00', b'<Amt Ccy="EUR">700.00', "in EUR", 15),
            (b'<Amt Ccy="USD">700.00', b"<Amt>700.00", "names no currency", 15),
            (b'<Amt Ccy="USD">700.00', b'<Amt Ccy="USD">700.001', "whole cents", 15),
            (b'<Amt Ccy="USD">700.00', b'<Amt Ccy="USD">-700.00', "not an amount", 15),
            (b'<Amt Ccy="USD">0.50', b'<Amt Ccy="USD">NaN', "not an amount", 21),
            (b"<Sum>700</Sum>", b"<Sum>701</Sum>", "TtlCdtNtries", 13),
            (b"<NbOfNtries>2<", b"<NbOfNtries>1<", "TtlDbtNtries states 1", 13),
            (b"1599.5<", b"1599.51<", "moves from", 9),
            (b"<Dt>2026-03-02</Dt></BookgDt>", b"<Dt>2026-02-30</Dt></BookgDt>", "not a day", 16),
            (b"<CdtDbtInd>DBIT</CdtDbtInd><RvslInd>", b"<RvslInd>", "neither credit nor debit", 21),
            (b"<Cd>BOOK</Cd>", b"<Cd>BOKE</Cd>", "status", 15),
            (b"</Bal>\n<TxsSummry>", b"\n<TxsSummry>", "damaged or cut off", 30),
            (b"<Id>S1</Id>", b"<StmtPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>", "pages", 5),
        ],
    )  # fmt: skip
    def test_explains_what_is_broken(self, old: bytes, new: bytes, words: str, line: int) -> None:
        broken(camt053.read, changed(CAMT053, old, new), words, line)

    def test_refuses_bombs_and_other_peoples_files(self) -> None:
        broken(camt053.read, BOMB, "document type", 2)
        outside = BOMB.replace(b'<!ENTITY a "lol">', b'<!ENTITY a SYSTEM "file:///etc/passwd">').replace(b"&b;", b"&a;")
        broken(camt053.read, outside, "document type", 2)
        deep = b"<a>" * 5000 + b"</a>" * 5000
        broken(camt053.read, changed(CAMT053, b"<GrpHdr>", deep + b"<GrpHdr>"), "nested deeper", 4)


class TestWhatIsKnownAgain:
    @each
    def test_lines_of_one_file_are_told_apart_and_named_alike_each_time(self, data: bytes, read: Reader) -> None:
        names = [line.fingerprint for day in read(data) for line in day.lines]
        assert len(set(names)) == 3
        assert names == [line.fingerprint for day in read(data) for line in day.lines]

    def test_a_shorter_period_states_its_lines_alike(self) -> None:
        shorter = changed(MT940, MT940[MT940.index(b":61:260303D") : MT940.index(b":62F")], b"")
        shorter = shorter.replace(b":62F:C260303USD1599,50", b":62F:C260302USD1699,50")
        all_of_it = [line.fingerprint for day in mt940.read(MT940) for line in day.lines]
        assert [line.fingerprint for day in mt940.read(shorter) for line in day.lines] == all_of_it[:2]

    def test_equal_lines_without_ids_are_two(self) -> None:
        data = b":20:A\n:25:1\n:60F:C260303USD0,\n" + b":61:260304C1,NTRFX\n" * 2 + b":62F:C260304USD2,\n"
        [day] = mt940.read(data)
        assert day.as_of == WEDNESDAY
        assert len({line.fingerprint for line in day.lines}) == 2


class TestReading:
    def test_a_named_format_is_that_one(self) -> None:
        with pytest.raises(BrokenStatement):
            reading.read(MT940, file_format=FileFormat.OFX)
        with pytest.raises(BrokenStatement, match="a layout is for CSV"):
            reading.read(MT940, file_format=FileFormat.MT940, layout=LAYOUT)
        with pytest.raises(BrokenStatement, match="closing balance"):
            reading.read(MT940, closing_balance=D("1"))
        with pytest.raises(BrokenStatement, match="“hello” begins no"):
            reading.read(b"hello\n")
