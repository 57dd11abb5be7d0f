"""``among``: the rows whose column is one of many ids, whether it is a key or names another row."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from realco.identifiers import new_id
from realco.models import Organization, User
from tests import factories

pytestmark = pytest.mark.django_db


class TestAmong:
    def test_finds_those_and_no_others(self) -> None:
        people = [factories.make_user(f"Person {number}") for number in range(4)]

        assert set(User.objects.filter(pk__among=[people[0].pk, people[2].pk, new_id()])) == {people[0], people[2]}

    def test_asks_about_the_row_that_is_named(self) -> None:
        owner, other = factories.make_user("Olivia Owner"), factories.make_user("Otto Other")
        mine, _ = (
            Organization.objects.create(name=f"Company of {one}", kind="SPONSOR", owner=one) for one in (owner, other)
        )

        assert list(Organization.objects.filter(owner_id__among={owner.pk})) == [mine]

    def test_none_is_among_none(self) -> None:
        factories.make_user("Somebody")

        assert not User.objects.filter(pk__among=[]).exists()
        assert not User.objects.filter(pk__among=[None]).exists()

    def test_none_keeps_nobody_out(self) -> None:
        people = [factories.make_user(f"Person {number}") for number in range(2)]

        others = User.objects.exclude(pk__among=[people[0].pk, None])

        assert (people[0] in others, people[1] in others) == (False, True)

    def test_is_one_parameter_for_any_number(self) -> None:
        with CaptureQueriesContext(connection) as asked:
            assert not User.objects.filter(pk__among=[new_id() for _ in range(5_000)]).exists()

        assert len(asked) == 1
