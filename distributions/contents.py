"""Contents: everything an approver of a distribution signs, as one canonical text, and its SHA-256."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from distributions.models import Distribution, DistributionAllocation
from distributions.queries import deductions, premiums, receipts, reinvestments
from distributions.queries.entitlements import Figures
from realco.money import to_json


def content_hash(
    distribution: Distribution,
    allocations: Sequence[DistributionAllocation | Figures],
    *,
    lines: Sequence[Sequence[str]] = (),
    reinvested: Sequence[Sequence[str]] = (),
    submitted_at: datetime,
) -> str:
    """
    Return the SHA-256 of a distribution's numbers, as canonical JSON.

    The moment of submission is part of it: numbers that were withdrawn and submitted again need
    new signatures, even where they are the same. Deductions (``lines``), what investors chose to reinvest,
    overrides and premiums are part of it where there are any; hashes of distributions without them are what they
    always were.
    """
    content = {
        "distribution": distribution.distribution_number,
        "offering": str(distribution.offering_id),
        "escrow_account": str(distribution.escrow_account_id),
        "type": distribution.type,
        "currency": distribution.currency,
        "as_of_date": distribution.as_of_date.isoformat(),
        "total_amount": to_json(distribution.total_amount),
        "platform_fee_amount": to_json(distribution.platform_fee_amount),
        "net_amount": to_json(distribution.net_amount),
        "return_of_capital": to_json(distribution.return_of_capital_total),
        "preferred_return": to_json(distribution.preferred_return_total),
        "sponsor_catch_up": to_json(distribution.sponsor_catch_up_total),
        "profit_split": to_json(distribution.profit_split_total),
        "terms": str(distribution.terms_id),
        "tiers": distribution.waterfall_tiers,
        "basis": distribution.metadata.get("basis", {}),
        "submitted_at": submitted_at.astimezone(UTC).isoformat(),
        "allocations": sorted(_allocation(row) for row in allocations),
        **receipts.hashes(distribution, submitted_at=submitted_at),
    }
    if distribution.nature == Distribution.Nature.PREMIUM:
        content["premium_total"] = to_json(distribution.premium_total)
        content["premiums"] = premiums.signed(distribution)
    if lines:
        content["lines"] = lines
    if reinvested:
        content["reinvested"] = reinvested
    if overrides := sorted(_override(row) for row in allocations if row.overridden_by_id is not None):
        content["overrides"] = overrides
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def signed_hash(
    distribution: Distribution, allocations: Sequence[DistributionAllocation | Figures], *, submitted_at: datetime
) -> str:
    """Return the same with the deductions and the reinvested parts as they are kept now."""
    return content_hash(
        distribution,
        allocations,
        lines=deductions.signed(distribution),
        reinvested=reinvestments.signed(distribution),
        submitted_at=submitted_at,
    )


def _allocation(row: DistributionAllocation | Figures) -> list[str]:
    return [
        str(row.pk),
        str(row.investor_id),
        str(row.investment_id),
        to_json(row.return_of_capital),
        to_json(row.preferred_return),
        to_json(row.sponsor_catch_up),
        to_json(row.profit_split),
        to_json(row.total_amount),
        to_json(row.fee_amount),
        to_json(row.net_amount),
    ]


def _override(row: DistributionAllocation | Figures) -> list[str]:
    return [
        str(row.pk),
        json.dumps(row.calculated, sort_keys=True),
        row.override_reason,
        str(row.overridden_by_id),
        str(row.override_confirmed_by_id),
    ]
