"""Transactions over REST: ask for a payment, look, follow it, and do with it what staff may do."""

import ipaddress
from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from finance.models import Transaction
from finance.models.transactions import INBOUND
from finance.operations import retries
from finance.operations import transactions as operations
from finance.operations.orders import Order
from realco import clock, permissions
from realco.api import idempotency, pagination, statistics, visibility
from realco.api.access import Endpoint, answer, asker, listed, read, read_query
from realco.api.schema import IDEMPOTENCY_KEY, READING, STEP, WRITING, Method, identified, operation
from realco.api.serializers.fields import NothingSerializer, OptionalReasonSerializer, ReasonSerializer
from realco.api.serializers.pages import DaysQuerySerializer, days_of, page_of
from realco.api.serializers.transactions import (
    TransactionListQuerySerializer,
    TransactionOrderSerializer,
    TransactionSerializer,
    TransactionStatsSerializer,
    TransactionWordsSerializer,
)
from realco.middleware import address_of
from realco.models import User

TAG = "Transactions"
ID = identified("payment_id")


def _described(name: str, summary: str, form: Any) -> Callable[[Method], Method]:
    """Document a step of one payment."""
    return operation(name, summary, request=form, answers=TransactionSerializer, errors=STEP, parameters=[ID], tag=TAG)


class Transactions(Endpoint):
    """Every payment that one may see."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list", "POST": "create"}

    @operation(
        "list_transactions",
        "List transactions",
        answers=page_of("TransactionPage", TransactionSerializer),
        parameters=[TransactionListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """List payments, newest first, a page at a time: investors their own, staff all."""
        wanted = read_query(TransactionListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        payments = visibility.transactions(asker(request)).filter(**days_of(wanted)).filter(**wanted)
        return listed(TransactionSerializer, pagination.page(payments, after=after, size=size), request)

    @operation(
        "create_transaction",
        "Ask for a transaction",
        request=TransactionOrderSerializer,
        answers=TransactionSerializer,
        status=201,
        errors=(*WRITING, 409, 422),
        parameters=[IDEMPOTENCY_KEY],
        tag=TAG,
    )
    def post(self, request: Request) -> Response:
        """
        Ask for a payment. It is checked, priced and screened, then queued or sent for approval.

        A payment that compliance refuses is kept as CANCELLED, and answered with COMPLIANCE_ERROR.
        """
        key = idempotency.key_of(request)
        person = asker(request)
        order = _order(read(TransactionOrderSerializer, request.data), person)
        payment = operations.initiate(
            order,
            initiator=person,
            idempotency_key=key,
            at=clock.now(),
            ip_address=_address(request),
            user_agent=request.headers.get("User-Agent", ""),
        )
        return answer(TransactionSerializer, payment, request, status=201)


class TransactionStats(Endpoint):
    """Counts and sums."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "transaction_stats",
        "Count and sum transactions",
        answers=TransactionStatsSerializer,
        parameters=[DaysQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """Count and sum the payments of at most 366 days, by status and by type; the last 30 if none are named."""
        wanted = read_query(DaysQuerySerializer, request)
        first, last = statistics.days(wanted["first_day"], wanted["last_day"], at=clock.now())
        counted = statistics.count(visibility.transactions(asker(request)), first=first, last=last)
        return answer(TransactionStatsSerializer, counted, request)


class OneTransaction(Endpoint):
    """One payment."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get", "PATCH": "get"}

    @operation(
        "get_transaction",
        "Get a transaction",
        answers=TransactionSerializer,
        errors=(*READING, 404),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, payment_id: str) -> Response:
        """Get one payment; one that is somebody else's is not found."""
        return answer(TransactionSerializer, visibility.transaction(asker(request), payment_id), request)

    @operation(
        "describe_transaction",
        "Change a transaction's words",
        request=TransactionWordsSerializer,
        answers=TransactionSerializer,
        errors=STEP,
        parameters=[ID],
        tag=TAG,
    )
    def patch(self, request: Request, payment_id: str) -> Response:
        """Change description, internal memo or metadata; amounts, parties and keys never change."""
        payment = visibility.transaction(asker(request), payment_id)
        words = read(TransactionWordsSerializer, request.data)
        return answer(TransactionSerializer, operations.describe(payment, by=asker(request), **words), request)


class Step(Endpoint):
    """Something that is done to one payment."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}
    form: ClassVar[Any] = NothingSerializer

    def step(self, request: Request, payment_id: str) -> Response:
        """Find the payment, take the step, and answer with the payment as it is then."""
        person = asker(request)
        payment = visibility.transaction(person, payment_id)
        return answer(TransactionSerializer, self.take(payment, person, **read(self.form, request.data)), request)

    def take(self, payment: Transaction, person: User, **said: Any) -> Transaction:
        """Call the operation."""
        raise NotImplementedError


class Approve(Step):
    form = OptionalReasonSerializer

    @_described("approve_transaction", "Approve a transaction", OptionalReasonSerializer)
    def post(self, request: Request, payment_id: str) -> Response:
        """Sign an approval. With the last one it needs, the money is reserved and the payment queued."""
        return self.step(request, payment_id)

    def take(self, payment: Transaction, person: User, **said: Any) -> Transaction:
        return operations.approve(payment, approver=person, reason=said["reason"], at=clock.now())


class Reject(Step):
    form = ReasonSerializer

    @_described("reject_transaction", "Refuse to approve a transaction", ReasonSerializer)
    def post(self, request: Request, payment_id: str) -> Response:
        """Refuse to approve: the payment is cancelled, with the reason."""
        return self.step(request, payment_id)

    def take(self, payment: Transaction, person: User, **said: Any) -> Transaction:
        return operations.reject(payment, approver=person, reason=said["reason"], at=clock.now())


class Cancel(Step):
    form = ReasonSerializer

    @_described("cancel_transaction", "Cancel a transaction", ReasonSerializer)
    def post(self, request: Request, payment_id: str) -> Response:
        """Cancel a payment that has not gone to the bank, or has come back failed; reserved money is freed."""
        return self.step(request, payment_id)

    def take(self, payment: Transaction, person: User, **said: Any) -> Transaction:
        return operations.cancel(payment, by=person, reason=said["reason"], at=clock.now())


class Hold(Step):
    form = ReasonSerializer

    @_described("hold_transaction", "Hold a transaction", ReasonSerializer)
    def post(self, request: Request, payment_id: str) -> Response:
        """Stop a payment that has not gone to the bank until somebody releases it."""
        return self.step(request, payment_id)

    def take(self, payment: Transaction, person: User, **said: Any) -> Transaction:
        return operations.hold(payment, by=person, reason=said["reason"], at=clock.now())


class Release(Step):
    form = OptionalReasonSerializer

    @_described("release_transaction", "Release a held transaction", OptionalReasonSerializer)
    def post(self, request: Request, payment_id: str) -> Response:
        """Release a held payment into the status it was held from."""
        return self.step(request, payment_id)

    def take(self, payment: Transaction, person: User, **said: Any) -> Transaction:
        return operations.release(payment, by=person, reason=said["reason"], at=clock.now())


class Retry(Step):
    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "retry"}

    @_described("retry_transaction", "Retry a failed transaction", NothingSerializer)
    def post(self, request: Request, payment_id: str) -> Response:
        """Try a failed payment again now, if its return code allows it."""
        return self.step(request, payment_id)

    def take(self, payment: Transaction, person: User, **said: Any) -> Transaction:
        return retries.retry(payment, by=person, at=clock.now())


def _order(asked: dict[str, Any], person: User) -> Order:
    """Make an order of what was asked; a person who moves only their own money is its party unless they say so."""
    if not person.has_perm(permissions.INITIATE_PAYMENT) and not (asked["from_user_id"] or asked["to_user_id"]):
        asked["from_user_id" if asked["type"] in INBOUND else "to_user_id"] = person.pk
    return Order(**asked)


def _address(request: Request) -> str | None:
    try:
        return str(ipaddress.ip_address(address_of(request._request)))
    except ValueError:
        return None
