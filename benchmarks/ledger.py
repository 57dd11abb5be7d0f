"""
Transfers per second through ledger.post, next to the same rows written by bare psycopg.

    DATABASE_URL=postgres://… python benchmarks/ledger.py [--seconds 5]

Both write into the same tables, under the same constraints and triggers, with the same audit trail.
A transfer is one journal entry with two entries on two ledger accounts. "Hot" uses one pair of
accounts, "spread" a thousand payers of twenty escrow accounts. The database is left with the rows;
use one of your own.
"""

import argparse
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count, cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")

import django

django.setup()

import psycopg
from django.db import connection, transaction

from escrow import postings
from escrow.models import EscrowAccount, LedgerAccount
from escrow.operations import ledger
from escrow.postings import Posting, Subject
from realco.models import Offering, Organization, User

AMOUNT = Decimal("10.00")
RUN = uuid.uuid4().hex[:8]
NOW = datetime.now(UTC)
_serial = count(1)

JOURNAL = (
    "INSERT INTO journal_entries (id, escrow_account_id, event, entry_type, reference, request_hash, entry_count,"
    " description, effective_date, created_at) VALUES (%s, %s, 'INBOUND_ACCEPTED', 'DEPOSIT', %s, %s, 2, '', %s, %s)"
)
HEAD = (
    "UPDATE ledger_accounts SET balance = balance + %s, entry_count = entry_count + 1 WHERE id = %s"
    " RETURNING balance, entry_count"
)
ENTRY = (
    "INSERT INTO escrow_ledger_entries (id, escrow_account_id, ledger_account_id, journal_entry_id, entry_type,"
    " sequence, amount, balance_before, balance_after, description, reference, metadata, effective_date, created_at)"
    " VALUES (%s, %s, %s, %s, 'DEPOSIT', %s, %s, %s, %s, '', %s, '{}', %s, %s)"
)

Transfer = tuple[EscrowAccount, User]


def make_accounts(escrows: int, payers: int) -> list[Transfer]:
    """Escrow accounts and payers, each payer with one escrow account."""
    users = [User(email=f"b{RUN}-{next(_serial)}@example.com", full_name=f"Payer {n}") for n in range(payers)]
    User.objects.bulk_create(users)
    sponsor = Organization.objects.create(name=f"Benchmark {uuid.uuid4()}", kind="SPONSOR", owner=users[0])
    accounts = []
    for number in range(escrows):
        tag = f"{RUN}{number}{next(_serial)}"
        offering = Offering.objects.create(
            organization=sponsor,
            name=tag,
            slug=tag,
            minimum_amount=AMOUNT,
            maximum_amount=AMOUNT,
            minimum_investment=AMOUNT,
            deadline_at=NOW,
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT realco_next_number('ESCROW', 2026)")
            number_text = cursor.fetchone()[0]
        accounts.append(
            EscrowAccount.objects.create(offering=offering, account_number=number_text, external_account_id=tag)
        )
    return [(accounts[n % escrows], user) for n, user in enumerate(users)]


def posting(transfer: Transfer) -> Posting:
    escrow, payer = transfer
    subject = Subject(escrow.pk, f"bench:{RUN}:{next(_serial)}", "DEPOSIT", NOW.date())
    return postings.inbound_accepted(subject, payer_id=payer.pk, amount=AMOUNT)


def through_ledger(transfers: Iterator[Transfer], size: int) -> None:
    wanted = [posting(next(transfers)) for _ in range(size)]
    with transaction.atomic():
        ledger.post(wanted, by=None, at=NOW)


class Bare:
    """The same rows by bare psycopg: what a careful programmer without ledger_post would send."""

    def __init__(self, transfers: list[Transfer]) -> None:
        self.connection = psycopg.connect(os.environ["DATABASE_URL"])
        self.heads = {
            (account.escrow_account_id, account.owner_id): account.pk
            for account in LedgerAccount.objects.filter(escrow_account__in={escrow for escrow, _ in transfers})
            if account.kind in ("CLEARING", "UNCLEARED")
        }

    def write(self, transfers: Iterator[Transfer], size: int) -> None:
        with self.connection.transaction(), self.connection.cursor() as cursor:
            chosen = [next(transfers) for _ in range(size)]
            for escrow_id in sorted({escrow.pk for escrow, _ in chosen}):
                cursor.execute("SELECT FROM escrow_accounts WHERE id = %s FOR NO KEY UPDATE", [escrow_id])
            if size == 1:
                self._one(cursor, chosen[0])
            else:
                self._many(cursor, chosen)

    def _one(self, cursor: psycopg.Cursor, transfer: Transfer) -> None:
        escrow, payer = transfer
        journal, reference = uuid.uuid4(), f"bare:{RUN}:{next(_serial)}"
        cursor.execute(JOURNAL, [journal, escrow.pk, reference, reference, NOW.date(), NOW])
        for account, amount in self._sides(escrow, payer):
            cursor.execute(HEAD, [AMOUNT, account])
            head = cursor.fetchone()
            assert head is not None
            balance, sequence = head
            cursor.execute(
                ENTRY,
                [uuid.uuid4(), escrow.pk, account, journal, sequence, amount, balance - AMOUNT, balance, reference]
                + [NOW.date(), NOW],
            )

    def _many(self, cursor: psycopg.Cursor, chosen: list[Transfer]) -> None:
        cursor.execute(
            "SELECT id, balance, entry_count FROM ledger_accounts WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [[account for escrow, payer in chosen for account, _ in self._sides(escrow, payer)]],
        )
        heads = {row[0]: [row[1], row[2]] for row in cursor.fetchall()}
        journals: list[list[object]] = []
        entries: list[list[object]] = []
        for escrow, payer in chosen:
            journal, reference = uuid.uuid4(), f"bare:{RUN}:{next(_serial)}"
            journals.append([journal, escrow.pk, reference, reference, NOW.date(), NOW])
            for account, amount in self._sides(escrow, payer):
                head = heads[account]
                head[0] += AMOUNT
                head[1] += 1
                entries.append(
                    [uuid.uuid4(), escrow.pk, account, journal, head[1], amount, head[0] - AMOUNT, head[0], reference]
                    + [NOW.date(), NOW]
                )
        cursor.executemany(JOURNAL, journals)
        cursor.executemany(
            "UPDATE ledger_accounts SET balance = %s, entry_count = %s WHERE id = %s",
            [[balance, sequence, account] for account, (balance, sequence) in heads.items()],
        )
        cursor.executemany(ENTRY, entries)

    def _sides(self, escrow: EscrowAccount, payer: User) -> list[tuple[uuid.UUID, Decimal]]:
        return [(self.heads[escrow.pk, None], AMOUNT), (self.heads[escrow.pk, payer.pk], -AMOUNT)]


def rate(
    write: Callable[[Iterator[Transfer], int], None], source: Iterator[Transfer], size: int, seconds: float
) -> float:
    """Transfers per second: one batch to warm up, then as many as fit."""
    write(source, size)
    done, begin = 0, time.perf_counter()
    while done == 0 or time.perf_counter() - begin < seconds:
        write(source, size)
        done += size
    return done / (time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each cell is measured (default 5)")
    options = parser.parse_args()
    layouts = {"hot": make_accounts(1, 1), "spread": make_accounts(20, 1000)}
    for transfers in layouts.values():
        source = cycle(transfers)
        through_ledger(source, max(len(transfers), 100))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT version(), current_setting('fsync'), current_setting('synchronous_commit')")
        version, fsync, commit = cursor.fetchone()
    connection.close()
    print(f"{version.split(' on ')[0]}, fsync {fsync}, synchronous_commit {commit}")
    print(f"{'accounts':<10}{'batch':>8}{'ledger.post/s':>16}{'bare psycopg/s':>16}{'ratio':>8}")
    for name, transfers in layouts.items():
        bare, source = Bare(transfers), cycle(transfers)
        for size in (1, 100, 10_000):
            ours = rate(through_ledger, source, size, options.seconds)
            theirs = rate(bare.write, source, size, options.seconds)
            print(f"{name:<10}{size:>8,}{ours:>16,.0f}{theirs:>16,.0f}{ours / theirs:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
