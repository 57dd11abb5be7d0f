"""Orders for payments: everything a payment must satisfy before it becomes a row."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from django.core.exceptions import ValidationError

from escrow.models import EscrowAccount
from escrow.operations import escrow_accounts
from escrow.operations.investments import OfferingNotOpen
from escrow.operations.ledger import EscrowNotOpen
from finance.models import BankAccount
from finance.models.transactions import INBOUND, OUTBOUND, PaymentMethod, TransactionType
from realco import copying, money, permissions
from realco.errors import NotPermitted, Refusal
from realco.models import Offering, User

OWN_MONEY = (
    TransactionType.DEPOSIT,
    TransactionType.ESCROW_DEPOSIT,
    TransactionType.CAPITAL_CALL,
    TransactionType.WITHDRAWAL,
)
NEEDS_BANK_ACCOUNT = {"IN": (PaymentMethod.ACH,), "OUT": (PaymentMethod.ACH, PaymentMethod.WIRE)}
_METHODS = frozenset(PaymentMethod.values)
AFTER_CLOSING = (Offering.Status.FUNDED, Offering.Status.OPERATING, Offering.Status.EXITED)


class UnknownChoice(Refusal):
    """There is no such type, method, account or person."""


class BankAccountNotUsable(Refusal):
    """The bank account is not the party's own, not verified, suspended or closed."""


@dataclass(frozen=True, slots=True)
class Order:
    """
    A payment asked for; ``amount`` in US dollars, gross of fees.

    Inbound payments name ``from_user_id``, outbound ones ``to_user_id``; the other side is the
    escrow account.
    """

    type: str
    payment_method: str
    amount: Decimal
    escrow_account_id: UUID
    from_user_id: UUID | None = None
    to_user_id: UUID | None = None
    from_bank_account_id: UUID | None = None
    to_bank_account_id: UUID | None = None
    currency: str = money.CURRENCY
    description: str = ""
    internal_memo: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
    distribution_id: UUID | None = None
    refund_item_id: UUID | None = None
    replaces_id: UUID | None = None

    @property
    def content_hash(self) -> str:
        """SHA-256 of the order, stored beside its idempotency key."""
        # Hashes of orders that knew no refund items stay what they were.
        names = _NAMES if self.refund_item_id is not None else _NAMES_BEFORE_REFUND_ITEMS
        content = [f'"{name}": {_quoted(_said(self, name))}' for name in names]
        return hashlib.sha256(f"{{{', '.join(content)}}}".encode()).hexdigest()

    @property
    def is_inbound(self) -> bool:
        """Whether it brings money into escrow."""
        return self.type in INBOUND


def _said(order: Order, name: str) -> str:
    value = getattr(order, name)
    if name == "metadata":
        return _in_order(dict(value))
    return f"{value:.2f}" if name == "amount" else str(value)


_NAMES = tuple(sorted(one.name for one in fields(Order)))
_NAMES_BEFORE_REFUND_ITEMS = tuple(name for name in _NAMES if name != "refund_item_id")
_in_order = json.JSONEncoder(sort_keys=True, default=str).encode
_quoted = json.encoder.encode_basestring_ascii
"""Write a text as JSON: an object of texts is written by hand, a half of the encoder's price."""


_OF_PEOPLE = ("id", "email", "full_name", "is_active")
"""What has to be known of a payee."""

_BANK_ACCOUNTS = BankAccount.objects.select_related("organization").only(
    "user_id",
    "organization__owner_id",
    "holder_name",
    "last_four",
    "status",
    "status_reason",
    "authorization_revoked_at",
)
"""What has to be known of a bank account before it is paid: none of its numbers."""


@dataclass(frozen=True, slots=True)
class Parties:
    """The rows an order names, found and checked."""

    escrow_account: EscrowAccount
    party: User
    bank_account: BankAccount | None


def examine(order: Order, *, initiator: User, at: datetime) -> Parties:
    """
    Check everything about an order that needs no row locked, and return the rows it names.

    The escrow account is kept from being closed until the caller's transaction ends.

    :raises UnknownChoice: if its type, method, account or person does not exist
    :raises money.InvalidAmount: if the amount is not a positive number of cents
    :raises NotPermitted: if the initiator may not ask for it
    :raises EscrowNotOpen: if the escrow account is frozen, liquidating, closed, or just being closed
    :raises OfferingNotOpen: if the offering's state does not allow it
    :raises BankAccountNotUsable: if the bank account is not the party's own and verified
    """
    _require_known(order)
    money.require_known_currency(order.currency)
    money.positive(order.amount)
    if not escrow_accounts.keep_open(order.escrow_account_id):
        raise EscrowNotOpen("The escrow account is just being closed. Try again in a moment, or ask compliance.")
    account = _find_escrow_account(order.escrow_account_id)
    party = _find_party(order)
    _require_permitted(order, party=party, initiator=initiator, account=account)
    require_escrow_open(account, order.type)
    require_offering_open(order, account.offering, at=at)
    return Parties(account, party, _find_bank_account(order, party))


def examine_approved(
    wanted: Sequence[Order], *, known: Mapping[UUID, BankAccount] = MappingProxyType({})
) -> list[Parties]:
    """
    Check orders that people have approved together, as ``examine`` does but for who asks; return the rows each names.

    What was approved is not asked again by a person, so nobody's permission is. Three queries for any
    number of orders. ``known`` are bank accounts that the caller has read in this transaction, by their ids.

    :raises UnknownChoice: if a method, account or person does not exist or is not active
    :raises money.InvalidAmount: if an amount is not a positive number of cents
    :raises EscrowNotOpen: if the escrow account is frozen or closed
    :raises OfferingNotOpen: if the offering's state does not allow it
    :raises BankAccountNotUsable: if a bank account is not the payee's own and verified
    """
    accounts = EscrowAccount.objects.select_related("offering").in_bulk({order.escrow_account_id for order in wanted})
    payees = User.objects.filter(pk__among={order.to_user_id for order in wanted})
    people = {payee.pk: payee for payee in copying.read(payees, _OF_PEOPLE)}
    asked = {order.to_bank_account_id for order in wanted if order.to_bank_account_id not in known}
    banks = {**known, **{bank.pk: bank for bank in _BANK_ACCOUNTS.filter(pk__among=asked)}} if asked else known
    found = []
    for order in wanted:
        _require_known(order)
        money.require_known_currency(order.currency)
        money.positive(order.amount)
        account = accounts[order.escrow_account_id]
        require_escrow_open(account, order.type)
        _require_after_closing(order, account.offering)
        party = _active(people.get(order.to_user_id) if order.to_user_id else None, "payee (to_user)")
        found.append(Parties(account, party, _usable_bank_account(order, party, banks)))
    return found


def _usable_bank_account(order: Order, party: User, banks: Mapping[UUID, BankAccount]) -> BankAccount | None:
    if order.to_bank_account_id is None:
        if order.payment_method in NEEDS_BANK_ACCOUNT["OUT"]:
            raise BankAccountNotUsable("Choose the bank account that this payment uses.")
        return None
    account = banks.get(order.to_bank_account_id)
    if account is None or account.owner_id != party.id:
        raise BankAccountNotUsable("There is no such bank account of this person.")
    require_usable(account, to_debit=False)
    return account


def _require_known(order: Order) -> None:
    if order.type not in INBOUND and order.type not in OUTBOUND:
        known = ", ".join([*INBOUND, *OUTBOUND])
        raise UnknownChoice(f"“{order.type}” is no payment that can be asked for here. Use one of {known}.")
    if order.payment_method not in _METHODS:
        known = ", ".join(PaymentMethod.values)
        raise UnknownChoice(f"“{order.payment_method}” is no payment method. Use one of {known}.")
    if order.payment_method == PaymentMethod.CREDIT_CARD and not order.is_inbound:
        raise UnknownChoice("Money cannot be paid out to a credit card. Choose ACH, wire or check.")


def _find_escrow_account(escrow_account_id: UUID) -> EscrowAccount:
    try:
        return EscrowAccount.objects.select_related("offering__organization").get(pk=escrow_account_id)
    except (EscrowAccount.DoesNotExist, ValidationError, ValueError) as error:
        raise UnknownChoice("There is no such escrow account.") from error


def _find_party(order: Order) -> User:
    user_id, other_id = order.from_user_id, order.to_user_id
    if not order.is_inbound:
        user_id, other_id = other_id, user_id
    side = "payer (from_user)" if order.is_inbound else "payee (to_user)"
    if user_id is None or other_id is not None:
        raise UnknownChoice(f"This payment names exactly one person, its {side}; the other side is escrow.")
    try:
        party = User.objects.get(pk=user_id)
    except (User.DoesNotExist, ValidationError, ValueError) as error:
        raise UnknownChoice(f"There is no such {side}.") from error
    return _active(party, side)


def _active(party: User | None, side: str) -> User:
    if party is None:
        raise UnknownChoice(f"There is no such {side}.")
    if not party.is_active:
        raise UnknownChoice(f"{party} is no longer active and cannot pay or be paid.")
    return party


def _require_permitted(order: Order, *, party: User, initiator: User, account: EscrowAccount) -> None:
    if not initiator.is_active:
        raise NotPermitted("Your account is not active.")
    is_own = order.type in OWN_MONEY and party.pk == initiator.pk
    # An internal transfer is cleared at once and no bank sees it: only staff, who see both sides, may say so.
    if not is_own or order.payment_method == PaymentMethod.INTERNAL_TRANSFER:
        permissions.require(initiator, permissions.INITIATE_PAYMENT)
    if order.type == TransactionType.ESCROW_DEPOSIT and account.offering.organization.owner_id != party.pk:
        raise NotPermitted("Only the offering's sponsor pays operating income in.")


def require_escrow_open(account: EscrowAccount, transaction_type: str) -> None:
    """
    Refuse what the account's status forbids (SYSTEM section 4); the database refuses it again.

    :raises EscrowNotOpen: with the status and what to do about it
    """
    status = account.status
    if status == EscrowAccount.Status.CLOSED:
        raise EscrowNotOpen(f"{account} is closed. Nothing can be paid in or out of it.")
    if status == EscrowAccount.Status.FROZEN:
        raise EscrowNotOpen(f"{account} is frozen. Nothing can be paid in or out until compliance unfreezes it.")
    may_leave = (TransactionType.DISTRIBUTION, TransactionType.REFUND)
    if status == EscrowAccount.Status.LIQUIDATING and transaction_type not in may_leave:
        raise EscrowNotOpen(f"{account} is being liquidated. Only distributions and refunds leave it.")


def require_offering_open(order: Order, offering: Offering, *, at: datetime) -> None:
    """
    Refuse what the offering's state does not allow at a moment.

    :raises OfferingNotOpen: with its status
    """
    if order.type == TransactionType.DEPOSIT:
        require_raising(offering, at=at)
    else:
        _require_after_closing(order, offering)


def _require_after_closing(order: Order, offering: Offering) -> None:
    if order.type in (TransactionType.WITHDRAWAL, TransactionType.REFUND) or offering.status in AFTER_CLOSING:
        return
    status = offering.get_status_display().lower()
    raise OfferingNotOpen(f"{offering} is {status}; this is possible only after it has closed its raise.")


def require_raising(offering: Offering, *, at: datetime | None = None) -> None:
    """
    Refuse to take a deposit for an offering that no longer raises money; new ones are asked for before its deadline.

    :raises OfferingNotOpen: with its status
    """
    if not offering.is_raising:
        raise OfferingNotOpen(f"{offering} is {offering.get_status_display().lower()} and takes no investments.")
    if at is not None and at >= offering.deadline_at:
        raise OfferingNotOpen(f"{offering} closed to investments on {offering.deadline_at:%B %d, %Y}.")


def _find_bank_account(order: Order, party: User) -> BankAccount | None:
    direction = "IN" if order.is_inbound else "OUT"
    wanted, other = order.from_bank_account_id, order.to_bank_account_id
    if direction == "OUT":
        wanted, other = other, wanted
    if other is not None:
        raise BankAccountNotUsable("Name the party's own bank account only; escrow's is known.")
    if wanted is None:
        if order.payment_method in NEEDS_BANK_ACCOUNT[direction]:
            raise BankAccountNotUsable("Choose the bank account that this payment uses.")
        return None
    try:
        account = BankAccount.objects.select_related("organization").get(pk=wanted)
    except (BankAccount.DoesNotExist, ValidationError, ValueError) as error:
        raise BankAccountNotUsable("There is no such bank account of this person.") from error
    if account.owner_id != party.id:
        raise BankAccountNotUsable("There is no such bank account of this person.")
    require_usable(account, to_debit=order.is_inbound)
    return account


def require_usable(account: BankAccount, *, to_debit: bool) -> None:
    """
    Refuse a bank account that is not verified, or whose owner revoked the authorisation to debit it.

    :raises BankAccountNotUsable: with its state and what to do about it
    """
    if not account.is_usable:
        why = f" ({account.status_reason})" if account.status_reason else ""
        raise BankAccountNotUsable(
            f"The bank account {account.masked} is {account.get_status_display().lower()}{why}. Choose a verified one."
        )
    if to_debit and account.authorization_revoked_at is not None:
        raise BankAccountNotUsable(
            f"The authorisation to debit {account.masked} was revoked. Choose another account, or pay by wire."
        )
