"""How does a formula of a mapping file become a function of a row and of the record as it stands?

Salesforce's own formula syntax, compiled once when the file is read, and again with what the fields of $Record hold once an
org has described them. It looks at one row and one record, at nothing else: no clock, no other record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

from syncd.core.cell_times import salesforce_clock, salesforce_time
from syncd.core.cells import CONTROL
from syncd.core.mapping import Formula, reference
from syncd.core.unreadable import Unreadable
from syncd.core.values import Fields, Problem, Rule, Scalar
from syncd.formula.catalogue import FUNCTIONS
from syncd.formula.checking import HISTORICAL, check
from syncd.formula.generating import Compiled, generate
from syncd.formula.inferring import inferred
from syncd.formula.syntax import Call, Node, Place, Reference, parse, problem, walk
from syncd.formula.values import FieldKind, FieldKinds, Kind, Moment, kind_of

RECORD = "$record."
_NEVER = Moment(datetime(1970, 1, 1, tzinfo=UTC))
_HOLDS = {
    "number": Kind.NUMBER,
    "integer": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "date": Kind.DATE,
    "datetime": Kind.DATETIME,
    "time": Kind.TIME,
    "multipicklist": Kind.MULTIPICKLIST,
}
_GIVES = {
    Kind.NUMBER: "number",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.DATETIME: "datetime",
    Kind.TIME: "time",
    Kind.MULTIPICKLIST: "multipicklist",
}

Columns = tuple[tuple[str, str], ...]


def compile_formula(
    text: str, rule: Rule, columns: Sequence[tuple[str, str]], *, is_condition: bool = False
) -> Formula | Problem:
    """Compile a formula without an org: what fields of $Record hold is told from what the formula does with them.

    Shapes: `columns` has name and type of each column that the mapping names; every other name is a text column of the file.
            Returned is the formula, or the first thing that is wrong, with line and character within the text.
    """
    return _compiled(text, rule, tuple(columns), is_condition, None)


@lru_cache(maxsize=4096)
def _compiled(
    text: str, rule: Rule, columns: Columns, is_condition: bool, types: tuple[tuple[str, str], ...] | None
) -> Formula | Problem:
    tree, problems = parse(text, rule.file)
    if tree is None:
        return problems[0]
    refused = next(_refusals(text, tree, rule.file, columns), None)
    if refused is not None:
        return refused
    paths = {node.path.lower(): node.path for node in walk(tree) if isinstance(node, Reference)}
    meant = {path: _meant(path, columns) for path in paths if not path.startswith(RECORD)}
    kinds = {path: FieldKind(_HOLDS.get(dict(columns).get(name or "", ""), Kind.TEXT)) for path, name in meant.items()}
    wanted = Kind.BOOLEAN if is_condition else None
    kinds |= _inferred(text, tree, wanted, kinds) if types is None else _described(types)
    part, problems = check(text, tree, kinds, rule.file)
    if part is None:
        return problems[0]
    if (is_condition and part.kind is not Kind.BOOLEAN) or part.kind is Kind.LOCATION:
        wanted_word, remedy = (
            ("true or false", "Compare it with something.") if is_condition else ("a value", "Take LATITUDE or LONGITUDE of it.")
        )
        return problem(text, Place(0, 0), "FML-020", f"This gives a {part.kind.value}, not {wanted_word}.", remedy, rule.file)
    fields = tuple(paths[path][len(RECORD) :] for path in paths if path.startswith(RECORD))
    again = partial(_typed, text, rule, columns, is_condition, fields)
    gives = _GIVES.get(part.kind, "text")
    return Formula(text, rule, gives, meant, fields, _working_out(generate(part), gives), again)


def _typed(
    text: str, rule: Rule, columns: Columns, is_condition: bool, fields: tuple[str, ...], types: Mapping[str, str]
) -> Formula | Problem:
    """Compile a formula with the types of the record's fields; of many types, only those that it names count."""
    folded = {field.lower() for field in fields}
    known = tuple((name, kind) for name, kind in types.items() if name.lower() in folded)
    return _compiled(text, rule, columns, is_condition, known)


def _meant(path: str, columns: Columns) -> str | None:
    return next((name for name, _ in columns if reference(name) == path), None)


def _described(types: tuple[tuple[str, str], ...]) -> dict[str, FieldKind]:
    return {f"$Record.{name}": kind_of(described) for name, described in types}


def _inferred(text: str, tree: Node, wanted: Kind | None, columns: FieldKinds) -> dict[str, FieldKind]:
    found = inferred(text, tree, wanted, columns)
    return {path: kind for path, kind in found.items() if path.lower().startswith(RECORD)}


def _refusals(text: str, tree: Node, file: str, columns: Columns) -> Iterator[Problem]:
    for node in walk(tree):
        if isinstance(node, Reference):
            yield from _of_reference(text, node, file, columns)
        elif isinstance(node, Call) and node.name in HISTORICAL:
            remedy = "Name the field as $Record.Field: that is the record before this row is written."
            yield problem(text, node.place, "FML-021", f"{node.name} asks how the record was before.", remedy, file)
        elif isinstance(node, Call) and node.name in FUNCTIONS and FUNCTIONS[node.name].needs_moment:
            remedy = "Compare with a date that stands in the file, or with a column."
            yield problem(text, node.place, "FML-022", f"{node.name} gives another answer each day.", remedy, file)


def _of_reference(text: str, node: Reference, file: str, columns: Columns) -> Iterator[Problem]:
    path = node.path.lower()
    rest = path.removeprefix(RECORD)
    if path.startswith("$") and rest == path:
        remedy = "Known are the columns of the file, and $Record.Field for the record as it stands."
        yield problem(text, node.place, "FML-024", f"{node.path} is not known here.", remedy, file)
    elif "." in rest or ":" in rest:
        remedy = "Bring the value onto the record by a formula field, and name that as $Record.Field."
        yield problem(text, node.place, "FML-023", f"{node.path} stands on another record.", remedy, file)
    elif rest == path:
        several = [repr(name) for name, _ in columns if reference(name) == path]
        if len(several) > 1:
            what = f"{node.path} may be any of the columns {', '.join(several)}."
            yield problem(text, node.place, "FML-025", what, "Rename all but one of them in the export.", file)


def _working_out(compiled: Compiled, gives: str) -> Callable[[Mapping[str, Scalar], Fields], Scalar]:
    paths = [slot.path for slot in compiled.slots]

    def value(cells: Mapping[str, Scalar], record: Fields) -> Scalar:
        """Work the formula out for one row and one record."""
        given = [record.get(path[len(RECORD) :]) if path.lower().startswith(RECORD) else cells.get(path) for path in paths]
        try:
            return _scalar(compiled.one(_NEVER, *given), gives)
        except (ValueError, TypeError, ArithmeticError, LookupError) as fault:
            raise Unreadable(f"the formula has no value: {fault}.", "Correct the value in the source, or the formula.") from fault

    return value


def _scalar(value: Any, gives: str) -> Scalar:
    if isinstance(value, Decimal):
        if abs(value) >= 10**18:
            raise ValueError("it is larger than any number field")
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return salesforce_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return salesforce_clock(value)
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    if CONTROL.search(text):
        raise ValueError("it holds control characters")
    return text if text.strip() else None
