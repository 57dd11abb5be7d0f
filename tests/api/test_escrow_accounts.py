"""Escrow accounts over REST: staff see and do, investors see what is theirs in them."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from escrow.models import EscrowAccount, EscrowLedgerEntry
from escrow.operations import bank_matches, statements
from realco.models import Offering, User
from tests import factories
from tests.api.conftest import ClientOf, fingerprint
from tests.escrow.money import Day, Stated, statement

URL = "/api/v1/escrow-accounts"
PARTS = ("current_balance", "available_balance", "pending_balance", "held_balance")


class TestOpen:
    def test_opens_an_offerings_account(self, client_of: ClientOf, offering: Offering, operator: User) -> None:
        body = {"offering_id": str(offering.pk), "external_account_id": "9900000001"}
        response = client_of(operator).post(URL, body, format="json")
        assert response.status_code == 201
        assert response.json()["account_number"].startswith("ESCROW-")
        assert response.json()["current_balance"] == "0.00"

    def test_an_offering_has_one_account(self, client_of: ClientOf, escrow: EscrowAccount, operator: User) -> None:
        body = {"offering_id": str(escrow.offering_id), "external_account_id": "9900000777"}
        client, before = client_of(operator), fingerprint()
        response = client.post(URL, body, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (409, "DUPLICATE_RESOURCE")
        assert fingerprint() == before

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"offering_id": str(uuid4())}, 404, "OFFERING_NOT_FOUND"),
            ({"offering_id": "elm-street"}, 400, "VALIDATION_ERROR"),
            ({"bank_account_id": str(uuid4())}, 400, "VALIDATION_ERROR"),
            ({"external_account_id": ""}, 400, "VALIDATION_ERROR"),
            ({"current_balance": "100.00"}, 400, "VALIDATION_ERROR"),
        ],
    )
    def test_refuses_what_cannot_be(
        self,
        client_of: ClientOf,
        offering: Offering,
        operator: User,
        change: dict[str, str],
        status: int,
        code: str,
    ) -> None:
        body = {"offering_id": str(offering.pk), "external_account_id": "9900000001", **change}
        client, before = client_of(operator), fingerprint()
        response = client.post(URL, body, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
        assert fingerprint() == before

    def test_investors_open_none(self, client_of: ClientOf, offering: Offering, investor: User) -> None:
        body = {"offering_id": str(offering.pk), "external_account_id": "9900000001"}
        response = client_of(investor).post(URL, body, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")


class TestLook:
    def test_staff_see_the_whole_account(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        factories.fund(investor, escrow, "10000.00", at=at)
        client = client_of(operator)
        account = client.get(f"{URL}/{escrow.pk}").json()
        balance = client.get(f"{URL}/{escrow.pk}/balance").json()
        assert balance["is_whole_account"] is True
        assert {part: account[part] for part in PARTS} == {part: balance[part] for part in PARTS}
        assert balance["current_balance"] == "10000.00"
        listed = client.get(URL, {"status": "ACTIVE"}).json()["results"]
        assert [row["id"] for row in listed] == [str(escrow.pk)]

    def test_investors_see_their_own_part(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        other = factories.make_investor("Otto Other", verifier=operator, at=at)
        factories.fund(investor, escrow, "10000.00", at=at)
        factories.fund(other, escrow, "5000.00", at=at)
        client = client_of(investor)
        account = client.get(f"{URL}/{escrow.pk}").json()
        assert account["current_balance"] is account["external_account_id"] is None
        balance = client.get(f"{URL}/{escrow.pk}/balance").json()
        assert (balance["is_whole_account"], balance["available_balance"]) == (False, "9949.20")
        entries = client.get(f"{URL}/{escrow.pk}/ledger").json()["results"]
        assert {entry["owner_id"] for entry in entries} == {str(investor.pk)}

    @pytest.mark.parametrize("below", ["", "/balance", "/ledger"])
    def test_somebody_without_a_stake_finds_nothing(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, below: str
    ) -> None:
        response = client_of(investor).get(f"{URL}/{escrow.pk}{below}")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "ESCROW_ACCOUNT_NOT_FOUND")
        assert client_of(investor).get(URL).json()["results"] == []


class TestLedger:
    def test_pages_through_every_entry_once(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        factories.fund(investor, escrow, "10000.00", at=at)
        client, seen, query = client_of(operator), list[str](), {"page_size": "2"}
        while query.get("cursor", "first"):
            body = client.get(f"{URL}/{escrow.pk}/ledger", query).json()
            seen += [row["id"] for row in body["results"]]
            query["cursor"] = body["next_cursor"]
        assert len(seen) == len(set(seen)) == EscrowLedgerEntry.objects.filter(escrow_account=escrow).count() > 4

    def test_filters_by_account_kind_and_balances_in_text(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        payment = factories.fund(investor, escrow, "10000.00", at=at)
        query = {"ledger_account_kind": "BANK", "transaction_id": str(payment.pk), "entry_type": "DEPOSIT"}
        [entry] = client_of(operator).get(f"{URL}/{escrow.pk}/ledger", query).json()["results"]
        assert (entry["event"], entry["amount"]) == ("INBOUND_SETTLED", "10000.00")
        assert (entry["balance_before"], entry["balance_after"]) == ("0.00", "10000.00")


class TestFreeze:
    def test_freezes_and_unfreezes(self, client_of: ClientOf, escrow: EscrowAccount, approver: User) -> None:
        client, url = client_of(approver), f"{URL}/{escrow.pk}"
        frozen = client.post(f"{url}/freeze", {"reason": "A court order"}, format="json").json()
        assert (frozen["status"], frozen["frozen_reason"]) == ("FROZEN", "A court order")
        before = fingerprint()
        again = client.post(f"{url}/freeze", {"reason": "Again"}, format="json")
        assert (again.status_code, again.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")
        assert fingerprint() == before
        thawed = client.post(f"{url}/unfreeze", {"reason": "Order lifted"}, format="json").json()
        assert thawed["status"] == "ACTIVE"

    @pytest.mark.parametrize("step", ["freeze", "unfreeze"])
    def test_needs_a_reason_and_the_right(
        self, client_of: ClientOf, escrow: EscrowAccount, approver: User, operator: User, step: str
    ) -> None:
        url = f"{URL}/{escrow.pk}/{step}"
        assert client_of(approver).post(url, {}, format="json").status_code == 400
        assert client_of(operator).post(url, {"reason": "x"}, format="json").status_code == 403


class TestReconcile:
    def test_reports_what_the_bank_has_not_said(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        factories.fund(investor, escrow, "10000.00", at=at)
        response = client_of(operator).post(f"{URL}/{escrow.pk}/reconcile")
        assert response.status_code == 201
        body = response.json()
        assert Decimal(body["assets"]) == Decimal(body["liabilities"])
        assert body["result"] in ("BALANCED", "MISMATCHED")
        assert body["run_by_id"] == str(operator.pk)

    def test_a_day_that_has_not_come_is_refused(
        self, client_of: ClientOf, escrow: EscrowAccount, operator: User
    ) -> None:
        client, before = client_of(operator), fingerprint()
        for day in ("2199-01-01", "tomorrow", "0001-01-01"):
            response = client.post(f"{URL}/{escrow.pk}/reconcile", {"as_of_date": day}, format="json")
            assert (response.status_code, response.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
        assert fingerprint() == before

    def test_needs_the_right(self, client_of: ClientOf, escrow: EscrowAccount, approver: User) -> None:
        assert client_of(approver).post(f"{URL}/{escrow.pk}/reconcile").status_code == 403


class TestBankMatches:
    def test_staff_see_what_was_matched_and_what_is_left(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        factories.fund(investor, escrow, "10000.00", at=at)
        [entry] = EscrowLedgerEntry.objects.filter(ledger_account__kind="BANK")
        data = statement(escrow.external_account_id, Day(at.date(), 0, [Stated(1000000, "OTHER")]))
        statements.import_file(data, file_name="a", by=operator, at=at)
        client = client_of(operator)
        left = client.get(f"{URL}/{escrow.pk}/unmatched").json()
        assert [row["id"] for row in left["entries"]] == [str(entry.pk)]
        [one] = left["suggestions"]
        assert one["entry_ids"] == [str(entry.pk)] and one["bank_line_ids"] == [left["bank_lines"][0]["id"]]
        assert client.get(f"{URL}/{escrow.pk}/matches").json()["results"] == []
        bank_matches.match(
            escrow, line_ids=[UUID(left["bank_lines"][0]["id"])], entry_ids=[entry.pk], reason="", by=operator, at=at
        )
        [match] = client.get(f"{URL}/{escrow.pk}/matches").json()["results"]
        assert (match["method"], match["entry_ids"], match["undone_by_id"]) == ("MANUAL", [str(entry.pk)], None)

    @pytest.mark.parametrize("below", ["matches", "unmatched"])
    def test_investors_see_none(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, at: datetime, below: str
    ) -> None:
        factories.fund(investor, escrow, "10000.00", at=at)
        assert client_of(investor).get(f"{URL}/{escrow.pk}/{below}").status_code == 403
