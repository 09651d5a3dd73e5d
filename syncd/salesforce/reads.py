"""What does the org hold right now: which fields, and which rows by id or by value?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from syncd.core.values import OrgRecord, Scalar
from syncd.errors import OrgUnreachable
from syncd.ports import Fresh, ObjectSchema
from syncd.salesforce import composite, rows, soql
from syncd.salesforce.composite import Part
from syncd.salesforce.connection import Connection
from syncd.salesforce.cursor import pages

READ_IDS_MAX = 2_000


def schema(connection: Connection, objects: Sequence[str]) -> dict[str, ObjectSchema]:
    """Describe objects, 25 in one call; one that is not there or not visible is left out."""
    found: dict[str, ObjectSchema] = {}
    for start in range(0, len(objects), composite.SUBREQUESTS_MAX):
        some = objects[start : start + composite.SUBREQUESTS_MAX]
        parts = [Part(f"describe {object}", f"/sobjects/{soql.name(object)}/describe") for object in some]
        for object, part, answer in zip(some, parts, composite.ask(connection, "describe", parts), strict=True):
            if answer.status != 404:
                found[object] = _schema(object, composite.expect(connection, part, answer))
    return found


def _schema(object: str, body: Any) -> ObjectSchema:
    try:
        return rows.object_schema(body)
    except rows.UNREADABLE as cause:
        raise OrgUnreachable(f"The org described {object} in a form that syncd can't read.") from cause


def read(connection: Connection, object: str, ids: Sequence[str], fields: Sequence[str]) -> Fresh:
    """Read rows by id, 2,000 a call. Related fields such as Profile.Name are asked for by query instead."""
    if any("." in field for field in fields):
        return find(connection, object, fields, {"Id": ids})
    asked_at = connection.now()
    unique = list(dict.fromkeys(ids))
    records: dict[str, OrgRecord] = {}
    for start in range(0, len(unique), READ_IDS_MAX):
        some = unique[start : start + READ_IDS_MAX]
        for record in _read_some(connection, object, some, fields):
            records[record.id] = record
    return Fresh(records, asked_at)


def _read_some(connection: Connection, object: str, ids: Sequence[str], fields: Sequence[str]) -> Iterator[OrgRecord]:
    stamp_field = soql.stamp_field_of(object)
    asked = soql.with_key(fields, stamp_field)
    path = f"{connection.base}/composite/sobjects/{soql.name(object)}"
    found = connection.read(f"read {object}", "POST", path, {"ids": list(ids), "fields": list(asked)})
    if not isinstance(found, list) or len(found) != len(ids):
        raise OrgUnreachable(f"The org was asked for {len(ids)} rows of {object} and did not answer for each of them.")
    return _records(object, (row for row in found if row is not None), fields, stamp_field)


def find(connection: Connection, object: str, fields: Sequence[str], where: Mapping[str, Sequence[Scalar]]) -> Fresh:
    """Find rows whose fields each hold one of the given values, five statements a call."""
    asked_at = connection.now()
    stamp_field = soql.stamp_field_of(object)
    statements = soql.in_statements(soql.with_key(fields, stamp_field), object, where)
    records: dict[str, OrgRecord] = {}
    while some := list(islice(statements, composite.QUERIES_MAX)):
        parts = [Part(f"query {object}", f"/query?q={soql.encoded(statement)}") for statement in some]
        for part, answer in zip(parts, composite.ask(connection, f"find {object}", parts), strict=True):
            for page in pages(connection, object, fields, stamp_field, composite.expect(connection, part, answer)):
                records.update((record.id, record) for record in page.records)
    return Fresh(records, asked_at)


def count(connection: Connection, questions: Sequence[tuple[str, Mapping[str, Sequence[Scalar]]]]) -> list[int]:
    """Count rows, five questions (object, where) a call, answers in the order of the questions."""
    counts: list[int] = []
    remaining = iter(questions)
    while some := list(islice(remaining, composite.QUERIES_MAX)):
        statements = [soql.count_statement(object, where) for object, where in some]
        parts = [
            Part(f"count {object}", f"/query?q={soql.encoded(statement)}")
            for (object, _), statement in zip(some, statements, strict=True)
        ]
        for part, answer in zip(parts, composite.ask(connection, "count", parts), strict=True):
            body = composite.expect(connection, part, answer)
            if not isinstance(body, Mapping) or not isinstance(body.get("totalSize"), int):
                raise OrgUnreachable(f"The org's answer to {part.what} holds no count.")
            counts.append(body["totalSize"])
    return counts


def _records(object: str, found: Any, fields: Sequence[str], stamp_field: str) -> Iterator[OrgRecord]:
    try:
        for row in found:
            yield rows.record(object, row, fields, stamp_field)
    except rows.UNREADABLE as cause:
        raise OrgUnreachable(f"The org sent rows of {object} without Id or {stamp_field}.") from cause
