"""Receipts of premiums: every payee's works out again to its hash, from the file alone, and a changed one does not."""

import copy
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from distributions import premium_receipts, premiums, receipt_files, receipt_replays
from distributions.models import Distribution
from distributions.premiums import COMPARED, Part, Premium
from distributions.queries import investor_distributions, receipt_words, statements
from distributions.queries import receipts as queries
from distributions.receipt_wholes import ReceiptBroken
from tests.distributions.calls import PLAN, item_of, make_called_deal, noticed, pay
from tests.distributions.deals import Deal, standing
from tests.distributions.premiums import ADMITTED, LATE_PLAN, approve, arrived, first_call
from tests.stages import staged

pytestmark = pytest.mark.slow

DAYS = (PLAN.due_date, LATE_PLAN.due_date)


@staged
def deal() -> Deal:
    return make_called_deal()


@staged
def approved(deal: Deal) -> Distribution:
    return approve(deal, arrived(deal, ("Nina Newcomer", "150000.00"), ("Nora Newer", "70000.01")))


def brought(row: Any) -> dict[str, Any]:
    return receipt_files.read(receipt_files.text_of(queries.file_for(row)).encode())


@pytest.mark.django_db
class TestReceipts:
    def test_every_payee_has_one_that_works_out_again(self, approved: Distribution) -> None:
        for row in standing(approved):
            content = brought(row)
            assert receipt_replays.verify(content) == []
            assert queries.check(row).holds
            assert content["receipt"]["result"]["total"] == str(row.total_amount)
            assert content["receipt"]["distribution"]["nature"] == "PREMIUM"

    def test_tells_the_share_the_days_the_rate_and_the_cents(self, approved: Distribution) -> None:
        content = brought(standing(approved)[0])
        part = content["receipt"]["whole"]["premiums"][0]["parts"][0]
        assert (part["share"], part["rate"], part["interest"], part["called_of_all"]) == (
            "8000.00",
            "0.1",
            "65.75",
            "80000.00",
        )
        assert (part["from"], part["to"]) == ("2024-02-01", "2024-03-02")
        assert content["working"]["parts"][0]["days"] == 30
        assert content["receipt"]["own"]["called"] == ["40000.00", "40000.00"]

    def test_names_nobody_else(self, deal: Deal, approved: Distribution) -> None:
        row = standing(approved)[0]
        written = json.dumps(queries.file_for(row))
        for other in deal.investors[1:]:
            assert str(other.pk) not in written
            assert str(other.investments.get().pk) not in written

    def test_the_command_replays_it(self, approved: Distribution, tmp_path: Path) -> None:
        file = tmp_path / "receipt.json"
        file.write_text(receipt_files.text_of(queries.file_for(standing(approved)[1])), encoding="utf-8")
        out = StringIO()
        call_command("replay_receipt", str(file), stdout=out)
        assert "of premiums paid on" in out.getvalue()
        assert f"interest of 30 days on {first_call()}" in out.getvalue()

    @pytest.mark.parametrize(
        ("way", "value"),
        [
            (("whole", "premiums", 0, "parts", 0, "share"), "9000.00"),
            (("whole", "premiums", 0, "parts", 0, "rate"), "0.2"),
            (("whole", "premiums", 0, "parts", 0, "from"), "2024-01-01"),
            (("whole", "premiums", 0, "parts", 0, "amount"), "65.76"),
            (("whole", "premiums", 0, "amount"), "65.76"),
            (("whole", "amount"), "1.00"),
            (("own", "called", 0), "40000.01"),
            (("own", "odd_cents", 0), 1),
            (("result", "total"), "1.00"),
        ],
    )
    def test_a_changed_one_does_not_hold(
        self, approved: Distribution, tmp_path: Path, way: tuple[Any, ...], value: Any
    ) -> None:
        content = copy.deepcopy(queries.file_for(standing(approved)[0]))
        place = content["receipt"]
        for name in way[:-1]:
            place = place[name]
        assert place[way[-1]] != value
        place[way[-1]] = value
        file = tmp_path / "receipt.json"
        file.write_text(receipt_files.text_of(content), encoding="utf-8")
        with pytest.raises(CommandError, match="does NOT hold") as caught:
            call_command("replay_receipt", str(file))
        assert caught.value.returncode == 1

    def test_only_its_payee_checks_it(self, deal: Deal, approved: Distribution) -> None:
        row = standing(approved)[0]
        data = receipt_files.text_of(queries.file_for(row)).encode()
        assert queries.check_file(data, theirs=investor_distributions.of(row.investor)).holds
        assert not queries.check_file(data, theirs=investor_distributions.of(deal.investors[1])).holds

    def test_is_told_in_words(self, approved: Distribution) -> None:
        row = standing(approved)[0]
        told = receipt_words.told(row)
        assert told is not None
        assert "neither your capital nor a return on it" in told.sentences[0]
        first, second = investor_distributions.tiers(row)
        assert f"10% a year on their share of {first_call()}, $8,000.00" in first.words
        assert "$40,000.00 was called of you" in first.words
        assert first.yours + second.yours == row.total_amount
        assert statements.of_allocation(row).premium == row.total_amount

    def test_stays_what_it_is_when_more_is_called(self, deal: Deal, approved: Distribution) -> None:
        second = noticed(deal, "40000.00")
        pay(deal, item_of(second, deal.investors[0]), at=ADMITTED)
        assert all(queries.check(row).holds for row in standing(approved))


called_of = st.lists(st.integers(1, 10**9), min_size=1, max_size=6)
parts = st.lists(st.tuples(st.integers(1, 10**6), called_of), min_size=1, max_size=4)


def make(given_parts: list[tuple[int, list[int]]]) -> Premium:
    interests = [premiums.simple_interest(share * 100, Decimal("0.1"), *DAYS, "ACT_365") for share, _ in given_parts]
    rows = zip(given_parts, interests, strict=True)
    return Premium(
        "CALL-3",
        sum(interests),
        tuple(
            Part(f"CALL-{place}", share * 100, Decimal("0.1"), *DAYS, "ACT_365", interest, interest,
                 {f"{key}": amount for key, amount in enumerate(called)})
            for place, ((share, called), interest) in enumerate(rows)
        ),
    )  # fmt: skip


class TestLaws:
    """Whatever was called of whom."""

    @given(st.lists(parts, min_size=1, max_size=3))
    def test_foots_by_part_and_in_all_and_replays(self, deals: list[list[tuple[int, list[int]]]]) -> None:
        told = [make(one) for one in deals]
        shared = premiums.share_out(told, {})
        assert [sum(column) for column in shared.cells] == [part.amount for part in shared.parts]
        noted = premiums.note(shared, DAYS[1])
        for key in shared.keys:
            _, result = premium_receipts.replay(noted.whole, noted.own[key])
            assert result == noted.results[key]

    @given(parts)
    def test_nobody_drifts_by_more_than_two_cents_over_many(self, deal: list[tuple[int, list[int]]]) -> None:
        told = make(deal)
        paid: dict[str, int] = {}
        for number in range(12):
            shared = premiums.share_out([told], premiums.shortfalls([told] * number, paid))
            for key, got in zip(shared.keys, shared.totals(), strict=True):
                paid[key] = paid.get(key, 0) + got
        short = premiums.shortfalls([told] * 12, paid)
        assert max(abs(one) for one in short.values()) <= 2 * COMPARED

    def test_interest_that_does_not_follow_is_found(self) -> None:
        shared = premiums.share_out([make([(5_000, [3, 2, 1])])], {})
        noted = premiums.note(shared, DAYS[1])
        noted.whole["premiums"][0]["parts"][0]["interest"] = "1.00"
        with pytest.raises(ReceiptBroken, match="not what rate and days make it"):
            premium_receipts.replay(noted.whole, noted.own["0"])
