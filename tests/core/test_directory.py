"""Is each user in the groups, roles, permission sets and territories that the org's rows put it in?"""

from __future__ import annotations

import pytest

from syncd.core.directory import QUEUE_PREFIX, User, directory_from
from syncd.core.values import OrgRecord, Scalar
from tests.core.samples import row

ROLES = [
    row("UserRole", "00E1", {"Name": "CMO", "DeveloperName": "CMO", "ParentRoleId": None}),
    row("UserRole", "00E2", {"Name": "Marketing Manager", "DeveloperName": "Mktg_Mgr", "ParentRoleId": "00E1"}),
    row("UserRole", "00E3", {"Name": "SDR", "DeveloperName": "SDR", "ParentRoleId": "00E2"}),
    row("UserRole", "00E4", {"Name": "VP Sales", "DeveloperName": "VP_Sales", "ParentRoleId": None}),
]
USERS = [
    row("User", f"005{short}", {"Name": name, "Username": f"{short}@x", "UserRoleId": role, "UserRole.Name": role_name})
    for short, name, role, role_name in [
        ("A", "Ann", "00E1", "CMO"),
        ("B", "Ben", "00E2", "Marketing Manager"),
        ("C", "Cid", "00E3", "SDR"),
        ("D", "Dan", "00E4", "VP Sales"),
        ("E", "Eve", None, None),
    ]
]


def group(id: str, kind: str, related: str | None = None, name: str | None = None) -> OrgRecord:
    return row("Group", id, {"Type": kind, "Name": name, "DeveloperName": name, "RelatedId": related})


def inside(number: int, group: str, member: str) -> OrgRecord:
    return row("GroupMember", f"011{number}", {"GroupId": group, "UserOrGroupId": member})


def test_users_and_queues_come_from_mirrored_rows() -> None:
    fields: dict[str, Scalar] = {
        "Name": "Ann",
        "Username": "ann@x",
        "Profile.Name": "P",
        "UserRole.Name": None,
        "IsActive": False,
    }
    users = [row("User", "005A", fields), row("User", "005B", {"Name": "Ben", "Username": "ben@x", "UserType": "Standard"})]
    groups = [
        row("Group", "00GA", {"Type": "Queue", "Name": "Hot leads", "DeveloperName": "Hot"}),
        row("Group", "00GB", {"Type": "Regular", "Name": "Not a queue"}),
    ]
    members = [inside(1, "00GA", "005A"), inside(2, "00GB", "005B")]
    found = directory_from({"User": users, "Group": groups, "GroupMember": members}, "005Z")
    ann, ben = found.users["005A"], found.users["005B"]
    assert (ann.queues, ann.groups, ann.role, ann.is_active, ann.profile) == (
        frozenset({"Hot leads", "Hot"}),
        frozenset(),
        "",
        False,
        "P",
    )
    assert (ben.queues, ben.groups, ben.is_active, ben.user_type) == (frozenset(), frozenset({"Not a queue"}), True, "Standard")
    assert found.queues == {"00GA": {"Hot leads", "Hot"}}
    assert ann.fields == fields
    assert (found.own_user_id, found.unseen) == ("005Z", frozenset())


def test_what_a_user_s_row_does_not_tell_is_blank_and_an_org_may_be_empty() -> None:
    found = directory_from({"User": [row("User", "005A", {}), row("User", "005B", {"Name": "Ben", "Username": "ben@x"})]}, "")
    assert found.users["005A"] == User("005A", "", "", "", "", True)
    assert (found.users["005A"].user_type, found.users["005A"].name) == ("", "")
    assert (found.users["005B"].name, found.users["005B"].username) == ("Ben", "ben@x")
    assert directory_from({}, "005Z").users == {}
    assert QUEUE_PREFIX == "00G"
    assert User("005A", "", "", "", "", True).user_type == ""


def test_a_member_that_is_no_group_that_is_seen_leads_nowhere() -> None:
    rows = {
        "User": USERS,
        "Group": [group("00GA", "Queue", name="MQL"), row("Group", "00GB", {})],
        "GroupMember": [
            inside(1, "00GA", "00GX"),
            inside(2, "00GA", "00GB"),
            row("GroupMember", "0113", {"GroupId": "00GA"}),
            row("GroupMember", "0114", {}),
            inside(5, "00GA", "005B"),
            inside(6, "00GA", "005A"),
            inside(7, "00GA", "005A"),
        ],
    }
    found = directory_from(rows, "").users
    assert {user.id for user in found.values() if "MQL" in user.queues} == {"005A", "005B"}


@pytest.mark.parametrize("part", ["Name", "Label"])
def test_a_permission_set_that_shows_one_name_alone_is_known_by_that(part: str) -> None:
    grants = [row("PermissionSetAssignment", "0Pa1", {"AssigneeId": "005A", f"PermissionSet.{part}": "RevOps"})]
    grants += [row("PermissionSetAssignment", "0Pa2", {f"PermissionSet.{part}": "RevOps"})]
    assert directory_from({"User": USERS, "PermissionSetAssignment": grants}, "").users["005A"].permission_sets == {"RevOps"}


def test_a_role_has_all_above_it_by_both_names() -> None:
    found = directory_from({"User": USERS, "UserRole": ROLES}, "").users
    assert found["005C"].roles_above == {"SDR", "Marketing Manager", "Mktg_Mgr", "CMO"}
    assert found["005A"].roles_above == {"CMO"}
    assert found["005E"].roles_above == frozenset()


def test_without_the_tree_of_roles_a_user_has_the_own_role() -> None:
    assert directory_from({"User": USERS}, "").users["005C"].roles_above == {"SDR"}


def test_roles_that_stand_above_each_other_end_somewhere() -> None:
    circle = [
        row("UserRole", "00E3", {"Name": "SDR", "ParentRoleId": "00E9"}),
        row("UserRole", "00E9", {"Name": "X", "ParentRoleId": "00E3"}),
    ]
    assert directory_from({"User": USERS, "UserRole": circle}, "").users["005C"].roles_above == {"SDR", "X"}


@pytest.mark.parametrize(
    ("kind", "related", "users"),
    [
        ("Role", "00E2", {"005B"}),
        ("RoleAndSubordinates", "00E2", {"005B", "005C"}),
        ("RoleAndSubordinatesInternal", "00E1", {"005A", "005B", "005C"}),
        ("RoleAndSubordinates", "00E9", set()),
        ("Territory", "0MI1", {"005D"}),
        ("TerritoryAndSubordinates", "0MI1", {"005D", "005E"}),
        ("Regular", None, set()),
    ],
)
def test_a_public_group_holds_roles_and_territories_with_what_is_below(kind: str, related: str | None, users: set[str]) -> None:
    rows = {
        "User": USERS,
        "UserRole": ROLES,
        "Group": [group("00GA", "Regular", name="Crew"), group("00GB", kind, related)],
        "GroupMember": [inside(1, "00GA", "00GB")],
        **TERRITORIES,
    }
    found = directory_from(rows, "").users
    assert {user.id for user in found.values() if "Crew" in user.groups} == users


TERRITORIES = {
    "Territory2": [
        row("Territory2", "0MI1", {"Name": "Americas", "DeveloperName": "AMER"}),
        row("Territory2", "0MI2", {"Name": "West", "DeveloperName": "West", "ParentTerritory2Id": "0MI1"}),
    ],
    "UserTerritory2Association": [
        row("UserTerritory2Association", "0MU1", {"UserId": "005D", "Territory2Id": "0MI1"}),
        row("UserTerritory2Association", "0MU2", {"UserId": "005E", "Territory2Id": "0MI2", "IsActive": True}),
        row("UserTerritory2Association", "0MU3", {"UserId": "005A", "Territory2Id": "0MI2", "IsActive": False}),
    ],
}


def test_a_territory_has_all_above_it_and_ended_assignments_do_not_count() -> None:
    found = directory_from({"User": USERS, **TERRITORIES}, "").users
    assert (found["005E"].territories, found["005E"].territories_above) == (
        frozenset({"West"}),
        frozenset({"West", "Americas", "AMER"}),
    )
    assert found["005A"].territories == frozenset()


def test_permission_sets_are_known_by_name_and_label_while_they_are_granted() -> None:
    def grant(id: str, user: str, *, is_active: bool = True) -> OrgRecord:
        named: dict[str, Scalar] = {"PermissionSet.Name": "RevOps_Admin", "PermissionSet.Label": "RevOps admin"}
        return row("PermissionSetAssignment", id, {"AssigneeId": user, "IsActive": is_active, **named})

    found = directory_from(
        {"User": USERS, "PermissionSetAssignment": [grant("0Pa1", "005A"), grant("0Pa2", "005B", is_active=False)]}, ""
    )
    assert found.users["005A"].permission_sets == {"RevOps_Admin", "RevOps admin"}
    assert found.users["005B"].permission_sets == frozenset()


def test_groups_in_groups_are_followed_and_a_group_in_itself_ends() -> None:
    rows = {
        "User": USERS,
        "Group": [
            group("00GA", "Queue", name="MQL"),
            group("00GB", "Regular", name="SDRs"),
            group("00GC", "Regular", name="West"),
        ],
        "GroupMember": [
            inside(1, "00GA", "00GB"),
            inside(2, "00GB", "00GC"),
            inside(3, "00GC", "00GB"),
            inside(4, "00GC", "005C"),
            inside(5, "00GB", "005B"),
        ],
    }
    found = directory_from(rows, "").users
    assert (found["005C"].queues, found["005C"].groups) == (frozenset({"MQL"}), frozenset({"SDRs", "West"}))
    assert (found["005B"].queues, found["005B"].groups) == (frozenset({"MQL"}), frozenset({"SDRs", "West"}))
    assert found["005A"].queues == frozenset()
