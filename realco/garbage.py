"""Python's search for cyclic garbage, put off while tens of thousands of rows are worked on at once."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """
    Do not search for garbage inside the block, or the function that this decorates.

    Work on many rows makes many objects and hardly a cycle; to look through all of them again and again took half
    of its time. What the block leaves behind is found after it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
