"""The pages of one version of terms beside its own: its tiers, an example, dollar effects, another version, classes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from distributions import effects as engine_effects
from distributions import terms as engine
from distributions.admin.terms_editor import Editor
from distributions.admin.terms_forms import (
    ClassesForm,
    ExampleForm,
    SampleForm,
    written,
    years_before,
)
from distributions.models import WaterfallExample, WaterfallTerms, WaterfallTier
from distributions.operations import investor_classes, terms, waterfall_examples
from distributions.positions import Position, UnworkableFigures
from distributions.queries import entitlements, terms_in_words
from distributions.queries import terms as queries
from escrow.models import EscrowAccount, Investment
from realco import clock, money, patience, permissions
from realco.admin_steps import SteppedAdmin, may, person_of
from realco.business_days import banking_date
from realco.errors import Refusal

A_PAGE = 50
SEVERAL = 100
"""More investors than this are taken together for the effect of a choice."""
Page = Callable[["Asked"], HttpResponse]


@dataclass(frozen=True)
class Asked:
    """A request for a page of a version, and the admin that shows it."""

    admin: SteppedAdmin
    request: HttpRequest
    version: WaterfallTerms

    @property
    def home(self) -> str:
        """The version's own page."""
        return reverse("admin:distributions_waterfallterms_change", args=[self.version.pk])

    def show(self, template: str, *, title: str, **context: Any) -> HttpResponse:
        """Render a page of the version."""
        return self.admin.page(
            self.request, f"admin/staff/{template}", title=title, version=self.version, home=self.home, **context
        )

    def done(self, words: str) -> HttpResponse:
        """Go back to the version's page, saying what was done."""
        messages.success(self.request, words)
        return HttpResponseRedirect(self.home)


def of_version(model_admin: SteppedAdmin, page: Page) -> Callable[..., HttpResponse]:
    """Make the view of a page: find the version, and let nobody in who may not see it."""

    def view(request: HttpRequest, row_id: UUID) -> HttpResponse:
        version = model_admin.get_object(request, str(row_id))
        if version is None:
            raise Http404("There are no such terms.")
        if not model_admin.has_view_permission(request, version):
            raise PermissionDenied
        return page(Asked(model_admin, request, version))

    return view


def edit(asked: Asked) -> HttpResponse:
    """Show the form of a draft's tiers (GET), rearrange it, or save it (POST)."""
    _require(asked, permissions.DRAFT_TERMS)
    editor, post = Editor.of(asked.version), asked.request.POST
    if asked.request.method == "POST" and post.get("act") != "save":
        editor = Editor.rearranged(post, post.get("act", ""))
    elif asked.request.method == "POST":
        editor = Editor.sent(post)
        wanted = editor.read()
        if wanted is not None:
            head = editor.head.cleaned_data
            problem = _refusal_of(
                lambda: terms.change(
                    asked.version,
                    terms=wanted,
                    effective_from=head["effective_from"],
                    note=head["note"],
                    by=person_of(asked.request),
                    at=clock.now(),
                )
            )
            if not problem:
                return asked.done("Saved. The worked examples below were run again.")
            editor.errors.append(str(problem))
    return asked.show(
        "terms_edit.html",
        title=f"Change {asked.version}",
        editor=editor,
        kinds=WaterfallTier.Kind.choices,
        here=asked.request.path,
    )


def example(asked: Asked) -> HttpResponse:
    """Show the form of a worked example (GET), or enter it (POST)."""
    _require(asked, (permissions.DRAFT_TERMS, permissions.ACTIVATE_TERMS))
    if asked.request.method == "POST":
        form = ExampleForm(asked.request.POST)
        if form.is_valid():
            problem = _refusal_of(
                lambda: waterfall_examples.enter(
                    asked.version,
                    example=form.cleaned_data["example"],
                    by=person_of(asked.request),
                    at=clock.now(),
                )
            )
            if not problem:
                return asked.done("Entered. Below stands what these terms make of it.")
            field = getattr(problem, "field", "")
            form.add_error(field if field in form.fields else None, str(problem))
    else:
        form = ExampleForm(initial=_like(asked))
    return asked.show("terms_example.html", title=f"A worked example for {asked.version}", form=form)


def effects(asked: Asked) -> HttpResponse:
    """Show what each choice is worth on a sample exit; nothing is written."""
    on = banking_date(clock.now())
    account = EscrowAccount.objects.filter(offering_id=asked.version.offering_id).first()
    invested = _invested(asked.version)
    initial = {"on": on.isoformat(), "amount": f"{invested * 17 / 10 or 1_700_000:,.2f}"}
    if not invested:
        initial |= {"capital": "1,000,000.00", "invested_on": years_before(on, 3).isoformat()}
    form = SampleForm(asked.request.GET if "amount" in asked.request.GET else initial, has_investors=bool(invested))
    found, problem, number = None, "", 0
    if form.is_valid():
        try:
            found, number = _effects(asked.version, account, form.cleaned_data)
        except (UnworkableFigures, engine.UnworkableTerms, Refusal) as error:
            problem = str(error)
    return asked.show(
        "terms_effects.html",
        title=f"Effect in dollars: {asked.version}",
        form=form,
        effects=found,
        problem=problem,
        is_caught_up=found is not None and found.is_caught_up,
        is_pooled=number > SEVERAL,
        investors=number,
    )


def compare(asked: Asked) -> HttpResponse:
    """Show two versions of an offering's terms beside each other."""
    versions = WaterfallTerms.objects.filter(offering_id=asked.version.offering_id).exclude(pk=asked.version.pk)
    others = list(versions.select_related("offering").prefetch_related("tiers").order_by("-version")[:A_PAGE])
    wanted = asked.request.GET.get("with", "")
    other = next((one for one in others if str(one.pk) == wanted), others[0] if others and not wanted else None)
    places = []
    if other is not None:
        before, after = sorted((other, asked.version), key=lambda one: one.version)
        places = terms_in_words.compare(before, after)
    return asked.show(
        "terms_compare.html",
        title=f"Compare {asked.version}",
        others=others,
        other=other,
        places=places,
        sides=sorted((other, asked.version), key=lambda one: one.version) if other else [],
        changed=sum(not place.is_same for place in places),
    )


def classes(asked: Asked) -> HttpResponse:
    """Show to which class each investment belongs (GET), or put some into others (POST)."""
    names = queries.class_names(asked.version)
    may_assign = bool(names) and may(person_of(asked.request), permissions.DRAFT_TERMS)
    rows = Investment.objects.filter(offering_id=asked.version.offering_id).exclude(status="CANCELLED")
    number = asked.request.GET.get("page", "1")
    page = max(int(number), 1) if number.isdecimal() and len(number) < 6 else 1
    found = list(rows.select_related("investor").order_by("id")[(page - 1) * A_PAGE : page * A_PAGE + 1])
    shown = found[:A_PAGE]
    if asked.request.method == "POST":
        form = ClassesForm(asked.request.POST, rows=shown, names=names)
        if form.is_valid():
            data = form.cleaned_data
            chosen = {row.pk: data[f"class-{row.pk}"] for row in shown if f"class-{row.pk}" in asked.request.POST}
            problem = _refusal_of(
                lambda: investor_classes.assign(
                    asked.version.offering,
                    classes=chosen,
                    reason=data["reason"],
                    by=person_of(asked.request),
                    at=clock.now(),
                )
            )
            if not problem:
                messages.success(asked.request, "Saved.")
                return HttpResponseRedirect(asked.request.get_full_path())
            form.add_error(None, str(problem))
    else:
        form = ClassesForm(rows=shown, names=names)
    return asked.show(
        "terms_classes.html",
        title=f"Investors' classes: {asked.version.offering}",
        form=form,
        names=names,
        rows=[(row, form[f"class-{row.pk}"]) for row in shown],
        may_assign=may_assign,
        earlier=page - 1,
        later=page + 1 if len(found) > A_PAGE else 0,
    )


def _require(asked: Asked, permission: str | tuple[str, ...]) -> None:
    if not may(person_of(asked.request), permission):
        raise PermissionDenied


def _refusal_of(act: Callable[[], object]) -> Refusal | str | None:
    """Do it; return what stands against it, None if it is done."""
    try:
        act()
    except Refusal as refusal:
        return refusal
    except OperationalError as error:
        return patience.words_for(error)
    return None


def _like(asked: Asked) -> dict[str, Any]:
    """Return what the form begins with: another example of the same terms, if one is named."""
    wanted = asked.request.GET.get("like", "")
    row: WaterfallExample | None = next((one for one in asked.version.examples.all() if str(one.pk) == wanted), None)
    if row is None:
        return {}
    return {
        "source": row.source,
        "on": row.on_date,
        "amount": row.amount,
        "sponsor": row.expected_sponsor,
        "contributions": written(row.contributions),
        "earlier": written(row.earlier),
        "expected": written(row.expected),
        "tiers": written(row.expected_tiers),
    }


def _invested(version: WaterfallTerms) -> Decimal:
    rows = Investment.objects.filter(offering_id=version.offering_id).exclude(status="CANCELLED")
    return rows.aggregate(all=Sum("funded_amount"))["all"] or money.ZERO


def _effects(
    version: WaterfallTerms, account: EscrowAccount | None, sample: dict[str, Any]
) -> tuple[engine_effects.Effects, int]:
    made = queries.as_engine(version)
    on: date = sample["on"]
    if sample["capital"] is not None:
        names = queries.class_names(version) or [""]
        parts = [sample["capital"]] if len(names) == 1 else _equal_parts(sample["capital"], len(names))
        positions: Any = [
            Position(name or "Investors", ((sample["invested_on"], part),), investor_class=name)
            for name, part in zip(names, parts, strict=True)
        ]
        return engine_effects.effects(made, positions, (), sample["amount"], on), 0
    if account is None:
        raise UnworkableFigures("The offering has no escrow account; give a made-up capital.")
    positions, history, handed_over = entitlements.sample(version, account, on)
    number = len(positions)
    if number > SEVERAL:
        positions, history = engine_effects.pooled(positions, history)
        handed_over = ()
    return engine_effects.effects(made, positions, history, sample["amount"], on, transfers=handed_over), number


def _equal_parts(capital: Decimal, number: int) -> list[Decimal]:
    return money.allocate(capital, [1] * number)
