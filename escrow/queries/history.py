"""
The ledger at another time: by when things happened, by when we knew of them, or both.

``effective_on`` counts what happened at the bank up to the end of a day, whenever we came to know it.
``known_at`` counts what was in the books at a moment, whatever day it was for. Together they answer
what we told somebody on a day; ``effective_on`` alone, what we know of that day now.

Knowledge follows the chain of each ledger account and not the clocks of the hosts that wrote it, which
may differ by minutes: the last entry of the chain that was written by then was known, and so was every
one before it, because an entry cannot continue one that is not there yet. (Within those minutes, two
accounts of one journal entry may therefore answer differently.) So the balance that was known
is one row, the ``balance_after`` of that entry (the database function ``ledger_known_at``). Balances by
day start from there and take back what counts for later days, which the index on (ledger account,
effective day) answers by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from escrow.models import EscrowAccount, EscrowLedgerEntry, JournalEntry, LedgerAccount

ZERO = Decimal("0.00")
_PAGE_AT_MOST = 100
_CLOCKS_DIFFER = timedelta(minutes=15)  # As in ledger_known_at.
_DAY = timedelta(days=1)
_LAST_DAY = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class AsOf:
    """A point of view: up to which day, known when. What is not given is not limited."""

    effective_on: date | None = None
    known_at: datetime | None = None


NOW = AsOf()


@dataclass(frozen=True, slots=True)
class Position:
    """What one ledger account held, in its normal sign, US dollars: as of a point of view, and now."""

    ledger_account_id: UUID
    kind: str
    owner_id: UUID | None
    owner_name: str
    then: Decimal
    now: Decimal

    @property
    def kind_name(self) -> str:
        """The kind in words."""
        return str(LedgerAccount.Kind(self.kind).label)

    @property
    def difference(self) -> Decimal:
        """What has been added since."""
        return self.now - self.then


@dataclass(frozen=True, slots=True)
class Positions:
    """Some ledger accounts, and the place to go on from, if there are more."""

    rows: Sequence[Position]
    next: str


# ---- balances ------------------------------------------------------------------------------------------------


def balance(account: EscrowAccount, kind: str, owner_id: UUID | None = None, *, as_of: AsOf = NOW) -> Decimal:
    """Return what a ledger account held, in its normal sign; zero if there is no such account. One query."""
    condition = "a.escrow_account_id = %s AND a.kind = %s AND a.owner_id IS NOT DISTINCT FROM %s"
    found = _positions(condition, [account.pk, kind, owner_id], as_of=as_of)
    return found[0].then if found else ZERO


def of_investor(investor_id: UUID, *, account: EscrowAccount | None = None, as_of: AsOf = NOW) -> dict[str, Decimal]:
    """Return what an investor had in one escrow account, or in all, by kind. One query."""
    condition, values = "a.owner_id = %s", [investor_id]
    if account is not None:
        condition, values = f"{condition} AND a.escrow_account_id = %s", [investor_id, account.pk]
    return _by_kind(_positions(condition, values, as_of=as_of))


def house(account: EscrowAccount, *, as_of: AsOf) -> list[Position]:
    """Return the ledger accounts that are nobody's own: ten at most. One query."""
    return _positions("a.escrow_account_id = %s AND a.owner_id IS NULL", [account.pk], as_of=as_of)


def owned(account: EscrowAccount, *, as_of: AsOf, after: str = "", limit: int = _PAGE_AT_MOST) -> Positions:
    """Return a page of the ledger accounts that are somebody's own, by key; ``after`` is the page before's ``next``."""
    limit = max(1, min(limit, _PAGE_AT_MOST))
    condition = "a.escrow_account_id = %s AND a.owner_id IS NOT NULL AND a.id > %s"
    found = _positions(condition, [account.pk, _key(after)], as_of=as_of, order="a.id", limit=limit + 1)
    return Positions(found[:limit], str(found[limit - 1].ledger_account_id) if len(found) > limit else "")


def totals(account: EscrowAccount, *, as_of: AsOf) -> dict[str, Decimal]:
    """
    Return what all ledger accounts of an escrow account held together, by kind. One query.

    It starts from what they hold now and takes back what was not known or counts for later days.
    """
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "account": account.pk,
            "day": as_of.effective_on or _LAST_DAY,
            "moment": as_of.known_at,
        }
        cursor.execute(_TOTALS, values)
        return dict(cursor.fetchall())


_TOTALS = """
WITH later AS (
    SELECT e.ledger_account_id, sum(e.amount) AS amount
      FROM escrow_ledger_entries e
     WHERE e.escrow_account_id = %(account)s
       AND (e.effective_date > %(day)s
            OR (e.created_at > %(moment)s::timestamptz
                AND (e.created_at > %(moment)s::timestamptz + interval '15 minutes'
                     OR e.sequence > coalesce(
                            (SELECT k.sequence FROM ledger_known_at(e.ledger_account_id, %(moment)s) k), 0))))
     GROUP BY e.ledger_account_id
)
SELECT a.kind, sum(a.balance - coalesce(l.amount, 0) * ledger_normal_side(a.kind))
  FROM ledger_accounts a LEFT JOIN later l ON l.ledger_account_id = a.id
 WHERE a.escrow_account_id = %(account)s
 GROUP BY a.kind
"""


def _positions(
    condition: str, values: Sequence[Any], *, as_of: AsOf, order: str = "", limit: int | None = None
) -> list[Position]:
    """Work out the positions of the ledger accounts that a condition, written in this module, chooses."""
    is_known, is_by_day = as_of.known_at is not None, as_of.effective_on is not None
    statement = _POSITIONS.format(
        condition=condition,
        order=order or _IN_ORDER,
        known=_KNOWN if is_known else _NOW,
        later=_LATER if is_by_day else "",
        taken_back="coalesce(l.amount, 0)" if is_by_day else "0",
    )
    points = [*([as_of.known_at] if is_known else []), *([as_of.effective_on] if is_by_day else [])]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, limit, *points])
        return [Position(*row) for row in cursor.fetchall()]


_IN_ORDER = f"array_position(ARRAY{[str(kind) for kind in LedgerAccount.Kind.values]!r}, a.kind::text), a.owner_id"
_POSITIONS = """
SELECT a.id, a.kind, a.owner_id, coalesce(nullif(u.full_name, ''), u.email, ''),
       coalesce(k.balance, 0) - {taken_back} * ledger_normal_side(a.kind), a.balance
  FROM (SELECT a.* FROM ledger_accounts a WHERE {condition} ORDER BY {order} LIMIT %s) a
  LEFT JOIN users u ON u.id = a.owner_id
  LEFT JOIN LATERAL ({known}) k ON true
  {later}
 ORDER BY {order}
"""
_NOW = "SELECT a.entry_count AS sequence, a.balance"
_KNOWN = "SELECT n.sequence, n.balance FROM ledger_known_at(a.id, %s) n"
_LATER = """
  LEFT JOIN LATERAL (SELECT sum(e.amount) AS amount FROM escrow_ledger_entries e
                      WHERE e.ledger_account_id = a.id AND e.effective_date > %s AND e.sequence <= k.sequence) l ON true
"""


def _by_kind(positions: Sequence[Position]) -> dict[str, Decimal]:
    held: dict[str, Decimal] = {}
    for position in positions:
        held[position.kind] = held.get(position.kind, ZERO) + position.then
    return held


# ---- entries -------------------------------------------------------------------------------------------------


def known(entries: QuerySet[EscrowLedgerEntry], *, at: datetime) -> QuerySet[EscrowLedgerEntry]:
    """
    Keep the entries that were known at a moment.

    Those written by then, and those which one written by then continues.
    """
    continued = EscrowLedgerEntry.objects.filter(
        ledger_account=OuterRef("ledger_account"), sequence__gt=OuterRef("sequence"), created_at__lte=at
    )
    return entries.filter(created_at__lte=at + _CLOCKS_DIFFER).filter(Q(created_at__lte=at) | Exists(continued))


def came_later(account: EscrowAccount, *, as_of: AsOf, limit: int = _PAGE_AT_MOST) -> list[EscrowLedgerEntry]:
    """
    Return the entries that we did not know of at ``known_at``, though they count for days up to ``effective_on``.

    Oldest knowledge first; this is the difference between what we told and what we know now. One query.
    """
    if as_of.known_at is None:
        return []
    rows = EscrowLedgerEntry.objects.filter(escrow_account=account, created_at__gt=as_of.known_at)
    if as_of.effective_on is not None:
        rows = rows.filter(effective_date__lte=as_of.effective_on)
    continued = EscrowLedgerEntry.objects.filter(
        ledger_account=OuterRef("ledger_account"),
        sequence__gt=OuterRef("sequence"),
        created_at__lte=as_of.known_at,
        created_at__gte=OuterRef("created_at") - _CLOCKS_DIFFER,
    )
    return list(
        rows.exclude(Exists(continued))
        .select_related("ledger_account__owner", "journal_entry")
        .order_by("created_at", "id")[: max(1, min(limit, _PAGE_AT_MOST + 1))]
    )


# ---- statements ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Movement:
    """What one journal entry changed, by kind in its normal sign, and what was held after it. US dollars."""

    day: date
    journal_entry_id: UUID
    escrow_account_id: UUID
    posted_at: datetime
    event: str
    description: str
    reference: str
    changes: Mapping[str, Decimal]
    after: Mapping[str, Decimal]

    @property
    def event_name(self) -> str:
        """The event in words."""
        return str(JournalEntry.Event(self.event).label)


@dataclass(frozen=True, slots=True)
class Statement:
    """
    A page of what happened to some ledger accounts in a period, oldest first.

    ``opening`` and ``closing`` are those of the whole period, by kind; ``next`` is where the next page begins.
    """

    opening: Mapping[str, Decimal]
    closing: Mapping[str, Decimal]
    movements: Sequence[Movement]
    next: str


def statement(
    accounts: Sequence[UUID],
    *,
    first_day: date,
    last_day: date,
    known_at: datetime | None = None,
    after: str = "",
    limit: int = _PAGE_AT_MOST,
) -> Statement:
    """
    Return the statement of some ledger accounts, by effective day, as it was known at a moment (or is known now).

    Closing is opening plus all movements of the period, exactly; pages follow each other by key. At
    most four queries, whatever the number of entries.
    """
    limit = max(1, min(limit, _PAGE_AT_MOST))
    ids = list(accounts)
    opening, closing = (
        _by_kind(_positions("a.id = ANY(%s)", [ids], as_of=AsOf(day, known_at))) for day in (first_day - _DAY, last_day)
    )
    place = _place(after)
    held = dict(opening)
    if place is not None:
        held = _held_after(ids, place, known_at)
    rows = _movements(ids, max(first_day, place[0]) if place else first_day, last_day, known_at, place, limit + 1)
    movements = []
    for day, journal_id, account_id, posted_at, event, description, reference, kinds, amounts in rows[:limit]:
        changes = dict(zip(kinds, amounts, strict=True))
        held = {kind: held.get(kind, ZERO) + changes.get(kind, ZERO) for kind in {*held, *changes}}
        movements.append(Movement(day, journal_id, account_id, posted_at, event, description, reference, changes, held))
    last = movements[-1] if len(rows) > limit else None
    return Statement(opening, closing, movements, f"{last.day}~{last.journal_entry_id}" if last else "")


def accounts_of(investor_id: UUID, *, account: EscrowAccount | None = None) -> list[UUID]:
    """Return an investor's ledger accounts, in one escrow account or in all."""
    theirs = LedgerAccount.objects.filter(owner_id=investor_id)
    if account is not None:
        theirs = theirs.filter(escrow_account=account)
    return list(theirs.order_by("pk").values_list("pk", flat=True))


def _held_after(accounts: list[UUID], place: tuple[date, UUID], known_at: datetime | None) -> dict[str, Decimal]:
    """Return what was held after a movement: at the end of the day before it, and what of its day precedes it."""
    day, journal_id = place
    held = _by_kind(_positions("a.id = ANY(%s)", [accounts], as_of=AsOf(day - _DAY, known_at)))
    values = {"accounts": accounts, "moment": known_at, "day": day, "journal": journal_id}
    with connection.cursor() as cursor:
        cursor.execute(_MINE.format(known=_known(known_at)) + _OF_THE_DAY, values)
        for kind, amount in cursor.fetchall():
            held[kind] = held.get(kind, ZERO) + amount
    return held


def _movements(
    accounts: list[UUID],
    first_day: date,
    last_day: date,
    known_at: datetime | None,
    place: tuple[date, UUID] | None,
    limit: int,
) -> list[Any]:
    values = {
        "accounts": accounts,
        "moment": known_at,
        "first": first_day,
        "last": last_day,
        "day": place[0] if place else first_day,
        "journal": place[1] if place else UUID(int=0),
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MINE.format(known=_known(known_at)) + _MOVEMENTS, values)
        return list(cursor.fetchall())


def _known(known_at: datetime | None) -> str:
    return "a.entry_count" if known_at is None else "(SELECT n.sequence FROM ledger_known_at(a.id, %(moment)s) n)"


_MINE = """
WITH mine AS MATERIALIZED (
    SELECT a.id, a.kind, {known} AS sequence FROM ledger_accounts a WHERE a.id = ANY(%(accounts)s)
)
"""
_OF_THE_DAY = """
SELECT m.kind, sum(e.amount) * ledger_normal_side(m.kind)
  FROM mine m JOIN escrow_ledger_entries e ON e.ledger_account_id = m.id AND e.sequence <= m.sequence
 WHERE e.effective_date = %(day)s AND e.journal_entry_id <= %(journal)s
 GROUP BY m.kind
"""
_MOVEMENTS = """
, page AS MATERIALIZED (
    SELECT DISTINCT e.effective_date, e.journal_entry_id
      FROM mine m JOIN escrow_ledger_entries e ON e.ledger_account_id = m.id AND e.sequence <= m.sequence
     WHERE e.effective_date BETWEEN %(first)s AND %(last)s
       AND (e.effective_date, e.journal_entry_id) > (%(day)s, %(journal)s)
     ORDER BY e.effective_date, e.journal_entry_id LIMIT %(limit)s
), changed AS (
    SELECT e.journal_entry_id, m.kind, sum(e.amount) * ledger_normal_side(m.kind) AS amount
      FROM page p
      JOIN escrow_ledger_entries e ON e.journal_entry_id = p.journal_entry_id
      JOIN mine m ON m.id = e.ledger_account_id AND e.sequence <= m.sequence
     GROUP BY e.journal_entry_id, m.kind
)
SELECT p.effective_date, p.journal_entry_id, j.escrow_account_id, j.created_at, j.event, j.description, j.reference,
       array_agg(c.kind), array_agg(c.amount)
  FROM page p
  JOIN journal_entries j ON j.id = p.journal_entry_id
  JOIN changed c ON c.journal_entry_id = p.journal_entry_id
 GROUP BY p.effective_date, p.journal_entry_id, j.id
 ORDER BY p.effective_date, p.journal_entry_id
"""


def _place(text: str) -> tuple[date, UUID] | None:
    day, _, key = text.partition("~")
    try:
        return date.fromisoformat(day), UUID(key)
    except ValueError:
        return None


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
