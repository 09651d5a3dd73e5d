"""How do values become columns, and columns values?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from syncd.core.values import OrgRecord, Scalar


def to_json(value: object) -> str:
    """Return canonical JSON text: sorted keys, no blanks."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # numbers beyond 64 bits and halves of surrogate pairs are beyond orjson, and still somebody's data
        return json.dumps(value, sort_keys=True, separators=(",", ":"))


def from_json(text: str) -> Any:
    """Return the value of JSON text written by `to_json`."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def without_nul(text: str) -> str:
    """Return a text as both databases keep it: PostgreSQL's holds every character but NUL, which gets its sign instead."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}") if "\0" in text else text


def to_text(moment: datetime) -> str:
    """Return a time as sortable text. Errors: ValueError for a time without zone."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without zone cannot be stored: {moment!r}")
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")[:26] + "Z"


def to_text_or_none(moment: datetime | None) -> str | None:
    """Return an optional time as text."""
    return None if moment is None else to_text(moment)


def to_moment(text: str) -> datetime:
    """Return the time that `to_text` wrote."""
    return datetime.fromisoformat(text)


def to_moment_or_none(text: str | None) -> datetime | None:
    """Return an optional time from its column."""
    return None if text is None else datetime.fromisoformat(text)


def to_key(value: Scalar) -> str | None:
    """Return a value as it is looked up, or None for an empty one. E-mail addresses: without case and outer blanks."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text.strip().casefold() if "@" in text else text


def keys_of(record: OrgRecord, fields: Iterable[str]) -> list[str | None] | None:
    """Return the keys under which a record is found, in the order of these fields; None when it is found under none."""
    if record.is_deleted:
        return None
    keys = [to_key(record.fields.get(field)) for field in fields]
    return keys if any(key is not None for key in keys) else None


def without_nulls(values: Mapping[str, object]) -> dict[str, object]:
    """Return the parts that hold something."""
    return {name: value for name, value in values.items() if value is not None}
