"""How long after settlement a payment can still be returned, in business days (SYSTEM section 3)."""

from datetime import date

from finance.models.transactions import PaymentMethod, Transaction
from realco.business_days import add_business_days

INBOUND_RETURN_DAYS = {PaymentMethod.ACH: 5, PaymentMethod.CHECK: 5}
OUTBOUND_RETURN_DAYS = {PaymentMethod.ACH: 2, PaymentMethod.CHECK: 5}


def clears_on(payment: Transaction, *, settled_on: date) -> date:
    """
    Return the first day on which the payment counts as final.

    Wires, cards and internal transfers are final when they settle. A return that comes later
    than this is still possible (60 days for unauthorised ACH debits) and has its own posting.
    """
    days = (INBOUND_RETURN_DAYS if payment.is_inbound else OUTBOUND_RETURN_DAYS).get(
        PaymentMethod(payment.payment_method), 0
    )
    return add_business_days(settled_on, days) if days else settled_on
