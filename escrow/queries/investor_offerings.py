"""Offerings as an investor sees them: what is raising or running, and how far it has come."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, Min, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from escrow.models import EarlyClosingNotice, EscrowAccount, Investment
from escrow.queries import release_gate
from realco.models import Offering, User

_NEVER_SHOWN = (Offering.Status.DRAFT, Offering.Status.CANCELLED)
_ZERO = Value(Decimal("0.00"), output_field=DecimalField(max_digits=18, decimal_places=2))


def visible_to(investor: User) -> QuerySet[Offering, Any]:
    """
    Return the offerings a person may look at, with ``committed_total``, those still raising first.

    Drafts and cancelled offerings are seen by nobody here, except a cancelled one by its own investors.
    """
    committed = (
        Investment.objects.filter(offering=OuterRef("pk"))
        .exclude(status=Investment.Status.CANCELLED)
        .order_by()
        .values("offering")
        .annotate(total=Sum("investment_amount"))
        .values("total")
    )
    theirs = Q(status=Offering.Status.CANCELLED, investments__investor=investor)
    shown = Offering.objects.filter(~Q(status__in=_NEVER_SHOWN) | theirs).values("pk")
    return (
        Offering.objects.filter(pk__in=shown)
        .select_related("organization")
        .annotate(committed_total=Coalesce(Subquery(committed), _ZERO))
        .order_by("-deadline_at", "name")
    )


def stake(investor: User, offering: Offering) -> Investment | None:
    """Return the person's living investment in the offering, if there is one."""
    return (
        Investment.objects.filter(investor=investor, offering=offering)
        .exclude(status=Investment.Status.CANCELLED)
        .first()
    )


def early_closings(offering: Offering, at: datetime) -> list[EarlyClosingNotice]:
    """Return the announced early closings of a raise that are yet to come, the next first, for investors to read."""
    if not is_open_at(offering, at):
        return []
    found = EarlyClosingNotice.objects.filter(
        escrow_account__offering=offering, closes_at__gt=at, withdrawn_at__isnull=True
    )
    return list(found.order_by("closes_at"))


def cancellable_until(investment: Investment, offering: Offering) -> datetime | None:
    """
    Return when the right to cancel an investment ends or has ended, as Regulation CF says it.

    None where no rule says it: under Regulation D, after money was released, or when the raise is off.
    """
    account = EscrowAccount.objects.filter(offering=offering).select_related("offering").first()
    if account is None or investment.status != Investment.Status.PENDING or not offering.is_raising:
        return None
    first = investment.commitments.aggregate(first=Min("committed_at"))["first"] or investment.created_at
    return release_gate.window(account).cancellable_until(first)


def is_open_at(offering: Offering, at: datetime) -> bool:
    """Whether a commitment made at that moment would find the offering raising."""
    return offering.is_raising and at < offering.deadline_at
