"""The arithmetic of RFC 6962, held against a naive reading of the RFC and the vectors of Certificate Transparency."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.proof import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
    tree_root,
)

# From google/certificate-transparency, merkletree tests: eight leaves and the root after each.
VECTORS = [
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
]
sizes = st.integers(1, 70)


def leaves_of(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


def naive_root(leaves: list[bytes]) -> bytes:
    """Follow the RFC's definition word by word: split at the largest power of two below n."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    leaves = [leaf_hash(bytes.fromhex(data)) for data, _ in VECTORS[:size]]
    assert tree_root(leaves).hex() == VECTORS[size - 1][1]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT == sha256(b"").digest()


def test_leaves_and_nodes_are_told_apart() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


@given(st.lists(st.binary(max_size=8), max_size=70), st.data())
def test_appending_in_any_portions_gives_the_naive_root(data: list[bytes], draw: st.DataObject) -> None:
    leaves = [leaf_hash(item) for item in data]
    cut = draw.draw(st.integers(0, len(leaves)))
    frontier = Frontier().extended(leaves[:cut]).extended(leaves[cut:])
    assert frontier == Frontier().extended(leaves)
    assert frontier.root() == naive_root(leaves)
    assert frontier.size == len(leaves)


@given(sizes)
def test_each_peak_is_the_root_over_its_span(size: int) -> None:
    leaves = leaves_of(size)
    frontier = Frontier().extended(leaves)
    assert [naive_root(leaves[first - 1 : last]) for first, last in frontier.spans()] == list(frontier.peaks)
    assert frontier.spans()[-1][1] == size


@pytest.mark.parametrize(("size", "peaks"), [(1, ()), (3, (b"x",)), (4, (b"x", b"y")), (-1, (b"x",))])
def test_a_frontier_that_cannot_be_is_refused(size: int, peaks: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="complete subtrees"):
        Frontier(size, peaks)


@given(sizes, st.data())
def test_an_inclusion_proof_holds_for_its_leaf_and_place_alone(size: int, draw: st.DataObject) -> None:
    leaves = leaves_of(size)
    index = draw.draw(st.integers(0, size - 1))
    path, root = inclusion_proof(leaves, index), naive_root(leaves)
    assert is_included(leaves[index], index, size, path, root)
    assert not is_included(leaf_hash(b"forged"), index, size, path, root)
    assert not any(is_included(leaves[index], other, size, path, root) for other in range(size) if other != index)
    assert not is_included(leaves[index], index, size, [*path, root], root)
    if path:
        assert not is_included(leaves[index], index, size, path[:-1], root)


@given(sizes, st.data())
def test_a_consistency_proof_holds_for_the_old_tree_alone(size: int, draw: st.DataObject) -> None:
    leaves = leaves_of(size)
    old_size = draw.draw(st.integers(0, size))
    path = consistency_proof(leaves, old_size)
    old_root, root = naive_root(leaves[:old_size]), naive_root(leaves)
    assert is_consistent(old_size, old_root, size, root, path)
    forged = leaf_hash(b"forged")
    assert not is_consistent(old_size, forged, size, root, path)
    if old_size > 0:
        assert not is_consistent(old_size, old_root, size, forged, path)


@given(st.integers(2, 70), st.data())
def test_a_tree_with_a_rewritten_leaf_does_not_continue_the_old_one(size: int, draw: st.DataObject) -> None:
    leaves = leaves_of(size)
    old_size = draw.draw(st.integers(1, size))
    old_root = naive_root(leaves[:old_size])
    leaves[draw.draw(st.integers(0, old_size - 1))] = leaf_hash(b"rewritten")
    assert not is_consistent(old_size, old_root, size, naive_root(leaves), consistency_proof(leaves, old_size))


def test_proofs_of_what_is_not_there_are_refused() -> None:
    with pytest.raises(IndexError, match="no leaf 3"):
        inclusion_proof(leaves_of(3), 3)
    with pytest.raises(IndexError, match="does not continue one of 4"):
        consistency_proof(leaves_of(3), 4)
    assert not is_included(leaf_hash(b"a"), 3, 3, [], EMPTY_ROOT)
    assert not is_consistent(4, EMPTY_ROOT, 3, EMPTY_ROOT, [EMPTY_ROOT])
