"""How are up to 200 records written, or 2,000 read, in one call?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncd.sandbox import deletion, save
from syncd.sandbox.call import Answer, Call
from syncd.sandbox.errors import NotThere, SalesforceError, method_not_allowed
from syncd.sandbox.ids import parse_id
from syncd.sandbox.rows import read_rows, the_object
from syncd.sandbox.schema import SObject

ROWS_MAX, READ_MAX, GET_MAX, CHUNKS_MAX = 200, 2_000, 800, 10
_ROLLED_BACK = {
    "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "fields": [],
    "message": "Record rolled back because not all records were valid and the request was using AllOrNone header",
}
Outcome = dict[str, Any]


class _Undo(Exception):
    """Leaves the outer savepoint of an all-or-none call."""


def collections(call: Call) -> Answer:
    """Create, update or delete many records; each row's outcome in request order.

    These calls are never conditional, and their row errors say `statusCode` where plain REST says `errorCode`.
    """
    if call.method == "DELETE":
        ids = [text for text in call.params.get("ids", "").split(",") if text]
        _limit(len(ids), ROWS_MAX)
        all_or_none = call.params.get("allOrNone", "false").lower() == "true"
        return _told(each_record(call, ids, all_or_none, lambda text: _delete(call, text)))
    if call.method not in ("POST", "PATCH"):
        raise method_not_allowed(call.method, "DELETE,PATCH,POST")
    records, all_or_none = checked_records(call)
    one = _create if call.method == "POST" else update_record
    return _told(each_record(call, records, all_or_none, lambda record: one(call, record)))


def _told(outcomes: list[Outcome]) -> Answer:
    kept = [{"id": outcome.get("id"), "success": outcome["success"]} for outcome in outcomes]
    return Answer(200, outcomes, results=kept)


def checked_records(call: Call) -> tuple[list[dict[str, Any]], bool]:
    """Return the records of a writing call, and whether it is all or none.

    Errors: JSON_PARSER_ERROR, EXCEEDED_ID_LIMIT, LIMIT_EXCEEDED.
    """
    body = call.object_body()
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise SalesforceError("JSON_PARSER_ERROR", "records must be a list of objects at [line:1, column:2]")
    _limit(len(records), ROWS_MAX)
    _limit_chunks(records)
    return records, body.get("allOrNone") is True


def _limit(count: int, most: int) -> None:
    if count > most:
        raise SalesforceError("EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {most} records into this call")


def _limit_chunks(records: list[dict[str, Any]]) -> None:
    types = [_type_name(record).lower() for record in records]
    chunks = sum(here != before for before, here in zip(["", *types], types, strict=False))
    if chunks > CHUNKS_MAX:
        raise SalesforceError(
            "LIMIT_EXCEEDED",
            f"Cannot have more than {CHUNKS_MAX} chunks in a single operation. Please rearrange the data to reduce chunking.",
        )


def _type_name(record: Mapping[str, Any]) -> str:
    attributes = record.get("attributes")
    return str(attributes.get("type", "")) if isinstance(attributes, dict) else ""


def each_record(call: Call, items: list[Any], all_or_none: bool, one: Callable[[Any], Outcome]) -> list[Outcome]:
    """Write item by item; a refused one stands alone, or takes all the others with it."""
    outcomes: list[Outcome] = []
    try:
        with call.org.database.savepoint():
            outcomes.extend(_attempt(call, item, one) for item in items)
            if all_or_none and not all(outcome["success"] for outcome in outcomes):
                raise _Undo
    except _Undo:
        outcomes = [outcome if not outcome["success"] else {"success": False, "errors": [_ROLLED_BACK]} for outcome in outcomes]
    return outcomes


def _attempt(call: Call, item: Any, one: Callable[[Any], Outcome]) -> Outcome:
    try:
        with call.org.database.savepoint():
            return one(item)
    except SalesforceError as refusal:
        given = _id_of(item)
        return ({"id": given} if given else {}) | {"success": False, "errors": [refusal.dml()]}


def _id_of(item: Any) -> str | None:
    text = item if isinstance(item, str) else next((item[key] for key in item if key.lower() == "id"), None)
    return parse_id(text) if isinstance(text, str) else None


def object_of(call: Call, record: Mapping[str, Any]) -> SObject:
    """Find the object that a record names in its attributes.

    Errors: INVALID_TYPE.
    """
    name = _type_name(record)
    sobject = call.org.schema.find(name)
    if sobject is None or call.org.settings.hides_object(sobject.name):
        raise SalesforceError("INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return sobject


def _create(call: Call, record: dict[str, Any]) -> Outcome:
    record_id = save.create(call.org, object_of(call, record), record, call.how)
    return {"id": record_id, "success": True, "errors": []}


def update_record(call: Call, record: dict[str, Any]) -> Outcome:
    """Change one record by its id.

    Errors: SalesforceError, as a row's outcome names it.
    """
    sobject = object_of(call, record)
    record_id = _id_of(record)
    if record_id is None:
        raise SalesforceError("MISSING_ARGUMENT", "Id not specified in an update call", fields=("Id",))
    _check_prefix(sobject, record_id)
    fields = {name: value for name, value in record.items() if name.lower() != "id"}
    try:
        save.update(call.org, sobject, record_id, fields, call.how)
    except NotThere as missing:
        raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id") from missing
    return {"id": record_id, "success": True, "errors": []}


def _check_prefix(sobject: SObject, record_id: str) -> None:
    if sobject.key_prefix and not record_id.startswith(sobject.key_prefix):
        raise SalesforceError("MALFORMED_ID", f"{sobject.label} ID: id value of incorrect type: {record_id}", fields=("Id",))


def _delete(call: Call, text: str) -> Outcome:
    record_id = parse_id(text)
    name = call.org.schema.by_prefix.get(record_id[:3]) if record_id else None
    if record_id is None or name is None:
        raise SalesforceError("MALFORMED_ID", f"malformed id {text}", fields=("Id",))
    try:
        deletion.delete(call.org, call.org.schema.get(name), record_id, call.how)
    except NotThere as missing:
        raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id") from missing
    return {"id": record_id, "success": True, "errors": []}


def read_collection(call: Call, name: str) -> Answer:
    """Read many records of one object by id, in the order asked; null where there is none the user may see."""
    sobject = the_object(call, name)
    if call.method == "POST":
        body = call.object_body()
        ids, fields = body.get("ids"), body.get("fields")
        most = READ_MAX
    elif call.method == "GET":
        ids, fields = (call.params.get(key, "").split(",") for key in ("ids", "fields"))
        most = GET_MAX
    else:
        raise method_not_allowed(call.method, "GET,POST")
    if (
        not isinstance(ids, list)
        or not isinstance(fields, list)
        or not fields
        or not all(isinstance(each, str) for each in (*ids, *fields))
    ):
        raise SalesforceError("JSON_PARSER_ERROR", "ids and fields must be lists of text at [line:1, column:2]")
    _limit(len(ids), most)
    known = [parse_id(text) for text in ids]
    if None in known:
        raise SalesforceError("MALFORMED_ID", f"malformed id {ids[known.index(None)]}", fields=("Id",))
    return Answer(200, read_rows(call, sobject, [each for each in known if each], fields) if ids else [])
