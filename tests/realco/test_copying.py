"""Rows inserted by COPY are the rows an INSERT would have made, with triggers, constraints and audit events."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DataError, IntegrityError, transaction
from django.db.models import Q

from finance.models import BankAccount, FeeRule, Transaction
from realco import audit, copying, money
from realco.identifiers import new_id
from realco.models import AuditEvent, User
from tests import factories

pytestmark = pytest.mark.django_db
AT = datetime(2035, 3, 6, 17, 0, 0, 123456, tzinfo=UTC)
NASTY = 'a\ttab, a \\ backslash, "quotes", a\nline, \\N, émoji 🏠'


def rule(name: str, **fields: object) -> FeeRule:
    values = {"transaction_types": ["DEPOSIT", NASTY], "effective_from": date(2035, 1, 1), "created_at": AT, **fields}
    return FeeRule(name=name, **values)


class TestRead:
    def test_gives_the_rows_that_only_gives(self) -> None:
        copying.insert(FeeRule, [rule(NASTY[:60]), rule("rate", rate=Decimal("0.012500"), minimum=Decimal("3.00"))])
        asked = FeeRule.objects.filter(created_at=AT).order_by("name")

        found = copying.read(asked, ["id", "name", "rate"])

        assert found == list(asked)
        for row, same in zip(found, asked.only("name", "rate"), strict=True):
            assert row.get_deferred_fields() == same.get_deferred_fields()
            assert (row.name, row.rate, row.minimum) == (same.name, same.rate, same.minimum)

    def test_rows_can_be_saved(self) -> None:
        copying.insert(FeeRule, [rule("once")])
        [row] = copying.read(FeeRule.objects.filter(name="once"), ["id", "name"])

        row.effective_to = date(2036, 1, 1)
        row.save(update_fields=["effective_to"])

        assert FeeRule.objects.get(name="once").effective_to == date(2036, 1, 1)

    def test_answers_questions_and_stops_at_the_limit(self) -> None:
        copying.insert(FeeRule, [rule("a"), rule("b"), rule("c")])
        asked = FeeRule.objects.filter(created_at=AT).order_by("name")

        found = copying.read(asked, ["id"], limit=2, is_first=Q(name="a"))

        assert [row.__dict__["is_first"] for row in found] == [True, False]


class TestInsert:
    def test_writes_what_an_insert_writes(self) -> None:
        rows = [rule(NASTY[:60]), rule("rate", rate=Decimal("0.012500"), minimum=Decimal("3.00"))]

        copying.insert(FeeRule, rows)

        for row in rows:
            found = FeeRule.objects.get(pk=row.pk)
            for field in FeeRule._meta.concrete_fields:
                assert getattr(found, field.attname) == getattr(row, field.attname), field.name

    def test_takes_a_row_for_saved_afterwards(self) -> None:
        row = rule("once")
        copying.insert(FeeRule, [row])

        row.effective_to = date(2036, 1, 1)
        row.save()

        assert FeeRule.objects.get(pk=row.pk).effective_to == date(2036, 1, 1)

    def test_says_in_the_audit_trail_who_acts(self) -> None:
        person = factories.make_user("Copying Clerk")
        row = rule("audited")

        with audit.acting("fee_rules.copy", by=person), transaction.atomic():
            copying.insert(FeeRule, [row])

        event = AuditEvent.objects.get(entity_id=str(row.pk))
        assert (event.operation, event.action, event.user_id) == ("INSERT", "fee_rules.copy", person.pk)

    def test_is_refused_as_an_insert_is(self) -> None:
        with pytest.raises(IntegrityError, match="fee_rules_not_negative"), transaction.atomic():
            copying.insert(FeeRule, [rule("good"), rule("bad", rate=Decimal("-1"))])

        assert not FeeRule.objects.filter(name__in=["good", "bad"]).exists()

    def test_guesses_at_no_kind_of_value(self) -> None:
        with pytest.raises(TypeError, match="bytes"):
            copying.insert(FeeRule, [rule("bytes", minimum=b"1")])

    def test_of_nothing_does_nothing(self) -> None:
        copying.insert(FeeRule, [])


class TestPattern:
    def test_rows_are_like_it_but_for_what_is_given(self) -> None:
        owner, other = factories.make_user("Pat Tern"), factories.make_user("Olive Other")
        pattern = copying.Pattern(BankAccount(user=owner, added_by=owner, holder_name="Pat Tern", last_four="0001"))

        row = pattern.row(related={"user": other, "verified_by": None}, id=new_id(), last_four="0002")

        assert (row.holder_name, row.last_four, row.user_id, row.user) == ("Pat Tern", "0002", other.pk, other)
        assert (row.added_by, row.verified_by) == (owner, None)
        assert row._state.adding

    def test_a_related_row_does_not_outlive_its_column(self) -> None:
        owner, other = factories.make_user("Pat Tern"), factories.make_user("Olive Other")

        row = copying.Pattern(BankAccount(user=owner)).row(user_id=other.pk)

        assert row.user == other

    def test_rows_share_nothing_that_can_change(self) -> None:
        pattern = copying.Pattern(Transaction())
        first, second = pattern.row(id=new_id()), pattern.row(id=new_id())

        first.metadata["of"] = "the first"

        assert (second.metadata, pattern.row().metadata) == ({}, {})

    def test_knows_its_columns(self) -> None:
        with pytest.raises(TypeError, match="Transaction has no amout"):
            copying.Pattern(Transaction()).row(amout=Decimal("1.00"))

    def test_rows_are_inserted(self) -> None:
        pattern = copying.Pattern(rule("pattern"))
        rows = [pattern.row(id=new_id(), name=name) for name in ("first", "second")]

        copying.insert(FeeRule, rows)

        assert set(FeeRule.objects.filter(name__in=["first", "second", "pattern"])) == set(rows)


class TestUpdate:
    def test_writes_the_columns_and_no_others(self) -> None:
        people = [factories.make_user("First", is_staff=True), factories.make_user("Second")]
        people[0].full_name, people[0].is_staff = NASTY, False
        people[1].is_active, people[1].last_login = False, AT

        copying.update(people, ["full_name", "is_active", "last_login"])

        first, second = (User.objects.get(pk=person.pk) for person in people)
        assert (first.full_name, first.is_active, first.last_login, first.is_staff) == (NASTY, True, None, True)
        assert (second.full_name, second.is_active, second.last_login) == ("Second", False, AT)

    def test_is_refused_as_an_update_is(self) -> None:
        row = rule("good")
        copying.insert(FeeRule, [row])
        row.rate = Decimal("-1")

        with pytest.raises(IntegrityError, match=r"fee_rules\.rate never changes"), transaction.atomic():
            copying.update([row], ["rate"])

    def test_refuses_what_would_be_rounded_or_cut(self) -> None:
        person = factories.make_user("Longwinded")
        person.full_name = "x" * 201
        with pytest.raises(DataError, match="too long"), transaction.atomic():
            copying.update([person], ["full_name"])

        row = rule("in cents")
        copying.insert(FeeRule, [row])
        row.minimum = Decimal("1.005")
        with pytest.raises(money.InvalidAmount):
            copying.update([row], ["minimum"])

    def test_takes_no_json(self) -> None:
        with pytest.raises(TypeError, match="JSON"):
            copying.update([rule("json")], ["transaction_types"])

    def test_of_nothing_does_nothing(self) -> None:
        copying.update([], ["rate"])
