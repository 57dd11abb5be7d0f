"""
Class books: where the investors of one class stand while history is replayed, in cents.

Investors are rows, by number. Terms without classes have one class, which is everybody.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from distributions.accruals import Accrual
from distributions.grains import GRAIN
from distributions.handovers import Handover
from distributions.hurdles import HurdleAccount
from distributions.positions import UnworkableFigures
from distributions.terms import CapitalBase, IrrHurdle, PreferredReturn, ProfitBasis, Terms


class ClassBooks:
    """The capital, the cash and the accounts of the investors of one class."""

    def __init__(
        self,
        name: str,
        terms: Terms,
        keys: Sequence[str],
        ownership: list[int],
        origin: date,
        traced: frozenset[int] = frozenset(),
    ) -> None:
        self.name = name
        self.terms = terms
        self.keys = keys
        self.ownership = ownership
        size = len(keys)
        self.contributed = [0] * size
        self.unreturned = [0] * size
        self.cash = [0] * size
        self.lp_profit = 0
        self.gp_profit = 0
        # By the place of their tier.
        self.accruals: dict[int, Accrual] = {}
        self.accounts: dict[int, HurdleAccount] = {}
        for place, tier in enumerate(terms.tiers):
            if isinstance(tier, PreferredReturn):
                self.accruals[place] = Accrual(tier, size, traced)
            elif isinstance(tier, IrrHurdle):
                self.accounts[place] = HurdleAccount(tier.rate, size, origin)

    def contribute(self, row: int, capital: int, on: date) -> None:
        self.contributed[row] += capital
        self.unreturned[row] += capital
        for accrual in self.accruals.values():
            accrual.contribute(row, capital, on)
        for account in self.accounts.values():
            account.contribute(row, capital, on)

    def profit_weights(self) -> list[int]:
        by_ownership = self.terms.profits_by is ProfitBasis.OWNERSHIP
        return self.ownership if by_ownership else self.contributed

    def pay(self, capital: list[int], preferred: list[int], profit: list[int], promote: int, on: date) -> None:
        """
        Book the cents of a run: those of each investor by nature, and the sponsor's.

        :raises UnworkableFigures: if somebody got back more capital than it had put in
        """
        if any(capital):
            self.unreturned = [held - cents for held, cents in zip(self.unreturned, capital, strict=True)]
            if min(self.unreturned) < 0:
                key = self.keys[self.unreturned.index(min(self.unreturned))]
                raise UnworkableFigures(f"More capital was returned to {key} than it had contributed by then.")
        for accrual in self.accruals.values():
            accrual.return_capital(capital, on)
            accrual.pay(preferred, on)
        cash = [sum(natures) for natures in zip(capital, preferred, profit, strict=True)]
        if any(cash):
            self.cash = [before + cents for before, cents in zip(self.cash, cash, strict=True)]
            for account in self.accounts.values():
                account.pay(cash, on)
        self.lp_profit += sum(preferred) + sum(profit)
        self.gp_profit += promote

    def transfer(self, seller: int, buyer: int, part: Decimal, on: date) -> Handover:
        """Hand over a part of all that an investor holds, with its dates and its history."""
        handed = self.hand_over(seller, part, on)
        self.take_over(buyer, handed, on)
        return handed

    def hand_over(self, row: int, part: Decimal, on: date) -> Handover:
        """Take a part off all that an investor holds, capital and cash rounded down to the cent, and return it."""
        fraction = Fraction(part)
        contributed, unreturned, cash = (
            int(held[row] * fraction) for held in (self.contributed, self.unreturned, self.cash)
        )
        lots = {
            place: accrual.hand_over(
                row, fraction, contributed if accrual.tier.base is CapitalBase.ORIGINAL else unreturned, on
            )
            for place, accrual in self.accruals.items()
        }
        present = {place: account.hand_over(row, fraction) for place, account in self.accounts.items()}
        handed = Handover(contributed, unreturned, cash, lots, present)
        self._add(row, handed, -1)
        return handed

    def take_over(self, row: int, handed: Handover, on: date) -> None:
        """Add to an investor's what was handed over on a day."""
        for place, accrual in self.accruals.items():
            accrual.take_over(row, handed.lots[place], on)
        for place, account in self.accounts.items():
            account.take_over(row, handed.present[place])
        self._add(row, handed, 1)

    def _add(self, row: int, handed: Handover, sign: int) -> None:
        self.contributed[row] += sign * handed.contributed
        self.unreturned[row] += sign * handed.unreturned
        self.cash[row] += sign * handed.cash

    def hurdle_owed(self, on: date) -> list[int]:
        """
        Return what the first hurdle has earned each investor beyond its capital, in grains.

        That is the first preferred return, or else the first IRR hurdle.
        """
        for accrual in self.accruals.values():
            return accrual.owed(on)
        for account in self.accounts.values():
            from_capital = zip(account.balances(on), self.unreturned, strict=True)
            return [balance - capital * GRAIN for balance, capital in from_capital]
        return [0] * len(self.keys)
