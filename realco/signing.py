"""
Signatures that anybody can check: Ed25519, under the keys of PROOF_SIGNING_KEYS.

The first key signs; all of them are published, so that what an earlier one signed can still be
checked. Secrets for other uses are derived from a key and never shown.
"""

import base64
import functools
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from realco.keys import PROOF_SIGNING, decode_keys


class KeyNotConfigured(Exception):
    """Something was signed with a key that PROOF_SIGNING_KEYS no longer holds; put it back, behind the others."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature in base64, and the id of the key that made it."""

    key_id: str
    text: str


def current_key_id() -> str:
    """Return the id of the key that signs now."""
    return next(iter(_keys()))


def sign(message: bytes) -> Signature:
    """Sign a message with the first key."""
    key_id = current_key_id()
    signed = Ed25519PrivateKey.from_private_bytes(_keys()[key_id]).sign(message)
    return Signature(key_id, base64.b64encode(signed).decode())


def public_keys() -> dict[str, str]:
    """Return all public keys by id, in base64, the one that signs now first."""
    return {
        key_id: base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()).decode()
        for key_id, seed in _keys().items()
    }


def secret_for(purpose: str, *, key_id: str) -> bytes:
    """
    Derive 32 secret bytes from a key; those of two purposes have nothing to do with each other.

    :raises KeyNotConfigured: if the key is gone from the environment
    """
    seed = _keys().get(key_id)
    if seed is None:
        raise KeyNotConfigured(f"The proof signing key {key_id!r} is not configured any more.")
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(seed)


def _keys() -> Mapping[str, bytes]:
    return _decoded(tuple(settings.PROOF_SIGNING_KEYS.items()))


@functools.cache
def _decoded(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, bytes]:
    return decode_keys(dict(pairs), of=PROOF_SIGNING)
