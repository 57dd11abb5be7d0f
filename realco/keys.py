"""
The keys that encrypt fields and sign proofs, as the environment writes them.

Each has a short id, which travels with everything it has encrypted or signed. The first of them
encrypts or signs; the others only read what was written before a rotation. Settings import this
module, so it imports nothing of Django's models.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
FIELD_ENCRYPTION = "field encryption key"
PROOF_SIGNING = "proof signing key"
_VARIABLES = {FIELD_ENCRYPTION: "FIELD_ENCRYPTION_KEYS", PROOF_SIGNING: "PROOF_SIGNING_KEYS"}
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class UnusableKeys(ImproperlyConfigured):
    """The configured keys cannot be used; the message says why and never shows a key."""


def generate_key() -> str:
    """Make a new 32-byte key, in the base64 that the environment writes keys in."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def parse_keys(text: str, *, of: str = FIELD_ENCRYPTION) -> dict[str, str]:
    """
    Read keys as the environment writes them, "id1:base64,id2:base64", in their order.

    ``of`` names their purpose in words, for whoever has to mend them.

    :raises UnusableKeys: if there is none, or one is malformed or comes twice
    """
    keys: dict[str, str] = {}
    for place, pair in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
        key_id, colon, key = pair.partition(":")
        if not colon:
            raise UnusableKeys(f"{of.capitalize()} number {place} is not written as id:base64.")
        if key_id.strip() in keys:
            raise UnusableKeys(f"The {of} id {key_id.strip()!r} comes twice.")
        keys[key_id.strip()] = key.strip()
    decode_keys(keys, of=of)
    return keys


def decode_keys(keys: Mapping[str, str], *, of: str = FIELD_ENCRYPTION) -> dict[str, bytes]:
    """
    Turn the configured keys into bytes, in their order.

    :raises UnusableKeys: if there is none, or one is not 32 bytes of base64
    """
    if not keys:
        raise UnusableKeys(f"There is no {of}; set {_VARIABLES[of]} to id:base64.")
    return {key_id: _decode_key(key_id, key, of) for key_id, key in keys.items()}


def _decode_key(key_id: str, key: str, of: str) -> bytes:
    if not _KEY_ID.fullmatch(key_id):
        raise UnusableKeys(f"A {of} id has 1 to 32 letters, digits, hyphens or underscores.")
    try:
        # Both alphabets of base64 are met in the wild; the padding is often lost on the way.
        standard = key.rstrip("=").replace("-", "+").replace("_", "/")
        decoded = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableKeys(f"The {of} {key_id!r} is not base64.") from None
    if len(decoded) != KEY_BYTES:
        raise UnusableKeys(f"The {of} {key_id!r} has {len(decoded)} bytes instead of 32.")
    return decoded
