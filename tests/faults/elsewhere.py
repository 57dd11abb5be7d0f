"""
Processes of our own that work on a test's database, and may be killed there.

``work`` is for the many that are to do little: loading all of our code takes each of them longer than its work. So
they are forked from a process that has loaded it and done nothing else (``python -m tests.faults.elsewhere``).
"""

import io
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import IO

from django.db import connection

from realco import stopping_points

ROOT = Path(__file__).parents[2]
_loaded: list[subprocess.Popen[str]] = []


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


def work(code: str, *arguments: str, stop_at: str = "", seconds: int = 60) -> int:
    """Run a piece of Python in a worker's process of its own, and return its exit code: -9 if it killed itself."""
    if not _loaded or _loaded[0].poll() is not None:
        _loaded[:] = [_load()]
    loaded = _loaded[0]
    assert loaded.stdin is not None
    assert loaded.stdout is not None
    loaded.stdin.write(json.dumps({"code": code, "arguments": arguments, "stop_at": stop_at}) + "\n")
    loaded.stdin.flush()
    if not select.select([loaded.stdout], [], [], seconds)[0]:
        os.killpg(loaded.pid, signal.SIGKILL)
        loaded.wait()
        raise subprocess.TimeoutExpired([code, *arguments], seconds)
    return int(loaded.stdout.readline())


def _load() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.elsewhere"],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def main() -> None:
    """Load what workers need, then fork one for each line that is asked for, until nobody can ask any more."""
    import django

    django.setup()
    from celery import current_app
    from django.urls import get_resolver

    current_app.loader.import_default_modules()
    assert get_resolver().url_patterns
    # No worker inherits a connection: two processes would speak on it.
    assert connection.connection is None
    for line in sys.stdin:
        worker = os.fork()
        if not worker:
            _be_a_worker(sys.stdout, **json.loads(line))
        _, status = os.waitpid(worker, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


def _be_a_worker(answers: IO[str], *, code: str, arguments: list[str], stop_at: str) -> None:
    """Do the work and end; what it prints is not an answer, and what the other one is told is not its to read."""
    sys.stdin = io.StringIO()
    os.dup2(2, answers.fileno())
    os.environ[stopping_points.VARIABLE] = stop_at
    sys.argv[1:] = arguments
    status = 1
    try:
        exec(compile(code, "<worker>", "exec"), {"__name__": "__main__"})  # noqa: S102
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
