"""The limits RealCo starts with, as dated rows."""

from datetime import date
from decimal import Decimal

from django.db import transaction

from compliance.models import TransactionLimit
from compliance.models.transaction_limits import LimitType
from compliance.queries import limits
from realco import audit

FIRST_DAY = date(2022, 9, 20)
"""The day since which Regulation Crowdfunding has its present figures (87 FR 57394)."""

SEEDED: dict[LimitType, Decimal] = {
    LimitType.DAILY_DEPOSIT: Decimal("50000.00"),
    LimitType.MONTHLY_DEPOSIT: Decimal("500000.00"),
    LimitType.PER_TRANSACTION: Decimal("250000.00"),
    LimitType.ANNUAL_INVESTMENT: Decimal("124000.00"),
    LimitType.NON_ACCREDITED_INVESTOR: Decimal("2500.00"),
    LimitType.ACCREDITED_INVESTOR: Decimal("100000000.00"),
}
"""ANNUAL_INVESTMENT is the ceiling of Regulation Crowdfunding's formula, NON_ACCREDITED_INVESTOR its floor."""


def seed(on: date) -> list[TransactionLimit]:
    """Add a row for each limit that has none in force on the day, and return those added; twice adds nothing."""
    with audit.acting("transaction_limits.seed"), transaction.atomic():
        known = limits.in_force(on)
        rows = [
            TransactionLimit(limit_type=limit_type, amount=amount, effective_from=min(on, FIRST_DAY))
            for limit_type, amount in SEEDED.items()
            if limit_type not in known
        ]
        return TransactionLimit.objects.bulk_create(rows)
