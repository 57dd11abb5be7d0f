"""The approval queue: who sees what in it, and what approving one or many does."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from escrow.models import EscrowAccount
from escrow.operations import closings, escrow_accounts
from finance.models import BankAccount, Transaction
from finance.operations import transactions
from finance.operations.orders import Order
from realco.models import AuditEvent, Offering, User
from tests import factories
from tests.admin.conftest import client_of
from tests.stages import staged

pytestmark = pytest.mark.slow

QUEUE = "admin:finance_transaction_approvals"
Status = Transaction.Status


@staged
def payee(escrow: EscrowAccount, operator: User, at: datetime) -> BankAccount:
    return factories.make_bank_account(escrow.offering.organization.owner, verifier=operator, at=at)


@staged
def funded(escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime) -> EscrowAccount:
    """An offering that has closed and holds 39,949.20 and more to draw on."""
    factories.fund(investor, escrow, "40000.00", at=at)
    factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
    escrow.refresh_from_db()
    return escrow


def draw(escrow: EscrowAccount, payee: BankAccount, operator: User, amount: str, at: datetime) -> Transaction:
    order = Order(
        type="CONSTRUCTION_DRAW",
        payment_method="ACH",
        amount=Decimal(amount),
        escrow_account_id=escrow.pk,
        to_user_id=payee.user_id,
        to_bank_account_id=payee.pk,
        description="Roof",
    )
    key = f"draw-{next(factories._numbers)}"
    return transactions.initiate(order, initiator=operator, idempotency_key=key, at=at)


def step(payment: Transaction, name: str) -> str:
    return reverse("admin:finance_transaction_step", args=[payment.pk, name])


def confirmation(client: Client, payment: Transaction, name: str, reason: str = "") -> dict[str, str]:
    """Open a step's form and return what its confirmation would send."""
    page = client.get(step(payment, name))
    assert page.status_code == 200, page.headers
    return {"version": page.context["version"], "reason": reason}


class TestTheQueue:
    def test_leaves_out_what_one_asked_for_or_signed(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, approver: User, second_approver: User,
        at: datetime,
    ) -> None:  # fmt: skip
        small = draw(funded, payee, operator, "100.00", at)
        second_approver.groups.add(factories.make_group("Operations"))
        mine = draw(funded, payee, second_approver, "200.00", at)
        large = draw(funded, payee, operator, "60000.00", at)
        transactions.approve(large, approver=approver, at=at)

        seen = {
            person: {row.pk for row, _ in client_of(person).get(reverse(QUEUE)).context["rows"]}
            for person in (approver, second_approver)
        }

        assert seen[approver] == {small.pk, mine.pk}
        assert seen[second_approver] == {small.pk, large.pk}

    def test_shows_nothing_to_who_may_not_approve(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, at: datetime, operator_client: Client
    ) -> None:
        draw(funded, payee, operator, "100.00", at)

        page = operator_client.get(reverse(QUEUE))

        assert page.context["rows"] == []
        assert b"not approve them" in page.content

    def test_takes_as_many_queries_for_many_as_for_one(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, at: datetime, approver_client: Client
    ) -> None:
        draw(funded, payee, operator, "100.00", at)
        approver_client.get(reverse(QUEUE))
        with CaptureQueriesContext(connection) as with_one:
            approver_client.get(reverse(QUEUE))
        for _ in range(4):
            draw(funded, payee, operator, "100.00", at)

        with CaptureQueriesContext(connection) as with_many:
            approver_client.get(reverse(QUEUE))

        assert len(with_many) == len(with_one)


class TestApproving:
    def test_happens_only_on_confirmation(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, at: datetime, approver_client: Client
    ) -> None:
        payment = draw(funded, payee, operator, "100.00", at)
        before = AuditEvent.objects.count()

        approver_client.get(step(payment, "approve"))

        payment.refresh_from_db()
        assert payment.status == Status.PENDING_APPROVAL
        assert AuditEvent.objects.count() == before

    def test_queues_the_payment_and_keeps_the_reason(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, approver: User, at: datetime,
        approver_client: Client,
    ) -> None:  # fmt: skip
        payment = draw(funded, payee, operator, "100.00", at)

        answer = approver_client.post(
            step(payment, "approve"), confirmation(approver_client, payment, "approve", "Invoice checked")
        )

        payment.refresh_from_db()
        assert answer.status_code == 302
        assert (payment.status, payment.approved_by) == (Status.QUEUED, approver)
        event = AuditEvent.objects.filter(entity_id=str(payment.pk)).order_by("-sequence").first()
        assert event is not None
        assert (event.action, event.reason, event.user) == ("transaction.approve", "Invoice checked", approver)

    def test_refuses_a_form_that_was_opened_before_somebody_else_changed_the_payment(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, approver: User, at: datetime,
        approver_client: Client,
    ) -> None:  # fmt: skip
        payment = draw(funded, payee, operator, "100.00", at)
        opened = confirmation(approver_client, payment, "approve")
        transactions.hold(payment, by=approver, reason="Wait", at=at)
        transactions.release(payment, by=approver, at=at)

        answer = approver_client.post(step(payment, "approve"), opened)

        payment.refresh_from_db()
        assert answer.status_code == 200
        assert b"Somebody changed this meanwhile" in answer.content
        assert payment.status == Status.PENDING_APPROVAL

    def test_refuses_the_initiator_even_as_a_superuser(
        self, funded: EscrowAccount, payee: BankAccount, superuser: User, at: datetime, superuser_client: Client
    ) -> None:
        payment = draw(funded, payee, superuser, "100.00", at)
        page = superuser_client.get(step(payment, "approve"), follow=True)

        answer = superuser_client.post(
            step(payment, "approve"), {"version": f"{payment.status}|{payment.updated_at.isoformat()}", "reason": ""}
        )

        payment.refresh_from_db()
        assert b"You asked for this payment" in page.content
        assert b"You asked for this payment" in answer.content
        assert payment.status == Status.PENDING_APPROVAL

    def test_refuses_who_has_no_permission(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, at: datetime, operator_client: Client
    ) -> None:
        payment = draw(funded, payee, operator, "100.00", at)

        answer = operator_client.post(
            step(payment, "approve"), {"version": f"{payment.status}|{payment.updated_at.isoformat()}"}
        )

        payment.refresh_from_db()
        assert b"You need the permission" in answer.content
        assert payment.status == Status.PENDING_APPROVAL

    def test_says_so_when_escrow_holds_too_little(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, at: datetime, approver_client: Client
    ) -> None:
        payment = draw(funded, payee, operator, "49000.00", at)

        answer = approver_client.post(step(payment, "approve"), confirmation(approver_client, payment, "approve"))

        payment.refresh_from_db()
        assert b"does not hold enough money" in answer.content
        assert (payment.status, payment.approved_by) == (Status.PENDING_APPROVAL, None)

    def test_is_refused_while_escrow_is_frozen(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, approver: User, at: datetime,
        approver_client: Client,
    ) -> None:  # fmt: skip
        payment = draw(funded, payee, operator, "100.00", at)
        escrow_accounts.freeze(funded, by=approver, reason="Court order", at=at)

        answer = approver_client.post(step(payment, "approve"), confirmation(approver_client, payment, "approve"))

        assert b"is frozen" in answer.content

    def test_is_refused_without_a_csrf_token(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, approver: User, at: datetime
    ) -> None:
        payment = draw(funded, payee, operator, "100.00", at)
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(approver)

        answer = strict.post(step(payment, "approve"), {"version": "x"})

        assert answer.status_code == 403


class TestRejecting:
    def test_asks_for_a_reason(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, at: datetime, approver_client: Client
    ) -> None:
        payment = draw(funded, payee, operator, "100.00", at)

        answer = approver_client.post(step(payment, "reject"), confirmation(approver_client, payment, "reject"))

        payment.refresh_from_db()
        assert b"Say why" in answer.content
        assert payment.status == Status.PENDING_APPROVAL

    def test_cancels_with_the_reason(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, at: datetime, approver_client: Client
    ) -> None:
        payment = draw(funded, payee, operator, "100.00", at)

        approver_client.post(step(payment, "reject"), confirmation(approver_client, payment, "reject", "No invoice"))

        payment.refresh_from_db()
        assert (payment.status, payment.cancelled_reason) == (Status.CANCELLED, "No invoice")


class TestManyAtOnce:
    BULK = "admin:finance_transaction_bulk"

    def preview(self, client: Client, *payments: Transaction) -> dict[str, list[str]]:
        page = client.post(reverse(self.BULK, args=["approve"]), {"_selected_action": [p.pk for p in payments]})
        assert page.status_code == 200
        return {
            "row": [f"{row.row.pk} {row.version}" for row in page.context["ready"]],
            "problems": [row.problem for row in page.context["rows"]],
            "total": [str(page.context["total"])],
        }

    def test_previews_without_changing_anything(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, at: datetime, approver_client: Client
    ) -> None:
        first, second = (draw(funded, payee, operator, amount, at) for amount in ("100.00", "250.00"))
        before = AuditEvent.objects.count()

        seen = self.preview(approver_client, first, second)

        assert seen["total"] == ["350.00"]
        assert seen["problems"] == ["", ""]
        assert AuditEvent.objects.count() == before

    def test_sees_that_all_together_are_too_much(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, at: datetime, approver_client: Client
    ) -> None:
        first, second = (draw(funded, payee, operator, "25000.00", at) for _ in range(2))

        seen = self.preview(approver_client, first, second)

        assert seen["problems"][0] == ""
        assert "short of it" in seen["problems"][1]
        assert len(seen["row"]) == 1

    def test_tells_a_first_signature_from_the_last(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, at: datetime, approver_client: Client
    ) -> None:
        small, large = (draw(funded, payee, operator, amount, at) for amount in ("100.00", "60000.00"))

        page = approver_client.post(reverse(self.BULK, args=["approve"]), {"_selected_action": [small.pk, large.pk]})

        said = [row.outcome for row in page.context["rows"]]
        assert said == ["Signed and sent to the bank", "Signature 1 of 2; then waits"]

    def test_demands_a_reason(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, at: datetime, approver_client: Client
    ) -> None:
        payment = draw(funded, payee, operator, "100.00", at)
        chosen = self.preview(approver_client, payment)

        answer = approver_client.post(reverse(self.BULK, args=["approve"]), {"row": chosen["row"], "reason": "  "})

        payment.refresh_from_db()
        assert b"Say why" in answer.content
        assert payment.status == Status.PENDING_APPROVAL

    def test_approves_each_by_itself_and_says_which_was_refused(
        self, funded: EscrowAccount, payee: BankAccount, operator: User, approver: User, second_approver: User,
        at: datetime, approver_client: Client,
    ) -> None:  # fmt: skip
        good, gone = (draw(funded, payee, operator, amount, at) for amount in ("100.00", "250.00"))
        chosen = self.preview(approver_client, good, gone)
        transactions.reject(gone, approver=second_approver, reason="Twice", at=at)

        answer = approver_client.post(
            reverse(self.BULK, args=["approve"]), {"row": chosen["row"], "reason": "Friday run"}, follow=True
        )

        good.refresh_from_db()
        gone.refresh_from_db()
        assert (good.status, gone.status) == (Status.QUEUED, Status.CANCELLED)
        said = [str(message) for message in answer.context["messages"]]
        assert any("Somebody changed this meanwhile" in words for words in said)
        assert any(words.startswith("1 transaction") for words in said)

    def test_does_nothing_on_get(self, approver_client: Client, reference_data: None) -> None:
        assert approver_client.get(reverse(self.BULK, args=["approve"])).status_code == 405

    def test_leaves_ids_that_are_none_alone(self, approver_client: Client) -> None:
        for row in ("nonsense x", "0191f3c2-7c4e-7a8e-9a1b-000000000000 x"):
            answer = approver_client.post(
                reverse(self.BULK, args=["approve"]), {"row": [row], "reason": "r"}, follow=True
            )
            assert b"There is no such" in answer.content


class TestAnOffering:
    def test_names_its_obstacle_in_words(self, offering: Offering, operator_client: Client) -> None:
        address = reverse("admin:realco_offering_step", args=[offering.pk, "operate"])

        answer = operator_client.get(address, follow=True)

        assert b"It is open; begin operating is not possible now." in answer.content
