"""Payees: to which bank account an allocation can be paid now, or why it cannot."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce

from compliance.models import CheckStatus, InvestorProfile
from distributions.models import Distribution
from escrow.models import Investment
from finance.models import BankAccount
from realco import copying
from realco.models import User

NO_ACCOUNT = "This person has no verified bank account. Ask them to add one."
BEING_REINVESTED = "Being reinvested"
ASK_US = "We cannot pay this yet. Please get in touch with us."
ADD_ONE = "You have no verified bank account. Add one, and this is paid by itself."


_COLUMNS = (
    "id", "user_id", "organization_id", "holder_name", "bank_name", "last_four", "status", "status_reason",
    "authorization_revoked_at",
)  # fmt: skip
"""What is looked at of a bank account, here and where the payment to it is ordered."""


class _Identity(NamedTuple):
    """What is asked of somebody's profile here; a row of the model costs as much as the rest of the question."""

    restricted_at: datetime | None
    kyc_status: str
    has_expired: bool


def shown_to_payee(reason: str) -> str:
    """Say why an allocation waits as far as its payee may know: whether compliance stands against it, they may not."""
    if not reason or reason.startswith(BEING_REINVESTED):
        return reason
    return ADD_ONE if reason == NO_ACCOUNT else ASK_US


class Payable(Protocol):
    """What is to be paid: an allocation, or one that is only imagined."""

    @property
    def id(self) -> UUID: ...
    @property
    def investor_id(self) -> UUID: ...
    @property
    def investment_id(self) -> UUID | None: ...


@dataclass(frozen=True, slots=True)
class Payee:
    """Where an allocation can be paid; ``obstacle`` says in words why not, and is empty if it can."""

    bank_account: BankAccount | None
    obstacle: str = ""


def of(distribution: Distribution, allocations: Sequence[Payable], *, at: datetime) -> dict[UUID, Payee]:
    """
    Return the payee of each allocation, by its id; three queries for any number of them.

    The bank account is the one verified last; the sponsor's own organization's comes before its
    owner's.
    """
    user_ids = {allocation.investor_id for allocation in allocations}
    sponsor = distribution.offering.organization
    accounts = copying.read(
        BankAccount.objects.filter(Q(user_id__among=user_ids) | Q(organization=sponsor))
        .filter(status=BankAccount.Status.VERIFIED)
        .order_by(F("verified_at").asc(nulls_first=True), "created_at", "id"),
        _COLUMNS,
    )
    of_people = {account.user_id: account for account in accounts if account.user_id is not None}
    of_sponsor = next((account for account in reversed(accounts) if account.organization_id is not None), None)
    # Whether it has expired is the database's to say: reading a moment costs more than all the rest.
    has_expired = Coalesce(Q(kyc_expires_at__lte=at), False)
    found = InvestorProfile.objects.filter(user_id__among=user_ids).values_list(
        "user_id", "restricted_at", "kyc_status", has_expired
    )
    identities = {user_id: _Identity(*rest) for user_id, *rest in found}
    inactive = set(User.objects.filter(pk__among=user_ids, is_active=False).values_list("pk", flat=True))
    payees = {}
    for allocation in allocations:
        account = of_people.get(allocation.investor_id)
        if allocation.investment_id is None:
            account = of_sponsor or account
        obstacles = _obstacles(allocation, account, identities.get(allocation.investor_id), inactive)
        payees[allocation.id] = Payee(account, next(iter(obstacles), ""))
    return payees


def amiss(offering_id: UUID, *, at: datetime) -> set[UUID]:
    """Return those investors of an offering who may have an obstacle; all others have none. One query."""
    of_them = {"user_id": OuterRef("investor_id")}
    confirmed = InvestorProfile.objects.filter(
        Q(kyc_expires_at__isnull=True) | Q(kyc_expires_at__gt=at),
        **of_them,
        restricted_at__isnull=True,
        kyc_status=CheckStatus.PASSED,
    )
    accounts = BankAccount.objects.filter(**of_them, status=BankAccount.Status.VERIFIED)
    rows = Investment.objects.filter(offering_id=offering_id).order_by()
    found = rows.filter(Q(investor__is_active=False) | ~Exists(confirmed) | ~Exists(accounts))
    return set(found.values_list("investor_id", flat=True))


def _obstacles(
    allocation: Payable,
    account: BankAccount | None,
    identity: _Identity | None,
    inactive: set[UUID],
) -> Iterable[str]:
    if allocation.investor_id in inactive:
        yield "This person's sign-in is closed. Open it again, or settle with them outside."
    if identity is not None and identity.restricted_at is not None:
        yield "This person is restricted by compliance. The money waits until the restriction is lifted."
    if identity is None and allocation.investment_id is not None:
        yield "There is no identity on file for this person. Record one first."
    if identity is not None and identity.kyc_status != CheckStatus.PASSED:
        yield "This person's identity has not been confirmed. Complete the check first."
    if identity is not None and identity.has_expired:
        yield "This person's identity check has expired. Renew it first."
    if account is None:
        yield NO_ACCOUNT
