"""
PostgreSQL killed with -9 and stopped at once under load: everything acknowledged is there exactly once.

REALCO_FAULTS=full kills it twenty times; so does ``python -m tests.faults.kills --kills 20``. Broken variants that
were tried: see tests/faults/broken.py.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.faults.elsewhere import ROOT

pytestmark = pytest.mark.slow

KILLS = 20 if os.environ.get("REALCO_FAULTS") == "full" else 3


def test_nothing_acknowledged_is_lost_or_doubled(capsys: pytest.CaptureFixture[str]) -> None:
    """Caught: lazy-commits, two-steps, no-unique-reference and others of broken.py."""
    command = [sys.executable, "-m", "tests.faults.kills", "--kills", str(KILLS)]
    done = subprocess.run(command, cwd=ROOT, timeout=900, check=False, capture_output=True, text=True)

    assert done.stdout, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    with capsys.disabled():
        sys.stdout.write(f"\n{report}\n")
    assert report["problems"] == []
    assert sum(report["kills"].values()) == len(report["recoveries"]) == KILLS
    assert set(report["kills"]) == {"postmaster", "backend", "immediate"}
    assert done.returncode == 0
