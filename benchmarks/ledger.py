"""
The ledger's speed next to the least that PostgreSQL could do for the same rows.

    DATABASE_URL=postgres://… python benchmarks/ledger.py [--seconds 5] [--entries 10000000]

Everything runs on one PostgreSQL in one run, with every constraint, trigger and audit event of the product.
A transfer is one journal entry with two lines: a deposit of its own is accepted. "Hot" uses one pair of
ledger accounts, "spread" a thousand payers of twenty escrow accounts. Clients are processes with a
connection each; payments are made before the clock starts.

1. One by one: the floor is a bare PL/pgSQL function, called by bare psycopg in one round trip, that inserts the
   journal row and both entries with their running balances and updates both balances, under the same guards.
   ledger.post does the same through Django: its own transaction, the audit stamp, references that post once.
2. Batches of 10,000, one client: the floor is a bare function that writes them by one statement under the same
   guards, called by bare psycopg; ledger.post builds the postings, hashes them and posts them through Django.
3. Reading at so many entries. "Bare" is hand-written SQL by psycopg, "same SQL"
   is the query that the product sends, by psycopg; the difference to "product" is what the ORM costs.

The database is left with the rows; use one of your own. With 10,000,000 entries it takes a quarter of an hour
and 10 GB.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")

import django

django.setup()

import psycopg
from django.db import connection, transaction

from escrow import postings
from escrow.models import EscrowAccount, EscrowLedgerEntry
from escrow.operations import ledger
from escrow.postings import Posting, Subject
from escrow.queries import balances
from escrow.queries import ledger as pages
from realco.models import Offering, Organization, User

AMOUNT = Decimal("10.00")
RUN = uuid.uuid4().hex[:8]
NOW = datetime.now(UTC)
BATCH = 10_000
LEAST_BATCH_RATE = 15_000
CLIENTS = (1, 2, 8)
_serial = count(1)

Transfer = tuple[uuid.UUID, uuid.UUID]  # an escrow account and a payer
Payment = tuple[uuid.UUID, uuid.UUID, uuid.UUID]  # a payment, its escrow account and its payer

FLOOR = """
CREATE OR REPLACE FUNCTION benchmark_transfer(payment uuid, escrow uuid, debited uuid, credited uuid, value numeric,
                                              reference text, day date, at timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    journal uuid := realco_uuid7();
BEGIN
    PERFORM FROM escrow_accounts WHERE id = escrow FOR NO KEY UPDATE;
    WITH heads AS (
        UPDATE ledger_accounts SET balance = balance + value, entry_count = entry_count + 1
         WHERE id IN (debited, credited) RETURNING id, balance, entry_count
    ), written AS (
        INSERT INTO journal_entries (id, escrow_account_id, event, entry_type, reference, request_hash, entry_count,
                                     description, effective_date, transaction_id, created_at)
        VALUES (journal, escrow, 'INBOUND_ACCEPTED', 'DEPOSIT', benchmark_transfer.reference, 'floor', 2, '', day,
                payment, at)
    )
    INSERT INTO escrow_ledger_entries (id, escrow_account_id, ledger_account_id, journal_entry_id, transaction_id,
                                       entry_type, sequence, amount, balance_before, balance_after, description,
                                       reference, metadata, effective_date, created_at)
    SELECT realco_uuid7(), escrow, id, journal, payment, 'DEPOSIT', entry_count,
           CASE WHEN id = debited THEN value ELSE -value END, balance - value, balance, '',
           benchmark_transfer.reference, '{}', day, at
      FROM heads;
END $$
"""
FLOOR_OF_BATCHES = """
CREATE OR REPLACE FUNCTION benchmark_transfers(payments uuid[], escrows uuid[], debited uuid[], credited uuid[],
                                               value numeric, tag text, day date, at timestamptz) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM escrow_accounts WHERE id = ANY (escrows) ORDER BY id FOR NO KEY UPDATE;
    WITH transfers AS MATERIALIZED (
        SELECT t.*, realco_uuid7() AS journal
          FROM unnest(payments, escrows, debited, credited) WITH ORDINALITY AS t (payment, escrow, debit, credit, ord)
    ), lines AS MATERIALIZED (
        SELECT t.*, l.account, l.amount, a.entry_count + row_number() OVER chain AS sequence,
               a.balance + value * row_number() OVER chain AS after
          FROM transfers t CROSS JOIN LATERAL (VALUES (debit, value), (credit, -value)) AS l (account, amount)
          JOIN ledger_accounts a ON a.id = l.account
        WINDOW chain AS (PARTITION BY a.id ORDER BY t.ord)
    ), heads AS (
        UPDATE ledger_accounts a SET balance = l.after, entry_count = l.sequence
          FROM (SELECT account, max(after) AS after, max(sequence) AS sequence FROM lines GROUP BY account) l
         WHERE a.id = l.account
    ), written AS (
        INSERT INTO journal_entries (id, escrow_account_id, event, entry_type, reference, request_hash, entry_count,
                                     description, effective_date, transaction_id, created_at)
        SELECT journal, escrow, 'INBOUND_ACCEPTED', 'DEPOSIT', tag || payment, 'floor', 2, '', day, payment, at
          FROM transfers
    )
    INSERT INTO escrow_ledger_entries (id, escrow_account_id, ledger_account_id, journal_entry_id, transaction_id,
                                       entry_type, sequence, amount, balance_before, balance_after, description,
                                       reference, metadata, effective_date, created_at)
    SELECT realco_uuid7(), escrow, account, journal, payment, 'DEPOSIT', sequence, amount, after - value, after, '',
           tag || payment, '{}', day, at
      FROM lines ORDER BY ord;
END $$
"""
CALL_FLOOR_OF_BATCHES = "SELECT benchmark_transfers(%s, %s, %s, %s, %s, %s, %s, %s)"
CALL_FLOOR = "SELECT benchmark_transfer(%s, %s, %s, %s, %s, %s, %s, %s)"
PAYMENTS = """
INSERT INTO transactions (id, type, status, held_from, hold_reason, payment_method, amount, fee_amount, net_amount,
    currency, from_user_id, escrow_account_id, stripe_charge_id, stripe_transfer_id, plaid_transaction_id,
    idempotency_key, request_hash, description, internal_memo, failure_code, failure_message, retry_count,
    max_retries, approvals_required, initiated_by_id, is_reserved, cancelled_reason, user_agent,
    compliance_check_passed, compliance_check_data, metadata, created_at, updated_at)
SELECT realco_uuid7(), 'DEPOSIT', 'INITIATED', '', '', 'ACH', %s, 0, %s, 'USD', p.payer, p.escrow, '', '', '',
       realco_uuid7()::text, '0', '', '', '', '', 0, 3, 0, p.payer, false, '', '', false, '{}', '{}', now(), now()
  FROM unnest(%s::uuid[], %s::uuid[]) AS p (escrow, payer)
RETURNING id, escrow_account_id, from_user_id
"""
LOAD = """
SELECT count(*) FROM ledger_post(
    ARRAY(SELECT realco_uuid7() FROM generate_series(1, %(size)s)),
    array_fill(%(escrow)s::uuid, ARRAY[%(size)s]), array_fill('FEE_RETURNED'::text, ARRAY[%(size)s]),
    array_fill('FEE'::text, ARRAY[%(size)s]),
    ARRAY(SELECT %(tag)s || n FROM generate_series(1, %(size)s) n), array_fill('load'::text, ARRAY[%(size)s]),
    array_fill('A fee given back'::text, ARRAY[%(size)s]), array_fill(%(at)s::timestamptz::date, ARRAY[%(size)s]),
    array_fill(NULL::uuid, ARRAY[%(size)s]), array_fill(NULL::uuid, ARRAY[%(size)s]),
    array_fill(NULL::uuid, ARRAY[%(size)s]), ARRAY(SELECT (n + 1) / 2 FROM generate_series(1, 2 * %(size)s) n),
    ARRAY(SELECT CASE n %% 2 WHEN 1 THEN 'FEES' ELSE 'INVESTOR' END FROM generate_series(1, 2 * %(size)s) n),
    ARRAY(SELECT CASE n %% 2 WHEN 0 THEN %(payer)s::uuid END FROM generate_series(1, 2 * %(size)s) n),
    ARRAY(SELECT CASE n %% 2 WHEN 1 THEN 10.00 ELSE -10.00 END FROM generate_series(1, 2 * %(size)s) n),
    NULL, %(at)s)
"""

GUARDED = ("ledger_accounts", "journal_entries", "escrow_ledger_entries")
POSTED_BATCHES = 20
COPY = """
WITH journals AS MATERIALIZED (
    SELECT realco_uuid7() AS id, n FROM generate_series(1, %(size)s) n
), accounts AS MATERIALIZED (
    SELECT id, kind, balance, entry_count, CASE kind WHEN 'FEES' THEN 10.00 ELSE -10.00 END AS amount
      FROM ledger_accounts
     WHERE escrow_account_id = %(escrow)s AND (kind = 'FEES' OR kind = 'INVESTOR' AND owner_id = %(payer)s)
), heads AS (
    UPDATE ledger_accounts a SET balance = a.balance - c.amount * %(size)s, entry_count = a.entry_count + %(size)s
      FROM accounts c WHERE a.id = c.id
), written AS (
    INSERT INTO journal_entries (id, escrow_account_id, event, entry_type, reference, request_hash, entry_count,
                                 description, effective_date, created_at)
    SELECT id, %(escrow)s, 'FEE_RETURNED', 'FEE', %(tag)s || n, 'load', 2, 'A fee given back',
           %(at)s::timestamptz::date, %(at)s
      FROM journals
)
INSERT INTO escrow_ledger_entries (id, escrow_account_id, ledger_account_id, journal_entry_id, entry_type, sequence,
                                   amount, balance_before, balance_after, description, reference, metadata,
                                   effective_date, created_at)
SELECT realco_uuid7(), %(escrow)s, a.id, j.id, 'FEE', a.entry_count + j.n, a.amount, a.balance - a.amount * (j.n - 1),
       a.balance - a.amount * j.n, 'A fee given back', %(tag)s || j.n, '{}', %(at)s::timestamptz::date, %(at)s
  FROM journals j CROSS JOIN accounts a ORDER BY j.n, a.amount DESC
"""


def make_accounts(escrows: int, payers: int) -> list[Transfer]:
    """Escrow accounts and payers, each payer with one escrow account and every ledger account used once."""
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
            [number_text] = cursor.fetchone()
        accounts.append(
            EscrowAccount.objects.create(offering=offering, account_number=number_text, external_account_id=tag)
        )
    transfers = [(accounts[n % escrows].pk, user.pk) for n, user in enumerate(users)]
    post(make_payments(transfers))
    return transfers


def make_payments(transfers: Sequence[Transfer]) -> list[Payment]:
    """A deposit for each transfer, which has nothing posted yet."""
    escrows, payers = zip(*transfers, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(PAYMENTS, [AMOUNT, AMOUNT, list(escrows), list(payers)])
        return [(payment, escrow, payer) for payment, escrow, payer in cursor.fetchall()]


def accepted(payment: Payment) -> Posting:
    pk, escrow, payer = payment
    subject = Subject(escrow, f"{pk}:accepted:0", "DEPOSIT", NOW.date(), "Deposit accepted", pk)
    return postings.inbound_accepted(subject, payer_id=payer, amount=AMOUNT)


def post(payments: Sequence[Payment]) -> None:
    with transaction.atomic():
        ledger.post([accepted(payment) for payment in payments], by=None, at=NOW)


class Floor:
    """A transfer by the bare function, in one round trip that is its own transaction."""

    def __init__(self) -> None:
        self.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        rows = self.connection.execute("SELECT escrow_account_id, owner_id, id FROM ledger_accounts").fetchall()
        self.accounts = {(escrow, owner): pk for escrow, owner, pk in rows}

    def __call__(self, payments: Sequence[Payment]) -> None:
        for pk, escrow, payer in payments:
            debited, credited = self.accounts[escrow, None], self.accounts[escrow, payer]
            facts = [pk, escrow, debited, credited, AMOUNT, f"floor:{pk}", NOW.date(), NOW]
            self.connection.execute(CALL_FLOOR, facts)

    def batch(self, payments: Sequence[Payment]) -> None:
        """Write all of them by one statement."""
        pks, escrows, _ = zip(*payments, strict=True)
        debited = [self.accounts[escrow, None] for escrow in escrows]
        credited = [self.accounts[escrow, payer] for _, escrow, payer in payments]
        facts = [list(pks), list(escrows), debited, credited, AMOUNT, "floor:", NOW.date(), NOW]
        self.connection.execute(CALL_FLOOR_OF_BATCHES, facts)


def work(name: str, transfers: list[Transfer], seconds: float, place: int, ready: Any, results: Any) -> None:
    """One client: make payments, wait for the others, post one by one as long as there is time."""
    write: Callable[[Sequence[Payment]], None] = post if name == "ledger.post" else Floor()
    wanted = int(seconds * 4000) // ready.parties + 100
    mine = islice(cycle(transfers[place:] + transfers[:place]), wanted)
    waiting = iter(make_payments(list(mine)))
    for payment in islice(waiting, 50):
        write([payment])
    ready.wait()
    done, begun = 0, time.perf_counter()
    for payment in waiting:
        write([payment])
        done += 1
        if time.perf_counter() - begun > seconds:
            break
    results.put(done / (time.perf_counter() - begun))


def one_by_one(name: str, transfers: list[Transfer], clients: int, seconds: float) -> float:
    """Transfers per second of so many clients together."""
    spawn = multiprocessing.get_context("spawn")
    ready, results = spawn.Barrier(clients), spawn.Queue()
    step = len(transfers) // clients
    people = [
        spawn.Process(target=work, args=(name, transfers, seconds, n * step, ready, results)) for n in range(clients)
    ]
    for person in people:
        person.start()
    total = sum(results.get(timeout=seconds * 20 + 300) for _ in people)
    for person in people:
        person.join()
    return float(total)


def in_batches(write: Callable[[Sequence[Payment]], None], transfers: list[Transfer], seconds: float) -> float:
    """Transfers per second in batches of ten thousand by one client; making the payments is not counted."""
    source = cycle(transfers)
    write(make_payments(list(islice(source, BATCH))))
    done, spent = 0, 0.0
    while spent < seconds or done < 3 * BATCH:
        payments = make_payments(list(islice(source, BATCH)))
        begun = time.perf_counter()
        write(payments)
        spent += time.perf_counter() - begun
        done += BATCH
    return done / spent


def load(transfers: list[Transfer], entries: int) -> None:
    """
    So many entries, half of them on the first escrow account, over a year.

    Fees given back, which need neither payments nor lines of a bank beside them. The first are posted; of the rest
    only their number counts, so they are copied with the guards off: what posting costs is measured above.
    """
    escrows = list(dict.fromkeys(escrow for escrow, _ in transfers))
    batches = -(-entries // (2 * BATCH))
    places = [
        escrows[0] if number % 2 == 0 else escrows[1 + number // 2 % (len(escrows) - 1)] for number in range(batches)
    ]
    with connection.cursor() as cursor:
        for number, escrow in enumerate(places):
            at = NOW - timedelta(days=365) * ((batches - number) / batches)
            facts: dict[str, Any]
            facts = {
                "size": BATCH,
                "escrow": escrow,
                "payer": transfers[0][1],
                "tag": f"load:{RUN}:{number}:",
                "at": at,
            }
            if number == POSTED_BATCHES:
                set_guards(cursor, "DISABLE")
            with transaction.atomic():
                cursor.execute(LOAD if number < POSTED_BATCHES else COPY, facts)
            if number % 50 == 49:
                print(f"  {(number + 1) * 2 * BATCH:,} entries", file=sys.stderr, flush=True)
        set_guards(cursor, "ENABLE")
        cursor.execute("ANALYZE")


def set_guards(cursor: Any, how: str) -> None:
    """DISABLE or ENABLE the triggers of the tables that are copied into."""
    for table in GUARDED:
        cursor.execute(f"ALTER TABLE {table} {how} TRIGGER USER")


def p95(read: Callable[[], object], times: int) -> float:
    """The time that 95 % of the reads stay below, in milliseconds."""
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        read()
        spent.append((time.perf_counter() - begun) * 1000)
    return statistics.quantiles(spent, n=20)[-1]


def readings(account: EscrowAccount) -> Iterator[tuple[str, Callable[[], object], str, Callable[[], list[Any]], int]]:
    """What is read: its name, the product's query, hand-written SQL with its parameters, SYSTEM's figure in ms."""
    every = EscrowLedgerEntry.objects.filter(escrow_account=account)
    newest = every.order_by("-created_at", "-id")[0]
    oldest = every.order_by("created_at", "id")[0]
    span = newest.created_at - oldest.created_at
    depths = cycle([newest.created_at - span * (n / 100) for n in range(0, 97, 7)])
    ids = cycle([row.pk for day in islice(depths, 14) for row in every.filter(created_at__gte=day)[:20]])
    columns = ", ".join(f"e.{field.column}" for field in EscrowLedgerEntry._meta.concrete_fields)
    page = f"SELECT {columns} FROM escrow_ledger_entries e WHERE escrow_account_id = %s"
    order = " ORDER BY created_at DESC, id DESC LIMIT 51"
    month = newest.created_at - timedelta(days=30)
    yield (
        "entry by id",
        lambda: EscrowLedgerEntry.objects.get(pk=next(ids)),
        f"SELECT {columns} FROM escrow_ledger_entries e WHERE id = %s",
        lambda: [next(ids)],
        5,
    )
    yield (
        "balance",
        lambda: balances.balance(account.pk, "FEES"),
        "SELECT balance FROM ledger_accounts WHERE escrow_account_id = %s AND kind = 'FEES'",
        lambda: [account.pk],
        10,
    )
    yield (
        "page of 50, any depth",
        lambda: pages.entries(account, after=pages.Position(next(depths), uuid.UUID(int=0))),
        page + " AND created_at <= %s" + order,
        lambda: [account.pk, next(depths)],
        20,
    )
    places = cycle([newest.created_at - timedelta(days=n) for n in range(30)])
    yield (
        "30 days, a page",
        lambda: pages.entries(account, since=month, after=pages.Position(next(places), uuid.UUID(int=0))),
        page + " AND created_at >= %s AND created_at <= %s" + order,
        lambda: [account.pk, month, next(places)],
        30,
    )


def captured(read: Callable[[], object]) -> tuple[str, Any]:
    """The one query that a reading sends, and its parameters."""
    sent: list[tuple[str, Any]] = []

    def keep(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        read()
    [(sql, params)] = sent
    return sql, params


def show_readings(transfers: list[Transfer], times: int) -> None:
    account = EscrowAccount.objects.get(pk=transfers[0][0])
    bare = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    print(f"\n{'p95 in ms':<24}{'bare':>9}{'same SQL':>10}{'product':>9}{'SYSTEM 7':>10}")
    for name, product, sql, parameters, figure in readings(account):
        shapes = [captured(product) for _ in range(14)]
        places = cycle(shapes)

        def same(places: Iterator[tuple[str, Any]] = places) -> object:
            return bare.execute(*next(places)).fetchall()

        def by_hand(sql: str = sql, parameters: Callable[[], list[Any]] = parameters) -> object:
            return bare.execute(sql, parameters()).fetchall()

        times_of = [p95(read, times) for read in (by_hand, same, product)]
        print(
            f"{name:<24}{times_of[0]:>9.2f}{times_of[1]:>10.2f}{times_of[2]:>9.2f}{'< ' + str(figure):>10}", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each cell is measured (default 5)")
    parser.add_argument(
        "--entries", type=int, default=200_000, help="how many entries are read among (default 200,000)"
    )
    parser.add_argument("--clients", type=int, nargs="*", default=CLIENTS, help="clients at once (default 1 2 8)")
    parser.add_argument("--only", choices=("one-by-one", "batches", "reads"), help="only this part")
    options = parser.parse_args()
    layouts = {"hot": make_accounts(1, 1), "spread": make_accounts(20, 1000)}
    with connection.cursor() as cursor:
        cursor.execute(FLOOR)
        cursor.execute(FLOOR_OF_BATCHES)
        cursor.execute("ANALYZE")
        cursor.execute("SELECT version(), current_setting('fsync'), current_setting('synchronous_commit')")
        version, fsync, commit = cursor.fetchone()
    print(f"{version.split(' on ')[0]}, fsync {fsync}, synchronous_commit {commit}, {os.cpu_count()} cores")
    if options.only in (None, "one-by-one"):
        print(f"\n{'one by one':<12}{'clients':>8}{'floor/s':>10}{'ledger.post/s':>15}{'ratio':>8}")
        for name, transfers in layouts.items():
            for clients in options.clients:
                floor = one_by_one("floor", transfers, clients, options.seconds)
                ours = one_by_one("ledger.post", transfers, clients, options.seconds)
                print(f"{name:<12}{clients:>8}{floor:>10,.0f}{ours:>15,.0f}{ours / floor:>8.2f}", flush=True)
    if options.only in (None, "batches"):
        print(f"\n{'batches of 10,000':<20}{'floor/s':>10}{'ledger.post/s':>15}{'ratio':>8}{'wanted/s':>10}")
        for name, transfers in layouts.items():
            floor = in_batches(Floor().batch, transfers, options.seconds)
            ours = in_batches(post, transfers, options.seconds)
            print(f"{name:<20}{floor:>10,.0f}{ours:>15,.0f}{ours / floor:>8.2f}{LEAST_BATCH_RATE:>10,}", flush=True)
    if options.only in (None, "reads"):
        load(layouts["spread"], options.entries)
        show_readings(layouts["spread"], 300)
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION benchmark_transfer, benchmark_transfers")


if __name__ == "__main__":
    main()
