"""
Rows changed behind the application's back, triggers off: the nightly check names what was changed and exits 1.

Each kind of tampering is as careful as it can be: where the books can be made to add up again, they are.
What still betrays it is then the audit trail, or the catalogue that says which guard is gone.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from escrow import books, tasks
from escrow.models import EscrowAccount, JournalEntry
from realco import guard_state
from realco.models import User
from tests import factories
from tests.escrow.money import arrive
from tests.faults import servers
from tests.stages import staged

pytestmark = pytest.mark.slow

ACCOUNT = "(SELECT id FROM escrow_accounts WHERE current_balance > 0)"
BANK_ENTRY = "reference = 'SBX-2:settled' AND amount > 0"

# One journal entry erased with all that followed from it: its entries, both heads, the escrow account's figures.
ERASE = """
DELETE FROM escrow_ledger_entries WHERE reference = 'SBX-2:cleared';
DELETE FROM journal_entries WHERE reference = 'SBX-2:cleared';
UPDATE ledger_accounts SET balance = balance - 5, entry_count = entry_count - 1 WHERE kind = 'INVESTOR';
UPDATE ledger_accounts SET balance = balance + 5, entry_count = entry_count - 1 WHERE kind = 'UNCLEARED';
UPDATE escrow_accounts SET available_balance = available_balance - 5, pending_balance = pending_balance + 5
 WHERE current_balance > 0;
"""
# The same event once more under another reference, with everything that follows from it.
DOUBLE = f"""
INSERT INTO journal_entries SELECT (j).* FROM (SELECT jsonb_populate_record(x, '{{"reference": "SBX-3:cleared",
  "description": "SBX-3 deposit cleared", "id": "01890000-0000-7000-8000-00000000000a"}}') AS j
  FROM journal_entries x WHERE reference = 'SBX-1:cleared') y;
INSERT INTO escrow_ledger_entries SELECT (e).* FROM (SELECT jsonb_populate_record(x, jsonb_build_object(
  'id', gen_random_uuid(), 'reference', 'SBX-3:cleared', 'journal_entry_id', '01890000-0000-7000-8000-00000000000a',
  'sequence', a.entry_count + 1, 'balance_before', a.balance,
  'balance_after', a.balance + x.amount * ledger_normal_side(a.kind))) AS e
  FROM escrow_ledger_entries x JOIN ledger_accounts a ON a.id = x.ledger_account_id
 WHERE x.reference = 'SBX-1:cleared') y;
UPDATE ledger_accounts SET balance = balance + 10, entry_count = entry_count + 1 WHERE kind = 'INVESTOR';
UPDATE ledger_accounts SET balance = balance - 10, entry_count = entry_count + 1 WHERE kind = 'UNCLEARED';
UPDATE escrow_accounts SET available_balance = available_balance + 10, pending_balance = pending_balance - 10
 WHERE id = {ACCOUNT};
"""
TAMPERINGS = {
    "an entry's amount": (
        f"UPDATE escrow_ledger_entries SET amount = amount + 1 WHERE {BANK_ENTRY}",
        "journal entry SBX-2:settled, entry number 2 of the BANK account",
    ),
    "a balance after": (
        f"UPDATE escrow_ledger_entries SET balance_after = 16 WHERE {BANK_ENTRY}",
        "journal entry SBX-2:settled, entry number 2 of the BANK account",
    ),
    "an entry deleted": (
        f"DELETE FROM escrow_ledger_entries WHERE {BANK_ENTRY}",
        "journal entry SBX-2:settled or one of its lines is not what was made",
    ),
    "a journal entry deleted": (
        "DELETE FROM journal_entries WHERE reference = 'SBX-2:cleared'",
        "journal entry SBX-2:cleared was made and is gone",
    ),
    "a journal entry deleted so that all adds up": (ERASE, "journal entry SBX-2:cleared was made and is gone"),
    "a stored ledger balance": (
        "UPDATE ledger_accounts SET balance = 16 WHERE kind = 'BANK'",
        "stores 16.00 after 2 entries, its 2 entries sum to 15.00",
    ),
    "a stored escrow balance": (
        "UPDATE escrow_accounts SET available_balance = 20, current_balance = 20 WHERE current_balance > 0",
        "available_balance stores 20.00, the entries sum to 15.00",
    ),
    "a total": (
        "UPDATE escrow_accounts SET total_withdrawals = 1 WHERE current_balance > 0",
        "total_withdrawals stores 1.00, the entries sum to 0",
    ),
    "a gap in the sequence": (
        f"UPDATE escrow_ledger_entries SET sequence = 3 WHERE {BANK_ENTRY};"
        "UPDATE ledger_accounts SET entry_count = 3 WHERE kind = 'BANK'",
        "journal entry SBX-2:settled, entry number 3 of the BANK account",
    ),
    "an entry moved to another ledger account": (
        "UPDATE escrow_ledger_entries SET ledger_account_id = (SELECT id FROM ledger_accounts WHERE kind = 'CLEARING'),"
        f" sequence = 5 WHERE {BANK_ENTRY}",
        "journal entry SBX-2:settled or one of its lines is not what was made",
    ),
    "a journal entry moved to another escrow account": (
        "UPDATE journal_entries SET escrow_account_id = (SELECT id FROM escrow_accounts WHERE current_balance = 0)"
        " WHERE reference = 'SBX-2:settled'",
        "journal entry SBX-2:settled reaches into another escrow account",
    ),
    "an effective date on all sides": (
        "UPDATE journal_entries SET effective_date = '2025-12-31' WHERE reference = 'SBX-2:settled';"
        "UPDATE escrow_ledger_entries SET effective_date = '2025-12-31' WHERE reference = 'SBX-2:settled'",
        "journal entry SBX-2:settled or one of its lines is not what was made",
    ),
    "a time of knowledge on all sides": (
        "UPDATE journal_entries SET created_at = '2025-12-31' WHERE reference = 'SBX-2:settled';"
        "UPDATE escrow_ledger_entries SET created_at = '2025-12-31' WHERE reference = 'SBX-2:settled'",
        "journal entry SBX-2:settled or one of its lines is not what was made",
    ),
    "a posting doubled so that all adds up": (DOUBLE, "journal entry SBX-3:cleared was made behind the audit trail"),
    "a status": (
        "UPDATE escrow_accounts SET status = 'LIQUIDATING' WHERE current_balance > 0",
        "its status is LIQUIDATING; the one it was given is ACTIVE",
    ),
    "whose money it is": (
        "UPDATE ledger_accounts SET owner_id = (SELECT id FROM users WHERE full_name = 'Olivia Operator')"
        " WHERE kind = 'INVESTOR'",
        "is not what was made: owner_id was",
    ),
    "an overdraft in the past": (
        "UPDATE escrow_ledger_entries SET balance_after = -1 WHERE reference = 'SBX-1:settled' AND amount > 0",
        "journal entry SBX-1:settled left the BANK account",
    ),
    "a reference twice": (
        "ALTER TABLE journal_entries DROP CONSTRAINT journal_entries_reference_key;"
        "UPDATE journal_entries SET reference = 'SBX-1:settled' WHERE reference = 'SBX-2:settled';"
        "UPDATE escrow_ledger_entries SET reference = 'SBX-1:settled' WHERE reference = 'SBX-2:settled'",
        "the reference SBX-1:settled stands on 2 journal entries",
    ),
}
HOLLOW = "LANGUAGE plpgsql AS $$ BEGIN RETURN coalesce(NEW, OLD); END $$"
TRIGGER = "pgtrigger_append_only_53ce6"
LOOSENED = {
    "one trigger off": (
        f"ALTER TABLE escrow_ledger_entries DISABLE TRIGGER {TRIGGER}",
        f"{TRIGGER} of .* switched off",
    ),
    "a table's triggers off": ("ALTER TABLE ledger_accounts DISABLE TRIGGER USER", "ledger_accounts is switched off"),
    "foreign keys off": ("ALTER TABLE closings DISABLE TRIGGER ALL", "RI_ConstraintTrigger.* is switched off"),
    "a trigger for replicas only": (
        f"ALTER TABLE escrow_ledger_entries ENABLE REPLICA TRIGGER {TRIGGER}",
        f"{TRIGGER} of escrow_ledger_entries fires for replicas only",
    ),
    "a trigger dropped": (f"DROP TRIGGER {TRIGGER} ON escrow_ledger_entries", f"{TRIGGER} of .* is missing"),
    "a trigger narrowed": (
        f"CREATE OR REPLACE TRIGGER {TRIGGER} BEFORE UPDATE OR DELETE ON escrow_ledger_entries FOR EACH ROW"
        " WHEN (OLD.amount > 1000000) EXECUTE FUNCTION realco_append_only()",
        f"{TRIGGER} of escrow_ledger_entries is not the one that was installed",
    ),
    "a trigger narrowed otherwise than it was": (
        "CREATE OR REPLACE TRIGGER pgtrigger_reversal_is_approved_5d636 BEFORE INSERT ON journal_entries FOR EACH ROW"
        " WHEN (NEW.event = 'REVERSAL' AND NEW.reverses_id IS NOT NULL) EXECUTE FUNCTION ledger_reversal_is_approved()",
        "pgtrigger_reversal_is_approved_5d636 of journal_entries is not the one that was installed",
    ),
    "a trigger on fewer events": (
        f"CREATE OR REPLACE TRIGGER {TRIGGER} BEFORE DELETE ON escrow_ledger_entries FOR EACH ROW"
        " EXECUTE FUNCTION realco_append_only()",
        f"{TRIGGER} of escrow_ledger_entries is not the one that was installed",
    ),
    "a trigger nobody knows": (
        "CREATE TRIGGER quiet BEFORE INSERT ON journal_entries FOR EACH ROW EXECUTE FUNCTION realco_append_only()",
        "trigger quiet of journal_entries is none of ours",
    ),
    "privileges unaudited": ("DROP TRIGGER realco_audit_insert ON users_groups", "realco_audit_insert of users_groups"),
    "a function hollowed out": (
        f"CREATE OR REPLACE FUNCTION realco_append_only() RETURNS trigger {HOLLOW}",
        "function realco_append_only does not do what the migrations say",
    ),
    "a CHECK dropped": (
        "ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_never_negative",
        "constraint ledger_accounts_never_negative of ledger_accounts is missing",
    ),
    "a CHECK that looks at nothing": (
        "ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_never_negative;"
        "ALTER TABLE ledger_accounts ADD CONSTRAINT ledger_accounts_never_negative CHECK (true)",
        "constraint ledger_accounts_never_negative of ledger_accounts is not in force",
    ),
    "a CHECK not validated": (
        "ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_never_negative;"
        "ALTER TABLE ledger_accounts ADD CONSTRAINT ledger_accounts_never_negative CHECK (balance >= 0) NOT VALID",
        "constraint ledger_accounts_never_negative of ledger_accounts is not in force",
    ),
    "a unique key dropped": (
        "ALTER TABLE journal_entries DROP CONSTRAINT journal_entries_reference_key",
        "constraint unique reference of journal_entries is missing",
    ),
    "a partial unique index dropped": ("DROP INDEX closings_one_open", "constraint closings_one_open of closings"),
    "a foreign key dropped": (
        "DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE journal_entries DROP CONSTRAINT ' || conname FROM pg_constraint"
        " WHERE conrelid = 'journal_entries'::regclass AND confrelid = 'distributions'::regclass); END $$",
        "constraint foreign key distribution_id of journal_entries is missing",
    ),
    "a column that may be empty": (
        "ALTER TABLE escrow_ledger_entries ALTER COLUMN reference DROP NOT NULL",
        "column reference of escrow_ledger_entries may be empty",
    ),
    "a rule instead": (
        "CREATE RULE nothing AS ON INSERT TO audit_events DO INSTEAD NOTHING",
        "rule nothing rewrites what is written to audit_events",
    ),
    "a role without triggers": (
        "ALTER ROLE realco SET session_replication_role = replica",
        "role realco is set to session_replication_role=replica",
    ),
}


@staged
def kept(escrow: EscrowAccount, investor: User, operator: User, at: datetime) -> EscrowAccount:
    """Two deposits in the account under test, and another account that is empty."""
    factories.make_escrow(factories.make_offering(operator=operator, at=at), operator=operator, at=at)
    arrive(escrow, investor, "10.00", reference="SBX-1", at=at)
    arrive(escrow, investor, "5.00", reference="SBX-2", at=at)
    return escrow


@contextmanager
def unguarded() -> Iterator[None]:
    """Be a superuser for whom no trigger fires."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("SET session_replication_role = DEFAULT")


def change(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def said_by_the_check() -> str:
    """Run manage.py check_books, require that it exits 1, and return what it said."""
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("check_books", stdout=out)
    assert caught.value.returncode == 1
    return out.getvalue()


class TestRows:
    def test_untouched_books_prove(self, kept: EscrowAccount) -> None:
        assert books.check_all() == []
        out = StringIO()
        call_command("check_books", stdout=out)
        assert "The books prove: 2 escrow accounts." in out.getvalue()

    @pytest.mark.parametrize(("sql", "words"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
    def test_a_change_is_named(self, sql: str, words: str, kept: EscrowAccount) -> None:
        """The tampering must really have changed rows, or the test proves nothing."""
        before = self.everything()
        with unguarded():
            change(sql)
        assert self.everything() != before
        said = said_by_the_check()
        assert words in said
        assert kept.account_number in said

    def everything(self) -> list[tuple[object, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT x::text FROM journal_entries x UNION ALL SELECT x::text FROM escrow_ledger_entries x"
                " UNION ALL SELECT x::text FROM ledger_accounts x UNION ALL SELECT x::text FROM escrow_accounts x"
                " ORDER BY 1"
            )
            rows: list[tuple[object, ...]] = cursor.fetchall()
            return rows

    def test_the_nightly_task_fails_and_names_it(self, kept: EscrowAccount, caplog: pytest.LogCaptureFixture) -> None:
        tasks.check_books()
        with unguarded():
            change(ERASE)
        [entry] = [finding for finding in books.check_trail() if finding.entity_type == "journal_entries"]
        with pytest.raises(tasks.BooksDoNotProve):
            tasks.check_books()
        assert f"journal entry SBX-2:cleared was made and is gone [journal_entries {entry.entity_id}]" in caplog.text
        assert not JournalEntry.objects.filter(pk=entry.entity_id).exists()

    def test_what_adds_up_is_seen_by_the_trail_alone(self, kept: EscrowAccount) -> None:
        with unguarded():
            change(ERASE)
        assert books.check() == []
        assert {finding.check for finding in books.check_trail()} == {"erased"}


class TestGuards:
    @pytest.mark.parametrize(("sql", "words"), LOOSENED.values(), ids=LOOSENED.keys())
    def test_a_guard_that_does_not_hold_is_a_finding(self, sql: str, words: str, kept: EscrowAccount) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        change(sql)
        assert re.search(words, " | ".join(fault.message for fault in guard_state.faults()))
        assert "GUARD: the database: " in said_by_the_check()

    def test_looking_takes_the_same_few_queries_always(self, db: None) -> None:
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            assert guard_state.faults() == []
        assert len(queries) == 6


@pytest.mark.slow
class TestAServerOfItsOwn:
    def test_the_owner_who_switches_triggers_off_and_on_again_is_found_out(self) -> None:
        """The role that owns the tables is no superuser and needs none of its rights."""
        with servers.own() as server:
            status, said = server.manage("check_books")
            assert status == 0, said
            with server.connect() as owner:
                owner.execute("ALTER TABLE escrow_ledger_entries DISABLE TRIGGER USER")
                owner.execute("ALTER TABLE journal_entries DISABLE TRIGGER USER")
                status, said = server.manage("check_books")
                assert status == 1
                assert "trigger pgtrigger_append_only_53ce6 of escrow_ledger_entries is switched off" in said
                for table in ("escrow_ledger_entries", "journal_entries"):
                    changed = owner.execute(
                        f"UPDATE {table} SET effective_date = '2025-01-01'"
                        " WHERE reference = (SELECT min(reference) FROM journal_entries)".encode()
                    )
                    assert changed.rowcount >= 1
                    owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())
            status, said = server.manage("check_books")
            assert status == 1
            assert "GUARD" not in said
            assert "or one of its lines is not what was made" in said
