"""Receipts are frozen with the numbers they explain: once for each submission, in its transaction."""

from datetime import UTC, datetime
from typing import Any

from distributions import premiums, receipt_files, receipts
from distributions.derivations import SPONSOR
from distributions.models import Distribution, Receipt, ReceiptWhole, WaterfallTerms
from distributions.queries import entitlements
from distributions.queries import premiums as premium_queries
from distributions.queries import receipts as queries
from distributions.queries import terms as terms_queries
from distributions.receipts import Noted
from realco import copying
from realco.identifiers import new_id
from realco.money import to_json


def freeze(distribution: Distribution, *, at: datetime) -> ReceiptWhole:
    """
    Keep what every standing allocation follows from, under its hash; the distribution is locked by whoever submits it.

    The whole is written once and each payee's part once, so that receipts of fifty thousand payees
    take a few megabytes. What the engine can work out again from them is not kept.

    :raises NoTerms: if the offering has no terms on that day
    :raises NotDistributable: if money was released for somebody who has no investment
    """
    noted, terms = _noted(distribution)
    heading = _heading(distribution, terms, at)
    whole_hash = receipt_files.digest(noted.whole)
    whole = ReceiptWhole.objects.create(
        distribution=distribution,
        content={"distribution": heading, "whole": noted.whole},
        sha256=whole_hash,
        created_at=at,
    )
    rows = []
    pattern = copying.Pattern(Receipt(whole=whole, created_at=at))
    for allocation in entitlements.figures(distribution):
        key = str(allocation.investment_id) if allocation.investment_id else SPONSOR
        content = {
            "payee": key,
            "own": noted.own[key],
            "result": noted.results[key],
            "allocated": queries.allocated(allocation),
        }
        receipt = {"distribution": heading, "allocation": str(allocation.pk), **content}
        rows.append(
            pattern.row(
                id=new_id(),
                allocation_id=allocation.pk,
                content=content,
                sha256=receipt_files.receipt_hash(receipt, whole_hash=whole_hash),
            )
        )
    copying.insert(Receipt, rows)
    return whole


def _noted(distribution: Distribution) -> tuple[Noted, WaterfallTerms | None]:
    """Return what everybody's amount follows from, and under which terms; premiums have none."""
    if distribution.nature == Distribution.Nature.PREMIUM:
        return premiums.note(premium_queries.sharing(distribution).shared, distribution.as_of_date), None
    basis = entitlements.basis_of(distribution)
    noted = receipts.note(
        terms_queries.as_engine(basis.terms),
        basis.positions,
        basis.history,
        distribution.net_amount,
        distribution.as_of_date,
        basis.transfers,
    )
    return noted, basis.terms


def _heading(distribution: Distribution, terms: WaterfallTerms | None, at: datetime) -> dict[str, Any]:
    """Say of which distribution a receipt is, and under which terms."""
    return {
        "number": distribution.distribution_number,
        "id": str(distribution.pk),
        "offering": str(distribution.offering_id),
        "offering_name": str(distribution.offering),
        "as_of_date": distribution.as_of_date.isoformat(),
        "total_amount": to_json(distribution.total_amount),
        "platform_fee_amount": to_json(distribution.platform_fee_amount),
        "net_amount": to_json(distribution.net_amount),
        **({"terms": str(terms.pk), "terms_version": terms.version} if terms else {"nature": distribution.nature}),
        "submitted_at": at.astimezone(UTC).isoformat(),
    }
