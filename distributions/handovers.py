"""
Handovers: what a part of an investment is when it changes hands, in the grains of the engine.

A part that was handed over can be taken over by somebody else, in other books as well: whoever keeps
it needs to know nothing else of whom it came from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Lot:
    """
    Cents of one contribution that earn a preferred return, and what is owed on them in grains.

    `clock` is the day from which its compounding periods are counted.
    """

    clock: date
    capital: int
    unpaid: int
    accrued: int


@dataclass(frozen=True, slots=True)
class Handover:
    """
    A part of all that an investor holds: cents of capital and of cash received on it, and its accounts.

    Lots and present values are by the place of their tier; a present value is in the unit of its IRR
    account, as of the first contribution of all.
    """

    contributed: int
    unreturned: int
    cash: int
    lots: Mapping[int, tuple[Lot, ...]]
    present: Mapping[int, int]
