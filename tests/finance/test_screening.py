"""The gate at every door to the bank: whose names are asked about, and that nothing slips by after it was asked."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.models import InvestorProfile, SanctionedName, SanctionedParty
from compliance.operations import profiles
from compliance.operations.gate import AwaitsReview, ComplianceRefused
from compliance.operations.profiles import Particulars
from escrow.models import EscrowAccount, LedgerAccount
from escrow.operations.investments import OfferingNotOpen
from escrow.queries.balances import balance
from finance.models import BankAccount, Transaction
from finance.operations import bank_accounts, settlements, transactions
from finance.operations.orders import Order
from realco.models import User
from realco.operations import offerings
from tests import factories
from tests.stages import staged


def list_party(name: str, at: datetime) -> SanctionedParty:
    """Put a party on the sanctions list."""
    party = SanctionedParty.objects.create(
        list_name="SDN", entity_number="7", name=name, party_type="individual", content_hash="x", listed_at=at
    )
    words = " ".join(sorted(name.lower().split()))
    SanctionedName.objects.create(party=party, name=name, normalized=words, is_primary=True)
    return party


def account_of(owner: User, holder: str, *, verifier: User, at: datetime) -> BankAccount:
    """A verified account of the owner's that somebody else may hold."""
    account = bank_accounts.add(
        owner, account_number="000777", routing_number=factories.ROUTING, holder_name=holder, by=owner, at=at
    )
    return bank_accounts.verify(account, by=verifier, at=at)


def withdrawal(escrow: EscrowAccount, payee: User, account: BankAccount, amount: str = "100.00") -> Order:
    return Order(
        type="WITHDRAWAL",
        payment_method="ACH",
        amount=Decimal(amount),
        escrow_account_id=escrow.pk,
        to_user_id=payee.pk,
        to_bank_account_id=account.pk,
    )


class TestScreen:
    @staged
    def account(self, investor: User, operator: User, at: datetime) -> BankAccount:
        return account_of(investor, "Ivan Kroog", verifier=operator, at=at)

    def test_asks_about_whoever_holds_the_payees_account(
        self, escrow: EscrowAccount, investor: User, account: BankAccount, at: datetime
    ) -> None:
        factories.fund(investor, escrow, "1000.00", at=at)
        list_party("Ivan Kroog", at)
        order = withdrawal(escrow, investor, account)
        payment = transactions.initiate(order, initiator=investor, idempotency_key="w", at=at)
        assert payment.status == "PENDING_APPROVAL"
        waiting = payment.compliance_checks.get(status="MANUAL_REVIEW")
        assert waiting.details["screened_name"] == "Ivan Kroog"

    def test_asks_about_whoever_holds_the_payers_account(
        self, escrow: EscrowAccount, investor: User, account: BankAccount, at: datetime
    ) -> None:
        list_party("Ivan Kroog", at)
        order = replace(factories.deposit_order(escrow, investor, "500.00"), from_bank_account_id=account.pk)
        payment = transactions.initiate(order, initiator=investor, idempotency_key="d", at=at)
        assert payment.status == "PENDING_APPROVAL"


class TestBetweenTheGateAndTheBank:
    @staged
    def payment(self, escrow: EscrowAccount, investor: User, at: datetime) -> Transaction:
        return factories.deposit(escrow, investor, "500.00", at=at)

    @pytest.mark.django_db(transaction=True)
    def test_a_new_name_stops_a_queued_payment(
        self, payment: Transaction, profile: InvestorProfile, at: datetime
    ) -> None:
        profiles.update(profile, Particulars("Ivan Kroog"), by=profile.user, at=at)
        settlements.process(payment.pk, at=at)
        payment.refresh_from_db()
        assert (payment.status, payment.held_from) == ("ON_HOLD", "QUEUED")
        assert not payment.attempts.exists()

    @pytest.mark.django_db(transaction=True)
    def test_an_identity_that_expired_stops_a_queued_payment(
        self, payment: Transaction, profile: InvestorProfile, at: datetime
    ) -> None:
        assert profile.kyc_expires_at is not None
        settlements.process(payment.pk, at=profile.kyc_expires_at + timedelta(seconds=1))
        payment.refresh_from_db()
        assert payment.status == "ON_HOLD"

    @pytest.mark.django_db(transaction=True)
    def test_an_offering_called_off_stops_its_deposits(
        self, payment: Transaction, escrow: EscrowAccount, operator: User, at: datetime
    ) -> None:
        offerings.call_off(escrow.offering, by=operator, reason="No permit", at=at)
        settlements.process(payment.pk, at=at)
        payment.refresh_from_db()
        assert (payment.status, payment.held_from) == ("ON_HOLD", "QUEUED")

    def test_a_deposit_is_not_approved_for_an_offering_called_off(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "60000.00", at=at)
        offerings.call_off(escrow.offering, by=operator, reason="No permit", at=at)
        with pytest.raises(OfferingNotOpen):
            transactions.approve(payment, approver=approver, at=at)


class TestAFailedPayout:
    def test_locks_the_escrow_account_before_the_bank_account_as_a_return_does(
        self, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        factories.fund(investor, escrow, "1000.00", at=at)
        order = withdrawal(escrow, investor, investor.bank_accounts.get())
        payment = transactions.initiate(order, initiator=investor, idempotency_key="w", at=at)
        factories.play(payment, at=at, until="PENDING_SETTLEMENT")
        with CaptureQueriesContext(connection) as said:
            settlements.record_failed(f"{payment.pk}:0", code="R02", message="", effective_date=at.date(), at=at)
        statements = [query["sql"] for query in said]
        posted = next(number for number, sql in enumerate(statements) if "ledger_post" in sql)
        locked = next(
            number for number, sql in enumerate(statements) if 'FROM "bank_accounts"' in sql and "FOR NO KEY" in sql
        )
        assert posted < locked


class TestRelease:
    @staged
    def held(self, escrow: EscrowAccount, investor: User, operator: User, at: datetime) -> Transaction:
        """A withdrawal, its money reserved, held while it was queued."""
        factories.fund(investor, escrow, "1000.00", at=at)
        order = withdrawal(escrow, investor, investor.bank_accounts.get())
        payment = transactions.initiate(order, initiator=investor, idempotency_key="w", at=at)
        return transactions.hold(payment, by=operator, reason="Call them first", at=at)

    def test_asks_compliance_again_before_it_queues(
        self, held: Transaction, investor: User, operator: User, at: datetime
    ) -> None:
        list_party(investor.full_name, at)
        with pytest.raises(AwaitsReview):
            transactions.release(held, by=operator, at=at)
        held.refresh_from_db()
        assert (held.status, held.held_from) == ("ON_HOLD", "QUEUED")
        assert held.compliance_checks.filter(status="MANUAL_REVIEW").count() == 1

    def test_cancels_what_compliance_refuses_by_now_and_frees_its_money(
        self, held: Transaction, profile: InvestorProfile, investor: User, operator: User, at: datetime
    ) -> None:
        profiles.restrict(profile, by=None, reason="R10", at=at)
        with pytest.raises(ComplianceRefused):
            transactions.release(held, by=operator, at=at)
        held.refresh_from_db()
        assert (held.status, held.is_reserved) == ("CANCELLED", False)
        assert balance(held.escrow_account_id, LedgerAccount.Kind.PAYOUTS) == 0
