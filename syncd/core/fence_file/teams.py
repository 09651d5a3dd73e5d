"""Who is who under [teams]: which kinds of members are there, and for whom does a machine act?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncd.core.actors import RECORD_OWNER, Team
from syncd.core.fence_file.conditions import Conditions
from syncd.core.reading import Reader
from syncd.core.values import MACHINES, ActorKind

KINDS = {
    kind.value: kind
    for kind in (
        ActorKind.PERSON,
        ActorKind.TOOL,
        ActorKind.AUTOMATION,
        ActorKind.ADMIN,
        ActorKind.PARTNER,
        ActorKind.SHARED,
    )
}
# The key in the file, and the part of a Team that keeps its names.
MEMBERS = {
    "user": "users",
    "profile": "profiles",
    "role": "roles",
    "permission_set": "permission_sets",
    "queue": "queues",
    "group": "groups",
    "territory": "territories",
    "user_type": "user_types",
}
WHERE = "where"
TEAM_KEYS = ("kind", *MEMBERS, WHERE, "acts_for")
ASSIGNMENT_RULE = "assignment rule"
SYNCD = "syncd"
_RESERVED = {SYNCD: "is the name of syncd itself", ASSIGNMENT_RULE: "is what Salesforce's own assignment rules are called here"}


def read_teams(read: Reader, conditions: Conditions) -> list[Team]:
    """Read [teams] in the order of the file: the first line that claims somebody wins."""
    entries = read.table(("teams",), required=True)
    if read.value(("teams",)) == {}:
        read.refuse(
            ("teams",), "MAP-010", "no team is named.", 'Write one line a team, such as: sales = { role = ["Sales Rep"] }'
        )
    return [_team(read, conditions, name, entries) for name in entries]


def _team(read: Reader, conditions: Conditions, name: str, entries: Iterable[str]) -> Team:
    path = ("teams", name)
    read.plain_text(path, name)
    if name in _RESERVED:
        read.refuse(path, "MAP-013", f"{name!r} {_RESERVED[name]}.", "Give the team another name.")
    read.known_keys(path, TEAM_KEYS)
    kind = KINDS.get(read.choice((*path, "kind"), tuple(KINDS), default="person") or "person", ActorKind.PERSON)
    written = {key: read.texts((*path, key)) for key in MEMBERS}
    has_where = read.value((*path, WHERE)) is not None
    if not any(written.values()) and not has_where and isinstance(read.value(path), Mapping):
        keys = (*MEMBERS, WHERE)
        text = f"team {name!r} has no members."
        read.refuse(path, "MAP-011", text, f"Name a {', '.join(keys[:-1])} or {keys[-1]}.")
    parts: dict[str, Any] = {part: frozenset(one.casefold() for one in written[key]) for key, part in MEMBERS.items()}
    parts["where"] = conditions.at((*path, WHERE), f"where of team {name}")
    spelling = {one.casefold(): one for names in written.values() for one in names}
    acts_for = _acts_for(read, name, kind, entries)
    return Team(
        name,
        kind,
        read.rule(f"team {name}", *path),
        acts_for=acts_for,
        spelling=spelling,
        **{part: said for part, said in parts.items() if said},
    )


def _acts_for(read: Reader, name: str, kind: ActorKind, entries: Iterable[str]) -> str | None:
    path = ("teams", name, "acts_for")
    acts_for = read.text(path)
    if acts_for is not None and ((acts_for not in entries and acts_for != RECORD_OWNER) or kind not in MACHINES):
        read.refuse(
            path,
            "MAP-012",
            f"acts_for = {acts_for!r} names no team under [teams], or {name!r} is no tool or automation.",
            f'Only a tool or an automation acts for a team, or for the "{RECORD_OWNER}"; name one of: {", ".join(entries)}',
        )
        return None
    return acts_for


def sides_of(teams: Iterable[Team]) -> frozenset[str]:
    """Return the teams that a move can be made for, by syncd and by assignment rules too."""
    return frozenset({team.side for team in teams if team.acts_for != RECORD_OWNER} | {SYNCD, ASSIGNMENT_RULE})


def holders_in(teams: Iterable[Team]) -> frozenset[str]:
    """Return the teams that may have the ball: people, of the company or of its partners."""
    return frozenset(team.side for team in teams if team.kind in (ActorKind.PERSON, ActorKind.PARTNER))


def people_in(teams: Iterable[Team]) -> frozenset[str]:
    """Return the teams of the company's own people."""
    return frozenset(team.side for team in teams if team.kind is ActorKind.PERSON)
