"""Proofs and history over REST: an investor's own proof, and balances and ledgers as they stood."""

import json
from datetime import datetime, timedelta

import pytest

from escrow import proof_files
from escrow.models import EscrowAccount
from escrow.operations import reconciliations
from realco import signing
from realco.models import User
from tests import factories
from tests.api.conftest import ClientOf
from tests.escrow.money import arrive
from tests.stages import staged

URL = "/api/v1/escrow-accounts"


@staged
def other(operator: User, at: datetime) -> User:
    return factories.make_investor("Otto Other", verifier=operator, at=at)


class TestProof:
    def test_is_the_investors_own_and_checks_out(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, other: User, operator: User, at: datetime
    ) -> None:
        arrive(escrow, investor, "700.10", reference="A", at=at, on=at.date())
        arrive(escrow, other, "900", reference="B", at=at, on=at.date())
        reconciliations.reconcile(escrow, as_of=at.date() - timedelta(days=2), by=operator, at=at)
        for person, cents in ((investor, "70010"), (other, "90000")):
            answer = client_of(person).get(f"{URL}/{escrow.pk}/proof")
            assert answer.status_code == 200
            proof = proof_files.read(answer.content)
            proof_files.verify(proof, signing.public_keys())
            assert (proof.investor_id, json.loads(answer.content)["balances_in_cents"]["INVESTOR"]) == (
                str(person.pk),
                cents,
            )

    def test_is_not_found_before_the_first_reconciliation_nor_by_others(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, other: User, operator: User, at: datetime
    ) -> None:
        arrive(escrow, investor, "700", reference="A", at=at)
        url = f"{URL}/{escrow.pk}/proof"
        assert client_of(investor).get(url).json()["error"]["code"] == "NOT_FOUND"
        reconciliations.reconcile(escrow, as_of=at.date() - timedelta(days=2), by=operator, at=at)
        assert client_of(other).get(url).json()["error"]["code"] == "ESCROW_ACCOUNT_NOT_FOUND"
        staff = client_of(operator).get(url)
        assert (staff.status_code, staff.json()["error"]["code"]) == (404, "NOT_FOUND")


class TestHistory:
    @staged
    def told_at(self, escrow: EscrowAccount, investor: User, at: datetime) -> datetime:
        """Between two deposits; the second is back-dated to before it."""
        day = at.date() - timedelta(days=10)
        arrive(escrow, investor, "1000", reference="A", at=at - timedelta(days=9), on=day)
        arrive(escrow, investor, "250", reference="B", at=at - timedelta(days=2), on=day)
        return at - timedelta(days=5)

    def test_tells_what_was_told_from_what_is_known(
        self,
        client_of: ClientOf,
        escrow: EscrowAccount,
        investor: User,
        operator: User,
        at: datetime,
        told_at: datetime,
    ) -> None:
        day = str(told_at.date())
        wanted = [
            ({}, "1250.00"),
            ({"effective_on": day}, "1250.00"),
            ({"known_at": told_at.isoformat()}, "1000.00"),
            ({"effective_on": day, "known_at": told_at.isoformat()}, "1000.00"),
            ({"effective_on": str(at.date() - timedelta(days=11))}, "0.00"),
        ]
        for person in (investor, operator):
            for query, amount in wanted:
                body = client_of(person).get(f"{URL}/{escrow.pk}/balance", query).json()
                assert (body["current_balance"], body["available_balance"]) == (amount, amount), (person, query)
                assert body["is_whole_account"] is (person == operator)
                assert body["effective_on"] == query.get("effective_on")

    def test_lists_the_ledger_as_it_stood(
        self, client_of: ClientOf, escrow: EscrowAccount, investor: User, operator: User, told_at: datetime
    ) -> None:
        url = f"{URL}/{escrow.pk}/ledger"
        for person, then, now in ((investor, 3, 6), (operator, 6, 12)):
            client = client_of(person)
            assert len(client.get(url, {"known_at": told_at.isoformat()}).json()["results"]) == then
            assert len(client.get(url, {"effective_on": str(told_at.date())}).json()["results"]) == now

    @pytest.mark.parametrize("query", [{"effective_on": "soon"}, {"known_at": "then"}, {"knew_at": "2026-03-31"}])
    def test_refuses_what_is_no_time(
        self, client_of: ClientOf, escrow: EscrowAccount, operator: User, query: dict[str, str]
    ) -> None:
        for below in ("balance", "ledger"):
            assert client_of(operator).get(f"{URL}/{escrow.pk}/{below}", query).status_code == 400
