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
from realco.money import ZERO, format_money
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


def calculated(deal: Deal, **changes: Any) -> Distribution:
    known = set(Distribution.objects.values_list("pk", flat=True))
    create(deal, **changes)
    distribution = Distribution.objects.exclude(pk__in=known).get()
    take(deal.operator, distribution, "calculate")
    return distribution


def submitted(deal: Deal, **changes: Any) -> Distribution:
    distribution = calculated(deal, **changes)
    take(deal.operator, distribution, "submit")
    return distribution


def override(deal: Deal, distribution: Distribution, *, amount: str = "") -> Any:
    """Give the first payee a dollar less of the preferred return, or the amount, and the second one the rest."""
    first, second, *_ = deals.standing(distribution)
    fields = {"line": str(first.pk), "against": str(second.pk), "part": "preferred_return"}
    amount = amount or str(first.preferred_return - 1)
    return take(deal.operator, distribution, "override", **fields, amount=amount, reason="Side letter")


def overridden(deal: Deal) -> Distribution:
    distribution = calculated(deal)
    override(deal, distribution)
    return distribution


def withhold(deal: Deal) -> None:
    task = reverse("admin:distributions_withholdingrate_task", args=["set"])
    form = {"email": deal.investors[0].email, "rate": "0.24", "effective_from": "2020-01-01", "reason": "W-8BEN"}
    assert client_of(deal.operator).post(task, form).status_code == 302


def page_of(deal: Deal, distribution: Distribution) -> Any:
    return client_of(deal.operator).get(reverse("admin:distributions_distribution_change", args=[distribution.pk]))


def payees_of(page: Any) -> Any:
    return next(table for table in page.context["tables"] if table.titles[0] == "Payee" and "Net" in table.titles)


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

    def test_are_shown_where_they_are_signed(self, deal: Deal) -> None:
        distribution = overridden(deal)
        take(deal.approver, distribution, "confirm-overrides")
        take(deal.operator, distribution, "submit")

        shown = client_of(deal.approver).get(address(distribution, "approve"))

        tables = {table.title: table for table in shown.context["tables"]}
        assert [len(row) for row in tables["Overrides"].rows] == [6, 6]
        for words in (deal.operator.full_name, deal.approver.full_name, "Side letter"):
            assert all(words in str(row) for row in tables["Overrides"].rows)
        marked = [row for row in payees_of(shown).rows if "overridden" in str(row[0])]
        assert len(marked) == 2

    def test_are_dropped_by_calculating_only_with_a_warning(self, deal: Deal) -> None:
        distribution = overridden(deal)
        take(deal.approver, distribution, "confirm-overrides")
        before = client_of(deal.operator).get(address(distribution, "calculate")).content.decode()
        client = client_of(deal.operator)
        version = client.get(address(distribution, "calculate")).context["version"]

        after = client.post(address(distribution, "calculate"), {"version": version}, follow=True).content.decode()

        assert "2 lines that were overridden will get what the waterfall gives again." in before
        assert "Calculated. 2 overrides were dropped" in after
        again = client.get(address(distribution, "calculate")).content.decode()
        assert "will get what the waterfall gives again" not in again

    def test_are_not_confirmed_or_dropped_unseen(self, deal: Deal) -> None:
        distribution = calculated(deal)
        client = client_of(deal.operator)
        version = client.get(address(distribution, "calculate")).context["version"]
        override(deal, distribution)

        answer = client.post(address(distribution, "calculate"), {"version": version})

        assert b"Somebody changed this meanwhile" in answer.content
        assert distribution.allocations.filter(overridden_by__isnull=False, status="PENDING").count() == 2

    def test_name_amounts_as_they_are_written(self, deal: Deal) -> None:
        distribution = calculated(deal)
        first = deals.standing(distribution)[0]

        page = client_of(deal.operator).get(address(distribution, "override"))

        assert f"{format_money(first.total_amount)} to {first.investor}" in page.content.decode()

    @pytest.mark.parametrize(
        ("part", "words"),
        [("all", "of this part already"), ("none", "Every payee keeps a cent at least")],
    )
    def test_refuses_what_changes_nothing_or_leaves_nothing(self, deal: Deal, part: str, words: str) -> None:
        distribution = calculated(deal)
        first = deals.standing(distribution)[0]

        answer = override(deal, distribution, amount=str(first.preferred_return) if part == "all" else "0")

        assert words in answer.content.decode()
        assert not distribution.allocations.filter(overridden_by__isnull=False).exists()


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

    def test_is_shown_so_that_a_line_adds_up(self, deal: Deal) -> None:
        plain = payees_of(page_of(deal, calculated(deal)))
        withhold(deal)
        distribution = submitted(deal, idempotency_key="key-2")

        shown = payees_of(client_of(deal.approver).get(address(distribution, "approve")))
        own = payees_of(page_of(deal, distribution))

        assert "Withheld" not in plain.titles and plain.rows[-1][0] != "Together"
        columns = slice(shown.titles.index("Total"), shown.titles.index("Net") + 1)
        assert list(shown.titles[columns]) == ["Total", "Withheld", "Net"]
        assert [title for title in own.titles if title in ("Total", "Fee", "Withheld", "Net")] == shown.titles[columns]
        withheld = sum((row.withholding_amount for row in deals.standing(distribution)), ZERO)
        for table in (shown, own):
            assert table.rows[-1][0] == "Together"
            assert format_money(withheld) in table.rows[-1][table.titles.index("Withheld")]
            assert "$9,000.00" in table.rows[-1][table.titles.index("Total")]

    def test_says_what_is_left_to_remit_and_what_to_do_without_an_account(self, deal: Deal) -> None:
        withhold(deal)
        distribution = submitted(deal)
        take(deal.approver, distribution, "approve")
        withheld = format_money(sum((row.withholding_amount for row in deals.standing(distribution)), ZERO))
        remit = address(distribution, "remit")

        page = client_of(deal.operator).get(remit).content.decode()
        BankAccount.objects.filter(organization=deal.offering.organization).update(status="CLOSED")
        without = client_of(deal.operator).get(remit).content.decode()

        assert f"{withheld} left to remit" in page
        assert "has no verified bank account" not in page
        assert "has no verified bank account. Have one entered and verified" in without

    def test_is_no_main_button_and_not_offered_where_nothing_is_left(self, deal: Deal) -> None:
        without = submitted(deal)
        take(deal.approver, without, "approve")
        withhold(deal)
        deal.earn("10000.00", at=clock.now())
        with_some = submitted(deal, idempotency_key="key-2")
        take(deal.approver, with_some, "approve")

        assert "Remit deductions" not in page_of(deal, without).content.decode()
        quiet = f'<a class="button quiet" href="{address(with_some, "remit")}">Remit deductions</a>'
        assert quiet in page_of(deal, with_some).content.decode()


class TestWhatIsOffered:
    def test_a_draft_that_was_never_calculated_is_not_submitted(self, deal: Deal) -> None:
        create(deal)
        distribution = Distribution.objects.get()
        submit = address(distribution, "submit")
        assert submit not in page_of(deal, distribution).content.decode()
        assert address(distribution, "calculate") in page_of(deal, distribution).content.decode()

        page = client_of(deal.operator).get(submit, follow=True)

        assert "It has not been worked out yet. Calculate it first." in page.content.decode()

    def test_calculating_speaks_of_late_closings_only_where_there_are_some(self, deal: Deal) -> None:
        create(deal)

        page = client_of(deal.operator).get(address(Distribution.objects.get(), "calculate"))

        assert "late-closing" not in page.content.decode().lower()

    def test_a_cancelled_one_says_so_and_shows_what_was_calculated(self, deal: Deal) -> None:
        distribution = calculated(deal)
        take(deal.operator, distribution, "calculate")
        payees = distribution.allocations.exclude(status="CANCELLED").count()
        take(deal.operator, distribution, "cancel", reason="Wrong quarter")

        page = page_of(deal, distribution)

        [shown] = [table for table in page.context["tables"] if "when it was cancelled" in table.title]
        assert len(shown.rows) == payees
        assert ("Paid", "Nobody", "it was cancelled") in page.context["figures"]
        assert "It has not been calculated" not in page.content.decode()
        assert "Everybody gets what the waterfall gives" not in page.content.decode()

    def test_a_cancelled_one_without_numbers_says_so(self, deal: Deal) -> None:
        create(deal)
        distribution = Distribution.objects.get()
        take(deal.operator, distribution, "cancel", reason="Wrong quarter")

        assert "It was cancelled before it was calculated." in page_of(deal, distribution).content.decode()
