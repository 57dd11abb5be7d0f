"""Nobody comes in without a token, and a wrong token is never explained."""

import pytest
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from realco.models import User
from tests.api.conftest import ClientOf

URL = "/api/v1/transactions"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Token",
        "Token ",
        "Token 0000000000000000000000000000000000000000",
        "Token a b",
        "Token short",
        "Token 'OR 1=1--",
        "Token \x00",
        "Token ÿ",
        "Bearer 0000000000000000000000000000000000000000",
        "Basic dXNlcjpwYXNz",
    ],
)
def test_an_invalid_token_is_refused(db: None, header: str) -> None:
    response = APIClient(HTTP_AUTHORIZATION=header).get(URL) if header else APIClient().get(URL)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "INVALID_TOKEN"
    assert response["WWW-Authenticate"] == "Token"


def test_the_token_of_somebody_inactive_is_refused_like_any_other(client_of: ClientOf, investor: User) -> None:
    client = client_of(investor)
    User.objects.filter(pk=investor.pk).update(is_active=False)
    response = client.get(URL)
    assert response.status_code == 401
    assert response.json()["error"]["message"] == "This token is not valid."


def test_a_session_is_no_token(investor: User) -> None:
    client = APIClient()
    client.force_login(investor)
    assert client.get(URL).status_code == 401


def test_a_deleted_token_is_refused(client_of: ClientOf, investor: User) -> None:
    client = client_of(investor)
    assert client.get(URL).status_code == 200
    Token.objects.filter(user=investor).delete()
    assert client.get(URL).status_code == 401
