"""Capital calls over REST: drawn up, approved, paid, excused and cancelled."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from distributions.models import CapitalCall
from distributions.operations import call_payments
from finance.models import Transaction
from realco import clock
from realco.business_days import add_business_days, banking_date
from tests import factories
from tests.api.conftest import ClientOf, fingerprint
from tests.distributions.calls import cleared, make_called_deal, promise
from tests.distributions.deals import Deal
from tests.stages import staged

pytestmark = pytest.mark.django_db
URL = "/api/v1/capital-calls"


@staged
def deal() -> Deal:
    return make_called_deal(at=clock.now() - timedelta(days=400))


def order(deal: Deal, **changes: object) -> dict[str, object]:
    today = banking_date(clock.now())
    wanted = {
        "offering_id": str(deal.offering.pk),
        "total_amount": "80000.00",
        "notice_date": today.isoformat(),
        "due_date": add_business_days(today, 10).isoformat(),
        "purpose": "A new roof",
        "interest_rate": "0.12",
        **changes,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def ask(client_of: ClientOf, deal: Deal, key: str = "call-1", **changes: object) -> Any:
    return client_of(deal.operator).post(URL, order(deal, **changes), format="json", HTTP_IDEMPOTENCY_KEY=key)


@pytest.fixture
def noticed(client_of: ClientOf, deal: Deal) -> str:
    url = f"{URL}/{ask(client_of, deal).json()['id']}"
    assert client_of(deal.operator).post(f"{url}/submit").json()["status"] == "PENDING_APPROVAL"
    assert client_of(deal.approver).post(f"{url}/approve").json()["status"] == "NOTICED"
    return url


def item_url(client_of: ClientOf, deal: Deal, noticed: str, number: int = 0) -> str:
    [item] = client_of(deal.investors[number]).get(f"{noticed}/items").json()["results"]
    return f"{noticed}/items/{item['id']}"


class TestDrawUp:
    def test_is_a_draft_with_its_items(self, client_of: ClientOf, deal: Deal) -> None:
        response = ask(client_of, deal)
        body = response.json()
        assert (response.status_code, body["status"], body["interest_rate"]) == (201, "DRAFT", "0.120000")
        assert body["created_by_id"] == str(deal.operator.pk)
        items = client_of(deal.approver).get(f"{URL}/{body['id']}/items").json()["results"]
        assert sorted(item["missing_amount"] for item in items) == ["16000.00", "24000.00", "40000.00"]

    def test_once_for_a_key(self, client_of: ClientOf, deal: Deal) -> None:
        first = ask(client_of, deal).json()
        before = fingerprint()
        assert ask(client_of, deal).json() == first
        other = ask(client_of, deal, total_amount="80000.01")
        assert (other.status_code, other.json()["error"]["code"]) == (409, "DUPLICATE_RESOURCE")
        assert fingerprint() == before
        assert ask(client_of, deal, key="call-2").json()["id"] != first["id"]

    @pytest.mark.parametrize(
        ("changes", "status", "words"),
        [
            ({"total_amount": "-1.00"}, 400, "more than zero"),
            ({"total_amount": "0"}, 400, "more than zero"),
            ({"total_amount": "500000.01"}, 400, "is uncalled"),
            ({"total_amount": 80000.5}, 400, "a float loses cents"),
            ({"total_amount": None}, 400, "how much is called"),
            ({"currency": "EUR"}, 400, "Only USD"),
            ({"due_date": "2190-01-01", "notice_date": "2020-01-01"}, 400, "not given in the past"),
            ({"due_date": (timezone.now() + timedelta(days=3)).date().isoformat()}, 400, "at the earliest"),
            ({"purpose": ""}, 400, "blank"),
            ({"interest_rate": "1.5"}, 400, "less than 1"),
            ({"interest_rate": "12%"}, 400, "fraction"),
            ({"day_count": "ACT_366"}, 400, "not a valid choice"),
            ({"notice_days": 0}, 400, "greater than"),
            ({"kind": "GIFT"}, 400, "not one of"),
            ({"kind": "LATE_CLOSING"}, 400, "come to"),
            ({"kind": "LATE_CLOSING", "total_amount": None}, 400, "called on everybody"),
            ({"premium_rate": "0.1"}, 400, "late closing"),
            ({"offering_id": str(uuid4())}, 404, "no such offering"),
            ({"surprise": 1}, 400, "not known here"),
        ],
    )
    def test_refuses_in_words(
        self, client_of: ClientOf, deal: Deal, changes: dict[str, Any], status: int, words: str
    ) -> None:
        before = fingerprint()
        response = ask(client_of, deal, **changes)
        assert response.status_code == status, response.json()
        assert words in response.json()["error"]["message"]
        assert fingerprint() == before

    def test_is_for_who_may_and_has_a_key(self, client_of: ClientOf, deal: Deal) -> None:
        for person, status in ((deal.approver, 403), (deal.investors[0], 403)):
            response = client_of(person).post(URL, order(deal), format="json", HTTP_IDEMPOTENCY_KEY="a")
            assert response.status_code == status
        assert "Idempotency-Key" in client_of(deal.operator).post(URL, order(deal)).json()["error"]["details"]

    def test_a_late_closing_says_to_whom_its_premium_is_owed(
        self, client_of: ClientOf, deal: Deal, noticed: str
    ) -> None:
        newcomer = factories.make_investor("Nina Newcomer", verifier=deal.operator, at=clock.now())
        promise(deal, newcomer, "150000.00", at=clock.now())
        due = banking_date(clock.now()) + timedelta(days=60)
        late: dict[str, Any] = {"kind": "LATE_CLOSING", "premium_rate": "0.1", "due_date": due.isoformat()}
        made = ask(client_of, deal, "late-1", total_amount=None, **late).json()
        url = f"{URL}/{made['id']}/equalisation"
        [share] = client_of(deal.approver).get(url).json()["results"]
        assert (share["capital_amount"], len(share["owed_to"])) == ("8000.00", 3)
        assert client_of(newcomer).get(url).status_code == 404
        assert client_of(deal.approver).get(f"{noticed}/equalisation").json()["results"] == []
        assert client_of(deal.investors[0]).get(f"{noticed}/equalisation").status_code == 403


class TestSteps:
    def test_the_wrong_person_and_the_wrong_state(self, client_of: ClientOf, deal: Deal) -> None:
        url = f"{URL}/{ask(client_of, deal).json()['id']}"
        early = client_of(deal.approver).post(f"{url}/approve")
        assert (early.status_code, early.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")
        assert client_of(deal.approver).post(f"{url}/submit").status_code == 403
        client_of(deal.operator).post(f"{url}/submit")
        assert client_of(deal.operator).post(f"{url}/submit").status_code == 422
        assert client_of(deal.operator).post(f"{url}/approve").status_code == 403
        assert client_of(deal.investors[0]).post(f"{url}/approve").json()["error"]["code"] == "CAPITAL_CALL_NOT_FOUND"
        assert CapitalCall.objects.get().status == "PENDING_APPROVAL"

    def test_nobody_approves_what_they_drew_up(self, client_of: ClientOf, deal: Deal) -> None:
        deal.operator.groups.add(factories.make_group("Approvers"))
        url = f"{URL}/{ask(client_of, deal).json()['id']}"
        client_of(deal.operator).post(f"{url}/submit")
        response = client_of(deal.operator).post(f"{url}/approve")
        assert (response.status_code, response.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")
        assert "You drew up this call" in response.json()["error"]["message"]

    def test_is_cancelled_with_a_reason(self, client_of: ClientOf, deal: Deal, noticed: str) -> None:
        assert client_of(deal.approver).post(f"{noticed}/cancel", {}, format="json").status_code == 400
        gone = client_of(deal.approver).post(f"{noticed}/cancel", {"reason": "No roof"}, format="json").json()
        assert (gone["status"], gone["cancelled_reason"]) == ("CANCELLED", "No roof")
        assert client_of(deal.approver).post(f"{noticed}/cancel", {"reason": "x"}, format="json").status_code == 422

    def test_is_seen_without_who_did_what_by_those_it_calls_on(
        self, client_of: ClientOf, deal: Deal, noticed: str
    ) -> None:
        own = client_of(deal.investors[0]).get(noticed).json()
        assert (own["status"], own["created_by_id"], own["approved_by_id"]) == ("NOTICED", None, None)
        assert client_of(deal.offering.organization.owner).get(noticed).status_code == 404


class TestItems:
    def test_are_paged_and_filtered(self, client_of: ClientOf, deal: Deal, noticed: str) -> None:
        client, found = client_of(deal.approver), set()
        wanted: dict[str, str | int] = {"page_size": 1}
        for _ in range(3):
            page = client.get(f"{noticed}/items", wanted).json()
            found |= {item["id"] for item in page["results"]}
            wanted["cursor"] = page["next_cursor"]
        assert len(found) == 3
        assert page["next_cursor"] is None
        assert client.get(f"{noticed}/items", {"status": "PAID"}).json()["results"] == []

    def test_an_investor_pays_their_own_once(self, client_of: ClientOf, deal: Deal, noticed: str) -> None:
        url, client = item_url(client_of, deal, noticed), client_of(deal.investors[0])
        body = {"payment_method": "ACH", "bank_account_id": str(deal.investors[0].bank_accounts.get().pk)}
        first = client.post(f"{url}/pay", body, format="json", HTTP_IDEMPOTENCY_KEY="pay-1")
        assert (first.status_code, first.json()["net_amount"]) == (201, "40000.00")
        again = client.post(f"{url}/pay", body, format="json", HTTP_IDEMPOTENCY_KEY="pay-1")
        assert again.json()["id"] == first.json()["id"]
        other = client.post(f"{url}/pay", {**body, "amount": "1.00"}, format="json", HTTP_IDEMPOTENCY_KEY="pay-1")
        assert (other.status_code, other.json()["error"]["code"]) == (409, "DUPLICATE_RESOURCE")
        more = client.post(f"{url}/pay", body, format="json", HTTP_IDEMPOTENCY_KEY="pay-2")
        assert (more.status_code, "is missing" in more.json()["error"]["message"]) == (400, True)
        item = client.get(url).json()
        assert (item["under_way_amount"], item["missing_amount"], item["status"]) == ("40000.00", "0.00", "OPEN")

    def test_staff_enter_a_wire_as_it_came(self, client_of: ClientOf, deal: Deal, noticed: str) -> None:
        url = item_url(client_of, deal, noticed)
        body = {"payment_method": "WIRE", "gross_amount": "40075.00"}
        made = client_of(deal.operator).post(f"{url}/pay", body, format="json", HTTP_IDEMPOTENCY_KEY="wire-1").json()
        assert (made["amount"], made["fee_amount"], made["net_amount"]) == ("40075.00", "75.00", "40000.00")

        payment = cleared(Transaction.objects.get(pk=made["id"]), at=clock.now())
        call_payments.follow(payment.pk, at=clock.now())

        assert client_of(deal.investors[0]).get(url).json()["status"] == "PAID"

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"amount": "40000.01"}, "which is more"),
            ({"gross_amount": "40075.01"}, "which is more"),
            ({"gross_amount": "20.00"}, "leaves nothing"),
            ({"amount": "-5"}, "more than zero"),
            ({"amount": "1.00", "gross_amount": "2.00"}, "one of the two"),
            ({"currency": "EUR"}, "Only USD"),
            ({"payment_method": "CASH"}, "not one of"),
            ({"payment_method": "ACH"}, "Choose the bank account"),
            ({"bank_account_id": str(uuid4())}, "no such bank account"),
        ],
    )
    def test_paying_refuses_in_words(
        self, client_of: ClientOf, deal: Deal, noticed: str, changes: dict[str, object], words: str
    ) -> None:
        url, before = item_url(client_of, deal, noticed), fingerprint()
        body = {"payment_method": "WIRE", **changes}
        response = client_of(deal.operator).post(f"{url}/pay", body, format="json", HTTP_IDEMPOTENCY_KEY="wire-1")
        assert response.status_code == 400, response.json()
        assert words in response.json()["error"]["message"]
        assert fingerprint() == before

    def test_paying_is_for_the_investor_and_who_may(self, client_of: ClientOf, deal: Deal, noticed: str) -> None:
        url = item_url(client_of, deal, noticed)
        body = {"payment_method": "WIRE"}
        for person, status in ((deal.investors[1], 404), (deal.approver, 403)):
            response = client_of(person).post(f"{url}/pay", body, format="json", HTTP_IDEMPOTENCY_KEY="wire-1")
            assert response.status_code == status
        assert "Idempotency-Key" in client_of(deal.operator).post(f"{url}/pay", body).json()["error"]["details"]

    def test_an_approver_excuses_one(self, client_of: ClientOf, deal: Deal, noticed: str) -> None:
        url = item_url(client_of, deal, noticed)
        reason = {"reason": "Hardship"}
        assert client_of(deal.investors[0]).post(f"{url}/excuse", reason, format="json").status_code == 403
        assert client_of(deal.operator).post(f"{url}/excuse", reason, format="json").status_code == 403
        excused = client_of(deal.approver).post(f"{url}/excuse", reason, format="json").json()
        assert (excused["status"], excused["missing_amount"]) == ("CANCELLED", "0.00")
        again = client_of(deal.approver).post(f"{url}/excuse", reason, format="json")
        assert (again.status_code, again.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")
        late = client_of(deal.operator).post(
            f"{url}/pay", {"payment_method": "WIRE"}, format="json", HTTP_IDEMPOTENCY_KEY="wire-1"
        )
        assert late.status_code == 422
