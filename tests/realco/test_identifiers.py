"""Primary keys sort by the order in which they were made."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from realco.identifiers import new_id


class TestNewId:
    def test_is_a_plain_uuid_of_version_7(self) -> None:
        made = new_id()

        assert type(made) is uuid.UUID
        assert made.version == 7
        assert made.variant == uuid.RFC_4122

    def test_sorts_by_the_order_of_making(self) -> None:
        made = [new_id() for _ in range(1_000)]

        assert made == sorted(made)
        assert len(set(made)) == len(made)

    def test_begins_with_the_time_in_milliseconds(self) -> None:
        before = time.time_ns() // 10**6

        # Keys made in one burst run ahead of the clock by a millisecond each.
        assert before <= new_id().int >> 80 <= before + 60_000

    def test_threads_neither_repeat_nor_disorder_their_keys(self) -> None:
        def make_some(_: int) -> list[uuid.UUID]:
            return [new_id() for _ in range(200)]

        with ThreadPoolExecutor(8) as threads:
            batches = list(threads.map(make_some, range(8)))

        assert all(batch == sorted(batch) for batch in batches)
        assert len({made for batch in batches for made in batch}) == 8 * 200
