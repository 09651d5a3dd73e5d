"""Which groups does Salesforce keep for each role, so that a public group can take in a role and those below it?

Every role has two groups of its own, which bear its developer name and no name: of type Role, and of type RoleAndSubordinates.
A public group has them as members; the users stand in no row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox import seeds

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

KINDS = ("Role", "RoleAndSubordinates")


def add_role_groups(org: Org, role: Mapping[str, Any]) -> None:
    """Give a role the groups that it lacks."""
    there = {row["Type"] for row in org.database.where("Group", RelatedId=role["Id"])}
    for kind in KINDS:
        if kind not in there:
            name = role["DeveloperName"] or str(role["Name"]).replace(" ", "_")
            facts = {"DeveloperName": name, "Type": kind, "RelatedId": role["Id"], "OwnerId": org.org_id or None}
            seeds.add(org, "Group", facts)


def add_all_role_groups(org: Org) -> None:
    """Give every role its groups."""
    for role in org.database.where("UserRole"):
        add_role_groups(org, role)


def drop_role_groups(org: Org, role_id: str) -> None:
    """Take a deleted role's groups away, and with them their memberships."""
    for group in org.database.where("Group", RelatedId=role_id):
        for member in org.database.where("GroupMember", UserOrGroupId=group["Id"]):
            org.database.delete("GroupMember", member["Id"])
        org.database.delete("Group", group["Id"])


def may_own(row: Mapping[str, Any]) -> bool:
    """Tell whether a group is one that owns records: a queue."""
    return bool(row["Type"] == "Queue")
