"""Payments as people handle them: asked for once, approved by others, held, cancelled."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from compliance.models import CheckStatus, ComplianceCheck, InvestorProfile
from compliance.operations.gate import AwaitsReview, ComplianceRefused, TransactionLimitExceeded
from escrow.models import EscrowAccount, Investment, JournalEntry, LedgerAccount
from escrow.operations import escrow_accounts
from escrow.operations.investments import OfferingNotOpen
from escrow.operations.ledger import EscrowNotOpen, InsufficientFunds
from escrow.queries.balances import balance
from finance.models import Transaction
from finance.operations import settlements, transactions
from finance.operations.orders import BankAccountNotUsable, Order, UnknownChoice
from realco.errors import NotPermitted
from realco.identifiers import new_id
from realco.models import AuditEvent, User
from realco.money import InvalidAmount, UnknownCurrency
from tests import factories
from tests.stages import staged

Kind = LedgerAccount.Kind


def outbound(escrow: EscrowAccount, amount: str, **fields: object) -> Order:
    payee = escrow.offering.organization.owner
    account = payee.bank_accounts.first()
    order = Order(
        type="CONSTRUCTION_DRAW",
        payment_method="ACH",
        amount=Decimal(amount),
        escrow_account_id=escrow.pk,
        to_user_id=payee.pk,
        to_bank_account_id=account.pk if account else None,
    )
    return replace(order, **fields)  # type: ignore[arg-type]


def ask(order: Order, by: User, at: datetime, key: str = "key-1") -> Transaction:
    return transactions.initiate(order, initiator=by, idempotency_key=key, at=at)


@staged
def funded(escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime) -> EscrowAccount:
    """An escrow account whose offering holds 9,949.20 after its closing."""
    from escrow.operations import closings

    factories.fund(investor, escrow, "10000.00", at=at)
    factories.make_bank_account(escrow.offering.organization.owner, verifier=operator, at=at)
    closing = closings.propose(escrow, by=operator, at=at)
    factories.close(closing, approver=approver, at=at)
    escrow.refresh_from_db()
    return escrow


class TestInitiate:
    def test_prices_and_queues_a_deposit(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        payment = ask(factories.deposit_order(escrow, investor, "10000.00"), investor, at)
        assert (payment.status, payment.fee_amount, payment.net_amount) == (
            "QUEUED",
            Decimal("50.80"),
            Decimal("9949.20"),
        )
        assert payment.compliance_check_passed
        assert set(payment.compliance_checks.values_list("status", flat=True)) == {"PASSED"}

    def test_commits_what_it_brings(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        ask(factories.deposit_order(escrow, investor, "10000.00"), investor, at)
        ask(factories.deposit_order(escrow, investor, "500.00"), investor, at, key="key-2")
        investment = Investment.objects.get(investor=investor)
        assert investment.investment_amount == Decimal("10500.00")

    def test_the_same_key_and_order_is_the_same_payment(
        self, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        order = factories.deposit_order(escrow, investor, "10000.00")
        assert ask(order, investor, at) == ask(order, investor, at)
        assert Transaction.objects.count() == 1

    def test_refuses_the_same_key_for_another_order(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        order = factories.deposit_order(escrow, investor, "10000.00")
        ask(order, investor, at)
        with pytest.raises(transactions.IdempotencyKeyReused):
            ask(replace(order, amount=Decimal("10001.00")), investor, at)

    def test_keys_of_two_people_are_two_keys(
        self, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        other = factories.make_investor("Otto Other", verifier=operator, at=at)
        first = ask(factories.deposit_order(escrow, investor, "1000.00"), investor, at)
        assert ask(factories.deposit_order(escrow, other, "1000.00"), other, at) != first

    @pytest.mark.parametrize("amount", ["-1.00", "0.00", "10.123", "NaN", "1E+20", "Infinity"])
    def test_refuses_impossible_amounts(self, amount: str, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        order = replace(factories.deposit_order(escrow, investor, "1.00"), amount=Decimal(amount))
        with pytest.raises(InvalidAmount):
            ask(order, investor, at)
        assert not Transaction.objects.exists()

    def test_refuses_another_currency(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        with pytest.raises(UnknownCurrency):
            ask(replace(factories.deposit_order(escrow, investor, "100.00"), currency="EUR"), investor, at)

    @pytest.mark.parametrize("field", ["escrow_account_id", "from_user_id", "from_bank_account_id"])
    def test_refuses_unknown_ids(self, field: str, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        order = replace(factories.deposit_order(escrow, investor, "100.00"), **{field: uuid4()})  # type: ignore[arg-type]
        with pytest.raises((UnknownChoice, BankAccountNotUsable)):
            ask(order, investor, at)

    def test_refuses_someone_elses_bank_account(
        self, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        other = factories.make_investor("Otto Other", verifier=operator, at=at)
        order = replace(
            factories.deposit_order(escrow, investor, "100.00"), from_bank_account_id=other.bank_accounts.get().pk
        )
        with pytest.raises(BankAccountNotUsable, match="no such bank account"):
            ask(order, investor, at)

    def test_refuses_an_unverified_bank_account(self, escrow: EscrowAccount, at: datetime) -> None:
        from finance.operations import bank_accounts

        newcomer = factories.make_user("Nina New")
        factories.make_profile(newcomer, at)
        bank_accounts.add(
            newcomer,
            account_number="12345678",
            routing_number=factories.ROUTING,
            holder_name="Nina",
            by=newcomer,
            at=at,
        )
        with pytest.raises(BankAccountNotUsable, match="pending verification"):
            ask(factories.deposit_order(escrow, newcomer, "100.00"), newcomer, at)

    def test_refuses_someone_elses_money(
        self, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        other = factories.make_investor("Otto Other", verifier=operator, at=at)
        with pytest.raises(NotPermitted):
            ask(factories.deposit_order(escrow, investor, "100.00"), other, at)

    def test_refuses_a_frozen_escrow_account(
        self, escrow: EscrowAccount, investor: User, approver: User, at: datetime
    ) -> None:
        escrow_accounts.freeze(escrow, by=approver, reason="court order", at=at)
        with pytest.raises(EscrowNotOpen, match="frozen"):
            ask(factories.deposit_order(escrow, investor, "100.00"), investor, at)

    def test_refuses_after_the_deadline(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        with pytest.raises(OfferingNotOpen):
            ask(factories.deposit_order(escrow, investor, "100.00"), investor, at + timedelta(days=91))

    def test_refuses_over_the_limit_and_leaves_nothing(
        self, escrow: EscrowAccount, investor: User, profile: InvestorProfile, at: datetime
    ) -> None:
        InvestorProfile.objects.filter(pk=profile.pk).update(is_accredited=False)
        with pytest.raises(TransactionLimitExceeded):
            ask(factories.deposit_order(escrow, investor, "50000.01", "WIRE"), investor, at)
        assert not Transaction.objects.exists()
        assert not Investment.objects.exists()

    def test_a_failed_identity_leaves_the_evidence_and_refuses(
        self, escrow: EscrowAccount, investor: User, profile: InvestorProfile, at: datetime
    ) -> None:
        InvestorProfile.objects.filter(pk=profile.pk).update(kyc_status=CheckStatus.FAILED)
        order = factories.deposit_order(escrow, investor, "100.00")
        for _ in range(2):
            with pytest.raises(ComplianceRefused):
                ask(order, investor, at)
        assert Transaction.objects.get().status == "CANCELLED"
        assert ComplianceCheck.objects.filter(status="FAILED").exists()

    def test_a_pending_identity_waits_for_a_person(
        self, escrow: EscrowAccount, investor: User, approver: User, profile: InvestorProfile, at: datetime
    ) -> None:
        InvestorProfile.objects.filter(pk=profile.pk).update(kyc_status=CheckStatus.PENDING)
        payment = ask(factories.deposit_order(escrow, investor, "100.00"), investor, at)
        assert (payment.status, payment.approvals_required) == ("PENDING_APPROVAL", 1)
        with pytest.raises(AwaitsReview):
            transactions.approve(payment, approver=approver, at=at)


class TestApprove:
    def test_reserves_the_money_and_queues(
        self, funded: EscrowAccount, operator: User, approver: User, at: datetime
    ) -> None:
        payment = ask(outbound(funded, "5000.00"), operator, at)
        payment = transactions.approve(payment, approver=approver, at=at, reason="invoice 7")
        assert payment.status == "QUEUED"
        assert balance(funded.pk, Kind.OFFERING) == Decimal("4949.20")
        assert balance(funded.pk, Kind.PAYOUTS) == Decimal("5000.00")

    def test_refuses_the_initiator(self, funded: EscrowAccount, operator: User, at: datetime) -> None:
        operator.groups.add(factories.make_group("Approvers"))
        operator = User.objects.get(pk=operator.pk)
        payment = ask(outbound(funded, "5000.00"), operator, at)
        with pytest.raises(transactions.ApproverIsInitiator):
            transactions.approve(payment, approver=operator, at=at)

    def test_refuses_without_the_permission(
        self, funded: EscrowAccount, operator: User, compliance_officer: User, at: datetime
    ) -> None:
        payment = ask(outbound(funded, "5000.00"), operator, at)
        with pytest.raises(NotPermitted):
            transactions.approve(payment, approver=compliance_officer, at=at)

    def test_refuses_more_than_escrow_holds(
        self, funded: EscrowAccount, operator: User, approver: User, at: datetime
    ) -> None:
        payment = ask(outbound(funded, "9949.21"), operator, at)
        with pytest.raises(InsufficientFunds):
            transactions.approve(payment, approver=approver, at=at)
        payment.refresh_from_db()
        assert payment.status == "PENDING_APPROVAL"

    def test_refuses_a_second_time(self, funded: EscrowAccount, operator: User, approver: User, at: datetime) -> None:
        payment = transactions.approve(ask(outbound(funded, "100.00"), operator, at), approver=approver, at=at)
        with pytest.raises(transactions.NotAwaitingApproval):
            transactions.approve(payment, approver=approver, at=at)

    def test_large_outbound_needs_two_people(
        self, escrow: EscrowAccount, operator: User, approver: User, second_approver: User, at: datetime
    ) -> None:
        rich = factories.make_investor("Rita Rich", verifier=operator, at=at)
        payment = ask(factories.deposit_order(escrow, rich, "80000.00", "WIRE"), rich, at)
        assert (payment.status, payment.approvals_required) == ("PENDING_APPROVAL", 1)
        payment = transactions.approve(payment, approver=approver, at=at)
        factories.play(payment, at=at)
        withdrawal = Order(
            type="REFUND",
            payment_method="WIRE",
            amount=Decimal("60000.00"),
            escrow_account_id=escrow.pk,
            to_user_id=rich.pk,
            to_bank_account_id=rich.bank_accounts.get().pk,
        )
        payment = ask(withdrawal, operator, at)
        payment = transactions.approve(payment, approver=approver, at=at)
        assert payment.status == "PENDING_APPROVAL"
        with pytest.raises(transactions.AlreadyApprovedByYou):
            transactions.approve(payment, approver=approver, at=at)
        assert transactions.approve(payment, approver=second_approver, at=at).status == "QUEUED"

    def test_tells_the_audit_trail_who_and_why(
        self, funded: EscrowAccount, operator: User, approver: User, at: datetime
    ) -> None:
        payment = ask(outbound(funded, "100.00"), operator, at)
        transactions.approve(payment, approver=approver, at=at, reason="invoice 7")
        event = AuditEvent.objects.filter(
            entity_type="transactions", entity_id=str(payment.pk), changes__after__status="QUEUED"
        ).get()
        assert (event.user, event.action, event.reason) == (approver, "transaction.approve", "invoice 7")


class TestCancelAndHold:
    def test_cancelling_frees_reserved_money(
        self, funded: EscrowAccount, operator: User, approver: User, at: datetime
    ) -> None:
        payment = transactions.approve(ask(outbound(funded, "100.00"), operator, at), approver=approver, at=at)
        transactions.cancel(payment, by=operator, reason="wrong invoice", at=at)
        assert balance(funded.pk, Kind.OFFERING) == Decimal("9949.20")
        assert balance(funded.pk, Kind.PAYOUTS) == Decimal("0.00")

    def test_a_rejection_is_a_cancellation_with_its_reason(
        self, funded: EscrowAccount, operator: User, approver: User, at: datetime
    ) -> None:
        payment = transactions.reject(
            ask(outbound(funded, "100.00"), operator, at), approver=approver, reason="no invoice", at=at
        )
        assert (payment.status, payment.cancelled_reason) == ("CANCELLED", "no invoice")

    def test_a_sent_payment_is_not_cancelled(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)
        settlements.process(payment.pk, at=at)
        with pytest.raises(transactions.NotCancellable):
            transactions.cancel(payment, by=investor, reason="changed my mind", at=at)

    def test_a_hold_remembers_where_it_was(
        self, escrow: EscrowAccount, investor: User, approver: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)
        payment = transactions.hold(payment, by=approver, reason="odd", at=at)
        settlements.process(payment.pk, at=at)
        payment.refresh_from_db()
        assert (payment.status, payment.held_from) == ("ON_HOLD", "QUEUED")
        assert transactions.release(payment, by=approver, at=at).status == "QUEUED"

    def test_strangers_cannot_cancel(self, escrow: EscrowAccount, investor: User, operator: User, at: datetime) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)
        stranger = factories.make_investor("Otto Other", verifier=operator, at=at)
        with pytest.raises(NotPermitted):
            transactions.cancel(payment, by=stranger, reason="mine now", at=at)


class TestTheDatabase:
    """Raw SQL that breaks a rule is refused."""

    @staged
    def payment(self, escrow: EscrowAccount, investor: User, at: datetime) -> Transaction:
        return factories.deposit(escrow, investor, "100.00", at=at)

    @pytest.mark.parametrize(
        "change",
        [
            "amount = 1",
            "net_amount = 1",
            "fee_amount = 0",
            "currency = 'EUR'",
            "type = 'REFUND'",
            "from_user_id = initiated_by_id, idempotency_key = 'x'",
            "idempotency_key = 'x'",
            "request_hash = 'x'",
            "escrow_account_id = gen_random_uuid()",
            "status = 'COMPLETED'",
            "status = 'SETTLED'",
            "status = 'NONSENSE'",
            "status = 'ON_HOLD'",
            "status = 'PENDING_APPROVAL'",
            "payment_method = 'CASH'",
            "approved_by_id = initiated_by_id",
            "second_approved_by_id = from_user_id",
            "approvals_required = -1",
            "status = 'ON_HOLD', hold_reason = 'x', held_from = 'PROCESSING'",
            "created_at = now()",
        ],
    )
    def test_refuses_an_update(self, payment: Transaction, change: str) -> None:
        with pytest.raises((IntegrityError, Exception), match=r"transactions|check|never|cannot|rises"):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"UPDATE transactions SET {change} WHERE id = %s", [payment.pk])

    @pytest.mark.parametrize(
        "column",
        [
            "from_user_id", "to_user_id", "from_bank_account_id", "to_bank_account_id", "offering_id",
            "escrow_account_id", "distribution_id", "initiated_by_id",
        ],
    )  # fmt: skip
    def test_refuses_a_payment_that_names_what_is_not_there(self, payment: Transaction, column: str) -> None:
        """Among others that do: they are looked up for the whole statement."""
        copied = (
            "INSERT INTO transactions SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(),"
            " 'idempotency_key', gen_random_uuid(), 'status', 'INITIATED')"
            " || CASE WHEN n = 2 THEN %s::jsonb ELSE '{}' END)).* FROM transactions t, generate_series(1, 3) n"
            " WHERE t.id = %s"
        )
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(copied, ["{}", payment.pk])
            assert cursor.rowcount == 3
        with pytest.raises(IntegrityError, match=r"payment .* names .*, which does not exist"):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(copied, [f'{{"{column}": "{new_id()}"}}', payment.pk])

    @pytest.mark.parametrize("statement", ["DELETE FROM transactions", "TRUNCATE transactions CASCADE"])
    def test_refuses_to_lose_rows(self, payment: Transaction, statement: str) -> None:
        with pytest.raises(IntegrityError, match="kept as they are"):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute(statement)

    def test_refuses_a_payment_that_begins_settled(self, payment: Transaction) -> None:
        payment.pk = uuid4()
        payment._state.adding = True
        payment.idempotency_key = "other"
        with pytest.raises(IntegrityError, match="begin as INITIATED"), transaction.atomic():
            payment.save(force_insert=True)

    def test_refuses_to_send_what_lacks_approvals(self, funded: EscrowAccount, operator: User, at: datetime) -> None:
        payment = ask(outbound(funded, "100.00"), operator, at)
        with pytest.raises(IntegrityError, match="moves_only_approved"):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("UPDATE transactions SET status = 'APPROVED' WHERE id = %s", [payment.pk])

    def test_refuses_to_forge_what_a_held_payment_was(self, payment: Transaction, operator: User, at: datetime) -> None:
        transactions.hold(payment, by=operator, reason="Call them first", at=at)
        with pytest.raises(IntegrityError, match="held_from"):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("UPDATE transactions SET held_from = 'PROCESSING' WHERE id = %s", [payment.pk])

    def test_cannot_be_switched_off_like_ordinary_triggers(self, payment: Transaction) -> None:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('pgtrigger.ignore',"
                " (SELECT array_agg(tgname)::text FROM pg_trigger WHERE NOT tgisinternal), true)"
            )
            cursor.execute("UPDATE transactions SET amount = 1 WHERE id = %s", [payment.pk])

    def test_the_retry_queue_uses_its_index(self, payment: Transaction) -> None:
        with connection.cursor() as cursor:
            # Whatever the table holds by now: one row is sorted for less than an index is walked.
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute(
                "EXPLAIN SELECT id FROM transactions WHERE status = 'PENDING_RETRY' AND next_retry_at <= now()"
                " ORDER BY next_retry_at LIMIT 100"
            )
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert "transactions_retries" in plan
        assert JournalEntry.objects.count() == 0
