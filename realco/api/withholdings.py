"""Withholding over REST: rates, what was taken off a distribution, and remitting it."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from distributions.operations import withholdings as operations
from distributions.queries import deductions
from realco import clock
from realco.api import pagination, visibility
from realco.api.access import Endpoint, answer, asker, listed, read, read_query
from realco.api.schema import READING, WRITING, identified, operation
from realco.api.serializers.decisions import (
    DeductionsSerializer,
    RemittanceOrderSerializer,
    WithholdingRateListQuerySerializer,
    WithholdingRateOrderSerializer,
    WithholdingRateSerializer,
)
from realco.api.serializers.pages import page_of
from realco.api.serializers.transactions import TransactionSerializer

TAG = "Withholding"
ID = identified("distribution_id")


class WithholdingRates(Endpoint):
    """Every rate that one may see."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list", "POST": "create"}

    @operation(
        "list_withholding_rates",
        "List rates of withholding",
        answers=page_of("WithholdingRatePage", WithholdingRateSerializer),
        parameters=[WithholdingRateListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """List rates, newest first: investors see their own. An investor's newest that has begun counts."""
        wanted = read_query(WithholdingRateListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        rows = visibility.withholding_rates(asker(request)).filter(**wanted)
        return listed(WithholdingRateSerializer, pagination.page(rows, after=after, size=size), request)

    @operation(
        "set_withholding_rate",
        "Set a rate of withholding",
        request=WithholdingRateOrderSerializer,
        answers=WithholdingRateSerializer,
        status=201,
        errors=(*WRITING, 404),
        tag=TAG,
    )
    def post(self, request: Request) -> Response:
        """Withhold a fraction of an investor's preferred return and profit from a day on; 0 ends it."""
        person = asker(request)
        asked = read(WithholdingRateOrderSerializer, request.data)
        made = operations.set_rate(
            visibility.person(person, asked["investor_id"]),
            rate=asked["rate"],
            reason=asked["reason"],
            effective_from=asked["effective_from"],
            by=person,
            at=clock.now(),
        )
        return answer(WithholdingRateSerializer, made, request, status=201)


class Deductions(Endpoint):
    """What was taken off one distribution."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "get_deductions",
        "Get what was taken off a distribution",
        answers=DeductionsSerializer,
        errors=(*READING, 403, 404),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, distribution_id: str) -> Response:
        """Get the fees and the withholding of a distribution: taken, asked for, left to remit; for staff."""
        distribution = visibility.previewable(asker(request), distribution_id)
        return answer(DeductionsSerializer, {"results": deductions.summary(distribution)}, request)


class Remit(Endpoint):
    """Remit what is left."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "create"}

    @operation(
        "remit_deductions",
        "Remit what was taken off",
        request=RemittanceOrderSerializer,
        answers=TransactionSerializer,
        status=201,
        errors=(*WRITING, 404, 422),
        parameters=[ID],
        tag=TAG,
    )
    def post(self, request: Request, distribution_id: str) -> Response:
        """
        Ask for the payment that takes all that is left of fees, or of withholding, out of escrow.

        It needs the approvals of an escrow withdrawal. Asked again while it is under way, nothing is left.
        """
        person = asker(request)
        distribution = visibility.previewable(person, distribution_id)
        asked = read(RemittanceOrderSerializer, request.data)
        payment = operations.remit(
            distribution,
            kind=asked["kind"],
            bank_account=visibility.sponsors_account(distribution, asked["bank_account_id"]),
            by=person,
            at=clock.now(),
        )
        return answer(TransactionSerializer, payment, request, status=201)
