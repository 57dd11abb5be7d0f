"""Every bad input that the API is sent has its status, its code and its words, and leaves no trace."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from compliance.models import InvestorProfile
from escrow.models import EscrowAccount
from escrow.operations import escrow_accounts
from finance.models import Transaction
from finance.operations import bank_accounts
from realco.models import AuditEvent, User
from realco.operations import offerings
from tests import factories
from tests.api.conftest import ClientOf, deposit, draw, fingerprint
from tests.stages import staged

URL = "/api/v1/transactions"


@dataclass(frozen=True)
class World:
    """Who and what the bad inputs are about."""

    investor: User
    other: User
    operator: User
    approver: User
    compliance: User
    escrow: EscrowAccount
    at: datetime


@staged
def world(
    investor: User, operator: User, approver: User, compliance_officer: User, escrow: EscrowAccount, at: datetime
) -> World:
    other = factories.make_investor("Otto Other", verifier=operator, at=at)
    return World(investor, other, operator, approver, compliance_officer, escrow, at)


def refused(response: Any, status: int, code: str, words: str) -> None:
    """Check an error's status, body and words."""
    body = response.json()
    assert (response.status_code, body["error"]["code"]) == (status, code), body
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "details"}
    assert words in body["error"]["message"], body["error"]["message"]


def raw_amount(client: APIClient, world: World, amount: str) -> Any:
    """Ask for a deposit whose amount is written into the JSON as it stands."""
    account = world.investor.bank_accounts.get()
    body = (
        f'{{"type": "DEPOSIT", "payment_method": "ACH", "amount": {amount}, "escrow_account_id": "{world.escrow.pk}",'
        f' "from_bank_account_id": "{account.pk}"}}'
    )
    return client.post(URL, body, content_type="application/json", HTTP_IDEMPOTENCY_KEY="key-1")


class TestAmounts:
    @pytest.mark.parametrize(
        ("amount", "words"),
        [
            ('"-1.00"', "more than zero"),
            ("-1", "more than zero"),
            ('"0"', "more than zero"),
            ("0", "more than zero"),
            ('"0.00"', "more than zero"),
            ('"-0.00"', "more than zero"),
            ('"10.123"', "more than two decimals"),
            ("10.123", "not in whole cents"),
            ("10.50", "a float loses cents"),
            ("1e2", "a float loses cents"),
            ("NaN", "finite"),
            ("Infinity", "finite"),
            ("-Infinity", "finite"),
            ('"NaN"', "not an amount"),
            ('"Infinity"', "not an amount"),
            ("1e20", "too large"),
            ('"1e20"', "not an amount"),
            ("100000000000000000000", "too large"),
            ('"100000000000000000000.00"', "too large"),
            ('"1,000.00"', "not an amount"),
            ('"$5"', "not an amount"),
            ('"١٢"', "not an amount"),
            ('""', "empty"),
            ("null", "may not be null"),
            ("true", "not yes or no"),
            ("[]", "An amount is text"),
            ("{}", "An amount is text"),
            ('"' + "9" * 5000 + '"', "too large"),
        ],
    )
    def test_is_refused_in_words(self, client_of: ClientOf, world: World, amount: str, words: str) -> None:
        client, before = client_of(world.investor), fingerprint()
        response = raw_amount(client, world, amount)
        refused(response, 400, "VALIDATION_ERROR", words)
        assert list(response.json()["error"]["details"]) == ["amount"]
        assert fingerprint() == before


def _suspended(world: World) -> None:
    bank_accounts.suspend(world.investor.bank_accounts.get(), by=world.operator, reason="R03", at=world.at)


def _unverified(world: World) -> str:
    account = bank_accounts.add(
        world.investor,
        account_number="000987654321",
        routing_number=factories.ROUTING,
        holder_name=world.investor.full_name,
        bank_name="Test Bank",
        by=world.investor,
        at=world.at,
    )
    return str(account.pk)


def _frozen(world: World) -> None:
    escrow_accounts.freeze(world.escrow, by=world.compliance, reason="A court order", at=world.at)


def _closed(world: World) -> None:
    escrow_accounts.close(world.escrow, by=world.operator, reason="Nothing left", at=world.at)


def _called_off(world: World) -> None:
    offerings.call_off(world.escrow.offering, by=world.operator, reason="No seller", at=world.at)


def _over_limit(world: World) -> dict[str, object]:
    InvestorProfile.objects.filter(user=world.investor).update(is_accredited=False)
    return {"amount": "50000.01"}


Change = Callable[[World], dict[str, object] | None]

DEPOSITS: dict[str, tuple[Change, int, str, str]] = {
    "another currency": (lambda w: {"currency": "EUR"}, 400, "VALIDATION_ERROR", "Only USD is dealt in"),
    "an unknown escrow account": (
        lambda w: {"escrow_account_id": str(uuid4())}, 400, "VALIDATION_ERROR", "no such escrow account",
    ),
    "an unknown bank account": (
        lambda w: {"from_bank_account_id": str(uuid4())}, 400, "VALIDATION_ERROR", "no such bank account",
    ),
    "an unknown payer": (
        lambda w: {"from_user_id": str(uuid4())}, 400, "VALIDATION_ERROR", "no such payer",
    ),
    "somebody else's bank account": (
        lambda w: {"from_bank_account_id": str(w.other.bank_accounts.get().pk)},
        400, "VALIDATION_ERROR", "no such bank account of this person",
    ),
    "somebody else's money": (
        lambda w: {"from_user_id": str(w.other.pk), "from_bank_account_id": str(w.other.bank_accounts.get().pk)},
        403, "INSUFFICIENT_PERMISSIONS", "permission",
    ),
    "no bank account": (
        lambda w: {"from_bank_account_id": None}, 400, "VALIDATION_ERROR", "Choose the bank account",
    ),
    "an unverified bank account": (
        lambda w: {"from_bank_account_id": _unverified(w)}, 400, "VALIDATION_ERROR", "pending verification",
    ),
    "a suspended bank account": (lambda w: _suspended(w), 400, "VALIDATION_ERROR", "suspended"),
    "a frozen escrow account": (lambda w: _frozen(w), 422, "INVALID_STATE_TRANSITION", "frozen"),
    "a closed escrow account": (lambda w: _closed(w), 422, "INVALID_STATE_TRANSITION", "is closed"),
    "a closed offering": (lambda w: _called_off(w), 422, "INVALID_STATE_TRANSITION", "takes no investments"),
    "over the limit": (lambda w: _over_limit(w), 422, "TRANSACTION_LIMIT_EXCEEDED", "50,000.00"),
    "half a character for a type": (lambda w: {"type": "\ud800"}, 400, "VALIDATION_ERROR", "not valid JSON"),
    "half a character for a name": (lambda w: {"\ud800": "x"}, 400, "VALIDATION_ERROR", "not valid JSON"),
    "an unknown type": (lambda w: {"type": "GIFT"}, 400, "VALIDATION_ERROR", "“GIFT” is not one of DEPOSIT"),
    "a type that is not text": (lambda w: {"type": ["DEPOSIT"]}, 400, "VALIDATION_ERROR", "is not one of"),
    "an unknown method": (lambda w: {"payment_method": "CASH"}, 400, "VALIDATION_ERROR", "“CASH” is not one of"),
    "a staff type": (
        lambda w: {"type": "CONSTRUCTION_DRAW", "from_bank_account_id": None, "to_user_id": str(w.investor.pk)},
        403, "INSUFFICIENT_PERMISSIONS", "permission",
    ),
    "a misspelt field": (lambda w: {"currncy": "USD"}, 400, "VALIDATION_ERROR", "not known here"),
    "an id that is none": (lambda w: {"escrow_account_id": "ESCROW-1"}, 400, "VALIDATION_ERROR", "UUID"),
    "an id that is a number": (lambda w: {"escrow_account_id": 10**60}, 400, "VALIDATION_ERROR", "UUID"),
    "a description that is a number": (lambda w: {"description": 5}, 400, "VALIDATION_ERROR", "string"),
    "a NUL in a text": (lambda w: {"description": "a\x00b"}, 400, "VALIDATION_ERROR", "Null characters"),
    "half a character": (lambda w: {"description": "\ud800"}, 400, "VALIDATION_ERROR", "not valid JSON"),
    "a NUL in the notes": (lambda w: {"metadata": {"a": "\x00"}}, 400, "VALIDATION_ERROR", "Null characters"),
    "a NUL in a note's name": (lambda w: {"metadata": {"\x00": "a"}}, 400, "VALIDATION_ERROR", "Null characters"),
    "a nested note": (lambda w: {"metadata": {"a": {"b": "c"}}}, 400, "VALIDATION_ERROR", "string"),
    "too many notes": (
        lambda w: {"metadata": {str(n): "x" for n in range(51)}}, 400, "VALIDATION_ERROR", "at most 50",
    ),
    "our name among the notes": (lambda w: {"metadata": {"fees": "none"}}, 400, "VALIDATION_ERROR", "is taken"),
}  # fmt: skip


class TestDeposits:
    @pytest.mark.parametrize("case", DEPOSITS)
    def test_is_refused_in_words(self, client_of: ClientOf, world: World, case: str) -> None:
        change, status, code, words = DEPOSITS[case]
        body = deposit(world.escrow, world.investor)
        body |= change(world) or {}
        client, before = client_of(world.investor), fingerprint()
        response = client.generic(
            "POST", URL, json.dumps(body), content_type="application/json", HTTP_IDEMPOTENCY_KEY="key-1"
        )
        refused(response, status, code, words)
        assert fingerprint() == before

    def test_says_of_every_field_what_is_wrong_with_it(self, client_of: ClientOf, world: World) -> None:
        response = client_of(world.investor).post(
            URL, {"type": "GIFT", "amount": "-1"}, format="json", HTTP_IDEMPOTENCY_KEY="key-1"
        )
        refused(response, 400, "VALIDATION_ERROR", "4 fields need correcting")
        assert set(response.json()["error"]["details"]) == {"type", "payment_method", "amount", "escrow_account_id"}

    def test_a_payment_stopped_by_compliance_leaves_its_evidence_and_no_money(
        self, client_of: ClientOf, world: World
    ) -> None:
        InvestorProfile.objects.filter(user=world.investor).update(kyc_status="FAILED")
        response = client_of(world.investor).post(
            URL, deposit(world.escrow, world.investor), format="json", HTTP_IDEMPOTENCY_KEY="key-1"
        )
        refused(response, 403, "COMPLIANCE_ERROR", "")
        payment = Transaction.objects.get()
        assert payment.status == "CANCELLED"
        assert payment.compliance_checks.exists()
        assert not payment.journal_entries.exists()


class TestKeys:
    @pytest.mark.parametrize("key", ["", " ", "x" * 201, "ключ", "a\tb"])
    def test_a_key_is_required_and_plain(self, client_of: ClientOf, world: World, key: str) -> None:
        client, before = client_of(world.investor), fingerprint()
        response = client.post(
            URL, deposit(world.escrow, world.investor), format="json", headers={"Idempotency-Key": key}
        )
        refused(response, 400, "VALIDATION_ERROR", "Idempotency-Key")
        assert fingerprint() == before

    def test_no_key_at_all(self, client_of: ClientOf, world: World) -> None:
        response = client_of(world.investor).post(URL, deposit(world.escrow, world.investor), format="json")
        refused(response, 400, "VALIDATION_ERROR", "Idempotency-Key")

    def test_another_body_under_a_used_key(self, client_of: ClientOf, world: World) -> None:
        client = client_of(world.investor)
        body = deposit(world.escrow, world.investor)
        client.post(URL, body, format="json", HTTP_IDEMPOTENCY_KEY="key-1")
        before = fingerprint()
        response = client.post(URL, {**body, "amount": "1000.01"}, format="json", HTTP_IDEMPOTENCY_KEY="key-1")
        refused(response, 409, "DUPLICATE_RESOURCE", "Use a new key")
        assert fingerprint() == before


class TestStates:
    @pytest.mark.parametrize(
        ("step", "body", "words"),
        [
            ("approve", {}, "does not wait for approval"),
            ("reject", {"reason": "No"}, "does not wait for approval"),
            ("release", {}, "not on hold"),
        ],
    )
    def test_a_step_that_does_not_exist_from_there(
        self, client_of: ClientOf, world: World, step: str, body: dict[str, str], words: str
    ) -> None:
        payment = factories.deposit(world.escrow, world.investor, "1000.00", at=world.at)
        client, before = client_of(world.approver), fingerprint()
        response = client.post(f"{URL}/{payment.pk}/{step}", body, format="json")
        refused(response, 422, "INVALID_STATE_TRANSITION", words)
        assert fingerprint() == before

    def test_what_is_at_the_bank_is_no_longer_cancelled_or_held(self, client_of: ClientOf, world: World) -> None:
        payment = factories.deposit(world.escrow, world.investor, "1000.00", at=world.at)
        factories.play(payment, at=world.at, until="PENDING_SETTLEMENT")
        client, before = client_of(world.operator), fingerprint()
        for step, words in (("cancel", "can no longer be cancelled"), ("hold", "can no longer be held")):
            response = client.post(f"{URL}/{payment.pk}/{step}", {"reason": "Late"}, format="json")
            refused(response, 422, "INVALID_STATE_TRANSITION", words)
        assert fingerprint() == before

    def test_a_stale_approval_signs_nothing(self, client_of: ClientOf, funded: EscrowAccount, world: World) -> None:
        asked = client_of(world.operator).post(URL, draw(funded), format="json", HTTP_IDEMPOTENCY_KEY="draw-1").json()
        url, client = f"{URL}/{asked['id']}", client_of(world.approver)
        client_of(world.operator).post(f"{url}/cancel", {"reason": "Wrong invoice"}, format="json")
        before = fingerprint()
        refused(client.post(f"{url}/approve"), 422, "INVALID_STATE_TRANSITION", "cancelled")
        assert fingerprint() == before

    def test_more_than_there_is(self, client_of: ClientOf, funded: EscrowAccount, world: World) -> None:
        body = draw(funded, "20000.00")
        asked = client_of(world.operator).post(URL, body, format="json", HTTP_IDEMPOTENCY_KEY="draw-1").json()
        client, before = client_of(world.approver), fingerprint()
        response = client.post(f"{URL}/{asked['id']}/approve")
        refused(response, 422, "INSUFFICIENT_FUNDS", "")
        assert fingerprint() == before


def send(client: Any, body: bytes, kind: str) -> Any:
    """Send bytes as they are."""
    return client.generic("POST", URL, body, content_type=kind, HTTP_IDEMPOTENCY_KEY="key-1")


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"[]",
            b'"text"',
            b"\xff\xfe",
            b'{"amount": "1.00", "amount": "2.00"}',
            b"[" * 100_000,
            b'{"amount": ' + b"9" * 5000 + b"}",
            b'{"a": "\xed\xa0\x80"}',
        ],
    )
    def test_what_is_no_json_object_is_refused(self, client_of: ClientOf, world: World, body: bytes) -> None:
        response = send(client_of(world.investor), body, "application/json")
        refused(response, 400, "VALIDATION_ERROR", "")

    def test_what_is_too_large_is_refused(self, client_of: ClientOf, world: World) -> None:
        body = b'{"description": "' + b"x" * 1_100_000 + b'"}'
        response = send(client_of(world.investor), body, "application/json")
        refused(response, 413, "PAYLOAD_TOO_LARGE", "too large")

    @pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
    def test_what_is_not_json_is_refused(self, client_of: ClientOf, world: World, kind: str) -> None:
        response = send(client_of(world.investor), b"amount=1", kind)
        refused(response, 415, "UNSUPPORTED_MEDIA_TYPE", "application/json")


def test_a_refused_request_is_not_in_the_audit_trail(client_of: ClientOf, world: World) -> None:
    before = AuditEvent.objects.count()
    raw_amount(client_of(world.investor), world, '"-1.00"')
    assert AuditEvent.objects.count() == before
