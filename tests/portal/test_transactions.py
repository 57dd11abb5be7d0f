"""Payments in the portal: only one's own, page by page, with their way, and cancelled while that is possible."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from escrow.models import EscrowAccount
from finance.models import Transaction
from finance.operations import settlements, transactions
from finance.queries import investor_transactions
from finance.queries.investor_transactions import Criteria, Cursor
from realco.models import User
from realco.portal import timelines
from tests import factories
from tests.stages import staged

LIST = "portal:transactions"


def page_of(payment: Transaction) -> str:
    return reverse("portal:transaction", kwargs={"payment_id": payment.pk})


def cancel_url(payment: Transaction) -> str:
    return reverse("portal:cancel", kwargs={"payment_id": payment.pk})


@staged
def payment(escrow: EscrowAccount, investor: User, at: datetime) -> Transaction:
    return factories.deposit(escrow, investor, "10000", at=at)


@staged
def stranger(operator: User, at: datetime) -> User:
    return factories.make_investor("Stan Stranger", verifier=operator, at=at)


class TestTransactions:
    def test_lists_ones_own(self, portal: Client, payment: Transaction) -> None:
        page = portal.get(reverse(LIST))

        assert "$10,000.00" in page.text
        assert page_of(payment) in page.text

    def test_leaves_out_everybody_elses(
        self, payment: Transaction, stranger: User, sign_in: Callable[[User], Client]
    ) -> None:
        page = sign_in(stranger).get(reverse(LIST))

        assert "$10,000.00" not in page.text
        assert "There are no payments yet" in page.text

    def test_filters_by_status(self, portal: Client, payment: Transaction, investor: User, at: datetime) -> None:
        transactions.cancel(payment, by=investor, reason="Changed my mind.", at=at)

        assert page_of(payment) in portal.get(reverse(LIST), {"status": "CANCELLED"}).text
        assert page_of(payment) not in portal.get(reverse(LIST), {"status": "COMPLETED"}).text

    def test_filters_by_inclusive_days(self, portal: Client, payment: Transaction, at: datetime) -> None:
        today, tomorrow = at.date().isoformat(), (at + timedelta(days=1)).date().isoformat()

        assert page_of(payment) in portal.get(reverse(LIST), {"first_day": today, "last_day": today}).text
        assert page_of(payment) not in portal.get(reverse(LIST), {"first_day": tomorrow}).text

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ({"first_day": "2026-13-45"}, "Write the day as YYYY-MM-DD"),
            ({"first_day": "2026-02-02", "last_day": "2026-02-01"}, "before the first one"),
            ({"status": "NONSENSE"}, "Select a valid choice"),
        ],
    )
    def test_says_at_the_field_what_it_cannot_read(
        self, portal: Client, payment: Transaction, query: dict[str, str], words: str
    ) -> None:
        page = portal.get(reverse(LIST), query)

        assert page.status_code == 200
        assert words in page.text

    def test_says_what_to_do_when_nothing_fits(self, portal: Client, payment: Transaction) -> None:
        assert "Show all payments" in portal.get(reverse(LIST), {"type": "REFUND"}).text

    def test_answers_htmx_with_the_list_only(self, portal: Client, payment: Transaction) -> None:
        page = portal.get(reverse(LIST), headers={"HX-Request": "true", "HX-Target": "payments"})

        assert page_of(payment) in page.text
        assert "<html" not in page.text

    @pytest.mark.parametrize(
        "cursor", ["", "nonsense", "2026-01-01~x", "2026-01-01T00:00:00~01890000-0000-7000-8000-000000000000"]
    )
    def test_begins_at_the_top_when_the_cursor_is_none(self, portal: Client, payment: Transaction, cursor: str) -> None:
        assert page_of(payment) in portal.get(reverse(LIST), {"before": cursor}).text


class TestPaging:
    def test_walks_through_all_in_order_without_gap_or_repetition(
        self, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        # Three of them share one moment, so that the id has to decide.
        moments = [at, at, at, at + timedelta(seconds=1), at + timedelta(seconds=2)]
        made = [factories.deposit(escrow, investor, "100", at=moment) for moment in moments]

        seen, cursor = [], None
        for _ in range(3):
            page = investor_transactions.page(investor, Criteria(), before=cursor, size=2)
            seen += [payment.pk for payment in page.payments]
            cursor = page.older

        expected = sorted(made, key=lambda payment: (payment.created_at, payment.pk), reverse=True)
        assert seen == [payment.pk for payment in expected]
        assert cursor is None

    def test_reads_the_cursor_it_wrote(self) -> None:
        cursor = Cursor(datetime(2026, 3, 5, 9, 0, 0, 123456, tzinfo=UTC), uuid4())

        assert Cursor.read(str(cursor)) == cursor

    def test_links_to_older_payments_and_keeps_the_filter(
        self, portal: Client, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        for number in range(investor_transactions.PAGE_SIZE + 1):
            factories.deposit(escrow, investor, f"{100 + number}", at=at - timedelta(hours=7 * number))

        page = portal.get(reverse(LIST), {"type": "DEPOSIT"})
        link = re.search(r'href="\?([^"]+)" rel="next"', page.text)

        assert link is not None
        assert "type=DEPOSIT" in link.group(1)
        older = portal.get(f"{reverse(LIST)}?{link.group(1).replace('&amp;', '&')}").text
        assert f"${100 + investor_transactions.PAGE_SIZE}.00" in older
        assert "Newest payments" in older


class TestTransaction:
    def test_shows_amount_fee_and_net(self, portal: Client, payment: Transaction) -> None:
        page = portal.get(page_of(payment)).text

        assert "$10,000.00" in page
        assert "$50.80" in page
        assert "$9,949.20" in page

    def test_is_named_with_its_amount_as_it_is_written_elsewhere(self, portal: Client, payment: Transaction) -> None:
        assert str(payment) == "Deposit of $10,000.00"
        assert f"<h1>{payment}</h1>" in portal.get(page_of(payment)).text

    def test_is_not_found_for_somebody_else(
        self, payment: Transaction, stranger: User, sign_in: Callable[[User], Client]
    ) -> None:
        client = sign_in(stranger)

        assert client.get(page_of(payment)).status_code == 404
        assert client.post(cancel_url(payment)).status_code == 404

    def test_is_not_found_for_an_unknown_id(self, portal: Client) -> None:
        assert portal.get(reverse("portal:transaction", kwargs={"payment_id": uuid4()})).status_code == 404

    def test_does_not_tell_an_investor_what_staff_wrote(
        self, portal: Client, payment: Transaction, compliance_officer: User, operator: User, at: datetime
    ) -> None:
        transactions.describe(payment, by=operator, internal_memo="Looks like structuring.")
        transactions.hold(payment, by=compliance_officer, reason="Possible sanctions match.", at=at)

        page = portal.get(page_of(payment)).text

        assert "On hold" in page
        assert "structuring" not in page
        assert "sanctions" not in page


class TestCancel:
    def test_cancels_what_has_not_gone_to_the_bank(self, portal: Client, payment: Transaction, investor: User) -> None:
        assert "Cancel this payment" in portal.get(page_of(payment)).text

        page = portal.post(cancel_url(payment), follow=True)

        payment.refresh_from_db()
        assert payment.status == "CANCELLED"
        assert "No money will move" in page.text

    def test_refuses_what_is_at_the_bank(self, portal: Client, payment: Transaction, at: datetime) -> None:
        settlements.process(payment.pk, at=at)

        assert "Cancel this payment" not in portal.get(page_of(payment)).text
        page = portal.post(cancel_url(payment), follow=True)

        payment.refresh_from_db()
        assert payment.status == "PENDING_SETTLEMENT"
        assert "can no longer be cancelled" in page.text

    def test_does_nothing_on_get(self, portal: Client, payment: Transaction) -> None:
        assert portal.get(cancel_url(payment)).status_code == 405

        payment.refresh_from_db()
        assert payment.status == "QUEUED"

    def test_needs_the_forms_token(self, payment: Transaction, investor: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(investor)

        page = client.post(cancel_url(payment))

        payment.refresh_from_db()
        assert page.status_code == 403
        assert "gone stale" in page.text
        assert payment.status == "QUEUED"


class TestTimeline:
    def names(self, payment: Transaction) -> list[tuple[str, str]]:
        return [(step.name, step.state) for step in timelines.steps(payment)]

    def test_shows_what_is_done_and_what_is_ahead(self, payment: Transaction, at: datetime) -> None:
        assert self.names(payment) == [
            ("Requested", "done"),
            ("Sent to the bank", "ahead"),
            ("Settled", "ahead"),
            ("Completed", "ahead"),
        ]

    def test_expects_completion_on_the_day_it_clears(self, payment: Transaction, at: datetime) -> None:
        payment = factories.play(payment, at=at, until="SETTLED")

        last = timelines.steps(payment)[-1]

        assert (last.name, last.state, last.at) == ("Completed", "ahead", payment.clears_on)

    def test_ends_when_it_is_completed(self, payment: Transaction, at: datetime) -> None:
        payment = factories.play(payment, at=at)

        assert self.names(payment) == [
            ("Requested", "done"),
            ("Sent to the bank", "done"),
            ("Settled", "done"),
            ("Completed", "done"),
        ]

    def test_names_a_cancellation(self, payment: Transaction, investor: User, at: datetime) -> None:
        payment = transactions.cancel(payment, by=investor, reason="No.", at=at)

        assert self.names(payment)[-1] == ("Cancelled", "wrong")
