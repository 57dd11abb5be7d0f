"""Receipts as rows: frozen with the numbers they explain, bound to their hash, checked by their payee alone."""

import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from distributions import contents, receipt_files, receipt_replays
from distributions.models import Distribution, DistributionAllocation, Receipt
from distributions.operations import distributions, overrides
from distributions.queries import investor_distributions, receipt_words
from distributions.queries import receipts as queries
from distributions.queries.receipts import Check
from realco.money import format_money
from tests.distributions.deals import EXIT, NOW, Deal, make_deal, standing
from tests.distributions.test_database import attack
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@staged
def deal() -> Deal:
    deal = make_deal()
    deal.earn("1700000.00")
    return deal


@staged
def approved(deal: Deal) -> Distribution:
    deal.approve("100000.01")
    return deal.approve("1234567.89")


def row_of(distribution: Distribution, investor: Any) -> DistributionAllocation:
    return next(row for row in standing(distribution) if row.investor == investor and row.investment_id)


def bring(data: Any, investor: Any) -> Check:
    written = data if isinstance(data, bytes) else json.dumps(data).encode()
    return queries.check_file(written, theirs=investor_distributions.of(investor))


class TestFreeze:
    def test_keeps_one_for_every_payee_that_works_out_again(self, approved: Distribution) -> None:
        for allocation in standing(approved):
            content = queries.file_for(allocation)

            assert receipt_replays.verify(receipt_files.read(receipt_files.text_of(content).encode())) == []
            assert content["receipt"]["result"]["total"] == str(allocation.total_amount)
            assert queries.check(allocation).holds

    def test_counts_earlier_distributions(self, deal: Deal, approved: Distribution) -> None:
        content = queries.file_for(row_of(approved, deal.investors[0]))

        [[number, on, capital, preferred, profit]] = content["receipt"]["own"]["paid_before"]
        assert (number, on, capital, profit) == (1, EXIT.isoformat(), "0.00", "0.00")
        assert preferred in ("50000.00", "50000.01")

    def test_is_small(self, approved: Distribution) -> None:
        own = [len(json.dumps(row.content)) for row in Receipt.objects.filter(whole__distribution=approved)]

        assert max(own) < 1_000

    def test_is_signed_with_the_numbers(self, deal: Deal, approved: Distribution) -> None:
        at = approved.submitted_at
        assert at is not None
        signed = contents.signed_hash(approved, submitted_at=at)

        hashes = queries.hashes(approved, submitted_at=at)["receipts"]

        assert signed == approved.content_hash
        assert {sha256 for _, sha256 in hashes} == {
            row.sha256 for row in Receipt.objects.filter(whole__distribution=approved)
        }
        assert len(hashes) == len(standing(approved))

    def test_is_done_anew_when_numbers_are_submitted_anew(self, deal: Deal) -> None:
        submitted = deal.submit("1000.00")
        distributions.void(submitted)
        again = distributions.submit(submitted, by=deal.operator, at=NOW.replace(hour=18))

        allocation = standing(again)[0]

        assert allocation.receipts.count() == 2
        assert queries.check(allocation).holds
        assert queries.file_for(allocation)["receipt"]["distribution"]["submitted_at"].startswith("2025-12-31T18")


def decided_otherwise(deal: Deal) -> DistributionAllocation:
    """Submit a distribution of which one line is overridden: $500 more for the first investor, from the second."""
    draft = deal.draw_up("100000.00")
    first, second = (row_of(draft, investor) for investor in deal.investors[:2])
    decision = overrides.Decision(first.pk, "preferred_return", first.preferred_return + 500, second.pk)
    draft = overrides.override(draft, decision=decision, reason="Side letter", by=deal.operator, at=NOW)
    draft = overrides.confirm(draft, by=deal.second_approver, at=NOW)
    return row_of(distributions.submit(draft, by=deal.operator, at=NOW), deal.investors[0])


class TestDecisions:
    def test_stand_beside_what_the_waterfall_gave(self, deal: Deal) -> None:
        allocation = decided_otherwise(deal)

        told = receipt_words.told(allocation)

        assert told is not None
        [changed] = told.changed
        assert (changed.worked_out, changed.decided) == (
            allocation.preferred_return - 500,
            allocation.preferred_return,
        )
        assert told.decided_because == "Side letter"
        assert queries.check(allocation).holds


class TestCheckFile:
    def test_holds_for_its_payee(self, deal: Deal, approved: Distribution) -> None:
        ivy = deal.investors[0]

        assert bring(queries.file_for(row_of(approved, ivy)), ivy).holds

    def test_says_the_same_of_somebody_elses_and_of_nobodys(self, deal: Deal, approved: Distribution) -> None:
        ivy, other = deal.investors[:2]
        theirs = queries.file_for(row_of(approved, other))
        nobodys = json.loads(json.dumps(theirs))
        nobodys["receipt"]["allocation"] = "00000000-0000-7000-8000-000000000000"

        found = bring(theirs, ivy)

        assert not found.holds and found.allocation is None and not found.sha256
        assert found.words == bring(nobodys, ivy).words

    def test_notices_a_forged_one_that_agrees_with_itself(self, deal: Deal, approved: Distribution) -> None:
        """It is worked out rightly, from contributions that were never made."""
        ivy = deal.investors[0]
        forged = json.loads(json.dumps(queries.file_for(row_of(approved, ivy))))
        forged["receipt"]["own"]["odd_cents"] = [0, 0, 0, 0]
        forged["receipt"]["own"]["contributions"][0][1] = "450000.00"
        replayed = receipt_replays.replay(forged["receipt"])
        forged["receipt"]["result"], forged["working"] = replayed.result, replayed.working
        forged["sha256"] = receipt_files.receipt_hash(forged["receipt"])
        assert receipt_replays.verify(forged) == []

        found = bring(forged, ivy)

        assert not found.holds
        assert "receipt.own.contributions[1][2]" in [one.figure for one in found.differences]

    def test_notices_another_step_on_the_way(self, deal: Deal, approved: Distribution) -> None:
        ivy = deal.investors[0]
        changed = json.loads(json.dumps(queries.file_for(row_of(approved, ivy))))
        changed["working"]["tiers"][0]["weight"] = "1"

        assert [one.figure for one in bring(changed, ivy).differences] == ["working.tiers[1].weight"]

    @pytest.mark.parametrize("data", [b"", b"{}", b"[" * 50_000, b"\x00" * 10, b'{"format": "realco-receipt/1"}'])
    def test_refuses_what_is_none_in_words(self, deal: Deal, data: bytes) -> None:
        found = bring(data, deal.investors[0])

        assert not found.holds and found.words


class TestReplayReceipt:
    def written(self, path: Path, content: Any) -> str:
        file = path / "receipt.json"
        file.write_text(receipt_files.text_of(content))
        return str(file)

    def run(self, *arguments: str) -> str:
        out = StringIO()
        call_command("replay_receipt", *arguments, stdout=out)
        return out.getvalue()

    def test_says_what_was_decided_instead(self, deal: Deal, tmp_path: Path) -> None:
        content = queries.file_for(decided_otherwise(deal))

        told = self.run(self.written(tmp_path, content))

        amount = format_money(Decimal(content["receipt"]["allocated"]["total_amount"]))
        assert f"{amount}  is paid instead, as two people decided: Side letter" in told

    def test_says_that_it_holds(self, approved: Distribution, tmp_path: Path) -> None:
        content = queries.file_for(standing(approved)[0])

        told = self.run(self.written(tmp_path, content))

        assert "The receipt holds" in told
        assert content["sha256"] in told

    def test_needs_no_database(self, approved: Distribution, tmp_path: Path, django_assert_num_queries: Any) -> None:
        file = self.written(tmp_path, queries.file_for(standing(approved)[0]))

        with django_assert_num_queries(0):
            self.run(file)

    def test_names_what_differs_with_exit_code_1(self, approved: Distribution, tmp_path: Path) -> None:
        content = queries.file_for(standing(approved)[0])
        content["receipt"]["result"]["total"] = "1.00"

        with pytest.raises(CommandError, match=r"result\.total: the file says 1\.00") as refusal:
            self.run(self.written(tmp_path, content))

        assert refusal.value.returncode == 1

    def test_compares_with_a_hash_from_elsewhere(self, approved: Distribution, tmp_path: Path) -> None:
        file = self.written(tmp_path, queries.file_for(standing(approved)[0]))

        with pytest.raises(CommandError, match="forged"):
            self.run(file, "--sha256", "0" * 64)

    def test_says_what_cannot_be_read_with_exit_code_2(self, tmp_path: Path) -> None:
        for name in (self.written(tmp_path, {"format": "other"}), str(tmp_path / "none")):
            with pytest.raises(CommandError) as refusal:
                self.run(name)
            assert refusal.value.returncode == 2


class TestTheDatabase:
    @pytest.mark.parametrize("table", ["distribution_receipts", "distribution_receipt_wholes"])
    def test_lets_no_receipt_be_changed_or_deleted(self, approved: Distribution, table: str) -> None:
        assert "kept as they are" in attack(f"UPDATE {table} SET sha256 = repeat('0', 64)")
        assert "kept as they are" in attack(f"DELETE FROM {table}")
        assert "kept as they are" in attack(f"TRUNCATE {table} CASCADE")
