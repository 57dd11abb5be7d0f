"""Proofs of balances over REST: each investor's own, as a file that checks out without RealCo."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from escrow.queries import proofs
from escrow.queries.proofs import NotInProof
from realco.api import visibility
from realco.api.access import Endpoint, asker
from realco.api.escrow_accounts import ID, TAG
from realco.api.schema import READING, operation
from realco.api.serializers.escrow_accounts import ProofFileSerializer


class Proof(Endpoint):
    """The last proof of one escrow account."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list"}

    @operation(
        "get_proof",
        "Get the proof of one's balance",
        answers=ProofFileSerializer,
        errors=(*READING, 404),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, escrow_account_id: str) -> Response:
        """Get the proof that one's own balance is counted in the last signed snapshot of an escrow account."""
        person = asker(request)
        snapshot = proofs.latest(visibility.escrow_account(person, escrow_account_id))
        if snapshot is None:
            raise NotInProof("No proof was taken of this account yet; one is taken with each reconciliation.")
        # As it is signed, and past every serializer: one other byte would break it.
        return Response(proofs.file_for(snapshot, person))
