"""
Lines of a preview: what each investor would get, what is odd about it, and where it would leave them.

They are kept in columns. A page takes the few it shows, sorting and counting take none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import overload
from uuid import UUID

from distributions.what_ifs import Outcome
from realco.money import from_cents

ANY, NOTHING, OFF, OBSTACLE = "any", "nothing", "off", "obstacle"


@dataclass(frozen=True, slots=True)
class Line:
    """What one investor would get, what is odd about it, and where it would leave them."""

    key: str
    investor_id: UUID
    investor_class: str
    contributions: tuple[tuple[date, Decimal], ...]
    contributed: Decimal
    return_of_capital: Decimal
    preferred_return: Decimal
    profit: Decimal
    total: Decimal
    last: Decimal
    residual: Decimal
    unreturned_after: Decimal
    off_pro_rata: Decimal | None
    marks: tuple[str, ...]
    obstacle: str

    @property
    def change(self) -> Decimal:
        """How much more than in the last distribution, US dollars."""
        return self.total - self.last


class Lines(Sequence[Line]):
    """The line of each investor, in the order of their keys."""

    def __init__(
        self, outcome: Outcome, investors: Sequence[int], obstacles: Mapping[str, str], tolerance: Decimal
    ) -> None:
        self.outcome = outcome
        self.investors = investors
        self.obstacles = obstacles
        self.tolerance = tolerance

    def __len__(self) -> int:
        return len(self.outcome.keys)

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        if isinstance(index, slice):
            return [self._line(row) for row in range(*index.indices(len(self)))]
        return self._line(range(len(self))[index])

    def _line(self, row: int) -> Line:
        of = self.outcome
        off = of.off[row]
        return Line(
            key=of.keys[row],
            investor_id=UUID(int=self.investors[row]),
            investor_class=of.classes[row],
            contributions=of.contributions(row),
            contributed=from_cents(of.contributed[row]),
            return_of_capital=from_cents(of.capital[row]),
            preferred_return=from_cents(of.preferred[row]),
            profit=from_cents(of.profit[row]),
            total=from_cents(of.total[row]),
            last=from_cents(of.last[row]),
            residual=from_cents(of.residual[row]),
            unreturned_after=from_cents(of.unreturned[row]),
            off_pro_rata=None if off is None else Decimal(off).scaleb(-4),
            marks=tuple(mark for mark in (NOTHING, OFF, OBSTACLE) if row in self._marked[mark]),
            obstacle=self.obstacles.get(of.keys[row], ""),
        )

    @property
    def _columns(self) -> Mapping[str, list[int]]:
        of = self.outcome
        return {
            "contributed": of.contributed,
            "return_of_capital": of.capital,
            "preferred_return": of.preferred,
            "profit": of.profit,
            "total": of.total,
            "last": of.last,
            "residual": of.residual,
            "unreturned_after": of.unreturned,
            "change": [now - before for now, before in zip(of.total, of.last, strict=True)],
        }

    def sum(self, name: str, *, investor_class: str | None = None) -> Decimal:
        """Return the exact sum of a column, over all investors or those of a class, US dollars."""
        column = self._columns[name]
        if investor_class is None:
            return from_cents(sum(column))
        classes = zip(column, self.outcome.classes, strict=True)
        return from_cents(sum(amount for amount, name in classes if name == investor_class))

    @cached_property
    def _marked(self) -> Mapping[str, set[int]]:
        """The rows with each mark."""
        of = self.outcome
        beyond = int(self.tolerance * 10_000)
        return {
            NOTHING: {row for row, amount in enumerate(of.total) if not amount},
            # Less than a cent off is rounding, however small the amount.
            OFF: {
                row
                for row, (off, amount) in enumerate(zip(of.off, of.total, strict=True))
                if off is not None and amount and abs(off) > beyond and abs(off) * amount > 10_000
            },
            OBSTACLE: {row for row, key in enumerate(of.keys) if key in self.obstacles} if self.obstacles else set(),
        }

    def chosen(self, mark: str = "", order: str = "key") -> list[int]:
        """Return the rows with a mark (``ANY`` for any, nothing for all) in an order: key, total, change or off."""
        of, marked = self.outcome, self._marked
        rows: Iterable[int] = range(len(self))
        if mark:
            rows = sorted(set().union(*marked.values()) if mark == ANY else marked[mark])
        orders: dict[str, Callable[[int], int]] = {
            "total": lambda row: -of.total[row],
            "change": lambda row: -abs(of.total[row] - of.last[row]),
            "off": lambda row: -abs(of.off[row] or 0),
        }
        # Rows are in the order of their keys, and sorting keeps it among equals.
        return sorted(rows, key=orders[order]) if order in orders else list(rows)

    def count(self, mark: object = ANY) -> int:
        """Return how many rows have a mark."""
        return len(self.chosen(str(mark)))
