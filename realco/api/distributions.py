"""Distributions over REST: draw one up, calculate, preview, submit, approve, execute, and follow its payments."""

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from distributions.models import Distribution
from distributions.operations import distributions as operations
from distributions.operations import payouts
from distributions.queries import distributions as queries
from realco import clock
from realco.api import idempotency, pagination, visibility
from realco.api.access import Endpoint, answer, asker, listed, read, read_query
from realco.api.schema import IDEMPOTENCY_KEY, READING, STEP, WRITING, Method, identified, operation
from realco.api.serializers.distributions import (
    AllocationListQuerySerializer,
    AllocationSerializer,
    DistributionApprovalSerializer,
    DistributionListQuerySerializer,
    DistributionOrderSerializer,
    DistributionPreviewSerializer,
    DistributionRetrySerializer,
    DistributionSerializer,
    StagesSerializer,
)
from realco.api.serializers.fields import NothingSerializer, ReasonSerializer
from realco.api.serializers.pages import page_of
from realco.models import User

TAG = "Distributions"
ID = identified("distribution_id")


def _described(name: str, summary: str, form: Any) -> Callable[[Method], Method]:
    """Document a step of one distribution."""
    return operation(name, summary, request=form, answers=DistributionSerializer, errors=STEP, parameters=[ID], tag=TAG)


class Distributions(Endpoint):
    """Every distribution that one may see."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list", "POST": "create"}

    @operation(
        "list_distributions",
        "List distributions",
        answers=page_of("DistributionPage", DistributionSerializer),
        parameters=[DistributionListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """List distributions, newest first: investors see the approved ones that pay them."""
        wanted = read_query(DistributionListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        rows = visibility.distributions(asker(request)).filter(**wanted)
        return listed(DistributionSerializer, pagination.page(rows, after=after, size=size), request)

    @operation(
        "create_distribution",
        "Draw up a distribution",
        request=DistributionOrderSerializer,
        answers=DistributionSerializer,
        status=201,
        errors=(*WRITING, 404, 409, 422),
        parameters=[IDEMPOTENCY_KEY],
        tag=TAG,
    )
    def post(self, request: Request) -> Response:
        """Draw up a distribution as a draft. No money moves before it has been approved and executed."""
        key = idempotency.key_of(request)
        person = asker(request)
        asked = read(DistributionOrderSerializer, request.data)
        distribution = operations.create(
            visibility.offering(person, asked["offering_id"]),
            type=asked["type"],
            total_amount=asked["total_amount"],
            platform_fee_amount=asked["platform_fee_amount"],
            as_of_date=asked["as_of_date"],
            description=asked["description"],
            creator=person,
            idempotency_key=key,
            at=clock.now(),
        )
        return answer(DistributionSerializer, distribution, request, status=201)


class OneDistribution(Endpoint):
    """One distribution."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "get_distribution",
        "Get a distribution",
        answers=DistributionSerializer,
        errors=(*READING, 404),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, distribution_id: str) -> Response:
        """Get one distribution."""
        return answer(DistributionSerializer, visibility.distribution(asker(request), distribution_id), request)


class Preview(Endpoint):
    """The numbers an approver signs."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "preview_distribution",
        "Preview a distribution",
        answers=DistributionPreviewSerializer,
        errors=(*READING, 403, 404, 422),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, distribution_id: str) -> Response:
        """Compute what everybody would get, without changing anything, and the hash that an approver signs."""
        distribution = visibility.previewable(asker(request), distribution_id)
        return answer(DistributionPreviewSerializer, queries.preview(distribution), request)


class Allocations(Endpoint):
    """Who gets what of one distribution."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list"}

    @operation(
        "list_allocations",
        "List a distribution's allocations",
        answers=page_of("AllocationPage", AllocationSerializer),
        errors=(*READING, 404),
        parameters=[ID, AllocationListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request, distribution_id: str) -> Response:
        """List what each payee gets, newest first: for an investor what is theirs."""
        person = asker(request)
        distribution = visibility.distribution(person, distribution_id)
        wanted = read_query(AllocationListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        rows = visibility.allocations(person, distribution).filter(**wanted)
        return listed(AllocationSerializer, pagination.page(rows, after=after, size=size), request)


class Progress(Endpoint):
    """How far a distribution's payments are."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "get_distribution_progress",
        "Get a distribution's progress",
        answers=StagesSerializer,
        errors=(*READING, 403, 404),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, distribution_id: str) -> Response:
        """Count how many payees have come how far; for staff."""
        distribution = visibility.previewable(asker(request), distribution_id)
        return answer(StagesSerializer, queries.stages(distribution), request)


class Step(Endpoint):
    """Something that is done to one distribution."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}
    form: ClassVar[Any] = NothingSerializer

    def step(self, request: Request, distribution_id: str) -> Response:
        """Find the distribution, take the step, and answer with the distribution as it is then."""
        person = asker(request)
        distribution = visibility.distribution(person, distribution_id)
        said = read(self.form, request.data)
        return answer(DistributionSerializer, self.take(distribution, person, **said), request)

    def take(self, distribution: Distribution, person: User, **said: Any) -> Distribution:
        """Call the operation."""
        raise NotImplementedError


class Calculate(Step):
    @_described("calculate_distribution", "Calculate a distribution", NothingSerializer)
    def post(self, request: Request, distribution_id: str) -> Response:
        """Work the waterfall and store what each payee gets; a draft can be calculated again."""
        return self.step(request, distribution_id)

    def take(self, distribution: Distribution, person: User, **said: Any) -> Distribution:
        return operations.calculate(distribution, by=person, at=clock.now())


class Submit(Step):
    @_described("submit_distribution", "Submit a distribution for approval", NothingSerializer)
    def post(self, request: Request, distribution_id: str) -> Response:
        """Freeze the numbers under their hash and ask for approval."""
        return self.step(request, distribution_id)

    def take(self, distribution: Distribution, person: User, **said: Any) -> Distribution:
        return operations.submit(distribution, by=person, at=clock.now())


class Approve(Step):
    form = DistributionApprovalSerializer

    @_described("approve_distribution", "Approve a distribution", DistributionApprovalSerializer)
    def post(self, request: Request, distribution_id: str) -> Response:
        """Sign the numbers that were previewed; if they are others by now, nothing is signed."""
        return self.step(request, distribution_id)

    def take(self, distribution: Distribution, person: User, **said: Any) -> Distribution:
        return operations.approve(
            distribution, approver=person, content_hash=said["content_hash"], note=said["note"], at=clock.now()
        )


class Execute(Step):
    @_described("execute_distribution", "Execute an approved distribution", NothingSerializer)
    def post(self, request: Request, distribution_id: str) -> Response:
        """Make the payments of an approved distribution."""
        return self.step(request, distribution_id)

    def take(self, distribution: Distribution, person: User, **said: Any) -> Distribution:
        return payouts.hand_over(distribution, executor=person, at=clock.now())


class Cancel(Step):
    form = ReasonSerializer

    @_described("cancel_distribution", "Cancel a distribution", ReasonSerializer)
    def post(self, request: Request, distribution_id: str) -> Response:
        """Cancel a distribution that has not been executed."""
        return self.step(request, distribution_id)

    def take(self, distribution: Distribution, person: User, **said: Any) -> Distribution:
        return operations.cancel(distribution, by=person, reason=said["reason"], at=clock.now())


class Retry(Step):
    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "retry"}
    form = DistributionRetrySerializer

    @_described("retry_distribution", "Retry a distribution's failed payments", DistributionRetrySerializer)
    def post(self, request: Request, distribution_id: str) -> Response:
        """Pay once more those whose payment failed, and only those, each by a new payment."""
        return self.step(request, distribution_id)

    def take(self, distribution: Distribution, person: User, **said: Any) -> Distribution:
        payouts.retry_failed(distribution, by=person, at=clock.now(), bank_accounts=said["bank_accounts"])
        return visibility.distribution(person, distribution.pk)
