"""What about bank lines needs two people: proposed by one, signed or turned down by another."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from escrow.models import BankMatch, BankProposal, BankStatementLine, EscrowAccount
from escrow.operations import bank_matches, escrow_accounts, receipts
from realco import audit, permissions
from realco.errors import IllegalTransition, Refusal
from realco.models import User
from realco.money import ZERO

Kind = BankProposal.Kind


class ProposedBefore(IllegalTransition):
    """The same is proposed already and waits for its second person."""


class NotWaiting(IllegalTransition):
    """The proposal was decided already."""


class ApproverProposed(Refusal):
    """The person proposed this; another has to sign it."""


class OwnMoney(Refusal):
    """The money would go to the person who proposes or signs it."""


def match_or_propose(
    account: EscrowAccount,
    *,
    line_ids: Collection[UUID],
    entry_ids: Collection[UUID],
    reason: str,
    by: User,
    at: datetime,
) -> BankMatch | BankProposal:
    """
    Match lines with entries if one person may do it alone, else propose it to a second one.

    :raises NotPermitted: if the person may not reconcile
    :raises NotToBeMatched: if something is not there or not of this account
    :raises AlreadyMatched: if one of them is matched
    :raises UnequalSides: if the amounts differ
    :raises ReasonMissing: if a second person is needed and no reason is given
    :raises ProposedBefore: if the same is proposed already
    """
    permissions.require(by, permissions.RECONCILE)
    with audit.acting("bank_match.match", by=by, reason=reason), transaction.atomic():
        account = escrow_accounts.lock(account.pk)
        judged = bank_matches.judge(account, line_ids=line_ids, entry_ids=entry_ids)
        if not bank_matches.needs_second_person(judged):
            return bank_matches.make(account, judged=judged, reason=reason, by=by, approved_by=None, at=at)
        if not reason.strip():
            raise bank_matches.NeedsSecondPerson(
                f"{judged.reason} A second person has to sign this match. Say why it is right, and match again."
            )
        escrow_accounts.require_reason(reason)
        lines = BankStatementLine.objects.filter(pk__in=judged.line_ids)
        return _propose(
            BankProposal(
                escrow_account=account,
                kind=Kind.MANUAL_MATCH,
                amount=abs(sum((line.amount for line in lines), ZERO)),
                line_ids=[str(key) for key in judged.line_ids],
                entry_ids=[str(key) for key in judged.entry_ids],
            ),
            reason=reason, by=by, at=at,
        )  # fmt: skip


def propose_fee(line: BankStatementLine, *, source: str, reason: str, by: User, at: datetime) -> BankProposal:
    """
    Propose that what the bank took with a line is its fee, borne by FEES or OFFERING.

    :raises NotPermitted: if the person may not reconcile
    :raises ReasonMissing: if no reason is given
    :raises AlreadyMatched: if the line is explained already
    :raises NotAFee: if money came in with the line
    :raises ProposedBefore: if the same is proposed already
    """
    permissions.require(by, permissions.RECONCILE)
    escrow_accounts.require_reason(reason)
    with audit.acting("bank_line.propose_fee", by=by, reason=reason), transaction.atomic():
        receipts.require_fee(line)
        proposal = BankProposal(
            escrow_account_id=line.escrow_account_id, kind=Kind.BANK_FEE, line=line, amount=-line.amount, source=source
        )
        return _propose(proposal, reason=reason, by=by, at=at)


def propose_claim(
    line: BankStatementLine, *, investor: User, amount: Decimal, reason: str, by: User, at: datetime
) -> BankProposal:
    """
    Propose that an unknown receipt, or a part of it, is an investor's; several can be given their parts.

    :raises NotPermitted: if the person may not reconcile
    :raises ReasonMissing: if no reason is given
    :raises OwnMoney: if it would be the proposer's own
    :raises NotAReceipt: if the line does not wait in suspense
    :raises MoreThanWaits: if less than the amount waits of it
    :raises ProposedBefore: if the same is proposed already
    """
    permissions.require(by, permissions.RECONCILE)
    escrow_accounts.require_reason(reason)
    _refuse_own(investor, by)
    with audit.acting("bank_line.propose_claim", by=by, reason=reason), transaction.atomic():
        receipts.require_waiting(line, amount)
        proposal = BankProposal(
            escrow_account_id=line.escrow_account_id,
            kind=Kind.RECEIPT_CLAIM,
            line=line,
            investor=investor,
            amount=amount,
        )
        return _propose(proposal, reason=reason, by=by, at=at)


def approve(proposal: BankProposal, *, approver: User, reason: str = "", at: datetime) -> BankProposal:
    """
    Sign a proposal as the second person, and do what it proposes, on the figures as they are now.

    :raises NotPermitted: if the person may not sign proposals
    :raises ApproverProposed: if they proposed it
    :raises OwnMoney: if the money would be theirs
    :raises NotWaiting: if it was decided already
    :raises Refusal: whatever stands against doing it now
    """
    permissions.require(approver, permissions.APPROVE_BANK_PROPOSAL)
    with audit.acting("bank_proposal.approve", by=approver, reason=reason), transaction.atomic():
        proposal = _lock_waiting(proposal)
        if proposal.proposed_by_id == approver.pk:
            raise ApproverProposed("You proposed this; another person has to sign it.")
        if proposal.investor is not None:
            _refuse_own(proposal.investor, approver)
        # Approved first: the database posts a claim or a fee only for an approved proposal.
        proposal.mark_approved(by=approver, reason=reason.strip(), at=at)
        proposal.save()
        proposal.match, proposal.journal_entry_id = _do(proposal, approver=approver, at=at)
        proposal.save(update_fields=["match", "journal_entry"])
    return proposal


def reject(proposal: BankProposal, *, by: User, reason: str, at: datetime) -> BankProposal:
    """
    Turn a proposal down, or take back one's own; nothing else happens.

    :raises NotPermitted: if it is somebody else's and the person may not sign proposals
    :raises ReasonMissing: if no reason is given
    :raises NotWaiting: if it was decided already
    """
    if proposal.proposed_by_id != by.pk:
        permissions.require(by, permissions.APPROVE_BANK_PROPOSAL)
    escrow_accounts.require_reason(reason)
    with audit.acting("bank_proposal.reject", by=by, reason=reason), transaction.atomic():
        proposal = _lock_waiting(proposal)
        proposal.mark_rejected(by=by, reason=reason.strip(), at=at)
        proposal.save()
    return proposal


def _propose(proposal: BankProposal, *, reason: str, by: User, at: datetime) -> BankProposal:
    same = BankProposal.objects.filter(
        status=BankProposal.Status.PROPOSED, escrow_account_id=proposal.escrow_account_id, kind=proposal.kind,
        line_id=proposal.line_id, line_ids=proposal.line_ids, entry_ids=proposal.entry_ids,
    )  # fmt: skip
    if proposal.kind == Kind.RECEIPT_CLAIM:
        same = same.filter(investor_id=proposal.investor_id)
    if same.exists():
        raise ProposedBefore("This is proposed already and waits for a second person.")
    proposal.reason, proposal.proposed_by, proposal.proposed_at = reason.strip(), by, at
    proposal.save()
    return proposal


def _do(proposal: BankProposal, *, approver: User, at: datetime) -> tuple[BankMatch | None, UUID | None]:
    """Do what is proposed, and return the match and the journal entry it made."""
    proposer = proposal.proposed_by
    if proposal.kind == Kind.MANUAL_MATCH:
        judged = bank_matches.judge(
            proposal.escrow_account,
            line_ids=[UUID(key) for key in proposal.line_ids],
            entry_ids=[UUID(key) for key in proposal.entry_ids],
        )
        made = bank_matches.make(
            proposal.escrow_account, judged=judged, reason=proposal.reason, by=proposer, approved_by=approver, at=at
        )
        return made, None
    assert proposal.line is not None
    if proposal.kind == Kind.BANK_FEE:
        fee = receipts.write_off(
            proposal.line, source=proposal.source, reason=proposal.reason, proposal_id=proposal.pk,
            by=proposer, approved_by=approver, at=at,
        )  # fmt: skip
        return fee, fee.match_entries.get().entry.journal_entry_id
    assert proposal.investor is not None
    posted = receipts.give(
        proposal.line, investor=proposal.investor, amount=proposal.amount, proposal_id=proposal.pk, by=approver, at=at
    )
    return None, posted.journal_entry_id


def _lock_waiting(proposal: BankProposal) -> BankProposal:
    escrow_accounts.lock(proposal.escrow_account_id)
    rows = BankProposal.objects.select_for_update(of=("self",)).select_related(
        "escrow_account", "line", "investor", "proposed_by"
    )
    found = rows.get(pk=proposal.pk)
    if found.status != BankProposal.Status.PROPOSED:
        raise NotWaiting("This proposal was decided already.")
    return found


def _refuse_own(investor: User, person: User) -> None:
    if investor.pk == person.pk:
        raise OwnMoney("The money would be your own; somebody else has to do this.")
