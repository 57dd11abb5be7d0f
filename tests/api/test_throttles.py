"""Nobody asks more often than agreed, counted per person and kind of request."""

from collections.abc import Iterator

import pytest
from rest_framework.settings import api_settings

from realco.api.throttles import WINDOW, PerHour, limit_of
from realco.models import User
from tests.api.conftest import ClientOf

URL = "/api/v1/transactions"


class Clock:
    now = 1000.0 * WINDOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(PerHour, "timer", staticmethod(clock))
    yield clock


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_settings, "DEFAULT_THROTTLE_RATES", {"create": "2/hour", "get": "3/hour", "list": "4/hour", "retry": "1/hour"})  # fmt: skip  # noqa: E501


def test_the_rates_are_those_of_the_interface() -> None:
    assert {scope: limit_of(scope) for scope in ("create", "get", "list", "retry")} == {
        "create": 100,
        "get": 1000,
        "list": 500,
        "retry": 10,
    }


def test_one_request_too_many_is_refused(client_of: ClientOf, investor: User, clock: Clock, rates: None) -> None:
    client = client_of(investor)
    assert [client.get(URL).status_code for _ in range(5)] == [200] * 4 + [429]
    response = client.get(URL)
    body = response.json()["error"]
    assert body["code"] == "RATE_LIMIT_ERROR"
    assert int(response["Retry-After"]) == body["details"]["retry_after_seconds"] > 0


def test_the_wait_that_is_named_is_long_enough_and_refused_requests_do_not_prolong_it(
    client_of: ClientOf, investor: User, clock: Clock, rates: None
) -> None:
    client = client_of(investor)
    for _ in range(4):
        client.get(URL)
    wait = int(client.get(URL)["Retry-After"])
    for _ in range(10):
        client.get(URL)
    clock.now += wait - 60
    assert client.get(URL).status_code == 429
    clock.now += 60
    assert client.get(URL).status_code == 200


def test_kinds_of_request_and_people_are_counted_apart(
    client_of: ClientOf, investor: User, operator: User, clock: Clock, rates: None
) -> None:
    client = client_of(investor)
    for _ in range(4):
        client.get(URL)
    assert client.get(URL).status_code == 429
    assert client.get(f"{URL}/stats").status_code == 200
    assert client_of(operator).get(URL).status_code == 200


def test_retries_have_their_own_small_rate(client_of: ClientOf, operator: User, clock: Clock, rates: None) -> None:
    client = client_of(operator)
    url = f"{URL}/0190a5b2-7c1e-7000-8000-000000000000/retry"
    assert [client.post(url).status_code for _ in range(2)] == [404, 429]


def test_an_hour_later_all_is_forgotten(client_of: ClientOf, investor: User, clock: Clock, rates: None) -> None:
    client = client_of(investor)
    for _ in range(4):
        client.get(URL)
    clock.now += 2 * WINDOW
    assert [client.get(URL).status_code for _ in range(4)] == [200] * 4
