"""How do a row's fields become one column, and which numbers stand for names that would be repeated in every row?

A row's values are a JSON array; their names are kept once, in `layouts`, by a number that follows from object and names. So
the number is the same in every process and every database, and nothing has to be agreed on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from syncd.core.values import OrgRecord, Scalar
from syncd.errors import StoreUnusable
from syncd.store.base import insert
from syncd.store.encoding import from_json, to_json
from syncd.store.tables import layouts

_NAMES: dict[int, tuple[str, ...]] = {}
_NUMBERS: dict[tuple[str, ...], int] = {}
_SORTED: dict[tuple[str, ...], tuple[str, ...]] = {}  # rows of one answer have their fields in one order
_NUMBER_BYTES = 6  # what SQLite and PostgreSQL keep in an integer, and far more than the handful of layouts need


def _number(*parts: str) -> int:
    if parts not in _NUMBERS:
        text = to_json(parts).encode()
        _NUMBERS[parts] = int.from_bytes(hashlib.sha256(text).digest()[:_NUMBER_BYTES], "big")
    return _NUMBERS[parts]


def lookup_number(org: str, object: str, field: str) -> int:
    """Return the number that a looked-up field has in `record_keys`."""
    return _number(org, object, field)


def layout_number(object: str, names: Iterable[str]) -> int:
    """Return the number of a layout."""
    return _number(object, *names)


def keep_layout(connection: Connection, object: str, names: tuple[str, ...]) -> int:
    """Make sure that a layout can be read back, and return its number."""
    number = layout_number(object, names)
    row = {"number": number, "object": object, "names": to_json(names)}
    connection.execute(insert(connection, layouts).on_conflict_do_nothing(), [row])
    return number


def names_of(connection: Connection, number: int) -> tuple[str, ...]:
    """Return the names of a layout. Errors: StoreUnusable for one that the database does not have."""
    if number not in _NAMES:
        text = connection.execute(select(layouts.c.names).where(layouts.c.number == number)).scalar_one_or_none()
        if text is None:
            raise StoreUnusable(
                f"layout {number} of mirrored rows is missing in the database.", hint="Restore the latest backup of the database."
            )
        _NAMES[number] = tuple(from_json(text))
    return _NAMES[number]


def to_array(fields: Mapping[str, Scalar]) -> tuple[tuple[str, ...], str]:
    """Return the names of a row's fields in order, and its values as JSON text."""
    given = tuple(fields)
    names = _SORTED.get(given)
    if names is None:
        names = _SORTED[given] = tuple(sorted(given))
    return names, to_json([fields[name] for name in names])


def to_record(
    connection: Connection, object: str, id: str, modified_at: str, is_deleted: bool, layout: int, fields: str
) -> OrgRecord:
    """Return a stored row as a record."""
    values = dict(zip(names_of(connection, layout), from_json(fields), strict=True))
    return OrgRecord(object, id, datetime.fromisoformat(modified_at), values, is_deleted)
