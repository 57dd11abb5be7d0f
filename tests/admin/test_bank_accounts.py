"""Bank accounts at their pages: verified by staff, never by their owner, and suspended with a reason."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from finance.models import BankAccount
from finance.operations import bank_accounts
from realco.models import User
from tests import factories


def add(owner: User, at: datetime) -> BankAccount:
    return bank_accounts.add(
        owner, account_number="000444444440", routing_number=factories.ROUTING, holder_name="Nina New", by=owner, at=at
    )


def take(client: Client, account: BankAccount, name: str, reason: str = "Voided check seen") -> Any:
    address = reverse("admin:finance_bankaccount_step", args=[account.pk, name])
    version = f"{account.status}|{account.updated_at.isoformat()}"
    answer = client.post(address, {"version": version, "reason": reason})
    account.refresh_from_db()
    return answer


class TestBankAccounts:
    def test_are_verified_with_a_reason(self, investor: User, at: datetime, operator_client: Client) -> None:
        account = add(investor, at)

        refused = take(operator_client, account, "verify", reason="")
        take(operator_client, account, "verify")

        assert b"Say why" in refused.content
        assert (account.status, account.status_reason) == ("VERIFIED", "Voided check seen")

    def test_are_not_verified_by_their_owner(self, operator: User, at: datetime, operator_client: Client) -> None:
        account = add(operator, at)

        answer = take(operator_client, account, "verify")

        assert b"Nobody verifies their own bank account" in answer.content
        assert account.status == "PENDING_VERIFICATION"

    def test_are_suspended(self, investor: User, operator_client: Client) -> None:
        account = BankAccount.objects.get(user=investor)

        take(operator_client, account, "suspend", reason="Reported stolen")

        assert (account.status, account.status_reason) == ("SUSPENDED", "Reported stolen")

    @pytest.mark.parametrize("name", ["verify", "suspend", "close"])
    def test_are_left_alone_by_who_may_not(
        self, name: str, investor: User, at: datetime, approver_client: Client
    ) -> None:
        account = add(investor, at)

        answer = take(approver_client, account, name)

        assert b"You need the permission" in answer.content
        assert account.status == "PENDING_VERIFICATION"
