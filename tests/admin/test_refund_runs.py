"""Refund pages: proposed by one person, signed by another over what is shown, mended by two, and written as a table."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from escrow.models import EscrowAccount, Investment
from finance.models import RefundItem, RefundRun
from finance.operations import bank_accounts, refund_runs
from realco import clock
from realco.models import User
from realco.staff import work
from tests import factories
from tests.admin.test_escrow import take
from tests.finance import raises
from tests.stages import staged

pytestmark = pytest.mark.slow


@staged
def failed(investor: User, operator: User, at: datetime) -> EscrowAccount:
    escrow = raises.open_raise(operator=operator, at=at)
    factories.fund(investor, escrow, "10000.00", at=at)
    clock.advance(timedelta(days=raises.DAYS_OPEN + 1))
    return escrow


@staged
def running(failed: EscrowAccount, operator: User, approver: User) -> RefundRun:
    run = raises.start(failed, operator=operator, approvers=[approver], at=clock.now())
    raises.pay(run, at=clock.now())
    return run


def page_of(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def said(user: User) -> dict[str, int]:
    return {entry.label: entry.number for entry in work.waiting_for(user)}


class TestTheWay:
    def test_from_the_start_page_to_the_signature(
        self, failed: EscrowAccount, operator: User, approver: User, operator_client: Client, approver_client: Client
    ) -> None:
        assert said(operator)["raises past their deadline"] == 1
        address = reverse("admin:finance_refundrun_task", args=["propose"])
        assert failed.account_number in operator_client.get(address).content.decode()
        response = operator_client.post(address, {"escrow_account": str(failed.pk), "reason": "Minimum not reached"})
        run = RefundRun.objects.get()
        assert (response.status_code, response["Location"]) == (302, page_of(run))
        assert (said(operator)["raises past their deadline"], said(approver)["refund runs to sign"]) == (0, 1)

        shown = approver_client.get(reverse("admin:finance_refundrun_step", args=[run.pk, "approve"]))
        assert run.content_hash in shown.content.decode()
        assert "Ivy Investor" in shown.content.decode()
        take(approver_client, run, "approve")
        run.refresh_from_db()
        assert (run.status, RefundItem.objects.count()) == ("RUNNING", 1)

    def test_the_proposer_is_told_that_somebody_else_signs(
        self, failed: EscrowAccount, operator: User, operator_client: Client
    ) -> None:
        operator.groups.add(factories.make_group("Approvers"))
        run = refund_runs.propose(failed, by=operator, reason="Failed", at=clock.now())
        page = operator_client.get(reverse("admin:finance_refundrun_step", args=[run.pk, "approve"]), follow=True)
        assert "another person has to approve it" in page.content.decode()

    def test_a_raise_before_its_deadline_is_not_offered(
        self, investor: User, operator: User, at: datetime, operator_client: Client
    ) -> None:
        escrow = raises.open_raise(operator=operator, at=at)
        address = reverse("admin:finance_refundrun_task", args=["propose"])
        assert escrow.account_number not in operator_client.get(address).content.decode()
        response = operator_client.post(address, {"escrow_account": str(escrow.pk), "reason": "Early"})
        assert response.status_code == 200
        assert RefundRun.objects.count() == 0


class TestTheRunsPage:
    def test_shows_progress_clock_and_every_refund(self, running: RefundRun, approver_client: Client) -> None:
        page = approver_client.get(page_of(running))
        titles = [table.title for table in page.context["tables"]]
        assert titles[0] == "Blocked, waiting for a person or a release"
        figures = {title: (str(value), note) for title, value, note in page.context["figures"]}
        assert figures["To be given back"][0] == "$10,000.00"
        assert figures["Under way"][0] == "1"
        assert "Rule 10b-9" in figures["Clock"][1]
        assert "<progress" in page.content.decode()

    def test_needs_no_more_queries_for_more_refunds(
        self, failed: EscrowAccount, operator: User, approver: User, approver_client: Client, at: datetime,
        django_assert_max_num_queries: Any,
    ) -> None:  # fmt: skip
        for number in range(12):
            person = factories.make_investor(f"Ina {number}", verifier=operator, at=at)
            factories.fund(person, failed, "100.00", at=at)
        run = raises.start(failed, operator=operator, approvers=[approver], at=clock.now())
        raises.pay(run, at=clock.now())
        with django_assert_max_num_queries(35):
            assert approver_client.get(page_of(run)).status_code == 200

    def test_says_what_is_overdue(self, running: RefundRun, operator: User, operator_client: Client) -> None:
        clock.advance(timedelta(days=12))
        assert said(operator)["overdue refunds"] == 1
        page = operator_client.get(page_of(running)).content.decode()
        assert "1 overdue" in page
        assert "business days overdue" in page

    def test_becomes_a_table_that_no_spreadsheet_runs(
        self, running: RefundRun, investor: User, approver_client: Client
    ) -> None:
        User.objects.filter(pk=investor.pk).update(full_name='=HYPERLINK("http://evil.example")')
        response: Any = approver_client.get(reverse("admin:finance_refundrun_csv", args=[running.pk]))
        head, row = csv.reader(io.StringIO(b"".join(response.streaming_content).decode()))
        cells = dict(zip(head, row, strict=True))
        assert cells["investor"] == '\'=HYPERLINK("http://evil.example")'
        assert (cells["amount"], cells["status"], cells["bank account"]) == ("10000.00", "Being paid", "••6789")

    def test_is_for_staff_only(self, running: RefundRun, investor: User) -> None:
        client = Client()
        client.force_login(investor)
        for address in (page_of(running), reverse("admin:finance_refundrun_csv", args=[running.pk])):
            assert client.get(address).status_code == 302


class TestABlockedRefund:
    @staged
    def blocked(self, failed: EscrowAccount, operator: User, approver: User, investor: User) -> RefundItem:
        run = raises.start(failed, operator=operator, approvers=[approver], at=clock.now())
        bank_accounts.suspend(investor.bank_accounts.get(), by=operator, reason="Under review", at=clock.now())
        [item] = raises.pay(run, at=clock.now())
        return item

    def test_is_mended_by_two_people(
        self, blocked: RefundItem, operator: User, approver: User, operator_client: Client, approver_client: Client
    ) -> None:
        assert said(operator)["blocked refunds"] == 1
        other = factories.make_bank_account(blocked.investor, verifier=operator, at=clock.now(), number="5500123456")
        page = operator_client.get(reverse("admin:finance_refunditem_step", args=[blocked.pk, "redirect"]))
        assert "••3456" in page.content.decode()
        take(operator_client, blocked, "redirect", bank_account=str(other.pk), reason="Voided check seen")
        assert said(approver)["refund accounts to agree to"] == 1
        shown = approver_client.get(reverse("admin:finance_refunditem_step", args=[blocked.pk, "agree"]))
        assert shown.context["tables"][0].rows[1][0] == "To"
        assert "••3456" in shown.context["tables"][0].rows[1][1]
        assert "Voided check seen" in shown.content.decode()
        take(approver_client, RefundItem.objects.get(), "agree")
        item = RefundItem.objects.get()
        assert (item.status, item.bank_account) == ("DUE", other)

    def test_page_has_its_proof(self, running: RefundRun, approver_client: Client) -> None:
        [item] = raises.items(running)
        raises.finish(running, at=clock.now())
        page = approver_client.get(page_of(item)).content.decode()
        assert "SBX-" in page
        assert "settled:0" in page


class TestAnInvestment:
    def test_withdrawn_gives_its_money_back(
        self, investor: User, operator: User, at: datetime, operator_client: Client
    ) -> None:
        escrow = raises.open_raise(operator=operator, at=at)
        factories.fund(investor, escrow, "10000.00", at=at)
        investment = Investment.objects.get()
        take(operator_client, investment, "cancel", reason="The investor asked for it")
        run = RefundRun.objects.get()
        assert (run.cause, str(run.total_amount)) == ("INVESTOR_CANCELLED", "10000.00")
        assert "10,000.00" in operator_client.get(page_of(investment)).content.decode()


class TestABankAccount:
    def test_is_verified_by_another_person_than_added_it(
        self, investor: User, operator: User, operator_client: Client, at: datetime
    ) -> None:
        account = bank_accounts.add(
            investor, account_number="5500123457", routing_number="110000000", holder_name="Ivy Investor",
            by=operator, at=at,
        )  # fmt: skip
        page = operator_client.get(page_of(account)).content.decode()
        assert "step/verify" not in page
        take(operator_client, account, "verify", reason="Myself")
        account.refresh_from_db()
        assert account.status == "PENDING_VERIFICATION"
