"""Items of capital calls over REST: who owes how much today, paying it, and letting somebody off."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from distributions.models import CapitalCallItem
from distributions.operations import call_payments, capital_calls
from distributions.queries import capital_calls as queries
from distributions.queries.capital_calls import Due
from realco import clock
from realco.api import idempotency, pagination, visibility
from realco.api.access import Endpoint, answer, asker, read, read_query
from realco.api.schema import IDEMPOTENCY_KEY, READING, STEP, WRITING, identified, operation
from realco.api.serializers.capital import (
    CallPaymentOrderSerializer,
    CapitalCallItemListQuerySerializer,
    CapitalCallItemSerializer,
)
from realco.api.serializers.fields import ReasonSerializer
from realco.api.serializers.pages import page_of
from realco.api.serializers.transactions import TransactionSerializer
from realco.business_days import banking_date

TAG = "Capital"
CALL, ID = identified("capital_call_id"), identified("item_id")


@dataclass(frozen=True, slots=True)
class Owed:
    """An item, and what it comes to today."""

    item: CapitalCallItem
    due: Due


def _owed(items: Sequence[CapitalCallItem]) -> list[Owed]:
    dues = queries.dues(items, on=banking_date(clock.now()))
    return [Owed(item, dues[item.pk]) for item in items]


class Items(Endpoint):
    """Who owes how much of a call."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list"}

    @operation(
        "list_capital_call_items",
        "List what is owed of a capital call",
        answers=page_of("CapitalCallItemPage", CapitalCallItemSerializer),
        errors=(*READING, 404),
        parameters=[CALL, CapitalCallItemListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request, capital_call_id: str) -> Response:
        """List the items of a capital call: investors see their own."""
        person = asker(request)
        wanted = read_query(CapitalCallItemListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        rows = visibility.call_items(person, visibility.capital_call(person, capital_call_id)).filter(**wanted)
        page = pagination.page(rows, after=after, size=size)
        content = CapitalCallItemSerializer(_owed(page.rows), many=True, context={"request": request}).data
        return Response({"results": content, "next_cursor": str(page.next_cursor) if page.next_cursor else None})


class OneItem(Endpoint):
    """What one investment owes."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "get_capital_call_item",
        "Get what an investment owes of a call",
        answers=CapitalCallItemSerializer,
        errors=(*READING, 404),
        parameters=[CALL, ID],
        tag=TAG,
    )
    def get(self, request: Request, capital_call_id: str, item_id: str) -> Response:
        """Get one item, with what it comes to today."""
        item = visibility.call_item(asker(request), capital_call_id, item_id)
        return answer(CapitalCallItemSerializer, _owed([item])[0], request)


class Pay(Endpoint):
    """Pay what is owed."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "create"}

    @operation(
        "pay_capital_call_item",
        "Pay what is owed of a capital call",
        request=CallPaymentOrderSerializer,
        answers=TransactionSerializer,
        status=201,
        errors=(*WRITING, 404, 409, 422),
        parameters=[IDEMPOTENCY_KEY, CALL, ID],
        tag=TAG,
    )
    def post(self, request: Request, capital_call_id: str, item_id: str) -> Response:
        """
        Ask for the payment of an item, all that is missing today or a part; the fee comes on top.

        Investors pay what was called of them. Staff who may ask for payments do it for anybody, also when a wire
        or a check has come.
        """
        key = idempotency.key_of(request)
        person = asker(request)
        item = visibility.call_item(person, capital_call_id, item_id)
        asked = read(CallPaymentOrderSerializer, request.data)
        payment = call_payments.pay(
            item,
            method=asked["payment_method"],
            bank_account_id=asked["bank_account_id"],
            net=asked.get("amount"),
            gross=asked.get("gross_amount"),
            by=person,
            idempotency_key=key,
            at=clock.now(),
        )
        return answer(TransactionSerializer, payment, request, status=201)


class Excuse(Endpoint):
    """Let somebody off."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}

    @operation(
        "excuse_capital_call_item",
        "Excuse an investor from a capital call",
        request=ReasonSerializer,
        answers=CapitalCallItemSerializer,
        errors=STEP,
        parameters=[CALL, ID],
        tag=TAG,
    )
    def post(self, request: Request, capital_call_id: str, item_id: str) -> Response:
        """Let an investor off a noticed call; what they owed of it is uncalled again."""
        person = asker(request)
        item = visibility.call_item(person, capital_call_id, item_id)
        said = read(ReasonSerializer, request.data)
        excused = capital_calls.excuse(item, by=person, reason=said["reason"], at=clock.now())
        return answer(CapitalCallItemSerializer, _owed([excused])[0], request)
