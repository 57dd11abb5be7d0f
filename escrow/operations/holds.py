"""
Holds: blocking part of an investor's cleared money, and freeing it, in whole, in part or when its time is over.

The row comes first, then the journal entry that names it; the database compares the two at commit.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from escrow import postings
from escrow.models import EscrowAccount, Hold, LedgerAccount, LedgerEntryType
from escrow.operations import escrow_accounts, ledger
from realco import audit, money, permissions
from realco.business_days import banking_date
from realco.errors import Duplicate, IllegalTransition, Refusal
from realco.models import User

Kind = LedgerAccount.Kind
OF_MOVEMENTS = "movement:"
"""How references of holds begin that keep money from leaving while a bank is asked to move it back."""


class HoldNotOpen(IllegalTransition):
    """The hold was released or has expired; it blocks nothing any more."""


class HoldOfMovement(IllegalTransition):
    """The bank is being asked for the money; the hold is freed with its answer."""


class MoreThanHeld(Refusal):
    """A hold frees no more than it still blocks."""

    code = "INSUFFICIENT_FUNDS"


class ExpiryInThePast(Refusal):
    """A hold that is over before it begins holds nothing."""


class HoldReferenceReused(Duplicate):
    """The reference was used for another hold."""


def place(
    account: EscrowAccount,
    *,
    investor: User,
    amount: Decimal,
    reason: str,
    by: User | None,
    at: datetime,
    reference: str,
    expires_at: datetime | None = None,
) -> Hold:
    """
    Block part of an investor's cleared money: INVESTOR to HELD, so that nothing else can use it.

    The same reference holds once and gives the same hold again. ``by`` is nobody when a rule of the
    system does it. From ``expires_at`` on the next sweep frees what is still blocked.

    :raises NotPermitted: if the person may not hold money
    :raises ReasonMissing: if no reason is given
    :raises ExpiryInThePast: if it would be over already
    :raises HoldReferenceReused: if the reference stands for another hold
    :raises InsufficientFunds: if the investor has less cleared money than this
    """
    if by is not None:
        permissions.require(by, permissions.HOLD_PAYMENT)
    escrow_accounts.require_reason(reason)
    amount = money.positive(amount)
    if expires_at is not None and expires_at <= at:
        raise ExpiryInThePast("Let the hold end in the future, or give it no end.")
    with audit.acting("hold.place", by=by, reason=reason), transaction.atomic():
        escrow_accounts.lock(account.pk)
        earlier = Hold.objects.filter(reference=reference).first()
        if earlier is not None:
            return _same(earlier, account, investor, amount)
        hold = Hold.objects.create(
            escrow_account=account,
            investor=investor,
            amount=amount,
            reason=reason.strip(),
            reference=reference,
            placed_by=by,
            placed_at=at,
            expires_at=expires_at,
            created_at=at,
        )
        posting = postings.held(_subject(hold, f"hold:{hold.pk}", hold.reason, at), source=_source(hold), amount=amount)
        ledger.post([posting], by=by, at=at)
    return hold


def release(hold: Hold, *, by: User | None, reason: str, at: datetime, amount: Decimal | None = None) -> Hold:
    """
    Free what a hold still blocks, or part of it: HELD back to INVESTOR.

    :raises NotPermitted: if the person may not hold money
    :raises ReasonMissing: if no reason is given
    :raises HoldNotOpen: if it was released or has expired
    :raises HoldOfMovement: if a person would free what a bank is being asked to move back
    :raises MoreThanHeld: if it blocks less than the amount
    """
    if by is not None:
        permissions.require(by, permissions.HOLD_PAYMENT)
        if hold.reference.startswith(OF_MOVEMENTS):
            raise HoldOfMovement("This money is being moved back; its hold ends by itself when the bank has answered.")
    escrow_accounts.require_reason(reason)
    amount = None if amount is None else money.positive(amount)
    with audit.acting("hold.release", by=by, reason=reason), transaction.atomic():
        hold = _lock(hold)
        if hold.status != Hold.Status.OPEN:
            raise HoldNotOpen(f"This hold is {hold.status.lower()}; it blocks nothing any more.", status=hold.status)
        freed = hold.left if amount is None else amount
        if freed > hold.left:
            raise MoreThanHeld(
                f"This hold blocks {money.format_money(hold.left)}; release that or less.",
                left=money.to_json(hold.left),
            )
        hold.released_amount += freed
        if not hold.left:
            hold.mark_released(at=at)
        _free(hold, freed, by=by, reason=reason, at=at)
    return hold


def expire(hold_id: UUID, *, at: datetime) -> bool:
    """Free what a hold blocks if its time is over, and say whether it was so; once, however often it is asked."""
    with audit.acting("hold.expire"), transaction.atomic():
        hold = _lock(Hold.objects.get(pk=hold_id))
        if not hold.is_due(at):
            return False
        freed = hold.left
        hold.released_amount = hold.amount
        hold.mark_expired(at=at)
        _free(hold, freed, by=None, reason="Its time was over", at=at)
    return True


def expire_due(at: datetime) -> int:
    """Expire every hold whose time is over, each in its own transaction, and return how many there were."""
    due = Hold.objects.filter(status=Hold.Status.OPEN, expires_at__lte=at).order_by("expires_at", "pk")
    return sum(expire(hold_id, at=at) for hold_id in list(due.values_list("pk", flat=True)))


def _lock(hold: Hold) -> Hold:
    """Lock the account first, as the ledger does, then the hold."""
    escrow_accounts.lock(hold.escrow_account_id)
    return Hold.objects.select_for_update().get(pk=hold.pk)


def _same(earlier: Hold, account: EscrowAccount, investor: User, amount: Decimal) -> Hold:
    if (earlier.escrow_account_id, earlier.investor_id, earlier.amount) != (account.pk, investor.pk, amount):
        raise HoldReferenceReused(f"The reference {earlier.reference} was used for another hold.")
    return earlier


def _free(hold: Hold, amount: Decimal, *, by: User | None, reason: str, at: datetime) -> None:
    """Save what the hold has released, and post it; the reference counts up, so that each release is its own."""
    hold.save()
    reference = f"hold:{hold.pk}:released:{money.to_json(hold.released_amount)}"
    subject = _subject(hold, reference, reason.strip(), at)
    ledger.post([postings.hold_released(subject, source=_source(hold), amount=amount)], by=by, at=at)


def _source(hold: Hold) -> postings.Line:
    return postings.source_of(Kind.INVESTOR, hold.investor_id)


def _subject(hold: Hold, reference: str, description: str, at: datetime) -> postings.Subject:
    return postings.Subject(
        escrow_account_id=hold.escrow_account_id,
        reference=reference,
        entry_type=LedgerEntryType.ADJUSTMENT,
        effective_date=banking_date(at),
        description=description,
    )
