"""What does the header of a load file mean, column by column?"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncd.sandbox.clock import parse_date, parse_datetime, stamp
from syncd.sandbox.database import quoted
from syncd.sandbox.errors import LoadRefused
from syncd.sandbox.formulas import FormulaRefused, add_formula
from syncd.sandbox.history import FALSE, TRUE
from syncd.sandbox.ids import parse_id
from syncd.sandbox.schema import Field, SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

_CUSTOM = re.compile(r"([A-Za-z]\w*__c)(?::(\w+))?\Z")
_LOOKUP = re.compile(r"([A-Za-z]\w*)__c:lookup\((\w+)\)\Z")
_FORMULA = re.compile(r"([A-Za-z]\w*__c):formula\((.*)\)\Z", re.DOTALL)
_CUSTOM_TYPES = {
    None: "string 255",
    "text": "string 255",
    "external": "string 255 unique external",
    "date": "date",
    "datetime": "datetime",
    "boolean": "boolean",
    "number": "double 18.2",
    "picklist": "picklist 255",
}
READ_CACHE = 8_192  # dates, numbers and owners come again and again
_TRUTH = {"true": 1, "false": 0, "1": 1, "0": 0}


class Column:
    """One column: its field, and how a non-empty cell is read."""

    def __init__(self, field: Field, read: Callable[[str], Any]) -> None:
        self.field = field
        self.read = read


class Later(Column):
    """A reference to a row of the same file, resolved once the file is in."""

    def __init__(self, field: Field, target: str, key: str) -> None:
        super().__init__(field, lambda cell: cell)
        self.target, self.key = target, key
        self.waiting: list[tuple[str, str]] = []

    def remember(self, row: dict[str, Any]) -> None:
        """Note which row waits for which key, and leave the reference empty for now."""
        cell = row[self.field.name]
        if cell:
            self.waiting.append((row["Id"], cell))
            row[self.field.name] = None


def columns(org: Org, sobject: SObject, header: Sequence[str], path: Path) -> list[Column]:
    """Read a header; unknown names ending in ``__c`` become custom fields.

    Several columns may set one reference, as ``Owner.Username`` and ``Owner.DeveloperName`` do; a row fills one of them.

    Errors: LoadRefused naming the column.
    """
    found = []
    for name in (cell.strip() for cell in header):
        current = org.schema.get(sobject.name)
        if "." in name:
            found.append(_reference(org, current, name, path))
            continue
        if match := _FORMULA.match(name):
            found.append(_formula(org, current, match, path))
            continue
        field = current.find(name.partition(":")[0]) or _custom(org, current, name, path)
        if not field.stored:
            raise LoadRefused(f"{path}:1: column {name!r} is worked out by the org. Remove the column.")
        found.append(Column(field, reader_of(field)))
    names = [cell.strip().partition(":")[0].lower() for cell in header]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        raise LoadRefused(f"{path}:1: two columns are called {doubled}. Keep one of them.")
    return found


def _formula(org: Org, sobject: SObject, match: re.Match[str], path: Path) -> Column:
    try:
        field = add_formula(org, sobject, match[1], match[2])
    except FormulaRefused as refusal:
        raise LoadRefused(f"{path}:1: {refusal}. A column to the right cannot be used yet.") from refusal

    def worked_out(cell: str) -> str:
        raise ValueError(f"{field.name} is a formula, the org works it out. Leave the cell {cell!r} empty.")

    return Column(field, worked_out)


def _custom(org: Org, sobject: SObject, name: str, path: Path) -> Field:
    lookup = _LOOKUP.match(name)
    if lookup is not None and org.schema.find(lookup[2]) is not None:
        target = org.schema.get(lookup[2]).name
        return org.add_custom_field(sobject, f"{lookup[1]}__c reference CUN -> {target}/{lookup[1]}__r")
    match = _CUSTOM.match(name)
    if match is None or match[2] not in _CUSTOM_TYPES:
        raise LoadRefused(
            f"{path}:1: {sobject.name} has no field {name!r}. Use an API field name, or end a custom field in "
            "__c, optionally with :external, :date, :datetime, :boolean, :number, :picklist, :lookup(Object) or :formula(...)."
        )
    return org.add_custom_field(sobject, f"{match[1]} {_CUSTOM_TYPES[match[2]]} CUN")


def reader_of(field: Field) -> Callable[[str], Any]:
    """Return the function that turns a non-empty cell into a stored value; it raises ValueError with a remedy."""
    reader = _READERS.get(field.type)
    if reader is not None:
        return lru_cache(READ_CACHE)(partial(reader, field))
    limit = field.length
    if not limit:
        return str

    def text(cell: str) -> str:
        if len(cell) > limit:
            raise ValueError(f"{field.name} has {len(cell)} characters, the field takes {limit}. Shorten it.")
        return cell

    return text


def _datetime(field: Field, cell: str) -> str:
    if cell[-1] == "Z" and cell[10:11] == "T" and (len(cell) == 20 or cell[19:] == ".000Z"):
        try:
            datetime.fromisoformat(cell)
        except ValueError:
            pass
        else:
            return cell[:19] + ".000+0000"
    moment = parse_datetime(cell)
    if moment is None:
        raise ValueError(f"{field.name} {cell!r} is not a datetime with an offset. Write 2026-01-02T03:04:05Z.")
    return stamp(moment)


def _date(field: Field, cell: str) -> str:
    day = parse_date(cell)
    if day is None:
        moment = parse_datetime(cell)
        if moment is None:
            raise ValueError(f"{field.name} {cell!r} is not a date. Write 2026-01-02.")
        day = moment.astimezone(UTC).date()
    return day.isoformat()


def _boolean(field: Field, cell: str) -> int:
    value = _TRUTH.get(cell.lower())
    if value is None:
        raise ValueError(f"{field.name} {cell!r} is not a boolean. Write true or false.")
    return value


def _number(field: Field, cell: str) -> float:
    try:
        return float(cell)
    except ValueError as problem:
        raise ValueError(f"{field.name} {cell!r} is not a number.") from problem


def _integer(field: Field, cell: str) -> int:
    number = _number(field, cell)
    if number != int(number):
        raise ValueError(f"{field.name} {cell!r} is not a whole number.")
    return int(number)


def _id(field: Field, cell: str) -> str:
    full = parse_id(cell)
    if full is None:
        raise ValueError(f"{field.name} {cell!r} is not a Salesforce id (15 or 18 characters, checked).")
    return full


def _any(field: Field, cell: str) -> str:
    return {"true": TRUE, "false": FALSE}.get(cell, cell)


_READERS: dict[str, Callable[[Field, str], Any]] = {
    "datetime": _datetime,
    "date": _date,
    "boolean": _boolean,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "int": _integer,
    "id": _id,
    "reference": _id,
    "anyType": _any,
}


def _reference(org: Org, sobject: SObject, name: str, path: Path) -> Column:
    relationship, _, key = name.partition(".")
    field = sobject.relationships.get(relationship.lower()) or sobject.relationships.get(relationship.lower().removesuffix("__r"))
    if field is None and sobject.has(relationship + "Id"):
        field = sobject.fields[relationship.lower() + "id"]
    if field is None or not field.reference_to:
        raise LoadRefused(f"{path}:1: {sobject.name} has no relationship {relationship!r} for column {name!r}.")
    targets = [each for each in map(org.schema.find, field.reference_to) if each is not None and each.has(key)]
    if not targets:
        raise LoadRefused(f"{path}:1: none of {', '.join(field.reference_to)} has a field {key!r} for column {name!r}.")
    if [each.name for each in targets] == [sobject.name]:
        return Later(field, sobject.name, key)
    known: dict[str, str] = {}
    for target in reversed(targets):
        known.update(_keys(org, target, key, owners=field.name == "OwnerId"))

    def look_up(cell: str) -> str:
        found = known.get(cell.lower())
        if found is None:
            raise ValueError(
                f"{name} {cell!r}: no {' or '.join(each.name for each in targets)} has that {key}. Add it to "
                f"{targets[0].name}.csv, or correct the cell."
            )
        return found

    return Column(field, look_up)


def _keys(org: Org, target: SObject, key: str, *, owners: bool = False) -> dict[str, str]:
    column = quoted(target.fields[key.lower()].name)
    only = "AND \"Type\" = 'Queue'" if owners and target.name == "Group" else ""
    rows = org.database.connection.execute(
        " ".join(
            ("SELECT", column, ', "Id" FROM', quoted(target.name), "WHERE", column, "IS NOT NULL", only, 'ORDER BY "Id" DESC')
        )
    )
    return {str(value).lower(): record_id for value, record_id in rows}


def resolve_later(org: Org, sobject: SObject, found: Sequence[Column], path: Path) -> None:
    """Fill in the references within one file.

    Errors: LoadRefused for a key that no row has.
    """
    for column in found:
        if isinstance(column, Later) and column.waiting:
            known = _keys(org, sobject, column.key)
            for record_id, key in column.waiting:
                if key.lower() not in known:
                    raise LoadRefused(
                        f"{path}: {column.field.relationship or column.field.name}.{column.key} {key!r}: no row "
                        f"of this file has that {column.key}."
                    )
                org.database.update(sobject.name, record_id, {column.field.name: known[key.lower()]})
