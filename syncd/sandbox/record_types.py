"""Which record types does an object have, and which picklist values belong to each?

RecordType rows come with a load folder or over the API. The setting `record_type_values` limits picklists, as
``{"Lead": {"Partner_Lead": {"Status": ["Inquiry", "Working"]}}}``; what it does not name has every value of the field. As in
Salesforce, a save over the API is not held to it: an unrestricted picklist takes any value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox.call import Answer, Call
from syncd.sandbox.errors import NotThere
from syncd.sandbox.ids import parse_id
from syncd.sandbox.schema import Field, SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

MASTER = "012000000000000AAA"
_PICKLISTS = ("picklist", "multipicklist")


def record_types(org: Org, sobject: SObject) -> list[dict[str, Any]]:
    """List the RecordType rows of an object."""
    return org.database.where("RecordType", SobjectType=sobject.name)


def infos(call: Call, sobject: SObject) -> list[dict[str, Any]]:
    """List the object's record types as describe has them, the master last. The first active one is the default."""
    rows = [(row["Id"], row["DeveloperName"], row["Name"], bool(row["IsActive"])) for row in record_types(call.org, sobject)]
    first = next((row[0] for row in rows if row[3]), MASTER)
    return [
        {
            "active": is_active,
            "available": is_active,
            "defaultRecordTypeMapping": type_id == first,
            "developerName": developer_name,
            "master": type_id == MASTER,
            "name": name,
            "recordTypeId": type_id,
            "urls": {"layout": f"{call.base}/sobjects/{sobject.name}/describe/layouts/{type_id}"},
        }
        for type_id, developer_name, name, is_active in (*rows, (MASTER, "Master", "Master", True))
    ]


def picklist_values(call: Call) -> Answer:
    """Answer ``/ui-api/object-info/{object}/picklist-values/{record type}``, with or without a field behind it.

    Errors: 404 for an object, record type or picklist that is not there.
    """
    if len(call.parts) not in (5, 6) or [call.parts[1].lower(), call.parts[3].lower()] != ["object-info", "picklist-values"]:
        raise NotThere()
    sobject = call.org.schema.find(call.parts[2])
    type_id = parse_id(call.parts[4])
    if sobject is None or call.org.settings.hides_object(sobject.name) or type_id is None:
        raise NotThere()
    limited = _limits(call.org, sobject, type_id)
    if len(call.parts) == 6:
        field = sobject.find(call.parts[5])
        if field is None or field.type not in _PICKLISTS or call.org.settings.hides(sobject.name, field.name):
            raise NotThere()
        return Answer(200, _one(call, sobject, field, limited))
    fields = [each for each in sobject.fields.values() if each.type in _PICKLISTS]
    shown = [each for each in fields if not call.org.settings.hides(sobject.name, each.name)]
    return Answer(200, {"eTag": "", "picklistFieldValues": {each.name: _one(call, sobject, each, limited) for each in shown}})


def _limits(org: Org, sobject: SObject, type_id: str) -> Mapping[str, list[str]]:
    if type_id == MASTER:
        return {}
    row = org.database.row("RecordType", type_id)
    if row is None or row["SobjectType"] != sobject.name:
        raise NotThere()
    return org.settings.record_type_values.get(sobject.name, {}).get(row["DeveloperName"], {})


def _one(call: Call, sobject: SObject, field: Field, limited: Mapping[str, list[str]]) -> dict[str, Any]:
    known = call.org.picklist(sobject, field)
    kept = [value for value in known if value in limited[field.name]] if field.name in limited else list(known)
    values: list[dict[str, Any]] = [
        {"attributes": _attributes(call.org, sobject, field, v), "label": v, "validFor": [], "value": v} for v in kept
    ]
    default = call.org.default_lead_status() if (sobject.name, field.name) == ("Lead", "Status") else field.default
    return {
        "controllerValues": {},
        "defaultValue": next((each for each in values if each["value"] == default), None),
        "eTag": "",
        "url": f"{call.base}/{'/'.join((*call.parts[:5], field.name))}",
        "values": values,
    }


def _attributes(org: Org, sobject: SObject, field: Field, value: str) -> dict[str, Any] | None:
    """Say what a value stands for; the first attribute is misspelt as Salesforce misspells it (User Interface API guide)."""
    if (sobject.name, field.name) == ("Lead", "Status"):
        rows = org.database.where("LeadStatus", ApiName=value)
        return {"picklistAtrributesValueType": "LeadStatus", "converted": bool(rows and rows[0]["IsConverted"])}
    if (sobject.name, field.name) == ("Opportunity", "StageName"):
        stage = org.stage(value) or {}
        facts = {"closed": bool(stage.get("IsClosed")), "won": bool(stage.get("IsWon"))}
        return {"picklistAtrributesValueType": "OpportunityStage", **facts}
    return None
