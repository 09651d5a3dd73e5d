"""Who made a change, what kind of actor is that, and for which team?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from syncd.core.directory import QUEUE_PREFIX as QUEUE_PREFIX
from syncd.core.directory import USER_PREFIX as USER_PREFIX
from syncd.core.directory import Directory as Directory
from syncd.core.directory import User as User
from syncd.core.values import MACHINES, Actor, ActorKind, Rule

if TYPE_CHECKING:
    from syncd.core.fence_model import Condition

RECORD_OWNER = "record owner"
AND_BELOW = "+"
# Which objects say who is in a team, by the key under [teams]; users, profiles and roles stand on User itself.
READ_FROM: Mapping[str, tuple[str, ...]] = {
    "queue": ("Group", "GroupMember"),
    "group": ("Group", "GroupMember"),
    "permission_set": ("PermissionSetAssignment",),
    "territory": ("UserTerritory2Association", "Territory2"),
    "role and below": ("UserRole",),
}


@dataclass(frozen=True, slots=True)
class Team:
    """One line under [teams]: who belongs to it. Names are compared without regard to case.

    `roles` and `territories` may end in "+": that one and all below it. `where` is a condition on the fields of User.
    `acts_for` is the team whose moves a tool or automation may make, by default its own name, or RECORD_OWNER: the team of
    whoever owns the record at that moment. `spelling` gives a member's name as it was written.
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
    permission_sets: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    territories: frozenset[str] = frozenset()
    user_types: frozenset[str] = frozenset()
    where: Condition | None = None

    @property
    def side(self) -> str:
        """Return the team whose fences this one's moves are judged by."""
        return self.acts_for or self.name


@dataclass(frozen=True, slots=True)
class Claim:
    """What a team says of a user: a member or not, with the reason; `is_member` None: it cannot be known."""

    is_member: bool | None
    why: str = ""


NO_CLAIM = Claim(False)


def claim(team: Team, user: User, unseen: frozenset[str] = frozenset()) -> Claim:
    """Say whether a team claims a user. What cannot be read counts only where nothing else of the line claims the user."""
    for names, wanted, why in _members(team, user):
        if _has(wanted, *names):
            return Claim(True, why)
    holds, text = (False, "") if team.where is None else (team.where.holds(user.fields), team.where.text)
    if holds:
        return Claim(True, f"where {text}")
    hidden = [object for key in _asked_by(team) for object in READ_FROM[key] if object in unseen]
    if hidden:
        return Claim(None, f"{hidden[0]} cannot be read")
    if holds is None:
        return Claim(None, f"a field of {text!r} cannot be read")
    return NO_CLAIM


def _members(team: Team, user: User) -> Iterator[tuple[Iterable[str], frozenset[str], str]]:
    yield (user.username, user.name), team.users, f"user {user.username}"
    yield (user.profile,), team.profiles, f"profile {user.profile}"
    yield (user.role,), team.roles, f"role {user.role}"
    yield _and_below(user.roles_above), team.roles, f"role {user.role}, by a role above it"
    yield user.queues, team.queues, "member of a queue"
    yield user.groups, team.groups, "member of a public group"
    yield user.permission_sets, team.permission_sets, "by a permission set"
    yield user.territories, team.territories, "by a territory"
    yield _and_below(user.territories_above), team.territories, "by a territory above the user's"
    yield (user.user_type,), team.user_types, f"user type {user.user_type}"


def _and_below(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name + AND_BELOW for name in names)


def _asked_by(team: Team) -> Iterator[str]:
    """Name the keys of a line that need more than User to be read."""
    keys = (("queue", team.queues), ("group", team.groups), ("permission_set", team.permission_sets))
    yield from (key for key, names in (*keys, ("territory", team.territories)) if names)
    if any(name.endswith(AND_BELOW) for name in team.roles):
        yield "role and below"


def _has(wanted: frozenset[str], *names: str) -> bool:
    return any(name.casefold() in wanted for name in names if name)


def members_read_from(teams: Iterable[Team]) -> frozenset[str]:
    """Name the objects besides User that say who is in these teams."""
    return frozenset(object for team in teams for key in _asked_by(team) for object in READ_FROM[key])


def actor_of(user_id: str | None, directory: Directory, teams: Sequence[Team]) -> Actor:
    """Resolve a user to an actor: of the first team that claims it, or unknown.

    Shapes: a login that several lines name, a machine's among them, is shared. The team of one that acts for the record's
    owner is RECORD_OWNER until `side_of` says which that is.
    Errors: none; a user that is not mirrored is unknown, and what is unknown is only noted.
    Source: real orgs, demand 2: an actor that is not sure is never enforced; assumption 29: first match wins.
    """
    known = directory.resolved.of(teams)
    if user_id not in known:
        known[user_id] = _resolved(user_id, directory, teams)
    return known[user_id]


def _resolved(user_id: str | None, directory: Directory, teams: Sequence[Team]) -> Actor:
    user = directory.users.get(user_id or "")
    if user_id == directory.own_user_id:
        return Actor(user_id, user.name if user else "syncd", ActorKind.SYNCD, "syncd", "syncd's own user")
    if user is None:
        return Actor(user_id, "", ActorKind.UNKNOWN, None, "this user is not visible to syncd")
    actor = _of_user(user, directory, teams)
    other = directory.unsure.get(user.id)
    if other is None:
        return actor
    then = _of_user(other, directory, teams)
    if (then.kind, then.team) == (actor.kind, actor.team):
        return actor
    why = f"was of {actor.team or 'no team'} and then of {then.team or 'no team'}; since when cannot be known"
    return Actor(user_id, user.name, ActorKind.UNKNOWN, None, why)


def _of_user(user: User, directory: Directory, teams: Sequence[Team]) -> Actor:
    if several := shared_by(user, teams):
        why = f"several lines name this login: {', '.join(team.name for team in several)}"
        return Actor(user.id, user.name, ActorKind.SHARED, None, why)
    team, why = _first(user, directory, teams)
    if team is None:
        return Actor(user.id, user.name, ActorKind.UNKNOWN, None, why)
    return Actor(user.id, user.name, team.kind, team.side, f"{team.name}: {why}")


def _first(user: User, directory: Directory, teams: Iterable[Team]) -> tuple[Team | None, str]:
    for team in teams:
        found = claim(team, user, directory.unseen)
        if found.is_member is None:
            return None, f"whether {team.name} claims this user cannot be known: {found.why}"
        if found.is_member:
            return team, found.why
    return None, "no team claims this user"


def shared_by(user: User, teams: Iterable[Team]) -> list[Team]:
    """Return the lines that name one login as theirs, a machine's among them; none when it is nobody's or one line's."""
    named = [team for team in teams if _has(team.users, user.username, user.name)]
    return named if len(named) > 1 and any(team.kind in MACHINES for team in named) else []


def side_of(actor: Actor, owner_id: str | None, directory: Directory, teams: Sequence[Team]) -> str | None:
    """Return the team that an actor's move of a record is judged as: its own, or that of the record's owner.

    Shapes: `owner_id` owned the record when it was changed; None when that owner belongs to no team of its own.
    Source: real orgs, assumption 7: a sales engagement tool saves what a rep does, as whoever connected it.
    """
    if actor.team != RECORD_OWNER:
        return actor.team
    side = team_of_owner(owner_id, directory, teams)
    return None if side == RECORD_OWNER else side


def line_of(user_id: str | None, directory: Directory, teams: Sequence[Team]) -> str | None:
    """Return the name of the line under [teams] that claims a user, whatever team that line acts for; None for a shared one."""
    user = directory.users.get(user_id or "")
    if user is None or shared_by(user, teams):
        return None
    team, _ = _first(user, directory, teams)
    return None if team is None else team.name


def team_of_owner(owner_id: str | None, directory: Directory, teams: Sequence[Team]) -> str | None:
    """Return the team of a record's owner, a user or a queue; None when no team claims it."""
    names = directory.queues.get(owner_id or "")
    if names is None:
        return actor_of(owner_id, directory, teams).team
    return next((team.side for team in teams if _has(team.queues, *names)), None)
