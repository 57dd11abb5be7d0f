"""
Overrides: what people decide for a line otherwise than the waterfall, with a reason and a second person.

The total still foots, and so does each tier: what one payee gets more of a part, another, named one gets less.
What the waterfall gave stays beside it and is shown to the payee. Calculating again does away with overrides.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from distributions.models import AllocationLine, Distribution, DistributionAllocation
from distributions.operations import distributions, locks
from distributions.queries import deductions
from distributions.queries import distributions as queries
from distributions.queries.entitlements import PARTS
from realco import audit, copying, money, permissions
from realco.errors import IllegalTransition, NotPermitted, Refusal
from realco.models import User
from realco.money import CENT, ZERO, format_money, to_json

Status = DistributionAllocation.Status
OF_INVESTORS = ("return_of_capital", "preferred_return", "profit_split")
OF_THE_SPONSOR = ("sponsor_catch_up", "profit_split")


class UnknownPart(Refusal):
    """There is no such part of what this payee gets."""


class NotALine(Refusal):
    """That line is not one of this distribution's, or is the same as the other."""


class NothingToDecide(Refusal):
    """What premiums pay to whom follows from the calls alone."""


class LeavesTooLittle(Refusal):
    """The other line, or this one, would have less than nothing, or nothing at all."""


class AmountUnchanged(Refusal):
    """The line has that amount of this part already."""


class NothingToConfirm(IllegalTransition):
    """No override waits for a second person."""


class NothingToWithdraw(IllegalTransition):
    """No override waits for a second person, so that none can be refused or taken back."""


class OverriddenByYou(NotPermitted):
    """Nobody confirms what they decided themselves."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a part of a line is to be, US dollars, and which other line the difference is taken from or given to."""

    line: UUID
    part: str
    amount: Decimal
    against: UUID


def override(distribution: Distribution, *, decision: Decision, reason: str, by: User, at: datetime) -> Distribution:
    """
    Set a part of a draft's line to an amount, at the expense or to the benefit of another line.

    Both lines are written anew with what the waterfall gave, who decided otherwise, and why. A second person
    confirms it before the distribution can be submitted; any change of a line asks for that again.

    :raises NotPermitted: if the person may not create distributions
    :raises ReasonMissing: without a reason
    :raises InvalidAmount: if the amount is not a number of cents
    :raises NotDraft: if its numbers are frozen
    :raises NothingToDecide: if it pays premiums on
    :raises NotALine: if the lines are not two of this distribution's
    :raises UnknownPart: if either payee cannot have such a part
    :raises AmountUnchanged: if the line has that amount already
    :raises LeavesTooLittle: if a part would be below nothing, or a payee would get nothing
    """
    permissions.require(by, permissions.CREATE_DISTRIBUTION)
    if not reason.strip():
        raise distributions.ReasonMissing("Say why; the payee is shown it, and it is kept.")
    wanted = money.positive(decision.amount) if decision.amount else ZERO
    with audit.acting("distribution.override", by=by, reason=reason), transaction.atomic():
        distribution = locks.lock(distribution.pk)
        distributions.require_draft(distribution)
        if distribution.nature == Distribution.Nature.PREMIUM:
            raise NothingToDecide("Premiums go to those to whom the earlier calls owe them; nobody decides otherwise.")
        line, other = _lines(distribution, decision)
        difference = wanted - getattr(line, decision.part)
        if not difference:
            raise AmountUnchanged(
                f"{line.investor} has {format_money(wanted)} of this part already. Write another amount, or leave it."
            )
        changed = [
            _changed(line, decision.part, difference, reason=reason, by=by, at=at),
            _changed(other, decision.part, -difference, reason=reason, by=by, at=at),
        ]
        old = DistributionAllocation.objects.filter(pk__in=[line.pk, other.pk])
        old.update(status=Status.CANCELLED, updated_at=at)
        taken_off = deductions.apply(distribution, changed)
        copying.insert(DistributionAllocation, changed)
        copying.insert(AllocationLine, taken_off)
    return distribution


def confirm(distribution: Distribution, *, by: User, at: datetime) -> Distribution:
    """
    Confirm every override of a draft that waits, as its second person.

    :raises NotPermitted: unless the person may create or approve distributions
    :raises NotDraft: if its numbers are frozen
    :raises NothingToConfirm: if no override waits
    :raises OverriddenByYou: if one of them was decided by the same person
    """
    _require_deciding(by)
    with audit.acting("distribution.confirm_override", by=by), transaction.atomic():
        distribution = locks.lock(distribution.pk)
        distributions.require_draft(distribution)
        waiting = queries.unconfirmed(distribution)
        deciders = set(waiting.values_list("overridden_by_id", flat=True))
        if not deciders:
            raise NothingToConfirm(f"No override of {distribution} waits for a second person.")
        if by.pk in deciders:
            raise OverriddenByYou("You decided this yourself; somebody else must confirm it.")
        waiting.update(override_confirmed_by=by, override_confirmed_at=at, updated_at=at)
    return distribution


def withdraw(distribution: Distribution, *, reason: str, by: User, at: datetime) -> Distribution:
    """
    Take every override back that waits for a second person, by whoever decided it, or refuse it as somebody else.

    The lines are what they were when overrides were last confirmed, or what the waterfall gave: those that changed
    since changed together, so the total and each tier foot as before.

    :raises NotPermitted: unless the person may create or approve distributions
    :raises ReasonMissing: without a reason
    :raises NotDraft: if its numbers are frozen
    :raises NothingToWithdraw: if no override waits
    """
    _require_deciding(by)
    if not reason.strip():
        raise distributions.ReasonMissing("Say why; the reason is kept in the audit trail.")
    with audit.acting("distribution.withdraw_override", by=by, reason=reason), transaction.atomic():
        distribution = locks.lock(distribution.pk)
        distributions.require_draft(distribution)
        waiting = list(queries.unconfirmed(distribution))
        if not waiting:
            raise NothingToWithdraw(f"No override of {distribution} waits for a second person.")
        restored = [_before(row, at=at) for row in waiting]
        changed = DistributionAllocation.objects.filter(pk__in=[row.pk for row in waiting])
        changed.update(status=Status.CANCELLED, updated_at=at)
        taken_off = deductions.apply(distribution, restored)
        copying.insert(DistributionAllocation, restored)
        copying.insert(AllocationLine, taken_off)
    return distribution


def _require_deciding(by: User) -> None:
    if not (by.is_active and by.has_perm(permissions.APPROVE_DISTRIBUTION)):
        permissions.require(by, permissions.CREATE_DISTRIBUTION)


def _before(row: DistributionAllocation, *, at: datetime) -> DistributionAllocation:
    """Return the row, not saved, that a payee had before the overrides that wait: the last that nobody questions."""
    held = Q(investment__isnull=True) if row.investment_id is None else Q(investment_id=row.investment_id)
    unquestioned = Q(overridden_by__isnull=True) | Q(override_confirmed_by__isnull=False)
    earlier = DistributionAllocation.objects.filter(
        held, unquestioned, distribution_id=row.distribution_id, investor_id=row.investor_id
    )
    was = earlier.order_by("-created_at", "-pk").first()
    assert was is not None  # The row that was calculated is one of them.
    kept = ("override_reason", "overridden_by_id", "override_confirmed_by_id", "override_confirmed_at")
    return DistributionAllocation(
        distribution_id=row.distribution_id,
        investor_id=row.investor_id,
        investment_id=row.investment_id,
        **{name: getattr(was, name) for name in (*PARTS, "total_amount", "calculated", *kept)},
        net_amount=was.total_amount,
        explanation=was.explanation,
        metadata=was.metadata,
        created_at=at,
    )


def _lines(distribution: Distribution, decision: Decision) -> tuple[DistributionAllocation, DistributionAllocation]:
    rows = distribution.allocations.exclude(status=Status.CANCELLED).select_related("investor")
    found = rows.in_bulk([decision.line, decision.against])
    if len(found) != 2:
        raise NotALine(f"Name two lines of {distribution}: the one to change and the one that makes up for it.")
    for row in found.values():
        if decision.part not in (OF_INVESTORS if row.investment_id else OF_THE_SPONSOR):
            raise UnknownPart(f"{row.investor} cannot get “{decision.part}”. Choose another part, or another line.")
    return found[decision.line], found[decision.against]


def _changed(
    row: DistributionAllocation, part: str, difference: Decimal, *, reason: str, by: User, at: datetime
) -> DistributionAllocation:
    """Return the row that takes a line's place, not saved."""
    parts = {name: getattr(row, name) for name in PARTS}
    calculated = row.calculated or {name: to_json(amount) for name, amount in parts.items()}
    parts[part] += difference
    total = sum(parts.values(), ZERO)
    if parts[part] < 0:
        raise LeavesTooLittle(
            f"{row.investor} has {format_money(getattr(row, part))} of this part; {format_money(-difference)} cannot be"
            " taken off. Write another amount, or choose another payee to make up for it."
        )
    if total <= 0:
        raise LeavesTooLittle(
            f"Every payee keeps a cent at least, because a payment of nothing is none. {row.investor} has"
            f" {format_money(row.total_amount)} in all, so {format_money(-difference)} cannot be taken off;"
            f" {format_money(-difference - CENT)} can."
        )
    return DistributionAllocation(
        distribution_id=row.distribution_id,
        investor_id=row.investor_id,
        investment_id=row.investment_id,
        **parts,
        total_amount=total,
        net_amount=total,
        calculated=calculated,
        override_reason=reason.strip()[:300],
        overridden_by=by,
        explanation=row.explanation,
        metadata=row.metadata,
        created_at=at,
    )
