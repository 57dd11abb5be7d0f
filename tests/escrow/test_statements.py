"""Statements: each line once, whatever file brings it, and nothing of a file that is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from escrow.bank_files.stated import BrokenStatement
from escrow.models import BankStatement, BankStatementLine, EscrowAccount
from escrow.operations import escrow_accounts, statements
from escrow.operations.statements import UnknownAccount
from escrow.queries import statements as query
from realco.errors import NotPermitted
from realco.models import User
from tests import factories
from tests.conftest import close_connections
from tests.escrow.money import MONDAY, TUESDAY, WEDNESDAY, Day, Stated, statement

D = Decimal
Import = Callable[..., list[BankStatement]]
SAMPLES = next(
    (found for parent in Path(__file__).parents if (found := parent / "shared" / "data" / "bai2").is_dir()),
    Path("shared/data/bai2"),
)


@pytest.fixture
def bring(escrow: EscrowAccount, operator: User, at: datetime) -> Import:
    """Import a statement of the escrow account."""

    def importing(*days: Day) -> list[BankStatement]:
        data = statement(escrow.external_account_id, *days)
        return statements.import_file(data, file_name="/tmp/of-the-bank.bai2", by=operator, at=at)  # noqa: S108

    return importing


class TestImport:
    def test_keeps_days_and_lines(self, escrow: EscrowAccount, bring: Import) -> None:
        added = bring(Day(MONDAY, 0, [Stated(100, "SBX-1", bank_reference="B1")]), Day(TUESDAY, 100, [Stated(-40)]))
        assert [(row.as_of_date, row.opening_balance, row.closing_balance, row.line_count) for row in added] == [
            (MONDAY, D("0.00"), D("1.00"), 1),
            (TUESDAY, D("1.00"), D("0.60"), 1),
        ]
        assert {row.file_name for row in added} == {"of-the-bank.bai2"}
        first, second = BankStatementLine.objects.filter(escrow_account=escrow)
        assert (first.amount, first.customer_reference, first.bank_reference) == (D("1.00"), "SBX-1", "B1")
        assert (second.amount, second.value_date, second.type_code) == (D("-0.40"), TUESDAY, "451")

    def test_the_same_file_twice_adds_nothing(self, bring: Import) -> None:
        bring(Day(MONDAY, 0, [Stated(100)]))
        assert bring(Day(MONDAY, 0, [Stated(100)])) == []
        assert (BankStatement.objects.count(), BankStatementLine.objects.count()) == (1, 1)

    def test_an_overlapping_file_adds_only_what_is_new(self, escrow: EscrowAccount, bring: Import) -> None:
        equal = Stated(100, text="CHECK")
        bring(Day(MONDAY, 0, [equal, equal]))
        bring(Day(MONDAY, 0, [equal, equal, equal]), Day(TUESDAY, 300, [equal]))
        assert BankStatementLine.objects.count() == 4
        assert [(row.as_of_date, row.line_count, row.added) for row in query.of_account(escrow)] == [  # type: ignore[attr-defined]
            (TUESDAY, 1, 1),
            (MONDAY, 3, 1),
            (MONDAY, 2, 2),
        ]

    def test_finds_the_account_by_the_last_part_of_its_number(self, operator: User, at: datetime) -> None:
        offering = factories.make_offering(operator=operator, at=at)
        account = escrow_accounts.open_account(
            offering, bank_account_id=None, external_account_id="bank-7:4455", by=operator, at=at
        )
        [added] = statements.import_file(statement("4455", Day(MONDAY, 0)), file_name="a", by=None, at=at)
        assert added.escrow_account == account

    def test_refuses_an_unknown_account_by_name(self, escrow: EscrowAccount, operator: User, at: datetime) -> None:
        number = escrow.external_account_id[1:]
        with pytest.raises(UnknownAccount, match=number):
            statements.import_file(statement(number, Day(MONDAY, 0)), file_name="a", by=operator, at=at)

    def test_a_file_that_breaks_at_its_end_changes_nothing(
        self, escrow: EscrowAccount, operator: User, at: datetime
    ) -> None:
        good = statement(escrow.external_account_id, Day(MONDAY, 0, [Stated(100)]), Day(TUESDAY, 100, [Stated(5)]))
        with pytest.raises(BrokenStatement, match="Line "):
            statements.import_file(good.replace(b"\n99,", b"\n99,1"), file_name="a", by=operator, at=at)
        assert not BankStatement.objects.exists()
        assert not BankStatementLine.objects.exists()

    def test_refuses_who_may_not(self, escrow: EscrowAccount, approver: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            statements.import_file(b"", file_name="a", by=approver, at=at)

    @pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared sample files are not here")
    def test_takes_a_published_sample(self, operator: User, at: datetime) -> None:
        offering = factories.make_offering(operator=operator, at=at)
        escrow_accounts.open_account(
            offering, bank_account_id=None, external_account_id="1234567890", by=operator, at=at
        )
        data = (SAMPLES / "moj_svb_us_example.bai2").read_bytes()
        assert len(statements.import_file(data, file_name="svb.bai2", by=operator, at=at)) == 2
        assert query.gaps(EscrowAccount.objects.get(), as_of=MONDAY) == []

    @pytest.mark.django_db(transaction=True)
    def test_one_file_at_once_adds_its_lines_once(self, escrow: EscrowAccount, operator: User, at: datetime) -> None:
        data = statement(escrow.external_account_id, Day(MONDAY, 0, [Stated(100), Stated(100)]))

        def bring(_: int) -> int:
            try:
                return len(statements.import_file(data, file_name="a", by=operator, at=at))
            finally:
                close_connections()

        with ThreadPoolExecutor(6) as pool:
            assert sorted(pool.map(bring, range(6))) == [0] * 5 + [1]
        assert BankStatementLine.objects.count() == 2


class TestCommand:
    def command(self, *arguments: object) -> str:
        out = StringIO()
        call_command("import_statement", *map(str, arguments), stdout=out)
        return out.getvalue()

    def test_prints_what_was_added(self, escrow: EscrowAccount, tmp_path: Path) -> None:
        file = tmp_path / "march.bai2"
        file.write_bytes(statement(escrow.external_account_id, Day(MONDAY, 0, [Stated(123456)])))
        said = self.command(file)
        assert f"{escrow.account_number} 2026-03-02: 1 lines added; closing balance 1,234.56." in said
        assert "imported before; nothing added" in self.command(file)

    def test_exits_1_for_a_refusal_and_2_for_no_file(self, escrow: EscrowAccount, tmp_path: Path) -> None:
        file = tmp_path / "march.bai2"
        file.write_text("02,\n")
        with pytest.raises(CommandError, match=r"march\.bai2: Line 1") as caught:
            self.command(file)
        assert caught.value.returncode == 1
        with pytest.raises(CommandError, match="cannot be read") as caught:
            self.command(tmp_path / "april.bai2")
        assert caught.value.returncode == 2

    def test_reconciles_and_exits_3_for_differences(self, escrow: EscrowAccount, tmp_path: Path) -> None:
        file = tmp_path / "march.bai2"
        file.write_bytes(statement(escrow.external_account_id, Day(MONDAY, 0, [Stated(100, "SBX-9")])))
        with pytest.raises(CommandError) as caught:
            self.command(file, "--reconcile")
        assert caught.value.returncode == 3


ATTACKS = {
    "another amount": "UPDATE bank_statement_lines SET amount = 5",
    "another day": "UPDATE bank_statement_lines SET value_date = '2020-01-01'",
    "another fingerprint": "UPDATE bank_statement_lines SET fingerprint = 'x'",
    "deleting a line": "DELETE FROM bank_statement_lines",
    "the same line again": (
        "INSERT INTO bank_statement_lines SELECT (jsonb_populate_record(l, jsonb_build_object("
        "'id', gen_random_uuid()))).* FROM bank_statement_lines l"
    ),
    "a line of nothing": (
        "INSERT INTO bank_statement_lines SELECT (jsonb_populate_record(l, jsonb_build_object("
        "'id', gen_random_uuid(), 'fingerprint', 'x', 'amount', 0))).* FROM bank_statement_lines l"
    ),
    "another closing balance": "UPDATE bank_statements SET closing_balance = 5",
    "deleting a statement": "DELETE FROM bank_statements",
    "the same statement again": (
        "INSERT INTO bank_statements SELECT (jsonb_populate_record(s, jsonb_build_object("
        "'id', gen_random_uuid()))).* FROM bank_statements s"
    ),
}


class TestTheDatabase:
    @pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
    def test_refuses(self, attack: str, bring: Import) -> None:
        bring(Day(MONDAY, 0, [Stated(100)]), Day(WEDNESDAY, 100))
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attack)
