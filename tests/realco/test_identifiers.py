"""Primary keys sort by the order in which they were made."""

import multiprocessing
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

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

    def test_forked_processes_do_not_repeat_each_others_keys(self) -> None:
        new_id()  # What makes them is ready, and copied by forking.
        with multiprocessing.get_context("fork").Pool(4) as workers:
            batches = workers.map(_make_some, [200] * 8)

        assert len({made for batch in batches for made in batch}) == 8 * 200


def _make_some(number: int) -> list[uuid.UUID]:
    return [new_id() for _ in range(number)]


@pytest.mark.django_db
class TestTheDatabases:
    def test_are_of_the_same_kind_and_in_order(self) -> None:
        before = time.time_ns() // 10**6
        with connection.cursor() as cursor:
            cursor.execute("SELECT realco_uuid7() FROM generate_series(1, 3000)")
            made = [key for (key,) in cursor.fetchall()]

        assert {(key.version, key.variant) for key in made} == {(7, uuid.RFC_4122)}
        assert made == sorted(set(made))
        assert before - 1 <= made[0].int >> 80 <= made[-1].int >> 80 <= time.time_ns() // 10**6 + 1
