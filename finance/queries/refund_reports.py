"""
A refund run as a table, one line for each refund, with the proof that it arrived.

Cells that a spreadsheet would take for a formula are written with an apostrophe before them, so that a name
cannot do anything to who opens the file.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime

from finance.models import RefundItem, RefundRun
from finance.queries import refund_runs
from finance.queries.refund_runs import Proof
from realco.money import to_json

CHUNK = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
COLUMNS = (
    "investor", "email", "deposit", "amount", "fee given back", "not there", "status", "note", "promised by",
    "method", "bank account", "payment", "payment status", "sent", "bank reference", "settled", "journal entry",
    "refund",
)  # fmt: skip


def lines(run: RefundRun) -> Iterator[str]:
    """Yield the table as CSV, its head first, with a constant number of queries for every five hundred refunds."""
    yield _line(COLUMNS)
    items = run.items.select_related("investor", "bank_account").order_by("pk")
    last = None
    while True:
        chunk = list((items.filter(pk__gt=last) if last else items)[:CHUNK])
        if not chunk:
            return
        for proof in refund_runs.proofs(chunk):
            yield _line(_cells(proof))
        last = chunk[-1].pk


def _cells(proof: Proof) -> Sequence[str]:
    item, payment, entry = proof.item, proof.payment, proof.journal_entry
    return (
        str(item.investor), item.investor.email, str(item.deposit_id or ""), to_json(item.amount),
        to_json(item.fee_amount), to_json(item.kept_amount), _status(item), item.note,
        str(item.promised_by or ""), item.get_method_display(), item.bank_account.masked if item.bank_account else "",
        str(payment.pk) if payment else "", payment.get_status_display() if payment else "",
        _moment(payment.processed_at if payment else None), proof.bank_reference, str(proof.settled_on or ""),
        str(entry.pk) if entry else "", str(item.pk),
    )  # fmt: skip


def _status(item: RefundItem) -> str:
    return str(item.get_status_display())


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at is not None else ""


def _line(cells: Sequence[str]) -> str:
    file = io.StringIO()
    csv.writer(file).writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells])
    return file.getvalue()
