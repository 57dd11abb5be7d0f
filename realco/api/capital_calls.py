"""Capital calls over REST: draw one up, put it before another person, give notice, and follow what is owed of it."""

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from distributions.models import CapitalCall
from distributions.models.capital_calls import CapitalCallKind
from distributions.operations import capital_calls as operations
from distributions.operations import premiums
from distributions.operations.capital_calls import Conditions
from distributions.queries import capital_calls as queries
from distributions.queries import premiums as premium_queries
from realco import clock, money
from realco.api import idempotency, pagination, visibility
from realco.api.access import Endpoint, answer, asker, listed, read, read_query
from realco.api.schema import IDEMPOTENCY_KEY, READING, STEP, WRITING, Method, identified, operation
from realco.api.serializers.capital import (
    CapitalCallListQuerySerializer,
    CapitalCallOrderSerializer,
    CapitalCallSerializer,
    EqualisationSerializer,
)
from realco.api.serializers.distributions import DistributionSerializer
from realco.api.serializers.fields import NothingSerializer, ReasonSerializer
from realco.api.serializers.pages import page_of
from realco.models import User

TAG = "Capital"
ID = identified("capital_call_id")


def _described(name: str, summary: str, form: Any) -> Callable[[Method], Method]:
    """Document a step of one call."""
    return operation(name, summary, request=form, answers=CapitalCallSerializer, errors=STEP, parameters=[ID], tag=TAG)


class CapitalCalls(Endpoint):
    """Every capital call that one may see."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list", "POST": "create"}

    @operation(
        "list_capital_calls",
        "List capital calls",
        answers=page_of("CapitalCallPage", CapitalCallSerializer),
        parameters=[CapitalCallListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """List capital calls, newest first: investors see those made of them."""
        wanted = read_query(CapitalCallListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        rows = visibility.capital_calls(asker(request)).filter(**wanted)
        return listed(CapitalCallSerializer, pagination.page(rows, after=after, size=size), request)

    @operation(
        "draw_up_capital_call",
        "Draw up a capital call",
        request=CapitalCallOrderSerializer,
        answers=CapitalCallSerializer,
        status=201,
        errors=(*WRITING, 404, 409, 422),
        parameters=[IDEMPOTENCY_KEY],
        tag=TAG,
    )
    def post(self, request: Request) -> Response:
        """
        Draw up a call of an amount on everybody who has committed more than was called, or a late closing.

        It is a draft with its items. Nobody owes anything before it was submitted and another person approved it.
        """
        key = idempotency.key_of(request)
        person = asker(request)
        asked = read(CapitalCallOrderSerializer, request.data)
        offering = visibility.offering(person, asked.pop("offering_id"))
        kind, amount, _ = asked.pop("kind"), asked.pop("total_amount", money.ZERO), asked.pop("currency")
        said: dict[str, Any] = {
            "conditions": Conditions(**asked), "by": person, "at": clock.now(), "idempotency_key": key,
        }  # fmt: skip
        if kind == CapitalCallKind.LATE_CLOSING:
            call = operations.draw_up_late_closing(offering, **said)
        else:
            call = operations.draw_up(offering, total_amount=amount, **said)
        return answer(CapitalCallSerializer, call, request, status=201)


class OneCapitalCall(Endpoint):
    """One capital call."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "get_capital_call",
        "Get a capital call",
        answers=CapitalCallSerializer,
        errors=(*READING, 404),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, capital_call_id: str) -> Response:
        """Get one capital call."""
        return answer(CapitalCallSerializer, visibility.capital_call(asker(request), capital_call_id), request)


class Equalisation(Endpoint):
    """To whom the premium of a late closing is owed."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "get_equalisation",
        "Get what a late closing equalises",
        answers=EqualisationSerializer,
        errors=(*READING, 403, 404),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, capital_call_id: str) -> Response:
        """
        Get each item's shares of earlier calls, and to whom its premium is owed.

        `distribution_id` is the distribution that pays the item's premium on, once one was drawn up.
        """
        person = asker(request)
        call = visibility.capital_call(person, capital_call_id)
        visibility.require_viewer(person, visibility.VIEW_CALLS)
        found = queries.equalisation(call)
        paid_on = premium_queries.paid_on(call.items.filter(pk__in=found))
        shares = [
            {"item_id": item_id, "distribution_id": paid_on[item_id].pk if item_id in paid_on else None,
              "earlier_call_id": one.call.pk, "capital_amount": one.capital,
             "premium_amount": one.premium,
             "owed_to": [{"investor_id": owner, "amount": part} for owner, part in one.owed_to]}
            for item_id, some in found.items()
            for one in some
        ]  # fmt: skip
        return answer(EqualisationSerializer, {"results": shares}, request)


class Premiums(Endpoint):
    """The premiums of a late closing, paid on."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "create"}

    @operation(
        "pay_premiums_on",
        "Draw up the distribution that pays premiums on",
        request=NothingSerializer,
        answers=DistributionSerializer,
        status=201,
        errors=(*STEP, 409),
        parameters=[ID, IDEMPOTENCY_KEY],
        tag=TAG,
    )
    def post(self, request: Request, capital_call_id: str) -> Response:
        """
        Draw up a distribution of all premiums of a late closing that have arrived and are not paid on.

        It is a draft that is worked out: submit, approve and execute it like any other. It is outside of the waterfall.
        """
        key = idempotency.key_of(request)
        person = asker(request)
        call = visibility.capital_call(person, capital_call_id)
        read(NothingSerializer, request.data)
        made = premiums.draw_up(call, creator=person, idempotency_key=key, at=clock.now())
        return answer(DistributionSerializer, made, request, status=201)


class Step(Endpoint):
    """Something that is done to one call."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}
    form: ClassVar[Any] = NothingSerializer

    def step(self, request: Request, capital_call_id: str) -> Response:
        """Find the call, take the step, and answer with the call as it is then."""
        person = asker(request)
        call = visibility.capital_call(person, capital_call_id)
        said = read(self.form, request.data)
        return answer(CapitalCallSerializer, self.take(call, person, **said), request)

    def take(self, call: CapitalCall, person: User, **said: Any) -> CapitalCall:
        """Call the operation."""
        raise NotImplementedError


class Submit(Step):
    @_described("submit_capital_call", "Submit a capital call for approval", NothingSerializer)
    def post(self, request: Request, capital_call_id: str) -> Response:
        """Put a call before another person."""
        return self.step(request, capital_call_id)

    def take(self, call: CapitalCall, person: User, **said: Any) -> CapitalCall:
        return operations.submit(call, by=person, at=clock.now())


class Approve(Step):
    @_described("approve_capital_call", "Approve a capital call and give notice", NothingSerializer)
    def post(self, request: Request, capital_call_id: str) -> Response:
        """Approve a call that somebody else drew up, which gives its notice: from now on its items are owed."""
        return self.step(request, capital_call_id)

    def take(self, call: CapitalCall, person: User, **said: Any) -> CapitalCall:
        return operations.approve(call, approver=person, at=clock.now())


class Cancel(Step):
    form = ReasonSerializer

    @_described("cancel_capital_call", "Cancel a capital call", ReasonSerializer)
    def post(self, request: Request, capital_call_id: str) -> Response:
        """Cancel a call of which nothing is paid; an approver refuses one like this."""
        return self.step(request, capital_call_id)

    def take(self, call: CapitalCall, person: User, **said: Any) -> CapitalCall:
        return operations.cancel(call, by=person, reason=said["reason"], at=clock.now())
