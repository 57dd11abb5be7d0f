"""
Hours of mixed load in short: does posting get slower, do the hot rows bloat?

    DATABASE_URL=postgres://… python benchmarks/soak.py --minutes 10 [--clients 4] [--reader]

Clients post to one hot account, to many, and read balances and pages, all through RealCo's own code. With
``--reader`` somebody also reads everything in one long transaction for half of every minute, as a dump does,
which keeps old versions of rows alive. Each minute is one line; the verdict compares the last with the
first. The database must be migrated, and is left with the rows; use one of your own.
"""

import argparse
import os
import random
import sys
import threading
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")
os.environ.setdefault("REALCO_PROCESS", "worker")

import django

django.setup()

from django.db import connection, transaction

from escrow import books, postings
from escrow.models import EscrowAccount
from escrow.operations import ledger
from escrow.queries import ledger as pages
from realco.models import Offering, Organization, User

RUN = uuid.uuid4().hex[:8]
AMOUNT = Decimal("10.00")
PAYERS, ACCOUNTS = 200, 20
STEADY, MOST_BYTES = 1.5, 4 * 1024 * 1024
TABLES = "SELECT relname, n_tup_upd, n_tup_hot_upd, n_dead_tup, pg_relation_size(relid) FROM pg_stat_user_tables"
_serial = count(1)


def make_accounts() -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """Escrow accounts and payers of this run: their ids."""
    users = [User(email=f"soak{RUN}-{n}@example.com", full_name=f"Payer {n}") for n in range(PAYERS)]
    User.objects.bulk_create(users)
    sponsor = Organization.objects.create(name=f"Soak {RUN}", kind="SPONSOR", owner=users[0])
    accounts = []
    for number in range(ACCOUNTS):
        tag = f"soak-{RUN}-{number}"
        money = {"minimum_amount": AMOUNT, "maximum_amount": AMOUNT, "minimum_investment": AMOUNT}
        offering = Offering.objects.create(
            organization=sponsor, name=tag, slug=tag, deadline_at=datetime.now(UTC), **money
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT realco_next_number('ESCROW', 2026)")
            name = cursor.fetchone()[0]
        accounts.append(EscrowAccount.objects.create(offering=offering, account_number=name, external_account_id=tag))
    return [account.pk for account in accounts], [user.pk for user in users]


class Soak:
    """The clients, and how long each of their postings took in the present minute."""

    def __init__(self, until: float) -> None:
        self.accounts, self.payers = make_accounts()
        self.until = until
        self.took: list[float] = []
        self.failed = 0

    def client(self, number: int) -> None:
        dice = random.Random(number)
        while time.monotonic() < self.until:
            kind = dice.random()
            if kind < 0.9:
                account = self.accounts[0] if kind < 0.6 else dice.choice(self.accounts)
                self.post(account, dice.choice(self.payers))
            else:
                self.read(dice.choice(self.accounts))
        connection.close()

    def post(self, account: uuid.UUID, payer: uuid.UUID) -> None:
        now = datetime.now(UTC)
        name = f"soak:{RUN}:{next(_serial)}"
        steps = [postings.Subject(account, f"{name}:{step}", "DEPOSIT", now.date()) for step in ("accepted", "settled")]
        began = time.perf_counter()
        try:
            with transaction.atomic():
                both = [
                    postings.inbound_accepted(steps[0], payer_id=payer, amount=AMOUNT),
                    postings.inbound_settled(steps[1], amount=AMOUNT),
                ]
                ledger.post(both, by=None, at=now)
        except Exception as error:
            self.failed += 1
            print(f"failed: {type(error).__name__}: {error}")
        self.took.append(time.perf_counter() - began)

    def read(self, account_id: uuid.UUID) -> None:
        account = EscrowAccount.objects.get(pk=account_id)
        pages.entries(account, limit=50)

    def reader(self) -> None:
        """Read everything in one transaction for half of every minute."""
        while time.monotonic() < self.until:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                for _ in range(6):
                    cursor.execute("SELECT count(*) FROM ledger_accounts")
                    time.sleep(5)
            time.sleep(30)
        connection.close()


def table_line() -> tuple[str, int]:
    """Return words about the two hot tables, and their size in bytes together."""
    with connection.cursor() as cursor:
        cursor.execute(f"{TABLES} WHERE relname IN ('escrow_accounts', 'ledger_accounts') ORDER BY 1")
        rows = cursor.fetchall()
    words = [
        f"{name} {hot / max(1, updates):6.1%} HOT, {dead:,} dead, {size / 1024:,.0f} kB"
        for name, updates, hot, dead, size in rows
    ]
    return "; ".join(words), sum(row[4] for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--reader", action="store_true")
    options = parser.parse_args()
    minute = min(60.0, options.minutes * 60 / 4)
    soak = Soak(time.monotonic() + options.minutes * 60)
    workers = [threading.Thread(target=soak.client, args=(number,)) for number in range(options.clients)]
    if options.reader:
        workers.append(threading.Thread(target=soak.reader))
    for worker in workers:
        worker.start()
    p95s, total, size = [], 0, 0
    while time.monotonic() < soak.until - 1:
        time.sleep(min(minute, max(0.0, soak.until - time.monotonic())))
        took, soak.took = sorted(soak.took), []
        if not took:
            continue
        total += len(took)
        p50, p95, p99 = (took[int(len(took) * share)] * 1000 for share in (0.50, 0.95, 0.99))
        p95s.append(p95)
        words, size = table_line()
        print(f"{len(took) / minute:7.0f}/s  p50 {p50:6.1f}  p95 {p95:6.1f}  p99 {p99:6.1f} ms  {words}", flush=True)
    for worker in workers:
        worker.join()
    quarter = max(1, len(p95s) // 4)
    first, last = sum(p95s[:quarter]) / quarter, sum(p95s[-quarter:]) / quarter
    findings = books.check(soak.accounts)
    print(f"{total:,} postings, {soak.failed} failed, {len(findings)} findings in the books;")
    print(f"p95 {first:.1f} ms at first, {last:.1f} ms at last ({last / first:.2f} times); hot tables {size:,} bytes.")
    is_steady = last <= first * STEADY and size <= MOST_BYTES and not soak.failed and not findings
    print("STEADY" if is_steady else "NOT STEADY")
    return 0 if is_steady else 1


if __name__ == "__main__":
    sys.exit(main())
