"""Tasks by name: every thread of a new process finds them, also when all look at once."""

import pytest

from tests.faults import elsewhere

ENQUEUE = """
import sys
from threading import Barrier, Thread
import django
django.setup()
from django.db import connections
from realco import queue
sys.setswitchinterval(1e-5)
barrier, failed = Barrier(8), []
def ask():
    connections["default"].ensure_connection()
    barrier.wait()
    try:
        queue.enqueue("finance.process_transaction", payment_id="1")
    except queue.UnknownTask as unknown:
        failed.append(repr(unknown))
    connections.close_all()
threads = [Thread(target=ask) for _ in range(8)]
[one.start() for one in threads], [one.join() for one in threads]
sys.exit(", ".join(failed) or 0)
"""


@pytest.mark.django_db(transaction=True)
class TestEnqueue:
    def test_first_requests_of_a_new_process_find_their_tasks_though_they_come_at_once(self) -> None:
        """Caught: ``enqueue`` without its lock; Celery looks for tasks in one thread and finds none in the others."""
        done = elsewhere.run(ENQUEUE)
        assert done.returncode == 0, done.stderr
