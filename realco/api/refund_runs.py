"""Refund runs over REST: propose giving a failed raise's money back, sign it, and follow every refund."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from finance.models import RefundRun
from finance.operations import refund_runs as operations
from realco import clock
from realco.api import pagination, visibility
from realco.api.access import Endpoint, answer, asker, listed, read, read_query
from realco.api.schema import READING, STEP, WRITING, identified, operation
from realco.api.serializers.fields import ReasonSerializer
from realco.api.serializers.pages import page_of
from realco.api.serializers.refund_runs import (
    RefundItemListQuerySerializer,
    RefundItemSerializer,
    RefundRunApprovalSerializer,
    RefundRunListQuerySerializer,
    RefundRunOrderSerializer,
    RefundRunSerializer,
)
from realco.models import User

TAG = "Refund runs"
ACCOUNT = identified("escrow_account_id")
ID = identified("refund_run_id")


def _found(person: User, escrow_account_id: str, refund_run_id: str) -> RefundRun:
    return visibility.refund_run(person, visibility.escrow_account(person, escrow_account_id), refund_run_id)


class RefundRuns(Endpoint):
    """The refund runs of one escrow account."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list", "POST": "create"}

    @operation(
        "list_refund_runs",
        "List refund runs",
        answers=page_of("RefundRunPage", RefundRunSerializer),
        errors=(*READING, 404),
        parameters=[ACCOUNT, RefundRunListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request, escrow_account_id: str) -> Response:
        """List an escrow account's refund runs, newest first: investors see those that pay them back."""
        person = asker(request)
        account = visibility.escrow_account(person, escrow_account_id)
        wanted = read_query(RefundRunListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        runs = visibility.refund_runs(person, account).filter(**wanted).select_related("offering")
        page = pagination.page(runs.prefetch_related("approvals"), after=after, size=size)
        return listed(RefundRunSerializer, page, request)

    @operation(
        "propose_refund_run",
        "Propose a refund run",
        request=RefundRunOrderSerializer,
        answers=RefundRunSerializer,
        status=201,
        errors=(*WRITING, 404, 422),
        parameters=[ACCOUNT],
        tag=TAG,
    )
    def post(self, request: Request, escrow_account_id: str) -> Response:
        """
        Propose to give back everything that was paid in, because the raise is over without a closing.

        Nothing moves before another person has signed. While one waits or runs, another is refused.
        """
        person = asker(request)
        account = visibility.escrow_account(person, escrow_account_id)
        asked = read(RefundRunOrderSerializer, request.data)
        run = operations.propose(account, by=person, reason=asked["reason"], at=clock.now())
        return answer(RefundRunSerializer, run, request, status=201)


class OneRefundRun(Endpoint):
    """One refund run."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "get_refund_run",
        "Get a refund run",
        answers=RefundRunSerializer,
        errors=(*READING, 404),
        parameters=[ACCOUNT, ID],
        tag=TAG,
    )
    def get(self, request: Request, escrow_account_id: str, refund_run_id: str) -> Response:
        """Get one refund run, with its clock and, once it is completed, its report."""
        return answer(RefundRunSerializer, _found(asker(request), escrow_account_id, refund_run_id), request)


class Items(Endpoint):
    """What each deposit gives back."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list"}

    @operation(
        "list_refund_items",
        "List refunds",
        answers=page_of("RefundItemPage", RefundItemSerializer),
        errors=(*READING, 404),
        parameters=[ACCOUNT, ID, RefundItemListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request, escrow_account_id: str, refund_run_id: str) -> Response:
        """List the refunds of a run, newest first: for an investor their own."""
        person = asker(request)
        run = _found(person, escrow_account_id, refund_run_id)
        wanted = read_query(RefundItemListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        items = visibility.refund_items(person, run).filter(**wanted)
        return listed(RefundItemSerializer, pagination.page(items, after=after, size=size), request)


class Approve(Endpoint):
    """Sign, as another person than proposed it."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}

    @operation(
        "approve_refund_run",
        "Approve a refund run",
        request=RefundRunApprovalSerializer,
        answers=RefundRunSerializer,
        errors=STEP,
        parameters=[ACCOUNT, ID],
        tag=TAG,
    )
    def post(self, request: Request, escrow_account_id: str, refund_run_id: str) -> Response:
        """Sign the figures. With the last signature the raise has failed and the refunds are on their way."""
        person = asker(request)
        run = _found(person, escrow_account_id, refund_run_id)
        said: dict[str, Any] = read(RefundRunApprovalSerializer, request.data)
        signed = operations.approve(
            run, approver=person, content_hash=said["content_hash"], note=said["note"], at=clock.now()
        )
        return answer(RefundRunSerializer, signed, request)


class Cancel(Endpoint):
    """Take a proposal back, or refuse it."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}

    @operation(
        "cancel_refund_run",
        "Cancel a refund run",
        request=ReasonSerializer,
        answers=RefundRunSerializer,
        errors=STEP,
        parameters=[ACCOUNT, ID],
        tag=TAG,
    )
    def post(self, request: Request, escrow_account_id: str, refund_run_id: str) -> Response:
        """Cancel a proposed run; nothing was given back."""
        person = asker(request)
        run = _found(person, escrow_account_id, refund_run_id)
        said = read(ReasonSerializer, request.data)
        cancelled = operations.cancel(run, by=person, reason=said["reason"], at=clock.now())
        return answer(RefundRunSerializer, cancelled, request)
