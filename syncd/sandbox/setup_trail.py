"""What does the setup's own log tell: who logged in as whom, which automation stands on which object?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

LOGIN, LOGOUT = "suOrgAdminLogin", "suOrgAdminLogout"
_SAID = {LOGIN: "Logged in using Login-As access for", LOGOUT: "Logged out using Login-As access for"}


def note_login_as(org: Org, admin_id: str, user_id: str) -> None:
    """Log that an admin works as somebody else for one save. Field history shows that other user alone.

    Source: Object Reference, SetupAuditTrail: `DelegateUser` is the user who logged in as another.
    """
    admin, user = org.database.row("User", admin_id) or {}, org.database.row("User", user_id) or {}
    for action, said in _SAID.items():
        display = f"{said} {user.get('Name')} ({user.get('Username')})"
        note(org, action, "Manage Users", display, by=user_id, delegate=admin.get("Username"))


def note(org: Org, action: str, section: str, display: str, *, by: str, delegate: str | None = None) -> None:
    """Write one line of the Setup Audit Trail."""
    facts = {"Action": action, "Section": section, "Display": display, "DelegateUser": delegate, "CreatedById": by}
    facts |= {"Id": org.mint_id("0Ym"), "CreatedDate": org.now_stamp()}
    org.database.insert("SetupAuditTrail", facts)


def list_automation(org: Org, rules: Iterable[Mapping[str, Any]]) -> None:
    """List the record-triggered automation of the setting `workflow_rules` as FlowDefinitionView has it."""
    org.database.connection.execute('DELETE FROM "FlowDefinitionView"')
    admin = org.database.row("User", org.admin_id) or {}
    for number, rule in enumerate(rules, 1):
        label = str(rule.get("name") or f"{rule['object']} automation {number}")
        facts = {
            "Id": org.mint_id("3dd"),
            "DurableId": org.mint_id("300"),
            "ApiName": re.sub(r"\W+", "_", label),
            "Label": label,
            "ProcessType": "AutoLaunchedFlow",
            "TriggerType": "RecordAfterSave",
            "RecordTriggerType": "CreateAndUpdate",
            "TriggerObjectOrEventLabel": str(rule["object"]),
            "TriggerObjectOrEventId": str(rule["object"]),
            "IsActive": 1,
            "LastModifiedBy": admin.get("Name"),
            "LastModifiedDate": org.now_stamp(),
        }
        org.database.insert("FlowDefinitionView", facts)
