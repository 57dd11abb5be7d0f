"""Distributions as people look at them: who may see which, how far the payments are, what may still be promised."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Sum, Value, When

from distributions.models import (
    AllocationWriteOff,
    Distribution,
    DistributionAllocation,
    DistributionApproval,
    Reinvestment,
    WaterfallTerms,
)
from distributions.queries import deductions, entitlements, premiums, reinvestments, workings
from distributions.queries.histories import COUNTED
from escrow.models import LedgerAccount
from escrow.queries.balances import balance
from finance.models import Transaction
from finance.models.transactions import APPROVAL_THRESHOLD
from realco.models import User
from realco.money import ZERO, format_money

Status = DistributionAllocation.Status
VIEW = "distributions.view_distribution"
PAYING = (
    Distribution.Status.QUEUED,
    Distribution.Status.PROCESSING,
    Distribution.Status.PARTIALLY_FAILED,
    Distribution.Status.FAILED,
    Distribution.Status.COMPLETED,
)
"""Distributions that were executed: whoever waits of them is paid when that is possible."""
SHOWN = ~Q(status=Status.CANCELLED) | Q(written_off_at__isnull=False)
"""Allocations that people see: those that stand, and those that were written off."""
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
    """
    Return the allocations a person may see: their own of approved distributions, staff all that stand.

    Those that were written off are among them.
    """
    rows = DistributionAllocation.objects.filter(SHOWN).select_related(
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
    """
    How far a distribution's payments are; amounts in US dollars, keys are allocation statuses.

    Those who wait for what keeps them from being paid are not among the pending ones, but ``waiting``. Those
    whose allocation was written off are no payees any more.
    """

    numbers: Mapping[str, int]
    amounts: Mapping[str, Decimal]
    waiting: int = 0
    amount_waiting: Decimal = ZERO
    written_off: int = 0
    amount_written_off: Decimal = ZERO

    @property
    def total(self) -> int:
        """The number of payees."""
        return sum(self.numbers.values()) + self.waiting

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
        """Whether no payment is under way; some payees may wait for one."""
        return not (self.numbers.get(Status.PENDING) or self.numbers.get(Status.PROCESSING))


@dataclass(frozen=True, slots=True)
class Stages:
    """How many payees of a distribution have come how far; whoever is at a stage has passed those before it."""

    total: int = 0
    made: int = 0
    sent: int = 0
    arrived: int = 0
    paid: int = 0
    failed: int = 0
    waiting: int = 0
    written_off: int = 0
    was_executed: bool = True

    @property
    def is_running(self) -> bool:
        """Whether payments are still to be made, or under way."""
        return self.was_executed and self.paid + self.failed + self.waiting < self.total


UNSENT = ("INITIATED", "PENDING_APPROVAL", "APPROVED", "QUEUED", "PENDING_RETRY", "ON_HOLD")


def stages(distribution: Distribution) -> Stages:
    """Return how far a distribution's payments have come; one query."""
    live = Q(status__in=[Status.PROCESSING, Status.COMPLETED])
    stands = ~Q(status=Status.CANCELLED)
    found = distribution.allocations.filter(SHOWN).aggregate(
        total=Count("id", filter=stands),
        made=Count("id", filter=live),
        sent=Count("id", filter=live & ~Q(transaction__status__in=UNSENT)),
        arrived=Count("id", filter=live & Q(transaction__status__in=["SETTLED", "COMPLETED"])),
        paid=Count("id", filter=Q(status=Status.COMPLETED)),
        failed=Count("id", filter=Q(status=Status.FAILED)),
        waiting=Count("id", filter=Q(status=Status.PENDING, waiting_since__isnull=False)),
        written_off=Count("id", filter=Q(written_off_at__isnull=False)),
    )
    return Stages(**found, was_executed=distribution.status in PAYING)


def progress(distribution: Distribution) -> Progress:
    """Return how many payees, and how much money, are in each status; one query."""
    rows = (
        distribution.allocations.filter(SHOWN)
        .order_by()
        .annotate(
            waits=Case(
                When(written_off_at__isnull=False, then=Value("WRITTEN_OFF")),
                When(waiting_since__isnull=True, then=F("status")),
                default=Value("WAITING"),
                output_field=CharField(),
            )
        )
        .values_list("waits")
        .annotate(Count("id"), Sum("net_amount"))
    )
    found = {str(status): (number, amount) for status, number, amount in rows}
    waiting, amount_waiting = found.pop("WAITING", (0, ZERO))
    written_off, amount_written_off = found.pop("WRITTEN_OFF", (0, ZERO))
    return Progress(
        numbers={status: number for status, (number, _) in found.items()},
        amounts={status: amount for status, (_, amount) in found.items()},
        waiting=waiting,
        amount_waiting=amount_waiting,
        written_off=written_off,
        amount_written_off=amount_written_off,
    )


def available(escrow_account_id: UUID, *, excluding: UUID | None = None) -> Decimal:
    """
    Return what the offering holds and has not promised: what may still be distributed, US dollars.

    Promised is what approved distributions owe and have not reserved: allocations not yet paid for,
    whose payment failed and gave its money back, or whose payment came back, from that moment on, though nobody
    has noted that yet; fees and withheld taxes that have not been remitted; and premiums that have arrived and are
    not paid on.
    """
    counted = DistributionAllocation.objects.filter(
        distribution__escrow_account_id=escrow_account_id, distribution__status__in=COUNTED
    )
    if excluding is not None:
        counted = counted.exclude(distribution_id=excluding)
    not_reserved = Q(status=Status.PROCESSING, transaction__is_reserved=False, transaction__settled_at__isnull=True)
    came_back = Q(transaction__status=Transaction.Status.REVERSED, transaction__counterpart__isnull=True)
    paid = counted.filter(status__in=[Status.PROCESSING, Status.COMPLETED]).exclude(not_reserved)
    promised = ZERO
    for owed in (
        counted.filter(Q(status__in=[Status.PENDING, Status.FAILED]) | not_reserved),
        paid.filter(came_back, transaction__escrow_account_id=escrow_account_id),
    ):
        if amount := owed.aggregate(total=Sum("net_amount", default=ZERO))["total"]:
            promised += amount - reinvestments.not_owed(owed)
    promised += reinvestments.owed_again(paid.exclude(came_back))
    promised += deducted(escrow_account_id, excluding=excluding)
    promised += premiums.owed(escrow_account_id, excluding=excluding)
    held = balance(escrow_account_id, LedgerAccount.Kind.OFFERING)
    left: Decimal = max(held - promised, ZERO)
    return left


def deducted(escrow_account_id: UUID, *, excluding: UUID | None = None) -> Decimal:
    """Return the fees and the withheld taxes of approved distributions that have not left escrow, US dollars."""
    whole = Distribution.objects.filter(escrow_account_id=escrow_account_id, status__in=COUNTED)
    if excluding is not None:
        whole = whole.exclude(pk=excluding)
    lines = deductions.taken_off().filter(allocation__distribution__in=whole)
    taken = lines.aggregate(total=Sum("amount", default=ZERO))["total"]
    top: Decimal = whole.aggregate(total=Sum("platform_fee_amount", default=ZERO))["total"]
    left = Transaction.objects.filter(distribution__in=whole, type=Transaction.Type.ESCROW_WITHDRAWAL).filter(
        Q(is_reserved=True) | Q(settled_at__isnull=False, reversed_at__isnull=True)
    )
    remitted: Decimal = left.aggregate(total=Sum("amount", default=ZERO))["total"]
    not_remitted: Decimal = max(top + taken - remitted, ZERO)
    return not_remitted


def shortfall(distribution: Distribution) -> list[str]:
    """Return in words that an offering holds less than a distribution of it needs; empty if it does not."""
    left = available(distribution.escrow_account_id, excluding=distribution.pk)
    if left >= distribution.total_amount:
        return []
    needed = format_money(distribution.total_amount)
    return [f"the offering holds {format_money(left)} that is not promised otherwise, less than the {needed} it needs"]


def overrides(distribution: Distribution) -> QuerySet[DistributionAllocation]:
    """Return the lines for which people decided otherwise than the waterfall."""
    rows = distribution.allocations.exclude(status=Status.CANCELLED).filter(overridden_by__isnull=False)
    return rows.select_related("investor", "overridden_by", "override_confirmed_by").order_by("pk")


def unconfirmed(distribution: Distribution) -> QuerySet[DistributionAllocation]:
    """Return the overridden lines that wait for a second person."""
    return overrides(distribution).filter(override_confirmed_by__isnull=True)


def write_offs(distribution: Distribution) -> QuerySet[AllocationWriteOff]:
    """Return the write-offs of a distribution's allocations, whether or not a second person has approved them."""
    rows = AllocationWriteOff.objects.filter(allocation__distribution=distribution)
    return rows.select_related("allocation__investor", "proposed_by", "approved_by").order_by("-created_at", "-id")


def write_off_queue(user: User) -> QuerySet[AllocationWriteOff]:
    """Return the write-offs that wait for this person: neither proposed by them nor of money that is theirs."""
    rows = AllocationWriteOff.objects.filter(status=AllocationWriteOff.Status.PROPOSED)
    return rows.exclude(proposed_by=user).exclude(allocation__investor=user)


@dataclass(frozen=True, slots=True)
class Preview:
    """
    A distribution's numbers, for whoever draws it up or signs it.

    ``tiers``, ``allocations`` and ``reinvestments`` are as in the models; those of a draft are worked out
    afresh and not saved. ``changes`` says what has changed since they were drawn up; ``content_hash`` is what an
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
    reinvestments: list[Reinvestment]


def preview(distribution: Distribution) -> Preview:
    """
    Show what a distribution pays to whom, changing nothing.

    A draft is worked out as things stand now, unless people have decided otherwise for a line; then, and
    when it was submitted, it is shown as it was drawn up.

    :raises NoTerms: if the offering has no terms on that day
    :raises NotDistributable: if the waterfall cannot be run on these figures
    """
    terms, tiers, changes = distribution.terms, distribution.waterfall_tiers, list[str]()
    if distribution.status == Distribution.Status.DRAFT and not overrides(distribution).exists():
        now = workings.work_out(distribution)
        terms, tiers, allocations = now.terms, now.tiers, list(now.allocations)
        deductions.apply(distribution, allocations)
        people = User.objects.in_bulk([row.investor_id for row in allocations])
        for row in allocations:
            row.investor = people[row.investor_id]
    else:
        allocations = entitlements.standing(distribution)
        if distribution.status in (Distribution.Status.DRAFT, Distribution.Status.PENDING_APPROVAL):
            changes = [*workings.changes_since(distribution, anew=True), *shortfall(distribution)]
    return Preview(
        terms=terms,
        tiers=tiers,
        allocations=allocations,
        available=available(distribution.escrow_account_id, excluding=distribution.pk),
        content_hash=distribution.content_hash,
        changes=changes,
        signers=signers(distribution),
        signatures_needed=signatures_needed(distribution.total_amount),
        reinvestments=(
            reinvestments.planned(distribution, allocations)
            if distribution.status == Distribution.Status.DRAFT
            else list(reinvestments.of(distribution))
        ),
    )
