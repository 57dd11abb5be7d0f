"""What the sandbox bank's own books say at present."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, Min, Sum

from finance.models import SandboxDelivery, SandboxStatementLine, SandboxTransfer
from realco import money


@dataclass(frozen=True, slots=True)
class Status:
    """Transfers by state, the next day on which something is due, messages owed, money held per account."""

    transfers: dict[str, int]
    next_due_date: date | None
    undelivered: int
    balances: dict[str, Decimal]


def status() -> Status:
    """Return the bank's present state."""
    transfers = SandboxTransfer.objects.values("state").annotate(number=Count("id")).order_by("state")
    lines = SandboxStatementLine.objects.values("external_account_id").annotate(total=Sum("amount"))
    return Status(
        transfers={row["state"]: row["number"] for row in transfers},
        next_due_date=SandboxTransfer.objects.aggregate(next=Min("due_date"))["next"],
        undelivered=SandboxDelivery.objects.filter(delivered_at=None).count(),
        balances={
            row["external_account_id"]: row["total"] or money.ZERO for row in lines.order_by("external_account_id")
        },
    )


def first_day(external_account_id: str) -> date | None:
    """Return the first day on which something happened in an account."""
    lines = SandboxStatementLine.objects.filter(external_account_id=external_account_id)
    return lines.order_by("value_date").values_list("value_date", flat=True).first()
