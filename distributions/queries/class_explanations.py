"""
Explanations where terms have classes: each class is explained as the waterfall of its own that it runs.

Terms without classes are explained as they always were (`explanations`).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from distributions.queries import explanations
from distributions.results import Result, SponsorShare
from distributions.terms import ClassedTerms, InvestorClass, Terms
from distributions.waterfall import Position
from realco.money import ZERO, to_json

Words = dict[str, dict[str, object]]


def tiers(terms: Terms | ClassedTerms, result: Result) -> list[dict[str, str]]:
    """Return each tier with its title and what it takes, JSON-ready, class after class in order of payment."""
    if isinstance(terms, Terms):
        return explanations.tiers(terms, result)
    return [
        {"class": one.name, **figures}
        for one in terms.classes
        for figures in explanations.tiers(one.terms, _own(one, result, frozenset()))
    ]


def explain(terms: Terms | ClassedTerms, positions: Sequence[Position], result: Result, *, version: int) -> Words:
    """Return the explanation of each investor's share by its key, and the sponsor's under ``SPONSOR``."""
    if isinstance(terms, Terms):
        return explanations.explain(terms, positions, result, version=version)
    words: Words = {}
    of_sponsor: list[dict[str, object]] = []
    for one in terms.classes:
        theirs = [position for position in positions if position.investor_class == one.name]
        own = _own(one, result, frozenset(position.key for position in theirs))
        explained = explanations.explain(one.terms, theirs, own, version=version)
        sponsor = explained.pop(explanations.SPONSOR)
        tiers = cast("list[dict[str, object]]", sponsor["tiers"])
        of_sponsor += [{"class": one.name, **tier} for tier in tiers]
        for key, said in explained.items():
            words[key] = {**said, "class": one.name, "distributed": to_json(result.amount)}
        words[explanations.SPONSOR] = {**sponsor, "distributed": to_json(result.amount)}
    words[explanations.SPONSOR] |= {"yours": to_json(result.sponsor.total), "tiers": of_sponsor}
    return words


def _own(one: InvestorClass, result: Result, keys: frozenset[str]) -> Result:
    """Return the part of a result that is one class's waterfall."""
    places = [place for place, tier in enumerate(result.tiers) if tier.investor_class == one.name]
    totals = tuple(result.tiers[place] for place in places)
    promote = sum((total.gp for total in totals), ZERO)
    pairs = [
        (share, balance) for share, balance in zip(result.shares, result.balances, strict=True) if share.key in keys
    ]
    shares = tuple(replace(share, by_tier=tuple(share.by_tier[place] for place in places)) for share, _ in pairs)
    return replace(
        result,
        amount=sum((total.total for total in totals), ZERO),
        tiers=totals,
        shares=shares,
        sponsor=SponsorShare(ZERO, promote, promote, result.sponsor.exact),
        balances=tuple(balance for _, balance in pairs),
    )
