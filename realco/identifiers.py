"""
Primary keys.

They are UUIDs of version 7, which sort by the time they were made, so that indexes grow at their end
and a row's key is known before the row is inserted.
"""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Make a new primary key, greater than every key this process has made before, in whichever thread."""
    return uuid7()
