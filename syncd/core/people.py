"""Who in the org is a row about, which of several rows counts, what would it write, and who gets no mail?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from syncd.core.cells import normal_address, salesforce_time
from syncd.core.mapping import Column, SourceMapping
from syncd.core.mapping_checks import OPT_OUT
from syncd.core.rows import ParsedRow
from syncd.core.values import Flag, FlagFact, OrgRecord, Problem, Rule, Scalar


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
class Match:
    """Whom a row is about: `person`, or several `candidates`, or nobody. `by` names the key that decided."""

    person: OrgRecord | None = None
    by: str = ""
    candidates: tuple[OrgRecord, ...] = ()

    @property
    def is_ambiguous(self) -> bool:
        """Tell whether a human has to choose."""
        return self.person is None and bool(self.candidates)


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


def match(
    mapping: SourceMapping,
    by_id: Iterable[OrgRecord],
    by_external: Iterable[OrgRecord],
    by_email: Iterable[OrgRecord],
    contacts: Mapping[str, OrgRecord],
) -> Match:
    """Find the one person of a row.

    Shapes: what each key of the row found, and the contacts that converted leads became, by id.
            Keys are tried in the order of [match]; the first that finds exactly one person wins.
    """
    found = {"id": by_id, "external": by_external, "email": by_email}
    several: dict[str, OrgRecord] = {}
    for kind in mapping.match:
        people = {person.id: person for person in (_today(one, contacts) for one in found[kind] if not one.is_deleted)}
        if len(people) == 1:
            return Match(next(iter(people.values())), kind)
        several.update(people)
    return Match(None, "", tuple(several[key] for key in sorted(several)))


def _today(person: OrgRecord, contacts: Mapping[str, OrgRecord]) -> OrgRecord:
    """Follow a converted lead to its contact, when that contact is mirrored."""
    contact = contacts.get(person.text("ConvertedContactId") or "") if person.fields.get("IsConverted") is True else None
    return person if contact is None or contact.is_deleted else contact


def newest_of(rows: Sequence[ParsedRow]) -> tuple[ParsedRow | None, list[Problem]]:
    """Choose the row that counts among all rows of one person in a file.

    Shapes: the newest row, or None and one problem for each row when it cannot be told which one is. Rows that say the same
            are one. A newest row with problems of its own counts for nobody: older ones are not taken in its place.
    """
    if not rows:
        return None, []
    stamps = [row.newest_at for row in rows if row.newest_at is not None]
    newest_at = max(stamps, default=None)
    last = [row for row in rows if row.newest_at == newest_at]
    if any(_contents(row) != _contents(last[0]) for row in last):
        lines = ", ".join(str(row.line) for row in last)
        when = "without a time that orders them" if newest_at is None else f"all of {newest_at:%Y-%m-%d %H:%M:%S} UTC"
        text = f"The same person stands on lines {lines} with different values, {when}."
        remedy = "Correct the person in the source; the next export settles it."
        return None, [Problem(row.file, row.line, 1, "ROW-010", text, remedy) for row in last]
    return last[0], []


def _contents(row: ParsedRow) -> object:
    return row.person_id, row.external, row.address, dict(row.values), [problem.text for problem in row.problems]


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


def handle_of(field: str, value: str) -> str:
    """Return the text that stands for an external id where an address would stand, in a flag of somebody not in the org yet."""
    text = f"{field}={value}"
    return normal_address(text) if "@" in text else text  # the store compares what looks like an address without case


def handles_of(person: OrgRecord, external_fields: Iterable[str]) -> list[str]:
    """Return what flags without a person may be about this one by: the normalised address, and every external id."""
    address = person.text("Email")
    found = [normal_address(address)] if address else []
    return [*found, *(handle_of(name, value) for name in external_fields if (value := person.text(name)) is not None)]


def excluded_by(
    person: OrgRecord,
    address: str | None,
    facts: Iterable[FlagFact],
    leads: Iterable[OrgRecord] = (),
    handles: Iterable[str] = (),
) -> list[str]:
    """Say why a person gets no campaign mail; an empty list means that nothing speaks against it.

    Shapes: `address` is the person's current one; `facts` are those about the person, the leads converted into it, or the
            address (others are ignored); `leads` are those converted leads; `handles` are all that `handles_of` says of them.
    Source: promise 4: any source may opt out, and what cannot be read counts as opted out.
    """
    current = normal_address(address) if address else None
    leads = list(leads)
    ids, keys = {person.id, *(lead.id for lead in leads)}, {current, *handles} - {None}
    reasons = [] if OPT_OUT in person.fields else [f"opt-out can't be read ({OPT_OUT} is not visible)"]
    for one in (person, *leads):
        value = one.fields.get(OPT_OUT)
        if value is True:
            reasons.append(f"opted out ({one.object} {OPT_OUT})")
        elif value is not False and one is person and not reasons:
            reasons.append(f"opt-out can't be read ({OPT_OUT} is empty)")
    for fact in facts:
        is_theirs = fact.person_id in ids
        is_at = fact.address is not None and fact.address == current
        if fact.flag is Flag.UNREACHABLE:
            if is_at or (is_theirs and fact.address == current):
                reasons.append(f"unreachable ({fact.source}, {fact.evidence})")
        elif is_theirs or fact.address in keys:
            words = "opted out" if fact.flag is Flag.OPTED_OUT else "opt-out can't be read"
            reasons.append(f"{words} ({fact.source}, {fact.evidence})")
    return list(dict.fromkeys(reasons))
