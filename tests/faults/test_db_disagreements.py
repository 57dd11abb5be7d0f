"""
What others say of our money, wrongly or in the wrong order: statement lines and webhooks.

Lines missing, doubled, off by a cent or of nobody are injected at random among many right ones, and
reconciliation must report exactly those. Webhooks come doubled, in every order, forged and days late, and
the end must be the same each time.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.test import Client

from escrow import books
from escrow.models import EscrowAccount, EscrowLedgerEntry, LedgerAccount
from escrow.operations import reconciliations, statements
from finance import tasks
from finance.gateways import sandbox_bank, sandbox_webhooks
from finance.models import Transaction, TransactionWebhook
from realco import clock
from realco.models import User
from tests import factories
from tests.escrow.money import TUESDAY, Day, Stated, arrive, statement
from tests.faults.servers import wait_for
from tests.finance import sandbox_stage as stage
from tests.stages import staged

LINES = 40


@dataclass
class Breaks:
    """What was injected, by reference."""

    missing: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)
    off: set[str] = field(default_factory=set)
    strange: set[str] = field(default_factory=set)

    def all(self) -> set[str]:
        return self.missing | self.doubled | self.off | self.strange


def inject(cents: Mapping[str, int], dice: random.Random, *kinds: str) -> tuple[list[Stated], Breaks]:
    """State every booked amount, but for two breaks of each kind, in the bank's own order."""
    breaks, lines = Breaks(), []
    victims = dice.sample(sorted(cents), 2 * len(kinds))
    fate = {name: kinds[number % len(kinds)] for number, name in enumerate(victims)}
    for name, amount in cents.items():
        what = fate.get(name, "")
        if what == "missing":
            breaks.missing.add(name)
            continue
        if what == "off":
            breaks.off.add(name)
            amount += dice.choice((-1, 1))
        lines.append(Stated(amount, name))
        if what == "doubled":
            breaks.doubled.add(name)
            lines.append(Stated(amount, name))
        if what == "strange":
            breaks.strange.add(f"STRANGE-{name}")
            lines.append(Stated(dice.randrange(1_000, 9_999_999), f"STRANGE-{name}"))
    dice.shuffle(lines)
    return lines, breaks


class TestStatements:
    @pytest.fixture
    def at(self) -> datetime:
        return datetime(2026, 3, 5, 22, 0, tzinfo=UTC)

    @staged
    def booked(self, escrow: EscrowAccount, investor: User, at: datetime) -> dict[str, int]:
        """Many receipts of the same day, no two of one amount."""
        dice = random.Random(7)
        amounts = dice.sample(range(1_000, 9_999_999), LINES)
        cents = {f"SBX-{number:03}": amount for number, amount in enumerate(amounts)}
        for name, amount in cents.items():
            arrive(escrow, investor, f"{amount / 100:.2f}", reference=name, at=at)
        return cents

    @pytest.mark.parametrize(
        "kinds",
        [("missing",), ("doubled",), ("off",), ("strange",), ("missing", "doubled", "off", "strange")],
        ids=["missing", "doubled", "off by a cent", "strange", "all at once"],
    )
    def test_exactly_the_injected_breaks_are_reported(
        self, kinds: tuple[str, ...], escrow: EscrowAccount, booked: dict[str, int], operator: User, at: datetime
    ) -> None:
        lines, breaks = inject(booked, random.Random("-".join(kinds)), *kinds)
        assert len(breaks.all()) == 2 * len(kinds)
        stated = statement(escrow.external_account_id, Day(TUESDAY, 0, lines))
        statements.import_file(stated, file_name="broken.bai2", by=operator, at=at)
        found = reconciliations.reconcile(escrow, as_of=TUESDAY, by=operator, at=at)
        assert found.result == "MISMATCHED"
        named = {name for finding in found.findings for name in re.findall(r"“([^”]+)”", finding)}
        assert named == breaks.all()
        assert found.unmatched_lines == len(breaks.doubled) + len(breaks.off) + len(breaks.strange)
        assert found.unmatched_entries == len(breaks.missing) + len(breaks.off)
        assert found.matched_lines == LINES - len(breaks.missing) - len(breaks.off)
        assert books.check([escrow.pk]) == []

    def test_nothing_is_reported_when_nothing_was_injected(
        self, escrow: EscrowAccount, booked: dict[str, int], operator: User, at: datetime
    ) -> None:
        lines, _ = inject(booked, random.Random(1))
        stated = statement(escrow.external_account_id, Day(TUESDAY, 0, lines))
        statements.import_file(stated, file_name="right.bai2", by=operator, at=at)
        found = reconciliations.reconcile(escrow, as_of=TUESDAY, by=operator, at=at)
        assert (found.result, found.findings, found.matched_lines) == ("BALANCED", [], LINES)


Message = tuple[bytes, dict[str, str]]
ORDERS = [*permutations(("settled", "returned")), ("settled", "settled", "returned", "returned", "settled")]
ORDERS += [("returned", "returned", "settled"), ("returned", "forged", "settled", "forged", "returned")]


@pytest.mark.django_db
class TestWebhooks:
    @staged
    def at(self) -> datetime:
        return stage.begin()

    @pytest.fixture
    def deposit(self, escrow: EscrowAccount, operator: User, at: datetime) -> Transaction:
        """A deposit that settles and is returned a business day later, both unheard of by us."""
        investor = factories.make_investor("Wanda Webhook", verifier=operator, at=at, number="000900090002")
        payment = factories.deposit(escrow, investor, "1000.00", at=at)
        assert tasks.sweep_queued() == 1
        clock.advance(timedelta(days=14))
        return payment

    def said(self) -> dict[str, Message]:
        """What the bank says by now, signed now, kept from us until a test delivers it."""
        sandbox_bank.work(at=clock.now())
        kept: dict[str, Message] = {}

        def keep(url: str, body: bytes, headers: Mapping[str, str]) -> int:
            kind = "settled" if b"transfer.settled" in body else "returned"
            kept[kind] = (body, dict(headers))
            return 200

        sandbox_webhooks.deliver(post=keep, at=clock.now())
        assert kept.keys() == {"settled", "returned"}
        body, headers = kept["settled"]
        forged = body.replace(b"settled", b"failed")
        return {**kept, "forged": (forged, headers)}

    def settle_down(self) -> None:
        """Let our sweeps work until nothing waits, however long events put themselves off."""

        def is_done() -> bool:
            tasks.run_sweeps()
            clock.advance(timedelta(minutes=30))
            return not TransactionWebhook.objects.filter(processed=False).exists()

        wait_for(is_done)

    @pytest.mark.slow
    @pytest.mark.parametrize("order", ORDERS, ids=" ".join)
    @pytest.mark.parametrize("wait", ["at once", "sweeps between"])
    def test_the_end_is_the_same_for_every_order(
        self, order: tuple[str, ...], wait: str, deposit: Transaction, client: Client
    ) -> None:
        said = self.said()
        for name in order:
            body, headers = said[name]
            rest = {key: value for key, value in headers.items() if key != "Content-Type"}
            answer = client.generic("POST", stage.ADDRESS, body, content_type="application/json", headers=rest)
            assert answer.status_code == (400 if name == "forged" else 200)
            if wait == "sweeps between":
                tasks.run_sweeps()
        self.settle_down()
        assert self.end(deposit) == {
            "status": "REVERSED",
            "code": "R10",
            "events": ["transfer.returned", "transfer.settled"],
            "references": {"accepted", "returned", "settled"},
            "balances": {},
        }
        assert books.check_all() == []

    def end(self, payment: Transaction) -> dict[str, Any]:
        """Where it ended. Whether the money had cleared before it was returned may differ; what is left may not."""
        payment.refresh_from_db()
        entries = EscrowLedgerEntry.objects.filter(transaction=payment).values_list("reference", flat=True)
        accounts = LedgerAccount.objects.filter(escrow_account=payment.escrow_account_id)
        return {
            "status": payment.status,
            "code": payment.failure_code,
            "events": sorted(TransactionWebhook.objects.values_list("event_type", flat=True)),
            "references": {reference.split(":")[-2] for reference in entries} - {"cleared"},
            "balances": {account.kind: account.balance for account in accounts if account.balance},
        }
