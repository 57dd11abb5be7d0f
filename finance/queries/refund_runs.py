"""Refund runs as people look at them: how far each has come, what is late, what an investor gets back."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum

from compliance.models import InvestorProfile
from escrow.models import JournalEntry, LedgerAccount
from finance import refund_clock
from finance.models import BankAccount, RefundItem, RefundRun, Transaction
from finance.models.transactions import TransactionStatus
from finance.queries import refund_figures
from finance.refund_clock import Clock
from realco.business_days import banking_date
from realco.models import User
from realco.money import to_json

ZERO = Decimal("0.00")
Status = RefundItem.Status
Run = RefundRun.Status
Obstacle = RefundItem.Obstacle
Kind = LedgerAccount.Kind
UNANSWERED = 500
"""How many items one sweep of a run follows at a time."""
VIEW = "finance.view_refundrun"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: numbers and US dollars by item status, and what has arrived."""

    numbers: dict[str, int]
    amounts: dict[str, Decimal]
    paid: Decimal
    kept: Decimal
    overdue: int

    @property
    def total(self) -> int:
        """How many items it has."""
        return sum(self.numbers.values())

    @property
    def over(self) -> int:
        """How many of them are paid or have nothing left."""
        return self.numbers.get(Status.PAID, 0) + self.numbers.get(Status.NOTHING_LEFT, 0)

    @property
    def percent(self) -> int:
        """The share that is over, in whole percents, rounded down so that only all of it is a hundred."""
        return self.over * 100 // self.total if self.total else 100


@dataclass(frozen=True, slots=True)
class Proof:
    """One payment of an item with the bank's reference, the day, and the journal entry that took it out."""

    item: RefundItem
    payment: Transaction | None
    bank_reference: str
    settled_on: date | None
    journal_entry: JournalEntry | None


def progress(run: RefundRun, *, today: date) -> Progress:
    """Return how far a run has come; three queries."""
    rows = list(
        run.items.order_by("status").values("status").annotate(
            number=Count("id"), total=Sum("amount"), kept=Sum("kept_amount")
        )
    )  # fmt: skip
    paid = Transaction.objects.filter(refund_item__run=run, status=TransactionStatus.COMPLETED).aggregate(
        total=Sum("amount")
    )["total"]
    return Progress(
        numbers={row["status"]: row["number"] for row in rows},
        amounts={row["status"]: row["total"] for row in rows},
        paid=paid or ZERO,
        kept=sum((row["kept"] for row in rows), ZERO),
        overdue=overdue(today).filter(run=run).count(),
    )


def clock(run: RefundRun, *, at: datetime) -> Clock:
    """Return how the time stands against the day promised for cleared money, while the run is open."""
    since = banking_date(run.offering.failed_at or run.proposed_at)
    if run.cause == RefundRun.Cause.FAILED_RAISE:
        since = banking_date(run.offering.deadline_at)
    moment = run.completed_at if run.status == Run.COMPLETED and run.completed_at else at
    return refund_clock.reading(since, run.promised_by, at=moment)


def overdue(today: date) -> QuerySet[RefundItem]:
    """Return the refunds of running runs that the bank should have by now, and has not."""
    waiting = Q(status__in=[Status.DUE, Status.BLOCKED]) | Q(status=Status.PAYING, payment__processed_at__isnull=True)
    return RefundItem.objects.filter(waiting, promised_by__lt=today, run__status=Run.RUNNING)


def unstarted(today: date) -> QuerySet[RefundRun]:
    """Return the proposed runs whose promised day is over, so that cleared money waits for a signature."""
    return RefundRun.objects.filter(status=Run.PROPOSED, promised_by__lt=today)


def awaiting_signature(approver: User) -> QuerySet[RefundRun]:
    """Return the runs that wait for this person's signature."""
    return (
        RefundRun.objects.filter(status=Run.PROPOSED)
        .exclude(proposed_by=approver)
        .exclude(approvals__approver=approver)
        .order_by("proposed_at")
    )


def blocked() -> QuerySet[RefundItem]:
    """Return the refunds that wait for a person."""
    return RefundItem.objects.filter(status=Status.BLOCKED, run__status=Run.RUNNING).exclude(
        obstacle=Obstacle.MONEY_HELD
    )


def of_investor(investor: User) -> QuerySet[RefundItem]:
    """Return what an investor gets back or got back, newest first."""
    return (
        RefundItem.objects.filter(investor=investor)
        .select_related("run__offering", "deposit", "payment", "bank_account")
        .order_by("-created_at", "-id")
    )


def arrived(item_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """Return what has arrived of each of some items, zero included; one query."""
    rows = Transaction.objects.filter(refund_item__in=item_ids, status=TransactionStatus.COMPLETED)
    sums: dict[UUID, Decimal] = dict.fromkeys(item_ids, ZERO)
    for item_id, amount in rows.values_list("refund_item_id", "amount"):
        assert item_id is not None
        sums[item_id] += amount
    return sums


def unfinished() -> QuerySet[RefundRun]:
    """Return the runs under way, and completed ones of which a bank has sent a refund back since."""
    sent_back = Transaction.objects.filter(status=TransactionStatus.REVERSED, paying_for__status=Status.PAID)
    return RefundRun.objects.filter(
        Q(status=Run.RUNNING) | Q(pk__in=sent_back.values("refund_item__run"))
    ).select_related("escrow_account").order_by("started_at")  # fmt: skip


def unfollowed(run: RefundRun) -> QuerySet[RefundItem]:
    """Return the items whose deposit or payment has come further than they know."""
    not_paid = refund_figures.NOT_PAID
    completed = TransactionStatus.COMPLETED
    return run.items.filter(
        Q(status=Status.WAITING_TO_CLEAR, deposit__status__in=[completed, *not_paid])
        | Q(status=Status.PAYING, payment__status__in=[completed, *not_paid])
        | Q(status=Status.PAID, payment__status__in=not_paid)
        | Q(status=Status.BLOCKED, obstacle=Obstacle.BANK, payment__isnull=False) & ~Q(payment__status__in=not_paid)
    )


def unblocked(run: RefundRun) -> QuerySet[RefundItem]:
    """Return the blocked items of a run whose obstacle is gone, so that they can be tried again."""
    own = LedgerAccount.objects.filter(escrow_account=run.escrow_account_id, owner=OuterRef("investor"), balance__gt=0)
    cleared, held = Exists(own.filter(kind=Kind.INVESTOR)), Exists(own.filter(kind=Kind.HELD))
    restricted = Exists(InvestorProfile.objects.filter(user=OuterRef("investor"), restricted_at__isnull=False))
    fees = LedgerAccount.objects.filter(
        escrow_account=run.escrow_account_id, kind=Kind.FEES, balance__gte=OuterRef("fee_amount")
    )
    usable = Q(bank_account__isnull=True) | Q(bank_account__status=BankAccount.Status.VERIFIED)
    return run.items.filter(status=Status.BLOCKED).filter(
        Q(obstacle=Obstacle.MONEY_HELD) & (Q(cleared) | ~Q(held))
        | Q(obstacle=Obstacle.BANK_ACCOUNT) & usable
        | Q(obstacle=Obstacle.PAYEE, investor__is_active=True) & ~Q(restricted)
        | Q(obstacle=Obstacle.FEES_GONE) & Q(Exists(fees))
        | Q(deposit__status=TransactionStatus.REVERSED) & (Q(payment__isnull=True) | Q(obstacle=Obstacle.COMPLIANCE))
    )  # fmt: skip


def due(run: RefundRun) -> int:
    """Return how many items of a run can be paid now."""
    return run.items.filter(status=Status.DUE).count()


def report(run: RefundRun, *, at: datetime) -> dict[str, object]:
    """Return the final figures of a run, JSON-ready: what was owed, given back and not there, and when."""
    found = progress(run, today=banking_date(at))
    payments = Transaction.objects.filter(refund_item__run=run, status=TransactionStatus.COMPLETED)
    times = payments.aggregate(first=Min("processed_at"), last=Max("processed_at"), settled=Max("settled_at"))
    fees = run.items.filter(status=Status.PAID).aggregate(total=Sum("fee_amount"))["total"] or ZERO
    late = payments.filter(processed_at__date__gt=F("refund_item__promised_by")).count()
    return {
        "investors": run.items.order_by().values("investor").distinct().count(),
        "refunds": found.total,
        "signed_amount": to_json(run.total_amount),
        "owed_amount": to_json(sum(found.amounts.values(), ZERO)),
        "paid_amount": to_json(found.paid),
        "fees_given_back": to_json(fees),
        "not_there_amount": to_json(found.kept),
        "by_status": dict(sorted(found.numbers.items())),
        "payments": payments.count(),
        "sent_after_promised_day": late,
        "first_sent_at": times["first"].isoformat() if times["first"] else None,
        "last_sent_at": times["last"].isoformat() if times["last"] else None,
        "last_settled_at": times["settled"].isoformat() if times["settled"] else None,
        "promised_by": run.promised_by.isoformat(),
        "content_hash": run.content_hash,
    }


def proofs(items: Collection[RefundItem]) -> Iterator[Proof]:
    """Yield each item with its last payment, the bank's reference and the journal entry; three queries for all."""
    payment_ids = [item.payment_id for item in items if item.payment_id is not None]
    payments = Transaction.objects.prefetch_related("attempts").in_bulk(payment_ids)
    settled = {
        entry.transaction_id: entry
        for entry in JournalEntry.objects.filter(
            transaction__in=payment_ids, event=JournalEntry.Event.OUTBOUND_SETTLED
        ).order_by("created_at", "id")
    }
    for item in items:
        payment = payments.get(item.payment_id) if item.payment_id is not None else None
        attempts = sorted(payment.attempts.all(), key=lambda one: one.number) if payment is not None else []
        entry = settled.get(item.payment_id)
        yield Proof(
            item,
            payment,
            attempts[-1].provider_reference if attempts else "",
            entry.effective_date if entry is not None else None,
            entry,
        )
