"""What do the cells of an export's column look like, whatever it is called?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from syncd.core.suggestions.forms import date_formats

Reads = Callable[[str, str], bool]
"""Whether a cell can be read as a type of a mapping: (type, cell)."""

KINDS = ("integer", "number", "date", "datetime", "email")
FITS_FROM = 0.95
DISTINCT_MAX = 400
PEOPLE_MAX = 200
_NULLISH = frozenset(
    (
        "null",
        "(null)",
        "[null]",
        "\\n",
        "none",
        "nil",
        "n/a",
        "#n/a",
        "na",
        "nan",
        "#null!",
        "undefined",
        "-",
        "--",
        "select",
        "select…",
        "select...",
        "(blank)",
        "unknown",
    )
)
_ID = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")
_YES_NO = (
    ("true", "false"), ("1", "0"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"), ("ja", "nein"), ("oui", "non"),
    ("si", "no"), ("sí", "no"), ("wahr", "falsch"), ("1.0", "0.0"),
)  # fmt: skip
_YES, _NO = frozenset(yes for yes, _ in _YES_NO), frozenset(no for _, no in _YES_NO)
_OPTED_OUT = re.compile(r"(?i)unsubscribe[ds]?|opt(ed)?[ _-]?out|spam[ _-]?complaint|complained|user[ _-]?suppressed|abgemeldet")
_NEVER_IN = re.compile(r"(?i)never[ _-]?subscribed|not[ _-]?subscribed|no[ _-]?consent|withdrawn|revoked")
_UNREACHABLE = re.compile(r"(?i)(hard[ _-]?|e?mail[ _-]?)?bounced?|cleaned|invalid([ _-]?e?mail)?|undeliverable")


@dataclass(frozen=True, slots=True)
class Look:
    """One column as its cells show it.

    `filled` counts the cells that hold a value, `blank` those that are empty, `nullish` the words that probably mean nothing.
    `fits` says which share of the filled cells each type reads; `yes`, `no` and `odd` are the spellings of a boolean, `odd`
    those that are neither; `ids` counts the three letters that Salesforce ids begin with; `formats` are those that read dates
    which are not ISO.
    """

    rows: int
    filled: int
    blank: int
    nullish: Mapping[str, int]
    values: Mapping[str, int]
    distinct: int
    longest: int
    fits: Mapping[str, float]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    odd: Mapping[str, int]
    ids: Mapping[str, int]
    formats: tuple[str, ...] = ()

    def reads_as(self, kind: str) -> bool:
        """Tell whether nearly all filled cells are of a type; an empty column is of any."""
        return not self.filled or kind == "text" or self.fits.get(kind, 0.0) >= FITS_FROM

    @property
    def is_unique(self) -> bool:
        """Tell whether hardly any value comes twice."""
        return self.filled > 0 and self.distinct >= 0.97 * self.filled

    def id_share(self, *prefixes: str) -> float:
        """Return the share of filled cells that are Salesforce ids with one of these beginnings."""
        return sum(self.ids.get(prefix, 0) for prefix in prefixes) / self.filled if self.filled else 0.0


def look(cells: Sequence[str], reads: Reads) -> Look:
    """Look at the cells of one column. Types are tried on the DISTINCT_MAX values that come most often."""
    counts = Counter(cells)
    blank = sum(count for cell, count in counts.items() if not cell.strip())
    nullish = {cell: count for cell, count in counts.items() if is_nullish(cell)}
    values = {cell: count for cell, count in counts.items() if cell.strip() and cell not in nullish}
    filled = sum(values.values())
    tried = dict(Counter(values).most_common(DISTINCT_MAX))
    weight = sum(tried.values())
    fits = {kind: sum(n for cell, n in tried.items() if reads(kind, cell)) / weight for kind in KINDS} if weight else {}
    formats, has_time = date_formats(tried) if fits.get("datetime", 0.0) < FITS_FROM else ((), False)
    if formats:
        fits |= {"datetime": 1.0} if has_time else {"date": 1.0, "datetime": 1.0}
    yes = tuple(cell for cell in tried if cell.strip().casefold() in _YES)
    no = tuple(cell for cell in tried if cell.strip().casefold() in _NO)
    odd = {cell: n for cell, n in tried.items() if cell not in yes and cell not in no}
    if weight:
        fits["boolean"] = 1 - sum(odd.values()) / weight if len(values) <= len(tried) else 0.0
    ids = Counter({cell.strip()[:3]: 0 for cell in tried})
    for cell, count in tried.items():
        if _ID.fullmatch(cell.strip()) and any(char.isdigit() for char in cell) and any(char.isalpha() for char in cell):
            ids[cell.strip()[:3]] += count
    return Look(
        len(cells), filled, blank, nullish, values, len(values), max(map(len, values), default=0), fits,
        tuple(sorted(yes)), tuple(sorted(no)), odd, {prefix: count for prefix, count in ids.items() if count}, formats,
    )  # fmt: skip


def is_nullish(cell: str) -> bool:
    """Tell whether a word probably stands for no value."""
    return cell.strip().casefold() in _NULLISH


def spellings(one: Look) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the spellings of yes and of no, the missing half in the style of the other; true and false for an empty column."""
    if one.yes and one.no:
        return one.yes, one.no
    if not one.yes and not one.no:
        return ("true",), ("false",)
    known = one.yes or one.no
    place = 0 if one.yes else 1
    others = {_styled(pair[1 - place], word) for word in known for pair in _YES_NO if pair[place] == word.strip().casefold()}
    other = tuple(sorted(others))
    return (known, other) if place == 0 else (other, known)


def _styled(word: str, like: str) -> str:
    like = like.strip()
    return word.upper() if like.isupper() else word.capitalize() if like[:1].isupper() else word


def status_words(one: Look) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return a column's values that say opted out, those that say never agreed, and those that say the address is dead."""
    if one.distinct > 40:
        return (), (), ()
    out = tuple(sorted(cell for cell in one.values if _OPTED_OUT.fullmatch(cell.strip())))
    never = tuple(sorted(cell for cell in one.values if _NEVER_IN.fullmatch(cell.strip())))
    dead = tuple(sorted(cell for cell in one.values if _UNREACHABLE.fullmatch(cell.strip())))
    return out, never, dead


def null_words(looks: Iterable[Look]) -> tuple[str, ...]:
    """Return the spellings of "no value" that a file uses: those that stand in several columns, or among cells of another type.

    A column of names alone does not make a word a null: a person may be called Null.
    """
    found: Counter[str] = Counter()
    for one in looks:
        is_typed = one.filled > 0 and any(one.fits.get(kind, 0.0) >= FITS_FROM for kind in (*KINDS, "boolean"))
        for word, count in one.nullish.items():
            found[word] += 3 if is_typed or count == one.rows else 1
    return tuple(sorted(word for word, weight in found.items() if weight >= 3))
