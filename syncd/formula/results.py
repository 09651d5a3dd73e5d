"""Does syncd work out what Salesforce published for its own formulas?

One JSON object a line: name, formula, returns, fields (name, type, formula of a field that is one itself), and cases with
`inputs` (the values of the fields that are no formulas, as text) and the expected results `blank_as_zero` and
`blank_as_null`. An expected `Error: …` means that the formula is refused or has no value.
Source: the gold files of https://github.com/salesforce/formula-engine (BSD-3-Clause).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from syncd.formula import logic
from syncd.formula.checking import NAMES, check
from syncd.formula.generating import Compiled, generate
from syncd.formula.syntax import Call, Node, Reference, parse, walk
from syncd.formula.values import FieldKind, FormulaError, Kind, Moment

TOLERANCE = Decimal("1e-13")
SWITCHES = {"blank_as_zero": True, "blank_as_null": False}
_OPERATORS = frozenset(("+", "-", "*", "/", "^", "&", "=", "<>", "<", ">", "<=", ">=", "neg", "AND", "OR", "NOT"))
_KINDS = {
    "Double": FieldKind(Kind.NUMBER),
    "Currency": FieldKind(Kind.NUMBER),
    "Percent": FieldKind(Kind.NUMBER, is_percent=True),
    "Boolean": FieldKind(Kind.BOOLEAN),
    "DateOnly": FieldKind(Kind.DATE),
    "DateTime": FieldKind(Kind.DATETIME),
    "TimeOnly": FieldKind(Kind.TIME),
}
_BY_NAME = {"number": "Double", "currency": "Currency", "percent": "Percent", "checkbox": "Boolean", "datetime": "DateTime"}
_BY_NAME |= {"date": "DateOnly", "text": "Text"}
_ZONES = {"PST": timedelta(hours=8), "GMT": timedelta(0)}
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PLACES = Decimal("1e-32")


@dataclass(frozen=True, slots=True)
class Failure:
    """One result that differs, with what went in."""

    name: str
    formula: str
    switch: str
    inputs: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a file: numbers of results, the failures, and the functions that syncd doesn't know."""

    passed: int
    failures: tuple[Failure, ...]
    unsupported: Mapping[str, int]


def run(lines: Iterable[str], moment: Moment) -> Report:
    """Work out every published result. Errors: ValueError for a line that is not such a formula."""
    passed, failures, unsupported = 0, [], dict[str, int]()
    known: set[tuple[str, ...]] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            published = _Published(json.loads(line), known)
            unknown = published.unknown()
            for name in unknown:
                unsupported[name] = unsupported.get(name, 0) + published.size
            if not unknown:
                wrong = list(published.failures(moment))
                failures += wrong
                passed += published.size - len(wrong)
        except (KeyError, TypeError, IndexError, json.JSONDecodeError) as fault:
            raise ValueError(f"line {number} is no formula with published results: {fault!r}") from fault
    return Report(passed, tuple(failures), unsupported)


class _Published:
    """One published formula."""

    def __init__(self, body: Mapping[str, Any], known: set[tuple[str, ...]]) -> None:
        self.name, self.formula, self.returns = str(body["name"]), str(body["formula"]), str(body["returns"])
        self.cases: Sequence[Mapping[str, Any]] = body["cases"]
        fields = body["fields"]
        self.fields = [(f["name"], f["type"], f.get("formula")) for f in (_guessed(self.formula) if fields is None else fields)]
        self.kinds = {name: _KINDS.get(kind, FieldKind(Kind.TEXT)) for name, kind, _ in self.fields}
        inner = {name.lower(): tree for name, _, text in self.fields if text and (tree := parse(text)[0]) is not None}
        outer, _ = parse(self.formula)
        self.tree = None if outer is None else _inlined(outer, inner)
        self.plain = self._in_order([(name, kind) for name, kind, text in self.fields if not text], known)

    def _in_order(self, plain: list[tuple[str, str]], known: set[tuple[str, ...]]) -> list[tuple[str, str]]:
        """Put the fields into the order of the inputs.

        A formula that turns round the one before it, of the same name and fields, has its inputs turned round too.
        """
        listed = (self.name, *(name for name, _ in plain))
        named = [node.path.lower() for node in walk(self.tree) if isinstance(node, Reference)] if self.tree is not None else []
        is_turned = listed in known and all(name.lower() in named for name, _ in plain)
        known.add(listed)
        return sorted(plain, key=lambda each: named.index(each[0].lower())) if is_turned else plain

    @property
    def size(self) -> int:
        """Count the results: one for each case and switch that the source gives."""
        return sum(case.get(switch) is not None for case in self.cases for switch in SWITCHES)

    def unknown(self) -> list[str]:
        """Name the functions that syncd doesn't know."""
        called = {node.name for node in walk(self.tree) if isinstance(node, Call)} if self.tree is not None else set()
        return sorted(called - {*NAMES, *_OPERATORS})

    def failures(self, moment: Moment) -> Iterator[Failure]:
        """Yield the results that differ."""
        for switch, is_zero in SWITCHES.items():
            compiled = self._compiled(is_zero)
            for case in self.cases:
                expected = case.get(switch)
                if expected is None:
                    continue
                found = self._found(compiled, case["inputs"], moment)
                if not self._is_same(found, expected):
                    yield Failure(self.name, self.formula, switch, case["inputs"], expected, _shown(found))

    def _compiled(self, is_zero: bool) -> Compiled | None:
        part = check(self.formula, self.tree, self.kinds)[0] if self.tree is not None else None
        return None if part is None else generate(part, blank_as_zero=is_zero, is_exact=True)

    def _found(self, compiled: Compiled | None, inputs: str, moment: Moment) -> Any:
        if compiled is None:
            return FormulaError("refused")
        written = _split(inputs, len(self.plain))
        values = {name: _read(kind, text) for (name, kind), text in zip(self.plain, written, strict=True)}
        try:
            return compiled.one(moment, *(values.get(slot.path) for slot in compiled.slots))
        except FormulaError as fault:
            return fault

    def _is_same(self, found: Any, expected: str) -> bool:
        if isinstance(found, Exception) or expected.startswith("Error"):
            return isinstance(found, Exception) and expected.startswith("Error")
        if found is None or found == "" or expected == "null":
            return (found is None or found == "") and expected in {"null", ""}
        if isinstance(found, bool):
            return str(found).lower() == expected
        if isinstance(found, Decimal):
            return _is_near(_outside(found, self.returns), expected)
        if isinstance(found, date):
            at = found if isinstance(found, datetime) else datetime(found.year, found.month, found.day, tzinfo=UTC)
            return _java(at) == expected
        return logic.to_text(found) == expected


def _inlined(node: Node, inner: Mapping[str, Node]) -> Node:
    """Put formulas in the place of the fields that hold them."""
    if isinstance(node, Reference):
        found = inner.get(node.path.lower())
        return node if found is None else _inlined(found, inner)
    return replace(node, parts=tuple(_inlined(part, inner) for part in node.parts)) if isinstance(node, Call) else node


def _java(at: datetime) -> str:
    """Write a date/time as the source does: before 15 October 1582 it counts the days of the week in the Julian calendar."""
    weekday = at.isoweekday()
    if at.year < 1582:
        weekday = (at.isoweekday() + (at.year // 100 - at.year // 400 - 2) - 1) % 7 + 1
    return f"{_WEEKDAYS[weekday - 1]} {_MONTHS[at.month - 1]} {at:%d %H:%M:%S} GMT {at.year:04d}"


def _outside(value: Any, kind: str) -> Any:
    """Turn a result into what a field of that type holds: 50 for 50 %."""
    return value.scaleb(2) if kind == "Percent" and isinstance(value, Decimal) else value


def _is_near(found: Decimal, expected: str) -> bool:
    try:
        wanted = Decimal(expected)
    except InvalidOperation:
        return False
    return abs(found - wanted) <= max(abs(wanted) * TOLERANCE, _PLACES)


def _guessed(formula: str) -> list[dict[str, str]]:
    """Tell the fields of a formula for which the source lists none by their names, such as `customnumber1__c`."""
    names = dict.fromkeys(re.findall(r"custom[a-z]+\d*__c", formula, re.IGNORECASE))
    return [{"name": name, "type": _BY_NAME[re.sub(r"custom|\d*__c", "", name.lower())]} for name in names]


def _split(inputs: str, count: int) -> list[str]:
    if inputs == "No data" or not count:
        return [""] * count
    written = inputs[1:-1].split(", ")
    return (written + [""] * count)[:count]


def _read(kind: str, text: str) -> Any:
    if not text.strip() or text.strip() == "NULL":
        return None
    if kind in {"Double", "Currency", "Percent"}:
        return Decimal(text.strip())
    if kind == "Boolean":
        return text.strip() == "true"
    if kind in {"DateOnly", "DateTime"}:
        return _lenient(text.strip()[:10]).date() if kind == "DateOnly" else _lenient(text.strip())
    return time.fromisoformat(text.strip()) if kind == "TimeOnly" else text


def _lenient(text: str) -> datetime:
    """Read year:month:day[:hour:minute:second[:zone]]; the 31st of November is the 1st of December there."""
    *numbers, zone = text.split(":") if text[-1].isalpha() else [*text.split(":"), "GMT"]
    year, month, day, hour, minute, second = ([int(each) for each in numbers] + [0, 0, 0])[:6]
    if month > 12:
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    begin = datetime(year, month, 1, tzinfo=UTC)
    return begin + timedelta(days=day - 1, hours=hour, minutes=minute, seconds=second) + _ZONES[zone]


def _shown(found: Any) -> str:
    if isinstance(found, Exception):
        return f"Error: {found}"
    return "null" if found is None else _java(found) if isinstance(found, datetime) else logic.to_text(found)
