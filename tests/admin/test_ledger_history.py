"""Staff pages of the past, of proofs and of reversals: what they show, what they cost, and who decides."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from escrow import proof_files
from escrow.models import EscrowAccount, JournalEntry, JournalReversal, LedgerAccount
from escrow.operations import ledger, reconciliations, reversals
from escrow.queries import proofs
from realco import signing
from realco.models import User
from tests import factories
from tests.escrow import bank_lines
from tests.escrow.money import arrive
from tests.stages import staged

pytestmark = pytest.mark.slow

D = Decimal


@staged
def told_at(escrow: EscrowAccount, investor: User, at: datetime) -> datetime:
    """Between two deposits for the same day, the second of which came to be known later."""
    day = at.date() - timedelta(days=10)
    arrive(escrow, investor, "1000", reference="SBX-A", at=at - timedelta(days=9), on=day)
    arrive(escrow, investor, "250", reference="SBX-B", at=at - timedelta(days=2), on=day)
    return at - timedelta(days=5)


@staged
def receipt(escrow: EscrowAccount, at: datetime) -> JournalEntry:
    with transaction.atomic():
        [posted] = ledger.post([bank_lines.received(escrow, D("500"), key="odd", on=at.date())], by=None, at=at)
    return JournalEntry.objects.get(pk=posted.journal_entry_id)


class TestAsOf:
    def test_shows_then_now_and_what_came_later(
        self, operator_client: Client, escrow: EscrowAccount, investor: User, told_at: datetime
    ) -> None:
        address = reverse("admin:escrow_ledgeraccount_as_of", args=[escrow.pk])
        known = told_at.replace(tzinfo=None, microsecond=0).isoformat()
        page = operator_client.get(address, {"effective_on": str(told_at.date()), "known_at": known})
        house, owned, later = page.context["tables"]
        rows = {(row[1], str(row[2]), str(row[3]), str(row[4])) for row in owned.rows}
        assert any("$1,000.00" in then and "$1,250.00" in now and "$250.00" in more for _, then, now, more in rows)
        assert {row[1] for row in house.rows} == {"–"}
        assert len(later.rows) == 6
        assert later.title.startswith("What we learned later for days up to")
        figures = {title: value for title, value, _ in page.context["figures"]}
        assert (figures["Assets then"], figures["Liabilities then"]) == ("$1,000.00", "$1,000.00")
        assert "as we knew it on" in page.content.decode()

    def test_offers_what_was_told_at_the_end_of_the_day_in_new_york(
        self, operator_client: Client, escrow: EscrowAccount, told_at: datetime
    ) -> None:
        address = reverse("admin:escrow_ledgeraccount_as_of", args=[escrow.pk])
        page = operator_client.get(address, {"effective_on": "2026-03-31"})
        words, query = page.context["shortcut"]
        assert words == "What we told on Mar 31, 2026"
        assert query == "?effective_on=2026-03-31&known_at=2026-04-01T04%3A00%3A00"
        assert operator_client.get(address + query).context["form"].is_valid()

    def test_costs_the_same_for_many_investors(
        self, operator_client: Client, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        address = reverse("admin:escrow_ledgeraccount_as_of", args=[escrow.pk])
        query = {"effective_on": str(at.date()), "known_at": at.replace(tzinfo=None).isoformat()}
        arrive(escrow, investor, "1", reference="one", at=at)
        with CaptureQueriesContext(connection) as for_one:
            operator_client.get(address, query)
        for number in range(60):
            arrive(escrow, factories.make_user(f"Person {number}"), "1", reference=f"many-{number}", at=at)
        with CaptureQueriesContext(connection) as for_many:
            page = operator_client.get(address, query)
        assert len(for_many) <= len(for_one)
        assert len(page.context["tables"][1].rows) == 100
        after = operator_client.get(address + page.context["next"])
        assert len(after.context["tables"][1].rows) == 22
        assert after.context["next"] == ""

    def test_says_what_is_no_time(self, operator_client: Client, escrow: EscrowAccount) -> None:
        address = reverse("admin:escrow_ledgeraccount_as_of", args=[escrow.pk])
        page = operator_client.get(address, {"effective_on": "soon"})
        assert page.context["form"].errors
        assert operator_client.get(reverse("admin:escrow_ledgeraccount_as_of", args=[uuid4()])).status_code == 404


class TestStatement:
    def test_of_a_ledger_account_leads_from_opening_to_closing(
        self, operator_client: Client, escrow: EscrowAccount, told_at: datetime
    ) -> None:
        bank = LedgerAccount.objects.get(escrow_account=escrow, kind="BANK")
        address = reverse("admin:escrow_ledgeraccount_statement", args=[bank.pk])
        page = operator_client.get(address)
        figures = [(title, value) for title, value, _ in page.context["figures"]]
        assert figures == [("Opening: bank", "$0.00"), ("Closing: bank", "$1,250.00")]
        [entries] = page.context["tables"]
        assert ["$1,000.00" in str(entries.rows[0][4]), "$1,250.00" in str(entries.rows[1][4])] == [True, True]

    def test_of_an_investor_has_a_column_for_each_kind(
        self, operator_client: Client, investor: User, told_at: datetime
    ) -> None:
        page = operator_client.get(reverse("admin:escrow_ledgeraccount_investor", args=[investor.pk]))
        [entries] = page.context["tables"]
        assert entries.titles[3:7] == ["Uncleared", "Investor", "Uncleared after", "Investor after"]
        assert len(entries.rows) == 4

    def test_refuses_a_period_that_ends_before_it_begins(self, operator_client: Client, investor: User) -> None:
        address = reverse("admin:escrow_ledgeraccount_investor", args=[investor.pk])
        page = operator_client.get(address, {"first_day": "2026-03-02", "last_day": "2026-03-01"})
        assert "before the first" in page.content.decode()


class TestProofs:
    def test_shows_both_sides_and_hands_out_an_investors_file(
        self, operator_client: Client, operator: User, escrow: EscrowAccount, investor: User, told_at: datetime
    ) -> None:
        reconciliations.reconcile(escrow, as_of=told_at.date(), by=operator, at=told_at + timedelta(days=5))
        snapshot = proofs.latest(escrow)
        assert snapshot is not None
        page = operator_client.get(reverse("admin:escrow_proofsnapshot_change", args=[snapshot.pk]))
        equalities = page.context["tables"][0]
        assert len(equalities.rows) == 4
        assert [row[3] for row in equalities.rows] == ["DOES NOT HOLD", "Holds", "Holds", "Holds"]
        assert operator_client.get(reverse("admin:escrow_proofsnapshot_changelist")).status_code == 200

        for sought in (investor.email, str(investor.pk)):
            found = operator_client.get(reverse("admin:escrow_proofsnapshot_investor"), {"person": sought})
            assert found.context["person"] == investor
        address = reverse("admin:escrow_proofsnapshot_file", args=[snapshot.pk, investor.pk])
        assert address in found.content.decode()
        proof = proof_files.read(operator_client.get(address).content)
        proof_files.verify(proof, signing.public_keys())
        assert proof.investor_id == str(investor.pk)

    def test_says_when_nobody_has_the_address_or_no_money(
        self, operator_client: Client, operator: User, escrow: EscrowAccount, told_at: datetime
    ) -> None:
        address = reverse("admin:escrow_proofsnapshot_investor")
        assert "Nobody has this" in operator_client.get(address, {"person": "x@example.com"}).content.decode()
        assert "no money" in operator_client.get(address, {"person": operator.email}).content.decode()
        reconciliations.reconcile(escrow, as_of=told_at.date(), by=operator, at=told_at + timedelta(days=5))
        snapshot = proofs.latest(escrow)
        assert snapshot is not None
        none = reverse("admin:escrow_proofsnapshot_file", args=[snapshot.pk, operator.pk])
        assert operator_client.get(none).status_code == 404

    def test_are_for_staff_who_may_view_them(
        self, escrow: EscrowAccount, investor: User, operator: User, told_at: datetime
    ) -> None:
        nobody = Client()
        nobody.force_login(factories.make_user("Stan Staff", is_staff=True))
        reconciliations.reconcile(escrow, as_of=told_at.date(), by=operator, at=told_at + timedelta(days=5))
        snapshot = proofs.latest(escrow)
        assert snapshot is not None
        for address in (
            reverse("admin:escrow_proofsnapshot_investor"),
            reverse("admin:escrow_proofsnapshot_file", args=[snapshot.pk, investor.pk]),
            reverse("admin:escrow_ledgeraccount_as_of", args=[escrow.pk]),
            reverse("admin:escrow_ledgeraccount_investor", args=[investor.pk]),
        ):
            assert nobody.get(address).status_code == 403


class TestReversals:
    def test_one_proposes_and_another_approves(
        self, operator_client: Client, approver_client: Client, receipt: JournalEntry
    ) -> None:
        page = reverse("admin:escrow_journalentry_change", args=[receipt.pk])
        assert "Propose reversal" in operator_client.get(page).content.decode()
        assert "Propose reversal" not in approver_client.get(page).content.decode()
        step = reverse("admin:escrow_journalentry_step", args=[receipt.pk, "reverse"])
        form = operator_client.get(step)
        assert "Another person decides" in form.content.decode()
        operator_client.post(step, {"version": form.context["version"], "reason": "Booked twice"})
        reversal = JournalReversal.objects.get()
        assert (reversal.status, reversal.reason) == ("PROPOSED", "Booked twice")
        assert "reversal to decide" in approver_client.get(reverse("admin:index")).content.decode()

        step = reverse("admin:escrow_journalreversal_step", args=[reversal.pk, "approve"])
        shown = operator_client.get(step, follow=True).content.decode()
        assert "You need the permission" in shown
        form = approver_client.get(step)
        assert "The exact opposite of the entry" in form.content.decode()
        approver_client.post(step, {"version": form.context["version"]})
        reversal.refresh_from_db()
        assert reversal.status == "EXECUTED"
        assert "It was reversed before" not in approver_client.get(page).content.decode()
        assert "Booked twice" in approver_client.get(page).content.decode()

    def test_an_approver_rejects_and_a_proposer_takes_back(
        self, operator_client: Client, approver_client: Client, operator: User, receipt: JournalEntry, at: datetime
    ) -> None:
        for client in (approver_client, operator_client):
            reversal = reversals.propose(receipt, by=operator, reason="Booked twice", at=at)
            step = reverse("admin:escrow_journalreversal_step", args=[reversal.pk, "reject"])
            form = client.get(step)
            client.post(step, {"version": form.context["version"], "reason": "It is right"})
            reversal.refresh_from_db()
            assert (reversal.status, reversal.rejected_reason) == ("REJECTED", "It is right")

    def test_an_entry_with_a_state_of_its_own_says_what_to_do_instead(
        self, operator_client: Client, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        payment = factories.fund(investor, escrow, "1000", at=at)
        [entry] = payment.journal_entries.filter(event="INBOUND_SETTLED")
        text = operator_client.get(reverse("admin:escrow_journalentry_change", args=[entry.pk])).content.decode()
        assert "It belongs to a payment" in text
        assert "Propose reversal" not in text
        step = reverse("admin:escrow_journalentry_step", args=[entry.pk, "reverse"])
        assert "It belongs to a payment" in operator_client.get(step, follow=True).content.decode()
