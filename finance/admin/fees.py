"""Staff pages of fee rules: which were in force when."""

from typing import Any

from django.contrib import admin

from finance.models import FeeRule
from realco.admin_pages import ReadOnlyAdmin, day_column, money_column, percent_column


def applies_to(rule: Any) -> str:
    """Name the payments a rule is for."""
    types = ", ".join(str(name).replace("_", " ").lower() for name in rule.transaction_types)
    return f"{types}{f' by {rule.payment_method}' if rule.payment_method else ''}"


@admin.register(FeeRule)
class FeeRuleAdmin(ReadOnlyAdmin):
    """What payments cost, by dated rules."""

    list_display = (
        "name", applies_to, percent_column("rate"), money_column("fixed_amount", "fixed"),
        money_column("minimum", "at least"), money_column("maximum", "at most"),
        day_column("effective_from", "from"), day_column("effective_to", "until"),
    )  # fmt: skip
    search_fields = ("id", "name")
    fieldsets = ((None, {"fields": list_display}),)
