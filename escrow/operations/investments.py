"""Commitments: an investor promises an offering an amount, adds to it, or withdraws before money was released."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q, Sum

from escrow.models import Investment
from escrow.operations.escrow_accounts import require_reason
from escrow.queries import investor_offerings
from realco import audit, copying, money, permissions
from realco.errors import Duplicate, IllegalTransition, NotPermitted, Refusal
from realco.models import Offering, User

ZERO = Decimal("0.00")
_COMMITMENTS = "commitments"


class OfferingNotOpen(Refusal):
    """The offering takes no commitments: it is not raising, or its deadline has passed."""

    code = "INVALID_STATE_TRANSITION"


class BelowMinimumInvestment(Refusal):
    """The commitment is smaller than the offering accepts from one investor."""


class AboveMaximum(Refusal):
    """The offering would be committed more than it may raise."""


class CommitmentReferenceReused(Duplicate):
    """The reference was used for another commitment."""


class CancellationWindowOver(IllegalTransition):
    """The right to cancel has ended, for the investor and for whoever would do it for them (17 CFR 227.304)."""


class InvestmentNotPending(IllegalTransition):
    """Part of the investment was released to the offering already, or it was cancelled."""


def commit(
    offering: Offering, *, investor: User, amount: Decimal, reference: str | None = None, by: User, at: datetime
) -> Investment:
    """
    Commit an amount to an offering; a second commitment of the same investor adds to the first.

    The same reference commits once and gives the same row again.

    :raises NotPermitted: if it is somebody else's investment, and the person may not initiate payments
    :raises OfferingNotOpen: if the offering is not raising, or its deadline has passed
    :raises BelowMinimumInvestment: if the investor's whole commitment is below the offering's minimum
    :raises AboveMaximum: if all commitments together would be above the offering's maximum
    :raises CommitmentReferenceReused: if the reference stands for another commitment
    """
    _require_own(investor, by)
    amount = money.positive(amount)
    reference = (reference or "").strip() or None
    with audit.acting("investment.commit", by=by), transaction.atomic():
        offering = Offering.objects.select_for_update(no_key=True).get(pk=offering.pk)
        if reference is not None and (earlier := _committed_as(reference, offering)):
            return _same(earlier, offering, investor, amount, reference)
        investment = _living(offering, investor)
        _require_raising(offering, at)
        _require_within(offering, before=investment.investment_amount if investment else ZERO, amount=amount)
        if investment is None:
            return Investment.objects.create(
                investor=investor,
                offering=offering,
                investment_amount=amount,
                preferred_return_rate=offering.preferred_return_rate,
                reference=reference,
                metadata={_COMMITMENTS: {reference: money.to_json(amount)}} if reference else {},
                committed_at=at,
                created_at=at,
            )
        investment.investment_amount += amount
        # Hosts' clocks may differ by minutes: what was committed last is never the earlier for it.
        investment.committed_at = max(investment.committed_at or at, at)
        if reference is not None:
            made = {**investment.metadata.get(_COMMITMENTS, {}), reference: money.to_json(amount)}
            investment.metadata = {**investment.metadata, _COMMITMENTS: made}
        investment.save()
    return investment


def cancel(investment: Investment, *, by: User, reason: str, at: datetime) -> Investment:
    """
    Withdraw a commitment none of which was released yet. Money that arrived for it stays refundable.

    Under Regulation CF that is possible until 48 hours before the commitment is closed over: at the
    deadline, or at an early closing that was announced. Of a raise that is off, at any time.

    :raises NotPermitted: if it is somebody else's, and the person may not initiate payments
    :raises ReasonMissing: if no reason is given
    :raises InvestmentNotPending: if money was released for it, or it was cancelled before
    :raises CancellationWindowOver: if the right to cancel has ended, with the moment it did
    """
    _require_own(investment.investor, by)
    require_reason(reason)
    with audit.acting("investment.cancel", by=by, reason=reason), transaction.atomic():
        # A closing locks the offering too: it releases the money first and this is refused, or the other way round.
        offering = Offering.objects.select_for_update(no_key=True).get(pk=investment.offering_id)
        investment = Investment.objects.select_for_update().get(pk=investment.pk)
        if investment.status != Investment.Status.PENDING:
            raise InvestmentNotPending(
                f"This investment is {investment.status.lower()} and can no longer be withdrawn.",
                status=investment.status,
            )
        _require_cancellable(investment, offering, at)
        investment.mark_cancelled()
        investment.save()
    return investment


def end_commitment(offering: Offering, *, investor: User, reference: str, paid_in: Decimal, at: datetime) -> Decimal:
    """
    Take back what was committed under a reference, once, and return how much that was, US dollars.

    What was released or called of the investment, or paid in otherwise, stays committed. An investment of
    which nothing else was committed is cancelled. Called inside the transaction in which the payment ends that made it.
    """
    with audit.acting("investment.end_commitment"):
        Offering.objects.select_for_update(no_key=True).get(pk=offering.pk)
        investment = _living(offering, investor)
        made = dict(investment.metadata.get(_COMMITMENTS, {})) if investment is not None else {}
        if investment is None or reference not in made:
            return ZERO
        # Calls live in an app above, and are reached from their investment.
        rows: Any = investment
        called = rows.call_items.filter(status="OPEN").aggregate(total=Sum("amount", default=ZERO))["total"]
        needed = max(paid_in, investment.funded_amount + called)
        ended: Decimal = max(min(Decimal(made.pop(reference)), investment.investment_amount - needed), ZERO)
        investment.metadata = {**investment.metadata, _COMMITMENTS: made}
        if ended and ended == investment.investment_amount:
            investment.mark_cancelled()
        elif ended:
            investment.investment_amount -= ended
            investment.committed_at = max(investment.committed_at or at, at)
        investment.save()
    return ended


def cancel_all(offering: Offering, *, at: datetime) -> int:
    """
    Cancel every commitment to an offering none of which was released, because nothing will be; return how many.

    Called inside the transaction that ends the raise, which asks for the permission.
    """
    pending = list(
        Investment.objects.select_for_update()
        .filter(offering=offering, status=Investment.Status.PENDING)
        .order_by("pk")
    )
    for investment in pending:
        investment.mark_cancelled()
        investment.updated_at = at
    copying.update(pending, ["status", "updated_at"])
    return len(pending)


def _require_cancellable(investment: Investment, offering: Offering, at: datetime) -> None:
    """Refuse once the first of its commitments can no longer be cancelled: it is one investment, kept whole."""
    until = investor_offerings.cancellable_until(investment, offering)
    if until is not None and at >= until:
        raise CancellationWindowOver(
            f"This investment could be cancelled until {until:%d %B %Y, %H:%M} UTC, 48 hours before it is closed over.",
            ended_at=until.isoformat(),
        )


def _require_own(investor: User, by: User) -> None:
    if by.pk != investor.pk:
        permissions.require(by, permissions.INITIATE_PAYMENT)
    elif not by.is_active:
        raise NotPermitted("This sign-in is closed; ask the operator.")


def _require_raising(offering: Offering, at: datetime) -> None:
    if not offering.is_raising:
        raise OfferingNotOpen(f"{offering} is {offering.status.lower()} and takes no commitments.")
    if at >= offering.deadline_at:
        raise OfferingNotOpen(f"{offering} took commitments until {offering.deadline_at:%d %B %Y, %H:%M} UTC.")


def _require_within(offering: Offering, *, before: Decimal, amount: Decimal) -> None:
    if before + amount < offering.minimum_investment:
        raise BelowMinimumInvestment(
            f"{offering} accepts {money.format_money(offering.minimum_investment)} or more from an investor.",
            minimum=money.to_json(offering.minimum_investment),
        )
    committed = (
        Investment.objects.filter(offering=offering)
        .exclude(status=Investment.Status.CANCELLED)
        .aggregate(total=Sum("investment_amount"))["total"]
        or ZERO
    )
    if committed + amount > offering.maximum_amount:
        left = offering.maximum_amount - committed
        raise AboveMaximum(
            f"{offering} can take {money.format_money(left)} more; ask for that or less.", left=money.to_json(left)
        )


def _living(offering: Offering, investor: User) -> Investment | None:
    return (
        Investment.objects.select_for_update()
        .filter(offering=offering, investor=investor)
        .exclude(status=Investment.Status.CANCELLED)
        .first()
    )


def _committed_as(reference: str, offering: Offering) -> Investment | None:
    added = Q(offering=offering, **{f"metadata__{_COMMITMENTS}__has_key": reference})
    return Investment.objects.filter(Q(reference=reference) | added).first()


def _same(earlier: Investment, offering: Offering, investor: User, amount: Decimal, reference: str) -> Investment:
    made = earlier.metadata.get(_COMMITMENTS, {}).get(reference)
    if earlier.offering_id != offering.pk or earlier.investor_id != investor.pk or made != money.to_json(amount):
        raise CommitmentReferenceReused(f"The reference {reference} was used for another commitment.")
    return earlier
