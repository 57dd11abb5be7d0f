"""Audit history on staff pages: who, when, why, before and after; secrets only as changed; compliance's own kept."""

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import ComplianceCheck
from escrow.models import EscrowAccount
from finance.models import BankAccount
from finance.operations import bank_accounts, transactions
from realco import admin_history, audit
from realco.models import User
from tests import factories
from tests.admin.conftest import client_of

pytestmark = pytest.mark.slow


class TestHistory:
    def test_names_who_did_what_and_why(
        self, escrow: EscrowAccount, investor: User, approver: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)
        transactions.hold(payment, by=approver, reason="Call first", at=at)

        page = admin_history.page_of(payment)

        latest = page.events[0]
        changes = {change.label: (change.before, change.after) for change in latest.changes}
        assert (latest.event.action, latest.event.reason, latest.event.user) == (
            "transaction.hold", "Call first", approver,
        )  # fmt: skip
        assert changes["status"] == ("Queued", "On hold")
        assert changes["hold reason"] == ("", "Call first")

    def test_writes_amounts_exactly(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        payment = factories.deposit(escrow, investor, "1234.10", at=at)

        created = admin_history.page_of(payment).events[-1]

        assert {change.label: change.after for change in created.changes}["amount"] == "$1,234.10"

    def test_shows_encrypted_values_only_as_changed(self, investor: User, operator: User, at: datetime) -> None:
        account = BankAccount.objects.get(user=investor)
        account.account_number = "000999999999"
        with audit.acting("test.renumber", by=operator):
            account.save()

        change = admin_history.page_of(account).events[0].changes[0]

        assert (change.label, change.before, change.after, change.is_secret) == ("account number", "", "changed", True)
        page = client_of(operator).get(reverse("admin:finance_bankaccount_history", args=[account.pk]))
        assert b"000999999999" not in page.content and b"encrypted: changed" in page.content

    def test_goes_back_page_by_page(self, investor: User, operator: User, at: datetime, monkeypatch: object) -> None:
        account = BankAccount.objects.get(user=investor)
        for _ in range(30):
            account = bank_accounts.suspend(account, by=operator, reason="r", at=at)
            account = bank_accounts.verify(account, by=operator, at=at)

        first = admin_history.page_of(account)
        second = admin_history.page_of(account, before=first.older)

        assert len(first.events) == admin_history.PAGE
        assert second.older == "" and 0 < len(second.events) <= admin_history.PAGE
        assert first.events[-1].event.sequence > second.events[0].event.sequence

    def test_takes_nonsense_for_the_beginning(self, investor: User) -> None:
        account = BankAccount.objects.get(user=investor)

        assert admin_history.page_of(account, before="nonsense").events


class TestWhatIsForComplianceOnly:
    def test_is_left_out_of_everybody_elses_audit_pages(
        self, escrow: EscrowAccount, investor: User, operator: User, compliance_officer: User, at: datetime
    ) -> None:
        factories.deposit(escrow, investor, "100.00", at=at)
        check = ComplianceCheck.objects.filter(subject=investor, payment__isnull=False).first()
        assert check is not None
        address = reverse("admin:realco_auditevent_changelist")

        seen = {
            person: [
                row.entity_type
                for row in client_of(person).get(address, {"q": str(check.payment_id)}).context["cl"].result_list
            ]
            for person in (operator, compliance_officer)
        }

        assert "compliance_checks" not in seen[operator]
        assert [*seen[operator], "compliance_checks"] == sorted(
            seen[compliance_officer], key="compliance_checks".__eq__
        )

    def test_is_left_out_of_a_payments_page(
        self, escrow: EscrowAccount, investor: User, at: datetime, operator_client: Client
    ) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)
        summaries = ComplianceCheck.objects.filter(payment=payment).values_list("summary", flat=True)

        page = operator_client.get(reverse("admin:finance_transaction_change", args=[payment.pk])).content.decode()

        assert summaries and not [words for words in summaries if words in page]
