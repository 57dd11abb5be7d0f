"""
A bank account's lines and entries as they really are, with the truth about them: for tests and the benchmark.

Half of the amounts are the usual 500, 1,000 or 5,000. Nearly all lines carry the payment's reference; some carry
it cut off or written differently, some none, some another. A share of the payments is noise: split, merged,
missing on either side, doubled on either side, a day late, off by a cent.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from escrow.matching import Item, Match
from realco.business_days import add_business_days

FIRST = date(2026, 1, 5)
USUAL = ("500.00", "1000.00", "1000.00", "2500.00", "5000.00", "5000.00", "10000.00")
GIVEN = ("Ada", "Ben", "Carla", "Dmitri", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Liam", "Mona",
         "Nils", "Olga", "Pablo", "Quinn", "Rosa", "Sven", "Tara", "Umar", "Vera", "Wanda", "Yara", "Zane")  # fmt: skip
FAMILY = tuple(
    f"{begin}{end}"
    for begin in ("Al", "Ber", "Car", "Dor", "El", "Fen", "Gar", "Hol", "Kam", "Lor", "Mar", "Nor", "Os", "Pen", "Ros")
    for end in ("berg", "dale", "ford", "gren", "house", "kin", "land", "man", "sen", "stone", "ton", "wick", "wood")
)
NOISES = ("split", "merged", "no line", "no entry", "line twice", "entry twice", "a day late", "off by a cent")


@dataclass
class Data:
    """Both sides, and every match that would be right."""

    lines: list[Item] = field(default_factory=list)
    entries: list[Item] = field(default_factory=list)
    right: set[tuple[frozenset[UUID], frozenset[UUID]]] = field(default_factory=set)
    matchable: int = 0

    def truly(self, lines: Iterable[Item], entries: Iterable[Item]) -> None:
        """Say that these lines are these entries."""
        some = frozenset(line.id for line in lines)
        self.right.add((some, frozenset(entry.id for entry in entries)))
        self.matchable += len(some)

    def or_else(self, line: Item, entry: Item) -> None:
        """Say that a pair would be as right as one said before: a doubled line is the same line."""
        self.right.add((frozenset({line.id}), frozenset({entry.id})))


@dataclass(frozen=True)
class Score:
    """How a matching did: lines that could be matched, rightly and wrongly matched ones, and the wrong matches."""

    matchable: int
    rightly: int
    wrong: tuple[Match, ...]

    @property
    def share(self) -> Decimal:
        """The rightly matched as a fraction of what could be matched."""
        return Decimal(self.rightly) / self.matchable if self.matchable else Decimal(1)


def score(data: Data, matches: Iterable[Match]) -> Score:
    """Compare matches with the truth."""
    rightly, wrong = 0, []
    for match in matches:
        if (frozenset(match.line_ids), frozenset(match.entry_ids)) in data.right:
            rightly += len(match.line_ids)
        else:
            wrong.append(match)
    return Score(data.matchable, rightly, tuple(wrong))


def make(size: int, *, seed: int, noise: str = "0.02", days: int = 0) -> Data:
    """Make the two sides of about ``size`` payments over some business days, four hundred a day unless it is said."""
    return _Maker(size, random.Random(seed), Decimal(noise), days or max(20, size // 400)).make()


class _Maker:
    def __init__(self, size: int, chance: random.Random, noise: Decimal, days: int) -> None:
        self.size, self.chance, self.noise = size, chance, noise
        self.days = [add_business_days(FIRST, number) for number in range(days)]
        self.payers = [f"{chance.choice(GIVEN)} {chance.choice(FAMILY)}" for _ in range(max(20, size // 20))]
        self.data = Data()
        self.serial = 0

    def make(self) -> Data:
        # The first payment is so large that the account never runs dry.
        opening = self.entry(self.days[0], Decimal("90000000.00"), "Sponsor Holdings")
        self.data.truly([self.line(opening)], [opening])
        while len(self.data.entries) < self.size:
            self.payment()
        self.chance.shuffle(self.data.lines)
        self.chance.shuffle(self.data.entries)
        return self.data

    def payment(self) -> None:
        day, payer = self.chance.choice(self.days[:-2]), self.chance.choice(self.payers)
        kind = self.chance.choice(NOISES) if Decimal(self.chance.randrange(10_000)) < self.noise * 10_000 else ""
        if kind == "no entry":
            self.line(self.entry(day, self.amount(), payer, is_kept=False))
            return
        entry = self.entry(day, self.amount(), payer)
        if kind == "split":
            self.split(entry, payer)
        elif kind == "merged":
            self.merged(entry, day, payer)
        elif kind == "off by a cent":
            self.line(entry, amount=entry.amount + Decimal("0.01"))
        elif kind != "no line":
            line = self.line(entry, late=kind == "a day late")
            self.data.truly([line], [entry])
            if kind == "line twice":
                again = self.keep_line(line.day, line.amount, line.given, line.text)
                self.data.or_else(again, entry)
            elif kind == "entry twice":
                again = self.entry(entry.day, entry.amount, payer, reference=entry.given)
                self.data.or_else(line, again)

    def split(self, entry: Item, payer: str) -> None:
        first = Decimal(self.chance.randrange(1, int(abs(entry.amount) * 100))) / 100
        parts = [first.copy_sign(entry.amount), entry.amount - first.copy_sign(entry.amount)]
        written = self.chance.random() < 0.3
        lines = [
            self.line(entry, amount=part, reference=f"{entry.given}/{number}" if written else entry.given)
            for number, part in enumerate(parts, start=1)
        ]
        self.data.truly(lines, [entry])

    def merged(self, entry: Item, day: date, payer: str) -> None:
        others = [
            self.entry(day, abs(self.amount()).copy_sign(entry.amount), payer)
            for _ in range(self.chance.choice((1, 1, 2)))
        ]
        together = [entry, *others]
        how = self.chance.random()
        text = f"BATCH {' '.join(item.given for item in together)}" if how < 0.6 else f"ACH BATCH {payer.upper()}"
        total = sum((item.amount for item in together), Decimal(0))
        line = self.keep_line(day, total, "", text)
        self.data.truly([line], together)

    def amount(self) -> Decimal:
        """Give an amount, more than half of them usual, and one in seven going out."""
        if self.chance.random() < 0.55:
            amount = Decimal(self.chance.choice(USUAL))
        else:
            amount = Decimal(self.chance.randrange(10_000, 2_500_000)) / 100
        return -amount if self.chance.random() < 0.15 else amount

    def entry(self, day: date, amount: Decimal, payer: str, *, reference: str = "", is_kept: bool = True) -> Item:
        self.serial += 1
        name = reference or (
            f"SBX-{self.serial:08d}" if self.serial % 2 else f"RC{self.chance.getrandbits(48):012X}"
        )  # fmt: skip
        made = Item(self.key(), day, amount, (name,), text=f"{name} Deposit settled {payer}", given=name)
        if is_kept:
            self.data.entries.append(made)
        return made

    def line(
        self, entry: Item, *, amount: Decimal | None = None, reference: str | None = None, late: bool = False
    ) -> Item:
        """State an entry as the bank does, its reference whole, mangled, left out or replaced."""
        payer = entry.text.split(" settled ")[1].upper()
        text = f"ACH CREDIT {payer}" if self.chance.random() < 0.8 else "ELECTRONIC TRANSFER"
        given = entry.given if reference is None else reference
        how = self.chance.random()
        if how < 0.005:
            given, text = given.lower().replace("-", ""), text
        elif how < 0.010:
            given = given[: -self.chance.choice((1, 2))]
        elif how < 0.015:
            given, text = "", f"{text} ORIG {given}"
        elif how < 0.025:
            given = ""
        elif how < 0.028:
            given = f"X{self.chance.getrandbits(32):08X}"
        day = add_business_days(entry.day, 1) if late or self.chance.random() < 0.03 else entry.day
        return self.keep_line(day, entry.amount if amount is None else amount, given, text)

    def keep_line(self, day: date, amount: Decimal, given: str, text: str) -> Item:
        names = tuple(name for name in (given, f"B{self.chance.getrandbits(40):010X}") if name)
        made = Item(self.key(), day, amount, names, text=text, given=given)
        self.data.lines.append(made)
        return made

    def key(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)
