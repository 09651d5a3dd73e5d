"""Who may hand a record over: which moves does each line under [gate] or [owner] open, and what does it ask for?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from syncd.core.fence_file.conditions import Conditions
from syncd.core.fence_model import ANY, Gate, Holding
from syncd.core.reading import Reader
from syncd.core.tables import Path
from syncd.core.values import Rule

ARROW = "->"
QUEUE = "queue"
NEVER_TO = "never_to"
INACTIVE = "inactive user"
REASONS = "reasons"
OWNER_KEYS = ("by", REASONS, "needs", "when")
GATE_KEYS = (*OWNER_KEYS, "owner")
Pair = tuple[str, str]


def read_reasons(read: Reader) -> dict[str, frozenset[str]]:
    """Read [reasons]: the lists that gates name."""
    found = {}
    for name in read.table((REASONS,)):
        read.plain_text((REASONS, name), name)
        found[name] = frozenset(read.texts((REASONS, name), required=True))
    return found


def read_never_to(read: Reader, teams: Collection[str]) -> frozenset[str]:
    """Read never_to under [owner]: who may never become an owner."""
    path = ("owner", NEVER_TO)
    names = read.texts(path)
    known = {INACTIVE, *teams}
    for index, name in enumerate(names):
        if name not in known:
            read.unknown((*path, index), "MAP-056", f"never_to names {name!r}, which is no line under [teams]", known, name)
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class GatesReader:
    """Reads the gates of one fence.

    `values` are what moves lead from and to, with who has the ball there: None where that depends on the record. `by` are the
    teams that a gate may be given to, `people` those that an owner may belong to, `lists` the named lists of reasons.
    """

    read: Reader
    conditions: Conditions
    values: Mapping[str, str | None]
    by: frozenset[str]
    people: frozenset[str]
    lists: Mapping[str, frozenset[str]]
    has_reason: bool
    holdings: Mapping[str, Holding] = field(default_factory=dict)
    is_owner: bool = False

    def at(self, path: Path) -> dict[Pair, Gate]:
        """Read a table of gates: every pair of values with the gate between them."""
        lines = [_Line(self, path, text) for text in self.read.table(path) if not (self.is_owner and text == NEVER_TO)]
        gates: dict[Pair, Gate] = {}
        for line in sorted(lines, key=lambda line: line.is_any):
            self._open(line, gates)
        return gates

    def _open(self, line: _Line, gates: dict[Pair, Gate]) -> None:
        gate = line.gate()
        for pair in line.moves():
            if self._is_own(pair, gate.by):
                if not line.is_any:
                    why = f"gate {line.text!r} lets {min(gate.by)} move {pair[0]!r} to {pair[1]!r}, which are both its own."
                    self.read.refuse(line.path, "MAP-034", why, "A team moves among its own values without a gate: delete it.")
                continue
            earlier = gates.get(pair)
            here = replace(gate, before=pair[0], after=pair[1])
            if earlier is None:
                gates[pair] = here
            elif line.is_any and _demands(earlier) == _demands(here):
                gates[pair] = replace(earlier, by=earlier.by | here.by)
            else:
                self._refuse_second(line, pair, earlier.rule)

    def _is_own(self, pair: Pair, by: Collection[str]) -> bool:
        """Tell whether the gate opens what the only team that may pass it may do anyway, whatever the gate would ask for."""
        before, after = pair
        holder = self.values[before]
        return before != after and holder is not None and holder == self.values[after] and set(by) == {holder}

    def _refuse_second(self, line: _Line, pair: Pair, first: Rule) -> None:
        why = f"{pair[0]!r} -> {pair[1]!r} already has a gate at line {first.line}."
        if line.is_any:
            remedy = f'It asks for something else: name the values on the left in place of "{ANY}".'
        else:
            remedy = "Put both teams into one line."
        self.read.refuse(line.path, "MAP-035", why, remedy)


def _demands(gate: Gate) -> tuple[frozenset[str], tuple[str, ...], str | None, str | None]:
    return gate.reasons, gate.needs, gate.when.text if gate.when else None, gate.owner


class _Line:
    """One line under [gate] or [owner]."""

    def __init__(self, reader: GatesReader, root: Path, text: str) -> None:
        self.reader, self.read, self.text, self.path = reader, reader.read, text, (*root, text)
        left, self.arrow, right = text.partition(ARROW)
        self.left, self.after = left.strip(), right.strip()
        self.is_any = self.left == ANY and ANY not in reader.values

    def gate(self) -> Gate:
        """Read who may pass and what is asked for; before and after are still to be said."""
        read, path, reader = self.read, self.path, self.reader
        read.known_keys(path, OWNER_KEYS if reader.is_owner else GATE_KEYS)
        by = read.texts((*path, "by"), required=True)
        for team in by:
            if team not in reader.by:
                why = f"gate {self.text!r} may be passed by {team!r}, which is no team"
                read.unknown((*path, "by"), "MAP-031", why, reader.by, team)
        return Gate(
            "",
            self.after,
            frozenset(by),
            read.rule(self.text, *path),
            self._reasons(),
            tuple(self._needs()),
            reader.conditions.at((*path, "when"), f"when of {self.text}"),
            self._owner(),
        )

    def moves(self) -> list[Pair]:
        """Name the moves that the line opens; what can't be read is refused and opens none."""
        if not self.arrow or not self.after or not self.left:
            self.read.refuse(self.path, "MAP-030", f"{self.text!r} is no gate.", 'Write it as "Inquiry, Nurture -> MQL".')
            return []
        values, after = self.reader.values, self.after
        befores = sorted(set(values) - {after}) if self.is_any else _names(self.left, values)
        unknown = [value for value in [*befores, after] if value not in values]
        for value in unknown:
            self._refuse_value(value)
        if after in befores and not self.reader.is_owner:
            why = f"gate {self.text!r} leads from {after!r} to itself: nothing can pass it."
            self.read.refuse(self.path, "MAP-033", why, f"Take {after!r} out on the left.")
            return []
        return [] if unknown else [(before, after) for before in befores]

    def _refuse_value(self, value: str) -> None:
        is_owner = self.reader.is_owner
        why = "which is no team" if is_owner else "which no team owns"
        root = ".".join(str(part) for part in (*self.path[:-2], "status"))
        otherwise = f"Or give {value!r} a team under [{root}]." if value and not is_owner else ""
        text = f"gate {self.text!r} names {value!r}, {why}"
        self.read.unknown(self.path, "MAP-032", text, self.reader.values, value, otherwise=otherwise)

    def _reasons(self) -> frozenset[str]:
        path, reader = (*self.path, REASONS), self.reader
        written = self.read.value(path)
        if written is None:
            return frozenset()
        if not reader.has_reason:
            text = f"gate {self.text!r} asks for a reason, and no field is named that holds it."
            table = "lifecycle" if len(self.path) == 2 else ".".join(map(str, self.path[:2]))
            self.read.refuse(path, "MAP-037", text, f'Name it beside the fields: [{table}] reason = "Status_Reason__c"')
        if not isinstance(written, str):
            return frozenset(self.read.texts(path))
        if written not in reader.lists:
            text = f"gate {self.text!r} asks for a reason of {written!r}, which is no list under [reasons]"
            self.read.unknown(path, "MAP-036", text, reader.lists, written, otherwise='Or write the reasons here: ["…", "…"].')
        return reader.lists.get(written, frozenset())

    def _needs(self) -> Iterator[str]:
        path = (*self.path, "needs")
        for index, name in enumerate(self.read.texts(path)):
            if not name.isidentifier():
                text = f"{name!r} is no field's API name."
                self.read.refuse((*path, index), "MAP-046", text, "Write the field alone, such as: Next_Step__c")
            else:
                yield name

    def _owner(self) -> str | None:
        path, reader = (*self.path, "owner"), self.reader
        owner = None if reader.is_owner else self.read.text(path)
        if owner == QUEUE:
            holding = reader.holdings.get(self.after)
            if holding is not None and holding.queue is None:
                text = f"gate {self.text!r} moves the owner to the queue of {self.after!r}, which has none."
                self.read.refuse(path, "MAP-038", text, f'Add it to the value: "{self.after}" = {{ …, queue = "…" }}')
        elif owner is not None and owner not in reader.people:
            text = f"gate {self.text!r} moves the owner to {owner!r}, which is no team of people"
            self.read.unknown(path, "MAP-038", text, {*reader.people, QUEUE}, owner)
        return owner


def _names(text: str, known: Collection[str]) -> list[str]:
    """Split at commas, but not inside a known value that holds one, such as "Closed, Lost"."""
    parts, names = text.split(","), []
    while parts:
        runs = ((end, ",".join(parts[:end]).strip()) for end in range(len(parts), 0, -1))
        end, name = next((end, name) for end, name in runs if name in known or end == 1)
        names.append(name)
        del parts[:end]
    return names
