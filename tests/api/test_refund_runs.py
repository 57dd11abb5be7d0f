"""Refund runs over REST: proposed, signed, paged; everybody sees what is theirs."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from escrow.models import EscrowAccount
from finance.models import RefundItem, RefundRun
from realco import clock
from realco.models import User
from tests import factories
from tests.api.conftest import ClientOf, fingerprint
from tests.finance import raises
from tests.stages import staged


@staged
def escrow(operator: User, at: datetime) -> EscrowAccount:
    return raises.open_raise(operator=operator, at=at)


@staged
def failed(escrow: EscrowAccount, investor: User, operator: User, at: datetime) -> EscrowAccount:
    """An account with two investors' money, a day after its raise has ended."""
    factories.fund(investor, escrow, "10000.00", at=at)
    factories.fund(factories.make_investor("Otto Other", verifier=operator, at=at), escrow, "5000.00", at=at)
    clock.advance(timedelta(days=raises.DAYS_OPEN + 1))
    return escrow


def url(escrow: EscrowAccount, *parts: object) -> str:
    return "/".join([f"/api/v1/escrow-accounts/{escrow.pk}/refund-runs", *map(str, parts)])


def proposed(client_of: ClientOf, escrow: EscrowAccount, operator: User) -> Any:
    response = client_of(operator).post(url(escrow), {"reason": "Minimum not reached"}, format="json")
    assert response.status_code == 201, response.json()
    return response.json()


class TestPropose:
    def test_answers_with_what_is_to_be_signed(
        self, client_of: ClientOf, failed: EscrowAccount, operator: User
    ) -> None:
        run = proposed(client_of, failed, operator)
        assert (run["status"], run["cause"], run["total_amount"], run["largest_amount"]) == (
            "PROPOSED", "FAILED_RAISE", "15000.00", "10000.00",
        )  # fmt: skip
        assert (run["signatures_needed"], run["signed_by_ids"], len(run["content_hash"])) == (1, [], 64)
        assert "business day" in run["clock"]

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({}, 400, "VALIDATION_ERROR"),
            ({"reason": ""}, 400, "VALIDATION_ERROR"),
            ({"reason": "x" * 301}, 400, "VALIDATION_ERROR"),
            ({"reason": "Fine", "total_amount": "1.00"}, 400, "VALIDATION_ERROR"),
        ],
    )
    def test_refuses_what_cannot_be(
        self, client_of: ClientOf, failed: EscrowAccount, operator: User, body: Any, status: int, code: str
    ) -> None:
        client, before = client_of(operator), fingerprint()
        response = client.post(url(failed), body, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
        assert fingerprint() == before

    def test_waits_for_the_deadline(self, client_of: ClientOf, escrow: EscrowAccount, operator: User) -> None:
        response = client_of(operator).post(url(escrow), {"reason": "Early"}, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")

    def test_is_not_everybodys(
        self, client_of: ClientOf, failed: EscrowAccount, investor: User, approver: User
    ) -> None:
        for person in (investor, approver):
            response = client_of(person).post(url(failed), {"reason": "Mine"}, format="json")
            assert (response.status_code, response.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")


class TestApprove:
    def test_starts_the_run(self, client_of: ClientOf, failed: EscrowAccount, operator: User, approver: User) -> None:
        run = proposed(client_of, failed, operator)
        body = {"content_hash": run["content_hash"], "note": "Checked"}
        response = client_of(approver).post(url(failed, run["id"], "approve"), body, format="json")
        assert response.status_code == 200
        assert (response.json()["status"], response.json()["signed_by_ids"]) == ("RUNNING", [str(approver.pk)])
        again = client_of(approver).post(url(failed, run["id"], "approve"), body, format="json")
        assert (again.status_code, again.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")

    def test_needs_the_hash_that_was_read(
        self, client_of: ClientOf, failed: EscrowAccount, operator: User, approver: User
    ) -> None:
        run = proposed(client_of, failed, operator)
        client, before = client_of(approver), fingerprint()
        response = client.post(url(failed, run["id"], "approve"), {"content_hash": "0" * 64}, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")
        assert fingerprint() == before

    def test_is_cancelled_instead(
        self, client_of: ClientOf, failed: EscrowAccount, operator: User, approver: User
    ) -> None:
        run = proposed(client_of, failed, operator)
        response = client_of(approver).post(url(failed, run["id"], "cancel"), {"reason": "Not yet"}, format="json")
        assert (response.status_code, response.json()["status"]) == (200, "CANCELLED")


class TestReading:
    @staged
    def run(self, failed: EscrowAccount, operator: User, approver: User) -> RefundRun:
        return raises.start(failed, operator=operator, approvers=[approver], at=clock.now())

    def test_staff_page_through_all_refunds(
        self, client_of: ClientOf, failed: EscrowAccount, run: RefundRun, operator: User
    ) -> None:
        client = client_of(operator)
        first = client.get(url(failed, run.pk, "items"), {"page_size": 1}).json()
        second = client.get(url(failed, run.pk, "items"), {"page_size": 1, "cursor": first["next_cursor"]}).json()
        assert {row["amount"] for row in first["results"] + second["results"]} == {"10000.00", "5000.00"}
        assert second["next_cursor"] is None
        due = client.get(url(failed, run.pk, "items"), {"status": "PAID"}).json()
        assert due["results"] == []

    def test_an_investor_sees_their_own_refund_and_no_sums(
        self, client_of: ClientOf, failed: EscrowAccount, run: RefundRun, investor: User
    ) -> None:
        client = client_of(investor)
        seen = client.get(url(failed, run.pk)).json()
        assert (seen["status"], seen["total_amount"], seen["content_hash"], seen["report"]) == (
            "RUNNING", None, None, None,
        )  # fmt: skip
        [mine] = client.get(url(failed, run.pk, "items")).json()["results"]
        assert (mine["investor_id"], mine["amount"], mine["status"]) == (str(investor.pk), "10000.00", "DUE")
        assert [row["id"] for row in client.get(url(failed)).json()["results"]] == [str(run.pk)]

    def test_a_stranger_finds_nothing(
        self, client_of: ClientOf, failed: EscrowAccount, run: RefundRun, operator: User, at: datetime
    ) -> None:
        stranger = factories.make_investor("Stan Stranger", verifier=operator, at=at)
        response = client_of(stranger).get(url(failed, run.pk))
        assert (response.status_code, response.json()["error"]["code"]) == (404, "ESCROW_ACCOUNT_NOT_FOUND")

    def test_a_run_of_another_account_is_not_found(
        self, client_of: ClientOf, failed: EscrowAccount, run: RefundRun, operator: User, at: datetime
    ) -> None:
        other = raises.open_raise(operator=operator, at=at)
        for key in (run.pk, "nonsense"):
            response = client_of(operator).get(url(other, key))
            assert (response.status_code, response.json()["error"]["code"]) == (404, "REFUND_RUN_NOT_FOUND")
        assert RefundItem.objects.count() == 2
