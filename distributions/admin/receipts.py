"""Receipts and statements for staff: the payee's own files, from the page of an allocation."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from distributions import receipt_files, statement_files
from distributions.models import DistributionAllocation
from distributions.queries import receipts, statements
from distributions.queries.distributions import allocations_visible_to
from distributions.queries.receipts import NoReceipt
from distributions.queries.statements import WrittenOff
from distributions.statement_files import CannotMakePdf
from realco import clock
from realco.admin_pages import address_of
from realco.admin_steps import SteppedAdmin, person_of

_PAGES = (("statement", "Statement as PDF"), ("receipt", "Receipt"), ("check", "Check the receipt"))


class ReceiptPages(SteppedAdmin):
    """The files of an allocation, for the admin of allocations."""

    fieldsets: ClassVar[Any] = None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.file_view)
        return [
            path("<uuid:row_id>/file/<slug:kind>/", view, name="distributions_allocation_file"),
            *super().get_urls(),
        ]

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        if row.status == DistributionAllocation.Status.CANCELLED:
            return []
        return [(words, reverse("admin:distributions_allocation_file", args=[row.pk, kind])) for kind, words in _PAGES]

    def file_view(self, request: HttpRequest, row_id: UUID, kind: str) -> HttpResponse:
        """Answer with an allocation's statement or receipt, or say whether its receipt holds."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = allocations_visible_to(person_of(request)).filter(pk=row_id).first()
        if row is None or kind not in dict(_PAGES):
            raise Http404("There is no such allocation.")
        try:
            return _answer(request, row, kind)
        except (NoReceipt, CannotMakePdf, WrittenOff) as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(address_of(row))


def _answer(request: HttpRequest, row: DistributionAllocation, kind: str) -> HttpResponse:
    if kind == "check":
        check = receipts.check(row)
        differences = "; ".join(str(one) for one in check.differences[:5])
        words = f"{check.words} {differences} SHA-256 {check.sha256}."
        messages.add_message(request, messages.SUCCESS if check.holds else messages.ERROR, words)
        return HttpResponseRedirect(address_of(row))
    if kind == "receipt":
        content: str | bytes = receipt_files.text_of(receipts.file_for(row))
        name, media = receipts.file_name(row), "application/json"
    else:
        statement = statements.of_allocation(row)
        content = statement_files.pdf_of(statement, at=clock.now())
        name, media = statement_files.file_name(statement), "application/pdf"
    return HttpResponse(content, content_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})
