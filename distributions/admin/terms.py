"""Staff pages of waterfall terms: which version holds from when, tier by tier."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from distributions.models import WaterfallTerms, WaterfallTier
from distributions.operations import terms
from realco import permissions
from realco.admin_pages import (
    ReadOnlyAdmin,
    Table,
    link_column,
    moment_column,
    percent_column,
    table,
    text_column,
)
from realco.admin_steps import Order, StepForm, SteppedAdmin, Task
from realco.models import Offering


class TermsForm(StepForm):
    """Which offering gets which terms, from when."""

    offering = forms.ModelChoiceField(queryset=Offering.objects.order_by("name"))
    template = forms.ChoiceField(
        label="Terms", choices=[(name, name.replace("_", " ").capitalize()) for name in terms.TEMPLATES]
    )
    effective_from = forms.DateField(label="In force from", widget=forms.DateInput(attrs={"type": "date"}))


def _create(order: Order) -> WaterfallTerms:
    data = order.data
    return terms.create_from_template(
        data["offering"], template=data["template"], effective_from=data["effective_from"], by=order.by, at=order.at
    )


@admin.register(WaterfallTerms)
class WaterfallTermsAdmin(SteppedAdmin):
    """Versions of offerings' terms; a change is a new version."""

    list_display = (
        link_column("", "terms"), link_column("offering"), "version", "effective_from", link_column("created_by", "by"),
    )  # fmt: skip
    list_display_links = None
    list_filter = ("offering",)
    list_select_related = ("offering", "created_by")
    search_fields = ("id", "offering__name__startswith")
    search_help_text = "An id, or the beginning of an offering's name."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("offering"), "version", "effective_from", "profits_by", link_column("created_by", "by"),
                    moment_column("created_at", "made"), "id",
                )
            },
        ),
    )  # fmt: skip
    tasks = (
        Task(
            name="new",
            label="New terms",
            permission=permissions.CREATE_DISTRIBUTION,
            act=_create,
            explains="The offering's distributions as of this day and later run on these terms. "
            "They can never be edited, only replaced by a newer version.",
            done="The terms are in force from that day.",
            form=TermsForm,
        ),
    )

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        tiers = row.tiers.order_by("position")
        return [
            table(
                "Tiers, in order", tiers, text_column("position", "no."), text_column("get_kind_display", "tier"),
                percent_column("rate"), text_column("day_count"), text_column("compounding"), text_column("base"),
                percent_column("sponsor_share"), percent_column("sponsor_target"),
            )
        ]  # fmt: skip


@admin.register(WaterfallTier)
class WaterfallTierAdmin(ReadOnlyAdmin):
    """Single tiers; they read better on their terms' page."""

    list_display = (link_column("", "tier"), link_column("terms"), percent_column("rate"), "day_count", "compounding")
    list_display_links = None
    list_filter = ("kind",)
    list_select_related = ("terms__offering",)
    ordering = ("-created_at", "position")
    search_fields = ("id",)
