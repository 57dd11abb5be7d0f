"""
Attempts to cheat by raw SQL, as somebody with the application's own password would make them. All are refused.

Each attempt is checked for how it is refused, so that none passes because it is badly written; and the honest
road, in the same raw SQL, is shown to be open.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from compliance.models import ComplianceCheck, InvestorProfile
from compliance.operations import profiles
from escrow import books
from escrow.models import Closing, ClosingApproval, JournalEntry, LedgerAccount
from escrow.operations import holds
from escrow.queries.balances import balance
from realco.models import User
from tests import factories
from tests.escrow.cheating import charge, claim, proposed, raw_closing, received, reverse, stated
from tests.escrow.cheats import (
    ACCOUNTS,
    BANK_SAYS,
    CHEATS,
    CLOSINGS,
    GATE,
    HOLDS,
    HONEST,
    LEDGER,
    PAYMENTS,
    RELEASES,
    SESSIONS,
    SHAPE,
    SHAPES,
    TERMS,
)
from tests.escrow.money import arrive
from tests.escrow.raises import MINUTE, Raise, open_raise
from tests.stages import staged

Kind = LedgerAccount.Kind


@dataclass
class World:
    """A raise in its last 48 hours, with one signature: Dan is restricted, 100 of Ben's are held."""

    deal: Raise
    names: Mapping[str, Any]

    @property
    def closing(self) -> Closing:
        return Closing.objects.get(pk=self.names["closing"])


@staged
def world(operator: User, approver: User, second_approver: User, investor: User, at: datetime) -> World:
    deal = open_raise(operator, approver, second_approver, at=at)
    ann, ben = deal.invest("Ann", "1000", "1200"), deal.invest("Ben", "600", "500")
    dan = deal.invest("Dan", "500", "500")
    profiles.restrict(InvestorProfile.objects.get(user=dan), by=None, reason="R10", at=at)
    hold = holds.place(deal.escrow, investor=ben, amount=Decimal("100"), reason="x", by=None, at=at, reference="h")
    another = open_raise(operator, approver, second_approver, at=at)
    cat = another.invest("Cat", "700", "50")
    empty = open_raise(operator, approver, second_approver, at=at)
    factories.deposit(empty.escrow, investor, "100.00", at=at)
    moment = deal.last_hours
    closing = deal.sign(deal.propose(at=moment), approver, at=moment)
    people = {
        "ann": ann,
        "ben": ben,
        "cat": cat,
        "dan": dan,
        "operator": operator,
        "approver": approver,
        "second": second_approver,
    }
    return World(
        deal,
        {
            **{name: str(person.pk) for name, person in people.items()},
            "closing": str(closing.pk), "hold": str(hold.pk), "escrow": str(deal.escrow.pk),
            "other": str(another.escrow.pk), "empty": str(empty.escrow.pk), "offering": str(deal.offering.pk),
            "line": "01890000-0000-7000-8000-00000000eeee", "claim": "01890000-0000-7000-8000-00000000dddd",
            "at": moment, "forged": "01890000-0000-7000-8000-00000000ffff",
        },
    )  # fmt: skip


@contextmanager
def refused(state: str) -> Iterator[None]:
    """Expect the database to refuse, in the way that is meant and no other."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        yield
    found = getattr(caught.value.__cause__, "sqlstate", None)
    assert found in ({state, SHAPE} if state == GATE else {state}), f"{found}: {caught.value}"


def run(sql: str, names: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(sql, names)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class TestCheats:
    def test_there_are_a_hundred_and_more(self) -> None:
        parts = (LEDGER, SHAPES, BANK_SAYS, RELEASES, CLOSINGS, TERMS, HOLDS, ACCOUNTS, PAYMENTS, SESSIONS)
        assert len(CHEATS) == sum(map(len, parts)) >= 110

    @pytest.mark.parametrize(("state", "sql"), CHEATS.values(), ids=CHEATS.keys())
    def test_is_refused(self, state: str, sql: str, world: World) -> None:
        before = balance(world.deal.escrow.pk, Kind.OFFERING)
        with refused(state):
            run(sql, world.names)
        assert balance(world.deal.escrow.pk, Kind.OFFERING) == before == 0
        assert world.closing.status == "PROPOSED"

    def test_the_honest_road_is_open_to_raw_sql_too(self, world: World) -> None:
        """What is refused above is refused for what it does, not for being written by hand."""
        run(HONEST, world.names)
        assert (world.closing.status, world.closing.approvals.count()) == ("EXECUTED", 2)
        assert balance(world.deal.escrow.pk, Kind.OFFERING) == Decimal("1400.00")
        assert JournalEntry.objects.filter(event="RELEASE").count() == 2
        assert books.check() == []

    def test_a_closing_that_is_right_in_every_figure_passes_when_it_is_signed_anew(self, world: World) -> None:
        """The forged closings above fail by their figures and moments, not by how they are made."""
        run(raw_closing(ann="1000.00", ben="400.00"), {**world.names, "at": world.names["at"] + MINUTE})
        assert ClosingApproval.objects.filter(closing_id=world.names["forged"]).count() == 2
        assert balance(world.deal.escrow.pk, Kind.OFFERING) == Decimal("1400.00")

    def test_a_reversal_that_is_the_mirror_passes_when_two_people_approved_it(self, world: World) -> None:
        """The forged reversals above fail by their lines, not by how they are made."""
        bank = balance(world.deal.escrow.pk, Kind.BANK)
        run(reverse(("SUSPENSE", "", "9"), ("BANK", "", "-9")), world.names)
        assert balance(world.deal.escrow.pk, Kind.BANK) == bank
        assert balance(world.deal.escrow.pk, Kind.SUSPENSE) == 0
        assert books.check() == []

    def test_what_the_bank_and_two_people_say_passes(self, world: World) -> None:
        """The forged receipts, claims and fees above fail by what they say, not by how they are made."""
        bank = balance(world.deal.escrow.pk, Kind.BANK)
        run(received() + proposed("RECEIPT_CLAIM", "9", who="ann") + claim("ann", "9"), world.names)
        assert balance(world.deal.escrow.pk, Kind.SUSPENSE) == 0
        fee = {"line": "01890000-0000-7000-8000-00000000fee0", "claim": "01890000-0000-7000-8000-00000000fee1"}
        run(stated("-9") + proposed("BANK_FEE", "9", source="FEES") + charge("FEES", "9"), {**world.names, **fee})
        assert balance(world.deal.escrow.pk, Kind.BANK) == bank
        assert books.check() == []

    def test_an_entry_in_one_escrow_account_passes_where_one_in_two_does_not(self, world: World) -> None:
        _, sql = LEDGER["one entry in two escrow accounts"]
        run(sql, {**world.names, "other": world.names["escrow"]})
        assert balance(world.deal.escrow.pk, Kind.SUSPENSE) == 5


class TestPaymentsOfTwoAccounts:
    def test_no_posting_of_ours_names_two_escrow_accounts(self, world: World, at: datetime) -> None:
        """Money that is in one account gets into another only by leaving one bank account for the other."""
        arrive(world.deal.escrow, world.deal.operator, "1", reference="SBX-o", at=at)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM journal_entries j JOIN escrow_ledger_entries e ON e.journal_entry_id = j.id"
                " JOIN ledger_accounts a ON a.id = e.ledger_account_id"
                " WHERE a.escrow_account_id <> j.escrow_account_id OR e.escrow_account_id <> j.escrow_account_id"
            )
            assert cursor.fetchone() == (0,)

    def test_screening_left_an_answer_for_everybody(self, world: World) -> None:
        assert ComplianceCheck.objects.filter(check_type="OFAC", status="PASSED").count() >= 2
