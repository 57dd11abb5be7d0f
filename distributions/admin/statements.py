"""Statements for staff: what distributions brought one person, and the quarters' statements they can have."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from distributions import statement_files
from distributions.admin.receipts import ReceiptPages
from distributions.models import DistributionAllocation, PersonalReading
from distributions.operations import personal_readings
from distributions.queries import distributions as query
from distributions.queries import investor_distributions, statements
from distributions.queries.statements import NoSuchQuarter, Quarter
from distributions.statement_files import CannotMakePdf
from realco import clock
from realco.admin_pages import Table, address_of, badge_column, day_column, link, money_column, table, text_column
from realco.admin_steps import person_of
from realco.business_days import banking_date
from realco.models import User
from realco.money import ZERO, format_money

Status = DistributionAllocation.Status
Kind = PersonalReading.Kind


class StatementPages(ReceiptPages):
    """The pages of one person's distributions, for the admin of allocations."""

    fieldsets: ClassVar[Any] = None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("investor/<uuid:user_id>/", view(self.investor_view), name="distributions_allocation_investor"),
            path(
                "investor/<uuid:user_id>/statement/<int:year>/<int:number>/",
                view(self.quarter_view),
                name="distributions_allocation_quarter",
            ),
            *super().get_urls(),
        ]

    def investor_view(self, request: HttpRequest, user_id: UUID) -> HttpResponse:
        """List what distributions have brought a person, and the quarters of which there is a statement."""
        person = self._person(request, user_id)
        rows = list(investor_distributions.of(person))
        personal_readings.note(Kind.DISTRIBUTIONS, subject=person, by=person_of(request), at=clock.now())
        quarters = [
            (str(one), reverse("admin:distributions_allocation_quarter", args=[person.pk, one.year, one.number]))
            for one in statements.quarters(rows)
        ]
        return self.page(
            request,
            "admin/staff/investor_distributions.html",
            title=f"Distributions to {person}",
            trail=[("Users", reverse("admin:realco_user_changelist")), (str(person), address_of(person))],
            figures=_figures(rows),
            quarters=quarters,
            tables=[_table(rows)],
        )

    def quarter_view(self, request: HttpRequest, user_id: UUID, year: int, number: int) -> HttpResponse:
        """Answer with the statement of a person's quarter over all offerings, as PDF: the one that they can have."""
        person = self._person(request, user_id)
        try:
            quarter = Quarter(year, number)
            quarter.require_begun(on=banking_date(clock.now()))
            statement = statements.of_quarter(person, quarter)
            content = statement_files.pdf_of(statement, at=clock.now())
        except NoSuchQuarter as refusal:
            raise Http404(str(refusal)) from refusal
        except CannotMakePdf as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:distributions_allocation_investor", args=[person.pk]))
        personal_readings.note(
            Kind.QUARTER_STATEMENT, subject=person, by=person_of(request), at=clock.now(),
            detail=f"{year} Q{number}", content=content,
        )  # fmt: skip
        headers = {
            "Content-Disposition": f'attachment; filename="{statement_files.file_name(statement)}"',
            "Cache-Control": "no-store",
        }
        return HttpResponse(content, content_type="application/pdf", headers=headers)

    def _person(self, request: HttpRequest, user_id: UUID) -> User:
        """Find whose pages these are, for staff who may see distributions."""
        if not (self.has_view_permission(request) and person_of(request).has_perm(query.VIEW)):
            raise PermissionDenied
        person = User.objects.filter(pk=user_id).first()
        if person is None:
            raise Http404("There is no such person.")
        return person


def _figures(rows: list[DistributionAllocation]) -> list[tuple[str, str, str]]:
    paid = [row for row in rows if row.status == Status.COMPLETED]
    ended = [row for row in rows if row.written_off_at is not None]
    coming = [row for row in rows if row not in paid and row not in ended]

    def together(some: list[DistributionAllocation]) -> str:
        return format_money(sum((row.net_amount for row in some), ZERO))

    return [
        (words, together(some), f"{len(some)} distribution{'' if len(some) == 1 else 's'}")
        for words, some in (("Paid", paid), ("Not paid yet", coming), ("Written off", ended))
    ]


def _table(rows: list[DistributionAllocation]) -> Table:
    return table(
        "Distributions", rows, _distribution, text_column("distribution.offering", "offering"),
        day_column("distribution.as_of_date", "as of"), money_column("return_of_capital", "capital"),
        money_column("preferred_return"), money_column("profit_split", "profit"),
        money_column("premium_amount", "late-closing interest"),
        money_column("withholding_amount", "withheld"), money_column("net_amount", "to them"), badge_column(),
        empty="No offering has distributed anything to this person.",
    )  # fmt: skip


@admin.display(description="distribution")
def _distribution(row: Any) -> Any:
    return link(row, row.distribution.distribution_number)
