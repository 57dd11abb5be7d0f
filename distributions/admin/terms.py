"""Staff pages of waterfall terms: drafted tier by tier, held against examples, activated by a second person."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from distributions import terms as engine
from distributions.admin import terms_pages
from distributions.admin.terms_forms import ActivateForm, CopyForm, NewForm
from distributions.models import WaterfallExample, WaterfallTerms, WaterfallTier
from distributions.operations import terms, waterfall_examples
from distributions.queries import terms as queries
from distributions.queries import terms_in_words
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
    percent_column,
    shown_money,
    text_column,
)
from realco.admin_steps import Order, Reason, Step, SteppedAdmin, Task, may, person_of
from realco.models import User
from realco.templatetags import figures


def _draft(order: Order) -> WaterfallTerms:
    data = order.data
    return terms.draft_from_template(
        data["offering"],
        template=data["template"],
        effective_from=data["effective_from"],
        note=data["note"],
        by=order.by,
        at=order.at,
    )


def _copy(version: WaterfallTerms, order: Order) -> object:
    return terms.draft_from_version(version, effective_from=order.data["effective_from"], by=order.by, at=order.at)


def _activate(version: WaterfallTerms, order: Order) -> object:
    return terms.activate(version, content_hash=order.data["content_hash"], approver=order.by, at=order.at)


def _withdraw(version: WaterfallTerms, order: Order) -> object:
    return terms.withdraw(version, by=order.by, reason=order.reason, at=order.at)


def _is_draft(version: WaterfallTerms) -> bool:
    return version.is_draft


def _drafted_it(version: WaterfallTerms, user: User) -> str:
    return "You drafted these terms; a second person activates them." if version.created_by_id == user.pk else ""


@admin.register(WaterfallTerms)
class WaterfallTermsAdmin(SteppedAdmin):
    """Versions of offerings' terms; what is active never changes."""

    when_empty = "Begin with a draft from a template; another person activates it."
    list_display = (
        link_column("", "terms"), link_column("offering"), badge_column(),
        day_column("effective_from", "in force from"), day_column("superseded_from", "until before"),
        link_column("created_by", "drafted by"),
        link_column("activated_by", "activated by"),
    )  # fmt: skip
    list_display_links = None
    list_filter = ("status", "offering")
    list_select_related = ("offering", "created_by", "activated_by")
    search_fields = ("id", "offering__name__startswith")
    search_help_text = "An id, or the beginning of an offering's name."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("offering"), "version", badge_column(), "note",
                    day_column("effective_from", "in force from"), day_column("superseded_from", "until before"),
                    "profits_by", "between_classes",
                    link_column("created_by", "drafted by"), moment_column("created_at", "drafted"),
                    link_column("activated_by", "activated by"), moment_column("activated_at", "activated"),
                    "withdrawn_reason", "content_hash", "id",
                )
            },
        ),
    )  # fmt: skip
    tasks = (
        Task(
            name="new",
            label="New terms",
            permission=permissions.DRAFT_TERMS,
            act=_draft,
            explains="You begin a draft. It counts for nothing until a second person has activated it, which takes a"
            " worked example from the operating agreement that comes out to the cent.",
            done="Drafted. Change its tiers, and enter the agreement's worked examples.",
            form=NewForm,
        ),
    )
    steps = (
        Step(
            name="activate",
            label="Activate",
            permission=permissions.ACTIVATE_TERMS,
            act=_activate,
            when=_is_draft,
            problem=_drafted_it,
            explains="From its day on, distributions run on these terms, and they never change again. Hold them against"
            " the agreement: every worked example has to come out to the cent.",
            done="Activated; the terms are in force from their day.",
            reason=Reason.OPTIONAL,
            form=ActivateForm,
        ),
        Step(
            name="copy",
            label="New draft from this",
            permission=permissions.DRAFT_TERMS,
            act=_copy,
            explains="You begin a new version with the same tiers, to be changed. Its examples are entered anew.",
            done="Drafted; it is the newest version in the list.",
            reason=Reason.NONE,
            form=CopyForm,
        ),
        Step(
            name="withdraw",
            label="Withdraw",
            permission=(permissions.DRAFT_TERMS, permissions.ACTIVATE_TERMS),
            act=_withdraw,
            when=_is_draft,
            explains="The draft is put aside for good.",
            done="The draft is withdrawn.",
            is_grave=True,
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        pages = {
            "edit": terms_pages.edit,
            "example": terms_pages.example,
            "effects": terms_pages.effects,
            "compare": terms_pages.compare,
            "classes": terms_pages.classes,
        }
        return [
            *(
                path(
                    f"<uuid:row_id>/{name}/",
                    self.admin_site.admin_view(terms_pages.of_version(self, page)),
                    name=f"distributions_waterfallterms_{name}",
                )
                for name, page in pages.items()
            ),
            *super().get_urls(),
        ]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return a version with all that it is made of."""
        version = super().get_object(request, object_id, from_field)
        if version is not None:
            prefetch_related_objects([version], "offering", "created_by", "tiers", "examples__entered_by")
        return version

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        user = person_of(request)
        pages = []
        if row.is_draft and row.created_by_id == user.pk and may(user, permissions.DRAFT_TERMS):
            pages.append(("Change the tiers", "edit"))
        if row.is_draft and may(user, (permissions.DRAFT_TERMS, permissions.ACTIVATE_TERMS)):
            pages.append(("Enter an example", "example"))
        pages += [("Effect in dollars", "effects"), ("Compare", "compare")]
        if queries.class_names(row):
            pages.append(("Investors' classes", "classes"))
        return [(label, reverse(f"admin:distributions_waterfallterms_{name}", args=[row.pk])) for label, name in pages]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a version; of a draft, the next step for who works on it is the main button."""
        row = self.get_object(request, unquote(object_id))
        main = self._next_page(request, row) if row is not None else None
        return super().change_view(request, object_id, form_url, {"main": main, **(extra_context or {})})

    def _next_page(self, request: HttpRequest, row: Any) -> tuple[str, str] | None:
        """Return the page where a draft goes on; nothing for those who activate it."""
        if not row.is_draft or self.obstacle(self.step_named("activate"), row, person_of(request)) == "":
            return None
        known = (page for page in self.pages_of(request, row) if page[0] in ("Change the tiers", "Enter an example"))
        return next(known, None)

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        return [tiers_table(row), *check_tables(row)]

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        return [] if step.name == "withdraw" else self.tables_of(request, row)


def tiers_table(version: WaterfallTerms) -> Table:
    """Return the tiers in words."""
    tiers = terms_in_words.tiers(version)
    has_classes = any(tier.class_name for tier in tiers)
    rows = [
        [
            tier.number,
            *([tier.class_name] if has_classes else []),
            format_html("<strong>{}</strong><br>{}", tier.title, tier.sentence),
        ]
        for tier in tiers
    ]
    titles = ["No.", *(["Class"] if has_classes else []), "What it gives to whom"]
    return Table("Tiers, in order of payment", titles, rows, "None yet.")


def check_tables(version: WaterfallTerms) -> list[Table]:
    """Return each worked example with what was expected beside what these terms give."""
    titles = ["Figure", "Agreement", "These terms", "Difference"]
    try:
        checks = queries.checks(version)
    except engine.UnworkableTerms as error:
        return [Table("Worked examples", titles, [], str(error))]
    if not checks:
        return [
            Table(
                "Worked examples", titles, [],
                "None yet. Without one that comes out to the cent these terms cannot be activated."
                if version.is_draft else "None: these terms were in force before examples were asked for.",
            )
        ]  # fmt: skip
    tables = []
    for number, (row, outcome) in enumerate(checks, start=1):
        said = outcome.problem or ("comes out to the cent" if outcome.reproduces else "does not come out")
        rows: list[list[Any]] = [
            [one.what, shown_money(one.expected), shown_money(one.computed), _shown_difference(one.difference)]
            for one in outcome.figures
        ]
        rows.append([link(row, "The example's page"), "", "", ""])
        tables.append(Table(f"Example {number}, {row.source}: {said}", titles, rows))
    return tables


def _shown_difference(difference: Decimal) -> SafeString:
    if not difference:
        return format_html('<span class="money soft">{}</span>', "none")
    return format_html('<strong class="money problem">{}</strong>', figures.signed_money(difference))


def _remove(example: WaterfallExample, order: Order) -> None:
    waterfall_examples.remove(example, by=order.by, reason=order.reason)


@admin.register(WaterfallExample)
class WaterfallExampleAdmin(SteppedAdmin):
    """Worked examples from operating agreements."""

    list_display = (
        link_column("", "example"), link_column("terms"), day_column("on_date", "on"), money_column("amount"),
        link_column("entered_by", "by"),
    )  # fmt: skip
    list_display_links = None
    list_select_related = ("terms__offering", "entered_by")
    ordering = ("-created_at", "-id")
    search_fields = ("id",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("terms"), "source", day_column("on_date", "on"), money_column("amount"),
                    money_column("expected_sponsor", "the sponsor gets"), link_column("entered_by", "entered by"),
                    moment_column("created_at", "entered"), "id",
                )
            },
        ),
    )  # fmt: skip
    version_fields = ("pk",)
    steps = (
        Step(
            name="remove",
            label="Remove",
            permission=(permissions.DRAFT_TERMS, permissions.ACTIVATE_TERMS),
            act=_remove,
            when=lambda row: row.terms.is_draft,
            explains="The example is taken off the draft; enter it again as it should be.",
            done="Removed.",
            is_grave=True,
        ),
    )

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        if not row.terms.is_draft:
            return []
        address = reverse("admin:distributions_waterfallterms_example", args=[row.terms_id])
        return [("Enter another like it", f"{address}?like={row.pk}")]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        tables = [
            Table("Contributions", ["Party", "Day", "Amount", "Class"], row.contributions),
            Table("Expected", ["Party", "Amount"], row.expected),
        ]
        if row.earlier:
            tables.insert(1, Table("Distributions before", ["Day", "Amount"], row.earlier))
        if row.expected_tiers:
            tables.append(Table("Expected, tier by tier", ["Tier", "Investors", "Sponsor"], row.expected_tiers))
        return tables

    def _after(self, request: HttpRequest, row: Any) -> str:
        """A removed example has no page; its terms do."""
        return self.next_of(request) or reverse("admin:distributions_waterfallterms_change", args=[row.terms_id])


@admin.register(WaterfallTier)
class WaterfallTierAdmin(ReadOnlyAdmin):
    """Single tiers; they read better on their terms' page."""

    list_display = (
        link_column("", "tier"), link_column("terms"), "class_name", percent_column("rate"),
        text_column("multiple"), "day_count", "compounding",
    )  # fmt: skip
    list_display_links = None
    list_filter = ("kind",)
    list_select_related = ("terms__offering",)
    ordering = ("-created_at", "position")
    search_fields = ("id",)
