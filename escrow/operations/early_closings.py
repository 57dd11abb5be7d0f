"""
Announcing that an offering closes before its deadline, as 17 CFR 227.304(b) lets a Regulation CF raise do, and
taking that back.

The notice is a row with its moment; whoever tells the investors listens to the event. They may cancel
until 48 hours before the new closing time.
"""

from datetime import datetime

from django.db import transaction

from escrow import windows
from escrow.models import EarlyClosingNotice, EscrowAccount
from escrow.operations import escrow_accounts, ledger
from escrow.queries import closings as queries
from realco import audit, events, money, permissions
from realco.errors import Duplicate, IllegalTransition, Refusal
from realco.models import Offering, User


class NoEarlyClosing(IllegalTransition):
    """Only a raise under Regulation CF that is open closes early by notice."""


class TargetNotReached(Refusal):
    """An offering closes early because it has reached its minimum; this one has not."""


class NoticeTooShort(Refusal):
    """The offering would be open too briefly, or the investors told too late."""


class AfterTheDeadline(Refusal):
    """An early closing is before the deadline."""


class AlreadyAnnounced(Duplicate):
    """An early closing at this moment was announced before."""


class AlreadyWithdrawn(IllegalTransition):
    """The notice was withdrawn before."""


class MomentHasCome(IllegalTransition):
    """The offering has closed early as this notice said; it is too late to withdraw it."""


def announce(account: EscrowAccount, *, closes_at: datetime, by: User, at: datetime) -> EarlyClosingNotice:
    """
    Announce that the offering closes at ``closes_at``, over what is committed by then.

    Commitments made later need another notice, or wait for the deadline.

    :raises NotPermitted: if the person may not propose closings
    :raises NoEarlyClosing: if the offering is not an open raise under Regulation CF
    :raises TargetNotReached: if less than its minimum is committed
    :raises NoticeTooShort: if it will not have been open for 21 days, or five business days do not lie between
    :raises AfterTheDeadline: if the moment is not before the deadline
    :raises AlreadyAnnounced: if this moment was announced before
    """
    permissions.require(by, permissions.PROPOSE_CLOSING)
    with audit.acting("early_closing.announce", by=by), transaction.atomic():
        account = escrow_accounts.lock(account.pk)
        offering = Offering.objects.select_for_update(no_key=True).get(pk=account.offering_id)
        _require_possible(offering, closes_at, at)
        progress = queries.progress(account, at=at)
        if progress.committed < progress.minimum:
            raise TargetNotReached(
                f"{money.format_money(progress.committed)} is committed of the {money.format_money(progress.minimum)} "
                f"that {offering} needs; it closes early only when it has reached that."
            )
        if account.early_closing_notices.filter(closes_at=closes_at, withdrawn_at=None).exists():
            raise AlreadyAnnounced("An early closing at this moment was announced before.")
        with ledger.refusing():
            notice = EarlyClosingNotice.objects.create(
                escrow_account=account, notice_at=at, closes_at=closes_at, given_by=by, created_at=at
            )
        events.publish("escrow.early_closing.announced", notice_id=notice.pk, offering_id=offering.pk)
    return notice


def withdraw(notice: EarlyClosingNotice, *, reason: str, by: User, at: datetime) -> EarlyClosingNotice:
    """
    Take a notice back before its moment has come: the offering does not close early by it.

    Investors may cancel again as if it had never been given; whoever tells them listens to the event.

    :raises NotPermitted: if the person may not propose closings
    :raises ReasonMissing: if no reason is given
    :raises AlreadyWithdrawn: if it was withdrawn before
    :raises MomentHasCome: if the closing it announced has come
    """
    permissions.require(by, permissions.PROPOSE_CLOSING)
    escrow_accounts.require_reason(reason)
    with audit.acting("early_closing.withdraw", by=by, reason=reason), transaction.atomic():
        account = escrow_accounts.lock(notice.escrow_account_id)
        notice = EarlyClosingNotice.objects.select_for_update(of=("self",)).get(pk=notice.pk)
        if notice.is_withdrawn:
            raise AlreadyWithdrawn("This notice was withdrawn before.")
        if at >= notice.closes_at:
            raise MomentHasCome("The moment it announced has come; what was committed by then may be released.")
        notice.withdrawn_at, notice.withdrawn_by, notice.withdrawn_reason = at, by, reason.strip()
        with ledger.refusing():
            notice.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_reason"])
        events.publish("escrow.early_closing.withdrawn", notice_id=notice.pk, offering_id=account.offering_id)
    return notice


def _require_possible(offering: Offering, closes_at: datetime, at: datetime) -> None:
    if offering.exemption != Offering.Exemption.REG_CF or not offering.is_raising or offering.opened_at is None:
        raise NoEarlyClosing(f"{offering} is no open raise under Regulation CF; it needs no notice to close.")
    if closes_at >= offering.deadline_at:
        raise AfterTheDeadline(f"The deadline is {offering.deadline_at:%d %B %Y, %H:%M} UTC; close before it.")
    earliest = windows.earliest_early_closing(offering.opened_at, at)
    if closes_at < earliest:
        raise NoticeTooShort(
            f"The earliest closing that can be announced now is {earliest:%d %B %Y, %H:%M} UTC: investors are told "
            "five business days ahead, and the raise is open for 21 days."
        )
