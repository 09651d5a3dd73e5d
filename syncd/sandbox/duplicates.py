"""Does the org think that this record is there already?

Setting `duplicate_rules`, a list:

    {"object": "Lead", "name": "Our_Rule", "match": ["Email"], "against": ["Lead", "Contact"], "action": "alert"}

Records match when every field in `match` has the same value, case aside; an empty one matches nothing. `action` is "alert",
which a caller may overrule, or "block", which nobody may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.schema import SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org
    from syncd.sandbox.save import How

IGNORE, ALERT, ALLOW = "ignore", "alert", "allow"
MESSAGE = "Use one of these records?"
_DETAILS = ("Name", "Email", "Company", "Phone")


class DuplicatesDetected(SalesforceError):
    """A duplicate rule speaks up; both shapes of the refusal carry what it found."""

    def __init__(self, found: dict[str, Any]) -> None:
        super().__init__("DUPLICATES_DETECTED", MESSAGE)
        self.found = found

    def rest(self) -> dict[str, Any]:
        """Shape it as plain REST does."""
        return super().rest() | {"duplicateResult": self.found}

    def dml(self) -> dict[str, Any]:
        """Shape it as sObject Collections do."""
        return super().dml() | {"duplicateResult": self.found}


def read_header(text: str | None) -> tuple[str, bool]:
    """Read ``Sforce-Duplicate-Rule-Header``: what to do about alerts, and whether to show the records found.

    Errors: INVALID_INPUT for a part that is not known.
    """
    if not text:
        return ALERT, False
    facts = {"allowsave": False, "includerecorddetails": False, "runascurrentuser": False}
    for part in text.replace(";", ",").split(","):
        name, _, value = (each.strip().lower() for each in part.partition("="))
        if name and (name not in facts or value not in ("true", "false")):
            message = (
                f"Sforce-Duplicate-Rule-Header takes allowSave, includeRecordDetails, runAsCurrentUser, not {part.strip()!r}"
            )
            raise SalesforceError("INVALID_INPUT", message)
        if name:
            facts[name] = value == "true"
    return ALLOW if facts["allowsave"] else ALERT, facts["includerecorddetails"]


def check_duplicates(org: Org, sobject: SObject, after: Mapping[str, Any], changed: Mapping[str, Any], how: How) -> None:
    """Refuse a save that makes a duplicate, unless its rule only alerts and the caller allows it.

    Errors: DUPLICATES_DETECTED.
    """
    if how.duplicates == IGNORE:
        return
    for rule in org.settings.duplicate_rules:
        blocks = rule.get("action") == "block"
        if str(rule["object"]).lower() != sobject.name.lower() or (how.duplicates == ALLOW and not blocks):
            continue
        fields = [each.name for each in map(sobject.find, rule["match"]) if each is not None]
        if not any(name in changed for name in fields) or any(after.get(name) is None for name in fields):
            continue
        results = [_matches(org, sobject, after, (target, fields), how) for target in rule.get("against") or [sobject.name]]
        if any(result["size"] for result in results):
            name = rule.get("name") or f"Standard_{sobject.name}_Duplicate_Rule"
            raise DuplicatesDetected(
                {
                    "allowSave": not blocks,
                    "duplicateRule": name,
                    "duplicateRuleEntityType": sobject.name,
                    "errorMessage": MESSAGE,
                    "matchResults": [result for result in results if result["size"]],
                }
            )


def _matches(org: Org, sobject: SObject, after: Mapping[str, Any], where: tuple[str, list[str]], how: How) -> dict[str, Any]:
    target, fields = org.schema.get(where[0]), where[1]
    equal = {name: after[name] for name in fields if target.has(name)}
    found = org.database.where(target.name, **equal, IsDeleted=0) if len(equal) == len(fields) else []
    records = [row for row in found if row["Id"] != after.get("Id") and not row.get("IsConverted")]
    return {
        "entityType": target.name,
        "errors": [],
        "matchEngine": "ExactMatchEngine",
        "matchRecords": [_match(org, target, row, details=how.duplicate_details) for row in records],
        "rule": f"Standard_{target.name}_Match_Rule",
        "size": len(records),
        "success": True,
    }


def _match(org: Org, target: SObject, row: Mapping[str, Any], *, details: bool) -> dict[str, Any]:
    names = [name for name in _DETAILS if target.has(name) and not org.settings.hides(target.name, name)] if details else []
    url = f"/services/data/v62.0/sobjects/{target.name}/{row['Id']}"
    record = {"attributes": {"type": target.name, "url": url}, "Id": row["Id"], **{name: row[name] for name in names}}
    return {"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": record}
