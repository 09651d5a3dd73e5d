"""In which words is a policy, and what happened to a record, told to a second judge? Nothing of syncd's is in here.

Values are as the org has them: owners by id, blanks as None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

Value = str | None
Record = Mapping[str, Value]
Told = dict[str, tuple[str, Value, bool]]
UNKNOWNS: Mapping[str, tuple[Value, ...]] = {
    "Type": ("P", "Q"),
    "Source": ("x", "y"),
    "Need": (None, "n"),
    "Reason": (None, "good", "bad"),
}
RUNGS = ("note", "warn", "ask", "revert")
FOLLOWED_UP = RUNGS[2:]


@dataclass(frozen=True)
class Held:
    """Who holds a value: by type, else by the first part of a split that fits (None fits all), else a team."""

    team: str | None = None
    split: tuple[tuple[str, str | None], ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    legacy: bool = False
    by_hand: bool = True


@dataclass(frozen=True)
class Way:
    """A gate: who may pass, and what the record must hold for it. `owner`: the owner move that goes with it."""

    by: frozenset[str]
    reasons: bool = False
    need: bool = False
    source: str | None = None
    owner: str | None = None


A1, A2, B1, B_GONE, TOOL, STRANGER = (f"005SX{number:010}AAA" for number in range(6))
B_QUEUE = "00GSX0000000006AAA"
OWNERS: Mapping[Value, Value] = {A1: "A", A2: "A", B1: "B", B_GONE: "B", TOOL: "machine", B_QUEUE: "B", STRANGER: None}


@dataclass(frozen=True)
class Law:
    """A policy: `far` says by field and kind how far a crossing goes, `since` the minute from which on it does."""

    object: str
    values: Mapping[str, Held]
    ways: Mapping[tuple[str, str], Way]
    owner_ways: Mapping[tuple[str, str], Way]
    far: Mapping[str, Mapping[str, str]]
    never: frozenset[str] = frozenset()
    since: int = 0
    is_quiet: bool = False
    is_first_sight: bool = False
    owners: Mapping[Value, Value] = field(default_factory=lambda: OWNERS)
    gone: frozenset[Value] = frozenset({B_GONE})

    def way(self, old: Value, new: Value) -> Way | None:
        """Return the gate between two values of Status; the one that names both goes before the one from anywhere."""
        return self.ways.get((str(old), str(new))) or self.ways.get(("any", str(new)))

    def owner_way(self, old: Value, new: Value) -> Way | None:
        """Return the gate between the teams of two owners."""
        here, there = str(self.owners[old]), str(self.owners[new])
        return self.owner_ways.get((here, there)) or self.owner_ways.get(("any", there))

    def goes_with(self, passed: str, owner: Value) -> bool:
        """Tell whether an owner is the one of the gate that the status move passed ("lawful with WHOM")."""
        wanted = passed.removeprefix("lawful with ")
        return wanted != passed and (wanted == self.owners[owner] or (wanted == "queue" and owner == B_QUEUE))

    def is_rule(self, old: Value, new: Value, save: Save) -> bool:
        """Tell whether the org's assignment rule moved the owner: beside another field, and as a gate lets it."""
        way = self.owner_way(old, new)
        return way is not None and "assignment rule" in way.by and len(save.moves) > 1 and save.proof in ("history", "automation")


@dataclass(frozen=True)
class Save:
    """What one login saved on the record at once: by field (old, new). `own`: syncd's; `event`: a conversion or the like."""

    minute: int
    kind: str
    team: str | None
    proof: str
    moves: Mapping[str, tuple[Value, Value]]
    own: frozenset[str] = frozenset()
    event: bool = False

    @cached_property
    def in_order(self) -> list[tuple[str, Value, Value]]:
        """Return field, old and new: Status first, then what may go with it."""
        return [(name, *self.moves[name]) for name in ("Status", "Owner", "Reason") if name in self.moves]

    @cached_property
    def news(self) -> dict[str, Value]:
        """Return what the fields hold afterwards."""
        return {name: new for name, (_, new) in self.moves.items()}
