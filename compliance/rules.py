"""
The rules of the gate: each a small function that answers for one concern with ComplianceChecks.

A rule only reads; the gate saves what it answers. Every check carries the version of
its rule, and ``details["question"]`` says in one line what was asked: when a person has reviewed a
check, the answer holds for every check of that person with the same question.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from compliance import names
from compliance.facts import LIMITED_TYPES, PaymentFacts
from compliance.models import CheckStatus, ComplianceCheck, InvestorProfile, SanctionsImport
from compliance.models.compliance_checks import ComplianceCheckType
from compliance.queries import checks, limits, sanctions
from compliance.queries.sanctions import Candidate
from realco import copying
from realco.identifiers import new_id
from realco.models import Organization, User
from realco.money import format_money, to_json

NOT_ASKED = ("date_of_birth", "address", "tax_id", "tax_id_last_four", "kyc_checked_at", "created_at", "updated_at")
"""Columns of a profile that no rule looks at."""

LIMITS_VERSION = "limits/2026.1"
IDENTITY_VERSION = "kyc/2026.1"
SANCTIONS_VERSION = "ofac-exact/2026.1"
VELOCITY_VERSION = "velocity/2026.1"

PAYMENTS_AN_HOUR = 10
"""More payments than this of one person within an hour are looked at by a person."""
SPLIT_THRESHOLD = Decimal("50000.00")
"""Above this a single payment needs an approver; several that avoid it together are looked at."""


@dataclass(frozen=True, slots=True)
class Known:
    """
    What was looked up beforehand for everybody who is asked about together, so that each need not be.

    ``confirmed`` are those with reviews that found them listed, ``listed`` the normalised names in question that
    are on a list: whoever is in neither is on none.
    """

    latest: SanctionsImport | None
    companies: Mapping[UUID, list[str]]
    confirmed: frozenset[UUID]
    listed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Question:
    """What a rule is asked: may this person make this payment, on this banking day?"""

    subject: User
    profile: InvestorProfile | None
    payment: PaymentFacts
    at: datetime
    on: date
    known: Known
    about: str = field(init=False)
    """The payment, as questions about it name it; without a row it is never the same again."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "about", str(self.payment.payment_id or new_id()))


def look_up(asked: Sequence[tuple[User, InvestorProfile | None, PaymentFacts]]) -> Known:
    """Look up for many people what the rules need to know of each; four queries for any number."""
    companies: dict[UUID, list[str]] = {subject.id: [] for subject, _, _ in asked}
    acting = [subject.id for subject, _, payment in asked if payment.type not in LIMITED_TYPES]
    owned = (
        Organization.objects.filter(owner_id__among=acting).order_by("name") if acting else Organization.objects.none()
    )
    for owner_id, name in owned.values_list("owner_id", "name"):
        companies[owner_id].append(name)
    every = [name for subject, profile, payment in asked for name in _names_of(subject, profile, payment, companies)]
    return Known(
        latest=sanctions.latest_import(),
        companies=companies,
        confirmed=frozenset(checks.with_confirmed_match(companies)),
        listed=frozenset(
            sanctions.listed_names(names.key(name) for name in every).values_list("normalized", flat=True)
        ),
    )


Rule = Callable[[Question], Sequence[ComplianceCheck]]


def within_limits(question: Question) -> list[ComplianceCheck]:
    """Answer whether the payment is within every limit of the day; a limit that is not set needs a person."""
    measured = limits.measures(question.payment, question.profile, on=question.on)
    details = {
        "asked": to_json(question.payment.amount),
        "limits": [
            {
                "limit_type": measure.limit_type.value,
                "limit": None if measure.limit is None else to_json(measure.limit),
                "used": to_json(measure.used),
            }
            for measure in measured
        ],
    }
    build = _Builder(question, ComplianceCheckType.LIMIT_CHECK, LIMITS_VERSION, f"limits:{question.about}")
    if not measured:
        return [build(CheckStatus.PASSED, "No limit holds for this kind of payment.", details)]
    over = [measure for measure in measured if measure.is_exceeded_by(question.payment.amount)]
    if over:
        said = ", ".join(f"{one.limit_type.label.lower()} limit {format_money(one.limit or one.used)}" for one in over)
        return [build(CheckStatus.FAILED, f"Over the {said}.", details)]
    unset = [measure.limit_type.label.lower() for measure in measured if measure.limit is None]
    if unset:
        summary = f"No {', '.join(unset)} limit is in force on {question.on}."
        return [_reviewable(build(CheckStatus.MANUAL_REVIEW, summary, details))]
    return [build(CheckStatus.PASSED, "Within every limit.", details)]


def identity(question: Question) -> list[ComplianceCheck]:
    """
    Answer whether we know the person and have not stopped dealing with them.

    What cannot be answered yet waits until the identity check is recorded on the profile; no
    review of a single payment stands in for it. Somebody without a profile who acts for a
    registered company is known as such, except when they invest themselves.
    """
    profile, at = question.profile, question.at
    about = f"kyc:{profile.id if profile else 'no profile'}"
    build = _Builder(question, ComplianceCheckType.KYC, IDENTITY_VERSION, about)
    if profile is None:
        companies = _companies(question)
        if companies:
            return [build(CheckStatus.PASSED, f"Acts for {companies[0]}, a registered company."[:300])]
        return [_once(build(CheckStatus.MANUAL_REVIEW, "There is no investor profile."))]
    if profile.is_restricted:
        return [build(CheckStatus.FAILED, "The investor is restricted.", {"reason": profile.restriction_reason})]
    if profile.kyc_status == CheckStatus.FAILED:
        return [build(CheckStatus.FAILED, "The identity check failed.")]
    if profile.kyc_status != CheckStatus.PASSED:
        return [_once(build(CheckStatus.MANUAL_REVIEW, "The identity check has not been passed yet."))]
    if profile.kyc_expires_at is not None and profile.kyc_expires_at <= at:
        return [_once(build(CheckStatus.MANUAL_REVIEW, f"The identity check expired on {profile.kyc_expires_at:%F}."))]
    return [build(CheckStatus.PASSED, "The identity is known.")]


def sanctions_lists(question: Question) -> list[ComplianceCheck]:
    """
    Answer whether the person is on a sanctions list: one check for each party they may be.

    A possible match waits for a person; what they decide about this party holds until the list
    changes the party or the investor changes their name. A confirmed match holds as long as the
    party is listed.
    """
    latest = question.known.latest
    screened = _screened_names(question)
    details: dict[str, object] = {"screened": screened, "list": None if latest is None else latest.content_hash[:12]}
    is_confirmed = question.subject.id in question.known.confirmed
    confirmed = checks.confirmed_matches(question.subject) if is_confirmed else {}
    answers = [_confirmed(question, review) for review in confirmed.values()]
    may_match = any(names.key(name) in question.known.listed for name in screened)
    candidates = sanctions.candidates(screened) if may_match else []
    answers += [_possible(question, one) for one in candidates if one.party.pk not in confirmed]
    unreadable = [name for name in screened if not names.key(name)]
    if unreadable or not screened:
        build = _Builder(question, ComplianceCheckType.OFAC, SANCTIONS_VERSION, f"ofac:unreadable:{screened}")
        summary = "The name has no letters that could be compared with a sanctions list."
        answers.append(_reviewable(build(CheckStatus.MANUAL_REVIEW, summary, details)))
    build = _Builder(question, ComplianceCheckType.OFAC, SANCTIONS_VERSION, f"ofac:{question.about}")
    if latest is None and not settings.SANDBOX:
        summary = "No sanctions list has been loaded."
        answers.append(_reviewable(build(CheckStatus.MANUAL_REVIEW, summary, details)))
    if answers:
        return answers
    summary = "On no sanctions list." if latest else "No sanctions list has been loaded; only the sandbox goes on."
    return [build(CheckStatus.PASSED, summary, details)]


def velocity(question: Question) -> list[ComplianceCheck]:
    """
    Answer whether the pattern of payments is usual (AML); what is not is looked at by a person.

    Two patterns are not: more than ten payments within an hour, this one counted; and deposits of
    one day that need no approver each but would together, which is how a large one is split up.
    """
    payment = question.payment
    totals = payment.totals
    details = {
        "count_last_hour": totals.count_last_hour,
        "deposited_today": to_json(totals.deposited_today),
        "asked": to_json(payment.amount),
    }
    build = _Builder(question, ComplianceCheckType.AML, VELOCITY_VERSION, f"velocity:{question.about}")
    if totals.count_last_hour + 1 > PAYMENTS_AN_HOUR:
        summary = f"{totals.count_last_hour + 1} payments within an hour."
        return [_reviewable(build(CheckStatus.MANUAL_REVIEW, summary, details))]
    together = totals.deposited_today + payment.amount
    is_split = totals.deposited_today > 0 and payment.amount <= SPLIT_THRESHOLD < together
    if payment.type in LIMITED_TYPES and is_split:
        summary = f"Deposits of one day that are {format_money(together)} together, each without an approver."
        return [_reviewable(build(CheckStatus.MANUAL_REVIEW, summary, details))]
    return [build(CheckStatus.PASSED, "Nothing unusual in number or pattern.", details)]


RULES: tuple[Rule, ...] = (within_limits, identity, sanctions_lists, velocity)


_PATTERN = copying.Pattern(ComplianceCheck())


@dataclass(slots=True)
class _Builder:
    """Builds unsaved checks of one rule for one question."""

    question: Question
    check_type: ComplianceCheckType
    rule_version: str
    about: str

    def __call__(
        self, status: CheckStatus, summary: str, details: Mapping[str, object] | None = None
    ) -> ComplianceCheck:
        return _PATTERN.row(
            id=new_id(),
            subject_id=self.question.subject.id,
            check_type=self.check_type,
            status=status,
            payment_id=self.question.payment.payment_id,
            rule_version=self.rule_version,
            summary=summary[:300],
            details={"question": self.about, **(details or {})},
            created_at=self.question.at,
        )


def _reviewable(check: ComplianceCheck) -> ComplianceCheck:
    """Replace a check that waits by what a person has decided about the same question, if anybody has."""
    review = checks.decision_on(check)
    if review is None:
        return _once(check)
    if review.payment_id == check.payment_id:
        return review
    check.status = review.status
    check.summary = f"Reviewed before ({review.get_status_display().lower()}): {check.summary}"[:300]
    check.details["reviewed_in"] = str(review.pk)
    return check


def _once(check: ComplianceCheck) -> ComplianceCheck:
    """Replace a check that waits by the one that already waits for the same payment with the same question."""
    return checks.waiting_already(check) or check


def _possible(question: Question, candidate: Candidate) -> ComplianceCheck:
    """Answer for a party the person may be: waiting, or as it was reviewed before."""
    party = candidate.party
    words = names.key(candidate.screened_name)
    about = f"ofac:{party.list_name}:{party.entity_number}:{party.content_hash}:{words}"
    build = _Builder(question, ComplianceCheckType.OFAC, SANCTIONS_VERSION, about)
    details: dict[str, object] = {
        "screened_name": candidate.screened_name,
        "listed_name": candidate.listed_name,
        "list_name": party.list_name,
        "entity_number": party.entity_number,
        "content_hash": party.content_hash,
    }
    check = build(CheckStatus.MANUAL_REVIEW, f"May be {party.name} ({party.list_name} {party.entity_number}).", details)
    check.matched_party = party
    check.score = candidate.score
    return _reviewable(check)


def _confirmed(question: Question, review: ComplianceCheck) -> ComplianceCheck:
    """Answer that the person is a listed party, as a review found."""
    build = _Builder(question, ComplianceCheckType.OFAC, SANCTIONS_VERSION, str(review.details["question"]))
    party = review.matched_party
    assert party is not None
    summary = f"Is {party.name} ({party.list_name} {party.entity_number}), as a review found."
    check = build(CheckStatus.FAILED, summary, {"reviewed_in": str(review.pk)})
    check.matched_party = party
    check.score = review.score
    return check


def _companies(question: Question) -> list[str]:
    """Return the companies the person is paid or pays for; none when they invest themselves."""
    return _companies_of(question.subject, question.payment, question.known.companies)


def _companies_of(subject: User, payment: PaymentFacts, companies: Mapping[UUID, list[str]]) -> list[str]:
    return [] if payment.type in LIMITED_TYPES else companies[subject.id]


def _screened_names(question: Question) -> list[str]:
    """
    Return every name behind a payment: the person's in profile and login, of companies they act for, and the
    one on the bank account, which says who really pays or is paid.
    """
    return _names_of(question.subject, question.profile, question.payment, question.known.companies)


def _names_of(
    subject: User, profile: InvestorProfile | None, payment: PaymentFacts, companies: Mapping[UUID, list[str]]
) -> list[str]:
    known = [profile.legal_name] if profile else []
    every = [*known, subject.full_name, *_companies_of(subject, payment, companies), payment.account_holder]
    return list(dict.fromkeys(name for name in every if name.strip()))
