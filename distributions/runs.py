"""
Runs: an amount goes down the tiers of a class, exactly, one tier at a time.

A tier is told what it may take and answers with a flow. Later tiers count what earlier
ones pay in the same run; since money reaches a tier only when those before it are full,
what they paid each investor is simply what they needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from distributions.class_books import ClassBooks
from distributions.grains import GRAIN, in_grains
from distributions.terms import (
    CatchUp,
    Hurdle,
    IrrHurdle,
    MultipleHurdle,
    PreferredReturn,
    ReturnOfCapital,
    Split,
    Tier,
)

NOTHING = Fraction(0)
_BY_CASH = (IrrHurdle, MultipleHurdle)


@dataclass(frozen=True)
class Flow:
    """
    What a tier takes, in exact cents, and what investors share it by.

    `weights` are empty where nothing flows; those of hurdles are what each investor lacks, in
    parts of which there are `per_cent` in a cent. `need` is None where the tier takes all that is left.
    `profits` are those of investors and sponsor as the tier found them, from which a catch-up reckons.
    `fractions` says which part of what is less than a cent a preferred return pays, where it does not pay all.
    """

    tier: Tier
    lp: Fraction = NOTHING
    gp: Fraction = NOTHING
    need: Fraction | None = NOTHING
    weights: Sequence[int] = ()
    per_cent: int = 1
    profits: tuple[Fraction, Fraction] = (NOTHING, NOTHING)
    fractions: Fraction | None = None

    @property
    def taken(self) -> Fraction:
        return self.lp + self.gp

    @property
    def met(self) -> Fraction:
        """What part of what each investor lacks of a hurdle this pays; nothing for tiers that are no hurdle."""
        pool = sum(self.weights)
        is_hurdle = isinstance(self.tier, ReturnOfCapital | Hurdle)
        return self.lp * self.per_cent / pool if is_hurdle and pool else NOTHING

    @property
    def is_catch_up(self) -> bool:
        return isinstance(self.tier, CatchUp)

    def divided(self, *, unit: int = 1) -> tuple[Sequence[int], int, int]:
        """Return weights, numerator and denominator: an investor gets weight x numerator / denominator units."""
        pool = sum(self.weights)
        each = self.lp * unit / pool if pool else NOTHING
        return self.weights, each.numerator, each.denominator


class Run:
    """An amount on its way through the tiers of one class on a day."""

    def __init__(self, books: ClassBooks, on: date) -> None:
        self.books = books
        self.on = on
        self.flows: list[Flow] = []
        self._lp, self._gp = Fraction(books.lp_profit), Fraction(books.gp_profit)
        # What this run has given investors so far, in grains; None for nothing yet.
        self._cash: list[int] | None = None
        self._capital: list[int] | None = None
        self._preferred: list[int] | None = None
        self._need: Fraction | None = NOTHING
        self._weights: list[int] = []
        self._per_cent = 1
        self._fractions: Fraction | None = None

    @property
    def tier(self) -> Tier:
        return self.books.terms.tiers[len(self.flows)]

    def need(self) -> Fraction | None:
        """Work out what the next tier takes at most; None when that is everything."""
        tier = self.tier
        self._per_cent = 1
        self._fractions = None
        if isinstance(tier, CatchUp):
            # After X more, of which the sponsor gets c, it has k of all profit:
            # G + cX = k(L + G + X).
            target, rate = Fraction(tier.target), Fraction(tier.gp_rate)
            self._weights = self.books.profit_weights()
            self._need = max((target * (self._lp + self._gp) - self._gp) / (rate - target), NOTHING)
        elif isinstance(tier, Split):
            self._weights = self.books.profit_weights()
            self._need = None
        else:
            self._need = self._hurdle(tier)
        return self._need

    def take(self, amount: Fraction) -> None:
        """Let the next tier, whose need has been worked out, take an amount, and go on to the one after it."""
        tier, need = self.tier, self._need
        sponsor = amount * sponsor_rate(tier)
        weights, profits = self._weights if amount else (), (self._lp, self._gp)
        fractions = self._fractions if amount else None
        self._note(Flow(tier, amount - sponsor, sponsor, need, weights, self._per_cent, profits, fractions))

    def _note(self, flow: Flow) -> None:
        self.flows.append(flow)
        if flow.taken and flow.taken == flow.need:
            self._count(flow)
        self._weights = []

    def skip(self) -> None:
        """Pass a tier that no money reaches."""
        self.flows.append(Flow(self.tier))

    def _hurdle(self, tier: ReturnOfCapital | Hurdle) -> Fraction:
        if isinstance(tier, ReturnOfCapital):
            self._weights = self.books.unreturned
            if self._capital is not None:
                self._weights = _less(_grains(self._weights), self._capital)
                self._per_cent = GRAIN
            return Fraction(sum(self._weights), self._per_cent)
        if isinstance(tier, PreferredReturn):
            lacking = self.books.accruals[len(self.flows)].owed(self.on)
            if self._preferred is not None:
                lacking = [owed - given for owed, given in zip(lacking, self._preferred, strict=True)]
            self._fractions = self._part_of_fractions(lacking)
            lacking = _without_odd_cents(lacking, self._fractions)
            total = sum(lacking)
        elif isinstance(tier, IrrHurdle):
            lacking, total = self._lacking_of_irr(len(self.flows))
        else:
            lacking = self._lacking_of_multiple(tier)
            total = sum(lacking)
        self._per_cent = GRAIN
        self._weights = lacking if min(lacking, default=0) >= 0 else [max(one, 0) for one in lacking]
        return Fraction(max(total, 0), GRAIN) / Fraction(tier.lp_share)

    def _part_of_fractions(self, owed: list[int]) -> Fraction | None:
        """
        Return which part of fractions of a cent is owed to all investors together; None where nobody had too much.

        Rounding leaves some a fraction of a cent too much and others as much too little, so that what
        is left over a paid tier is nothing. A fraction paid too much is not taken from somebody who is
        owed more than that, and an amount paid too much is a matter of that investor alone.
        """
        if min(owed, default=0) >= 0:
            return None
        rest = sum(one for one in owed if -GRAIN < one < GRAIN)
        lacking = sum(one for one in owed if 0 < one < GRAIN)
        return Fraction(rest, lacking) if rest > 0 else NOTHING

    def _lacking_of_irr(self, place: int) -> tuple[list[int], int]:
        account = self.books.accounts[place]
        lacking = account.balances(self.on)
        total = account.total(self.on)
        if self._cash is None:
            return lacking, total
        return [one - given for one, given in zip(lacking, self._cash, strict=True)], total - sum(self._cash)

    def _lacking_of_multiple(self, tier: MultipleHurdle) -> list[int]:
        multiple = int(Fraction(tier.multiple) * GRAIN)
        rows = zip(self.books.contributed, self.books.cash, strict=True)
        lacking = [contributed * multiple - cash * GRAIN for contributed, cash in rows]
        if self._cash is None:
            return lacking
        return [one - given for one, given in zip(lacking, self._cash, strict=True)]

    def _count(self, flow: Flow) -> None:
        """Note what a full tier gave investors, as far as a later tier asks for it."""
        later = self.books.terms.tiers[len(self.flows) :]
        tier = flow.tier
        by_cash = any(isinstance(one, _BY_CASH) for one in later)
        by_capital = by_cash or any(isinstance(one, ReturnOfCapital) for one in later)
        by_preferred = any(isinstance(one, PreferredReturn) for one in later)
        capital = NOTHING
        given: list[int] = []
        if by_cash or by_capital or by_preferred or isinstance(tier, _BY_CASH):
            given = self._given(flow)
        if by_cash:
            self._cash = _plus(self._cash, given)
        if isinstance(tier, ReturnOfCapital):
            capital = flow.lp
            if by_capital:
                self._capital = _plus(self._capital, given)
        elif isinstance(tier, PreferredReturn) and by_preferred:
            self._preferred = _plus(self._preferred, given)
        elif isinstance(tier, _BY_CASH):
            returned = self._returned(given)
            capital = Fraction(sum(returned), GRAIN)
            self._capital = _plus(self._capital, returned)
        self._lp += flow.lp - capital
        self._gp += flow.gp

    def _given(self, flow: Flow) -> list[int]:
        """Return what a flow gives each investor, in grains."""
        whole = in_grains(flow.lp)
        if sum(flow.weights) * GRAIN == whole * flow.per_cent:
            return list(flow.weights) if flow.per_cent == GRAIN else _grains(flow.weights)
        weights, numerator, denominator = flow.divided(unit=GRAIN)
        return [weight * numerator // denominator for weight in weights]

    def _returned(self, given: list[int]) -> list[int]:
        """Return which part of cash that fills a hurdle is capital: all that was not returned before."""
        unreturned = _grains(self.books.unreturned)
        if self._capital is not None:
            unreturned = _less(unreturned, self._capital)
        return [min(cash, capital) for cash, capital in zip(given, unreturned, strict=True)]


def sponsor_rate(tier: Tier) -> Fraction:
    """Return the sponsor's part of each dollar in a tier."""
    if isinstance(tier, CatchUp):
        return Fraction(tier.gp_rate)
    return NOTHING if isinstance(tier, ReturnOfCapital) else Fraction(tier.gp_share)


def _without_odd_cents(owed: list[int], part: Fraction | None) -> list[int]:
    """Return what each investor is owed, of fractions of a cent only a part; None for all of everything."""
    if part is None:
        return owed
    up, down = part.numerator, part.denominator
    return [one if one >= GRAIN else max(one, 0) * up // down for one in owed]


def _grains(cents: Sequence[int]) -> list[int]:
    return [one * GRAIN for one in cents]


def _plus(before: list[int] | None, more: list[int]) -> list[int]:
    return more if before is None else [one + other for one, other in zip(before, more, strict=True)]


def _less(whole: Sequence[int], part: Sequence[int]) -> list[int]:
    return [max(one - other, 0) for one, other in zip(whole, part, strict=True)]
