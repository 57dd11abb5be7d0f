"""The posting table in the database: raw SQL that posts what the table does not have is refused."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from escrow import postings
from escrow.models import EscrowAccount, JournalEntry, LedgerAccount
from escrow.operations import escrow_accounts, holds
from escrow.operations.ledger import EscrowNotOpen, LinesDoNotFit
from escrow.postings import Line, Posting, Subject
from escrow.queries.balances import balance
from finance.models import Transaction
from realco.models import User
from tests import factories
from tests.escrow import bank_lines, payments
from tests.escrow.forgery import (
    ABOUT_DEPOSITS,
    ABOUT_PAYOUTS,
    AT,
    FORGED,
    HUNDRED,
    ON,
    OWNED,
    TEN,
    bring_in,
    deposit,
    forge,
    numbers,
    pair,
    post,
    refund,
    refused,
)
from tests.stages import staged

pytestmark = pytest.mark.slow

Kind = LedgerAccount.Kind
Event = JournalEntry.Event
RECEIPT = bank_lines.received_as("receipt")
FORBIDDEN = ("RC005", "RC006", "RC007")
"""What the lines, the release gate and the holds refuse with; whichever trigger comes first speaks."""

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


@staged
def other(operator: User, at: datetime) -> User:
    return factories.make_investor("Oscar Other", verifier=operator, at=at)


@staged
def rich(escrow: EscrowAccount, investor: User, other: User) -> EscrowAccount:
    """Every kind of account, two investors' where they are owned; all hold enough for ten dollars more or less."""
    for owner in (investor, other):
        held, fee = deposit(escrow, owner), deposit(escrow, owner, HUNDRED * 2, fee=HUNDRED)
        bring_in(held)
        bring_in(fee)
        bring_in(deposit(escrow, owner), "accepted")
        holds.place(
            escrow, investor=owner, amount=TEN, reason="A dispute.", by=None, at=AT, reference=f"hold of {owner.pk}"
        )
    income = payments.make_payment(escrow, "ESCROW_DEPOSIT", investor, HUNDRED * 2, at=AT)
    bring_in(payments.go(income, *payments.SENT, "SETTLED", at=AT, clears_on=ON))
    post(bank_lines.received(escrow, HUNDRED, key="receipt", on=ON))
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


class TestTheTable:
    def test_has_every_event_but_the_reversal(self) -> None:
        assert {*TABLE, "REVERSAL"} == {str(event) for event in Event}

    @pytest.mark.parametrize("event", TABLE)
    def test_refuses_every_other_pair_of_accounts(self, event: str, rich: EscrowAccount, investor: User) -> None:
        debits, credits = TABLE[event]
        payment = payment_for(event, rich, investor)
        kinds = [str(kind) for kind in Kind]
        wrong = [(one, two) for one in kinds for two in kinds if one not in debits or two not in credits]
        for debit, credit in wrong:
            words = refused(rich, event, pair(debit, credit, investor), payment=payment)
            assert words.startswith(FORBIDDEN), (debit, credit, words)
        assert len(wrong) == 100 - len(debits) * len(credits)

    @pytest.mark.parametrize("event", sorted(TABLE.keys() - {"HOLD", "HOLD_RELEASED", "RELEASE"}))
    def test_says_which_side_of_which_account_does_not_fit(
        self, event: str, rich: EscrowAccount, investor: User
    ) -> None:
        words = refused(rich, event, pair("SUSPENSE", "CLEARING", investor), payment=payment_for(event, rich, investor))
        assert f"does not fit: a {event} does not" in words

    def test_takes_what_it_has(self, rich: EscrowAccount, investor: User) -> None:
        """The forger's statement is refused for its contents: a right one passes."""
        for debit, credit in (("BANK", "SUSPENSE"), ("FEES", "INVESTOR"), ("SUSPENSE", "INVESTOR")):
            event = next(name for name, (one, two) in TABLE.items() if debit in one and credit in two)
            before = balance(rich.pk, credit, investor.pk if credit in OWNED else None)
            says = bank_lines.accounted_for(event, rich, investor, TEN, on=ON)
            forge(rich, event, pair(debit, credit, investor), **says)
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
        assert refused(rich, event, lines, payment=payment).startswith(FORBIDDEN)

    def test_refuses_to_free_a_persons_held_money_for_the_offering(self, rich: EscrowAccount, investor: User) -> None:
        assert "RC007" in refused(rich, "HOLD_RELEASED", pair("HELD", "OFFERING", investor))


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
        assert refused(rich, "RELEASE", lines, payment=refund(rich, investor)).startswith(FORBIDDEN)


class TestReversals:
    """A reversal is the exact mirror of the entry it names, and nothing else names an entry."""

    @staged
    def receipt(self, rich: EscrowAccount) -> JournalEntry:
        return JournalEntry.objects.get(reference=RECEIPT)

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
        lines = [*pair("SUSPENSE", "BANK", investor, HUNDRED), *pair("FEES", "INVESTOR", investor)]
        assert "not the mirror" in refused(rich, "REVERSAL", lines, reverses=receipt.pk)

    def test_refuses_a_reversal_that_names_nothing(self, rich: EscrowAccount, investor: User) -> None:
        words = refused(rich, "REVERSAL", pair("INVESTOR", "OFFERING", investor))
        assert "RC010" in words and "names the entry it reverses" in words

    def test_refuses_another_event_that_names_an_entry(
        self, rich: EscrowAccount, receipt: JournalEntry, investor: User
    ) -> None:
        words = refused(rich, "UNKNOWN_RECEIPT", pair("BANK", "SUSPENSE", investor), reverses=receipt.pk)
        assert "RC010" in words and "names the entry it reverses" in words

    def test_refuses_to_reverse_twice(self, rich: EscrowAccount, receipt: JournalEntry, investor: User) -> None:
        for _ in range(2):
            post(bank_lines.received(rich, HUNDRED, key=f"r{next(numbers)}", on=ON))
        forge(rich, "REVERSAL", pair("SUSPENSE", "BANK", investor, HUNDRED), reverses=receipt.pk)
        words = refused(rich, "REVERSAL", pair("SUSPENSE", "BANK", investor, HUNDRED), reverses=receipt.pk)
        assert "23505" in words

    def test_refuses_to_reverse_a_reversal(self, rich: EscrowAccount, receipt: JournalEntry, investor: User) -> None:
        """Or a claim that was taken back could be made again past its operation."""
        lines = pair("SUSPENSE", "BANK", investor, HUNDRED)
        forge(rich, "REVERSAL", lines, reverses=receipt.pk, reference="back")
        back = JournalEntry.objects.get(reference="back")
        words = refused(rich, "REVERSAL", pair("BANK", "SUSPENSE", investor, HUNDRED), reverses=back.pk)
        assert "RC010" in words and "REVERSAL" in words

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
        assert "RC010" in words


class TestOneStatement:
    """A journal entry and all of its lines are written by one statement, or not at all."""

    JOURNAL = (
        "INSERT INTO journal_entries SELECT (jsonb_populate_record(j, jsonb_build_object("
        "'id', '00000000-0000-7000-8000-00000000000f', 'reference', 'later'))).*"
        f" FROM journal_entries j WHERE reference = '{RECEIPT}'"
    )

    def test_refuses_a_journal_entry_without_entries(self, rich: EscrowAccount) -> None:
        with pytest.raises(DatabaseError, match="has no entries"), transaction.atomic():
            connection.cursor().execute(self.JOURNAL)

    def test_refuses_entries_before_their_journal_entry(self, rich: EscrowAccount) -> None:
        with pytest.raises(DatabaseError, match="belongs to no journal entry"), transaction.atomic():
            connection.cursor().execute(
                "INSERT INTO escrow_ledger_entries SELECT (jsonb_populate_record(e, jsonb_build_object("
                "'id', gen_random_uuid(), 'journal_entry_id', '00000000-0000-7000-8000-00000000000f',"
                " 'sequence', e.sequence + 1000))).* FROM escrow_ledger_entries e WHERE reference = %s",
                [RECEIPT],
            )

    def test_refuses_lines_that_do_not_balance(self, rich: EscrowAccount) -> None:
        words = refused(rich, "UNKNOWN_RECEIPT", [Line("BANK", None, TEN), Line("SUSPENSE", None, -TEN - 1)])
        assert "RC003" in words and "does not balance" in words

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
        assert refused(rich, "RELEASE", pair("INVESTOR", "FEES", investor)).startswith(FORBIDDEN)

    def test_refuses_a_balance_that_was_read_outside_the_lock(self, rich: EscrowAccount, investor: User) -> None:
        """What somebody else posted between reading and writing takes the sequence number: the write is refused."""
        bank = LedgerAccount.objects.get(escrow_account=rich, kind=Kind.BANK)
        suspense = LedgerAccount.objects.get(escrow_account=rich, kind=Kind.SUSPENSE)
        post(bank_lines.received(rich, TEN, key="between", on=ON))
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
                    "id": UUID(int=next(numbers)), "escrow": rich.pk, "event": "UNKNOWN_RECEIPT", "payment": None,
                    "kinds": ["BANK", "SUSPENSE"], "owners": [None, None], "amounts": [TEN, -TEN], "on": ON, "at": AT,
                    "type": "ADJUSTMENT", "reverses": None, "reference": "stale", "bank": bank.pk,
                    "bank_balance": bank.balance, "bank_count": bank.entry_count, "suspense": suspense.pk,
                    "suspense_balance": suspense.balance, "suspense_count": suspense.entry_count,
                },
            )  # fmt: skip


class TestStates:
    """FROZEN, LIQUIDATING and CLOSED hold for raw SQL, whatever an entry calls itself."""

    @staged
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
        expected = FORBIDDEN if event == "RELEASE" else "RC004"
        more = bank_lines.accounted_for(event, frozen, investor, TEN, on=ON)
        assert refused(frozen, event, lines, payment=payment, **more).startswith(expected)

    def test_frozen_refuses_money_out_under_the_name_of_money_in(self, frozen: EscrowAccount, investor: User) -> None:
        for event in ABOUT_DEPOSITS:
            words = refused(frozen, event, pair("INVESTOR", "PAYOUTS", investor), payment=deposit(frozen, investor))
            assert "RC005" in words

    def test_frozen_refuses_money_out_by_reversal(self, frozen: EscrowAccount, investor: User) -> None:
        receipt = JournalEntry.objects.get(reference=RECEIPT)
        lines = pair("SUSPENSE", "BANK", investor, HUNDRED)
        assert "RC004" in refused(frozen, "REVERSAL", lines, reverses=receipt.pk)

    def test_frozen_moves_inside(self, frozen: EscrowAccount, investor: User) -> None:
        forge(frozen, "FEE_RETURNED", pair("FEES", "INVESTOR", investor))
        holds.place(
            frozen, investor=investor, amount=TEN, reason="A lien.", by=None, at=AT, reference="while it is frozen"
        )

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
        lines = tuple(pair("INVESTOR", "BANK", investor))
        with pytest.raises(LinesDoNotFit, match="does not debit"):
            post(Posting("BANK_FEE", Subject(rich.pk, "r", "FEE", ON), lines))

    def test_a_frozen_account(self, rich: EscrowAccount, compliance_officer: User) -> None:
        escrow_accounts.freeze(rich, by=compliance_officer, reason="a court order", at=AT)
        fee = bank_lines.fee(rich, Kind.OFFERING, TEN, key="f", on=ON)
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
            post(bank_lines.fee(rich, kind, TEN, key=name, on=ON))
        assert balance(rich.pk, Kind.BANK) == bank - TEN * 2

    def test_a_claimed_receipt_settles_what_is_owed_first(self, rich: EscrowAccount, investor: User) -> None:
        before = balance(rich.pk, Kind.INVESTOR, investor.pk)
        post(bank_lines.received(rich, TEN, key="c", on=ON))
        wanted = bank_lines.claimed(rich, investor.pk, TEN, key="c", on=ON, owed=Decimal("4.00"))
        assert [line.amount for line in wanted.lines] == [TEN, Decimal("-4.00"), Decimal("-6.00")]
        post(wanted)
        assert balance(rich.pk, Kind.INVESTOR, investor.pk) == before + 6
        all_of_it = postings.receipt_claimed(
            Subject(rich.pk, "d", "RECONCILIATION", ON),
            investor_id=investor.pk, amount=TEN, has_cleared=True, owed=HUNDRED,
        )  # fmt: skip
        assert [line.kind for line in all_of_it.lines] == ["SUSPENSE", "RECEIVABLE"]
