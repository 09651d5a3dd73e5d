"""Which bytes show where somebody's key may stand in a file, in whatever case and spelling?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from syncd.core.cells import normal_address, spellings

_SHORT_ID = 15
_SHORT = 6
_RUN_MIN = 4
_ASCII_RUN = re.compile("[\0-\x7f]+")
_LETTERS = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True, slots=True)
class Needle:
    """Bytes in small letters that a key holds. `is_whole`: they are all of it, and no part of a longer word."""

    data: bytes
    is_whole: bool = True

    @property
    def is_short(self) -> bool:
        """Tell whether so little, if it is no address, may stand in many cells that hold no id."""
        return len(self.data) < _SHORT and b"@" not in self.data and self.is_whole


def needles_of(words: Iterable[str]) -> list[Needle] | None:
    """Return what to look for to find some words; None when one of them has too few letters that every encoding writes alike."""
    found: dict[Needle, None] = {}
    for word in words:
        forms = (word, *spellings(normal_address(word))) if "@" in word else (word,)
        for form in dict.fromkeys(one.lower() for one in forms if one):
            run = max(_ASCII_RUN.findall(form), key=len, default="")
            if not form.isascii() and len(run) < _RUN_MIN:
                return None
            found[Needle(run.encode(), form.isascii())] = None
    return list(found)


class Finder:
    """Finds needles in one block of whole records after the other.

    `columns` are the places of the cells that hold ids, `delimiter` what separates cells: a short word elsewhere, such as a 7
    among scores, is passed over where that is certain.
    """

    def __init__(self, needles: Iterable[Needle], delimiter: bytes, columns: frozenset[int]) -> None:
        self.needles, self.delimiter, self.columns = tuple(needles), delimiter, columns
        self._has_letters = any(one.data != one.data.upper() for one in self.needles)
        self._is_first = columns == {0}
        self._patterns = {one: self._pattern(one) for one in self.needles if one.is_short}

    def of(self, block: bytes) -> Callable[[int], int]:
        """Return what finds the next place of interest in a block, from where a record begins on; -1 when there is none."""
        small = block.lower() if self._has_letters else block
        is_plain = bool(self.columns) and b'"' not in block
        known = dict.fromkeys(self.needles, 0)

        def following(at: int) -> int:
            for needle, place in known.items():
                if 0 <= place <= at:
                    known[needle] = self._short(small, needle, at, is_plain) if needle.is_short else _long(small, needle, at)
            return min((one for one in known.values() if one >= at), default=-1)

        return following

    def _short(self, small: bytes, needle: Needle, at: int, is_plain: bool) -> int:
        pattern = self._patterns[needle]
        if self._is_first:
            # The line end that a record begins behind is looked for faster than what may be either that or the block's start.
            found = pattern.match(b"\n" + small[at : small.find(b"\n", at) + 1 or None])
            further = None if found else pattern.search(small, at)
            return at if found else further.start() + 1 if further else -1
        last = max(self.columns, default=0)
        while found := pattern.search(small, at):
            place = found.start()
            if not is_plain:
                return place
            before = small.count(self.delimiter, small.rfind(b"\n", 0, place) + 1, place)
            if before in self.columns:
                return place
            at = found.end() if before < last else small.find(b"\n", place)
            if at < 0:
                return -1
        return -1

    def _pattern(self, needle: Needle) -> re.Pattern[bytes]:
        """Write a word that is no part of a longer one; what a pattern begins with is what is looked for fast."""
        word = re.escape(needle.data)
        if self._is_first:
            return re.compile(b"\n[^0-9a-z\n" + re.escape(self.delimiter) + b"]*" + word + b"(?![0-9a-z])")
        return re.compile(word + b"(?![0-9a-z])(?<![0-9a-z]" + word + b")")


def _long(small: bytes, needle: Needle, at: int) -> int:
    word = needle.data
    while (place := small.find(word, at)) >= 0:
        end = place + len(word)
        is_end = not needle.is_whole or end == len(small) or len(word) == _SHORT_ID or small[end] not in _LETTERS
        if is_end and (not needle.is_whole or not place or small[place - 1] not in _LETTERS):
            return place
        at = place + 1
    return -1
