"""Reconciliations over REST: run the three-way proof of an escrow account, and read what it found."""

from datetime import date
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from escrow.operations import reconciliations as operations
from realco import clock
from realco.api import visibility
from realco.api.access import Endpoint, answer, asker, read
from realco.api.escrow_accounts import ID, TAG
from realco.api.schema import STEP, operation
from realco.api.serializers.escrow_accounts import ReconciliationOrderSerializer, ReconciliationSerializer
from realco.business_days import banking_date


class Reconcile(Endpoint):
    """The three-way proof."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}

    @operation(
        "reconcile_escrow_account",
        "Reconcile an escrow account",
        request=ReconciliationOrderSerializer,
        answers=ReconciliationSerializer,
        status=201,
        errors=STEP,
        parameters=[ID],
        tag=TAG,
    )
    def post(self, request: Request, escrow_account_id: str) -> Response:
        """Compare the bank's statement, our books and the stored balances; a mismatch is reported, never mended."""
        person, at = asker(request), clock.now()
        account = visibility.escrow_account(person, escrow_account_id)
        asked = read(ReconciliationOrderSerializer, request.data)
        as_of: date = asked["as_of_date"] or banking_date(at)
        found = operations.reconcile(account, as_of=as_of, by=person, at=at)
        return answer(ReconciliationSerializer, found, request, status=201)
