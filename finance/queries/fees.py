"""What a payment costs on a day, by the dated fee rules."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from django.db.models import Q, QuerySet

from finance.models import FeeRule
from realco.money import CENT

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Fees:
    """A payment's fee and what is left of it, US dollars; ``parts`` names each rule and its share."""

    fee_amount: Decimal
    net_amount: Decimal
    parts: tuple[tuple[str, Decimal], ...]


def quote(transaction_type: str, payment_method: str, amount: Decimal, *, on: date) -> Fees:
    """
    Return the fee of a payment by the rules in force on a day.

    Each rule's part is rounded half up to the cent. A $10,000 ACH deposit: 50.80, net 9,949.20.
    """
    rows = rules(transaction_type, payment_method, on=on)
    parts = tuple((rule.name, cost) for rule in rows if (cost := part(rule, amount)))
    fee = sum((cost for _, cost in parts), ZERO)
    return Fees(fee_amount=fee, net_amount=amount - fee, parts=parts)


def rules(transaction_type: str, payment_method: str, *, on: date) -> QuerySet[FeeRule]:
    """Return the rules in force on a day for a type and a method of payment, by name."""
    return FeeRule.objects.filter(
        Q(payment_method="") | Q(payment_method=payment_method),
        Q(effective_to__isnull=True) | Q(effective_to__gt=on),
        effective_from__lte=on,
        transaction_types__contains=transaction_type,
    ).order_by("name")


def part(rule: FeeRule, amount: Decimal) -> Decimal:
    """Return what one rule takes of an amount, rounded half up to the cent."""
    cost = (amount * rule.rate + rule.fixed_amount).quantize(CENT, ROUND_HALF_UP)
    if rule.minimum is not None:
        cost = max(cost, rule.minimum)
    if rule.maximum is not None:
        cost = min(cost, rule.maximum)
    return cost
