"""
Model fields that are encrypted, and bound to the one row and column they were written to.

The fields are django-encrypted-model-fields' with its cipher replaced: that one is AES-128, hands
back raw text when it cannot decrypt, and does not notice a value copied from another row. Here a
value is sealed with AES-256-GCM under a named key, and the name of its table, its column and its
row's primary key are authenticated with it. A value is opened when it is read from its instance,
because only there the primary key is known; whatever does not open raises, and never shows.

Renaming a table or a column therefore needs a data migration that seals its values again.
"""

import base64
import binascii
import functools
import hmac
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.query_utils import DeferredAttribute

from realco.keys import decode_keys, generate_key

if not hasattr(settings, "FIELD_ENCRYPTION_KEY"):
    # The package builds its own cipher when it is imported and demands a key for it. That cipher is
    # never used here; a random key makes sure that nothing it wrote could ever be read.
    settings.FIELD_ENCRYPTION_KEY = generate_key().replace("+", "-").replace("/", "_")

from encrypted_model_fields import fields as package

__all__ = [
    "EncryptedCharField",
    "EncryptedTextField",
    "EncryptedValueNeedsItsRow",
    "EncryptedValueUnreadable",
    "Sealed",
    "blind_index",
    "generate_key",
    "last_four",
]

PREFIX = "rc1:"
_VERSION = 1
_NONCE_BYTES = 12
_TAG_BYTES = 16
_COLUMN_LOOKUPS = frozenset({"isnull", "exact", "in", "df", "ndf"})


class EncryptedValueUnreadable(Exception):
    """A stored value does not open here: it was tampered with, moved, or its key is not configured."""


class EncryptedValueNeedsItsRow(Exception):
    """A clear value was about to be stored or compared where its row is not known."""


class Sealed:
    """
    An encrypted value as it is stored, which says nothing about what is in it.

    `clear` is what it is known to contain; None until it has been opened or if it was never asked for.
    It stays out of pickles, so that caches hold the sealed text only.
    """

    __slots__ = ("clear", "text")

    def __init__(self, text: str, clear: str | None = None) -> None:
        self.text = text
        self.clear = clear

    def __repr__(self) -> str:
        return "<sealed>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.text,)

    @property
    def key_id(self) -> str:
        """
        Name the key this was sealed with.

        :raises EncryptedValueUnreadable: if this is no sealed value
        """
        return _unpack(self.text)[0]


def seal(clear: str, *, place: str) -> Sealed:
    """Encrypt a value under the first configured key and bind it to a place, `table.column.pk`."""
    keyring = _keyring()
    key_id = next(iter(keyring))
    header = bytes([_VERSION, len(key_id)]) + key_id.encode() + secrets.token_bytes(_NONCE_BYTES)
    body = AESGCM(keyring[key_id]).encrypt(header[-_NONCE_BYTES:], clear.encode(), _bound(header, place))
    return Sealed(PREFIX + base64.urlsafe_b64encode(header + body).decode().rstrip("="), clear)


def open_sealed(sealed: Sealed, *, place: str) -> str:
    """
    Decrypt a value that was sealed for this place.

    :raises EncryptedValueUnreadable: if it was tampered with, sealed for another place, or sealed
        with a key that is not configured
    """
    key_id, header, body = _unpack(sealed.text)
    key = _keyring().get(key_id)
    if key is None:
        raise EncryptedValueUnreadable(
            f"The value in {place} is encrypted with the key {key_id!r}, which is not configured."
        )
    try:
        return AESGCM(key).decrypt(header[-_NONCE_BYTES:], body, _bound(header, place)).decode()
    except InvalidTag:
        raise EncryptedValueUnreadable(
            f"The value in {place} was tampered with, or was encrypted for another row or column."
        ) from None


def blind_index(value: str, *, purpose: str) -> str:
    """
    Compute what an encrypted value is found by: 64 hex digits, the same for the same value.

    The caller normalises the value first. Purposes (such as "bank_accounts.account_number") have
    unrelated keys, so that equal values in two columns do not show as equal. The key comes from the
    oldest configured one, the last: adding a new key in front changes no index, but before the last
    one is retired the indexes have to be computed again.
    """
    keyring = _keyring()
    key = _index_key(keyring[list(keyring)[-1]], purpose)
    return hmac.new(key, value.encode(), "sha256").hexdigest()


def last_four(value: str) -> str:
    """
    Give the last four letters or digits, which may be shown; nothing if there are no more than four.

    Spaces and hyphens do not count.
    """
    characters = "".join(character for character in value if character.isalnum())
    return characters[-4:] if len(characters) > 4 else ""


class EncryptedAttribute(DeferredAttribute):
    """
    What an instance's attribute is read and set through; it opens a stored value when it is read.

    The sealed value is kept while its content stays the same, so that saving a row for another
    reason does not look like a change of this column.
    """

    field: "_Encrypted"

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if instance is None or not isinstance(value, Sealed):
            return value
        if value.clear is None:
            value.clear = open_sealed(value, place=self.field.place_of(instance))
        return value.clear

    def __set__(self, instance: models.Model, value: Any) -> None:
        stored = instance.__dict__.get(self.field.attname)
        if isinstance(stored, Sealed) and isinstance(value, str) and self._is_still(stored, value, instance):
            return
        instance.__dict__[self.field.attname] = value

    def _is_still(self, stored: Sealed, value: str, instance: models.Model) -> bool:
        try:
            return open_sealed(stored, place=self.field.place_of(instance)) == value
        except (EncryptedValueUnreadable, EncryptedValueNeedsItsRow):
            # A new value may always replace one that cannot be read.
            return False


class _Encrypted(package.EncryptedMixin):  # type: ignore[misc]
    """What the encrypted fields share; it stands before a field class of Django's."""

    descriptor_class: Any = EncryptedAttribute
    attname: str
    model: type[models.Model]

    def place_of(self, instance: models.Model) -> str:
        """
        Name the place this column has in an instance's row, `table.column.pk`.

        :raises EncryptedValueNeedsItsRow: if the instance has no primary key yet
        """
        if instance.pk is None:
            raise EncryptedValueNeedsItsRow(
                f"{self.model._meta.label}.{self.attname} is encrypted for its row: "
                "give the instance its primary key first."
            )
        return f"{self.model._meta.db_table}.{self.column}.{instance._meta.pk.to_python(instance.pk)}"

    def from_db_value(self, value: str | None, *_: Any) -> Sealed | None:
        """Wrap what the database holds, which only its instance can open."""
        return None if value is None else Sealed(value)

    def to_python(self, value: Any) -> Any:
        """Read a clear value; unlike the package's, this never tries to decrypt it."""
        return value if value is None or isinstance(value, str | Sealed) else str(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """
        Seal the value for the row that is about to be written, unless its sealed form is still good.

        :raises EncryptedValueUnreadable: if a value read from elsewhere does not belong to this row
        """
        value = model_instance.__dict__.get(self.attname)
        if isinstance(value, Sealed) and not add:
            value = self._renewed(value, model_instance)
        elif isinstance(value, Sealed):
            # A copy of a row takes along only what was read, and so verified, in its old place.
            clear = value.clear
            if clear is None:
                clear = open_sealed(value, place=self.place_of(model_instance))
            value = self._sealed(clear, model_instance)
        elif isinstance(value, str):
            value = self._sealed(value, model_instance)
        else:
            return value
        model_instance.__dict__[self.attname] = value
        return value

    def _renewed(self, value: Sealed, instance: models.Model) -> Sealed:
        """Seal a stored value again if its key has been superseded; leave what cannot be read as it is."""
        try:
            if value.key_id == next(iter(_keyring())):
                return value
            return self._sealed(open_sealed(value, place=self.place_of(instance)), instance)
        except EncryptedValueUnreadable:
            return value

    def _sealed(self, clear: str, instance: models.Model) -> Sealed:
        return seal(clear, place=self.place_of(instance))

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """
        Hand a sealed value to the database.

        :raises EncryptedValueNeedsItsRow: if it is a clear one, as in QuerySet.update, bulk_update
            or loaddata, where the row it belongs to is not known
        """
        if value is None or hasattr(value, "as_sql"):
            return value
        if isinstance(value, Sealed):
            return value.text
        raise self._not_here("stored")

    def get_prep_value(self, value: Any) -> Any:
        """
        Refuse to compare with a value, which could never be equal to an encrypted one.

        :raises EncryptedValueNeedsItsRow: if it is anything but nothing
        """
        if value is None or hasattr(value, "as_sql"):
            return value
        if isinstance(value, Sealed):
            return value.text
        raise self._not_here("compared")

    def get_lookup(self, lookup_name: str) -> Any:
        """
        Find a lookup that makes sense on an encrypted column.

        :raises FieldError: if it would search the encrypted text
        """
        if lookup_name not in _COLUMN_LOOKUPS:
            raise FieldError(f"{self.attname} is encrypted; the lookup {lookup_name!r} cannot search it.")
        return super().get_lookup(lookup_name)

    def value_to_string(self, obj: models.Model) -> str:
        """Write a value into a fixture, sealed."""
        value = obj.__dict__.get(self.attname)
        if isinstance(value, str):
            value = self._sealed(value, obj)
        return value.text if isinstance(value, Sealed) else ""

    def _not_here(self, done: str) -> EncryptedValueNeedsItsRow:
        return EncryptedValueNeedsItsRow(
            f"{self.model._meta.label}.{self.attname} is encrypted for its row and cannot be {done} through "
            "a query; save the instance, or look it up by its blind index."
        )


if TYPE_CHECKING:
    _TextField = models.TextField
    _CharField = models.CharField
else:

    class _Parametrised:
        """Takes the type parameters that mypy knows Django's fields by."""

        def __class_getitem__(cls, _: object) -> type:
            return cls

    class _TextField(_Parametrised, package.EncryptedTextField):
        pass

    class _CharField(_Parametrised, package.EncryptedCharField):
        pass


_Set = TypeVar("_Set", contravariant=True)
_Get = TypeVar("_Get", covariant=True)


class EncryptedTextField(_Encrypted, _TextField[_Set, _Get]):
    """Text of any length, encrypted for its row."""


class EncryptedCharField(_Encrypted, _CharField[_Set, _Get]):
    """One line of text, encrypted for its row; max_length counts the clear characters in forms."""


def _unpack(text: str) -> tuple[str, bytes, bytes]:
    """Take a stored text apart into key id, header and body."""
    try:
        if not text.startswith(PREFIX):
            raise ValueError
        encoded = text[len(PREFIX) :]
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        header_ends = 2 + raw[1] + _NONCE_BYTES
        if raw[0] != _VERSION or len(raw) < header_ends + _TAG_BYTES:
            raise ValueError
        return raw[2 : 2 + raw[1]].decode("ascii"), raw[:header_ends], raw[header_ends:]
    except (binascii.Error, ValueError, IndexError):
        # The text is left out on purpose: it may be a value somebody wrote in clear.
        raise EncryptedValueUnreadable("A stored value is not in the form that encrypted ones have.") from None


def _bound(header: bytes, place: str) -> bytes:
    return header + b"\x00" + place.encode()


def _keyring() -> Mapping[str, bytes]:
    return _decoded(tuple(settings.FIELD_ENCRYPTION_KEYS.items()))


@functools.lru_cache(maxsize=4)
def _decoded(keys: tuple[tuple[str, str], ...]) -> Mapping[str, bytes]:
    return decode_keys(dict(keys))


@functools.lru_cache(maxsize=64)
def _index_key(key: bytes, purpose: str) -> bytes:
    derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"realco.blind_index", info=purpose.encode())
    return derivation.derive(key)
