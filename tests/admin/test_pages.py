"""Every staff page opens, shows its rows, and lets nobody change them by hand."""

from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from escrow.models import EscrowAccount
from realco.admin_pages import ReadOnlyAdmin
from realco.models import User
from tests import factories

OURS = ("realco", "finance", "escrow", "distributions", "compliance")
PAGES = list(admin.site._registry)


def _address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
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
            "finance.SandboxDelivery", "finance.SandboxStatementLine",
        }  # fmt: skip

    @pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
    def test_lists_its_rows(self, model: Any, story: None, superuser_client: Client) -> None:
        response = superuser_client.get(_address(model, "changelist"))

        assert response.status_code == 200
        assert b"<style" not in response.content
        assert b" style=" not in response.content
        assert b"onclick" not in response.content

    @pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
    def test_never_counts_its_rows(self, model: Any, story: None, superuser_client: Client) -> None:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            superuser_client.get(_address(model, "changelist"))

        assert not [query for query in queries.captured_queries if "COUNT(" in query["sql"].upper()]

    @pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
    def test_searches(self, model: Any, story: None, superuser_client: Client) -> None:
        for term in ("6789", "ivy@example.com", "0191f3c2-7c4e-7a8e-9a1b-000000000000", "x' OR 1=1", "\u0000"):
            response = superuser_client.get(_address(model, "changelist"), {"q": term})
            assert response.status_code in (200, 302)

    @pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
    def test_shows_a_row_and_its_history(self, model: Any, story: None, superuser_client: Client) -> None:
        row = model._default_manager.first()
        if row is None:
            pytest.skip("the story leaves no such row")

        page = superuser_client.get(_address(model, "change", row.pk))
        history = superuser_client.get(_address(model, "history", row.pk))

        assert (page.status_code, history.status_code) == (200, 200)
        assert b" style=" not in page.content

    @pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
    def test_refuses_a_superuser_who_edits_adds_or_deletes(
        self, model: Any, story: None, superuser_client: Client
    ) -> None:
        row = model._default_manager.first()
        key = row.pk if row is not None else "0191f3c2-7c4e-7a8e-9a1b-000000000000"

        answers = [
            superuser_client.post(_address(model, "change", key), {"status": "COMPLETED", "amount": "1"}),
            superuser_client.post(_address(model, "add"), {"amount": "1"}),
            superuser_client.post(_address(model, "delete", key), {"post": "yes"}),
        ]

        assert [answer.status_code for answer in answers][:2] == [403, 403]
        assert answers[2].status_code in (302, 403)

    @pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
    def test_is_closed_to_investors(self, model: Any, investor: User, client: Client) -> None:
        client.force_login(investor)

        response = client.get(_address(model, "changelist"))

        assert response.status_code == 302
        assert "/admin/login/" in response["Location"]


class TestAList:
    def test_takes_as_many_queries_for_many_rows_as_for_one(
        self, escrow: EscrowAccount, investor: User, at: datetime, operator_client: Client
    ) -> None:
        address = reverse("admin:finance_transaction_changelist")
        factories.deposit(escrow, investor, "100.00", at=at)
        operator_client.get(address)
        with CaptureQueriesContext(connection) as with_one:
            operator_client.get(address)
        for _ in range(6):
            factories.deposit(escrow, investor, "100.00", at=at)

        with CaptureQueriesContext(connection) as with_many:
            operator_client.get(address)

        assert len(with_many) == len(with_one)
