"""Tests that share what they begin with see none of each other's doings: each of these is run twice, in both orders."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from compliance.models import InvestorProfile
from escrow.models import EscrowAccount
from realco import clock
from realco.models import Offering, User
from tests import factories
from tests.stages import STAGE, staged

TWICE = pytest.mark.parametrize("turn", ["first", "second"])
AHEAD = timedelta(days=400)


@staged
def later() -> datetime:
    """A day on which the sandbox's clock was moved."""
    return clock.advance(AHEAD)


@staged
def named(later: datetime) -> list[User]:
    return [factories.make_user("Nina Named")]


@staged
def crew(named: list[User]) -> dict[str, User]:
    return {"nina": named[0]}


class TestRows:
    @TWICE
    def test_are_those_of_the_fixtures_named_and_no_others(self, turn: str, operator: User) -> None:
        assert [user.pk for user in User.objects.all()] == [operator.pk]
        assert not Offering.objects.exists()
        factories.make_user("Left Behind")

    @TWICE
    def test_of_more_fixtures_are_built_on_those_that_stand(self, turn: str, escrow: EscrowAccount) -> None:
        assert [each.pk for each in EscrowAccount.objects.all()] == [escrow.pk]
        assert User.objects.count() == 2
        assert not InvestorProfile.objects.filter(user__full_name="Ivy Investor").exists()
        Offering.objects.update(name="Renamed")

    @TWICE
    def test_come_back_when_a_test_has_changed_or_removed_them(self, turn: str, investor: User, operator: User) -> None:
        assert not Offering.objects.exists()
        assert InvestorProfile.objects.get(user=investor).legal_name == "Ivy Investor"
        assert operator.groups.count() == 1
        InvestorProfile.objects.filter(user=investor).update(legal_name="Somebody Else")
        operator.groups.clear()

    @TWICE
    def test_outlive_a_test_that_breaks_its_transaction(self, turn: str, operator: User) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.create(email=operator.email)
        transaction.set_rollback(True)

    @TWICE
    def test_have_their_constraints_deferred_again(self, turn: str, operator: User) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE firsts (id int PRIMARY KEY)")
            cursor.execute("CREATE TEMPORARY TABLE others (id int REFERENCES firsts DEFERRABLE INITIALLY DEFERRED)")
            cursor.execute("INSERT INTO others VALUES (1)")
            cursor.execute("INSERT INTO firsts VALUES (1)")
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    @TWICE
    @pytest.mark.django_db(transaction=True)
    def test_are_committed_for_tests_that_commit(self, turn: str, escrow: EscrowAccount) -> None:
        assert not connection.in_atomic_block
        assert STAGE.levels == []
        assert EscrowAccount.objects.count() == 1


class TestWhatFixturesReturned:
    @TWICE
    def test_is_each_tests_own_copy(self, turn: str, named: list[User]) -> None:
        [user] = named
        assert user.full_name == "Nina Named"
        user.full_name = "Changed"
        named.append(user)

    @TWICE
    def test_is_one_object_wherever_it_is_seen(self, turn: str, named: list[User], crew: dict[str, User]) -> None:
        assert crew["nina"] is named[0]

    def test_may_not_be_a_function_or_made_of_what_belongs_to_a_test(self, named: list[User]) -> None:
        with pytest.raises(TypeError, match="client is neither staged nor a plain value"):
            STAGE._require_known(factories.make_user, {"client": object()})


class TestTheClock:
    @TWICE
    def test_says_what_it_said_when_the_stage_was_set(self, turn: str, later: datetime, named: list[User]) -> None:
        assert timedelta(0) <= clock.now() - later < timedelta(seconds=30)
        clock.advance(timedelta(days=3))
