"""Signing distributions: four eyes, and what makes a signature void; and calling one off."""

import hashlib
import json
from datetime import UTC, timedelta
from decimal import Decimal

import pytest

from distributions.models import Distribution, DistributionAllocation, Receipt
from distributions.operations import distributions, payouts
from distributions.operations.distributions import (
    AlreadyApprovedByYou,
    ApproverIsCreator,
    ApproverIsPayee,
    NotAwaitingApproval,
    NotCalculated,
    NotCancellable,
    NumbersChanged,
    ReasonMissing,
)
from distributions.queries import distributions as queries
from realco.errors import NotPermitted
from realco.models import AuditEvent, User
from tests import factories
from tests.distributions.deals import EXIT, NOW, Deal, close, commit, make_deal, spend
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


FIGURES = (
    "id", "investor_id", "investment_id", "return_of_capital", "preferred_return", "sponsor_catch_up", "profit_split",
    "total_amount", "fee_amount", "net_amount",
)  # fmt: skip


@staged
def deal() -> Deal:
    return make_deal()


def written_down(distribution: Distribution, rows: list[DistributionAllocation]) -> dict[str, object]:
    """Write down what approvers sign of an ordinary distribution, row by row, as anybody would who reads it."""
    at = distribution.submitted_at
    assert at is not None
    receipts = Receipt.objects.filter(whole__distribution=distribution)
    return {
        "distribution": distribution.distribution_number,
        "offering": str(distribution.offering_id),
        "escrow_account": str(distribution.escrow_account_id),
        "type": distribution.type,
        "currency": "USD",
        "as_of_date": distribution.as_of_date.isoformat(),
        "total_amount": f"{distribution.total_amount:.2f}",
        "platform_fee_amount": "0.00",
        "net_amount": f"{distribution.net_amount:.2f}",
        "return_of_capital": f"{distribution.return_of_capital_total:.2f}",
        "preferred_return": f"{distribution.preferred_return_total:.2f}",
        "sponsor_catch_up": f"{distribution.sponsor_catch_up_total:.2f}",
        "profit_split": f"{distribution.profit_split_total:.2f}",
        "terms": str(distribution.terms_id),
        "tiers": distribution.waterfall_tiers,
        "basis": distribution.metadata["basis"],
        "submitted_at": at.astimezone(UTC).isoformat(),
        "allocations": sorted([str(getattr(row, name)) for name in FIGURES] for row in rows),
        "receipts": sorted([str(receipt.allocation_id), receipt.sha256] for receipt in receipts),
    }


def sha256_of(content: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class TestSubmit:
    def test_freezes_the_numbers_under_their_hash(self, deal: Deal) -> None:
        deal.earn("100.00")

        distribution = deal.submit("100.00")

        assert distribution.status == Distribution.Status.PENDING_APPROVAL
        assert len(distribution.content_hash) == 64

    def test_hashes_what_anybody_can_write_down_and_hash_again(self, deal: Deal) -> None:
        deal.earn("4000000.00")

        distribution = deal.submit("4000000.00")

        rows = list(distribution.allocations.all())
        assert {row.investment_id is None for row in rows} == {True, False}
        assert distribution.content_hash == sha256_of(written_down(distribution, rows))

    def test_needs_the_numbers(self, deal: Deal) -> None:
        deal.earn("100.00")

        with pytest.raises(NotCalculated):
            distributions.submit(deal.create("100.00"), by=deal.operator, at=NOW)

    def test_refuses_numbers_that_are_no_longer_right(self, deal: Deal) -> None:
        deal.earn("100.00")
        distribution = deal.draw_up("100.00")
        commit(deal, deal.investors[0], "1000.00", at=NOW)
        close(deal, at=NOW)

        with pytest.raises(NumbersChanged, match=r"investments have changed\. Calculate it again"):
            distributions.submit(distribution, by=deal.operator, at=NOW)


class TestApprove:
    def approve(self, deal: Deal, distribution: Distribution, approver: User, content_hash: str = "") -> Distribution:
        return distributions.approve(
            distribution, approver=approver, content_hash=content_hash or distribution.content_hash, at=NOW, note="Fine"
        )

    def test_needs_one_signature_up_to_fifty_thousand(self, deal: Deal) -> None:
        deal.earn("50000.00")

        distribution = self.approve(deal, deal.submit("50000.00"), deal.approver)

        assert distribution.status == Distribution.Status.APPROVED

    def test_needs_two_above_fifty_thousand(self, deal: Deal) -> None:
        deal.earn("50000.01")
        distribution = self.approve(deal, deal.submit("50000.01"), deal.approver)
        assert distribution.status == Distribution.Status.PENDING_APPROVAL

        distribution = self.approve(deal, distribution, deal.second_approver)

        assert distribution.status == Distribution.Status.APPROVED
        assert queries.signers(distribution) == [deal.approver, deal.second_approver]

    def test_refuses_the_same_person_twice(self, deal: Deal) -> None:
        deal.earn("60000.00")
        distribution = self.approve(deal, deal.submit("60000.00"), deal.approver)

        with pytest.raises(AlreadyApprovedByYou):
            self.approve(deal, distribution, deal.approver)

    def test_refuses_its_creator(self, deal: Deal) -> None:
        deal.earn("100.00")
        deal.operator.groups.add(factories.make_group("Approvers"))
        creator = User.objects.get(pk=deal.operator.pk)

        with pytest.raises(ApproverIsCreator):
            self.approve(deal, deal.submit("100.00"), creator)

    def test_refuses_a_payee(self, deal: Deal) -> None:
        deal.earn("100.00")
        deal.investors[0].groups.add(factories.make_group("Approvers"))

        with pytest.raises(ApproverIsPayee):
            self.approve(deal, deal.submit("100.00"), User.objects.get(pk=deal.investors[0].pk))

    def test_refuses_who_may_not(self, deal: Deal) -> None:
        deal.earn("100.00")

        with pytest.raises(NotPermitted):
            self.approve(deal, deal.submit("100.00"), deal.investors[0])

    def test_refuses_a_hash_of_other_numbers(self, deal: Deal) -> None:
        deal.earn("100.00")
        distribution = deal.submit("100.00")

        with pytest.raises(NumbersChanged, match="Reload"):
            self.approve(deal, distribution, deal.approver, content_hash="0" * 64)

        distribution.refresh_from_db()
        assert distribution.status == Distribution.Status.PENDING_APPROVAL

    def test_refuses_a_draft(self, deal: Deal) -> None:
        deal.earn("100.00")

        with pytest.raises(NotAwaitingApproval):
            self.approve(deal, deal.draw_up("100.00"), deal.approver, content_hash="0" * 64)

    def test_goes_on_though_the_offering_has_earned_more(self, deal: Deal) -> None:
        deal.earn("60000.00")
        distribution = self.approve(deal, deal.submit("60000.00"), deal.approver)
        deal.earn("1.00")

        assert self.approve(deal, distribution, deal.second_approver).status == Distribution.Status.APPROVED

    def test_voids_the_signatures_when_the_money_is_no_longer_there(self, deal: Deal) -> None:
        deal.earn("60000.00")
        distribution = self.approve(deal, deal.submit("60000.00"), deal.approver)
        spend(deal.escrow, Decimal("0.01"), at=NOW)

        with pytest.raises(NumbersChanged, match=r"holds \$59,999\.99 .* less than the \$60,000\.00"):
            self.approve(deal, distribution, deal.second_approver)

        distribution.refresh_from_db()
        assert distribution.status == Distribution.Status.DRAFT
        assert queries.signers(distribution) == []

    def test_voids_the_signatures_when_the_terms_have_changed(self, deal: Deal) -> None:
        deal.earn("100.00")
        distribution = deal.submit("100.00")
        factories.make_terms(
            deal.offering, template="original_four_tiers", effective_from=EXIT, by=deal.operator, at=NOW
        )

        with pytest.raises(NumbersChanged, match="version 2 of the terms is in force, it was 1"):
            self.approve(deal, distribution, deal.approver)

    def test_voids_the_signatures_when_somebody_invested(self, deal: Deal) -> None:
        deal.earn("100.00")
        distribution = deal.submit("100.00")
        commit(deal, deal.investors[0], "1000.00", at=NOW)
        close(deal, at=NOW)

        with pytest.raises(NumbersChanged, match="investments have changed"):
            self.approve(deal, distribution, deal.approver)

    def test_counts_no_signature_from_before(self, deal: Deal) -> None:
        deal.earn("60000.00")
        distribution = self.approve(deal, deal.submit("60000.00"), deal.approver)
        spend(deal.escrow, Decimal("0.01"), at=NOW)
        with pytest.raises(NumbersChanged):
            self.approve(deal, distribution, deal.second_approver)
        deal.earn("1.00")
        distribution = distributions.calculate(distribution, by=deal.operator, at=NOW)
        distribution = distributions.submit(distribution, by=deal.operator, at=NOW + timedelta(minutes=1))

        distribution = self.approve(deal, distribution, deal.second_approver)

        assert distribution.status == Distribution.Status.PENDING_APPROVAL
        assert queries.signers(distribution) == [deal.second_approver]

    def test_voids_the_second_of_two_drawn_up_together(self, deal: Deal) -> None:
        deal.earn("200.00")
        first, second = deal.draw_up("100.00"), deal.draw_up("100.00")
        for one in (first, second):
            distributions.submit(one, by=deal.operator, at=NOW)
        first.refresh_from_db()
        second.refresh_from_db()
        self.approve(deal, first, deal.approver)

        with pytest.raises(NumbersChanged, match=first.distribution_number):
            self.approve(deal, second, deal.approver)

    def test_says_who_signed_and_why_in_the_audit_trail(self, deal: Deal) -> None:
        deal.earn("100.00")
        distribution = self.approve(deal, deal.submit("100.00"), deal.approver)

        event = AuditEvent.objects.get(entity_id=str(distribution.approvals.get().pk))

        assert (event.action, event.user_id, event.reason) == ("distribution.approve", deal.approver.pk, "Fine")

    def test_leaves_the_queue_of_whom_it_does_not_wait_for(self, deal: Deal) -> None:
        deal.earn("60000.00")
        distribution = self.approve(deal, deal.submit("60000.00"), deal.approver)

        assert list(queries.approval_queue(deal.second_approver)) == [distribution]
        assert not queries.approval_queue(deal.approver).exists()
        assert not queries.approval_queue(deal.operator).exists()


class TestCancel:
    def test_gives_the_promised_money_free(self, deal: Deal) -> None:
        deal.earn("100.00")
        distribution = deal.approve("100.00")
        assert queries.available(deal.escrow.pk) == 0

        distributions.cancel(distribution, by=deal.approver, reason="Wrong quarter", at=NOW)

        assert queries.available(deal.escrow.pk) == 100
        assert {row.status for row in distribution.allocations.all()} == {"CANCELLED"}

    def test_needs_a_reason(self, deal: Deal) -> None:
        deal.earn("100.00")

        with pytest.raises(ReasonMissing):
            distributions.cancel(deal.create("100.00"), by=deal.operator, reason=" ", at=NOW)

    def test_comes_too_late_for_one_that_is_paid(self, deal: Deal) -> None:
        deal.earn("100.00")
        distribution = payouts.execute(deal.approve("100.00"), executor=deal.operator, at=NOW)

        with pytest.raises(NotCancellable):
            distributions.cancel(distribution, by=deal.operator, reason="Too late", at=NOW)
