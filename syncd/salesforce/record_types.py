"""Which picklist values may a record of each type hold?

Describe lists the union over all record types; the User Interface API lists them type by type. `check` asks, a cycle never does.

Source: REST API Developer Guide, sObject Describe (recordTypeInfos); User Interface API Developer Guide, Get Values for All
Picklist Fields of a Record Type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.errors import OrgUnreachable
from syncd.ports import RecordType
from syncd.salesforce import soql
from syncd.salesforce.connection import Connection
from syncd.salesforce.rows import UNREADABLE


def record_types(connection: Connection, object: str) -> list[RecordType]:
    """Read the active record types of an object with their picklist values: one call, and one more for each type."""
    name = soql.name(object)
    described = connection.read(f"describe {object}", "GET", f"{connection.base}/sobjects/{name}/describe")
    try:
        infos = [info for info in described["recordTypeInfos"] if info["active"] and not info.get("master")]
        return [RecordType(object, info["developerName"], _values(connection, name, info["recordTypeId"])) for info in infos]
    except UNREADABLE as cause:
        raise OrgUnreachable(f"The org described the record types of {object} in a form that syncd can't read.") from cause


def _values(connection: Connection, object: str, type_id: str) -> Mapping[str, tuple[str, ...]]:
    path = f"{connection.base}/ui-api/object-info/{object}/picklist-values/{type_id}"
    answer: Any = connection.read(f"picklists of {object}", "GET", path)
    fields = answer["picklistFieldValues"]
    return {field: tuple(choice["value"] for choice in body["values"]) for field, body in fields.items()}
