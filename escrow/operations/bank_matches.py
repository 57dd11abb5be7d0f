"""Matches of bank lines with BANK entries: made by reconciliation or by a person, undone by a reversing match."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from escrow import match_stages, match_suggestions
from escrow.matching import Item, Match
from escrow.models import BankMatch, BankStatementLine, EscrowAccount, EscrowLedgerEntry
from escrow.models.bank_matches import MatchMethod
from escrow.operations import escrow_accounts
from escrow.queries import reconciliations as query
from realco import audit, permissions
from realco.errors import IllegalTransition, Refusal
from realco.identifiers import new_id
from realco.models import User
from realco.money import ZERO, format_money

MOST_PARTS = 100
"""How many lines or entries a person's match holds at most."""


class AlreadyMatched(IllegalTransition):
    """A line or entry is in a living match already."""


class NotToBeMatched(Refusal):
    """The lines and entries are not all there, not all of this account, or too few or too many."""


class UnequalSides(Refusal):
    """The bank lines and the entries do not come to the same amount."""


class NeedsSecondPerson(Refusal):
    """The match is too unsure for one person to make alone."""


class AlreadyUndone(IllegalTransition):
    """The match was undone before, or only undoes another."""


def match_automatically(
    account: EscrowAccount, *, lines: Sequence[Item], entries: Sequence[Item], at: datetime
) -> list[Match]:
    """
    Match what can be matched without a guess, and return the matches.

    Must run inside the caller's transaction, with the account locked; as many queries for one as for many.
    """
    found = match_stages.run(lines, entries, lambda left, right: query.known(account, left, right))
    store(account, matches=found, by=None, at=at)
    return found


def match(
    account: EscrowAccount,
    *,
    line_ids: Collection[UUID],
    entry_ids: Collection[UUID],
    reason: str,
    by: User,
    at: datetime,
) -> BankMatch:
    """
    Match a bank line with an entry, as a person who looked at both decides, alone.

    :raises NotPermitted: if the person may not reconcile
    :raises NotToBeMatched: if something is not there or not of this account
    :raises AlreadyMatched: if one of them is matched
    :raises UnequalSides: if the amounts differ
    :raises NeedsSecondPerson: if it is more than a pair, or too unsure for one person
    """
    permissions.require(by, permissions.RECONCILE)
    with audit.acting("bank_match.match", by=by, reason=reason), transaction.atomic():
        account = escrow_accounts.lock(account.pk)
        judged = judge(account, line_ids=line_ids, entry_ids=entry_ids)
        if needs_second_person(judged):
            raise NeedsSecondPerson(f"{judged.reason} A second person has to sign this match; propose it, and say why.")
        return make(account, judged=judged, reason=reason, by=by, approved_by=None, at=at)


def undo(match: BankMatch, *, reason: str, by: User, at: datetime) -> BankMatch:
    """
    Undo a match by another that reverses it: its lines and entries are free again.

    What was posted with it stays posted: an unknown receipt or a bank fee waits as an entry without a line,
    until it is matched again or its journal entry is reversed.

    :raises NotPermitted: if the person may not reconcile
    :raises ReasonMissing: if no reason is given
    :raises AlreadyUndone: if it was undone before, or only undoes another
    """
    permissions.require(by, permissions.RECONCILE)
    escrow_accounts.require_reason(reason)
    with audit.acting("bank_match.undo", by=by, reason=reason), transaction.atomic():
        escrow_accounts.lock(match.escrow_account_id)
        if match.method == MatchMethod.REVERSAL or BankMatch.objects.filter(reverses=match).exists():
            raise AlreadyUndone("This match was undone already.")
        return BankMatch.objects.create(
            escrow_account_id=match.escrow_account_id, method=MatchMethod.REVERSAL, confidence=1, reason=reason.strip(),
            line_count=0, entry_count=0, made_by=by, made_at=at, reverses=match,
        )  # fmt: skip


def judge(account: EscrowAccount, *, line_ids: Collection[UUID], entry_ids: Collection[UUID]) -> Match:
    """
    Say how sure it is that these free lines and entries belong together; the account must be locked.

    :raises NotToBeMatched: if something is not there or not of this account
    :raises AlreadyMatched: if one of them is matched
    :raises UnequalSides: if the amounts differ
    """
    wanted_lines, wanted_entries = set(line_ids), set(entry_ids)
    if len(wanted_lines) + len(wanted_entries) < 2:
        raise NotToBeMatched("Choose at least one line of the bank and one entry of the books.")
    if max(len(wanted_lines), len(wanted_entries)) > MOST_PARTS:
        raise NotToBeMatched(f"Choose at most {MOST_PARTS} lines and {MOST_PARTS} entries.")
    lines = query.line_items(query.lines_without_match(account).filter(pk__in=wanted_lines))
    entries = query.entry_items(query.entries_without_match(account).filter(pk__in=wanted_entries))
    if len(lines) < len(wanted_lines) or len(entries) < len(wanted_entries):
        _refuse_missing(account, wanted_lines, wanted_entries)
    stated, booked = sum((line.amount for line in lines), ZERO), sum((entry.amount for entry in entries), ZERO)
    if stated != booked:
        raise UnequalSides(
            f"The bank lines come to {format_money(stated)}, the entries to {format_money(booked)}: a difference of "
            f"{format_money(stated - booked)}. Only what agrees to the cent can be matched."
        )
    rivals = 0
    if len(lines) == len(entries) == 1:
        same = (
            rows.filter(amount=stated)
            for rows in (query.lines_without_match(account), query.entries_without_match(account))
        )
        rivals = sum(len(rows.values_list("pk")[:4]) for rows in same) - 2
    return match_suggestions.judge(lines, entries, query.known(account, lines, entries), rivals=rivals)


def needs_second_person(judged: Match) -> bool:
    """Whether a match is too unsure for one person: everything but a likely pair is."""
    is_pair = len(judged.line_ids) == len(judged.entry_ids) == 1
    return not is_pair or judged.confidence < match_suggestions.ALONE


def make(
    account: EscrowAccount, *, judged: Match, reason: str, by: User, approved_by: User | None, at: datetime
) -> BankMatch:
    """
    Make a person's match of what was judged under the account's lock.

    :raises AlreadyMatched: if one of its parts is matched
    """
    words = f"{reason.strip()} ({judged.reason})" if reason.strip() else judged.reason
    made = Match(judged.line_ids, judged.entry_ids, MatchMethod.MANUAL, judged.confidence, words[:300])
    [key] = store(account, matches=[made], by=by, approved_by=approved_by, at=at)
    return BankMatch.objects.get(pk=key)


def store(
    account: EscrowAccount,
    *,
    matches: Sequence[Match],
    by: User | None,
    approved_by: User | None = None,
    at: datetime,
) -> list[UUID]:
    """
    Write matches with three statements, however many they are, and return their ids.

    :raises AlreadyMatched: if a line or entry is in a living match
    """
    if not matches:
        return []
    keys = [new_id() for _ in matches]
    lines = [(key, line) for key, match in zip(keys, matches, strict=True) for line in match.line_ids]
    entries = [(key, entry) for key, match in zip(keys, matches, strict=True) for entry in match.entry_ids]
    columns = [
        account.pk, by.pk if by else None, approved_by.pk if approved_by else None, at,
        keys, [str(match.method) for match in matches], [match.confidence for match in matches],
        [match.reason[:300] for match in matches], [len(match.line_ids) for match in matches],
        [len(match.entry_ids) for match in matches],
    ]  # fmt: skip
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_INSERT_MATCHES, columns)
            cursor.execute(_INSERT_LINES, [[key for key, _ in lines], [line for _, line in lines]])
            cursor.execute(_INSERT_ENTRIES, [[key for key, _ in entries], [entry for _, entry in entries]])
    except DatabaseError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) in _ONE_LIVING:
            raise AlreadyMatched("One of these is matched already. Look at both sides again.") from error
        raise
    return keys


def _refuse_missing(account: EscrowAccount, line_ids: Collection[UUID], entry_ids: Collection[UUID]) -> None:
    """
    Say why some of the lines and entries are not free.

    :raises AlreadyMatched: if all of them are there
    :raises NotToBeMatched: if not
    """
    there = BankStatementLine.objects.filter(escrow_account=account, pk__in=line_ids).count()
    booked = EscrowLedgerEntry.objects.filter(
        escrow_account=account, ledger_account__kind="BANK", pk__in=entry_ids
    ).count()
    if (there, booked) == (len(line_ids), len(entry_ids)):
        raise AlreadyMatched("One of these is matched already. Look at both sides again.")
    raise NotToBeMatched("One of these is not a bank line or a BANK entry of this escrow account.")


_ONE_LIVING = ("bank_match_lines_one_living", "bank_match_entries_one_living")
_INSERT_MATCHES = (
    "INSERT INTO bank_matches (id, method, confidence, reason, line_count, entry_count, escrow_account_id, made_by_id,"
    " approved_by_id, made_at, reverses_id)"
    " SELECT m.id, m.method, m.confidence, m.reason, m.lines, m.entries, %s::uuid, %s::uuid, %s::uuid, %s, NULL"
    " FROM unnest(%s::uuid[], %s::text[], %s::numeric[], %s::text[], %s::integer[], %s::integer[])"
    " AS m (id, method, confidence, reason, lines, entries)"
)
_INSERT_LINES = (
    "INSERT INTO bank_match_lines (id, match_id, line_id, is_living)"
    " SELECT realco_uuid7(), p.match, p.line, true FROM unnest(%s::uuid[], %s::uuid[]) AS p (match, line)"
)
_INSERT_ENTRIES = (
    "INSERT INTO bank_match_entries (id, match_id, entry_id, is_living)"
    " SELECT realco_uuid7(), p.match, p.entry, true FROM unnest(%s::uuid[], %s::uuid[]) AS p (match, entry)"
)
