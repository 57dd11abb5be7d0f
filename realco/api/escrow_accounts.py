"""Escrow accounts over REST: open one, look at balances and ledger, freeze and unfreeze."""

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from escrow.models import EscrowAccount, LedgerAccount
from escrow.operations import escrow_accounts as operations
from escrow.queries import history, investor_balances
from realco import clock
from realco.api import pagination, visibility
from realco.api.access import Endpoint, answer, asker, listed, read, read_query
from realco.api.schema import READING, STEP, WRITING, Method, identified, operation
from realco.api.serializers.escrow_accounts import (
    EscrowAccountListQuerySerializer,
    EscrowAccountOrderSerializer,
    EscrowAccountSerializer,
    EscrowBalanceSerializer,
    HistoryQuerySerializer,
    LedgerEntrySerializer,
    LedgerQuerySerializer,
)
from realco.api.serializers.fields import ReasonSerializer
from realco.api.serializers.pages import days_of, page_of
from realco.models import User
from realco.money import ZERO

TAG = "Escrow accounts"
ID = identified("escrow_account_id")


def _described(name: str, summary: str, answers: Any) -> Callable[[Method], Method]:
    """Document a step of one escrow account that needs a reason."""
    return operation(name, summary, request=ReasonSerializer, answers=answers, errors=STEP, parameters=[ID], tag=TAG)


class EscrowAccounts(Endpoint):
    """Every escrow account that one may see."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list", "POST": "create"}

    @operation(
        "list_escrow_accounts",
        "List escrow accounts",
        answers=page_of("EscrowAccountPage", EscrowAccountSerializer),
        parameters=[EscrowAccountListQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """List escrow accounts, newest first: investors see those of the offerings they have a stake in."""
        wanted = read_query(EscrowAccountListQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        accounts = visibility.escrow_accounts(asker(request)).filter(**wanted)
        return listed(EscrowAccountSerializer, pagination.page(accounts, after=after, size=size), request)

    @operation(
        "open_escrow_account",
        "Open an escrow account",
        request=EscrowAccountOrderSerializer,
        answers=EscrowAccountSerializer,
        status=201,
        errors=(*WRITING, 404, 409),
        tag=TAG,
    )
    def post(self, request: Request) -> Response:
        """Open an offering's own escrow account; each offering has one, so that asking twice opens one."""
        person = asker(request)
        asked = read(EscrowAccountOrderSerializer, request.data)
        account = operations.open_account(
            visibility.offering(person, asked["offering_id"]),
            bank_account_id=asked["bank_account_id"],
            external_account_id=asked["external_account_id"],
            by=person,
            at=clock.now(),
        )
        return answer(EscrowAccountSerializer, account, request, status=201)


class OneEscrowAccount(Endpoint):
    """One escrow account."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "get_escrow_account",
        "Get an escrow account",
        answers=EscrowAccountSerializer,
        errors=(*READING, 404),
        parameters=[ID],
        tag=TAG,
    )
    def get(self, request: Request, escrow_account_id: str) -> Response:
        """Get one escrow account."""
        return answer(EscrowAccountSerializer, visibility.escrow_account(asker(request), escrow_account_id), request)


class Balance(Endpoint):
    """What one escrow account holds."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "get"}

    @operation(
        "get_escrow_balance",
        "Get a balance",
        answers=EscrowBalanceSerializer,
        errors=(*READING, 404),
        parameters=[ID, HistoryQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request, escrow_account_id: str) -> Response:
        """Get what is held, now or at another time: for staff in the whole account, for an investor what is theirs."""
        person = asker(request)
        account = visibility.escrow_account(person, escrow_account_id)
        as_of = history.AsOf(**read_query(HistoryQuerySerializer, request))
        return answer(EscrowBalanceSerializer, _balance(person, account, as_of), request)


class Ledger(Endpoint):
    """What moved in one escrow account."""

    throttle_scopes: ClassVar[dict[str, str]] = {"GET": "list"}

    @operation(
        "list_ledger_entries",
        "List ledger entries",
        answers=page_of("LedgerPage", LedgerEntrySerializer),
        errors=(*READING, 404),
        parameters=[ID, LedgerQuerySerializer],
        tag=TAG,
    )
    def get(self, request: Request, escrow_account_id: str) -> Response:
        """List ledger entries, newest first, as they stand or stood: for an investor those of their own accounts."""
        person = asker(request)
        account = visibility.escrow_account(person, escrow_account_id)
        wanted = read_query(LedgerQuerySerializer, request)
        after, size = wanted.pop("cursor"), wanted.pop("page_size")
        if "ledger_account_kind" in wanted:
            wanted["ledger_account__kind"] = wanted.pop("ledger_account_kind")
        effective_on, known_at = wanted.pop("effective_on"), wanted.pop("known_at")
        entries = visibility.ledger_entries(person, account).filter(**days_of(wanted)).filter(**wanted)
        if effective_on is not None:
            entries = entries.filter(effective_date__lte=effective_on)
        if known_at is not None:
            entries = history.known(entries, at=known_at)
        return listed(LedgerEntrySerializer, pagination.page(entries, after=after, size=size), request)


class Freeze(Endpoint):
    """Stop everything that would leave."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}

    @_described("freeze_escrow_account", "Freeze an escrow account", EscrowAccountSerializer)
    def post(self, request: Request, escrow_account_id: str) -> Response:
        """Freeze an escrow account: nothing leaves it and nothing is reserved until it is unfrozen."""
        person = asker(request)
        account = visibility.escrow_account(person, escrow_account_id)
        said = read(ReasonSerializer, request.data)
        frozen = operations.freeze(account, by=person, reason=said["reason"], at=clock.now())
        return answer(EscrowAccountSerializer, frozen, request)


class Unfreeze(Endpoint):
    """Let it leave again."""

    throttle_scopes: ClassVar[dict[str, str]] = {"POST": "get"}

    @_described("unfreeze_escrow_account", "Unfreeze an escrow account", EscrowAccountSerializer)
    def post(self, request: Request, escrow_account_id: str) -> Response:
        """Unfreeze an escrow account, back into the state it was frozen in."""
        person = asker(request)
        account = visibility.escrow_account(person, escrow_account_id)
        said = read(ReasonSerializer, request.data)
        thawed = operations.unfreeze(account, by=person, reason=said["reason"], at=clock.now())
        return answer(EscrowAccountSerializer, thawed, request)


def _balance(person: User, account: EscrowAccount, as_of: history.AsOf) -> dict[str, Any]:
    """Return what the account holds or held, or what the ledger accounts in it that are the person's own do."""
    is_whole = visibility.is_viewer(person, "escrow.view_escrowaccount")
    head = {
        "escrow_account_id": account.pk,
        "currency": account.currency,
        "is_whole_account": is_whole,
        "effective_on": as_of.effective_on,
        "known_at": as_of.known_at,
    }
    if as_of == history.NOW and is_whole:
        parts = [account.available_balance, account.pending_balance, account.held_balance]
    elif as_of == history.NOW:
        shown = investor_balances.shown(escrow_account_id=account.pk, investor_id=person.pk)
        theirs = shown.get(person.pk, investor_balances.NOTHING)
        parts = [theirs.cleared, theirs.arriving, theirs.held]
    else:
        held = (
            history.totals(account, as_of=as_of)
            if is_whole
            else history.of_investor(person.pk, account=account, as_of=as_of)
        )
        groups = (LedgerAccount.AVAILABLE, LedgerAccount.PENDING, LedgerAccount.HELD)
        parts = [sum((held.get(kind, ZERO) for kind in kinds), ZERO) for kinds in groups]
    available, pending, blocked = parts
    return {
        **head,
        "current_balance": available + pending + blocked,
        "available_balance": available,
        "pending_balance": pending,
        "held_balance": blocked,
    }
