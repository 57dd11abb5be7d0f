"""Bank lines and entries over REST: what was matched with what, what is left, and what may belong together."""

from typing import Any, ClassVar

from django.db.models import F
from rest_framework.request import Request
from rest_framework.response import Response

from escrow.models import BankMatch, EscrowAccount
from escrow.queries import reconciliations as query
from realco.api import pagination, visibility
from realco.api.access import Endpoint, answer, asker, listed, read_query
from realco.api.escrow_accounts import ID, TAG
from realco.api.schema import READING, operation
from realco.api.serializers.bank_matches import BankMatchSerializer, UnmatchedSerializer
from realco.api.serializers.pages import PageQuerySerializer, page_of
from realco.errors import NotPermitted
from realco.models import User

AT_MOST = 100


class Matches(Endpoint):
    """What was matched in one escrow account."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list"}

    @operation(
        "list_bank_matches",
        "List bank matches",
        answers=page_of("BankMatchPage", BankMatchSerializer),
        errors=(*READING, 403, 404),
        parameters=[ID, PageQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request, escrow_account_id: str) -> Response:
        """List matches of bank lines with BANK entries, newest first, those that were undone included; for staff."""
        account = _account(asker(request), escrow_account_id)
        wanted = read_query(PageQuerySerializer, request)
        matches = (
            BankMatch.objects.filter(escrow_account=account)
            .annotate(created_at=F("made_at"))
            .select_related("reversed_by")
            .prefetch_related("match_lines", "match_entries")
        )
        page = pagination.page(matches, after=wanted["cursor"], size=wanted["page_size"])
        return listed(BankMatchSerializer, page, request)


class Unmatched(Endpoint):
    """What has no partner in one escrow account."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list"}

    @operation(
        "list_unmatched_bank_items",
        "List what is unmatched",
        answers=UnmatchedSerializer,
        errors=(*READING, 403, 404),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, escrow_account_id: str) -> Response:
        """Get the oldest 100 bank lines and BANK entries without a partner, and what may belong together; for staff."""
        account = _account(asker(request), escrow_account_id)
        lines = list(query.lines_without_match(account)[:AT_MOST])
        entries = list(query.entries_without_match(account)[:AT_MOST])
        suggestions, _ = query.suggestions(account, considered=AT_MOST)
        content: dict[str, Any] = {"bank_lines": lines, "entries": entries, "suggestions": suggestions}
        return answer(UnmatchedSerializer, content, request)


def _account(person: User, key: str) -> EscrowAccount:
    """
    Find an escrow account whose bank the person may look at.

    :raises NotPermitted: if only their own part of the account is theirs to see
    """
    account = visibility.escrow_account(person, key)
    if not visibility.is_viewer(person, "escrow.view_reconciliation"):
        raise NotPermitted("Only staff see an account's bank lines.")
    return account
