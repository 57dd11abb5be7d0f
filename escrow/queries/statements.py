"""Bank statements as they were imported, and whether they follow from each other."""

from collections.abc import Set
from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import Count, QuerySet

from escrow.models import BankStatement, BankStatementLine, EscrowAccount
from realco.money import format_money


def latest(account: EscrowAccount, *, as_of: date) -> BankStatement | None:
    """Return the account's last statement up to a day; of several for one day, the one imported last."""
    return (
        BankStatement.objects.filter(escrow_account=account, as_of_date__lte=as_of)
        .order_by("-as_of_date", "-created_at", "-id")
        .first()
    )


def of_account(account: EscrowAccount) -> QuerySet[BankStatement]:
    """Return the account's statements, newest first, with ``added``: how many lines each one brought."""
    return (
        BankStatement.objects.filter(escrow_account=account)
        .annotate(added=Count("lines"))
        .select_related("escrow_account", "imported_by")
        .order_by("-as_of_date", "-created_at", "-id")
    )


def with_line_counts(statements: list[BankStatement]) -> QuerySet[BankStatement]:
    """Return these statements by account and day, with ``added``: how many lines each one brought."""
    return (
        BankStatement.objects.filter(pk__in=[statement.pk for statement in statements])
        .annotate(added=Count("lines"))
        .select_related("escrow_account")
        .order_by("escrow_account__account_number", "as_of_date")
    )


def of_file(content_hash: str) -> QuerySet[BankStatement]:
    """Return the statements that one file brought, by account and day, with ``added``."""
    return with_line_counts(list(BankStatement.objects.filter(content_hash=content_hash)))


def known_fingerprints(account_ids: Set[UUID], fingerprints: Set[str]) -> set[tuple[UUID, str]]:
    """Return those of the fingerprints that lines of the accounts have, whatever their number in one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.escrow_account_id, l.fingerprint FROM bank_statement_lines l"
            " JOIN unnest(%s::text[]) AS wanted (fingerprint) USING (fingerprint)"
            " WHERE l.escrow_account_id = ANY (%s::uuid[])",
            [sorted(fingerprints), sorted(account_ids)],
        )
        return set(cursor.fetchall())


def lines_of_other_formats(
    account_ids: Set[UUID], references: Set[str], *, file_format: str
) -> list[BankStatementLine]:
    """Return the accounts' lines under these references of the bank's that files of other formats brought."""
    if not references:
        return []
    return list(
        BankStatementLine.objects.filter(escrow_account__in=account_ids)
        .exclude(statement__file_format=file_format)
        .extra(where=["bank_reference = ANY (%s::text[])"], params=[sorted(references)])
        .only("escrow_account_id", "bank_reference", "amount", "value_date", "fingerprint")
    )


def gaps(account: EscrowAccount, *, as_of: date) -> list[str]:
    """
    Say where statements do not follow from each other, or their lines do not lead from opening to closing.

    Of several statements for one day the last one counts. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(_GAPS, {"account": account.pk, "as_of": as_of})
        rows = cursor.fetchall()
    said = []
    for day, opening, closing, moved, before, day_before in rows:
        if before is not None and opening != before:
            said.append(
                f"The statement of {day} opens with {format_money(opening)}, but that of {day_before} closed with "
                f"{format_money(before)}: a statement between them is missing."
            )
        if opening + moved != closing:
            said.append(
                f"The lines of {day} come to {format_money(moved)}, but the bank's balance moved by "
                f"{format_money(closing - opening)}: its lines are not complete, or one is stated twice."
            )
    return said


_GAPS = """
WITH days AS (
    SELECT DISTINCT ON (as_of_date) as_of_date, opening_balance, closing_balance
      FROM bank_statements
     WHERE escrow_account_id = %(account)s AND as_of_date <= %(as_of)s
     ORDER BY as_of_date, created_at DESC, id DESC
), moved AS (
    SELECT s.as_of_date, sum(l.amount) AS total
      FROM bank_statement_lines l JOIN bank_statements s ON s.id = l.statement_id
     WHERE l.escrow_account_id = %(account)s
     GROUP BY s.as_of_date
), followed AS (
    SELECT d.as_of_date, d.opening_balance AS opening, d.closing_balance AS closing, coalesce(m.total, 0) AS moved,
           lag(d.closing_balance) OVER byday AS before, lag(d.as_of_date) OVER byday AS day_before
      FROM days d LEFT JOIN moved m USING (as_of_date)
    WINDOW byday AS (ORDER BY d.as_of_date)
)
SELECT as_of_date, opening, closing, moved, before, day_before
  FROM followed
 WHERE opening IS NOT NULL AND (opening <> before OR opening + moved <> closing)
 ORDER BY as_of_date
"""
