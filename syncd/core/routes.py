"""By which of four ways does each write leave, and how many API calls does that cost?

A field that people change too is written conditionally, record by record; one that nobody but syncd writes may be overwritten
in collections, and in thousands by a Bulk load.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil

from syncd.core.values import Intent, Scalar

NULL = "#N/A"
CELL_CHARS_MAX = 32_000
PATCHES_A_CALL = 25
ROWS_A_CALL = 200
READ_AT_ONCE = 2_000
LOAD_ROWS_MAX = 50_000
_LOAD_CALLS, _LOAD_ROWS_A_LOOK = 8, 10_000


class Way(StrEnum):
    """How a write leaves: what `plan` calls it."""

    CONDITIONAL = "composite"
    COLLECTION = "collections"
    LOAD = "bulk load"
    CREATE = "create"


@dataclass(frozen=True, slots=True)
class Terms:
    """What decides between the ways in one org.

    `load_rows_min`: from how many records on a Bulk load is cheaper. `no_load`: objects whose last load failed a short while
    ago. `no_collections`: objects whose owners this org's assignment rules move when rows are written in collections.
    """

    load_rows_min: int = 20_000
    no_load: frozenset[str] = frozenset()
    no_collections: frozenset[str] = frozenset()


USUAL = Terms()


@dataclass(frozen=True, slots=True)
class Cost:
    """The writes to one object that go one way. `calls` is an estimate: row locks and other people's edits add to it."""

    way: Way
    object: str
    writes: int
    records: int
    calls: int


def ways(intents: Iterable[Intent], terms: Terms) -> list[Way]:
    """Choose the way of each intent, in their order. A record's uncontested intents of one part go the same way.

    Shapes: gone through twice, none of them kept: a million may be read from where they lie.
    """
    rows: dict[tuple[str, str], set[int]] = {}
    too_much: set[int] = set()
    for intent in intents:
        if not (intent.is_contested or intent.is_create):
            rows.setdefault((intent.object, intent.part), set()).add(_row(intent))
            if not may_load(intent.after):
                too_much.add(_row(intent))
    counts = {kind: len(found - too_much) for kind, found in rows.items()}
    return [_way(intent, terms, counts, too_much) for intent in intents]


def _row(intent: Intent) -> int:
    """Return a number for what travels as one row: of a million only that is kept."""
    return hash((intent.object, intent.record_id, intent.part))


def _way(intent: Intent, terms: Terms, counts: Mapping[tuple[str, str], int], too_much: Collection[int]) -> Way:
    if intent.is_create:
        return Way.CREATE
    if intent.is_contested:
        return Way.CONDITIONAL
    is_many = counts.get((intent.object, intent.part), 0) >= terms.load_rows_min
    if is_many and intent.object not in terms.no_load and _row(intent) not in too_much:
        return Way.LOAD
    return Way.CONDITIONAL if intent.object in terms.no_collections else Way.COLLECTION


def may_load(value: Scalar) -> bool:
    """Tell whether a Bulk load can carry a value.

    Source: Bulk API 2.0 Developer Guide, CSV: an empty cell leaves the field as it is, #N/A empties it, 32,000 characters.
    """
    if not isinstance(value, str):
        return True
    return value not in ("", NULL) and "\0" not in value and len(value) <= CELL_CHARS_MAX


def costs(intents: Iterable[Intent], terms: Terms) -> list[Cost]:
    """Say what these intents would cost, by way and object."""
    return costs_of(intents, ways(intents, terms))


def costs_of(intents: Iterable[Intent], chosen: Iterable[Way]) -> list[Cost]:
    """Say what these intents cost that go the ways which were chosen for them, in their order."""
    tallies: dict[tuple[Way, str], _Tally] = {}
    for intent, way in zip(intents, chosen, strict=True):
        tallies.setdefault((way, intent.object), _Tally()).add(intent, way)
    return [tally.cost(way, object) for (way, object), tally in sorted(tallies.items(), key=lambda each: each[0])]


@dataclass(slots=True)
class _Tally:
    """The records that go one way by part, each as a number, and how many writes that is."""

    writes: int = 0
    by_part: dict[str, set[int]] = field(default_factory=dict)

    def add(self, intent: Intent, way: Way) -> None:
        subject = hash((intent.record_id, intent.after)) if way is Way.CREATE else hash(intent.record_id)
        self.by_part.setdefault(intent.part, set()).add(subject)
        self.writes += 1

    def cost(self, way: Way, object: str) -> Cost:
        parts = {part: len(subjects) for part, subjects in self.by_part.items()}
        records = len(set().union(*self.by_part.values())) if len(parts) > 1 else sum(parts.values())
        return Cost(way, object, self.writes, records, _calls(way, object, parts))


def _calls(way: Way, object: str, by_part: Mapping[str, int]) -> int:
    """Units: API calls, for the records of each part that travel; each part of a record is a row of its own."""
    number = sum(by_part.values())
    looks = ceil(number / READ_AT_ONCE)
    if way is Way.CONDITIONAL:
        return looks + ceil(number / PATCHES_A_CALL)
    if way is Way.CREATE:
        return 2 * looks + ceil(number / ROWS_A_CALL)
    if way is Way.COLLECTION:
        owners = looks if object == "Lead" else 0
        return owners + sum(ceil(each / ROWS_A_CALL) for each in by_part.values())
    loads = [min(LOAD_ROWS_MAX, each - start) for each in by_part.values() for start in range(0, each, LOAD_ROWS_MAX)]
    return sum(_LOAD_CALLS + ceil(load / _LOAD_ROWS_A_LOOK) for load in loads)
