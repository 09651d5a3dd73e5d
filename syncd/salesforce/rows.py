"""How does a row on the wire become a value of syncd?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from syncd.core.values import OrgRecord, Scalar
from syncd.ports import FieldSchema, ObjectSchema

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
"""What reading an answer raises when its shape is not the documented one."""


def moment(text: str) -> datetime:
    """Read a datetime as REST writes it (2026-01-02T03:04:05.000+0000) into an aware UTC datetime."""
    return datetime.fromisoformat(text).astimezone(UTC)


def record(object: str, row: Mapping[str, Any], fields: Sequence[str], stamp_field: str) -> OrgRecord:
    """Read one row of an answer.

    Shapes: exactly `fields` are kept; names are matched without regard to case and come back as they were asked for.
    `attributes` is dropped at every depth.
    Errors: one of `UNREADABLE` when Id or the stamp is missing: such an answer is not Salesforce's.
    """
    values = _plain(row, fields)
    if values is not None and stamp_field in row:
        return OrgRecord(object, str(row["Id"]), moment(str(row[stamp_field])), values, row.get("IsDeleted") is True)
    flat = {path.lower(): value for path, value in _flat(row)}
    values = {field: flat.get(field.lower()) for field in fields}
    return OrgRecord(
        object=object,
        id=str(flat["id"]),
        modified_at=moment(str(flat[stamp_field.lower()])),
        fields=values,
        is_deleted=flat.get("isdeleted") is True,
    )


def _plain(row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Scalar] | None:
    """Return the fields of a row in which each has the name that it was asked for, as they do unless a path was asked for."""
    try:
        values: dict[str, Scalar] = {field: row[field] for field in fields}
    except KeyError:
        return None
    return None if dict in map(type, values.values()) else values


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Scalar]]:
    for key, value in row.items():
        if key == "attributes":
            continue
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def object_schema(body: Mapping[str, Any]) -> ObjectSchema:
    """Read the answer to a describe."""
    fields = {item["name"]: _field_schema(item) for item in body["fields"]}
    return ObjectSchema(
        name=body["name"],
        fields=fields,
        is_updateable=bool(body.get("updateable")),
        is_createable=bool(body.get("createable")),
    )


def _field_schema(item: Mapping[str, Any]) -> FieldSchema:
    return FieldSchema(
        name=item["name"],
        type=item["type"],
        length=int(item.get("length") or 0),
        is_updateable=bool(item.get("updateable")),
        is_createable=bool(item.get("createable")),
        is_external_id=bool(item.get("externalId")),
        picklist=tuple(choice["value"] for choice in item.get("picklistValues") or () if choice.get("active", True)),
        inactive=tuple(choice["value"] for choice in item.get("picklistValues") or () if not choice.get("active", True)),
        is_nillable=bool(item.get("nillable", True)),
        references=tuple(item.get("referenceTo") or ()),
        precision=int(item.get("precision") or 0),
        scale=int(item.get("scale") or 0),
        is_calculated=bool(item.get("calculated")),
        label=str(item.get("label") or ""),
    )
