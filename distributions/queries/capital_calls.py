"""What of committed capital can still be called, what an item of a call comes to, and what a late closing equalises."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from compliance.queries import standing
from distributions import cents, premiums
from distributions.models import CapitalCall, CapitalCallItem, CapitalCallPayment, InvestmentTransfer
from escrow.models import Investment
from finance.models import Transaction
from finance.queries import fees
from realco import money
from realco.business_days import banking_date
from realco.models import User
from realco.money import ZERO

Payment = Transaction.Status
UNDER_WAY = (
    Payment.INITIATED,
    Payment.PENDING_APPROVAL,
    Payment.APPROVED,
    Payment.QUEUED,
    Payment.ON_HOLD,
    Payment.PROCESSING,
    Payment.PENDING_SETTLEMENT,
    Payment.SETTLED,
    Payment.PENDING_RETRY,
)
COUNTED = (CapitalCall.Status.NOTICED, CapitalCall.Status.COMPLETED)
"""Calls that were made; their items are owed or paid."""


@dataclass(frozen=True, slots=True)
class Due:
    """What an item comes to on a day, US dollars: its parts, what has cleared or is on its way, and what is missing."""

    capital: Decimal
    premium: Decimal
    interest: Decimal
    received: Decimal
    under_way: Decimal

    @property
    def total(self) -> Decimal:
        return self.capital + self.premium + self.interest

    @property
    def missing(self) -> Decimal:
        return max(self.total - self.received - self.under_way, ZERO)


@dataclass(frozen=True, slots=True)
class LateShare:
    """
    Somebody's share of one earlier call, the premium on it, and to whom of the earlier investors that is owed.

    ``items`` are those of the earlier call by which it is shared.
    """

    call: CapitalCall
    capital: Decimal
    premium: Decimal
    items: tuple[CapitalCallItem, ...]

    @property
    def owed_to(self) -> tuple[tuple[UUID, Decimal], ...]:
        """
        To whom the premium is owed, US dollars, each part rounded by itself.

        Odd cents go to the largest remainders, then to the earlier investment; how they fall when several premiums are
        paid on together, a distribution says.
        """
        parts = money.allocate(self.premium, [money.as_cents(item.amount) for item in self.items])
        return tuple((item.investor_id, part) for item, part in zip(self.items, parts, strict=True) if part)


def simple_interest(amount: Decimal, rate: Decimal, start: date, end: date, day_count: str) -> Decimal:
    """Return simple interest between two days, to the nearest cent, half up; nothing where the end is not later."""
    return cents.to_decimal(premiums.simple_interest(cents.from_decimal(amount), rate, start, end, day_count))


def uncalled(investments: Iterable[Investment]) -> dict[UUID, Decimal]:
    """Return what of each commitment is neither paid in nor called, by investment."""
    rows = list(investments)
    items = CapitalCallItem.objects.filter(investment__in=rows, status=CapitalCallItem.Status.OPEN)
    called = dict(items.order_by().values_list("investment_id").annotate(Sum("amount")))
    return {row.pk: row.investment_amount - row.funded_amount - called.get(row.pk, ZERO) for row in rows}


def due(item: CapitalCallItem, *, on: date) -> Due:
    """
    Return what an item comes to if what is missing is paid on a day.

    Interest runs from the due date to the day on which the last payment needed is asked for: how long
    a bank takes with it is nobody's default. A payment that fails counts for nothing.
    """
    return dues([item], on=on)[item.pk]


def dues(items: Sequence[CapitalCallItem], *, on: date) -> dict[UUID, Due]:
    """Return what each of some items, their calls at hand, comes to on a day. One query."""
    made: dict[UUID, list[tuple[str, Decimal, datetime]]] = {}
    rows = CapitalCallPayment.objects.filter(item__in=items).values_list(
        "item_id", "transaction__status", "transaction__net_amount", "transaction__created_at"
    )
    for item_id, status, net, at in rows:
        made.setdefault(item_id, []).append((status, net, at))
    return {item.pk: _due(item, made.get(item.pk, []), on) for item in items}


def _due(item: CapitalCallItem, payments: Sequence[tuple[str, Decimal, datetime]], on: date) -> Due:
    received = sum((net for status, net, _ in payments if status == Payment.COMPLETED), ZERO)
    coming = sum((net for status, net, _ in payments if status in UNDER_WAY), ZERO)
    if item.status == CapitalCallItem.Status.PAID:
        return Due(item.amount, item.premium_amount, item.interest_amount, received, coming)
    call = item.call

    def interest(day: date) -> Decimal:
        return simple_interest(item.amount, call.interest_rate, call.due_date, day, call.day_count)

    # What has cleared is looked at first: if it is enough, nothing that comes later makes it more.
    for counted in ((Payment.COMPLETED,), (Payment.COMPLETED, *UNDER_WAY)):
        days = [banking_date(at) for status, _, at in payments if status in counted]
        there = received if len(counted) == 1 else received + coming
        capital, premium = item.amount, item.premium_amount
        if days and there >= capital + premium + interest(max(days)):
            return Due(capital, premium, interest(max(days)), received, coming)
    return Due(item.amount, item.premium_amount, interest(on), received, coming)


def gross_of(net: Decimal, *, method: str, on: date) -> Decimal:
    """Return the payment of which this is left after its fee, so that what is called arrives whole."""
    gross = net
    while (wanted := net + fees.quote(Transaction.Type.CAPITAL_CALL, method, gross, on=on).fee_amount) > gross:
        gross = wanted
    return gross


def ready(call_ids: Sequence[UUID] | None = None) -> list[UUID]:
    """Return the open items of noticed calls for which enough has been paid that a release should be tried."""
    paid = Q(payments__transaction__status=Payment.COMPLETED)
    items = CapitalCallItem.objects.filter(
        status=CapitalCallItem.Status.OPEN, call__status=CapitalCall.Status.NOTICED
    ).annotate(received=Sum("payments__transaction__net_amount", filter=paid))
    if call_ids is not None:
        items = items.filter(call__in=call_ids)
    return [item.pk for item in items.order_by("pk") if (item.received or ZERO) >= item.amount + item.premium_amount]


def of_investor(user: User) -> QuerySet[CapitalCallItem]:
    """Return what was called of a person, the latest first."""
    items = CapitalCallItem.objects.filter(investor=user, call__status__in=COUNTED)
    return items.select_related("call__offering").order_by("-call__notice_date", "-id")


def unpaid(user: User, *, on: date) -> list[tuple[CapitalCallItem, Due]]:
    """Return what was called of a person and is missing on a day, with what it comes to, the first due first."""
    items = list(of_investor(user).filter(status=CapitalCallItem.Status.OPEN).order_by("call__due_date", "id"))
    found = dues(items, on=on)
    return [(item, found[item.pk]) for item in items if found[item.pk].missing]


def held_back(investors: Sequence[UUID], *, at: datetime) -> dict[UUID, str]:
    """Return why the money of some people is not released now, in words, by person."""
    return {one.person_id: one.obstacle for one in standing.obstacles(investors, at=at)}


def earlier_calls(offering_id: UUID, *, before: datetime | None = None) -> list[CapitalCall]:
    """Return the regular calls made of an offering, or made before a moment, the oldest first, their items at hand."""
    calls = CapitalCall.objects.filter(offering_id=offering_id, status__in=COUNTED, kind=CapitalCall.Kind.REGULAR)
    if before is not None:
        calls = calls.filter(approved_at__lte=before)
    return list(calls.order_by("notice_date", "call_number").prefetch_related("items"))


def bought(investments: Iterable[UUID], *, before: datetime) -> dict[UUID, Decimal]:
    """
    Return what of each commitment was bought of other investors before a moment, by the investments of those who did.

    Earlier calls called it of them, so that nobody who bought it is late with it.
    """
    rows = InvestmentTransfer.objects.filter(
        buyer_investment__in=list(investments), status=InvestmentTransfer.Status.EXECUTED, executed_at__lte=before
    )
    return dict(rows.order_by().values_list("buyer_investment_id").annotate(Sum("committed_amount")))


def late_shares(
    investment: Investment,
    *,
    commitment: Decimal,
    due_date: date,
    premium_rate: Decimal,
    day_count: str,
    calls: Sequence[CapitalCall],
) -> list[LateShare]:
    """
    Return an investor's share of each of some earlier calls that did not call on them, with the premium to a day.

    The share is what the call took of every commitment it called on, rounded down to the cent; the
    premium is simple interest on it from that call's due date. It is owed to those whom the call
    called on, in proportion to what it called of each.
    """
    shares = []
    for call in calls:
        items = sorted(call.items.all(), key=lambda item: item.investment_id)
        items = [item for item in items if item.status != CapitalCallItem.Status.CANCELLED]
        if not items or any(item.investment_id == investment.pk for item in items):
            continue
        called = sum((item.amount for item in items), ZERO)
        committed = sum((item.commitment_amount for item in items), ZERO)
        share = cents.to_decimal(int(Fraction(cents.from_decimal(commitment)) * Fraction(called) / Fraction(committed)))
        premium = simple_interest(share, premium_rate, call.due_date, due_date, day_count)
        shares.append(LateShare(call, share, premium, tuple(items)))
    return shares


def equalisation(call: CapitalCall) -> Mapping[UUID, list[LateShare]]:
    """
    Return, for each item of a late closing, its shares of earlier calls and to whom its premium is owed.

    The premium arrives as the offering's income, and is paid on by a distribution of its own (``queries.premiums``).
    """
    if call.kind != CapitalCall.Kind.LATE_CLOSING:
        return {}
    return equalised(call, call.items.select_related("investment"))


def equalised(call: CapitalCall, items: Iterable[CapitalCallItem]) -> dict[UUID, list[LateShare]]:
    """Return the same of some items of a late closing; of calls made later they have no share."""
    items = list(items)
    calls = earlier_calls(call.offering_id, before=call.created_at)
    not_late = bought([item.investment_id for item in items], before=call.created_at)
    return {
        item.pk: late_shares(
            item.investment,
            commitment=max(ZERO, item.commitment_amount - not_late.get(item.investment_id, ZERO)),
            due_date=call.due_date,
            premium_rate=call.premium_rate,
            day_count=call.day_count,
            calls=calls,
        )
        for item in items
    }
