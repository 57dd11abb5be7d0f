"""The portal reads the clock itself, so its tests live in the present."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from finance.models import BankAccount
from realco import clock
from realco.models import User
from tests.stages import staged


@pytest.fixture(autouse=True)
def _passwords_are_cheap(settings: Any) -> None:
    """Spare the work that makes passwords hard to guess; a page test makes five people."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@staged
def at() -> datetime:
    return clock.now()


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def portal(investor: User, sign_in: Callable[[User], Client]) -> Client:
    """A browser in which the investor is signed in."""
    return sign_in(investor)


@staged
def investor_bank(investor: User) -> BankAccount:
    return BankAccount.objects.get(user=investor)
