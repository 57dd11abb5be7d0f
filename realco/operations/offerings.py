"""Offerings: opening the raise, beginning to operate, calling it off, and its failure."""

from datetime import datetime

from django.db import transaction

from realco import audit, permissions
from realco.errors import IllegalTransition, Refusal
from realco.models import Offering, User


class OfferingStateForbids(IllegalTransition):
    """The offering is in a state from which this step does not exist."""


class DeadlinePassed(Refusal):
    """The raise would be over before it begins."""


class DeadlineAhead(Refusal):
    """The raise goes on; nobody knows yet whether it fails."""

    code = "INVALID_STATE_TRANSITION"


class OfferingReasonMissing(Refusal):
    """Investors and auditors have to be able to read why a raise was called off."""


def open_raise(offering: Offering, *, by: User, at: datetime) -> Offering:
    """
    Open an offering to commitments, until its deadline.

    :raises NotPermitted: if the person may not manage offerings and their escrow
    :raises OfferingStateForbids: if it is not a draft
    :raises DeadlinePassed: if its deadline is not in the future
    """
    permissions.require(by, permissions.MANAGE_ESCROW)
    with audit.acting("offering.open", by=by), transaction.atomic():
        offering = _lock(offering)
        _require_status(offering, "opened", Offering.Status.DRAFT)
        if offering.deadline_at <= at:
            raise DeadlinePassed("Set a deadline in the future before opening the raise.")
        offering.mark_open(at=at)
        offering.save()
    return offering


def begin_operating(offering: Offering, *, by: User, at: datetime) -> Offering:
    """
    Say that the property is owned and earns: commitments end, income and distributions begin.

    :raises NotPermitted: if the person may not manage offerings and their escrow
    :raises OfferingStateForbids: if it is not funded
    """
    permissions.require(by, permissions.MANAGE_ESCROW)
    with audit.acting("offering.begin_operating", by=by), transaction.atomic():
        offering = _lock(offering)
        _require_status(offering, "operated", Offering.Status.FUNDED)
        offering.mark_operating()
        offering.save()
    return offering


def call_off(offering: Offering, *, by: User, reason: str, at: datetime) -> Offering:
    """
    Call an offering off before any money was released; what investors paid in stays refundable.

    :raises NotPermitted: if the person may not manage offerings and their escrow
    :raises OfferingReasonMissing: if no reason is given
    :raises OfferingStateForbids: if it is neither a draft nor open
    """
    permissions.require(by, permissions.MANAGE_ESCROW)
    if not reason.strip():
        raise OfferingReasonMissing("Say why the offering is called off.")
    with audit.acting("offering.call_off", by=by, reason=reason), transaction.atomic():
        offering = _lock(offering)
        _require_status(offering, "called off", Offering.Status.DRAFT, Offering.Status.OPEN)
        offering.mark_cancelled()
        offering.save()
    return offering


def fail(offering: Offering, *, at: datetime) -> Offering:
    """
    Say that a raise is over without its closing, so that what was paid in goes back.

    Called inside the transaction that approves its refund run, which asks for the permission; the
    escrow account is locked before. Failed before, it stays as it is.

    :raises OfferingStateForbids: if it is not open
    :raises DeadlineAhead: if its deadline has not passed
    """
    offering = _lock(offering)
    if offering.status == Offering.Status.FAILED:
        return offering
    _require_status(offering, "failed", Offering.Status.OPEN)
    if at < offering.deadline_at:
        raise DeadlineAhead(
            f"{offering} takes investments until {offering.deadline_at:%d %B %Y, %H:%M} UTC; it has not failed yet."
        )
    offering.mark_failed(at=at)
    offering.save()
    return offering


def _lock(offering: Offering) -> Offering:
    return Offering.objects.select_for_update(no_key=True).get(pk=offering.pk)


def _require_status(offering: Offering, step: str, *allowed: str) -> None:
    if offering.status not in allowed:
        raise OfferingStateForbids(
            f"{offering} is {offering.status.lower()}; it cannot be {step} from there.", status=offering.status
        )
