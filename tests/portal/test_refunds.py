"""Refunds in the portal: cancelling one's own commitment after a look, and following what comes back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from escrow.models import EscrowAccount, Investment
from finance.models import RefundRun
from realco import clock
from realco.models import User
from tests import factories
from tests.finance import raises
from tests.stages import staged


@staged
def escrow(operator: User, investor: User, at: datetime) -> EscrowAccount:
    escrow = raises.open_raise(operator=operator, at=at)
    factories.fund(investor, escrow, "10000.00", at=at)
    return escrow


@pytest.fixture
def address(escrow: EscrowAccount) -> str:
    return f"/offerings/{escrow.offering.slug}/"


class TestCancelling:
    def test_is_shown_before_it_happens(self, portal: Client, address: str, investor: User, escrow: EscrowAccount,
                                        at: datetime) -> None:  # fmt: skip
        factories.play(factories.deposit(escrow, investor, "500.00", at=at), at=at, until="SETTLED")
        assert f"{address}cancel/" in portal.get(address).content.decode()
        page = portal.get(f"{address}cancel/").content.decode()
        assert "Nothing has been cancelled yet" in page
        assert "$10,000.00" in page
        assert "Goes back when it has cleared" in page
        assert Investment.objects.get().status == "PENDING"

    def test_gives_the_money_back(self, portal: Client, address: str) -> None:
        page = portal.post(f"{address}cancel/", follow=True).content.decode()
        assert "$10,000.00 goes back to you" in page
        assert "Your refunds" in page
        run = RefundRun.objects.get()
        assert (run.cause, run.total_amount) == ("INVESTOR_CANCELLED", Decimal("10000.00"))
        assert "Your refunds" in portal.get("/").content.decode()

    def test_twice_does_it_once(self, portal: Client, address: str) -> None:
        portal.post(f"{address}cancel/")
        page = portal.post(f"{address}cancel/", follow=True).content.decode()
        assert "nothing in" in page
        assert RefundRun.objects.count() == 1

    def test_by_link_alone_does_nothing(self, portal: Client, address: str) -> None:
        portal.get(f"{address}cancel/")
        assert RefundRun.objects.count() == 0

    def test_of_somebody_else_is_not_possible(
        self, sign_in: Callable[[User], Client], address: str, operator: User, at: datetime
    ) -> None:
        stranger = factories.make_investor("Stan Stranger", verifier=operator, at=at)
        page = sign_in(stranger).post(f"{address}cancel/", follow=True).content.decode()
        assert "nothing in" in page
        assert Investment.objects.get().status == "PENDING"

    def test_of_released_money_is_not_offered(self, portal: Client, address: str) -> None:
        Investment.objects.update(status="ACTIVE")
        assert f"{address}cancel/" not in portal.get(address).content.decode()

    def test_under_regulation_cf_says_until_when(
        self, portal: Client, investor: User, operator: User, at: datetime
    ) -> None:
        escrow = raises.open_raise(operator=operator, at=clock.now(), exemption="REG_CF")
        factories.fund(investor, escrow, "1000.00", at=clock.now())
        address = f"/offerings/{escrow.offering.slug}/"
        assert "You may cancel until" in portal.get(address).content.decode()
        clock.advance(timedelta(days=raises.DAYS_OPEN - 1))
        page = portal.get(address).content.decode()
        assert "Could be cancelled until" in page
        assert f"{address}cancel/" not in page
        assert "<button" not in portal.get(f"{address}cancel/").content.decode().split("<h1>")[1]


class TestAFailedRaise:
    def test_is_followed_by_its_investor(
        self, portal: Client, address: str, escrow: EscrowAccount, operator: User, approver: User
    ) -> None:
        clock.advance(timedelta(days=raises.DAYS_OPEN + 1))
        run = raises.start(escrow, operator=operator, approvers=[approver], at=clock.now())
        page = portal.get(address).content.decode()
        assert "Everything you paid in goes back to you" in page
        assert "We send it by" in page
        raises.pay(run, at=clock.now())
        raises.finish(run, at=clock.now())
        assert "Paid " in portal.get(address).content.decode()

    def test_does_not_tell_what_blocks_a_refund(
        self, portal: Client, address: str, escrow: EscrowAccount, investor: User, operator: User, approver: User
    ) -> None:
        clock.advance(timedelta(days=raises.DAYS_OPEN + 1))
        run = raises.start(escrow, operator=operator, approvers=[approver], at=clock.now())
        investor.bank_accounts.update(status="SUSPENDED", status_reason="R16 order of OFAC")
        raises.pay(run, at=clock.now())
        page = portal.get(address).content.decode()
        assert "We are in touch with you" in page
        assert "OFAC" not in page
