"""One key, asked for many times at the same moment, acts once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from escrow.models import EscrowAccount, Investment
from finance.models import Transaction
from realco.models import User
from tests.api.conftest import deposit
from tests.conftest import close_connections

THREADS = 10
REQUESTS = 60


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_many_requests_with_one_key_make_one_payment_and_get_one_answer(escrow: EscrowAccount, investor: User) -> None:
    body = deposit(escrow, investor)
    token = Token.objects.create(user=investor)

    def ask(_: int) -> tuple[int, str]:
        try:
            client = APIClient(HTTP_AUTHORIZATION=f"Token {token.key}")
            response = client.post("/api/v1/transactions", body, format="json", HTTP_IDEMPOTENCY_KEY="one")
            return response.status_code, response.json()["id"]
        finally:
            close_connections()

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(ask, range(REQUESTS)))
    payment = Transaction.objects.get()
    assert set(answers) == {(201, str(payment.pk))}
    assert Investment.objects.get().investment_amount == payment.amount
