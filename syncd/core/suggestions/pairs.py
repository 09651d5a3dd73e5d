"""Does a column of an export say what a field says, for the people that both know?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from syncd.core.values import Scalar

MANY, SOME = 10, 5
_YES, _NO = frozenset(("true", "1", "yes", "y", "t", "ja", "oui")), frozenset(("false", "0", "no", "n", "f", "nein", "non"))


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a column and a field compare over people. `pairs` were filled on both sides, `equal` of them say the same;
    `kappa` is the share that agrees beyond what chance would give, `together` how numbers move (from -1 to 1)."""

    pairs: int = 0
    equal: int = 0
    kappa: float = 0.0
    together: float = 0.0
    distinct: int = 0

    @property
    def confidence(self) -> float:
        """Return how sure this alone makes it that both tell of the same, from 0 to 1."""
        return max(self.sameness, 0.75 if self.together >= 0.9 and self.pairs >= 2 * MANY else 0.0)

    @property
    def sameness(self) -> float:
        """Return how sure it is that both hold equal values, from 0 to 1: all that counts of ids, which only grow with time."""
        if self.distinct < (3 if self.pairs < 3 * MANY else 2):
            return 0.0
        if self.kappa >= 0.8:
            return 0.9 if self.pairs >= MANY else 0.7 if self.pairs >= SOME else 0.0
        return 0.6 if self.kappa >= 0.4 and self.pairs >= MANY else 0.0

    @property
    def speaks_against(self) -> bool:
        """Tell whether enough people are known and the column has hardly anything to do with the field."""
        return self.pairs >= 2 * MANY and self.kappa < 0.05 and self.together < 0.5

    def words(self, who: str = "people") -> str:
        """Say it for a person; `who` was compared."""
        if self.together >= 0.9 and self.kappa < 0.4:
            return f"its numbers go up and down with the field's, for {self.pairs} {who} found in Salesforce"
        return f"it is equal for {self.equal} of {self.pairs} {who} found in Salesforce"


def agreement(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Compare pairs of plain texts; those with a blank on either side do not count."""
    filled = [pair for pair in pairs if pair[0] and pair[1]]
    count = len(filled)
    if not count:
        return Agreement()
    equal = [cell for cell, value in filled if cell == value]
    cells, values = Counter(cell for cell, _ in filled), Counter(value for _, value in filled)
    chance = sum(cells[one] * values[one] for one in cells.keys() & values.keys()) / count**2
    share = len(equal) / count
    kappa = (share - chance) / (1 - chance) if chance < 1 else 0.0
    return Agreement(count, len(equal), kappa, _together(filled), len(set(equal)))


def plain(value: Scalar) -> str:
    """Return a value as both sides would write it: numbers, truth and times in one form, texts in one case, "" for none."""
    text = "" if value is None else str(value).strip().casefold()
    if isinstance(value, bool) or text in ("true", "false"):
        return "true" if text == "true" else "false"
    number = _number(text)
    if number is not None:
        return f"{number:.10g}"
    return text[:19].replace(" ", "t") if len(text) >= 19 and text[4:5] == text[7:8] == "-" and text[13:14] == ":" else text


def truth_of(text: str) -> str:
    """Return a plain text as true or false where it is one of the words for it."""
    return "true" if text in _YES else "false" if text in _NO else text


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _together(pairs: Sequence[tuple[str, str]]) -> float:
    """Return Pearson's correlation of the pairs that are numbers on both sides; 0 where there are few, or nothing varies."""
    found = [(left, right) for a, b in pairs if (left := _number(a)) is not None and (right := _number(b)) is not None]
    if len(found) < 2 * MANY or len(found) < 0.9 * len(pairs):
        return 0.0
    xs, ys = [left for left, _ in found], [right for _, right in found]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = math.sqrt(sum((x - mean_x) ** 2 for x in xs) * sum((y - mean_y) ** 2 for y in ys))
    return sum((x - mean_x) * (y - mean_y) for x, y in found) / spread if spread > 0 else 0.0
