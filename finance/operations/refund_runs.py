"""
Refund runs: proposed by one person, signed by another over exactly the figures shown, then carried out.

Locks are taken in the order of ``locks``: the run, payments, the escrow account, the offering, investments. A worker
that records what a bank says holds a payment when it locks the account, so an account never comes first.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from escrow.models import Closing, EscrowAccount, Investment
from escrow.operations import escrow_accounts, investments
from escrow.operations.ledger import EscrowNotOpen
from finance import refund_clock
from finance.models import RefundItem, RefundRun, RefundRunApproval, Transaction
from finance.operations import locks, transactions
from finance.queries import refund_figures
from finance.queries.refund_figures import Refund
from realco import audit, copying, money, permissions, queue, stopping_points
from realco.business_days import banking_date
from realco.errors import IllegalTransition, NotPermitted, Refusal
from realco.models import Offering, User
from realco.operations import offerings

Status = RefundRun.Status
Cause = RefundRun.Cause
Method = Transaction.Method
CAUSES = {
    Offering.Status.OPEN: Cause.FAILED_RAISE,
    Offering.Status.FAILED: Cause.FAILED_RAISE,
    Offering.Status.CANCELLED: Cause.OFFERING_CANCELLED,
}
RAISE_IS_OVER = "The raise is over; its money goes back to its investors."
COMMITMENT_CANCELLED = "The investor cancelled the commitment."


class OfferingNotOver(IllegalTransition):
    """The offering's money does not go back: it raises, or it has closed."""


class NothingToRefund(Refusal):
    """Nobody has anything in the account that could be given back."""


class RefundRunExists(IllegalTransition):
    """A refund run of this account waits for approval, or is under way."""


class ClosingWaits(IllegalTransition):
    """A closing of this account waits for its signature; money cannot go both ways."""


class RunNotProposed(IllegalTransition):
    """The run was started or cancelled before."""


class ApproverIsProposer(NotPermitted):
    """Whoever proposed a run cannot be one of those who sign it."""


class ApproverIsPaid(NotPermitted):
    """Nobody signs a run that pays themselves."""


class RunSignedByYou(NotPermitted):
    """Two signatures are two people."""


class RefundsChanged(Refusal):
    """What would be given back is no longer what was proposed, or not what the approver saw."""

    code = "INVALID_STATE_TRANSITION"


def propose(account: EscrowAccount, *, by: User, reason: str, at: datetime) -> RefundRun:
    """
    Propose to give back everything that investors paid in, because the raise is over without a closing.

    Nothing moves before another person has signed. It does not matter whether the minimum had cleared: what
    was not closed by the deadline can no longer be released, so it goes back.

    :raises NotPermitted: if the person may not propose refund runs
    :raises ReasonMissing: if no reason is given
    :raises DeadlineAhead: if the offering raises until a later day
    :raises OfferingNotOver: if the offering is a draft, or has closed
    :raises ClosingWaits: if a closing waits to be signed
    :raises RefundRunExists: if a run is proposed or under way
    :raises NothingToRefund: if an offering that was called off has no money
    """
    permissions.require(by, permissions.PROPOSE_REFUND_RUN)
    escrow_accounts.require_reason(reason)
    with audit.acting("refund_run.propose", by=by, reason=reason), transaction.atomic():
        account = escrow_accounts.lock(account.pk)
        offering = Offering.objects.get(pk=account.offering_id)
        _require_over(account, offering, at=at)
        refunds = refund_figures.owed(account)
        if not refunds and offering.status != Offering.Status.OPEN:
            raise NothingToRefund(f"{account} holds nothing that could be given back.")
        since = banking_date(offering.deadline_at if _has_failed(offering) else at)
        return _insert(_new(account, CAUSES[Offering.Status(offering.status)], refunds, by=by, since=since, at=at,
                            reason=reason))  # fmt: skip


def approve(run: RefundRun, *, approver: User, content_hash: str, at: datetime, note: str = "") -> RefundRun:
    """
    Sign a run's figures; with the last signature it starts.

    The offering has FAILED then, only refunds leave its escrow account, what was not yet collected never
    is, commitments end, and every refund is written down. A worker pays them; nobody waits for it here.

    :raises NotPermitted: if the approver may not approve refund runs
    :raises RunNotProposed: if it was started or cancelled before
    :raises ApproverIsProposer: if they proposed it themselves
    :raises ApproverIsPaid: if it gives them money back
    :raises RunSignedByYou: if they have signed it before
    :raises RefundsChanged: if the figures are not those that were proposed, or not those they saw
    :raises ClosingWaits: if a closing waits to be signed
    :raises EscrowNotOpen: if the escrow account is frozen or closed
    """
    permissions.require(approver, permissions.APPROVE_REFUND_RUN)
    with audit.acting("refund_run.approve", by=approver, reason=note), transaction.atomic():
        run = lock(run.pk)
        _require_signable(run, approver, content_hash)
        deposits = Transaction.objects.filter(escrow_account=run.escrow_account_id, type__in=refund_figures.GIVEN_BACK)
        locks.payments(deposits)
        locks.unsent(deposits)
        account = escrow_accounts.lock(run.escrow_account_id)
        offering = Offering.objects.select_for_update(no_key=True).get(pk=account.offering_id)
        _require_over(account, offering, at=at)
        refunds = refund_figures.owed(account)
        _require_unchanged(run, refunds)
        RefundRunApproval.objects.create(
            run=run, approver=approver, content_hash=content_hash, approved_at=at, note=note[:300]
        )
        if run.approvals.count() >= run.signatures_needed:
            if _has_failed(offering):
                offerings.fail(offering, at=at)
            escrow_accounts.begin_refunds(account)
            _start(run, refunds, unsent=deposits, reason=RAISE_IS_OVER, at=at)
            investments.cancel_all(offering, at=at)
        stopping_points.reach("refund_run.approve.before_commit")
    return run


def cancel(run: RefundRun, *, by: User, reason: str, at: datetime) -> RefundRun:
    """
    Cancel a proposed run: its proposer takes it back, or an approver refuses it.

    :raises NotPermitted: if the person may neither propose nor approve refund runs
    :raises ReasonMissing: if no reason is given
    :raises RunNotProposed: if it was started or cancelled before
    """
    may_approve = by.is_active and by.has_perm(permissions.APPROVE_REFUND_RUN)
    permissions.require(by, permissions.APPROVE_REFUND_RUN if may_approve else permissions.PROPOSE_REFUND_RUN)
    escrow_accounts.require_reason(reason)
    with audit.acting("refund_run.cancel", by=by, reason=reason), transaction.atomic():
        run = lock(run.pk)
        _require_proposed(run)
        run.mark_cancelled(reason=reason.strip(), at=at)
        run.save()
    return run


def cancel_commitment(investment: Investment, *, by: User, reason: str, at: datetime) -> RefundRun | None:
    """
    Withdraw an investor's commitment and give back what they paid in for it; None if there was nothing.

    No approver is asked, because the money goes to its owner's account that it came from; a single payment
    above $50,000 waits for its two approvers as every outbound one does. The fees are given back too.

    :raises NotPermitted: if it is somebody else's, and the person may not initiate payments
    :raises ReasonMissing: if no reason is given
    :raises InvestmentNotPending: if money was released for it, or it was cancelled before
    :raises Refusal: whatever else ``investments.cancel`` refuses, such as an hour too late
    """
    account = EscrowAccount.objects.filter(offering=investment.offering_id).first()
    if account is None:
        investments.cancel(investment, by=by, reason=reason, at=at)
        return None
    investor_id = investment.investor_id
    with audit.acting("refund_run.cancel_commitment", by=by, reason=reason), transaction.atomic():
        deposits = Transaction.objects.filter(
            escrow_account=account, type__in=refund_figures.GIVEN_BACK, from_user_id=investor_id
        )
        locks.payments(deposits)
        locks.unsent(deposits)
        account = escrow_accounts.lock(account.pk)
        investments.cancel(investment, by=by, reason=reason, at=at)
        transactions.cancel_unsent(deposits, reason=COMMITMENT_CANCELLED, at=at)
        refunds = refund_figures.owed(account, investor_id=investor_id)
        if not refunds:
            return None
        run = _new(account, Cause.INVESTOR_CANCELLED, refunds, by=by, since=banking_date(at), at=at, reason=reason)
        run.save(force_insert=True)
        _start(run, refunds, unsent=deposits, reason=COMMITMENT_CANCELLED, at=at)
    return run


def lock(run_id: UUID) -> RefundRun:
    """Return the run as it is now, locked until the transaction ends."""
    return (
        RefundRun.objects.select_for_update(of=("self",), no_key=True)
        .select_related("offering", "escrow_account", "proposed_by")
        .get(pk=run_id)
    )


def add_items(run: RefundRun, refunds: Sequence[Refund], *, at: datetime) -> list[RefundItem]:
    """
    Write down what a running run gives back; called inside a transaction that has locked the run.

    What has cleared is due at once, the rest waits.
    """
    items = [_item(run, refund, at=at) for refund in refunds]
    copying.insert(RefundItem, items)
    due = [item for item, refund in zip(items, refunds, strict=True) if refund.is_cleared]
    for item in due:
        item.mark_due(promised_by=run.promised_by)
    copying.update(due, ["status", "promised_by"])
    return items


def _start(
    run: RefundRun, refunds: Sequence[Refund], *, unsent: QuerySet[Transaction], reason: str, at: datetime
) -> None:
    """Start a run: what the bank does not have yet is not collected, the rest becomes items, and a worker is woken."""
    run.mark_running(at=at)
    run.save()
    transactions.cancel_unsent(unsent, reason=reason, at=at)
    add_items(run, refunds, at=at)
    queue.enqueue("finance.resume_refund_run", run_id=run.pk)


def _item(run: RefundRun, refund: Refund, *, at: datetime) -> RefundItem:
    """Build an item: back by the way it came, by check where no bank account of the payer's is known."""
    deposit = refund.deposit
    goes_back = deposit is not None and deposit.from_bank_account_id is not None
    by_wire = deposit is not None and deposit.payment_method == Method.WIRE
    method = Method.CHECK if not goes_back else Method.WIRE if by_wire else Method.ACH
    return RefundItem(
        run=run,
        investor_id=refund.investor_id,
        deposit=deposit,
        amount=refund.amount,
        fee_amount=refund.fee,
        method=method,
        bank_account_id=deposit.from_bank_account_id if deposit is not None else None,
        created_at=at,
    )


def _new(
    account: EscrowAccount,
    cause: str,
    refunds: Sequence[Refund],
    *,
    by: User,
    since: date,
    at: datetime,
    reason: str,
) -> RefundRun:
    figures = refund_figures.as_json(refunds)
    return RefundRun(
        escrow_account=account,
        offering_id=account.offering_id,
        cause=cause,
        reason=reason.strip(),
        total_amount=sum((refund.amount for refund in refunds), money.ZERO),
        largest_amount=max((refund.amount for refund in refunds), default=money.ZERO),
        figures=figures,
        content_hash=refund_figures.content_hash(account.pk, cause, figures),
        promised_by=refund_clock.promised_by(since),
        proposed_by=by,
        proposed_at=at,
        created_at=at,
    )


def _insert(run: RefundRun) -> RefundRun:
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError as error:
        if "refund_runs_one_open" in str(error):
            raise RefundRunExists("A refund run of this account waits for approval, or is under way.") from error
        raise
    return run


def _has_failed(offering: Offering) -> bool:
    return offering.status in (Offering.Status.OPEN, Offering.Status.FAILED)


def _require_over(account: EscrowAccount, offering: Offering, *, at: datetime) -> None:
    """Refuse while the offering may still have its closing, or has had it."""
    if offering.status not in CAUSES:
        raise OfferingNotOver(
            f"{offering} is {offering.get_status_display().lower()}; only a raise that has failed or was called off "
            "gives its money back.",
            status=offering.status,
        )
    if _has_failed(offering) and at < offering.deadline_at:
        raise offerings.DeadlineAhead(
            f"{offering} takes investments until {offering.deadline_at:%d %B %Y, %H:%M} UTC; it has not failed yet."
        )
    if account.status in (EscrowAccount.Status.FROZEN, EscrowAccount.Status.CLOSED):
        raise EscrowNotOpen(f"{account} is {account.status.lower()}; nothing is given back from it.")
    if account.closings.filter(status=Closing.Status.PROPOSED).exists():
        raise ClosingWaits("A closing of this account waits for its signature; sign or cancel it first.")


def _require_proposed(run: RefundRun) -> None:
    if run.status != Status.PROPOSED:
        raise RunNotProposed(f"This refund run is {run.get_status_display().lower()}; it no longer waits for approval.")


def _require_signable(run: RefundRun, approver: User, content_hash: str) -> None:
    _require_proposed(run)
    if run.proposed_by_id == approver.pk:
        raise ApproverIsProposer("You proposed this refund run; another person has to approve it.")
    if any(investor == str(approver.pk) for _, investor, _ in run.figures):
        raise ApproverIsPaid("This refund run gives money back to you; another person has to approve it.")
    if run.approvals.filter(approver=approver).exists():
        raise RunSignedByYou("You have signed this refund run; a second person must sign it too.")
    if content_hash != run.content_hash:
        raise RefundsChanged("The hash is not that of the figures proposed. Look at them again, and sign what you see.")


def _require_unchanged(run: RefundRun, refunds: Sequence[Refund]) -> None:
    now = refund_figures.as_json(refunds)
    if now == run.figures:
        return
    before, after = ({tuple(row) for row in rows} for rows in (run.figures, now))
    changed = sorted({row[1] for row in before ^ after})
    names = [str(user) for user in User.objects.filter(pk__in=changed[:5])]
    more = f" and {len(changed) - len(names)} more" if len(changed) > len(names) else ""
    raise RefundsChanged(
        f"The figures have changed since they were proposed: {', '.join(names)}{more}. "
        "Cancel this refund run and propose it again.",
        changed=changed,
    )
