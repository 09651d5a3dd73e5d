"""Who made a change, what kind of actor is that, and for which team?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from syncd.core.values import Actor, ActorKind, OrgRecord, Rule

USER_PREFIX = "005"
QUEUE_PREFIX = "00G"


@dataclass(frozen=True, slots=True)
class Team:
    """One line under [teams]: who belongs to it. Names are compared without regard to case.

    `acts_for` is the team whose moves a tool or automation may make; by default its own name. `spelling` gives a member's
    name as it was written.
    """

    name: str
    kind: ActorKind
    rule: Rule
    users: frozenset[str] = frozenset()
    profiles: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    acts_for: str | None = None
    spelling: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def side(self) -> str:
        """Return the team whose fences this one's moves are judged by."""
        return self.acts_for or self.name


@dataclass(frozen=True, slots=True)
class User:
    """A user as far as teams are concerned; `queues` are those the user is a member of."""

    id: str
    name: str
    username: str
    profile: str
    role: str
    is_active: bool
    queues: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Directory:
    """All users and queues of the org, by 18-character id. A queue is known by its name and its developer name."""

    users: Mapping[str, User]
    queues: Mapping[str, frozenset[str]]
    own_user_id: str

    def display(self, owner_id: str | None) -> str:
        """Return the name of a user or queue, or the id when it is not known."""
        user = self.users.get(owner_id or "")
        if user is not None:
            return user.name
        return min(self.queues.get(owner_id or "", frozenset()), default=str(owner_id))


def directory_of(
    users: Iterable[OrgRecord], groups: Iterable[OrgRecord], members: Iterable[OrgRecord], own_user_id: str
) -> Directory:
    """Build the directory from mirrored User, Group and GroupMember rows.

    Source: Object Reference, User, Group (Type = Queue), GroupMember.
    """
    queues = {
        group.id: frozenset(name for name in (group.text("Name"), group.text("DeveloperName")) if name)
        for group in groups
        if group.text("Type") == "Queue"
    }
    joined: dict[str, set[str]] = {}
    for member in members:
        names = queues.get(member.text("GroupId") or "")
        if names:
            joined.setdefault(member.text("UserOrGroupId") or "", set()).update(names)
    return Directory(
        {
            user.id: User(
                user.id,
                user.text("Name") or "",
                user.text("Username") or "",
                user.text("Profile.Name") or "",
                user.text("UserRole.Name") or "",
                bool(user.fields.get("IsActive", True)),
                frozenset(joined.get(user.id, ())),
            )
            for user in users
        },
        queues,
        own_user_id,
    )


def _has(wanted: frozenset[str], *names: str) -> bool:
    return any(name.casefold() in wanted for name in names if name)


def _teams_of(user: User, teams: Iterable[Team]) -> list[tuple[Team, str]]:
    found = []
    for team in teams:
        if _has(team.users, user.username, user.name):
            found.append((team, f"user {user.username}"))
        elif _has(team.profiles, user.profile):
            found.append((team, f"profile {user.profile}"))
        elif _has(team.roles, user.role):
            found.append((team, f"role {user.role}"))
        elif _has(team.queues, *user.queues):
            found.append((team, "member of a queue"))
    return found


def actor_of(user_id: str | None, directory: Directory, teams: Iterable[Team]) -> Actor:
    """Resolve a user to an actor: of one kind and one team, or unknown when no team or several claim the user.

    Errors: none; a user that is not mirrored is unknown, and what is unknown is only noted.
    Source: real orgs, demand 2: an actor that is not sure is never enforced.
    """
    user = directory.users.get(user_id or "")
    if user_id == directory.own_user_id:
        return Actor(user_id, user.name if user else "syncd", ActorKind.SYNCD, "syncd", "syncd's own user")
    if user is None:
        return Actor(user_id, "", ActorKind.UNKNOWN, None, "this user is not visible to syncd")
    found = _teams_of(user, teams)
    if len(found) == 1:
        team, why = found[0]
        return Actor(user_id, user.name, team.kind, team.side, f"{team.name}: {why}")
    if not found:
        return Actor(user_id, user.name, ActorKind.UNKNOWN, None, "no team claims this user")
    names = ", ".join(sorted(team.name for team, _ in found))
    return Actor(user_id, user.name, ActorKind.UNKNOWN, None, f"several teams claim this user: {names}")


def line_of(user_id: str | None, directory: Directory, teams: Iterable[Team]) -> str | None:
    """Return the name of the one line under [teams] that claims a user, whatever team that line acts for."""
    user = directory.users.get(user_id or "")
    found = _teams_of(user, teams) if user is not None else []
    return found[0][0].name if len(found) == 1 else None


def team_of_owner(owner_id: str | None, directory: Directory, teams: Iterable[Team]) -> str | None:
    """Return the team of a record's owner, a user or a queue; None when no team or several claim it."""
    names = directory.queues.get(owner_id or "")
    if names is None:
        return actor_of(owner_id, directory, teams).team
    found = {team.side for team in teams if _has(team.queues, *names)}
    return found.pop() if len(found) == 1 else None
