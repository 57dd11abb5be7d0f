"""
Clocks that jump, hosts five minutes apart, midnight and the nights on which clocks are changed.

What comes after what is decided under a lock, by the database's own counting; a host's clock only says when it
believed it was.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from escrow import books
from escrow.models import EscrowAccount, EscrowLedgerEntry, LedgerAccount
from escrow.operations import closings, ledger, reconciliations, statements
from escrow.queries import ledger as ledger_query
from escrow.queries import reconciliations as query
from realco.business_days import banking_date
from realco.models import AuditEvent, User
from tests.escrow import bank_lines
from tests.escrow.money import MONDAY, TUESDAY, Day, Stated, arrive, statement

APART = timedelta(minutes=5)
Kind = LedgerAccount.Kind


def post(escrow: EscrowAccount, number: int, *, at: datetime, on: date = TUESDAY) -> None:
    with transaction.atomic():
        ledger.post([bank_lines.received(escrow, Decimal("1.00"), key=f"clock:{number}", on=on)], by=None, at=at)


def chain(escrow: EscrowAccount, kind: str = Kind.SUSPENSE) -> list[tuple[str, Decimal]]:
    rows = EscrowLedgerEntry.objects.filter(escrow_account=escrow, ledger_account__kind=kind).order_by("sequence")
    return list(rows.values_list("reference", "balance_after"))


class TestHostsApart:
    def test_the_chain_follows_the_database_and_not_the_clocks(self, escrow: EscrowAccount, at: datetime) -> None:
        """Two hosts five minutes apart post in turn: every second entry believes it is before the one before it."""
        for number in range(1, 21):
            post(escrow, number, at=at + (APART if number % 2 else -APART))
        assert chain(escrow) == [(bank_lines.received_as(f"clock:{n}"), Decimal(n)) for n in range(1, 21)]
        believed = EscrowLedgerEntry.objects.filter(ledger_account__kind=Kind.SUSPENSE).order_by("sequence")
        times = list(believed.values_list("created_at", flat=True))
        assert times != sorted(times), "the clocks did not differ, so nothing was shown"
        assert books.check_all() == []

    def test_a_clock_that_jumps_back_a_year_changes_nothing_of_it(self, escrow: EscrowAccount, at: datetime) -> None:
        post(escrow, 1, at=at)
        post(escrow, 2, at=at - timedelta(days=365))
        post(escrow, 3, at=at + timedelta(days=3650))
        post(escrow, 4, at=at)
        assert [balance for _, balance in chain(escrow)] == [1, 2, 3, 4]
        escrow.refresh_from_db()
        assert escrow.held_balance == 4
        assert books.check_all() == []

    def test_a_page_of_the_ledger_loses_and_repeats_nothing(self, escrow: EscrowAccount, at: datetime) -> None:
        for number in range(1, 21):
            post(escrow, number, at=at + (APART if number % 2 else -APART))
        seen, after = [], None
        while True:
            page = ledger_query.entries(escrow, limit=7, after=after)
            seen += [entry.pk for entry in page.entries]
            after = page.next
            if after is None:
                break
        assert len(seen) == len(set(seen)) == 40

    def test_the_audit_trail_is_in_the_databases_order(self, escrow: EscrowAccount, at: datetime) -> None:
        post(escrow, 1, at=at + APART)
        post(escrow, 2, at=at - APART)
        told = AuditEvent.objects.filter(entity_type="journal_entries").order_by("sequence")
        references = [bank_lines.received_as(f"clock:{number}") for number in (1, 2)]
        assert [event.changes["after"]["reference"] for event in told] == references


class TestTheLatestProof:
    def test_is_the_one_made_last_whatever_the_hosts_believed(
        self, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        """A host ahead found all well; then, on another host, a break was found. The break counts."""
        fine = reconciliations.reconcile(escrow, as_of=MONDAY, by=operator, at=at + APART)
        arrive(escrow, investor, "2000.00", reference="SBX-1", at=at)
        stated = statement(escrow.external_account_id, Day(TUESDAY, 0, [Stated(199_999, "SBX-1")]))
        statements.import_file(stated, file_name="a", by=operator, at=at)
        broken = reconciliations.reconcile(escrow, as_of=TUESDAY, by=operator, at=at)
        assert (fine.result, broken.result) == ("BALANCED", "MISMATCHED")
        assert query.latest(escrow) == broken
        assert list(query.of_account(escrow)) == [broken, fine]

    def test_stands_in_the_way_of_a_closing(
        self, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        reconciliations.reconcile(escrow, as_of=MONDAY, by=operator, at=at + APART)
        arrive(escrow, investor, "2000.00", reference="SBX-1", at=at)
        stated = statement(escrow.external_account_id, Day(TUESDAY, 0, [Stated(199_999, "SBX-1")]))
        statements.import_file(stated, file_name="a", by=operator, at=at)
        reconciliations.reconcile(escrow, as_of=TUESDAY, by=operator, at=at)
        with pytest.raises(closings.BooksNotReconciled):
            closings.propose(escrow, by=operator, at=at + 2 * APART)


class TestMidnight:
    @pytest.mark.parametrize(
        ("moment", "day"),
        [
            ("2026-03-08T04:59:59", date(2026, 3, 7)),
            ("2026-03-08T05:00:00", date(2026, 3, 8)),
            ("2026-03-08T06:59:59", date(2026, 3, 8)),
            ("2026-03-08T07:00:00", date(2026, 3, 8)),
            ("2026-03-09T03:59:59", date(2026, 3, 8)),
            ("2026-03-09T04:00:00", date(2026, 3, 9)),
            ("2026-11-01T03:59:59", date(2026, 10, 31)),
            ("2026-11-01T04:00:00", date(2026, 11, 1)),
            ("2026-11-01T05:30:00", date(2026, 11, 1)),
            ("2026-11-01T06:30:00", date(2026, 11, 1)),
            ("2026-11-02T04:59:59", date(2026, 11, 1)),
            ("2026-11-02T05:00:00", date(2026, 11, 2)),
        ],
    )
    def test_the_day_is_the_banks_on_nights_of_23_and_25_hours(self, moment: str, day: date) -> None:
        assert banking_date(datetime.fromisoformat(moment).replace(tzinfo=UTC)) == day

    @pytest.mark.parametrize("night", ["2026-03-08T04:30:00", "2026-11-01T03:30:00"], ids=["spring", "autumn"])
    def test_a_night_of_postings_keeps_its_chain_and_its_days(self, night: str, escrow: EscrowAccount) -> None:
        """One posting every half hour, from before midnight until after the clocks were changed."""
        start = datetime.fromisoformat(night).replace(tzinfo=UTC)
        moments = [start + timedelta(minutes=30) * step for step in range(8)]
        for number, moment in enumerate(moments, start=1):
            post(escrow, number, at=moment, on=banking_date(moment))
        assert [balance for _, balance in chain(escrow)] == list(range(1, 9))
        first, second = sorted({banking_date(moment) for moment in moments})
        before = {row.kind: row.balance for row in ledger_query.statement(escrow, as_of=first)}
        after = {row.kind: row.balance for row in ledger_query.statement(escrow, as_of=second)}
        assert (before[Kind.SUSPENSE], after[Kind.SUSPENSE]) == (Decimal(1), Decimal(8))
        assert books.check_all() == []

    def test_a_back_dated_event_changes_the_past_day_and_no_running_balance(
        self, escrow: EscrowAccount, at: datetime
    ) -> None:
        post(escrow, 1, at=at)
        post(escrow, 2, at=at, on=MONDAY)
        assert [balance for _, balance in chain(escrow)] == [1, 2]
        monday = {row.kind: row.balance for row in ledger_query.statement(escrow, as_of=MONDAY)}
        assert monday[Kind.SUSPENSE] == 1
