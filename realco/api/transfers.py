"""Transfers of investments over REST: proposed by one person, approved or refused by another."""

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from distributions.models import InvestmentTransfer
from distributions.operations import transfers as operations
from realco import clock
from realco.api import pagination, visibility
from realco.api.access import Endpoint, answer, asker, listed, read, read_query
from realco.api.schema import READING, STEP, WRITING, Method, identified, operation
from realco.api.serializers.fields import NothingSerializer, ReasonSerializer
from realco.api.serializers.pages import page_of
from realco.api.serializers.transfers import (
    TransferListQuerySerializer,
    TransferOrderSerializer,
    TransferSerializer,
)
from realco.models import User

TAG = "Transfers"
ID = identified("transfer_id")


def _described(name: str, summary: str, form: Any) -> Callable[[Method], Method]:
    """Document a step of one transfer."""
    return operation(name, summary, request=form, answers=TransferSerializer, errors=STEP, parameters=[ID], tag=TAG)


class Transfers(Endpoint):
    """Every transfer that one may see."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list", "POST": "create"}

    @operation(
        "list_investment_transfers",
        "List transfers of investments",
        answers=page_of("InvestmentTransferPage", TransferSerializer),
        parameters=[TransferListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """List transfers, newest first: investors see the executed ones by which they sold or bought."""
        wanted = read_query(TransferListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        rows = visibility.transfers(asker(request)).filter(**wanted)
        return listed(TransferSerializer, pagination.page(rows, after=after, size=size), request)

    @operation(
        "propose_investment_transfer",
        "Propose a transfer of an investment",
        request=TransferOrderSerializer,
        answers=TransferSerializer,
        status=201,
        errors=(*WRITING, 404, 422),
        tag=TAG,
    )
    def post(self, request: Request) -> Response:
        """
        Propose that a part of an investment becomes somebody else's from a day on.

        Nothing moves before another person has approved it. While one waits, another of the same investment is
        refused, and so is the same request again.
        """
        person = asker(request)
        asked = read(TransferOrderSerializer, request.data)
        transfer = operations.propose(
            visibility.investment(person, asked["investment_id"]),
            buyer=visibility.person(person, asked["buyer_id"]),
            part=asked["part"],
            effective_date=asked["effective_date"],
            document_reference=asked["document_reference"],
            by=person,
            at=clock.now(),
        )
        return answer(TransferSerializer, transfer, request, status=201)


class OneTransfer(Endpoint):
    """One transfer."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "get_investment_transfer",
        "Get a transfer of an investment",
        answers=TransferSerializer,
        errors=(*READING, 404),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, transfer_id: str) -> Response:
        """Get one transfer; of a proposed one, what it would move now."""
        return answer(TransferSerializer, visibility.transfer(asker(request), transfer_id), request)


class Step(Endpoint):
    """Something that is done to one transfer."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}
    form: ClassVar[Any] = NothingSerializer

    def step(self, request: Request, transfer_id: str) -> Response:
        """Find the transfer, take the step, and answer with the transfer as it is then."""
        person = asker(request)
        transfer = visibility.transfer(person, transfer_id)
        said = read(self.form, request.data)
        return answer(TransferSerializer, self.take(transfer, person, **said), request)

    def take(self, transfer: InvestmentTransfer, person: User, **said: Any) -> InvestmentTransfer:
        """Call the operation."""
        raise NotImplementedError


class Approve(Step):
    @_described("approve_investment_transfer", "Approve a transfer of an investment", NothingSerializer)
    def post(self, request: Request, transfer_id: str) -> Response:
        """Approve what somebody else proposed, which executes it. It cannot be undone."""
        return self.step(request, transfer_id)

    def take(self, transfer: InvestmentTransfer, person: User, **said: Any) -> InvestmentTransfer:
        return operations.approve(transfer, approver=person, at=clock.now())


class Cancel(Step):
    form = ReasonSerializer

    @_described("cancel_investment_transfer", "Refuse or withdraw a transfer of an investment", ReasonSerializer)
    def post(self, request: Request, transfer_id: str) -> Response:
        """Refuse a proposed transfer, or take it back; nothing has moved."""
        return self.step(request, transfer_id)

    def take(self, transfer: InvestmentTransfer, person: User, **said: Any) -> InvestmentTransfer:
        return operations.cancel(transfer, by=person, reason=said["reason"], at=clock.now())
