"""Capital over REST: what was called, who owes how much of it, and capital accounts as of a day."""

from typing import ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from distributions.models import CapitalCall, CapitalCallItem
from distributions.queries import capital_accounts
from distributions.queries.capital_calls import COUNTED
from realco import clock
from realco.api import pagination, visibility
from realco.api.access import Endpoint, answer, asker, listed, read_query
from realco.api.schema import READING, identified, operation
from realco.api.serializers.capital import (
    CapitalAccountQuerySerializer,
    CapitalAccountsSerializer,
    CapitalCallItemSerializer,
    CapitalCallListQuerySerializer,
    CapitalCallSerializer,
)
from realco.api.serializers.pages import PageQuerySerializer, page_of
from realco.business_days import banking_date
from realco.errors import NotFound
from realco.models import User

TAG = "Capital"
VIEW = "distributions.view_capitalcall"


class CapitalCallNotFound(NotFound):
    """There is no such capital call, or it is not theirs to see."""


class CapitalCalls(Endpoint):
    """Every capital call that one may see."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list"}

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
        rows = _calls(asker(request)).filter(**wanted)
        return listed(CapitalCallSerializer, pagination.page(rows, after=after, size=size), request)


class Items(Endpoint):
    """Who owes how much of a call."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list"}

    @operation(
        "list_capital_call_items",
        "List what is owed of a capital call",
        answers=page_of("CapitalCallItemPage", CapitalCallItemSerializer),
        errors=(*READING, 404),
        parameters=[identified("capital_call_id"), PageQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request, capital_call_id: str) -> Response:
        """List the items of a capital call: investors see their own."""
        wanted = read_query(PageQuerySerializer, request)
        person = asker(request)
        call = _calls(person).filter(pk=visibility.identifier(capital_call_id)).first()
        if call is None:
            raise CapitalCallNotFound("There is no such capital call.")
        items = CapitalCallItem.objects.filter(call=call)
        if not visibility.is_viewer(person, VIEW):
            items = items.filter(investor=person)
        page = pagination.page(items, after=wanted["cursor"], size=wanted["page_size"])
        return listed(CapitalCallItemSerializer, page, request)


class CapitalAccounts(Endpoint):
    """Capital accounts of an offering."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "list_capital_accounts",
        "Capital accounts of an offering",
        answers=CapitalAccountsSerializer,
        errors=(*READING, 404),
        parameters=[identified("offering_id"), CapitalAccountQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request, offering_id: str) -> Response:
        """Get where everybody stands at the end of a day: investors see their own account."""
        person = asker(request)
        on = read_query(CapitalAccountQuerySerializer, request)["on"] or banking_date(clock.now())
        offering = visibility.offering(person, offering_id)
        only = None if visibility.is_viewer(person, VIEW) else person.pk
        found = capital_accounts.accounts(offering, on=on, investor_id=only)
        return answer(CapitalAccountsSerializer, {"on": on, "results": found}, request)


def _calls(person: User) -> QuerySet[CapitalCall]:
    if visibility.is_viewer(person, VIEW):
        return CapitalCall.objects.all()
    return CapitalCall.objects.filter(status__in=COUNTED, items__investor=person).distinct()
