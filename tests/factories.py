"""What tests need to begin with, made by the same operations that people use."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from compliance.models import CheckStatus, InvestorProfile
from compliance.operations import limits
from distributions.models import WaterfallTerms
from distributions.operations import terms, waterfall_examples
from distributions.queries import terms as terms_queries
from escrow.models import Closing, EscrowAccount
from escrow.operations import closings, escrow_accounts
from finance.models import BankAccount, Transaction
from finance.operations import bank_accounts, fees, settlements, transactions
from finance.operations.orders import Order
from realco.business_days import banking_date
from realco.models import Offering, Organization, SandboxClock, User
from realco.permissions import GROUPS

ROUTING = "110000000"
GOOD_ACCOUNT = "000123456789"
_numbers = count(1)


def make_user(name: str, *groups: str, is_staff: bool = False) -> User:
    """A user with the permissions of the named groups."""
    email = f"{name.lower().replace(' ', '.')}.{next(_numbers)}@example.com"
    user = User.objects.create_user(email, "correct horse battery", full_name=name, is_staff=is_staff)
    for group in groups:
        user.groups.add(make_group(group))
    return user


def make_group(name: str) -> Group:
    group, is_new = Group.objects.get_or_create(name=name)
    if is_new:
        wanted = Q()
        for permission in GROUPS[name]:
            app, codename = permission.split(".")
            wanted |= Q(content_type__app_label=app, codename=codename)
        group.permissions.set(Permission.objects.filter(wanted))
    return group


def make_reference_data(at: datetime) -> None:
    """Fee rules and limits as they are seeded; and the sandbox's clock, because tests live on days of their own."""
    SandboxClock.objects.get_or_create(pk=1)
    fees.seed(banking_date(at))
    limits.seed(banking_date(at))


def make_profile(user: User, at: datetime, **fields: object) -> InvestorProfile:
    """An identity that passed its checks."""
    defaults: dict[str, object] = {
        "legal_name": user.full_name,
        "kyc_status": CheckStatus.PASSED,
        "kyc_checked_at": at,
        "kyc_expires_at": at + timedelta(days=4000),
        "is_accredited": True,
        "annual_income": Decimal("300000.00"),
        "net_worth": Decimal("2000000.00"),
    }
    return InvestorProfile.objects.create(user=user, **{**defaults, **fields})


def make_bank_account(
    owner: User | Organization, *, verifier: User, at: datetime, number: str = GOOD_ACCOUNT
) -> BankAccount:
    """A verified bank account with one of the sandbox bank's numbers."""
    person = owner if isinstance(owner, User) else owner.owner
    account = bank_accounts.add(
        owner,
        account_number=number,
        routing_number=ROUTING,
        holder_name=person.full_name,
        bank_name="Test Bank",
        by=person,
        at=at,
    )
    return bank_accounts.verify(account, by=verifier, at=at)


def make_investor(name: str, *, verifier: User, at: datetime, number: str = GOOD_ACCOUNT) -> User:
    """An investor with a passed identity and a verified bank account."""
    investor = make_user(name)
    make_profile(investor, at)
    make_bank_account(investor, verifier=verifier, at=at, number=number)
    return investor


def make_offering(*, operator: User, at: datetime, name: str = "Elm Street", **fields: object) -> Offering:
    """An open offering of a sponsor who passed his checks; of a new one, unless an organization is given."""
    number = next(_numbers)
    sponsor = fields.pop("organization", None) or make_sponsor(f"{name} Sponsor {number}", f"Sponsor of {name}", at=at)
    assert isinstance(sponsor, Organization)
    defaults: dict[str, object] = {
        "minimum_amount": Decimal("1000.00"),
        "maximum_amount": Decimal("5000000.00"),
        "minimum_investment": Decimal("100.00"),
        "deadline_at": at + timedelta(days=90),
    }
    offering = Offering(
        organization=sponsor, name=f"{name} {number}", slug=f"offering-{number}", **{**defaults, **fields}
    )
    offering.save()
    offering.mark_open(at=at)
    offering.save()
    return offering


def make_sponsor(name: str, owner: str, *, at: datetime) -> Organization:
    """A company whose owner passed his checks."""
    person = make_user(owner)
    make_profile(person, at)
    return Organization.objects.create(name=name, kind="SPONSOR", owner=person)


def make_escrow(offering: Offering, *, operator: User, at: datetime, external_account_id: str = "") -> EscrowAccount:
    """The offering's own escrow account, at the sandbox bank."""
    number = external_account_id or f"99{next(_numbers):08d}"
    return escrow_accounts.open_account(offering, bank_account_id=None, external_account_id=number, by=operator, at=at)


def deposit_order(escrow: EscrowAccount, investor: User, amount: str, method: str = "ACH") -> Order:
    account = investor.bank_accounts.order_by("created_at").last() if method == "ACH" else None
    return Order(
        type="DEPOSIT",
        payment_method=method,
        amount=Decimal(amount),
        escrow_account_id=escrow.pk,
        from_user_id=investor.pk,
        from_bank_account_id=account.pk if account else None,
    )


def deposit(escrow: EscrowAccount, investor: User, amount: str, *, at: datetime, method: str = "ACH") -> Transaction:
    """A deposit as its investor asks for it: QUEUED, or waiting for approval."""
    order = deposit_order(escrow, investor, amount, method)
    return transactions.initiate(order, initiator=investor, idempotency_key=f"deposit-{next(_numbers)}", at=at)


def play(payment: Transaction, *, at: datetime, until: str = "COMPLETED") -> Transaction:
    """Take a queued payment through the bank, as far as wanted: PENDING_SETTLEMENT, SETTLED or COMPLETED."""
    settlements.process(payment.pk, at=at)
    payment.refresh_from_db()
    if payment.status == "PENDING_SETTLEMENT" and until != "PENDING_SETTLEMENT":
        settlements.record_settled(payment.attempt_key, effective_date=at.date(), at=at)
    payment.refresh_from_db()
    if payment.status == "SETTLED" and until == "COMPLETED":
        assert payment.clears_on is not None
        settlements.clear(payment.pk, at=at + timedelta(days=(payment.clears_on - at.date()).days + 1))
    payment.refresh_from_db()
    return payment


def fund(investor: User, escrow: EscrowAccount, amount: str, *, at: datetime) -> Transaction:
    """A deposit that has cleared."""
    payment = deposit(escrow, investor, amount, at=at)
    return play(payment, at=at)


WORKED = {
    # WATERFALL.md, case A; the same exit by the four tiers of the original, and by a split, worked out by hand.
    "preferred_and_catch_up": ("1560000.00", "140000.00"),
    "original_four_tiers": ("1490000.00", "210000.00"),
    # 1.12 cubed of it, and 80 % of what 8, 12 and (not reached) 18 % leave.
    "three_hurdle_promote": ("1628077.51", "71922.49"),
    "straight_split": ("1560000.00", "140000.00"),
}
EXAMPLE = {
    "source": "Operating agreement, exhibit C",
    "on": "2025-12-31",
    "amount": "1700000.00",
    "contributions": [["Investors", "2023-01-01", "1000000.00"]],
}


def example_of(template: str) -> dict[str, object]:
    """The worked example of an agreement with these terms."""
    investors, sponsor = WORKED[template]
    return {**EXAMPLE, "expected": [["Investors", investors]], "sponsor": sponsor}


def make_terms(
    offering: Offering, *, template: str = "preferred_and_catch_up", effective_from: date, by: User, at: datetime
) -> WaterfallTerms:
    """Terms in force: drafted by one person, held against a worked example, activated by another."""
    drafted = terms.draft_from_template(offering, template=template, effective_from=effective_from, by=by, at=at)
    return activate_terms(drafted, example=example_of(template), by=by, at=at)


def activate_terms(drafted: WaterfallTerms, *, example: Mapping[str, object], by: User, at: datetime) -> WaterfallTerms:
    """The draft in force, by a second person, over an example."""
    waterfall_examples.enter(drafted, example=example, by=by, at=at)
    second = make_user("Theo Terms", "Approvers", is_staff=True)
    return terms.activate(drafted, content_hash=terms_queries.content_hash(drafted), approver=second, at=at)


def close(closing: Closing, *, approver: User, at: datetime, second: User | None = None) -> Closing:
    """Have two people sign a proposed closing, which executes it."""
    for person in (approver, second or make_user("Stella Signer", "Approvers", is_staff=True)):
        closing = closings.approve(closing, approver=person, content_hash=closing.content_hash, at=at)
    return closing
