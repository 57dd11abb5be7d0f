"""
Bank accounts: added by their owner or by staff, verified by staff, suspended and closed.

Numbers are checked here and stored encrypted; what tells one account from another is a keyed hash
of both numbers, so that nothing is decrypted to find a duplicate.
"""

import re
from datetime import datetime
from uuid import UUID

from django.db import transaction

from finance.models import BankAccount
from realco import audit, permissions
from realco.encryption import blind_index, last_four
from realco.errors import Duplicate, IllegalTransition, NotPermitted, Refusal
from realco.models import Organization, User

_ROUTING = re.compile(r"[0-9]{9}")
_ACCOUNT = re.compile(r"[0-9]{4,17}")
_ROUTING_WEIGHTS = (3, 7, 1) * 3
Status = BankAccount.Status


class InvalidBankAccount(Refusal):
    """The numbers or names given cannot be a bank account's."""


class BankAccountAlreadyAdded(Duplicate):
    """This owner has added this account before."""


class OwnBankAccount(NotPermitted):
    """Nobody verifies an account of their own."""


class BankAccountStateForbids(IllegalTransition):
    """The account is in a state from which this step does not exist."""


def fingerprint(routing_number: str, account_number: str) -> str:
    """Return the keyed hash by which an account is found without decrypting any."""
    return blind_index(f"{routing_number}:{account_number}", purpose="bank_accounts.fingerprint")


def add(
    owner: User | Organization,
    *,
    holder_name: str,
    routing_number: str,
    account_number: str,
    by: User,
    at: datetime,
    bank_name: str = "",
    kind: str = BankAccount.Kind.CHECKING,
) -> BankAccount:
    """
    Add a bank account, which can be used once it has been verified.

    :raises NotPermitted: if it is neither one's own nor staff's to add
    :raises InvalidBankAccount: if a number has the wrong form, or the routing number's check digit is wrong
    :raises BankAccountAlreadyAdded: if the owner has it already and has not closed it
    """
    _require_may_add(owner, by)
    _require_sound(holder_name, routing_number, account_number, kind)
    mark = fingerprint(routing_number, account_number)
    is_person = isinstance(owner, User)
    user, organization = (owner, None) if isinstance(owner, User) else (None, owner)
    with audit.acting("bank_account.add", by=by), transaction.atomic():
        # The owner's row is locked so that the same account sent twice is added once.
        model = User if is_person else Organization
        model._default_manager.select_for_update(no_key=True).get(pk=owner.pk)
        earlier = BankAccount.objects.filter(user=user, organization=organization, fingerprint=mark)
        found = earlier.exclude(status=Status.CLOSED).first()
        if found is not None:
            raise BankAccountAlreadyAdded(
                f"The account {found.masked} has been added before.", bank_account_id=str(found.pk)
            )
        return BankAccount.objects.create(
            user=user,
            organization=organization,
            holder_name=holder_name.strip(),
            bank_name=bank_name.strip(),
            kind=kind,
            account_number=account_number,
            routing_number=routing_number,
            last_four=last_four(account_number),
            fingerprint=mark,
            created_at=at,
        )


def verify(account: BankAccount, *, by: User, at: datetime) -> BankAccount:
    """
    Declare an account checked, or sound again after a suspension, so that payments may use it.

    :raises NotPermitted: if the person may not verify bank accounts
    :raises OwnBankAccount: if it is the verifier's own
    :raises BankAccountStateForbids: if it is verified or closed already
    """
    permissions.require(by, permissions.VERIFY_BANK_ACCOUNT)
    with audit.acting("bank_account.verify", by=by), transaction.atomic():
        account = lock(account.pk)
        if _owner_id(account) == by.pk:
            raise OwnBankAccount("This account is yours; somebody else must verify it.")
        _move(account, Status.VERIFIED, reason="")
        account.verified_at = at
        account.save()
    return account


def refuse(account: BankAccount, *, by: User, reason: str, at: datetime) -> BankAccount:
    """
    Declare that an account could not be verified.

    :raises NotPermitted: if the person may not verify bank accounts
    :raises BankAccountStateForbids: if it does not wait for verification
    """
    permissions.require(by, permissions.VERIFY_BANK_ACCOUNT)
    with audit.acting("bank_account.refuse", by=by, reason=reason), transaction.atomic():
        account = lock(account.pk)
        _move(account, Status.VERIFICATION_FAILED, reason=reason)
        account.save()
    return account


def suspend(account: BankAccount, *, by: User | None, reason: str, at: datetime) -> BankAccount:
    """
    Block an account; without a person it was a bank's return that did (its code is the reason).

    Suspending twice changes nothing, because two returns may come.

    :raises NotPermitted: if the person may not verify bank accounts
    :raises BankAccountStateForbids: if it is closed, or was never verified
    """
    if by is not None:
        permissions.require(by, permissions.VERIFY_BANK_ACCOUNT)
    with audit.acting("bank_account.suspend", by=by, reason=reason), transaction.atomic():
        account = lock(account.pk)
        if account.status != Status.SUSPENDED:
            _move(account, Status.SUSPENDED, reason=reason)
            account.save()
    return account


def close(account: BankAccount, *, by: User, at: datetime) -> BankAccount:
    """
    Close an account for good; payments that are on their way with it go on.

    :raises NotPermitted: if it is neither one's own nor staff's to close
    :raises BankAccountStateForbids: if it is closed already
    """
    if _owner_id(account) != by.pk:
        permissions.require(by, permissions.VERIFY_BANK_ACCOUNT)
    with audit.acting("bank_account.close", by=by), transaction.atomic():
        account = lock(account.pk)
        _move(account, Status.CLOSED, reason="")
        account.save()
    return account


def lock(account_id: UUID) -> BankAccount:
    """Return the account as it is now, locked until the transaction ends."""
    accounts = BankAccount.objects.select_for_update(of=("self",), no_key=True)
    return accounts.select_related("organization").get(pk=account_id)


def _move(account: BankAccount, status: str, *, reason: str) -> None:
    """Change the status along the table of transitions, which the database holds too."""
    if status not in BankAccount.TRANSITIONS[Status(account.status)]:
        raise BankAccountStateForbids(
            f"The bank account {account.masked} is {account.get_status_display().lower()}; this cannot be done to it now."
        )
    account.status = status
    account.status_reason = reason[:300]


def _owner_id(account: BankAccount) -> UUID | None:
    return account.user_id if account.organization is None else account.organization.owner_id


def _require_may_add(owner: User | Organization, by: User) -> None:
    owner_id = owner.pk if isinstance(owner, User) else owner.owner_id
    if owner_id != by.pk or not by.is_active:
        permissions.require(by, permissions.VERIFY_BANK_ACCOUNT)


def _require_sound(holder_name: str, routing_number: str, account_number: str, kind: str) -> None:
    if not holder_name.strip():
        raise InvalidBankAccount("Give the name of the account's holder.")
    if kind not in BankAccount.Kind.values:
        raise InvalidBankAccount(f"An account is one of {', '.join(BankAccount.Kind.values)}.")
    if not _ACCOUNT.fullmatch(account_number):
        raise InvalidBankAccount("An account number has 4 to 17 digits, without spaces or dashes.")
    if not _ROUTING.fullmatch(routing_number):
        raise InvalidBankAccount("A routing number has exactly nine digits.")
    # The American Bankers Association's check: the weighted digits sum to a multiple of ten.
    digits = [int(digit) for digit in routing_number]
    if sum(weight * digit for weight, digit in zip(_ROUTING_WEIGHTS, digits, strict=True)) % 10:
        raise InvalidBankAccount("The routing number has a wrong digit; copy it again from a check or statement.")
