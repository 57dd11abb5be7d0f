"""
Steps: what staff may do to a row, each asked twice and done by one operation.

A step is opened with GET, which changes nothing, shows what will happen and asks for the reason;
its POST calls the operation once. The form carries the row's version, so that nobody decides on
what they no longer see. Every refusal comes back in words. Operations check permission themselves;
pages only leave out what would be refused anyway.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import display_for_field, label_for_field, lookup_field, unquote
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from realco import admin_pages, audit, clock, patience
from realco.errors import Refusal
from realco.models import User

MAX_REASON = 300


if TYPE_CHECKING:
    Choice = forms.ModelChoiceField[Any]
else:
    Choice = forms.ModelChoiceField


class StaleForm(Refusal):
    """The row was changed by somebody else after the form was opened."""

    code = "INVALID_STATE_TRANSITION"


class Reason(Enum):
    """Whether a step asks why."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked for by confirming a step: who, when, why, and what else the form holds."""

    by: User
    at: datetime
    reason: str
    data: Mapping[str, Any] = field(default_factory=dict)


class StepForm(forms.Form):
    """
    The form of a step; subclasses add fields, and may look at the row and the person asking.

    A form may ask to be looked at once more before it acts: with ``tables`` of what it would do, a ``notice``
    above them and ``button``, what the button says then.
    """

    tables: Sequence[admin_pages.Table] = ()
    notice = ""
    button = ""
    version = forms.CharField(widget=forms.HiddenInput, required=False, max_length=200)

    def __init__(self, *args: Any, row: Any = None, user: User | None = None, reason: Reason, **options: Any) -> None:
        super().__init__(*args, **options)
        self.row = row
        self.user = user
        if reason is not Reason.NONE:
            self.fields["reason"] = forms.CharField(
                label="Reason",
                required=reason is Reason.REQUIRED,
                max_length=MAX_REASON,
                widget=forms.Textarea(attrs={"rows": 3}),
                help_text="Kept in the audit trail, where everybody with access to this row reads it.",
                error_messages={"required": "Say why; the reason is kept in the audit trail."},
            )

    def was_refused(self) -> None:
        """Get ready to be shown again after a refusal."""


def _always(row: Any) -> bool:
    return True


def _no_problem(row: Any, user: User) -> str:
    return ""


def _nothing_more(result: Any) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Step:
    """
    One thing staff may do to a row, by one operation.

    ``when`` says from the row's state whether it is on offer; ``problem`` says in words why this
    person's step would be refused although it is, empty if nothing is known to stand against it.
    Of several permissions, any one will do. ``tells`` says more than ``done`` of what ``act`` returned.
    A quiet step is never the main button of its row's page.
    """

    name: str
    label: str
    permission: str | tuple[str, ...]
    act: Callable[[Any, Order], object]
    explains: str
    done: str
    when: Callable[[Any], bool] = _always
    problem: Callable[[Any, User], str] = _no_problem
    reason: Reason = Reason.REQUIRED
    form: type[StepForm] = StepForm
    tells: Callable[[Any], str] = _nothing_more
    is_grave: bool = False
    is_quiet: bool = False
    in_bulk: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """
    Something staff may do that has no row yet: a form whose operation makes one.

    ``done`` is what is said afterwards, or says it of what ``act`` returned.
    """

    name: str
    label: str
    permission: str
    act: Callable[[Order], object]
    explains: str
    done: str | Callable[[Any], str]
    form: type[StepForm]
    reason: Reason = Reason.NONE


class SteppedAdmin(admin_pages.ReadOnlyAdmin):
    """Read-only pages with steps on each row and tasks on the list."""

    fieldsets: ClassVar[Any] = None
    steps: Sequence[Step] = ()
    tasks: Sequence[Task] = ()
    version_fields: Sequence[str] = ("status", "updated_at")

    def get_urls(self) -> list[URLPattern]:
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("<uuid:row_id>/step/<slug:name>/", self.admin_site.admin_view(self.step_view), name=f"{prefix}_step"),
            path("task/<slug:name>/", self.admin_site.admin_view(self.task_view), name=f"{prefix}_task"),
            *super().get_urls(),
        ]

    # ---- what is on offer --------------------------------------------------------------------------------

    def offered(self, request: HttpRequest, row: Any) -> list[tuple[Step, str]]:
        """Return the steps this person may take on the row now, with their addresses."""
        return [
            (step, self.step_address(step.name, row))
            for step in self.steps
            if self.obstacle(step, row, person_of(request)) == ""
        ]

    def obstacle(self, step: Step, row: Any, user: User) -> str:
        """Say why the step would be refused; empty if nothing is known to stand against it."""
        if not may(user, step.permission):
            return f"You need the permission “{_names(step.permission)}” for this."
        if not step.when(row):
            state = row.get_status_display().lower() if hasattr(row, "get_status_display") else "not in a state for it"
            return f"It is {state}; {step.label.lower()} is not possible now."
        return step.problem(row, user)

    def step_address(self, name: str, row: Any) -> str:
        """Return the address where a row's step is confirmed."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_step", args=[row.pk, name])

    def version_of(self, row: Any) -> str:
        """Return what of the row a decision stands on: when it changes, an open form is stale."""
        return "|".join(_text(getattr(row, name)) for name in self.version_fields if hasattr(row, name))

    def facts_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any]]:
        """Return the row's columns, as the list shows them, with their titles."""
        shown = []
        for name in self.get_list_display(request):
            field, _, value = lookup_field(name, row, self)
            if field is not None and not field.is_relation:
                value = display_for_field(value, field, self.empty_value_display)
            title = label_for_field(name, self.model, self)
            shown.append((str(title).capitalize() if str(title).islower() else str(title), value))
        return shown

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> Sequence[admin_pages.Table]:
        """Return the tables that a step's confirmation shows besides the row's columns."""
        return ()

    # ---- pages -------------------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        extra = {"steps": self.offered(request, row) if row is not None else [], **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_task"
        tasks = [
            (task, reverse(name, args=[task.name])) for task in self.tasks if may(person_of(request), task.permission)
        ]
        return super().changelist_view(request, {"tasks": tasks, **(extra_context or {})})

    def step_view(self, request: HttpRequest, row_id: object, name: str) -> HttpResponse:
        """Show what a step will do (GET), or do it (POST)."""
        step = self.step_named(name)
        row = self.get_object(request, str(row_id))
        if row is None:
            raise Http404(f"There is no such {self.opts.verbose_name}.")
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        user = person_of(request)
        options: dict[str, Any] = {"row": row, "user": user, "reason": step.reason}
        if request.method == "POST":
            form = step.form(request.POST, request.FILES, **options)
            taken: list[object] = []
            if form.is_valid() and self._try(
                form,
                lambda order: taken.append(self.take(step, row, order, version=form.cleaned_data["version"])),
                user,
            ):
                messages.success(request, f"{step.done} {step.tells(taken[0])}".strip())
                return HttpResponseRedirect(self._after(request, row))
            row = self.get_object(request, str(row_id)) or row
        else:
            obstacle = self.obstacle(step, row, user)
            if obstacle:
                messages.error(request, obstacle)
                return HttpResponseRedirect(self._after(request, row))
            form = step.form(initial=dict(request.GET.items()), **options)
        context = {
            "step": step,
            "row": row,
            "title": f"{step.label}: {row}",
            "facts": self.facts_of(request, row),
            "tables": self.preview_of(request, step, row),
            "version": self.version_of(row),
            "next": self._after(request, row),
            "back": admin_pages.address_of(row),
        }
        return self.page(request, "admin/staff/step.html", form=form, **context)

    def task_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show a task's form (GET), or do it (POST) and go to the row it made."""
        task = next((task for task in self.tasks if task.name == name), None)
        if task is None:
            raise Http404
        user = person_of(request)
        if not self.has_view_permission(request) or not may(user, task.permission):
            raise PermissionDenied
        options: dict[str, Any] = {"user": user, "reason": task.reason}
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        if request.method == "POST":
            form = task.form(request.POST, request.FILES, **options)
            made: list[object] = []
            if form.is_valid() and self._try(form, lambda order: made.append(task.act(order)), user):
                row = made[0]
                messages.success(request, task.done if isinstance(task.done, str) else task.done(row))
                page = admin_pages.address_of(row) if isinstance(row, models.Model) else ""
                return HttpResponseRedirect(self.next_of(request) or page or back)
        else:
            form = task.form(initial=dict(request.GET.items()), **options)
        return self.page(
            request,
            "admin/staff/task.html",
            form=form,
            task=task,
            title=task.label,
            back=self.next_of(request) or back,
            next=self.next_of(request),
        )

    def page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        """Render a staff page inside the admin's frame."""
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request, template, {**self.admin_site.each_context(request), "opts": self.opts, **context}
        )

    # ---- doing it ----------------------------------------------------------------------------------------

    def step_named(self, name: str) -> Step:
        """
        Return a step by its name.

        :raises Http404: if there is none
        """
        for step in self.steps:
            if step.name == name:
                return step
        raise Http404(f"There is no step “{name}”.")

    def take(self, step: Step, row: Any, order: Order, *, version: str) -> object:
        """
        Take one step on one row: one operation, with the reason beside it in the audit trail.

        :raises StaleForm: if the row is no longer as the person saw it
        :raises Refusal: whatever the operation refuses
        """
        if version != self.version_of(row):
            raise StaleForm("Somebody changed this meanwhile. Look at it as it is now, and decide again.")
        with audit.acting(by=order.by, reason=order.reason):
            return step.act(row, order)

    def _try(self, form: StepForm, act: Callable[[Order], object], user: User) -> bool:
        """Act on a valid form; a refusal, or a database that is busy, becomes the form's error."""
        data = form.cleaned_data
        order = Order(by=user, at=clock.now(), reason=data.get("reason", "").strip(), data=data)
        try:
            act(order)
        except (Refusal, OperationalError) as refusal:
            words = patience.words_for(refusal) if isinstance(refusal, OperationalError) else str(refusal)
            form.add_error(None, words)
            form.was_refused()
            return False
        return True

    def _after(self, request: HttpRequest, row: models.Model) -> str:
        """Return where to go when the step is done: where the person came from, else the row's page."""
        return self.next_of(request) or admin_pages.address_of(row)

    def next_of(self, request: HttpRequest) -> str:
        """Return the page the person came from, if it is one of ours; else nothing."""
        wanted = request.POST.get("next") or request.GET.get("next") or ""
        return wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else ""


def person_of(request: HttpRequest) -> User:
    """Return the person who asks; the admin lets nobody else this far."""
    assert isinstance(request.user, User)
    return request.user


def may(user: User, permission: str | tuple[str, ...]) -> bool:
    """Whether the person holds the permission, or one of them."""
    wanted = (permission,) if isinstance(permission, str) else permission
    return any(user.has_perm(name) for name in wanted)


def _names(permission: str | tuple[str, ...]) -> str:
    return permission if isinstance(permission, str) else "” or “".join(permission)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
