"""The sandbox bank: deterministic by account number, idempotency key and calendar."""

import io
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bai2 import bai2
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from escrow.models import EscrowAccount
from finance.gateways import registry, sandbox, sandbox_accounts, sandbox_bank, sandbox_statements, sandbox_webhooks
from finance.gateways.interface import Direction, ProviderRefusedKey, Submission
from finance.models import SandboxDelivery, SandboxStatementLine, SandboxTransfer
from finance.operations import sandbox as sandbox_time
from finance.queries import sandbox as sandbox_queries
from realco import clock
from realco.business_days import banking_date, business_days_between, is_business_day
from realco.clock import NoSandbox
from realco.errors import ProviderUnavailable
from tests.conftest import close_connections

pytestmark = pytest.mark.django_db

TUESDAY = date(2026, 3, 3)
NOON = datetime(2026, 3, 3, 17, 0, tzinfo=UTC)
AT_ONCE = ("CREDIT_CARD", "INTERNAL_TRANSFER")


def submission(
    number: str = "000123456789",
    *,
    key: str = "payment:0",
    method: str = "ACH",
    direction: Direction = "IN",
    amount: str = "1000.00",
    attempt: int = 0,
) -> Submission:
    return Submission(
        idempotency_key=key,
        reference_text="Deposit",
        external_account_id="9900000001",
        method=method,
        direction=direction,
        amount=Decimal(amount),
        currency="USD",
        account_number=number,
        routing_number=sandbox_accounts.ROUTING_NUMBER,
        counterparty="Ivy Investor",
        attempt=attempt,
    )


def pass_days(number: int) -> None:
    """Let the bank work on each of the days after the Tuesday."""
    for ahead in range(number + 1):
        sandbox_bank.work(at=NOON + timedelta(days=ahead))


def told() -> list[tuple[str, str]]:
    """What the bank owes us, in its order: event type and code."""
    events = [sandbox.parse_event(delivery.payload.encode()) for delivery in SandboxDelivery.objects.order_by("id")]
    return [(event.event_type, event.code) for event in events]


class TestSubmit:
    def test_same_key_and_contents_have_the_same_answer_and_one_transfer(self) -> None:
        first = sandbox.submit(submission(), at=NOON)
        again = sandbox.submit(submission(), at=NOON + timedelta(days=1))
        assert (first.outcome, first.provider_reference) == ("ACCEPTED", sandbox.reference_of("payment:0"))
        assert again == first
        assert SandboxTransfer.objects.count() == 1

    @pytest.mark.parametrize(
        "change", [{"amount": Decimal("1000.01")}, {"direction": "OUT"}, {"account_number": "000111111113"}]
    )
    def test_same_key_with_other_contents_is_refused(self, change: dict[str, Any]) -> None:
        sandbox.submit(submission(), at=NOON)
        with pytest.raises(ProviderRefusedKey):
            sandbox.submit(replace(submission(), **change), at=NOON)
        assert SandboxTransfer.objects.get().amount == Decimal("1000.00")

    def test_words_may_change_between_two_requests(self) -> None:
        first = sandbox.submit(submission(), at=NOON)
        assert sandbox.submit(replace(submission(), reference_text="Deposit, corrected"), at=NOON) == first

    @pytest.mark.django_db(transaction=True)
    def test_twenty_requests_at_once_are_one_transfer(self) -> None:
        def ask(_: int) -> str:
            try:
                return sandbox.submit(submission(method="CREDIT_CARD"), at=NOON).provider_reference
            finally:
                close_connections()

        with ThreadPoolExecutor(10) as pool:
            assert len(set(pool.map(ask, range(20)))) == 1
        assert SandboxTransfer.objects.count() == SandboxStatementLine.objects.count() == 1

    @pytest.mark.parametrize("method", AT_ONCE)
    def test_card_and_internal_settle_at_once(self, method: str) -> None:
        answer = sandbox.submit(submission(method=method), at=NOON)
        assert (answer.outcome, answer.effective_date) == ("SETTLED", TUESDAY)
        assert SandboxStatementLine.objects.get().amount == Decimal("1000.00")
        assert sandbox.submit(submission(method=method), at=NOON) == answer

    @pytest.mark.parametrize(("method", "expected"), [("ACH", {3, 4, 5}), ("WIRE", {0, 1}), ("CHECK", {5, 6, 7})])
    def test_settles_within_the_times_of_its_method(self, method: str, expected: set[int]) -> None:
        days = Counter(
            business_days_between(TUESDAY, sandbox.settles_on(method, f"key {number}", at=NOON)) for number in range(90)
        )
        assert set(days) == expected

    def test_lookup_knows_nothing_of_what_never_arrived(self) -> None:
        assert sandbox.lookup("payment:0", at=NOON) is None

    def test_lookup_answers_as_submit_did(self) -> None:
        answer = sandbox.submit(submission(), at=NOON)
        pass_days(10)
        assert sandbox.lookup("payment:0", at=NOON) == answer

    def test_lost_answer_took_the_transfer(self) -> None:
        with pytest.raises(ProviderUnavailable):
            sandbox.submit(submission("000900090003"), at=NOON)
        found = sandbox.lookup("payment:0", at=NOON)
        assert found is not None and found.outcome == "ACCEPTED"
        assert sandbox.submit(submission("000900090003"), at=NOON) == found

    def test_lost_request_took_nothing_and_arrives_the_second_time(self) -> None:
        with pytest.raises(ProviderUnavailable):
            sandbox.submit(submission("000900090004"), at=NOON)
        assert sandbox.lookup("payment:0", at=NOON) is None
        assert sandbox.submit(submission("000900090004"), at=NOON).outcome == "ACCEPTED"

    def test_technical_failure_passes_with_the_first_attempt(self) -> None:
        first = sandbox.submit(submission("000900090005"), at=NOON)
        second = sandbox.submit(submission("000900090005", key="payment:1", attempt=1), at=NOON)
        assert (first.outcome, first.code, second.outcome) == ("REFUSED", "PROVIDER_ERROR", "ACCEPTED")

    def test_refused_wire_moves_nothing(self) -> None:
        answer = sandbox.submit(submission("000900090007", method="WIRE", direction="OUT"), at=NOON)
        pass_days(5)
        assert (answer.outcome, answer.code) == ("REFUSED", "TRANSFER_REFUSED")
        assert not SandboxStatementLine.objects.exists()
        assert told() == []


class TestAccounts:
    @pytest.mark.parametrize(
        ("number", "code"),
        [
            ("000111111113", "R02"),
            ("000111111116", "R03"),
            ("000222222227", "R01"),
            ("000333333335", "R10"),
            ("000900000001", "R01"),
            ("000900000004", "R04"),
            ("000900000007", "R07"),
            ("000900000008", "R08"),
            ("000900000009", "R09"),
            ("000900000016", "R16"),
            ("000900000020", "R20"),
            ("000900000029", "R29"),
        ],
    )
    def test_fails_before_settlement(self, number: str, code: str) -> None:
        sandbox.submit(submission(number), at=NOON)
        pass_days(3)
        assert told() == [("transfer.failed", code)]
        assert not SandboxStatementLine.objects.exists()

    @pytest.mark.parametrize("code", ["02", "03", "04", "16", "20"])
    def test_payout_fails_before_settlement(self, code: str) -> None:
        sandbox.submit(submission(f"0009000000{code}", direction="OUT"), at=NOON)
        pass_days(3)
        assert told() == [("transfer.failed", f"R{code}")]
        assert not SandboxStatementLine.objects.exists()

    @pytest.mark.parametrize("code", sorted(sandbox_accounts.DEBIT_ONLY))
    @pytest.mark.parametrize("moment", ["00", "20"])
    def test_lack_of_funds_or_authorisation_is_no_matter_to_a_payout(self, code: str, moment: str) -> None:
        sandbox.submit(submission(f"0009000{moment}0{code[1:]}", direction="OUT"), at=NOON)
        pass_days(14)
        assert told() == [("transfer.settled", "")]

    def test_r01_settles_when_it_is_presented_again(self) -> None:
        sandbox.submit(submission("000900010001"), at=NOON)
        sandbox.submit(submission("000900010001", key="payment:1", attempt=1), at=NOON)
        pass_days(10)
        assert told() == [("transfer.failed", "R01"), ("transfer.settled", "")]

    @pytest.mark.parametrize(
        ("number", "direction", "code"),
        [("000900020010", "IN", "R10"), ("000555555559", "IN", "R10"), ("000900020003", "OUT", "R03")],
    )
    def test_returned_after_settlement(self, number: str, direction: Direction, code: str) -> None:
        sandbox.submit(submission(number, direction=direction), at=NOON)
        pass_days(14)
        assert told() == [("transfer.settled", ""), ("transfer.returned", code)]
        settled, returned = SandboxStatementLine.objects.order_by("id")
        assert settled.amount == -returned.amount == (Decimal("1000.00") if direction == "IN" else Decimal("-1000.00"))

    def test_late_return_comes_after_sixty_days(self) -> None:
        sandbox.submit(submission("000900030010"), at=NOON)
        pass_days(62)
        assert told() == [("transfer.settled", "")]
        pass_days(75)
        assert told() == [("transfer.settled", ""), ("transfer.returned", "R10")]
        settled, returned = SandboxStatementLine.objects.order_by("id")
        assert (returned.value_date - settled.value_date).days >= 61

    def test_return_may_be_told_before_the_settlement(self) -> None:
        sandbox.submit(submission("000900090002"), at=NOON)
        pass_days(14)
        assert told() == [("transfer.returned", "R10"), ("transfer.settled", "")]

    def test_stays_in_processing_for_ever(self) -> None:
        sandbox.submit(submission("000000000009"), at=NOON)
        pass_days(100)
        assert told() == []

    def test_every_other_number_works(self) -> None:
        sandbox.submit(submission("123456"), at=NOON)
        pass_days(7)
        assert told() == [("transfer.settled", "")]

    def test_table_for_people_names_every_number(self) -> None:
        table = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
        assert all(number in table for number in sandbox_accounts.KNOWN)


class TestTheBank:
    def test_value_dates_are_the_due_days_however_late_it_works(self) -> None:
        sandbox.submit(submission(), at=NOON)
        sandbox_bank.work(at=NOON + timedelta(days=100))
        line = SandboxStatementLine.objects.get()
        assert line.value_date == sandbox.settles_on("ACH", "payment:0", at=NOON)

    def test_working_twice_changes_nothing(self) -> None:
        sandbox.submit(submission(), at=NOON)
        pass_days(10)
        assert sandbox_bank.work(at=NOON + timedelta(days=10)) == 0
        assert SandboxStatementLine.objects.count() == 1

    def test_unknown_receipt_is_on_the_statement_only(self) -> None:
        sandbox_bank.receive_unknown("9900000001", Decimal("77.00"), at=NOON)
        assert SandboxStatementLine.objects.get().reference.startswith("SBX-UNKNOWN-")
        assert not SandboxTransfer.objects.exists()

    def test_undelivered_message_waits_longer_each_time(self) -> None:
        sandbox.submit(submission(method="CREDIT_CARD"), at=NOON)
        statuses = [500, 404, 200]

        def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
            return statuses.pop(0)

        tried_after = {0: 2, 1: 1, 2: 1, 3: 0}
        for seconds, left in tried_after.items():
            sandbox_webhooks.deliver(post=post, at=NOON + timedelta(seconds=seconds))
            assert len(statuses) == left
        assert SandboxDelivery.objects.get().delivered_at is not None
        assert SandboxDelivery.objects.get().attempts == 3

    def test_nobody_there_leaves_the_rest_of_the_batch(self) -> None:
        for number in range(3):
            sandbox.submit(submission(key=f"payment:{number}", method="CREDIT_CARD"), at=NOON)
        asked = []

        def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
            asked.append(url)
            raise ConnectionRefusedError

        assert sandbox_webhooks.deliver(post=post, at=NOON) == 0
        assert len(asked) == 1

    def test_duplicate_account_sends_each_message_three_times(self) -> None:
        sandbox.submit(submission("000900090001"), at=NOON)
        pass_days(7)
        bodies = []

        def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
            bodies.append(body)
            return 200

        sandbox_webhooks.deliver(post=post, at=NOON + timedelta(days=7))
        assert len(bodies) == 3 and len(set(bodies)) == 1


class TestStatement:
    def test_reads_back_with_balances_that_chain(self) -> None:
        sandbox.submit(submission(key="a:0", amount="9949.20"), at=NOON)
        sandbox.submit(submission(key="b:0", method="CHECK", amount="0.01"), at=NOON)
        sandbox.submit(submission("000900020003", key="c:0", direction="OUT", amount="50.00"), at=NOON)
        pass_days(14)
        end = TUESDAY + timedelta(days=14)
        written = sandbox_statements.render("9900000001", start=TUESDAY, end=end, at=NOON)
        file = bai2.parse_from_string(written.decode("ascii"), check_integrity=True)
        details = [detail for group in file.children for account in group.children for detail in account.children]
        assert [(detail.type_code.code, detail.amount) for detail in details if detail.amount == 994920] == [
            ("142", 994920)
        ]
        assert {detail.type_code.code for detail in details} == {"142", "301", "451", "257"}
        assert {detail.customer_reference for detail in details} == {
            sandbox.reference_of(key) for key in ("a:0", "b:0", "c:0")
        }
        balances = [
            {item.type_code.code: item.amount for item in group.children[0].header.summary_items}
            for group in file.children
        ]
        assert [day["010"] for day in balances[1:]] == [day["015"] for day in balances[:-1]]
        assert balances[-1]["015"] == 994921

    def test_texts_keep_out_of_the_formats_way(self) -> None:
        named = replace(submission(method="CREDIT_CARD"), counterparty="Müller, Söhne / Co\n88,")
        sandbox.submit(named, at=NOON)
        written = sandbox_statements.render("9900000001", start=TUESDAY, end=TUESDAY, at=NOON)
        bai2.parse_from_string(written.decode("ascii"), check_integrity=True)


class TestTime:
    @pytest.mark.django_db(transaction=True)
    def test_moves_day_by_day_to_the_end_of_business(self) -> None:
        began = clock.now()
        days = list(sandbox_time.advance(5, post=lambda *_: 200))
        assert [(day.day - days[0].day).days for day in days] == [0, 1, 2, 3, 4, 5]
        assert timedelta(days=4) < clock.now() - began < timedelta(days=6)
        assert abs(clock.now() - sandbox_time.end_of_business(days[-1].day)) < timedelta(minutes=1)

    def test_settles_and_delivers_on_the_way(self) -> None:
        sandbox.submit(submission(), at=clock.now())
        days = list(sandbox_time.advance(10, post=lambda *_: 200))
        assert sum(day.bank_steps for day in days) == 1
        assert sum(day.delivered for day in days) == 1


class TestCommand:
    def test_shows_the_banks_books(self) -> None:
        sandbox.submit(submission(method="CREDIT_CARD"), at=clock.now())
        shown = io.StringIO()
        call_command("sandbox", "status", stdout=shown)
        assert "1 settled" in shown.getvalue() and "$1,000.00" in shown.getvalue()

    def test_writes_a_statement_and_takes_an_unknown_deposit(self, escrow: EscrowAccount, tmp_path: Path) -> None:
        target = tmp_path / "statement.bai2"
        while not is_business_day(banking_date(clock.now())):
            clock.advance(timedelta(days=1))
        call_command("sandbox", "deposit-unknown", escrow.account_number, "1,234.50", stdout=io.StringIO())
        call_command("sandbox", "statement", escrow.account_number, "--out", str(target), stdout=io.StringIO())
        assert f"03,{escrow.external_account_id},USD,010,0" in target.read_text()
        assert ",123450," in target.read_text()

    def test_writes_an_empty_statement_before_the_first_movement(self, escrow: EscrowAccount, tmp_path: Path) -> None:
        """What arrives on a holiday is booked on the next business day, and today's statement has nothing yet."""
        target = tmp_path / "statement.bai2"
        while is_business_day(banking_date(clock.now())):
            clock.advance(timedelta(days=1))
        call_command("sandbox", "deposit-unknown", escrow.account_number, "1,234.50", stdout=io.StringIO())
        call_command("sandbox", "statement", escrow.account_number, "--out", str(target), stdout=io.StringIO())
        assert ",123450," not in target.read_text()

    @pytest.mark.parametrize(
        "arguments", [("statement", "ESCROW-1999-0001"), ("deposit-unknown", "ESCROW-1999-0001", "1")]
    )
    def test_refuses_unknown_accounts_in_words(self, arguments: tuple[str, ...]) -> None:
        with pytest.raises(CommandError, match="no escrow account"):
            call_command("sandbox", *arguments)

    @pytest.mark.parametrize("amount", ["0", "-5", "1.005", "NaN", "1e20", "ten"])
    def test_refuses_what_is_no_amount(self, escrow: EscrowAccount, amount: str) -> None:
        with pytest.raises(CommandError):
            call_command("sandbox", "deposit-unknown", escrow.account_number, "--", amount)
        assert not SandboxStatementLine.objects.exists()


class TestProduction:
    @pytest.fixture(autouse=True)
    def _production(self, settings: LazySettings) -> None:
        settings.SANDBOX = False

    def test_command_refuses(self) -> None:
        with pytest.raises(CommandError, match="production"):
            call_command("sandbox", "advance", "--days", "1")

    def test_bank_does_not_exist(self) -> None:
        with pytest.raises(NoSandbox):
            sandbox.submit(submission(), at=NOON)
        with pytest.raises(NoSandbox):
            sandbox_bank.work(at=NOON)
        with pytest.raises(registry.UnknownProvider):
            registry.named("sandbox")
        assert sandbox_queries.status().transfers == {}
