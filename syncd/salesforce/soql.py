"""How is a SOQL statement written? The only place where values become part of a statement.

Source: SOQL and SOSL Reference, "Quoted String Escape Sequences" and "Date Formats and Date Literals in WHERE".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from urllib.parse import quote_plus

from syncd.core.values import Scalar
from syncd.ports import Keyset, Pull

URI_BYTES_MAX = 16_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*")
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"})

Value = Scalar | datetime | date


def literal(value: Value) -> str:
    """Write one value as a SOQL literal: text quoted and escaped, dates and numbers bare.

    Units: a datetime must be aware; it is written in UTC, with milliseconds only when it has some.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        return repr(value)
    return "'" + value.translate(_ESCAPES) + "'"


def name(text: str) -> str:
    """Return an object, field or relationship path unchanged. Errors: AssertionError when it could be anything else."""
    if not _NAME.fullmatch(text):
        raise AssertionError(f"{text!r} is not the API name of an object or field")
    return text


def select(fields: Sequence[str], object: str, where: str = "", order_by: Sequence[str] = ()) -> str:
    """Write a whole statement from names and a WHERE clause made by this module."""
    parts = ["SELECT", ",".join(name(field) for field in fields), "FROM", name(object)]
    if where:
        parts += ["WHERE", where]
    if order_by:
        parts += ["ORDER BY", ",".join(name(field) for field in order_by)]
    return " ".join(parts)


def is_in(field: str, values: Sequence[Value]) -> str:
    """Write `field IN (…)`. An empty list must not get here: it asks nothing."""
    if not values:
        raise AssertionError(f"an empty list for {field} asks nothing")
    return f"{name(field)} IN ({','.join(literal(value) for value in values)})"


def after(stamp_field: str, keyset: Keyset) -> str:
    """Write the condition for rows strictly after a keyset in (stamp, Id) order."""
    stamp, moment = name(stamp_field), literal(keyset.at)
    return f"({stamp} > {moment} OR ({stamp} = {moment} AND Id > {literal(keyset.id)}))"


def pull_statement(pull: Pull, resume: Keyset | None = None) -> str:
    """Write the statement of a pull; `resume` goes on after a row that was read already."""
    return select(with_key(pull.fields, pull.stamp_field), pull.object, _where(pull, resume), (pull.stamp_field, "Id"))


def bulk_statement(pull: Pull) -> str:
    """Write the statement of a pull for a Bulk job: in no order, because an order keeps the org from working in parts."""
    return select(with_key(pull.fields, pull.stamp_field), pull.object, _where(pull, None))


def _where(pull: Pull, resume: Keyset | None) -> str:
    keyset = resume or pull.after
    if keyset is not None:
        return after(pull.stamp_field, keyset)
    if pull.since_at is not None:
        return f"{name(pull.stamp_field)} >= {literal(pull.since_at.replace(microsecond=0))}"
    return ""


def with_key(fields: Sequence[str], stamp_field: str) -> tuple[str, ...]:
    """Return Id, the stamp field and the given fields, each once (names are compared without regard to case)."""
    unique = {field.lower(): field for field in reversed(("Id", stamp_field, *fields))}
    return tuple(reversed(unique.values()))


def in_statements(fields: Sequence[str], object: str, where: Mapping[str, Sequence[Value]]) -> Iterator[str]:
    """Write the statements that together find all rows whose fields each hold one of their values.

    Shapes: no statement when a list is empty; several when one would not fit into a URI.
    """
    lists = {field: tuple(dict.fromkeys(values)) for field, values in where.items()}
    if not lists or not all(lists.values()):
        return
    statement = select(fields, object, " AND ".join(is_in(field, values) for field, values in lists.items()))
    longest = max(lists, key=lambda field: len(lists[field]))
    values = lists[longest]
    if len(encoded(statement)) < URI_BYTES_MAX - 500 or len(values) == 1:
        yield statement
        return
    middle = len(values) // 2
    yield from in_statements(fields, object, {**lists, longest: values[:middle]})
    yield from in_statements(fields, object, {**lists, longest: values[middle:]})


def count_statement(object: str, where: Mapping[str, Sequence[Value]]) -> str:
    """Write the statement that counts rows whose fields each hold one of their values; no condition counts all rows."""
    conditions = [is_in(field, values) for field, values in where.items()]
    return " ".join(["SELECT COUNT() FROM", name(object), *(["WHERE", " AND ".join(conditions)] if conditions else [])])


def encoded(statement: str) -> str:
    """Encode a statement for the `q` of a URL."""
    return quote_plus(statement, safe=",()'")


def stamp_field_of(object: str) -> str:
    """Name the field that orders an object's rows: history objects and the view of Flows have no SystemModstamp.

    Source: Object Reference, LeadHistory, OpportunityFieldHistory and FlowDefinitionView; OpportunityHistory does have one.
    """
    if object == "FlowDefinitionView":
        return "LastModifiedDate"
    return "CreatedDate" if object.endswith("History") and object != "OpportunityHistory" else "SystemModstamp"


def _moment(value: datetime) -> str:
    if value.tzinfo is None:
        raise AssertionError(f"{value!r} has no time zone")
    utc = value.astimezone(UTC)
    grain = "milliseconds" if utc.microsecond >= 1000 else "seconds"
    return utc.replace(tzinfo=None).isoformat(timespec=grain) + "Z"
