"""How does the org describe its objects and fields?"""

from __future__ import annotations

from typing import Any

from syncd.sandbox.call import Answer, Call, precondition
from syncd.sandbox.clock import http_date, stamp
from syncd.sandbox.record_types import infos
from syncd.sandbox.schema import Field, SObject

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
    "anyType": "xsd:anyType",
}


def describe_global(call: Call) -> Answer:
    """List every object with its flags."""
    listing = [_flags(call, each) for each in call.org.schema.objects.values() if not call.org.settings.hides_object(each.name)]
    return _dated(call, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listing})


def describe_object(call: Call, sobject: SObject) -> Answer:
    """Describe one object; fields the user may not see are missing from it."""
    children: list[dict[str, Any]] = [
        {
            "childSObject": child.name,
            "field": pointer.name,
            "relationshipName": pointer.child_relationship,
            "cascadeDelete": pointer.required,
            "restrictedDelete": False,
            "deprecatedAndHidden": False,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
        }
        for child, pointer in call.org.schema.children_of(sobject.name)
    ]
    fields = [
        _field(call, sobject, each) for each in sobject.fields.values() if not call.org.settings.hides(sobject.name, each.name)
    ]
    return _dated(
        call,
        _flags(call, sobject)
        | {
            "actionOverrides": [],
            "childRelationships": children,
            "fields": fields,
            "namedLayoutInfos": [],
            "recordTypeInfos": infos(call, sobject),
            "supportedScopes": [{"label": f"All {sobject.plural.lower()}", "name": "everything"}],
        },
    )


def basic_information(call: Call, sobject: SObject) -> Answer:
    """Answer ``GET /sobjects/X``: the flags alone."""
    return Answer(200, {"objectDescribe": _flags(call, sobject), "recentItems": []})


def _dated(call: Call, body: dict[str, Any]) -> Answer:
    changed = stamp(call.org.schema_changed_at)
    headers = {
        "Last-Modified": http_date(call.org.schema_changed_at),
        "ETag": f'"{int(call.org.schema_changed_at.timestamp()):x}"',
    }
    early = precondition(call, changed)
    if early is not None:
        early.headers.update(headers)
        return early
    return Answer(200, body, headers)


def _flags(call: Call, sobject: SObject) -> dict[str, Any]:
    url = f"{call.base}/sobjects/{sobject.name}"
    read_only = not sobject.can("create")
    return {
        "activateable": False,
        "createable": sobject.can("create"),
        "custom": sobject.name.endswith("__c"),
        "customSetting": False,
        "deepCloneable": False,
        "deletable": sobject.can("delete"),
        "deprecatedAndHidden": False,
        "feedEnabled": False,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": sobject.key_prefix,
        "label": sobject.label,
        "labelPlural": sobject.plural,
        "layoutable": not read_only,
        "mergeable": sobject.can("merge"),
        "mruEnabled": sobject.can("search"),
        "name": sobject.name,
        "queryable": True,
        "replicateable": sobject.can("replicate"),
        "retrieveable": True,
        "searchable": sobject.can("search"),
        "triggerable": not read_only,
        "undeletable": sobject.can("undelete"),
        "updateable": sobject.can("update"),
        "urls": {"sobject": url, "describe": url + "/describe", "rowTemplate": url + "/{ID}"},
    }


def _field(call: Call, sobject: SObject, field: Field) -> dict[str, Any]:
    locked = call.org.settings.locks(sobject.name, field.name)
    text = field.column_type.startswith("TEXT") and field.type not in ("date", "datetime", "address")
    default = call.org.default_lead_status() if (sobject.name, field.name) == ("Lead", "Status") else field.default
    return {
        "aggregatable": field.filterable,
        "aiPredictionField": False,
        "autoNumber": False,
        "byteLength": field.length * (1 if field.type in ("id", "reference") else 3) if text else 0,
        "calculated": field.formula is not None,
        "calculatedFormula": field.formula,
        "cascadeDelete": False,
        "caseSensitive": False,
        "compoundFieldName": field.compound,
        "controllerName": None,
        "createable": field.createable and not locked and sobject.can("create"),
        "custom": field.custom,
        "defaultValue": _default(field, default),
        "defaultValueFormula": None,
        "defaultedOnCreate": field.defaulted,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": 9 if field.type == "int" else 0,
        "encrypted": False,
        "externalId": field.external_id,
        "filterable": field.filterable and field.type != "address",
        "groupable": field.groupable and field.filterable,
        "htmlFormatted": False,
        "idLookup": field.id_lookup,
        "inlineHelpText": None,
        "label": field.label,
        "length": field.length,
        "name": field.name,
        "nameField": field.name == "Name",
        "namePointing": len(field.reference_to) > 1,
        "nillable": field.nillable,
        "permissionable": not field.required,
        "picklistValues": _picklist(call, sobject, field, default),
        "polymorphicForeignKey": len(field.reference_to) > 1,
        "precision": field.precision,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "soapType": _SOAP.get(field.type, "xsd:string"),
        "sortable": field.sortable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable and not locked and sobject.can("update"),
        "writeRequiresMasterRead": False,
    }


def _default(field: Field, default: str | None) -> Any:
    if field.type == "boolean":
        return default == "true"
    return default


def _picklist(call: Call, sobject: SObject, field: Field, default: str | None) -> list[dict[str, Any]]:
    if field.type not in ("picklist", "combobox", "multipicklist"):
        return []
    return [
        {"active": True, "defaultValue": value == default, "label": value, "validFor": None, "value": value}
        for value in call.org.picklist(sobject, field)
    ]
