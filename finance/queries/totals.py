"""How much a person has paid in, for the limits that compliance keeps."""

from collections.abc import Collection, Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from compliance.facts import Totals
from finance.models import Transaction
from finance.models.transactions import TransactionStatus, TransactionType
from realco.business_days import BANKING_ZONE, banking_date
from realco.models import Offering, User

ZERO = Decimal("0.00")
NOT_COUNTED = (TransactionStatus.FAILED, TransactionStatus.CANCELLED, TransactionStatus.REVERSED)
LIMITED = (TransactionType.DEPOSIT, TransactionType.CAPITAL_CALL)


def deposited(user_id: UUID, *, at: datetime, excluding: UUID) -> Totals:
    """
    Return what a person has paid in today, this month and over 12 months of Reg CF, besides one payment.

    Days and months are banking days in New York. Payments that failed, were cancelled or came back
    do not count; those that wait or are on hold do. Investments that were bought of others count for the 12 months.
    Two queries.
    """
    found = _counted([user_id], at=at).exclude(pk=excluding).aggregate(**_sums(at))
    return _totals(found, _bought([user_id], at=at).get(user_id, ZERO))


def deposited_by(user_ids: Collection[UUID], *, at: datetime) -> dict[UUID, Totals]:
    """Return what each of many people has paid in, as ``deposited`` does with nothing left out. Two queries."""
    rows = _counted(user_ids, at=at).order_by().values("from_user_id").annotate(**_sums(at))
    bought = _bought(user_ids, at=at)
    found = {row["from_user_id"]: _totals(row, bought.get(row["from_user_id"], ZERO)) for row in rows}
    return {user_id: found.get(user_id) or Totals(invested_12_months=bought.get(user_id, ZERO)) for user_id in user_ids}


def _bought(user_ids: Collection[UUID], *, at: datetime) -> Mapping[UUID, Decimal]:
    """
    Return what people bought of other investors in Regulation CF offerings in the 12 months, US dollars.

    It is what had been paid in for it that counts. Transfers live in an app above, and are reached from their buyers.
    """
    buyers = User.objects.filter(
        pk__among=user_ids,
        transfers_in__status="EXECUTED",
        transfers_in__executed_at__gt=_midnight(at) - timedelta(days=365),
        transfers_in__offering__exemption=Offering.Exemption.REG_CF,
    )
    return dict(buyers.order_by().values_list("pk").annotate(Sum("transfers_in__funded_amount")))


def _counted(user_ids: Collection[UUID], *, at: datetime) -> QuerySet[Transaction]:
    return Transaction.objects.filter(
        from_user_id__among=user_ids, created_at__gt=_midnight(at) - timedelta(days=365)
    ).exclude(status__in=NOT_COUNTED)


def _midnight(at: datetime) -> datetime:
    return datetime.combine(banking_date(at), time(), tzinfo=BANKING_ZONE)


def _sums(at: datetime) -> dict[str, Any]:
    day = _midnight(at)
    month = day.replace(day=1)
    limited = Q(type__in=LIMITED)
    reg_cf = limited & Q(offering__exemption=Offering.Exemption.REG_CF)
    return {
        "today": Coalesce(Sum("amount", filter=limited & Q(created_at__gte=day)), ZERO),
        "month": Coalesce(Sum("amount", filter=limited & Q(created_at__gte=month)), ZERO),
        "year": Coalesce(Sum("amount", filter=reg_cf), ZERO),
        "hour": Count("id", filter=Q(created_at__gt=at - timedelta(hours=1))),
    }


def _totals(found: Mapping[str, Any], bought: Decimal) -> Totals:
    return Totals(
        deposited_today=found["today"],
        deposited_this_month=found["month"],
        invested_12_months=found["year"] + bought,
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
