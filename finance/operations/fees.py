"""The fee rules RealCo starts with (SYSTEM section 3), as dated rows."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from finance.models import FeeRule
from finance.models.transactions import PaymentMethod, TransactionType
from realco import audit

FIRST_DAY = date(2020, 1, 1)
INVESTORS = [TransactionType.DEPOSIT.value, TransactionType.CAPITAL_CALL.value]
INBOUND = [*INVESTORS, TransactionType.ESCROW_DEPOSIT.value]
SEEDED: tuple[dict[str, Any], ...] = (
    {
        "name": "platform",
        "transaction_types": INVESTORS,
        "rate": Decimal("0.005"),
        "minimum": Decimal("1.00"),
        "maximum": Decimal("50.00"),
    },
    {
        "name": "ACH",
        "transaction_types": INBOUND,
        "payment_method": PaymentMethod.ACH.value,
        "fixed_amount": Decimal("0.80"),
    },
    {
        "name": "wire",
        "transaction_types": INBOUND,
        "payment_method": PaymentMethod.WIRE.value,
        "fixed_amount": Decimal("25.00"),
    },
    {
        "name": "card",
        "transaction_types": INBOUND,
        "payment_method": PaymentMethod.CREDIT_CARD.value,
        "rate": Decimal("0.029"),
        "fixed_amount": Decimal("0.30"),
    },
)
"""Checks and internal transfers cost nothing; the platform's own fee falls on investors' money only."""


def seed(on: date) -> list[FeeRule]:
    """Add each rule that has never existed, and return those added; twice adds nothing."""
    with audit.acting("fee_rules.seed"), transaction.atomic():
        known = set(FeeRule.objects.values_list("name", flat=True))
        rows = [FeeRule(effective_from=min(on, FIRST_DAY), **rule) for rule in SEEDED if rule["name"] not in known]
        return FeeRule.objects.bulk_create(rows)
