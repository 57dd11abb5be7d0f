"""Distributions over REST, from the draft to the payments."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from compliance.models import InvestorProfile
from distributions.models import Distribution
from escrow.models import EscrowAccount
from realco.business_days import banking_date
from realco.models import User
from tests import factories
from tests.api.conftest import ClientOf, fingerprint
from tests.stages import staged

pytestmark = pytest.mark.slow

URL = "/api/v1/distributions"


@staged
def distributing(funded: EscrowAccount, operator: User, at: datetime) -> EscrowAccount:
    """An escrow account whose offering has terms and money to distribute."""
    factories.make_terms(
        funded.offering, template="original_four_tiers", effective_from=banking_date(at), by=operator, at=at
    )
    return funded


def draft(account: EscrowAccount, at: datetime, **changes: object) -> dict[str, object]:
    return {
        "offering_id": str(account.offering_id),
        "type": "PROFIT_SPLIT",
        "total_amount": "1000.00",
        "as_of_date": banking_date(at).isoformat(),
        **changes,
    }


def post(client: APIClient, body: dict[str, object], key: str = "key-1") -> tuple[int, dict[str, Any]]:
    response = client.post(URL, body, format="json", HTTP_IDEMPOTENCY_KEY=key)
    return response.status_code, response.json()


def submitted(client: APIClient, account: EscrowAccount, at: datetime) -> str:
    """Draw one up, calculate and submit it; return its address."""
    _, body = post(client, draft(account, at))
    url = f"{URL}/{body['id']}"
    assert client.post(f"{url}/calculate").status_code == 200
    answer = client.post(f"{url}/submit")
    assert (answer.status_code, answer.json()["status"]) == (200, "PENDING_APPROVAL")
    return url


class TestCreate:
    def test_draws_up_a_draft_once_for_a_key(
        self, client_of: ClientOf, distributing: EscrowAccount, operator: User, at: datetime
    ) -> None:
        client = client_of(operator)
        first = post(client, draft(distributing, at))
        assert (first[0], first[1]["status"], first[1]["total_amount"]) == (201, "DRAFT", "1000.00")
        before = fingerprint()
        assert post(client, draft(distributing, at)) == first
        status, body = post(client, draft(distributing, at, total_amount="999.99"))
        assert (status, body["error"]["code"]) == (409, "DUPLICATE_RESOURCE")
        assert fingerprint() == before

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"total_amount": "-1.00"}, 400, "VALIDATION_ERROR"),
            ({"total_amount": "0"}, 400, "VALIDATION_ERROR"),
            ({"total_amount": "10.123"}, 400, "VALIDATION_ERROR"),
            ({"total_amount": "1e20"}, 400, "VALIDATION_ERROR"),
            ({"total_amount": 10.5}, 400, "VALIDATION_ERROR"),
            ({"total_amount": "100000.00"}, 422, "INSUFFICIENT_FUNDS"),
            ({"currency": "EUR"}, 400, "VALIDATION_ERROR"),
            ({"type": "BONUS"}, 400, "VALIDATION_ERROR"),
            ({"offering_id": str(uuid4())}, 404, "OFFERING_NOT_FOUND"),
            ({"as_of_date": "2199-12-31"}, 400, "VALIDATION_ERROR"),
            ({"as_of_date": "31.12.2026"}, 400, "VALIDATION_ERROR"),
        ],
    )
    def test_refuses_bad_input(
        self,
        client_of: ClientOf,
        distributing: EscrowAccount,
        operator: User,
        at: datetime,
        change: dict[str, object],
        status: int,
        code: str,
    ) -> None:
        client, before = client_of(operator), fingerprint()
        found, body = post(client, draft(distributing, at, **change))
        assert (found, body["error"]["code"]) == (status, code)
        assert fingerprint() == before

    def test_an_offering_that_is_still_raising_distributes_nothing(
        self, client_of: ClientOf, escrow: EscrowAccount, operator: User, at: datetime
    ) -> None:
        client, before = client_of(operator), fingerprint()
        status, body = post(client, draft(escrow, at))
        assert (status, body["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")
        assert fingerprint() == before

    def test_investors_draw_up_nothing(
        self, client_of: ClientOf, distributing: EscrowAccount, investor: User, at: datetime
    ) -> None:
        status, body = post(client_of(investor), draft(distributing, at))
        assert (status, body["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")


class TestTheWayThrough:
    def test_is_calculated_previewed_signed_and_paid(
        self,
        client_of: ClientOf,
        distributing: EscrowAccount,
        investor: User,
        operator: User,
        approver: User,
        at: datetime,
    ) -> None:
        staff, signer = client_of(operator), client_of(approver)
        url = submitted(staff, distributing, at)
        preview = signer.get(f"{url}/preview").json()
        assert sum(Decimal(row["total_amount"]) for row in preview["allocations"]) == Decimal("1000.00")
        assert (preview["changes"], preview["signers"], preview["signatures_needed"]) == ([], [], 1)
        own = staff.post(f"{url}/approve", {"content_hash": preview["content_hash"]}, format="json")
        assert (own.status_code, own.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")
        approved = signer.post(f"{url}/approve", {"content_hash": preview["content_hash"]}, format="json").json()
        assert approved["status"] == "APPROVED"
        assert client_of(investor).get(url).json()["content_hash"] is None
        executed = staff.post(f"{url}/execute")
        assert (executed.status_code, executed.json()["status"]) == (200, "PROCESSING")
        rows = client_of(investor).get(f"{url}/allocations").json()["results"]
        assert {row["investor_id"] for row in rows} == {str(investor.pk)}
        assert {row["status"] for row in rows} == {"PROCESSING"}
        assert staff.get(f"{url}/progress").json()["is_running"] is True
        again = staff.post(f"{url}/execute")
        assert (again.status_code, again.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")

    def test_says_how_far_it_is_and_who_waits(
        self,
        client_of: ClientOf,
        distributing: EscrowAccount,
        investor: User,
        operator: User,
        approver: User,
        at: datetime,
    ) -> None:
        InvestorProfile.objects.filter(user=investor).update(restricted_at=at, restriction_reason="Dispute")
        staff = client_of(operator)
        url = submitted(staff, distributing, at)
        assert staff.get(f"{url}/progress").json()["is_running"] is False
        said = {"content_hash": Distribution.objects.get().content_hash}
        client_of(approver).post(f"{url}/approve", said, format="json")
        staff.post(f"{url}/execute")

        stages = staff.get(f"{url}/progress").json()
        assert (stages["waiting"], stages["made"], stages["paid"]) == (1, stages["total"] - 1, 0)
        [row] = client_of(investor).get(f"{url}/allocations").json()["results"]
        assert (row["status"], row["waiting_reason"]) == (
            "PENDING",
            "We cannot pay this yet. Please get in touch with us.",
        )
        waiting = [one for one in staff.get(f"{url}/allocations").json()["results"] if one["waiting_reason"]]
        assert "restricted" in waiting[0]["waiting_reason"]
        assert client_of(investor).get(f"{url}/progress").status_code == 403

    def test_takes_a_platform_fee_off_the_top(
        self, client_of: ClientOf, distributing: EscrowAccount, operator: User, at: datetime
    ) -> None:
        client = client_of(operator)
        status, body = post(client, draft(distributing, at, platform_fee_amount="10.00"))
        assert (status, body["net_amount"]) == (201, "990.00")

    def test_a_stale_hash_signs_nothing(
        self, client_of: ClientOf, distributing: EscrowAccount, operator: User, approver: User, at: datetime
    ) -> None:
        url = submitted(client_of(operator), distributing, at)
        signer, before = client_of(approver), fingerprint()
        response = signer.post(f"{url}/approve", {"content_hash": "0" * 64}, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")
        assert fingerprint() == before

    @pytest.mark.parametrize("step", ["submit", "execute", "retry", "approve"])
    def test_a_draft_takes_no_later_step(
        self,
        client_of: ClientOf,
        distributing: EscrowAccount,
        operator: User,
        approver: User,
        at: datetime,
        step: str,
    ) -> None:
        _, body = post(client_of(operator), draft(distributing, at))
        client = client_of(approver if step == "approve" else operator)
        before = fingerprint()
        said = {"content_hash": "0" * 64} if step == "approve" else {}
        response = client.post(f"{URL}/{body['id']}/{step}", said, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")
        assert fingerprint() == before

    def test_is_cancelled_with_a_reason(
        self, client_of: ClientOf, distributing: EscrowAccount, operator: User, at: datetime
    ) -> None:
        client = client_of(operator)
        url = submitted(client, distributing, at)
        assert client.post(f"{url}/cancel", {}, format="json").status_code == 400
        cancelled = client.post(f"{url}/cancel", {"reason": "Wrong quarter"}, format="json").json()
        assert (cancelled["status"], cancelled["cancelled_reason"]) == ("CANCELLED", "Wrong quarter")


class TestWhoSees:
    def test_investors_see_nothing_before_it_is_approved(
        self, client_of: ClientOf, distributing: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        url = submitted(client_of(operator), distributing, at)
        client = client_of(investor)
        assert client.get(URL).json()["results"] == []
        for below in ("", "/preview", "/allocations"):
            response = client.get(f"{url}{below}")
            assert (response.status_code, response.json()["error"]["code"]) == (404, "DISTRIBUTION_NOT_FOUND")

    def test_somebody_it_does_not_pay_never_sees_it(
        self,
        client_of: ClientOf,
        distributing: EscrowAccount,
        operator: User,
        approver: User,
        at: datetime,
    ) -> None:
        url = submitted(client_of(operator), distributing, at)
        signature = {"content_hash": Distribution.objects.get().content_hash}
        client_of(approver).post(f"{url}/approve", signature, format="json")
        other = factories.make_investor("Otto Other", verifier=operator, at=at)
        assert client_of(other).get(url).status_code == 404

    def test_staff_list_and_filter_all(
        self, client_of: ClientOf, distributing: EscrowAccount, operator: User, at: datetime
    ) -> None:
        client = client_of(operator)
        _, body = post(client, draft(distributing, at))
        for query, expected in (({"status": "DRAFT"}, [body["id"]]), ({"status": "COMPLETED"}, [])):
            assert [row["id"] for row in client.get(URL, query).json()["results"]] == expected
