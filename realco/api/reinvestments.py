"""Reinvestment over REST: what investors chose to be done with future distributions, choosing and withdrawing it."""

from typing import ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from distributions.models import ReinvestmentElection
from distributions.operations import elections
from escrow.models import Investment
from realco import clock
from realco.api import pagination, visibility
from realco.api.access import Endpoint, answer, asker, listed, read, read_query
from realco.api.schema import STEP, WRITING, identified, operation
from realco.api.serializers.pages import page_of
from realco.api.serializers.reinvestments import (
    ElectionListQuerySerializer,
    ElectionOrderSerializer,
    ElectionSerializer,
    WithdrawalSerializer,
)
from realco.errors import NotFound
from realco.models import User

TAG = "Reinvestment"
VIEW = "distributions.view_reinvestmentelection"


class ElectionNotFound(NotFound):
    """There is no such election, or it is not theirs to see."""


class InvestmentNotFound(NotFound):
    """There is no such investment, or it is not theirs."""


class Elections(Endpoint):
    """Every election that one may see."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list", "POST": "create"}

    @operation(
        "list_reinvestment_elections",
        "List reinvestment elections",
        answers=page_of("ReinvestmentElectionPage", ElectionSerializer),
        parameters=[ElectionListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """List elections, newest first: investors see their own."""
        wanted = read_query(ElectionListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        rows = _elections(asker(request)).filter(**wanted)
        return listed(ElectionSerializer, pagination.page(rows, after=after, size=size), request)

    @operation(
        "create_reinvestment_election",
        "Reinvest future distributions",
        request=ElectionOrderSerializer,
        answers=ElectionSerializer,
        status=201,
        errors=(*WRITING, 404, 422),
        tag=TAG,
    )
    def post(self, request: Request) -> Response:
        """
        Choose that future distributions of an investment go into another offering.

        It replaces what was chosen for the investment before; the same choice again is the same election.
        """
        person = asker(request)
        asked = read(ElectionOrderSerializer, request.data)
        investment = Investment.objects.filter(pk=asked["investment_id"], investor=person).first()
        if investment is None:
            raise InvestmentNotFound("You have no such investment.")
        election = elections.elect(
            investment,
            target=visibility.offering(person, asked["target_offering_id"]),
            basis=asked["basis"],
            rate=asked["rate"],
            amount=asked["amount"],
            by=person,
            at=clock.now(),
        )
        return answer(ElectionSerializer, election, request, status=201)


class Withdraw(Endpoint):
    """Withdrawing an election."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}

    @operation(
        "withdraw_reinvestment_election",
        "Withdraw a reinvestment election",
        request=WithdrawalSerializer,
        answers=ElectionSerializer,
        errors=STEP,
        parameters=[identified("election_id")],
        tag=TAG,
    )
    def post(self, request: Request, election_id: str) -> Response:
        """Withdraw an election; what was not moved yet is paid in cash. Staff say why."""
        person = asker(request)
        election = _elections(person).filter(pk=visibility.identifier(election_id)).first()
        if election is None:
            raise ElectionNotFound("There is no such election.")
        said = read(WithdrawalSerializer, request.data)
        done = elections.withdraw(election, by=person, reason=said["reason"], at=clock.now())
        return answer(ElectionSerializer, done, request)


def _elections(person: User) -> QuerySet[ReinvestmentElection]:
    rows = ReinvestmentElection.objects.all()
    return rows if visibility.is_viewer(person, VIEW) else rows.filter(investor=person)
