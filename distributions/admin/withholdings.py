"""Staff pages of withholding rates: what is withheld from whose income, from which day on, and why."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.contrib import admin

from distributions.models import WithholdingRate
from distributions.operations import withholdings
from realco import permissions
from realco.admin_pages import link_column, moment_column
from realco.admin_steps import Order, Reason, StepForm, SteppedAdmin, Task
from realco.models import User


class RateForm(StepForm):
    """A person, a rate and a day."""

    email = forms.EmailField(label="Investor's e-mail address")
    rate = forms.CharField(max_length=12, help_text="A fraction: 0.24 is 24%; 0 ends withholding.")
    effective_from = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))

    def clean_email(self) -> Any:
        investor = User.objects.filter(email__iexact=self.cleaned_data["email"]).first()
        if investor is None:
            raise forms.ValidationError("Nobody signs in with this address.")
        return investor

    def clean_rate(self) -> Decimal:
        try:
            return Decimal(self.cleaned_data["rate"].strip())
        except InvalidOperation as error:
            raise forms.ValidationError("Write a fraction, such as 0.24.") from error


def _set(order: Order) -> WithholdingRate:
    data = order.data
    return withholdings.set_rate(
        data["email"],
        rate=data["rate"],
        reason=order.reason,
        effective_from=data["effective_from"],
        by=order.by,
        at=order.at,
    )


@admin.register(WithholdingRate)
class WithholdingRateAdmin(SteppedAdmin):
    """Rates of withholding, newest first; the newest row of a person that has begun counts."""

    when_empty = "Without a rate nothing is withheld from anybody."
    list_display = (
        link_column("", "rate"), link_column("investor"), "effective_from", "reason",
        link_column("entered_by"), moment_column("created_at", "entered"),
    )  # fmt: skip
    list_select_related = ("investor", "entered_by")
    ordering = ("-created_at", "-id")
    search_fields = ("id", "investor__email__startswith")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("investor"), "rate", "effective_from", "reason", link_column("entered_by"),
                    moment_column("created_at", "entered"), "id",
                )
            },
        ),
    )  # fmt: skip
    tasks = (
        Task(
            name="set",
            label="Set a rate",
            permission=permissions.CREATE_DISTRIBUTION,
            act=_set,
            explains="So much of this investor's preferred return and profit is withheld from this day on. "
            "Capital that comes back is never withheld from.",
            done="The rate is set. Drafts must be calculated again.",
            form=RateForm,
            reason=Reason.REQUIRED,
        ),
    )
