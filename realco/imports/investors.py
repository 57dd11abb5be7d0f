"""Investors and their bank accounts, from a sponsor's CSV file."""

from datetime import date, datetime

from compliance.models import InvestorProfile
from compliance.models.compliance_checks import ComplianceCheckType
from compliance.operations import checks, profiles
from compliance.operations.profiles import Particulars
from finance.operations import bank_accounts
from realco import money
from realco.errors import Refusal
from realco.imports.csv_files import Row
from realco.models import User

COLUMNS = (
    "email",
    "legal name",
    "contact name",
    "kind",
    "date of birth",
    "tax id",
    "address",
    "annual income",
    "net worth",
    "bank name",
    "routing number",
    "account number",
    "account type",
    "accredited",
)


class ImpossibleValue(Refusal):
    """A cell cannot be what its column says."""


def import_investor(row: Row, *, by: User, at: datetime) -> bool:
    """
    Add an investor with profile and bank account; return whether they are new (an e-mail is one person).

    Identity, accreditation and bank account are still to be checked by staff.

    :raises Refusal: if a cell is impossible
    """
    email = row["email"].lower()
    if "@" not in email or " " in email:
        raise ImpossibleValue(f"“{row['email']}” is no e-mail address.")
    if InvestorProfile.objects.filter(user__email=email).exists():
        return False
    user = User.objects.filter(email=email).first()
    user = user or User.objects.create_user(email, None, full_name=row["contact name"] or row["legal name"])
    profiles.create(user, _particulars(row), by=None, at=at, tax_id=row["tax id"])
    if _yes(row["accredited"]):
        checks.open_case(
            user,
            check_type=ComplianceCheckType.ACCREDITATION,
            rule_version="stated-by-sponsor/2026.1",
            summary="The sponsor's file says that this investor is accredited; see the evidence.",
            payment_id=None,
            at=at,
        )
    bank_accounts.add(
        user,
        account_number=row["account number"],
        routing_number=row["routing number"],
        holder_name=row["legal name"],
        bank_name=row["bank name"],
        kind=row["account type"].upper(),
        by=by,
        at=at,
    )
    return True


def _particulars(row: Row) -> Particulars:
    return Particulars(
        legal_name=row["legal name"],
        kind=row["kind"].upper(),
        date_of_birth=_date(row["date of birth"]),
        address=row["address"],
        annual_income=money.parse_written(row["annual income"]) if row["annual income"] else None,
        net_worth=money.parse_written(row["net worth"]) if row["net worth"] else None,
    )


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ImpossibleValue(f"“{text}” is no date; write YYYY-MM-DD.") from None


def _yes(text: str) -> bool:
    answer = text.lower()
    if answer not in ("yes", "no", ""):
        raise ImpossibleValue(f"“{text}” is neither yes nor no.")
    return answer == "yes"
