"""
The daily three-way proof of an escrow account, written down as it was found and never corrected.

Bank statement against the BANK account, assets against liabilities, stored balances against sums of
entries. Matching only says which line is which entry; a difference is an alert for a person.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from escrow import books, matching
from escrow.matching import Item
from escrow.models import EscrowAccount, Reconciliation
from escrow.operations import bank_matches, escrow_accounts, proofs
from escrow.queries import aging, statements
from escrow.queries import reconciliations as query
from realco import audit, events, permissions
from realco.business_days import add_business_days, banking_date, next_business_day
from realco.errors import Refusal
from realco.models import User
from realco.money import ZERO, format_money

logger = logging.getLogger(__name__)
_SAID_AT_MOST = 100


class DayNotCome(Refusal):
    """The bank has not said anything about a day that has not come."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """The outcome of matching: how many pairs there are by now, and what stayed over on each side."""

    matched: int
    lines: Sequence[Item]
    entries: Sequence[Item]


def reconcile(account: EscrowAccount, *, as_of: date, by: User | None, at: datetime) -> Reconciliation:
    """
    Compare an escrow account with its bank as of the end of a day, and keep what was found.

    The proof is made on the day of the last statement up to ``as_of``; entries after it wait for the
    next statement, for one business day. ``by`` is nobody when it is the nightly run. A mismatch is
    published and logged. The signed proof snapshot is taken with it. The number of queries does not
    depend on how much there is to compare.

    :raises NotPermitted: if the person may not reconcile
    :raises DayNotCome: if the day is in the future
    """
    if by is not None:
        permissions.require(by, permissions.RECONCILE)
    if as_of > banking_date(at):
        raise DayNotCome(f"{as_of} has not come yet; reconcile up to today.")
    with audit.acting("escrow_account.reconcile", by=by), transaction.atomic():
        account = escrow_accounts.lock(account.pk)
        compared = _match(account, as_of=as_of, at=at)
        [figures] = books.figures([account.pk], as_of=as_of)
        findings = [
            *_bank_findings(figures, compared, as_of=as_of),
            *statements.gaps(account, as_of=as_of),
            *_unmatched_findings(figures, compared, as_of=as_of),
            *_aged_findings(compared, as_of=as_of),
            *(str(finding) for finding in books.check([account.pk])),
            *(str(finding) for finding in books.check_intents([account.pk])),
        ]
        found = _record(account, figures, compared, findings, as_of=as_of, by=by, at=at)
        if found.result == Reconciliation.Result.BALANCED:
            account.last_reconciled_at = at
            account.last_reconciled_balance = found.bank_balance
            account.save(update_fields=["last_reconciled_at", "last_reconciled_balance", "updated_at"])
        else:
            logger.error("%s does not reconcile as of %s: %s", account, as_of, " ".join(findings[:10]))
            events.publish("escrow.reconciliation.mismatched", reconciliation_id=found.pk)
        proofs.take(account, found, at=at)
    return found


def _match(account: EscrowAccount, *, as_of: date, at: datetime) -> _Compared:
    """Pair what can be paired, store the pairs, and return what stayed over up to the day."""
    lines = query.unmatched_lines(account, as_of=as_of)
    entries = query.unmatched_entries(account, up_to=add_business_days(as_of, matching.TOLERANCE))
    found = bank_matches.match_automatically(account, lines=lines, entries=entries, at=at)
    return _Compared(
        matched=query.matched_count(account, as_of=as_of),
        lines=matching.without(lines, found),
        entries=[entry for entry in matching.without(entries, found) if entry.day <= as_of],
    )


def _bank_findings(figures: books.Figures, compared: _Compared, *, as_of: date) -> list[str]:
    """Compare the statement's closing balance with the BANK account on its day."""
    if figures.statement_balance is None:
        if compared.entries:
            return [f"No bank statement up to {as_of} was imported, but the books have moved money at the bank."]
        return []
    difference = figures.statement_balance - figures.book_balance
    if not difference:
        return []
    return [
        f"The bank closed {figures.statement_date} with {format_money(figures.statement_balance)}, the books with "
        f"{format_money(figures.book_balance)}: a difference of {format_money(difference)}."
    ]


def _unmatched_findings(figures: books.Figures, compared: _Compared, *, as_of: date) -> list[str]:
    """Say of each line and entry that stayed over what it looks like."""
    by_reference = {name: entry for entry in compared.entries for name in entry.references}
    said = []
    off = set()
    for line in compared.lines:
        other = next((by_reference[name] for name in line.references if name in by_reference), None)
        if other is not None:
            off.add(other.id)
            said.append(
                f"The bank states {format_money(line.amount)} on {line.day} under {_named(line)}, the books "
                f"{format_money(other.amount)}: a difference of {format_money(line.amount - other.amount)}."
            )
        else:
            said.append(
                f"The bank states {format_money(line.amount)} on {line.day} under {_named(line)}; no entry of the "
                "books is left for it."
            )
    said.extend(
        f"The books moved {format_money(entry.amount)} on {entry.day} under {_named(entry)}; no line of the bank "
        "is left for it."
        for entry in _overdue(figures, compared, as_of=as_of)
        if entry.id not in off
    )
    return said


def _aged_findings(compared: _Compared, *, as_of: date) -> list[str]:
    """Say how old what stayed over is, if any of it is older than five business days."""
    lines, entries = aging.of_items(compared.lines, as_of=as_of), aging.of_items(compared.entries, as_of=as_of)
    if not sum(lines[aging.OLD :]) + sum(entries[aging.OLD :]):
        return []
    bands = ", ".join(
        f"{on_lines} and {on_entries} of {name}"
        for name, on_lines, on_entries in zip(aging.NAMES, lines, entries, strict=True)
        if on_lines or on_entries
    )
    return [f"Bank lines and entries without a partner by age in business days: {bands}."]


def _overdue(figures: books.Figures, compared: _Compared, *, as_of: date) -> Sequence[Item]:
    """Return the entries left over that a statement should have shown by now."""
    shown_until = figures.statement_date
    return [
        entry
        for entry in compared.entries
        if (shown_until is not None and entry.day <= shown_until) or next_business_day(entry.day) < as_of
    ]


def _record(
    account: EscrowAccount,
    figures: books.Figures,
    compared: _Compared,
    findings: Sequence[str],
    *,
    as_of: date,
    by: User | None,
    at: datetime,
) -> Reconciliation:
    result = Reconciliation.Result.MISMATCHED if findings else Reconciliation.Result.BALANCED
    on_lines, on_entries = aging.of_items(compared.lines, as_of=as_of), aging.of_items(compared.entries, as_of=as_of)
    said: list[Any] = list(findings[:_SAID_AT_MOST])
    if len(findings) > len(said):
        said.append(f"… and {len(findings) - len(said)} more.")
    return Reconciliation.objects.create(
        escrow_account=account,
        as_of_date=as_of,
        result=result,
        bank_balance=figures.statement_balance if figures.statement_balance is not None else ZERO,
        book_balance=figures.book_balance,
        assets=figures.assets,
        liabilities=figures.liabilities,
        matched_lines=compared.matched,
        unmatched_lines=len(compared.lines),
        unmatched_entries=len(compared.entries),
        aging={"lines": on_lines, "entries": on_entries},
        aged_items=sum(on_lines[aging.OLD :]) + sum(on_entries[aging.OLD :]),
        findings=said,
        run_by=by,
        created_at=_after_the_last(account, at),
    )


def _after_the_last(account: EscrowAccount, at: datetime) -> datetime:
    """
    Return the moment of a proof, never before that of the proof before it.

    Hosts' clocks differ. The account is locked, so what is last here is last in the database, and it must
    be the one that counts: an older proof that balanced would let a closing through.
    """
    last = query.latest(account)
    return at if last is None else max(at, last.created_at + timedelta(microseconds=1))


def _named(item: Item) -> str:
    return f"“{item.references[0]}”" if item.references else "no reference"
