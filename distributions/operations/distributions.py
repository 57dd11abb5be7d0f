"""
A distribution up to its signatures: create it, work it out, submit it, approve it, or cancel it.

What approvers sign is the hash of the numbers; whatever changes after that makes the signatures
void. Locks: the distribution before its escrow account. Paying is in payouts.py.
"""

import hashlib
import json
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from distributions import contents
from distributions.models import AllocationLine, Distribution, DistributionAllocation, DistributionApproval
from distributions.operations import drafts, locks, receipts, reinvestments
from distributions.queries import deductions, entitlements, workings
from distributions.queries import distributions as queries
from distributions.queries.distributions import signatures_needed
from realco import audit, copying, garbage, money, permissions
from realco.business_days import banking_date
from realco.errors import IllegalTransition, NotPermitted, Refusal
from realco.models import Offering, User
from realco.money import ZERO, format_money, to_json

Status = Distribution.Status


class UnknownType(Refusal):
    """There is no such type of distribution."""


class FeeTooHigh(Refusal):
    """The fee takes everything that was to be distributed."""


class NotDraft(IllegalTransition):
    """The distribution's numbers are frozen, or it is over."""


class NotCalculated(IllegalTransition):
    """The distribution has not been worked out yet."""


class NotAwaitingApproval(IllegalTransition):
    """The distribution does not wait for an approval."""


class ApproverIsCreator(NotPermitted):
    """Nobody approves the distribution they created."""


class ApproverIsPayee(NotPermitted):
    """Nobody approves money to themselves."""


class AlreadyApprovedByYou(NotPermitted):
    """Two approvals are two people."""


class OverrideUnconfirmed(IllegalTransition):
    """A line was overridden and nobody else has confirmed it."""


class NumbersChanged(IllegalTransition):
    """What the distribution rests on has changed; it must be worked out, and signed, anew."""


class NotCancellable(IllegalTransition):
    """The distribution is being paid, or is over."""


class ReasonMissing(Refusal):
    """This needs a reason, for the audit trail."""


def create(
    offering: Offering,
    *,
    type: str,
    total_amount: Decimal,
    platform_fee_amount: Decimal = ZERO,
    as_of_date: date,
    description: str = "",
    creator: User,
    idempotency_key: str,
    at: datetime,
) -> Distribution:
    """
    Draw up a distribution of an amount (US dollars) as of a day; what it pays is worked out later.

    A platform fee comes off the top. The same key with the same contents returns the same distribution.

    :raises NotPermitted: if the person may not create distributions
    :raises money.InvalidAmount: if the amount is not a positive number of cents
    :raises FeeTooHigh: if the fee leaves nothing
    :raises UnknownType: if there is no such type
    :raises OfferingNotDistributing: if the offering is not funded, operating or exited
    :raises DayInFuture: if the day has not come
    :raises InsufficientFunds: if the offering holds less, after what is promised already
    :raises IdempotencyKeyReused: if the key was used for another distribution
    """
    permissions.require(creator, permissions.CREATE_DISTRIBUTION)
    amount, fee = _amounts(total_amount, platform_fee_amount)
    _require_known(type, idempotency_key)
    key = f"{creator.pk}:{idempotency_key.strip()}"
    asked = [str(offering.pk), type, to_json(amount), as_of_date.isoformat(), description]
    asked += [to_json(fee)] if fee else []
    request_hash = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
    with audit.acting("distribution.create", by=creator, reason=description), transaction.atomic():
        earlier = drafts.find_earlier(key, request_hash)
        if earlier is not None:
            return earlier
        account = drafts.require_distributing(offering, as_of_date, at=at)
        drafts.require_available(account.pk, amount)
        return Distribution.objects.create(
            offering_id=offering.pk,
            escrow_account=account,
            distribution_number=drafts.next_number(banking_date(at).year),
            type=type,
            total_amount=amount,
            platform_fee_amount=fee,
            net_amount=amount - fee,
            as_of_date=as_of_date,
            description=description[:300],
            created_by=creator,
            idempotency_key=key,
            request_hash=request_hash,
            created_at=at,
        )


@garbage.uncollected()
def calculate(distribution: Distribution, *, by: User, at: datetime) -> Distribution:
    """
    Work a draft out: run the waterfall over the ledger's history (or share premiums), and write what each payee gets.

    May be done again; the earlier allocations are cancelled and replaced.

    :raises NotPermitted: if the person may not create distributions
    :raises NotDraft: if its numbers are frozen
    :raises NoTerms: if the offering has no terms on that day
    :raises NotDistributable: if the waterfall cannot be run on these figures
    """
    permissions.require(by, permissions.CREATE_DISTRIBUTION)
    with audit.acting("distribution.calculate", by=by), transaction.atomic():
        distribution = locks.lock(distribution.pk)
        require_draft(distribution)
        now = workings.work_out(distribution)
        # One statement for all rows; the status trigger checks each of them.
        standing = DistributionAllocation.objects.filter(distribution=distribution).exclude(
            status=DistributionAllocation.Status.CANCELLED
        )
        standing.update(status=DistributionAllocation.Status.CANCELLED, updated_at=at)
        for allocation in now.allocations:
            allocation.created_at = at
        lines = deductions.apply(distribution, now.allocations)
        copying.insert(DistributionAllocation, now.allocations)
        copying.insert(AllocationLine, lines)
        distribution.terms = now.terms
        distribution.waterfall_tiers = now.tiers
        for name, total in now.totals.items():
            setattr(distribution, name, total)
        rests_on = deductions.digest(distribution, {row.investor_id for row in now.allocations})
        basis = {**now.basis, "deductions": rests_on}
        distribution.metadata = {**distribution.metadata, "basis": basis}
        distribution.save()
    return distribution


@garbage.uncollected()
def submit(distribution: Distribution, *, by: User, at: datetime) -> Distribution:
    """
    Freeze a draft's numbers under their hash, and ask for approval.

    :raises NotPermitted: if the person may not create distributions
    :raises NotDraft: if it was submitted before
    :raises NotCalculated: if it has not been worked out
    :raises OverrideUnconfirmed: if a line was overridden and nobody else has confirmed it
    :raises NumbersChanged: if something has changed since it was worked out
    :raises InsufficientFunds: if the offering holds less by now
    """
    permissions.require(by, permissions.CREATE_DISTRIBUTION)
    with audit.acting("distribution.submit", by=by), transaction.atomic():
        distribution = locks.lock(distribution.pk)
        require_draft(distribution)
        allocations = entitlements.figures(distribution)
        if not allocations:
            raise NotCalculated("This distribution has not been worked out. Calculate it first.")
        if any(row.overridden_by_id and not row.override_confirmed_by_id for row in allocations):
            raise OverrideUnconfirmed(
                "A line was overridden; a second person must confirm that before it is submitted."
            )
        locks.lock_account(distribution)
        changes = _changes(distribution, anew=True)
        if changes:
            raise NumbersChanged(
                f"Since this distribution was worked out, {'; '.join(changes)}. Calculate it again.", changes=changes
            )
        drafts.require_available(distribution.escrow_account_id, distribution.total_amount, excluding=distribution.pk)
        receipts.freeze(distribution, at=at)
        reinvestments.plan(distribution, allocations, at=at)
        signed = contents.signed_hash(distribution, submitted_at=at)
        distribution.mark_pending_approval(content_hash=signed, at=at)
        distribution.save()
    return distribution


@garbage.uncollected()
def approve(
    distribution: Distribution, *, approver: User, content_hash: str, at: datetime, note: str = ""
) -> Distribution:
    """
    Sign a distribution's numbers; with the last signature it needs, it may be paid.

    Everything is worked out again under lock. If an investment, the terms or what the offering
    holds has changed, the distribution goes back to DRAFT with its signatures void, and that is
    committed before the refusal is raised: call this outside of other transactions.

    :raises NotPermitted: if the approver may not approve distributions
    :raises NotAwaitingApproval: if it does not wait for approval
    :raises ApproverIsCreator: if the approver created it
    :raises ApproverIsPayee: if the approver is paid by it
    :raises AlreadyApprovedByYou: if the approver has signed these numbers
    :raises NumbersChanged: if the hash is not that of the present numbers, or something changed
    """
    permissions.require(approver, permissions.APPROVE_DISTRIBUTION)
    with audit.acting("distribution.approve", by=approver, reason=note), transaction.atomic():
        distribution = locks.lock(distribution.pk)
        _require_signable(distribution, approver, content_hash)
        changes = changes_under_lock(distribution, anew=True)
        if changes:
            void(distribution)
        else:
            DistributionApproval.objects.create(
                distribution=distribution,
                approver=approver,
                content_hash=content_hash,
                note=note[:300],
                approved_at=at,
            )
            if len(queries.signers(distribution)) >= signatures_needed(distribution.total_amount):
                distribution.mark_approved(at=at)
                distribution.save()
    require_unchanged(distribution, changes)
    return distribution


def cancel(distribution: Distribution, *, by: User, reason: str, at: datetime) -> Distribution:
    """
    Cancel a distribution that is not being paid yet; an approver rejects one like this.

    :raises NotPermitted: unless the person may create or approve distributions
    :raises ReasonMissing: without a reason
    :raises NotCancellable: if it has been executed, or is over
    """
    if not (by.is_active and by.has_perm(permissions.APPROVE_DISTRIBUTION)):
        permissions.require(by, permissions.CREATE_DISTRIBUTION)
    if not reason.strip():
        raise ReasonMissing("Say why; the reason is kept in the audit trail.")
    with audit.acting("distribution.cancel", by=by, reason=reason), transaction.atomic():
        distribution = locks.lock(distribution.pk)
        if Status.CANCELLED not in Distribution.TRANSITIONS[Status(distribution.status)]:
            raise NotCancellable(f"{distribution} is {_is(distribution)} and can no longer be cancelled.")
        pending = distribution.allocations.filter(status=DistributionAllocation.Status.PENDING)
        pending.update(status=DistributionAllocation.Status.CANCELLED, updated_at=at)
        reinvestments.cancel_plans(distribution, at=at)
        distribution.mark_cancelled(by=by, reason=reason.strip()[:300], at=at)
        distribution.save()
        distribution.premiums.update(freed_at=at)
    return distribution


def changes_under_lock(distribution: Distribution, *, anew: bool) -> list[str]:
    """
    Return in words what no longer agrees with the signed numbers, with everything locked.

    The offering holding less than the total counts, after what it has promised otherwise; ``anew`` works
    the waterfall once more (``workings.changes_since``).
    """
    locks.lock_account(distribution)
    assert distribution.submitted_at is not None
    if contents.signed_hash(distribution, submitted_at=distribution.submitted_at) != distribution.content_hash:
        return ["its rows no longer have the hash that was submitted"]
    return [*_changes(distribution, anew=anew), *queries.shortfall(distribution)]


def _changes(distribution: Distribution, *, anew: bool) -> list[str]:
    """Return in words what the numbers rested on and is otherwise now, deductions and all."""
    changes = workings.changes_since(distribution, anew=anew)
    before = distribution.metadata.get("basis", {}).get("deductions")
    payees = entitlements.standing_rows(distribution).values_list("investor_id", flat=True)
    if before and before != deductions.digest(distribution, set(payees)):
        changes.append("a fee rule or a rate of withholding has changed")
    return changes


def void(distribution: Distribution) -> None:
    """Send a submitted distribution back to DRAFT; no signature counts under new numbers."""
    distribution.mark_draft()
    distribution.save()


def require_unchanged(distribution: Distribution, changes: list[str]) -> None:
    """
    Refuse in words if something has changed.

    :raises NumbersChanged: with what has
    """
    if changes:
        raise NumbersChanged(
            f"{distribution} went back to draft and its signatures are void: {'; '.join(changes)}."
            " Calculate and submit it again.",
            changes=changes,
        )


def _require_signable(distribution: Distribution, approver: User, content_hash: str) -> None:
    if distribution.status != Status.PENDING_APPROVAL:
        raise NotAwaitingApproval(f"{distribution} is {_is(distribution)} and does not wait for approval.")
    if approver.pk == distribution.created_by_id:
        raise ApproverIsCreator("You created this distribution; somebody else must approve it.")
    if content_hash != distribution.content_hash:
        raise NumbersChanged("The numbers have changed since you looked at them. Reload the page and check them.")
    if queries.has_signed(distribution, approver):
        raise AlreadyApprovedByYou("You have signed these numbers; a second person must sign them too.")
    if entitlements.pays(distribution, approver.pk):
        raise ApproverIsPayee("This distribution pays you; somebody else must approve it.")


def _require_known(type: str, idempotency_key: str) -> None:
    if type not in Distribution.Type.values:
        raise UnknownType(f"“{type}” is no type of distribution; use one of {', '.join(Distribution.Type.values)}.")
    drafts.require_key(idempotency_key)


def require_draft(distribution: Distribution) -> None:
    """
    Refuse what is done to drafts only.

    :raises NotDraft: with the distribution's status
    """
    if distribution.status != Status.DRAFT:
        raise NotDraft(f"{distribution} is {_is(distribution)}; only a draft is worked out or submitted.")


def _amounts(total_amount: Decimal, platform_fee_amount: Decimal) -> tuple[Decimal, Decimal]:
    amount = money.positive(total_amount)
    fee = money.positive(platform_fee_amount) if platform_fee_amount else ZERO
    if fee >= amount:
        raise FeeTooHigh(f"A fee of {format_money(fee)} leaves nothing of {format_money(amount)} to distribute.")
    return amount, fee


def _is(distribution: Distribution) -> str:
    return str(distribution.get_status_display()).lower()
