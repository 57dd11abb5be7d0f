"""The reconciliation screen: both sides, suggestions, matching, proposing, undoing; few queries, and by keyboard."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from escrow.models import BankMatch, BankProposal, BankStatementLine, EscrowAccount, EscrowLedgerEntry
from escrow.operations import statements
from realco.business_days import add_business_days, banking_date
from realco.models import User
from tests import browsing
from tests.admin.test_browser import signed_in
from tests.admin.test_escrow import take
from tests.escrow.money import Day, Stated, arrive, statement

Book = Callable[[str, str], EscrowLedgerEntry]
State = Callable[..., None]


def page_of(account: EscrowAccount) -> str:
    return reverse("admin:escrow_reconciliation_account", args=[account.pk])


@pytest.fixture
def yesterday(at: datetime) -> date:
    return add_business_days(banking_date(at), -1)


@pytest.fixture
def book(escrow: EscrowAccount, investor: User, at: datetime, yesterday: date) -> Book:
    """Book a deposit at the bank, and return its BANK entry."""

    def booking(amount: str, reference: str) -> EscrowLedgerEntry:
        arrive(escrow, investor, amount, reference=reference, at=at, on=yesterday)
        return EscrowLedgerEntry.objects.get(reference=f"{reference}:settled", ledger_account__kind="BANK")

    return booking


@pytest.fixture
def state(escrow: EscrowAccount, operator: User, at: datetime, yesterday: date) -> State:
    """Import a statement with these lines."""

    def stating(*lines: Stated) -> None:
        data = statement(escrow.external_account_id, Day(yesterday, 0, lines))
        statements.import_file(data, file_name="a", by=operator, at=at)

    return stating


def chosen(lines: Any, entries: Any, **fields: str) -> dict[str, Any]:
    return {"line": [str(row.pk) for row in lines], "entry": [str(row.pk) for row in entries], **fields}


class TestShowing:
    def test_says_what_to_do_when_nothing_is_there(self, escrow: EscrowAccount, operator_client: Client) -> None:
        page = operator_client.get(page_of(escrow)).content.decode()
        assert "No statement was imported yet. Import the bank&#x27;s file" in page or "Import the bank's file" in page
        assert "nothing is left to match" in page

    @pytest.mark.slow
    def test_takes_as_many_queries_for_a_full_page_as_for_10_rows_and_pages_each_side_by_key(
        self, escrow: EscrowAccount, book: Book, state: State, operator_client: Client
    ) -> None:
        counts = []
        for first, last in ((0, 10), (10, 103)):
            for number in range(first, last):
                book("7.00", f"SBX-{number}")
            state(*(Stated(700 + number, text=f"LINE {number}") for number in range(first, last)))
            with CaptureQueriesContext(connection) as queries:
                page = operator_client.get(page_of(escrow))
            counts.append(len(queries))
        assert (len(page.context["lines"]), len(page.context["entries"])) == (100, 100)
        assert counts[0] == counts[1] < 30

        second = operator_client.get(f"{page_of(escrow)}?{page.context['older_entries']}")
        keys = [row.key for shown in (page, second) for row in shown.context["entries"]]
        assert len(keys) == len(set(keys)) == 103
        assert second.context["older_entries"] == ""

    @pytest.mark.parametrize(
        ("asked", "lines", "entries"),
        [
            ({"amount": "$5.00"}, 1, 1),
            ({"text": "elm"}, 1, 0),
            ({"text": "SBX-2"}, 0, 1),
            ({"age": "0"}, 2, 2),
            ({"age": "3"}, 0, 0),
            ({"age": "x", "amount": "1,23", "lines_after": "nonsense"}, 2, 2),
        ],
    )
    def test_filters(
        self, escrow: EscrowAccount, book: Book, state: State, operator_client: Client, asked: dict[str, str],
        lines: int, entries: int,
    ) -> None:  # fmt: skip
        book("5.00", "SBX-1")
        book("6.00", "SBX-2")
        state(Stated(500, "X-1", text="ELM STREET"), Stated(900, "X-2"))
        page = operator_client.get(page_of(escrow), asked)
        assert (len(page.context["lines"]), len(page.context["entries"])) == (lines, entries)

    def test_shows_an_approver_but_lets_nothing_be_chosen(
        self, escrow: EscrowAccount, book: Book, state: State, approver_client: Client
    ) -> None:
        entry = book("5.00", "SBX-1")
        state(Stated(500, "X-1"))
        page = approver_client.get(page_of(escrow)).content
        assert b"data-match>" not in page and b"data-accept" not in page
        answer = approver_client.post(page_of(escrow), chosen(BankStatementLine.objects.all(), [entry]))
        assert b"You need the permission" in answer.content and not BankMatch.objects.exists()


class TestMatching:
    def test_accepts_a_suggestion(
        self, escrow: EscrowAccount, book: Book, state: State, operator_client: Client
    ) -> None:
        book("5.00", "SBX-1")
        state(Stated(500, "SBX1X"))
        [one] = operator_client.get(page_of(escrow)).context["suggestions"]
        answer = operator_client.post(
            page_of(escrow),
            {"line": [str(one.lines[0].id)], "entry": [str(one.entries[0].id)], "reason": ""},
            follow=True,
        )
        match = BankMatch.objects.get()
        assert (match.method, match.line_count, match.entry_count) == ("MANUAL", 1, 1)
        assert b"Matched." in answer.content and match.reason.encode() in answer.content

    def test_refuses_sides_that_differ_and_keeps_what_was_chosen(
        self, escrow: EscrowAccount, book: Book, state: State, operator_client: Client
    ) -> None:
        entry = book("5.00", "SBX-1")
        state(Stated(501, "X-1"))
        answer = operator_client.post(page_of(escrow), chosen(BankStatementLine.objects.all(), [entry], reason="mine"))
        assert "a difference of $0.01" in answer.context["problem"]
        assert [row.is_picked for row in (*answer.context["lines"], *answer.context["entries"])] == [True, True]
        assert b'value="mine"' in answer.content
        assert not BankMatch.objects.exists()

    def test_several_are_proposed_and_signed_by_another(
        self, escrow: EscrowAccount, book: Book, state: State, operator_client: Client, approver_client: Client
    ) -> None:
        entries = [book("5.00", "SBX-1"), book("6.00", "SBX-2")]
        state(Stated(1100, "BATCH-9"))
        asked = chosen(BankStatementLine.objects.all(), entries)
        assert "second person" in operator_client.post(page_of(escrow), asked).context["problem"]
        operator_client.post(page_of(escrow), {**asked, "reason": "The bank's batch"})
        proposal = BankProposal.objects.get()
        assert not BankMatch.objects.exists()
        assert b"Waiting for a second person" in operator_client.get(page_of(escrow)).content
        take(approver_client, proposal, "approve")
        match = BankMatch.objects.get()
        assert (match.line_count, match.entry_count, match.approved_by is not None) == (1, 2, True)

    @pytest.mark.parametrize("key", ["nonsense", "0191f3c2-7c4e-7a8e-9a1b-000000000000", ""])
    def test_refuses_what_is_not_there(self, escrow: EscrowAccount, operator_client: Client, key: str) -> None:
        answer = operator_client.post(page_of(escrow), {"line": [key], "entry": [key]})
        assert answer.status_code == 200 and answer.context["problem"]

    def test_undoes_with_a_reason(
        self, escrow: EscrowAccount, book: Book, state: State, operator_client: Client
    ) -> None:
        entry = book("5.00", "SBX-1")
        state(Stated(500, "SBX1X"))
        operator_client.post(page_of(escrow), chosen(BankStatementLine.objects.all(), [entry]))
        match = BankMatch.objects.get()
        assert b"Say why" in take(operator_client, match, "undo", reason="").content
        take(operator_client, match, "undo", reason="Wrong payer")
        page = operator_client.get(page_of(escrow))
        assert (len(page.context["lines"]), len(page.context["entries"]), len(page.context["matches"])) == (1, 1, 0)
        again = operator_client.get(reverse("admin:escrow_bankmatch_step", args=[match.pk, "undo"]), follow=True)
        assert b"was undone already" in again.content


class TestReceiptsAndFees:
    def test_a_receipt_is_given_to_an_investor_by_two_people(
        self, escrow: EscrowAccount, state: State, investor: User, operator_client: Client, approver_client: Client
    ) -> None:
        state(Stated(12345, "WIRE 9"))
        line = BankStatementLine.objects.get()
        take(operator_client, line, "unknown", reason="Nobody knows it")
        take(operator_client, line, "claim", investor=investor.email, reason="His wire")
        proposal = BankProposal.objects.get()
        assert str(proposal.amount) == "123.45"
        take(approver_client, proposal, "approve")
        assert str(escrow.ledger_accounts.get(kind="INVESTOR").balance) == "123.45"

    def test_a_fee_is_written_off_by_two_people(
        self, escrow: EscrowAccount, book: Book, state: State, superuser_client: Client, approver_client: Client
    ) -> None:
        book("100.00", "SBX-1")
        state(Stated(-1500, text="WIRE FEE"))
        line = BankStatementLine.objects.get()
        take(superuser_client, line, "fee", source="FEES", reason="Monthly fee")
        proposal = BankProposal.objects.get()
        own = superuser_client.get(
            reverse("admin:escrow_bankproposal_step", args=[proposal.pk, "approve"]), follow=True
        )
        assert b"another person has to sign it" in own.content
        take(approver_client, proposal, "approve")
        assert str(escrow.ledger_accounts.get(kind="FEES").balance) == "-15.00"
        assert BankMatch.objects.get().method == "BANK_FEE"


class TestByKeyboard:
    pytestmark = browsing.MARKS

    def test_matches_two_rows(
        self,
        browser: Any,
        live_server: Any,
        operator: User,
        escrow: EscrowAccount,
        book: Book,
        state: State,
    ) -> None:
        for number, amount in enumerate(("5.00", "6.00", "7.00"), start=1):
            book(amount, f"SBX-{number}")
        state(Stated(700, "OTHER-7"), Stated(900, "OTHER-9"))
        page, complaints = signed_in(browser, live_server, operator, 1280)
        page.goto(live_server.url + page_of(escrow))
        assert page.is_disabled("[data-match]")
        page.keyboard.press("j")
        page.keyboard.press("Space")
        assert "1 line $7.00, 0 entries $0.00: a difference of $7.00." in page.inner_text("[data-totals]")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.name") == "entry"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("j")
        page.keyboard.press("Space")
        assert "no difference" in page.inner_text("[data-totals]") and page.is_enabled("[data-match]")
        page.keyboard.press("Enter")
        page.wait_for_selector(".messagelist")
        assert "Matched." in page.inner_text(".messagelist")
        assert str(BankMatch.objects.get().match_entries.get().entry.amount) == "7.00"
        page.keyboard.press("?")
        assert page.is_visible("text=choose nothing")
        page.keyboard.press("u")
        page.wait_for_selector("#id_reason")
        assert complaints == []

    def test_fits(
        self,
        browser: Any,
        live_server: Any,
        operator: User,
        escrow: EscrowAccount,
        book: Book,
        state: State,
    ) -> None:
        for number in range(6):
            book(f"{500 + number}.00", f"SBX-00004711-{number}")
        state(*(Stated(50000 + 100 * number, f"OTHER{number}", "ACH CREDIT IVY INVESTOR") for number in range(6)))
        page, complaints = signed_in(browser, live_server, operator)
        page.goto(live_server.url + page_of(escrow))
        browsing.require_fit(page)
        assert complaints == []
