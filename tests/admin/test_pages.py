"""Every staff page opens, shows its rows, and lets nobody change them by hand."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from compliance.models import InvestorProfile
from escrow.models import EscrowAccount
from finance.models import BankAccount, Transaction
from realco.admin_pages import ReadOnlyAdmin, UncountedChangeList
from realco.models import User
from realco.staff import work
from realco.staff.work import Work
from tests import factories
from tests.admin.conftest import client_of
from tests.stages import staged

pytestmark = pytest.mark.slow

OURS = ("realco", "finance", "escrow", "distributions", "compliance")
SLOW = pytest.mark.slow  # Every page once more.
NO_SUCH_ROW = "0191f3c2-7c4e-7a8e-9a1b-000000000000"


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def models_with_pages() -> list[Any]:
    return list(admin.site._registry)


@staged
def story(escrow: EscrowAccount, investor: User, at: datetime) -> None:
    """A cleared deposit, which leaves a row on most pages."""
    factories.fund(investor, escrow, "5000.00", at=at)


class TestEveryPage:
    def test_is_read_only_in_kind(self) -> None:
        assert all(isinstance(page, ReadOnlyAdmin) for page in admin.site._registry.values())

    def test_exists_for_every_business_table(self) -> None:
        without = {
            model._meta.label
            for model in apps.get_models()
            if model._meta.app_label in OURS and not admin.site.is_registered(model)
        }
        assert without <= {
            "realco.SandboxClock", "finance.SandboxTransfer", "finance.SandboxLostRequest",
            "escrow.BankMatchLine", "escrow.BankMatchEntry", "escrow.ProofLeaves",
            "finance.SandboxDelivery", "finance.SandboxStatementLine", "compliance.SanctionedName",
            # Staff see them on the page of their allocation, receipts as files.
            "distributions.Receipt", "distributions.ReceiptWhole", "distributions.AllocationLine",
            # Only joins a call's item to its payment, which have pages of their own.
            "distributions.CapitalCallPayment",
            # Only joins a fund to its offerings; its page lists them.
            "distributions.FundDeal",
            # Only joins a premium to the distribution that pays it on; the page of its late closing says which.
            "distributions.PremiumPaidOn",
        }  # fmt: skip

    def test_shows_no_tokens(self) -> None:
        assert not [model for model in admin.site._registry if model._meta.app_label == "authtoken"]

    def test_lists_its_rows_without_counting_them_and_carries_no_inline_script_or_style(
        self, story: None, superuser_client: Client
    ) -> None:
        for model in models_with_pages():
            with CaptureQueriesContext(connection) as queries:
                response = superuser_client.get(address(model, "changelist"))

            assert response.status_code == 200, model
            page = response.content
            assert b"<style" not in page and b" style=" not in page and b"onclick=" not in page, model
            assert not [query for query in queries.captured_queries if "COUNT(" in query["sql"].upper()], model

    @pytest.mark.parametrize(
        "term",
        [
            "ivy",
            "\u0000",
            *(pytest.param(term, marks=SLOW) for term in ("6789", NO_SUCH_ROW, "x' OR 1=1", "%", "9" * 300)),
        ],
    )
    def test_searches(self, term: str, story: None, superuser_client: Client) -> None:
        for model in models_with_pages():
            assert superuser_client.get(address(model, "changelist"), {"q": term}).status_code in (200, 302), model

    def test_shows_a_row_and_its_history(self, story: None, superuser_client: Client) -> None:
        for model in models_with_pages():
            row = model._default_manager.first()
            if row is not None:
                page = superuser_client.get(address(model, "change", row.pk))
                history = superuser_client.get(address(model, "history", row.pk))
                assert (page.status_code, history.status_code) == (200, 200), model
                assert b" style=" not in page.content, model

    @pytest.mark.slow
    def test_refuses_a_superuser_who_edits_adds_or_deletes(self, story: None, superuser_client: Client) -> None:
        for model in models_with_pages():
            row = model._default_manager.first()
            key = row.pk if row is not None else NO_SUCH_ROW

            edited = superuser_client.post(address(model, "change", key), {"status": "COMPLETED", "amount": "1"})
            added = superuser_client.post(address(model, "add"), {"amount": "1"})
            deleted = superuser_client.post(address(model, "delete", key), {"post": "yes"})

            assert (edited.status_code, added.status_code) == (403, 403), model
            assert deleted.status_code in (302, 403), model
            assert row is None or model._default_manager.filter(pk=row.pk).exists(), model

    def test_is_closed_to_investors_and_strangers(self, investor: User, client: Client) -> None:
        for visitor in (client, client_of(investor)):
            for model in models_with_pages():
                response = visitor.get(address(model, "changelist"))
                assert response.status_code == 302 and "/admin/login/" in response["Location"], model

    def test_shows_no_account_number_or_tax_id(self, story: None, investor: User, superuser_client: Client) -> None:
        profile = InvestorProfile.objects.get(user=investor)
        account = BankAccount.objects.get(user=investor)

        for row in (profile, account):
            for page in ("change", "history"):
                content = superuser_client.get(address(type(row), page, row.pk)).content
                assert factories.GOOD_ACCOUNT.encode() not in content
                assert factories.ROUTING.encode() not in content


class TestAList:
    def test_takes_as_many_queries_for_many_rows_as_for_one(
        self, escrow: EscrowAccount, investor: User, at: datetime, operator_client: Client
    ) -> None:
        payments = reverse("admin:finance_transaction_changelist")
        factories.deposit(escrow, investor, "100.00", at=at)
        operator_client.get(payments)
        with CaptureQueriesContext(connection) as with_one:
            operator_client.get(payments)
        for _ in range(6):
            factories.deposit(escrow, investor, "100.00", at=at)

        with CaptureQueriesContext(connection) as with_many:
            operator_client.get(payments)

        assert len(with_many) == len(with_one)

    @pytest.mark.parametrize("by", ["id", "email", "last four", "escrow account"])
    def test_finds_a_payment(
        self, by: str, escrow: EscrowAccount, investor: User, operator: User, at: datetime, operator_client: Client
    ) -> None:
        wanted = factories.deposit(escrow, investor, "100.00", at=at)
        other = factories.make_investor("Otto Other", verifier=operator, at=at, number="000111111116")
        factories.deposit(escrow, other, "100.00", at=at)
        terms = {
            "id": str(wanted.pk), "email": investor.email, "last four": "6789",
            "escrow account": escrow.account_number,
        }  # fmt: skip

        page = operator_client.get(reverse("admin:finance_transaction_changelist"), {"q": terms[by]})

        found = {row.pk for row in page.context["cl"].result_list}
        assert wanted.pk in found
        assert len(found) == (2 if by == "escrow account" else 1)

    def test_goes_on_to_the_next_page_without_knowing_how_many_there_are(self, operator_client: Client) -> None:
        User.objects.bulk_create(User(email=f"{n}@example.com", full_name=f"Person {n}") for n in range(120))
        events = reverse("admin:realco_auditevent_changelist")

        first = operator_client.get(events)
        second = operator_client.get(events, {"p": 2})
        beyond = operator_client.get(events, {"p": 90})

        assert "more follow" in first.content.decode()
        assert first.context["cl"].result_list[-1].sequence > second.context["cl"].result_list[0].sequence
        assert "Nothing found" in beyond.content.decode()

    def test_goes_no_deeper_than_its_last_page(
        self, escrow: EscrowAccount, investor: User, at: datetime, operator_client: Client, monkeypatch: Any
    ) -> None:
        """Or one page would have the database skip every row before it."""
        for _ in range(3):
            factories.deposit(escrow, investor, "500.00", at=at)
        monkeypatch.setattr(admin.site._registry[Transaction], "list_per_page", 1)
        monkeypatch.setattr(UncountedChangeList, "DEEPEST_PAGE", 2)
        last = operator_client.get(address(Transaction, "changelist"), {"p": 2}).content.decode()
        assert "found by search or filter" in last and "more follow" not in last
        beyond = operator_client.get(address(Transaction, "changelist"), {"p": 3})
        assert (beyond.status_code, beyond["Location"].partition("?")[2]) == (302, "e=1")


class TestTheFirstPage:
    def test_says_what_waits_for_whom(
        self, escrow: EscrowAccount, investor: User, at: datetime, operator_client: Client, approver_client: Client
    ) -> None:
        factories.deposit(escrow, investor, "49000.00", at=at)

        shown = {
            client: client.get(reverse("admin:index")).content.decode() for client in (operator_client, approver_client)
        }

        assert "payments to approve" in shown[approver_client]
        assert "payments to approve" not in shown[operator_client]
        assert "accounts that do not reconcile" in shown[operator_client]

    def test_speaks_of_one_row_in_the_singular(self, superuser: User) -> None:
        waiting = work.waiting_for(superuser)

        assert Work("distributions to sign", 1, "").words == "distribution to sign"
        assert Work("distributions to sign", 2, "").words == "distributions to sign"
        assert all(replace(one, number=1).words != one.label for one in waiting)
