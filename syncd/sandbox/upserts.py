"""How are up to 200 records created or changed by an external id, in one call?"""

from __future__ import annotations

from typing import Any

from syncd.sandbox import save
from syncd.sandbox.call import Answer, Call
from syncd.sandbox.collections import Outcome, checked_records, each_record, object_of, update_record
from syncd.sandbox.errors import NotThere, SalesforceError
from syncd.sandbox.rows import the_object
from syncd.sandbox.schema import Field, SObject


def upsert_collection(call: Call, type_name: str, field_name: str) -> Answer:
    """Answer ``PATCH /composite/sobjects/Lead/Ext__c``: each row's outcome in request order, with `created`.

    Errors: 404 for an unknown object or a field that is no external id; JSON_PARSER_ERROR, EXCEEDED_ID_LIMIT.
    """
    sobject = the_object(call, type_name)
    field = sobject.find(field_name)
    if field is None or not (field.external_id or field.name == "Id") or call.org.settings.hides(sobject.name, field_name):
        raise NotThere(f"Provided external ID field does not exist or is not accessible: {field_name}")
    records, all_or_none = checked_records(call)
    seen: set[str] = set()
    return Answer(200, each_record(call, records, all_or_none, lambda record: _upsert(call, sobject, field, record, seen)))


def _upsert(call: Call, sobject: SObject, field: Field, record: dict[str, Any], seen: set[str]) -> Outcome:
    if object_of(call, record).name != sobject.name:
        raise SalesforceError("INVALID_TYPE", f"The record is not of type {sobject.name}")
    value = next((value for name, value in record.items() if name.lower() == field.name.lower()), None)
    if field.name == "Id" and value:
        return update_record(call, record) | {"created": False}
    if any(name.lower() == "id" for name in record) and field.name != "Id":
        raise SalesforceError("INVALID_FIELD", save.ID_IN_BODY)
    if field.name == "Id":
        return _created(call, sobject, {name: each for name, each in record.items() if name.lower() != "id"})
    if value is None or value == "":
        raise SalesforceError("MISSING_ARGUMENT", f"{field.name} not specified", fields=(field.name,))
    key = str(value).lower()
    if key in seen:
        raise SalesforceError("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", fields=(field.name,))
    seen.add(key)
    found = [row["Id"] for row in call.org.database.where(sobject.name, **{field.name: value}) if not row.get("IsDeleted")]
    if len(found) > 1:
        message = f"{field.name}: more than one record found for external id field: [{', '.join(found)}]"
        raise SalesforceError("DUPLICATE_EXTERNAL_ID", message, fields=(field.name,))
    if not found:
        return _created(call, sobject, record)
    rest = {name: each for name, each in record.items() if name.lower() != field.name.lower()}
    return update_record(call, {**rest, "id": found[0]}) | {"created": False}


def _created(call: Call, sobject: SObject, record: dict[str, Any]) -> Outcome:
    return {"id": save.create(call.org, sobject, record, call.how), "success": True, "errors": [], "created": True}
