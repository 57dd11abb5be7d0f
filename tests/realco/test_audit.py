"""The audit trail: every change, by whatever road, with before and after, who, from where and why."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.contrib.auth.models import Group
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.test import Client

from compliance.models import InvestorProfile
from compliance.operations import profiles
from escrow.models import EscrowAccount
from finance.models import BankAccount
from finance.operations import bank_accounts
from realco import audit
from realco.models import AuditEvent, Offering, Organization, User
from tests import factories

OURS = ("realco", "compliance", "escrow", "finance", "distributions")
BANKS_OWN = {"sandbox_transfers", "sandbox_lost_requests", "sandbox_deliveries", "sandbox_statement_lines"}
PRIVILEGES = {"auth_group", "auth_group_permissions", "users_groups", "users_user_permissions"}
TRIGGERS = """
    SELECT c.relname, array_agg(e.event ORDER BY e.event)
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
     CROSS JOIN LATERAL (VALUES ('INSERT', 4), ('DELETE', 8), ('UPDATE', 16)) AS e (event, bit)
     WHERE p.proname = %s AND t.tgtype & e.bit > 0 AND t.tgenabled = 'O' GROUP BY c.relname
"""
ACCOUNT_NUMBER = "123456789012"


def business_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in OURS]


def triggers(function: str) -> dict[str, list[str]]:
    """The tables on which a database function fires, and for what."""
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS, [function])
        return dict(cursor.fetchall())


def trail(row: models.Model, **filters: object) -> list[AuditEvent]:
    """A row's events, oldest first."""
    found = AuditEvent.objects.filter(entity_type=row._meta.db_table, entity_id=str(row.pk), **filters)
    return list(found.order_by("sequence"))


@pytest.fixture
def organization(db: None) -> Organization:
    return Organization.objects.create(name="Elm", kind="SPONSOR", owner=factories.make_user("Olga Owner"))


@pytest.fixture
def ivy(db: None) -> User:
    return factories.make_user("Ivy Investor")


@pytest.fixture
def bank_account(ivy: User, at: datetime) -> BankAccount:
    return bank_accounts.add(
        ivy, account_number=ACCOUNT_NUMBER, routing_number=factories.ROUTING, holder_name="Ivy", by=ivy, at=at
    )


@pytest.mark.django_db
class TestCoverage:
    def test_every_business_table_and_every_privilege_is_audited(self) -> None:
        wanted = {model._meta.db_table for model in business_models()} - BANKS_OWN - {"audit_events"} | PRIVILEGES
        found = triggers("realco_audit")
        assert len(wanted) > 30
        assert set(found) == wanted
        partly = {table: events for table, events in found.items() if events != ["DELETE", "INSERT", "UPDATE"]}
        # A posting is one event, a digest of the entry and its lines; balances that follow it are none (ADR 20). What
        # compliance answers about a payment is one (ADR 48).
        assert partly == {
            "compliance_checks": ["DELETE", "UPDATE"],
            "journal_entries": ["DELETE", "UPDATE"],
            "escrow_ledger_entries": ["DELETE", "UPDATE"],
            "ledger_accounts": ["DELETE", "INSERT"],
            "escrow_accounts": ["DELETE", "INSERT"],
        }
        assert triggers("compliance_audit_answers") == {"compliance_checks": ["INSERT"]}
        assert triggers("ledger_audit_journal_entries") == {"journal_entries": ["INSERT"]}
        assert triggers("escrow_audit_accounts") == {"escrow_accounts": ["UPDATE"]}

    def test_every_audited_row_has_the_id_that_its_events_name(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_name FROM information_schema.columns WHERE column_name = 'id' AND table_schema = 'public'"
            )
            having_an_id = {table for (table,) in cursor.fetchall()}
        assert set(triggers("realco_audit")) <= having_an_id

    def test_every_encrypted_column_is_named_secret(self) -> None:
        wanted = {
            (model._meta.db_table, field.column)
            for model in business_models()
            for field in model._meta.concrete_fields
            if type(field).__module__ == "realco.encryption"
        } | {("users", "password")}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT c.relname, encode(t.tgargs, 'escape') FROM pg_trigger t"
                " JOIN pg_class c ON c.oid = t.tgrelid"
                " JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.proname = 'realco_audit' AND t.tgnargs > 0"
            )
            found = {
                (table, column)
                for table, arguments in cursor.fetchall()
                for column in arguments.removesuffix("\\000").split(",")
                if column
            }
        assert len(wanted) > 3
        assert wanted <= found


@pytest.mark.django_db
class TestEveryRoad:
    def test_a_new_row_is_shown_whole(self, organization: Organization) -> None:
        [event] = trail(organization)
        assert event.operation == "INSERT"
        assert event.changes["before"] is None
        assert event.changes["after"]["name"] == "Elm"

    @pytest.mark.parametrize("road", ["save", "update", "bulk_update", "raw SQL", "updating CTE"])
    def test_a_change_is_shown_before_and_after(self, organization: Organization, road: str) -> None:
        if road == "save":
            organization.name = "Oak"
            organization.save()
        elif road == "update":
            Organization.objects.filter(pk=organization.pk).update(name="Oak")
        elif road == "bulk_update":
            organization.name = "Oak"
            Organization.objects.bulk_update([organization], ["name"])
        else:
            change = "UPDATE organizations SET name = 'Oak' WHERE id = %s"
            sql = (
                change if road == "raw SQL" else f"WITH changed AS ({change} RETURNING id) SELECT count(*) FROM changed"
            )
            with connection.cursor() as cursor:
                cursor.execute(sql, [organization.pk])
        assert trail(organization)[-1].changes == {"before": {"name": "Elm"}, "after": {"name": "Oak"}}

    @pytest.mark.parametrize("road", ["delete", "queryset", "raw SQL"])
    def test_a_deleted_row_is_shown_as_it_was(self, organization: Organization, road: str) -> None:
        pk = organization.pk
        if road == "delete":
            organization.delete()
        elif road == "queryset":
            Organization.objects.filter(pk=pk).delete()
        else:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM organizations WHERE id = %s", [pk])
        event = AuditEvent.objects.get(entity_id=str(pk), operation="DELETE")
        assert (event.changes["before"]["name"], event.changes["after"]) == ("Elm", None)

    def test_one_statement_on_many_rows_is_an_event_for_each(self, organization: Organization) -> None:
        owner = organization.owner
        Organization.objects.bulk_create([Organization(name=str(n), kind="SPONSOR", owner=owner) for n in range(20)])
        Organization.objects.filter(owner=owner).update(kind="PLATFORM")
        assert AuditEvent.objects.filter(entity_type="organizations", operation="INSERT").count() == 21
        assert AuditEvent.objects.filter(entity_type="organizations", operation="UPDATE").count() == 21

    def test_a_statement_on_very_many_rows_says_of_each_what_it_says_of_one(
        self, organization: Organization, at: datetime
    ) -> None:
        def changed(number: int) -> dict[str, Any]:
            """Change some rows with one statement; return what the trail says of the first two, by their names."""
            rows = [
                Offering(
                    organization=organization, name=f'"{n}" \\', slug=f"of-{number}-{n}", exemption="REG_CF",
                    minimum_amount="1.00", maximum_amount="2.50", minimum_investment="0.50", deadline_at=at,
                    opened_at=at if n % 2 else None,
                )
                for n in range(number)
            ]  # fmt: skip
            Offering.objects.bulk_create(rows)
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE offerings SET location = name || E'\\n', maximum_amount = maximum_amount * 3, slug = slug,"
                    " opened_at = CASE WHEN opened_at IS NULL THEN deadline_at END WHERE slug LIKE %s",
                    [f"of-{number}-%"],
                )
            told = [trail(row, operation="UPDATE") for row in rows]
            assert {len(events) for events in told} == {1}
            return {row.name: events[0].changes for row, events in zip(rows[:2], told, strict=False)}

        few, many = changed(2), changed(120)

        assert few == many
        assert many['"1" \\']["before"] == {"location": "", "maximum_amount": 2.5, "opened_at": at.isoformat()}
        assert many['"0" \\']["after"]["location"] == '"0" \\\n'

    @pytest.mark.slow
    def test_very_many_rows_after_one_are_told_in_time(self, organization: Organization) -> None:
        """The plan of the first statement of a session is kept; looped over thirty thousand rows it took 26 s."""
        owner = organization.owner
        Organization.objects.filter(pk=organization.pk).update(kind="PLATFORM")
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO organizations (id, name, kind, owner_id, created_at)"
                " SELECT gen_random_uuid(), n::text, 'SPONSOR', %s, now() FROM generate_series(1, 30000) n",
                [owner.pk],
            )
            cursor.execute("SET LOCAL statement_timeout = '12s'")
        assert Organization.objects.filter(owner=owner, kind="SPONSOR").update(kind="PLATFORM") == 30_000
        assert AuditEvent.objects.filter(entity_type="organizations", operation="UPDATE").count() == 30_001

    def test_who_may_write_may_number_events_without_another_grant(self, organization: Organization) -> None:
        """Migrations grant the application nothing, and it goes on while they run."""
        with connection.cursor() as cursor:
            cursor.execute("CREATE ROLE newcomer")
            cursor.execute("GRANT USAGE ON SCHEMA public TO newcomer")
            cursor.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO newcomer")
            cursor.execute("GRANT USAGE ON SEQUENCE audit_events_sequence TO newcomer")
            cursor.execute("SET LOCAL ROLE newcomer")
            cursor.execute("UPDATE organizations SET name = 'Oak' WHERE id = %s", [organization.pk])
            cursor.execute("RESET ROLE")
        assert trail(organization)[-1].database_role == connection.settings_dict["USER"]

    def test_very_many_rows_that_stay_leave_nothing(self, organization: Organization) -> None:
        owner = organization.owner
        Organization.objects.bulk_create([Organization(name=str(n), kind="SPONSOR", owner=owner) for n in range(70)])
        Organization.objects.filter(owner=owner).update(kind="SPONSOR")
        assert not AuditEvent.objects.filter(entity_type="organizations", operation="UPDATE").exists()

    def test_a_statement_that_changes_nothing_leaves_nothing(self, organization: Organization) -> None:
        Organization.objects.filter(pk=organization.pk).update(name="Elm")
        assert len(trail(organization)) == 1

    def test_privileges_given_and_taken_are_there(self, ivy: User) -> None:
        group = Group.objects.create(name="Strangers")
        ivy.groups.add(group)
        ivy.groups.clear()
        events = AuditEvent.objects.filter(entity_type="users_groups", changes__icontains=str(ivy.pk))
        assert list(events.order_by("sequence").values_list("operation", flat=True)) == ["INSERT", "DELETE"]


@pytest.mark.django_db
class TestWho:
    def test_names_person_action_reason_request_and_address(self, organization: Organization, ivy: User) -> None:
        with audit.acting("organization.rename", by=ivy, reason="Sold", request_id="r-1", address="203.0.113.7"):
            Organization.objects.update(name="Oak")
        event = trail(organization)[-1]
        assert (event.user, event.action, event.reason) == (ivy, "organization.rename", "Sold")
        assert (event.request_id, event.ip_address) == ("r-1", "203.0.113.7")
        assert event.database_role == connection.settings_dict["USER"]

    def test_nobody_is_named_where_nobody_acts(self, organization: Organization, ivy: User) -> None:
        with audit.acting("organization.rename", by=ivy, reason="Sold", request_id="r-1", address="203.0.113.7"):
            Organization.objects.update(name="Oak")
        Organization.objects.update(name="Ash")
        event = trail(organization)[-1]
        assert (event.user, event.action, event.reason, event.request_id, event.ip_address) == (None, "", "", "", None)

    def test_an_operation_inside_another_inherits_what_it_does_not_say(
        self, organization: Organization, ivy: User
    ) -> None:
        otto = factories.make_user("Otto Other")
        with audit.acting("outer", by=ivy, reason="Why", request_id="r-1", address="203.0.113.7"):
            with audit.acting("inner"):
                Organization.objects.update(name="1")
            with audit.acting("other", by=otto, reason="Because"):
                Organization.objects.update(name="2")
            Organization.objects.update(name="3")
        found = [(e.user, e.action, e.reason, e.request_id, e.ip_address) for e in trail(organization)[1:]]
        assert found == [
            (ivy, "inner", "Why", "r-1", "203.0.113.7"),
            (otto, "other", "Because", "r-1", "203.0.113.7"),
            (ivy, "outer", "Why", "r-1", "203.0.113.7"),
        ]

    def test_a_block_left_by_an_exception_names_nobody_afterwards(self, organization: Organization, ivy: User) -> None:
        with pytest.raises(RuntimeError), audit.acting("organization.rename", by=ivy):
            raise RuntimeError
        Organization.objects.update(name="Oak")
        assert trail(organization)[-1].user is None

    def test_a_savepoint_rolled_back_does_not_forget_the_person(self, organization: Organization, ivy: User) -> None:
        with audit.acting("organization.rename", by=ivy), transaction.atomic():
            with pytest.raises(IntegrityError), transaction.atomic():
                Organization.objects.update(name="Oak")
                Organization.objects.create(name="Oak", kind="SPONSOR", owner=ivy)
            Organization.objects.update(name="Ash")
        events = trail(organization)
        assert [event.changes["after"]["name"] for event in events] == ["Elm", "Ash"]
        assert (events[-1].user, events[-1].action) == (ivy, "organization.rename")

    def test_a_broken_transaction_says_so_and_not_something_about_audit(self, organization: Organization) -> None:
        with pytest.raises(transaction.TransactionManagementError), transaction.atomic():
            with pytest.raises(IntegrityError), transaction.atomic(savepoint=False):
                Organization.objects.create(name="Elm", kind="SPONSOR", owner=organization.owner)
            with audit.acting("something.else"):
                Organization.objects.update(name="Oak")

    def test_posting_to_the_ledger_is_signed_too(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)
        with audit.acting(request_id="r-2"):
            factories.play(payment, at=at)
        events = AuditEvent.objects.filter(entity_type__in=["journal_entries", "escrow_ledger_entries"])
        assert events.count() == 3
        assert {len(event.changes["after"]["digest"]) for event in events} == {64}
        assert set(events.values_list("action", "request_id")) == {
            ("transaction.record_answer", "r-2"),
            ("transaction.settle", "r-2"),
            ("transaction.clear", "r-2"),
        }


@pytest.mark.django_db(transaction=True)
class TestRealTransactions:
    """What ``SET LOCAL`` promises shows only when transactions really end."""

    @pytest.fixture
    def rename(self) -> Iterator[Callable[[str], None]]:
        """Rename in a transaction that reads before it writes, as operations do."""

        def rename(name: str) -> None:
            with transaction.atomic():
                organization = Organization.objects.select_for_update().get()
                organization.name = name
                organization.save()

        yield rename

    def test_each_transaction_is_told_anew(
        self, organization: Organization, ivy: User, rename: Callable[[str], None]
    ) -> None:
        with audit.acting("organization.rename", by=ivy, request_id="r-3", address="203.0.113.7"):
            rename("1")
            rename("2")
            with transaction.atomic(), transaction.atomic():
                Organization.objects.update(name="3")
            Organization.objects.update(name="4")
            with connection.cursor() as cursor:
                cursor.execute("UPDATE organizations SET name = '5'")
        rename("6")
        Organization.objects.update(name="7")
        found = [(event.user, event.action, event.request_id) for event in trail(organization)[1:]]
        assert found == [(ivy, "organization.rename", "r-3")] * 5 + [(None, "", "")] * 2
        with connection.cursor() as cursor:
            cursor.execute("SELECT realco_setting('user_id'), realco_setting('request_id'), realco_setting('address')")
            assert cursor.fetchone() == (None, None, None)

    def test_a_transaction_rolled_back_leaves_no_event_and_no_person(
        self, organization: Organization, ivy: User, rename: Callable[[str], None]
    ) -> None:
        with audit.acting("organization.rename", by=ivy):
            with pytest.raises(RuntimeError), transaction.atomic():
                Organization.objects.update(name="Oak")
                raise RuntimeError
            rename("Ash")
        rename("Yew")
        assert [(e.changes["after"]["name"], e.user) for e in trail(organization)] == [
            ("Elm", None),
            ("Ash", ivy),
            ("Yew", None),
        ]


@pytest.mark.django_db
class TestSecrets:
    def everything(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT string_agg(changes::text, '') FROM audit_events")
            return str(cursor.fetchone()[0])

    def stored(self, row: models.Model, column: str) -> str:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {column} FROM {row._meta.db_table} WHERE id = %s", [row.pk])
            return str(cursor.fetchone()[0])

    def test_a_new_secret_shows_only_that_it_is_there(self, bank_account: BankAccount) -> None:
        ciphertext = self.stored(bank_account, "account_number")
        assert len(ciphertext) > 20
        assert trail(bank_account)[0].changes["after"]["account_number"] == "[encrypted]"
        assert ACCOUNT_NUMBER not in self.everything()
        assert ciphertext not in self.everything()

    def test_a_changed_secret_shows_only_that_it_changed(self, ivy: User, operator: User, at: datetime) -> None:
        profile = factories.make_profile(ivy, at)
        seen = {"900-10-1000", "900-10-2000"}
        for tax_id in sorted(seen):
            profile.refresh_from_db()
            profiles._set_tax_id(profile, tax_id)
            profile.save()
            seen.add(self.stored(profile, "tax_id"))
        changes = trail(profile, operation="UPDATE")[-1].changes
        assert (changes["before"]["tax_id"], changes["after"]["tax_id"]) == ("[encrypted]", "[encrypted, changed]")
        assert [secret for secret in seen if secret in self.everything()] == []

    def test_a_password_is_a_secret(self, ivy: User) -> None:
        before = ivy.password
        ivy.set_password("another horse battery")
        ivy.save()
        assert trail(ivy)[-1].changes["after"] == {"password": "[encrypted, changed]"}
        assert before not in self.everything()
        assert ivy.password not in self.everything()

    def test_an_empty_secret_is_shown_as_empty(self, ivy: User, at: datetime) -> None:
        profile = InvestorProfile.objects.create(user=ivy, legal_name="Ivy", created_at=at)
        assert trail(profile)[0].changes["after"]["tax_id"] in (None, "")


@pytest.mark.django_db
class TestAppendOnly:
    @pytest.mark.parametrize(
        "statement", ["UPDATE audit_events SET action = 'x'", "DELETE FROM audit_events", "TRUNCATE audit_events"]
    )
    def test_refuses_to_change_what_was_written(self, organization: Organization, statement: str) -> None:
        with pytest.raises(DatabaseError, match="kept as they are"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute(statement)

    def test_sequence_orders_events_whatever_the_clock_says(self, organization: Organization) -> None:
        for name in "abc":
            Organization.objects.update(name=name)
        sequences = [event.sequence for event in trail(organization)]
        assert sequences == sorted(set(sequences))


@pytest.mark.django_db
class TestPeople:
    """Events and payments name people without a foreign key each: the database looks them up for a whole statement."""

    def test_an_event_names_nobody_who_is_not_there(self, organization: Organization) -> None:
        stranger = User(pk=uuid4(), full_name="Nobody")
        with pytest.raises(DatabaseError, match=r"names user .* who does not exist"), transaction.atomic():
            with audit.acting("test", by=stranger):
                Organization.objects.update(name="Other")

    def test_people_are_kept(self, ivy: User) -> None:
        for statement in ("DELETE FROM users WHERE id = %s", "UPDATE users SET id = gen_random_uuid() WHERE id = %s"):
            with pytest.raises(DatabaseError, match=r"kept as they are|never changes"), transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(statement, [ivy.pk])

    def test_what_is_named_keeps_its_id(self, escrow: EscrowAccount) -> None:
        for table in ("offerings", "escrow_accounts"):
            with pytest.raises(DatabaseError, match=f"{table}.id never changes"), transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(f"UPDATE {table} SET id = gen_random_uuid()")


@pytest.mark.django_db
class TestRequests:
    @pytest.fixture
    def sign_in(self, ivy: User) -> Callable[..., AuditEvent]:
        """Change one's own row through a door: signing in writes last_login."""

        def sign_in(**headers: Any) -> AuditEvent:
            credentials = {"username": ivy.email, "password": "correct horse battery"}
            response = Client().post("/sign-in/", credentials, follow=False, **headers)
            assert response.status_code == 302, response.content[:2000]
            event = trail(ivy, operation="UPDATE")[-1]
            assert event.request_id == response["X-Request-Id"]
            return event

        return sign_in

    def test_request_id_and_address_are_stamped(self, sign_in: Callable[..., AuditEvent]) -> None:
        first, second = sign_in(REMOTE_ADDR="198.51.100.1"), sign_in(REMOTE_ADDR="198.51.100.2")
        assert (first.ip_address, second.ip_address) == ("198.51.100.1", "198.51.100.2")
        assert first.request_id != second.request_id

    @pytest.mark.parametrize(
        ("proxies", "forwarded", "expected"),
        [
            (0, "203.0.113.9", "198.51.100.1"),
            (1, "", "198.51.100.1"),
            (1, "203.0.113.9", "203.0.113.9"),
            (1, "192.0.2.66, 203.0.113.9", "203.0.113.9"),
            (2, "192.0.2.66, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
            (2, "203.0.113.9", "198.51.100.1"),
            (1, "2001:db8::1", "2001:db8::1"),
            (1, "unknown", None),
            (1, "'; DROP TABLE users; --", None),
        ],
    )
    def test_forwarded_address_counts_only_from_our_own_proxies(
        self,
        sign_in: Callable[..., AuditEvent],
        settings: LazySettings,
        proxies: int,
        forwarded: str,
        expected: str | None,
    ) -> None:
        settings.TRUSTED_PROXIES = proxies
        event = sign_in(REMOTE_ADDR="198.51.100.1", HTTP_X_FORWARDED_FOR=forwarded)
        assert event.ip_address == expected

    def test_the_person_signed_in_is_named(
        self, client: Client, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)
        client.force_login(investor)
        response = client.post(f"/payments/{payment.pk}/cancel/", REMOTE_ADDR="198.51.100.7")
        event = trail(payment)[-1]
        assert event.changes["after"]["status"] == "CANCELLED"
        assert (event.user, event.action, event.reason) == (
            investor,
            "transaction.cancel",
            "Cancelled by the investor.",
        )
        assert (event.request_id, event.ip_address) == (response["X-Request-Id"], "198.51.100.7")
