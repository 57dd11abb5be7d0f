"""What a fault test concludes: the workers' own notes against the books, the payments and each other."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from statistics import quantiles

from django.db import connection

from escrow import books
from escrow.models import EscrowAccount, JournalEntry, LedgerAccount
from finance.models import Transaction
from tests.faults import moves
from tests.faults.moves import Stage
from tests.faults.worker import Step, references, wanted_postings

POSTING = ("pay_in", "arrive", "batch")
Balances = dict[tuple[str, str, str], int]


@dataclass
class Verdict:
    """What is wrong (nothing, if all is well), and the figures of a run."""

    problems: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    journals: int = 0
    lost_but_there: int = 0
    p95_ms: float = 0.0

    def __str__(self) -> str:
        said = ", ".join(f"{name} {count}" for name, count in sorted(self.outcomes.items()))
        return f"{self.journals} journal entries, p95 {self.p95_ms:.0f} ms; {said}"


def read(folder: Path) -> list[Step]:
    """Read what all threads wrote down; a last line cut short by a kill was not acknowledged."""
    steps = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            try:
                steps.append(Step(**json.loads(line)))
            except ValueError:
                continue
    return steps


def judge(stage: Stage, steps: Sequence[Step]) -> Verdict:
    """
    Hold what the workers were told against what is there.

    Everything acknowledged is there exactly once; what was refused or failed left nothing; what nobody
    answered is there as a whole or not at all. The balances are those that follow from the notes alone.
    """
    verdict = Verdict()
    for step in steps:
        name = f"{step.move} {step.outcome}" + (f" {step.said}" if step.said else "")
        verdict.outcomes[name] += 1
    found = Counter(JournalEntry.objects.values_list("reference", flat=True))
    payments = list(Transaction.objects.all())
    by_key = {row.idempotency_key: str(row.pk) for row in payments}
    verdict.journals = sum(found.values())
    effects: Balances = defaultdict(int)
    over: set[str] = set()
    for step in steps:
        refs = references(stage, step, by_key.get)
        there = [found[ref] for ref in refs]
        if step.outcome == "failed":
            verdict.problems.append(f"{step.key} {step.move} failed: {step.said}")
        if step.outcome == "done" and set(there) - {1}:
            verdict.problems.append(f"{step.key} {step.move} was acknowledged and is there {there} times")
        if step.outcome in ("refused", "failed") and any(there) and not _is_anothers(step):
            verdict.problems.append(f"{step.key} {step.move} was {step.outcome} ({step.said}) and left {refs}")
        if step.outcome == "lost" and len(set(there)) > 1:
            verdict.problems.append(f"{step.key} {step.move} was lost and is there by halves: {there}")
        if any(there) and step.outcome in ("done", "lost"):
            verdict.lost_but_there += step.outcome == "lost"
            once = refs[0]
            if once not in over:
                over.add(once)
                _add(stage, step, effects)
    verdict.problems += _differences(effects) + [str(finding) for finding in books.check()]
    verdict.problems += _payments_that_disagree(payments)
    verdict.problems += [f"{one.reference} is in the books, and nobody noted it" for one in _strangers(stage, steps)]
    times = [step.ms for step in steps if step.outcome in ("done", "refused")]
    verdict.p95_ms = quantiles(times, n=20)[-1] if len(times) > 20 else 0.0
    return verdict


def replay(stage: Stage, steps: Iterable[Step]) -> int:
    """Post everything acknowledged once more, and return how many entries that added (none, if all is well)."""
    again = [
        posting
        for step in steps
        if step.outcome == "done" and step.move in POSTING
        for posting in wanted_postings(stage, step)
    ]
    return sum(posted.was_posted for posted in moves.post(again, at=stage.at))


def deadlocks() -> int:
    """Return how many deadlocks the server has counted in this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def _is_anothers(step: Step) -> bool:
    """Whether a refused step names an entry that an earlier one made: a hold or payment that was over before."""
    return step.move in ("release", "cancel")


def _add(stage: Stage, step: Step, effects: Balances) -> None:
    """Add to the balances what a step does to them."""
    changes: dict[str, tuple[tuple[str, int], ...]] = {
        "pay_in": (("BANK", 1), ("INVESTOR", 1)),
        "arrive": (("BANK", 1), ("SUSPENSE", 1)),
        "hold": (("INVESTOR", -1), ("HELD", 1)),
        "release": (("INVESTOR", 1), ("HELD", -1)),
        "withdraw": (("INVESTOR", -1), ("PAYOUTS", 1)),
        "cancel": (("INVESTOR", 1), ("PAYOUTS", -1)),
        "reverse": (("INVESTOR", -1), ("SUSPENSE", 1))
        if step.made == "RECEIPT_CLAIMED"
        else (("BANK", -1), ("SUSPENSE", -1)),
    }
    investor = str(stage.investors[step.investor].pk)
    where = [number for number, _ in step.others] if step.move == "batch" else [step.escrow]
    for number in where:
        for kind, sign in changes["arrive" if step.move == "batch" else step.move]:
            owner = investor if kind in ("INVESTOR", "HELD") else ""
            effects[str(stage.escrows[number].pk), kind, owner] += sign * step.cents


def _differences(effects: Balances) -> list[str]:
    """Compare the balances that follow from the notes with those of the ledger."""
    stored: Balances = defaultdict(int)
    for row in LedgerAccount.objects.all():
        stored[str(row.escrow_account_id), row.kind, str(row.owner_id or "")] = int(row.balance * 100)
    return [
        f"{kind} of {owner or 'nobody'}: the notes make {Decimal(effects[escrow, kind, owner]) / 100}, "
        f"the ledger holds {Decimal(stored[escrow, kind, owner]) / 100}"
        for escrow, kind, owner in sorted(set(effects) | set(stored))
        if effects[escrow, kind, owner] != stored[escrow, kind, owner]
    ]


def _payments_that_disagree(payments: Iterable[Transaction]) -> list[str]:
    """Name the payments whose row says something else than their journal entries."""
    made: dict[object, Counter[str]] = defaultdict(Counter)
    for payment_id, event in JournalEntry.objects.filter(transaction__isnull=False).values_list(
        "transaction_id", "event"
    ):
        made[payment_id][event] += 1
    expected = {"QUEUED": {"RESERVE": 1}, "CANCELLED": {"RESERVE": 1, "UNRESERVE": 1}}
    return [
        f"payment {payment.idempotency_key} is {payment.status} (reserved: {payment.is_reserved}) "
        f"with {dict(made[payment.pk])}"
        for payment in payments
        if dict(made[payment.pk]) != expected.get(payment.status) or payment.is_reserved != (payment.status == "QUEUED")
    ]


def _strangers(stage: Stage, steps: Sequence[Step]) -> list[JournalEntry]:
    """Return journal entries that belong to no step anybody noted, payments aside."""
    known = {ref for step in steps for ref in references(stage, step)}
    return [entry for entry in JournalEntry.objects.filter(transaction=None) if entry.reference not in known]


def frozen() -> int:
    return EscrowAccount.objects.filter(status=EscrowAccount.Status.FROZEN).count()
