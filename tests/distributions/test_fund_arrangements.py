"""Funds of a sponsor: drawn up by one person, activated by another, an offering in one fund at most, then unchanged."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from distributions.models import FundArrangement
from distributions.operations import fund_arrangements, terms
from distributions.operations.fund_arrangements import (
    ActivatorDrewUp,
    FundChanged,
    FundNotDraft,
    FundReasonMissing,
    InAnotherFund,
    NoFund,
)
from distributions.queries import fund_arrangements as queries
from realco.errors import NotPermitted, Refusal
from realco.models import AuditEvent, Offering, User
from tests import factories
from tests.conftest import close_connections
from tests.distributions.deals import NOW, Deal, make_deal
from tests.stages import staged

D = Decimal


def drawn_up(*deals: Deal, name: str = "Fund I", tax: str = "0.37", **changes: Any) -> FundArrangement:
    """A fund of these deals, measured by the terms of the first."""
    said: dict[str, Any] = {
        "name": name,
        "offerings": [deal.offering for deal in deals],
        "terms": deals[0].offering.waterfall_terms.get(status="ACTIVE"),
        "tax_rate": D(tax),
        "by": deals[0].operator,
        "at": NOW,
        **changes,
    }
    return fund_arrangements.draft(deals[0].offering.organization, **said)


def activated(*deals: Deal, **changes: Any) -> FundArrangement:
    return sign(drawn_up(*deals, **changes), deals[0].approver)


def sign(arrangement: FundArrangement, approver: User) -> FundArrangement:
    said = queries.content_hash(arrangement)
    return fund_arrangements.activate(arrangement, content_hash=said, approver=approver, at=NOW)


@staged
def first() -> Deal:
    return make_deal()


@staged
def second(first: Deal) -> Deal:
    return make_deal(beside=first)


@pytest.mark.django_db
class TestDraft:
    def test_counts_for_nothing(self, first: Deal, second: Deal) -> None:
        arrangement = drawn_up(first, second)

        assert (arrangement.status, arrangement.version) == ("DRAFT", 1)
        assert {offering.pk for offering in queries.offerings(arrangement)} == {first.offering.pk, second.offering.pk}
        assert queries.of_offering(first.offering.pk) is None
        assert list(queries.activation_queue(first.approver)) == [arrangement]
        assert list(queries.activation_queue(first.operator)) == []

    def test_refuses_people_without_permission(self, first: Deal, second: Deal) -> None:
        for person in (first.approver, first.investors[0], first.offering.organization.owner):
            with pytest.raises(NotPermitted):
                drawn_up(first, second, by=person)

    def test_refuses_an_empty_fund_and_one_of_a_single_offering(self, first: Deal) -> None:
        for offerings in ([], [first.offering]):
            with pytest.raises(NoFund, match="2 to 40 offerings"):
                drawn_up(first, offerings=offerings)
        with pytest.raises(NoFund, match="once"):
            drawn_up(first, offerings=[first.offering] * 2)

    def test_refuses_an_offering_of_somebody_else(self, first: Deal) -> None:
        stranger = factories.make_offering(operator=first.operator, at=NOW, name="Oak Road")
        with pytest.raises(NoFund, match=r"Oak Road .* is not Elm Street Sponsor"):
            drawn_up(first, offerings=[first.offering, stranger])

    def test_refuses_several_currencies(self, first: Deal, second: Deal) -> None:
        # There is one currency so far; an offering in another one exists only here, not in the database.
        foreign = Offering(organization=first.offering.organization, name="Rue du Bac", currency="EUR")
        with pytest.raises(NoFund, match="EUR and USD"):
            fund_arrangements.require_one_fund(first.offering.organization, [first.offering, foreign])

    @pytest.mark.parametrize("tax", ["-0.1", "1.1", "NaN", "0.1234567"])
    def test_refuses_a_tax_that_is_no_part(self, first: Deal, second: Deal, tax: str) -> None:
        with pytest.raises(NoFund, match="tax"):
            drawn_up(first, second, tax=tax)

    @pytest.mark.parametrize("name", ["", "   ", "x" * 121])
    def test_refuses_a_name_that_is_none(self, first: Deal, second: Deal, name: str) -> None:
        with pytest.raises(NoFund, match="name"):
            drawn_up(first, second, name=name)

    def test_refuses_terms_that_nobody_activated_or_that_are_of_no_offering_of_it(
        self, first: Deal, second: Deal
    ) -> None:
        draft = terms.draft_from_template(
            first.offering,
            template="three_hurdle_promote",
            effective_from=date(2026, 1, 1),
            by=first.operator,
            at=NOW,
        )
        with pytest.raises(NoFund, match="activate it first"):
            drawn_up(first, second, terms=draft)
        other = make_deal()
        with pytest.raises(NoFund, match="one of its offerings"):
            drawn_up(first, second, terms=other.offering.waterfall_terms.get())

    def test_refuses_an_offering_of_another_fund(self, first: Deal, second: Deal) -> None:
        activated(first, second)
        third = make_deal(beside=first)
        with pytest.raises(InAnotherFund, match="Fund I"):
            drawn_up(second, third, name="Fund II")


@pytest.mark.django_db
class TestActivate:
    def test_counts_from_then_on_and_says_so_in_the_audit_trail(self, first: Deal, second: Deal) -> None:
        arrangement = activated(first, second)

        assert (arrangement.status, arrangement.activated_by) == ("ACTIVE", first.approver)
        assert queries.of_offering(second.offering.pk) == arrangement
        event = AuditEvent.objects.filter(entity_type="fund_arrangements").latest("sequence")
        assert (event.action, event.user_id) == ("fund.activate", first.approver.pk)

    def test_refuses_who_drew_it_up_and_who_may_not(self, first: Deal, second: Deal) -> None:
        arrangement = drawn_up(first, second)
        with pytest.raises(NotPermitted):
            sign(arrangement, first.operator)
        first.operator.groups.add(factories.make_group("Approvers"))
        with pytest.raises(ActivatorDrewUp):
            sign(arrangement, User.objects.get(pk=first.operator.pk))

    def test_refuses_what_was_not_read(self, first: Deal, second: Deal) -> None:
        arrangement = drawn_up(first, second)
        with pytest.raises(FundChanged):
            fund_arrangements.activate(arrangement, content_hash="0" * 64, approver=first.approver, at=NOW)

    def test_happens_once(self, first: Deal, second: Deal) -> None:
        arrangement = activated(first, second)
        with pytest.raises(FundNotDraft):
            sign(arrangement, first.second_approver)

    def test_supersedes_the_version_before(self, first: Deal, second: Deal) -> None:
        old = activated(first, second)
        third = make_deal(beside=first)

        new = activated(first, second, third, tax="0.40")

        old.refresh_from_db()
        assert (old.status, new.status, new.version) == ("SUPERSEDED", "ACTIVE", 2)
        assert queries.of_offering(third.offering.pk) == new
        connection.check_constraints()

    def test_refuses_a_version_older_than_the_one_in_force(self, first: Deal, second: Deal) -> None:
        old, new = drawn_up(first, second), drawn_up(first, second)
        sign(new, first.approver)
        with pytest.raises(NoFund, match="Version 2 of this fund is in force"):
            sign(old, first.approver)

    def test_refuses_when_another_fund_took_an_offering_meanwhile(self, first: Deal, second: Deal) -> None:
        late = drawn_up(first, second, name="Fund II")
        activated(first, second)
        with pytest.raises(InAnotherFund):
            sign(late, first.approver)

    def test_lets_an_offering_go_by_a_new_version(self, first: Deal, second: Deal) -> None:
        activated(first, second)
        third = make_deal(beside=first)
        activated(first, third)

        assert queries.of_offering(second.offering.pk) is None


@pytest.mark.django_db
class TestWithdraw:
    def test_puts_a_draft_aside(self, first: Deal, second: Deal) -> None:
        arrangement = drawn_up(first, second)
        with pytest.raises(FundReasonMissing):
            fund_arrangements.withdraw(arrangement, by=first.operator, reason=" ", at=NOW)
        with pytest.raises(NotPermitted):
            fund_arrangements.withdraw(arrangement, by=first.investors[0], reason="Wrong.", at=NOW)

        arrangement = fund_arrangements.withdraw(arrangement, by=first.approver, reason="Wrong tax.", at=NOW)

        assert (arrangement.status, arrangement.withdrawn_reason) == ("WITHDRAWN", "Wrong tax.")
        with pytest.raises(FundNotDraft):
            sign(arrangement, first.approver)


@pytest.mark.django_db
class TestWhoSees:
    def test_staff_all_and_the_sponsor_what_is_activated(self, first: Deal, second: Deal) -> None:
        arrangement = drawn_up(first, second)
        owner = first.offering.organization.owner
        assert list(queries.visible_to(first.operator)) == [arrangement]
        assert list(queries.visible_to(owner)) == []

        sign(arrangement, first.approver)

        assert list(queries.visible_to(owner)) == [arrangement]
        stranger = factories.make_sponsor("Somebody Else", "Sam Stranger", at=NOW).owner
        for person in (stranger, first.investors[0]):
            assert list(queries.visible_to(person)) == []


@pytest.mark.django_db
class TestTheDatabase:
    def refuse(self, sql: str, *values: Any) -> str:
        with pytest.raises(DatabaseError) as refusal, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, values)
        return str(refusal.value)

    def test_keeps_what_was_drawn_up(self, first: Deal, second: Deal) -> None:
        arrangement = activated(first, second)
        for change in ("tax_rate = 0", "name = 'Another'", "note = 'x'", "content_hash = ''", "activated_at = now()"):
            self.refuse(f"UPDATE fund_arrangements SET {change} WHERE id = %s", arrangement.pk)
        connection.check_constraints()
        for table in ("fund_arrangements", "fund_deals"):
            assert "refused" in self.refuse(f"DELETE FROM {table}")
            assert "refused" in self.refuse(f"TRUNCATE {table} CASCADE")
        third = make_deal(beside=first)
        insert = "INSERT INTO fund_deals (id, arrangement_id, offering_id, created_at) VALUES (%s, %s, %s, now())"
        said = self.refuse(insert, third.offering.pk, arrangement.pk, third.offering.pk)
        assert "never changes" in said

    def test_takes_no_offering_of_somebody_else(self, first: Deal, second: Deal) -> None:
        arrangement, stranger = drawn_up(first, second), make_deal()
        insert = "INSERT INTO fund_deals (id, arrangement_id, offering_id, created_at) VALUES (%s, %s, %s, now())"
        assert "not of the sponsor" in self.refuse(insert, arrangement.pk, arrangement.pk, stranger.offering.pk)

    def test_lets_nobody_activate_alone(self, first: Deal, second: Deal) -> None:
        arrangement = drawn_up(first, second)
        sql = (
            "UPDATE fund_arrangements SET status = 'ACTIVE', activated_at = now(), activated_by_id = created_by_id,"
            " content_hash = repeat('0', 64) WHERE id = %s"
        )
        assert "fund_arrangements_four_eyes" in self.refuse(sql, arrangement.pk)
        assert "activated_by_somebody" in self.refuse(
            "UPDATE fund_arrangements SET status = 'ACTIVE' WHERE id = %s", arrangement.pk
        )

    def test_lets_no_offering_be_in_two_funds(self, first: Deal, second: Deal) -> None:
        late = drawn_up(first, second, name="Fund II")
        activated(first, second)
        sql = (
            "UPDATE fund_arrangements SET status = 'ACTIVE', activated_at = now(), activated_by_id = %s,"
            " content_hash = repeat('0', 64) WHERE id = %s"
        )
        assert "in another fund" in self.refuse(sql, first.approver.pk, late.pk)

    def test_lets_no_fund_end_unseen(self, first: Deal, second: Deal) -> None:
        arrangement = activated(first, second)
        sql = "UPDATE fund_arrangements SET status = 'SUPERSEDED', superseded_at = now() WHERE id = %s"
        with pytest.raises(DatabaseError, match="no later version"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(sql, [arrangement.pk])
            connection.check_constraints()


@pytest.mark.django_db(transaction=True)
def test_of_two_funds_that_want_an_offering_at_once_one_gets_it() -> None:
    one = make_deal(["1000.00"])
    others = [make_deal(["1000.00"], beside=one) for _ in range(2)]
    funds = [drawn_up(one, other, name=f"Fund {n}") for n, other in enumerate(others)]

    def attempt(arrangement: FundArrangement) -> str:
        try:
            sign(FundArrangement.objects.get(pk=arrangement.pk), one.approver)
        except Refusal as refusal:
            return type(refusal).__name__
        finally:
            close_connections()
        return "activated"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(attempt, funds)) == ["InAnotherFund", "activated"]
    assert FundArrangement.objects.filter(status="ACTIVE").count() == 1
