"""Who has the ball at each value?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncd.core.fence_file.conditions import Conditions
from syncd.core.fence_model import Condition, Holding
from syncd.core.reading import Reader
from syncd.core.tables import Path

PART_KEYS = ("team", "when")
KEYS = ("team", "shared", "by_record_type", "queue", "end", "legacy", "set_by")
CONVERSION = "conversion"
_SPLIT = 'shared = [{ team = "sdr", when = \'ISPICKVAL(LeadSource, "Event")\' }, { team = "marketing" }]'


@dataclass(frozen=True, slots=True)
class HoldingsReader:
    """Reads the values of one fence. `teams` are those that may have the ball; `label` names the fence's values in rules."""

    read: Reader
    conditions: Conditions
    teams: frozenset[str]
    label: str

    def at(self, path: Path) -> dict[str, Holding]:
        """Read a [status] table: each value with who has the ball at it."""
        entries = self.read.table(path, required=True)
        if self.read.value(path) == {}:
            text = "no Lead Status value has an owner." if path == ("status",) else f"no value of {self.label!r} has an owner."
            self.read.refuse(path, "MAP-020", text, "Empty fences are refused: name every value.")
        return {value: self._holding((*path, value), value) for value in entries}

    def _holding(self, path: Path, value: str) -> Holding:
        read = self.read
        read.plain_text(path, value)
        read.known_keys(path, KEYS)
        is_legacy = read.flag((*path, "legacy"))
        team = self._team(path, value)
        shared = self._shared(path, value)
        by_record_type = self._by_record_type(path, value)
        if team is not None and shared:
            text = f"{self.label} {value!r} is given to {team!r} and shared."
            read.refuse((*path, "shared"), "MAP-023", text, "Keep one of the two: team = says who has it always.")
        is_said = any(read.value((*path, key)) is not None for key in ("team", "shared", "by_record_type"))
        if not is_said and not is_legacy and isinstance(read.value(path), Mapping):
            read.text((*path, "team"), required=True)
        return Holding(
            value,
            read.rule(f"{self.label} {value}", *path),
            team,
            shared,
            by_record_type,
            is_legacy,
            read.flag((*path, "end")),
            read.text((*path, "queue")),
            read.choice((*path, "set_by"), (CONVERSION,)),
        )

    def _team(self, path: Path, value: str) -> str | None:
        team = self.read.text((*path, "team"))
        if team is not None:
            self._known((*path, "team"), value, team)
        return team

    def _known(self, path: Path, value: str, team: str) -> None:
        if team not in self.teams:
            text = f"{self.label} {value!r} is given to {team!r}, which is no team of people"
            self.read.unknown(path, "MAP-022", text, self.teams, team)

    def _by_record_type(self, path: Path, value: str) -> dict[str, str]:
        here = (*path, "by_record_type")
        found = {}
        for name in self.read.table(here):
            self.read.plain_text((*here, name), name)
            team = self.read.text((*here, name))
            if team is not None:
                self._known((*here, name), value, team)
                found[name] = team
        return found

    def _shared(self, path: Path, value: str) -> tuple[tuple[str, Condition | None], ...]:
        here = (*path, "shared")
        entries = self.read.value(here)
        if entries is None:
            return ()
        if not isinstance(entries, list) or not entries or not all(isinstance(entry, Mapping) for entry in entries):
            self.read.refuse(here, "MAP-024", f"shared = {entries!r} names no teams with their parts.", f"Write: {_SPLIT}")
            return ()
        parts = [self._part((*here, index), value) for index in range(len(entries))]
        open_at = next((index for index, entry in enumerate(entries) if "when" not in entry), None)
        if open_at is None:
            text = f"{self.label} {value!r} has nobody for records that meet none of its conditions."
            self.read.refuse(here, "MAP-024", text, 'End the list with who has all others, such as { team = "marketing" }.')
        elif open_at < len(entries) - 1:
            text = f"what follows here is never reached: {entries[open_at].get('team')!r} already has all others."
            self.read.refuse((*here, open_at + 1), "MAP-024", text, "Put the part without `when` last.")
        return tuple(part for part in parts if part is not None)

    def _part(self, path: Path, value: str) -> tuple[str, Condition | None] | None:
        self.read.known_keys(path, PART_KEYS)
        team = self.read.text((*path, "team"), required=True)
        when = self.conditions.at((*path, "when"), f"when of {self.label} {value}")
        if team is None:
            return None
        self._known((*path, "team"), value, team)
        return team, when
