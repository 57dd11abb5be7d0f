"""Offerings: opened before their deadline, operated once funded, called off before any money was released."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from realco.errors import NotPermitted
from realco.models import AuditEvent, Offering, Organization, User
from realco.operations import offerings
from realco.operations.offerings import DeadlinePassed, OfferingReasonMissing, OfferingStateForbids
from tests import factories
from tests.stages import staged


@staged
def draft(operator: User, at: datetime) -> Offering:
    sponsor = Organization.objects.create(name="Sponsor", kind="SPONSOR", owner=factories.make_user("Sponsor"))
    return Offering.objects.create(
        organization=sponsor,
        name="Oak Street",
        slug="oak-street",
        minimum_amount=Decimal("1000"),
        maximum_amount=Decimal("2000"),
        minimum_investment=Decimal("100"),
        deadline_at=at + timedelta(days=30),
    )


class TestOpenRaise:
    def test_opens_a_draft(self, draft: Offering, operator: User, at: datetime) -> None:
        opened = offerings.open_raise(draft, by=operator, at=at)
        assert (opened.status, opened.opened_at, opened.is_raising) == ("OPEN", at, True)
        event = AuditEvent.objects.filter(entity_id=str(draft.pk)).latest("sequence")
        assert (event.action, event.user) == ("offering.open", operator)

    def test_refuses_twice_and_after_the_deadline(self, draft: Offering, operator: User, at: datetime) -> None:
        with pytest.raises(DeadlinePassed):
            offerings.open_raise(draft, by=operator, at=draft.deadline_at)
        offerings.open_raise(draft, by=operator, at=at)
        with pytest.raises(OfferingStateForbids):
            offerings.open_raise(draft, by=operator, at=at)

    def test_refuses_who_may_not(self, draft: Offering, investor: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            offerings.open_raise(draft, by=investor, at=at)


class TestBeginOperating:
    def test_refuses_before_it_is_funded(self, offering: Offering, operator: User, at: datetime) -> None:
        with pytest.raises(OfferingStateForbids):
            offerings.begin_operating(offering, by=operator, at=at)


class TestCallOff:
    def test_needs_a_reason(self, offering: Offering, operator: User, at: datetime) -> None:
        with pytest.raises(OfferingReasonMissing):
            offerings.call_off(offering, by=operator, reason=" ", at=at)
        assert offerings.call_off(offering, by=operator, reason="no permit", at=at).status == "CANCELLED"
        with pytest.raises(OfferingStateForbids):
            offerings.call_off(offering, by=operator, reason="again", at=at)


class TestTheDatabase:
    @pytest.mark.parametrize(
        "attack",
        [
            "UPDATE offerings SET status = 'OPERATING'",
            "UPDATE offerings SET status = 'DRAFT'",
            "UPDATE offerings SET maximum_amount = 1",
            "UPDATE offerings SET minimum_investment = 0",
            "UPDATE offerings SET currency = 'EUR'",
            "DELETE FROM offerings",
        ],
    )
    def test_refuses(self, attack: str, offering: Offering) -> None:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attack)
