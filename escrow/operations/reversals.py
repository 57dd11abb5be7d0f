"""
Reversing a journal entry: one person says why, another approves, and its exact mirror is posted once.

Nothing in the ledger is edited. The mirror has the effective date of what it undoes, so that balances by
effective date are as if it had never been, and those by knowledge still say what we told people
meanwhile. Events that carry a payment's, a closing's or a hold's state are undone by their own
operations, not here.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from escrow import postings
from escrow.models import JournalEntry, JournalReversal
from escrow.operations import escrow_accounts, ledger
from escrow.queries import reversals as query
from realco import audit, permissions
from realco.errors import Duplicate, IllegalTransition, NotPermitted
from realco.models import User

_ONE_LIVING = "journal_reversals_one_living"


class NotReversible(IllegalTransition):
    """The entry cannot be reversed; the message says what to do instead."""


class ReversalNotProposed(IllegalTransition):
    """The reversal was approved or rejected before."""


class ReversalAlreadyProposed(Duplicate):
    """A reversal of this entry waits for approval, or was posted."""


class ApproverIsProposer(NotPermitted):
    """Whoever asked for a reversal cannot be the one who approves it."""


def propose(entry: JournalEntry, *, by: User, reason: str, at: datetime) -> JournalReversal:
    """
    Propose to reverse a journal entry, for a second person to decide. Nothing moves yet.

    :raises NotPermitted: if the person may not propose reversals
    :raises ReasonMissing: if no reason is given
    :raises NotReversible: if its kind, a match with the bank, or an earlier reversal stands against it
    :raises ReversalAlreadyProposed: if somebody else proposed it at the same moment
    """
    permissions.require(by, permissions.PROPOSE_REVERSAL)
    escrow_accounts.require_reason(reason)
    with audit.acting("journal_reversal.propose", by=by, reason=reason), transaction.atomic():
        escrow_accounts.lock(entry.escrow_account_id)
        obstacle = query.obstacle(entry)
        if obstacle:
            raise NotReversible(obstacle)
        reversal = JournalReversal(
            journal_entry=entry, reason=reason.strip(), proposed_by=by, proposed_at=at, created_at=at
        )
        return _insert(reversal)


def approve(reversal: JournalReversal, *, approver: User, at: datetime) -> JournalReversal:
    """
    Approve a reversal and post the exact mirror of its entry.

    :raises NotPermitted: if the person may not approve reversals
    :raises ReversalNotProposed: if it was decided before
    :raises ApproverIsProposer: if they proposed it themselves
    :raises NotReversible: if the entry was matched with the bank, or claimed, since
    :raises InsufficientFunds: if the money it would take back is no longer there
    :raises EscrowNotOpen: if the escrow account is closed
    """
    permissions.require(approver, permissions.APPROVE_REVERSAL)
    with audit.acting("journal_reversal.approve", by=approver), transaction.atomic():
        reversal, entry = _lock(reversal)
        if reversal.proposed_by_id == approver.pk:
            raise ApproverIsProposer("You proposed this reversal; another person has to approve it.")
        obstacle = query.later_obstacle(entry)
        if obstacle:
            raise NotReversible(obstacle)
        reversal.mark_executed(approver=approver, at=at)
        reversal.save()
        ledger.post([_mirror(entry, reversal)], by=approver, at=at)
    return reversal


def reject(reversal: JournalReversal, *, by: User, reason: str, at: datetime) -> JournalReversal:
    """
    Reject a reversal, or take one's own proposal back; nothing was posted.

    :raises NotPermitted: if the person may neither approve reversals nor proposed this one
    :raises ReasonMissing: if no reason is given
    :raises ReversalNotProposed: if it was decided before
    """
    is_own = reversal.proposed_by_id == by.pk
    permissions.require(by, permissions.PROPOSE_REVERSAL if is_own else permissions.APPROVE_REVERSAL)
    escrow_accounts.require_reason(reason)
    with audit.acting("journal_reversal.reject", by=by, reason=reason), transaction.atomic():
        reversal, _ = _lock(reversal)
        reversal.mark_rejected(by=by, reason=reason.strip(), at=at)
        reversal.save()
    return reversal


def _lock(reversal: JournalReversal) -> tuple[JournalReversal, JournalEntry]:
    """Lock the escrow account first, as the ledger does, then the reversal, which must still be undecided."""
    entry = JournalEntry.objects.get(pk=reversal.journal_entry_id)
    escrow_accounts.lock(entry.escrow_account_id)
    reversal = JournalReversal.objects.select_for_update().get(pk=reversal.pk)
    if reversal.status != JournalReversal.Status.PROPOSED:
        raise ReversalNotProposed(
            f"This reversal is {reversal.status.lower()}; it no longer waits for approval.", status=reversal.status
        )
    return reversal, entry


def _insert(reversal: JournalReversal) -> JournalReversal:
    try:
        with transaction.atomic():
            reversal.save(force_insert=True)
    except IntegrityError as error:
        if _ONE_LIVING in str(error):
            raise ReversalAlreadyProposed("A reversal of this entry is proposed or posted already.") from error
        raise
    return reversal


def _mirror(entry: JournalEntry, reversal: JournalReversal) -> postings.Posting:
    lines = {
        (line.ledger_account.kind, line.ledger_account.owner_id): line.amount
        for line in entry.entries.select_related("ledger_account")
    }
    subject = postings.Subject(
        escrow_account_id=entry.escrow_account_id,
        reference=f"reversal:{entry.pk}",
        entry_type=entry.entry_type,
        effective_date=entry.effective_date,
        description=f"Reversal of {entry.reference}: {reversal.reason}"[:300],
        reverses_id=entry.pk,
    )
    return postings.reversal(subject, lines=lines)
