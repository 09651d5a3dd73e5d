"""What does the header of a bulk load mean, and how is each cell read?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syncd.sandbox.clock import parse_date, parse_datetime, stamp
from syncd.sandbox.database import quoted
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.schema import Field, SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

NULL = "#N/A"
# The guide's own list of words for a boolean in CSV.
_TRUTH = dict.fromkeys(("yes", "y", "true", "on", "1"), True) | dict.fromkeys(("no", "n", "false", "off", "0"), False)
Cell = Callable[[str], Any]


class FileRefused(Exception):
    """The file as a whole cannot be taken; the message becomes the job's `errorMessage`."""


@dataclass(frozen=True, slots=True)
class IngestColumn:
    """One column: the field it sets, and how a cell that is neither empty nor ``#N/A`` is read."""

    field: str
    read: Cell


def read_header(org: Org, sobject: SObject, names: Sequence[str]) -> list[IngestColumn]:
    """Read the header of a load.

    Errors: FileRefused naming the column nobody knows.
    """
    doubled = next((name for name in names if [each.lower() for each in names].count(name.lower()) > 1), None)
    if doubled is not None:
        raise FileRefused(f"InvalidBatch : Duplicate field name in header: {doubled}")
    return [_column(org, sobject, name) for name in names]


def _column(org: Org, sobject: SObject, name: str) -> IngestColumn:
    if "." in name:
        return _relation(org, sobject, name)
    field = sobject.find(name)
    if field is None or org.settings.hides(sobject.name, name):
        raise FileRefused(f"InvalidBatch : Field name not found : {name}")
    reader = _READERS.get(field.type)
    return IngestColumn(field.name, str if reader is None else lambda cell: reader(field, cell))


def _relation(org: Org, sobject: SObject, name: str) -> IngestColumn:
    """Read ``Owner.Username``, ``Parent__r.Ext__c``, or ``User:Owner.Username`` for a lookup to several objects."""
    kind, _, path = name.rpartition(":")
    relationship, _, key = path.partition(".")
    pointer = sobject.relationships.get(relationship.lower())
    names = [each for each in pointer.reference_to if not kind or each.lower() == kind.lower()] if pointer else []
    targets = [each for each in map(org.schema.find, names) if each is not None and _is_key(org, each, key)]
    if pointer is None or not targets or org.settings.hides(sobject.name, pointer.name):
        raise FileRefused(f"InvalidBatch : Field name not found : {name}")
    found = pointer

    def look_up(cell: str) -> str:
        for target in targets:
            ids = matching_ids(org, target, key, cell)
            if len(ids) > 1:
                message = f"more than one record found for external id field: [{', '.join(ids)}]"
                raise SalesforceError("DUPLICATE_EXTERNAL_ID", message, fields=())
            if ids:
                return ids[0]
        message = f"Foreign key external ID: {cell.lower()} not found for field {key} in entity {targets[0].name}"
        raise SalesforceError("INVALID_FIELD", message, fields=())

    return IngestColumn(found.name, look_up)


def _is_key(org: Org, target: SObject, key: str) -> bool:
    field = target.find(key)
    return field is not None and (field.external_id or field.id_lookup) and not org.settings.hides(target.name, key)


def matching_ids(org: Org, target: SObject, key: str, value: Any) -> list[str]:
    """List the live records whose field has this value."""
    column = quoted(target.fields[key.lower()].name)
    alive = 'AND "IsDeleted" = 0' if target.has("IsDeleted") else ""
    statement = " ".join(('SELECT "Id" FROM', quoted(target.name), "WHERE", column, "= ?", alive, "ORDER BY 1 LIMIT 2"))
    return [record_id for (record_id,) in org.database.connection.execute(statement, (value,))]


def _refused(field: Field, cell: str) -> SalesforceError:
    message = f"{field.label}: value not of required type: {cell}"
    return SalesforceError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, fields=(field.name,))


def _boolean(field: Field, cell: str) -> bool:
    value = _TRUTH.get(cell.lower())
    if value is None:
        raise _refused(field, cell)
    return value


def _number(field: Field, cell: str) -> float:
    try:
        number = float(cell)
    except ValueError as problem:
        raise _refused(field, cell) from problem
    if number != number or number in (float("inf"), float("-inf")):
        raise _refused(field, cell)
    return number


def _integer(field: Field, cell: str) -> int:
    number = _number(field, cell)
    if number != int(number):
        raise _refused(field, cell)
    return int(number)


def _date(field: Field, cell: str) -> str:
    day = parse_date(cell[:10])
    if day is None or (len(cell) > 10 and cell[10:] != "Z" and parse_datetime(cell) is None):
        raise _refused(field, cell)
    return day.isoformat()


def _datetime(field: Field, cell: str) -> str:
    moment = parse_datetime(cell)
    if moment is None:
        raise _refused(field, cell)
    return stamp(moment)


_READERS: dict[str, Callable[[Field, str], Any]] = {
    "boolean": _boolean,
    "int": _integer,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "date": _date,
    "datetime": _datetime,
}
