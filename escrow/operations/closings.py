"""
Closings: releasing investors' cleared money to an offering that has met its minimum.

One person proposes the figures, two others sign exactly those; the second signature executes. What
stands against a release is asked of the database, which refuses for the same reasons whatever road a
release takes. Figures are worked out again when they are signed; if anything has changed since, the
proposal is void and nothing moves.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NoReturn
from uuid import UUID

from django.db import IntegrityError, transaction

from compliance.operations import screening
from escrow import postings
from escrow.models import Closing, ClosingApproval, EscrowAccount, Investment, LedgerEntryType
from escrow.operations import escrow_accounts, ledger
from escrow.queries import release_gate
from escrow.queries.release_gate import Obstacle
from realco import audit, copying, events, money, permissions
from realco.business_days import banking_date
from realco.errors import IllegalTransition, NotPermitted, Refusal
from realco.models import Offering, User

ZERO = Decimal("0.00")
SIGNATURES_NEEDED = 2
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


class RaiseIsOver(IllegalTransition):
    """The deadline has passed; what was not released by then goes back to the investors."""


class CancellationWindowOpen(IllegalTransition):
    """Investors may still cancel, so their money is not released (17 CFR 227.304)."""


class BooksNotReconciled(Refusal):
    """The last reconciliation found differences; no money is released on books that may be wrong."""


class InvestorNotEligible(Refusal):
    """We may not deal with an investor whose money would be released."""

    code = "COMPLIANCE_ERROR"


class ClosingAlreadyProposed(IllegalTransition):
    """A proposal for this account waits for its approvers."""


class ClosingNotProposed(IllegalTransition):
    """The closing was executed or cancelled before."""


class ApproverIsProposer(NotPermitted):
    """Whoever proposed the figures cannot be one of those who sign them."""


class ApproverHasSigned(NotPermitted):
    """Two signatures are two people's."""


class FiguresChanged(Refusal):
    """What would be released is no longer what was proposed."""

    code = "INVALID_STATE_TRANSITION"


_REFUSED: Mapping[str, type[Refusal]] = {
    "escrow_state": ledger.EscrowNotOpen,
    "offering_state": OfferingNotClosing,
    "deadline": RaiseIsOver,
    "books": BooksNotReconciled,
    "window": CancellationWindowOpen,
    "nothing": NothingToRelease,
    "minimum": MinimumNotReached,
    "maximum": MaximumExceeded,
    "cleared": FiguresChanged,
    "committed": FiguresChanged,
    "moment": ledger.ReleaseRefused,
}
"""The refusal that each code of the release gate becomes; what is missing here is about a person."""


def propose(account: EscrowAccount, *, by: User, at: datetime) -> Closing:
    """
    Propose to release what investors have cleared and committed, for two other people to sign.

    Nothing moves yet. Investors whom we may not deal with now are left out. Those who were not
    screened since the sanctions list changed are screened first. A FUNDED offering closes again
    over what has cleared since.

    :raises NotPermitted: if the person may not propose closings
    :raises ClosingAlreadyProposed: if a proposal is waiting
    :raises OfferingNotClosing: if the offering is neither open nor funded
    :raises RaiseIsOver: if its deadline has passed
    :raises EscrowNotOpen: if the escrow account is frozen, liquidating or closed
    :raises BooksNotReconciled: if the latest reconciliation found differences
    :raises CancellationWindowOpen: if investors may still cancel
    :raises NothingToRelease: if nobody has cleared, committed money
    :raises MinimumNotReached: if cleared and released money are below the offering's minimum
    :raises MaximumExceeded: if they are above its maximum
    """
    permissions.require(by, permissions.PROPOSE_CLOSING)
    screening.screen_again(release_gate.releasable(account.pk, at=at).keys(), at=at)
    with audit.acting("closing.propose", by=by), transaction.atomic():
        account, _ = _lock(account.pk)
        if account.closings.filter(status=Closing.Status.PROPOSED).exists():
            raise ClosingAlreadyProposed("A closing of this account waits for approval; approve or cancel it first.")
        release = release_gate.release_of(account, at=at)
        if release.obstacles:
            _refuse(release.obstacles, left_out=[words for said in release.left_out.values() for words in said])
        return _insert(
            Closing(
                escrow_account=account,
                total_amount=sum(release.figures.values(), ZERO),
                figures=_as_json(release.figures),
                content_hash=content_hash(account.pk, release.figures),
                proposed_by=by,
                proposed_at=at,
                created_at=at,
            )
        )


def approve(closing: Closing, *, approver: User, content_hash: str, at: datetime) -> Closing:
    """
    Sign the figures of a closing; the second person's signature executes it.

    ``content_hash`` is that of the figures the person saw. Executing releases the money in one batch,
    INVESTOR to OFFERING for each investor, and makes their investments active, with everybody's share
    of the whole worked out anew. Whatever stands against the release at this moment refuses the signature.

    :raises NotPermitted: if the person may not approve closings
    :raises ClosingNotProposed: if it was executed or cancelled before
    :raises ApproverIsProposer: if they proposed it themselves
    :raises ApproverHasSigned: if they signed it before
    :raises InvestorNotEligible: if we may no longer deal with one of the investors
    :raises FiguresChanged: if the figures are no longer those that were proposed, or not those that were seen
    :raises Refusal: what `propose` refuses
    """
    permissions.require(approver, permissions.APPROVE_CLOSING)
    screening.screen_again([UUID(key) for key in closing.figures], at=at)
    with audit.acting("closing.approve", by=approver), transaction.atomic():
        account, offering = _lock(closing.escrow_account_id)
        closing = Closing.objects.select_for_update().get(pk=closing.pk)
        _require_proposed(closing)
        _require_may_sign(closing, approver, content_hash)
        _require_gate(closing, account, at=at)
        with ledger.refusing():
            ClosingApproval.objects.create(
                closing=closing, approver=approver, content_hash=content_hash, signed_at=at, created_at=at
            )
        if closing.approvals.count() >= SIGNATURES_NEEDED:
            _execute(closing, offering, approver=approver, at=at)
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


def fund(offering: Offering, figures: Mapping[UUID, Decimal], *, at: datetime) -> None:
    """
    Put released money (investor → amount) to work in each investment, and share out ownership anew.

    Called in the transaction that releases it, the escrow account and the offering locked.
    """
    living = lock_investments(offering)
    for investment in living:
        amount = figures.get(investment.investor_id, ZERO)
        if not amount:
            continue
        investment.funded_amount += amount
        investment.current_balance += amount
        if investment.status == Investment.Status.PENDING:
            investment.mark_active(at=at)
    save_funded(living, at=at)
    if offering.status == Offering.Status.OPEN:
        offering.mark_funded(at=at)
        offering.save()


def lock_investments(offering: Offering) -> list[Investment]:
    """Lock the investments of an offering that were not cancelled, in the order of their ids."""
    living = Investment.objects.select_for_update().filter(offering=offering)
    return list(living.exclude(status=Investment.Status.CANCELLED).order_by("pk"))


def save_funded(living: Sequence[Investment], *, at: datetime, also: Sequence[str] = ()) -> None:
    """Save what changed of all investments of an offering, each with its share of all that was paid in."""
    shares = money.allocate(_WHOLE, [money.as_cents(investment.funded_amount) for investment in living])
    for investment, share in zip(living, shares, strict=True):
        investment.ownership_percentage = share.scaleb(-4) if share else None
        investment.updated_at = at
    copying.update(
        living, ["funded_amount", "current_balance", "status", "funded_at", "ownership_percentage", "updated_at", *also]
    )


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


def _require_may_sign(closing: Closing, approver: User, seen: str) -> None:
    if closing.proposed_by_id == approver.pk:
        raise ApproverIsProposer("You proposed this closing; two other people have to sign it.")
    if closing.approvals.filter(approver=approver).exists():
        raise ApproverHasSigned("You have signed this closing; another person has to sign it too.")
    if seen != closing.content_hash:
        raise FiguresChanged("These are not the figures that were proposed. Load the closing's page and sign those.")


def _require_gate(closing: Closing, account: EscrowAccount, *, at: datetime) -> None:
    """Refuse whatever stands against the closing now, and figures that are no longer what would be released."""
    standing = [one for one in release_gate.obstacles(closing, at=at) if one.code != release_gate.SIGNATURES]
    graver = [one for one in standing if one.code not in release_gate.FIGURES]
    if graver:
        _refuse(graver)
    now = release_gate.release_of(account, at=at).figures
    if content_hash(account.pk, now) != closing.content_hash:
        _refuse_changed(closing, now)
    if standing:
        _refuse(standing)


def _refuse(obstacles: Collection[Obstacle], *, left_out: Collection[str] = ()) -> NoReturn:
    """Refuse for the first obstacle, and say all of them, and who was left out."""
    first = next(iter(obstacles))
    said = [one.obstacle for one in obstacles]
    words = " ".join([*said, *(["Left out:", *left_out] if left_out else [])])
    raise _REFUSED.get(first.code, InvestorNotEligible)(words, obstacles=said, left_out=list(left_out))


def _execute(closing: Closing, offering: Offering, *, approver: User, at: datetime) -> None:
    """Let the signed closing through the database's gate, fund the investments and release the money."""
    figures = {UUID(key): Decimal(amount) for key, amount in closing.figures.items()}
    with audit.acting("closing.execute"):
        closing.mark_executed(approver=approver, at=at)
        with ledger.refusing():
            closing.save()
        fund(offering, figures, at=at)
        ledger.post(_releases(closing, figures, at=at), by=approver, at=at)
        events.publish("escrow.offering.closed", closing_id=closing.pk, offering_id=offering.pk)


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


def _require_proposed(closing: Closing) -> None:
    if closing.status != Closing.Status.PROPOSED:
        raise ClosingNotProposed(
            f"This closing is {closing.status.lower()}; it no longer waits for approval.", status=closing.status
        )


def _as_json(figures: Mapping[UUID, Decimal]) -> dict[str, str]:
    return {str(investor_id): money.to_json(amount) for investor_id, amount in sorted(figures.items())}


def _shown(amount: str | None) -> str:
    return money.format_money(Decimal(amount)) if amount else "nothing"
