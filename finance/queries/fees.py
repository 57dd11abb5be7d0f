"""What a payment costs on a day, by the dated fee rules."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from django.db.models import Q

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
    rules = FeeRule.objects.filter(
        Q(payment_method="") | Q(payment_method=payment_method),
        Q(effective_to__isnull=True) | Q(effective_to__gt=on),
        effective_from__lte=on,
        transaction_types__contains=transaction_type,
    ).order_by("name")
    parts = tuple((rule.name, part) for rule in rules if (part := _part(rule, amount)))
    fee = sum((part for _, part in parts), ZERO)
    return Fees(fee_amount=fee, net_amount=amount - fee, parts=parts)


def _part(rule: FeeRule, amount: Decimal) -> Decimal:
    part = (amount * rule.rate + rule.fixed_amount).quantize(CENT, ROUND_HALF_UP)
    if rule.minimum is not None:
        part = max(part, rule.minimum)
    if rule.maximum is not None:
        part = min(part, rule.maximum)
    return part
