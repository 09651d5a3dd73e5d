"""What would the person be whom a row of an export creates, and why would none be?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from syncd.core.cells import AS_WRITTEN, ContactPoints
from syncd.core.field_facts import FieldFacts
from syncd.core.mapped import writes_for
from syncd.core.mapping import SourceMapping
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.rows import ParsedRow
from syncd.core.unreadable import Unreadable
from syncd.core.values import Fields, Intent, OrgRecord, Problem, Scalar, digest

PREFIX = "new-"
_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class NewPerson:
    """One person who would be created. `field` and `key` find them again: the external id, or the e-mail address."""

    field: str
    key: str
    values: Fields

    def id(self, org_id: str) -> str:
        """Return what stands for the record's id until there is one. It tells nothing about the person."""
        return PREFIX + digest(org_id, self.field, self.key)[:14]

    @property
    def state(self) -> str:
        """Return what a second try with the very same values is known by."""
        return digest(self.field, self.key, dict(self.values))


def new_person(
    mapping: SourceMapping, row: ParsedRow, fields: Mapping[str, FieldFacts], points: ContactPoints = AS_WRITTEN
) -> NewPerson | tuple[str, ...] | list[Problem]:
    """Say whom a row that fits nobody would create.

    Shapes: the person; or the columns that [create] wants filled and that are empty; or what is wrong with its values. `fields`
            are those that may be set on a new record. Somebody who is opted out or cannot be reached is no reason to create
            anybody: the caller leaves them out.
    """
    assert mapping.create is not None, "only asked where the mapping creates people"
    empty = tuple(name for name in mapping.create.filled if row.values.get(name) in (None, ""))
    external = mapping.external_field if row.external else None
    field, key = (external, row.external) if external else ("Email", row.address)
    if empty or not key:
        return empty or (mapping.match.get("email", "email"),)
    nobody = OrgRecord(mapping.create.object, "", _NEVER, dict.fromkeys(fields))
    writes, problems = writes_for(mapping, row, nobody, _as_new(fields), points)
    if problems:
        return problems
    filled = (write for write in writes if write.part == "map" and write.after not in (None, ""))
    values: dict[str, Scalar] = {write.field: write.after for write in filled}
    if external:
        values[external] = row.external
    if row.address and "Email" in fields and "Email" not in values:
        try:
            values["Email"] = points.email(row.address)
        except Unreadable as fault:
            return [Problem(row.file, row.line, 1, "ROW-022", fault.text, fault.remedy)]
    return NewPerson(field, key, values)


def _as_new(fields: Mapping[str, FieldFacts]) -> Mapping[str, FieldFacts]:
    """Return the fields that may be set on a record that does not exist yet, less the opt-out: nobody is created opted out."""
    return {name: field for name, field in fields.items() if name != OPT_OUT}


def creation_of(mapping: SourceMapping, person: NewPerson, row: ParsedRow, org_id: str, sha256: str) -> Intent:
    """Return the intent that creates a person. The caller sees to it that the same values are not sent with every export.

    Shapes: `after` holds all values as one JSON text: the ledger keeps it as it keeps any value of a person's.
    """
    assert mapping.create is not None, "only asked where the mapping creates people"
    return Intent(
        key=digest(org_id, "create", mapping.create.object, person.state, sha256, row.line),
        object=mapping.create.object,
        record_id=person.id(org_id),
        field=person.field,
        before=None,
        after=json.dumps(dict(person.values), sort_keys=True, ensure_ascii=False),
        part="map",
        rule=mapping.create.rule,
        reason=f"{row.where} fits nobody, and [create] allows it",
        policy_hash=mapping.sha256,
        cause=f"{sha256}:{row.line}",
        values=person.values,
    )
