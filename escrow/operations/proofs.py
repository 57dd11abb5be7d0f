"""
Taking proof snapshots: the figures of a reconciliation, signed, with a root over every investor's balance.

A snapshot says what was found, balanced or not; nothing here corrects anything. Rows are only added:
another run on the same day adds a revision if anything differs, and nothing if nothing does.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max

from escrow import merkle, proof_files
from escrow.merkle import Sums
from escrow.models import EscrowAccount, LedgerAccount, ProofLeaves, ProofSnapshot, Reconciliation
from escrow.operations import escrow_accounts
from escrow.queries import investor_balances, statements
from escrow.queries import proofs as query
from escrow.queries.investor_balances import InEscrow
from realco import audit, money, signing
from realco.money import ZERO

logger = logging.getLogger(__name__)
Kind = LedgerAccount.Kind


@dataclass(frozen=True, slots=True)
class _Found:
    """What a snapshot will state of the books: the balance sheet, the four comparisons, and the root."""

    figures: dict[str, Any]
    equalities: list[dict[str, Any]]
    is_balanced: bool
    root: merkle.Node


def take(account: EscrowAccount, reconciliation: Reconciliation, *, at: datetime) -> ProofSnapshot:
    """
    Store the signed proof of an account with a reconciliation that was just made, or return the day's last one.

    Its balances are those of this moment, under the account's lock, so that it says what the
    reconciliation saw. A mismatched proof is stored as well, and says so. The number of queries does
    not depend on how many investors there are.
    """
    with audit.acting("proof_snapshot.take"), transaction.atomic():
        account = escrow_accounts.lock(account.pk)
        leaves = {
            str(owner): _cents_of(held) for owner, held in investor_balances.shown(escrow_account_id=account.pk).items()
        }
        key_id = signing.current_key_id()
        root = query.tree(account.pk, reconciliation.as_of_date, leaves, key_id=key_id).root
        found = _compare(account, reconciliation, root)
        day = query.of_account(account).filter(as_of_date=reconciliation.as_of_date)
        same = day.select_related("reconciliation").first()
        if same is not None and _says(same, found, reconciliation):
            return same
        snapshot = _unsigned(account, reconciliation, found, leaves, at=at)
        snapshot.revision = (day.aggregate(last=Max("revision"))["last"] or 0) + 1
        _sign(snapshot)
        snapshot.save(force_insert=True)
    if not found.is_balanced:
        logger.error("%s is signed with differences: %s", snapshot, _differing(found.equalities))
    return snapshot


def _cents_of(held: InEscrow) -> Sums:
    """
    Turn an investor's balances into a leaf.

    A balance below zero is none of these balances' normal state. It is counted as nothing, because a
    tree with negative leaves could hide what others are owed; the comparison with the ledger then fails.
    """
    return Sums((_from_zero(held.arriving), _from_zero(held.cleared), _from_zero(held.held), _from_zero(held.owed)))


def _from_zero(amount: Decimal) -> int:
    return money.as_cents(amount) if amount > 0 else 0


def _compare(account: EscrowAccount, reconciliation: Reconciliation, root: merkle.Node) -> _Found:
    """Lay both sides of the four equalities beside each other."""
    stated = statements.latest(account, as_of=reconciliation.as_of_date)
    sheet = query.sheet(account, until=stated.as_of_date if stated else reconciliation.as_of_date)
    groups = {"available": LedgerAccount.AVAILABLE, "pending": LedgerAccount.PENDING, "held": LedgerAccount.HELD}
    liabilities = {name: sheet.sum_of(kinds) for name, kinds in groups.items()}
    owed = sum(liabilities.values(), ZERO)
    sides: dict[str, tuple[Any, Any]] = {
        "bank": (money.to_json(reconciliation.bank_balance), money.to_json(sheet.bank)),
        "equation": (money.to_json(sheet.sum_of(LedgerAccount.ASSETS)), money.to_json(owed)),
        "stored": (
            _written(
                {
                    "current": account.current_balance,
                    "available": account.available_balance,
                    "pending": account.pending_balance,
                    "held": account.held_balance,
                }
            ),
            _written({"current": owed, **liabilities}),
        ),
        "investors": (
            _written({kind: sheet.investors.get(kind, ZERO) for kind in merkle.KINDS}),
            _written({kind: money.from_cents(cents) for kind, cents in root.sums.by_kind.items()}),
        ),
    }
    equalities = [
        {"name": name, "left": left, "right": right, "holds": left == right} for name, (left, right) in sides.items()
    ]
    is_balanced = reconciliation.result == Reconciliation.Result.BALANCED
    return _Found(
        figures={
            "by_kind": _written({kind: sheet.by_kind.get(kind, ZERO) for kind in Kind.values}),
            "statement_date": stated.as_of_date.isoformat() if stated else None,
        },
        equalities=equalities,
        is_balanced=is_balanced and all(item["holds"] for item in equalities),
        root=root,
    )


def _says(snapshot: ProofSnapshot, found: _Found, reconciliation: Reconciliation) -> bool:
    """Whether a snapshot says already what was found now. With another key or balance its root would differ."""
    compared = ("result", "matched_lines", "unmatched_lines", "unmatched_entries")
    return (
        snapshot.figures == found.figures
        and snapshot.equalities == found.equalities
        and snapshot.is_balanced == found.is_balanced
        and snapshot.merkle_root == found.root.digest
        and snapshot.key_id == signing.current_key_id()
        and all(getattr(snapshot.reconciliation, name) == getattr(reconciliation, name) for name in compared)
    )


def _unsigned(
    account: EscrowAccount,
    reconciliation: Reconciliation,
    found: _Found,
    leaves: Mapping[str, Sums],
    *,
    at: datetime,
) -> ProofSnapshot:
    """Make the account's next snapshot, which still needs its revision and its signature."""
    before = query.latest(account)
    return ProofSnapshot(
        escrow_account=account,
        reconciliation=reconciliation,
        as_of_date=reconciliation.as_of_date,
        sequence=before.sequence + 1 if before else 1,
        previous_hash=before.content_hash if before else "",
        figures=found.figures,
        equalities=found.equalities,
        is_balanced=found.is_balanced,
        investor_count=found.root.count,
        merkle_root=found.root.digest,
        sums=proof_files.written(found.root.sums),
        total=money.from_cents(found.root.sums.total),
        leaves=_stored(account, leaves, at=at),
        created_at=at,
    )


def _stored(account: EscrowAccount, leaves: Mapping[str, Sums], *, at: datetime) -> ProofLeaves:
    """Find the row with these leaves, or store them; the account's lock keeps others from doing so at once."""
    data, content_hash = query.packed(leaves)
    known = ProofLeaves.objects.filter(escrow_account=account, content_hash=content_hash).first()
    return known or ProofLeaves.objects.create(
        escrow_account=account, content_hash=content_hash, data=data, created_at=at
    )


def _sign(snapshot: ProofSnapshot) -> None:
    snapshot.key_id = signing.current_key_id()
    statement = query.statement_of(snapshot)
    snapshot.content_hash = proof_files.content_hash(statement)
    snapshot.signature = signing.sign(proof_files.signed_bytes(statement)).text


def _written(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {str(name): money.to_json(amount) for name, amount in amounts.items()}


def _differing(equalities: list[dict[str, Any]]) -> str:
    wrong = [proof_files.EQUALITIES[item["name"]] for item in equalities if not item["holds"]]
    return "; ".join(wrong) or "see the reconciliation"
