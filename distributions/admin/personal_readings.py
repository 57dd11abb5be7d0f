"""Staff pages of readings: who was shown which person's distributions, statement or write-off, and when."""

from django.contrib import admin

from distributions.models import PersonalReading
from realco.admin_pages import ReadOnlyAdmin, link_column, moment_column


@admin.register(PersonalReading)
class PersonalReadingAdmin(ReadOnlyAdmin):
    """Personal pages that staff have had."""

    when_empty = "A reading is noted here when somebody opens a person’s distributions, a statement or a write-off."
    list_display = (
        moment_column("created_at", "read"), link_column("read_by", "by"), link_column("subject", "of"), "kind",
        "detail",
    )  # fmt: skip
    list_select_related = ("read_by", "subject")
    list_filter = ("kind",)
    search_fields = ("id", "read_by__email__startswith", "subject__email__startswith")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    moment_column("created_at", "read"), link_column("read_by", "by"), link_column("subject", "of"),
                    "kind", "detail", "content_hash", "id",
                )
            },
        ),
    )  # fmt: skip
