"""
Capital calls: an offering calls committed capital in parts, and says by when.

One person draws a call up, another approves it, and that is its notice. What each investment owes is
in proportion to what of its commitment is uncalled, to the cent, and never more than that.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import connection, transaction

from distributions.day_counts import DayCount
from distributions.models import CapitalCall, CapitalCallItem
from distributions.queries import capital_calls as queries
from escrow.models import Investment
from escrow.operations import closings
from escrow.operations.escrow_accounts import require_reason
from realco import audit, copying, events, money, permissions
from realco.business_days import add_business_days, banking_date
from realco.errors import Duplicate, IllegalTransition, NotPermitted, Refusal
from realco.models import Offering, User
from realco.money import ZERO

Status = CapitalCall.Status
Item = CapitalCallItem.Status
CALLING = (Offering.Status.FUNDED, Offering.Status.OPERATING)
NOTICE_DAYS = 10


class OfferingNotCalling(IllegalTransition):
    """The offering has not closed its raise, or has ended, and calls no capital."""


class NoticeTooShort(Refusal):
    """The due date is too near to the day of the notice, or the notice would be in the past."""


class NothingUncalled(Refusal):
    """Less is uncalled than would be called."""


class NothingToEqualise(Refusal):
    """Nobody was admitted after an earlier call."""


class UnworkableCall(Refusal):
    """A rate, a day count or a purpose is missing or makes no sense."""


class CallNotInState(IllegalTransition):
    """The call is not in a state for this."""


class IdempotencyKeyReused(Duplicate):
    """The key was used for another call."""


class ApproverIsCreator(NotPermitted):
    """Whoever drew up a call cannot approve it."""


class ItemPaid(IllegalTransition):
    """Something of the call is paid, so that it cannot be taken back."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """
    What a call says besides its amount: days, purpose, and yearly rates as fractions.

    ``interest_rate`` runs on what is paid late, ``premium_rate`` on shares of earlier calls in a late closing.
    """

    notice_date: date
    due_date: date
    purpose: str
    interest_rate: Decimal = ZERO
    premium_rate: Decimal = ZERO
    day_count: str = DayCount.ACT_365.value
    notice_days: int = NOTICE_DAYS


def draw_up(
    offering: Offering,
    *,
    total_amount: Decimal,
    conditions: Conditions,
    by: User,
    at: datetime,
    idempotency_key: str | None = None,
) -> CapitalCall:
    """
    Draw up a call of an amount on everybody who has committed more than was called of them.

    The same key with the same contents returns the same call.

    :raises NotPermitted: if the person may not draw up capital calls
    :raises OfferingNotCalling: if the offering is neither funded nor operating
    :raises NoticeTooShort: if fewer business days than the notice asks for lie before the due date
    :raises NothingUncalled: if less than the amount is uncalled
    :raises UnworkableCall: if a rate, the day count or the purpose makes no sense
    :raises IdempotencyKeyReused: if the key was used for another call
    """
    permissions.require(by, permissions.CREATE_CAPITAL_CALL)
    total_amount = money.positive(total_amount)
    asked = _asked(offering, total_amount, conditions, by=by, idempotency_key=idempotency_key)
    with audit.acting("capital_call.draw_up", by=by, reason=conditions.purpose), transaction.atomic():
        if (earlier := _find_earlier(asked)) is not None:
            return earlier
        _require_workable(conditions, at=at)
        offering = _lock_calling(offering)
        living = _callable(offering)
        left = queries.uncalled(living)
        together = sum(left.values(), ZERO)
        if total_amount > together:
            raise NothingUncalled(
                f"Only {money.format_money(together)} of what was committed to {offering} is uncalled.",
                uncalled=money.to_json(together),
            )
        parts = money.allocate(total_amount, [money.as_cents(left[row.pk]) for row in living])
        call = _create(offering, CapitalCall.Kind.REGULAR, total_amount, conditions, asked, by=by, at=at)
        _add_items(call, [(row, part, ZERO) for row, part in zip(living, parts, strict=True) if part], at=at)
    return call


def draw_up_late_closing(
    offering: Offering, *, conditions: Conditions, by: User, at: datetime, idempotency_key: str | None = None
) -> CapitalCall:
    """
    Call on those admitted after earlier calls for their share of each, and a premium on it.

    The capital stays in the offering; that of earlier investors is not returned, and the premium, which
    is owed to them, becomes income of the offering until it is paid on (``premiums.draw_up``).

    :raises NotPermitted: if the person may not draw up capital calls
    :raises OfferingNotCalling: if the offering is neither funded nor operating
    :raises NoticeTooShort: if fewer business days than the notice asks for lie before the due date
    :raises NothingToEqualise: if every earlier call called on everybody
    :raises NothingUncalled: if a share is more than what is uncalled of a commitment
    :raises UnworkableCall: if a rate, the day count or the purpose makes no sense
    :raises IdempotencyKeyReused: if the key was used for another call
    """
    permissions.require(by, permissions.CREATE_CAPITAL_CALL)
    asked = _asked(offering, None, conditions, by=by, idempotency_key=idempotency_key)
    with audit.acting("capital_call.draw_up_late_closing", by=by, reason=conditions.purpose), transaction.atomic():
        if (earlier := _find_earlier(asked)) is not None:
            return earlier
        _require_workable(conditions, at=at)
        offering = _lock_calling(offering)
        rows = _late(offering, conditions, at=at)
        if not rows:
            raise NothingToEqualise(f"Every earlier call of {offering} called on everybody who has committed to it.")
        total = sum((capital for _, capital, _ in rows), ZERO)
        call = _create(offering, CapitalCall.Kind.LATE_CLOSING, total, conditions, asked, by=by, at=at)
        _add_items(call, rows, at=at)
    return call


def submit(call: CapitalCall, *, by: User, at: datetime) -> CapitalCall:
    """
    Put a call before its approver.

    :raises NotPermitted: if the person may not draw up capital calls
    :raises CallNotInState: if it is no draft
    """
    permissions.require(by, permissions.CREATE_CAPITAL_CALL)
    with audit.acting("capital_call.submit", by=by), transaction.atomic():
        call = lock(call)
        _require_status(call, Status.DRAFT)
        call.mark_submitted()
        call.save()
    return call


def approve(call: CapitalCall, *, approver: User, at: datetime) -> CapitalCall:
    """
    Approve a call, which gives its notice: from now on its items are owed by the due date.

    :raises NotPermitted: if the person may not approve capital calls
    :raises CallNotInState: if it does not wait for approval
    :raises ApproverIsCreator: if they drew it up
    :raises NoticeTooShort: if the day of its notice is over
    :raises OfferingNotCalling: if the offering has ended
    """
    permissions.require(approver, permissions.APPROVE_CAPITAL_CALL)
    with audit.acting("capital_call.approve", by=approver), transaction.atomic():
        _lock_calling(call.offering)
        call = lock(call)
        _require_status(call, Status.PENDING_APPROVAL)
        if call.created_by_id == approver.pk:
            raise ApproverIsCreator("You drew up this call; somebody else has to approve it.")
        if banking_date(at) > call.notice_date:
            raise NoticeTooShort(
                f"Its notice was to be given on {call.notice_date}, which is over. Cancel it and draw it up anew."
            )
        call.mark_noticed(approver=approver, at=at)
        call.save()
        events.publish("distributions.capital_call.noticed", call_id=call.pk, offering_id=call.offering_id)
    return call


def cancel(call: CapitalCall, *, by: User, reason: str, at: datetime) -> CapitalCall:
    """
    Cancel a call of which nothing is paid. Money that arrived for it stays its investor's, refundable.

    :raises NotPermitted: if the person may neither draw up nor approve capital calls
    :raises ReasonMissing: if no reason is given
    :raises CallNotInState: if it is over
    :raises ItemPaid: if an item is paid
    """
    may_approve = by.is_active and by.has_perm(permissions.APPROVE_CAPITAL_CALL)
    permissions.require(by, permissions.APPROVE_CAPITAL_CALL if may_approve else permissions.CREATE_CAPITAL_CALL)
    require_reason(reason)
    with audit.acting("capital_call.cancel", by=by, reason=reason), transaction.atomic():
        call = lock(call)
        _require_status(call, Status.DRAFT, Status.PENDING_APPROVAL, Status.NOTICED)
        items = list(call.items.select_for_update().order_by("pk"))
        if any(item.status == Item.PAID for item in items):
            raise ItemPaid(f"{call} is partly paid; excuse those who have not paid instead.")
        for item in items:
            if item.status == Item.OPEN:
                item.mark_cancelled()
                item.updated_at = at
        copying.update(items, ["status", "updated_at"])
        call.mark_cancelled(reason=reason.strip(), at=at)
        call.save()
    return call


def excuse(item: CapitalCallItem, *, by: User, reason: str, at: datetime) -> CapitalCallItem:
    """
    Let one investor off a call that was noticed; what they owed of it is uncalled again.

    :raises NotPermitted: if the person may not approve capital calls
    :raises ReasonMissing: if no reason is given
    :raises CallNotInState: if the call is not noticed
    :raises ItemPaid: if the item is not open
    """
    permissions.require(by, permissions.APPROVE_CAPITAL_CALL)
    require_reason(reason)
    with audit.acting("capital_call.excuse", by=by, reason=reason), transaction.atomic():
        call = lock(item.call)
        _require_status(call, Status.NOTICED)
        item = call.items.select_for_update().get(pk=item.pk)
        if item.status != Item.OPEN:
            raise ItemPaid(f"This item is {item.get_status_display().lower()}.")
        item.mark_cancelled()
        item.save()
        finish(call, at=at)
    return item


def lock(call: CapitalCall) -> CapitalCall:
    """Lock a call until the transaction ends, and return it as it is now."""
    return CapitalCall.objects.select_for_update(no_key=True).get(pk=call.pk)


def finish(call: CapitalCall, *, at: datetime) -> None:
    """Mark a locked call COMPLETED if nobody owes any of it and somebody paid."""
    states = set(call.items.order_by().values_list("status", flat=True).distinct())
    if call.status == Status.NOTICED and Item.OPEN not in states and Item.PAID in states:
        call.mark_completed(at=at)
        call.save()


def _require_status(call: CapitalCall, *statuses: str) -> None:
    if call.status not in statuses:
        raise CallNotInState(f"{call} is {call.get_status_display().lower()}.", status=call.status)


def _require_workable(conditions: Conditions, *, at: datetime) -> None:
    if not conditions.purpose.strip():
        raise UnworkableCall("Say what the capital is called for; the investors read it.")
    if not (0 <= conditions.interest_rate < 1 and 0 <= conditions.premium_rate < 1):
        raise UnworkableCall("Rates are yearly fractions from 0 to less than 1; write 12% as 0.12.")
    if conditions.day_count not in {one.value for one in DayCount}:
        raise UnworkableCall(f"There is no day count “{conditions.day_count}”.")
    if conditions.notice_days < 1:
        raise UnworkableCall("A notice gives one business day at least.")
    if conditions.notice_date < banking_date(at):
        raise NoticeTooShort("A notice is not given in the past.")
    earliest = add_business_days(conditions.notice_date, conditions.notice_days)
    if conditions.due_date < earliest:
        raise NoticeTooShort(
            f"With {conditions.notice_days} business days' notice from {conditions.notice_date} the call is due on "
            f"{earliest} at the earliest.",
            earliest=earliest.isoformat(),
        )


def _lock_calling(offering: Offering) -> Offering:
    offering = Offering.objects.select_for_update(no_key=True).get(pk=offering.pk)
    if offering.status not in CALLING:
        raise OfferingNotCalling(f"{offering} is {offering.get_status_display().lower()} and calls no capital.")
    return offering


def _callable(offering: Offering) -> list[Investment]:
    """Lock the offering's investments, and return those that can be called on."""
    living = (Investment.Status.PENDING, Investment.Status.ACTIVE)
    return [row for row in closings.lock_investments(offering) if row.status in living]


def _late(offering: Offering, conditions: Conditions, *, at: datetime) -> list[tuple[Investment, Decimal, Decimal]]:
    """Return those who were admitted after earlier calls, with their share of those and the premium on it."""
    living = _callable(offering)
    left = queries.uncalled(living)
    late_before = set(
        CapitalCallItem.objects.filter(call__offering=offering, call__kind=CapitalCall.Kind.LATE_CLOSING)
        .exclude(status=Item.CANCELLED)
        .values_list("investment_id", flat=True)
    )
    calls = queries.earlier_calls(offering.pk)
    not_late = queries.bought([row.pk for row in living], before=at)
    rows = []
    for row in living:
        if row.pk in late_before:
            continue
        shares = queries.late_shares(
            row,
            commitment=max(ZERO, row.investment_amount - not_late.get(row.pk, ZERO)),
            due_date=conditions.due_date,
            premium_rate=conditions.premium_rate,
            day_count=conditions.day_count,
            calls=calls,
        )
        capital = sum((share.capital for share in shares), ZERO)
        if capital > left[row.pk]:
            raise NothingUncalled(
                f"The share of {row.investor} in earlier calls is {money.format_money(capital)}, but only "
                f"{money.format_money(left[row.pk])} of the commitment is uncalled."
            )
        if capital:
            rows.append((row, capital, sum((share.premium for share in shares), ZERO)))
    return rows


def _asked(
    offering: Offering, total: Decimal | None, conditions: Conditions, *, by: User, idempotency_key: str | None
) -> tuple[str | None, str]:
    """Return the key under which a call is asked for, the asker's own, and the hash of what is asked."""
    if idempotency_key is None:
        return None, ""
    content = [str(offering.pk), None if total is None else money.to_json(total), *map(str, astuple(conditions))]
    return f"{by.pk}:{idempotency_key.strip()}", hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _find_earlier(asked: tuple[str | None, str]) -> CapitalCall | None:
    """Return the call of this key, after waiting for anybody who is drawing it up right now."""
    key, request_hash = asked
    if key is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"capital_call:{key}"])
    earlier = CapitalCall.objects.filter(idempotency_key=key).first()
    if earlier is not None and earlier.request_hash != request_hash:
        raise IdempotencyKeyReused(
            "This idempotency key was used for another capital call. Use a new key for a new one.",
            capital_call_id=str(earlier.pk),
        )
    return earlier


def _create(
    offering: Offering,
    kind: str,
    total: Decimal,
    conditions: Conditions,
    asked: tuple[str | None, str],
    *,
    by: User,
    at: datetime,
) -> CapitalCall:
    with connection.cursor() as cursor:
        cursor.execute("SELECT realco_next_number('CALL', %s)", [banking_date(at).year])
        (number,) = cursor.fetchone()
    return CapitalCall.objects.create(
        offering=offering,
        call_number=number,
        kind=kind,
        notice_date=conditions.notice_date,
        due_date=conditions.due_date,
        notice_days=conditions.notice_days,
        total_amount=total,
        purpose=conditions.purpose.strip(),
        interest_rate=conditions.interest_rate,
        premium_rate=conditions.premium_rate,
        day_count=conditions.day_count,
        idempotency_key=asked[0],
        request_hash=asked[1],
        created_by=by,
        created_at=at,
    )


def _add_items(call: CapitalCall, rows: Sequence[tuple[Investment, Decimal, Decimal]], *, at: datetime) -> None:
    copying.insert(
        CapitalCallItem,
        [
            CapitalCallItem(
                call=call,
                investment=row,
                investor_id=row.investor_id,
                commitment_amount=row.investment_amount,
                amount=capital,
                premium_amount=premium,
                created_at=at,
            )
            for row, capital, premium in rows
        ],
    )
