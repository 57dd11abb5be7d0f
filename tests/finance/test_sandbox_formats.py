"""The sandbox bank's statement in each format: the same days and lines, whichever RealCo reads."""

import io
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escrow.bank_files import csv_layouts, reading
from escrow.bank_files.stated import StatedDay
from escrow.models import BankStatementLine, EscrowAccount
from escrow.operations import bank_file_layouts, statements
from finance.gateways import sandbox_formats, sandbox_statements
from finance.models import SandboxStatementLine
from realco import clock
from realco.business_days import banking_date
from tests.escrow.money import MONDAY

ACCOUNT = "9900000001"
LAYOUT = csv_layouts.from_json(sandbox_formats.CSV_LAYOUT)
SIGNS = st.sampled_from("ABCxyz 019-./'&<>:,+äÜß\n")
LINES = st.lists(
    st.tuples(
        st.integers(-(10**9), 10**9).filter(bool),
        st.integers(0, 4),
        st.text("ABC019-", min_size=1, max_size=34).map(lambda name: f"SBX-{name}"),
        st.text(SIGNS, max_size=150),
    ),
    min_size=1,
    max_size=8,
)


def read(file_format: str, days: list[sandbox_statements.Day], at: datetime) -> list[StatedDay]:
    written = sandbox_formats.FORMATS[file_format](ACCOUNT, days, at).encode()
    return reading.read(written, layout=LAYOUT if file_format == "csv" else None).days


def said(days: list[StatedDay]) -> list[tuple[object, ...]]:
    """What the formats have in common; a day on which nothing was booked is stated by some of them only."""
    return [
        (day.account_number, day.as_of, day.opening_balance, day.closing_balance, line.value_date, line.booked,
         line.amount, line.bank_reference, line.customer_reference, " ".join(line.text.split()))
        for day in days
        for line in day.lines
    ]  # fmt: skip


class TestRoundTrip:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(lines=LINES)
    def test_every_format_of_the_same_days_gives_the_same_lines(
        self, lines: list[tuple[int, int, str, str]], at: datetime
    ) -> None:
        days, balance = [], Decimal("1000.00")
        for ahead in range(5):
            day = MONDAY + timedelta(days=ahead)
            found = tuple(
                SandboxStatementLine(
                    external_account_id=ACCOUNT, value_date=day, amount=Decimal(cents).scaleb(-2), type_code="142",
                    reference=reference, text=text,
                )
                for cents, on, reference, text in lines
                if on == ahead
            )  # fmt: skip
            closing = balance + sum((line.amount for line in found), Decimal("0.00"))
            days.append(sandbox_statements.Day(day, balance, closing, found))
            balance = closing
        wanted = [
            (ACCOUNT, day.day, day.opening, day.closing, day.day, day.day, line.amount,
             sandbox_statements.bank_reference(line), line.reference, sandbox_statements.plain(line.text))
            for day in days
            for line in day.lines
        ]  # fmt: skip
        for file_format in sandbox_formats.FORMATS:
            assert said(read(file_format, days, at)) == wanted, file_format


@pytest.mark.django_db
class TestCommand:
    def test_writes_files_of_which_the_second_brings_nothing_new(self, escrow: EscrowAccount, tmp_path: Path) -> None:
        now = clock.now()
        for cents in (12345, -45, 12345):
            SandboxStatementLine.objects.create(
                external_account_id=escrow.external_account_id, value_date=banking_date(now),
                amount=Decimal(cents).scaleb(-2), type_code="142" if cents > 0 else "451",
                reference="SBX-UNKNOWN-0123456789AB", text="WIRE, IN",
            )  # fmt: skip
        layout = bank_file_layouts.add(
            "Sandbox bank", bank_name="Sandbox bank", contents=sandbox_formats.CSV_LAYOUT, by=None, at=now
        )
        for file_format in ("bai2", *sandbox_formats.FORMATS):
            path = tmp_path / f"statement.{file_format}"
            call_command(
                "sandbox", "statement", escrow.account_number, "--format", file_format, "--out", str(path),
                stdout=io.StringIO(),
            )  # fmt: skip
            added = statements.import_file(
                path.read_bytes(), file_name=path.name, by=None, at=now, layout=layout if file_format == "csv" else None
            )
            assert added[0].file_format == file_format.upper()
            assert BankStatementLine.objects.count() == 3, file_format
