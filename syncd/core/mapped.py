"""What would a row of an export write to a person, and does the org take it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from syncd.core.cell_times import salesforce_time
from syncd.core.cells import AS_WRITTEN, ContactPoints
from syncd.core.field_facts import FieldFacts
from syncd.core.mapping import Column, Formula, SourceMapping
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.mapping_fit import retyped, unfit
from syncd.core.rows import ParsedRow
from syncd.core.unreadable import Unreadable
from syncd.core.values import Flag, OrgRecord, Problem, Rule, Scalar

UNREAD = "ROW-023"


@dataclass(frozen=True, slots=True)
class FieldWrite:
    """One field that a row would write. `part` is "flag" for an opt-out, "map" for the rest; `is_contested` is False where
    no edit of anybody else's can be lost by it."""

    field: str
    before: Scalar
    after: Scalar
    rule: Rule
    reason: str
    part: str = "map"
    is_contested: bool = True


def writes_for(
    mapping: SourceMapping,
    row: ParsedRow,
    person: OrgRecord,
    fields: Mapping[str, FieldFacts],
    points: ContactPoints = AS_WRITTEN,
) -> tuple[list[FieldWrite], list[Problem]]:
    """Say which fields of a person a row would change.

    Shapes: only changed values; with a problem nothing of the row is written, but its opt-out. A converted lead is not
            written. `fields` are the visible fields of the person's object. `points` is asked about addresses and phone
            numbers that would change; spellings of what is there already are left as they are.
    """
    if person.fields.get("IsConverted") is True or person.is_deleted:
        return [], []
    writes: list[FieldWrite] = []
    problems = list(row.problems)
    for column in mapping.writing:
        name = column.fields.get(person.object)
        if name is None or column.flag is not None or column.side != "marketing":
            continue
        if column.formula is None and column.name not in row.values:
            continue
        try:
            found = _Writing(column, name, row, person, fields, points).write()
        except Unreadable as fault:
            problems.append(_fault(row, "ROW-022", f"{_named(column)}: {fault.text}", fault.remedy))
            continue
        if isinstance(found, Problem):
            problems.append(found)
        elif found is not None:
            writes.append(found)
    kept = [] if problems else writes
    opt_out = opt_out_write(mapping, row, person, fields)
    return ([opt_out, *kept] if opt_out else kept), problems


def opt_out_write(
    mapping: SourceMapping, row: ParsedRow, person: OrgRecord, fields: Mapping[str, FieldFacts]
) -> FieldWrite | None:
    """Set the org's opt-out; it is never unset, and never set for what could not be read."""
    if person.fields.get("IsConverted") is True or person.is_deleted:
        return None
    column = row.flags.get(Flag.OPTED_OUT)
    if mapping.opt_out_rule is None or column is None or person.fields.get(OPT_OUT) is True or OPT_OUT not in fields:
        return None
    reason = f"{mapping.name} says opted out in column {column!r} ({row.where})"
    return FieldWrite(OPT_OUT, person.fields.get(OPT_OUT), True, mapping.opt_out_rule, reason, "flag", is_contested=False)


@dataclass(frozen=True, slots=True)
class _Writing:
    """One column, or computed field, of one row against one person."""

    column: Column
    field: str
    row: ParsedRow
    person: OrgRecord
    fields: Mapping[str, FieldFacts]
    points: ContactPoints

    def write(self) -> FieldWrite | Problem | None:
        """Return what is written, or why nothing can be. Errors: Unreadable for a value that cannot be worked out."""
        column, field = self.column, self.field
        schema = self.fields.get(field)
        name = f"{self.person.object}.{field}"
        if schema is not None and field not in self.person.fields:
            return _fault(self.row, UNREAD, f"{name} was not read yet.", "The first cycle under this mapping reads it.")
        if schema is None:
            remedy = "Give the user read access to the field, then run: syncd check"
            return _fault(self.row, "ROW-020", f"{name} is not visible to syncd's user, or is no field.", remedy)
        if column.when is not None and self._value(column.when) is not True:
            return None
        before, after = self.person.fields[field], self._after(schema)
        if _same(before, after, schema.type) or (after is None and column.blank == "leave"):
            return None
        if column.conflict == "fill" and before not in (None, ""):
            return None
        after = self._normal(before, after, schema)
        if _same(before, after, schema.type):
            return None
        wrong = unfit(after, schema)
        if wrong is not None:
            text = f"{_named(column)} does not fit {self.person.object}.{field}: {wrong}"
            return _fault(self.row, "ROW-021", text, "Correct the value in the source, or the mapping.")
        source = _named(column)[0].lower() + _named(column)[1:]
        return FieldWrite(field, before, after, column.rule, f"{source} of {self.row.where}", is_contested=not column.exclusive)

    def _after(self, schema: FieldFacts) -> Scalar:
        if self.column.formula is None:
            after = self.row.values[self.column.name]
        else:
            after = self._value(self.column.formula)
            if schema.type == "percent" and isinstance(after, (int, float)):
                after = round(after * 100, 12)  # a formula counts 50 % as 0.5
        return (after.strip() or None) if isinstance(after, str) else after

    def _value(self, formula: Formula) -> Scalar:
        hidden = next((name for name in formula.fields if name not in self.fields or name not in self.person.fields), None)
        if hidden is not None:
            text = f"the formula asks {self.person.object}.{hidden}, which is not visible to syncd's user or was not read."
            raise Unreadable(text, "Give the user read access to the field, then run: syncd check")
        again = retyped(formula, self.fields)
        if isinstance(again, Problem):
            raise Unreadable(f"the formula does not fit {self.person.object}: {again.text}", again.remedy)
        values = self.row.values
        cells = {name: self.row.cells.get(name) if of is None else values.get(of) for name, of in again.columns.items()}
        return again.value(cells, self.person.fields)

    def _normal(self, before: Scalar, after: Scalar, schema: FieldFacts) -> Scalar:
        """Return an address or a number as it is stored; what is the same number in another spelling stays as it is."""
        if not isinstance(after, str):
            return after
        if self.column.type == "email" and self.column.formula is None:
            return self.points.email(after)
        if self.column.type == "phone" and self.column.formula is None:
            country = self.row.values.get(self.column.region_from) or self.column.region
            if isinstance(before, str) and before and self.points.is_same_phone(before, after, str(country)):
                return before
            return self.points.phone(after, str(country))
        return after


def _named(column: Column) -> str:
    return f"Computed field {column.name!r}" if column.is_computed else f"Column {column.name!r}"


def _fault(row: ParsedRow, code: str, text: str, remedy: str) -> Problem:
    return Problem(row.file, row.line, 1, code, text, remedy)


def _same(before: Scalar, after: Scalar, kind: str) -> bool:
    if before in (None, "") or after in (None, ""):
        return before in (None, "") and after in (None, "")
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    if isinstance(before, (int, float)) and isinstance(after, (int, float)):
        return before == after
    if kind == "datetime":
        try:
            return salesforce_time(_utc(str(before))) == salesforce_time(_utc(str(after)))
        except ValueError:
            return False
    if kind == "multipicklist":
        return set(str(before).split(";")) == set(str(after).split(";"))  # Salesforce gives them back in its own order
    # Salesforce stores an e-mail address in small letters, whatever was sent.
    return str(before).casefold() == str(after).casefold() if kind == "email" else before == after


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
