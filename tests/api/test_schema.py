"""The API describes itself: the description is valid, complete, and readable without the Internet."""

import re
from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver

from realco.api.urls import urlpatterns

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def schema() -> Any:
    written = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=written)
    return yaml.safe_load(written.getvalue())


def test_is_valid_and_without_a_warning(schema: Any) -> None:
    assert schema["openapi"].startswith("3.")


def test_describes_every_address(schema: Any) -> None:
    named = {"schema", "docs", "nothing"}
    addresses = {
        "/api/v1/" + re.sub(r"<str:(\w+)>", r"{\1}", str(pattern.pattern))
        for pattern in urlpatterns
        if pattern.name not in named
    }
    assert set(schema["paths"]) == addresses


def test_every_answer_has_its_shape_and_every_error_the_same(schema: Any) -> None:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                shape = answer["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
                assert (shape == "Error") == (int(status) >= 400), (path, method, status)
            assert {"401", "429", "500"} <= set(operation["responses"]), (path, method)
            assert operation["security"] == [{"tokenAuth": []}]


@pytest.mark.parametrize("path", ["/api/v1/transactions", "/api/v1/distributions"])
def test_creating_asks_for_an_idempotency_key(schema: Any, path: str) -> None:
    [key] = [p for p in schema["paths"][path]["post"]["parameters"] if p["name"] == "Idempotency-Key"]
    assert key["in"] == "header"
    assert key["required"] is True
    assert "DUPLICATE_RESOURCE" in key["description"]


def test_money_is_text_with_two_places(schema: Any) -> None:
    money = schema["components"]["schemas"]["Money"]
    assert (money["type"], money["pattern"]) == ("string", r"^-?[0-9]+\.[0-9]{2}$")
    assert "'type': 'number'" not in str(schema["components"]["schemas"])


def test_the_pages_are_served_to_anybody_and_from_here(db: None) -> None:
    client = Client()
    assert client.get("/api/v1/schema").status_code == 200
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    text = page.content.decode()
    assert "swagger-ui" in text
    assert "SANDBOX" in text
    assert b"title: RealCo API, SANDBOX" in client.get("/api/v1/schema").content
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", text) == []
    assert get_resolver().resolve("/api/v1/schema").view_name == "api:schema"
