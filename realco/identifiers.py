"""
Primary keys.

They are UUIDs of version 7, which sort by the time they were made, so that indexes grow at their end
and a row's key is known before the row is inserted.
"""

import threading
import uuid

import uuid6

_one_at_a_time = threading.Lock()


def new_id() -> uuid.UUID:
    """
    Make a new primary key, greater than every key this process has made before.

    The lock is there because the package remembers its last time stamp without one: two threads
    could otherwise share a millisecond and come out of order.
    """
    with _one_at_a_time:
        return uuid.UUID(int=uuid6.uuid7().int)
