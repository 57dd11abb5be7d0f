"""What is known about an investor: stated by themselves, verified and restricted by staff."""

import unicodedata
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from compliance.models import CheckStatus, ComplianceCheck, InvestorProfile
from compliance.models.compliance_checks import ComplianceCheckType
from compliance.models.investor_profiles import InvestorKind
from compliance.operations import checks
from compliance.operations.checks import NoteMissing
from realco import audit, permissions
from realco.business_days import banking_date
from realco.encryption import last_four
from realco.errors import Duplicate, IllegalTransition, Refusal
from realco.identifiers import new_id
from realco.models import User
from realco.money import MAX_AMOUNT

RECORDED_VERSION = "kyc-recorded/2026.1"
ACCREDITATION_VERSION = "accreditation-recorded/2026.1"
_IDENTITY = ("legal_name", "kind", "date_of_birth", "country")


class InvalidProfile(Refusal):
    """What was stated cannot be right; ``details["field"]`` says where."""


class ProfileExists(Duplicate):
    """An investor has one profile."""


class NotRestricted(IllegalTransition):
    """There is no restriction to lift."""


class UnknownOutcome(Refusal):
    """An identity check passes, fails, or goes to manual review."""


@dataclass(frozen=True, slots=True)
class Particulars:
    """What an investor states about themselves. Income and net worth are yearly US dollars."""

    legal_name: str
    kind: str = InvestorKind.INDIVIDUAL
    date_of_birth: date | None = None
    country: str = "US"
    address: str = ""
    annual_income: Decimal | None = None
    net_worth: Decimal | None = None


def create(user: User, particulars: Particulars, *, by: User | None, at: datetime, tax_id: str = "") -> InvestorProfile:
    """
    Create an investor's profile, whose identity is still to be checked.

    ``by`` is the investor, or staff who review checks, or None for the system itself.

    :raises NotPermitted: if it is somebody else's
    :raises InvalidProfile: if a statement cannot be right
    :raises ProfileExists: if there is one
    """
    with audit.acting("profile.create", by=by), transaction.atomic():
        _require_own_or_staff(user, by)
        stated = _checked(particulars, at)
        profile = InvestorProfile(user=user, **stated, created_at=at)
        _set_tax_id(profile, tax_id)
        try:
            with transaction.atomic():
                profile.save(force_insert=True)
        except IntegrityError:
            if not InvestorProfile.objects.filter(user=user).exists():
                raise
            raise ProfileExists("There is a profile already; change that one.") from None
        return profile


def update(
    profile: InvestorProfile, particulars: Particulars, *, by: User | None, at: datetime, tax_id: str | None = None
) -> InvestorProfile:
    """
    Replace what an investor has stated; a tax id of None stays as it is.

    Who changes their name, kind, birth date, country or tax id has to be identified anew: an
    identity check that was passed is pending again.

    :raises NotPermitted: if it is somebody else's
    :raises InvalidProfile: if a statement cannot be right
    """
    with audit.acting("profile.update", by=by), transaction.atomic():
        profile = _locked(profile)
        _require_own_or_staff(profile.user, by)
        stated = _checked(particulars, at)
        before = (*(getattr(profile, name) for name in _IDENTITY), profile.tax_id)
        for name, value in stated.items():
            setattr(profile, name, value)
        if tax_id is not None:
            _set_tax_id(profile, tax_id)
        after = (*(getattr(profile, name) for name in _IDENTITY), profile.tax_id)
        if before != after and profile.kyc_status == CheckStatus.PASSED:
            profile.kyc_status = CheckStatus.PENDING
            profile.kyc_expires_at = None
        profile.save()
        return profile


def restrict(profile: InvestorProfile, *, by: User | None, reason: str, at: datetime) -> InvestorProfile:
    """
    Stop every payment of an investor. Who is restricted already stays so, with the new reason added.

    ``by`` is None when the system does it, such as for a return that says "not authorised".

    :raises NotPermitted: if the person may not restrict investors
    :raises NoteMissing: if there is no reason
    """
    with audit.acting("profile.restrict", by=by, reason=reason.strip()), transaction.atomic():
        if by is not None:
            permissions.require(by, permissions.RESTRICT_INVESTOR)
        reason = _required_note(reason)
        profile = _locked(profile)
        if profile.is_restricted:
            known = profile.restriction_reason
            profile.restriction_reason = known if reason in known else f"{known}; {reason}"[:300]
        else:
            profile.restricted_at = at
            profile.restriction_reason = reason[:300]
        profile.save()
        return profile


def lift(profile: InvestorProfile, *, by: User, reason: str, at: datetime) -> InvestorProfile:
    """
    Let an investor pay and be paid again. Why they were restricted, and why no longer, stays in the audit trail.

    :raises NotPermitted: if the person may not restrict investors
    :raises NoteMissing: if there is no reason
    :raises ReviewerIsSubject: if it is their own profile
    :raises NotRestricted: if there is no restriction
    """
    with audit.acting("profile.lift", by=by, reason=reason.strip()), transaction.atomic():
        permissions.require(by, permissions.RESTRICT_INVESTOR)
        _required_note(reason)
        profile = _locked(profile)
        checks.require_other_person(by, profile.user_id)
        if not profile.is_restricted:
            raise NotRestricted("This investor is not restricted.")
        profile.restricted_at = None
        profile.restriction_reason = ""
        profile.save()
        return profile


def record_kyc(
    profile: InvestorProfile,
    *,
    status: str,
    by: User,
    at: datetime,
    expires_at: datetime | None = None,
    note: str = "Identity check recorded.",
) -> InvestorProfile:
    """
    Record how an identity check came out; checks of the investor that wait for it are decided with it.

    :raises NotPermitted: if the person may not review checks
    :raises UnknownOutcome: if the status is not PASSED, FAILED or MANUAL_REVIEW, or would expire at once
    :raises NoteMissing: if the note is empty
    :raises ReviewerIsSubject: if it is their own profile
    """
    with audit.acting("profile.record_kyc", by=by, reason=note.strip()), transaction.atomic():
        permissions.require(by, permissions.REVIEW_CHECK)
        note = _required_note(note)
        if status not in (CheckStatus.PASSED, CheckStatus.FAILED, CheckStatus.MANUAL_REVIEW):
            raise UnknownOutcome("An identity check passes, fails, or goes to manual review.")
        if expires_at is not None and expires_at <= at:
            raise UnknownOutcome("The identity check would have expired already; give a later day.")
        outcome = CheckStatus(status)
        profile = _locked(profile)
        checks.require_other_person(by, profile.user_id)
        profile.kyc_status = outcome
        profile.kyc_checked_at = at
        profile.kyc_expires_at = expires_at if outcome == CheckStatus.PASSED else None
        profile.save()
        if outcome != CheckStatus.MANUAL_REVIEW:
            _close_waiting(profile, ComplianceCheckType.KYC, outcome, by, note, at)
            _keep(profile, ComplianceCheckType.KYC, RECORDED_VERSION, outcome, by, note, at, expires_at)
        return profile


def record_accreditation(
    profile: InvestorProfile, *, is_accredited: bool, by: User, note: str, at: datetime
) -> InvestorProfile:
    """
    Record whether an investor was verified as accredited (17 CFR 230.501), which lifts most limits.

    :raises NotPermitted: if the person may not review checks
    :raises NoteMissing: if the note does not say on what evidence
    :raises ReviewerIsSubject: if it is their own profile
    """
    with audit.acting("profile.record_accreditation", by=by, reason=note.strip()), transaction.atomic():
        permissions.require(by, permissions.REVIEW_CHECK)
        note = _required_note(note)
        profile = _locked(profile)
        checks.require_other_person(by, profile.user_id)
        profile.is_accredited = is_accredited
        profile.save()
        outcome = CheckStatus.PASSED if is_accredited else CheckStatus.FAILED
        _keep(profile, ComplianceCheckType.ACCREDITATION, ACCREDITATION_VERSION, outcome, by, note, at, None)
        return profile


def _locked(profile: InvestorProfile) -> InvestorProfile:
    return InvestorProfile.objects.select_for_update(of=("self",)).select_related("user").get(pk=profile.pk)


def _require_own_or_staff(user: User, by: User | None) -> None:
    if by is not None and by.pk != user.pk:
        permissions.require(by, permissions.REVIEW_CHECK)


def _required_note(note: str) -> str:
    if not note.strip():
        raise NoteMissing("Say why: the note is what an examiner will read.")
    return note.strip()


def _close_waiting(
    profile: InvestorProfile,
    check_type: ComplianceCheckType,
    outcome: CheckStatus,
    by: User,
    note: str,
    at: datetime,
) -> None:
    waiting = (
        ComplianceCheck.objects.filter(
            subject_id=profile.user_id, check_type=check_type, status=CheckStatus.MANUAL_REVIEW
        )
        .order_by("pk")
        .select_for_update()
    )
    checks.sign(list(waiting), status=outcome, reviewer=by, note=note, at=at)


def _keep(
    profile: InvestorProfile,
    check_type: ComplianceCheckType,
    version: str,
    outcome: CheckStatus,
    by: User,
    note: str,
    at: datetime,
    expires_at: datetime | None,
) -> None:
    """Keep a person's finding about the investor as a check of its own."""
    ComplianceCheck.objects.create(
        id=new_id(),
        check_type=check_type,
        status=outcome,
        subject_id=profile.user_id,
        rule_version=version,
        summary=note[:300],
        details={"question": f"recorded:{check_type.value}:{profile.pk}"},
        reviewed_by=by,
        reviewed_at=at,
        review_note=note,
        expires_at=expires_at,
        created_at=at,
    )


def _checked(particulars: Particulars, at: datetime) -> dict[str, object]:
    """Return the statements by column, or refuse the first that cannot be right."""
    stated: dict[str, object] = {field.name: getattr(particulars, field.name) for field in fields(particulars)}
    for name, most in (("legal_name", 200), ("address", 300)):
        text = " ".join(str(stated[name]).split())
        if len(text) > most or any(unicodedata.category(char) == "Cc" for char in text):
            raise InvalidProfile(f"The {name.replace('_', ' ')} has more than {most} letters, or odd ones.", field=name)
        stated[name] = text
    if not stated["legal_name"]:
        raise InvalidProfile("Give the full legal name.", field="legal_name")
    if particulars.kind not in InvestorKind.values:
        raise InvalidProfile("An investor is an individual or an entity.", field="kind")
    country = particulars.country.strip().upper()
    if len(country) != 2 or not (country.isascii() and country.isalpha()):
        raise InvalidProfile("Give the country by its two letters, such as US.", field="country")
    stated["country"] = country
    if particulars.date_of_birth is not None and particulars.date_of_birth > banking_date(at):
        raise InvalidProfile("The date of birth is in the future.", field="date_of_birth")
    for name in ("annual_income", "net_worth"):
        amount = getattr(particulars, name)
        if amount is not None and not (amount.is_finite() and 0 <= amount <= MAX_AMOUNT):
            raise InvalidProfile(f"The {name.replace('_', ' ')} cannot be {amount}.", field=name)
    return stated


def _set_tax_id(profile: InvestorProfile, tax_id: str) -> None:
    """Set the tax id and its last four; nine digits in the United States, with or without hyphens."""
    bare = "".join(char for char in tax_id if char not in " -").upper()
    if bare:
        is_right = bare.isascii() and bare.isalnum() and 5 <= len(bare) <= 20
        if profile.country == "US":
            is_right = is_right and bare.isdigit() and len(bare) == 9
        if not is_right:
            raise InvalidProfile("A tax id of the United States has nine digits, such as 123-45-6789.", field="tax_id")
    profile.tax_id = bare or None
    profile.tax_id_last_four = last_four(bare)
