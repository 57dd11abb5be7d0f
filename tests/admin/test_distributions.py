"""A distribution at its pages: drawn up by one, signed by another under the hash they saw, paid, and paid again."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from distributions.models import Distribution, DistributionAllocation
from finance.models import BankAccount
from realco import clock
from realco.business_days import banking_date
from realco.models import AuditEvent, User
from tests import factories
from tests.admin.conftest import client_of
from tests.distributions import deals
from tests.distributions.deals import Deal
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
Status = Distribution.Status


@staged
def deal() -> Deal:
    deal = deals.make_deal(at=clock.now().replace(year=clock.now().year - 2))
    deal.earn("10000.00", at=clock.now())
    return deal


def address(distribution: Distribution, name: str) -> str:
    return reverse("admin:distributions_distribution_step", args=[distribution.pk, name])


def order(deal: Deal, **changes: Any) -> dict[str, Any]:
    """What the form for a new distribution sends."""
    return {
        "offering": str(deal.offering.pk),
        "type": "PROFIT_SPLIT",
        "total_amount": "9000.00",
        "as_of_date": banking_date(clock.now()).isoformat(),
        "description": "A quarter's income",
        "idempotency_key": "key-1",
        **changes,
    }


def create(deal: Deal, **changes: Any) -> Any:
    task = reverse("admin:distributions_distribution_task", args=["new"])
    return client_of(deal.operator).post(task, order(deal, **changes))


def take(person: User, distribution: Distribution, name: str, **fields: Any) -> Any:
    """Open a step's form as a person and confirm what it shows."""
    client = client_of(person)
    page = client.get(address(distribution, name))
    assert page.status_code == 200, page.headers
    sent = {field.name: field.value() or "" for field in page.context["form"]}
    answer = client.post(address(distribution, name), {**sent, "version": page.context["version"], **fields})
    distribution.refresh_from_db()
    return answer


def submitted(deal: Deal) -> Distribution:
    create(deal)
    distribution = Distribution.objects.get()
    take(deal.operator, distribution, "calculate")
    take(deal.operator, distribution, "submit")
    return distribution


class TestDrawingUp:
    def test_goes_from_the_form_to_the_approvers(self, deal: Deal) -> None:
        answer = create(deal)
        distribution = Distribution.objects.get()
        assert answer["Location"].endswith(f"/{distribution.pk}/change/")

        take(deal.operator, distribution, "calculate")
        allocated = distribution.allocations.count()
        take(deal.operator, distribution, "submit")

        assert allocated >= 3
        assert (distribution.status, len(distribution.content_hash)) == (Status.PENDING_APPROVAL, 64)

    def test_previews_the_numbers_without_keeping_them(self, deal: Deal, client: Client) -> None:
        create(deal)
        distribution = Distribution.objects.get()
        before = AuditEvent.objects.count()

        page = client_of(deal.operator).get(address(distribution, "calculate"))

        payees = next(table for table in page.context["tables"] if "payees" in table.title)
        assert len(payees.rows) >= 3
        assert not DistributionAllocation.objects.exists()
        assert AuditEvent.objects.filter(entity_type="distribution_allocations").count() == 0
        assert AuditEvent.objects.exclude(entity_type="users").count() <= before

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("total_amount", "-1", "must be more than zero"),
            ("total_amount", "0.00", "must be more than zero"),
            ("total_amount", "1.005", "more than two decimals"),
            ("total_amount", "NaN", "is not an amount"),
            ("total_amount", "1e20", "is not an amount"),
            ("total_amount", "10000000.00", "can distribute"),
            ("as_of_date", "2999-01-01", "has not come yet"),
            ("as_of_date", "31.12.2025", "Enter a valid date"),
            ("type", "GIFT", "not one of the available choices"),
            ("offering", "0191f3c2-7c4e-7a8e-9a1b-000000000000", "not one of the available choices"),
        ],
    )
    def test_refuses_what_cannot_be(self, deal: Deal, field: str, value: str, words: str) -> None:
        answer = create(deal, **{field: value})

        assert words in str(answer.context["form"].errors)
        assert not Distribution.objects.exists()

    def test_takes_a_platform_fee_off_the_top(self, deal: Deal) -> None:
        create(deal, platform_fee_amount="90.00")
        distribution = Distribution.objects.get()
        page = client_of(deal.operator).get(address(distribution, "calculate")).content.decode()
        for words in ("Platform fee, off the top", "Platform fee, before the tiers", "$90.00", "$8,910.00"):
            assert words in page
        take(deal.operator, distribution, "calculate")
        take(deal.operator, distribution, "submit")
        assert sum(row.total_amount for row in deals.standing(distribution)) == Decimal("8910.00")
        assert "$90.00" in client_of(deal.approver).get(address(distribution, "approve")).content.decode()

    @pytest.mark.parametrize(
        ("fee", "words"), [("-1", "more than zero"), ("9000.00", "leaves nothing"), ("1.001", "two decimals")]
    )
    def test_refuses_a_fee_that_cannot_be(self, deal: Deal, fee: str, words: str) -> None:
        answer = create(deal, platform_fee_amount=fee)
        assert (answer.status_code, words in answer.content.decode()) == (200, True)
        assert not Distribution.objects.exists()

    def test_is_closed_to_approvers(self, deal: Deal) -> None:
        task = reverse("admin:distributions_distribution_task", args=["new"])

        assert client_of(deal.approver).post(task, order(deal)).status_code == 403


class TestSigning:
    def test_signs_the_hash_that_was_shown(self, deal: Deal) -> None:
        distribution = submitted(deal)

        take(deal.approver, distribution, "approve", reason="Checked against the rent roll")

        signature = distribution.approvals.get()
        assert distribution.status == Status.APPROVED
        assert (signature.approver, signature.content_hash) == (deal.approver, distribution.content_hash)
        assert signature.note == "Checked against the rent roll"

    def test_refuses_another_hash(self, deal: Deal) -> None:
        distribution = submitted(deal)

        answer = take(deal.approver, distribution, "approve", content_hash="0" * 64)

        assert b"The numbers have changed since you looked at them" in answer.content
        assert distribution.status == Status.PENDING_APPROVAL

    def test_refuses_its_creator(self, deal: Deal) -> None:
        distribution = submitted(deal)
        deal.operator.groups.add(factories.make_group("Approvers"))

        page = client_of(deal.operator).get(address(distribution, "approve"), follow=True)

        assert b"You created this distribution" in page.content

    def test_refuses_a_form_from_before_it_was_cancelled(self, deal: Deal) -> None:
        distribution = submitted(deal)
        client = client_of(deal.approver)
        page = client.get(address(distribution, "approve"))
        opened = {"version": page.context["version"], "content_hash": distribution.content_hash}
        take(deal.second_approver, distribution, "cancel", reason="Wrong quarter")

        answer = client.post(address(distribution, "approve"), opened)

        distribution.refresh_from_db()
        assert b"Somebody changed this meanwhile" in answer.content
        assert distribution.status == Status.CANCELLED


class TestPaying:
    def test_pays_everybody_and_follows_them(self, deal: Deal) -> None:
        distribution = submitted(deal)
        take(deal.approver, distribution, "approve")

        take(deal.operator, distribution, "execute")

        page = client_of(deal.operator).get(reverse("admin:distributions_distribution_change", args=[distribution.pk]))
        figures = {title: value for title, value, _ in page.context["figures"]}
        assert distribution.status == Status.PROCESSING
        assert figures["Paid"].startswith("0 of ")

    def test_pays_a_failed_payee_again_to_the_account_chosen(self, deal: Deal) -> None:
        at = clock.now()
        distribution = submitted(deal)
        take(deal.approver, distribution, "approve")
        take(deal.operator, distribution, "execute")
        for row in deals.standing(distribution):
            failing = row.investor == deal.investors[0]
            deals.bounce(row, at=at) if failing else deals.arrive(row, at=at)
        distribution.refresh_from_db()
        assert distribution.status == Status.PARTIALLY_FAILED
        new = factories.make_bank_account(deal.investors[0], verifier=deal.operator, at=at, number="000444444440")
        failed = distribution.allocations.get(status="FAILED")

        take(deal.operator, distribution, "retry", reason="New account", **{f"account_{failed.pk}": str(new.pk)})

        failed.refresh_from_db()
        assert failed.transaction is not None
        assert (failed.transaction.to_bank_account, failed.status) == (new, "PROCESSING")

    def test_offers_only_the_payees_own_accounts(self, deal: Deal) -> None:
        at = clock.now()
        distribution = submitted(deal)
        take(deal.approver, distribution, "approve")
        take(deal.operator, distribution, "execute")
        row = next(row for row in deals.standing(distribution) if row.investor == deal.investors[0])
        deals.bounce(row, at=at)
        distribution.refresh_from_db()
        other = BankAccount.objects.get(user=deal.investors[1])

        answer = take(deal.operator, distribution, "retry", reason="r", **{f"account_{row.pk}": str(other.pk)})

        assert b"not one of the available choices" in answer.content

    def test_shows_many_payees_in_as_many_queries_as_few(self, deal: Deal) -> None:
        distribution = submitted(deal)
        client = client_of(deal.operator)
        page = reverse("admin:distributions_distribution_change", args=[distribution.pk])
        client.get(page)

        with CaptureQueriesContext(connection) as queries:
            client.get(page)

        assert len(queries) < 25
        assert distribution.total_amount == Decimal("9000.00")


class TestProgress:
    def test_shows_bars_that_follow_while_it_runs(self, deal: Deal) -> None:
        distribution = deal.execute("9000.00", on=banking_date(clock.now()), at=clock.now())
        client = client_of(deal.operator)
        page = client.get(reverse("admin:distributions_distribution_change", args=[distribution.pk])).content.decode()
        bars = reverse("admin:distributions_distribution_stages", args=[distribution.pk])

        assert f'hx-get="{bars}"' in page
        assert 'aria-label="Made"></progress> 3 of 3' in page
        assert client.get(bars).status_code == 200

        for row in deals.standing(distribution):
            deals.arrive(row, at=clock.now())
        shown = client.get(bars).content.decode()
        assert 'aria-label="Paid"></progress> 3 of 3' in shown
        assert "hx-get" not in shown

    def test_is_for_those_who_may_see_distributions(self, deal: Deal) -> None:
        distribution = deal.execute("9000.00", on=banking_date(clock.now()), at=clock.now())
        stranger = factories.make_user("Stranger", is_staff=True)
        bars = reverse("admin:distributions_distribution_stages", args=[distribution.pk])

        assert client_of(stranger).get(bars).status_code == 403


class TestOverrides:
    def test_one_person_decides_and_another_confirms(self, deal: Deal) -> None:
        create(deal)
        distribution = Distribution.objects.get()
        take(deal.operator, distribution, "calculate")
        first, second, *_ = deals.standing(distribution)
        amount = str(first.preferred_return - 1)

        decided = {"line": str(first.pk), "against": str(second.pk), "part": "preferred_return", "amount": amount}
        take(deal.operator, distribution, "override", **decided, reason="Side letter")
        own = client_of(deal.operator).get(address(distribution, "confirm-overrides"))
        assert own.status_code == 302
        take(deal.approver, distribution, "confirm-overrides")
        take(deal.operator, distribution, "submit")

        assert distribution.status == Status.PENDING_APPROVAL
        page = client_of(deal.approver).get(reverse("admin:distributions_distribution_change", args=[distribution.pk]))
        assert "Side letter" in page.content.decode()


class TestWithholding:
    def test_rates_are_set_with_a_reason(self, deal: Deal) -> None:
        task = reverse("admin:distributions_withholdingrate_task", args=["set"])
        form = {"email": deal.investors[0].email, "rate": "0.24", "effective_from": "2020-01-01", "reason": "W-8BEN"}
        assert client_of(deal.operator).post(task, form).status_code == 302

        create(deal)
        distribution = Distribution.objects.get()
        take(deal.operator, distribution, "calculate")

        [row] = distribution.allocations.exclude(withholding_amount=0)
        assert row.investor == deal.investors[0]
        page = client_of(deal.operator).get(reverse("admin:distributions_distributionallocation_change", args=[row.pk]))
        assert "W-8BEN" in page.content.decode()
