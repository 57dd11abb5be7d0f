"""A funded deal whose investors have committed more than they paid in, and the steps of calling it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from distributions.models import CapitalCall, CapitalCallItem
from distributions.operations import call_payments, capital_calls
from distributions.operations.capital_calls import Conditions
from escrow.operations import investments
from finance.models import Transaction
from realco.models import User
from tests import factories
from tests.distributions.deals import FUNDED, Deal, make_deal

NOTICED = datetime(2024, 1, 16, 17, 0, tzinfo=UTC)
NOTICE, DUE = date(2024, 1, 16), date(2024, 2, 1)
PLAN = Conditions(NOTICE, DUE, "A new roof", interest_rate=Decimal("0.12"))


def make_called_deal(*more: str, at: datetime = FUNDED) -> Deal:
    """Investors who paid in 500,000, 300,000 and 200,000, and have promised more since."""
    deal = make_deal(at=at)
    for investor, amount in zip(deal.investors, more or ("250000.00", "150000.00", "100000.00"), strict=True):
        promise(deal, investor, amount, at=at)
    return deal


def promise(deal: Deal, investor: User, amount: str, *, at: datetime = FUNDED) -> None:
    investments.commit(deal.offering, investor=investor, amount=Decimal(amount), by=investor, at=at)


def noticed(deal: Deal, amount: str, *, plan: Conditions = PLAN, at: datetime = NOTICED) -> CapitalCall:
    call = capital_calls.draw_up(deal.offering, total_amount=Decimal(amount), conditions=plan, by=deal.operator, at=at)
    return notice(deal, call, at=at)


def notice(deal: Deal, call: CapitalCall, *, at: datetime = NOTICED) -> CapitalCall:
    capital_calls.submit(call, by=deal.operator, at=at)
    return capital_calls.approve(call, approver=deal.approver, at=at)


def item_of(call: CapitalCall, investor: User) -> CapitalCallItem:
    return call.items.select_related("call").get(investor=investor)


def ask(
    deal: Deal, item: CapitalCallItem, *, at: datetime = NOTICED, net: str | None = None, method: str = "WIRE"
) -> Transaction:
    """A payment asked for by staff, who may take wires."""
    return call_payments.pay(
        item,
        method=method,
        bank_account_id=item.investor.bank_accounts.get().pk,
        by=deal.operator,
        idempotency_key=f"call-{item.pk}-{at.isoformat()}-{net}",
        net=Decimal(net) if net else None,
        at=at,
    )


def cleared(payment: Transaction, *, at: datetime = NOTICED) -> Transaction:
    payment = factories.play(payment, at=at)
    assert payment.status == "COMPLETED", payment.status
    return payment


def pay(deal: Deal, item: CapitalCallItem, *, at: datetime = NOTICED, net: str | None = None) -> CapitalCallItem:
    """An item whose payment has cleared, and was followed."""
    payment = cleared(ask(deal, item, at=at, net=net), at=at)
    call_payments.follow(payment.pk, at=at + timedelta(days=7))
    item.refresh_from_db()
    return item
