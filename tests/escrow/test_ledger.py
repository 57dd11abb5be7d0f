"""The ledger: posts exactly once, exactly balanced, and the database refuses anything else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from escrow import postings
from escrow.models import EscrowAccount, EscrowLedgerEntry, JournalEntry, LedgerAccount
from escrow.operations import escrow_accounts, ledger
from escrow.operations.ledger import EscrowNotOpen, InsufficientFunds, ReferenceReused, UnbalancedPosting
from escrow.postings import Line, Posting, Subject
from escrow.queries.balances import balance
from realco.models import AuditEvent, User
from tests import factories
from tests.conftest import close_connections

Kind = LedgerAccount.Kind
TEN = Decimal("10.00")

Post = Callable[..., list[ledger.Posted]]


def subject(escrow: EscrowAccount, reference: str, entry_type: str = "DEPOSIT") -> Subject:
    return Subject(escrow.pk, reference, entry_type, datetime(2026, 3, 3).date(), "a test")  # noqa: DTZ001


def accepted(escrow: EscrowAccount, payer: User, reference: str, amount: Decimal = TEN) -> Posting:
    return postings.inbound_accepted(subject(escrow, reference), payer_id=payer.pk, amount=amount)


def settled(escrow: EscrowAccount, reference: str, amount: Decimal = TEN) -> Posting:
    return postings.inbound_settled(subject(escrow, reference), amount=amount)


def cleared(escrow: EscrowAccount, payer: User, reference: str, amount: Decimal = TEN, **more: Decimal) -> Posting:
    terms = {"fee": Decimal("0.00"), **more}
    return postings.inbound_cleared(
        subject(escrow, reference), payer_id=payer.pk, amount=amount, to_offering=False, **terms
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
    post(accepted(escrow, investor, "a"), settled(escrow, "s"), cleared(escrow, investor, "c"))
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
        first = post(accepted(escrow, investor, "a"))
        again = post(accepted(escrow, investor, "a"))
        assert [posted.was_posted for posted in (*first, *again)] == [True, False]
        assert first[0].journal_entry_id == again[0].journal_entry_id

    def test_twice_in_one_batch_posts_once(self, escrow: EscrowAccount, investor: User, post: Post) -> None:
        found = post(accepted(escrow, investor, "a"), accepted(escrow, investor, "a"), accepted(escrow, investor, "b"))
        assert JournalEntry.objects.count() == 2
        assert found[0].journal_entry_id == found[1].journal_entry_id
        assert balance(escrow.pk, Kind.CLEARING) == TEN * 2

    def test_refuses_a_reference_with_other_contents(self, escrow: EscrowAccount, investor: User, post: Post) -> None:
        post(accepted(escrow, investor, "a"))
        with pytest.raises(ReferenceReused):
            post(accepted(escrow, investor, "a", Decimal("11.00")))

    def test_refuses_what_does_not_balance(self, escrow: EscrowAccount, post: Post) -> None:
        lines = (Line(Kind.BANK, None, TEN), Line(Kind.SUSPENSE, None, Decimal("-9.99")))
        with pytest.raises(UnbalancedPosting):
            post(Posting("UNKNOWN_RECEIPT", subject(escrow, "x"), lines))

    def test_refuses_to_overdraw_and_posts_nothing(self, funded: EscrowAccount, investor: User, post: Post) -> None:
        source = postings.source_of(Kind.INVESTOR, investor.pk)
        with pytest.raises(InsufficientFunds):
            post(
                accepted(funded, investor, "next"),
                postings.reserved(subject(funded, "r", "REFUND"), source=source, amount=Decimal("10.01")),
            )
        assert not JournalEntry.objects.filter(reference="next").exists()

    def test_refuses_to_dip_below_zero_on_the_way(self, funded: EscrowAccount, investor: User, post: Post) -> None:
        source = postings.source_of(Kind.INVESTOR, investor.pk)
        with pytest.raises(InsufficientFunds):
            post(
                postings.reserved(subject(funded, "r", "REFUND"), source=source, amount=Decimal("15.00")),
                accepted(funded, investor, "a2"),
                settled(funded, "s2"),
                cleared(funded, investor, "c2"),
            )

    def test_a_frozen_account_lets_nothing_out_but_takes_what_is_under_way(
        self, funded: EscrowAccount, investor: User, approver: User, post: Post, at: datetime
    ) -> None:
        post(accepted(funded, investor, "a2"))
        escrow_accounts.freeze(funded, by=approver, reason="court order", at=at)
        post(settled(funded, "s2"))
        source = postings.source_of(Kind.INVESTOR, investor.pk)
        with pytest.raises(EscrowNotOpen, match="frozen"):
            post(postings.reserved(subject(funded, "r", "REFUND"), source=source, amount=TEN))

    def test_an_account_being_emptied_still_takes_what_the_bank_had_in_hand(
        self, funded: EscrowAccount, investor: User, operator: User, post: Post, at: datetime
    ) -> None:
        source = postings.source_of(Kind.INVESTOR, investor.pk)
        post(postings.reserved(subject(funded, "r", "WITHDRAWAL"), source=source, amount=TEN))
        escrow_accounts.liquidate(funded, by=operator, reason="sold", at=at)
        post(postings.outbound_settled(subject(funded, "o", "WITHDRAWAL"), amount=TEN))
        post(accepted(funded, investor, "a2"), settled(funded, "s2"), cleared(funded, investor, "c2"))
        with pytest.raises(EscrowNotOpen, match="liquidating"):
            post(postings.reserved(subject(funded, "r2", "WITHDRAWAL"), source=source, amount=TEN))

    def test_fees_pay_only_what_was_earned(self, funded: EscrowAccount, post: Post) -> None:
        source = postings.source_of(Kind.FEES)
        with pytest.raises(InsufficientFunds):
            post(postings.reserved(subject(funded, "r", "FEE"), source=source, amount=TEN))

    def test_what_is_owed_is_settled_first(self, funded: EscrowAccount, investor: User, post: Post) -> None:
        post(
            postings.returned_after_clearing(
                subject(funded, "ret"),
                payer_id=investor.pk,
                amount=TEN,
                fee=Decimal("0.00"),
                left=Decimal("0.00"),
                to_offering=False,
            ),
        )
        assert balance(funded.pk, Kind.RECEIVABLE, investor.pk) == TEN
        post(
            accepted(funded, investor, "a2", Decimal("25.00")),
            settled(funded, "s2", Decimal("25.00")),
            cleared(funded, investor, "c2", Decimal("25.00"), owed=TEN),
        )
        assert balance(funded.pk, Kind.RECEIVABLE, investor.pk) == 0
        assert balance(funded.pk, Kind.INVESTOR, investor.pk) == TEN + Decimal("15.00")
        assert sums(funded) == 0

    def test_every_row_is_in_the_audit_trail(self, funded: EscrowAccount) -> None:
        kinds = dict.fromkeys(AuditEvent.objects.values_list("entity_type", flat=True))
        assert {"journal_entries", "escrow_ledger_entries", "ledger_accounts", "escrow_accounts"} <= set(kinds)
        assert AuditEvent.objects.filter(entity_type="escrow_ledger_entries").count() == 6


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_fifty_postings_on_one_account_are_exact(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        def work(number: int) -> None:
            try:
                with transaction.atomic():
                    ledger.post([accepted(escrow, investor, f"a{number}")], by=None, at=at)
            finally:
                close_connections()

        with ThreadPoolExecutor(50) as pool:
            list(pool.map(work, range(50)))
        assert balance(escrow.pk, Kind.CLEARING) == TEN * 50
        account = LedgerAccount.objects.get(escrow_account=escrow, kind=Kind.CLEARING)
        chain = list(account.entries.order_by("sequence").values_list("sequence", "balance_after"))
        assert chain == [(number, TEN * number) for number in range(1, 51)]

    def test_debits_that_together_overdraw_succeed_as_often_as_there_is_money(
        self, funded: EscrowAccount, investor: User, at: datetime
    ) -> None:
        source = postings.source_of(Kind.INVESTOR, investor.pk)

        def work(number: int) -> bool:
            wanted = postings.reserved(subject(funded, f"r{number}", "REFUND"), source=source, amount=Decimal("3.00"))
            try:
                with transaction.atomic():
                    ledger.post([wanted], by=None, at=at)
            except InsufficientFunds:
                return False
            finally:
                close_connections()
            return True

        with ThreadPoolExecutor(20) as pool:
            assert sum(pool.map(work, range(20))) == 3
        assert balance(funded.pk, Kind.INVESTOR, investor.pk) == Decimal("1.00")

    def test_one_reference_at_once_posts_once(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        def work(_: int) -> UUID:
            try:
                with transaction.atomic():
                    return ledger.post([accepted(escrow, investor, "same")], by=None, at=at)[0].journal_entry_id
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

    def test_refuses_an_unbalanced_journal_at_commit(self, funded: EscrowAccount, investor: User) -> None:
        """Even a forger who keeps the chain and the account's head in order cannot invent money."""
        bank = LedgerAccount.objects.get(escrow_account=funded, kind=Kind.BANK)
        with pytest.raises(DatabaseError, match="does not balance"):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO journal_entries SELECT (jsonb_populate_record(j, jsonb_build_object("
                    "'id', '00000000-0000-7000-8000-000000000001', 'reference', 'forged'))).*"
                    " FROM journal_entries j LIMIT 1"
                )
                cursor.execute("UPDATE ledger_accounts SET balance = 11, entry_count = 2 WHERE id = %s", [bank.pk])
                cursor.execute(
                    "INSERT INTO escrow_ledger_entries SELECT (jsonb_populate_record(e, jsonb_build_object("
                    "'id', gen_random_uuid(), 'journal_entry_id', '00000000-0000-7000-8000-000000000001',"
                    " 'sequence', 2, 'amount', 1, 'balance_before', 10, 'balance_after', 11))).*"
                    " FROM escrow_ledger_entries e WHERE ledger_account_id = %s",
                    [bank.pk],
                )
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
