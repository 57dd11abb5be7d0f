"""One body for every error, whatever went wrong, and one status for each code."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from django.db import OperationalError
from rest_framework.exceptions import Throttled
from rest_framework.test import APIClient

from realco.api import errors
from realco.api.errors import STATUSES, handle
from realco.errors import ProviderUnavailable, Refusal
from realco.models import User
from tests.api.conftest import ClientOf


def every(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for below in kind.__subclasses__():
        yield below
        yield from every(below)


def load(package: str) -> None:
    """Import all modules of a package, so that their refusals are known."""
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if ".migrations" not in module.name and ".management" not in module.name:
            importlib.import_module(module.name)


def test_every_refusal_has_a_status() -> None:
    for package in ("realco", "compliance", "escrow", "finance", "distributions"):
        load(package)
    refusals = list(every(Refusal))
    assert len(refusals) > 40
    assert {refusal.__name__: refusal.code for refusal in refusals if refusal.code not in STATUSES} == {}


def test_codes_and_statuses_are_those_of_the_interface() -> None:
    promised = {
        "VALIDATION_ERROR": 400, "INVALID_TOKEN": 401, "INSUFFICIENT_PERMISSIONS": 403, "COMPLIANCE_ERROR": 403,
        "TRANSACTION_NOT_FOUND": 404, "DUPLICATE_RESOURCE": 409, "INVALID_STATE_TRANSITION": 422,
        "TRANSACTION_LIMIT_EXCEEDED": 422, "INSUFFICIENT_FUNDS": 422, "RATE_LIMIT_ERROR": 429, "STRIPE_ERROR": 502,
        "PLAID_ERROR": 502,
    }  # fmt: skip
    assert promised.items() <= STATUSES.items()


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (Throttled(wait=12.3), 429, "RATE_LIMIT_ERROR"),
        (OperationalError("canceling statement due to lock timeout"), 503, "SERVICE_UNAVAILABLE"),
        (ProviderUnavailable("no answer"), 502, "PROVIDER_ERROR"),
        (RuntimeError("secret words"), 500, "INTERNAL_ERROR"),
    ],
)
def test_what_goes_wrong_inside_has_the_same_body(failure: Exception, status: int, code: str) -> None:
    response = handle(failure, {})
    assert (response.status_code, response.data["error"]["code"]) == (status, code)
    assert set(response.data["error"]) == {"code", "message", "details"}
    assert "secret" not in str(response.data)


def test_an_unforeseen_failure_is_logged_in_full(caplog: pytest.LogCaptureFixture) -> None:
    errors.handle(RuntimeError("secret words"), {})
    assert "secret words" in caplog.text


class TestAddresses:
    @pytest.mark.parametrize("path", ["", "nothing", "transactions/", "transactions/a/b", "escrow-accounts/x/y/z"])
    def test_an_unknown_address_is_answered_like_every_error(self, db: None, path: str) -> None:
        for method in ("get", "post", "delete"):
            response = getattr(APIClient(), method)(f"/api/v1/{path}")
            assert response.status_code == 404
            assert response.json() == {
                "error": {"code": "NOT_FOUND", "message": "There is nothing here.", "details": {}}
            }

    @pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
    def test_an_unknown_method_is_refused(self, client_of: ClientOf, investor: User, method: str) -> None:
        response = getattr(client_of(investor), method)("/api/v1/transactions")
        assert response.status_code == 405
        assert response.json()["error"]["code"] == "METHOD_NOT_ALLOWED"

    def test_an_answer_that_is_not_json_is_not_given(self, client_of: ClientOf, investor: User) -> None:
        response = client_of(investor).get("/api/v1/transactions", HTTP_ACCEPT="application/xml")
        assert response.status_code == 406
        assert response.json()["error"]["code"] == "NOT_ACCEPTABLE"
