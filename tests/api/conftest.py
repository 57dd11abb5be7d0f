"""Clients with real tokens, at the real present, and a way to see whether anything in the database changed."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from escrow.models import EscrowAccount
from escrow.operations import closings
from realco import clock
from realco.models import User
from tests import factories
from tests.stages import staged

BUSINESS = ("realco", "compliance", "escrow", "finance", "distributions")

ClientOf = Callable[[User], APIClient]
Fingerprint = dict[str, tuple[int, str]]


@pytest.fixture(autouse=True)
def _rates_start_at_zero() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@staged
def at() -> datetime:
    """The present: the API reads the clock itself, so that what tests prepare has to be prepared now."""
    return clock.now()


@pytest.fixture
def client_of(db: None) -> ClientOf:
    def client(user: User) -> APIClient:
        token, _ = Token.objects.get_or_create(user=user)
        return APIClient(HTTP_AUTHORIZATION=f"Token {token.key}")

    return client


@staged
def funded(escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime) -> EscrowAccount:
    """An escrow account whose offering holds 9,949.20 after its closing, and whose sponsor has a bank account."""
    factories.fund(investor, escrow, "10000.00", at=at)
    factories.make_bank_account(escrow.offering.organization.owner, verifier=operator, at=at)
    factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
    escrow.refresh_from_db()
    assert escrow.available_balance >= Decimal("9949.20")
    return escrow


def fingerprint() -> Fingerprint:
    """Return, for every business table, how many rows it has and a hash of all that is in them."""
    found: Fingerprint = {}
    with connection.cursor() as cursor:
        for model in [model for label in BUSINESS for model in apps.get_app_config(label).get_models()]:
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(
                f"SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"
            )
            found[table] = cursor.fetchone()
    return found


def draw(escrow: EscrowAccount, amount: str = "500.00") -> dict[str, object]:
    """A construction draw as staff ask for it over REST."""
    payee = escrow.offering.organization.owner
    account = payee.bank_accounts.get()
    return {
        "type": "CONSTRUCTION_DRAW",
        "payment_method": "ACH",
        "amount": amount,
        "escrow_account_id": str(escrow.pk),
        "to_user_id": str(payee.pk),
        "to_bank_account_id": str(account.pk),
    }


def deposit(escrow: EscrowAccount, investor: User, amount: object = "1000.00") -> dict[str, object]:
    """A deposit as its investor asks for it over REST."""
    return {
        "type": "DEPOSIT",
        "payment_method": "ACH",
        "amount": amount,
        "escrow_account_id": str(escrow.pk),
        "from_bank_account_id": str(investor.bank_accounts.get().pk),
    }
