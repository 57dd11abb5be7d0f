"""Staff pages of the past: an escrow account as of another time, and the statement of a ledger account or investor."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from escrow.admin.columns import event
from escrow.models import EscrowAccount, JournalEntry, LedgerAccount
from escrow.queries import history
from escrow.queries.history import AsOf, Movement, Position
from realco import clock
from realco.admin_pages import (
    Table,
    day_column,
    link,
    moment_column,
    money_column,
    shown_money,
    table,
    text_column,
)
from realco.admin_steps import SteppedAdmin
from realco.business_days import BANKING_ZONE, banking_date
from realco.models import User
from realco.money import ZERO, format_money
from realco.templatetags import figures

Kind = LedgerAccount.Kind
MONTH = timedelta(days=30)


def _day(label: str, help_text: str, *, required: bool = False) -> forms.DateField:
    return forms.DateField(
        label=label, required=required, help_text=help_text, widget=forms.DateInput(attrs={"type": "date"})
    )


class KnownForm(forms.Form):
    """When something was known."""

    known_at = forms.DateTimeField(
        label="As known at",
        required=False,
        help_text="UTC. Left empty: as known now.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}),
    )


class AsOfForm(KnownForm):
    """A point of view: up to which effective day, known when."""

    effective_on = _day("Up to the end of", "What happened at the bank by then. Left empty: all of it.")
    field_order = ("effective_on", "known_at")


class PeriodForm(KnownForm):
    """A period by effective days, known when."""

    first_day = _day("From", "", required=True)
    last_day = _day("To", "", required=True)
    field_order = ("first_day", "last_day", "known_at")

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        first, last = found.get("first_day"), found.get("last_day")
        if first and last and last < first:
            self.add_error("last_day", "The last day is before the first.")
        return found


class HistoryPages(SteppedAdmin):
    """The pages of the past, for the admin of ledger accounts."""

    def as_of_view(self, request: HttpRequest, account_id: UUID) -> HttpResponse:
        """Show what every ledger account of an escrow account held then, holds now, and what came later."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        account = EscrowAccount.objects.select_related("offering").filter(pk=account_id).first()
        if account is None:
            raise Http404("There is no such escrow account.")
        form = AsOfForm(request.GET)
        as_of = AsOf(**form.cleaned_data) if form.is_valid() else history.NOW
        page = history.owned(account, as_of=as_of, after=request.GET.get("after", ""))
        return self.page(
            request,
            "admin/staff/history.html",
            title=f"{account} as of another time",
            trail=[("Escrow accounts", reverse("admin:escrow_escrowaccount_changelist")), _crumb(account)],
            form=form,
            explains=_explained(as_of),
            shortcut=_told_that_day(as_of),
            figures=_equation(history.totals(account, as_of=as_of)),
            tables=[
                _positions("The account's own ledger accounts", history.house(account, as_of=as_of)),
                _positions("Investors' ledger accounts", page.rows),
                *_came_later(account, as_of),
            ],
            next_words="More investors",
            next=_query(form, after=page.next) if page.next else "",
        )

    def statement_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Show a ledger account's statement."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = LedgerAccount.objects.select_related("escrow_account", "owner").filter(pk=row_id).first()
        if row is None:
            raise Http404("There is no such ledger account.")
        trail = [("Ledger accounts", reverse("admin:escrow_ledgeraccount_changelist")), _crumb(row)]
        return self._statement(request, f"Statement of {row} in {row.escrow_account}", [row.pk], trail)

    def investor_view(self, request: HttpRequest, user_id: UUID) -> HttpResponse:
        """Show an investor's statement over all their ledger accounts, in one escrow account or in all."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        person = User.objects.filter(pk=user_id).first()
        if person is None:
            raise Http404("There is no such person.")
        trail = [("Users", reverse("admin:realco_user_changelist")), _crumb(person)]
        return self._statement(request, f"Escrow statement of {person}", history.accounts_of(person.pk), trail)

    def _statement(
        self, request: HttpRequest, title: str, accounts: Sequence[UUID], trail: Sequence[tuple[str, str]]
    ) -> HttpResponse:
        today = banking_date(clock.now())
        given = request.GET.dict() if request.GET else {"first_day": str(today - MONTH), "last_day": str(today)}
        form = PeriodForm(given)
        context: dict[str, Any] = {"tables": [], "next": ""}
        if form.is_valid():
            found = history.statement(accounts, after=request.GET.get("after", ""), **form.cleaned_data)
            kinds = [kind for kind in Kind.values if kind in found.opening or kind in found.closing]
            context = {
                "figures": [*_sums("Opening", found.opening, kinds), *_sums("Closing", found.closing, kinds)],
                "tables": [_movements(found.movements, kinds)],
                "next": _query(form, after=found.next) if found.next else "",
            }
        return self.page(
            request,
            "admin/staff/history.html",
            title=title,
            trail=trail,
            form=form,
            explains="Amounts are in each account's normal sign: what makes it grow is above zero. Oldest first.",
            next_words="Later entries",
            **context,
        )


def _crumb(row: Any) -> tuple[str, str]:
    return str(row), reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def _explained(as_of: AsOf) -> str:
    """Say in words what the figures on the page are."""
    day = f"what happened up to {figures.day(as_of.effective_on)}" if as_of.effective_on else "everything"
    moment = f"as we knew it on {figures.day_and_time(as_of.known_at)} UTC" if as_of.known_at else "as we know it now"
    if as_of == history.NOW:
        return "Give a day, a moment, or both. Without them “then” is now."
    return f"“Then” counts {day}, {moment}."


def _told_that_day(as_of: AsOf) -> tuple[str, str] | None:
    """Offer what was told at the end of the chosen day, which is midnight in New York."""
    if as_of.effective_on is None or as_of.known_at is not None:
        return None
    midnight = datetime.combine(as_of.effective_on + timedelta(days=1), time(), tzinfo=BANKING_ZONE)
    known = midnight.astimezone(clock.now().tzinfo).replace(tzinfo=None).isoformat()
    query = urlencode({"effective_on": as_of.effective_on.isoformat(), "known_at": known})
    return f"What we told on {figures.day(as_of.effective_on)}", f"?{query}"


def _query(form: forms.Form, **more: str) -> str:
    """Return the query of the same page with something changed."""
    kept = {name: str(form.data.get(name, "")) for name in form.fields if form.data.get(name)}
    return f"?{urlencode({**kept, **more})}"


def _equation(held: Mapping[str, Decimal]) -> list[tuple[str, str, str]]:
    """Give both sides of the accounting equation as they were then."""
    assets = sum((held.get(kind, ZERO) for kind in LedgerAccount.ASSETS), ZERO)
    groups = {"Available": LedgerAccount.AVAILABLE, "Pending": LedgerAccount.PENDING, "Held": LedgerAccount.HELD}
    parts = {name: sum((held.get(kind, ZERO) for kind in kinds), ZERO) for name, kinds in groups.items()}
    owed = sum(parts.values(), ZERO)
    note = "equal to the assets" if owed == assets else f"a difference of {format_money(assets - owed)}"
    return [
        ("Assets then", format_money(assets), "bank, clearing, receivables"),
        ("Liabilities then", format_money(owed), note),
        *((f"{name} then", format_money(amount), "") for name, amount in parts.items()),
    ]


def _sums(when: str, held: Mapping[str, Decimal], kinds: Sequence[str]) -> list[tuple[str, str, str]]:
    return [(f"{when}: {Kind(kind).label.lower()}", format_money(held.get(kind, ZERO)), "") for kind in kinds]


def _positions(title: str, positions: Sequence[Position]) -> Table:
    rows = [
        [
            link(LedgerAccount(pk=position.ledger_account_id), position.kind_name),
            position.owner_name or "–",
            shown_money(position.then),
            shown_money(position.now),
            shown_money(position.difference or None),
        ]
        for position in positions
    ]
    return Table(title, ["Ledger account", "Owner", "Then", "Now", "Difference"], rows, "There are none.")


def _came_later(account: EscrowAccount, as_of: AsOf) -> list[Table]:
    """List what makes the difference between what was told and what is known now."""
    if as_of.known_at is None:
        return []
    entries = history.came_later(account, as_of=as_of, limit=101)
    days = f" for days up to {figures.day(as_of.effective_on)}" if as_of.effective_on else ""
    title = f"What we learned later{days}"
    return [
        table(
            f"{title}: the first 100" if len(entries) > 100 else title, entries[:100],
            moment_column("created_at", "known since"), day_column("effective_date", "effective"), event,
            text_column("ledger_account"), money_column("amount", "debit or credit"), text_column("description"),
            empty="Nothing: what we told is what we know now.",
        )
    ]  # fmt: skip


def _movements(movements: Sequence[Movement], kinds: Sequence[str]) -> Table:
    """Lay out what happened, with a column for each kind and what all of them held afterwards."""
    rows = [
        [
            figures.day(movement.day),
            link(JournalEntry(pk=movement.journal_entry_id), movement.event_name),
            movement.description or "–",
            *(shown_money(movement.changes[kind]) if kind in movement.changes else "" for kind in kinds),
            *(shown_money(movement.after.get(kind, ZERO)) for kind in kinds),
            figures.day_and_time(movement.posted_at),
        ]
        for movement in movements
    ]
    labels = [Kind(kind).label for kind in kinds]
    titles = ["Effective", "Event", "Description", *labels, *(f"{label} after" for label in labels), "Known since"]
    return Table("Entries, oldest first", titles, rows, "Nothing happened in this period.")
