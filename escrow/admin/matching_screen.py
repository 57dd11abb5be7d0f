"""
The reconciliation screen of one account: bank lines left, BANK entries right, suggestions above.

As many queries for many rows as for few. Each side is paged by key, oldest first. What the screen does, it
does by one operation; without JavaScript it is a form with boxes to tick.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, QuerySet

from escrow import books
from escrow.matching import Item, Match
from escrow.models import BankMatch, BankProposal, EscrowAccount
from escrow.operations import bank_matches
from escrow.queries import aging
from escrow.queries import reconciliations as query
from realco import money
from realco.admin_pages import address_of
from realco.business_days import banking_date, business_days_between
from realco.errors import Refusal

SIDE = 100
"""How many rows each side shows."""
CONSIDERED = 500
"""Among how many of the oldest rows of each side suggestions are looked for."""
_RECENT = 10


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are shown: of what age, amount and text, and after which row of each side."""

    age: int | None = None
    amount: Decimal | None = None
    text: str = ""
    lines_after: tuple[date, UUID] | None = None
    entries_after: tuple[date, UUID] | None = None
    problem: str = ""

    @property
    def is_set(self) -> bool:
        """Whether rows are left out by it."""
        return self.age is not None or self.amount is not None or bool(self.text)


@dataclass(frozen=True, slots=True)
class Row:
    """A bank line or a BANK entry as the screen shows it."""

    key: UUID
    day: date
    age: int
    amount: Decimal
    reference: str
    text: str
    address: str
    is_picked: bool

    @property
    def cents(self) -> int:
        """The amount in cents, for adding up in the browser."""
        return money.as_cents(self.amount)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What may belong together, with all it says of itself, and whether one person may accept it."""

    lines: tuple[Item, ...]
    entries: tuple[Item, ...]
    percent: int
    reason: str
    needs_second_person: bool

    @property
    def amount(self) -> Decimal:
        """What either side comes to."""
        return sum((line.amount for line in self.lines), money.ZERO)


def read_filter(asked: Mapping[str, str]) -> Filter:
    """Read a filter from an address; what cannot be read is left out, and an amount says why."""
    amount, problem = None, ""
    if asked.get("amount", "").strip():
        try:
            amount = abs(money.parse_written(asked["amount"]))
        except Refusal as refusal:
            problem = str(refusal)
    age = asked.get("age", "")
    return Filter(
        age=int(age) if age in ("0", "1", "2", "3") else None,
        amount=amount,
        text=asked.get("text", "").strip()[:100].replace("\x00", ""),
        lines_after=_position(asked.get("lines_after", "")),
        entries_after=_position(asked.get("entries_after", "")),
        problem=problem,
    )


def shown(
    account: EscrowAccount, wanted: Filter, *, asked: Mapping[str, str], picked: Collection[str] = (), at: datetime
) -> dict[str, Any]:
    """Return what the screen shows of an account."""
    today = banking_date(at)
    lines, more_lines = _side(
        query.lines_without_match(account).filter(_line_filter(wanted, today)), "value_date", wanted.lines_after,
        lambda line: _line_row(line, today, picked),
    )  # fmt: skip
    entries, more_entries = _side(
        query.entries_without_match(account).filter(_entry_filter(wanted, today)).select_related("journal_entry"),
        "effective_date", wanted.entries_after, lambda entry: _entry_row(entry, today, picked),
    )  # fmt: skip
    [figures] = books.figures([account.pk])
    kept = {name: value for name, value in asked.items() if name in ("age", "amount", "text") and value}
    return {
        "figures": figures,
        "latest": query.latest(account),
        "bands": aging.of_account(account, as_of=today),
        "band_names": list(enumerate(aging.NAMES)),
        "wanted": wanted,
        "asked": asked,
        "lines": lines,
        "entries": entries,
        "older_lines": urlencode({**kept, "lines_after": more_lines}) if more_lines else "",
        "older_entries": urlencode({**kept, "entries_after": more_entries}) if more_entries else "",
        "suggestions": suggestions(account),
        "matches": recent(account),
        "proposals": waiting(account),
    }


def suggestions(account: EscrowAccount) -> list[Suggestion]:
    """Return what may belong together among the oldest rows of each side; five queries."""
    found, by_id = query.suggestions(account, considered=CONSIDERED)
    return [_suggestion(one, by_id) for one in found]


def recent(account: EscrowAccount) -> QuerySet[BankMatch]:
    """Return the account's latest matches that people made or that stand, newest first, with who made them."""
    rows = BankMatch.objects.filter(escrow_account=account, reverses__isnull=True, reversed_by__isnull=True)
    return rows.select_related("made_by", "approved_by").order_by("-made_at", "-id")[:_RECENT]


def waiting(account: EscrowAccount) -> QuerySet[BankProposal]:
    """Return what of the account waits for a second person, oldest first."""
    rows = BankProposal.objects.filter(escrow_account=account, status=BankProposal.Status.PROPOSED)
    return rows.select_related("proposed_by", "line", "investor").order_by("proposed_at", "id")[:SIDE]


def keys(values: Collection[str]) -> list[UUID]:
    """
    Read the ids of ticked rows.

    :raises NotToBeMatched: if one is no id
    """
    try:
        return [UUID(value) for value in values]
    except ValueError as error:
        raise bank_matches.NotToBeMatched("One of these is not a bank line or a BANK entry.") from error


def _suggestion(one: Match, by_id: Mapping[UUID, Item]) -> Suggestion:
    return Suggestion(
        tuple(by_id[key] for key in one.line_ids),
        tuple(by_id[key] for key in one.entry_ids),
        int(one.confidence * 100),
        one.reason,
        bank_matches.needs_second_person(one),
    )


def _side(
    rows: QuerySet[Any], day: str, after: tuple[date, UUID] | None, row_of: Callable[[Any], Row]
) -> tuple[list[Row], str]:
    """Return one side's page of rows and the key of its last one, if there are more."""
    if after is not None:
        rows = rows.filter(**{f"{day}__gte": after[0]}).exclude(**{day: after[0], "id__lte": after[1]})
    found = [row_of(row) for row in rows[: SIDE + 1]]
    page = found[:SIDE]
    return page, f"{page[-1].day}~{page[-1].key}" if len(found) > SIDE else ""


def _line_filter(wanted: Filter, today: date) -> Q:
    condition = _age_and_amount(wanted, "value_date", today)
    if wanted.text:
        condition &= (
            Q(text__icontains=wanted.text)
            | Q(customer_reference__icontains=wanted.text)
            | Q(bank_reference__icontains=wanted.text)
        )
    return condition


def _entry_filter(wanted: Filter, today: date) -> Q:
    condition = _age_and_amount(wanted, "effective_date", today)
    return condition & Q(description__icontains=wanted.text) if wanted.text else condition


def _age_and_amount(wanted: Filter, day: str, today: date) -> Q:
    condition = Q() if wanted.age is None else aging.within(day, wanted.age, as_of=today)
    return condition if wanted.amount is None else condition & Q(amount__in=(wanted.amount, -wanted.amount))


def _line_row(line: Any, today: date, picked: Collection[str]) -> Row:
    reference = line.customer_reference or line.bank_reference
    return Row(
        line.pk, line.value_date, business_days_between(line.value_date, today), line.amount, reference, line.text,
        address_of(line), str(line.pk) in picked,
    )  # fmt: skip


def _entry_row(entry: Any, today: date, picked: Collection[str]) -> Row:
    reference, _, words = entry.description.partition(" ")
    return Row(
        entry.pk, entry.effective_date, business_days_between(entry.effective_date, today), entry.amount, reference,
        words or entry.journal_entry.get_event_display(), address_of(entry.journal_entry), str(entry.pk) in picked,
    )  # fmt: skip


def _position(text: str) -> tuple[date, UUID] | None:
    day, _, key = text.partition("~")
    try:
        return date.fromisoformat(day), UUID(key)
    except ValueError:
        return None
