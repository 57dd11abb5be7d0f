"""Escrow's pages: balances and equation, freezing, holding, closing by two people, and the bank beside the books."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from compliance.operations import profiles
from escrow.models import BankStatement, Closing, EscrowAccount, Hold, LedgerAccount, Reconciliation
from escrow.operations import early_closings, investments
from realco.business_days import banking_date
from realco.models import AuditEvent, Offering, User
from tests import factories
from tests.admin.conftest import client_of
from tests.stages import staged

pytestmark = pytest.mark.slow


def page_of(account: EscrowAccount) -> str:
    return reverse("admin:escrow_escrowaccount_change", args=[account.pk])


def take(client: Client, row: Any, name: str, **fields: str) -> Any:
    """Open a step's form and confirm it."""
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_step", args=[row.pk, name])
    page = client.get(address, follow=True)
    version = page.context.get("version", "")
    form = page.context.get("form")
    initial = {field.name: field.value() or "" for field in form} if form is not None else {}
    return client.post(address, {**initial, "version": version, **fields})


@staged
def funded(escrow: EscrowAccount, investor: User, at: datetime) -> EscrowAccount:
    factories.fund(investor, escrow, "5000.00", at=at)
    escrow.refresh_from_db()
    return escrow


class TestTheAccountPage:
    def test_shows_balances_and_an_equation_that_holds(self, funded: EscrowAccount, approver_client: Client) -> None:
        page = approver_client.get(page_of(funded))

        equation = next(table for table in page.context["tables"] if table.title == "The accounting equation")
        assert equation.rows[-1][0] == "Equal"
        assert "$5,000.00" in str(equation.rows[-1][2])
        assert str(page.context["figures"][0][1]) == "$5,000.00"

    def test_pages_its_ledger_by_key(
        self, funded: EscrowAccount, investor: User, at: datetime, approver_client: Client
    ) -> None:
        for _ in range(9):
            factories.fund(investor, funded, "110.00", at=at)
        address = reverse("admin:escrow_escrowaccount_ledger", args=[funded.pk])

        first = approver_client.get(address)
        second = approver_client.get(address, {"after": first.context["older"]})
        broken = approver_client.get(address, {"after": "nonsense", "kind": "nonsense"})

        assert len(first.context["tables"][0].rows) == 50
        assert 0 < len(second.context["tables"][0].rows) < 50
        assert broken.status_code == 200

    def test_offers_only_what_one_may(
        self, funded: EscrowAccount, operator_client: Client, approver_client: Client
    ) -> None:
        offered = {
            name: {step.name for step, _ in client.get(page_of(funded)).context["steps"]}
            for name, client in (("operator", operator_client), ("approver", approver_client))
        }

        assert "freeze" in offered["approver"] and "freeze" not in offered["operator"]
        assert "propose-closing" in offered["operator"] and "propose-closing" not in offered["approver"]


class TestFreezing:
    def test_needs_a_reason_and_keeps_it(self, funded: EscrowAccount, approver_client: Client) -> None:
        refused = take(approver_client, funded, "freeze", reason="")
        take(approver_client, funded, "freeze", reason="Court order 12")
        funded.refresh_from_db()

        assert b"Say why" in refused.content
        assert (funded.status, funded.frozen_reason) == ("FROZEN", "Court order 12")

    def test_can_be_undone(self, funded: EscrowAccount, approver_client: Client) -> None:
        take(approver_client, funded, "freeze", reason="Court order 12")
        take(approver_client, funded, "unfreeze", reason="Lifted")

        funded.refresh_from_db()
        assert funded.status == "ACTIVE"


class TestHoldingMoney:
    def test_blocks_it_and_frees_it(self, funded: EscrowAccount, investor: User, approver_client: Client) -> None:
        take(approver_client, funded, "hold", investor=str(investor.pk), amount="1000.00", reason="Dispute")
        hold = Hold.objects.get()
        listed = next(t for t in approver_client.get(page_of(funded)).context["tables"] if t.title == "Open holds")

        take(approver_client, hold, "release", amount="400.00", reason="Settled in part")
        part = LedgerAccount.objects.get(escrow_account=funded, kind="HELD").balance
        take(approver_client, Hold.objects.get(), "release", amount="", reason="Settled")

        hold.refresh_from_db()
        assert "$1,000.00" in str(listed.rows[0])
        assert (str(part), hold.status, hold.reason) == ("600.00", "RELEASED", "Dispute")
        assert LedgerAccount.objects.get(escrow_account=funded, kind="HELD").balance == 0

    def test_keeps_when_it_ends(self, funded: EscrowAccount, investor: User, approver_client: Client) -> None:
        fields = {"investor": str(investor.pk), "amount": "1000.00", "reason": "Dispute"}
        take(approver_client, funded, "hold", **fields, expires_at="2099-01-31T12:00")

        assert Hold.objects.get().expires_at == datetime(2099, 1, 31, 12, tzinfo=UTC)

    def test_refuses_more_than_there_is(self, funded: EscrowAccount, investor: User, approver_client: Client) -> None:
        answer = take(approver_client, funded, "hold", investor=str(investor.pk), amount="9000.00", reason="Dispute")

        assert b"does not hold enough money" in answer.content
        assert not LedgerAccount.objects.filter(kind="HELD", balance__gt=0).exists()

    def test_refuses_to_release_more_than_is_held(
        self, funded: EscrowAccount, investor: User, approver_client: Client
    ) -> None:
        take(approver_client, funded, "hold", investor=str(investor.pk), amount="1000.00", reason="Dispute")

        answer = take(approver_client, Hold.objects.get(), "release", amount="1000.01", reason="Settled")

        assert b"This hold blocks $1,000.00" in answer.content

    def test_holds_once_when_sent_twice(self, funded: EscrowAccount, investor: User, approver_client: Client) -> None:
        fields = {"investor": str(investor.pk), "amount": "1000.00", "reason": "Dispute", "reference": "one"}
        take(approver_client, funded, "hold", **fields)
        take(approver_client, funded, "hold", **fields)

        assert str(LedgerAccount.objects.get(escrow_account=funded, kind="HELD").balance) == "1000.00"


class TestClosing:
    def test_is_proposed_by_one_and_executed_by_two_others(
        self,
        funded: EscrowAccount,
        operator: User,
        second_approver: User,
        operator_client: Client,
        approver_client: Client,
    ) -> None:
        take(operator_client, funded, "propose-closing")
        closing = Closing.objects.get()

        take(approver_client, closing, "sign")
        signed_once = LedgerAccount.objects.filter(escrow_account=funded, kind="OFFERING").exists()
        take(client_of(second_approver), closing, "sign")

        closing.refresh_from_db()
        assert (signed_once, closing.status, closing.proposed_by) == (False, "EXECUTED", operator)
        assert LedgerAccount.objects.get(escrow_account=funded, kind="OFFERING").balance == closing.total_amount

    def test_is_refused_to_its_proposer(self, funded: EscrowAccount, superuser_client: Client) -> None:
        take(superuser_client, funded, "propose-closing")
        closing = Closing.objects.get()
        address = reverse("admin:escrow_closing_step", args=[closing.pk, "sign"])

        answer = superuser_client.post(address, {"version": f"{closing.status}|{closing.content_hash}", "reason": ""})

        closing.refresh_from_db()
        assert b"You proposed this closing" in answer.content
        assert closing.status == "PROPOSED"

    def test_refuses_a_signature_over_figures_that_were_not_shown(
        self, funded: EscrowAccount, operator_client: Client, approver_client: Client
    ) -> None:
        take(operator_client, funded, "propose-closing")
        closing = Closing.objects.get()
        address = reverse("admin:escrow_closing_step", args=[closing.pk, "sign"])

        answer = approver_client.post(address, {"version": f"PROPOSED|{'0' * 64}", "reason": ""})

        assert b"Somebody changed this meanwhile" in answer.content
        assert not closing.approvals.exists()

    def test_shows_who_is_left_out_and_why(
        self,
        funded: EscrowAccount,
        investor: User,
        compliance_officer: User,
        at: datetime,
        operator_client: Client,
    ) -> None:
        profiles.restrict(investor.investor_profile, reason="Court order", by=compliance_officer, at=at)
        page = operator_client.get(reverse("admin:escrow_escrowaccount_step", args=[funded.pk, "propose-closing"]))

        tables = {table.title: table.rows for table in page.context["tables"]}
        assert tables["Left out"] == [["Ivy Investor", "Ivy Investor is restricted."]]
        assert ["No investor has cleared money that is committed to this offering."] in [
            list(row) for row in tables["What stands against it now"]
        ]

    def test_says_what_is_missing(
        self, escrow: EscrowAccount, investor: User, at: datetime, operator_client: Client
    ) -> None:
        factories.fund(investor, escrow, "500.00", at=at)

        answer = take(operator_client, escrow, "propose-closing")

        assert b"has cleared of the" in answer.content


class TestTheBankBesideTheBooks:
    def test_shows_what_has_no_partner(self, funded: EscrowAccount, operator_client: Client) -> None:
        page = operator_client.get(reverse("admin:escrow_reconciliation_account", args=[funded.pk]))

        assert len(page.context["entries"]) == 1
        assert page.context["lines"] == []
        assert not Reconciliation.objects.exists()

    def test_reconciles_on_confirmation(self, funded: EscrowAccount, at: datetime, operator_client: Client) -> None:
        take(operator_client, funded, "reconcile", as_of=banking_date(at).isoformat())

        assert Reconciliation.objects.get().escrow_account == funded

    def test_refuses_a_day_to_come(self, funded: EscrowAccount, operator_client: Client) -> None:
        answer = take(operator_client, funded, "reconcile", as_of="2999-01-01")

        assert b"has not come yet" in answer.content
        assert not Reconciliation.objects.exists()

    @pytest.mark.parametrize("contents", [b"", b"\x00\xff\x00", b"01,A,B,260101,0000,1,,,2/\n", b"not a statement"])
    def test_refuses_a_broken_file_in_words(
        self, escrow: EscrowAccount, operator_client: Client, contents: bytes
    ) -> None:
        before = AuditEvent.objects.count()
        answer = operator_client.post(
            reverse("admin:escrow_bankstatement_task", args=["import"]),
            {"file": SimpleUploadedFile("statement.bai2", contents)},
        )

        assert answer.status_code == 200
        assert answer.context["form"].errors
        assert (BankStatement.objects.count(), AuditEvent.objects.count()) == (0, before)

    def test_is_closed_to_who_may_not_reconcile(self, funded: EscrowAccount, approver_client: Client) -> None:
        answer = approver_client.get(reverse("admin:escrow_bankstatement_task", args=["import"]))

        assert answer.status_code == 403


class TestEarlyClosings:
    def test_are_announced_on_the_accounts_page_and_withdrawn_on_their_own(
        self, operator: User, operator_client: Client, approver_client: Client, at: datetime
    ) -> None:
        offering = factories.make_offering(operator=operator, at=at, exemption=Offering.Exemption.REG_CF)
        escrow = factories.make_escrow(offering, operator=operator, at=at)
        investor = factories.make_investor("Ivy Investor", verifier=operator, at=at)
        investments.commit(offering, investor=investor, amount=Decimal("2000"), by=investor, at=at)
        notice = early_closings.announce(escrow, closes_at=at + timedelta(days=40), by=operator, at=at)
        page = reverse("admin:escrow_earlyclosingnotice_change", args=[notice.pk])

        assert "Withdraw notice" not in approver_client.get(page).text
        assert "Withdraw notice" in operator_client.get(page).text
        take(operator_client, notice, "withdraw", reason="The buyer wants more time")

        notice.refresh_from_db()
        assert (notice.withdrawn_by, notice.withdrawn_reason) == (operator, "The buyer wants more time")
        shown = operator_client.get(page).text
        assert "The buyer wants more time" in shown and "Withdraw notice" not in shown
