"""Orders: what a payment must satisfy before it becomes a row, refused in words and leaving nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db.models import F

from escrow.models import EscrowAccount
from escrow.operations import escrow_accounts
from escrow.operations.investments import OfferingNotOpen
from escrow.operations.ledger import EscrowNotOpen
from finance.models import Transaction
from finance.models.transactions import OUTBOUND, TransactionType, approvals_required
from finance.operations import orders, transactions
from finance.operations.orders import BankAccountNotUsable, Order, UnknownChoice
from finance.queries import fees
from realco.errors import NotPermitted, Refusal
from realco.models import Offering, User
from realco.money import InvalidAmount, UnknownCurrency
from tests import factories
from tests.stages import staged

pytestmark = pytest.mark.django_db
D = Decimal

NOWHERE = UUID("01890000-0000-7000-8000-000000000000")


@pytest.fixture
def order(escrow: EscrowAccount, investor: User) -> Order:
    return factories.deposit_order(escrow, investor, "1000.00")


@staged
def operating(escrow: EscrowAccount, operator: User, at: datetime) -> EscrowAccount:
    """An escrow account whose offering has closed its raise."""
    Offering.objects.filter(pk=escrow.offering_id).update(status="FUNDED")
    factories.make_bank_account(escrow.offering.organization.owner, verifier=operator, at=at)
    return EscrowAccount.objects.select_related("offering__organization__owner").get()


def to_sponsor(escrow: EscrowAccount, **changes: object) -> Order:
    sponsor = escrow.offering.organization.owner
    order = Order(
        type="CONSTRUCTION_DRAW",
        payment_method="ACH",
        amount=D("100.00"),
        escrow_account_id=escrow.pk,
        to_user_id=sponsor.pk,
        to_bank_account_id=sponsor.bank_accounts.get().pk,
    )
    return replace(order, **changes)  # type: ignore[arg-type]


class TestExamine:
    def test_finds_whom_and_what_it_names(
        self, order: Order, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        parties = orders.examine(order, initiator=investor, at=at)
        assert (parties.escrow_account, parties.party) == (escrow, investor)
        assert parties.bank_account == investor.bank_accounts.get()

    @pytest.mark.parametrize(
        ("changes", "refusal"),
        [
            ({"type": "TRANSFER"}, UnknownChoice),
            ({"type": "deposit"}, UnknownChoice),
            ({"type": ""}, UnknownChoice),
            ({"payment_method": "CASH"}, UnknownChoice),
            ({"currency": "EUR"}, UnknownCurrency),
            ({"currency": "usd"}, UnknownCurrency),
            ({"amount": D("0.00")}, InvalidAmount),
            ({"amount": D("-0.01")}, InvalidAmount),
            ({"amount": D("1.005")}, InvalidAmount),
            ({"amount": D("NaN")}, InvalidAmount),
            ({"amount": D("sNaN")}, InvalidAmount),
            ({"amount": D("-Infinity")}, InvalidAmount),
            ({"amount": D("1E20")}, InvalidAmount),
            ({"escrow_account_id": NOWHERE}, UnknownChoice),
            ({"escrow_account_id": "not an id"}, UnknownChoice),
            ({"from_user_id": None}, UnknownChoice),
            ({"from_user_id": NOWHERE}, UnknownChoice),
            ({"from_user_id": "'; --"}, UnknownChoice),
            ({"to_user_id": NOWHERE}, UnknownChoice),
            ({"from_bank_account_id": None}, BankAccountNotUsable),
            ({"from_bank_account_id": NOWHERE}, BankAccountNotUsable),
            ({"from_bank_account_id": "x"}, BankAccountNotUsable),
            ({"to_bank_account_id": NOWHERE}, BankAccountNotUsable),
            ({"type": "WITHDRAWAL"}, UnknownChoice),
        ],
        ids=repr,
    )
    def test_refuses_what_cannot_be(
        self, order: Order, investor: User, at: datetime, changes: dict[str, object], refusal: type[Refusal]
    ) -> None:
        with pytest.raises(refusal):
            transactions.initiate(
                replace(order, **changes),  # type: ignore[arg-type]
                initiator=investor,
                idempotency_key="key",
                at=at,
            )
        assert not Transaction.objects.exists()

    @pytest.mark.parametrize("key", ["", "   ", "x" * 201])
    def test_refuses_a_key_that_is_none(self, order: Order, investor: User, at: datetime, key: str) -> None:
        with pytest.raises(transactions.IdempotencyKeyMissing):
            transactions.initiate(order, initiator=investor, idempotency_key=key, at=at)

    def test_refuses_an_amount_that_its_fees_would_eat(self, order: Order, investor: User, at: datetime) -> None:
        with pytest.raises(transactions.AmountBelowFees):
            transactions.initiate(replace(order, amount=D("1.80")), initiator=investor, idempotency_key="key", at=at)

    def test_refuses_a_party_who_is_no_longer_active(
        self, order: Order, investor: User, operator: User, at: datetime
    ) -> None:
        User.objects.filter(pk=investor.pk).update(is_active=False)
        with pytest.raises(UnknownChoice, match="no longer active"):
            orders.examine(order, initiator=operator, at=at)

    def test_refuses_an_initiator_who_is_no_longer_active(self, order: Order, operator: User, at: datetime) -> None:
        operator.is_active = False
        with pytest.raises(NotPermitted):
            orders.examine(order, initiator=operator, at=at)

    def test_outbound_money_of_the_offering_is_for_staff_to_ask_for(
        self, operating: EscrowAccount, operator: User, at: datetime
    ) -> None:
        sponsor = operating.offering.organization.owner
        with pytest.raises(NotPermitted):
            orders.examine(to_sponsor(operating), initiator=sponsor, at=at)
        assert orders.examine(to_sponsor(operating), initiator=operator, at=at).party == sponsor

    def test_only_the_sponsor_pays_income_in(
        self, operating: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        order = replace(factories.deposit_order(operating, investor, "100.00"), type="ESCROW_DEPOSIT")
        for person in (investor, operator):
            with pytest.raises(NotPermitted, match="sponsor"):
                orders.examine(order, initiator=person, at=at)

    def test_nothing_is_paid_out_to_a_card(self, operating: EscrowAccount, operator: User, at: datetime) -> None:
        with pytest.raises(UnknownChoice, match="credit card"):
            orders.examine(to_sponsor(operating, payment_method="CREDIT_CARD"), initiator=operator, at=at)

    @pytest.mark.parametrize("method", ["ACH", "WIRE"])
    def test_payout_needs_a_bank_account(
        self, operating: EscrowAccount, operator: User, at: datetime, method: str
    ) -> None:
        order = to_sponsor(operating, payment_method=method, to_bank_account_id=None)
        with pytest.raises(BankAccountNotUsable, match="Choose"):
            orders.examine(order, initiator=operator, at=at)

    def test_the_organizations_bank_account_is_its_owners_to_use(
        self, operating: EscrowAccount, operator: User, at: datetime
    ) -> None:
        account = factories.make_bank_account(
            operating.offering.organization, verifier=operator, at=at, number="55556666"
        )
        order = to_sponsor(operating, to_bank_account_id=account.pk)
        assert orders.examine(order, initiator=operator, at=at).bank_account == account


class TestStates:
    @pytest.mark.parametrize(
        "road", [["FAILED"], ["CANCELLED"], ["FUNDED", "OPERATING"], ["FUNDED", "EXITED"]], ids=str
    )
    def test_offering_that_is_not_raising_takes_no_deposit(
        self, order: Order, investor: User, at: datetime, road: list[str]
    ) -> None:
        for status in road:
            Offering.objects.update(status=status, failed_at=F("deadline_at") if status == "FAILED" else None)
        with pytest.raises(OfferingNotOpen, match="takes no investments"):
            orders.examine(order, initiator=investor, at=at)

    def test_deadline_is_the_first_moment_too_late(self, order: Order, escrow: EscrowAccount, investor: User) -> None:
        deadline = escrow.offering.deadline_at
        orders.examine(order, initiator=investor, at=deadline - timedelta(microseconds=1))
        with pytest.raises(OfferingNotOpen, match="closed to investments"):
            orders.examine(order, initiator=investor, at=deadline)

    def test_draw_waits_for_the_closing(self, escrow: EscrowAccount, operator: User, at: datetime) -> None:
        factories.make_bank_account(escrow.offering.organization.owner, verifier=operator, at=at)
        with pytest.raises(OfferingNotOpen, match="after it has closed its raise"):
            orders.examine(to_sponsor(escrow), initiator=operator, at=at)

    @pytest.mark.parametrize(
        ("step", "type", "is_allowed"),
        [
            ("freeze", "CONSTRUCTION_DRAW", False),
            ("freeze", "REFUND", False),
            ("liquidate", "CONSTRUCTION_DRAW", False),
            ("liquidate", "WITHDRAWAL", False),
            ("liquidate", "PLATFORM_FEE", False),
            ("liquidate", "REFUND", True),
            ("liquidate", "DISTRIBUTION", True),
            ("close", "REFUND", False),
            ("close", "DEPOSIT", False),
        ],
    )
    def test_escrow_account_allows_what_its_status_says(
        self,
        operating: EscrowAccount,
        operator: User,
        approver: User,
        at: datetime,
        step: str,
        type: str,
        is_allowed: bool,
    ) -> None:
        by = approver if step == "freeze" else operator
        step_of: dict[str, Callable[..., EscrowAccount]] = {
            "freeze": escrow_accounts.freeze,
            "liquidate": escrow_accounts.liquidate,
            "close": escrow_accounts.close,
        }
        account = step_of[step](operating, by=by, reason="For the test", at=at)
        if is_allowed:
            orders.require_escrow_open(account, type)
        else:
            with pytest.raises(EscrowNotOpen):
                orders.require_escrow_open(account, type)


class TestContentHash:
    def test_is_the_same_for_the_same_order_written_differently(self, order: Order) -> None:
        same = replace(order, amount=D("1000"), metadata={"b": 1, "a": [2]})
        assert same.content_hash == replace(order, metadata={"a": [2], "b": 1}).content_hash

    def test_stays_what_was_kept_beside_keys_before(self) -> None:
        order = Order(
            type="DISTRIBUTION", payment_method="ACH", amount=D("1000"), escrow_account_id=UUID(int=1),
            to_user_id=UUID(int=2), to_bank_account_id=UUID(int=3), description='Elm “One” \\ "x"\n',
            metadata={"b": 1, "a": ["é"]},
        )  # fmt: skip
        assert order.content_hash == "1c3783ccf1544e5f2eede3570790fbfd0895188355efb6894d8640b742708948"

    @pytest.mark.parametrize(
        "change",
        [
            {"amount": D("1000.01")},
            {"type": "CAPITAL_CALL"},
            {"payment_method": "WIRE"},
            {"currency": "EUR"},
            {"description": "other"},
            {"metadata": {"a": 1}},
            {"distribution_id": NOWHERE},
            {"from_bank_account_id": None},
        ],
        ids=repr,
    )
    def test_changes_with_everything_that_is_asked_for(self, order: Order, change: dict[str, object]) -> None:
        assert replace(order, **change).content_hash != order.content_hash  # type: ignore[arg-type]


class TestRules:
    """Approvals and prices by SYSTEM section 3."""

    @pytest.mark.parametrize("type", TransactionType.values)
    def test_approvals_by_type_and_amount(self, type: str) -> None:
        always = type in ("CONSTRUCTION_DRAW", "DISTRIBUTION", "ESCROW_WITHDRAWAL")
        assert approvals_required(type, D("50000.00")) == (1 if always else 0)
        assert approvals_required(type, D("50000.01")) == (2 if type in OUTBOUND else 1)

    @pytest.mark.parametrize(
        ("type", "method", "amount", "fee"),
        [
            ("DEPOSIT", "ACH", "10000.00", "50.80"),
            ("DEPOSIT", "ACH", "100.00", "1.80"),
            ("DEPOSIT", "ACH", "9000.00", "45.80"),
            ("DEPOSIT", "WIRE", "10000.00", "75.00"),
            ("DEPOSIT", "CHECK", "10000.00", "50.00"),
            ("DEPOSIT", "CREDIT_CARD", "1000.00", "34.30"),
            ("DEPOSIT", "INTERNAL_TRANSFER", "1000.00", "5.00"),
            ("DEPOSIT", "ACH", "333.33", "2.47"),
            ("CAPITAL_CALL", "CHECK", "333.00", "1.67"),
            ("ESCROW_DEPOSIT", "WIRE", "10000.00", "25.00"),
            ("WITHDRAWAL", "ACH", "10000.00", "0.00"),
            ("DISTRIBUTION", "ACH", "10000.00", "0.00"),
        ],
    )
    def test_prices(self, reference_data: None, at: datetime, type: str, method: str, amount: str, fee: str) -> None:
        found = fees.quote(type, method, D(amount), on=at.date())
        assert (found.fee_amount, found.net_amount) == (D(fee), D(amount) - D(fee))
        assert sum((part for _, part in found.parts), D(0)) == D(fee)
