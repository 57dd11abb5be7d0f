"""A made-up sanctions list in OFAC's format, and payments as the rules see them."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from compliance.models import InvestorProfile, SanctionsImport
from compliance.operations import limits, sanctions
from compliance.operations.gate import PaymentFacts, Totals
from realco.models import User
from tests import factories
from tests.stages import staged

DATA = Path(__file__).parent / "data"
MARCH = DATA / "march"
APRIL = DATA / "april"

MakePayment = Callable[..., PaymentFacts]


@staged
def seeded(reference_data: None, at: datetime) -> None:
    """The limits as production has them."""
    limits.seed(at.date())


@staged
def march(at: datetime) -> SanctionsImport:
    """The list of March is loaded."""
    return sanctions.import_directory(MARCH, at=at)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy of the list of March, to be broken."""
    return Path(shutil.copytree(MARCH, tmp_path / "ofac"))


@staged
def person(seeded: None, at: datetime) -> User:
    """An investor who is not accredited and whom nothing stands against."""
    user = factories.make_user("Petra Person")
    factories.make_profile(user, at, is_accredited=False)
    return user


@staged
def ivan(seeded: None, march: SanctionsImport, at: datetime) -> User:
    """An investor with the name of a listed person."""
    user = factories.make_user("Ivan Kroog")
    factories.make_profile(user, at, is_accredited=False)
    return user


def profile_of(user: User) -> InvestorProfile:
    return InvestorProfile.objects.get(user=user)


DEPOSIT = PaymentFacts(None, "DEPOSIT", "IN", Decimal("1000.00"), "ACH", None, "REG_D_506B", Totals())


def a_deposit(amount: str = "1000.00", **changes: object) -> PaymentFacts:
    """A deposit that nothing stands against, with what the test changes."""
    return replace(DEPOSIT, amount=Decimal(amount), **changes)  # type: ignore[arg-type]
