"""Funds over REST: which offerings are measured together, and the clawback of their sponsor. Only to be read."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from distributions.queries import clawbacks, fund_arrangements
from realco import clock
from realco.api import pagination, visibility
from realco.api.access import Endpoint, answer, asker, listed, read_query
from realco.api.schema import READING, identified, operation
from realco.api.serializers.funds import (
    ClawbackQuerySerializer,
    ClawbackSerializer,
    FundListQuerySerializer,
    FundSerializer,
)
from realco.api.serializers.pages import page_of
from realco.business_days import banking_date

TAG = "Funds"
ID = identified("fund_id")


class Funds(Endpoint):
    """Every fund."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list"}

    @operation(
        "list_funds",
        "List funds",
        answers=page_of("FundsPage", FundSerializer),
        parameters=[FundListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """List versions of funds, newest first: staff see all, a sponsor's owner their own that were activated."""
        wanted = read_query(FundListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        rows = visibility.funds(asker(request)).filter(**wanted)
        return listed(FundSerializer, pagination.page(rows, after=after, size=size), request)


class OneFund(Endpoint):
    """One fund."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation("get_fund", "Get a fund", answers=FundSerializer, errors=(*READING, 404), parameters=[ID], tag=TAG)
    def get(self, request: Request, fund_id: str) -> Response:
        """Get one version of a fund."""
        return answer(FundSerializer, visibility.fund(asker(request), fund_id), request)


class Clawback(Endpoint):
    """What a fund's sponsor would have to give back."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list"}

    @operation(
        "get_fund_clawback",
        "Measure a fund",
        answers=ClawbackSerializer,
        errors=(*READING, 404),
        parameters=[ID, ClawbackQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request, fund_id: str) -> Response:
        """Measure a fund as of a day, and what sales of its offerings on that day would leave. Changes nothing."""
        person = asker(request)
        asked = read_query(ClawbackQuerySerializer, request)
        fund = visibility.fund(person, fund_id)
        now = clock.now()
        found = clawbacks.measure(fund, on=asked["on"] or banking_date(now), sales=asked["sales"], at=now)
        content = {
            "fund_id": fund.pk,
            "on": found.on,
            "deals": found.deals,
            "standing": found.standing,
            "result": found.result,
            "sales_by_fund": found.sales_by_fund,
            "investors": found.investors if visibility.is_viewer(person, fund_arrangements.VIEW) else None,
        }
        return answer(ClawbackSerializer, content, request)
