"""
Closings: releasing investors' cleared money to an offering that has met its minimum.

One person proposes the figures, another signs exactly those. They are worked out again when they are
signed; if anything has changed since, the proposal is void and nothing moves.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NoReturn
from uuid import UUID

from django.db import IntegrityError, transaction

from escrow import postings
from escrow.models import Closing, EscrowAccount, Investment, LedgerEntryType, Reconciliation
from escrow.operations import escrow_accounts, ledger
from escrow.queries import closings as figures_query
from realco import audit, events, money, permissions
from realco.business_days import banking_date
from realco.errors import IllegalTransition, NotPermitted, Refusal
from realco.models import Offering, User

ZERO = Decimal("0.00")
_WHOLE = Decimal("1000000.00")
"""One hundred percent in ten-thousandths of a percent, so that `money.allocate` can hand out each of them."""


class NothingToRelease(Refusal):
    """No investor has cleared, committed money in the account."""


class MinimumNotReached(Refusal):
    """Cleared and released money together are below the offering's minimum."""


class MaximumExceeded(Refusal):
    """The release would take the offering above its maximum."""


class OfferingNotClosing(IllegalTransition):
    """The offering is not raising, so there is nothing to close."""


class BooksNotReconciled(Refusal):
    """The last reconciliation found differences; no money is released on books that may be wrong."""


class ClosingAlreadyProposed(IllegalTransition):
    """A proposal for this account waits for its approver."""


class ClosingNotProposed(IllegalTransition):
    """The closing was executed or cancelled before."""


class ApproverIsProposer(NotPermitted):
    """Whoever proposed the figures cannot be the one who signs them."""


class FiguresChanged(Refusal):
    """What would be released is no longer what was proposed."""

    code = "INVALID_STATE_TRANSITION"


def propose(account: EscrowAccount, *, by: User, at: datetime) -> Closing:
    """
    Propose to release what investors have cleared and committed, for a second person to sign.

    Nothing moves yet. A FUNDED offering closes again over what has cleared since.

    :raises NotPermitted: if the person may not propose closings
    :raises OfferingNotClosing: if the offering is neither open nor funded
    :raises EscrowNotOpen: if the escrow account is frozen, liquidating or closed
    :raises BooksNotReconciled: if the latest reconciliation found differences
    :raises NothingToRelease: if nobody has cleared, committed money
    :raises MinimumNotReached: if cleared and released money are below the offering's minimum
    :raises MaximumExceeded: if they are above its maximum
    :raises ClosingAlreadyProposed: if a proposal is waiting
    """
    permissions.require(by, permissions.PROPOSE_CLOSING)
    with audit.acting("closing.propose", by=by), transaction.atomic():
        account, offering = _lock(account.pk)
        if account.closings.filter(status=Closing.Status.PROPOSED).exists():
            raise ClosingAlreadyProposed("A closing of this account waits for approval; approve or cancel it first.")
        figures = _figures(account, offering)
        return _insert(
            Closing(
                escrow_account=account,
                total_amount=sum(figures.values(), ZERO),
                figures=_as_json(figures),
                content_hash=content_hash(account.pk, figures),
                proposed_by=by,
                proposed_at=at,
                created_at=at,
            )
        )


def execute(closing: Closing, *, approver: User, at: datetime) -> Closing:
    """
    Sign a closing and release its money, in one batch: INVESTOR to OFFERING for each investor.

    Investments become active, with their shares of the whole worked out anew.

    :raises NotPermitted: if the person may not approve closings
    :raises ApproverIsProposer: if they proposed it themselves
    :raises ClosingNotProposed: if it was executed or cancelled before
    :raises FiguresChanged: if the figures are no longer those that were proposed
    """
    permissions.require(approver, permissions.APPROVE_CLOSING)
    with audit.acting("closing.execute", by=approver), transaction.atomic():
        account, offering = _lock(closing.escrow_account_id)
        closing = Closing.objects.select_for_update().get(pk=closing.pk)
        _require_proposed(closing)
        if closing.proposed_by_id == approver.pk:
            raise ApproverIsProposer("You proposed this closing; another person has to approve it.")
        figures = _figures(account, offering, signed=closing)
        closing.mark_executed(approver=approver, at=at)
        closing.save()
        _fund(offering, figures, at=at)
        ledger.post(_releases(closing, figures, at=at), by=approver, at=at)
        events.publish("escrow.offering.closed", closing_id=closing.pk, offering_id=offering.pk)
    return closing


def cancel(closing: Closing, *, by: User, reason: str, at: datetime) -> Closing:
    """
    Cancel a proposed closing: its proposer takes it back, or an approver refuses it.

    :raises NotPermitted: if the person may neither propose nor approve closings
    :raises ReasonMissing: if no reason is given
    :raises ClosingNotProposed: if it was executed or cancelled before
    """
    may_approve = by.is_active and by.has_perm(permissions.APPROVE_CLOSING)
    permissions.require(by, permissions.APPROVE_CLOSING if may_approve else permissions.PROPOSE_CLOSING)
    escrow_accounts.require_reason(reason)
    with audit.acting("closing.cancel", by=by, reason=reason), transaction.atomic():
        escrow_accounts.lock(closing.escrow_account_id)
        closing = Closing.objects.select_for_update().get(pk=closing.pk)
        _require_proposed(closing)
        closing.mark_cancelled(reason=reason.strip(), at=at)
        closing.save()
    return closing


def content_hash(escrow_account_id: UUID, figures: Mapping[UUID, Decimal]) -> str:
    """Return the SHA-256 of the figures in canonical JSON, which is what an approver signs."""
    content = {"escrow_account": str(escrow_account_id), "figures": _as_json(figures)}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _lock(escrow_account_id: UUID) -> tuple[EscrowAccount, Offering]:
    """Lock the account first, as the ledger does, so that no balance moves while figures are worked out."""
    account = escrow_accounts.lock(escrow_account_id)
    offering = Offering.objects.select_for_update(no_key=True).get(pk=account.offering_id)
    return account, offering


def _insert(closing: Closing) -> Closing:
    try:
        with transaction.atomic():
            closing.save(force_insert=True)
    except IntegrityError as error:
        if "closings_one_open" in str(error):
            raise ClosingAlreadyProposed("A closing of this account waits for approval.") from error
        raise
    return closing


def _figures(account: EscrowAccount, offering: Offering, *, signed: Closing | None = None) -> dict[UUID, Decimal]:
    """Work out what would be released now, and refuse whatever forbids releasing it."""
    if account.status != EscrowAccount.Status.ACTIVE:
        raise ledger.EscrowNotOpen(f"{account} is {account.status.lower()}; nothing is released from it.")
    if not offering.is_raising:
        raise OfferingNotClosing(f"{offering} is {offering.status.lower()}; there is nothing to close.")
    latest = Reconciliation.objects.filter(escrow_account=account).order_by("-created_at", "-id").first()
    if latest is not None and latest.result == Reconciliation.Result.MISMATCHED:
        raise BooksNotReconciled(
            f"The reconciliation of {latest.as_of_date} found differences; resolve them and reconcile again."
        )
    figures = figures_query.releasable(account)
    if signed is not None and content_hash(account.pk, figures) != signed.content_hash:
        _refuse_changed(signed, figures)
    if not figures:
        raise NothingToRelease("No investor has cleared money that is committed to this offering.")
    total = sum(figures.values(), ZERO) + figures_query.funded_total(offering.pk)
    if total < offering.minimum_amount:
        raise MinimumNotReached(
            f"{money.format_money(total)} has cleared of the {money.format_money(offering.minimum_amount)} "
            f"that {offering} needs at least.",
            cleared=money.to_json(total),
            minimum=money.to_json(offering.minimum_amount),
        )
    if total > offering.maximum_amount:
        raise MaximumExceeded(
            f"{money.format_money(total)} would be above the {money.format_money(offering.maximum_amount)} "
            f"that {offering} may raise.",
            total=money.to_json(total),
            maximum=money.to_json(offering.maximum_amount),
        )
    return figures


def _refuse_changed(signed: Closing, figures: Mapping[UUID, Decimal]) -> NoReturn:
    """Say for which investors the figures are no longer those that were proposed."""
    now = _as_json(figures)
    changed = sorted(key for key in signed.figures.keys() | now.keys() if signed.figures.get(key) != now.get(key))
    names = {str(user.pk): str(user) for user in User.objects.filter(pk__in=changed)}
    said = [f"{names.get(key, key)} {_shown(signed.figures.get(key))} → {_shown(now.get(key))}" for key in changed[:5]]
    more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
    raise FiguresChanged(
        f"The figures have changed since they were proposed: {'; '.join(said)}{more}. "
        "Cancel this closing and propose it again.",
        changed={key: {"proposed": signed.figures.get(key), "now": now.get(key)} for key in changed},
    )


def _releases(closing: Closing, figures: Mapping[UUID, Decimal], *, at: datetime) -> list[postings.Posting]:
    return [
        postings.released(
            postings.Subject(
                escrow_account_id=closing.escrow_account_id,
                reference=f"closing:{closing.pk}:{investor_id}",
                entry_type=LedgerEntryType.ADJUSTMENT,
                effective_date=banking_date(at),
                description="Released at closing",
            ),
            investor_id=investor_id,
            amount=amount,
        )
        for investor_id, amount in figures.items()
    ]


def _fund(offering: Offering, figures: Mapping[UUID, Decimal], *, at: datetime) -> None:
    """Put the released money to work in each investment, and work out everybody's share of the whole anew."""
    living = list(
        Investment.objects.select_for_update()
        .filter(offering=offering)
        .exclude(status=Investment.Status.CANCELLED)
        .order_by("pk")
    )
    for investment in living:
        amount = figures.get(investment.investor_id, ZERO)
        if not amount:
            continue
        investment.funded_amount += amount
        investment.current_balance += amount
        if investment.status == Investment.Status.PENDING:
            investment.mark_active(at=at)
    shares = money.allocate(_WHOLE, [money.as_cents(investment.funded_amount) for investment in living])
    for investment, share in zip(living, shares, strict=True):
        investment.ownership_percentage = share.scaleb(-4) if share else None
        investment.updated_at = at
    Investment.objects.bulk_update(
        living,
        ["funded_amount", "current_balance", "status", "funded_at", "ownership_percentage", "updated_at"],
        batch_size=500,
    )
    if offering.status == Offering.Status.OPEN:
        offering.mark_funded(at=at)
        offering.save()


def _require_proposed(closing: Closing) -> None:
    if closing.status != Closing.Status.PROPOSED:
        raise ClosingNotProposed(
            f"This closing is {closing.status.lower()}; it no longer waits for approval.", status=closing.status
        )


def _as_json(figures: Mapping[UUID, Decimal]) -> dict[str, str]:
    return {str(investor_id): money.to_json(amount) for investor_id, amount in sorted(figures.items())}


def _shown(amount: str | None) -> str:
    return money.format_money(Decimal(amount)) if amount else "nothing"
