"""How much a person has paid in, for the limits that compliance keeps."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from compliance.facts import Totals
from finance.models import Transaction
from finance.models.transactions import TransactionStatus, TransactionType
from realco.business_days import BANKING_ZONE, banking_date
from realco.models import Offering

ZERO = Decimal("0.00")
NOT_COUNTED = (TransactionStatus.FAILED, TransactionStatus.CANCELLED, TransactionStatus.REVERSED)
LIMITED = (TransactionType.DEPOSIT, TransactionType.CAPITAL_CALL)


def deposited(user_id: UUID, *, at: datetime, excluding: UUID) -> Totals:
    """
    Return what a person has paid in today, this month and over 12 months of Reg CF, besides one payment.

    Days and months are banking days in New York. Payments that failed, were cancelled or came back
    do not count; those that wait or are on hold do. One query.
    """
    today = banking_date(at)
    day = datetime.combine(today, time(), tzinfo=BANKING_ZONE)
    month = datetime.combine(today.replace(day=1), time(), tzinfo=BANKING_ZONE)
    year = day - timedelta(days=365)
    rows = (
        Transaction.objects.filter(from_user_id=user_id, created_at__gt=year)
        .exclude(status__in=NOT_COUNTED)
        .exclude(pk=excluding)
    )
    limited = Q(type__in=LIMITED)
    reg_cf = limited & Q(offering__exemption=Offering.Exemption.REG_CF)
    found = rows.aggregate(
        today=Coalesce(Sum("amount", filter=limited & Q(created_at__gte=day)), ZERO),
        month=Coalesce(Sum("amount", filter=limited & Q(created_at__gte=month)), ZERO),
        year=Coalesce(Sum("amount", filter=reg_cf), ZERO),
        hour=Count("id", filter=Q(created_at__gt=at - timedelta(hours=1))),
    )
    return Totals(
        deposited_today=found["today"],
        deposited_this_month=found["month"],
        invested_12_months=found["year"],
        count_last_hour=found["hour"],
    )


def paid_into(offering_id: UUID, user_id: UUID) -> Decimal:
    """Return what an investor has paid, or is paying, into an offering, US dollars gross."""
    found = (
        Transaction.objects.filter(offering_id=offering_id, from_user_id=user_id, type=TransactionType.DEPOSIT)
        .exclude(status__in=NOT_COUNTED)
        .aggregate(total=Coalesce(Sum("amount"), ZERO))
    )
    total: Decimal = found["total"]
    return total
