"""Staff pages of the kernel: people, groups, companies, offerings and the audit trail. All read-only."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from rest_framework.authtoken import admin as token_admin
from rest_framework.authtoken.models import TokenProxy

from realco import admin_history, permissions
from realco.admin_pages import (
    ReadOnlyAdmin,
    Table,
    badge_column,
    day_column,
    link_column,
    moment_column,
    money_column,
    percent_column,
    table,
    text_column,
)
from realco.admin_steps import Order, Reason, Step, SteppedAdmin
from realco.models import AuditEvent, Offering, Organization, User
from realco.operations import offerings

# The groups are written in realco.permissions and seeded; tokens are secrets that no page may show.
assert auth_admin is not None and token_admin is not None, "imported so that their pages are there to be taken away"
admin.site.unregister(Group)
admin.site.unregister(TokenProxy)


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    """What each kind of staff may do."""

    list_display = ("name",)
    fieldsets = ((None, {"fields": ("name",)}),)

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        allowed = row.permissions.select_related("content_type").order_by("content_type__app_label", "codename")
        people = User.objects.filter(groups=row).order_by("email")[:100]
        return [
            table("People", people, link_column("", "name"), text_column("email")),
            table("Permissions", allowed, text_column("name", "permission"), text_column("codename", "code")),
        ]


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People: investors, sponsors and staff alike."""

    list_display = ("email", "full_name", "is_staff", "is_active", day_column("created_at", "since"))
    list_filter = ("is_staff", "is_active")
    search_fields = ("id", "email__startswith")
    search_help_text = "An id, or the beginning of an e-mail address."
    ordering = ("email",)
    fieldsets = (
        (None, {"fields": ("email", "full_name", "id", moment_column("created_at", "since"))}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", moment_column("last_login", "last sign-in"))}),
    )

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        return [
            ("Escrow statement", reverse("admin:escrow_ledgeraccount_investor", args=[row.pk])),
            ("Proofs of balance", f"{reverse('admin:escrow_proofsnapshot_investor')}?person={row.pk}"),
            ("Distributions and statements", reverse("admin:distributions_allocation_investor", args=[row.pk])),
        ]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        acts = AuditEvent.objects.filter(user=row).exclude(entity_type__in=CONFIDENTIAL).order_by("-sequence")[:20]
        return [
            table("Groups", row.groups.order_by("name"), text_column("name", "group")),
            table(
                "Latest acts",
                acts,
                moment_column("created_at", "when"),
                text_column("action"),
                text_column("entity_type", "table"),
                text_column("reason"),
            ),
        ]


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    """The platform and the sponsors."""

    list_display = ("name", badge_column("kind"), link_column("owner"), day_column("created_at", "since"))
    list_filter = ("kind",)
    list_select_related = ("owner",)
    search_fields = ("id", "name__startswith", "owner__email__startswith")
    fieldsets = (
        (None, {"fields": ("name", "kind", link_column("owner"), moment_column("created_at", "since"), "id")}),
    )


def _open_raise(offering: Offering, order: Order) -> object:
    return offerings.open_raise(offering, by=order.by, at=order.at)


def _begin_operating(offering: Offering, order: Order) -> object:
    return offerings.begin_operating(offering, by=order.by, at=order.at)


def _call_off(offering: Offering, order: Order) -> object:
    return offerings.call_off(offering, by=order.by, reason=order.reason, at=order.at)


@admin.register(Offering)
class OfferingAdmin(SteppedAdmin):
    """What investors put money into."""

    list_display = (
        "name", link_column("organization", "sponsor"), "exemption", money_column("minimum_amount", "minimum"),
        money_column("maximum_amount", "maximum"), day_column("deadline_at", "deadline"), badge_column(),
    )  # fmt: skip
    list_filter = ("status", "exemption")
    list_select_related = ("organization",)
    search_fields = ("id", "name__startswith", "slug")
    search_help_text = "An id, or the beginning of a name."
    fieldsets = (
        (None, {"fields": ("name", badge_column(), link_column("organization", "sponsor"), "location", "exemption")}),
        (
            "Raise",
            {
                "fields": (
                    money_column("minimum_amount"), money_column("maximum_amount"), money_column("minimum_investment"),
                    percent_column("preferred_return_rate", "preferred return"), moment_column("opened_at", "opened"),
                    moment_column("deadline_at", "deadline"), moment_column("funded_at", "funded"),
                )
            },
        ),
        ("Description", {"fields": ("description", "slug", "id")}),
    )  # fmt: skip
    steps = (
        Step(
            name="open",
            label="Open the raise",
            permission=permissions.MANAGE_ESCROW,
            act=_open_raise,
            when=lambda row: row.status == Offering.Status.DRAFT,
            explains="Investors may commit and pay in from now on, until the deadline.",
            done="The raise is open.",
            reason=Reason.OPTIONAL,
        ),
        Step(
            name="operate",
            label="Begin operating",
            permission=permissions.MANAGE_ESCROW,
            act=_begin_operating,
            when=lambda row: row.status == Offering.Status.FUNDED,
            explains="The property is owned and earns: commitments end, income and distributions begin.",
            done="The offering operates.",
            reason=Reason.OPTIONAL,
        ),
        Step(
            name="call-off",
            label="Call off",
            permission=permissions.MANAGE_ESCROW,
            act=_call_off,
            when=lambda row: row.status in (Offering.Status.DRAFT, Offering.Status.OPEN),
            explains="The offering is cancelled for good. What investors paid in stays theirs and can be refunded.",
            done="The offering is called off.",
            is_grave=True,
        ),
    )


CONFIDENTIAL = ("compliance_checks", "investor_profiles")
"""Tables whose history is for compliance staff alone."""


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Every change to every business table, newest first. Written by the database, never by hand."""

    list_display = (
        "sequence", moment_column("created_at", "when"), link_column("user", "who"), "action", "entity_type",
        "operation", "entity_id",
    )  # fmt: skip
    list_filter = ("operation",)
    list_select_related = ("user",)
    search_fields = ("entity_id", "request_id", "user__email__startswith")
    search_help_text = (
        "A row's id (of what compliance answered, its payment's), a request id, or the beginning of a person's"
        " e-mail address."
    )
    ordering = ("-sequence",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "sequence", moment_column("created_at", "when"), link_column("user", "who"), "action", "reason",
                    "operation", "entity_type", "entity_id", "request_id", "ip_address", "database_role",
                )
            },
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        events = admin_history.exact(super().get_queryset(request))
        if not request.user.has_perm(permissions.REVIEW_CHECK):
            events = events.exclude(entity_type__in=CONFIDENTIAL)
        return events

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        model = next((model for model in apps.get_models() if model._meta.db_table == row.entity_type), None)
        [described] = admin_history.described([row], model)
        return [
            table(
                "Columns",
                described.changes,
                text_column("label", "column"),
                text_column("before"),
                text_column("after"),
            )
        ]
