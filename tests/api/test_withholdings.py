"""Rates of withholding, what was taken off a distribution, and remitting it, over REST."""

from typing import Any
from uuid import uuid4

import pytest

from distributions.models import WithholdingRate
from finance.models import Transaction
from realco.models import User
from tests import factories
from tests.api.conftest import ClientOf, fingerprint
from tests.distributions.deals import EXIT, NOW, Deal, make_deal
from tests.stages import staged

pytestmark = pytest.mark.django_db
RATES = "/api/v1/withholding-rates"


@staged
def deal() -> Deal:
    deal = make_deal()
    deal.earn("1000.00")
    return deal


def order(investor: User, **changes: object) -> dict[str, object]:
    return {
        "investor_id": str(investor.pk),
        "rate": "0.24",
        "effective_from": EXIT.isoformat(),
        "reason": "Form W-8BEN",
        **changes,
    }


class TestRates:
    def test_are_set_and_listed(self, client_of: ClientOf, deal: Deal) -> None:
        response = client_of(deal.operator).post(RATES, order(deal.investors[0]), format="json")
        body = response.json()
        assert (response.status_code, body["rate"], body["entered_by_id"]) == (201, "0.24", str(deal.operator.pk))
        client_of(deal.operator).post(RATES, order(deal.investors[1], rate="0.1"), format="json")

        listed = client_of(deal.approver).get(RATES).json()["results"]
        assert [row["rate"] for row in listed] == ["0.1", "0.24"]
        one = client_of(deal.approver).get(RATES, {"investor_id": str(deal.investors[0].pk)}).json()["results"]
        assert [row["id"] for row in one] == [body["id"]]

    def test_are_seen_by_who_they_are_of(self, client_of: ClientOf, deal: Deal) -> None:
        client_of(deal.operator).post(RATES, order(deal.investors[0]), format="json")
        [own] = client_of(deal.investors[0]).get(RATES).json()["results"]
        assert (own["reason"], own["entered_by_id"]) == ("Form W-8BEN", None)
        assert client_of(deal.investors[1]).get(RATES).json()["results"] == []

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"rate": "1"}, 400, "VALIDATION_ERROR"),
            ({"rate": "-0.1"}, 400, "VALIDATION_ERROR"),
            ({"rate": "24%"}, 400, "VALIDATION_ERROR"),
            ({"rate": 0.24}, 400, "VALIDATION_ERROR"),
            ({"rate": "0.0000001"}, 400, "VALIDATION_ERROR"),
            ({"rate": "."}, 400, "VALIDATION_ERROR"),
            ({"reason": ""}, 400, "VALIDATION_ERROR"),
            ({"effective_from": "soon"}, 400, "VALIDATION_ERROR"),
            ({"surprise": 1}, 400, "VALIDATION_ERROR"),
            ({"investor_id": str(uuid4())}, 404, "NOT_FOUND"),
        ],
    )
    def test_refuse_in_words(
        self, client_of: ClientOf, deal: Deal, changes: dict[str, object], status: int, code: str
    ) -> None:
        before = fingerprint()
        response = client_of(deal.operator).post(RATES, order(deal.investors[0], **changes), format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
        assert fingerprint() == before

    def test_are_nobodys_own_and_for_who_may(self, client_of: ClientOf, deal: Deal) -> None:
        assert client_of(deal.operator).post(RATES, order(deal.operator), format="json").status_code == 403
        assert client_of(deal.approver).post(RATES, order(deal.investors[0]), format="json").status_code == 403
        assert client_of(deal.investors[0]).post(RATES, order(deal.investors[0]), format="json").status_code == 403
        assert client_of(deal.investors[0]).post(RATES, order(deal.investors[1]), format="json").status_code == 404
        assert not WithholdingRate.objects.exists()


class TestRemitting:
    @pytest.fixture
    def url(self, client_of: ClientOf, deal: Deal) -> str:
        client_of(deal.operator).post(RATES, order(deal.investors[0]), format="json")
        return f"/api/v1/distributions/{deal.pay('1000.00').pk}/deductions"

    def body(self, deal: Deal, **changes: object) -> dict[str, object]:
        account = deal.offering.organization.bank_accounts.get()
        return {"kind": "WITHHOLDING", "bank_account_id": str(account.pk), **changes}

    def test_takes_out_what_is_left_once(self, client_of: ClientOf, deal: Deal, url: str) -> None:
        client = client_of(deal.operator)
        made = client.post(f"{url}/remit", self.body(deal), format="json")
        assert (made.status_code, made.json()["amount"], made.json()["status"]) == (201, "120.00", "PENDING_APPROVAL")

        again = client.post(f"{url}/remit", self.body(deal), format="json")
        assert (again.status_code, again.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
        assert Transaction.objects.filter(metadata__remits="WITHHOLDING").count() == 1
        found: list[dict[str, Any]] = client_of(deal.approver).get(url).json()["results"]
        assert found == [
            {"kind": "PLATFORM_FEE", "taken_amount": "0.00", "asked_amount": "0.00", "due_amount": "0.00"},
            {"kind": "WITHHOLDING", "taken_amount": "120.00", "asked_amount": "120.00", "due_amount": "0.00"},
        ]

    def test_refuses_other_accounts_kinds_and_people(self, client_of: ClientOf, deal: Deal, url: str) -> None:
        other = factories.make_investor("Nobody", verifier=deal.operator, at=NOW)
        client, outsider, before = client_of(deal.operator), client_of(other), fingerprint()
        stranger = str(deal.investors[0].bank_accounts.get().pk)
        for changes, status in (
            ({"bank_account_id": stranger}, 404),
            ({"kind": "TIP"}, 400),
            ({"kind": "PLATFORM_FEE"}, 400),
        ):
            assert client.post(f"{url}/remit", self.body(deal, **changes), format="json").status_code == status
        assert client_of(deal.approver).post(f"{url}/remit", self.body(deal), format="json").status_code == 403
        assert client_of(deal.investors[0]).post(f"{url}/remit", self.body(deal), format="json").status_code == 403
        assert client_of(deal.investors[0]).get(url).status_code == 403
        assert outsider.get(url).status_code == 404
        assert fingerprint() == before
