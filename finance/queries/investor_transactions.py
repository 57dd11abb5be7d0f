"""
An investor's own payments, as the portal lists them.

Everything starts from `of`, which knows only payments from or to the person, so that nothing
built on it can show somebody else's. Pages go by key (time, then id), never by offset.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from finance.models import Transaction
from finance.models.transactions import TRANSITIONS
from realco.models import User

PAGE_SIZE = 25
Status = Transaction.Status


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which payments are wanted; what is empty does not narrow. Days are inclusive, in UTC."""

    type: str = ""
    status: str = ""
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ends: the time and id of its last row. Written as "2026-03-05T09:00:00+00:00~uuid"."""

    created_at: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{self.created_at.isoformat()}~{self.id}"

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """Return the cursor that was written so, or None if the text is no cursor."""
        moment, _, key = text.partition("~")
        try:
            created_at, identifier = datetime.fromisoformat(moment), UUID(key)
        except ValueError:
            return None
        return cls(created_at, identifier) if created_at.tzinfo is not None else None


@dataclass(frozen=True, slots=True)
class Page:
    """Some payments, newest first, and the cursor of the next page if there is one."""

    payments: Sequence[Transaction]
    older: Cursor | None


def of(investor: User) -> QuerySet[Transaction]:
    """Return the payments that the person sent or is sent, with what a list of them shows."""
    return Transaction.objects.filter(Q(from_user=investor) | Q(to_user=investor)).select_related(
        "offering", "from_bank_account", "to_bank_account"
    )


def page(investor: User, criteria: Criteria, *, before: Cursor | None = None, size: int = PAGE_SIZE) -> Page:
    """Return one page of the person's payments, newest first, that come after the cursor."""
    payments = of(investor)
    if criteria.type:
        payments = payments.filter(type=criteria.type)
    if criteria.status:
        payments = payments.filter(status=criteria.status)
    if criteria.first_day:
        payments = payments.filter(created_at__date__gte=criteria.first_day)
    if criteria.last_day:
        payments = payments.filter(created_at__date__lte=criteria.last_day)
    if before:
        payments = payments.filter(
            Q(created_at__lt=before.created_at) | Q(created_at=before.created_at, id__lt=before.id)
        )
    rows = list(payments.order_by("-created_at", "-id")[: size + 1])
    shown = rows[:size]
    older = Cursor(shown[-1].created_at, shown[-1].pk) if len(rows) > size else None
    return Page(shown, older)


def may_cancel(payment: Transaction, investor: User) -> bool:
    """Whether ``transactions.cancel`` would let the person cancel the payment as it now is."""
    is_own = investor.pk in (payment.initiated_by_id, payment.from_user_id)
    is_at_the_bank = payment.status == Status.ON_HOLD and payment.held_from == Status.PROCESSING
    return is_own and not is_at_the_bank and Status.CANCELLED in TRANSITIONS[Status(payment.status)]
