"""Contents: everything an approver of a distribution signs, as one canonical text, and its SHA-256."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import F, Func, TextField, Value
from django.db.models.functions import Cast, Coalesce

from distributions.models import Distribution
from distributions.queries import deductions, entitlements, premiums, receipts, reinvestments
from realco.money import to_json

_FIGURES = (
    "id", "investor_id", "investment_id", "return_of_capital", "preferred_return", "sponsor_catch_up", "profit_split",
    "total_amount", "fee_amount", "net_amount",
)  # fmt: skip


def signed_hash(distribution: Distribution, *, submitted_at: datetime) -> str:
    """
    Return the SHA-256 of a distribution's numbers as they are kept now, as canonical JSON.

    The moment of submission is part of it: numbers that were withdrawn and submitted again need
    new signatures, even where they are the same. Deductions, what investors chose to reinvest,
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
        **receipts.hashes(distribution, submitted_at=submitted_at),
    }
    if distribution.nature == Distribution.Nature.PREMIUM:
        content["premium_total"] = to_json(distribution.premium_total)
        content["premiums"] = premiums.signed(distribution)
    if lines := deductions.signed(distribution):
        content["lines"] = lines
    if reinvested := reinvestments.signed(distribution):
        content["reinvested"] = reinvested
    if overrides := sorted(_overrides(distribution)):
        content["overrides"] = overrides
    written = {name: _canonical(value) for name, value in content.items()}
    written["allocations"] = _allocations(distribution)
    whole = ",".join(f"{_canonical(name)}:{text}" for name, text in sorted(written.items()))
    return hashlib.sha256(f"{{{whole}}}".encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _allocations(distribution: Distribution) -> str:
    """
    Return what approvers sign of each allocation, in the order of their ids, as canonical JSON.

    The database writes fifty thousand of them in a fifth of the time; ids and numbers hold nothing to escape.
    """
    nobody = Coalesce(Cast("investment_id", TextField()), Value("None"))  # The sponsor's promote is no investment's.
    values = [nobody if name == "investment_id" else F(name) for name in _FIGURES]
    pattern = Value("[" + ",".join(['"%s"'] * len(values)) + "]")
    lines = StringAgg(Func(pattern, *values, function="format", output_field=TextField()), ",", ordering="id")
    found: str | None = entitlements.standing_rows(distribution).aggregate(lines=lines)["lines"]
    return f"[{found or ''}]"


def _overrides(distribution: Distribution) -> Iterable[list[str]]:
    for row in entitlements.standing_rows(distribution).filter(overridden_by__isnull=False):
        yield [
            str(row.pk),
            json.dumps(row.calculated, sort_keys=True),
            row.override_reason,
            str(row.overridden_by_id),
            str(row.override_confirmed_by_id),
        ]
