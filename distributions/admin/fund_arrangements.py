"""Staff pages of funds: drawn up, activated by a second person, and measured."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse

from distributions.admin.clawbacks import ClawbackPages
from distributions.admin.terms import tiers_table
from distributions.admin.terms_forms import PercentField
from distributions.models import FundArrangement, WaterfallTerms
from distributions.models.waterfall_terms import ACTIVATED
from distributions.operations import fund_arrangements
from distributions.queries import fund_arrangements as queries
from realco import permissions
from realco.admin_pages import (
    Table,
    badge_column,
    link_column,
    moment_column,
    percent_column,
    table,
)
from realco.admin_steps import Order, Reason, Step, StepForm, SteppedAdmin, Task
from realco.models import Offering, User

if TYPE_CHECKING:
    _Choices = forms.ModelMultipleChoiceField[Any]
else:
    _Choices = forms.ModelMultipleChoiceField


class OfferingsField(_Choices):
    """Offerings, each named with its sponsor."""

    def label_from_instance(self, obj: Any) -> str:
        """Name an offering so that sponsors are told apart."""
        return f"{obj.organization}: {obj}"


class NewFundForm(StepForm):
    """Which offerings are measured together, and by what."""

    name = forms.CharField(
        label="Name", max_length=120, help_text="That of a fund there is already makes its next version."
    )
    offerings = OfferingsField(
        queryset=Offering.objects.exclude(status__in=["FAILED", "CANCELLED"])
        .select_related("organization")
        .order_by("organization__name", "name"),
        widget=forms.SelectMultiple(attrs={"size": 8}),
        help_text="Two at least, all of one sponsor. With Ctrl or Cmd held down you choose several.",
    )
    terms = forms.ModelChoiceField(
        label="Measured by",
        queryset=WaterfallTerms.objects.filter(status__in=ACTIVATED, taken_over=False)
        .select_related("offering")
        .order_by("offering__name", "-version"),
        help_text="Terms of one of the offerings that were activated over a worked example. All deals together are run"
        " through their tiers.",
    )
    tax_rate = PercentField(
        label="Tax on the promote, %",
        help_text="What the agreement assumes; it is not given back. 0 if it says nothing.",
    )
    note = forms.CharField(
        label="Source", max_length=300, required=False, help_text="Which agreement, such as its name, day and section."
    )


class SignFundForm(StepForm):
    """The hash of the fund that the person has read."""

    content_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["content_hash"].initial = queries.content_hash(self.row)


def _draft(order: Order) -> FundArrangement:
    data = order.data
    offerings = list(data["offerings"])
    return fund_arrangements.draft(
        offerings[0].organization,
        name=data["name"],
        offerings=offerings,
        terms=data["terms"],
        tax_rate=data["tax_rate"],
        note=data["note"],
        by=order.by,
        at=order.at,
    )


def _activate(arrangement: FundArrangement, order: Order) -> object:
    said = order.data["content_hash"]
    return fund_arrangements.activate(arrangement, content_hash=said, approver=order.by, at=order.at)


def _withdraw(arrangement: FundArrangement, order: Order) -> object:
    return fund_arrangements.withdraw(arrangement, by=order.by, reason=order.reason, at=order.at)


def _is_draft(arrangement: FundArrangement) -> bool:
    return arrangement.is_draft


def _drew_it_up(arrangement: FundArrangement, user: User) -> str:
    return "You drew this fund up; a second person activates it." if arrangement.created_by_id == user.pk else ""


@admin.register(FundArrangement)
class FundArrangementAdmin(SteppedAdmin):
    """Which offerings of a sponsor are measured together for its clawback."""

    when_empty = "Draw one up for a sponsor whose agreement asks for a clawback over several offerings."
    list_display = (
        link_column("", "fund"), link_column("organization", "sponsor"), badge_column(),
        link_column("terms", "measured by"), percent_column("tax_rate", "tax"),
        link_column("created_by", "drawn up by"), link_column("activated_by", "activated by"),
    )  # fmt: skip
    list_display_links = None
    list_filter = ("status",)
    list_select_related = ("organization", "terms__offering", "created_by", "activated_by")
    search_fields = ("id", "organization__name__startswith")
    search_help_text = "An id, or the beginning of a sponsor's name."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("organization", "sponsor"), "name", "version", badge_column(),
                    link_column("terms", "measured by"), percent_column("tax_rate", "tax on the promote"), "note",
                    link_column("created_by", "drawn up by"), moment_column("created_at", "drawn up"),
                    link_column("activated_by", "activated by"), moment_column("activated_at", "activated"),
                    moment_column("superseded_at", "superseded"), "withdrawn_reason", "content_hash", "id",
                )
            },
        ),
    )  # fmt: skip
    version_fields = ("status",)
    tasks = (
        Task(
            name="new",
            label="New fund",
            permission=permissions.DRAFT_TERMS,
            act=_draft,
            explains="Offerings of one sponsor are measured together, to say what of its promotes it would have to give"
            " back. No money is pooled: each goes on paying from its own account, by its own terms. It counts once a"
            " second person has activated it.",
            done="Drawn up. A second person activates it.",
            form=NewFundForm,
        ),
    )
    steps = (
        Step(
            name="activate",
            label="Activate",
            permission=permissions.ACTIVATE_TERMS,
            act=_activate,
            when=_is_draft,
            problem=_drew_it_up,
            explains="From now on previews of these offerings are held against the fund, and it never changes again; a "
            "version of it that is in force ends. Hold offerings, terms and tax against the agreement.",
            done="Activated.",
            reason=Reason.OPTIONAL,
            form=SignFundForm,
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
        pages, view = ClawbackPages(self), self.admin_site.admin_view
        name = "distributions_fundarrangement_clawback"
        return [
            path("<uuid:row_id>/clawback/", view(pages.shown), name=name),
            path("<uuid:row_id>/clawback/<str:kind>/", view(pages.exported), name=f"{name}_export"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("organization", "terms__offering", "created_by")

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        return [("Clawback", reverse("admin:distributions_fundarrangement_clawback", args=[row.pk]))]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        return [
            table(
                "Offerings",
                queries.offerings(row),
                link_column("", "offering"),
                badge_column(),
                link_column("escrow_account", "account"),
            ),
            tiers_table(row.terms),
        ]

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        return self.tables_of(request, row) if step.name == "activate" else []
