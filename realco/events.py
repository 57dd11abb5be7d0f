"""
Named events, by which a lower app tells a higher one what happened.

``publish`` sends nothing before the transaction commits, and then only wakes the listening
tasks; a lost message is made good by each listener's own sweep. Who listens is one table,
``realco/subscriptions.py``.
"""

from collections.abc import Mapping, Sequence

from realco import queue

_listeners: dict[str, tuple[str, ...]] = {}


class UnknownEvent(Exception):
    """An event was published that the table of subscriptions does not list."""


def subscribe(table: Mapping[str, Sequence[str]]) -> None:
    """Replace the table of event name → task names; called once, at start."""
    _listeners.clear()
    _listeners.update({event: tuple(tasks) for event, tasks in table.items()})


def publish(event: str, **ids: object) -> None:
    """
    Wake every task that listens to the event, once the transaction has committed.

    :raises UnknownEvent: if the event is not in the table, so that a typo is a defect at once
    """
    if event not in _listeners:
        raise UnknownEvent(event)
    for task in _listeners[event]:
        queue.enqueue(task, **ids)
