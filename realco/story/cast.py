"""Who is in the demo story, and what it begins with: staff, an offering, its sponsor, its escrow account."""

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from compliance.models import InvestorProfile
from compliance.operations import profiles
from compliance.operations.profiles import Particulars
from distributions.operations import terms, waterfall_examples
from distributions.queries import terms as terms_queries
from escrow.models import EscrowAccount
from escrow.operations import escrow_accounts
from finance.models import BankAccount
from finance.operations import bank_accounts
from realco import audit, money
from realco.business_days import banking_date
from realco.models import Offering, Organization, User
from realco.operations import offerings

ROUTING_NUMBER = "110000000"
EXAMPLE = {
    "source": "Operating agreement, exhibit C, page 41",
    "on": "2025-12-31",
    "amount": "1700000.00",
    "contributions": [
        ["Ann", "2023-01-01", "600000.00"],
        ["Ben", "2023-01-01", "400000.00"],
    ],
    "expected": [["Ann", "894000.00"], ["Ben", "596000.00"]],
    "sponsor": "210000.00",
    "tiers": [
        [1, "1000000.00", "0.00"],
        [2, "240000.00", "0.00"],
        [3, "0.00", "102857.14"],
        [4, "250000.00", "107142.86"],
    ],
}
"""The sale after three years that the demo's operating agreement works out."""


@dataclass(frozen=True, slots=True)
class Cast:
    """The staff of the sandbox, as ``manage.py seed`` makes them."""

    operator: User
    approver: User
    second_approver: User
    compliance: User

    @classmethod
    def find(cls) -> "Cast":
        """Find them by their e-mail addresses."""
        names = ("olivia", "adam", "anna", "carla")
        return cls(*(User.objects.get(email=f"{name}@realco.example") for name in names))


def pass_checks(user: User, *, cast: Cast, at: datetime, is_accredited: bool = True) -> None:
    """Let compliance see a person's papers, and staff verify the bank accounts."""
    profile = InvestorProfile.objects.get(user=user)
    profiles.record_kyc(
        profile,
        status="PASSED",
        by=cast.compliance,
        at=at,
        expires_at=at + timedelta(days=730),
        note="Passport and utility bill seen.",
    )
    profiles.record_accreditation(
        profile, is_accredited=is_accredited, by=cast.compliance, note="Letter of a certified accountant seen.", at=at
    )
    for account in user.bank_accounts.filter(status=BankAccount.Status.PENDING_VERIFICATION):
        bank_accounts.verify(account, by=cast.compliance, at=at, reason="Two small deposits were named rightly.")


def open_offering(path: Path, *, cast: Cast, at: datetime) -> EscrowAccount:
    """Make the offering of a file with one row, its sponsor, its terms and its escrow account."""
    with path.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    sponsor = _sponsor(row, cast=cast, at=at)
    with audit.acting("offering.draft", by=cast.operator):
        offering = Offering.objects.create(
            organization=sponsor,
            name=row["name"],
            slug=row["slug"],
            location=row["location"],
            description=row["description"],
            exemption=row["exemption"],
            minimum_amount=money.parse_written(row["minimum amount"]),
            maximum_amount=money.parse_written(row["maximum amount"]),
            minimum_investment=money.parse_written(row["minimum investment"]),
            preferred_return_rate=Decimal(row["preferred return"]),
            deadline_at=at + timedelta(days=int(row["days open"])),
            created_at=at,
        )
    platform = Organization.objects.get(kind="PLATFORM")
    account = bank_accounts.add(
        platform,
        account_number=row["escrow bank account"],
        routing_number=ROUTING_NUMBER,
        holder_name=f"{offering.name} escrow",
        bank_name="Sandbox Bank",
        by=cast.operator,
        at=at,
    )
    escrow = escrow_accounts.open_account(
        offering,
        bank_account_id=account.pk,
        external_account_id=row["escrow bank account"],
        by=cast.operator,
        at=at,
    )
    _agree_terms(offering, cast=cast, at=at)
    offerings.open_raise(offering, by=cast.operator, at=at)
    return escrow


def _agree_terms(offering: Offering, *, cast: Cast, at: datetime) -> None:
    """Bring the offering's terms into force: drafted, held against the agreement's worked example, activated."""
    drafted = terms.draft_from_template(
        offering,
        template="original_four_tiers",
        effective_from=banking_date(at),
        note="Operating agreement, section 6",
        by=cast.operator,
        at=at,
    )
    waterfall_examples.enter(drafted, example=EXAMPLE, by=cast.approver, at=at)
    terms.activate(drafted, content_hash=terms_queries.content_hash(drafted), approver=cast.approver, at=at)


def _sponsor(row: dict[str, str], *, cast: Cast, at: datetime) -> Organization:
    with audit.acting("organization.create", by=cast.operator):
        owner = User.objects.create_user(row["sponsor email"], None, full_name=row["sponsor contact"])
        sponsor = Organization.objects.create(name=row["sponsor"], kind="SPONSOR", owner=owner)
    profiles.create(owner, Particulars(legal_name=row["sponsor contact"]), by=None, at=at)
    bank_accounts.add(
        owner,
        account_number=row["sponsor account number"],
        routing_number=ROUTING_NUMBER,
        holder_name=row["sponsor"],
        bank_name="Prairie National",
        by=owner,
        at=at,
    )
    pass_checks(owner, cast=cast, at=at)
    return sponsor
