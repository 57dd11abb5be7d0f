"""
Payments of capital calls, and the release of what they bring.

A CAPITAL_CALL payment ends on its investor's own balance, like a deposit. Once completed payments
cover all that an item comes to, its capital becomes the offering's by a release that names the item,
and apart from it the premium and interest, which are the offering's income and no contribution.
"""

import logging
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from compliance.operations import screening
from distributions.models import CapitalCall, CapitalCallItem, CapitalCallPayment
from distributions.operations import capital_calls
from distributions.queries import capital_calls as queries
from distributions.queries.capital_calls import Due
from escrow import postings
from escrow.models import EscrowAccount, LedgerEntryType
from escrow.operations import closings, escrow_accounts, ledger
from escrow.operations.ledger import EscrowNotOpen
from escrow.queries import balances
from finance.models import Transaction
from finance.operations import transactions
from finance.operations.orders import Order
from finance.queries import fees
from realco import audit, copying, money
from realco.business_days import banking_date
from realco.errors import Duplicate, IllegalTransition, NotPermitted, Refusal
from realco.models import Offering, User
from realco.money import ZERO

logger = logging.getLogger(__name__)
Item = CapitalCallItem.Status
CHUNK = 2500
"""So many items of a call are released in one transaction; each of these writes every investment of the offering."""
_PAID = ("status", "interest_amount", "paid_amount", "paid_date", "updated_at")


class ItemNotOpen(IllegalTransition):
    """The item was paid or cancelled, or its call is not noticed."""


class NothingMissing(Refusal):
    """What is owed of the call is paid, or on its way."""


class IdempotencyKeyReused(Duplicate):
    """The key was used for another payment."""


class LessThanItsFee(Refusal):
    """The payment costs as much as it brings."""


def pay(
    item: CapitalCallItem,
    *,
    method: str,
    bank_account_id: UUID | None,
    by: User,
    idempotency_key: str,
    at: datetime,
    net: Decimal | None = None,
    gross: Decimal | None = None,
) -> Transaction:
    """
    Pay what is missing of an item, or a part of it, by a payment from which the fee is taken on top.

    ``net`` is what shall arrive for the item, US dollars; by default all that is missing today, with
    interest if it is late. ``gross``, instead, is the payment itself, such as a wire that has come, from which
    its fee is taken. The same key pays once.

    :raises NotPermitted: if it is somebody else's item and the person may not initiate payments
    :raises ItemNotOpen: if it was paid or cancelled, or its call is not noticed
    :raises NothingMissing: if nothing is missing, or less than would arrive
    :raises LessThanItsFee: if nothing would be left of the payment
    :raises IdempotencyKeyReused: if the key was used for another payment
    :raises Refusal: whatever making a payment refuses
    """
    on = banking_date(at)
    item = CapitalCallItem.objects.select_related("call", "investor").get(pk=item.pk)
    earlier = CapitalCallPayment.objects.filter(transaction__idempotency_key=f"{by.pk}:{idempotency_key.strip()}")
    if (known := earlier.filter(item=item).select_related("transaction").first()) is not None:
        return _as_asked(known.transaction, method, bank_account_id, net=net, gross=gross)
    if by.pk != item.investor_id and not by.is_staff:
        raise NotPermitted("This capital was called of somebody else.")
    with audit.acting("capital_call.pay", by=by):
        if gross is not None:
            net = _net_of(money.positive(gross), method=method, on=on)
        wanted = _wanted(item, net, at=at)
        account = EscrowAccount.objects.get(offering_id=item.call.offering_id)
        payment = transactions.initiate(
            Order(
                type=Transaction.Type.CAPITAL_CALL,
                payment_method=method,
                amount=gross or queries.gross_of(wanted, method=method, on=on),
                escrow_account_id=account.pk,
                from_user_id=item.investor_id,
                from_bank_account_id=bank_account_id,
                description=f"Capital call {item.call}",
                metadata={"call_item": str(item.pk)},
            ),
            initiator=by,
            idempotency_key=idempotency_key,
            at=at,
        )
        with transaction.atomic(), ledger.refusing():
            CapitalCallPayment.objects.get_or_create(transaction=payment, defaults={"item": item, "created_at": at})
    return payment


def follow(payment_id: UUID, *, at: datetime) -> bool:
    """
    Release the item that a completed payment was made for, if all of it is paid now; return whether it is.

    Whatever else of the call is paid is released with it, because each release shares out the whole offering anew:
    of many payments that complete together the first to be followed takes the others along.
    """
    made = CapitalCallPayment.objects.filter(transaction_id=payment_id).select_related("item").first()
    if made is None or made.item.status != Item.OPEN:
        return False
    ready = queries.ready([made.item.call_id])
    if made.item_id not in ready:
        return False
    others = [pk for pk in ready if pk != made.item_id][: CHUNK - 1]
    try:
        return made.item_id in _release([made.item_id, *others], at=at)
    except EscrowNotOpen:
        raise
    except Exception:
        if not others:
            raise
        logger.exception("%s items cannot be released together; the payment that has come is, alone", len(others) + 1)
        return release([made.item_id], at=at) > 0


def sweep(*, at: datetime) -> int:
    """Release whatever waits, a call at a time, and return how many items were; a refusal stays for the next round."""
    released = 0
    waiting = CapitalCallItem.objects.filter(pk__in=queries.ready()).order_by("call_id", "pk")
    by_call: dict[UUID, list[UUID]] = {}
    for item_id, call_id in waiting.values_list("pk", "call_id"):
        by_call.setdefault(call_id, []).append(item_id)
    for item_ids in by_call.values():
        for start in range(0, len(item_ids), CHUNK):
            released += _release_what_can(item_ids[start : start + CHUNK], at=at)
    return released


def _release_what_can(item_ids: Sequence[UUID], *, at: datetime) -> int:
    """Release items together; where one of them cannot be, halve them until it stands alone, and leave that one."""
    try:
        return release(item_ids, at=at)
    except EscrowNotOpen as refusal:
        logger.warning("the sweep left a call's items for its next round: %s", refusal)
        return 0
    except Exception:
        if len(item_ids) == 1:
            logger.exception("the sweep left an item of a call for its next round")
            return 0
    middle = len(item_ids) // 2
    return sum(_release_what_can(half, at=at) for half in (item_ids[:middle], item_ids[middle:]))


def release(item_ids: Sequence[UUID], *, at: datetime) -> int:
    """
    Release the money of those items of one call that are paid whole, and return how many that is.

    An item waits while its investor's balance holds less than it comes to, because they owed
    something else or took it back, and while we may not deal with them.

    :raises EscrowNotOpen: if the escrow account is frozen or closed
    :raises ReleaseRefused: if the database sees it otherwise
    """
    return len(_release(item_ids, at=at))


def _release(item_ids: Sequence[UUID], *, at: datetime) -> list[UUID]:
    """Do that, and return which items were released."""
    first = CapitalCallItem.objects.select_related("call").get(pk=item_ids[0])
    screening.screen_again([row.investor_id for row in CapitalCallItem.objects.filter(pk__in=item_ids)], at=at)
    with audit.acting("capital_call.release"), transaction.atomic():
        account = escrow_accounts.lock(EscrowAccount.objects.get(offering_id=first.call.offering_id).pk)
        offering = Offering.objects.select_for_update(no_key=True).get(pk=account.offering_id)
        call = capital_calls.lock(first.call)
        items = list(call.items.select_for_update().filter(pk__in=item_ids, status=Item.OPEN).order_by("pk"))
        if call.status != CapitalCall.Status.NOTICED or not items:
            return []
        for item in items:
            item.call = call
        whole = _paid_whole(items, account, at=at)
        if not whole:
            return []
        asked_for = _last_asked_for([item for item, _ in whole])
        for item, due in whole:
            item.mark_paid(interest=due.interest, on=banking_date(asked_for[item.pk]))
            item.updated_at = at
        with ledger.refusing():
            copying.update([item for item, _ in whole], _PAID)
            closings.fund(offering, {item.investor_id: item.amount for item, _ in whole}, at=at)
        ledger.post([one for item, _ in whole for one in _releases(item, account, at=at)], by=None, at=at)
        capital_calls.finish(call, at=at)
    return [item.pk for item, _ in whole]


def _as_asked(
    payment: Transaction, method: str, bank_account_id: UUID | None, *, net: Decimal | None, gross: Decimal | None
) -> Transaction:
    """Return the payment of a key, if it is what is asked for again."""
    same = (payment.payment_method, payment.from_bank_account_id) == (method, bank_account_id)
    if not same or (net or payment.net_amount) != payment.net_amount or (gross or payment.amount) != payment.amount:
        raise IdempotencyKeyReused(
            "This idempotency key was used for another payment. Use a new key for a new one.",
            transaction_id=str(payment.pk),
        )
    return payment


def _net_of(gross: Decimal, *, method: str, on: date) -> Decimal:
    quote = fees.quote(Transaction.Type.CAPITAL_CALL, method, gross, on=on)
    if quote.net_amount <= 0:
        raise LessThanItsFee(f"Its fee of {money.format_money(quote.fee_amount)} leaves nothing of this payment.")
    return quote.net_amount


def _wanted(item: CapitalCallItem, net: Decimal | None, *, at: datetime) -> Decimal:
    if item.status != Item.OPEN or item.call.status != CapitalCall.Status.NOTICED:
        raise ItemNotOpen(f"Nothing is owed of {item.call}.", status=item.status)
    missing = queries.due(item, on=banking_date(at)).missing
    wanted = missing if net is None else money.positive(net)
    if not missing or wanted > missing:
        words = f"{money.format_money(missing)} is missing of {item.call}; the rest is paid or on its way."
        if missing:
            words += f" {money.format_money(wanted)} would arrive, which is more."
        raise NothingMissing(words, missing=money.to_json(missing))
    return wanted


def _paid_whole(
    items: Sequence[CapitalCallItem], account: EscrowAccount, *, at: datetime
) -> list[tuple[CapitalCallItem, Due]]:
    dues = queries.dues(items, on=banking_date(at))
    cleared = balances.cleared_by_investor(account.pk)
    held_back = queries.held_back([item.investor_id for item in items], at=at)
    whole = []
    for item in items:
        due = dues[item.pk]
        enough = due.received >= due.total and cleared.get(item.investor_id, ZERO) >= due.total
        if enough and item.investor_id not in held_back:
            whole.append((item, due))
    return whole


def _last_asked_for(items: Sequence[CapitalCallItem]) -> dict[UUID, datetime]:
    """Return when the last completed payment of each item was asked for."""
    made = CapitalCallPayment.objects.filter(
        item__in=items, transaction__status=Transaction.Status.COMPLETED
    ).order_by()
    return dict(made.values_list("item_id").annotate(Max("transaction__created_at")))


def _releases(item: CapitalCallItem, account: EscrowAccount, *, at: datetime) -> list[postings.Posting]:
    parts = [(item.reference, f"Paid in for {item.call}", item.amount)]
    if charges := item.paid_amount - item.amount:
        parts.append((f"{item.reference}:charges", f"Premium and interest of {item.call}", charges))
    return [
        postings.released(
            postings.Subject(
                escrow_account_id=account.pk,
                reference=reference,
                entry_type=LedgerEntryType.ADJUSTMENT,
                effective_date=banking_date(at),
                description=description,
            ),
            investor_id=item.investor_id,
            amount=amount,
        )
        for reference, description, amount in parts
    ]
