"""``manage.py refund_report``: the table of a run, and exit codes that a script can act on."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from escrow.models import EscrowAccount
from finance.models import RefundRun
from finance.operations import refund_runs, refund_sweeps
from realco import clock
from realco.models import User
from tests import factories
from tests.finance import raises
from tests.stages import staged


@staged
def at() -> datetime:
    return clock.now()


@staged
def escrow(operator: User, investor: User, at: datetime) -> EscrowAccount:
    escrow = raises.open_raise(operator=operator, at=at)
    factories.fund(investor, escrow, "10000.00", at=at)
    clock.advance(timedelta(days=raises.DAYS_OPEN + 1))
    return escrow


@staged
def run(escrow: EscrowAccount, operator: User, approver: User) -> RefundRun:
    return raises.start(escrow, operator=operator, approvers=[approver], at=clock.now())


def code_of(*arguments: str) -> int:
    try:
        call_command("refund_report", *arguments)
    except CommandError as error:
        return error.returncode
    return 0


def test_proves_a_completed_run(run: RefundRun, tmp_path: Path) -> None:
    raises.pay(run, at=clock.now())
    raises.finish(run, at=clock.now())
    file = tmp_path / "refunds.csv"
    assert code_of(str(run.pk), "--out", str(file)) == 0
    head, row = file.read_text(encoding="utf-8").splitlines()
    assert head.startswith("investor,email,deposit,amount")
    assert "10000.00,50.80,0.00,Paid" in row
    assert "SBX-" in row


def test_finds_the_newest_run_of_an_account(run: RefundRun, escrow: EscrowAccount, tmp_path: Path) -> None:
    assert code_of(escrow.account_number, "--out", str(tmp_path / "x.csv")) == 3


@pytest.mark.parametrize("name", ["ESCROW-2001-0001", "01a21769-ab72-7c3a-afce-2ff87c61ff98", "nonsense"])
def test_knows_no_other_runs(name: str, tmp_path: Path, db: None) -> None:
    assert code_of(name, "--out", str(tmp_path / "x.csv")) == 1
    assert not (tmp_path / "x.csv").exists()


def test_says_that_a_file_cannot_be_written(run: RefundRun, tmp_path: Path) -> None:
    assert code_of(str(run.pk), "--out", str(tmp_path / "no" / "x.csv")) == 2


def test_says_that_refunds_are_overdue(run: RefundRun, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock.advance(timedelta(days=12))
    assert code_of(str(run.pk), "--out", str(tmp_path / "x.csv")) == 4
    assert refund_sweeps.alert(at=clock.now()) == 1
    assert "1 refunds are overdue" in caplog.text


def test_says_that_a_proposal_waits_too_long(
    escrow: EscrowAccount, operator: User, caplog: pytest.LogCaptureFixture
) -> None:
    refund_runs.propose(escrow, by=operator, reason="Failed", at=clock.now())
    clock.advance(timedelta(days=12))
    refund_sweeps.alert(at=clock.now())
    assert "waits for a signature" in caplog.text
