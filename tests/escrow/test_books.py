"""The books check: sees what was changed behind the triggers, names it, and sees nothing else."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from escrow import books
from escrow.models import EscrowAccount, JournalEntry
from escrow.operations import holds, statements
from realco.models import User
from tests import factories
from tests.escrow.money import TUESDAY, Day, Stated, arrive, statement
from tests.stages import staged

Corrupt = Callable[[str], None]

_ENTRY = "(SELECT e.id FROM escrow_ledger_entries e WHERE e.reference = 'SBX-2:settled' AND e.amount > 0)"
_CLEARED = "(SELECT e.id FROM escrow_ledger_entries e WHERE e.reference = 'SBX-2:cleared' AND e.amount < 0)"

CORRUPTIONS = {
    "an amount": (
        f"UPDATE escrow_ledger_entries SET amount = amount + 1 WHERE id = {_ENTRY}",
        {"chain", "equation", "journal", "stored balance", "stored total"},
        "journal entry SBX-2:settled",
    ),
    "an amount and all that follows from it": (
        "UPDATE escrow_ledger_entries SET amount = amount - 1, balance_after = balance_after + 1"
        f" WHERE id = {_CLEARED};"
        "UPDATE ledger_accounts SET balance = balance + 1 WHERE kind = 'INVESTOR';"
        "UPDATE escrow_accounts SET available_balance = 16, current_balance = 16 WHERE current_balance = 15",
        {"journal", "equation"},
        "journal entry SBX-2:cleared does not balance: its entries sum to -1.00",
    ),
    "an entry removed": (
        f"DELETE FROM escrow_ledger_entries WHERE id = {_ENTRY}",
        {"equation", "journal", "stored balance", "stored total"},
        "journal entry SBX-2:settled",
    ),
    "an entry removed from the middle of a chain": (
        "DELETE FROM escrow_ledger_entries WHERE reference = 'SBX-1:settled' AND amount > 0",
        {"chain", "equation", "journal", "stored balance", "stored total"},
        "journal entry SBX-2:settled, entry number 2 of the BANK account",
    ),
    "a balance before": (
        f"UPDATE escrow_ledger_entries SET balance_before = 1, balance_after = 6 WHERE id = {_ENTRY}",
        {"chain"},
        "it begins with 1.00, the entry before it ends with 10.00",
    ),
    "a sequence number": (
        f"UPDATE escrow_ledger_entries SET sequence = 9 WHERE id = {_ENTRY}",
        {"chain"},
        "entry number 9 of the BANK account",
    ),
    "a stored ledger balance": (
        "UPDATE ledger_accounts SET balance = 16 WHERE kind = 'BANK'",
        {"stored balance"},
        "stores 16.00 after 2 entries, its 2 entries sum to 15.00",
    ),
    "a count of entries": (
        "UPDATE ledger_accounts SET entry_count = 3 WHERE kind = 'BANK'",
        {"stored balance"},
        "after 3 entries",
    ),
    "a balance below zero": (
        "ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_never_negative;"
        "UPDATE ledger_accounts SET balance = -1 WHERE kind = 'BANK'",
        {"negative balance", "stored balance"},
        "holds -1.00",
    ),
    "a stored escrow balance": (
        "UPDATE escrow_accounts SET available_balance = 20, current_balance = 20",
        {"stored balance"},
        "available_balance stores 20.00, the entries sum to 15.00",
    ),
    "money moved between parts": (
        "UPDATE escrow_accounts SET available_balance = 10, held_balance = 5 WHERE current_balance = 15",
        {"stored balance"},
        "held_balance stores 5.00, the entries sum to 0",
    ),
    "an equation broken outright": (
        "ALTER TABLE escrow_accounts DROP CONSTRAINT escrow_accounts_equation;"
        "UPDATE escrow_accounts SET pending_balance = 3",
        {"equation", "stored balance"},
        "current 15.00 is not available 15.00 + pending 3.00 + held 0.00",
    ),
    "a total": ("UPDATE escrow_accounts SET total_deposits = 16", {"stored total"}, "total_deposits stores 16.00"),
    "a journal entry's count": (
        "UPDATE journal_entries SET entry_count = 3 WHERE reference = 'SBX-2:settled'",
        {"journal"},
        "journal entry SBX-2:settled announced 3 entries and has 2",
    ),
    "a journal entry without entries": (
        "DELETE FROM escrow_ledger_entries WHERE reference = 'SBX-2:cleared'",
        {"journal", "stored balance"},
        "journal entry SBX-2:cleared announced 2 entries and has 0",
    ),
    "entries without their journal entry": (
        "ALTER TABLE escrow_ledger_entries DISABLE TRIGGER ALL;"
        "DELETE FROM journal_entries WHERE reference = 'SBX-2:cleared'",
        {"journal"},
        "entry SBX-2:cleared of 5.00 belongs to a journal entry or ledger account that is gone",
    ),
    "an entry's day": (
        f"UPDATE escrow_ledger_entries SET effective_date = '2026-01-01' WHERE id = {_ENTRY}",
        {"journal"},
        "journal entry SBX-2:settled and its entries differ",
    ),
    "a journal entry moved to another account": (
        "UPDATE journal_entries SET escrow_account_id = (SELECT id FROM escrow_accounts WHERE current_balance = 0)"
        " WHERE reference = 'SBX-2:settled'",
        {"journal"},
        "journal entry SBX-2:settled reaches into another escrow account",
    ),
    "a reference twice": (
        "ALTER TABLE journal_entries DROP CONSTRAINT journal_entries_reference_key;"
        "UPDATE journal_entries SET reference = 'SBX-1:settled' WHERE reference = 'SBX-2:settled';"
        "UPDATE escrow_ledger_entries SET reference = 'SBX-1:settled' WHERE reference = 'SBX-2:settled'",
        {"posted twice"},
        "the reference SBX-1:settled stands on 2 journal entries",
    ),
}


@staged
def kept(escrow: EscrowAccount, investor: User, operator: User, at: datetime) -> EscrowAccount:
    """Two deposits in the account under test, and another account that is empty."""
    factories.make_escrow(factories.make_offering(operator=operator, at=at), operator=operator, at=at)
    arrive(escrow, investor, "10.00", reference="SBX-1", at=at)
    arrive(escrow, investor, "5.00", reference="SBX-2", at=at)
    escrow.refresh_from_db()
    return escrow


@pytest.fixture
def corrupt() -> Corrupt:
    """Change rows as a superuser would, with every trigger switched off."""

    def corrupting(sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(sql)
            cursor.execute("SET session_replication_role = DEFAULT")

    return corrupting


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("check_books", *arguments, stdout=out)
    return out.getvalue()


class TestCheck:
    def test_finds_nothing_in_books_that_were_only_posted_to(
        self, kept: EscrowAccount, investor: User, at: datetime
    ) -> None:
        holds.place(kept, investor=investor, amount=Decimal("4"), reason="x", by=None, at=at, reference="h")
        assert books.check() == []

    @pytest.mark.parametrize(("sql", "checks", "words"), CORRUPTIONS.values(), ids=CORRUPTIONS.keys())
    def test_names(self, sql: str, checks: set[str], words: str, kept: EscrowAccount, corrupt: Corrupt) -> None:
        corrupt(sql)
        findings = books.check()
        assert {finding.check for finding in findings} == checks
        assert words in " | ".join(finding.message for finding in findings)

    def test_names_the_journal_entry_by_its_id(self, kept: EscrowAccount, corrupt: Corrupt) -> None:
        corrupt("UPDATE journal_entries SET entry_count = 3 WHERE reference = 'SBX-2:settled'")
        [finding] = books.check()
        broken = JournalEntry.objects.get(reference="SBX-2:settled")
        assert (finding.entity_type, finding.entity_id) == ("journal_entries", str(broken.pk))
        assert str(broken.pk) in str(finding)

    def test_sees_one_bank_transfer_posted_under_two_references(
        self, escrow: EscrowAccount, investor: User, at: datetime, corrupt: Corrupt
    ) -> None:
        payment = factories.fund(investor, escrow, "500.00", at=at)
        assert books.check() == []
        arrive(escrow, investor, "500.00", reference="again", at=at)
        assert books.check() == []
        settled = JournalEntry.objects.get(transaction=payment, event="INBOUND_SETTLED")
        corrupt(
            f"UPDATE journal_entries SET transaction_id = '{payment.pk}', description = '{settled.description}'"
            " WHERE reference = 'again:settled';"
            f"UPDATE escrow_ledger_entries SET transaction_id = '{payment.pk}' WHERE reference = 'again:settled'"
        )
        [finding] = books.check()
        assert finding.check == "posted twice"
        assert settled.reference in finding.message and "again:settled" in finding.message

    def test_looks_only_at_the_accounts_it_is_given(self, kept: EscrowAccount, corrupt: Corrupt) -> None:
        corrupt("UPDATE ledger_accounts SET balance = 16 WHERE kind = 'BANK'")
        other = EscrowAccount.objects.exclude(pk=kept.pk).get()
        assert books.check([other.pk]) == []
        assert books.check([]) == []
        assert len(books.check([kept.pk])) == 1

    def test_is_one_query(self, kept: EscrowAccount, django_assert_num_queries: Callable[..., object]) -> None:
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            books.check()
        assert len(queries) == 1


class TestCommand:
    def test_prints_the_three_way_proof(self, kept: EscrowAccount, operator: User, at: datetime) -> None:
        stated = statement(kept.external_account_id, Day(TUESDAY, 0, [Stated(1500)]))
        statements.import_file(stated, file_name="a", by=operator, at=at)
        said = command()
        row = next(line for line in said.splitlines() if line.startswith(kept.account_number))
        assert row.split() == [kept.account_number, *["15.00"] * 5, "agrees"]
        assert "no statement" in said
        assert "The books prove: 2 escrow accounts." in said

    def test_exits_1_and_names_what_is_wrong(self, kept: EscrowAccount, corrupt: Corrupt) -> None:
        corrupt("UPDATE journal_entries SET entry_count = 3 WHERE reference = 'SBX-2:settled'")
        out = StringIO()
        with pytest.raises(CommandError, match=kept.account_number) as caught:
            call_command("check_books", stdout=out)
        assert caught.value.returncode == 1
        broken = JournalEntry.objects.get(reference="SBX-2:settled")
        assert f"announced 3 entries and has 2 [journal_entries {broken.pk}]" in out.getvalue()
        assert "DIFFERS" in out.getvalue()

    def test_exits_1_when_the_bank_says_something_else(self, kept: EscrowAccount, operator: User, at: datetime) -> None:
        stated = statement(kept.external_account_id, Day(TUESDAY, 0, [Stated(1499)]))
        statements.import_file(stated, file_name="a", by=operator, at=at)
        with pytest.raises(CommandError):
            command("--account", kept.account_number)

    def test_exits_2_for_an_account_that_does_not_exist(self, kept: EscrowAccount) -> None:
        with pytest.raises(CommandError, match="no escrow account ESCROW-1") as caught:
            command("--account", "ESCROW-1")
        assert caught.value.returncode == 2
