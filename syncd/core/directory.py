"""Who is in the org: users with their roles, groups, queues, permission sets and territories, and the queues themselves?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.values import Actor, Fields, OrgRecord

USER_PREFIX = "005"
QUEUE_PREFIX = "00G"
NO_NAMES: frozenset[str] = frozenset()
BY_ROLE: Mapping[str | None, bool] = {"Role": False, "RoleAndSubordinates": True, "RoleAndSubordinatesInternal": True}
BY_TERRITORY: Mapping[str | None, bool] = {"Territory": False, "TerritoryAndSubordinates": True}

Rows = Mapping[str, Iterable[OrgRecord]]


@dataclass(frozen=True, slots=True)
class User:
    """A user as far as teams are concerned.

    `queues`, `groups` (public ones), `permission_sets` and `territories` are those the user is in, through other groups too;
    `roles_above` the own role and all above it, `territories_above` alike. Each is known by its name and its developer name.
    `fields` are all that was read of the user, for conditions.
    """

    id: str
    name: str
    username: str
    profile: str
    role: str
    is_active: bool
    queues: frozenset[str] = NO_NAMES
    groups: frozenset[str] = NO_NAMES
    permission_sets: frozenset[str] = NO_NAMES
    territories: frozenset[str] = NO_NAMES
    roles_above: frozenset[str] = NO_NAMES
    territories_above: frozenset[str] = NO_NAMES
    user_type: str = ""
    fields: Fields = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Resolved:
    """Actors that were resolved already, under the teams of one policy file."""

    teams: object = None
    actors: dict[str | None, Actor] = field(default_factory=dict)

    def of(self, teams: object) -> dict[str | None, Actor]:
        """Return what is known under these very teams; what was known under others is forgotten."""
        if self.teams is not teams:
            self.teams, self.actors = teams, {}
        return self.actors


@dataclass(frozen=True, slots=True)
class Directory:
    """All users and queues of the org, by 18-character id. A queue is known by its name and its developer name.

    `unseen` names the objects that say who is in a team and that could not be read: whom a team claims by them is unknown.
    `unsure` holds, beside what `users` says, what else users may have been at that time. `as_of` gives the directory of
    another time, None where it was what it is.
    """

    users: Mapping[str, User]
    queues: Mapping[str, frozenset[str]]
    own_user_id: str
    unseen: frozenset[str] = NO_NAMES
    unsure: Mapping[str, User] = field(default_factory=dict)
    as_of: Callable[[datetime], Directory | None] | None = field(default=None, compare=False, repr=False)
    resolved: Resolved = field(default_factory=Resolved, compare=False, repr=False, init=False)

    def at(self, when: datetime) -> Directory:
        """Return the directory as it was at a time: who was in which team then, as far as it is known."""
        then = None if self.as_of is None else self.as_of(when)
        return self if then is None else then

    def display(self, owner_id: str | None) -> str:
        """Return the name of a user or queue, or the id when it is not known."""
        user = self.users.get(owner_id or "")
        if user is not None:
            return user.name
        return min(self.queues.get(owner_id or "", NO_NAMES), default=str(owner_id))


def directory_from(rows: Rows, own_user_id: str, unseen: Iterable[str] = ()) -> Directory:
    """Build the directory from mirrored rows by object: User, Group, GroupMember, and what else teams ask for.

    Shapes: an object that no team asks for may lack; a group that holds itself by a detour is followed once.
    Source: Object Reference, User, UserRole, Group (Type, RelatedId), GroupMember, PermissionSetAssignment, Territory2,
    UserTerritory2Association.
    """
    users = list(rows.get("User", ()))
    groups = {group.id: group for group in rows.get("Group", ())}
    queues = {id: _names(group) for id, group in groups.items() if group.text("Type") == "Queue"}
    public = {id: _names(group) for id, group in groups.items() if group.text("Type") == "Regular"}
    roles = _Tree(rows.get("UserRole", ()), "ParentRoleId")
    territories = _Tree(rows.get("Territory2", ()), "ParentTerritory2Id")
    assigned = _assigned(rows.get("UserTerritory2Association", ()), "UserId", "Territory2Id")
    granted = _granted(rows.get("PermissionSetAssignment", ()))
    crowd = _Crowd(groups, rows.get("GroupMember", ()), users, roles, territories, assigned)
    in_queues, in_groups = crowd.names_by_user(queues), crowd.names_by_user(public)
    found = {}
    for user in users:
        own_territories = assigned.get(user.id, NO_NAMES)
        role = user.text("UserRole.Name") or ""
        found[user.id] = User(
            user.id,
            user.text("Name") or "",
            user.text("Username") or "",
            user.text("Profile.Name") or "",
            role,
            bool(user.fields.get("IsActive", True)),
            in_queues.get(user.id, NO_NAMES),
            in_groups.get(user.id, NO_NAMES),
            granted.get(user.id, NO_NAMES),
            frozenset().union(*(territories.names(id) for id in own_territories)),
            roles.names_above(user.text("UserRoleId")) | ({role} if role else NO_NAMES),
            frozenset().union(*(territories.names_above(id) for id in own_territories)),
            user.text("UserType") or "",
            user.fields,
        )
    return Directory(found, queues, own_user_id, frozenset(unseen))


def _names(row: OrgRecord) -> frozenset[str]:
    return frozenset(name for name in (row.text("Name"), row.text("DeveloperName")) if name)


def _assigned(rows: Iterable[OrgRecord], who: str, what: str) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        user, thing = row.text(who), row.text(what)
        if user and thing and row.fields.get("IsActive", True):
            found[user] = found.get(user, set()) | {thing}
    return {user: frozenset(things) for user, things in found.items()}


def _granted(rows: Iterable[OrgRecord]) -> dict[str, frozenset[str]]:
    rows = list(rows)
    by_name = _assigned(rows, "AssigneeId", "PermissionSet.Name")
    by_label = _assigned(rows, "AssigneeId", "PermissionSet.Label")
    return {user: by_name.get(user, NO_NAMES) | by_label.get(user, NO_NAMES) for user in {*by_name, *by_label}}


class _Tree:
    """Roles or territories with what stands above them."""

    def __init__(self, rows: Iterable[OrgRecord], parent: str) -> None:
        self.rows = {row.id: row for row in rows}
        self.parent = parent
        self._above: dict[str, tuple[str, ...]] = {}

    def names(self, id: str) -> frozenset[str]:
        row = self.rows.get(id)
        return NO_NAMES if row is None else _names(row)

    def above(self, id: str) -> tuple[str, ...]:
        """Return the id itself and all above it, nearest first."""
        if id not in self._above:
            chain: dict[str, None] = {}
            node: str | None = id
            while node and node not in chain:
                chain[node] = None
                row = self.rows.get(node)
                node = row.text(self.parent) if row is not None else None
            self._above[id] = tuple(chain)
        return self._above[id]

    def names_above(self, id: str | None) -> frozenset[str]:
        return frozenset().union(*(self.names(each) for each in self.above(id))) if id else NO_NAMES


class _Crowd:
    """Who is in which group, through other groups, roles and territories too."""

    def __init__(
        self,
        groups: Mapping[str, OrgRecord],
        members: Iterable[OrgRecord],
        users: Iterable[OrgRecord],
        roles: _Tree,
        territories: _Tree,
        assigned: Mapping[str, frozenset[str]],
    ) -> None:
        self.groups = groups
        self.inside: dict[str | None, list[str]] = {}
        for row in members:
            self.inside.setdefault(row.text("GroupId"), []).append(row.text("UserOrGroupId") or "")
        self.of_role = _by_node(((user.id, [user.text("UserRoleId")]) for user in users), roles)
        self.of_territory = _by_node(assigned.items(), territories)

    def names_by_user(self, groups: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
        """Return by user the names of those groups that the user is in."""
        found: dict[str, set[str]] = {}
        for id, names in groups.items():
            for user in self._users(id):
                found.setdefault(user, set()).update(names)
        return {user: frozenset(names) for user, names in found.items()}

    def _users(self, start: str) -> set[str]:
        found, seen, left = set[str](), set[str](), [start]
        while left:
            id = left.pop()
            if id in seen:
                continue
            seen.add(id)
            if id.startswith(USER_PREFIX):
                found.add(id)
            else:
                found |= self._related(id)
                left += self.inside.get(id, ())
        return found

    def _related(self, id: str) -> frozenset[str]:
        group = self.groups.get(id)
        if group is None:
            return NO_NAMES
        for kinds, nodes in ((BY_ROLE, self.of_role), (BY_TERRITORY, self.of_territory)):
            with_below = kinds.get(group.text("Type"))
            if with_below is not None:
                return nodes.get((group.text("RelatedId"), with_below), NO_NAMES)
        return NO_NAMES


def _by_node(belonging: Iterable[tuple[str, Iterable[str | None]]], tree: _Tree) -> dict[tuple[str | None, bool], frozenset[str]]:
    """Return the users of each role or territory: (id, with what is below) → user ids."""
    found: dict[tuple[str | None, bool], set[str]] = {}
    for user, nodes in belonging:
        for node in nodes:
            if node:
                found.setdefault((node, False), set()).add(user)
                for above in tree.above(node):
                    found.setdefault((above, True), set()).add(user)
    return {key: frozenset(users) for key, users in found.items()}
