"""
Many postings by fifty connections, with holds, freezes, withdrawals and reversals at random: the books are exact.

REALCO_FAULTS=full makes it the full size. Broken variants that were tried: see tests/faults/broken.py.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pytest

from tests.faults import verdict
from tests.faults.elsewhere import ROOT, environment
from tests.faults.moves import Stage, make_stage
from tests.faults.worker import Plan

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

IS_FULL = os.environ.get("REALCO_FAULTS") == "full"
PROCESSES, THREADS = 2, 25
STEPS = 160 if IS_FULL else 16
LEAST_JOURNALS = 10_000 if IS_FULL else 900


def run(plans: Sequence[Plan], folder: Path) -> float:
    """Run workers to their end, all at once; returns how many seconds they took."""
    paths = [folder / f"{plan.name}.json" for plan in plans]
    for path, plan in zip(paths, plans, strict=True):
        path.write_text(json.dumps(asdict(plan)))
    began = time.monotonic()
    workers = [
        subprocess.Popen([sys.executable, "-m", "tests.faults.worker", str(path)], cwd=ROOT, env=environment())
        for path in paths
    ]
    try:
        assert [worker.wait(timeout=600) for worker in workers] == [0] * len(workers)
    finally:
        for worker in workers:
            worker.kill()
    return time.monotonic() - began


@pytest.fixture
def stage(db: None, at: datetime) -> Stage:
    return make_stage(investors=12, escrows=4, at=at)


class TestFiftyConnections:
    def test_leave_books_that_follow_from_what_each_was_told(
        self, stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Caught: see broken.py (no locks, no unique reference, locks in no order, no rule against overdrafts)."""
        before = verdict.deadlocks()
        plans = [
            Plan(f"w{n}", stage.as_json(), seed=1, threads=THREADS, folder=str(tmp_path), steps=STEPS)
            for n in range(PROCESSES)
        ]

        seconds = run(plans, tmp_path)

        steps = verdict.read(tmp_path)
        found = verdict.judge(stage, steps)
        with capsys.disabled():
            sys.stdout.write(
                f"\n{len(steps)} steps in {seconds:.1f} s, {found.journals / seconds:.0f} entries/s: {found}\n"
            )
        assert found.problems == []
        assert len(steps) == PROCESSES * THREADS * STEPS
        assert found.journals >= LEAST_JOURNALS
        assert {step.outcome for step in steps} == {"done", "refused"}
        assert verdict.deadlocks() == before
        assert {"hold", "release", "withdraw", "cancel", "reverse", "freeze", "unfreeze"} <= {
            step.move for step in steps if step.outcome == "done"
        }
        assert verdict.replay(stage, steps) == 0
        assert verdict.judge(stage, steps).problems == []
