"""The posting table in the database: raw SQL that posts what the table does not have is refused."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from escrow import postings
from escrow.models import EscrowAccount, JournalEntry, LedgerAccount
from escrow.operations import escrow_accounts, ledger
from escrow.operations.ledger import EscrowNotOpen, LinesDoNotFit
from escrow.postings import Line, Posting, Subject
from escrow.queries.balances import balance
from finance.models import Transaction
from realco.models import User
from tests import factories
from tests.escrow import payments

Kind = LedgerAccount.Kind
Event = JournalEntry.Event
AT = datetime(2026, 3, 3, 17, 0, tzinfo=UTC)
ON = AT.date()
TEN, HUNDRED = Decimal("10.00"), Decimal("100.00")
OWNED = (*LedgerAccount.OWNED, Kind.HELD)
ABOUT_DEPOSITS = (
    Event.INBOUND_ACCEPTED, Event.INBOUND_SETTLED, Event.INBOUND_CLEARED, Event.INBOUND_FAILED,
    Event.RETURN_BEFORE_CLEARING, Event.RETURN_AFTER_CLEARING,
)  # fmt: skip
ABOUT_PAYOUTS = (Event.RESERVE, Event.UNRESERVE, Event.OUTBOUND_SETTLED, Event.PAYOUT_RETURNED)

# SYSTEM section 4, written down a second time: event, what it may debit, what it may credit.
TABLE: dict[str, tuple[set[str], set[str]]] = {
    "INBOUND_ACCEPTED": ({"CLEARING"}, {"UNCLEARED"}),
    "INBOUND_SETTLED": ({"BANK"}, {"CLEARING"}),
    "INBOUND_CLEARED": ({"UNCLEARED"}, {"INVESTOR", "OFFERING", "FEES", "RECEIVABLE"}),
    "INBOUND_FAILED": ({"UNCLEARED"}, {"CLEARING"}),
    "RETURN_BEFORE_CLEARING": ({"UNCLEARED"}, {"BANK"}),
    "RETURN_AFTER_CLEARING": ({"INVESTOR", "OFFERING", "FEES", "RECEIVABLE"}, {"BANK"}),
    "RELEASE": ({"INVESTOR"}, {"OFFERING"}),
    "RESERVE": ({"OFFERING", "INVESTOR", "FEES"}, {"PAYOUTS"}),
    "UNRESERVE": ({"PAYOUTS"}, {"OFFERING", "INVESTOR", "FEES"}),
    "OUTBOUND_SETTLED": ({"PAYOUTS"}, {"BANK"}),
    "PAYOUT_RETURNED": ({"BANK"}, {"OFFERING", "INVESTOR", "FEES"}),
    "HOLD": ({"INVESTOR", "OFFERING"}, {"HELD"}),
    "HOLD_RELEASED": ({"HELD"}, {"INVESTOR", "OFFERING"}),
    "UNKNOWN_RECEIPT": ({"BANK"}, {"SUSPENSE"}),
    "RECEIPT_CLAIMED": ({"SUSPENSE"}, {"INVESTOR", "UNCLEARED", "RECEIVABLE"}),
    "FEE_RETURNED": ({"FEES"}, {"INVESTOR"}),
    "BANK_FEE": ({"FEES", "OFFERING"}, {"BANK"}),
}

# A forger's statement: one journal entry with its lines, every chain and head kept in order by hand.
FORGED = """
WITH lines AS (
    SELECT a.id, l.amount, l.amount * ledger_normal_side(a.kind) AS change,
           a.entry_count + row_number() OVER chain AS sequence,
           a.balance + sum(l.amount * ledger_normal_side(a.kind)) OVER chain AS after
      FROM unnest(%(kinds)s::text[], %(owners)s::uuid[], %(amounts)s::numeric[])
           WITH ORDINALITY AS l (kind, owner, amount, place)
      JOIN ledger_accounts a ON a.escrow_account_id = %(escrow)s AND a.kind = l.kind
           AND a.owner_id IS NOT DISTINCT FROM l.owner
    WINDOW chain AS (PARTITION BY a.id ORDER BY l.place)
), journal AS (
    INSERT INTO journal_entries (id, escrow_account_id, event, entry_type, reference, request_hash, entry_count,
                                 description, effective_date, transaction_id, reverses_id, created_at)
    VALUES (%(id)s, %(escrow)s, %(event)s, %(type)s, %(reference)s, 'forged', (SELECT count(*) FROM lines), '',
            %(on)s, %(payment)s, %(reverses)s, %(at)s)
), heads AS (
    UPDATE ledger_accounts a SET balance = l.after, entry_count = l.sequence
      FROM (SELECT DISTINCT ON (id) id, after, sequence FROM lines ORDER BY id, sequence DESC) l WHERE a.id = l.id
)
INSERT INTO escrow_ledger_entries (id, escrow_account_id, ledger_account_id, journal_entry_id, transaction_id,
                                   entry_type, sequence, amount, balance_before, balance_after, description, reference,
                                   metadata, effective_date, created_at)
SELECT realco_uuid7(), %(escrow)s, l.id, %(id)s, %(payment)s, %(type)s, l.sequence, l.amount, l.after - l.change,
       l.after, '', %(reference)s, '{}', %(on)s, %(at)s
  FROM lines l
"""
_numbers = itertools.count(1)


def forge(
    escrow: EscrowAccount, event: str, lines: Sequence[Line], *, payment: Transaction | None = None, **more: Any
) -> None:
    """Write a journal entry and its lines by raw SQL, past ledger_post, with everything else in order."""
    number = next(_numbers)
    if payment is not None:
        more = {"type": payments.about(payment, "", on=ON).entry_type, **more}
    facts = {"type": "ADJUSTMENT", "on": ON, "at": AT, "reverses": None, "reference": f"forged:{number}", **more}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            FORGED,
            {
                "id": UUID(int=number),
                "escrow": escrow.pk,
                "event": event,
                "payment": payment.pk if payment else None,
                "kinds": [str(line.kind) for line in lines],
                "owners": [line.owner_id for line in lines],
                "amounts": [line.amount for line in lines],
                **facts,
            },
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def refused(escrow: EscrowAccount, event: str, lines: Sequence[Line], **more: Any) -> str:
    """Return the SQLSTATE and the sentence with which the database refuses a forged entry; fail if it does not."""
    with pytest.raises(DatabaseError) as caught:
        forge(escrow, event, lines, **more)
    cause: Any = caught.value.__cause__
    return f"{cause.sqlstate} {cause.diag.message_primary}"


def pair(debit: str, credit: str, owner: User, amount: Decimal = TEN, *, other: User | None = None) -> list[Line]:
    """A debit and a credit; owned accounts are the owner's, the credited one the other's if there is one."""
    return [
        Line(debit, owner.pk if debit in OWNED else None, amount),
        Line(credit, (other or owner).pk if credit in OWNED else None, -amount),
    ]


def deposit(escrow: EscrowAccount, investor: User, amount: Decimal = HUNDRED, **more: Any) -> Transaction:
    """A deposit that may be posted as far as clearing; nothing is posted yet."""
    payment = payments.make_payment(escrow, "DEPOSIT", investor, amount, at=AT, **more)
    return payments.go(payment, *payments.SENT, "SETTLED", at=AT, clears_on=ON)


def refund(escrow: EscrowAccount, investor: User, amount: Decimal = TEN) -> Transaction:
    return payments.make_payment(escrow, "REFUND", investor, amount, at=AT)


def post(*wanted: Posting) -> list[ledger.Posted]:
    with transaction.atomic():
        return ledger.post(wanted, by=None, at=AT)


def bring_in(payment: Transaction, *steps: str) -> None:
    """Post a deposit's way, or the named steps of it."""
    assert payment.from_user_id is not None
    payer, amount = payment.from_user_id, payment.amount

    def about(step: str) -> Subject:
        return payments.about(payment, step, on=ON)

    way = {
        "accepted": postings.inbound_accepted(about("accepted"), payer_id=payer, amount=amount),
        "settled": postings.inbound_settled(about("settled"), amount=amount),
        "cleared": postings.inbound_cleared(
            about("cleared"), payer_id=payer, amount=amount, fee=payment.fee_amount, to_offering=False
        ),
    }
    post(*(way[step] for step in steps or way))


@pytest.fixture
def other(operator: User, at: datetime) -> User:
    return factories.make_investor("Oscar Other", verifier=operator, at=at)


@pytest.fixture
def rich(escrow: EscrowAccount, investor: User, other: User) -> EscrowAccount:
    """Every kind of account, two investors' where they are owned; all hold enough for ten dollars more or less."""
    for owner in (investor, other):
        held, fee = deposit(escrow, owner), deposit(escrow, owner, HUNDRED * 2, fee=HUNDRED)
        bring_in(held)
        bring_in(fee)
        bring_in(deposit(escrow, owner), "accepted")
        subject = Subject(escrow.pk, f"hold:{owner.pk}", "ADJUSTMENT", ON)
        release = Subject(escrow.pk, f"release:{owner.pk}", "ADJUSTMENT", ON)
        post(
            postings.held(subject, source=postings.source_of(Kind.INVESTOR, owner.pk), amount=TEN),
            postings.released(release, investor_id=owner.pk, amount=HUNDRED),
        )
    receipt = Subject(escrow.pk, "receipt", "RECONCILIATION", ON)
    post(postings.unknown_receipt(receipt, amount=HUNDRED))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_accounts"
            " (id, escrow_account_id, kind, owner_id, currency, balance, entry_count, created_at)"
            " SELECT realco_uuid7(), %s, 'RECEIVABLE', o.id, 'USD', 0, 0, now() FROM unnest(%s) AS o (id)",
            [escrow.pk, [investor.pk, other.pk]],
        )
    payment = payments.make_payment(escrow, "CONSTRUCTION_DRAW", investor, HUNDRED, at=AT)
    drawn = payments.about(payment, "reserved", on=ON)
    post(postings.reserved(drawn, source=postings.source_of(Kind.OFFERING), amount=HUNDRED))
    return escrow


def payment_for(event: str, escrow: EscrowAccount, investor: User) -> Transaction | None:
    """A payment to which the event could happen, if it is about one."""
    if event in ABOUT_DEPOSITS:
        return deposit(escrow, investor)
    if event in ABOUT_PAYOUTS:
        payment = refund(escrow, investor)
        return payments.go(payment, *payments.SENT) if event == Event.OUTBOUND_SETTLED else payment
    return None


def pairs() -> Iterator[tuple[str, str]]:
    return itertools.product([str(kind) for kind in Kind], repeat=2)


class TestTheTable:
    def test_has_every_event_but_the_reversal(self) -> None:
        assert {*TABLE, "REVERSAL"} == {str(event) for event in Event}

    @pytest.mark.parametrize("event", TABLE)
    def test_refuses_every_other_pair_of_accounts(self, event: str, rich: EscrowAccount, investor: User) -> None:
        debits, credits = TABLE[event]
        payment = payment_for(event, rich, investor)
        wrong = [(one, two) for one, two in pairs() if one not in debits or two not in credits]
        for debit, credit in wrong:
            assert "RC005" in refused(rich, event, pair(debit, credit, investor), payment=payment), (debit, credit)
        assert len(wrong) == 100 - len(debits) * len(credits)

    @pytest.mark.parametrize("event", TABLE)
    def test_says_which_side_of_which_account_does_not_fit(
        self, event: str, rich: EscrowAccount, investor: User
    ) -> None:
        words = refused(rich, event, pair("SUSPENSE", "CLEARING", investor), payment=payment_for(event, rich, investor))
        assert f"does not fit: a {event} does not" in words

    def test_takes_what_it_has(self, rich: EscrowAccount, investor: User) -> None:
        """The forger's statement is refused for its contents: a right one passes."""
        for debit, credit in (("INVESTOR", "HELD"), ("HELD", "INVESTOR"), ("BANK", "SUSPENSE"), ("FEES", "INVESTOR")):
            event = next(name for name, (one, two) in TABLE.items() if debit in one and credit in two)
            before = balance(rich.pk, credit, investor.pk if credit in OWNED else None)
            forge(rich, event, pair(debit, credit, investor))
            assert balance(rich.pk, credit, investor.pk if credit in OWNED else None) == before + TEN

    def test_python_describes_the_same_table(self, rich: EscrowAccount, investor: User) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT e.event, k.kind, d.debit FROM unnest(%s::text[]) AS e (event), unnest(%s::text[]) AS k (kind),"
                " (VALUES (true), (false)) AS d (debit) WHERE ledger_line_fits(e.event, k.kind, d.debit)",
                [[str(event) for event in Event], [str(kind) for kind in Kind]],
            )
            found = set(cursor.fetchall())
        wanted = {(event, kind, side == 0) for event, sides in TABLE.items() for side in (0, 1) for kind in sides[side]}
        assert found == wanted


class TestPeople:
    """A journal entry is about one person's money."""

    @pytest.mark.parametrize(
        ("event", "debit", "credit"),
        [
            ("INBOUND_CLEARED", "UNCLEARED", "INVESTOR"),
            ("RETURN_AFTER_CLEARING", "INVESTOR", "BANK"),
            ("HOLD", "INVESTOR", "HELD"),
            ("HOLD_RELEASED", "HELD", "INVESTOR"),
        ],
    )
    def test_refuses_another_persons_money(
        self, event: str, debit: str, credit: str, rich: EscrowAccount, investor: User, other: User
    ) -> None:
        payment = payment_for(event, rich, investor)
        lines = pair(debit, credit, other, other=investor)
        assert "RC005" in refused(rich, event, lines, payment=payment)

    def test_refuses_to_free_a_persons_held_money_for_the_offering(self, rich: EscrowAccount, investor: User) -> None:
        assert "one side only" in refused(rich, "HOLD_RELEASED", pair("HELD", "OFFERING", investor))


class TestPayments:
    """Money about a payment moves as the payment says, once, in order, and only when it is approved."""

    @pytest.mark.parametrize("event", [*ABOUT_DEPOSITS, *ABOUT_PAYOUTS])
    def test_refuses_an_event_without_its_payment(self, event: str, rich: EscrowAccount, investor: User) -> None:
        debits, credits = TABLE[event]
        lines = pair(min(debits - {"OFFERING", "FEES"}), min(credits - {"OFFERING", "FEES"}), investor)
        assert "is about a payment, and names none" in refused(rich, event, lines)

    def test_refuses_money_for_a_payment_that_lacks_an_approval(self, rich: EscrowAccount, investor: User) -> None:
        payment = Transaction.objects.create(
            type="CONSTRUCTION_DRAW", payment_method="WIRE", amount=TEN, net_amount=TEN, to_user=investor,
            escrow_account=rich, offering_id=rich.offering_id, idempotency_key="k", request_hash="0",
            approvals_required=1, initiated_by=investor,
        )  # fmt: skip
        words = refused(rich, "RESERVE", pair("OFFERING", "PAYOUTS", investor), payment=payment)
        assert "lacks an approval" in words

    @pytest.mark.parametrize("status", ["CANCELLED", "ON_HOLD"])
    def test_refuses_money_for_a_payment_that_is_stopped(
        self, status: str, rich: EscrowAccount, investor: User
    ) -> None:
        payment = refund(rich, investor)
        if status == "ON_HOLD":
            Transaction.objects.filter(pk=payment.pk).update(
                status=status, held_from="INITIATED", hold_reason="a dispute"
            )
        else:
            payment = payments.go(payment, status)
        assert status in refused(rich, "RESERVE", pair("INVESTOR", "PAYOUTS", investor), payment=payment)

    def test_refuses_another_amount(self, rich: EscrowAccount, investor: User) -> None:
        lines = pair("INVESTOR", "PAYOUTS", investor, TEN + 1)
        assert "do not agree" in refused(rich, "RESERVE", lines, payment=refund(rich, investor))

    def test_refuses_another_investors_money(self, rich: EscrowAccount, investor: User, other: User) -> None:
        lines = pair("INVESTOR", "PAYOUTS", other)
        assert "do not agree" in refused(rich, "RESERVE", lines, payment=refund(rich, investor))

    def test_refuses_the_offerings_money_for_an_investors_refund(self, rich: EscrowAccount, investor: User) -> None:
        lines = pair("OFFERING", "PAYOUTS", investor)
        assert "do not agree" in refused(rich, "RESERVE", lines, payment=refund(rich, investor))

    def test_refuses_investors_money_for_a_draw(self, rich: EscrowAccount, investor: User) -> None:
        payment = payments.make_payment(rich, "CONSTRUCTION_DRAW", investor, TEN, at=AT)
        lines = pair("INVESTOR", "PAYOUTS", investor)
        assert "do not agree" in refused(rich, "RESERVE", lines, payment=payment)

    def test_refuses_a_draw_that_calls_itself_a_refund(self, rich: EscrowAccount, investor: User) -> None:
        payment = payments.make_payment(rich, "CONSTRUCTION_DRAW", investor, TEN, at=AT)
        lines = pair("OFFERING", "PAYOUTS", investor)
        assert "is not a REFUND" in refused(rich, "RESERVE", lines, payment=payment, type="REFUND")

    def test_refuses_a_second_reservation_under_another_reference(self, rich: EscrowAccount, investor: User) -> None:
        payment = refund(rich, investor)
        forge(rich, "RESERVE", pair("INVESTOR", "PAYOUTS", investor), payment=payment)
        words = refused(rich, "RESERVE", pair("INVESTOR", "PAYOUTS", investor), payment=payment)
        assert "posted twice" in words

    def test_refuses_to_pay_what_was_not_reserved(self, rich: EscrowAccount, investor: User) -> None:
        payment = payments.go(refund(rich, investor), *payments.SENT)
        lines = pair("PAYOUTS", "BANK", investor)
        assert "do not agree" in refused(rich, "OUTBOUND_SETTLED", lines, payment=payment)

    def test_refuses_to_pay_twice(self, rich: EscrowAccount, investor: User) -> None:
        payment = refund(rich, investor)
        forge(rich, "RESERVE", pair("INVESTOR", "PAYOUTS", investor), payment=payment)
        payment = payments.go(payment, *payments.SENT)
        forge(rich, "OUTBOUND_SETTLED", pair("PAYOUTS", "BANK", investor), payment=payment)
        words = refused(rich, "OUTBOUND_SETTLED", pair("PAYOUTS", "BANK", investor), payment=payment)
        assert "posted twice" in words

    @pytest.mark.parametrize("event", ["UNRESERVE", "PAYOUT_RETURNED"])
    def test_money_goes_back_only_where_it_came_from(
        self, event: str, rich: EscrowAccount, investor: User, other: User
    ) -> None:
        payment = refund(rich, investor)
        forge(rich, "RESERVE", pair("INVESTOR", "PAYOUTS", investor), payment=payment)
        source = "PAYOUTS"
        if event == "PAYOUT_RETURNED":
            payment = payments.go(payment, *payments.SENT)
            forge(rich, "OUTBOUND_SETTLED", pair("PAYOUTS", "BANK", investor), payment=payment)
            source = "BANK"
        for credit, owner in (("OFFERING", investor), ("FEES", investor), ("INVESTOR", other)):
            assert "do not agree" in refused(rich, event, pair(source, credit, owner), payment=payment)
        forge(rich, event, pair(source, "INVESTOR", investor), payment=payment)

    def test_refuses_to_clear_before_the_return_window_has_passed(self, rich: EscrowAccount, investor: User) -> None:
        payment = payments.make_payment(rich, "DEPOSIT", investor, TEN, at=AT)
        payment = payments.go(payment, *payments.SENT, "SETTLED", at=AT, clears_on=date(2026, 3, 10))
        bring_in(payment, "accepted", "settled")
        lines = pair("UNCLEARED", "INVESTOR", investor)
        assert "return window" in refused(rich, "INBOUND_CLEARED", lines, payment=payment)
        words = refused(rich, "INBOUND_CLEARED", lines, payment=payment, on=date(2026, 3, 10))
        assert "return window" in words

    def test_refuses_to_clear_what_has_not_settled(self, rich: EscrowAccount, investor: User) -> None:
        payment = deposit(rich, investor, TEN)
        bring_in(payment, "accepted")
        lines = pair("UNCLEARED", "INVESTOR", investor)
        assert "do not agree" in refused(rich, "INBOUND_CLEARED", lines, payment=payment)
        lagging = payments.go(payments.make_payment(rich, "DEPOSIT", investor, TEN, at=AT), *payments.SENT)
        bring_in(lagging, "accepted", "settled")
        assert "PENDING_SETTLEMENT" in refused(rich, "INBOUND_CLEARED", lines, payment=lagging)

    def test_refuses_to_clear_twice(self, rich: EscrowAccount, investor: User) -> None:
        payment = deposit(rich, investor, TEN)
        bring_in(payment)
        bring_in(deposit(rich, investor, TEN), "accepted")
        lines = pair("UNCLEARED", "INVESTOR", investor)
        assert "posted twice" in refused(rich, "INBOUND_CLEARED", lines, payment=payment)

    def test_refuses_a_fee_above_the_payments(self, rich: EscrowAccount, investor: User) -> None:
        payment = deposit(rich, investor, TEN, fee=Decimal("1.00"))
        bring_in(payment, "accepted", "settled")
        lines = [
            Line("UNCLEARED", investor.pk, TEN),
            Line("FEES", None, Decimal("-2.00")),
            Line("INVESTOR", investor.pk, Decimal("-8.00")),
        ]
        assert "do not agree" in refused(rich, "INBOUND_CLEARED", lines, payment=payment)

    def test_refuses_to_return_what_never_came(self, rich: EscrowAccount, investor: User) -> None:
        """A bank's return is money out: without the deposit that it takes back it would be a theft."""
        lines = pair("INVESTOR", "BANK", investor)
        assert "do not agree" in refused(rich, "RETURN_AFTER_CLEARING", lines, payment=deposit(rich, investor, TEN))

    def test_refuses_the_payment_of_another_escrow_account(
        self, rich: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        elsewhere = factories.make_escrow(factories.make_offering(operator=operator, at=at), operator=operator, at=at)
        words = refused(rich, "RESERVE", pair("INVESTOR", "PAYOUTS", investor), payment=refund(elsewhere, investor))
        assert "another escrow account" in words

    def test_a_release_of_investors_money_names_no_payment(self, rich: EscrowAccount, investor: User) -> None:
        lines = pair("INVESTOR", "OFFERING", investor)
        assert "RC005" in refused(rich, "RELEASE", lines, payment=refund(rich, investor))


class TestReversals:
    """A reversal is the exact mirror of the entry it names, and nothing else names an entry."""

    @pytest.fixture
    def receipt(self, rich: EscrowAccount) -> JournalEntry:
        return JournalEntry.objects.get(reference="receipt")

    def test_takes_the_mirror(self, rich: EscrowAccount, receipt: JournalEntry, investor: User) -> None:
        forge(rich, "REVERSAL", pair("SUSPENSE", "BANK", investor, HUNDRED), reverses=receipt.pk)
        assert balance(rich.pk, Kind.SUSPENSE) == 0

    @pytest.mark.parametrize(
        ("debit", "credit", "amount"),
        [
            ("BANK", "SUSPENSE", HUNDRED),
            ("SUSPENSE", "BANK", TEN),
            ("SUSPENSE", "INVESTOR", HUNDRED),
            ("INVESTOR", "BANK", TEN),
        ],
    )
    def test_refuses_anything_but_the_mirror(
        self, debit: str, credit: str, amount: Decimal, rich: EscrowAccount, receipt: JournalEntry, investor: User
    ) -> None:
        lines = pair(debit, credit, investor, amount)
        assert "RC005 REVERSAL" in refused(rich, "REVERSAL", lines, reverses=receipt.pk)

    def test_refuses_the_mirror_with_more_lines(
        self, rich: EscrowAccount, receipt: JournalEntry, investor: User
    ) -> None:
        lines = [*pair("SUSPENSE", "BANK", investor, HUNDRED), *pair("INVESTOR", "OFFERING", investor)]
        assert "not the mirror" in refused(rich, "REVERSAL", lines, reverses=receipt.pk)

    def test_refuses_a_reversal_that_names_nothing(self, rich: EscrowAccount, investor: User) -> None:
        words = refused(rich, "REVERSAL", pair("INVESTOR", "OFFERING", investor))
        assert "journal_entries_reversal_names_its_entry" in words

    def test_refuses_another_event_that_names_an_entry(
        self, rich: EscrowAccount, receipt: JournalEntry, investor: User
    ) -> None:
        words = refused(rich, "UNKNOWN_RECEIPT", pair("BANK", "SUSPENSE", investor), reverses=receipt.pk)
        assert "journal_entries_reversal_names_its_entry" in words

    def test_refuses_to_reverse_twice(self, rich: EscrowAccount, receipt: JournalEntry, investor: User) -> None:
        for _ in range(2):
            post(postings.unknown_receipt(Subject(rich.pk, f"r{next(_numbers)}", "RECONCILIATION", ON), amount=HUNDRED))
        forge(rich, "REVERSAL", pair("SUSPENSE", "BANK", investor, HUNDRED), reverses=receipt.pk)
        words = refused(rich, "REVERSAL", pair("SUSPENSE", "BANK", investor, HUNDRED), reverses=receipt.pk)
        assert "23505" in words

    def test_refuses_to_reverse_a_reversal(self, rich: EscrowAccount, investor: User) -> None:
        """Or the reversal of a release, reversed, would be a release past its gate."""
        release = JournalEntry.objects.get(reference=f"release:{investor.pk}")
        forge(rich, "REVERSAL", pair("OFFERING", "INVESTOR", investor, HUNDRED), reverses=release.pk, reference="back")
        back = JournalEntry.objects.get(reference="back")
        words = refused(rich, "REVERSAL", pair("INVESTOR", "OFFERING", investor, HUNDRED), reverses=back.pk)
        assert "reverses a REVERSAL" in words

    def test_refuses_to_reserve_again_by_reversing(self, rich: EscrowAccount, investor: User) -> None:
        payment = refund(rich, investor)
        forge(rich, "RESERVE", pair("INVESTOR", "PAYOUTS", investor), payment=payment)
        forge(rich, "UNRESERVE", pair("PAYOUTS", "INVESTOR", investor), payment=payment, reference="undone")
        undone = JournalEntry.objects.get(reference="undone")
        lines = pair("INVESTOR", "PAYOUTS", investor)
        assert "UNRESERVE" in refused(rich, "REVERSAL", lines, payment=payment, reverses=undone.pk)

    def test_refuses_the_payment_to_be_forgotten(self, rich: EscrowAccount, investor: User) -> None:
        payment = refund(rich, investor)
        forge(rich, "RESERVE", pair("INVESTOR", "PAYOUTS", investor), payment=payment, reference="reserved")
        reserved = JournalEntry.objects.get(reference="reserved")
        words = refused(rich, "REVERSAL", pair("PAYOUTS", "INVESTOR", investor), reverses=reserved.pk)
        assert "another payment" in words


class TestOneStatement:
    """A journal entry and all of its lines are written by one statement, or not at all."""

    JOURNAL = (
        "INSERT INTO journal_entries SELECT (jsonb_populate_record(j, jsonb_build_object("
        "'id', '00000000-0000-7000-8000-00000000000f', 'reference', 'later'))).*"
        " FROM journal_entries j WHERE reference = 'receipt'"
    )

    def test_refuses_a_journal_entry_without_entries(self, rich: EscrowAccount) -> None:
        with pytest.raises(DatabaseError, match="has no entries"), transaction.atomic():
            connection.cursor().execute(self.JOURNAL)

    def test_refuses_entries_before_their_journal_entry(self, rich: EscrowAccount) -> None:
        with pytest.raises(DatabaseError, match="belongs to no journal entry"), transaction.atomic():
            connection.cursor().execute(
                "INSERT INTO escrow_ledger_entries SELECT (jsonb_populate_record(e, jsonb_build_object("
                "'id', gen_random_uuid(), 'journal_entry_id', '00000000-0000-7000-8000-00000000000f',"
                " 'sequence', e.sequence + 1000))).* FROM escrow_ledger_entries e WHERE reference = 'receipt'"
            )

    def test_refuses_lines_that_do_not_balance(self, rich: EscrowAccount, investor: User) -> None:
        lines = [Line("BANK", None, TEN), Line("SUSPENSE", None, -TEN - 1)]
        assert "RC003" in refused(rich, "UNKNOWN_RECEIPT", lines)
        assert "does not balance" in refused(rich, "UNKNOWN_RECEIPT", lines)

    def test_refuses_a_balance_that_moves_without_an_entry(self, rich: EscrowAccount) -> None:
        """Kealee left a large entry unposted while the balances moved: here nothing can."""
        attacks = (
            "UPDATE ledger_accounts SET balance = balance + 1000000, entry_count = entry_count + 1 WHERE kind = 'BANK'",
            "UPDATE escrow_accounts SET current_balance = current_balance + 1000000,"
            " available_balance = available_balance + 1000000",
        )
        for attack in attacks:
            with pytest.raises(DatabaseError), transaction.atomic():
                connection.cursor().execute(attack)

    def test_refuses_a_release_that_credits_an_expense_account(self, rich: EscrowAccount, investor: User) -> None:
        """Kealee's release credited an expense account: here the offering, and nothing else, is credited."""
        assert "does not credit it" in refused(rich, "RELEASE", pair("INVESTOR", "FEES", investor))

    def test_refuses_a_balance_that_was_read_outside_the_lock(self, rich: EscrowAccount, investor: User) -> None:
        """What somebody else posted between reading and writing takes the sequence number: the write is refused."""
        bank = LedgerAccount.objects.get(escrow_account=rich, kind=Kind.BANK)
        suspense = LedgerAccount.objects.get(escrow_account=rich, kind=Kind.SUSPENSE)
        post(postings.unknown_receipt(Subject(rich.pk, "between", "RECONCILIATION", ON), amount=TEN))
        stale = FORGED.replace("a.balance +", "s.balance +").replace("a.entry_count +", "s.entry_count +")
        stale = stale.replace(
            "    WINDOW",
            "      JOIN (VALUES (%(bank)s::uuid, %(bank_balance)s::numeric, %(bank_count)s::bigint),"
            " (%(suspense)s, %(suspense_balance)s, %(suspense_count)s)) AS s (id, balance, entry_count) ON s.id = a.id"
            "    WINDOW",
        )
        with pytest.raises(DatabaseError, match="escrow_entries_sequence"), transaction.atomic():
            connection.cursor().execute(
                stale,
                {
                    "id": UUID(int=next(_numbers)), "escrow": rich.pk, "event": "UNKNOWN_RECEIPT", "payment": None,
                    "kinds": ["BANK", "SUSPENSE"], "owners": [None, None], "amounts": [TEN, -TEN], "on": ON, "at": AT,
                    "type": "ADJUSTMENT", "reverses": None, "reference": "stale", "bank": bank.pk,
                    "bank_balance": bank.balance, "bank_count": bank.entry_count, "suspense": suspense.pk,
                    "suspense_balance": suspense.balance, "suspense_count": suspense.entry_count,
                },
            )  # fmt: skip


class TestStates:
    """FROZEN, LIQUIDATING and CLOSED hold for raw SQL, whatever an entry calls itself."""

    @pytest.fixture
    def frozen(self, rich: EscrowAccount, compliance_officer: User) -> EscrowAccount:
        return escrow_accounts.freeze(rich, by=compliance_officer, reason="a court order", at=AT)

    @pytest.mark.parametrize(
        ("event", "debit", "credit"),
        [
            ("RESERVE", "INVESTOR", "PAYOUTS"),
            ("RELEASE", "INVESTOR", "OFFERING"),
            ("BANK_FEE", "OFFERING", "BANK"),
            ("OUTBOUND_SETTLED", "PAYOUTS", "BANK"),
        ],
    )
    def test_frozen_lets_nothing_out(
        self, event: str, debit: str, credit: str, frozen: EscrowAccount, investor: User
    ) -> None:
        payment = payment_for(event, frozen, investor)
        if event == "OUTBOUND_SETTLED":
            payment = payments.go(Transaction.objects.get(type="CONSTRUCTION_DRAW"), "QUEUED", "PROCESSING")
        lines = pair(debit, credit, investor, HUNDRED if debit == "PAYOUTS" else TEN)
        assert "RC004" in refused(frozen, event, lines, payment=payment)

    def test_frozen_refuses_money_out_under_the_name_of_money_in(self, frozen: EscrowAccount, investor: User) -> None:
        for event in ABOUT_DEPOSITS:
            words = refused(frozen, event, pair("INVESTOR", "PAYOUTS", investor), payment=deposit(frozen, investor))
            assert "RC005" in words

    def test_frozen_refuses_money_out_by_reversal(self, frozen: EscrowAccount, investor: User) -> None:
        receipt = JournalEntry.objects.get(reference="receipt")
        lines = pair("SUSPENSE", "BANK", investor, HUNDRED)
        assert "RC004" in refused(frozen, "REVERSAL", lines, reverses=receipt.pk)

    def test_frozen_moves_inside(self, frozen: EscrowAccount, investor: User) -> None:
        forge(frozen, "FEE_RETURNED", pair("FEES", "INVESTOR", investor))
        forge(frozen, "HOLD", pair("INVESTOR", "HELD", investor))

    def test_liquidating_refuses_a_draw_whatever_it_calls_itself(
        self, rich: EscrowAccount, investor: User, operator: User
    ) -> None:
        payment = payments.make_payment(rich, "CONSTRUCTION_DRAW", investor, TEN, at=AT)
        escrow_accounts.liquidate(rich, by=operator, reason="sold", at=AT)
        lines = pair("OFFERING", "PAYOUTS", investor)
        for name in ("WITHDRAWAL", "REFUND", "DISTRIBUTION"):
            assert "RC004" in refused(rich, "RESERVE", lines, payment=payment, type=name)
        forge(rich, "RESERVE", pair("INVESTOR", "PAYOUTS", investor), payment=refund(rich, investor))

    def test_closed_refuses_everything(self, escrow: EscrowAccount, operator: User, investor: User) -> None:
        bring_in(deposit(escrow, investor), "accepted")
        failed = deposit(escrow, investor)
        bring_in(failed, "accepted")
        for payment in Transaction.objects.all():
            lines = pair("UNCLEARED", "CLEARING", investor, HUNDRED)
            forge(escrow, "INBOUND_FAILED", lines, payment=payment)
            payments.go(payment, "COMPLETED")
        escrow_accounts.close(escrow, by=operator, reason="over", at=AT)
        lines = pair("CLEARING", "UNCLEARED", investor)
        words = refused(escrow, "INBOUND_ACCEPTED", lines, payment=deposit(escrow, investor, TEN))
        assert "escrow_accounts_closed_is_empty" in words or "RC004" in words


class TestRefusals:
    """What the database refuses reaches people as a refusal."""

    def test_an_entry_that_does_not_fit(self, rich: EscrowAccount, investor: User) -> None:
        lines = tuple(pair("INVESTOR", "FEES", investor))
        with pytest.raises(LinesDoNotFit, match="does not credit"):
            post(Posting("RELEASE", Subject(rich.pk, "r", "ADJUSTMENT", ON), lines))

    def test_a_frozen_account(self, rich: EscrowAccount, compliance_officer: User) -> None:
        escrow_accounts.freeze(rich, by=compliance_officer, reason="a court order", at=AT)
        fee = postings.bank_fee(Subject(rich.pk, "f", "FEE", ON), source=postings.source_of(Kind.OFFERING), amount=TEN)
        with pytest.raises(EscrowNotOpen, match="frozen"):
            post(fee)


class TestNewEvents:
    def test_a_fee_is_given_back(self, rich: EscrowAccount, investor: User) -> None:
        before = balance(rich.pk, Kind.INVESTOR, investor.pk)
        post(postings.fee_returned(Subject(rich.pk, "f", "FEE", ON), investor_id=investor.pk, amount=TEN))
        assert balance(rich.pk, Kind.INVESTOR, investor.pk) == before + TEN
        assert balance(rich.pk, Kind.FEES) == HUNDRED * 2 - TEN

    def test_the_bank_takes_a_fee(self, rich: EscrowAccount) -> None:
        bank = balance(rich.pk, Kind.BANK)
        for name, kind in (("p", Kind.FEES), ("o", Kind.OFFERING)):
            source = postings.source_of(kind)
            post(postings.bank_fee(Subject(rich.pk, name, "FEE", ON), source=source, amount=TEN))
        assert balance(rich.pk, Kind.BANK) == bank - TEN * 2

    def test_a_claimed_receipt_settles_what_is_owed_first(self, rich: EscrowAccount, investor: User) -> None:
        before = balance(rich.pk, Kind.INVESTOR, investor.pk)
        subject = Subject(rich.pk, "c", "RECONCILIATION", ON)
        wanted = postings.receipt_claimed(
            subject, investor_id=investor.pk, amount=TEN, has_cleared=True, owed=Decimal("4.00")
        )
        assert [line.amount for line in wanted.lines] == [TEN, Decimal("-4.00"), Decimal("-6.00")]
        post(wanted)
        assert balance(rich.pk, Kind.INVESTOR, investor.pk) == before + 6
        all_of_it = postings.receipt_claimed(
            Subject(rich.pk, "d", "RECONCILIATION", ON),
            investor_id=investor.pk, amount=TEN, has_cleared=True, owed=HUNDRED,
        )  # fmt: skip
        assert [line.kind for line in all_of_it.lines] == ["SUSPENSE", "RECEIVABLE"]
