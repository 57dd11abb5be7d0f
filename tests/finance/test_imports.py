"""Payments out of a sponsor's file: what compliance refuses is reported, and its evidence stays."""

from datetime import datetime
from pathlib import Path

from compliance.models import CheckStatus, ComplianceCheck, InvestorProfile
from compliance.operations import profiles
from escrow.models import EscrowAccount
from finance.models import Transaction
from realco.imports.csv_files import Report, Row, import_rows
from realco.imports.payments import SUBSCRIPTION_COLUMNS, import_subscription
from realco.models import User
from tests.stages import staged


@staged
def refused(profile: InvestorProfile, at: datetime) -> User:
    """An investor whom compliance has restricted."""
    profiles.restrict(profile, by=None, reason="R10", at=at)
    return profile.user


def import_one(tmp_path: Path, escrow: EscrowAccount, investor: User, *, by: User, at: datetime) -> Report:
    path = tmp_path / "subscriptions.csv"
    path.write_text(f"reference,email,amount,method,note\nS-1,{investor.email},500.00,WIRE,\n")

    def row(one: Row) -> bool:
        return import_subscription(one, escrow=escrow, by=by, at=at)

    return import_rows(path, SUBSCRIPTION_COLUMNS, row, skip_bad=True)


def test_a_refusal_by_compliance_keeps_its_evidence(
    tmp_path: Path, escrow: EscrowAccount, refused: User, operator: User, at: datetime
) -> None:
    report = import_one(tmp_path, escrow, refused, by=operator, at=at)
    assert [(bad.line, report.imported) for bad in report.bad] == [(2, 0)]
    assert Transaction.objects.get().status == "CANCELLED"
    assert ComplianceCheck.objects.filter(subject=refused, status=CheckStatus.FAILED).exists()
