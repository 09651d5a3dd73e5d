"""May these values be written to these fields, and how are they stored?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox.clock import parse_date, parse_datetime, stamp
from syncd.sandbox.errors import SalesforceError, json_type_error
from syncd.sandbox.ids import parse_id
from syncd.sandbox.schema import Field, SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[A-Za-z0-9-]{2,}\Z")
_INT_MAX = 2_147_483_647
Values = dict[str, Any]


def check_values(org: Org, sobject: SObject, given: Mapping[str, Any], *, creating: bool, sees_all: bool = False) -> Values:
    """Turn a request body into stored values, field names in their true spelling.

    `sees_all`: the user is one whom field-level security does not restrict, as the people of this org are.

    Errors: SalesforceError with the first refusal, in the order Salesforce finds them: unknown field, JSON type,
    field that may not be written, value.
    """
    pairs = [(_known_field(org, sobject, name, sees_all), value) for name, value in given.items() if name != "attributes"]
    stored = {field.name: convert(field, value) for field, value in pairs}
    locked = tuple(
        field.name
        for field, _ in pairs
        if not (field.createable if creating else field.updateable)
        or (not sees_all and org.settings.locks(sobject.name, field.name))
    )
    if locked:
        message = (
            f"Unable to create/update fields: {', '.join(locked)}. Please check the security settings of this "
            "field and verify that it is read/write for your profile or permission set."
        )
        raise SalesforceError("INVALID_FIELD_FOR_INSERT_UPDATE", message, fields=locked)
    for field, _ in pairs:
        check_value(org, sobject, field, stored[field.name])
    return stored


def _known_field(org: Org, sobject: SObject, name: str, sees_all: bool) -> Field:
    field = sobject.find(name)
    if field is None or (not sees_all and org.settings.hides(sobject.name, name)):
        raise SalesforceError("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
    return field


def convert(field: Field, value: Any) -> Any:
    """Turn a JSON value into its stored form; empty text is null.

    Errors: JSON_PARSER_ERROR when the JSON type is wrong, MALFORMED_ID for text that is no id.
    """
    if value is None:
        return 0 if field.type == "boolean" else None
    converter: Callable[[Field, Any], Any] = _CONVERTERS.get(field.type, _text)
    return converter(field, value)


def _text(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise json_type_error("string", value)
    return value or None


def _boolean(field: Field, value: Any) -> int:
    if not isinstance(value, bool):
        raise json_type_error("boolean", value)
    return int(value)


def _integer(field: Field, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise json_type_error("int", value)
    if abs(value) > _INT_MAX:
        raise json_type_error("int", value)
    return int(value)


def _number(field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise json_type_error("double" if field.type == "double" else field.type, value)
    if field.precision and abs(value) >= 10 ** (field.precision - (0 if field.type == "percent" else field.scale)):
        message = f"{field.label}: value outside of valid range on numeric field: {value}"
        raise SalesforceError("NUMBER_OUTSIDE_VALID_RANGE", message, fields=(field.name,))
    return round(float(value), field.scale)


def _date(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise json_type_error("date", value)
    if not value:
        return None
    day = parse_date(value)
    if day is None:
        raise json_type_error("date", value)
    return day.isoformat()


def _datetime(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise json_type_error("dateTime", value)
    if not value:
        return None
    moment = parse_datetime(value)
    if moment is None:
        raise json_type_error("dateTime", value)
    return stamp(moment)


def _reference(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise json_type_error("id", value)
    if not value:
        return None
    full = parse_id(value)
    if full is None:
        message = f"{field.label}: id value of incorrect type: {value}"
        raise SalesforceError("MALFORMED_ID", message, fields=(field.name,))
    return full


_CONVERTERS: dict[str, Callable[[Field, Any], Any]] = {
    "boolean": _boolean,
    "int": _integer,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "date": _date,
    "datetime": _datetime,
    "reference": _reference,
    "id": _reference,
}


def check_value(org: Org, sobject: SObject, field: Field, value: Any) -> None:
    """Check one stored value against the field's own rules: length, email, restricted picklist, lookup.

    Errors: SalesforceError with the code Salesforce uses for that rule.
    """
    if value is None:
        _check_null(field)
        return
    if field.length and isinstance(value, str) and len(value) > field.length:
        message = f"{field.label}: data value too large: {value} (max length={field.length})"
        raise SalesforceError("STRING_TOO_LONG", message, fields=(field.name,))
    if field.type == "email" and not _EMAIL.match(value):
        message = f"{field.label}: invalid email address: {value}"
        raise SalesforceError("INVALID_EMAIL_ADDRESS", message, fields=(field.name,))
    if field.restricted and value not in org.picklist(sobject, field):
        message = f"{field.label}: bad value for restricted picklist field: {value}"
        raise SalesforceError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, fields=(field.name,))
    if field.type == "reference" and field.reference_to:
        _check_reference(org, sobject, field, value)


def _check_null(field: Field) -> None:
    if field.name == "OwnerId":
        raise SalesforceError("FIELD_INTEGRITY_EXCEPTION", "Owner ID: owner cannot be blank", fields=("OwnerId",))


def _check_reference(org: Org, sobject: SObject, field: Field, value: str) -> None:
    target = org.schema.by_prefix.get(value[:3])
    if target not in field.reference_to:
        message = f"{field.label}: id value of incorrect type: {value}"
        raise SalesforceError("MALFORMED_ID", message, fields=(field.name,))
    row = org.database.row(target, value)
    if row is None or row.get("IsDeleted"):
        raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=())
    if field.name == "OwnerId":
        _check_owner(org, sobject, target, row)


def _check_owner(org: Org, sobject: SObject, target: str, row: Mapping[str, Any]) -> None:
    if target == "User" and not row["IsActive"]:
        message = f"operation performed with inactive user [{row['Id'][:15]}] as owner of {sobject.label.lower()}"
        raise SalesforceError("INACTIVE_OWNER_OR_USER", message, fields=("OwnerId",))
    if target == "Group":
        owns = org.database.where("QueueSobject", QueueId=row["Id"], SobjectType=sobject.name)
        if row["Type"] != "Queue" or not owns:
            message = f"Queue not associated with this SObject type: {row['Id']}"
            raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", message, fields=("OwnerId",))


def check_required(org: Org, sobject: SObject, values: Mapping[str, Any], *, creating: bool) -> None:
    """Refuse a save that leaves a required field empty."""
    also = {
        name.lower()
        for listed, names in org.settings.required_fields.items()
        if listed.lower() == sobject.name.lower()
        for name in names
    }
    # A change concerns the fields it names; looking at all of them for each row is what made large updates slow.
    asked = sobject.fields.values() if creating else [sobject.fields[name.lower()] for name in values]
    missing = [
        field.name
        for field in asked
        if (field.required or field.name.lower() in also or _never_null(field))
        and (field.name in values or (creating and not _never_null(field)))
        and values.get(field.name) is None
    ]
    if missing:
        message = f"Required fields are missing: [{', '.join(missing)}]"
        raise SalesforceError("REQUIRED_FIELD_MISSING", message, fields=tuple(missing))


def _never_null(field: Field) -> bool:
    return field.type == "picklist" and field.defaulted and field.createable and not field.nillable
