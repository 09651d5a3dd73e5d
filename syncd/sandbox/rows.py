"""How are single records read and written over REST?"""

from __future__ import annotations

from typing import Any

from syncd.sandbox import deletion, save
from syncd.sandbox.call import Answer, Call, precondition
from syncd.sandbox.errors import NotThere, SalesforceError, method_not_allowed
from syncd.sandbox.etags import etag_of, tag_refusal
from syncd.sandbox.ids import parse_id
from syncd.sandbox.schema import Field, SObject
from syncd.sandbox.soql.compile import Compiler
from syncd.sandbox.soql.parse import parse
from syncd.sandbox.soql.render import Renderer

UPSERT_TELLS_FROM = 46.0  # the first version whose upsert answers an update with a body


def the_object(call: Call, name: str) -> SObject:
    """Find the object a URL names.

    Errors: 404 NOT_FOUND.
    """
    sobject = call.org.schema.find(name)
    if sobject is None or call.org.settings.hides_object(sobject.name):
        raise NotThere()
    return sobject


def create_row(call: Call, sobject: SObject) -> Answer:
    """Create a record: 201 with its id and place."""
    record_id = save.create(call.org, sobject, call.object_body(), call.how)
    return Answer(
        201, {"id": record_id, "success": True, "errors": []}, {"Location": f"{call.base}/sobjects/{sobject.name}/{record_id}"}
    )


def row_by_id(call: Call, sobject: SObject, text: str) -> Answer:
    """Read, change or delete the record with this id."""
    if call.method not in ("GET", "HEAD", "PATCH", "DELETE"):
        raise method_not_allowed(call.method, "DELETE,GET,HEAD,PATCH")
    record_id = parse_id(text)
    if record_id is None:
        raise SalesforceError("MALFORMED_ID", f"{sobject.label} ID: id value of incorrect type: {text}", fields=("Id",))
    if (sobject.key_prefix and not record_id.startswith(sobject.key_prefix)) or record_id in call.org.settings.unshared:
        raise NotThere()
    if call.method == "DELETE":
        deletion.delete(call.org, sobject, record_id, call.how)
        return Answer(204)
    row = save.live_row(call.org, sobject, record_id)
    changed = row.get(call.org.settings.conditional_stamp) or row.get("SystemModstamp") or row.get("CreatedDate")
    refused = precondition(call, changed) if changed else None
    tag = etag_of(sobject, row)
    if refused is None and tag is not None:
        refused = tag_refusal(call, tag)
    if refused is not None:
        return refused
    if call.method == "PATCH":
        save.update(call.org, sobject, record_id, call.object_body(), call.how)
        return Answer(204)
    return Answer(200, read_row(call, sobject, record_id, call.params.get("fields")), {"ETag": tag} if tag else {})


def read_row(call: Call, sobject: SObject, record_id: str, fields: str | None) -> dict[str, Any]:
    """Read one record: the named fields, or all the user may see.

    Errors: 400 INVALID_FIELD for a named field that is unknown or hidden.
    """
    names = [name.strip() for name in fields.split(",") if name.strip()] if fields else visible_fields(call, sobject)
    return read_rows(call, sobject, [record_id], names)[0] or {}


def visible_fields(call: Call, sobject: SObject) -> list[str]:
    """List the fields that field-level security shows."""
    return [field.name for field in sobject.fields.values() if not call.org.settings.hides(sobject.name, field.name)]


def read_rows(call: Call, sobject: SObject, ids: list[str], names: list[str]) -> list[dict[str, Any] | None]:
    """Read records by id, in the order asked; None where there is none."""
    org = call.org
    for name in names:
        if "." not in name and (not sobject.has(name) or org.settings.hides(sobject.name, name)):
            raise SalesforceError("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
    unique = list(dict.fromkeys(name.lower() for name in names))
    compiler = Compiler(org.schema, org.settings, org.clock.now().date(), all_rows=False)
    marks = ",".join(f"'{each}'" for each in dict.fromkeys(ids))
    compiled = compiler.compile(parse(f"SELECT {','.join(unique)} FROM {sobject.name} WHERE Id IN ({marks})"))  # noqa: S608
    statement = " ".join(("SELECT", ", ".join(compiled.columns), compiled.tail))
    renderer = Renderer(call.base, org.schema.by_prefix)
    node = compiled.shape
    found = {
        row[node.id_index]: renderer.record(node, row) for row in org.database.connection.execute(statement, compiled.parameters)
    }
    return [found.get(record_id) for record_id in ids]


def row_by_external_id(call: Call, sobject: SObject, name: str, value: str) -> Answer:
    """Read, upsert or delete the record an external id names. Several matches: 300 and their URLs, nothing written."""
    field = sobject.find(name)
    if field is None or not (field.external_id or field.id_lookup) or call.org.settings.hides(sobject.name, name):
        raise NotThere(f"Provided external ID field does not exist or is not accessible: {name}")
    found = [row["Id"] for row in call.org.database.where(sobject.name, **{field.name: value}) if not row.get("IsDeleted")]
    if len(found) > 1:
        return Answer(300, [f"{call.base}/sobjects/{sobject.name}/{each}" for each in found])
    if call.method == "PATCH":
        return _upsert(call, sobject, field, value, found)
    if not found:
        raise NotThere()
    return row_by_id(call, sobject, found[0])


def _upsert(call: Call, sobject: SObject, field: Field, value: str, found: list[str]) -> Answer:
    body = call.object_body()
    if any(name.lower() == field.name.lower() for name in body):
        raise SalesforceError("INVALID_FIELD", f"The {field.name} field should not be specified in the sobject data.")
    if not found:
        if call.params.get("updateOnly", "").lower() == "true":
            raise NotThere()
        record_id = save.create(call.org, sobject, {**body, field.name: value}, call.how)
        return Answer(
            201,
            {"id": record_id, "success": True, "errors": [], "created": True},
            {"Location": f"{call.base}/sobjects/{sobject.name}/{record_id}"},
        )
    answer = row_by_id(call, sobject, found[0])
    if answer.status != 204:
        return answer
    if float(call.version) < UPSERT_TELLS_FROM:
        return answer
    return Answer(200, {"id": found[0], "success": True, "errors": [], "created": False})
