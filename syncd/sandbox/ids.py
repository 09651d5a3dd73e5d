"""What does a Salesforce record id look like, and which one comes next?"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from functools import lru_cache

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # sorted as SQLite sorts bytes
_ID_TEXT = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?\Z")


def to_18(id_15: str) -> str:
    """Append the three characters that make a case-sensitive id safe where case is lost.

    Shapes: 15 letters and digits in, 18 out.
    Source: Salesforce's published algorithm: bit k of group g is set when that character is an upper-case letter.
    """
    return id_15 + _letter(id_15[0:5]) + _letter(id_15[5:10]) + _letter(id_15[10:15])


@lru_cache(65_536)
def _letter(group: str) -> str:
    return _SUFFIX[sum(1 << place for place, char in enumerate(group) if "A" <= char <= "Z")]


def parse_id(text: str) -> str | None:
    """Return the 18-character form of an id, or None when `text` cannot be one."""
    if not _ID_TEXT.match(text):
        return None
    full = to_18(text[:15])
    if len(text) == 18 and full != text:
        return None
    return full


def base62(number: int, width: int) -> str:
    """Write `number` in base 62, zero-padded to `width` characters, so that ids sort in the order they were minted."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _DIGITS[rest] + digits
    return digits.rjust(width, "0")


class IdMint:
    """Mints ids: key prefix, two characters that stand for the org, then a counter per key prefix."""

    def __init__(self, seed: int) -> None:
        digest = hashlib.sha256(b"org %d" % seed).digest()
        self.pod = _DIGITS[digest[0] % 62] + _DIGITS[digest[1] % 62]
        self.counters: dict[str, int] = {}
        self.promised: dict[str, deque[str]] = {}  # ids given out before, by key prefix: they come first

    def mint(self, key_prefix: str) -> str:
        """Return the next id of this key prefix. Same seed and same calls give the same ids."""
        if self.promised.get(key_prefix):
            return self.promised[key_prefix].popleft()
        number = self.counters.get(key_prefix, 0) + 1
        self.counters[key_prefix] = number
        return self._written(key_prefix, number)

    def between(self, key_prefix: str, after: int, last: int) -> tuple[str, ...]:
        """Return the ids that were minted after the counter stood at `after`, up to `last`."""
        return tuple(self._written(key_prefix, number) for number in range(after + 1, last + 1))

    def _written(self, key_prefix: str, number: int) -> str:
        return to_18(key_prefix + self.pod + "000" + base62(number, 7))
