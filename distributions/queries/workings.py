"""
Workings: what everybody is due of a distribution, whichever its nature, and what has changed since.

The waterfall's are in entitlements.py, premiums that are paid on in premiums.py; drawing up, approving and looking at
a distribution is the same for both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from distributions.models import Distribution, DistributionAllocation, WaterfallTerms
from distributions.queries import entitlements, premium_words, premiums
from distributions.queries.entitlements import Figures
from realco.errors import Refusal
from realco.money import ZERO


@dataclass(frozen=True, slots=True)
class Worked:
    """
    A distribution worked out: its allocations, not saved, and its totals by column.

    ``basis`` is what it rests on, JSON-ready and short; premiums have no terms.
    """

    terms: WaterfallTerms | None
    tiers: list[dict[str, str]]
    allocations: Sequence[DistributionAllocation]
    totals: dict[str, Decimal]
    basis: dict[str, str]


def work_out(distribution: Distribution) -> Worked:
    """
    Work out what everybody is due of a distribution, as things stand now.

    :raises NoTerms: if the waterfall's distribution has no terms on its day
    :raises NotDistributable: if the waterfall cannot be run on the ledger's figures
    """
    if distribution.nature == Distribution.Nature.PREMIUM:
        found = premiums.sharing(distribution)
        rows = list(premiums.allocations(distribution, found))
        total = sum((row.premium_amount for row in rows), ZERO)
        return Worked(None, premium_words.tiers(found.shared), rows, {"premium_total": total}, found.basis)
    now = entitlements.entitlements(distribution)
    totals = {f"{name}_total": getattr(now.result, name) for name in entitlements.PARTS}
    return Worked(now.basis.terms, now.tiers, now.allocations, totals, now.basis.as_json())


def changes_since(distribution: Distribution, *, anew: bool) -> list[str]:
    """
    Return in words what has changed since a distribution's numbers were drawn up; empty if nothing has.

    ``anew`` works everything out once more, which finds what none of the figures it rests on shows.
    """
    if distribution.nature != Distribution.Nature.PREMIUM:
        return entitlements.changes_since(distribution, anew=anew)
    try:
        changes = premiums.changes_since(distribution)
        if anew and not changes and not _same(distribution, work_out(distribution).allocations):
            changes = ["the numbers come out differently"]
    except Refusal as refusal:
        return [str(refusal)]
    return changes


def _same(distribution: Distribution, rows: Iterable[DistributionAllocation]) -> bool:
    def given(row: DistributionAllocation | Figures) -> tuple[object, ...]:
        return row.investor_id, row.investment_id, row.premium_amount, row.total_amount

    return {given(row) for row in entitlements.figures(distribution)} == {given(row) for row in rows}
