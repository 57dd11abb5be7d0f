"""Payments against the BANK account: the books may balance and still hold a payment twice, or not at all."""

import json
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection, transaction

from escrow import books, postings
from escrow.models import EscrowAccount
from escrow.operations import ledger, reconciliations
from finance.models import Transaction, TransactionWebhook
from realco.models import User
from tests import factories
from tests.stages import staged


@staged
def payment(investor: User, escrow: EscrowAccount, at: datetime) -> Transaction:
    return factories.fund(investor, escrow, "5000.00", at=at)


def behind_the_guards(sql: str, *params: UUID | str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # What the sound rows owe is checked while they are sound.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, params)
        cursor.execute("SET session_replication_role = DEFAULT")


def settle(payment: Transaction, reference: str, amount: str, at: datetime) -> None:
    """Post a settlement that no payment has asked for; the ledger itself has nothing against it."""
    subject = postings.Subject(payment.escrow_account_id, reference, "DEPOSIT", at.date(), "X", payment.pk)
    with transaction.atomic():
        ledger.post([postings.inbound_settled(subject, amount=Decimal(amount))], by=None, at=at)


def found() -> list[str]:
    return [finding.message for finding in books.check_intents()]


class TestIntents:
    def test_a_sound_payment_says_nothing(self, payment: Transaction) -> None:
        assert found() == []

    def test_settled_without_a_bank_entry(self, payment: Transaction) -> None:
        behind_the_guards("DELETE FROM escrow_ledger_entries WHERE reference LIKE %s", "%:settled:%")
        [said] = found()
        assert said == f"the payment {payment.pk} is COMPLETED, but the books have not moved its money at the bank"

    def test_a_bank_entry_of_a_payment_that_has_not_settled(
        self, investor: User, escrow: EscrowAccount, at: datetime
    ) -> None:
        waiting = factories.play(
            factories.deposit(escrow, investor, "100.00", at=at), at=at, until="PENDING_SETTLEMENT"
        )
        assert found() == []
        settle(waiting, f"{waiting.pk}:settled:0", "100.00", at)
        [said] = found()
        assert "is PENDING_SETTLEMENT, but the books have moved its money" in said

    def test_one_attempt_twice_at_the_bank(self, payment: Transaction, at: datetime) -> None:
        """Which the ledger refuses before any check could find it."""
        with pytest.raises(ledger.LinesDoNotFit, match="posted twice"):
            settle(payment, f"{payment.pk}:settled:0:again", "5000.00", at)
        assert found() == []

    def test_another_amount_at_the_bank(self, payment: Transaction) -> None:
        behind_the_guards(
            "UPDATE transactions SET amount = 4999, net_amount = net_amount - 1 WHERE id = %s", payment.pk
        )
        said = " ".join(found())
        assert "moved 5000.00 at the bank" in said and "is about 4999" in said

    def test_another_amount_in_a_webhook(self, payment: Transaction, at: datetime) -> None:
        for number, amount in enumerate(("5000.00", "5000.01")):
            TransactionWebhook.objects.create(
                transaction=payment, provider="sandbox", event_id=f"e{number}", event_type="transfer.settled",
                raw_payload=json.dumps({"data": {"amount": amount}}), signature="s", created_at=at,
            )  # fmt: skip
        [said] = found()
        assert said.startswith("sandbox said 5000.01 of the payment")

    def test_are_findings_of_a_reconciliation(self, payment: Transaction, escrow: EscrowAccount, at: datetime) -> None:
        behind_the_guards("UPDATE transactions SET status = 'FAILED' WHERE id = %s", payment.pk)
        proof = reconciliations.reconcile(escrow, as_of=at.date(), by=None, at=at)
        assert any("is FAILED, but the books have moved its money at the bank" in said for said in proof.findings)
