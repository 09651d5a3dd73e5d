"""What should a mapping make of a row, by the examples that a person wrote down, and what does it make of it?

An example names the cells that matter. A cell that it does not name is blank, or a no in a column of yes and no; the person
holds what `now` says and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from syncd.core.cells import AS_WRITTEN, ContactPoints
from syncd.core.field_facts import FieldFacts
from syncd.core.mapped import writes_for
from syncd.core.mapping import Column, SourceMapping, reference
from syncd.core.mapping_file.checks import OPT_OUT, Reading
from syncd.core.mapping_file.keys import PEOPLE
from syncd.core.rows import read_row
from syncd.core.tables import Path, Table
from syncd.core.values import OrgRecord, Problem, Scalar

_KEYS = ("name", "object", "cells", "now", "expect")
_EXPECT = ("fields", "flags", "problems")
_NEVER = datetime(2026, 1, 1, 12, tzinfo=UTC)
_KEY_CELLS = {"email": "someone@example.com", "external": "1", "id": "00Q000000000001"}
_IDS = {"Lead": "00Q000000000001EAA", "Contact": "003000000000001AAA"}

Facts = Callable[[str, str], FieldFacts]
"""What is known of a field, by object and name."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row comes to: the fields that it writes, the flags that it raises, and the codes of what is wrong with it."""

    fields: Mapping[str, Scalar]
    flags: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def as_values(self) -> dict[str, Any]:
        """Return it as an [example.expect] holds it: always with its fields, so that it says where none is written."""
        more = {"flags": list(self.flags), "problems": list(self.problems)}
        return {"fields": dict(self.fields), **{key: value for key, value in more.items() if value}}


@dataclass(frozen=True, slots=True)
class Example:
    """One [[example]] with its place in the file. `expected` is None while nobody has said what should come out."""

    name: str
    line: int
    object: str
    cells: Mapping[str, str]
    now: Mapping[str, Scalar]
    expected: Outcome | None


@dataclass(frozen=True, slots=True)
class Found:
    """What came out of an example: the outcome, the words of its problems, and (what, expected, found) where they differ."""

    example: Example
    outcome: Outcome
    words: tuple[str, ...]
    differences: tuple[tuple[str, str, str], ...]


def parse_examples(table: Table, mapping: SourceMapping) -> tuple[list[Example], list[Problem]]:
    """Read a file of examples: all of them and no problem, or every problem of the file."""
    reading = Reading(table)
    reading.keys((), table.values, ("example",), code="EXA-001")
    tables = table.values.get("example")
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        reading.say(("example",), "EXA-001", "There is no [[example]].", "Begin one with the line [[example]].")
        return [], reading.problems
    examples = [_example(reading, ("example", place), one, mapping) for place, one in enumerate(tables)]
    return ([] if reading.problems else examples), reading.problems


def _example(reading: Reading, base: Path, values: Mapping[str, Any], mapping: SourceMapping) -> Example:
    reading.keys(base, values, _KEYS, code="EXA-001")
    name = reading.text(base, values, "name") or f"example {int(base[-1]) + 1}"
    object = reading.choice(base, values, "object", PEOPLE) or PEOPLE[0]
    cells = reading.table_at(base, values, "cells") or {}
    known = [*mapping.required, *(column.name for column in mapping.columns)]
    for key, cell in cells.items():
        if key not in known and reference(key).casefold() not in {one.casefold() for one in mapping.references}:
            text = f"The mapping knows no column {key!r}.{reading.near(key, known)}"
            reading.say((*base, "cells", key), "EXA-002", text, "Correct the name, or leave the cell out.")
        if not isinstance(cell, str):
            reading.say((*base, "cells", key), "EXA-003", f"The cell {key!r} is no text.", 'Write it as the file would: "42".')
    now = reading.table_at(base, values, "now") or {}
    for key, value in now.items():
        if not isinstance(value, str | int | float | bool):
            reading.say((*base, "now", key), "EXA-003", f"{key} holds no single value.", "Write a text, a number, true or false.")
    expect = reading.table_at(base, values, "expect")
    line, _ = reading.table.where(*base)
    return Example(name, line, object, dict(cells), dict(now), None if expect is None else _expected(reading, base, expect))


def _expected(reading: Reading, base: Path, values: Mapping[str, Any]) -> Outcome:
    path: Path = (*base, "expect")
    reading.keys(path, values, _EXPECT, code="EXA-001")
    fields = reading.table_at(path, values, "fields") or {}
    flags, problems = reading.texts(path, values, "flags") or (), reading.texts(path, values, "problems") or ()
    return Outcome(dict(fields), tuple(sorted(flags)), tuple(sorted(problems)))


def run(mapping: SourceMapping, example: Example, facts: Facts, points: ContactPoints = AS_WRITTEN, file: str = "") -> Found:
    """Make of an example what the mapping makes of its row."""
    header, cells = _row(mapping, example.cells)
    row = read_row(mapping, header, cells, example.line, file=file)
    if isinstance(row, Problem):
        return _compared(example, Outcome({}, (), (row.code,)), (row.text,))
    person, fields = _person(mapping, example, facts)
    writes, problems = writes_for(mapping, row, person, fields, points)
    flags = [flag.value for flag in row.flags] + [f"opted_out {scope}" for scope in row.scoped]
    outcome = Outcome(
        {write.field: write.after for write in writes}, tuple(sorted(set(flags))), tuple(sorted({one.code for one in problems}))
    )
    return _compared(example, outcome, tuple(one.text for one in problems))


def _row(mapping: SourceMapping, given: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return header and cells of an example's row: what is not given is blank, or no, and somebody is meant."""
    by_name = {column.name: column for column in mapping.columns}
    cells = {name: _blank(mapping, by_name.get(name)) for name in (*mapping.required, *by_name)}
    cells |= given
    if not any(cells[name].strip() for name in mapping.match.values()):
        kind, name = next(iter(mapping.match.items())) if "email" not in mapping.match else ("email", mapping.match["email"])
        if name not in given:
            cells[name] = _KEY_CELLS[kind]
    return list(cells), list(cells.values())


def _blank(mapping: SourceMapping, column: Column | None) -> str:
    null = mapping.null if column is None else column.null
    if column is not None and column.type == "boolean" and column.false:
        return min(column.false)
    return "" if "" in null or not null else min(null)


def _person(mapping: SourceMapping, example: Example, facts: Facts) -> tuple[OrgRecord, dict[str, FieldFacts]]:
    object = example.object
    names = {column.fields[object] for column in mapping.writing if object in column.fields} | {OPT_OUT}
    names |= {name for column in mapping.writing for formula in column.formulas for name in formula.fields}
    known = {name: facts(object, name) for name in (*sorted(names), *example.now)}
    blank: dict[str, Scalar] = {name: False if one.type == "boolean" else None for name, one in known.items()}
    fields: dict[str, Scalar] = {"IsConverted": False, **blank, **example.now}
    return OrgRecord(object, _IDS[object], _NEVER, fields), known


def _compared(example: Example, outcome: Outcome, words: tuple[str, ...]) -> Found:
    expected = example.expected
    if expected is None:
        return Found(example, outcome, words, (("expect", "nothing is written down", shown(outcome.fields)),))
    differences = [
        (name, shown(expected.fields.get(name, _NOTHING)), shown(outcome.fields.get(name, _NOTHING)))
        for name in dict.fromkeys((*expected.fields, *outcome.fields))
        if not _same(expected.fields.get(name, _NOTHING), outcome.fields.get(name, _NOTHING))
    ]
    for what, wanted, found in (("flags", expected.flags, outcome.flags), ("problems", expected.problems, outcome.problems)):
        if tuple(wanted) != tuple(found):
            differences.append((what, ", ".join(wanted) or "none", ", ".join(found) or "none"))
    return Found(example, outcome, words, tuple(differences))


_NOTHING = object()


def _same(left: Any, right: Any) -> bool:
    """Compare what was written down with what came out: TOML has no null, so that an emptied field is an empty text there."""
    left, right = ("" if one is None else one for one in (left, right))
    return left is right or (left == right and isinstance(left, bool) == isinstance(right, bool))


def shown(value: object) -> str:
    """Write a value for a person."""
    if value is _NOTHING:
        return "not written"
    if value is None:
        return "emptied"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {shown(one)}" for name, one in value.items()) or "no field is written"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return repr(value) if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
