"""
Staff pages of compliance: investors, checks and their review, limits, sanctions lists.

Why somebody was reviewed, and what was found, concerns compliance staff alone (31 CFR 1020.320(e)):
others see that a check is waiting or has failed, not its details, its note or its history.
"""

from datetime import UTC, date, datetime, time
from typing import Any, ClassVar
from urllib.parse import quote

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from compliance import names
from compliance.models import (
    CheckStatus,
    ComplianceCheck,
    InvestorProfile,
    SanctionedName,
    SanctionedParty,
    SanctionsImport,
    TransactionLimit,
)
from compliance.models.compliance_checks import ComplianceCheckType
from compliance.operations import checks, profiles
from realco import permissions
from realco.admin_pages import (
    ReadOnlyAdmin,
    Table,
    badge_column,
    day_column,
    link,
    link_column,
    moment_column,
    money_column,
    table,
    text_column,
)
from realco.admin_steps import Order, Step, StepForm, SteppedAdmin
from realco.models import User

# ---- checks --------------------------------------------------------------------------------------------------


class DecisionForm(StepForm):
    decision = forms.ChoiceField(
        choices=((CheckStatus.PASSED, "Passed: the payment may go on"), (CheckStatus.FAILED, "Failed: refuse it")),
        widget=forms.RadioSelect,
    )


def _decide(check: ComplianceCheck, order: Order) -> object:
    return checks.decide(check, reviewer=order.by, decision=order.data["decision"], note=order.reason, at=order.at)


def _reconsider(check: ComplianceCheck, order: Order) -> object:
    return checks.reconsider(check, by=order.by, note=order.reason, at=order.at)


def _is_waiting(check: ComplianceCheck) -> bool:
    return check.status == CheckStatus.MANUAL_REVIEW


def _is_decided(check: ComplianceCheck) -> bool:
    return check.reviewed_at is not None and check.check_type != ComplianceCheckType.KYC


def _about_oneself(check: ComplianceCheck, user: User) -> str:
    return "This is about yourself; somebody else has to decide it." if check.subject_id == user.pk else ""


def _decided_elsewhere(check: ComplianceCheck, user: User) -> str:
    if check.check_type == ComplianceCheckType.KYC:
        return "Record the identity check on the investor's profile; its payments follow it."
    return _about_oneself(check, user)


@admin.register(ComplianceCheck)
class ComplianceCheckAdmin(SteppedAdmin):
    """Every answer of the gate; those in manual review wait for a person's decision."""

    list_display = (
        "check_type",
        badge_column(),
        link_column("subject"),
        "summary",
        link_column("payment"),
        moment_column("created_at", "asked"),
        "rule_version",
    )
    list_display_links = ("check_type",)
    list_filter = ("status", "check_type")
    list_select_related = ("subject", "payment", "matched_party")
    search_fields = ("pk", "subject__email", "payment__pk")
    public_fields = (
        "check_type", "status", "subject", "payment", "rule_version", "created_at", "expires_at", "reviewed_by",
        "reviewed_at",
    )  # fmt: skip
    confidential_fields = ("summary", "matched_party", "score", "details", "review_note")
    steps = (
        Step(
            name="review",
            label="Review",
            permission=permissions.REVIEW_CHECK,
            act=_decide,
            explains="Decides this check, and every check of the same person that asks the same. For a possible "
            "match the decision holds until the list changes the party or the investor's name changes.",
            done="The check is decided.",
            when=_is_waiting,
            problem=_decided_elsewhere,
            form=DecisionForm,
        ),
        Step(
            name="reconsider",
            label="Reconsider",
            permission=permissions.REVIEW_CHECK,
            act=_reconsider,
            explains="Opens the question again: a new check waits for review, beside this one.",
            done="A new check waits for review.",
            when=_is_decided,
            problem=_about_oneself,
        ),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.public_fields, *(self.confidential_fields if _is_compliance(request) else ()))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Leave the finding out for those whom it does not concern."""
        return [
            column for column in super().get_list_display(request) if column != "summary" or _is_compliance(request)
        ]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Take the finding off the row before its page names it to those whom it does not concern."""
        check = super().get_object(request, object_id, from_field)
        if check is not None and not _is_compliance(request):
            check.summary = "confidential"
        return check

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not _is_compliance(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)


# ---- investors -----------------------------------------------------------------------------------------------


class IdentityForm(StepForm):
    status = forms.ChoiceField(
        label="Outcome",
        choices=[(one, one.label) for one in (CheckStatus.PASSED, CheckStatus.FAILED, CheckStatus.MANUAL_REVIEW)],
    )
    expires_on = forms.DateField(
        label="Valid until",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="From this day on the identity has to be checked anew; empty: it stays valid.",
    )


class AccreditationForm(StepForm):
    is_accredited = forms.TypedChoiceField(
        label="Accredited",
        choices=(("yes", "Yes, verified"), ("no", "No")),
        coerce=lambda answer: answer == "yes",
        help_text="On what evidence is said in the reason.",
    )


def _record_kyc(profile: InvestorProfile, order: Order) -> object:
    day: date | None = order.data["expires_on"]
    expires_at = datetime.combine(day, time(), tzinfo=UTC) if day else None
    return profiles.record_kyc(
        profile, status=order.data["status"], by=order.by, at=order.at, expires_at=expires_at, note=order.reason
    )


def _record_accreditation(profile: InvestorProfile, order: Order) -> object:
    accredited = order.data["is_accredited"]
    return profiles.record_accreditation(profile, is_accredited=accredited, by=order.by, note=order.reason, at=order.at)


def _restrict(profile: InvestorProfile, order: Order) -> object:
    return profiles.restrict(profile, by=order.by, reason=order.reason, at=order.at)


def _lift(profile: InvestorProfile, order: Order) -> object:
    return profiles.lift(profile, by=order.by, reason=order.reason, at=order.at)


def _own_profile(profile: InvestorProfile, user: User) -> str:
    return "This is your own profile; somebody else has to decide it." if profile.user_id == user.pk else ""


def masked_tax_id(profile: InvestorProfile) -> str:
    """Show what may be shown of a tax id: its last four."""
    return f"•••-••-{profile.tax_id_last_four}" if profile.tax_id_last_four else "–"


masked_tax_id.short_description = "tax id"  # type: ignore[attr-defined]


def check_link(check: ComplianceCheck) -> str:
    """Name a check by its kind and lead to it."""
    return link(check, check.get_check_type_display())


check_link.short_description = "check"  # type: ignore[attr-defined]


@admin.register(InvestorProfile)
class InvestorProfileAdmin(SteppedAdmin):
    """Investors: who they are, whether their identity is checked, whether they are restricted."""

    list_display = (
        "legal_name",
        link_column("user"),
        "kind",
        badge_column("kyc_status", "identity check"),
        day_column("kyc_expires_at", "valid until"),
        "is_accredited",
        masked_tax_id,
        day_column("restricted_at", "restricted since"),
    )
    list_filter = ("kyc_status", "kind", "is_accredited", ("restricted_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("pk", "user__email", "tax_id_last_four", "legal_name__startswith")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("legal_name", "user", "kind", "date_of_birth", "country", "address", masked_tax_id)}),
        ("Means", {"fields": (money_column("annual_income"), money_column("net_worth"), "is_accredited")}),
        ("Identity check", {"fields": ("kyc_status", "kyc_checked_at", "kyc_expires_at")}),
        ("Restriction", {"fields": ("restricted_at", "restriction_reason")}),
        (None, {"fields": ("created_at", "updated_at")}),
    )

    def pages_of(self, request: HttpRequest, row: InvestorProfile) -> list[tuple[str, str]]:
        """Lead to what the investor has in escrow, and to the proof of it."""
        return [
            ("Escrow statement", reverse("admin:escrow_ledgeraccount_investor", args=[row.user_id])),
            ("Proofs of balance", f"{reverse('admin:escrow_proofsnapshot_investor')}?person={row.user_id}"),
            ("Distributions and statements", reverse("admin:distributions_allocation_investor", args=[row.user_id])),
        ]

    def tables_of(self, request: HttpRequest, row: InvestorProfile) -> list[Table]:
        """Show the latest checks about the investor; what they found, to compliance staff only."""
        latest = row.user.compliance_checks.select_related("payment").order_by("-created_at")[:10]
        found = (text_column("summary"),) if _is_compliance(request) else ()
        columns = (check_link, badge_column(), *found, moment_column("created_at", "asked"))
        more = f"{reverse('admin:compliance_compliancecheck_changelist')}?q={quote(row.user.email)}"
        return [table("Latest checks", latest, *columns, more=more)]

    steps = (
        Step(
            name="record-kyc",
            label="Record identity check",
            permission=permissions.REVIEW_CHECK,
            act=_record_kyc,
            explains="Records how the identity check came out; payments that wait for it can go on, or are refused.",
            done="The identity check is recorded.",
            problem=_own_profile,
            form=IdentityForm,
        ),
        Step(
            name="record-accreditation",
            label="Record accreditation",
            permission=permissions.REVIEW_CHECK,
            act=_record_accreditation,
            explains="Records whether the investor is accredited, which lifts all but the limit per transaction.",
            done="The accreditation is recorded.",
            problem=_own_profile,
            form=AccreditationForm,
        ),
        Step(
            name="restrict",
            label="Restrict",
            permission=permissions.RESTRICT_INVESTOR,
            act=_restrict,
            explains="Stops every payment from and to this investor, until the restriction is lifted.",
            done="The investor is restricted.",
            when=lambda profile: not profile.is_restricted,
            is_grave=True,
        ),
        Step(
            name="lift",
            label="Lift restriction",
            permission=permissions.RESTRICT_INVESTOR,
            act=_lift,
            explains="Lets this investor pay and be paid again.",
            done="The restriction is lifted.",
            when=lambda profile: profile.is_restricted,
            problem=_own_profile,
        ),
    )


# ---- limits and lists ----------------------------------------------------------------------------------------


@admin.register(TransactionLimit)
class TransactionLimitAdmin(ReadOnlyAdmin):
    """Dated limits."""

    list_display = ("limit_type", money_column("amount"), day_column("effective_from"), day_column("effective_to"))
    list_filter = ("limit_type",)


@admin.register(SanctionedParty)
class SanctionedPartyAdmin(ReadOnlyAdmin):
    """Listed parties; found by words of any of their names, or by the list's number."""

    list_display = (
        "name",
        "list_name",
        "entity_number",
        "party_type",
        "programs",
        day_column("listed_at", "imported"),
        day_column("removed_at", "removed"),
    )
    list_filter = ("list_name", "party_type", ("removed_at", admin.EmptyFieldListFilter))
    search_fields = ("entity_number",)
    search_help_text = "Words of a name in any order, or the party's number in the list."
    fields = (
        "name", "list_name", "entity_number", "party_type", "programs", "remarks", "listed_at", "removed_at",
    )  # fmt: skip

    def tables_of(self, request: HttpRequest, row: SanctionedParty) -> list[Table]:
        """Show every name the party is listed under."""
        names_of_it = row.names.order_by("-is_primary", "name")
        return [table("Names", names_of_it, text_column("name"), text_column("normalized", "compared as"))]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find parties one of whose names has every word asked for, at least in part."""
        words = names.normalise(search_term).split()
        if not words:
            return queryset, False
        if len(words) == 1 and words[0].isdigit():
            return queryset.filter(entity_number=words[0]), False
        named = SanctionedName.objects.all()
        for word in words:
            named = named.filter(normalized__contains=word)
        return queryset.filter(pk__in=named.values("party_id")), False


@admin.register(SanctionsImport)
class SanctionsImportAdmin(ReadOnlyAdmin):
    """When which list was loaded, and what changed with it."""

    list_display = (
        "list_name",
        moment_column("imported_at", "imported"),
        "parties",
        "names",
        "added",
        "changed",
        "removed",
    )


def _is_compliance(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.has_perm(permissions.REVIEW_CHECK)
