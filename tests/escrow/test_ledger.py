"""The ledger: posts exactly once, exactly balanced, and the database refuses anything else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from escrow import postings
from escrow.models import EscrowAccount, EscrowLedgerEntry, JournalEntry, LedgerAccount
from escrow.operations import escrow_accounts, ledger
from escrow.operations.ledger import EscrowNotOpen, InsufficientFunds, ReferenceReused, UnbalancedPosting
from escrow.postings import Line, Posting, Subject
from escrow.queries.balances import balance
from escrow.queries.ledger import Position, entries
from finance.models import Transaction
from realco import admin_history, audit
from realco.models import AuditEvent, User
from tests import factories
from tests.conftest import close_connections
from tests.escrow import payments

Kind = LedgerAccount.Kind
TEN = Decimal("10.00")
AT = datetime(2026, 3, 3, 17, 0, tzinfo=UTC)

Post = Callable[..., list[ledger.Posted]]


def deposit(escrow: EscrowAccount, investor: User, amount: Decimal = TEN) -> Transaction:
    """A deposit that the bank has settled and whose return window has passed; nothing of it is posted."""
    payment = payments.make_payment(escrow, "DEPOSIT", investor, amount, at=AT)
    return payments.go(payment, *payments.SENT, "SETTLED", at=AT, clears_on=AT.date())


def outbound(
    escrow: EscrowAccount, investor: User, amount: Decimal = TEN, *, kind: str = "REFUND"
) -> tuple[Transaction, Posting]:
    """A payment out of the investor's money that nobody has to approve, and its reservation."""
    payment = payments.make_payment(escrow, kind, investor, amount, at=AT)
    source = postings.source_of(Kind.INVESTOR, investor.pk)
    return payment, postings.reserved(about(payment, "reserved"), source=source, amount=amount)


def about(payment: Transaction, step: str) -> Subject:
    return payments.about(payment, step, on=AT.date(), description="a test")


def subject(escrow: EscrowAccount, reference: str, entry_type: str = "ADJUSTMENT") -> Subject:
    return Subject(escrow.pk, reference, entry_type, AT.date(), "a test")


def accepted(payment: Transaction, amount: Decimal | None = None) -> Posting:
    assert payment.from_user_id is not None
    return postings.inbound_accepted(
        about(payment, "accepted"), payer_id=payment.from_user_id, amount=amount or payment.amount
    )


def settled(payment: Transaction) -> Posting:
    return postings.inbound_settled(about(payment, "settled"), amount=payment.amount)


def cleared(payment: Transaction, **more: Decimal) -> Posting:
    assert payment.from_user_id is not None
    terms = {"fee": payment.fee_amount, **more}
    return postings.inbound_cleared(
        about(payment, "cleared"), payer_id=payment.from_user_id, amount=payment.amount, to_offering=False, **terms
    )


@pytest.fixture
def post(at: datetime) -> Post:
    def posting(*wanted: Posting) -> list[ledger.Posted]:
        with transaction.atomic():
            return ledger.post(wanted, by=None, at=at)

    return posting


@pytest.fixture
def funded(escrow: EscrowAccount, investor: User, post: Post) -> EscrowAccount:
    """Ten dollars of the investor's, cleared."""
    payment = deposit(escrow, investor)
    post(accepted(payment), settled(payment), cleared(payment))
    return escrow


def sums(escrow: EscrowAccount) -> Decimal:
    """Assets less liabilities, from the entries; zero when the books are right."""
    total = EscrowLedgerEntry.objects.filter(escrow_account=escrow).aggregate(total=Sum("amount"))["total"]
    return Decimal(total or 0)


class TestPost:
    def test_follows_money_in(self, funded: EscrowAccount, investor: User) -> None:
        assert balance(funded.pk, Kind.BANK) == TEN
        assert balance(funded.pk, Kind.CLEARING) == 0
        assert balance(funded.pk, Kind.UNCLEARED, investor.pk) == 0
        assert balance(funded.pk, Kind.INVESTOR, investor.pk) == TEN
        funded.refresh_from_db()
        assert (funded.current_balance, funded.available_balance, funded.total_deposits) == (TEN, TEN, TEN)

    def test_posting_twice_posts_once(self, escrow: EscrowAccount, investor: User, post: Post) -> None:
        payment = deposit(escrow, investor)
        first = post(accepted(payment))
        again = post(accepted(payment))
        assert [posted.was_posted for posted in (*first, *again)] == [True, False]
        assert first[0].journal_entry_id == again[0].journal_entry_id

    def test_twice_in_one_batch_posts_once(self, escrow: EscrowAccount, investor: User, post: Post) -> None:
        one, two = deposit(escrow, investor), deposit(escrow, investor)
        found = post(accepted(one), accepted(one), accepted(two))
        assert JournalEntry.objects.count() == 2
        assert [posted.was_posted for posted in found] == [True, False, True]
        assert found[0].journal_entry_id == found[1].journal_entry_id
        assert balance(escrow.pk, Kind.CLEARING) == TEN * 2

    def test_refuses_a_reference_with_other_contents(self, escrow: EscrowAccount, investor: User, post: Post) -> None:
        payment = deposit(escrow, investor)
        post(accepted(payment))
        with pytest.raises(ReferenceReused):
            post(accepted(payment, Decimal("11.00")))

    def test_refuses_what_does_not_balance(self, escrow: EscrowAccount, post: Post) -> None:
        lines = (Line(Kind.BANK, None, TEN), Line(Kind.SUSPENSE, None, Decimal("-9.99")))
        with pytest.raises(UnbalancedPosting):
            post(Posting("UNKNOWN_RECEIPT", subject(escrow, "x"), lines))

    def test_refuses_to_overdraw_and_posts_nothing(self, funded: EscrowAccount, investor: User, post: Post) -> None:
        following = deposit(funded, investor)
        _, reserved = outbound(funded, investor, Decimal("10.01"))
        with pytest.raises(InsufficientFunds):
            post(accepted(following), reserved)
        assert not JournalEntry.objects.filter(transaction=following).exists()

    def test_refuses_to_dip_below_zero_on_the_way(self, funded: EscrowAccount, investor: User, post: Post) -> None:
        following = deposit(funded, investor)
        _, reserved = outbound(funded, investor, Decimal("15.00"))
        with pytest.raises(InsufficientFunds):
            post(reserved, accepted(following), settled(following), cleared(following))

    def test_a_frozen_account_lets_nothing_out_but_takes_what_is_under_way(
        self, funded: EscrowAccount, investor: User, approver: User, post: Post, at: datetime
    ) -> None:
        following = deposit(funded, investor)
        _, reserved = outbound(funded, investor)
        post(accepted(following))
        escrow_accounts.freeze(funded, by=approver, reason="court order", at=at)
        post(settled(following))
        with pytest.raises(EscrowNotOpen, match="frozen"):
            post(reserved)

    def test_an_account_being_emptied_still_takes_what_the_bank_had_in_hand(
        self, funded: EscrowAccount, investor: User, operator: User, post: Post, at: datetime
    ) -> None:
        payment, reserved = outbound(funded, investor, kind="WITHDRAWAL")
        post(reserved)
        payments.go(payment, *payments.SENT)
        escrow_accounts.liquidate(funded, by=operator, reason="sold", at=at)
        post(postings.outbound_settled(about(payment, "settled"), amount=TEN))
        following = deposit(funded, investor)
        post(accepted(following), settled(following), cleared(following))
        _, reserved = outbound(funded, investor, kind="WITHDRAWAL")
        with pytest.raises(EscrowNotOpen, match="liquidating"):
            post(reserved)

    def test_fees_pay_only_what_was_earned(
        self, funded: EscrowAccount, operator: User, post: Post, at: datetime
    ) -> None:
        payment = payments.make_payment(funded, "PLATFORM_FEE", operator, TEN, at=at)
        with pytest.raises(InsufficientFunds):
            post(postings.reserved(about(payment, "reserved"), source=postings.source_of(Kind.FEES), amount=TEN))

    def test_what_is_owed_is_settled_first(self, escrow: EscrowAccount, investor: User, post: Post) -> None:
        returned, following = deposit(escrow, investor), deposit(escrow, investor, Decimal("25.00"))
        post(
            accepted(returned),
            settled(returned),
            cleared(returned),
            postings.returned_after_clearing(
                about(returned, "returned"),
                payer_id=investor.pk,
                amount=TEN,
                fee=Decimal("0.00"),
                left=Decimal("0.00"),
                to_offering=False,
            ),
        )
        assert balance(escrow.pk, Kind.RECEIVABLE, investor.pk) == TEN
        post(accepted(following), settled(following), cleared(following, owed=TEN))
        assert balance(escrow.pk, Kind.RECEIVABLE, investor.pk) == 0
        assert balance(escrow.pk, Kind.INVESTOR, investor.pk) == TEN + Decimal("15.00")
        assert sums(escrow) == 0

    def test_each_posting_is_in_the_audit_trail_once(
        self, funded: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        payment = deposit(funded, investor)
        before = AuditEvent.objects.latest("sequence").sequence
        with audit.acting("test.post", by=operator, reason="a reason", request_id="r-1"), transaction.atomic():
            [posted] = ledger.post([accepted(payment)], by=operator, at=at)
        [event] = AuditEvent.objects.filter(sequence__gt=before)
        assert (event.entity_type, event.entity_id) == ("journal_entries", str(posted.journal_entry_id))
        assert (event.action, event.reason, event.user, event.request_id) == ("test.post", "a reason", operator, "r-1")

    def test_an_entry_has_the_history_of_its_journal_entry(self, funded: EscrowAccount) -> None:
        entry = EscrowLedgerEntry.objects.latest("sequence")
        [event] = admin_history.page_of(entry).events
        assert event.event.entity_id == str(entry.journal_entry_id)

    def test_a_balance_is_no_event_of_the_escrow_account_and_its_status_is(
        self, funded: EscrowAccount, approver: User, at: datetime
    ) -> None:
        def events() -> list[dict[str, object]]:
            rows = AuditEvent.objects.filter(entity_type="escrow_accounts", operation="UPDATE")
            return [event.changes["after"] for event in rows]

        assert events() == []
        escrow_accounts.freeze(funded, by=approver, reason="court order", at=at)
        [after] = events()
        assert after["status"] == "FROZEN" and "current_balance" not in after

    def test_a_batch_is_a_handful_of_statements_whatever_its_size(self, escrow: EscrowAccount, investor: User) -> None:
        waiting = [deposit(escrow, investor) for _ in range(60)]

        def statements(batch: list[Transaction]) -> list[str]:
            with CaptureQueriesContext(connection) as sent, transaction.atomic():
                ledger.post([accepted(payment) for payment in batch], by=None, at=AT)
            return [str(query["sql"])[:25] for query in sent.captured_queries]

        ten, many = statements(waiting[:10]), statements(waiting[10:])
        assert ten == many
        assert sum("ledger_post" in sql for sql in many) == 1 and len(many) <= 4
        assert JournalEntry.objects.count() == 60

    @pytest.mark.django_db
    def test_no_trigger_of_the_ledger_runs_once_for_each_row(self) -> None:
        """
        A batch would pay for each of its rows; foreign keys do, and are left where they are few. So do reversals,
        and what people book by hand: nothing that is posted in batches.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
                " WHERE t.tgrelid IN ('journal_entries'::regclass, 'escrow_ledger_entries'::regclass)"
                " AND t.tgtype & 1 = 1 AND t.tgtype & 4 = 4 AND p.proname NOT LIKE 'RI_FKey%'"
            )
            found = {definition.partition(" FOR EACH ROW ")[2] for [definition] in cursor.fetchall()}
        assert found == {
            "WHEN ((((new.event)::text = 'REVERSAL'::text) OR (new.reverses_id IS NOT NULL)))"
            " EXECUTE FUNCTION ledger_reversal_is_approved()",
            "WHEN (((new.event)::text = ANY ((ARRAY['UNKNOWN_RECEIPT'::character varying, 'RECEIPT_CLAIMED'::character"
            " varying, 'BANK_FEE'::character varying])::text[])))"
            " EXECUTE FUNCTION ledger_suspense_is_accounted_for()",
        }


class TestPlans:
    """Reading touches what is shown: a balance is one row, a page its own rows, whatever lies before it."""

    def explained(self, sql: str) -> str:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}")
            return "\n".join(line for (line,) in cursor.fetchall())

    def test_a_balance_is_found_by_its_index(self, funded: EscrowAccount, investor: User) -> None:
        with CaptureQueriesContext(connection) as sent:
            balance(funded.pk, Kind.INVESTOR, investor.pk)
        [query] = sent.captured_queries
        plan = self.explained(query["sql"])
        assert "Aggregate" not in plan and "ledger_accounts_" in plan

    def test_a_page_walks_its_index_and_neither_counts_nor_skips(self, funded: EscrowAccount) -> None:
        newest = EscrowLedgerEntry.objects.latest("created_at", "id")
        with CaptureQueriesContext(connection) as sent:
            entries(funded, after=Position(newest.created_at, newest.pk))
        [query] = sent.captured_queries
        assert "COUNT(" not in query["sql"] and "OFFSET" not in query["sql"]
        plan = self.explained(query["sql"])
        assert "escrow_entries_escrow_time" in plan
        assert "created_at <=" in plan.split("Index Cond")[1].split("\n")[0]


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_fifty_postings_on_one_account_are_exact(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        wanted = [accepted(deposit(escrow, investor)) for _ in range(50)]

        def work(posting: Posting) -> None:
            try:
                with transaction.atomic():
                    ledger.post([posting], by=None, at=at)
            finally:
                close_connections()

        with ThreadPoolExecutor(50) as pool:
            list(pool.map(work, wanted))
        assert balance(escrow.pk, Kind.CLEARING) == TEN * 50
        account = LedgerAccount.objects.get(escrow_account=escrow, kind=Kind.CLEARING)
        chain = list(account.entries.order_by("sequence").values_list("sequence", "balance_after"))
        assert chain == [(number, TEN * number) for number in range(1, 51)]

    def test_debits_that_together_overdraw_succeed_as_often_as_there_is_money(
        self, funded: EscrowAccount, investor: User, at: datetime
    ) -> None:
        wanted = [outbound(funded, investor, Decimal("3.00"))[1] for _ in range(20)]

        def work(posting: Posting) -> bool:
            try:
                with transaction.atomic():
                    ledger.post([posting], by=None, at=at)
            except InsufficientFunds:
                return False
            finally:
                close_connections()
            return True

        with ThreadPoolExecutor(20) as pool:
            assert sum(pool.map(work, wanted)) == 3
        assert balance(funded.pk, Kind.INVESTOR, investor.pk) == Decimal("1.00")

    def test_one_reference_at_once_posts_once(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        wanted = accepted(deposit(escrow, investor))

        def work(_: int) -> UUID:
            try:
                with transaction.atomic():
                    return ledger.post([wanted], by=None, at=at)[0].journal_entry_id
            finally:
                close_connections()

        with ThreadPoolExecutor(20) as pool:
            assert len(set(pool.map(work, range(100)))) == 1
        assert balance(escrow.pk, Kind.CLEARING) == TEN


class TestTheDatabase:
    """Raw SQL that breaks the ledger is refused, at once or at commit."""

    ATTACKS = (
        "UPDATE escrow_accounts SET current_balance = 99, available_balance = 99",
        "UPDATE escrow_accounts SET available_balance = 0, held_balance = 10",
        "UPDATE escrow_accounts SET total_deposits = 0",
        "UPDATE escrow_accounts SET status = 'CLOSED', closed_at = now()",
        "UPDATE escrow_accounts SET status = 'FROZEN'",
        "UPDATE escrow_accounts SET account_number = 'ESCROW-2026-9999'",
        "DELETE FROM escrow_accounts",
        "TRUNCATE escrow_ledger_entries",
        "UPDATE ledger_accounts SET balance = balance + 1",
        "UPDATE ledger_accounts SET balance = -1 WHERE kind = 'BANK'",
        "UPDATE ledger_accounts SET entry_count = entry_count + 1",
        "UPDATE ledger_accounts SET kind = 'OFFERING' WHERE kind = 'CLEARING'",
        "UPDATE ledger_accounts SET owner_id = NULL WHERE kind = 'INVESTOR'",
        "DELETE FROM ledger_accounts",
        "INSERT INTO ledger_accounts (id, escrow_account_id, kind, currency, balance, entry_count, created_at)"
        " SELECT gen_random_uuid(), id, 'SUSPENSE', 'USD', 5, 0, now() FROM escrow_accounts",
        "INSERT INTO ledger_accounts (id, escrow_account_id, kind, currency, balance, entry_count, created_at)"
        " SELECT gen_random_uuid(), id, 'BANK', 'USD', 0, 0, now() FROM escrow_accounts",
        "UPDATE journal_entries SET description = 'other'",
        "DELETE FROM journal_entries",
        "INSERT INTO journal_entries SELECT (jsonb_populate_record(j, jsonb_build_object("
        "'id', gen_random_uuid(), 'reference', 'new'))).* FROM journal_entries j LIMIT 1",
        "INSERT INTO journal_entries SELECT (jsonb_populate_record(j, jsonb_build_object("
        "'id', gen_random_uuid()))).* FROM journal_entries j LIMIT 1",
        "UPDATE escrow_ledger_entries SET amount = 1",
        "UPDATE escrow_ledger_entries SET balance_after = 1",
        "DELETE FROM escrow_ledger_entries",
        "INSERT INTO escrow_ledger_entries SELECT (jsonb_populate_record(e, jsonb_build_object("
        "'id', gen_random_uuid()))).* FROM escrow_ledger_entries e LIMIT 1",
        "INSERT INTO escrow_ledger_entries SELECT (jsonb_populate_record(e, jsonb_build_object("
        "'id', gen_random_uuid(), 'sequence', e.sequence + 1, 'balance_before', e.balance_after,"
        " 'balance_after', e.balance_after + e.amount))).* FROM escrow_ledger_entries e LIMIT 1",
        "UPDATE audit_events SET reason = 'nobody'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
    )

    @pytest.mark.parametrize("attack", ATTACKS)
    def test_refuses(self, attack: str, funded: EscrowAccount) -> None:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(attack)
        assert sums(funded) == 0

    def test_refuses_to_join_two_escrow_accounts(
        self, funded: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        other = factories.make_escrow(factories.make_offering(operator=operator, at=at), operator=operator, at=at)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(
                "INSERT INTO escrow_ledger_entries SELECT (jsonb_populate_record(e, jsonb_build_object("
                "'id', gen_random_uuid(), 'escrow_account_id', %s::text))).* FROM escrow_ledger_entries e LIMIT 1",
                [other.pk],
            )
