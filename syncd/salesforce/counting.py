"""How many rows does the org have on each day, which ids are they, and what became of one that is gone?

Source: SOQL and SOSL Reference, DAY_ONLY() and GROUP BY: days are in UTC; a grouped answer has at most 2,000 rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from syncd.errors import OrgUnreachable
from syncd.ports.census import Fate, Span
from syncd.salesforce import composite, rows, soql
from syncd.salesforce.composite import Part
from syncd.salesforce.connection import Connection
from syncd.salesforce.cursor import CursorExpired, pages

MERGED = frozenset({"Lead", "Contact", "Account"})
RESTARTS_MAX = 3


def count_days(connection: Connection, spans: Sequence[Span]) -> list[dict[str, int]]:
    """Count rows by day, five spans a call."""
    statements = [_days_statement(span) for span in spans]
    return [_days(span.object, body) for span, body in zip(spans, _asked(connection, spans, statements), strict=True)]


def _days(object: str, body: Any) -> dict[str, int]:
    try:
        return {str(row["day"])[:10]: int(row["n"]) for row in body["records"] if row["day"] is not None}
    except rows.UNREADABLE as cause:
        raise OrgUnreachable(f"The org counted {object} by day in a form that syncd can't read.") from cause


def count_spans(connection: Connection, spans: Sequence[Span]) -> list[int]:
    """Count rows, five spans a call."""
    statements = [_count_statement(span) for span in spans]
    return [_total(span.object, body) for span, body in zip(spans, _asked(connection, spans, statements), strict=True)]


def _total(object: str, body: Any) -> int:
    total = body.get("totalSize") if isinstance(body, Mapping) else None
    if not isinstance(total, int):
        raise OrgUnreachable(f"The org's count of {object} holds no number.")
    return total


def _asked(connection: Connection, spans: Sequence[Span], statements: Sequence[str]) -> Iterator[Any]:
    remaining = zip(spans, statements, strict=True)
    while some := list(islice(remaining, composite.QUERIES_MAX)):
        parts = [Part(f"count {span.object}", f"/query?q={soql.encoded(statement)}") for span, statement in some]
        for part, answer in zip(parts, composite.ask(connection, "count", parts), strict=True):
            yield composite.expect(connection, part, answer)


def ids(connection: Connection, span: Span) -> Iterator[tuple[str, datetime]]:
    """Give ids with their stamps in id order; when the cursor expires, it goes on after the last one."""
    low, is_after, restarts = span.low, False, 0
    while True:
        statement = _ids_statement(span, low, is_after=is_after)
        body = connection.read(f"ids of {span.object}", "GET", f"{connection.base}/query?q={soql.encoded(statement)}")
        try:
            for page in pages(connection, span.object, (), span.stamp_field, body):
                for record in page.records:
                    low, is_after = record.id, True
                    yield record.id, record.modified_at
        except CursorExpired as cause:
            restarts += 1
            if restarts > RESTARTS_MAX:
                raise OrgUnreachable(f"The org dropped the cursor of {span.object} {restarts} times.") from cause
        else:
            return


def fates(connection: Connection, object: str, ids: Sequence[str], wanted: Sequence[str] = ()) -> dict[str, Fate]:
    """Say what became of rows: deleted ones are found while they are in the recycle bin."""
    fields = ["IsDeleted", "MasterRecordId"] if object in MERGED else ["IsDeleted"]
    statements = soql.in_statements(["Id", *fields, *wanted], object, {"Id": list(ids)})
    found: dict[str, Fate] = {}
    while some := list(islice(statements, composite.QUERIES_MAX)):
        parts = [Part(f"fate of {object}", f"/queryAll?q={soql.encoded(statement)}") for statement in some]
        for part, answer in zip(parts, composite.ask(connection, f"fate of {object}", parts), strict=True):
            found |= _fates(object, wanted, composite.expect(connection, part, answer))
    return found


def _fates(object: str, wanted: Sequence[str], body: Any) -> dict[str, Fate]:
    try:
        if not body["done"]:
            raise OrgUnreachable(f"The org cut its answer about deleted rows of {object} into pages.")
        return {
            str(row["Id"]): Fate(row["IsDeleted"] is True, row.get("MasterRecordId"), {name: row[name] for name in wanted})
            for row in body["records"]
        }
    except rows.UNREADABLE as cause:
        raise OrgUnreachable(f"The org told of deleted rows of {object} in a form that syncd can't read.") from cause


def _days_statement(span: Span) -> str:
    day = f"DAY_ONLY({soql.name(span.stamp_field)})"
    parts = ["SELECT", day, "day, COUNT(Id) n FROM", soql.name(span.object), "WHERE", _inside(span), "GROUP BY", day]
    return " ".join(parts)


def _count_statement(span: Span) -> str:
    return " ".join(["SELECT COUNT() FROM", soql.name(span.object), "WHERE", _inside(span)])


def _ids_statement(span: Span, low: str, *, is_after: bool) -> str:
    where = _inside(replace(span, low=low), is_after=is_after)
    return soql.select(("Id", span.stamp_field), span.object, where, ("Id",))


def _inside(span: Span, *, is_after: bool = False) -> str:
    stamp = soql.name(span.stamp_field)
    bounds = [f"{stamp} < {soql.literal(span.until_at)}"]
    if span.since_at is not None:
        bounds.append(f"{stamp} >= {soql.literal(span.since_at)}")
    if span.low:
        bounds.append(f"Id {'>' if is_after else '>='} {soql.literal(span.low)}")
    if span.high:
        bounds.append(f"Id < {soql.literal(span.high)}")
    return " AND ".join(bounds)
