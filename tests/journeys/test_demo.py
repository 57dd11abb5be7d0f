"""The demo story, from the sponsor's files to the proof: it ends in the figures that were worked out by hand."""

import io
import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from distributions.models import Distribution, DistributionAllocation
from escrow import books
from escrow.models import EscrowAccount, Investment, JournalEntry, LedgerAccount, Reconciliation
from escrow.queries.balances import balance
from finance.models import SandboxDelivery, SandboxStatementLine, SandboxTransfer, Transaction, TransactionWebhook
from realco.models import AuditEvent, User

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
Kind = LedgerAccount.Kind

RAISED = Decimal("1674855.00")
INCOME = Decimal("42458.90")  # 14,250.00 twice by ACH and 13,985.50 by wire, less 0.80 twice and 25.00.
DRAWN = Decimal("180000.00")


def play(**options: object) -> str:
    said = io.StringIO()
    call_command("demo", in_process=True, stdout=said, stderr=io.StringIO(), **options)
    return said.getvalue()


@pytest.mark.slow
class TestTheStory:
    def test_ends_with_the_proof_and_exactly_the_expected_figures(self) -> None:
        said = play()
        escrow = EscrowAccount.objects.get()
        self.require_payments()
        self.require_money(escrow)
        self.require_distribution()
        self.require_bank_agrees(escrow)
        self.require_told(said, escrow)
        with pytest.raises(CommandError, match="needs an empty sandbox"):
            play()

    def require_payments(self) -> None:
        assert Counter(Transaction.objects.values_list("type", "status")) == {
            ("DEPOSIT", "COMPLETED"): 38,
            ("DEPOSIT", "FAILED"): 1,
            ("DEPOSIT", "REVERSED"): 1,
            ("CONSTRUCTION_DRAW", "COMPLETED"): 1,
            ("CONSTRUCTION_DRAW", "CANCELLED"): 1,
            ("ESCROW_DEPOSIT", "COMPLETED"): 3,
            ("DISTRIBUTION", "COMPLETED"): 38,
            ("DISTRIBUTION", "CANCELLED"): 1,
        }
        again = Transaction.objects.filter(attempts__code="R01", status="COMPLETED").distinct()
        assert list(again.values_list("retry_count", flat=True)) == [1, 1]
        assert Transaction.objects.get(status="FAILED").failure_code == "R02"
        returned = Transaction.objects.get(status="REVERSED")
        assert returned.failure_code == "R10"
        assert returned.from_user is not None and returned.from_user.investor_profile.is_restricted
        assert not Transaction.objects.filter(is_reserved=True).exists()

    def require_money(self, escrow: EscrowAccount) -> None:
        fees = balance(escrow.pk, Kind.FEES)
        assert sum(Investment.objects.filter(status="ACTIVE").values_list("current_balance", flat=True)) <= RAISED
        released = JournalEntry.objects.filter(event="RELEASE").values_list("entries__amount", flat=True)
        assert sum(amount for amount in released if amount > 0) == RAISED
        assert balance(escrow.pk, Kind.OFFERING) == RAISED - DRAWN
        assert balance(escrow.pk, Kind.BANK) == RAISED - DRAWN + fees == Decimal("1497026.60")
        others = LedgerAccount.objects.exclude(kind__in=[Kind.BANK, Kind.OFFERING, Kind.FEES]).exclude(balance=0)
        assert list(others) == []
        assert books.check() == []

    def require_distribution(self) -> None:
        distribution = Distribution.objects.get()
        assert (distribution.status, distribution.total_amount) == ("COMPLETED", INCOME)
        allocations = DistributionAllocation.objects.filter(distribution=distribution)
        assert Counter(allocations.values_list("status", flat=True)) == {"COMPLETED": 38}
        assert sum(allocations.values_list("net_amount", flat=True)) == INCOME
        paid = Transaction.objects.filter(type="DISTRIBUTION", status="COMPLETED")
        assert sum(paid.values_list("net_amount", flat=True)) == INCOME
        assert paid.values("to_user").distinct().count() == 38
        assert paid.exclude(replaces=None).get().replaces == Transaction.objects.get(
            type="DISTRIBUTION", status="CANCELLED"
        )

    def require_bank_agrees(self, escrow: EscrowAccount) -> None:
        found = Reconciliation.objects.get()
        assert (found.result, found.findings, found.unmatched_lines) == ("BALANCED", [], 0)
        assert found.matched_lines == SandboxStatementLine.objects.count() == 82
        assert sum(SandboxStatementLine.objects.values_list("amount", flat=True)) == balance(escrow.pk, Kind.BANK)
        assert set(TransactionWebhook.objects.values_list("processed", flat=True)) == {True}
        assert TransactionWebhook.objects.count() == SandboxDelivery.objects.count()
        assert SandboxTransfer.objects.exclude(state__in=["SETTLED", "FAILED", "RETURNED"]).count() == 0

    def require_told(self, said: str, escrow: EscrowAccount) -> None:
        for line in (
            "A malformed row stops the whole file",
            "40 deposits, none of them twice",
            "2 came back R01, were presented again and cleared",
            "$1,674,855.00 is released to the offering",
            "The second approver refused one of them",
            "$42,458.90 of income has cleared",
            "is paid to every investor",
            "82 lines match, with no difference",
            "The books prove: 1 escrow accounts.",
        ):
            assert line in said
        [proof] = [line for line in said.splitlines() if line.startswith(escrow.account_number)]
        assert proof.split() == [escrow.account_number, *["1,497,026.60"] * 5, "agrees"]
        unsigned = AuditEvent.objects.filter(entity_type__in=["transactions", "journal_entries"], action="")
        assert not unsigned.exists()


class TestRefusals:
    def test_a_story_that_goes_wrong_says_where_and_fails(self, tmp_path: Path) -> None:
        for path in (settings.BASE_DIR / "demo").glob("*.csv"):
            shutil.copy(path, tmp_path)
        investors = tmp_path / "investors.csv"
        investors.write_text("\n".join(investors.read_text().splitlines()[:-1]))
        with pytest.raises(CommandError, match="The story went wrong: 40 investors"):
            play(files=tmp_path)
        assert User.objects.filter(is_staff=True).count() == 4
