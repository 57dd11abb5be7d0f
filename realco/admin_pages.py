"""
What every staff page is made of: read-only rows, columns that read well, lists that never count.

Nobody edits a row by hand, superusers included: rows change through steps (``realco.admin_steps``),
each of which calls one operation. Lists read one page and one row more, so that their cost does not
grow with the table.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from realco import admin_history
from realco.templatetags import figures

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _Paginator = Paginator[Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _Paginator = Paginator

Column = Callable[[Any], Any]
FOUND = 200
"""How many related rows a search follows; a term that fits more is too short to find anything by."""


# ---- columns -------------------------------------------------------------------------------------------------


def money_column(field: str, title: str = "") -> Column:
    """Make a column of amounts: right-aligned, digits of one width; ``field`` may follow relations by dots."""

    def column(row: Any) -> SafeString:
        return shown_money(_reach(row, field))

    return _titled(column, field, title)


def shown_money(amount: Decimal | None) -> SafeString:
    """Write an amount for a column: right-aligned, digits of one width."""
    return format_html('<span class="money">{}</span>', figures.money(amount))


def badge_column(field: str = "status", title: str = "") -> Column:
    """Make a column of statuses in words, each in the tone of its meaning."""

    def column(row: Any) -> SafeString:
        return figures.badge(row, field)

    return _titled(column, field, title)


def day_column(field: str, title: str = "") -> Column:
    """Make a column of days, or of the days of moments."""

    def column(row: Any) -> SafeString:
        moment: date | datetime | None = _reach(row, field)
        return format_html('<span class="day">{}</span>', figures.day(moment))

    return _titled(column, field, title)


def moment_column(field: str, title: str = "") -> Column:
    """Make a column of moments, to the minute."""

    def column(row: Any) -> SafeString:
        return format_html('<span class="day">{}</span>', figures.day_and_time(_reach(row, field)))

    return _titled(column, field, title)


def link_column(field: str, title: str = "") -> Column:
    """Make a column that names a related row (an empty field: the row itself) and leads to its page."""

    def column(row: Any) -> SafeString | str:
        return link(_reach(row, field))

    return _titled(column, field, title)


def percent_column(field: str, title: str = "") -> Column:
    """Make a column of fractions shown as percentages."""

    def column(row: Any) -> SafeString:
        rate: Decimal | None = _reach(row, field)
        return format_html('<span class="number">{}</span>', "–" if rate is None else figures.percent(rate))

    return _titled(column, field, title)


def link(row: models.Model | None, words: str = "") -> SafeString | str:
    """Name a row and lead to its page, if it has one; nothing is shown as a dash."""
    if row is None:
        return "–"
    address = address_of(row)
    return format_html('<a href="{}">{}</a>', address, words or str(row)) if address else words or str(row)


def address_of(row: models.Model) -> str:
    """Return the address of a row's staff page; empty if it has none."""
    try:
        return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return ""


def _titled(column: Column, field: str, title: str) -> Column:
    words = title or field.rsplit(".", 1)[-1].removesuffix("_at").removesuffix("_date").replace("_", " ")
    column.short_description = words  # type: ignore[attr-defined]
    column.__name__ = field.replace(".", "_") or "row"
    return column


def _reach(row: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        if row is None:
            return None
        row = getattr(row, name)
    return row() if callable(row) and not isinstance(row, models.Model) else row


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that belong to the row shown; ``rows`` hold what the cells of each say."""

    title: str
    titles: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str = "None."
    more: str = ""

    @property
    def has_head(self) -> bool:
        """Whether any column has a title."""
        return any(self.titles)


def table(title: str, rows: Iterable[Any], *columns: Column, empty: str = "None.", more: str = "") -> Table:
    """Lay related rows out in columns; ``more`` is the address of a page that has them all."""
    titles = [str(getattr(column, "short_description", column.__name__)).capitalize() for column in columns]
    return Table(title, titles, [[column(row) for column in columns] for row in rows], empty, more)


def text_column(field: str, title: str = "") -> Column:
    """Make a column of words; nothing is shown as a dash."""

    def column(row: Any) -> str:
        value = _reach(row, field)
        return "–" if value is None or value == "" else str(value)

    return _titled(column, field, title)


# ---- lists that never count ----------------------------------------------------------------------------------


class UncountedPaginator(_Paginator):
    """A paginator told how many rows are known of, instead of counting them all."""

    known = 0

    @cached_property
    def count(self) -> int:
        return self.known


class UncountedChangeList(ChangeList):
    """
    A list page that reads its rows and one more, by which it knows whether others follow.

    It goes back so many pages and no further: at ten million rows the database would skip them all
    to show the last ones. What lies deeper is found by search or filter.
    """

    DEEPEST_PAGE = 100

    has_next = False
    is_cut = False
    first_row = 0
    last_row = 0

    def get_results(self, request: HttpRequest) -> None:
        """Read one page; ``result_count`` is what is known of, not what there is."""
        if self.page_num > self.DEEPEST_PAGE:
            raise IncorrectLookupParameters
        before = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset[before : before + self.list_per_page + 1])
        self.is_cut = len(rows) > self.list_per_page and self.page_num == self.DEEPEST_PAGE
        self.has_next = len(rows) > self.list_per_page and not self.is_cut
        shown = rows[: self.list_per_page]
        self.first_row, self.last_row = before + 1, before + len(shown)
        self.result_count = before + len(rows)
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = bool(shown)
        self.result_list = shown
        self.can_show_all = False
        self.multi_page = self.has_next or self.page_num > 1
        paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        if isinstance(paginator, UncountedPaginator):
            paginator.known = self.result_count
        self.paginator = paginator

    @property
    def newer_page(self) -> str:
        """The address of the page before this one; empty on the first."""
        return self.get_query_string({"p": self.page_num - 1}) if self.page_num > 1 else ""

    @property
    def older_page(self) -> str:
        """The address of the page after this one; empty on the last."""
        return self.get_query_string({"p": self.page_num + 1}) if self.has_next else ""


# ---- pages ---------------------------------------------------------------------------------------------------


class ReadOnlyAdmin(_ModelAdmin):
    """
    Pages that show rows and their audit history, and change nothing.

    ``search_fields`` are ``name`` (the whole value), ``name__startswith`` and the like, over
    relations if need be; every one is looked up through its own index. Encrypted columns are never
    shown; a subclass shows the last four digits kept beside them. ``when_empty`` says what to do where
    there are no rows.
    """

    when_empty = ""
    show_full_result_count = False
    paginator = UncountedPaginator
    list_per_page = 50
    sortable_by: ClassVar[list[str] | tuple[str, ...] | None] = ()
    actions: Any = None
    fieldsets: ClassVar[Any] = None
    actions_on_top = True
    empty_value_display = "–"
    change_list_template = "admin/staff/list.html"
    change_form_template = "admin/staff/row.html"
    object_history_template = "admin/audit_history.html"
    show_facets = admin.ShowFacets.NEVER
    view_on_site = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return UncountedChangeList

    def __init_subclass__(cls, **options: Any) -> None:
        """Let a page's fieldsets name columns: whatever they show is read-only."""
        super().__init_subclass__(**options)
        if cls.fieldsets:
            cls.readonly_fields = flatten_fieldsets(cls.fieldsets)

    def tables_of(self, request: HttpRequest, row: Any) -> Sequence[Table]:
        """Return the related rows that the row's page shows below its columns."""
        return ()

    def figures_of(self, request: HttpRequest, row: Any) -> Sequence[tuple[str, Any, str]]:
        """Return the row's chief figures: title, value, and a note."""
        return ()

    def pages_of(self, request: HttpRequest, row: Any) -> Sequence[tuple[str, str]]:
        """Return the row's further pages: words and address."""
        return ()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a row; there is nothing to save."""
        if request.method != "GET":
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        shown: dict[str, Any] = {}
        if row is not None and self.has_view_permission(request, row):
            shown = {
                "tables": self.tables_of(request, row),
                "figures": self.figures_of(request, row),
                "pages": self.pages_of(request, row),
                "title": str(row),
                "subtitle": None,
            }
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list under the rows' own name."""
        title = str(self.opts.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def get_exclude(self, request: HttpRequest, obj: models.Model | None = None) -> list[str]:
        """Leave out encrypted columns, whatever a subclass shows."""
        secret = [field.name for field in self.model._meta.fields if isinstance(field, admin_history.ENCRYPTED)]
        return [*(super().get_exclude(request, obj) or ()), *secret]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find rows by one whole term: an id, an address, a reference, the last four digits."""
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(self._sought(term)), False

    def _sought(self, term: str) -> Q:
        """
        Turn a term into conditions that each use an index.

        Related rows are looked up first: a condition on their ids is entered by the index of this
        table's foreign key, which a subquery among alternatives is not.
        """
        sought = Q(pk__in=[])
        for name in self.search_fields:
            path = str(name).removesuffix("__startswith")
            lookup = "__startswith" if path != str(name) else ""
            relation, _, rest = path.rpartition("__") if path.count("__") < 2 else path.partition("__")
            link = self.model._meta.get_field(relation) if relation else None
            target: Any = link.related_model if link is not None else self.model
            matches = _matching(target, rest, lookup, term)
            if matches is None:
                continue
            if link is None:
                sought |= matches
                continue
            column = link.field.attname if link.one_to_many else "pk"
            keys = list(target._default_manager.filter(matches).order_by().values_list(column, flat=True)[:FOUND])
            if keys:
                sought |= Q(**{"pk__in" if link.one_to_many else f"{relation}__in": keys})
        return sought

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a row's audit events, newest first: who, when, from which operation and why, before and after."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404(f"There is no such {self.opts.verbose_name}.")
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        page = admin_history.page_of(row, before=request.GET.get("before", ""))
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {row}",
            "subtitle": None,
            "page": page,
            "object": row,
            "opts": self.opts,
            "module_name": str(self.opts.verbose_name_plural).capitalize(),
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.object_history_template, context)


def _matching(model: type[models.Model], path: str, lookup: str, term: str) -> Q | None:
    """Compare a column with a term, or return None if the column cannot hold anything like it."""
    first, _, rest = path.partition("__")
    field: Any = model._meta.pk if first == "pk" else model._meta.get_field(first)
    while rest:
        first, _, rest = rest.partition("__")
        field = field.related_model._meta.pk if first == "pk" else field.related_model._meta.get_field(first)
    try:
        value = field.to_python(term.lower() if isinstance(field, models.EmailField) else term)
    except ValidationError:
        return None
    return Q(**{f"{path}{lookup}": value})
