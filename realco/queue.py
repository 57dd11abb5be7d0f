"""
Tasks by name: the message is a wake-up, the row is the work.

Operations name a task and never import it. The name is checked at once; the message leaves when
the transaction has committed. A broker that is down or forgets is no error here: every waiting
status has a sweep that finds its rows again.
"""

import logging
from functools import partial
from threading import Lock

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
_discovery = Lock()


class UnknownTask(Exception):
    """A task was named that no app defines."""


def enqueue(task: str, **ids: object) -> None:
    """
    Send the named task after commit, with ids as its keyword arguments.

    :raises UnknownTask: if no app defines it
    """
    if not _is_known(task):
        raise UnknownTask(task)
    transaction.on_commit(partial(_send, task, {key: str(value) for key, value in ids.items()}))


def _is_known(task: str) -> bool:
    """Whether an app defines the task, looking into the apps when no thread of this process has done so yet."""
    if task in current_app.tasks:
        return True
    # Celery looks in one thread at a time and does nothing in a second one, which has to wait for the first.
    with _discovery:
        if task not in current_app.tasks:
            current_app.autodiscover_tasks(force=True)
    return task in current_app.tasks


def _send(task: str, ids: dict[str, str]) -> None:
    try:
        current_app.tasks[task].apply_async(kwargs=ids, ignore_result=True, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("broker unreachable, %s %s is left to its sweep: %s", task, ids, error)
