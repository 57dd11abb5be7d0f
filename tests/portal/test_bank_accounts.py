"""Bank accounts in the portal: masked, added once, closed by their owner only."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from finance.models import BankAccount
from realco.models import User
from tests import factories

ADD = "portal:add_bank_account"
FORM = {
    "holder_name": "Ivy Investor",
    "bank_name": "Coastal Credit Union",
    "kind": "SAVINGS",
    "routing_number": "110000000",
    "account_number": "000987654321",
}


def close_url(account: BankAccount) -> str:
    return reverse("portal:close_bank_account", kwargs={"account_id": account.pk})


class TestBankAccounts:
    def test_shows_the_last_four_digits_only(self, portal: Client, investor_bank: BankAccount) -> None:
        page = portal.get(reverse("portal:bank_accounts")).text

        assert "••6789" in page
        assert factories.GOOD_ACCOUNT not in page
        assert factories.ROUTING not in page

    def test_says_what_to_do_when_there_is_none(self, reference_data: None, sign_in: Callable[[User], Client]) -> None:
        page = sign_in(factories.make_user("Nell Newcomer")).get(reverse("portal:bank_accounts")).text

        assert "Add the bank account that you want to invest from" in page

    def test_leaves_out_everybody_elses(self, investor_bank: BankAccount, sign_in: Callable[[User], Client]) -> None:
        page = sign_in(factories.make_user("Nell Newcomer")).get(reverse("portal:bank_accounts")).text

        assert "6789" not in page


class TestAdd:
    def test_adds_an_account_that_waits_for_verification(self, portal: Client, investor: User) -> None:
        page = portal.post(reverse(ADD), FORM, follow=True)

        account = BankAccount.objects.get(user=investor, last_four="4321")
        assert account.status == "PENDING_VERIFICATION"
        assert account.account_number == "000987654321"
        assert "as soon as we have verified it" in page.text
        assert "000987654321" not in page.text

    def test_takes_spaces_and_hyphens(self, portal: Client, investor: User) -> None:
        portal.post(reverse(ADD), {**FORM, "routing_number": "1100-0000-0", "account_number": "0009 8765 4321"})

        assert BankAccount.objects.get(user=investor, last_four="4321").account_number == "000987654321"

    def test_refuses_the_same_account_twice(self, portal: Client, investor: User) -> None:
        portal.post(reverse(ADD), FORM)

        page = portal.post(reverse(ADD), FORM)

        assert page.status_code == 422
        assert "added before" in page.text
        assert BankAccount.objects.filter(user=investor, last_four="4321").count() == 1

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("holder_name", "", "Enter the name on the account."),
            ("bank_name", " ", "Enter the bank&#x27;s name."),
            ("kind", "CRYPTO", "Select a valid choice"),
            ("routing_number", "", "Enter the routing number."),
            ("routing_number", "12345678", "exactly nine digits"),
            ("routing_number", "110000001", "One digit of this routing number is wrong"),
            ("routing_number", "١١٠٠٠٠٠٠٠", "exactly nine digits"),
            ("account_number", "", "Enter the account number."),
            ("account_number", "123", "4 to 17 digits"),
            ("account_number", "12345x", "4 to 17 digits"),
        ],
    )
    def test_says_at_the_field_what_is_wrong(
        self, portal: Client, investor: User, field: str, value: str, words: str
    ) -> None:
        page = portal.post(reverse(ADD), {**FORM, field: value})

        assert page.status_code == 422
        assert words in page.text
        assert f'id="id_{field}_error"' in page.text
        assert BankAccount.objects.filter(user=investor).count() == 1


class TestClose:
    def test_closes_ones_own(self, portal: Client, investor_bank: BankAccount) -> None:
        portal.post(close_url(investor_bank))

        investor_bank.refresh_from_db()
        assert investor_bank.status == "CLOSED"

    def test_refuses_to_close_twice(self, portal: Client, investor_bank: BankAccount) -> None:
        portal.post(close_url(investor_bank))

        page = portal.post(close_url(investor_bank), follow=True)

        assert "cannot become closed" in page.text

    def test_is_not_found_for_somebody_else(
        self, investor_bank: BankAccount, operator: User, at: datetime, sign_in: Callable[[User], Client]
    ) -> None:
        stranger = factories.make_investor("Stan Stranger", verifier=operator, at=at)

        assert sign_in(stranger).post(close_url(investor_bank)).status_code == 404
        investor_bank.refresh_from_db()
        assert investor_bank.status == "VERIFIED"

    def test_does_nothing_on_get(self, portal: Client, investor_bank: BankAccount) -> None:
        assert portal.get(close_url(investor_bank)).status_code == 405
