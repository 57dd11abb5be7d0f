"""
Receipts as people look at them: one's own as a file, worked out again, or one that somebody brings.

What somebody brings is never worked out before its hash is known to be that of a receipt of theirs, so
that a file made to keep the engine busy does nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from distributions import receipt_files, receipt_replays
from distributions.models import Distribution, DistributionAllocation, Receipt
from distributions.queries.entitlements import Figures
from distributions.receipt_files import NotAReceipt
from distributions.receipt_replays import Difference
from distributions.receipt_wholes import ReceiptBroken
from realco.errors import Refusal
from realco.money import ZERO, to_json

FIGURES = (
    "return_of_capital", "preferred_return", "sponsor_catch_up", "profit_split", "total_amount", "fee_amount",
    "net_amount",
)  # fmt: skip

_NONE_KEPT = "No receipt was kept of this: it is older than receipts are, or than those of what changed hands."


class NoReceipt(Refusal):
    """The distribution was submitted before receipts were kept."""


@dataclass(frozen=True, slots=True)
class Check:
    """What came of checking a receipt; ``differences`` are the figures that do not hold."""

    holds: bool
    words: str
    sha256: str = ""
    differences: tuple[Difference, ...] = ()
    allocation: DistributionAllocation | None = None


def of(allocation: DistributionAllocation) -> Receipt | None:
    """Return the receipt of an allocation that its distribution was last submitted with."""
    return (
        Receipt.objects.filter(allocation=allocation)
        .select_related("whole", "allocation__distribution")
        .order_by("-created_at", "-id")
        .first()
    )


def content(row: Receipt) -> dict[str, Any]:
    """Return a receipt as it was hashed: what is common to all and what is its payee's, together."""
    whole = row.whole.content
    return {
        "distribution": whole["distribution"],
        "whole": whole["whole"],
        "allocation": str(row.allocation_id),
        **row.content,
    }


def file_for(allocation: DistributionAllocation) -> dict[str, Any]:
    """
    Return an allocation's receipt as the content of its file, with every step worked out again.

    :raises NoReceipt: if none was kept
    """
    row = of(allocation)
    if row is None:
        raise NoReceipt(_NONE_KEPT)
    receipt = content(row)
    return receipt_files.compose(receipt, receipt_replays.replay(receipt).working)


def file_name(allocation: DistributionAllocation) -> str:
    """Return what an allocation's receipt is called as a file."""
    return f"receipt-{allocation.distribution.distribution_number}-{str(allocation.pk)[-8:]}.json"


def check(allocation: DistributionAllocation) -> Check:
    """
    Work an allocation's receipt out again from what was frozen, and hold it against its hash and its row.

    :raises NoReceipt: if none was kept
    """
    row = of(allocation)
    if row is None:
        raise NoReceipt(_NONE_KEPT)
    receipt = content(row)
    try:
        replayed = receipt_replays.replay(receipt)
    except (NotAReceipt, ReceiptBroken) as refusal:
        return Check(False, f"The receipt contradicts itself: {refusal}", row.sha256, (), allocation)
    differences = [
        *receipt_replays.compare(receipt["result"], replayed.result, "result"),
        *receipt_replays.compare(allocated(allocation), receipt["allocated"], "allocated"),
    ]
    hashed = receipt_files.receipt_hash({**receipt, "result": replayed.result})
    if hashed != row.sha256:
        differences.append(Difference("sha256", row.sha256, hashed))
    return _checked(differences, row, allocation)


def check_file(data: bytes, *, theirs: QuerySet[DistributionAllocation]) -> Check:
    """Check a receipt file that somebody brings against those of their own allocations, and no others."""
    try:
        brought = receipt_files.read(data)
        allocation_id = UUID(brought["receipt"]["allocation"])
    except NotAReceipt as refusal:
        return Check(False, str(refusal))
    except ValueError:
        return Check(False, "The receipt does not say of which allocation it is.")
    allocation = theirs.filter(pk=allocation_id).first()
    row = of(allocation) if allocation is not None else None
    if allocation is None or row is None:
        # The same words whether it is somebody else's or nobody's: which it is, is not theirs to know.
        return Check(False, "This is no receipt of yours that we know. Only its own payee can check a receipt here.")
    kept = json.loads(json.dumps(content(row)))
    differences = receipt_replays.compare(brought["receipt"], kept, "receipt")
    if brought["sha256"] != row.sha256:
        differences.append(Difference("sha256", brought["sha256"], row.sha256))
    if differences:
        return _checked(differences, row, allocation)
    working = receipt_replays.replay(kept).working
    differences = receipt_replays.compare(brought["working"], json.loads(json.dumps(working)), "working")
    return _checked(differences, row, allocation) if differences else check(allocation)


def hashes(distribution: Distribution, *, submitted_at: datetime) -> Mapping[str, Any]:
    """Return the hashes of the receipts kept at a submission, as its approvers sign them; nothing if there are none."""
    rows = Receipt.objects.filter(whole__distribution=distribution, created_at=submitted_at)
    found = sorted(rows.order_by().values_list(Cast("allocation_id", TextField()), "sha256"))
    return {"receipts": [list(one) for one in found]} if found else {}


def allocated(allocation: DistributionAllocation | Figures) -> dict[str, str]:
    """Return what an allocation pays as it stands: what the waterfall gave, unless somebody decided otherwise."""
    figures = {name: to_json(getattr(allocation, name)) for name in FIGURES}
    withheld: Decimal = getattr(allocation, "withholding_amount", ZERO)
    reason: str = getattr(allocation, "override_reason", "")
    # Written only where there is any, so that a receipt without them is what it always was.
    if allocation.premium_amount:
        figures["premium_amount"] = to_json(allocation.premium_amount)
    if withheld:
        figures["withholding_amount"] = to_json(withheld)
    return {**figures, "decided_because": reason} if reason else figures


def _checked(differences: list[Difference], row: Receipt, allocation: DistributionAllocation) -> Check:
    if not differences:
        words = "It holds: every figure comes out again, to the same hash that was kept when it was submitted."
        return Check(True, words, row.sha256, (), allocation)
    number = "One figure differs" if len(differences) == 1 else f"{len(differences)} figures differ"
    return Check(False, f"It does not hold. {number}.", row.sha256, tuple(differences), allocation)
