"""A called deal with investors who were admitted after its first call, and the steps of paying their premiums on."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from distributions.models import CapitalCall, CapitalCallItem, Distribution
from distributions.operations import capital_calls, distributions, payouts, premiums
from realco.models import User
from tests import factories
from tests.distributions.calls import PLAN, item_of, notice, noticed, pay, promise
from tests.distributions.deals import Deal, arrive, standing

ADMITTED = datetime(2024, 2, 10, 17, 0, tzinfo=UTC)
LATER = datetime(2024, 4, 1, 17, 0, tzinfo=UTC)
LATE_PLAN = replace(
    PLAN, notice_date=ADMITTED.date(), due_date=date(2024, 3, 2), premium_rate=Decimal("0.10"), interest_rate=Decimal(0)
)


def called(deal: Deal, amount: str = "80000.00", *, unpaid: int = 0) -> CapitalCall:
    """A call that everybody, or all but the last few, has paid."""
    call = noticed(deal, amount)
    for investor in deal.investors[: len(deal.investors) - unpaid]:
        pay(deal, item_of(call, investor))
    return call


def first_call() -> str:
    """The number of the call that the premiums are owed for."""
    return CapitalCall.objects.get(kind=CapitalCall.Kind.REGULAR).call_number


def admit(deal: Deal, name: str, amount: str) -> User:
    """Somebody who promises after the call."""
    newcomer = factories.make_investor(name, verifier=deal.operator, at=ADMITTED)
    promise(deal, newcomer, amount, at=ADMITTED)
    return newcomer


def late_closing(deal: Deal) -> CapitalCall:
    """A noticed late closing of whoever was admitted."""
    call = capital_calls.draw_up_late_closing(deal.offering, conditions=LATE_PLAN, by=deal.operator, at=ADMITTED)
    return notice(deal, call, at=ADMITTED)


def arrived(deal: Deal, *newcomers: tuple[str, str]) -> CapitalCall:
    """A late closing whose premiums have arrived, after a call that everybody has paid."""
    called(deal)
    people = [admit(deal, *one) for one in newcomers or (("Nina Newcomer", "150000.00"),)]
    call = late_closing(deal)
    for person in people:
        pay(deal, item_of(call, person), at=ADMITTED)
    call.refresh_from_db()
    return call


def draw_up(deal: Deal, call: CapitalCall, *, key: str = "premiums", at: datetime = LATER) -> Distribution:
    return premiums.draw_up(call, creator=deal.operator, idempotency_key=key, at=at)


def submit(deal: Deal, call: CapitalCall, *, key: str = "premiums") -> Distribution:
    return distributions.submit(draw_up(deal, call, key=key), by=deal.operator, at=LATER)


def approve(deal: Deal, call: CapitalCall, *, key: str = "premiums") -> Distribution:
    return deal.sign(submit(deal, call, key=key), at=LATER)


def paid(deal: Deal, call: CapitalCall, *, key: str = "premiums") -> Distribution:
    """A distribution of premiums that has reached everybody's bank."""
    distribution = payouts.execute(approve(deal, call, key=key), executor=deal.operator, at=LATER)
    for row in standing(distribution):
        arrive(row, at=LATER)
    distribution.refresh_from_db()
    return distribution


def premium_item(call: CapitalCall) -> CapitalCallItem:
    """The first premium of a late closing."""
    return call.items.select_related("call").order_by("created_at", "id")[0]
