"""How is a column held against a long list of values in one statement, however long the list is?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, Text, any_, func, literal, select

from syncd.store.encoding import to_json


def among(connection: Connection, column: ColumnElement[Any], values: Iterable[str | int]) -> ColumnElement[bool]:
    """Return the condition that a column of texts or of whole numbers holds one of the values.

    The list travels as one parameter: SQLAlchemy would write out an IN list anew for each length, and databases bound its length.
    """
    if connection.dialect.name == "sqlite":
        return column.in_(select(each(connection, values)))
    kind = BigInteger() if isinstance(column.type, BigInteger) else Text()
    return column == any_(literal(list(values), ARRAY(kind)))


def each(connection: Connection, values: Iterable[str | int]) -> ColumnElement[Any]:
    """Return the values as a column, to look up one after the other: texts, on PostgreSQL."""
    if connection.dialect.name == "sqlite":
        found: ColumnElement[Any] = func.json_each(literal(to_json(list(values)))).table_valued("value").c.value
        return found
    return func.unnest(literal(list(values), ARRAY(Text()))).column_valued("value")
