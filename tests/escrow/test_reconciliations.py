"""Reconciliation: bank, books and sums agree, or exactly the breaks are named; nothing is ever corrected."""

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from escrow import books, tasks
from escrow.models import (
    BankMatch,
    EscrowAccount,
    EscrowLedgerEntry,
    JournalEntry,
    LedgerAccount,
    Reconciliation,
)
from escrow.operations import escrow_accounts, receipts, reconciliations, statements
from escrow.operations.reconciliations import DayNotCome
from escrow.queries import ledger as ledger_query
from escrow.queries import reconciliations as query
from realco import clock, events
from realco.errors import NotPermitted
from realco.models import User
from tests.escrow.money import MONDAY, THURSDAY, TUESDAY, WEDNESDAY, Day, Stated, arrive, statement
from tests.stages import staged

D = Decimal
Kind = LedgerAccount.Kind
BALANCED, MISMATCHED = Reconciliation.Result.BALANCED, Reconciliation.Result.MISMATCHED


@pytest.fixture
def at() -> datetime:
    """Thursday evening, when all days of these tests are over."""
    return datetime.fromisoformat("2026-03-05T22:00:00+00:00")


class Bank:
    """The escrow bank of one account: what it states, and what our books then say of it."""

    def __init__(self, escrow: EscrowAccount, investor: User, operator: User, at: datetime) -> None:
        self.escrow, self.investor, self.operator, self.at = escrow, investor, operator, at

    def book(self, amount: str, reference: str, on: date = TUESDAY) -> None:
        arrive(self.escrow, self.investor, amount, reference=reference, at=self.at, on=on)

    def state(self, *days: Day) -> None:
        data = statement(self.escrow.external_account_id, *days)
        statements.import_file(data, file_name="a.bai2", by=self.operator, at=self.at)

    def reconcile(self, as_of: date = TUESDAY) -> Reconciliation:
        return reconciliations.reconcile(self.escrow, as_of=as_of, by=self.operator, at=self.at)


@staged
def bank(escrow: EscrowAccount, investor: User, operator: User, at: datetime) -> Bank:
    return Bank(escrow, investor, operator, at)


class TestBalanced:
    def test_proves_three_ways_and_stamps_the_account(self, bank: Bank, at: datetime) -> None:
        bank.book("10.00", "SBX-1")
        bank.book("5.00", "SBX-2")
        bank.state(
            Day(MONDAY, 0), Day(TUESDAY, 0, [Stated(500, "SBX-2"), Stated(1000, "other", bank_reference="SBX-1")])
        )
        found = bank.reconcile()
        assert (found.result, found.findings) == (BALANCED, [])
        assert (found.bank_balance, found.book_balance, found.assets, found.liabilities) == (D(15), D(15), D(15), D(15))
        assert (found.matched_lines, found.unmatched_lines, found.unmatched_entries) == (2, 0, 0)
        bank.escrow.refresh_from_db()
        assert (bank.escrow.last_reconciled_at, bank.escrow.last_reconciled_balance) == (at, D("15.00"))
        for match in BankMatch.objects.all():
            assert match.match_lines.get().line.amount == match.match_entries.get().entry.amount
            assert (match.method, match.confidence, match.made_by) == ("REFERENCE", D("1.000"), None)

    def test_matches_without_a_reference_when_it_can_mean_one_thing(self, bank: Bank) -> None:
        bank.book("10.00", "SBX-1", on=MONDAY)
        bank.state(Day(MONDAY, 0, [Stated(1000, text="LOCKBOX")]))
        assert bank.reconcile().result == BALANCED
        match = BankMatch.objects.get()
        assert (match.method, match.confidence) == ("AMOUNT", D("0.850"))
        assert match.reason == "The same amount on the same day; no other line or entry has it near that day."

    def test_an_empty_account_without_a_statement_agrees(self, bank: Bank) -> None:
        assert bank.reconcile().result == BALANCED

    def test_entries_of_today_wait_for_the_next_statement(self, bank: Bank) -> None:
        bank.book("10.00", "SBX-1", on=MONDAY)
        bank.book("5.00", "SBX-2", on=TUESDAY)
        bank.state(Day(MONDAY, 0, [Stated(1000, "SBX-1")]))
        found = bank.reconcile(WEDNESDAY)
        assert (found.result, found.unmatched_entries, found.book_balance) == (BALANCED, 1, D("10.00"))
        late = bank.reconcile(THURSDAY)
        assert late.result == MISMATCHED
        assert "“SBX-2”; no line of the bank" in late.findings[0]

    def test_running_it_again_changes_nothing(self, bank: Bank) -> None:
        bank.book("10.00", "SBX-1")
        bank.state(Day(TUESDAY, 0, [Stated(1000, "SBX-1")]))
        first, again = bank.reconcile(), bank.reconcile()
        assert (again.result, again.matched_lines) == (first.result, first.matched_lines)


class TestMismatched:
    def breaks(self, bank: Bank, *lines: Stated, closing: int | None = None) -> Sequence[str]:
        """Three deposits are booked; the bank states these lines."""
        for number, amount in enumerate(("10.00", "20.00", "30.00"), start=1):
            bank.book(amount, f"SBX-{number}")
        bank.state(Day(TUESDAY, 0, lines, closing))
        before = list(EscrowLedgerEntry.objects.values_list("pk", "balance_after").order_by("pk"))
        found = bank.reconcile()
        assert found.result == MISMATCHED
        assert list(EscrowLedgerEntry.objects.values_list("pk", "balance_after").order_by("pk")) == before
        bank.escrow.refresh_from_db()
        assert bank.escrow.last_reconciled_at is None
        said: Sequence[str] = found.findings
        return said

    def test_a_line_is_missing(self, bank: Bank) -> None:
        balance, entry = self.breaks(bank, Stated(1000, "SBX-1"), Stated(3000, "SBX-3"))
        assert "a difference of -$20.00" in balance
        assert "moved $20.00 on 2026-03-03 under “SBX-2”; no line" in entry

    def test_a_line_is_left_out_of_the_file_only(self, bank: Bank) -> None:
        lines, entry = self.breaks(bank, Stated(1000, "SBX-1"), Stated(3000, "SBX-3"), closing=6000)
        assert "lines of 2026-03-03 come to $40.00, but the bank's balance moved by $60.00" in lines
        assert "“SBX-2”" in entry

    def test_a_line_is_stated_twice(self, bank: Bank) -> None:
        one, two, three = Stated(1000, "SBX-1"), Stated(2000, "SBX-2"), Stated(3000, "SBX-3")
        lines, line = self.breaks(bank, one, two, two, three, closing=6000)
        assert "come to $80.00" in lines
        assert "states $20.00 on 2026-03-03 under “SBX-2”; no entry of the books is left" in line

    def test_a_line_is_off_by_a_cent(self, bank: Bank) -> None:
        balance, line = self.breaks(bank, Stated(1000, "SBX-1"), Stated(2001, "SBX-2"), Stated(3000, "SBX-3"))
        assert "a difference of $0.01" in balance
        assert "states $20.01 on 2026-03-03 under “SBX-2”, the books $20.00: a difference of $0.01" in line

    def test_two_breaks_of_one_amount_do_not_hide_each_other(self, bank: Bank) -> None:
        bank.book("10.00", "SBX-4")
        one, two, three = Stated(1000, "SBX-1"), Stated(2000, "SBX-2"), Stated(3000, "SBX-3")
        line, entry = self.breaks(bank, one, one, two, three)
        assert "“SBX-1”; no entry" in line
        assert "“SBX-4”; no line" in entry

    def test_money_nobody_knows_balances_once_it_is_booked(self, bank: Bank, operator: User, at: datetime) -> None:
        stranger = Stated(700, text="WHO KNOWS")
        lines = (Stated(1000, "SBX-1"), Stated(2000, "SBX-2"), Stated(3000, "SBX-3"), stranger)
        balance, line = self.breaks(bank, *lines)
        assert "a difference of $7.00" in balance
        assert "states $7.00 on 2026-03-03 under no reference" in line
        [left] = query.lines_without_match(bank.escrow)
        receipts.record_unknown_receipt(left, by=operator, at=at)
        assert bank.reconcile().result == BALANCED

    def test_the_books_moved_money_and_no_statement_came(self, bank: Bank) -> None:
        bank.book("10.00", "SBX-1")
        assert "No bank statement" in bank.reconcile().findings[0]

    def test_a_statement_between_two_is_missing(self, bank: Bank) -> None:
        bank.book("10.00", "SBX-1")
        bank.book("5.00", "SBX-2", on=WEDNESDAY)
        bank.state(Day(MONDAY, 0), Day(WEDNESDAY, 1000, [Stated(500, "SBX-2")]))
        gap, entry = bank.reconcile(WEDNESDAY).findings
        assert "a statement between them is missing" in gap
        assert "“SBX-1”; no line" in entry

    def test_books_changed_behind_the_application_are_named(self, bank: Bank) -> None:
        bank.book("10.00", "SBX-1")
        bank.state(Day(TUESDAY, 0, [Stated(1000, "SBX-1")]))
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("UPDATE ledger_accounts SET balance = 11 WHERE kind = 'INVESTOR'")
            cursor.execute("SET session_replication_role = DEFAULT")
        found = bank.reconcile()
        assert found.result == MISMATCHED
        assert "the INVESTOR account" in found.findings[0]

    def test_is_published_and_logged(
        self, bank: Bank, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        published: list[str] = []
        monkeypatch.setattr(events, "publish", lambda event, **ids: published.append(event))
        with caplog.at_level(logging.ERROR, logger="escrow.operations.reconciliations"):
            self.breaks(bank, Stated(1000, "SBX-1"))
        assert published == ["escrow.reconciliation.mismatched"]
        assert bank.escrow.account_number in caplog.text


class TestPermits:
    def test_refuses_who_may_not_and_days_to_come(
        self, escrow: EscrowAccount, approver: User, operator: User, at: datetime
    ) -> None:
        with pytest.raises(NotPermitted):
            reconciliations.reconcile(escrow, as_of=TUESDAY, by=approver, at=at)
        with pytest.raises(DayNotCome):
            reconciliations.reconcile(escrow, as_of=THURSDAY + timedelta(days=1), by=operator, at=at)


class TestQueries:
    def test_reconciling_takes_as_many_queries_for_one_line_as_for_many(
        self, bank: Bank, django_assert_num_queries: Callable[..., object]
    ) -> None:
        from django.test.utils import CaptureQueriesContext

        counts = []
        for round_number, size in enumerate((1, 40)):
            day = (MONDAY, TUESDAY)[round_number]
            for number in range(size):
                bank.book("1.00", f"SBX-{round_number}-{number}", on=day)
            bank.state(Day(day, 100 * round_number, [Stated(100, f"SBX-{round_number}-{n}") for n in range(size)]))
            with CaptureQueriesContext(connection) as queries:
                assert bank.reconcile(day).result == BALANCED
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_say_how_an_account_stands(self, bank: Bank) -> None:
        bank.book("10.00", "SBX-1")
        bank.state(Day(TUESDAY, 0, [Stated(900, "SBX-9")]))
        bank.reconcile()
        found = query.status(bank.escrow)
        assert found.latest is not None and found.latest.result == MISMATCHED
        assert (found.unmatched_lines, found.unmatched_entries) == (1, 1)

    def test_page_through_the_ledger_without_losing_or_repeating(self, bank: Bank) -> None:
        for number in range(7):
            bank.book("1.00", f"SBX-{number}")
        seen: list[UUID] = []
        after = None
        while True:
            page = ledger_query.entries(bank.escrow, limit=4, after=after)
            seen.extend(entry.pk for entry in page.entries)
            after = page.next
            if after is None:
                break
        assert seen == list(EscrowLedgerEntry.objects.order_by("-created_at", "-id").values_list("pk", flat=True))
        only = ledger_query.entries(bank.escrow, kind=Kind.INVESTOR, owner_id=bank.investor.pk)
        assert len(only.entries) == 7 and only.next is None

    def test_state_what_accounts_held_on_a_day(self, bank: Bank) -> None:
        bank.book("10.00", "SBX-1", on=MONDAY)
        bank.book("5.00", "SBX-2", on=WEDNESDAY)
        held = {(row.kind, row.owner_id): row.balance for row in ledger_query.statement(bank.escrow, as_of=TUESDAY)}
        assert held[Kind.BANK, None] == D("10.00")
        assert held[Kind.INVESTOR, bank.investor.pk] == D("10.00")
        assert held[Kind.CLEARING, None] == D("0.00")


class TestTasks:
    def test_reconcile_all_leaves_closed_accounts_out(
        self, bank: Bank, operator: User, at: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clock, "now", lambda: at)
        bank.book("10.00", "SBX-1")
        bank.state(Day(TUESDAY, 0, [Stated(1000, "SBX-1")]))
        from tests import factories

        other = factories.make_escrow(factories.make_offering(operator=operator, at=at), operator=operator, at=at)
        escrow_accounts.close(other, by=operator, reason="never used", at=at)
        tasks.reconcile_all(anything="else")
        assert [
            (row.escrow_account, row.as_of_date, row.result, row.run_by) for row in Reconciliation.objects.all()
        ] == [(bank.escrow, THURSDAY, BALANCED, None)]

    def test_check_books_fails_loudly(self, bank: Bank) -> None:
        bank.book("10.00", "SBX-1")
        tasks.check_books()
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("UPDATE escrow_accounts SET total_deposits = 11")
            cursor.execute("SET session_replication_role = DEFAULT")
        with pytest.raises(tasks.BooksDoNotProve, match="total_deposits"):
            tasks.check_books()


ATTACKS = {
    "another result": "UPDATE reconciliations SET result = 'BALANCED'",
    "other findings": "UPDATE reconciliations SET findings = '[]'",
    "deleting it": "DELETE FROM reconciliations",
    "an unknown result": (
        "INSERT INTO reconciliations SELECT (jsonb_populate_record(r, jsonb_build_object("
        "'id', gen_random_uuid(), 'result', 'FINE'))).* FROM reconciliations r"
    ),
}


class TestTheDatabase:
    @pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
    def test_refuses(self, attack: str, bank: Bank) -> None:
        bank.book("10.00", "SBX-1")
        bank.state(Day(TUESDAY, 0, [Stated(900, "SBX-1"), Stated(800, "SBX-2")]))
        bank.reconcile()
        assert JournalEntry.objects.count() == 3
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attack)

    def test_books_are_untouched_by_all_this(self, bank: Bank) -> None:
        bank.book("10.00", "SBX-1")
        bank.reconcile()
        assert books.check() == []
