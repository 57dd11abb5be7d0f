"""Escrow accounts: opening, freezing, liquidating and closing them. The database guards each of these steps."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from escrow.models import Closing, EscrowAccount, Hold
from realco import audit, events, permissions
from realco.business_days import banking_date
from realco.errors import Duplicate, IllegalTransition, Refusal
from realco.models import Offering, User

_FROZEN_FROM = "frozen_from"
_PAYMENT_IS_OVER = ("COMPLETED", "FAILED", "CANCELLED", "REVERSED")


class ReasonMissing(Refusal):
    """Somebody has to be able to read later why this was done."""


class UnknownBankAccount(Refusal):
    """There is no such bank account, so no escrow account can stand on it."""


class EscrowAccountExists(Duplicate):
    """The offering has its escrow account already, or the bank's account is another offering's."""


class EscrowStateForbids(IllegalTransition):
    """The escrow account is in a state from which this step does not exist."""


class EscrowNotEmpty(Refusal):
    """Money, a hold, a payment or a closing is still there, so the account cannot be closed."""

    code = "INVALID_STATE_TRANSITION"


def open_account(
    offering: Offering, *, bank_account_id: UUID | None, external_account_id: str, by: User, at: datetime
) -> EscrowAccount:
    """
    Open an offering's own escrow account and give it the year's next number.

    ``external_account_id`` is what the escrow bank calls the account; its statements are found by it.

    :raises NotPermitted: if the person may not manage escrow accounts
    :raises EscrowAccountExists: if the offering or the bank's account has one already
    :raises UnknownBankAccount: if the bank account does not exist
    """
    permissions.require(by, permissions.MANAGE_ESCROW)
    external_account_id = external_account_id.strip()
    if not external_account_id:
        raise UnknownBankAccount("Give the number that the escrow bank knows the account by.")
    with audit.acting("escrow_account.open", by=by), transaction.atomic():
        offering = Offering.objects.select_for_update(no_key=True).get(pk=offering.pk)
        _require_bank_account(bank_account_id)
        if EscrowAccount.objects.filter(offering=offering).exists():
            raise EscrowAccountExists(f"{offering} has its escrow account already.")
        if EscrowAccount.objects.filter(external_account_id=external_account_id).exists():
            raise EscrowAccountExists("Another offering uses this account of the escrow bank; escrow is segregated.")
        return EscrowAccount.objects.create(
            offering=offering,
            account_number=_next_number(banking_date(at).year),
            bank_account_id=bank_account_id,
            external_account_id=external_account_id,
            currency=offering.currency,
            created_at=at,
        )


def freeze(account: EscrowAccount, *, by: User | None, reason: str, at: datetime) -> EscrowAccount:
    """
    Freeze an escrow account: nothing leaves it and nothing is reserved until it is unfrozen.

    ``by`` is nobody when a rule of the system does it.

    :raises NotPermitted: if the person may not freeze
    :raises ReasonMissing: if no reason is given
    :raises EscrowStateForbids: if it is frozen or closed
    """
    if by is not None:
        permissions.require(by, permissions.FREEZE_ESCROW)
    require_reason(reason)
    with audit.acting("escrow_account.freeze", by=by, reason=reason), transaction.atomic():
        account = lock(account.pk)
        _require_status(account, "frozen", EscrowAccount.Status.ACTIVE, EscrowAccount.Status.LIQUIDATING)
        account.metadata = {**account.metadata, _FROZEN_FROM: account.status}
        account.mark_frozen(reason=reason.strip(), at=at)
        account.save()
    return account


def unfreeze(account: EscrowAccount, *, by: User, reason: str, at: datetime) -> EscrowAccount:
    """
    Unfreeze an escrow account, back into the state it was frozen in, and wake what waited for it.

    :raises NotPermitted: if the person may not unfreeze
    :raises ReasonMissing: if no reason is given
    :raises EscrowStateForbids: if it is not frozen
    """
    permissions.require(by, permissions.FREEZE_ESCROW)
    require_reason(reason)
    with audit.acting("escrow_account.unfreeze", by=by, reason=reason), transaction.atomic():
        account = lock(account.pk)
        _require_status(account, "unfrozen", EscrowAccount.Status.FROZEN)
        before = account.metadata.get(_FROZEN_FROM)
        account.metadata = {key: value for key, value in account.metadata.items() if key != _FROZEN_FROM}
        if before == EscrowAccount.Status.LIQUIDATING:
            account.mark_liquidating()
        else:
            account.mark_active()
        account.frozen_reason, account.frozen_at = "", None
        account.save()
        events.publish("escrow.account.unfrozen", escrow_account_id=account.pk)
    return account


def liquidate(account: EscrowAccount, *, by: User, reason: str, at: datetime) -> EscrowAccount:
    """
    Begin to empty an escrow account: from here on only distributions and refunds leave it.

    :raises NotPermitted: if the person may not manage escrow accounts
    :raises ReasonMissing: if no reason is given
    :raises EscrowStateForbids: if it is not active
    """
    permissions.require(by, permissions.MANAGE_ESCROW)
    require_reason(reason)
    with audit.acting("escrow_account.liquidate", by=by, reason=reason), transaction.atomic():
        account = lock(account.pk)
        _require_status(account, "liquidated", EscrowAccount.Status.ACTIVE)
        account.mark_liquidating()
        account.save()
    return account


def begin_refunds(account: EscrowAccount) -> EscrowAccount:
    """
    Let only refunds leave an account, because its offering will never close.

    Called inside the transaction that approves them, which asks for the permission; the account is
    locked and open.
    """
    if account.status == EscrowAccount.Status.ACTIVE:
        account.mark_liquidating()
        account.save()
    return account


def close(account: EscrowAccount, *, by: User, reason: str, at: datetime) -> EscrowAccount:
    """
    Close an escrow account for good. It must be empty, with nothing on its way in or out.

    :raises NotPermitted: if the person may not manage escrow accounts
    :raises ReasonMissing: if no reason is given
    :raises EscrowStateForbids: if it is frozen or closed
    :raises EscrowNotEmpty: if a ledger account holds money, a hold is open, or a payment or closing is under way
    """
    permissions.require(by, permissions.MANAGE_ESCROW)
    require_reason(reason)
    with audit.acting("escrow_account.close", by=by, reason=reason), transaction.atomic():
        _await_payments_being_asked_for(account.pk)
        account = lock(account.pk)
        _require_status(account, "closed", EscrowAccount.Status.ACTIVE, EscrowAccount.Status.LIQUIDATING)
        _require_empty(account)
        account.mark_closed(at=at)
        _save_closed(account)
    return account


def lock(escrow_account_id: UUID) -> EscrowAccount:
    """Lock an escrow account's row, as the ledger does before it posts, and return it as it is now."""
    return EscrowAccount.objects.select_for_update(no_key=True).get(pk=escrow_account_id)


def keep_open(escrow_account_id: UUID) -> bool:
    """
    Keep an account from being closed until this transaction ends, and say whether that was still possible.

    Whoever adds a payment calls it first: a payment that has not committed yet is not seen by who closes
    the account, and would be left in a closed one. Nobody waits here, and callers do not hold up one another.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock_shared(hashtextextended(%s, 0))", [_closing_of(escrow_account_id)]
        )
        [is_kept] = cursor.fetchone()
    return bool(is_kept)


def _await_payments_being_asked_for(escrow_account_id: UUID) -> None:
    """Wait for those who keep the account open, before its row is locked, and let nobody begin to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_closing_of(escrow_account_id)])


def _closing_of(escrow_account_id: UUID) -> str:
    return f"closing of {escrow_account_id}"


def require_reason(reason: str) -> None:
    """
    Refuse an empty reason.

    :raises ReasonMissing: if nothing is written, or too much for its column
    """
    if not reason.strip():
        raise ReasonMissing("Say why; the reason stays with the record.")
    if len(reason) > 300:
        raise ReasonMissing("Say why in at most 300 characters.")


def _save_closed(account: EscrowAccount) -> None:
    """Close it in the database too, which asks everything again."""
    try:
        account.save()
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) != "RC008":
            raise
        detail = getattr(getattr(error.__cause__, "diag", None), "message_detail", None)
        raise EscrowNotEmpty(f"{account} cannot be closed: {detail}.") from error


def _next_number(year: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT realco_next_number('ESCROW', %s)", [year])
        [number] = cursor.fetchone()
    return str(number)


def _require_bank_account(bank_account_id: UUID | None) -> None:
    # Bank accounts belong to finance, which lies above; only the foreign key knows them here.
    model: Any = EscrowAccount._meta.get_field("bank_account").related_model
    if bank_account_id is not None and not model.objects.filter(pk=bank_account_id).exists():
        raise UnknownBankAccount("There is no such bank account.")


def _require_status(account: EscrowAccount, step: str, *allowed: str) -> None:
    if account.status not in allowed:
        raise EscrowStateForbids(
            f"{account} is {account.status.lower()}; it cannot be {step} from there.", status=account.status
        )


def _require_empty(account: EscrowAccount) -> None:
    holding = [str(row) for row in account.ledger_accounts.exclude(balance=0).select_related("owner")[:5]]
    if holding:
        raise EscrowNotEmpty(f"{account} still holds money: {', '.join(holding)}.", holding=holding)
    if account.holds.filter(status=Hold.Status.OPEN).exists():
        raise EscrowNotEmpty(f"{account} has an open hold; release it first.")
    payments: Any = account
    if payments.payments.exclude(status__in=_PAYMENT_IS_OVER).exists():
        raise EscrowNotEmpty(f"{account} has payments under way; wait for them or cancel them.")
    # A reinvestment that is being moved back into this account has its payment behind it, and money still to come.
    if payments.payments.filter(reinvestment__status="DONE", reinvestment__reversal_asked_at__isnull=False).exists():
        raise EscrowNotEmpty(f"{account} is being given a reinvestment back; wait for the bank's answer.")
    if account.closings.filter(status=Closing.Status.PROPOSED).exists():
        raise EscrowNotEmpty(f"{account} has a closing that waits for approval; cancel it first.")
