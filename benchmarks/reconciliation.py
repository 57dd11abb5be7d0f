"""
Reconciling one account: how many lines are matched, how many of them rightly, and how long it takes.

    DATABASE_URL=postgres://… python benchmarks/reconciliation.py [--size 100000] [--noise 0.02] [--seed 7]
        [--pure]

Lines and entries are made with the truth about them (tests/escrow/bank_noise.py): usual amounts, references
cut off, rewritten or left out, and a share of noise. First the stages of matching run on them alone, then
the whole of reconciliations.reconcile on PostgreSQL, with every guard and the audit trail. The same seed
makes the same data. Exit code 1: something was matched wrongly, or less than 99 % was matched. The
database is left with the rows; use one of your own.
"""

import argparse
import os
import resource
import sys
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from datetime import time as time_of_day
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")

import django

django.setup()

from django.db import connection, transaction

from escrow import match_stages, postings
from escrow.matching import Item, Known, Match
from escrow.models import BankMatch, BankStatement, BankStatementLine, EscrowAccount, EscrowLedgerEntry
from escrow.operations import ledger, reconciliations
from realco.models import Offering, Organization, User
from tests.escrow import bank_noise
from tests.escrow.bank_noise import Data, Score

BATCH = 5000
LEAST = Decimal("0.99")
PAYMENTS = """
INSERT INTO transactions (id, type, status, held_from, hold_reason, payment_method, amount, fee_amount, net_amount,
    currency, from_user_id, to_user_id, escrow_account_id, stripe_charge_id, stripe_transfer_id, plaid_transaction_id,
    idempotency_key, request_hash, description, internal_memo, failure_code, failure_message, retry_count,
    max_retries, approvals_required, initiated_by_id, is_reserved, cancelled_reason, user_agent,
    compliance_check_passed, compliance_check_data, metadata, created_at, updated_at)
SELECT p.id, p.type, 'INITIATED', '', '', 'ACH', p.amount, 0, p.amount, 'USD',
       CASE p.type WHEN 'DEPOSIT' THEN %s::uuid END, CASE p.type WHEN 'WITHDRAWAL' THEN %s::uuid END, %s, '', '', '',
       realco_uuid7()::text, '0', '', '', '', '', 0, 3,
       CASE WHEN p.amount > 50000 THEN 1 ELSE 0 END, %s, false, '', '', false, '{}', '{}', now(), now()
  FROM unnest(%s::uuid[], %s::text[], %s::numeric[]) AS p (id, type, amount)
"""


def main() -> int:
    """Measure both, print the tables, and say whether the figures were met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--noise", default="0.02")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--pure", action="store_true", help="without the database")
    asked = parser.parse_args()
    data = bank_noise.make(asked.size, seed=asked.seed, noise=asked.noise)
    print(f"{len(data.lines):,} lines, {len(data.entries):,} entries, noise {asked.noise}, seed {asked.seed}, "
          f"load average {os.getloadavg()[0]:.2f}")  # fmt: skip
    scores = [pure(data)]
    if not asked.pure:
        scores.append(whole(data))
    return int(any(score.wrong or score.share < LEAST for score in scores))


def pure(data: Data) -> Score:
    """Run the stages of matching alone."""
    lines, entries = (Counter(one.amount for one in side) for side in (data.lines, data.entries))
    known = Known(
        {name for one in data.entries for name in one.references},
        {name for one in data.lines for name in one.references},
        {amount: max(lines[amount], entries[amount]) for amount in {*lines, *entries}},
    )
    print(f"\n{'stage':<28}{'matches':>9}{'wrong':>7}{'seconds':>9}{'of CPU':>9}")
    began, last, worked = time.perf_counter(), time.perf_counter(), time.process_time()

    def watch(name: str, matches: list[Match]) -> None:
        nonlocal last, worked
        seconds, cpu = time.perf_counter() - last, time.process_time() - worked
        print(f"{name:<28}{len(matches):>9,}{len(bank_noise.score(data, matches).wrong):>7}{seconds:>9.2f}{cpu:>9.2f}")
        last, worked = time.perf_counter(), time.process_time()

    found = match_stages.run(data.lines, data.entries, lambda *_: known, watch)
    return report("matching alone", data, found, time.perf_counter() - began)


def whole(data: Data) -> Score:
    """Put the data into a database, and reconcile it there."""
    began = time.perf_counter()
    as_of = max(item.day for item in (*data.lines, *data.entries))
    at = datetime.combine(as_of, time_of_day(18), tzinfo=UTC)
    account = make_account()
    entry_ids = book(account, data, at)
    line_ids = state(account, data, at)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(f"\nbooked and stated in {time.perf_counter() - began:.1f} s")
    began, worked, served = time.perf_counter(), time.process_time(), server_cpu()
    with QueryCount() as count:
        proof = reconciliations.reconcile(account, as_of=as_of, by=None, at=at)
    seconds = time.perf_counter() - began
    print(f"CPU: {time.process_time() - worked:.1f} s here, {server_cpu() - served:.1f} s in the server's process; "
          f"load average {os.getloadavg()[0]:.2f}")  # fmt: skip
    found = read_back(account, line_ids, entry_ids)
    print(f"{count.number} statements; {proof.matched_lines:,} lines matched, {proof.unmatched_lines:,} and "
          f"{proof.unmatched_entries:,} entries left")  # fmt: skip
    return report("reconcile on PostgreSQL", data, found, seconds)


def server_cpu() -> float:
    """Seconds of CPU that the server's process of this connection has used; 0 if it runs on another machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    if not stat.exists():
        return 0.0
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class QueryCount:
    """Counts the statements that are executed within it."""

    def __enter__(self) -> "QueryCount":
        self.number = 0
        self.wrapper = connection.execute_wrapper(self.count)
        self.wrapper.__enter__()
        return self

    def __exit__(self, *args: object) -> None:
        self.wrapper.__exit__(*args)  # type: ignore[arg-type]

    def count(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        self.number += 1
        return execute(sql, params, many, context)


def make_account() -> EscrowAccount:
    """An escrow account of its own."""
    tag = uuid.uuid4().hex[:10]
    user = User.objects.create(email=f"r-{tag}@example.com", full_name="Benchmark")
    sponsor = Organization.objects.create(name=f"Benchmark {tag}", kind="SPONSOR", owner=user)
    offering = Offering.objects.create(
        organization=sponsor, name=tag, slug=tag, minimum_amount=1, maximum_amount=1, minimum_investment=1,
        deadline_at=datetime.now(UTC),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT realco_next_number('ESCROW', 2026)")
        number = cursor.fetchone()[0]
    return EscrowAccount.objects.create(offering=offering, account_number=number, external_account_id=tag)


def book(account: EscrowAccount, data: Data, at: datetime) -> dict[UUID, UUID]:
    """Post the entries through the ledger, each as what a payment's bank did, and return which is which."""
    payer = account.offering.organization.owner_id
    make_payments(account, payer, data)
    ordered = sorted(data.entries, key=lambda item: (item.day, -item.amount))
    leaving = [item for item in ordered if item.amount < 0]
    begins = postings.Subject(account.pk, f"{account.pk}:to pay out", "FEE", ordered[0].day)
    out = -sum((item.amount for item in leaving), Decimal(0))
    if leaving:
        post([postings.fee_returned(begins, investor_id=payer, amount=out)], at)
    set_out(account, "QUEUED")
    source = postings.source_of("INVESTOR", payer)
    post([postings.reserved(_step(account, one, ":before"), source=source, amount=-one.amount) for one in leaving], at)
    set_out(account, "PROCESSING")
    post([posting for item in ordered for posting in _postings(account, payer, item)], at)
    ours = {str(item.id): item.id for item in data.entries}
    rows = EscrowLedgerEntry.objects.filter(escrow_account=account, ledger_account__kind="BANK")
    return {key: ours[reference] for key, reference in rows.values_list("pk", "reference")}


def post(wanted: list[postings.Posting], at: datetime) -> None:
    for begin in range(0, len(wanted), BATCH):
        with transaction.atomic():
            ledger.post(wanted[begin : begin + BATCH], by=None, at=at)


def make_payments(account: EscrowAccount, payer: UUID, data: Data) -> None:
    """Make the payment of each entry."""
    kinds = ["DEPOSIT" if item.amount > 0 else "WITHDRAWAL" for item in data.entries]
    rows: list[Any] = [[item.id for item in data.entries], kinds, [abs(item.amount) for item in data.entries]]
    with connection.cursor() as cursor:
        cursor.execute(PAYMENTS, [payer, payer, account.pk, payer, *rows])


def set_out(account: EscrowAccount, status: str) -> None:
    """Bring what leaves the account a step further."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE transactions SET status = %s WHERE escrow_account_id = %s AND type = 'WITHDRAWAL'",
            [status, account.pk],
        )


def _step(account: EscrowAccount, item: Item, step: str = "") -> postings.Subject:
    kind = "DEPOSIT" if item.amount > 0 else "WITHDRAWAL"
    return postings.Subject(account.pk, f"{item.id}{step}", kind, item.day, item.text, transaction_id=item.id)


def _postings(account: EscrowAccount, payer: UUID, item: Item) -> list[postings.Posting]:
    """An entry of the bank account, and what leads to it when money comes in."""
    if item.amount < 0:
        return [postings.outbound_settled(_step(account, item), amount=-item.amount)]
    accepted = postings.inbound_accepted(_step(account, item, ":before"), payer_id=payer, amount=item.amount)
    return [accepted, postings.inbound_settled(_step(account, item), amount=item.amount)]


def state(account: EscrowAccount, data: Data, at: datetime) -> dict[UUID, UUID]:
    """Store the lines, a statement a day."""
    days = sorted({line.day for line in data.lines})
    kept = {
        day: BankStatement(
            escrow_account=account, file_name="benchmark", content_hash=day.isoformat(), as_of_date=day,
            closing_balance=0, line_count=0, created_at=at,
        )
        for day in days
    }  # fmt: skip
    BankStatement.objects.bulk_create(kept.values())
    rows = [
        BankStatementLine(
            id=line.id, escrow_account=account, statement=kept[line.day], value_date=line.day, amount=line.amount,
            customer_reference=line.given, bank_reference=line.references[-1], text=line.text, fingerprint=line.id.hex,
            created_at=at,
        )
        for line in data.lines
    ]  # fmt: skip
    BankStatementLine.objects.bulk_create(rows, batch_size=BATCH)
    return {line.id: line.id for line in data.lines}


def read_back(account: EscrowAccount, line_ids: dict[UUID, UUID], entry_ids: dict[UUID, UUID]) -> list[Match]:
    """Read the matches that were stored, in the names the truth goes by."""
    found: dict[UUID, tuple[list[UUID], list[UUID]]] = {
        key: ([], []) for key in BankMatch.objects.filter(escrow_account=account).values_list("pk", flat=True)
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT match_id, line_id FROM bank_match_lines WHERE is_living")
        for match, line in cursor.fetchall():
            if match in found:
                found[match][0].append(line_ids[line])
        cursor.execute("SELECT match_id, entry_id FROM bank_match_entries WHERE is_living")
        for match, entry in cursor.fetchall():
            if match in found:
                found[match][1].append(entry_ids[entry])
    return [Match(tuple(lines), tuple(entries), "", Decimal(1), "") for lines, entries in found.values()]


def report(name: str, data: Data, found: list[Match], seconds: float) -> Score:
    """Print how it went."""
    score = bank_noise.score(data, found)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name}: {len(found):,} matches, {score.rightly:,} of {score.matchable:,} lines rightly ({score.share:.3%}), "
        f"{len(score.wrong)} wrong, {seconds:.1f} s, {memory:.0f} MB at most"
    )
    for match in score.wrong[:10]:
        print(f"  WRONG: {match}")
    return score


if __name__ == "__main__":
    sys.exit(main())
