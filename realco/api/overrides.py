"""Overrides over REST: decide a line otherwise than the waterfall, and confirm or refuse it as a second person."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from distributions.models import Distribution
from distributions.operations import overrides as operations
from distributions.operations.overrides import Decision
from distributions.queries import distributions as queries
from realco import clock
from realco.api import pagination, visibility
from realco.api.access import Endpoint, asker, listed, read, read_query
from realco.api.schema import READING, STEP, WRITING, identified, operation
from realco.api.serializers.decisions import (
    OverriddenSerializer,
    OverrideListQuerySerializer,
    OverrideOrderSerializer,
    OverrideWithdrawalSerializer,
)
from realco.api.serializers.fields import NothingSerializer
from realco.api.serializers.pages import page_of

TAG = "Distributions"
ID = identified("distribution_id")
PAGE = page_of("OverridePage", OverriddenSerializer)


def _lines(distribution: Distribution, request: Request, **wanted: Any) -> Response:
    """Answer with a page of the lines that are overridden now."""
    after, size = wanted.pop("cursor", None), wanted.pop("page_size", pagination.DEFAULT_SIZE)
    rows = queries.overrides(distribution)
    if (confirmed := wanted.pop("confirmed", None)) is not None:
        rows = rows.filter(override_confirmed_by__isnull=not confirmed)
    return listed(OverriddenSerializer, pagination.page(rows, after=after, size=size), request)


class Overrides(Endpoint):
    """The overridden lines of one distribution."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list", "POST": "create"}

    @operation(
        "list_overrides",
        "List overridden lines",
        answers=PAGE,
        errors=(*READING, 403, 404),
        parameters=[ID, OverrideListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request, distribution_id: str) -> Response:
        """List the lines that were decided otherwise than the waterfall gives; for staff."""
        distribution = visibility.previewable(asker(request), distribution_id)
        return _lines(distribution, request, **read_query(OverrideListQuerySerializer, request))

    @operation(
        "override_line",
        "Override a line",
        request=OverrideOrderSerializer,
        answers=PAGE,
        status=201,
        errors=(*WRITING, 404, 422),
        parameters=[ID],
        tag=TAG,
    )
    def post(self, request: Request, distribution_id: str) -> Response:
        """
        Set a part of a draft's line to an amount, at the expense of another line or to its benefit.

        Both lines are replaced by new ones, with new ids, which are answered with: the same request again is
        refused, because it names lines that stand no more. Nothing can be submitted before a second person confirms.
        """
        person = asker(request)
        distribution = visibility.previewable(person, distribution_id)
        asked = read(OverrideOrderSerializer, request.data)
        decision = Decision(asked["allocation_id"], asked["part"], asked["amount"], asked["against_id"])
        operations.override(distribution, decision=decision, reason=asked["reason"], by=person, at=clock.now())
        response = _lines(distribution, request, confirmed=False)
        response.status_code = 201
        return response


class ConfirmOverrides(Endpoint):
    """Confirm, as the second person."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}

    @operation(
        "confirm_overrides",
        "Confirm overrides",
        request=NothingSerializer,
        answers=PAGE,
        errors=STEP,
        parameters=[ID],
        tag=TAG,
    )
    def post(self, request: Request, distribution_id: str) -> Response:
        """Confirm every override that waits, none of which one has decided oneself."""
        person = asker(request)
        distribution = visibility.previewable(person, distribution_id)
        read(NothingSerializer, request.data)
        return _lines(operations.confirm(distribution, by=person, at=clock.now()), request)


class WithdrawOverrides(Endpoint):
    """Take back, or refuse."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}

    @operation(
        "withdraw_overrides",
        "Withdraw or refuse overrides",
        request=OverrideWithdrawalSerializer,
        answers=PAGE,
        errors=STEP,
        parameters=[ID],
        tag=TAG,
    )
    def post(self, request: Request, distribution_id: str) -> Response:
        """Take back every override that waits, or refuse it: those payees get again what stood before."""
        person = asker(request)
        distribution = visibility.previewable(person, distribution_id)
        said = read(OverrideWithdrawalSerializer, request.data)
        return _lines(operations.withdraw(distribution, reason=said["reason"], by=person, at=clock.now()), request)
