"""Reinvestment: what is chosen, moved by two payments at once, paid in cash where it cannot be, and reversed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from compliance.operations import profiles
from distributions.models import DistributionAllocation, ReinvestmentElection
from distributions.operations import allocations, distributions, elections, payouts, reinvestment_movements, sweeps
from distributions.operations.elections import ElectionOver, NotReinvestable, UnworkableElection
from distributions.operations.reinvestment_movements import NotReinvested, ReleasedAlready
from distributions.queries import distributions as distribution_queries
from escrow import books
from escrow.models import EscrowAccount, Investment, LedgerAccount
from escrow.operations import escrow_accounts
from escrow.queries.balances import balance
from finance.models import SandboxStatementLine, Transaction
from finance.operations import internal_transfers, movements, refund_runs, transactions
from realco.errors import NotPermitted
from realco.models import AuditEvent, User
from tests import factories
from tests.distributions.deals import NOW, Deal, arrive, close, payment_of
from tests.distributions.reinvesting import Scene, execute, make_scene, move, outbound_of, row_of
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@staged
def scene() -> Scene:
    return make_scene()


def check_books(scene: Scene) -> None:
    assert books.check([scene.deal.escrow.pk, scene.target_escrow.pk]) == []


class TestElecting:
    def test_is_kept_with_who_and_when(self, scene: Scene) -> None:
        election = scene.elect("PERCENTAGE", rate=Decimal("0.4"))

        event = AuditEvent.objects.get(entity_type="reinvestment_elections", entity_id=str(election.pk))
        assert (event.user, event.action) == (scene.investor, "reinvestment.elect")
        assert (election.elected_at, election.words) == (NOW, "40%")

    def test_a_newer_one_replaces_it(self, scene: Scene) -> None:
        first = scene.elect()

        second = scene.elect("AMOUNT", amount=Decimal("500.00"))

        first.refresh_from_db()
        assert (first.status, second.status) == ("WITHDRAWN", "ACTIVE")

    def test_the_same_again_is_the_same_row(self, scene: Scene) -> None:
        assert scene.elect() == scene.elect()

    def test_nobody_else_elects(self, scene: Scene) -> None:
        investment = Investment.objects.get(offering=scene.deal.offering, investor=scene.investor)

        with pytest.raises(NotPermitted):
            elections.elect(investment, target=scene.target, basis="ALL", by=scene.deal.operator, at=NOW)

    def test_refuses_the_offering_itself(self, scene: Scene) -> None:
        investment = Investment.objects.get(offering=scene.deal.offering, investor=scene.investor)

        with pytest.raises(NotReinvestable, match="another offering"):
            elections.elect(investment, target=scene.deal.offering, basis="ALL", by=scene.investor, at=NOW)

    def test_refuses_a_target_past_its_deadline(self, scene: Scene) -> None:
        with pytest.raises(NotReinvestable, match="takes no investments"):
            scene.elect(at=NOW + timedelta(days=91))

    @pytest.mark.parametrize(
        ("basis", "figure"),
        [
            ("PERCENTAGE", {"rate": Decimal("1.01")}),
            ("PERCENTAGE", {"rate": Decimal(0)}),
            ("PERCENTAGE", {"rate": Decimal("0.1234567")}),
            ("PERCENTAGE", {}),
            ("AMOUNT", {}),
            ("HALF", {}),
        ],
    )
    def test_refuses_what_makes_no_sense(self, scene: Scene, basis: str, figure: dict[str, Any]) -> None:
        with pytest.raises(UnworkableElection):
            scene.elect(basis, **figure)

    def test_is_withdrawn_once(self, scene: Scene) -> None:
        election = elections.withdraw(scene.elect(), by=scene.investor, at=NOW)

        assert (election.status, election.ended_by) == ("WITHDRAWN", scene.investor)
        with pytest.raises(ElectionOver):
            elections.withdraw(election, by=scene.investor, at=NOW)

    def test_others_do_not_withdraw_it(self, scene: Scene) -> None:
        with pytest.raises(NotPermitted):
            elections.withdraw(scene.elect(), by=scene.deal.investors[1], at=NOW)

    def test_ends_when_the_target_takes_no_more(self, scene: Scene) -> None:
        election = scene.elect()

        assert sweeps.sweep(at=NOW) == 0
        assert sweeps.sweep(at=NOW + timedelta(days=91)) == 1

        election.refresh_from_db()
        assert election.status == ReinvestmentElection.Status.ENDED
        assert "takes no more investments" in election.ended_reason


class TestMoving:
    def test_all_of_it_becomes_two_payments_that_settle_at_once(self, scene: Scene) -> None:
        scene.elect()
        allocation = execute(scene)

        row = move(allocation)

        leaving, coming = movements.read(outbound_of(allocation).pk).halves
        assert (leaving.type, leaving.status, leaving.escrow_account) == (
            "DISTRIBUTION",
            "COMPLETED",
            scene.deal.escrow,
        )
        assert (coming.type, coming.status, coming.escrow_account) == ("DEPOSIT", "COMPLETED", scene.target_escrow)
        assert leaving.payment_method == coming.payment_method == "INTERNAL_TRANSFER"
        assert leaving.net_amount == coming.net_amount == allocation.net_amount == Decimal("15000.00")
        assert leaving.fee_amount == coming.fee_amount == 0
        assert row.status == "DONE"
        assert (allocation.status, allocation.transaction) == ("COMPLETED", leaving)
        assert scene.held() == Decimal("15000.00")
        check_books(scene)

    def test_it_commits_and_closes_like_any_deposit(self, scene: Scene) -> None:
        scene.elect()
        move(execute(scene))
        investment = Investment.objects.get(offering=scene.target, investor=scene.investor)
        assert investment.investment_amount == Decimal("15000.00")

        close(_as_deal(scene), at=NOW)

        investment.refresh_from_db()
        assert investment.funded_amount == Decimal("15000.00")
        assert scene.held() == 0
        check_books(scene)

    def test_the_investment_has_had_it_back(self, scene: Scene) -> None:
        scene.elect()
        allocation = execute(scene)
        move(allocation)

        assert allocation.investment is not None
        allocation.investment.refresh_from_db()
        had = allocation.investment.returned_capital + allocation.investment.preferred_return_paid
        assert had == allocation.return_of_capital + allocation.preferred_return

    def test_the_rest_is_paid_in_cash_afterwards(self, scene: Scene) -> None:
        scene.elect("PERCENTAGE", rate=Decimal("0.333333"))
        allocation = execute(scene)
        assert (allocation.status, allocation.transaction) == ("PENDING", None)
        assert "Being reinvested" in allocation.waiting_reason

        row = move(allocation)

        assert row.amount == Decimal("4999.99")
        payment = payment_of(allocation)
        assert (payment.payment_method, payment.amount) == ("ACH", Decimal("10000.01"))
        arrive(allocation)
        allocation.refresh_from_db()
        assert allocation.status == "COMPLETED"
        check_books(scene)

    def test_a_fixed_amount_is_at_most_what_is_due(self, scene: Scene) -> None:
        scene.elect("AMOUNT", amount=Decimal("90000.00"))

        assert move(execute(scene)).amount == Decimal("15000.00")

    def test_what_is_moved_can_not_be_distributed_again(self, scene: Scene) -> None:
        scene.elect("AMOUNT", amount=Decimal("5000.00"))
        before = distribution_queries.available(scene.deal.escrow.pk)
        allocation = execute(scene)
        assert distribution_queries.available(scene.deal.escrow.pk) == before - 30000

        move(allocation)

        assert distribution_queries.available(scene.deal.escrow.pk) == before - 30000

    def test_above_fifty_thousand_the_signers_approve_both(self, scene: Scene) -> None:
        scene.elect()
        allocation = execute(scene, "200000.00")

        move(allocation)

        leaving, coming = movements.read(outbound_of(allocation).pk).halves
        assert (leaving.approvals_required, coming.approvals_required) == (2, 1)
        assert coming.approved_by == scene.deal.approver
        assert coming.status == "COMPLETED"

    def test_it_counts_for_distributions_submitted_after_it(self, scene: Scene) -> None:
        distribution = scene.deal.approve("30000.00")
        scene.elect()

        payouts.execute(distribution, executor=scene.deal.operator, at=NOW)

        assert payment_of(scene.allocation(distribution)).payment_method == "ACH"

    def test_who_has_no_bank_account_reinvests_all_the_same(self, scene: Scene) -> None:
        scene.investor.bank_accounts.update(status="SUSPENDED")
        scene.elect()

        assert move(execute(scene)).status == "DONE"

    def test_each_account_has_a_line_at_its_bank(self, scene: Scene) -> None:
        scene.elect()
        allocation = execute(scene)
        move(allocation)

        lines = {line.external_account_id: (line.amount, line.reference) for line in SandboxStatementLine.objects.all()}
        leaving, coming = movements.read(outbound_of(allocation).pk).halves
        for half, sign in ((leaving, -1), (coming, 1)):
            amount, reference = lines[half.escrow_account.external_account_id]
            assert amount == sign * half.net_amount
            assert reference == half.attempts.get().provider_reference
            assert half.ledger_entries.filter(
                ledger_account__kind=LedgerAccount.Kind.BANK, description__contains=reference
            ).exists()

    def test_it_is_part_of_what_approvers_sign(self, scene: Scene) -> None:
        plain = scene.deal.submit("30000.00")
        distributions.cancel(plain, by=scene.deal.operator, reason="Again", at=NOW)
        scene.elect()
        distribution = scene.deal.submit("30000.00")

        preview = distribution_queries.preview(distribution)

        assert [(one.amount, one.target_offering) for one in preview.reinvestments] == [
            (Decimal("15000.00"), scene.target)
        ]
        row = row_of(scene.allocation(distribution))
        assert row.status == "PLANNED"

    def test_a_draft_shows_what_would_be_reinvested(self, scene: Scene) -> None:
        scene.elect()

        preview = distribution_queries.preview(scene.deal.draw_up("30000.00"))

        assert [one.amount for one in preview.reinvestments] == [Decimal("15000.00")]


class TestInCash:
    def cash(self, allocation: DistributionAllocation) -> str:
        """Check that all of an allocation is paid to its payee's bank, and return why."""
        allocation.refresh_from_db()
        payment = payment_of(allocation)
        assert (payment.payment_method, payment.amount) == ("ACH", allocation.net_amount)
        row = row_of(allocation)
        assert row.status == "CASH"
        return row.reason

    def test_when_it_was_withdrawn(self, scene: Scene) -> None:
        election = scene.elect()
        distribution = scene.deal.approve("30000.00")
        elections.withdraw(election, by=scene.investor, at=NOW)

        payouts.execute(distribution, executor=scene.deal.operator, at=NOW)

        assert "Withdrawn by the investor" in self.cash(scene.allocation(distribution))
        check_books(scene)

    def test_when_the_target_is_frozen_before(self, scene: Scene) -> None:
        scene.elect()
        distribution = scene.deal.approve("30000.00")
        _freeze(scene)

        payouts.execute(distribution, executor=scene.deal.operator, at=NOW)

        assert "frozen" in self.cash(scene.allocation(distribution))

    def test_when_the_target_is_frozen_while_it_waits_for_the_bank(self, scene: Scene) -> None:
        scene.elect("AMOUNT", amount=Decimal("1000.00"))
        allocation = execute(scene)
        _freeze(scene)

        move(allocation)

        assert "frozen" in self.cash(allocation)
        leaving, coming = movements.read(outbound_of(allocation).pk).halves
        assert (leaving.status, coming.status) == ("CANCELLED", "CANCELLED")
        assert scene.held() == 0
        check_books(scene)

    def test_when_the_raise_has_ended(self, scene: Scene) -> None:
        scene.elect()
        distribution = scene.deal.approve("30000.00")

        payouts.execute(distribution, executor=scene.deal.operator, at=NOW + timedelta(days=91))

        assert "closed to investments" in self.cash(scene.allocation(distribution))

    def test_when_it_is_over_a_limit(self, scene: Scene) -> None:
        scene.investor.investor_profile.is_accredited = False
        scene.investor.investor_profile.save()
        scene.elect()
        distribution = scene.deal.approve("200000.00")

        payouts.execute(distribution, executor=scene.deal.operator, at=NOW)

        assert "limit" in self.cash(scene.allocation(distribution))
        check_books(scene)

    def test_when_it_is_below_the_minimum(self) -> None:
        scene = make_scene(minimum_investment=Decimal("20000.00"))
        scene.elect()

        assert "or more from an investor" in self.cash(execute(scene))

    def test_when_the_raise_is_full(self) -> None:
        scene = make_scene(maximum_amount=Decimal("10000.00"))
        scene.elect()

        assert "can take" in self.cash(execute(scene))
        assert not Investment.objects.filter(offering=scene.target).exists()

    def test_when_the_bank_refuses(self) -> None:
        scene = make_scene(external_account_id="000900090007")
        scene.elect()
        allocation = execute(scene)

        move(allocation)

        assert self.cash(allocation)
        leaving, coming = movements.read(outbound_of(allocation).pk).halves
        assert (leaving.status, coming.status) == ("CANCELLED", "CANCELLED")
        check_books(scene)

    def test_when_the_raise_fails_before_the_bank_has_it(self, scene: Scene) -> None:
        scene.elect()
        allocation = execute(scene)
        over = NOW + timedelta(days=91)
        run = refund_runs.propose(scene.target_escrow, by=scene.deal.operator, reason="Minimum not reached", at=over)

        refund_runs.approve(run, approver=scene.deal.approver, content_hash=run.content_hash, at=over)
        reinvestment_movements.follow(outbound_of(allocation).pk, at=over)

        assert self.cash(allocation)
        check_books(scene)

    def test_when_the_investor_cancels_it_before_the_bank_has_it(self, scene: Scene) -> None:
        scene.elect()
        allocation = execute(scene)
        coming = movements.read(outbound_of(allocation).pk).coming

        transactions.cancel(coming, by=scene.investor, reason="I would rather have it", at=NOW)
        reinvestment_movements.follow(coming.pk, at=NOW)

        assert "rather have it" in self.cash(allocation)
        check_books(scene)

    def test_a_restricted_investor_waits(self, scene: Scene) -> None:
        scene.elect()
        allocation = execute(scene)
        profile = scene.investor.investor_profile
        profiles.restrict(profile, by=_compliance(), reason="A court order", at=NOW)

        move(allocation)

        assert row_of(allocation).status == "CASH"
        assert (allocation.status, allocation.transaction) == ("PENDING", None)
        assert "restricted" in allocation.waiting_reason


class TestLostAnswers:
    @pytest.mark.parametrize("account", ["000900090003", "000900090004"])
    def test_both_halves_wait_and_are_asked_about(self, account: str) -> None:
        scene = make_scene(external_account_id=account)
        scene.elect()
        allocation = execute(scene)
        payment = outbound_of(allocation)

        internal_transfers.process(payment.pk, at=NOW)
        leaving, coming = movements.read(payment.pk).halves
        assert (leaving.status, coming.status) == ("ON_HOLD", "ON_HOLD")
        assert internal_transfers.resolve_unknown(payment.pk, at=NOW)

        assert sweeps.sweep(at=NOW) > 0
        assert row_of(allocation).status == "DONE"
        assert scene.held() == Decimal("15000.00")
        check_books(scene)


class TestReversing:
    def test_both_halves_come_back_and_it_is_paid_in_cash(self, scene: Scene) -> None:
        scene.elect()
        allocation = execute(scene)
        row = move(allocation)

        reinvestment_movements.reverse(row, by=scene.deal.operator, reason="Chosen by mistake", at=NOW)

        allocation.refresh_from_db()
        leaving, coming = movements.read(outbound_of(allocation).pk).halves
        assert (leaving.status, coming.status) == ("REVERSED", "REVERSED")
        assert (row_of(allocation).status, allocation.status) == ("REVERSED", "FAILED")
        assert scene.held() == scene.held("HELD") == 0
        assert balance(scene.target_escrow.pk, LedgerAccount.Kind.BANK) == 0
        check_books(scene)
        assert allocation.investment is not None
        allocation.investment.refresh_from_db()
        assert allocation.investment.preferred_return_paid == 0

        payouts.retry_failed(allocation.distribution, by=scene.deal.operator, at=NOW)
        assert payment_of(allocation).amount == allocation.net_amount
        check_books(scene)

    def test_of_a_part_only_that_part_is_paid_again(self, scene: Scene) -> None:
        scene.elect("AMOUNT", amount=Decimal("4000.00"))
        allocation = execute(scene)
        row = move(allocation)
        with pytest.raises(NotReinvested, match="under way"):
            reinvestment_movements.reverse(row, by=scene.deal.operator, reason="By mistake", at=NOW)
        arrive(allocation)

        reinvestment_movements.reverse(row, by=scene.deal.operator, reason="By mistake", at=NOW)
        payouts.retry_failed(allocation.distribution, by=scene.deal.operator, at=NOW)

        assert payment_of(allocation).amount == Decimal("4000.00")
        arrive(allocation)
        check_books(scene)

    def test_is_refused_once_it_was_released(self, scene: Scene) -> None:
        scene.elect()
        allocation = execute(scene)
        row = move(allocation)
        close(_as_deal(scene), at=NOW)

        with pytest.raises(ReleasedAlready, match="released at a closing"):
            reinvestment_movements.reverse(row, by=scene.deal.operator, reason="By mistake", at=NOW)

        assert row_of(allocation).status == "DONE"
        check_books(scene)

    def test_needs_the_permission(self, scene: Scene) -> None:
        scene.elect()
        row = move(execute(scene))

        with pytest.raises(NotPermitted):
            reinvestment_movements.reverse(row, by=scene.investor, reason="By mistake", at=NOW)


class TestHalvesAlone:
    def test_are_not_held_by_hand(self, scene: Scene) -> None:
        scene.elect()
        payment = outbound_of(execute(scene))

        with pytest.raises(transactions.NotHoldable, match="both are done together"):
            transactions.hold(payment, by=_compliance(), reason="Wait", at=NOW)

    def test_following_again_changes_nothing(self, scene: Scene) -> None:
        scene.elect()
        allocation = execute(scene)
        move(allocation)
        payment = outbound_of(allocation)

        assert not reinvestment_movements.follow(payment.pk, at=NOW)
        internal_transfers.process(payment.pk, at=NOW)
        allocations.follow(payment.pk, at=NOW)

        assert Transaction.objects.filter(distribution=allocation.distribution, to_user=scene.investor).count() == 1


def _as_deal(scene: Scene) -> Deal:
    return replace(scene.deal, offering=scene.target, escrow=scene.target_escrow)


def _freeze(scene: Scene) -> EscrowAccount:
    return escrow_accounts.freeze(scene.target_escrow, by=_compliance(), reason="A court order", at=NOW)


def _compliance() -> User:
    return factories.make_user("Carl Compliance", "Compliance", is_staff=True)
