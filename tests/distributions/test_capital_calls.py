"""Capital calls from draft to release, by their operations on a real ledger."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from compliance.models import InvestorProfile
from compliance.operations import profiles
from distributions.models import CapitalCall, CapitalCallItem, Distribution
from distributions.operations import call_payments, capital_calls, transfers
from distributions.operations.call_payments import ItemNotOpen, NothingMissing
from distributions.operations.capital_calls import (
    ApproverIsCreator,
    CallNotInState,
    ItemPaid,
    NothingToEqualise,
    NothingUncalled,
    NoticeTooShort,
    OfferingNotCalling,
    UnworkableCall,
)
from distributions.queries import capital_calls as queries
from distributions.queries import entitlements
from escrow import books
from escrow.models import Investment, JournalEntry, LedgerAccount
from escrow.operations import closings, holds
from escrow.queries import release_gate
from escrow.queries.balances import balance
from realco.errors import NotPermitted
from realco.models import Offering
from tests import factories
from tests.conftest import close_connections
from tests.distributions.calls import (
    NOTICE,
    NOTICED,
    PLAN,
    ask,
    cleared,
    item_of,
    make_called_deal,
    notice,
    noticed,
    pay,
    promise,
)
from tests.distributions.deals import FUNDED, NOW, Deal
from tests.stages import staged

pytestmark = pytest.mark.django_db
OFFERING, INVESTOR = LedgerAccount.Kind.OFFERING, LedgerAccount.Kind.INVESTOR


@staged
def deal() -> Deal:
    return make_called_deal()


def figures(*values: Any) -> tuple[Any, ...]:
    return values


def offering_holds(deal: Deal) -> Decimal:
    return balance(deal.escrow.pk, OFFERING)


def draft(deal: Deal, amount: str = "80000.00", **changes: Any) -> CapitalCall:
    plan = replace(PLAN, **changes)
    return capital_calls.draw_up(
        deal.offering, total_amount=Decimal(amount), conditions=plan, by=deal.operator, at=NOTICED
    )


class TestDrawUp:
    def test_calls_in_proportion_to_what_is_uncalled(self, deal: Deal) -> None:
        call = draft(deal)

        assert call.call_number.startswith("CALL-2024-")
        assert [item_of(call, who).amount for who in deal.investors] == [40_000, 24_000, 16_000]
        assert {item.commitment_amount for item in call.items.all()} == {750_000, 450_000, 300_000}

    def test_foots_to_the_cent(self, deal: Deal) -> None:
        call = draft(deal, "100.01")
        assert sum(item.amount for item in call.items.all()) == Decimal("100.01")

    def test_counts_what_is_called_already_and_calls_never_more(self, deal: Deal) -> None:
        draft(deal, "499999.99")
        with pytest.raises(NothingUncalled, match=r"\$0\.01"):
            draft(deal, "0.02")
        assert draft(deal, "0.01").items.count() == 1

    def test_refuses_too_short_a_notice(self, deal: Deal) -> None:
        # Ten business days from 16 January 2024 are 30 January.
        with pytest.raises(NoticeTooShort, match="2024-01-30"):
            draft(deal, due_date=date(2024, 1, 29))
        assert draft(deal, due_date=date(2024, 1, 30))

    def test_refuses_a_notice_in_the_past(self, deal: Deal) -> None:
        with pytest.raises(NoticeTooShort):
            draft(deal, notice_date=NOTICE - timedelta(days=1))

    @pytest.mark.parametrize(
        "change",
        [{"purpose": " "}, {"interest_rate": Decimal(12)}, {"day_count": "ACT_364"}, {"notice_days": 0}],
    )
    def test_refuses_what_makes_no_sense(self, deal: Deal, change: dict[str, Any]) -> None:
        with pytest.raises(UnworkableCall):
            draft(deal, **change)

    def test_refuses_an_offering_that_still_raises(self, deal: Deal) -> None:
        raising = factories.make_offering(operator=deal.operator, at=FUNDED)
        with pytest.raises(OfferingNotCalling):
            capital_calls.draw_up(raising, total_amount=Decimal(1), conditions=PLAN, by=deal.operator, at=NOTICED)

    def test_refuses_who_may_not(self, deal: Deal) -> None:
        with pytest.raises(NotPermitted):
            capital_calls.draw_up(deal.offering, total_amount=Decimal(1), conditions=PLAN, by=deal.approver, at=NOTICED)


class TestApprove:
    def test_gives_notice(self, deal: Deal) -> None:
        call = notice(deal, draft(deal))
        assert (call.status, call.approved_by) == ("NOTICED", deal.approver)

    def test_refuses_who_drew_it_up(self, deal: Deal) -> None:
        deal.operator.groups.add(factories.make_group("Approvers"))
        deal.operator = type(deal.operator).objects.get(pk=deal.operator.pk)
        call = capital_calls.submit(draft(deal), by=deal.operator, at=NOTICED)
        with pytest.raises(ApproverIsCreator):
            capital_calls.approve(call, approver=deal.operator, at=NOTICED)

    def test_refuses_a_draft(self, deal: Deal) -> None:
        with pytest.raises(CallNotInState):
            capital_calls.approve(draft(deal), approver=deal.approver, at=NOTICED)

    def test_refuses_when_the_day_of_notice_is_over(self, deal: Deal) -> None:
        call = capital_calls.submit(draft(deal), by=deal.operator, at=NOTICED)
        with pytest.raises(NoticeTooShort):
            capital_calls.approve(call, approver=deal.approver, at=NOTICED + timedelta(days=1))


class TestPaying:
    def test_money_becomes_the_offerings_and_the_investments(self, deal: Deal) -> None:
        call = noticed(deal, "80000.00")
        before = offering_holds(deal)

        item = pay(deal, item_of(call, deal.investors[0]))

        assert figures(item.status, item.paid_amount, item.interest_amount, item.paid_date) == (
            "PAID",
            40_000,
            0,
            NOTICE,
        )
        assert offering_holds(deal) - before == 40_000
        assert balance(deal.escrow.pk, INVESTOR, deal.investors[0].pk) == 0
        investment = Investment.objects.get(pk=item.investment_id)
        assert figures(investment.funded_amount, investment.current_balance) == (540_000, 540_000)
        assert investment.ownership_percentage == Decimal("51.923077")
        assert JournalEntry.objects.get(reference=item.reference).event == "RELEASE"
        assert books.check() == []

    def test_the_fee_comes_on_top(self, deal: Deal) -> None:
        payment = ask(deal, item_of(noticed(deal, "80000.00"), deal.investors[0]))
        assert figures(payment.amount, payment.fee_amount, payment.net_amount) == (40_075, 75, 40_000)

    def test_completes_the_call_when_the_last_has_paid(self, deal: Deal) -> None:
        call = noticed(deal, "80000.00")
        for investor in deal.investors:
            pay(deal, item_of(call, investor))
        call.refresh_from_db()
        assert call.status == "COMPLETED"
        assert books.check() == []

    def test_a_part_is_released_only_with_the_rest(self, deal: Deal) -> None:
        item = item_of(noticed(deal, "80000.00"), deal.investors[0])
        before = offering_holds(deal)

        item = pay(deal, item, net="15000.00")
        assert (item.status, offering_holds(deal)) == ("OPEN", before)
        assert queries.due(item_of(item.call, deal.investors[0]), on=NOTICE).missing == 25_000

        item = pay(deal, item, at=NOTICED + timedelta(days=8))
        assert figures(item.status, offering_holds(deal) - before) == ("PAID", 40_000)

    def test_refuses_more_than_is_missing(self, deal: Deal) -> None:
        item = item_of(noticed(deal, "80000.00"), deal.investors[0])
        ask(deal, item)
        with pytest.raises(NothingMissing):
            ask(deal, item, net="0.01")

    def test_the_same_key_pays_once(self, deal: Deal) -> None:
        item = item_of(noticed(deal, "80000.00"), deal.investors[0])
        assert ask(deal, item) == ask(deal, item)

    def test_an_investor_pays_their_own_and_nobody_elses(self, deal: Deal) -> None:
        call = noticed(deal, "80000.00")
        first, second = deal.investors[:2]
        own: dict[str, Any] = {"method": "ACH", "by": first, "idempotency_key": "k", "at": NOTICED}
        bank = first.bank_accounts.get().pk
        assert call_payments.pay(item_of(call, first), bank_account_id=bank, **own).net_amount == 40_000
        with pytest.raises(NotPermitted):
            call_payments.pay(item_of(call, second), bank_account_id=bank, **own)

    def test_refuses_before_the_notice(self, deal: Deal) -> None:
        with pytest.raises(ItemNotOpen):
            ask(deal, item_of(draft(deal), deal.investors[0]))

    def test_waits_while_we_may_not_deal_with_the_investor_and_the_sweep_mends_it(self, deal: Deal) -> None:
        item = item_of(noticed(deal, "80000.00"), deal.investors[0])
        payment = cleared(ask(deal, item))
        profile = InvestorProfile.objects.get(user=deal.investors[0])
        profiles.restrict(profile, by=None, reason="R10", at=NOTICED)
        assert not call_payments.follow(payment.pk, at=NOTICED)

        officer = factories.make_user("Carl", "Compliance", is_staff=True)
        profiles.lift(profile, by=officer, reason="mended", at=NOTICED)
        assert call_payments.sweep(at=NOTICED) == 1
        assert call_payments.sweep(at=NOTICED) == 0

    def test_waits_while_the_money_is_not_there_any_more(self, deal: Deal) -> None:
        item = item_of(noticed(deal, "80000.00"), deal.investors[0])
        payment = cleared(ask(deal, item))
        holds.place(
            deal.escrow, investor=deal.investors[0], amount=Decimal(1), reason="x", by=None, at=NOTICED, reference="h"
        )
        assert not call_payments.follow(payment.pk, at=NOTICED)
        item.refresh_from_db()
        assert item.status == "OPEN"

    def test_a_closing_leaves_called_money_alone(self, deal: Deal) -> None:
        item = item_of(noticed(deal, "80000.00"), deal.investors[0])
        cleared(ask(deal, item))
        assert release_gate.releasable(deal.escrow.pk, at=NOTICED) == {}
        with pytest.raises(closings.NothingToRelease):
            closings.propose(deal.escrow, by=deal.operator, at=NOTICED)


class TestInterest:
    def test_runs_from_the_due_date_to_the_day_the_payment_is_asked_for(self, deal: Deal) -> None:
        item = item_of(noticed(deal, "80000.00"), deal.investors[0])
        before = offering_holds(deal)

        item = pay(deal, item, at=datetime(2024, 3, 2, 17, 0, tzinfo=UTC))

        # 40,000 x 12% x 30/365.
        assert item.interest_amount == Decimal("394.52")
        assert item.paid_amount == Decimal("40394.52")
        assert offering_holds(deal) - before == Decimal("40394.52")
        assert Investment.objects.get(pk=item.investment_id).funded_amount == 540_000
        assert books.check() == []

    def test_is_no_contribution(self, deal: Deal) -> None:
        item = pay(
            deal,
            item_of(noticed(deal, "80000.00"), deal.investors[0]),
            at=datetime(2024, 3, 2, 17, 0, tzinfo=UTC),
        )
        basis = entitlements.basis_of(
            Distribution(offering=deal.offering, escrow_account=deal.escrow, as_of_date=NOW.date())
        )
        [position] = [one for one in basis.positions if one.key == str(item.investment_id)]
        assert [amount for _, amount in position.contributions] == [500_000, 40_000]
        assert position.contributions[1][0] > date(2024, 3, 2)

    @pytest.mark.parametrize(
        ("day_count", "interest"), [("ACT_360", "400.00"), ("ACT_ACT_ISDA", "393.44"), ("30_360", "413.33")]
    )
    def test_counts_days_as_the_call_says(self, deal: Deal, day_count: str, interest: str) -> None:
        item = item_of(noticed(deal, "80000.00", plan=replace(PLAN, day_count=day_count)), deal.investors[0])
        assert queries.due(item, on=date(2024, 3, 2)).interest == Decimal(interest)

    def test_none_runs_on_what_was_asked_for_in_time(self, deal: Deal) -> None:
        item = item_of(noticed(deal, "80000.00"), deal.investors[0])
        ask(deal, item, at=datetime(2024, 2, 1, 17, 0, tzinfo=UTC))
        assert queries.due(item, on=date(2024, 5, 1)).total == 40_000


class TestCancel:
    def test_frees_what_was_called(self, deal: Deal) -> None:
        call = noticed(deal, "500000.00")
        capital_calls.cancel(call, by=deal.approver, reason="not needed", at=NOTICED)
        assert set(queries.uncalled(Investment.objects.all()).values()) == {250_000, 150_000, 100_000}
        assert noticed(deal, "500000.00").items.count() == 3

    def test_refuses_once_something_is_paid(self, deal: Deal) -> None:
        call = noticed(deal, "80000.00")
        pay(deal, item_of(call, deal.investors[0]))
        with pytest.raises(ItemPaid):
            capital_calls.cancel(call, by=deal.approver, reason="x", at=NOTICED)

    def test_excusing_the_last_who_owes_completes_it(self, deal: Deal) -> None:
        call = noticed(deal, "80000.00")
        for investor in deal.investors[:2]:
            pay(deal, item_of(call, investor))
        capital_calls.excuse(item_of(call, deal.investors[2]), by=deal.approver, reason="bankrupt", at=NOTICED)
        call.refresh_from_db()
        assert call.status == "COMPLETED"


class TestLateClosing:
    def test_brings_the_newcomer_to_where_the_others_are_and_says_to_whom_the_premium_is_owed(self, deal: Deal) -> None:
        first = noticed(deal, "80000.00")
        newcomer = factories.make_investor("Nina Newcomer", verifier=deal.operator, at=NOTICED)
        promise(deal, newcomer, "150000.00", at=NOTICED)
        plan = replace(PLAN, due_date=date(2024, 3, 2), premium_rate=Decimal("0.10"))

        call = capital_calls.draw_up_late_closing(deal.offering, conditions=plan, by=deal.operator, at=NOTICED)

        [item] = call.items.all()
        # 80,000 was called of 1,500,000 committed: 5.33% of 150,000; 10% for 30 days on it.
        assert (item.investor, item.amount, item.premium_amount) == (newcomer, Decimal(8_000), Decimal("65.75"))
        [share] = queries.equalisation(call)[item.pk]
        assert share.call == first
        assert sorted(part for _, part in share.owed_to) == [Decimal("13.15"), Decimal("19.72"), Decimal("32.88")]

        before = offering_holds(deal)
        item = pay(deal, item_of(notice(deal, call), newcomer))
        assert figures(item.status, offering_holds(deal) - before) == ("PAID", Decimal("8065.75"))
        assert Investment.objects.get(pk=item.investment_id).funded_amount == 8_000
        assert books.check() == []

    def test_calls_once(self, deal: Deal) -> None:
        noticed(deal, "80000.00")
        newcomer = factories.make_investor("Nina Newcomer", verifier=deal.operator, at=NOTICED)
        promise(deal, newcomer, "150000.00", at=NOTICED)
        capital_calls.draw_up_late_closing(deal.offering, conditions=PLAN, by=deal.operator, at=NOTICED)
        with pytest.raises(NothingToEqualise):
            capital_calls.draw_up_late_closing(deal.offering, conditions=PLAN, by=deal.operator, at=NOTICED)

    def test_takes_nobody_for_late_who_bought_what_was_called_of_another(self, deal: Deal) -> None:
        call = noticed(deal, "80000.00")
        for item in call.items.all():
            pay(deal, item)
        plan = replace(PLAN, notice_date=date(2024, 3, 1), due_date=date(2024, 4, 30))
        later = NOTICED + timedelta(days=30)
        buyer = factories.make_investor("Bella Buyer", verifier=deal.operator, at=NOTICED)
        transfer = transfers.propose(
            deal.investors[0].investments.get(offering=deal.offering),
            buyer=buyer,
            part=Decimal("0.5"),
            effective_date=later.date(),
            document_reference="Assignment 2024-02",
            by=deal.operator,
            at=later,
        )
        connection.check_constraints()
        transfers.approve(transfer, approver=deal.approver, at=later)
        with pytest.raises(NothingToEqualise):
            capital_calls.draw_up_late_closing(deal.offering, conditions=plan, by=deal.operator, at=later)

        promise(deal, buyer, "150000.00", at=later)

        drawn = capital_calls.draw_up_late_closing(deal.offering, conditions=plan, by=deal.operator, at=later)
        [item] = drawn.items.all()
        assert (item.investor, item.amount) == (buyer, Decimal(8_000))
        [share] = queries.equalisation(drawn)[item.pk]
        assert share.capital == 8_000


class TestTheDatabase:
    """Raw SQL, as somebody with the application's own password would write it."""

    def run(self, sql: str, item: CapitalCallItem, **more: Any) -> None:
        names = {
            "item": item.pk, "call": item.call_id, "investor": item.investor_id, "investment": item.investment_id,
            **more,
        }  # fmt: skip
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, names)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def refused(self, sql: str, item: CapitalCallItem, *states: str, **more: Any) -> None:
        with pytest.raises(DatabaseError) as caught:
            self.run(sql, item, **more)
        found = getattr(caught.value.__cause__, "sqlstate", None)
        assert found in states, caught.value

    PAID = (
        "UPDATE capital_call_items SET status = 'PAID', paid_amount = amount + premium_amount,"
        " paid_date = '2024-01-16' WHERE id = %(item)s;"
    )
    FUNDED = (
        "UPDATE investments SET funded_amount = funded_amount + 40000, current_balance = current_balance + 40000"
        " WHERE id = %(investment)s;"
    )

    def release(self, deal: Deal, amount: str, reference: str = "'call:' || %(call)s || ':' || %(investor)s") -> str:
        return (
            f"SELECT ledger_post(ARRAY[gen_random_uuid()], ARRAY['{deal.escrow.pk}']::uuid[], ARRAY['RELEASE'],"
            f" ARRAY['ADJUSTMENT'], ARRAY[{reference}], ARRAY[repeat('0', 64)], ARRAY[''], ARRAY[current_date],"
            " ARRAY[NULL]::uuid[], ARRAY[NULL]::uuid[], ARRAY[NULL]::uuid[], ARRAY[1, 1],"
            " ARRAY['INVESTOR', 'OFFERING'], ARRAY[%(investor)s, NULL]::uuid[],"
            f" ARRAY[{amount}, -{amount}]::numeric[], NULL, now());"
        )

    @staged
    def paid(self, deal: Deal) -> CapitalCallItem:
        """An item whose payment has cleared and was not followed yet."""
        item = item_of(noticed(deal, "80000.00"), deal.investors[0])
        cleared(ask(deal, item))
        return item

    def test_the_honest_road_is_open(self, deal: Deal, paid: CapitalCallItem) -> None:
        self.run(self.PAID + self.FUNDED + self.release(deal, "40000"), paid)
        assert books.check() == []

    def test_nothing_is_released_without_its_item(self, deal: Deal, paid: CapitalCallItem) -> None:
        self.refused(self.release(deal, "40000"), paid, "RC006")

    def test_not_a_cent_more_or_less_is_released(self, deal: Deal, paid: CapitalCallItem) -> None:
        for amount in ("40000.01", "39999.99"):
            self.refused(self.PAID + self.FUNDED + self.release(deal, amount), paid, "RC006", "23514")

    def test_it_is_not_released_twice_under_another_name(self, deal: Deal, paid: CapitalCallItem) -> None:
        for name in ("':charges'", "':again'"):
            again = self.release(deal, "40000", f"'call:' || %(call)s || ':' || %(investor)s || {name}")
            self.refused(self.PAID + self.FUNDED + again, paid, "RC006")

    def test_nobody_elses_money_is_released(self, deal: Deal, paid: CapitalCallItem) -> None:
        other = deal.investors[1]
        named = f"'call:' || %(call)s || ':{paid.investor_id}'"
        self.refused(
            self.PAID + self.FUNDED + self.release(deal, "40000", named), paid, "RC006", "23514", investor=other.pk
        )

    def test_no_item_is_paid_without_completed_payments(self, deal: Deal) -> None:
        item = item_of(noticed(deal, "80000.00"), deal.investors[0])
        ask(deal, item)
        self.refused(self.PAID, item, "RC006")

    def test_no_item_is_paid_of_a_call_that_was_not_approved(self, deal: Deal) -> None:
        self.refused(self.PAID, item_of(draft(deal), deal.investors[0]), "RC006")

    def test_a_paid_item_has_released_its_money(self, deal: Deal, paid: CapitalCallItem) -> None:
        self.refused(self.PAID + self.FUNDED, paid, "RC006")

    def test_a_paid_item_is_in_its_investment(self, deal: Deal, paid: CapitalCallItem) -> None:
        self.refused(self.PAID + self.release(deal, "40000"), paid, "RC006")

    def test_an_investment_is_not_funded_without_a_release(self, deal: Deal, paid: CapitalCallItem) -> None:
        self.refused(self.FUNDED, paid, "RC006")

    def test_no_interest_is_charged_in_time(self, deal: Deal, paid: CapitalCallItem) -> None:
        self.refused(
            "UPDATE capital_call_items SET status = 'PAID', interest_amount = 1, paid_amount = amount + 1,"
            " paid_date = '2024-01-16' WHERE id = %(item)s;",
            paid,
            "RC006",
        )

    def test_nobody_approves_their_own(self, deal: Deal) -> None:
        call = capital_calls.submit(draft(deal), by=deal.operator, at=NOTICED)
        item = item_of(call, deal.investors[0])
        self.refused(
            "UPDATE capital_calls SET status = 'NOTICED', approved_by_id = created_by_id,"
            " approved_at = '2024-01-16 17:00+0' WHERE id = %(call)s",
            item,
            "23514",
        )

    def test_amounts_and_days_stand(self, deal: Deal, paid: CapitalCallItem) -> None:
        for change in ("amount = 1", "premium_amount = 1", "investor_id = gen_random_uuid()"):
            self.refused(f"UPDATE capital_call_items SET {change} WHERE id = %(item)s", paid, "23001")
        for change in ("due_date = '2030-01-01'", "total_amount = 1", "interest_rate = 0.5"):
            self.refused(f"UPDATE capital_calls SET {change} WHERE id = %(call)s", paid, "23001")
        self.refused("DELETE FROM capital_call_items", paid, "23001")

    def test_no_item_is_added_to_a_call_that_was_noticed(self, deal: Deal, paid: CapitalCallItem) -> None:
        self.refused(
            "INSERT INTO capital_call_items SELECT (jsonb_populate_record(n, jsonb_build_object('id',"
            " gen_random_uuid(), 'amount', 1))).* FROM capital_call_items n WHERE id = %(item)s",
            paid,
            "23001",
        )

    def test_no_payment_of_somebody_else_counts(self, deal: Deal, paid: CapitalCallItem) -> None:
        other = item_of(paid.call, deal.investors[1])
        payment = ask(deal, other)
        self.refused(
            "UPDATE capital_call_payments SET item_id = %(item)s WHERE transaction_id = %(payment)s",
            paid,
            "23001",
            payment=payment.pk,
        )
        deposit = factories.deposit(deal.escrow, deal.investors[0], "5000.00", at=NOTICED)
        self.refused(
            "INSERT INTO capital_call_payments (id, item_id, transaction_id, created_at)"
            " VALUES (gen_random_uuid(), %(item)s, %(payment)s, now())",
            paid,
            "RC006",
            payment=deposit.pk,
        )


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_one_payment_followed_by_many_releases_once(self) -> None:
        deal = make_called_deal()
        item = item_of(noticed(deal, "80000.00"), deal.investors[0])
        payment = cleared(ask(deal, item))
        before = offering_holds(deal)

        def follow(_: int) -> bool:
            try:
                return call_payments.follow(payment.pk, at=NOTICED)
            finally:
                close_connections()

        with ThreadPoolExecutor(6) as pool:
            released = list(pool.map(follow, range(6)))

        assert released.count(True) == 1
        assert offering_holds(deal) - before == 40_000

    def test_two_calls_at_once_never_call_more_than_is_uncalled(self) -> None:
        deal = make_called_deal()

        def call(_: int) -> bool:
            try:
                draft(deal, "300000.00")
            except NothingUncalled:
                return False
            finally:
                close_connections()
            return True

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(call, range(4))).count(True) == 1
        assert Offering.objects.get(pk=deal.offering.pk).capital_calls.count() == 1
