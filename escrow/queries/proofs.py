"""Proof snapshots for reading: what is signed, the balance sheet it is made of, and an investor's own proof."""

import base64
import functools
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from escrow import merkle, proof_files
from escrow.merkle import Sums
from escrow.models import EscrowAccount, LedgerAccount, ProofLeaves, ProofSnapshot
from realco import signing
from realco.errors import NotFound
from realco.models import User

ZERO = Decimal("0.00")
Kind = LedgerAccount.Kind
_SALTS = "realco proof 1 salts"


class NotInProof(NotFound):
    """The person had no account of their own in escrow when the snapshot was taken."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """
    An account's balance sheet, summed from all entries, in US dollars and each kind's normal sign.

    ``investors`` is the part of it that lies on investors' own ledger accounts; ``bank`` the BANK account
    at the end of a day.
    """

    by_kind: Mapping[str, Decimal]
    investors: Mapping[str, Decimal]
    bank: Decimal

    def sum_of(self, kinds: Iterable[str]) -> Decimal:
        """Add some kinds up."""
        return sum((self.by_kind.get(kind, ZERO) for kind in kinds), ZERO)


def sheet(account: EscrowAccount, *, until: date) -> Sheet:
    """Sum all entries of an account by kind; ``bank`` only up to a day. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_SHEET, [until, account.pk])
        rows = cursor.fetchall()
    return Sheet(
        by_kind={kind: total for kind, total, _, _ in rows},
        investors={kind: owned for kind, _, owned, _ in rows if kind in merkle.KINDS},
        bank=next((bank for kind, _, _, bank in rows if kind == Kind.BANK), ZERO),
    )


_SHEET = """
SELECT a.kind, sum(e.amount) * ledger_normal_side(a.kind),
       coalesce(sum(e.amount) FILTER (WHERE a.owner_id IS NOT NULL), 0) * ledger_normal_side(a.kind),
       coalesce(sum(e.amount) FILTER (WHERE a.kind = 'BANK' AND e.effective_date <= %s), 0)
  FROM ledger_accounts a JOIN escrow_ledger_entries e ON e.ledger_account_id = a.id
 WHERE a.escrow_account_id = %s
 GROUP BY a.kind
"""


def latest(account: EscrowAccount) -> ProofSnapshot | None:
    """Return the account's last snapshot."""
    return of_account(account).first()


def of_account(account: EscrowAccount) -> QuerySet[ProofSnapshot]:
    """Return the account's snapshots, the last taken first."""
    return ProofSnapshot.objects.filter(escrow_account=account).order_by("-sequence")


def of_investor(investor: User) -> QuerySet[ProofSnapshot]:
    """Return the last snapshot of each escrow account in which the person has ledger accounts; one query."""
    accounts = LedgerAccount.objects.filter(owner=investor, kind__in=merkle.KINDS).values("escrow_account_id")
    return (
        ProofSnapshot.objects.filter(escrow_account__in=accounts)
        .order_by("escrow_account__account_number", "-sequence")
        .distinct("escrow_account__account_number")
        .select_related("escrow_account__offering")
    )


def statement_of(snapshot: ProofSnapshot) -> dict[str, Any]:
    """Return what a snapshot states and its signature covers."""
    found = snapshot.reconciliation
    return {
        "format": proof_files.STATEMENT_FORMAT,
        "escrow_account_id": str(snapshot.escrow_account_id),
        "account_number": snapshot.escrow_account.account_number,
        "as_of_date": snapshot.as_of_date.isoformat(),
        "revision": snapshot.revision,
        "taken_at": snapshot.created_at.astimezone(UTC).isoformat(),
        "sequence": snapshot.sequence,
        "previous_hash": snapshot.previous_hash,
        "reconciliation": {
            "id": str(found.pk),
            "result": str(found.result),
            "matched_lines": found.matched_lines,
            "unmatched_lines": found.unmatched_lines,
            "unmatched_entries": found.unmatched_entries,
        },
        "figures": snapshot.figures,
        "equalities": snapshot.equalities,
        "is_balanced": snapshot.is_balanced,
        "investor_count": snapshot.investor_count,
        "merkle_root": snapshot.merkle_root,
        "sums_in_cents": snapshot.sums,
        "total_in_cents": str(Sums.of({kind: int(cents) for kind, cents in snapshot.sums.items()}).total),
        "key_id": snapshot.key_id,
    }


def tree(account_id: UUID, as_of: date, leaves: Mapping[str, Sums], *, key_id: str) -> merkle.Tree:
    """Build the tree over investors' balances, by investor id."""
    commitments = _Commitments(account_id, as_of, key_id)
    return merkle.Tree((commitments.of(owner), sums) for owner, sums in leaves.items())


def file_for(snapshot: ProofSnapshot, investor: User) -> dict[str, Any]:
    """
    Make the content of an investor's proof file.

    :raises NotInProof: if the investor has no leaf in the snapshot
    :raises KeyNotConfigured: if the key that signed it is gone from the environment
    """
    owner = str(investor.pk)
    commitments = _Commitments(snapshot.escrow_account_id, snapshot.as_of_date, snapshot.key_id)
    leaves, built = _built(snapshot.pk)
    place = built.place_of(commitments.of(owner))
    if place is None:
        raise NotInProof(f"{snapshot} has no balance of this person: there was no money of theirs when it was taken.")
    return proof_files.compose(
        proof_files.Proof(
            investor_id=owner,
            salt=commitments.salt_of(owner),
            balances=leaves[owner],
            place=place,
            path=built.path(place),
            statement=statement_of(snapshot),
            key_id=snapshot.key_id,
            signature=base64.b64decode(snapshot.signature),
        )
    )


@functools.lru_cache(maxsize=2)
def _built(snapshot_id: UUID) -> tuple[Mapping[str, Sums], merkle.Tree]:
    """
    Return a snapshot's leaves and its tree, which never change.

    Kept for the next investor: when a proof was announced many come for theirs, and a tree of 50,000
    leaves takes two seconds to build.
    """
    snapshot = ProofSnapshot.objects.select_related("leaves").get(pk=snapshot_id)
    leaves = unpacked(snapshot.leaves)
    return leaves, tree(snapshot.escrow_account_id, snapshot.as_of_date, leaves, key_id=snapshot.key_id)


def file_name(snapshot: ProofSnapshot) -> str:
    """Return the name under which a proof file is saved."""
    return f"proof-{snapshot.escrow_account.account_number}-{snapshot.as_of_date}-{snapshot.sequence}.json"


def packed(leaves: Mapping[str, Sums]) -> tuple[bytes, str]:
    """Write leaves as they are stored, and the SHA-256 that they are found by."""
    text = json.dumps([[owner, sums.cents] for owner, sums in sorted(leaves.items())], separators=(",", ":")).encode()
    return zlib.compress(text), hashlib.sha256(text).hexdigest()


def unpacked(stored: ProofLeaves) -> dict[str, Sums]:
    """Read leaves as they were stored."""
    rows = json.loads(zlib.decompress(stored.data))
    return {owner: Sums((a, b, c, d)) for owner, (a, b, c, d) in rows}


def faults(account: EscrowAccount) -> list[str]:
    """
    Check every stored snapshot of an account, first to last, and say what was changed behind them.

    Each is looked at by itself: its hash and its signature, the link to the one before, and the root
    over the leaves it was built from.
    """
    keys = signing.public_keys()
    said, before = [], ""
    for snapshot in of_account(account).order_by("sequence").select_related("escrow_account", "reconciliation"):
        if snapshot.previous_hash != before:
            said.append(f"{snapshot}: it does not follow the snapshot before it.")
        before = snapshot.content_hash
        said.extend(f"{snapshot}: {words}" for words in _faults_of(snapshot, keys))
    return said


def _faults_of(snapshot: ProofSnapshot, keys: Mapping[str, str]) -> Iterable[str]:
    statement = statement_of(snapshot)
    if proof_files.content_hash(statement) != snapshot.content_hash:
        yield "what it states is not what was hashed."
    if snapshot.key_id not in keys:
        yield f"the key {snapshot.key_id!r} that signed it is not configured."
        return
    if not proof_files.is_signed(statement, snapshot.signature, keys[snapshot.key_id]):
        yield "its signature does not fit what it states."
    built = tree(
        snapshot.escrow_account_id, snapshot.as_of_date, unpacked(snapshot.leaves), key_id=snapshot.key_id
    ).root
    if (built.digest, built.count) != (snapshot.merkle_root, snapshot.investor_count):
        yield "its leaves do not lead to its root."


class _Commitments:
    """What stands for each investor in one day's tree. Salts differ from day to day and account to account."""

    def __init__(self, account_id: UUID, as_of: date, key_id: str) -> None:
        self._key = signing.secret_for(_SALTS, key_id=key_id)
        self._scope = (str(account_id), as_of.isoformat())

    def salt_of(self, owner: str) -> str:
        return merkle.salt(self._key, *self._scope, owner=owner)

    def of(self, owner: str) -> str:
        return merkle.commitment(owner, self.salt_of(owner))
