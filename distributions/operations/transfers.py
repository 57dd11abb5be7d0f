"""
Transfers of an investment from one investor to another, whole or in part.

One person proposes, another approves; then the part of the commitment and of the capital paid in is
the buyer's from the effective date on. What earlier distributions paid stays with the seller, and so
do their receipts; the waterfall is told of the transfer, so that what the seller's capital has earned
and was not paid yet is the buyer's.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal

from django.db import IntegrityError, transaction

from compliance.models import InvestorProfile
from compliance.operations import screening
from compliance.queries import limits, standing
from distributions.models import CapitalCallItem, Distribution, InvestmentTransfer
from distributions.queries.histories import COUNTED
from escrow.models import EscrowLedgerEntry, Investment, JournalEntry
from escrow.operations import closings, ledger
from escrow.operations.escrow_accounts import require_reason
from finance.queries import totals
from realco import audit, events, permissions
from realco.business_days import banking_date
from realco.errors import IllegalTransition, NotPermitted, Refusal
from realco.models import Offering, User
from realco.money import CENT, ZERO, format_money, to_json

Status = InvestmentTransfer.Status
_FINEST = Decimal("0.0000000001")


class NotTransferable(IllegalTransition):
    """The investment is not active, owes a capital call, or is being transferred already."""


class UnworkableTransfer(Refusal):
    """The part, the buyer, the day or the documents make no sense; the message says which."""


class PartyNotEligible(Refusal):
    """We may not deal with the seller or the buyer now."""

    code = "COMPLIANCE_ERROR"


class AboveBuyersLimit(Refusal):
    """The part is more than its buyer may invest in twelve months (17 CFR 227.100(a)(2))."""

    code = "TRANSACTION_LIMIT_EXCEEDED"


class TransferNotProposed(IllegalTransition):
    """The transfer was executed or cancelled before."""


class ApproverIsProposer(NotPermitted):
    """Whoever proposed a transfer cannot approve it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a part of an investment comes to, US dollars, each rounded down to the cent."""

    committed: Decimal
    funded: Decimal
    returned: Decimal
    owed: Decimal


def propose(
    investment: Investment,
    *,
    buyer: User,
    part: Decimal,
    effective_date: date,
    document_reference: str,
    by: User,
    at: datetime,
) -> InvestmentTransfer:
    """
    Propose that a part of an investment, a fraction up to 1, becomes somebody else's from a day on.

    :raises NotPermitted: if the person may not propose transfers
    :raises UnworkableTransfer: if the part, the buyer, the day or the documents make no sense
    :raises NotTransferable: if the investment is not active, owes a call or is being transferred already
    :raises PartyNotEligible: if we may not deal with the seller or the buyer now
    :raises AboveBuyersLimit: if it is more than the buyer may invest under Regulation Crowdfunding
    """
    permissions.require(by, permissions.PROPOSE_TRANSFER)
    _require_workable(part, document_reference)
    screening.screen_again([investment.investor_id, buyer.pk], at=at)
    with audit.acting("transfer.propose", by=by), transaction.atomic():
        Offering.objects.select_for_update(no_key=True).get(pk=investment.offering_id)
        investment = Investment.objects.select_for_update().get(pk=investment.pk)
        _require_transferable(investment, buyer, part, effective_date, at=at)
        try:
            with transaction.atomic():
                return InvestmentTransfer.objects.create(
                    offering_id=investment.offering_id,
                    seller_investment=investment,
                    buyer=buyer,
                    part=part,
                    effective_date=effective_date,
                    document_reference=document_reference.strip(),
                    proposed_by=by,
                    proposed_at=at,
                    created_at=at,
                )
        except IntegrityError as error:
            raise NotTransferable("A transfer of this investment waits for approval.") from error


def approve(transfer: InvestmentTransfer, *, approver: User, at: datetime) -> InvestmentTransfer:
    """
    Approve a transfer, which executes it: commitment and capital move, and everybody's share is worked out anew.

    :raises NotPermitted: if the person may not approve transfers
    :raises TransferNotProposed: if it was executed or cancelled before
    :raises ApproverIsProposer: if they proposed it
    :raises Refusal: what ``propose`` refuses, as things stand now
    """
    permissions.require(approver, permissions.APPROVE_TRANSFER)
    screening.screen_again([transfer.seller_investment.investor_id, transfer.buyer_id], at=at)
    with audit.acting("transfer.approve", by=approver), transaction.atomic():
        # A deposit locks its investor too: what is bought and what is paid in do not share one limit.
        User.objects.select_for_update(no_key=True).get(pk=transfer.buyer_id)
        offering = Offering.objects.select_for_update(no_key=True).get(pk=transfer.offering_id)
        living = closings.lock_investments(offering)
        transfer = _lock_proposed(transfer)
        if transfer.proposed_by_id == approver.pk:
            raise ApproverIsProposer("You proposed this transfer; somebody else has to approve it.")
        seller = next((row for row in living if row.pk == transfer.seller_investment_id), None)
        if seller is None:
            raise NotTransferable("This investment was cancelled.")
        _require_transferable(seller, transfer.buyer, transfer.part, transfer.effective_date, at=at)
        moved = what_moves(seller, transfer.part)
        if not moved.funded:
            raise UnworkableTransfer("That part of the investment is less than a cent.")
        buyer = next((row for row in living if row.investor_id == transfer.buyer_id), None)
        with ledger.refusing():
            _move(transfer, seller, buyer, moved, living, approver=approver, at=at)
        events.publish("distributions.investment.transferred", transfer_id=transfer.pk)
    return transfer


def cancel(transfer: InvestmentTransfer, *, by: User, reason: str, at: datetime) -> InvestmentTransfer:
    """
    Cancel a proposed transfer; nothing has moved.

    :raises NotPermitted: if the person may neither propose nor approve transfers
    :raises ReasonMissing: if no reason is given
    :raises TransferNotProposed: if it was executed or cancelled before
    """
    may_approve = by.is_active and by.has_perm(permissions.APPROVE_TRANSFER)
    permissions.require(by, permissions.APPROVE_TRANSFER if may_approve else permissions.PROPOSE_TRANSFER)
    require_reason(reason)
    with audit.acting("transfer.cancel", by=by, reason=reason), transaction.atomic():
        transfer = _lock_proposed(transfer)
        transfer.mark_cancelled(reason=reason.strip(), at=at)
        transfer.save()
    return transfer


def what_moves(investment: Investment, part: Decimal) -> Moved:
    """Return what a part of an investment comes to now: as the waterfall rounds it, down to the cent."""
    funded, unreturned = _down(investment.funded_amount * part), _down(investment.current_balance * part)
    return Moved(
        committed=_down(investment.investment_amount * part),
        funded=funded,
        returned=funded - unreturned,
        owed=_down(investment.preferred_return_owed * part),
    )


def _require_workable(part: Decimal, document_reference: str) -> None:
    if not part.is_finite() or not 0 < part <= 1 or part != part.quantize(_FINEST):
        raise UnworkableTransfer("A part is a fraction above 0 and up to 1, with ten decimals at most: 0.25, or 1.")
    if not document_reference.strip():
        raise UnworkableTransfer("Name the documents that were signed, so that they can be found again.")


def _require_transferable(
    investment: Investment, buyer: User, part: Decimal, effective_date: date, *, at: datetime
) -> None:
    if investment.status != Investment.Status.ACTIVE:
        raise NotTransferable(f"This investment is {investment.get_status_display().lower()}.")
    if CapitalCallItem.objects.filter(investment=investment, status=CapitalCallItem.Status.OPEN).exists():
        raise NotTransferable("It owes a capital call; have that paid, excused or cancelled first.")
    if buyer.pk == investment.investor_id:
        raise UnworkableTransfer("Nobody transfers an investment to themselves.")
    theirs = Investment.objects.filter(offering_id=investment.offering_id, investor=buyer)
    if theirs.filter(status=Investment.Status.COMPLETED).exists():
        raise UnworkableTransfer(f"{buyer} had an investment here that is completed; it cannot grow again.")
    held = theirs.exclude(status=Investment.Status.CANCELLED).first()
    if held is not None and held.class_name != investment.class_name:
        raise UnworkableTransfer(f"{buyer} belongs to another class of investors; an investment keeps its terms.")
    _require_day(investment, effective_date, at=at)
    _require_allowed(investment, buyer, part, at=at)
    against = standing.obstacles([investment.investor_id, buyer.pk], at=at)
    if against:
        raise PartyNotEligible(" ".join(one.obstacle for one in against))


def _require_allowed(investment: Investment, buyer: User, part: Decimal, *, at: datetime) -> None:
    """
    Refuse a part that is over what its buyer may invest under Regulation Crowdfunding in twelve months.

    The capital that changes hands counts like money paid in, and so does what they bought in the twelve months before.
    """
    offering = Offering.objects.get(pk=investment.offering_id)
    if offering.exemption != Offering.Exemption.REG_CF:
        return
    profile = InvestorProfile.objects.filter(user=buyer).first()
    used = totals.deposited_by([buyer.pk], at=at)[buyer.pk].invested_12_months
    amount = what_moves(investment, part).funded
    measure = limits.crowdfunding(profile, used, on=banking_date(at))
    if measure is not None and measure.is_exceeded_by(amount):
        raise AboveBuyersLimit(
            f"{buyer} may invest {format_money(measure.room)} more under Regulation Crowdfunding in these twelve"
            f" months; this part is {format_money(amount)}. Transfer a smaller part.",
            limit=to_json(measure.limit or ZERO),
            used=to_json(used),
            asked=to_json(amount),
        )


def _require_day(investment: Investment, effective_date: date, *, at: datetime) -> None:
    """Let a transfer count from a day after all that was distributed or paid in: what was done stands."""
    if effective_date > banking_date(at):
        raise UnworkableTransfer("A transfer takes effect today or earlier; propose it when the day has come.")
    latest = (
        Distribution.objects.filter(
            offering_id=investment.offering_id, status__in=COUNTED, nature=Distribution.Nature.WATERFALL
        )
        .order_by("-as_of_date")
        .values_list("as_of_date", flat=True)
        .first()
    )
    if latest is not None and effective_date <= latest:
        raise UnworkableTransfer(f"A distribution was made as of {latest}; a transfer counts from a later day.")
    paid_in = EscrowLedgerEntry.objects.filter(
        escrow_account__offering_id=investment.offering_id,
        journal_entry__event=JournalEntry.Event.RELEASE,
        ledger_account__owner_id=investment.investor_id,
        effective_date__gt=effective_date,
    )
    if paid_in.exists():
        raise UnworkableTransfer("Capital was paid in after that day; a transfer counts from then on.")
    earlier = InvestmentTransfer.objects.filter(offering_id=investment.offering_id, status=Status.EXECUTED)
    if earlier.filter(effective_date__gt=effective_date).exists():
        raise UnworkableTransfer("An investment of this offering changed hands later than that; choose a later day.")


def _lock_proposed(transfer: InvestmentTransfer) -> InvestmentTransfer:
    transfer = InvestmentTransfer.objects.select_for_update(of=("self",)).select_related("buyer").get(pk=transfer.pk)
    if transfer.status != Status.PROPOSED:
        raise TransferNotProposed(f"This transfer is {transfer.get_status_display().lower()}.", status=transfer.status)
    return transfer


def _move(
    transfer: InvestmentTransfer,
    seller: Investment,
    buyer: Investment | None,
    moved: Moved,
    living: list[Investment],
    *,
    approver: User,
    at: datetime,
) -> None:
    """
    Write the transfer down and move what it moves, in the order that the database's rules ask for.

    The transfer comes first, because it says what may change; the seller's commitment is lowered before
    the buyer's is raised, so that together they never promise more than the offering may raise.
    """
    is_new = buyer is None
    buyer = buyer or Investment(
        investor=transfer.buyer,
        offering_id=transfer.offering_id,
        preferred_return_rate=seller.preferred_return_rate,
        class_name=seller.class_name,
        investment_amount=ZERO,
        created_at=at,
    )
    transfer.buyer_investment_id = buyer.pk
    transfer.committed_amount, transfer.funded_amount = moved.committed, moved.funded
    transfer.returned_amount = moved.returned
    transfer.mark_executed(approver=approver, at=at)
    transfer.save()
    _add(seller, moved, sign=-1, at=at)
    if not seller.investment_amount:
        seller.mark_completed(at=at)
    seller.save()
    if is_new:
        buyer.investment_amount, buyer.committed_at = moved.committed, at
        buyer.save(force_insert=True)
        buyer.investment_amount = ZERO
        living.append(buyer)
    _add(buyer, moved, sign=1, at=at)
    if buyer.status == Investment.Status.PENDING:
        buyer.mark_active(at=at)
    also = ["investment_amount", "committed_at", "returned_capital", "preferred_return_owed"]
    closings.save_funded(sorted(living, key=lambda row: row.pk), at=at, also=also)


def _add(investment: Investment, moved: Moved, *, sign: int, at: datetime) -> None:
    investment.investment_amount += sign * moved.committed
    investment.committed_at = max(investment.committed_at or at, at)
    investment.funded_amount += sign * moved.funded
    investment.returned_capital += sign * moved.returned
    investment.current_balance = investment.funded_amount - investment.returned_capital
    investment.preferred_return_owed += sign * moved.owed


def _down(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_DOWN)
