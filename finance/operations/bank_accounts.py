"""Bank accounts: added by their owners, verified by staff, blocked by what banks return."""

import re
from datetime import datetime

from django.db import IntegrityError, transaction

from compliance.models import InvestorProfile
from compliance.models.compliance_checks import ComplianceCheckType
from compliance.operations import checks, profiles
from finance import return_codes
from finance.models import BankAccount, Transaction
from finance.models.bank_accounts import BankAccountStatus
from realco import audit, permissions
from realco.encryption import blind_index, last_four
from realco.errors import Duplicate, IllegalTransition, NotPermitted, Refusal
from realco.models import Organization, User

Status = BankAccount.Status
RETURN_RULE = "bank-return/2026.1"


class MalformedNumber(Refusal):
    """A routing or account number cannot be one."""


class BankAccountKnown(Duplicate):
    """The owner has this account already."""


class BankAccountAdder(NotPermitted):
    """Whoever added an account for somebody else is not the one who says that it is theirs."""


class BankAccountStateForbids(IllegalTransition):
    """The bank account's state does not allow this."""


def is_routing_number(number: str) -> bool:
    """Whether nine digits carry a valid ABA check digit (weights 3, 7, 1)."""
    if not re.fullmatch(r"[0-9]{9}", number):
        return False
    return sum(int(digit) * weight for digit, weight in zip(number, (3, 7, 1) * 3, strict=True)) % 10 == 0


def add(
    owner: User | Organization,
    *,
    account_number: str,
    routing_number: str,
    holder_name: str,
    by: User,
    at: datetime,
    kind: str = BankAccount.Kind.CHECKING,
    bank_name: str = "",
) -> BankAccount:
    """
    Add a bank account, to be verified before money moves.

    :raises NotPermitted: if it is not one's own and one may not verify bank accounts
    :raises MalformedNumber: if a number cannot be one (ABA check digit; 4 to 17 digits)
    :raises BankAccountKnown: if the owner has it already
    """
    owner_id = owner.pk if isinstance(owner, User) else owner.owner_id
    if not by.is_active or owner_id != by.pk:
        permissions.require(by, permissions.VERIFY_BANK_ACCOUNT)
    account_number, routing_number = (re.sub(r"[\s-]", "", text) for text in (account_number, routing_number))
    if not is_routing_number(routing_number):
        raise MalformedNumber("The routing number is not valid: it has nine digits, the last one a check digit.")
    if not re.fullmatch(r"[0-9]{4,17}", account_number):
        raise MalformedNumber("The account number is not valid: it has 4 to 17 digits.")
    if not holder_name.strip():
        raise MalformedNumber("Give the name of the account's holder.")
    if kind not in BankAccount.Kind.values:
        raise MalformedNumber("An account is CHECKING or SAVINGS.")
    with audit.acting("bank_account.add", by=by):
        try:
            with transaction.atomic():
                return BankAccount.objects.create(
                    user=owner if isinstance(owner, User) else None,
                    organization=owner if isinstance(owner, Organization) else None,
                    holder_name=holder_name.strip(),
                    bank_name=bank_name.strip(),
                    kind=kind,
                    account_number=account_number,
                    routing_number=routing_number,
                    last_four=last_four(account_number) or account_number[-4:],
                    fingerprint=fingerprint(routing_number, account_number),
                    added_by=by,
                    created_at=at,
                )
        except IntegrityError as error:
            if "bank_accounts_once_per_owner" not in str(error):
                raise
            raise BankAccountKnown("This bank account has been added before.") from error


def fingerprint(routing_number: str, account_number: str) -> str:
    """Return the keyed hash by which an account is recognised without decrypting it."""
    return blind_index(f"{routing_number}:{account_number}", purpose="bank_account")


def verify(account: BankAccount, *, by: User, at: datetime, reason: str = "") -> BankAccount:
    """
    Accept a bank account as its owner's, or lift its suspension.

    :raises NotPermitted: if the person may not verify bank accounts, or it is their own
    :raises BankAccountAdder: if the person added it, for whomever
    :raises BankAccountStateForbids: if it is verified already, or closed
    """
    if account.owner_id == by.pk:
        raise NotPermitted("Nobody verifies their own bank account.")
    if account.added_by_id == by.pk:
        raise BankAccountAdder("You added this bank account; another person has to verify it.")
    return _move(account, Status.VERIFIED, action="bank_account.verify", by=by, reason=reason, at=at)


def suspend(account: BankAccount, *, by: User, reason: str, at: datetime) -> BankAccount:
    """Stop every payment from and to a bank account. Raises like ``verify``."""
    return _move(account, Status.SUSPENDED, action="bank_account.suspend", by=by, reason=reason, at=at)


def close(account: BankAccount, *, by: User, reason: str, at: datetime) -> BankAccount:
    """Close a bank account for good; its owner may do so too. Raises like ``verify``."""
    return _move(account, Status.CLOSED, action="bank_account.close", by=by, reason=reason, at=at)


def _move(
    account: BankAccount, target: BankAccountStatus, *, action: str, by: User, reason: str, at: datetime
) -> BankAccount:
    if not (target == Status.CLOSED and by.is_active and account.user_id == by.pk):
        permissions.require(by, permissions.VERIFY_BANK_ACCOUNT)
    with audit.acting(action, by=by, reason=reason), transaction.atomic():
        account = BankAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        if target not in BankAccount.TRANSITIONS[Status(account.status)]:
            raise BankAccountStateForbids(
                f"The bank account is {account.get_status_display().lower()}; it cannot become {target.label.lower()}."
            )
        account.status = target
        account.status_reason = reason[:300]
        if target == Status.VERIFIED:
            account.verified_at = at
            account.verified_by = by
        account.save()
    return account


def follow_return_code(payment: Transaction, *, code: str, at: datetime) -> None:
    """
    Draw the consequences of a bank's return for the bank account and the person (SYSTEM section 3).

    Called inside the transaction that records the return, with the payment locked.
    """
    words = f"{code}: {return_codes.meaning(code)}"
    account_id = payment.from_bank_account_id if payment.is_inbound else payment.to_bank_account_id
    if account_id is not None and code in (return_codes.BLOCKS_BANK_ACCOUNT | return_codes.REVOKES_AUTHORIZATION):
        account = BankAccount.objects.select_for_update(no_key=True).get(pk=account_id)
        if code in return_codes.REVOKES_AUTHORIZATION and account.authorization_revoked_at is None:
            account.authorization_revoked_at = at
        if code in return_codes.BLOCKS_BANK_ACCOUNT and account.status == Status.VERIFIED:
            account.status = Status.SUSPENDED
        account.status_reason = words
        account.save()
    if code in (return_codes.HOLDS_INVESTOR | return_codes.LEGAL_HOLD):
        party = payment.party
        summary = f"Payment returned by the bank, {words}"
        checks.open_case(
            party,
            check_type=ComplianceCheckType.AML,
            rule_version=RETURN_RULE,
            summary=summary,
            payment_id=payment.pk,
            at=at,
        )
        profile = InvestorProfile.objects.filter(user=party).first()
        if profile is not None and not profile.is_restricted:
            profiles.restrict(profile, by=None, reason=summary, at=at)
