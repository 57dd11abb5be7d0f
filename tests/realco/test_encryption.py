"""Encrypted columns open only in their own row, and never hand out what they cannot read."""

import base64
import logging
import pickle
from typing import Any, ClassVar

import pytest
from django.apps.registry import Apps
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection, models
from django.db.migrations.writer import MigrationWriter
from django.db.transaction import atomic
from django.test import override_settings
from pytest_django import Settings

from realco import encryption
from realco.encryption import (
    EncryptedCharField,
    EncryptedTextField,
    EncryptedValueNeedsItsRow,
    EncryptedValueUnreadable,
    Sealed,
    blind_index,
    generate_key,
    last_four,
)
from realco.identifiers import new_id

NUMBER = "000123456789"
OTHER = "000987654321"


class Vault(models.Model):  # noqa: DJ008
    """A throw-away model with a registry of its own, so that no migration ever sees it."""

    id = models.UUIDField(primary_key=True, default=new_id)
    number = EncryptedTextField()
    spare = EncryptedCharField(max_length=40, null=True, blank=True)
    label = models.TextField(default="")
    objects: ClassVar[models.Manager["Vault"]] = models.Manager()

    class Meta:
        app_label = "vaults"
        apps = Apps()
        constraints = [models.CheckConstraint(name="vaults_label", condition=~models.Q(label="forbidden"))]


class Counted(models.Model):  # noqa: DJ008
    """A model whose primary key the database assigns."""

    number = EncryptedTextField()
    objects: ClassVar[models.Manager["Counted"]] = models.Manager()

    class Meta:
        app_label = "vaults"
        apps = Apps()


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> dict[str, str]:
    settings.FIELD_ENCRYPTION_KEYS = {"k1": generate_key()}
    return dict(settings.FIELD_ENCRYPTION_KEYS)


@pytest.fixture
def tables(db: None) -> None:
    with connection.schema_editor() as editor:
        editor.create_model(Vault)
        editor.create_model(Counted)


def stored(vault: Vault, column: str = "number") -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM vaults_vault WHERE id = %s", [vault.pk])
        return str(cursor.fetchone()[0])


def write_raw(vault: Vault, text: str, column: str = "number") -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE vaults_vault SET {column} = %s WHERE id = %s", [text, vault.pk])


def reread(vault: Vault) -> Vault:
    return Vault.objects.get(pk=vault.pk)


@pytest.mark.usefixtures("tables")
class TestSaving:
    def test_reads_back_what_was_saved(self) -> None:
        vault = Vault.objects.create(number=NUMBER, spare="naïve ✓")

        assert reread(vault).number == NUMBER
        assert reread(vault).spare == "naïve ✓"

    def test_the_database_holds_no_clear_text(self) -> None:
        vault = Vault.objects.create(number=NUMBER)

        assert stored(vault).startswith("rc1:")
        assert NUMBER not in stored(vault)
        assert base64.b64encode(NUMBER.encode()).decode()[:8] not in stored(vault)

    def test_nothing_stays_nothing(self) -> None:
        vault = Vault.objects.create(number=NUMBER, spare=None)

        assert reread(vault).spare is None
        assert Vault.objects.filter(spare__isnull=True).count() == 1

    def test_the_empty_text_is_encrypted_too(self) -> None:
        vault = Vault.objects.create(number="")

        assert stored(vault).startswith("rc1:")
        assert reread(vault).number == ""

    def test_the_same_value_never_looks_the_same(self) -> None:
        assert stored(Vault.objects.create(number=NUMBER)) != stored(Vault.objects.create(number=NUMBER))

    def test_saving_for_another_reason_leaves_the_column_as_it_is(self) -> None:
        vault = Vault.objects.create(number=NUMBER)
        before = stored(vault)

        vault.label = "still mine"
        vault.save()
        again = reread(vault)
        again.number = NUMBER
        again.full_clean()
        again.save()
        again.refresh_from_db()
        again.save()

        assert stored(vault) == before

    def test_a_new_value_replaces_the_old(self) -> None:
        vault = reread(Vault.objects.create(number=NUMBER))

        vault.number = OTHER
        vault.save(update_fields=["number"])

        assert reread(vault).number == OTHER

    def test_text_that_looks_encrypted_is_encrypted_like_any_other(self) -> None:
        victim = Vault.objects.create(number=NUMBER)

        thief = Vault.objects.create(number=stored(victim))

        assert reread(thief).number == stored(victim)

    def test_works_through_bulk_create(self) -> None:
        made = Vault.objects.bulk_create([Vault(number=NUMBER), Vault(number=OTHER)])

        assert [reread(vault).number for vault in made] == [NUMBER, OTHER]

    def test_a_deferred_column_is_opened_when_it_is_asked_for(self) -> None:
        Vault.objects.create(number=NUMBER)
        vault = Vault.objects.defer("number").get()

        assert "number" in vault.get_deferred_fields()
        assert vault.number == NUMBER

    def test_a_copied_row_takes_along_what_was_read(self) -> None:
        original = Vault.objects.create(number=NUMBER)
        copy = reread(original)
        assert copy.number == NUMBER

        copy.pk, copy._state.adding = new_id(), True
        copy.save()

        assert reread(copy).number == NUMBER
        assert reread(original).number == NUMBER

    def test_a_copied_row_that_was_never_read_is_refused(self) -> None:
        copy = reread(Vault.objects.create(number=NUMBER))

        copy.pk, copy._state.adding = new_id(), True

        with pytest.raises(EncryptedValueUnreadable):
            copy.save()


@pytest.mark.usefixtures("tables")
class TestTampering:
    def test_ciphertexts_swapped_between_rows_do_not_open(self) -> None:
        one, two = Vault.objects.create(number=NUMBER), Vault.objects.create(number=OTHER)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE vaults_vault AS here SET number = there.number FROM vaults_vault AS there "
                "WHERE here.id <> there.id"
            )

        for vault in (one, two):
            with pytest.raises(EncryptedValueUnreadable, match="another row or column"):
                _ = reread(vault).number

    def test_a_ciphertext_moved_to_another_column_does_not_open(self) -> None:
        vault = Vault.objects.create(number=NUMBER, spare=OTHER)
        write_raw(vault, stored(vault), column="spare")

        with pytest.raises(EncryptedValueUnreadable):
            _ = reread(vault).spare

    def test_a_ciphertext_copied_by_a_query_does_not_open(self) -> None:
        vault = Vault.objects.create(number=NUMBER)
        Vault.objects.update(spare=models.F("number"))

        with pytest.raises(EncryptedValueUnreadable):
            _ = reread(vault).spare

    def test_every_changed_byte_is_noticed(self) -> None:
        vault = Vault.objects.create(number=NUMBER)
        text = stored(vault)
        raw = bytearray(base64.urlsafe_b64decode(text[4:] + "=" * (-len(text[4:]) % 4)))

        for place in range(len(raw)):
            changed = bytes(raw[:place]) + bytes([raw[place] ^ 1]) + bytes(raw[place + 1 :])
            write_raw(vault, "rc1:" + base64.urlsafe_b64encode(changed).decode().rstrip("="))
            with pytest.raises(EncryptedValueUnreadable):
                _ = reread(vault).number

    @pytest.mark.parametrize("text", ["", NUMBER, "rc1:", "rc1:!!!!", "rc1:AQ", "rc2:AA", "rc1:é", "rc1:AQJrMQ"])
    def test_raw_text_is_never_handed_out(self, text: str) -> None:
        vault = Vault.objects.create(number=NUMBER)
        write_raw(vault, text)

        with pytest.raises(EncryptedValueUnreadable):
            _ = reread(vault).number

    def test_an_unknown_key_is_named_and_the_value_is_not(self, settings: Settings) -> None:
        vault = Vault.objects.create(number=NUMBER)
        settings.FIELD_ENCRYPTION_KEYS = {"k9": generate_key()}

        with pytest.raises(EncryptedValueUnreadable, match="'k1', which is not configured") as unreadable:
            _ = reread(vault).number

        assert NUMBER not in str(unreadable.value)
        assert stored(vault) not in str(unreadable.value)

    def test_a_wrong_key_under_a_known_id_does_not_open(self, settings: Settings) -> None:
        vault = Vault.objects.create(number=NUMBER)
        settings.FIELD_ENCRYPTION_KEYS = {"k1": generate_key()}

        with pytest.raises(EncryptedValueUnreadable):
            _ = reread(vault).number

    def test_an_unreadable_row_may_still_be_marked(self, settings: Settings) -> None:
        vault = Vault.objects.create(number=NUMBER)
        before = stored(vault)
        settings.FIELD_ENCRYPTION_KEYS = {"k9": generate_key()}

        row = reread(vault)
        row.label = "suspended"
        row.save()

        assert stored(vault) == before

    def test_an_unreadable_value_can_be_replaced(self) -> None:
        vault = Vault.objects.create(number=NUMBER)
        write_raw(vault, "rc1:damaged")

        row = reread(vault)
        row.number = OTHER
        row.save()

        assert reread(vault).number == OTHER


@pytest.mark.usefixtures("tables")
class TestRotation:
    def test_old_keys_still_open_and_the_first_one_encrypts(self, settings: Settings, keys: dict[str, str]) -> None:
        old = Vault.objects.create(number=NUMBER)
        settings.FIELD_ENCRYPTION_KEYS = {"k2": generate_key(), **keys}
        new = Vault.objects.create(number=OTHER)

        assert reread(old).number == NUMBER
        assert Sealed(stored(old)).key_id == "k1"
        assert Sealed(stored(new)).key_id == "k2"

    def test_saving_a_row_moves_it_to_the_first_key(self, settings: Settings, keys: dict[str, str]) -> None:
        vault = Vault.objects.create(number=NUMBER, spare=OTHER)
        fresh = {"k2": generate_key()}
        settings.FIELD_ENCRYPTION_KEYS = {**fresh, **keys}
        reread(vault).save()

        settings.FIELD_ENCRYPTION_KEYS = fresh

        assert reread(vault).number == NUMBER
        assert reread(vault).spare == OTHER


@pytest.mark.usefixtures("tables")
class TestQueries:
    def test_an_update_with_a_clear_value_is_refused(self) -> None:
        vault = Vault.objects.create(number=NUMBER)

        with pytest.raises(EncryptedValueNeedsItsRow, match="save the instance") as refusal, atomic():
            Vault.objects.update(number=OTHER)

        assert OTHER not in str(refusal.value)
        assert reread(vault).number == NUMBER

    def test_bulk_update_is_refused(self) -> None:
        vault = Vault.objects.create(number=NUMBER)
        vault.number = OTHER

        with pytest.raises(EncryptedValueNeedsItsRow):
            Vault.objects.bulk_update([vault], ["number"])

    def test_an_update_to_nothing_works(self) -> None:
        vault = Vault.objects.create(number=NUMBER, spare=OTHER)

        Vault.objects.update(spare=None)

        assert reread(vault).spare is None

    @pytest.mark.parametrize("lookup", ["number", "number__exact", "number__in"])
    def test_comparing_with_a_clear_value_is_refused(self, lookup: str) -> None:
        with pytest.raises(EncryptedValueNeedsItsRow, match="blind index"):
            Vault.objects.filter(**{lookup: [NUMBER] if lookup.endswith("in") else NUMBER}).exists()

    @pytest.mark.parametrize("lookup", ["contains", "startswith", "icontains", "gt", "regex"])
    def test_searching_the_encrypted_text_is_refused(self, lookup: str) -> None:
        with pytest.raises(FieldError, match="is encrypted"):
            Vault.objects.filter(**{f"number__{lookup}": "1"}).exists()

    def test_values_hands_out_sealed_ones_only(self) -> None:
        vault = Vault.objects.create(number=NUMBER)

        [sealed] = Vault.objects.values_list("number", flat=True)

        assert isinstance(sealed, Sealed)
        assert f"{sealed} {sealed!r}" == "<sealed> <sealed>"
        assert encryption.open_sealed(sealed, place=f"vaults_vault.number.{vault.pk}") == NUMBER

    def test_a_row_without_a_primary_key_is_refused(self) -> None:
        with pytest.raises(EncryptedValueNeedsItsRow, match="primary key first"):
            Counted.objects.create(number=NUMBER)

    def test_a_row_whose_integer_key_is_given_works(self) -> None:
        Counted.objects.create(pk=7, number=NUMBER)

        assert Counted.objects.get(pk=7).number == NUMBER


@pytest.mark.usefixtures("tables")
class TestLeaks:
    def test_a_fixture_holds_the_sealed_value(self) -> None:
        vault = Vault.objects.create(number=NUMBER)

        written = serializers.serialize("json", [reread(vault), vault, Vault(number=NUMBER)])

        assert NUMBER not in written
        assert stored(vault) in written

    def test_a_pickled_row_holds_the_sealed_value(self) -> None:
        vault = reread(Vault.objects.create(number=NUMBER))
        assert vault.number == NUMBER

        sealed = vault.__dict__["number"]

        assert NUMBER.encode() not in pickle.dumps(sealed)
        assert pickle.loads(pickle.dumps(sealed)) == sealed  # noqa: S301

    def test_the_query_log_holds_no_clear_value(self, caplog: pytest.LogCaptureFixture) -> None:
        with override_settings(DEBUG=True), caplog.at_level(logging.DEBUG, "django.db.backends"):
            Vault.objects.create(number=NUMBER)

        assert "rc1:" in caplog.text
        assert NUMBER not in caplog.text


class TestTheField:
    def test_is_the_package_field_to_everything_else(self) -> None:
        parents = [f"{parent.__module__}.{parent.__name__}" for parent in EncryptedTextField.__mro__]

        assert "encrypted_model_fields.fields.EncryptedTextField" in parents

    @pytest.mark.parametrize(
        ("name", "path"),
        [
            ("number", "realco.encryption.EncryptedTextField"),
            ("spare", "realco.encryption.EncryptedCharField"),
        ],
    )
    def test_migrations_import_it_from_here(self, name: str, path: str) -> None:
        field: Any = Vault._meta.get_field(name)

        assert field.deconstruct()[1] == path
        assert MigrationWriter.serialize(field)[0].startswith(path)

    def test_is_a_text_column(self) -> None:
        for name in ("number", "spare"):
            field: Any = Vault._meta.get_field(name)
            assert field.db_type(connection) == "text"

    def test_reads_and_sets_before_it_is_saved(self) -> None:
        vault = Vault(number=NUMBER)

        assert vault.number == NUMBER
        vault.number = OTHER
        assert vault.number == OTHER


class TestBlindIndex:
    def test_is_the_same_for_the_same_value(self) -> None:
        assert blind_index(NUMBER, purpose="numbers") == blind_index(NUMBER, purpose="numbers")
        assert len(blind_index(NUMBER, purpose="numbers")) == 64

    def test_differs_by_value_and_by_purpose(self) -> None:
        indexes = {blind_index(value, purpose=purpose) for value in (NUMBER, OTHER) for purpose in ("a", "b")}

        assert len(indexes) == 4

    def test_survives_a_new_key_in_front(self, settings: Settings, keys: dict[str, str]) -> None:
        before = blind_index(NUMBER, purpose="numbers")

        settings.FIELD_ENCRYPTION_KEYS = {"k2": generate_key(), **keys}

        assert blind_index(NUMBER, purpose="numbers") == before

    def test_depends_on_the_key(self, settings: Settings) -> None:
        before = blind_index(NUMBER, purpose="numbers")

        settings.FIELD_ENCRYPTION_KEYS = {"k1": generate_key()}

        assert blind_index(NUMBER, purpose="numbers") != before


class TestLastFour:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [(NUMBER, "6789"), ("12-3456789", "6789"), ("123 45 6789 ", "6789"), ("1234", ""), ("", "")],
    )
    def test_shows_four_and_never_the_whole(self, value: str, shown: str) -> None:
        assert last_four(value) == shown
