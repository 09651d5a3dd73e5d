"""How does a list of rows prove that none was changed, moved or removed?

The arithmetic of RFC 6962 Merkle trees: leaf and node hashes, the tree's root, and proofs that a leaf is in a tree and
that a tree continues an older one. Anyone can repeat it from the RFC alone, without syncd.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf: SHA-256(0x00 ‖ data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The roots of the complete subtrees of a tree of `size` leaves, largest first.

    All that is needed to append in O(log n): one peak for each 1 in the binary form of `size`.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} leaves does not have {len(self.peaks)} complete subtrees")

    def extended(self, leaves: Iterable[bytes]) -> Frontier:
        """Return the frontier after appending these leaf hashes in order."""
        size, peaks = self.size, list(self.peaks)
        for node in leaves:
            carry = size
            while carry & 1:
                node = sha256(
                    b"\x01" + peaks.pop() + node
                ).digest()  # node_hash, without the call: verify runs this a million times
                carry >>= 1
            peaks.append(node)
            size += 1
        return Frontier(size, tuple(peaks))

    def root(self) -> bytes:
        """Return the Merkle tree hash (RFC 6962, 2.1)."""
        if not self.peaks:
            return EMPTY_ROOT
        *left, root = self.peaks
        for peak in reversed(left):
            root = node_hash(peak, root)
        return root

    def spans(self) -> tuple[tuple[int, int], ...]:
        """Return the (first, last) leaf number, counted from 1, under each peak."""
        spans, first = [], 1
        for bit in range(self.size.bit_length() - 1, -1, -1):
            if self.size >> bit & 1:
                spans.append((first, first + (1 << bit) - 1))
                first += 1 << bit
        return tuple(spans)


def tree_root(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    return Frontier().extended(leaves).root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the audit path of the leaf at `index`, counted from 0 (RFC 6962, 2.1.1).

    Errors: IndexError when there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"a tree of {len(leaves)} leaves has no leaf {index}")
    path: list[bytes] = []
    first, end = 0, len(leaves)
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(tree_root(leaves[middle:end]))
            end = middle
        else:
            path.append(tree_root(leaves[first:middle]))
            first = middle
    return path[::-1]


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Tell whether an audit path proves that `leaf` is number `index` in the tree of `size` leaves with this root."""
    if not 0 <= index < size:
        return False
    node, last = leaf, size - 1
    for step in path:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = node_hash(step, node)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, step)
        index, last = index >> 1, last >> 1
    return last == 0 and node == root


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Return the proof that the first `old_size` leaves are still the beginning of the tree (RFC 6962, 2.1.2).

    Shapes: empty when the old tree is empty or the same tree.
    Errors: IndexError when the old tree is larger than this one.
    """
    if not 0 <= old_size <= len(leaves):
        raise IndexError(f"a tree of {len(leaves)} leaves does not continue one of {old_size}")
    if old_size in (0, len(leaves)):
        return []
    path: list[bytes] = []
    first, end, is_whole = 0, len(leaves), True
    while old_size != end - first:
        split = _split(end - first)
        if old_size <= split:
            path.append(tree_root(leaves[first + split : end]))
            end = first + split
        else:
            path.append(tree_root(leaves[first : first + split]))
            first, old_size, is_whole = first + split, old_size - split, False
    if not is_whole:
        path.append(tree_root(leaves[first:end]))
    return path[::-1]


def is_consistent(old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Tell whether a consistency proof shows that the tree continues the old one."""
    if old_size == 0:
        return not path and old_root == EMPTY_ROOT
    if old_size == size:
        return not path and old_root == root
    if not 0 < old_size < size or not path:
        return False
    steps = list(path) if old_size & (old_size - 1) else [old_root, *path]
    index, last = old_size - 1, size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            new = node_hash(new, step)
        index, last = index >> 1, last >> 1
    return last == 0 and old == old_root and new == root


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1
