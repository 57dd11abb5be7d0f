"""Write-offs over REST: an allocation that cannot be paid for good is ended by two people. For staff."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from distributions.models import AllocationWriteOff
from distributions.operations import write_offs as operations
from distributions.queries import distributions as queries
from realco import clock
from realco.api import pagination, visibility
from realco.api.access import Endpoint, answer, asker, listed, read, read_query
from realco.api.schema import READING, STEP, WRITING, identified, operation
from realco.api.serializers.fields import NothingSerializer, ReasonSerializer
from realco.api.serializers.pages import page_of
from realco.api.serializers.write_offs import WriteOffListQuerySerializer, WriteOffOrderSerializer, WriteOffSerializer
from realco.errors import NotFound
from realco.models import User

TAG = "Distributions"
DISTRIBUTION, ID = identified("distribution_id"), identified("write_off_id")


def _found(person: User, distribution_id: str, write_off_id: str) -> AllocationWriteOff:
    rows = queries.write_offs(visibility.previewable(person, distribution_id))
    found = rows.filter(pk=visibility.identifier(write_off_id)).first()
    if found is None:
        raise NotFound("There is no such write-off of this distribution.")
    return found


class WriteOffs(Endpoint):
    """The write-offs of one distribution."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list", "POST": "create"}

    @operation(
        "list_write_offs",
        "List write-offs",
        answers=page_of("WriteOffPage", WriteOffSerializer),
        errors=(*READING, 403, 404),
        parameters=[DISTRIBUTION, WriteOffListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request, distribution_id: str) -> Response:
        """List the write-offs of a distribution's allocations, proposed ones among them, newest first."""
        wanted = read_query(WriteOffListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        rows = queries.write_offs(visibility.previewable(asker(request), distribution_id)).filter(**wanted)
        return listed(WriteOffSerializer, pagination.page(rows, after=after, size=size), request)

    @operation(
        "propose_write_off",
        "Propose a write-off",
        request=WriteOffOrderSerializer,
        answers=WriteOffSerializer,
        status=201,
        errors=(*WRITING, 404, 422),
        parameters=[DISTRIBUTION],
        tag=TAG,
    )
    def post(self, request: Request, distribution_id: str) -> Response:
        """
        Propose that an allocation that waits, or whose payment failed, ends unpaid.

        Nothing changes before another person approves it; while one waits, the same again is refused.
        """
        person = asker(request)
        distribution = visibility.previewable(person, distribution_id)
        asked = read(WriteOffOrderSerializer, request.data)
        allocation = visibility.allocations(person, distribution).filter(pk=asked["allocation_id"]).first()
        if allocation is None:
            raise NotFound("There is no such allocation of this distribution.")
        made = operations.propose(allocation, reason=asked["reason"], by=person, at=clock.now())
        return answer(WriteOffSerializer, made, request, status=201)


class Step(Endpoint):
    """Something that is done to one write-off."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}
    form: ClassVar[Any] = NothingSerializer

    def step(self, request: Request, distribution_id: str, write_off_id: str) -> Response:
        """Find the write-off, take the step, and answer with it as it is then."""
        person = asker(request)
        found = _found(person, distribution_id, write_off_id)
        said = read(self.form, request.data)
        return answer(WriteOffSerializer, self.take(found, person, **said), request)

    def take(self, write_off: AllocationWriteOff, person: User, **said: Any) -> AllocationWriteOff:
        """Call the operation."""
        raise NotImplementedError


class Approve(Step):
    @operation(
        "approve_write_off",
        "Approve a write-off",
        request=NothingSerializer,
        answers=WriteOffSerializer,
        errors=STEP,
        parameters=[DISTRIBUTION, ID],
        tag=TAG,
    )
    def post(self, request: Request, distribution_id: str, write_off_id: str) -> Response:
        """Approve what somebody else proposed. The allocation is never paid; its money stays in the offering."""
        return self.step(request, distribution_id, write_off_id)

    def take(self, write_off: AllocationWriteOff, person: User, **said: Any) -> AllocationWriteOff:
        return operations.approve(write_off, approver=person, at=clock.now())


class Withdraw(Step):
    form = ReasonSerializer

    @operation(
        "withdraw_write_off",
        "Withdraw or refuse a write-off",
        request=ReasonSerializer,
        answers=WriteOffSerializer,
        errors=STEP,
        parameters=[DISTRIBUTION, ID],
        tag=TAG,
    )
    def post(self, request: Request, distribution_id: str, write_off_id: str) -> Response:
        """Take a proposed write-off back, or refuse it."""
        return self.step(request, distribution_id, write_off_id)

    def take(self, write_off: AllocationWriteOff, person: User, **said: Any) -> AllocationWriteOff:
        return operations.withdraw(write_off, by=person, reason=said["reason"], at=clock.now())
