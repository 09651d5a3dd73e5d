"""Which objects can the API user reach, where a permission set is what gives them to it?

Its own profile has no access to any record. With the setting `access_by_permission_set` an org behaves so: who takes the
permission set away from the user takes these objects away, at once and without any stamp.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox import seeds
from syncd.sandbox.errors import ControlRefused

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

_ALWAYS = frozenset({"Organization", "Profile", "UserRole", "User", "Group", "GroupMember", "QueueSobject", "RecordType"})
_PICKLISTS = frozenset({"LeadStatus", "OpportunityStage", "CampaignMemberStatus"})


def check_access(wanted: object) -> None:
    """Look at the setting before anything changes. Errors: ControlRefused."""
    given: dict[str, object] = wanted if isinstance(wanted, dict) else {}
    if given.keys() != {"name", "assigned"} or not isinstance(given["assigned"], bool) or not given["name"]:
        example = '{"name": "syncd_access", "assigned": true}'
        raise ControlRefused(f"access_by_permission_set takes {example} or null, not {wanted!r}.")


def assign(org: Org) -> None:
    """Give the permission set of the setting to the API user, or take it away, and show or hide objects by that."""
    wanted = org.settings.access_by_permission_set
    if wanted is not None:
        _put(org, wanted)
    look_again(org)


def _put(org: Org, wanted: Mapping[str, Any]) -> None:
    found = org.database.where("PermissionSet", Name=wanted["name"])
    made = found[0]["Id"] if found else seeds.add(org, "PermissionSet", {"Name": wanted["name"], "Label": wanted["name"]})
    held = org.database.where("PermissionSetAssignment", PermissionSetId=made, AssigneeId=org.api_user_id)
    if wanted["assigned"] and not held:
        seeds.add(org, "PermissionSetAssignment", {"PermissionSetId": made, "AssigneeId": org.api_user_id})
    for row in held if not wanted["assigned"] else ():
        org.database.delete("PermissionSetAssignment", row["Id"])


def look_again(org: Org) -> None:
    """Show or hide objects by whether the API user has the permission set now. Without the setting nothing is hidden."""
    wanted = org.settings.access_by_permission_set
    kept = _ALWAYS | _PICKLISTS
    has_access = wanted is None or _is_assigned(org, str(wanted["name"]))
    hidden = [] if has_access else [each.name for each in org.schema.objects.values() if each.name not in kept]
    if hidden != org.settings.hidden_objects:
        org.settings.hidden_objects = hidden
        org.schema_changed_at = org.clock.now()


def _is_assigned(org: Org, name: str) -> bool:
    sets = [row["Id"] for row in org.database.where("PermissionSet", Name=name)]
    return any(org.database.where("PermissionSetAssignment", PermissionSetId=each, AssigneeId=org.api_user_id) for each in sets)
