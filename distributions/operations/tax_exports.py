"""Exports of investors' figures for tax forms: who takes one is written down with the file's hash."""

import csv
import hashlib
import io
from datetime import datetime

from django.db import transaction

from distributions.models import TaxExport
from distributions.queries import tax_exports as queries
from realco import audit, permissions
from realco.business_days import banking_date
from realco.errors import Refusal
from realco.models import Offering, User


class YearNotOver(Refusal):
    """The figures of a year are known when it is over."""


def export(offering: Offering, *, year: int, by: User, at: datetime) -> tuple[TaxExport, str]:
    """
    Write a year's figures of all investors of an offering as CSV, and keep who took it.

    Tax ids are masked to their last four digits, unless the person may have them whole.

    :raises NotPermitted: if the person may not export them
    :raises YearNotOver: if the year is not over
    :raises NoTerms: if the offering had no waterfall terms at the end of the year
    :raises NotDistributable: if the ledger's figures cannot be replayed
    """
    permissions.require(by, permissions.EXPORT_TAX_DATA)
    if year >= banking_date(at).year:
        raise YearNotOver(f"The year {year} is not over; its figures are known afterwards.")
    shows_tax_ids = by.has_perm(permissions.VIEW_TAX_IDS)
    with audit.acting("tax_export.export", by=by), transaction.atomic():
        found = queries.rows(offering, year)
        text = io.StringIO(newline="")
        csv.writer(text).writerows(queries.lines(offering, year, found, shows_tax_ids=shows_tax_ids))
        content = text.getvalue()
        kept = TaxExport.objects.create(
            offering=offering,
            year=year,
            row_count=len(found),
            shows_tax_ids=shows_tax_ids,
            content_hash=hashlib.sha256(content.encode()).hexdigest(),
            exported_by=by,
            created_at=at,
        )
    return kept, content
