"""
The waterfall: what each investor and the sponsor are due of an amount.

Pure arithmetic, usable as a library: no database, no clock. History is replayed from the
first contribution, because what is due now depends on what was paid when. Cents paid are
facts and set the balances; shares are exact fractions until whole cents are made of
them, once, at the end (`distributions.cents`).

Return of capital is in proportion to unreturned capital, hurdles to what each still lacks
of them, all other profit to contributed capital (or ownership).
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from distributions.day_counts import DayCount
from distributions.positions import Balance, PastDistribution, PastLine, Position, Transfer, UnworkableFigures
from distributions.replay import Replay, read_cents, replay
from distributions.results import Result, Share, SponsorShare, TierTotal, Worked
from distributions.templates import case_a_terms, original_four_tiers
from distributions.terms import (
    BetweenClasses,
    CapitalBase,
    CatchUp,
    ClassedTerms,
    Compounding,
    InvestorClass,
    IrrHurdle,
    MultipleHurdle,
    PreferredReturn,
    ProfitBasis,
    ReturnOfCapital,
    Split,
    Terms,
    Tier,
    TierKind,
    UnworkableTerms,
)

# Whoever calculates needs the terms as well; one import gives both.
__all__ = [
    "Balance",
    "BetweenClasses",
    "CapitalBase",
    "CatchUp",
    "ClassedTerms",
    "Compounding",
    "DayCount",
    "InvestorClass",
    "IrrHurdle",
    "MultipleHurdle",
    "PastDistribution",
    "PastLine",
    "Position",
    "PreferredReturn",
    "ProfitBasis",
    "Result",
    "ReturnOfCapital",
    "Share",
    "Split",
    "SponsorShare",
    "Terms",
    "Tier",
    "TierKind",
    "TierTotal",
    "Transfer",
    "UnworkableFigures",
    "UnworkableTerms",
    "balances",
    "calculate",
    "case_a_terms",
    "original_four_tiers",
    "work",
]


def calculate(
    terms: Terms | ClassedTerms,
    positions: Sequence[Position],
    history: Sequence[PastDistribution],
    amount: Decimal,
    on: date,
    *,
    transfers: Sequence[Transfer] = (),
) -> Result:
    """
    Run an amount through the tiers on a day, after all that was distributed before.

    The order of positions does not matter; shares come back in the order of their keys.
    History of one day is taken in the order given. Distributions on the day itself count
    as paid before; contributions of the day count, and have earned nothing yet.

    :raises UnworkableFigures: if the amount is not positive whole cents, a position, a
        transfer or a past line makes no sense, history is later than the day, or there is
        no capital
    """
    story = replay(terms, positions, history, on, transfers)
    wanted = read_amount(amount)
    worked = work(story, wanted, on)
    paid = worked.paid()
    story.books.pay(paid, on)
    return worked.result(wanted, paid)


def work(story: Replay, amount: int, on: date) -> Worked:
    """
    Run cents through the tiers as things stand on a day, and book nothing.

    :raises UnworkableFigures: if there is no capital
    """
    if not story.books.contributed or not story.books.profit_weight:
        raise UnworkableFigures(f"Nobody had contributed capital by {on}; there is nobody to distribute to.")
    return Worked(story.books, story.books.run(amount, on), on)


def read_amount(amount: Decimal) -> int:
    """
    Return an amount to distribute as whole cents.

    :raises UnworkableFigures: if it is not more than nothing, in whole cents
    """
    wanted = read_cents(amount, "The amount to distribute")
    if wanted <= 0:
        raise UnworkableFigures(f"The amount to distribute must be more than nothing; it is {amount}.")
    return wanted


def balances(
    terms: Terms | ClassedTerms,
    positions: Sequence[Position],
    history: Sequence[PastDistribution],
    on: date,
    *,
    transfers: Sequence[Transfer] = (),
) -> tuple[Balance, ...]:
    """
    Return where every investor stands at a day, in the order of their keys.

    :raises UnworkableFigures: if a position, a transfer or a past line makes no sense, or
        history is later than the day
    """
    return replay(terms, positions, history, on, transfers).books.balances(on)
