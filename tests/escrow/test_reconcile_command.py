"""manage.py reconcile: all accounts or some, and exit codes that a script can read."""

from datetime import datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from escrow.models import EscrowAccount, Reconciliation
from realco import clock
from realco.models import User
from tests.escrow.money import TUESDAY, arrive


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("reconcile", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _now(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: at)


class TestCommand:
    def test_says_what_it_found_of_each(self, escrow: EscrowAccount) -> None:
        said = command()
        assert f"[1/1] {escrow} 2026-03-03: balanced; 0 lines matched" in said
        assert "Balanced: 1 escrow accounts." in said

    def test_exits_3_for_differences(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        arrive(escrow, investor, "5.00", reference="SBX-1", at=at, on=TUESDAY)
        with pytest.raises(CommandError, match=escrow.account_number) as caught:
            command("--account", escrow.account_number, "--as-of", "2026-03-03")
        assert caught.value.returncode == 3
        assert Reconciliation.objects.get().result == "MISMATCHED"

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [(["--account", "ESCROW-1"], 2), (["--as-of", "March"], 2), (["--as-of", "2026-03-04"], 1)],
    )
    def test_exits_otherwise_for_what_cannot_be(self, escrow: EscrowAccount, arguments: list[str], code: int) -> None:
        with pytest.raises(CommandError) as caught:
            command(*arguments)
        assert caught.value.returncode == code
        assert not Reconciliation.objects.exists()
