"""What do the admin's rules do to a save: forbid it, break it, rewrite it?

Settings, each a list:

    validation_rules   {"object": "Lead", "when": {"Status": "MQL", "Rating": null}, "message": "Rate it.", "field": "Rating"}
    failing_triggers   {"object": "Lead", "when": {...}, "message": "...", "kind": "trigger" | "flow"}
    workflow_rules     {"object": "Lead", "when": {"Status": "MQL"}, "set": {"Rating": "Hot"}, "as": "user" | "process"}

`when` names fields and the value each must have after the save (a list: any of them; null: empty). A workflow rule fires only
when a save brings that about, or, with `"changed": ["Status"]`, at each update that changes one of these fields. "process" is
Salesforce's user Automated Process, who moves SystemModstamp alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from syncd.sandbox import deeds, seeds
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.schema import SObject
from syncd.sandbox.validate import check_values

if TYPE_CHECKING:
    from syncd.sandbox.org import Org
    from syncd.sandbox.save import How

PROCESS_ALIAS = "autoproc"
Rule = Mapping[str, Any]


def refuse_by_rules(org: Org, sobject: SObject, after: Mapping[str, Any], *, creating: bool) -> None:
    """Let failing triggers and validation rules refuse a save.

    Errors: CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY, CANNOT_EXECUTE_FLOW_TRIGGER, FIELD_CUSTOM_VALIDATION_EXCEPTION.
    """
    for rule in _of(org.settings.failing_triggers, sobject):
        if holds(sobject, rule.get("when", {}), after):
            raise _broken(sobject, rule, after, creating=creating)
    for rule in _of(org.settings.validation_rules, sobject):
        if holds(sobject, rule["when"], after):
            field = sobject.find(str(rule.get("field") or ""))
            fields = (field.name,) if field else ()
            raise SalesforceError("FIELD_CUSTOM_VALIDATION_EXCEPTION", str(rule["message"]), fields=fields)


def _broken(sobject: SObject, rule: Rule, after: Mapping[str, Any], *, creating: bool) -> SalesforceError:
    cause = str(rule.get("message") or "System.NullPointerException: Attempt to de-reference a null object")
    if rule.get("kind") == "flow":
        message = f"We can't save this record because the “{sobject.label}” process failed. {cause}"
        return SalesforceError("CANNOT_EXECUTE_FLOW_TRIGGER", message, fields=())
    event = "BeforeInsert" if creating else "BeforeUpdate"
    message = (
        f"{sobject.name}Trigger: execution of {event}\n\ncaused by: {cause}\n\nTrigger.{sobject.name}Trigger: line 1, column 1"
    )
    return SalesforceError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, fields=())


def rewrites(
    org: Org, sobject: SObject, before: Mapping[str, Any] | None, after: Mapping[str, Any], how: How
) -> Iterator[tuple[dict[str, Any], How]]:
    """Give what each workflow rule that fires writes, and as whom. Rules do not set off rules."""
    if how.automated:
        return
    for rule in _of(org.settings.workflow_rules, sobject):
        if _fires(sobject, rule, before, after):
            values = check_values(org, sobject, rule["set"], creating=False, sees_all=True)
            user_id = process_user(org) if rule.get("as") == "process" else how.user_id
            as_process = rule.get("as") == "process"
            via = deeds.AUTOMATION
            yield values, replace(how, user_id=user_id, auto_assign=False, automated=True, as_process=as_process, via=via)


def _fires(sobject: SObject, rule: Rule, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    when = rule.get("when", {})
    if "changed" in rule:
        moved = before is not None and any(before.get(name) != after.get(name) for name in rule["changed"])
        return moved and holds(sobject, when, after)
    return holds(sobject, when, after) and not (before and holds(sobject, when, before))


def holds(sobject: SObject, condition: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Tell whether every named field of a stored row has its value."""
    for name, wanted in condition.items():
        field = sobject.find(name)
        value = row.get(field.name) if field else None
        if value not in (wanted if isinstance(wanted, list) else [wanted]):
            return False
    return True


def _of(rules: list[dict[str, Any]], sobject: SObject) -> Iterator[Rule]:
    return (rule for rule in rules if str(rule["object"]).lower() == sobject.name.lower())


def process_user(org: Org) -> str:
    """Return the id of the user Automated Process; an org that never needed it has none until now."""
    found = org.database.where("User", Alias=PROCESS_ALIAS)
    if found:
        return str(found[0]["Id"])
    profile = org.database.where("Profile", Name="System Administrator")[0]["Id"]
    username = f"autoproc@{org.org_id.lower()}"
    facts = seeds.user_values(username, "Automated", "Process", profile) | {
        "Alias": PROCESS_ALIAS,
        "UserType": "AutomatedProcess",
    }
    return seeds.add(org, "User", facts)
