"""Premiums of late closings, paid on: whose they are, once each, outside of the waterfall, and never from its money."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from distributions import contents
from distributions.models import Distribution, DistributionAllocation, PremiumPaidOn
from distributions.operations import (
    capital_calls,
    distributions,
    overrides,
    payouts,
    premiums,
    transfers,
    withholdings,
    write_offs,
)
from distributions.operations.distributions import ApproverIsPayee, NumbersChanged
from distributions.operations.overrides import Decision, NothingToDecide
from distributions.queries import capital_accounts, entitlements, histories
from distributions.queries import distributions as queries
from distributions.queries import premiums as premium_queries
from distributions.queries.premiums import NothingToPayOn
from escrow import books
from escrow.models import Investment
from escrow.operations.ledger import InsufficientFunds
from realco.errors import NotPermitted
from tests import factories
from tests.distributions.calls import item_of, make_called_deal, pay
from tests.distributions.deals import Deal, arrive, bounce, come_back, payment_of, spend, standing
from tests.distributions.premiums import (
    ADMITTED,
    LATER,
    admit,
    approve,
    arrived,
    called,
    draw_up,
    late_closing,
    paid,
    premium_item,
    submit,
)
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
ON = LATER.date()


@staged
def deal() -> Deal:
    return make_called_deal()


def amounts(distribution: Distribution) -> list[str]:
    return [str(row.premium_amount) for row in standing(distribution)]


class TestDrawUp:
    def test_gives_each_what_the_earlier_call_called_of_them(self, deal: Deal) -> None:
        distribution = draw_up(deal, arrived(deal))

        # 65.75 of interest over 40,000, 24,000 and 16,000 of 80,000.
        assert (distribution.nature, distribution.status) == ("PREMIUM", "DRAFT")
        assert (str(distribution.total_amount), str(distribution.premium_total)) == ("65.75", "65.75")
        assert [row.investor for row in standing(distribution)] == deal.investors
        assert amounts(distribution) == ["32.88", "19.72", "13.15"]
        assert distribution.terms is None

    def test_is_asked_for_under_a_key_once(self, deal: Deal) -> None:
        call = arrived(deal)
        assert draw_up(deal, call) == draw_up(deal, call)

    def test_pays_each_premium_on_once(self, deal: Deal) -> None:
        call = arrived(deal)
        distribution = draw_up(deal, call)
        with pytest.raises(NothingToPayOn, match=str(distribution)):
            draw_up(deal, call, key="again")

    def test_a_cancelled_distribution_frees_its_premiums(self, deal: Deal) -> None:
        call = arrived(deal)
        first = submit(deal, call)
        distributions.cancel(first, by=deal.approver, reason="Not yet", at=LATER)

        second = draw_up(deal, call, key="again")

        assert amounts(second) == ["32.88", "19.72", "13.15"]
        assert [row.freed_at is None for row in PremiumPaidOn.objects.order_by("created_at", "id")] == [False, True]

    def test_waits_for_the_premium_to_arrive(self, deal: Deal) -> None:
        called(deal)
        admit(deal, "Nina Newcomer", "150000.00")
        with pytest.raises(NothingToPayOn, match="has not been paid"):
            draw_up(deal, late_closing(deal))

    def test_takes_what_has_arrived_and_leaves_the_rest_for_another(self, deal: Deal) -> None:
        called(deal)
        first, second = admit(deal, "Nina Newcomer", "150000.00"), admit(deal, "Nora Newer", "300000.00")
        call = late_closing(deal)
        pay(deal, item_of(call, first), at=ADMITTED)
        assert str(draw_up(deal, call).total_amount) == "65.75"

        pay(deal, item_of(call, second), at=ADMITTED)
        assert str(draw_up(deal, call, key="the rest").total_amount) == "131.51"

    def test_waits_for_those_who_have_not_paid_the_earlier_call(self, deal: Deal) -> None:
        first = called(deal, unpaid=1)
        newcomer = admit(deal, "Nina Newcomer", "150000.00")
        call = late_closing(deal)
        pay(deal, item_of(call, newcomer), at=ADMITTED)
        with pytest.raises(NothingToPayOn, match=f"{first} is not paid in full"):
            draw_up(deal, call)

    def test_shares_what_arrived_among_those_left_when_somebody_was_excused(self, deal: Deal) -> None:
        first = called(deal, unpaid=1)
        newcomer = admit(deal, "Nina Newcomer", "150000.00")
        call = late_closing(deal)
        pay(deal, item_of(call, newcomer), at=ADMITTED)
        capital_calls.excuse(item_of(first, deal.investors[2]), by=deal.approver, reason="Bankrupt", at=ADMITTED)

        distribution = draw_up(deal, call)

        # 65.75 over 40,000 and 24,000.
        assert amounts(distribution) == ["41.09", "24.66"]
        assert [row.investor for row in standing(distribution)] == deal.investors[:2]

    def test_leaves_default_interest_with_the_offering(self, deal: Deal) -> None:
        call = arrived(deal)
        assert premium_queries.owed(deal.escrow.pk) == Decimal("65.75")
        item = premium_item(call)
        assert item.paid_amount - item.amount - item.interest_amount == Decimal("65.75")

    def test_is_for_those_who_may_create_distributions(self, deal: Deal) -> None:
        call = arrived(deal)
        with pytest.raises(NotPermitted):
            premiums.draw_up(call, creator=deal.approver, idempotency_key="a", at=LATER)

    def test_refuses_when_the_money_has_been_spent(self, deal: Deal) -> None:
        call = arrived(deal)
        spend(deal.escrow, Decimal("88000.01"), at=LATER)
        with pytest.raises(InsufficientFunds):
            draw_up(deal, call)

    def test_lifetime_rounding_makes_up_for_earlier_cents(self, deal: Deal) -> None:
        """Six of the same size, one after the other: alone, each would give the same person the odd cent."""
        called(deal)
        people = [admit(deal, f"Nina {number}", "150000.00") for number in range(6)]
        call = late_closing(deal)
        exact = [Decimal("32.875"), Decimal("19.725"), Decimal("13.15")]
        got = [Decimal(0)] * 3
        for number, person in enumerate(people, start=1):
            pay(deal, item_of(call, person), at=ADMITTED)
            distribution = approve(deal, call, key=f"premium {number}")
            got = [had + row.premium_amount for had, row in zip(got, standing(distribution), strict=True)]
            assert all(abs(have - number * share) <= Decimal("0.01") for have, share in zip(got, exact, strict=True))
        assert got == [6 * share for share in exact]


class TestAvailable:
    def test_what_is_owed_on_premiums_cannot_be_distributed(self, deal: Deal) -> None:
        arrived(deal)
        # 88,000 of capital and 65.75 of premium are there.
        assert queries.available(deal.escrow.pk) == Decimal("88000.00")
        with pytest.raises(InsufficientFunds, match="premiums owed to investors"):
            deal.create("88000.01", on=ON, at=LATER)

    def test_nor_a_second_time_once_it_is_approved_or_paid(self, deal: Deal) -> None:
        call = arrived(deal)
        draft = draw_up(deal, call)
        assert queries.available(deal.escrow.pk) == Decimal("88000.00")
        assert queries.available(deal.escrow.pk, excluding=draft.pk) == Decimal("88065.75")
        distributions.cancel(draft, by=deal.operator, reason="Anew", at=LATER)
        approve(deal, call, key="again")
        assert queries.available(deal.escrow.pk) == Decimal("88000.00")

    def test_what_arrived_before_premiums_were_paid_on_is_not_kept_but_can_be_paid(self, deal: Deal) -> None:
        """It was income of the offering then, and may have been distributed."""
        call = arrived(deal)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE capital_call_items DISABLE TRIGGER USER")
            cursor.execute("UPDATE capital_call_items SET keeps_premium = false WHERE call_id = %s", [call.pk])
            cursor.execute("ALTER TABLE capital_call_items ENABLE TRIGGER USER")
        assert queries.available(deal.escrow.pk) == Decimal("88065.75")
        assert str(draw_up(deal, call).total_amount) == "65.75"

    def test_is_the_same_when_everybody_was_paid(self, deal: Deal) -> None:
        paid(deal, arrived(deal))
        assert queries.available(deal.escrow.pk) == Decimal("88000.00")
        assert premium_queries.owed(deal.escrow.pk) == 0
        assert books.check() == []


class TestSigning:
    def test_binds_the_premiums(self, deal: Deal) -> None:
        distribution = submit(deal, arrived(deal))
        assert distribution.submitted_at is not None
        signed = contents.signed_hash(distribution, submitted_at=distribution.submitted_at)
        assert signed == distribution.content_hash
        distribution.premium_total += 1
        assert signed != contents.signed_hash(distribution, submitted_at=distribution.submitted_at)

    def test_a_payee_does_not_sign(self, deal: Deal) -> None:
        distribution = submit(deal, arrived(deal))
        investor = deal.investors[0]
        investor.groups.add(factories.make_group("Approvers"))
        with pytest.raises(ApproverIsPayee):
            distributions.approve(distribution, approver=investor, content_hash=distribution.content_hash, at=LATER)

    def test_is_void_when_a_bank_has_taken_the_premium_back(self, deal: Deal) -> None:
        call = arrived(deal)
        distribution = submit(deal, call)
        payment = premium_item(call).payments.get().transaction
        come_back(payment.pk, at=ADMITTED + timedelta(days=20))

        with pytest.raises(NumbersChanged, match="taken back by a bank"):
            distributions.approve(
                distribution, approver=deal.approver, content_hash=distribution.content_hash, at=LATER
            )

        distribution.refresh_from_db()
        assert distribution.status == "DRAFT"

    def test_is_void_when_the_offering_holds_less(self, deal: Deal) -> None:
        distribution = approve(deal, arrived(deal))
        spend(deal.escrow, Decimal("88000.01"), at=LATER)
        with pytest.raises(NumbersChanged, match="not promised otherwise"):
            payouts.execute(distribution, executor=deal.operator, at=LATER)

    def test_nobody_decides_otherwise(self, deal: Deal) -> None:
        distribution = draw_up(deal, arrived(deal))
        first, second, _ = standing(distribution)
        with pytest.raises(NothingToDecide):
            decision = Decision(first.pk, "profit_split", Decimal(1), second.pk)
            overrides.override(distribution, decision=decision, reason="A favour", by=deal.operator, at=LATER)


class TestWaterfall:
    def test_is_untouched(self, deal: Deal) -> None:
        """The same distribution comes out with and without premiums that were paid on before it."""
        call = arrived(deal)
        deal.earn("500000.00", at=LATER)
        before = deal.draw_up("300000.00", on=ON, at=LATER)
        expected = [(row.investor_id, row.return_of_capital, row.preferred_return, row.profit_split)
                    for row in standing(before)]  # fmt: skip
        paid(deal, call)

        after = deal.draw_up("300000.00", on=ON, at=LATER)

        assert [(row.investor_id, row.return_of_capital, row.preferred_return, row.profit_split)
                for row in standing(after)] == expected  # fmt: skip
        assert histories.of(after) == ((), ())
        assert after.metadata["basis"]["history"] == before.metadata["basis"]["history"]

    def test_voids_no_signature_of_an_ordinary_distribution(self, deal: Deal) -> None:
        call = arrived(deal)
        deal.earn("500000.00", at=LATER)
        ordinary = deal.submit("300000.00", on=ON, at=LATER)
        paid(deal, call)
        assert entitlements.changes_since(ordinary, anew=True) == []
        assert deal.sign(ordinary, at=LATER).status == "APPROVED"

    def test_investments_have_had_nothing_back(self, deal: Deal) -> None:
        paid(deal, arrived(deal))
        for row in Investment.objects.filter(offering=deal.offering):
            assert row.returned_capital == row.preferred_return_paid == row.profits_paid == Decimal(0)
            assert row.current_balance == row.funded_amount

    def test_an_account_shows_it_besides_and_drifts_nowhere(self, deal: Deal) -> None:
        call = arrived(deal)
        paid(deal, call)
        found = {one.investor_id: one for one in capital_accounts.accounts(deal.offering, on=ON)}
        assert [str(found[one.pk].premium) for one in deal.investors] == ["32.88", "19.72", "13.15"]
        for one in found.values():
            assert one.returned == one.preferred_paid == one.profit == Decimal(0)
            assert one.drifts == ()


class TestPaying:
    def test_reaches_everybody(self, deal: Deal) -> None:
        distribution = paid(deal, arrived(deal))
        assert distribution.status == "COMPLETED"
        assert [str(payment_of(row).amount) for row in standing(distribution)] == ["32.88", "19.72", "13.15"]
        assert books.check() == []

    def test_a_failed_one_is_paid_again(self, deal: Deal) -> None:
        distribution = payouts.execute(approve(deal, arrived(deal)), executor=deal.operator, at=LATER)
        first, *others = standing(distribution)
        bounce(first, at=LATER, code="R01")
        for row in others:
            arrive(row, at=LATER)
        distribution.refresh_from_db()
        assert distribution.status == "PARTIALLY_FAILED"

        payouts.retry_failed(distribution, by=deal.operator, at=LATER)
        arrive(first, at=LATER)

        distribution.refresh_from_db()
        assert distribution.status == "COMPLETED"

    def test_a_return_later_restores_everything(self, deal: Deal) -> None:
        distribution = paid(deal, arrived(deal))
        held = queries.available(deal.escrow.pk)
        row = standing(distribution)[0]

        come_back(payment_of(row).pk, at=LATER + timedelta(days=2))

        row.refresh_from_db()
        distribution.refresh_from_db()
        assert (row.status, distribution.status) == ("FAILED", "PARTIALLY_FAILED")
        # The money is back and still promised to its payee.
        assert queries.available(deal.escrow.pk) == held
        assert row.investment is not None
        investment = Investment.objects.get(pk=row.investment.pk)
        assert investment.current_balance == investment.funded_amount
        assert books.check() == []

    def test_a_written_off_one_is_income_of_the_offering(self, deal: Deal) -> None:
        call = arrived(deal)
        distribution = payouts.execute(approve(deal, call), executor=deal.operator, at=LATER)
        row = standing(distribution)[0]
        bounce(row, at=LATER)
        before = queries.available(deal.escrow.pk)
        write_off = write_offs.propose(row, reason="Nobody knows where they are", by=deal.operator, at=LATER)
        write_offs.approve(write_off, approver=deal.approver, at=LATER)

        assert queries.available(deal.escrow.pk) - before == Decimal("32.88")
        with pytest.raises(NothingToPayOn):
            draw_up(deal, call, key="again")

    def test_taxes_are_withheld_of_it(self, deal: Deal) -> None:
        call = arrived(deal)
        withholdings.set_rate(
            deal.investors[0],
            rate=Decimal("0.24"),
            reason="Backup withholding",
            effective_from=ON,
            by=deal.operator,
            at=LATER,
        )
        row = standing(draw_up(deal, call))[0]
        assert (str(row.withholding_amount), str(row.net_amount)) == ("7.89", "24.99")
        assert [str(line.base_amount) for line in row.lines.all()] == ["32.88"]

    def test_allocations_are_all_there_is(self, deal: Deal) -> None:
        distribution = paid(deal, arrived(deal))
        assert DistributionAllocation.objects.filter(distribution=distribution).count() == 3


class TestTransferred:
    def test_a_transfer_may_take_effect_before_premiums_were_paid_on(self, deal: Deal) -> None:
        """They are no history of the waterfall, whose order a transfer has to keep."""
        paid(deal, arrived(deal))
        buyer = factories.make_investor("Bella Buyer", verifier=deal.operator, at=LATER)
        transfer = transfers.propose(
            deal.investors[2].investments.get(offering=deal.offering),
            buyer=buyer,
            part=Decimal("0.5"),
            effective_date=ON - timedelta(days=1),
            document_reference="Assignment 2024-04",
            by=deal.operator,
            at=LATER,
        )
        connection.check_constraints()
        assert transfers.approve(transfer, approver=deal.approver, at=LATER).status == "EXECUTED"

    def test_who_was_called_on_is_paid_although_they_have_sold_since(self, deal: Deal) -> None:
        """It is for the time their money was in; what the buyer took over is the capital, and its return."""
        call = arrived(deal)
        buyer = factories.make_investor("Bella Buyer", verifier=deal.operator, at=LATER)
        transfer = transfers.propose(
            deal.investors[2].investments.get(offering=deal.offering),
            buyer=buyer,
            part=Decimal(1),
            effective_date=ON,
            document_reference="Assignment 2024-04",
            by=deal.operator,
            at=LATER,
        )
        connection.check_constraints()
        transfers.approve(transfer, approver=deal.approver, at=LATER)

        distribution = paid(deal, call)

        assert [row.investor for row in standing(distribution)] == deal.investors
        assert distribution.status == "COMPLETED"
        deal.earn("300000.00", at=LATER)
        ordinary = deal.draw_up("300000.00", on=ON, at=LATER)
        assert {row.investor for row in standing(ordinary) if row.investment_id} >= {buyer}
