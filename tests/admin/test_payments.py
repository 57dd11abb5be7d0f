"""Staff asking for payments and holding, releasing, cancelling and retrying them: what is refused, in which words."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from escrow.models import EscrowAccount
from escrow.operations import escrow_accounts
from finance.models import BankAccount, Transaction
from finance.operations import bank_accounts, settlements
from realco.models import AuditEvent, Offering, User
from realco.operations import offerings
from tests import factories

NEW = "admin:finance_transaction_task"
Status = Transaction.Status


@pytest.fixture
def order(escrow: EscrowAccount, investor: User) -> dict[str, Any]:
    """What the form sends for a good deposit on the investor's behalf."""
    return {
        "type": "DEPOSIT",
        "escrow_account": str(escrow.pk),
        "party": investor.email,
        "payment_method": "ACH",
        "last_four": "6789",
        "amount": "1000.00",
        "currency": "USD",
        "description": "By telephone",
        "internal_memo": "",
        "idempotency_key": "key-1",
    }


def ask(client: Client, order: dict[str, Any], **changes: Any) -> Any:
    return client.post(reverse(NEW, args=["new"]), {**order, **changes})


class TestAskingForAPayment:
    def test_makes_one_and_goes_to_it(self, order: dict[str, Any], operator_client: Client) -> None:
        answer = ask(operator_client, order)

        payment = Transaction.objects.get()
        assert answer["Location"] == reverse("admin:finance_transaction_change", args=[payment.pk])
        assert (payment.status, str(payment.fee_amount)) == (Status.QUEUED, "5.80")

    def test_makes_one_of_two_impatient_clicks(self, order: dict[str, Any], operator_client: Client) -> None:
        ask(operator_client, order)
        ask(operator_client, order)

        assert Transaction.objects.count() == 1

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("amount", "-5.00", "must be more than zero"),
            ("amount", "0", "must be more than zero"),
            ("amount", "10.005", "more than two decimals"),
            ("amount", "NaN", "is not an amount"),
            ("amount", "Infinity", "is not an amount"),
            ("amount", "1e20", "is not an amount"),
            ("amount", "100000000000000000000", "too large"),
            ("amount", "1,000.00", "is not an amount"),
            ("amount", "", "This field is required"),
            ("currency", "EUR", "not one of the available choices"),
            ("type", "GIFT", "not one of the available choices"),
            ("payment_method", "CASH", "not one of the available choices"),
            ("escrow_account", "0191f3c2-7c4e-7a8e-9a1b-000000000000", "not one of the available choices"),
            ("escrow_account", "nonsense", "is not a valid UUID"),
            ("party", "nobody@example.com", "Nobody has this e-mail address"),
            ("last_four", "9999", "has no bank account ending in 9999"),
            ("last_four", "", "Choose the bank account"),
            ("idempotency_key", "k" * 101, "at most 100 characters"),
        ],
    )
    def test_refuses_what_cannot_be(
        self, order: dict[str, Any], operator_client: Client, field: str, value: str, words: str
    ) -> None:
        before = AuditEvent.objects.count()

        answer = ask(operator_client, order, **{field: value})

        errors = str(answer.context["form"].errors)
        if field == "idempotency_key":
            assert not Transaction.objects.exists()
        else:
            assert words in errors.replace("&#x27;", "'")
        assert AuditEvent.objects.count() == before

    def test_refuses_somebody_elses_bank_account(
        self, order: dict[str, Any], operator: User, at: datetime, operator_client: Client
    ) -> None:
        factories.make_investor("Otto Other", verifier=operator, at=at, number="000111111116")

        answer = ask(operator_client, order, last_four="1116")

        assert "has no bank account ending in 1116" in str(answer.context["form"].errors)

    def test_refuses_an_account_that_is_not_verified(
        self, order: dict[str, Any], investor: User, operator: User, at: datetime, operator_client: Client
    ) -> None:
        account = BankAccount.objects.get(user=investor)
        bank_accounts.suspend(account, by=operator, reason="Looks wrong", at=at)

        answer = ask(operator_client, order)

        assert "Choose a verified one" in str(answer.context["form"].errors)
        assert not Transaction.objects.exists()

    def test_refuses_a_frozen_escrow_account(
        self, order: dict[str, Any], escrow: EscrowAccount, approver: User, at: datetime, operator_client: Client
    ) -> None:
        escrow_accounts.freeze(escrow, by=approver, reason="Court order", at=at)

        assert "is frozen" in str(ask(operator_client, order).context["form"].errors)

    def test_refuses_a_closed_escrow_account(
        self, order: dict[str, Any], escrow: EscrowAccount, operator: User, at: datetime, operator_client: Client
    ) -> None:
        escrow_accounts.close(escrow, by=operator, reason="Never used", at=at)

        assert "is closed" in str(ask(operator_client, order).context["form"].errors)

    def test_refuses_an_offering_that_was_called_off(
        self, order: dict[str, Any], offering: Offering, operator: User, at: datetime, operator_client: Client
    ) -> None:
        offerings.call_off(offering, by=operator, reason="No permit", at=at)

        assert "takes no investments" in str(ask(operator_client, order).context["form"].errors)

    def test_refuses_more_than_the_limit(self, order: dict[str, Any], operator_client: Client) -> None:
        answer = ask(operator_client, order, amount="300000.00")

        assert answer.context["form"].non_field_errors()
        assert not Transaction.objects.exists()

    def test_refuses_a_key_that_was_used_for_another(self, order: dict[str, Any], operator_client: Client) -> None:
        ask(operator_client, order)

        answer = ask(operator_client, order, amount="2000.00")

        assert "idempotency key was used for another payment" in str(answer.context["form"].errors)
        assert Transaction.objects.count() == 1

    def test_is_closed_to_who_may_not(self, order: dict[str, Any], approver_client: Client) -> None:
        assert ask(approver_client, order).status_code == 403


class TestHolding:
    def address(self, payment: Transaction, name: str) -> str:
        return reverse("admin:finance_transaction_step", args=[payment.pk, name])

    def take(self, client: Client, payment: Transaction, name: str, **fields: str) -> Any:
        page = client.get(self.address(payment, name))
        assert page.status_code == 200
        return client.post(self.address(payment, name), {"version": page.context["version"], **fields})

    def test_stops_a_payment_and_releases_it(
        self, escrow: EscrowAccount, investor: User, at: datetime, operator_client: Client
    ) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)

        self.take(operator_client, payment, "hold", reason="Call the investor first")
        payment.refresh_from_db()
        held = payment.status
        self.take(operator_client, payment, "release", reason="Called")
        payment.refresh_from_db()

        assert (held, payment.status) == (Status.ON_HOLD, Status.QUEUED)

    def test_needs_a_reason(self, escrow: EscrowAccount, investor: User, at: datetime, operator_client: Client) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)

        answer = self.take(operator_client, payment, "hold", reason="")

        payment.refresh_from_db()
        assert b"Say why" in answer.content
        assert payment.status == Status.QUEUED

    def test_is_not_on_offer_when_it_is_over(
        self, escrow: EscrowAccount, investor: User, at: datetime, operator_client: Client
    ) -> None:
        payment = factories.fund(investor, escrow, "100.00", at=at)
        page = operator_client.get(reverse("admin:finance_transaction_change", args=[payment.pk]))

        opened = operator_client.get(self.address(payment, "hold"), follow=True)
        answer = operator_client.post(
            self.address(payment, "hold"),
            {"version": f"{payment.status}|{payment.updated_at.isoformat()}", "reason": "Too late"},
        )

        payment.refresh_from_db()
        assert "hold" not in [step.name for step, _ in page.context["steps"]]
        assert b"It is completed; hold is not possible now." in opened.content
        assert b"can no longer be held" in answer.content
        assert payment.status == Status.COMPLETED

    def test_keeps_the_reason_of_a_retry(
        self, escrow: EscrowAccount, investor: User, at: datetime, operator_client: Client
    ) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)
        settlements.process(payment.pk, at=at)
        payment.refresh_from_db()
        settlements.record_failed(
            payment.attempt_key, code="PROVIDER_ERROR", message="Down", effective_date=at.date(), at=at
        )

        self.take(operator_client, payment, "retry", reason="The bank is up again")

        event = AuditEvent.objects.filter(entity_id=str(payment.pk)).order_by("-sequence").first()
        assert event is not None
        assert (event.action, event.reason) == ("transaction.retry", "The bank is up again")

    def test_follows_only_addresses_of_its_own(
        self, escrow: EscrowAccount, investor: User, at: datetime, operator_client: Client
    ) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)

        answer = self.take(operator_client, payment, "hold", reason="r", next="https://evil.example/")

        assert answer["Location"].startswith("/admin/")
