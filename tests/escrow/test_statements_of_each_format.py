"""Every format at the import: each line once whatever file and format brings it, and layouts that stay as they were."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escrow.bank_files import reading
from escrow.bank_files.csv_layouts import BadLayout
from escrow.bank_files.stated import BrokenStatement
from escrow.models import BankFileLayout, BankStatement, BankStatementLine, EscrowAccount
from escrow.operations import bank_file_layouts, escrow_accounts, statements
from escrow.operations.statements import UnknownAccount
from escrow.queries import bank_file_layouts as layouts_query
from escrow.queries import statements as query
from realco.errors import NotPermitted
from realco.models import AuditEvent, User
from tests import factories
from tests.escrow.bank_days import CAMT053, CSV, CSV_LAYOUT, MT940, OFX_SGML, OFX_XML
from tests.escrow.money import MONDAY, TUESDAY, Day, Stated, statement
from tests.stages import staged

D = Decimal
Import = Callable[..., list[BankStatement]]
BAI2 = statement(
    "111",
    Day(MONDAY, 100000, [Stated(70000, "SBX-1", bank_reference="B1"), Stated(-50, bank_reference="B2")]),
    Day(TUESDAY, 169950, [Stated(-10000, "SBX-2", bank_reference="B3")]),
)
FILES = {"BAI2": BAI2, "MT940": MT940, "OFX 1": OFX_SGML, "OFX 2": OFX_XML, "camt.053": CAMT053, "CSV": CSV}


@staged
def account(operator: User, at: datetime) -> EscrowAccount:
    offering = factories.make_offering(operator=operator, at=at)
    return escrow_accounts.open_account(
        offering, bank_account_id=None, external_account_id="bank:111", by=operator, at=at
    )


@staged
def layout(operator: User, at: datetime) -> BankFileLayout:
    return bank_file_layouts.add("First Bank", bank_name="First Bank", contents=CSV_LAYOUT, by=operator, at=at)


@pytest.fixture
def bring(account: EscrowAccount, layout: BankFileLayout, operator: User, at: datetime) -> Import:
    def importing(data: bytes, **options: Any) -> list[BankStatement]:
        given_layout = layout if data.startswith(b"First Bank") else None
        return statements.import_file(
            data, **{"file_name": "a", "by": operator, "at": at, "layout": given_layout, **options}
        )

    return importing


def stored() -> tuple[int, int]:
    return BankStatement.objects.count(), BankStatementLine.objects.count()


class TestImport:
    @pytest.mark.parametrize("data", FILES.values(), ids=FILES.keys())
    def test_adds_each_format_once(self, bring: Import, account: EscrowAccount, data: bytes) -> None:
        added = bring(data)
        assert [(row.as_of_date, row.closing_balance) for row in added] == [
            (MONDAY, D("1699.50")),
            (TUESDAY, D("1599.50")),
        ]
        assert bring(data) == []
        assert stored() == (2, 3)
        assert query.gaps(account, as_of=TUESDAY) == []
        row = BankStatement.objects.first()
        assert row is not None and (row.layout is not None) == (row.file_format == "CSV")

    @pytest.mark.parametrize("first", FILES.keys())
    @pytest.mark.parametrize("second", FILES.keys())
    def test_a_line_under_the_banks_reference_is_known_in_another_format(
        self, bring: Import, account: EscrowAccount, first: str, second: str
    ) -> None:
        bring(FILES[first])
        bring(FILES[second])
        # MT940 gives its third line no reference of the bank's; nothing says that it is the others' third.
        unnamed = "MT940" in (first, second) and first != second
        assert BankStatementLine.objects.count() == 3 + unnamed
        assert BankStatement.objects.count() == (2 if first == second else 4)

    def test_two_genuine_equal_lines_are_two_in_another_format_too(self, bring: Import) -> None:
        twice = [Stated(100, bank_reference="SAME"), Stated(100, bank_reference="SAME")]
        bring(statement("111", Day(MONDAY, 0, twice[:1])))
        entry = b":61:260302C1,NTRFX//SAME\n"
        bring(b":20:A\n:25:111\n:60F:C260302USD0,\n" + entry * 2 + b":62F:C260302USD2,\n")
        assert BankStatementLine.objects.count() == 2

    def test_references_that_name_nothing_join_nothing(self, bring: Import) -> None:
        bring(statement("111", Day(MONDAY, 0, [Stated(100, bank_reference="00000")])))
        bring(b":20:A\n:25:111\n:60F:C260302USD0,\n:61:260302C1,NTRFX//00000\n:62F:C260302USD1,\n")
        assert BankStatementLine.objects.count() == 2

    def test_an_overlapping_period_adds_what_is_new(self, bring: Import) -> None:
        later = OFX_SGML.replace(
            b"</BANKTRANLIST>", b"<STMTTRN><TRNTYPE>DEP<DTPOSTED>20260304<TRNAMT>5<FITID>B4</STMTTRN></BANKTRANLIST>"
        )
        later = later.replace(b"<DTEND>20260303", b"<DTEND>20260304").replace(
            b"1599.50<DTASOF>20260303", b"1604.50<DTASOF>20260304"
        )
        bring(OFX_SGML)
        assert [row.line_count for row in bring(later)] == [2, 1, 1]
        assert BankStatementLine.objects.count() == 4

    def test_the_account_named_has_to_be_the_files(
        self, bring: Import, account: EscrowAccount, operator: User, at: datetime
    ) -> None:
        other = escrow_accounts.open_account(
            factories.make_offering(operator=operator, at=at), bank_account_id=None, external_account_id="222",
            by=operator, at=at,
        )  # fmt: skip
        for number in (other.account_number, "222"):
            with pytest.raises(UnknownAccount, match="and not"):
                bring(MT940, account_number=number)
        assert stored() == (0, 0)
        assert len(bring(MT940, account_number=account.account_number)) == 2

    def test_a_csv_file_without_account_or_balance_takes_them_from_the_person(
        self, bring: Import, account: EscrowAccount, operator: User, at: datetime
    ) -> None:
        plain = {"columns": {"date": 1, "amount": 2}, "has_header": False}
        layout = bank_file_layouts.add("Plain", bank_name="P", contents=plain, by=operator, at=at)
        [added] = bring(
            b"2026-03-02,5.00\n", layout=layout, account_number=account.account_number, closing_balance=D("7.00")
        )
        assert (added.opening_balance, added.closing_balance, added.layout) == (D("2.00"), D("7.00"), layout)

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_a_damaged_file_adds_nothing_when_it_is_refused(self, bring: Import, data: st.DataObject) -> None:
        whole = FILES[data.draw(st.sampled_from(sorted(FILES)))]
        at = data.draw(st.integers(0, len(whole)))
        before = (*stored(), AuditEvent.objects.count())
        try:
            with transaction.atomic():
                bring(whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + data.draw(st.integers(0, 20)) :])
                raise _Undone
        except BrokenStatement as refusal:
            assert re.match(r"Line \d+: |The file is too large", str(refusal))
        except (UnknownAccount, _Undone):
            pass
        assert (*stored(), AuditEvent.objects.count()) == before


class _Undone(Exception):
    """Takes back what a file brought that was sound after all."""


class TestLayouts:
    def test_a_name_that_there_is_gets_its_next_version(
        self, layout: BankFileLayout, operator: User, at: datetime
    ) -> None:
        again = bank_file_layouts.add(" First  Bank ", bank_name="First Bank", contents=CSV_LAYOUT, by=operator, at=at)
        assert again == layout
        changed = {**CSV_LAYOUT, "date_format": "DD/MM/YYYY"}
        second = bank_file_layouts.add("First Bank", bank_name="First Bank", contents=changed, by=operator, at=at)
        assert (layout.version, second.version, second.created_by) == (1, 2, operator)
        assert layouts_query.latest("First Bank") == second
        assert list(layouts_query.in_use()) == [second]

    def test_refuses_who_may_not_and_what_cannot_be_read_with(
        self, operator: User, approver: User, at: datetime
    ) -> None:
        with pytest.raises(NotPermitted):
            bank_file_layouts.add("A", bank_name="B", contents=CSV_LAYOUT, by=approver, at=at)
        for name, contents in (("", CSV_LAYOUT), ("A", {}), ("x" * 101, CSV_LAYOUT)):
            with pytest.raises(BadLayout):
                bank_file_layouts.add(name, bank_name="B", contents=contents, by=operator, at=at)
        assert not BankFileLayout.objects.exists()


ATTACKS = {
    "other columns": "UPDATE bank_file_layouts SET contents = '{}'",
    "another name": "UPDATE bank_file_layouts SET name = 'x'",
    "deleting it": "DELETE FROM bank_file_layouts",
    "emptying the table": "TRUNCATE bank_file_layouts CASCADE",
    "a second of one version": (
        "INSERT INTO bank_file_layouts SELECT (jsonb_populate_record(l, jsonb_build_object("
        "'id', gen_random_uuid()))).* FROM bank_file_layouts l"
    ),
    "no name": (
        "INSERT INTO bank_file_layouts SELECT (jsonb_populate_record(l, jsonb_build_object("
        "'id', gen_random_uuid(), 'name', ''))).* FROM bank_file_layouts l"
    ),
    "a format nobody knows": (
        "INSERT INTO bank_statements SELECT (jsonb_populate_record(s, jsonb_build_object("
        "'id', gen_random_uuid(), 'content_hash', 'x', 'file_format', 'PDF'))).* FROM bank_statements s"
    ),
    "another format": "UPDATE bank_statements SET file_format = 'OFX'",
}


class TestTheDatabase:
    @pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
    def test_refuses(self, attack: str, bring: Import) -> None:
        bring(CSV)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attack)


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "march.csv"
        path.write_bytes(CSV)
        return path

    def command(self, *arguments: object) -> str:
        out = StringIO()
        call_command("import_statement", *map(str, arguments), stdout=out)
        return out.getvalue()

    def test_reads_csv_by_a_layout(self, account: EscrowAccount, layout: BankFileLayout, file: Path) -> None:
        assert "First Bank  (First Bank, version 1)" in self.command("--layouts")
        said = self.command(file, "--format", "csv", "--layout", "First Bank", "--account", account.account_number)
        assert f"{account.account_number} 2026-03-03: 1 lines added; closing balance 1,599.50." in said

    @pytest.mark.parametrize(
        ("arguments", "words", "code"),
        [
            ((), "Name the file", 2),
            (("FILE", "--layout", "Nobody"), "there are: “First Bank”", 2),
            (("FILE", "--layout", "First Bank", "--closing-balance", "1,2"), "closing-balance", 2),
            (("FILE",), "Line 1: .* CSV needs a layout", 1),
            (("FILE", "--format", "ofx"), "Line 1: there is no <OFX>", 1),
            (("FILE", "--layout", "First Bank", "--account", "999"), "999 is no escrow account", 1),
        ],
    )
    def test_says_what_is_wrong(
        self,
        account: EscrowAccount,
        layout: BankFileLayout,
        file: Path,
        arguments: tuple[str, ...],
        words: str,
        code: int,
    ) -> None:
        with pytest.raises(CommandError, match=words) as caught:
            self.command(*(file if argument == "FILE" else argument for argument in arguments))
        assert caught.value.returncode == code
        assert stored() == (0, 0)

    @pytest.mark.slow
    def test_tells_how_far_a_long_file_has_come(self, account: EscrowAccount, tmp_path: Path) -> None:
        lines = "".join(f":61:260302C1,NTRFX//R{number}\n" for number in range(10_001))
        path = tmp_path / "long.mt940"
        path.write_text(f":20:A\n:25:111\n:60F:C260302USD0,\n{lines}:62F:C260302USD10001,\n")
        told = StringIO()
        call_command("import_statement", str(path), stdout=StringIO(), stderr=told)
        assert "Read 10,001 lines" in told.getvalue() and "Stored 10,001 of 10,001 new lines." in told.getvalue()


def test_reading_needs_no_account_of_ours() -> None:
    assert [day.account_number for day in reading.read(MT940).days] == ["111", "111"]
