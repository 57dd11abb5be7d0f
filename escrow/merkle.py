"""
A Merkle sum tree over what is owed to each owner: pure arithmetic on hashes, without Django or a database.

Each leaf commits to one owner's balances, each node to both of its children: their hashes, how many
leaves lie below each, and the sums of each. Whoever knows a leaf and its path can therefore work out the
root's sums, and no node can claim less than its children hold. Amounts are whole cents and never
negative, so that nobody's money can be offset against a debt that was made up.

Leaves and nodes are hashed under different labels, so that neither can be passed off as the other. A node
without a partner moves up a level unchanged; nothing is counted twice.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

KINDS = ("UNCLEARED", "INVESTOR", "HELD", "RECEIVABLE")
"""The balances of a leaf, in the order in which they are hashed."""

OWED_TO_OWNERS = ("UNCLEARED", "INVESTOR", "HELD")
"""The kinds that are the owners' money; a receivable is what an owner owes."""

_LEAF, _NODE, _OWNER, _EMPTY = (f"realco proof 1 {what}\n".encode() for what in ("leaf", "node", "owner", "empty"))
_MOST = 10**18
Side = Literal["left", "right"]


class NotATree(Exception):
    """The leaves given cannot stand in one tree."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Whole cents of each kind, none of them negative."""

    cents: tuple[int, int, int, int]

    def __post_init__(self) -> None:
        if len(self.cents) != len(KINDS) or min(self.cents) < 0 or max(self.cents) >= _MOST:
            raise NotATree("Amounts are whole cents from zero to 18 digits, one for each kind.")

    @classmethod
    def of(cls, amounts: Mapping[str, int]) -> "Sums":
        """Take the amounts of all kinds; those not named are zero."""
        uncleared, investor, held, receivable = (amounts.get(kind, 0) for kind in KINDS)
        return cls((uncleared, investor, held, receivable))

    def __add__(self, other: "Sums") -> "Sums":
        (a, b, c, d), (w, x, y, z) = self.cents, other.cents
        return Sums((a + w, b + x, c + y, d + z))

    def __str__(self) -> str:
        a, b, c, d = self.cents
        return f"{a}|{b}|{c}|{d}"

    @property
    def by_kind(self) -> dict[str, int]:
        """The amounts under their names."""
        return dict(zip(KINDS, self.cents, strict=True))

    @property
    def total(self) -> int:
        """What is owed to owners: all kinds but the receivable, which they owe."""
        return sum(amount for kind, amount in self.by_kind.items() if kind in OWED_TO_OWNERS)


ZERO = Sums((0, 0, 0, 0))


@dataclass(frozen=True, slots=True)
class Node:
    """A leaf or an inner node: its hash, how many leaves it stands for, and their sums."""

    digest: str
    count: int
    sums: Sums

    def __str__(self) -> str:
        return f"{self.digest}|{self.count}|{self.sums}"


@dataclass(frozen=True, slots=True)
class Sibling:
    """One step of a path: the node that stands beside ours, and on which side."""

    side: Side
    node: Node


EMPTY = Node(hashlib.sha256(_EMPTY).hexdigest(), 0, ZERO)
"""The root of a tree without leaves."""


def salt(key: bytes, *scope: str, owner: str) -> str:
    """Derive the salt of an owner's leaf: 64 hex digits that nobody can guess without the key."""
    return hmac.digest(key, "\n".join((*scope, owner)).encode(), "sha256").hex()


def commitment(owner: str, salted_with: str) -> str:
    """Return what stands for an owner in the tree; the salt keeps ids from being tried out."""
    return hashlib.sha256(_OWNER + f"{salted_with}|{owner}".encode()).hexdigest()


def leaf(owner_commitment: str, sums: Sums) -> Node:
    """Make a leaf."""
    return Node(hashlib.sha256(_LEAF + f"{owner_commitment}|{sums}".encode()).hexdigest(), 1, sums)


def joined(left: Node, right: Node) -> Node:
    """Make the node above two others."""
    digest = hashlib.sha256(_NODE + f"{left}|{right}".encode()).hexdigest()
    return Node(digest, left.count + right.count, left.sums + right.sums)


class Tree:
    """All levels of a tree, leaves first. Leaves stand in the order of their owners' commitments."""

    def __init__(self, leaves: Iterable[tuple[str, Sums]]) -> None:
        """
        Build the tree from owners' commitments and balances.

        :raises NotATree: if a commitment comes twice
        """
        ordered = sorted(leaves, key=lambda pair: pair[0])
        self._places = {owner: place for place, (owner, _) in enumerate(ordered)}
        if len(self._places) != len(ordered):
            raise NotATree("An owner has two leaves.")
        self._levels = [[leaf(owner, sums) for owner, sums in ordered]]
        while len(self._levels[-1]) > 1:
            self._levels.append(list(_level_above(self._levels[-1])))

    @property
    def root(self) -> Node:
        """The node above all others."""
        return self._levels[-1][0] if self._levels[-1] else EMPTY

    def place_of(self, owner_commitment: str) -> int | None:
        """Return where an owner's leaf stands, from 0; None if there is none."""
        return self._places.get(owner_commitment)

    def path(self, place: int) -> list[Sibling]:
        """Return the siblings that lead from a leaf to the root."""
        steps = []
        for level in self._levels[:-1]:
            beside = place ^ 1
            if beside < len(level):
                steps.append(Sibling("left" if beside < place else "right", level[beside]))
            place //= 2
        return steps


def _level_above(level: Sequence[Node]) -> Iterator[Node]:
    for left, right in zip(level[::2], level[1::2], strict=False):
        yield joined(left, right)
    if len(level) % 2:
        yield level[-1]


def sides(place: int, count: int) -> list[Side]:
    """Return on which sides the siblings of a leaf stand, which its place and the number of leaves settle."""
    found: list[Side] = []
    while count > 1:
        if place % 2:
            found.append("left")
        elif place + 1 < count:
            found.append("right")
        place, count = place // 2, (count + 1) // 2
    return found


def climb(start: Node, path: Iterable[Sibling]) -> Node:
    """Work out the root from a leaf and its path."""
    for step in path:
        start = joined(step.node, start) if step.side == "left" else joined(start, step.node)
    return start
