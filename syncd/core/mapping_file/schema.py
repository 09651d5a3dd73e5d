"""What may stand in a mapping file, as a JSON Schema: editors complete the keys and underline what is wrong.

Made from the tables that the parser reads by, so that the two cannot drift apart. A schema says less than the parser: what it
accepts may still be refused, what the parser accepts it never refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.core.mapping_file.keys import (
    COLUMN,
    COMPUTED,
    CONSENT,
    CREATE,
    EXTERNAL,
    FIELD_OF,
    FILE,
    FLAGS,
    MATCH,
    TOP,
    Key,
)  # fmt: skip

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TEXT: Mapping[str, Any] = {"type": "string", "minLength": 1}
TEXTS: Mapping[str, Any] = {"type": "array", "items": {"type": "string"}}
WHOLE: Mapping[str, Any] = {"type": "integer", "minimum": 0}
TRUTH: Mapping[str, Any] = {"type": "boolean"}

_TABLES: Mapping[str, Sequence[Key]] = {
    "file": FILE,
    "match": MATCH,
    "external": EXTERNAL,
    "create": CREATE,
    "consent": CONSENT,
    "column": COLUMN,
    "computed": COMPUTED,
    "field": FIELD_OF,
}


def mapping_schema() -> dict[str, Any]:
    """Return the JSON Schema of a file in mappings/fields."""
    schema = table_of({key.name: _of(key) for key in TOP}, needed=[key.name for key in TOP if key.is_needed])
    return {"$schema": DRAFT, "title": "syncd: a mapping of an export's columns", **schema}


def table_of(properties: Mapping[str, Any], *, needed: Sequence[str] = ()) -> dict[str, Any]:
    """Return the schema of a table with these keys and no others."""
    schema: dict[str, Any] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**schema, "required": list(needed)} if needed else schema


def tables_of(inner: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a table whose keys are names that the user gives."""
    return {"type": "object", "additionalProperties": dict(inner)}


def one_of(choices: Sequence[str]) -> dict[str, Any]:
    """Return the schema of one of some words."""
    return {"enum": list(choices)}


def _of(key: Key) -> dict[str, Any]:
    shape = _shape(key, key.shape)
    if key.also:
        shape = {"anyOf": [shape, _shape(key, key.also)]}
    return {"description": key.help, **shape}


def _shape(key: Key, shape: str) -> dict[str, Any]:
    if shape == "table":
        return _table(key)
    if shape == "tables":
        return tables_of(_table(key))
    if shape == "texts":
        return {"type": "array", "items": one_of(key.choices)} if key.choices else dict(TEXTS)
    if shape == "truth":
        return dict(TRUTH)
    if shape == "number":
        return {"type": "integer", "minimum": 1}
    return one_of(key.choices) if key.choices else dict(TEXT)


def _table(key: Key) -> dict[str, Any]:
    keys = _TABLES.get(key.name)
    if keys is None:  # a table by names that the user gives: patterns of file names, values of cells
        return tables_of(one_of(FLAGS) if key.name == "flag" else TEXT)
    return table_of({one.name: _of(one) for one in keys}, needed=[one.name for one in keys if one.is_needed])
