"""The portal as a whole: its front door, what no page ever does, and the pages that say no."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.defaults import server_error

from escrow.models import EscrowAccount
from finance.models import Transaction
from realco.models import Offering, User
from tests import factories
from tests.stages import staged

PAGES = [
    "dashboard",
    "offerings",
    "transactions",
    "distributions",
    "bank_accounts",
    "add_bank_account",
    "profile",
    "password",
]


@staged
def payment(escrow: EscrowAccount, investor: User, at: datetime) -> Transaction:
    return factories.deposit(escrow, investor, "10000", at=at)


@pytest.fixture
def addresses(payment: Transaction, offering: Offering) -> list[str]:
    """Every page that is read with GET, for an investor with a payment."""
    of_offering = {"slug": offering.slug}
    return [
        *(reverse(f"portal:{name}") for name in PAGES),
        reverse("portal:offering", kwargs=of_offering),
        reverse("portal:invest", kwargs=of_offering),
        reverse("portal:quote", kwargs=of_offering),
        reverse("portal:transaction", kwargs={"payment_id": payment.pk}),
    ]


@contextmanager
def written() -> Iterator[list[str]]:
    """Collect every statement that writes."""
    found: list[str] = []

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if re.match(r"\s*(INSERT|UPDATE|DELETE|TRUNCATE|WITH|MERGE)", sql, re.IGNORECASE):
            found.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield found


class TestSignIn:
    def test_is_asked_for_before_every_page(self, addresses: list[str]) -> None:
        for address in addresses:
            answer = Client().get(address)

            assert answer.status_code == 302, address
            assert answer["Location"] == f"{reverse('portal:sign_in')}?next={address}"

    def test_goes_by_e_mail_whatever_its_capitals(self, investor: User) -> None:
        form = {"username": investor.email.upper(), "password": "correct horse battery", "next": "/payments/"}

        answer = Client().post(reverse("portal:sign_in"), form)

        assert answer.status_code == 302
        assert answer["Location"] == "/payments/"

    def test_never_leads_to_another_site(self, investor: User) -> None:
        form = {"username": investor.email, "password": "correct horse battery", "next": "https://evil.example/"}

        assert Client().post(reverse("portal:sign_in"), form)["Location"] == reverse("portal:dashboard")

    def test_does_not_tell_an_unknown_address_from_a_wrong_password(self, investor: User) -> None:
        client, url = Client(), reverse("portal:sign_in")

        wrong = client.post(url, {"username": investor.email, "password": "no"}).text
        unknown = client.post(url, {"username": "nobody@example.com", "password": "no"}).text

        assert "do not belong together" in wrong
        assert "do not belong together" in unknown

    def test_ends_with_a_post_only(self, portal: Client) -> None:
        assert portal.get(reverse("portal:sign_out")).status_code == 405
        assert portal.post(reverse("portal:sign_out")).status_code == 302
        assert portal.get(reverse("portal:dashboard")).status_code == 302


class TestEveryPage:
    def test_only_reads(self, portal: Client, addresses: list[str]) -> None:
        for address in addresses:
            with written() as statements:
                assert portal.get(address).status_code == 200, address

            assert statements == [], address

    def test_works_under_a_strict_policy(self, portal: Client, addresses: list[str]) -> None:
        for address in addresses:
            answer = portal.get(address)

            policy = answer["Content-Security-Policy"]
            assert "unsafe-inline" not in policy
            assert "unsafe-eval" not in policy
            assert "script-src 'self'" in policy
            assert not re.search(r"<[^>]+\sstyle=", answer.text), address
            assert not re.search(r"<[^>]+\son[a-z]+=", answer.text), address
            assert not re.search(r"<style|<script(?![^>]*\ssrc=)", answer.text), address

    def test_wears_the_sandbox_ribbon(self, portal: Client, addresses: list[str]) -> None:
        pages = [address for address in addresses if not address.endswith("/quote/")]
        for address in pages:
            assert "SANDBOX" in portal.get(address).text, address
        assert "SANDBOX" in Client().get(reverse("portal:sign_in")).text

    def test_wears_none_in_production(self, portal: Client, settings: Any) -> None:
        settings.SANDBOX = False

        assert "SANDBOX" not in portal.get(reverse("portal:dashboard")).text

    def test_is_never_cached(self, portal: Client, addresses: list[str]) -> None:
        for address in addresses:
            assert "no-store" in portal.get(address)["Cache-Control"], address

    def test_names_every_field(self, portal: Client, addresses: list[str]) -> None:
        for address in addresses:
            page = portal.get(address).text
            labelled = set(re.findall(r'<label[^>]*\sfor="([^"]+)"', page))
            inputs = re.findall(r"<(?:input|select|textarea)\b[^>]*>", page)
            for field in inputs:
                if 'type="hidden"' not in field:
                    found = re.search(r'\sid="([^"]+)"', field)
                    assert found and found.group(1) in labelled, (address, field)

    def test_uses_no_id_twice(self, portal: Client, addresses: list[str]) -> None:
        for address in addresses:
            ids = re.findall(r'\sid="([^"]+)"', portal.get(address).text)
            assert len(ids) == len(set(ids)), address


class TestSayingNo:
    def test_what_does_not_exist_is_said_in_words(self, portal: Client) -> None:
        page = portal.get("/no/such/page/")

        assert page.status_code == 404
        assert "There is nothing here" in page.text

    def test_an_identifier_that_is_none_is_not_found(self, portal: Client) -> None:
        assert portal.get("/payments/not-a-uuid/").status_code == 404

    def test_a_defect_is_admitted_without_detail(self, rf: RequestFactory) -> None:
        page = server_error(rf.get("/"))

        assert page.status_code == 500
        assert "Something went wrong on our side" in page.text


class TestProfile:
    def test_shows_what_is_known_but_no_number_in_clear(self, portal: Client, investor: User) -> None:
        page = portal.get(reverse("portal:profile")).text

        assert investor.email in page
        assert "$300,000.00" in page

    def test_changes_the_password_after_the_present_one(self, portal: Client, investor: User) -> None:
        form = {
            "old_password": "correct horse battery",
            "new_password1": "a staple of another kind",
            "new_password2": "a staple of another kind",
        }

        assert portal.post(reverse("portal:password"), form).status_code == 302
        investor.refresh_from_db()
        assert investor.check_password("a staple of another kind")

    def test_refuses_a_wrong_present_password(self, portal: Client, investor: User) -> None:
        form = {"old_password": "x", "new_password1": "a staple of another", "new_password2": "a staple of another"}

        page = portal.post(reverse("portal:password"), form)

        assert 'id="id_old_password_error"' in page.text
        investor.refresh_from_db()
        assert investor.check_password("correct horse battery")
