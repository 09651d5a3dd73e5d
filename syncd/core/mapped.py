"""What would a row of an export write to a person, and does the org take it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from syncd.core.cells import salesforce_time
from syncd.core.mapping import Column, SourceMapping
from syncd.core.mapping_checks import OPT_OUT
from syncd.core.rows import ParsedRow
from syncd.core.values import Flag, OrgRecord, Problem, Rule, Scalar


class FieldFacts(Protocol):
    """What has to be known of a field before it is written; `ports.FieldSchema` has it."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def length(self) -> int: ...
    @property
    def is_updateable(self) -> bool: ...
    @property
    def picklist(self) -> tuple[str, ...]: ...


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
    mapping: SourceMapping, row: ParsedRow, person: OrgRecord, fields: Mapping[str, FieldFacts]
) -> tuple[list[FieldWrite], list[Problem]]:
    """Say which fields of a person a row would change.

    Shapes: only changed values; with a problem nothing of the row is written, but its opt-out. A converted lead is not
            written. `fields` are the visible fields of the person's object.
    """
    if person.fields.get("IsConverted") is True or person.is_deleted:
        return [], []
    writes: list[FieldWrite] = []
    problems = list(row.problems)
    for column in mapping.columns:
        name = column.fields.get(person.object)
        if name is None or column.flag is not None or column.side != "marketing" or column.name not in row.values:
            continue
        found = _write(column, name, row, person, fields)
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


def _write(
    column: Column, name: str, row: ParsedRow, person: OrgRecord, fields: Mapping[str, FieldFacts]
) -> FieldWrite | Problem | None:
    schema = fields.get(name)
    if schema is None or name not in person.fields:
        text = f"{person.object}.{name} is not visible to syncd's user or was not read."
        return Problem(row.file, row.line, 1, "ROW-020", text, "Give the user read access to the field, then run: syncd check")
    before, after = person.fields[name], row.values[column.name]
    after = after.strip() if isinstance(after, str) else after
    if _same(before, after, schema.type) or (after is None and column.blank == "leave"):
        return None
    if column.conflict == "fill" and before not in (None, ""):
        return None
    wrong = unfit(after, schema)
    if wrong is not None:
        text = f"Column {column.name!r} does not fit {person.object}.{name}: {wrong}"
        return Problem(row.file, row.line, 1, "ROW-021", text, "Correct the value in the source, or the mapping.")
    reason = f"column {column.name!r} of {row.where}"
    return FieldWrite(name, before, after, column.rule, reason, is_contested=not column.exclusive)


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
    # Salesforce stores an e-mail address in small letters, whatever was sent.
    return str(before).casefold() == str(after).casefold() if kind == "email" else before == after


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def unfit(after: Scalar, schema: FieldFacts) -> str | None:
    """Say why Salesforce would refuse a value, or None."""
    if not schema.is_updateable:
        return "syncd's user may not write the field."
    if after is None:
        return None
    if isinstance(after, str):
        # Salesforce counts as Java does: a character beyond U+FFFF counts twice.
        length = len(after.encode("utf-16-le")) // 2
        if 0 < schema.length < length:
            return f"the text has {length} characters, the field takes {schema.length}."
    if schema.type in ("picklist", "multipicklist") and schema.picklist:
        values = str(after).split(";") if schema.type == "multipicklist" else [str(after)]
        strange = [value for value in values if value not in schema.picklist]
        if strange:
            known = ", ".join(schema.picklist[:10]) + (", …" if len(schema.picklist) > 10 else "")
            return f"{strange[0]!r} is no active value of the picklist ({known})."
    return None


_TAKES = {
    "text": ("string", "textarea", "picklist", "multipicklist", "combobox", "phone", "url", "email", "encryptedstring", "id"),
    "email": ("email", "string", "textarea"),
    "number": ("double", "currency", "percent", "int", "long"),
    "integer": ("int", "long", "double", "currency", "percent"),
    "boolean": ("boolean",),
    "date": ("date",),
    "datetime": ("datetime",),
}


def schema_problems(mapping: SourceMapping, schema: Mapping[str, Mapping[str, FieldFacts]]) -> list[Problem]:
    """Hold a mapping against the org: hidden and read-only fields, and fields of another type.

    Shapes: `schema` has the visible fields by object name; a problem stands at the column that names the field.
    """
    problems = []
    for column in mapping.columns:
        for name, api_name in column.fields.items():
            field = schema.get(name, {}).get(api_name)
            wrong, remedy = _field_problem(column, name, api_name, field)
            if wrong:
                problems.append(Problem(mapping.file, column.rule.line, 1, "MAP-130", f"Column {column.name!r}: {wrong}", remedy))
    lookups = [name for name in ("Lead", "Contact") if mapping.external_field in schema.get(name, {})]
    if mapping.external_field and not lookups:
        text = f"{mapping.external_field} is visible neither on Lead nor on Contact."
        problems.append(Problem(mapping.file, 1, 1, "MAP-131", text, "Correct external under [match], or grant read access."))
    return problems


def _field_problem(column: Column, name: str, api_name: str, field: FieldFacts | None) -> tuple[str, str]:
    other = "Contact" if name == "Lead" else "Lead"
    if field is None:
        remedy = f'Grant read access, or write the other object only: field = {{ {other} = "{api_name}" }}.'
        return f"{name}.{api_name} is not visible to syncd's user or does not exist.", remedy
    if column.side == "marketing" and not field.is_updateable:
        return f"{name}.{api_name} may not be written by syncd's user.", "Grant edit access, or remove the column."
    if field.type not in _TAKES[column.type]:
        return f"{name}.{api_name} is of type {field.type}, the column of type {column.type}.", "Correct type in the mapping."
    return "", ""
