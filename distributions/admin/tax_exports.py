"""Staff pages of exports for tax forms: who took which file, and whether tax ids were whole in it."""

from django.contrib import admin

from distributions.models import TaxExport
from realco.admin_pages import ReadOnlyAdmin, link_column, moment_column


@admin.register(TaxExport)
class TaxExportAdmin(ReadOnlyAdmin):
    """Files with investors' figures that were taken."""

    when_empty = "An export is noted here when somebody takes it from an offering’s capital accounts."
    list_display = (
        moment_column("created_at", "taken"), link_column("exported_by", "by"), link_column("offering"), "year",
        "row_count", "shows_tax_ids",
    )  # fmt: skip
    list_select_related = ("exported_by", "offering")
    list_filter = ("year",)
    search_fields = ("id", "exported_by__email__startswith", "content_hash")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("offering"), "year", moment_column("created_at", "taken"),
                    link_column("exported_by", "by"), "row_count", "shows_tax_ids", "content_hash", "id",
                )
            },
        ),
    )  # fmt: skip
