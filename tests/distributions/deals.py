"""A funded offering with its people, and the steps of a distribution of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from django.db import transaction

from distributions.models import Distribution, DistributionAllocation
from distributions.operations import allocations, distributions, payouts
from escrow import postings
from escrow.models import EscrowAccount
from escrow.operations import closings, investments, ledger
from escrow.postings import Subject
from finance.models import Transaction
from finance.operations import settlements
from realco.models import Offering, User
from tests import factories
from tests.escrow import payments

FUNDED = datetime(2023, 1, 1, 17, 0, tzinfo=UTC)
EXIT = date(2025, 12, 31)
NOW = datetime(2025, 12, 31, 17, 0, tzinfo=UTC)
_numbers = count(1)


@dataclass
class Deal:
    """An offering that closed, and who acts on it."""

    offering: Offering
    escrow: EscrowAccount
    investors: list[User]
    operator: User
    approver: User
    second_approver: User

    def earn(self, amount: str, *, at: datetime = NOW) -> None:
        """Operating income or the proceeds of a sale, cleared."""
        put_in(self.escrow, self.offering.organization.owner, Decimal(amount), at=at, to_offering=True)

    def create(self, amount: str, *, on: date = EXIT, at: datetime = NOW, key: str | None = None) -> Distribution:
        return distributions.create(
            self.offering,
            type=Distribution.Type.PROFIT_SPLIT,
            total_amount=Decimal(amount),
            as_of_date=on,
            description="A quarter's income",
            creator=self.operator,
            idempotency_key=key or f"distribution-{next(_numbers)}",
            at=at,
        )

    def draw_up(self, amount: str, *, on: date = EXIT, at: datetime = NOW) -> Distribution:
        """A distribution worked out but not submitted."""
        return distributions.calculate(self.create(amount, on=on, at=at), by=self.operator, at=at)

    def submit(self, amount: str, *, on: date = EXIT, at: datetime = NOW) -> Distribution:
        return distributions.submit(self.draw_up(amount, on=on, at=at), by=self.operator, at=at)

    def approve(self, amount: str, *, on: date = EXIT, at: datetime = NOW) -> Distribution:
        return self.sign(self.submit(amount, on=on, at=at), at=at)

    def sign(self, distribution: Distribution, *, at: datetime = NOW) -> Distribution:
        """Every signature that it needs."""
        for approver in (self.approver, self.second_approver):
            if distribution.status == Distribution.Status.PENDING_APPROVAL:
                distribution = distributions.approve(
                    distribution, approver=approver, content_hash=distribution.content_hash, at=at
                )
        return distribution

    def execute(self, amount: str, *, on: date = EXIT, at: datetime = NOW) -> Distribution:
        return payouts.execute(self.approve(amount, on=on, at=at), executor=self.operator, at=at)

    def pay(self, amount: str, *, on: date = EXIT, at: datetime = NOW) -> Distribution:
        """A distribution that has reached everybody's bank."""
        distribution = self.execute(amount, on=on, at=at)
        for row in standing(distribution):
            arrive(row, at=at)
        distribution.refresh_from_db()
        return distribution


def make_deal(
    amounts: Sequence[str] = ("500000.00", "300000.00", "200000.00"),
    *,
    template: str = "preferred_and_catch_up",
    at: datetime = FUNDED,
    beside: Deal | None = None,
    **fields: Any,
) -> Deal:
    """
    An offering funded on one day by as many investors as there are amounts.

    One made beside another is of the same sponsor, and its investors are the same as far as there are some.
    """
    factories.make_reference_data(at)
    operator = factories.make_user("Olivia Operator", "Operations", is_staff=True)
    if beside is not None:
        fields["organization"] = beside.offering.organization
    offering = factories.make_offering(operator=operator, at=at, **{"deadline_at": at + timedelta(days=1500), **fields})
    known = beside.investors[: len(amounts)] if beside else []
    new = [factories.make_investor(f"Ivy {n}", verifier=operator, at=at) for n in range(len(known), len(amounts))]
    deal = Deal(
        offering=offering,
        escrow=factories.make_escrow(offering, operator=operator, at=at),
        investors=[*known, *new],
        operator=operator,
        approver=factories.make_user("Adam Approver", "Approvers", is_staff=True),
        second_approver=factories.make_user("Anna Approver", "Approvers", is_staff=True),
    )
    if beside is None:
        factories.make_bank_account(offering.organization, verifier=operator, at=at)
    for investor, amount in zip(deal.investors, amounts, strict=True):
        commit(deal, investor, amount, at=at)
    close(deal, at=at)
    factories.make_terms(offering, template=template, effective_from=at.date(), by=operator, at=at)
    # What was raised was spent on the building; only income is distributed.
    spend(deal.escrow, sum((Decimal(amount) for amount in amounts), Decimal(0)), at=at)
    return deal


def commit(deal: Deal, investor: User, amount: str, *, at: datetime) -> None:
    """A commitment, and the money for it, cleared."""
    investments.commit(deal.offering, investor=investor, amount=Decimal(amount), by=investor, at=at)
    put_in(deal.escrow, investor, Decimal(amount), at=at)


def close(deal: Deal, *, at: datetime) -> None:
    """Release what has cleared to the offering."""
    closing = closings.propose(deal.escrow, by=deal.operator, at=at)
    factories.close(closing, approver=deal.approver, at=at)
    deal.offering.refresh_from_db()


def put_in(escrow: EscrowAccount, payer: User, amount: Decimal, *, at: datetime, to_offering: bool = False) -> None:
    """Money that came in and has cleared, without its way through the bank."""
    kind = "ESCROW_DEPOSIT" if to_offering else "DEPOSIT"
    payment = payments.make_payment(escrow, kind, payer, amount, at=at)
    payments.go(payment, *payments.SENT, "SETTLED", at=at, clears_on=at.date())

    def subject(step: str) -> Subject:
        return payments.about(payment, step, on=at.date())

    with transaction.atomic():
        ledger.post(
            [
                postings.inbound_accepted(subject("accepted"), payer_id=payer.pk, amount=amount),
                postings.inbound_settled(subject("settled"), amount=amount),
                postings.inbound_cleared(
                    subject("cleared"), payer_id=payer.pk, amount=amount, fee=Decimal("0.00"), to_offering=to_offering
                ),
            ],
            by=None,
            at=at,
        )
    payments.go(payment, "COMPLETED")


def spend(escrow: EscrowAccount, amount: Decimal, *, at: datetime) -> None:
    """Money drawn for the building, and paid."""
    sponsor = escrow.offering.organization.owner
    payment = payments.make_payment(escrow, "CONSTRUCTION_DRAW", sponsor, amount, at=at)

    def subject(step: str) -> Subject:
        return payments.about(payment, step, on=at.date())

    source = postings.source_of("OFFERING")
    with transaction.atomic():
        ledger.post([postings.reserved(subject("reserved"), source=source, amount=amount)], by=None, at=at)
        payments.go(payment, *payments.SENT)
        ledger.post([postings.outbound_settled(subject("settled"), amount=amount)], by=None, at=at)
        payments.go(payment, "SETTLED", "COMPLETED", at=at, clears_on=at.date())


def standing(distribution: Distribution) -> list[DistributionAllocation]:
    """The allocations that stand, in the order of their investments, the sponsor's last."""
    rows = distribution.allocations.exclude(status="CANCELLED").select_related("transaction", "investor", "investment")
    return sorted(rows, key=lambda row: (row.investment_id is None, str(row.investment_id)))


def payment_of(allocation: DistributionAllocation) -> Transaction:
    allocation.refresh_from_db()
    assert allocation.transaction is not None
    return allocation.transaction


def arrive(allocation: DistributionAllocation, *, at: datetime = NOW) -> None:
    """The payee's bank takes the payment, and the return window passes."""
    payment = factories.play(payment_of(allocation), at=at)
    assert payment.status == "COMPLETED"
    allocations.follow(payment.pk, at=at + timedelta(days=7))


def bounce(allocation: DistributionAllocation, *, at: datetime = NOW, code: str = "R02") -> None:
    """The payee's bank refuses the payment before it settles."""
    payment = factories.play(payment_of(allocation), at=at, until="PENDING_SETTLEMENT")
    settlements.record_failed(payment.attempt_key, code=code, message="", effective_date=at.date(), at=at)
    allocations.follow(payment.pk, at=at)


def come_back(payment_id: UUID, *, at: datetime) -> None:
    """The payee's bank returns money that had arrived."""
    payment = Transaction.objects.get(pk=payment_id)
    settlements.record_returned(payment.attempt_key, code="R02", message="", effective_date=at.date(), at=at)
    allocations.follow(payment_id, at=at)
