"""
Steps for many rows at once: chosen on a list, previewed row by row, then each done by its own operation.

The preview is answered to a POST and changes nothing. It shows what will happen, to how much
money, and which rows stand in the way; the confirmation carries the version of every row it showed.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from realco import clock, patience
from realco.admin_steps import Order, Reason, Step, SteppedAdmin, may, person_of
from realco.errors import Refusal

MAX_ROWS = 100
ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One chosen row: its columns, what it moves, its version, what will happen, or why nothing will."""

    row: Any
    facts: list[Any]
    amount: Decimal | None
    version: str
    problem: str
    outcome: str


class BulkAdmin(SteppedAdmin):
    """Stepped pages whose steps marked ``in_bulk`` can be taken on many rows of a list."""

    fieldsets: ClassVar[Any] = None
    amount_field = ""

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_bulk"
        return [
            path("bulk/<slug:name>/", self.admin_site.admin_view(self.bulk_view), name=name),
            *super().get_urls(),
        ]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer the list's bulk steps that this person may take."""
        return {
            f"step_{step.name}": (self._opening(step), f"step_{step.name}", f"{step.label} …")
            for step in self.steps
            if step.in_bulk and may(person_of(request), step.permission)
        }

    def _opening(self, step: Step) -> Callable[..., HttpResponse]:
        def preview(_: Any, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse:
            return self.preview(request, step, request.POST.getlist("_selected_action"))

        return preview

    def obstacles(self, step: Step, rows: Sequence[Any], request: HttpRequest) -> list[str]:
        """Say for each row why the step would be refused; a subclass looks at the rows together."""
        return [self.obstacle(step, row, person_of(request)) for row in rows]

    def outcome_of(self, step: Step, row: Any) -> str:
        """Say what the step will do to this row."""
        return step.label

    def amount_of(self, row: Any) -> Decimal | None:
        """Return what of the row counts towards the preview's total."""
        amount: Decimal | None = getattr(row, self.amount_field) if self.amount_field else None
        return amount

    def preview(
        self, request: HttpRequest, step: Step, chosen: Sequence[str], *, error: str = "", back: str = ""
    ) -> HttpResponse:
        """Show what a step will do to the chosen rows, and ask for the reason."""
        back = back or self._back(request)
        keys = list(dict.fromkeys(key for text in chosen if (key := _as_key(text)) is not None))
        if len(keys) > MAX_ROWS:
            messages.error(request, f"Choose at most {MAX_ROWS} rows at a time.")
            return HttpResponseRedirect(back)
        rows = list(self.get_queryset(request).select_related(*self._related()).filter(pk__in=keys))
        rows.sort(key=lambda row: keys.index(row.pk))
        if not rows:
            messages.error(request, "Choose at least one row.")
            return HttpResponseRedirect(back)
        problems = self.obstacles(step, rows, request)
        shown = [
            PreviewRow(
                row=row,
                facts=[value for _, value in self.facts_of(request, row)],
                amount=self.amount_of(row),
                version=self.version_of(row),
                problem=problem,
                outcome=self.outcome_of(step, row),
            )
            for row, problem in zip(rows, problems, strict=True)
        ]
        ready = [row for row in shown if not row.problem]
        return self.page(
            request,
            "admin/staff/bulk.html",
            title=f"{step.label}: {len(ready)} of {len(shown)} chosen",
            step=step,
            titles=[title for title, _ in self.facts_of(request, rows[0])],
            rows=shown,
            ready=ready,
            total=sum((row.amount or ZERO for row in ready), ZERO) if self.amount_field else None,
            reason_required=step.reason is not Reason.NONE,
            action=reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_bulk", args=[step.name]),
            next=back,
            error=error,
            reason=request.POST.get("reason", ""),
        )

    def bulk_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Preview a bulk step, or take it on every confirmed row, each by its own operation."""
        step = self.step_named(name)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request) or not step.in_bulk:
            raise PermissionDenied
        confirmed = [text.partition(" ") for text in request.POST.getlist("row")]
        if not confirmed:
            return self.preview(request, step, request.POST.getlist("_selected_action"))
        reason = request.POST.get("reason", "").strip()
        if step.reason is not Reason.NONE and not 1 <= len(reason) <= 300:
            keys = [key for key, _, _ in confirmed]
            return self.preview(request, step, keys, error="Say why, in at most 300 characters.")
        self._take_each(request, step, [(key, version) for key, _, version in confirmed], reason)
        return HttpResponseRedirect(self._back(request))

    def _take_each(self, request: HttpRequest, step: Step, confirmed: Sequence[tuple[str, str]], reason: str) -> None:
        """Take the step on each row, and say what became of it."""
        done = 0
        for key, version in confirmed[:MAX_ROWS]:
            row = self.get_object(request, key)
            if row is None:
                messages.error(request, f"There is no such {self.opts.verbose_name}.")
                continue
            order = Order(by=person_of(request), at=clock.now(), reason=reason)
            try:
                self.take(step, row, order, version=version)
            except Refusal as refusal:
                messages.error(request, f"{row}: {refusal}")
            except OperationalError as failure:
                messages.error(request, f"{row}: {patience.words_for(failure)}")
            else:
                done += 1
        if done:
            noun = self.opts.verbose_name if done == 1 else self.opts.verbose_name_plural
            messages.success(request, f"{done} {noun}: {step.done[0].lower()}{step.done[1:]}")

    def _related(self) -> Sequence[str]:
        related = self.list_select_related
        return related if isinstance(related, list | tuple) else ()

    def _list_address(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def _back(self, request: HttpRequest) -> str:
        return self.next_of(request) or self._list_address()


def _as_key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
