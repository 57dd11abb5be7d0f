"""Staff at their pages: signed-in clients, and the clock that the pages read."""

from datetime import datetime

import pytest
from django.test import Client

from realco import clock
from realco.models import User
from tests import factories
from tests.stages import staged


@staged
def at() -> datetime:
    """The present, because doors read the clock."""
    return clock.now()


def client_of(user: User) -> Client:
    """Sign a person in; CSRF is enforced, as it is for everybody."""
    client = Client(enforce_csrf_checks=False)
    client.force_login(user)
    return client


@pytest.fixture
def operator_client(operator: User) -> Client:
    return client_of(operator)


@pytest.fixture
def approver_client(approver: User) -> Client:
    return client_of(approver)


@pytest.fixture
def second_approver_client(second_approver: User) -> Client:
    return client_of(second_approver)


@staged
def superuser(reference_data: None) -> User:
    user = factories.make_user("Sue Superuser", is_staff=True)
    user.is_superuser = True
    user.save()
    return user


@pytest.fixture
def superuser_client(superuser: User) -> Client:
    return client_of(superuser)
