"""What compliance is told about a payment; finance counts the totals, because compliance cannot look up."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from realco.money import ZERO

DEPOSIT = "DEPOSIT"
CAPITAL_CALL = "CAPITAL_CALL"
LIMITED_TYPES = frozenset({DEPOSIT, CAPITAL_CALL})
"""An investor's own money coming in. Limits hold for these; what is paid out, or by a sponsor, has none."""


@dataclass(frozen=True, slots=True)
class Totals:
    """
    What the investor has paid in before this payment, which is not counted in any of them.

    Days and months are those of the banking calendar (``business_days.banking_date``). Cancelled,
    failed and reversed payments do not count. ``invested_12_months`` is over all Regulation CF
    offerings, and what was bought of other investors counts in it as well.
    """

    deposited_today: Decimal = ZERO
    deposited_this_month: Decimal = ZERO
    invested_12_months: Decimal = ZERO
    count_last_hour: int = 0


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """
    A payment as the rules see it.

    ``direction`` is IN or OUT, seen from escrow; ``exemption`` is the offering's, empty when there
    is no offering; ``payment_id`` is None as long as there is no row. ``account_holder`` is the name
    on the bank account that pays or is paid, empty where none is named.
    """

    payment_id: UUID | None
    type: str
    direction: str
    amount: Decimal
    method: str
    offering_id: UUID | None = None
    exemption: str = ""
    totals: Totals = Totals()
    account_holder: str = ""
