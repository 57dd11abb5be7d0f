"""Transactions over REST, against the real operations."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from escrow.models import EscrowAccount
from finance.models import Transaction
from realco.models import AuditEvent, User
from tests import factories
from tests.api.conftest import ClientOf, deposit, draw, fingerprint

URL = "/api/v1/transactions"


def post(client: APIClient, body: dict[str, object], key: str = "key-1") -> tuple[int, dict[str, Any]]:
    response = client.post(URL, body, format="json", HTTP_IDEMPOTENCY_KEY=key)
    return response.status_code, response.json()


class TestCreate:
    def test_makes_a_deposit_with_its_fee_and_text_amounts(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User
    ) -> None:
        status, body = post(client_of(investor), deposit(escrow, investor, "10000.00"))
        assert status == 201
        assert (body["status"], body["amount"], body["fee_amount"], body["net_amount"]) == (
            "QUEUED", "10000.00", "50.80", "9949.20",
        )  # fmt: skip
        assert sorted(fee["amount"] for fee in body["fees"]) == ["0.80", "50.00"]
        assert body["from_user_id"] == str(investor.pk)
        assert body["idempotency_key"] == "key-1"

    def test_reads_an_integer_as_whole_dollars(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User
    ) -> None:
        _, body = post(client_of(investor), deposit(escrow, investor, 1000))
        assert body["amount"] == "1000.00"

    def test_the_same_key_and_body_is_the_same_payment(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User
    ) -> None:
        client = client_of(investor)
        first = post(client, deposit(escrow, investor))
        before = fingerprint()
        assert post(client, deposit(escrow, investor)) == first
        assert fingerprint() == before

    def test_two_people_may_use_the_same_key(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        other = factories.make_investor("Otto Other", verifier=operator, at=at)
        _, first = post(client_of(investor), deposit(escrow, investor))
        status, second = post(client_of(other), deposit(escrow, other))
        assert status == 201
        assert first["id"] != second["id"]

    def test_signs_the_audit_trail_with_the_tokens_owner(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User
    ) -> None:
        _, body = post(client_of(investor), deposit(escrow, investor))
        event = AuditEvent.objects.filter(entity_type="transactions", entity_id=str(body["id"])).earliest("created_at")
        assert event.user_id == investor.pk
        assert event.action.startswith("transaction.initiate")
        payment = Transaction.objects.get(pk=str(body["id"]))
        assert payment.ip_address == "127.0.0.1"

    def test_keeps_the_callers_notes_apart_from_ours(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User
    ) -> None:
        _, body = post(client_of(investor), {**deposit(escrow, investor), "metadata": {"batch": "2026-03"}})
        assert body["metadata"] == {"batch": "2026-03"}


class TestGet:
    def test_shows_an_investor_their_own_without_what_is_for_staff(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "1000.00", at=at)
        theirs = client_of(investor).get(f"{URL}/{payment.pk}").json()
        staffs = client_of(operator).get(f"{URL}/{payment.pk}").json()
        assert theirs["compliance_check_data"] is None
        assert staffs["compliance_check_data"]["status"] == "PASSED"
        assert theirs.keys() == staffs.keys()

    @pytest.mark.parametrize("key", ["{other}", "0190a5b2-7c1e-7000-8000-000000000000", "none", "%00", "1'--"])
    def test_does_not_find_what_is_somebody_elses_or_nothing(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime, key: str
    ) -> None:
        other = factories.make_investor("Otto Other", verifier=operator, at=at)
        payment = factories.deposit(escrow, other, "1000.00", at=at)
        response = client_of(investor).get(f"{URL}/{key.format(other=payment.pk)}")
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "TRANSACTION_NOT_FOUND"


class TestList:
    def test_goes_through_all_pages_once(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        # The same moment for all of them: the id must break the tie.
        made = [factories.deposit(escrow, investor, f"{number}00.00", at=at) for number in range(1, 8)]
        client, seen, query = client_of(investor), list[str](), {"page_size": "3"}
        for size in (3, 3, 1):
            body = client.get(URL, query).json()
            assert len(body["results"]) == size
            seen += [row["id"] for row in body["results"]]
            query["cursor"] = body["next_cursor"]
        assert body["next_cursor"] is None
        assert seen == [str(payment.pk) for payment in reversed(made)]

    def test_shows_investors_their_own_and_staff_all(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        other = factories.make_investor("Otto Other", verifier=operator, at=at)
        mine = factories.deposit(escrow, investor, "100.00", at=at)
        theirs = factories.deposit(escrow, other, "200.00", at=at)
        assert [row["id"] for row in client_of(investor).get(URL).json()["results"]] == [str(mine.pk)]
        everything = {row["id"] for row in client_of(operator).get(URL).json()["results"]}
        assert everything == {str(mine.pk), str(theirs.pk)}

    def test_filters(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        factories.deposit(escrow, investor, "100.00", at=at)
        wire = factories.deposit(escrow, investor, "200.00", at=at, method="WIRE")
        client, today = client_of(operator), at.date().isoformat()
        for query in (
            {"payment_method": "WIRE"},
            {"payment_method": "WIRE", "first_day": today, "last_day": today, "status": wire.status},
            {"payment_method": "WIRE", "from_user_id": str(investor.pk), "escrow_account_id": str(escrow.pk)},
        ):
            assert [row["id"] for row in client.get(URL, query).json()["results"]] == [str(wire.pk)]
        assert client.get(URL, {"last_day": "2020-01-01"}).json()["results"] == []

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("page_size=0", "page_size"),
            ("page_size=101", "page_size"),
            ("page_size=many", "page_size"),
            ("cursor=nonsense", "cursor"),
            ("cursor=%00", "cursor"),
            ("status=LOST", "status"),
            ("from_user_id=me", "from_user_id"),
            ("first_day=2026-13-01", "first_day"),
            ("first_day=0001-01-01", "first_day"),
            ("first_day=2026-02-01&last_day=2026-01-01", "last_day"),
            ("stauts=QUEUED", "stauts"),
            ("status=QUEUED&status=FAILED", "status"),
        ],
    )
    def test_refuses_what_it_cannot_read(self, client_of: ClientOf, investor: User, query: str, field: str) -> None:
        response = client_of(investor).get(f"{URL}?{query}")
        assert response.status_code == 400
        assert response.json()["error"]["code"] == "VALIDATION_ERROR"
        assert field in response.json()["error"]["details"]

    def test_asks_the_database_as_often_for_one_row_as_for_many(
        self,
        client_of: ClientOf,
        escrow: EscrowAccount,
        investor: User,
        at: datetime,
        django_assert_max_num_queries: Any,
    ) -> None:
        for number in range(1, 6):
            factories.deposit(escrow, investor, f"{number}00.00", at=at)
        client = client_of(investor)
        with django_assert_max_num_queries(5):
            assert len(client.get(URL).json()["results"]) == 5


class TestStats:
    def test_counts_and_sums_what_one_may_see(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        other = factories.make_investor("Otto Other", verifier=operator, at=at)
        factories.deposit(escrow, investor, "100.00", at=at)
        factories.deposit(escrow, other, "200.50", at=at)
        theirs, everything = (client_of(user).get(f"{URL}/stats").json() for user in (investor, operator))
        assert (theirs["count"], theirs["amount"]) == (1, "100.00")
        assert (everything["count"], everything["amount"]) == (2, "300.50")
        assert everything["by_status"] == [{"status": "QUEUED", "count": 2, "amount": "300.50"}]
        assert everything["by_type"] == [{"type": "DEPOSIT", "count": 2, "amount": "300.50"}]

    def test_refuses_to_read_years_of_rows(self, client_of: ClientOf, operator: User) -> None:
        response = client_of(operator).get(f"{URL}/stats?first_day=2019-01-01&last_day=2026-01-01")
        assert response.status_code == 400


class TestDescribe:
    def test_changes_the_words_only(
        self, client_of: ClientOf, escrow: EscrowAccount, operator: User, investor: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "1000.00", at=at)
        words = {"description": "March", "internal_memo": "By telephone", "metadata": {"a": "b"}}
        body = client_of(operator).patch(f"{URL}/{payment.pk}", words, format="json").json()
        assert {name: body[name] for name in words} == words
        assert sorted(fee["amount"] for fee in body["fees"]) == ["0.80", "5.00"]

    @pytest.mark.parametrize(
        "words", [{"amount": "1.00"}, {"status": "COMPLETED"}, {}, {"metadata": {"n": 1.5}}, {"description": "x" * 301}]
    )
    def test_refuses_everything_else(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, at: datetime, words: dict[str, object]
    ) -> None:
        payment = factories.deposit(escrow, investor, "1000.00", at=at)
        before = fingerprint()
        response = client_of(investor).patch(f"{URL}/{payment.pk}", words, format="json")
        assert response.status_code == 400
        assert fingerprint() == before

    def test_keeps_the_memo_for_staff(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "1000.00", at=at)
        response = client_of(investor).patch(f"{URL}/{payment.pk}", {"internal_memo": "mine"}, format="json")
        assert response.status_code == 403


class TestSteps:
    def test_a_draw_is_approved_by_another_person(
        self, client_of: ClientOf, funded: EscrowAccount, operator: User, approver: User
    ) -> None:
        status, body = post(client_of(operator), draw(funded))
        assert (status, body["status"]) == (201, "PENDING_APPROVAL")
        url = f"{URL}/{body['id']}/approve"
        refused = client_of(operator).post(url, {}, format="json")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")
        approved = client_of(approver).post(url)
        assert (approved.status_code, approved.json()["status"]) == (200, "QUEUED")
        assert approved.json()["approved_by_id"] == str(approver.pk)

    def test_holds_releases_and_cancels(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "1000.00", at=at)
        staff, url = client_of(operator), f"{URL}/{payment.pk}"
        held = staff.post(f"{url}/hold", {"reason": "A question"}, format="json").json()
        assert (held["status"], held["hold_reason"]) == ("ON_HOLD", "A question")
        assert client_of(investor).get(url).json()["hold_reason"] is None
        assert staff.post(f"{url}/release", {"reason": ""}, format="json").json()["status"] == "QUEUED"
        cancelled = client_of(investor).post(f"{url}/cancel", {"reason": "Changed my mind"}, format="json").json()
        assert (cancelled["status"], cancelled["cancelled_reason"]) == ("CANCELLED", "Changed my mind")

    def test_rejects_with_a_reason(
        self, client_of: ClientOf, funded: EscrowAccount, operator: User, approver: User
    ) -> None:
        _, body = post(client_of(operator), draw(funded))
        url = f"{URL}/{body['id']}/reject"
        assert client_of(approver).post(url, {"reason": " "}, format="json").status_code == 400
        assert client_of(approver).post(url, {"reason": "No invoice"}, format="json").json()["status"] == "CANCELLED"

    def test_retries_only_what_failed(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "1000.00", at=at)
        response = client_of(operator).post(f"{URL}/{payment.pk}/retry")
        assert (response.status_code, response.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")

    @pytest.mark.parametrize("step", ["approve", "reject", "hold", "release", "retry"])
    def test_investors_may_not_take_the_steps_of_staff(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, at: datetime, step: str
    ) -> None:
        payment = factories.deposit(escrow, investor, "1000.00", at=at)
        body = {"reason": "Because"} if step in ("reject", "hold") else {}
        before = fingerprint()
        response = client_of(investor).post(f"{URL}/{payment.pk}/{step}", body, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")
        assert fingerprint() == before

    @pytest.mark.parametrize("step", ["approve", "reject", "cancel", "hold", "release", "retry"])
    def test_somebody_elses_payment_is_not_found(self, client_of: ClientOf, investor: User, step: str) -> None:
        response = client_of(investor).post(f"{URL}/{uuid4()}/{step}", {"reason": "x"}, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "TRANSACTION_NOT_FOUND")
