"""Payments of a call that complete together are released together, and one that cannot be keeps no other waiting."""

from collections.abc import Callable

import pytest
from django.db.models import F

from distributions.models import CapitalCallItem
from distributions.operations import call_payments
from escrow import books
from escrow.models import Investment
from escrow.operations import escrow_accounts
from escrow.operations.ledger import EscrowNotOpen
from finance.models import Transaction
from realco.models import AuditEvent
from tests import factories
from tests.distributions.calls import NOTICED, ask, cleared, item_of, make_called_deal, noticed
from tests.distributions.deals import Deal
from tests.stages import staged

pytestmark = pytest.mark.django_db


@staged
def deal() -> Deal:
    return make_called_deal()


@pytest.fixture
def payments(deal: Deal) -> list[Transaction]:
    """What was called of each of three investors has cleared, and nobody has followed it."""
    call = noticed(deal, "80000.00")
    return [cleared(ask(deal, item_of(call, investor))) for investor in deal.investors]


def states() -> list[str]:
    return list(CapitalCallItem.objects.order_by("pk").values_list("status", flat=True))


def spoil(deal: Deal, of: int) -> None:
    """Leave an investment nothing uncalled, which the database holds against its release."""
    rows = Investment.objects.filter(offering=deal.offering, investor=deal.investors[of])
    rows.update(investment_amount=F("funded_amount"), committed_at=NOTICED)


def test_the_first_that_is_followed_takes_the_others_along(payments: list[Transaction]) -> None:
    assert call_payments.follow(payments[1].pk, at=NOTICED)

    assert states() == ["PAID"] * 3
    assert not call_payments.follow(payments[0].pk, at=NOTICED)
    written = AuditEvent.objects.filter(entity_type="investments", action="capital_call.release")
    assert written.count() == 3
    assert books.check() == []


@pytest.mark.parametrize("work", ["sweep", "follow"])
def test_one_that_cannot_be_released_keeps_no_other_waiting(deal: Deal, payments: list[Transaction], work: str) -> None:
    spoil(deal, 1)
    works: dict[str, Callable[[], object]] = {
        "sweep": lambda: call_payments.sweep(at=NOTICED),
        "follow": lambda: [call_payments.follow(payments[of].pk, at=NOTICED) for of in (0, 2)],
    }

    assert works[work]() == {"sweep": 2, "follow": [True, True]}[work]

    open_now = CapitalCallItem.objects.filter(status="OPEN")
    assert [item.investor for item in open_now] == [deal.investors[1]]
    assert books.check() == []


def test_from_a_frozen_account_nothing_is_tried_one_by_one(deal: Deal, payments: list[Transaction]) -> None:
    officer = factories.make_user("Carl Compliance", "Compliance", is_staff=True)
    escrow_accounts.freeze(deal.escrow, by=officer, reason="A court order", at=NOTICED)

    assert call_payments.sweep(at=NOTICED) == 0
    with pytest.raises(EscrowNotOpen):
        call_payments.follow(payments[0].pk, at=NOTICED)
    assert states() == ["OPEN"] * 3
