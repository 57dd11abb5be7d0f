"""Capital accounts over REST: where everybody stands in an offering at the end of a day."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from distributions.queries import capital_accounts
from realco import clock
from realco.api import visibility
from realco.api.access import Endpoint, answer, asker, read_query
from realco.api.schema import READING, identified, operation
from realco.api.serializers.capital import CapitalAccountQuerySerializer, CapitalAccountsSerializer
from realco.business_days import banking_date

TAG = "Capital"


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
        only = None if visibility.is_viewer(person, visibility.VIEW_CALLS) else person.pk
        found = capital_accounts.accounts(offering, on=on, investor_id=only)
        return answer(CapitalAccountsSerializer, {"on": on, "results": found}, request)
