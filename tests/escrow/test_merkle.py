"""The Merkle sum tree: every leaf leads to the root, and nothing else does."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow import merkle
from escrow.merkle import KINDS, Node, NotATree, Sibling, Sums, Tree, climb, commitment, joined, leaf

KEY = b"a key of thirty-two bytes, no less"
amounts = st.tuples(*(st.integers(0, 10**15) for _ in KINDS)).map(Sums)
books = st.dictionaries(st.uuids().map(str), amounts, min_size=1, max_size=40)


def tree_of(balances: dict[str, Sums]) -> tuple[Tree, dict[str, str]]:
    """A tree, and each owner's commitment."""
    commitments = {owner: commitment(owner, merkle.salt(KEY, "account", "day", owner=owner)) for owner in balances}
    return Tree((commitments[owner], sums) for owner, sums in balances.items()), commitments


def numbered(count: int) -> tuple[Tree, list[str], list[Sums]]:
    """A tree of so many leaves, with their commitments and sums in the tree's order."""
    pairs = sorted((commitment(str(n), "salt"), Sums((n, 2 * n, 0, n % 3))) for n in range(count))
    return Tree(pairs), [owner for owner, _ in pairs], [sums for _, sums in pairs]


class TestInclusion:
    @given(books)
    def test_every_leaf_leads_to_the_root_and_its_sums(self, balances: dict[str, Sums]) -> None:
        tree, commitments = tree_of(balances)
        total = merkle.ZERO
        for owner, sums in balances.items():
            place = tree.place_of(commitments[owner])
            assert place is not None
            path = tree.path(place)
            assert climb(leaf(commitments[owner], sums), path) == tree.root
            assert [step.side for step in path] == merkle.sides(place, len(balances))
            total += sums
        assert (tree.root.count, tree.root.sums) == (len(balances), total)

    @pytest.mark.parametrize("count", [1, 2, 3, 5_000])
    def test_holds_for_any_number_of_leaves(self, count: int) -> None:
        tree, owners, sums = numbered(count)
        for place in {0, 1, count // 2, count - 2, count - 1} & set(range(count)):
            assert climb(leaf(owners[place], sums[place]), tree.path(place)) == tree.root

    @given(books)
    def test_does_not_depend_on_the_order_given(self, balances: dict[str, Sums]) -> None:
        turned = dict(reversed(balances.items()))
        assert tree_of(balances)[0].root == tree_of(turned)[0].root

    def test_an_empty_tree_has_a_root_of_its_own(self) -> None:
        assert Tree([]).root == merkle.EMPTY
        assert merkle.EMPTY.digest != leaf("", merkle.ZERO).digest


class TestTampering:
    @pytest.mark.slow
    @settings(max_examples=200)
    @given(books, st.data())
    def test_no_other_leaf_leads_to_the_root(self, balances: dict[str, Sums], data: st.DataObject) -> None:
        tree, commitments = tree_of(balances)
        owner = data.draw(st.sampled_from(sorted(balances)))
        other = data.draw(amounts.filter(lambda sums: sums != balances[owner]))
        place = tree.place_of(commitments[owner])
        assert place is not None
        assert climb(leaf(commitments[owner], other), tree.path(place)).digest != tree.root.digest
        stranger = commitment("somebody else", "salt")
        assert climb(leaf(stranger, balances[owner]), tree.path(place)).digest != tree.root.digest

    @pytest.mark.slow
    @settings(max_examples=200)
    @given(books.filter(lambda found: len(found) > 1), st.data())
    def test_no_other_path_leads_there(self, balances: dict[str, Sums], data: st.DataObject) -> None:
        """Any part of any step: the side, the hash, the number of leaves, or cents moved between kinds."""
        tree, commitments = tree_of(balances)
        owner = data.draw(st.sampled_from(sorted(balances)))
        place = tree.place_of(commitments[owner])
        assert place is not None
        path = tree.path(place)
        number = data.draw(st.integers(0, len(path) - 1))
        step = path[number]
        uncleared, investor, held, receivable = step.node.sums.cents
        changes: list[Sibling] = [
            Sibling("right" if step.side == "left" else "left", step.node),
            Sibling(step.side, replace(step.node, digest=hashlib.sha256(b"another").hexdigest())),
            Sibling(step.side, replace(step.node, count=step.node.count + 1)),
            Sibling(step.side, replace(step.node, sums=Sums((uncleared, investor + 1, held, receivable)))),
            Sibling(step.side, replace(step.node, sums=Sums((uncleared + investor, 0, held + 1, receivable)))),
        ]
        start = leaf(commitments[owner], balances[owner])
        for change in changes:
            tampered = [*path[:number], change, *path[number + 1 :]]
            assert climb(start, tampered).digest != tree.root.digest
        assert climb(start, path[:-1]).digest != tree.root.digest

    def test_a_node_is_not_taken_for_a_leaf(self) -> None:
        """Second preimage: the text of a node, given as a leaf's, hashes to something else."""
        left, right = leaf("a" * 64, Sums((1, 0, 0, 0))), leaf("b" * 64, Sums((2, 0, 0, 0)))
        node = joined(left, right)
        assert leaf(f"{left}|{right}".rpartition("|")[0], Sums((0, 0, 0, 0))).digest != node.digest
        text = f"{left}|{right}".encode()
        labels = (b"realco proof 1 leaf\n", b"realco proof 1 node\n")
        assert [hashlib.sha256(label + text).hexdigest() == node.digest for label in labels] == [False, True]

    def test_sums_are_part_of_what_is_hashed(self) -> None:
        """Two nodes with the same hash below them but other sums are two nodes."""
        left, right = leaf("a" * 64, Sums((5, 0, 0, 0))), leaf("b" * 64, Sums((7, 0, 0, 0)))
        cheaper = replace(right, sums=Sums((1, 0, 0, 0)))
        assert joined(left, right).digest != joined(left, cheaper).digest

    def test_moving_a_sum_from_one_child_to_the_other_changes_the_node(self) -> None:
        """The flaw of trees that hash only the total of both children: each could be told another part of it."""
        left, right = leaf("a" * 64, Sums((5, 0, 0, 0))), leaf("b" * 64, Sums((7, 0, 0, 0)))
        shifted = joined(replace(left, sums=Sums((7, 0, 0, 0))), replace(right, sums=Sums((5, 0, 0, 0))))
        assert shifted.sums == joined(left, right).sums
        assert shifted.digest != joined(left, right).digest


class TestLeaves:
    @pytest.mark.parametrize("cents", [(-1, 0, 0, 0), (0, 0, 0, -5), (10**18, 0, 0, 0)])
    def test_are_never_negative_nor_endless(self, cents: tuple[int, int, int, int]) -> None:
        with pytest.raises(NotATree):
            Sums(cents)

    def test_stand_once_in_a_tree(self) -> None:
        with pytest.raises(NotATree):
            Tree([("a" * 64, merkle.ZERO), ("a" * 64, Sums((1, 0, 0, 0)))])

    def test_show_nothing_to_whoever_tries_ids_out(self) -> None:
        """Without the salt an id does not lead to its commitment, and no day's salt is another's."""
        owner = "01890000-0000-7000-8000-000000000001"
        salts = {merkle.salt(KEY, "account", day, owner=owner) for day in ("2026-03-31", "2026-04-01")}
        salts.add(merkle.salt(KEY, "another", "2026-03-31", owner=owner))
        salts.add(merkle.salt(b"another key", "account", "2026-03-31", owner=owner))
        assert len({commitment(owner, salt) for salt in (*salts, "")}) == 5

    def test_are_sorted_by_commitment_so_that_places_say_nothing_of_ids(self) -> None:
        balances = {f"{n:032d}": merkle.ZERO for n in range(200)}
        tree, commitments = tree_of(balances)
        places = [tree.place_of(commitments[owner]) for owner in sorted(balances)]
        assert places != sorted(places, key=lambda place: place or 0)
        assert sorted(places, key=lambda place: place or 0) == list(range(200))


def test_a_pathless_root_is_its_only_leaf() -> None:
    tree, [owner], [sums] = numbered(1)
    assert tree.path(0) == []
    assert tree.root == Node(leaf(owner, sums).digest, 1, sums)
