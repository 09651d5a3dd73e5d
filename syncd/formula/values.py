"""Which kinds of value does a formula know, and how does it refuse?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What a value of a formula is. `NULL` is the word NULL alone; it fits everywhere."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "date/time"
    TIME = "time"
    PICKLIST = "picklist"
    MULTIPICKLIST = "multi-select picklist"
    LOCATION = "location"
    NULL = "blank"


@dataclass(frozen=True, slots=True)
class FieldKind:
    """What a field holds. A percent field holds 50 for 50 %, and a formula counts with 0.5."""

    kind: Kind
    is_percent: bool = False


FieldKinds = Mapping[str, FieldKind]

_DESCRIBED = {
    "boolean": Kind.BOOLEAN,
    "date": Kind.DATE,
    "datetime": Kind.DATETIME,
    "time": Kind.TIME,
    "picklist": Kind.PICKLIST,
    "multipicklist": Kind.MULTIPICKLIST,
    "location": Kind.LOCATION,
    **dict.fromkeys(("double", "int", "long", "currency", "percent"), Kind.NUMBER),
}


def kind_of(described_type: str) -> FieldKind:
    """Return what a field of a described type holds; every other type is read as text.

    Source: Object Reference, Field Types.
    """
    return FieldKind(_DESCRIBED.get(described_type, Kind.TEXT), described_type == "percent")


class FormulaError(ValueError):
    """A formula that is well-formed has no value for this record, such as the root of a negative number."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a formula is looked at: `now` (aware, UTC) for NOW(), and the zone in which TODAY() is a day."""

    now: datetime
    zone: tzinfo = UTC


Value = Decimal | str | bool | object | None
