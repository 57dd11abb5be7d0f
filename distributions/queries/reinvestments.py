"""Reinvestment as people look at it: who chose what, what a distribution would reinvest, and what became of it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from distributions.models import Distribution, DistributionAllocation, Reinvestment, ReinvestmentElection
from distributions.queries.entitlements import Figures
from escrow.models import EscrowAccount, Investment
from finance.models import Transaction
from realco.models import Offering, User
from realco.money import ZERO, to_json

Status = Reinvestment.Status
RAISING = (Offering.Status.OPEN, Offering.Status.FUNDED)


@dataclass(frozen=True, slots=True)
class Choice:
    """An investment whose distributions may be reinvested, and what its investor has chosen for them."""

    investment: Investment
    election: ReinvestmentElection | None
    has_targets: bool


def elections_of(investor: User) -> QuerySet[ReinvestmentElection]:
    """Return an investor's elections, newest first."""
    rows = ReinvestmentElection.objects.filter(investor=investor)
    return rows.select_related("investment__offering", "target_offering", "ended_by")


def choices(investor: User, *, at: datetime) -> list[Choice]:
    """Return the investor's living investments with what was chosen for each, and whether anything can be."""
    open_now = set(targets(at=at).values_list("pk", flat=True))
    active = {one.investment_id: one for one in elections_of(investor).filter(status="ACTIVE")}
    living = Investment.objects.filter(investor=investor, status__in=["PENDING", "ACTIVE"])
    rows = living.select_related("offering").order_by("offering__name", "pk")
    return [Choice(row, active.get(row.pk), bool(open_now - {row.offering_id})) for row in rows]


def targets(*, besides: UUID | None = None, at: datetime) -> QuerySet[Offering]:
    """Return the offerings that money can be reinvested into: those that raise money and have an escrow account."""
    accounts = EscrowAccount.objects.filter(status=EscrowAccount.Status.ACTIVE)
    rows = Offering.objects.filter(status__in=RAISING, deadline_at__gt=at, pk__in=accounts.values("offering_id"))
    return (rows if besides is None else rows.exclude(pk=besides)).order_by("name", "pk")


def no_longer_open(at: datetime) -> QuerySet[ReinvestmentElection]:
    """Return the active elections whose target takes no more money, or whose investment is over."""
    rows = ReinvestmentElection.objects.filter(status=ReinvestmentElection.Status.ACTIVE)
    return rows.filter(
        ~Q(target_offering__status__in=RAISING)
        | Q(target_offering__deadline_at__lte=at)
        | Q(investment__status__in=["COMPLETED", "CANCELLED"])
    ).select_related("target_offering", "investment")


def planned(distribution: Distribution, allocations: Iterable[DistributionAllocation | Figures]) -> list[Reinvestment]:
    """Return, not saved, what would be reinvested of some allocations by the elections as they stand; one query."""
    active = {
        one.investment_id: one
        for one in ReinvestmentElection.objects.filter(
            status=ReinvestmentElection.Status.ACTIVE, investment__offering_id=distribution.offering_id
        ).select_related("target_offering")
    }
    if not active:
        return []
    plans = []
    for row in allocations:
        election = active.get(row.investment_id) if row.investment_id else None
        if election is not None and election.investor_id == row.investor_id:
            amount = election.part_of(row.net_amount)
            if amount > 0:
                plan = Reinvestment(election=election, target_offering=election.target_offering, amount=amount)
                if isinstance(row, DistributionAllocation):
                    plan.allocation = row
                else:
                    plan.allocation_id = row.pk
                plans.append(plan)
    return plans


def of(distribution: Distribution) -> QuerySet[Reinvestment]:
    """Return what is, or was to be, reinvested of a distribution."""
    rows = Reinvestment.objects.filter(allocation__distribution=distribution).exclude(status=Status.CANCELLED)
    related = ("allocation__investor", "target_offering", "outbound", "election")
    return rows.select_related(*related).order_by("pk")


def of_allocation(allocation: DistributionAllocation) -> Reinvestment | None:
    """Return what is, or was to be, reinvested of an allocation, if anything."""
    rows = Reinvestment.objects.filter(allocation=allocation).exclude(status=Status.CANCELLED)
    return rows.select_related("target_offering", "outbound", "paid_before").first()


def of_allocations(allocations: Collection[DistributionAllocation]) -> dict[UUID, Reinvestment]:
    """Return the same for many allocations, by the allocation's id; one query."""
    rows = Reinvestment.objects.filter(allocation__in=allocations).exclude(status=Status.CANCELLED)
    return {row.allocation_id: row for row in rows.select_related("target_offering", "outbound", "paid_before")}


def signed(distribution: Distribution) -> list[list[str]]:
    """Return what approvers sign of a distribution's reinvestments, in a fixed order."""
    rows = Reinvestment.objects.filter(allocation__distribution=distribution).exclude(status=Status.CANCELLED)
    values = rows.order_by("allocation_id").values_list("allocation_id", "target_offering_id", "amount")
    return [[str(allocation), str(target), to_json(amount)] for allocation, target, amount in values]


def arrived_in_cash(allocation_ids: Collection[UUID], *, or_reserved: bool = False) -> Mapping[UUID, Decimal]:
    """
    Return what of some allocations has reached their payees in cash and not come back, US dollars; one query.

    Their payments are found by what each says it is for, because an allocation names only its last one.
    ``or_reserved`` counts what is on its way too.
    """
    is_there = Q(settled_at__isnull=False, reversed_at__isnull=True)
    rows = Transaction.objects.filter(is_there | Q(is_reserved=True) if or_reserved else is_there).filter(
        type=Transaction.Type.DISTRIBUTION,
        counterpart__isnull=True,
        distribution__in=DistributionAllocation.objects.filter(pk__among=allocation_ids).values("distribution_id"),
        metadata__allocation__in=[str(pk) for pk in allocation_ids],
    )
    found: dict[UUID, Decimal] = dict.fromkeys(allocation_ids, ZERO)
    for key, amount in rows.order_by().values_list("metadata__allocation", "amount"):
        found[UUID(key)] += amount
    return found


def to_pay_in_cash(allocation: DistributionAllocation, plan: Reinvestment | None) -> Decimal:
    """
    Return what of an allocation is due in cash, US dollars: what is not reinvested.

    Of one whose reinvested part was moved back, that is what has not reached the payee in cash: the part, if the
    rest had; the rest, if that came back after the part was paid; or all of it.
    """
    if plan is not None and plan.status == Status.DONE:
        return allocation.net_amount - plan.amount
    if plan is not None and plan.status == Status.REVERSED:
        return allocation.net_amount - arrived_in_cash([allocation.pk])[allocation.pk]
    return allocation.net_amount


def not_owed(owed: QuerySet[DistributionAllocation]) -> Decimal:
    """
    Return what of some allocations' net amounts is not owed in cash any more, because it was reinvested or paid.

    Told by the money, not by what the reinvestment knows of it: what a bank has refused or moved back is owed from
    that moment on.
    """
    is_out = Q(outbound__is_reserved=True) | Q(outbound__settled_at__isnull=False, outbound__reversed_at__isnull=True)
    rows = Reinvestment.objects.filter(allocation__in=owed)
    moved: Decimal = rows.aggregate(total=Sum("amount", filter=is_out, default=ZERO))["total"]
    return moved + sum(arrived_in_cash(_moved_back(rows)).values(), ZERO)


def owed_again(allocations: QuerySet[DistributionAllocation]) -> Decimal:
    """
    Return what came back of some allocations and is not noted so yet, US dollars, where their payment has not.

    That is what was reinvested and moved back, and what was paid in cash before the payment that they name. Whoever
    adds up what is owed by the status of allocations misses it until then.
    """
    rows = Reinvestment.objects.filter(allocation__in=allocations)
    not_noted = Q(status=Status.DONE, outbound__reversed_at__isnull=False)
    back: Decimal = rows.aggregate(total=Sum("amount", filter=not_noted, default=ZERO))["total"]
    ids = _moved_back(rows)
    if not ids:
        return back
    due = DistributionAllocation.objects.filter(pk__among=ids).aggregate(total=Sum("net_amount", default=ZERO))["total"]
    total: Decimal = back + due - sum(arrived_in_cash(ids, or_reserved=True).values(), ZERO)
    return total


def came_back_later() -> list[Reinvestment]:
    """Return reinvestments that were moved back, whose allocation counts as paid though a payment of it came back."""
    back = Transaction.objects.filter(
        distribution=OuterRef("allocation__distribution"),
        to_user=OuterRef("allocation__investor"),
        counterpart__isnull=True,
        reversed_at__isnull=False,
    )
    rows = Reinvestment.objects.filter(
        Exists(back),
        status=Status.REVERSED,
        paid_before__isnull=False,
        allocation__status=DistributionAllocation.Status.COMPLETED,
    )
    found = list(rows.select_related("allocation").order_by("pk"))
    arrived = arrived_in_cash([row.allocation_id for row in found]) if found else {}
    return [row for row in found if arrived[row.allocation_id] < row.allocation.net_amount]


def last_that_came_back(allocation: DistributionAllocation) -> Transaction | None:
    """Return the payment in cash of an allocation that came back and was replaced by no other, if there is one."""
    replaced = Transaction.objects.filter(replaces=OuterRef("pk"))
    rows = Transaction.objects.filter(
        ~Exists(replaced),
        distribution=allocation.distribution_id,
        to_user=allocation.investor_id,
        counterpart__isnull=True,
        reversed_at__isnull=False,
        metadata__allocation=str(allocation.pk),
    )
    return rows.order_by("-reversed_at", "-pk").first()


def _moved_back(rows: QuerySet[Reinvestment]) -> list[UUID]:
    """Return the allocations whose reinvested part was moved back after the rest had arrived."""
    return list(rows.filter(status=Status.REVERSED, paid_before__isnull=False).values_list("allocation_id", flat=True))


def reinvested_by(investment_ids: Sequence[UUID], *, on: date) -> Mapping[UUID, list[tuple[str, Decimal]]]:
    """Return, by investment, into which offerings how much of its distributions as of up to a day went, US dollars."""
    rows = (
        Reinvestment.objects.filter(
            allocation__investment__in=investment_ids, status=Status.DONE, allocation__distribution__as_of_date__lte=on
        )
        .order_by("target_offering__name")
        .values_list("allocation__investment_id", "target_offering__name")
        .annotate(total=Sum("amount"))
    )
    found: dict[UUID, list[tuple[str, Decimal]]] = {}
    for investment_id, name, total in rows:
        found.setdefault(investment_id, []).append((name, total))
    return found
