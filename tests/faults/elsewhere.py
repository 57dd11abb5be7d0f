"""Processes of our own that work on a test's database, and may be killed there."""

import os
import subprocess
import sys
from pathlib import Path

from django.db import connection

from realco import stopping_points

ROOT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    """What a process of ours needs to work on the test's database."""
    database = connection.settings_dict
    host = f"{database['HOST']}:{database['PORT']}" if database["PORT"] else database["HOST"]
    login = f"{database['USER']}:{database['PASSWORD']}" if database["PASSWORD"] else database["USER"]
    return {
        **os.environ,
        "REALCO_MODE": "test",
        "DJANGO_SETTINGS_MODULE": "realco.settings",
        "DATABASE_URL": f"postgres://{login}@{host}/{database['NAME']}",
        stopping_points.VARIABLE: "",
        **more,
    }


def run(code: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a piece of Python in a process of its own, on the test's database."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=environment(**more),
        timeout=120,
        check=False,
        capture_output=True,
        text=True,
    )
