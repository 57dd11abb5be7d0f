"""Distributions as people look at them: who may see which, how far the payments are, what may still be promised."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from distributions.models import Distribution, DistributionAllocation, DistributionApproval, WaterfallTerms
from distributions.queries import entitlements
from distributions.queries.entitlements import COUNTED
from escrow.models import LedgerAccount
from escrow.queries.balances import balance
from finance.models.transactions import APPROVAL_THRESHOLD
from realco.models import User
from realco.money import ZERO

Status = DistributionAllocation.Status
VIEW = "distributions.view_distribution"
NOT_YET_SHOWN = (Distribution.Status.DRAFT, Distribution.Status.PENDING_APPROVAL, Distribution.Status.CANCELLED)


def visible_to(user: User) -> QuerySet[Distribution]:
    """
    Return the distributions a person may see, newest first.

    Staff who may view distributions see all; everybody else those that were approved and pay them.
    """
    rows = Distribution.objects.select_related("offering", "escrow_account", "terms", "created_by")
    if user.is_active and user.is_staff and user.has_perm(VIEW):
        return rows
    paid = allocations_visible_to(user).values("distribution_id")
    return rows.filter(pk__in=paid) if user.is_active else rows.none()


def allocations_visible_to(user: User) -> QuerySet[DistributionAllocation]:
    """Return the allocations a person may see: their own of approved distributions, staff all that stand."""
    rows = DistributionAllocation.objects.exclude(status=Status.CANCELLED).select_related(
        "distribution__offering", "investor", "investment", "transaction"
    )
    if not user.is_active:
        return rows.none()
    if user.is_staff and user.has_perm(VIEW):
        return rows
    return rows.filter(investor=user).exclude(distribution__status__in=NOT_YET_SHOWN)


def approval_queue(user: User) -> QuerySet[Distribution]:
    """Return the distributions that wait for this person's signature: not their own, not signed by them already."""
    signed = DistributionApproval.objects.filter(
        approver=user, distribution=OuterRef("pk"), content_hash=OuterRef("content_hash")
    )
    return (
        Distribution.objects.filter(status=Distribution.Status.PENDING_APPROVAL)
        .exclude(created_by=user)
        .exclude(Exists(signed))
        .select_related("offering", "created_by")
        .order_by("submitted_at")
    )


def has_signed(distribution: Distribution, user: User) -> bool:
    """Whether a person's signature is under the present numbers."""
    return distribution.approvals.filter(approver=user, content_hash=distribution.content_hash).exists()


def signers(distribution: Distribution) -> list[User]:
    """Return who has signed the present numbers, in the order of their signatures."""
    signed = distribution.approvals.filter(content_hash=distribution.content_hash).exclude(content_hash="")
    return [approval.approver for approval in signed.select_related("approver").order_by("approved_at", "id")]


def signatures_needed(total_amount: Decimal) -> int:
    """Return how many people must sign a distribution of this size: two above $50,000, otherwise one."""
    return 2 if total_amount > APPROVAL_THRESHOLD else 1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a distribution's payments are; amounts in US dollars, keys are allocation statuses."""

    numbers: Mapping[str, int]
    amounts: Mapping[str, Decimal]

    @property
    def total(self) -> int:
        """The number of payees."""
        return sum(self.numbers.values())

    @property
    def paid(self) -> int:
        """The number of payees whose payment is complete."""
        return self.numbers.get(Status.COMPLETED, 0)

    @property
    def failed(self) -> int:
        """The number of payees whose payment failed and can be retried."""
        return self.numbers.get(Status.FAILED, 0)

    @property
    def amount_paid(self) -> Decimal:
        """What has arrived, US dollars."""
        return self.amounts.get(Status.COMPLETED, ZERO)

    @property
    def is_done(self) -> bool:
        """Whether no payment is waited for."""
        return not (self.numbers.get(Status.PENDING) or self.numbers.get(Status.PROCESSING))


def progress(distribution: Distribution) -> Progress:
    """Return how many payees, and how much money, are in each status; one query."""
    rows = (
        distribution.allocations.exclude(status=Status.CANCELLED)
        .order_by()
        .values_list("status")
        .annotate(Count("id"), Sum("net_amount"))
    )
    found = {str(status): (number, amount) for status, number, amount in rows}
    return Progress(
        numbers={status: number for status, (number, _) in found.items()},
        amounts={status: amount for status, (_, amount) in found.items()},
    )


def available(escrow_account_id: UUID, *, excluding: UUID | None = None) -> Decimal:
    """
    Return what the offering holds and has not promised: what may still be distributed, US dollars.

    Promised is what approved distributions owe and have not reserved: allocations not yet paid for,
    or whose payment failed and gave its money back.
    """
    owed = DistributionAllocation.objects.filter(
        Q(status__in=[Status.PENDING, Status.FAILED])
        | Q(status=Status.PROCESSING, transaction__is_reserved=False, transaction__settled_at__isnull=True),
        distribution__escrow_account_id=escrow_account_id,
        distribution__status__in=COUNTED,
    )
    if excluding is not None:
        owed = owed.exclude(distribution_id=excluding)
    promised: Decimal = owed.aggregate(total=Sum("net_amount", default=ZERO))["total"]
    held = balance(escrow_account_id, LedgerAccount.Kind.OFFERING)
    left: Decimal = max(held - promised, ZERO)
    return left


@dataclass(frozen=True, slots=True)
class Preview:
    """
    A distribution's numbers, for whoever draws it up or signs it.

    ``tiers`` and ``allocations`` are as in the models; those of a draft are worked out afresh and not
    saved. ``changes`` says what has changed since they were drawn up; ``content_hash`` is what an
    approver signs.
    """

    terms: WaterfallTerms | None
    tiers: list[dict[str, str]]
    allocations: list[DistributionAllocation]
    available: Decimal
    content_hash: str
    changes: list[str]
    signers: list[User]
    signatures_needed: int


def preview(distribution: Distribution) -> Preview:
    """
    Show what a distribution pays to whom, changing nothing.

    A draft is worked out as things stand now; a submitted one is shown as it was frozen.

    :raises NoTerms: if the offering has no terms on that day
    :raises NotDistributable: if the waterfall cannot be run on these figures
    """
    terms, tiers, changes = distribution.terms, distribution.waterfall_tiers, list[str]()
    if distribution.status == Distribution.Status.DRAFT:
        now = entitlements.entitlements(distribution)
        terms, tiers, allocations = now.basis.terms, now.tiers, list(now.allocations)
        people = User.objects.in_bulk([row.investor_id for row in allocations])
        for row in allocations:
            row.investor = people[row.investor_id]
    else:
        allocations = entitlements.standing(distribution)
        if distribution.status == Distribution.Status.PENDING_APPROVAL:
            changes = entitlements.changes_since(distribution, with_balance=True)
    return Preview(
        terms=terms,
        tiers=tiers,
        allocations=allocations,
        available=available(distribution.escrow_account_id, excluding=distribution.pk),
        content_hash=distribution.content_hash,
        changes=changes,
        signers=signers(distribution),
        signatures_needed=signatures_needed(distribution.total_amount),
    )
