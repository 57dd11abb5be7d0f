"""
The sandbox bank's statement of an escrow account, as the BAI2 file a bank would send.

One group for each day, with opening and closing ledger balances, so that the file reads like a
month of daily files put together. Amounts are whole cents; signs are in the type codes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from bai2 import bai2
from bai2.constants import AsOfDateModifier, FundsType, GroupStatus, TypeCodes
from bai2.models import Account, AccountIdentifier, Bai2File, Bai2FileHeader, Group, GroupHeader, Summary
from bai2.models import TransactionDetail as Detail
from django.db.models import Sum

from finance.gateways.sandbox_accounts import ROUTING_NUMBER
from finance.models import SandboxStatementLine
from realco import money
from realco.business_days import BANKING_ZONE, is_business_day

RECEIVER = "REALCO"
OPENING_LEDGER, CLOSING_LEDGER, CLOSING_AVAILABLE = "010", "015", "045"
TEXT_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Day:
    """One day of an account: balances in US dollars and the lines between them."""

    day: date
    opening: Decimal
    closing: Decimal
    lines: tuple[SandboxStatementLine, ...]


def balance(external_account_id: str, *, on: date) -> Decimal:
    """Return what the account holds at the end of a day."""
    lines = SandboxStatementLine.objects.filter(external_account_id=external_account_id, value_date__lte=on)
    return lines.aggregate(total=Sum("amount"))["total"] or money.ZERO


def days(external_account_id: str, *, start: date, end: date) -> Iterator[Day]:
    """Give every business day of a range, and every other day on which something happened."""
    lines: dict[date, list[SandboxStatementLine]] = {}
    for line in SandboxStatementLine.objects.filter(
        external_account_id=external_account_id, value_date__range=(start, end)
    ).order_by("value_date", "created_at", "id"):
        lines.setdefault(line.value_date, []).append(line)
    opening = balance(external_account_id, on=start - timedelta(days=1))
    for ahead in range((end - start).days + 1):
        day = start + timedelta(days=ahead)
        found = tuple(lines.get(day, ()))
        closing = opening + sum((line.amount for line in found), money.ZERO)
        if found or is_business_day(day):
            yield Day(day, opening, closing, found)
        opening = closing


def render(external_account_id: str, *, start: date, end: date, at: datetime) -> bytes:
    """Write the account's statement of a range of days, both included, as a BAI2 file."""
    made = at.astimezone(BANKING_ZONE)
    file = Bai2File(
        header=Bai2FileHeader(
            sender_id=ROUTING_NUMBER,
            receiver_id=RECEIVER,
            creation_date=made.date(),
            creation_time=made.time().replace(tzinfo=None),
            file_id=made.strftime("%y%m%d%H%M%S"),
        ),
        children=[_group(external_account_id, day) for day in days(external_account_id, start=start, end=end)],
    )
    return (str(bai2.write(file)) + "\n").encode("ascii")


def _group(external_account_id: str, day: Day) -> Group:
    header = GroupHeader(
        ultimate_receiver_id=RECEIVER,
        originator_id=ROUTING_NUMBER,
        group_status=GroupStatus.update,
        as_of_date=day.day,
        currency=money.CURRENCY,
        as_of_date_modifier=AsOfDateModifier.final_previous_day,
    )
    account = Account(
        header=AccountIdentifier(
            customer_account_number=external_account_id,
            currency=money.CURRENCY,
            summary_items=[
                Summary(type_code=TypeCodes[OPENING_LEDGER], amount=money.as_cents(day.opening)),
                Summary(type_code=TypeCodes[CLOSING_LEDGER], amount=money.as_cents(day.closing)),
                Summary(type_code=TypeCodes[CLOSING_AVAILABLE], amount=money.as_cents(day.closing)),
            ],
        ),
        children=[_detail(line) for line in day.lines],
    )
    return Group(header=header, children=[account])


def _detail(line: SandboxStatementLine) -> Detail:
    return Detail(
        type_code=TypeCodes[line.type_code],
        amount=money.as_cents(abs(line.amount)),
        funds_type=FundsType.immediate_availability,
        bank_reference=bank_reference(line),
        customer_reference=line.reference,
        text=plain(line.text),
    )


def bank_reference(line: SandboxStatementLine) -> str:
    """Return the bank's own name for a line, the same in every format."""
    return f"{line.value_date:%y%m%d}{line.pk.hex[-10:].upper()}"


def plain(text: str) -> str:
    """Keep of a text what a BAI2 field may hold: ASCII without the format's own separators."""
    kept = "".join(sign if sign.isascii() and sign.isprintable() and sign not in ",/" else " " for sign in text)
    return " ".join(kept.split())[:TEXT_LENGTH] or "TRANSFER"
