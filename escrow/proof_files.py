"""
Proof files: what an investor is given, how it is written, and how it is checked. No Django, no database.

A file holds one leaf with its salt, its path, and the signed statement that contains the root. The
signature covers the statement in canonical JSON (keys sorted, no spaces, ASCII), under a label.
docs/proofs.md describes every field, and how to check one without this module.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from escrow import merkle
from escrow.merkle import KINDS, Node, Sibling, Sums

FORMAT = "realco-proof/1"
STATEMENT_FORMAT = "realco-proof-snapshot/1"
KEYS_FORMAT = "realco-proof-keys/1"
ALGORITHM = "Ed25519"
MOST_BYTES = 1_000_000
"""No proof file is longer: a path has at most 64 steps."""

EQUALITIES = {
    "bank": "the bank's statement = the BANK account in the books",
    "equation": "assets = liabilities",
    "stored": "stored balances = sums of all entries",
    "investors": "sum of the investors' accounts = what investors are shown",
}
ABOUT = (
    "This file proves that the balances below are counted in what RealCo said it owes to all investors of one escrow "
    "account, at the moment “taken_at”. RealCo signed that statement; it is under “snapshot”.",
    "Your balances and your salted id are hashed into a leaf. Each step of “path” adds the leaf beside yours, or a "
    "node above it, with its sums; the last result must be the snapshot's merkle_root and sums. If RealCo had left "
    "you out or shown you another balance than it counted, the path would not end there.",
    "It does not show other investors' names or ids, but each step shows the sums beside yours. Keep the file to "
    "yourself: whoever has it can see your balances.",
    "All amounts named cents are whole US cents. How to check it with a few lines of Python: docs/proofs.md, or "
    "“manage.py verify_proof FILE”.",
)

_STATEMENT_LABEL = b"realco proof 1 snapshot\n"
_CENTS = re.compile(r"0|[1-9][0-9]{0,17}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FIELDS = {"format", "about", "investor", "balances_in_cents", "place", "path", "snapshot", "signature"}


class NotAProof(Exception):
    """The file is no proof file; the message says what is wrong with it."""


class ProofBroken(Exception):
    """The file is a proof file, and what it claims is not so; the message says what."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof file that was read, and not yet checked."""

    investor_id: str
    salt: str
    balances: Sums
    place: int
    path: Sequence[Sibling]
    statement: Mapping[str, Any]
    key_id: str
    signature: bytes


# ---- writing -------------------------------------------------------------------------------------------------


def canonical(content: Any) -> bytes:
    """Write content so that the same content is always the same bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def signed_bytes(statement: Mapping[str, Any]) -> bytes:
    """Return what a signature over a statement covers."""
    return _STATEMENT_LABEL + canonical(statement)


def content_hash(statement: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what is signed; the next snapshot of the account names it."""
    return hashlib.sha256(signed_bytes(statement)).hexdigest()


def written(sums: Sums) -> dict[str, str]:
    """Write sums as the file has them: whole cents by kind, as text."""
    return {kind: str(cents) for kind, cents in sums.by_kind.items()}


def compose(proof: Proof) -> dict[str, Any]:
    """Write a proof as the content of its file."""
    return {
        "format": FORMAT,
        "about": list(ABOUT),
        "investor": {"id": proof.investor_id, "salt": proof.salt},
        "balances_in_cents": written(proof.balances),
        "place": proof.place,
        "path": [
            {
                "side": step.side,
                "hash": step.node.digest,
                "leaves": step.node.count,
                "sums_in_cents": written(step.node.sums),
            }
            for step in proof.path
        ],
        "snapshot": dict(proof.statement),
        "signature": {
            "algorithm": ALGORITHM,
            "key_id": proof.key_id,
            "value": base64.b64encode(proof.signature).decode(),
        },
    }


def text_of(content: Mapping[str, Any]) -> str:
    """Write a file's content for people to read."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def compose_keys(keys: Mapping[str, str]) -> dict[str, Any]:
    """Write public keys (base64 by id, the one that signs now first) as RealCo publishes them."""
    return {
        "format": KEYS_FORMAT,
        "keys": [
            {"id": key_id, "algorithm": ALGORITHM, "public_key": key, "signs_now": place == 0}
            for place, (key_id, key) in enumerate(keys.items())
        ],
    }


# ---- reading -------------------------------------------------------------------------------------------------


def read(data: bytes) -> Proof:
    """
    Read a proof file.

    :raises NotAProof: with what is wrong, if it is none
    """
    content = _loaded(data)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise NotAProof(f"This is no proof file: it does not say “format”: “{FORMAT}”.")
    if set(content) != _FIELDS:
        odd = ", ".join(sorted(set(content) ^ _FIELDS))
        raise NotAProof(f"A proof file has exactly the fields of its format; missing or too many: {odd}.")
    investor, signature = _object(content, "investor"), _object(content, "signature")
    if signature.get("algorithm") != ALGORITHM:
        raise NotAProof(f"The signature's algorithm has to be {ALGORITHM}.")
    path = content["path"]
    if not isinstance(path, list) or len(path) > 64:
        raise NotAProof("“path” is a list of at most 64 steps.")
    return Proof(
        investor_id=_text(investor, "id"),
        salt=_digest(investor, "salt"),
        balances=_sums(content, "balances_in_cents"),
        place=_whole(content, "place"),
        path=[_sibling(step) for step in path],
        statement=_object(content, "snapshot"),
        key_id=_text(signature, "key_id"),
        signature=_bytes(signature, "value"),
    )


def read_keys(data: bytes) -> dict[str, str]:
    """
    Read a file of public keys, as RealCo publishes them: base64 by id.

    :raises NotAProof: if it is none
    """
    content = _loaded(data)
    keys = content.get("keys") if isinstance(content, dict) and content.get("format") == KEYS_FORMAT else None
    if not isinstance(keys, list):
        raise NotAProof(f"This is no file of keys: it does not say “format”: “{KEYS_FORMAT}”.")
    return {_text(key, "id"): _text(key, "public_key") for key in keys if isinstance(key, dict)}


def _loaded(data: bytes) -> Any:
    if len(data) > MOST_BYTES:
        raise NotAProof("The file is longer than any proof.")
    try:
        return json.loads(data, object_pairs_hook=_each_once, parse_float=_no_fraction, parse_constant=_no_fraction)
    except (ValueError, RecursionError) as error:
        raise NotAProof(f"The file is not JSON: {error}.") from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise NotAProof("The file names a field twice; which value is meant nobody can know.")
    return dict(pairs)


def _no_fraction(text: str) -> NoReturn:
    raise NotAProof(f"The file holds the number {text}; amounts are text.")


def _object(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    if not isinstance(value, dict):
        raise NotAProof(f"“{name}” is missing or no object.")
    return value


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value or not value.isascii():
        raise NotAProof(f"“{name}” is missing or no plain text.")
    return value


def _whole(content: Mapping[str, Any], name: str) -> int:
    value = content.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise NotAProof(f"“{name}” is missing or no whole number from zero.")
    return value


def _digest(content: Mapping[str, Any], name: str) -> str:
    value = _text(content, name)
    if not _DIGEST.fullmatch(value):
        raise NotAProof(f"“{name}” is not 64 hexadecimal digits.")
    return value


def _bytes(content: Mapping[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(_text(content, name), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotAProof(f"“{name}” is not base64.") from error


def _sums(content: Mapping[str, Any], name: str) -> Sums:
    amounts = _object(content, name)
    if set(amounts) != set(KINDS):
        raise NotAProof(f"“{name}” has exactly the amounts {', '.join(KINDS)}.")
    for kind, text in amounts.items():
        if not isinstance(text, str) or not _CENTS.fullmatch(text):
            raise NotAProof(f"“{name}” says {text!r} of {kind}; amounts are whole cents as text, from “0”.")
    return Sums.of({kind: int(text) for kind, text in amounts.items()})


def _sibling(step: Any) -> Sibling:
    if not isinstance(step, dict) or step.get("side") not in ("left", "right"):
        raise NotAProof("Each step of “path” has a side, left or right.")
    return Sibling(step["side"], Node(_digest(step, "hash"), _whole(step, "leaves"), _sums(step, "sums_in_cents")))


# ---- checking ------------------------------------------------------------------------------------------------


def verify(proof: Proof, keys: Mapping[str, str]) -> None:
    """
    Check a proof against the public keys (base64 by id).

    :raises NotAProof: if the signed statement is not of the known format, or a key is none
    :raises ProofBroken: with what does not hold
    """
    statement = proof.statement
    if statement.get("format") != STATEMENT_FORMAT:
        raise NotAProof(f"The snapshot does not say “format”: “{STATEMENT_FORMAT}”.")
    _verify_signature(proof, keys)
    count, sums = _whole(statement, "investor_count"), _sums(statement, "sums_in_cents")
    if statement.get("total_in_cents") != str(sums.total):
        raise ProofBroken("The snapshot's total is not the sum of what it says is owed by kind.")
    if proof.place >= count or [step.side for step in proof.path] != merkle.sides(proof.place, count):
        raise ProofBroken("The path does not fit the leaf's place among the leaves.")
    leaf = merkle.leaf(merkle.commitment(proof.investor_id, proof.salt), proof.balances)
    try:
        root = merkle.climb(leaf, proof.path)
    except merkle.NotATree as error:
        raise ProofBroken(f"The path's sums cannot be: {error}") from error
    if root.digest != _digest(statement, "merkle_root"):
        raise ProofBroken("The path does not end at the signed root: the leaf, its salt or a step of the path differs.")
    if (root.count, root.sums) != (count, sums):
        raise ProofBroken("The path's sums are not those that the snapshot states.")


def _verify_signature(proof: Proof, keys: Mapping[str, str]) -> None:
    key = keys.get(proof.key_id)
    if key is None:
        raise ProofBroken(
            f"The proof is signed with the key “{proof.key_id}”, which is not among the keys given: "
            f"{', '.join(keys) or 'none'}."
        )
    if not is_signed(proof.statement, base64.b64encode(proof.signature).decode(), key):
        raise ProofBroken("The signature does not fit: the snapshot was changed, or somebody else signed it.")
    if proof.statement.get("key_id") != proof.key_id:
        raise ProofBroken("The snapshot names another key than the one that signed it.")


def is_signed(statement: Mapping[str, Any], signature: str, key: str) -> bool:
    """
    Whether a signature over a statement was made with a key, both in base64.

    :raises NotAProof: if the public key is none
    """
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
    except ValueError as error:
        raise NotAProof("The public key is not 32 bytes in base64.") from error
    try:
        public.verify(base64.b64decode(signature), signed_bytes(statement))
    except InvalidSignature:
        return False
    return True


def disagreements(statement: Mapping[str, Any]) -> list[str]:
    """
    Say in words which equalities of a signed statement do not hold; empty if the books agreed that day.

    Both sides are compared here; what the statement says of itself is not trusted.
    """
    sides = {item.get("name"): item for item in statement.get("equalities", ()) if isinstance(item, dict)}
    said = [
        f"{words}: {_said(sides[name].get('left'))} against {_said(sides[name].get('right'))}"
        for name, words in EQUALITIES.items()
        if name in sides and sides[name].get("left") != sides[name].get("right")
    ]
    said.extend(f"{words}: not stated" for name, words in EQUALITIES.items() if name not in sides)
    result = statement.get("reconciliation")
    if not isinstance(result, dict) or result.get("result") != "BALANCED":
        said.append("the reconciliation of that day found differences")
    return said


def _said(side: Any) -> str:
    return ", ".join(f"{name} {amount}" for name, amount in side.items()) if isinstance(side, dict) else str(side)
