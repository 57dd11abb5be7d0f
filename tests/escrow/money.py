"""What tests of escrow begin with: cleared money, and the statements of a bank that agrees, or does not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from bai2 import bai2
from bai2.constants import AsOfDateModifier, FundsType, GroupStatus, TypeCodes
from bai2.models import Account, AccountIdentifier, Bai2File, Bai2FileHeader, Group, GroupHeader, Summary
from bai2.models import TransactionDetail as Detail
from django.db import transaction

from escrow import postings
from escrow.models import EscrowAccount
from escrow.operations import ledger
from realco.models import User
from tests.escrow import payments

MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (date(2026, 3, day) for day in (2, 3, 4, 5))


def arrive(
    escrow: EscrowAccount, investor: User, amount: str, *, reference: str, at: datetime, on: date = TUESDAY
) -> None:
    """Money of the investor's that the bank has, under its reference, and that has cleared."""

    value, settled_on = Decimal(amount), min(on, at.date())
    payment = payments.make_payment(escrow, "DEPOSIT", investor, value, at=at)
    payments.go(payment, *payments.SENT, "SETTLED", at=at, clears_on=settled_on)

    def subject(step: str) -> postings.Subject:
        text = f"{reference} deposit {step}"
        return payments.about(payment, step, on=on, description=text, reference=f"{reference}:{step}")

    with transaction.atomic():
        ledger.post(
            [
                postings.inbound_accepted(subject("accepted"), payer_id=investor.pk, amount=value),
                postings.inbound_settled(subject("settled"), amount=value),
                postings.inbound_cleared(
                    subject("cleared"), payer_id=investor.pk, amount=value, fee=Decimal("0.00"), to_offering=False
                ),
            ],
            by=None,
            at=at,
        )
    payments.go(payment, "COMPLETED")


@dataclass(frozen=True)
class Stated:
    """A line of a statement: cents in or out, and the customer's reference."""

    cents: int
    reference: str = ""
    text: str = "TRANSFER"
    bank_reference: str = ""


@dataclass(frozen=True)
class Day:
    """A day of a statement, with balances in cents; the closing balance follows unless it is given."""

    day: date
    opening: int
    lines: Sequence[Stated] = ()
    closing: int | None = None


def statement(number: str, *days: Day, currency: str = "USD") -> bytes:
    """The BAI2 file a bank would send of one account."""
    file = Bai2File(
        header=Bai2FileHeader(
            sender_id="BANK",
            receiver_id="REALCO",
            creation_date=days[-1].day,
            creation_time=time(6, 0),
            file_id="1",
        ),
        children=[_group(number, day, currency) for day in days],
    )
    return (str(bai2.write(file)) + "\n").encode("ascii")


def _group(number: str, day: Day, currency: str) -> Group:
    closing = day.closing if day.closing is not None else day.opening + sum(line.cents for line in day.lines)
    details = [
        Detail(
            type_code=TypeCodes["142" if line.cents > 0 else "451"],
            amount=abs(line.cents),
            funds_type=FundsType.immediate_availability,
            bank_reference=line.bank_reference,
            customer_reference=line.reference,
            text=line.text,
        )
        for line in day.lines
    ]
    account = Account(
        header=AccountIdentifier(
            customer_account_number=number,
            currency=currency,
            summary_items=[
                Summary(type_code=TypeCodes["010"], amount=day.opening),
                Summary(type_code=TypeCodes["015"], amount=closing),
            ],
        ),
        children=details,
    )
    header = GroupHeader(
        ultimate_receiver_id="REALCO",
        originator_id="BANK",
        group_status=GroupStatus.update,
        as_of_date=day.day,
        currency=currency,
        as_of_date_modifier=AsOfDateModifier.final_previous_day,
    )
    return Group(header=header, children=[account])
