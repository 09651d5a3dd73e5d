"""Which history rows does a save leave behind?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox.schema import Field, SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

_DATA_TYPES = {
    "picklist": "DynamicEnum",
    "boolean": "Boolean",
    "double": "Double",
    "currency": "Currency",
    "percent": "Percent",
    "date": "DateOnly",
    "datetime": "DateTime",
    "reference": "EntityId",
    "int": "Double",
}
TRUE, FALSE = "\x00true", "\x00false"  # anyType columns hold booleans as text no person can type
_SNAPSHOT_FIELDS = frozenset({"StageName", "Amount", "CloseDate", "Probability"})


def tracked_fields(org: Org, sobject: SObject) -> list[str]:
    """List the tracked fields of an object, as history rows name them."""
    for name, fields in org.settings.history_tracking.items():
        if name.lower() == sobject.name.lower():
            return [each.lower() for each in fields]
    return []


def record_event(org: Org, sobject: SObject, record_id: str, event: str, *, by: str, at: str) -> None:
    """Write a row that names an event, not a field: ``created``, ``leadConverted``."""
    if sobject.history and tracked_fields(org, sobject):
        _write(org, sobject, record_id, (event, "Text", None, None), by=by, at=at)


def record_changes(
    org: Org, sobject: SObject, before: Mapping[str, Any], changes: Mapping[str, Any], *, by: str, at: str
) -> None:
    """Write one row per tracked field that changed; an owner change writes two, ids and names."""
    if not sobject.history or not changes:
        return
    tracked = tracked_fields(org, sobject)
    for name, after in changes.items():
        field = sobject.find(name)
        if field is None or (field.tracked_as.lower() not in tracked and name.lower() not in tracked):
            continue
        for row in _rows_of(org, field, before.get(name), after):
            _write(org, sobject, before["Id"], row, by=by, at=at)


def _rows_of(org: Org, field: Field, old: Any, new: Any) -> list[tuple[str, str, Any, Any]]:
    name = field.tracked_as
    if field.type == "reference":
        names = (name, "Text", org.name_of(old), org.name_of(new))
        return [(name, "EntityId", old, new), names] if org.settings.owner_history_rows == 2 else [names]
    if field.type == "textarea" and field.length > 255:
        return [(name, "Text", None, None)]
    if field.type == "boolean":
        return [(name, "Boolean", TRUE if old else FALSE, TRUE if new else FALSE)]
    return [(name, _DATA_TYPES.get(field.type, "Text"), old, new)]


def _write(org: Org, sobject: SObject, record_id: str, row: tuple[str, str, Any, Any], *, by: str, at: str) -> None:
    assert sobject.history is not None
    name, data_type, old, new = row
    org.database.insert(
        sobject.history,
        {
            "Id": org.mint_id("017"),
            "IsDeleted": 0,
            ("ParentId" if sobject.name.endswith("__c") else sobject.name + "Id"): record_id,
            "CreatedById": by,
            "CreatedDate": at,
            "Field": name,
            "DataType": data_type,
            "OldValue": old,
            "NewValue": new,
        },
    )


def snapshot_opportunity(
    org: Org, before: Mapping[str, Any] | None, after: Mapping[str, Any], changes: Mapping[str, Any], *, by: str, at: str
) -> None:
    """Write an OpportunityHistory row when stage, amount, close date or probability changed, or the deal is new."""
    if before is not None and not _SNAPSHOT_FIELDS & changes.keys():
        return
    row_id = org.mint_id("008")
    org.database.insert(
        "OpportunityHistory",
        {
            "Id": row_id,
            "IsDeleted": 0,
            "OpportunityId": after["Id"],
            "CreatedById": by,
            "CreatedDate": at,
            "SystemModstamp": at,
            **{
                name: after.get(name)
                for name in ("StageName", "Amount", "ExpectedRevenue", "CloseDate", "Probability", "ForecastCategory")
            },
            "PrevAmount": before["Amount"] if before else None,
            "PrevCloseDate": before["CloseDate"] if before else None,
        },
    )
    pointers = {"LastAmountChangedHistoryId": "Amount", "LastCloseDateChangedHistoryId": "CloseDate"}
    if before is not None:
        org.database.update(
            "Opportunity", after["Id"], {pointer: row_id for pointer, name in pointers.items() if name in changes}
        )
