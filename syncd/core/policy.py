"""What do fences.toml say, and what is wrong in them?

Parsed tables in, (Fences, problems) out. Source of the rules: practices 1, 7, 9, 69 and 81 (docs/practices.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from syncd.core.actors import Team
from syncd.core.fence_model import ANY, OWNER, STATUS, Bound, Fence, Fences, Gate, Holding, Ladder
from syncd.core.reading import Reader
from syncd.core.tables import Table
from syncd.core.values import ActorKind, Problem, Verdict

MODES = {"observe": Verdict.NOTE, "warn": Verdict.WARN, "revert": Verdict.REVERT}
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
NEVER_ENFORCED = {
    "admin": "an admin is noted and never reverted",
    "partner": "a partner is noted and never warned or reverted",
    "shared": "behind a login that several use stands nobody in particular",
    "unknown": "an actor that is not sure is only noted",
}
SYNCD = "syncd"
ARROW = "->"


def parse_fences(table: Table) -> tuple[Fences | None, list[Problem]]:
    """Read fences.toml.

    Shapes: (Fences, []) or (None, every problem of the file).
    """
    read = Reader(table)
    read.known_keys((), ("version", "teams", "status", "gate", "owner", "crossing"))
    version = read.text(("version",), required=True)
    teams = _teams(read)
    sides = {team.side for team in teams} | {SYNCD}
    statuses = _statuses(read, {team.side for team in teams if team.kind is ActorKind.PERSON})
    gates = _gates(read, ("gate",), set(statuses), sides, {name: holding.team or "" for name, holding in statuses.items()})
    owners = {team.side for team in teams}
    owner_gates = _gates(read, ("owner",), owners, sides, {side: side for side in owners})
    read.known_keys(("crossing",), (STATUS, OWNER))
    status = _fence(read, STATUS, Bound("Lead", "Status"), statuses, gates)
    owner = _fence(read, OWNER, Bound("Lead", "OwnerId"), {}, owner_gates)
    if read.problems:
        return None, read.problems
    return Fences(version or "", table.sha256, tuple(teams), (status, owner)), []


def _teams(read: Reader) -> list[Team]:
    entries = read.table(("teams",), required=True)
    if read.value(("teams",)) == {}:
        read.refuse(
            ("teams",), "MAP-010", "no team is named.", 'Write one line a team, such as: sales = { role = ["Sales Rep"] }'
        )
    teams = []
    for name in entries:
        path = ("teams", name)
        read.plain_text(path, name)
        if name == SYNCD:
            read.refuse(path, "MAP-013", f"{SYNCD!r} is the name of syncd itself.", "Give the team another name.")
        read.known_keys(path, ("kind", "user", "profile", "role", "queue", "acts_for"))
        kind = KINDS.get(read.choice((*path, "kind"), tuple(KINDS), default="person") or "person", ActorKind.PERSON)
        written = {key: read.texts((*path, key)) for key in ("user", "profile", "role", "queue")}
        members = {key: frozenset(name.casefold() for name in names) for key, names in written.items()}
        spelling = {name.casefold(): name for names in written.values() for name in names}
        if not any(members.values()) and isinstance(read.value(path), Mapping):
            read.refuse(path, "MAP-011", f"team {name!r} has no members.", "Name a user, profile, role or queue.")
        acts_for = read.text((*path, "acts_for"))
        if acts_for is not None and (acts_for not in entries or kind not in (ActorKind.TOOL, ActorKind.AUTOMATION)):
            read.refuse(
                (*path, "acts_for"),
                "MAP-012",
                f"acts_for = {acts_for!r} names no team under [teams], or {name!r} is no tool or automation.",
                "Only a tool or an automation acts for a team; name one of: " + ", ".join(entries),
            )
        rule = read.rule(f"team {name}", *path)
        of_users, of_profiles, of_roles, of_queues = members.values()
        teams.append(Team(name, kind, rule, of_users, of_profiles, of_roles, of_queues, acts_for, spelling))
    return teams


def _statuses(read: Reader, people: set[str]) -> dict[str, Holding]:
    found = {}
    entries = read.table(("status",), required=True)
    if read.value(("status",)) == {}:
        read.refuse(("status",), "MAP-020", "no Lead Status value has an owner.", "Empty fences are refused: name every value.")
    for value in entries:
        path = ("status", value)
        read.plain_text(path, value)
        read.known_keys(path, ("team", "legacy"))
        team = read.text((*path, "team"), required=True)
        if team is not None and team not in people:
            read.unknown(
                (*path, "team"), "MAP-022", f"status {value!r} is given to {team!r}, which is no team of people", people, team
            )
        rule = read.rule(f"status {value}", *path)
        found[value] = Holding(value, rule, team or "", is_legacy=read.flag((*path, "legacy")))
    return found


def _gates(
    read: Reader, root: tuple[str, ...], values: set[str], teams: set[str], side_of: Mapping[str, str]
) -> dict[tuple[str, str], Gate]:
    gates: dict[tuple[str, str], Gate] = {}
    for text in read.table(root):
        path = (*root, text)
        read.known_keys(path, ("by",))
        by = read.texts((*path, "by"), required=True)
        for team in by:
            if team not in teams:
                read.unknown((*path, "by"), "MAP-031", f"gate {text!r} may be passed by {team!r}, which is no team", teams, team)
        rule = read.rule(text, *path)
        for before, after in _moves(read, path, text, values):
            if set(by) == {side_of[before]} and side_of[before] == side_of[after] and before != after:
                why = f"gate {text!r} lets {by[0]} move {before!r} to {after!r}, which are both its own."
                read.refuse(path, "MAP-034", why, "A team moves among its own values without a gate: delete it.")
            if (before, after) in gates:
                first = gates[before, after].rule
                why = f"{before!r} -> {after!r} already has a gate at line {first.line}."
                read.refuse(path, "MAP-035", why, "Put both teams into one line.")
            gates[before, after] = Gate(before, after, frozenset(by), rule)
    return gates


def _moves(read: Reader, path: tuple[str, ...], text: str, values: set[str]) -> list[tuple[str, str]]:
    left, arrow, right = text.partition(ARROW)
    after = right.strip()
    if not arrow or not after or not left.strip():
        read.refuse(path, "MAP-030", f"{text!r} is no gate.", 'Write it as "Inquiry, Nurture -> MQL".')
        return []
    befores = _names(left, values)
    if befores == [ANY]:
        befores = sorted(values - {after})
    bad = [value for value in [*befores, after] if value not in values]
    for value in bad:
        why = "which no team owns" if path[0] == "gate" else "which is no team"
        otherwise = f"Or give {value!r} a team under [status]." if value and path[0] == "gate" else ""
        read.unknown(path, "MAP-032", f"gate {text!r} names {value!r}, {why}", values, value, otherwise=otherwise)
    if after in befores and path[0] == "gate":
        read.refuse(
            path,
            "MAP-033",
            f"gate {text!r} leads from {after!r} to itself: nothing can pass it.",
            f"Take {after!r} out on the left.",
        )
        return []
    return [] if bad else [(before, after) for before in befores]


def _names(text: str, known: set[str]) -> list[str]:
    """Split at commas, but not inside a known value that holds one, such as "Closed, Lost"."""
    parts, names = text.split(","), []
    while parts:
        runs = ((end, ",".join(parts[:end]).strip()) for end in range(len(parts), 0, -1))
        end, name = next((end, name) for end, name in runs if name in known or end == 1)
        names.append(name)
        del parts[:end]
    return names


def _fence(
    read: Reader, name: str, bound: Bound, holdings: Mapping[str, Holding], gates: Mapping[tuple[str, str], Gate]
) -> Fence:
    path = ("crossing", name)
    read.known_keys(path, ("mode", "since"))
    mode: dict[ActorKind, Verdict] = {}
    for kind in read.table((*path, "mode")):
        here = (*path, "mode", kind)
        if kind in NEVER_ENFORCED:
            if read.value(here) != "observe":
                text = f"{kind} = {read.value(here)!r} is not possible: {NEVER_ENFORCED[kind]}."
                read.refuse(here, "MAP-041", text, 'Write "observe".')
        elif kind not in KINDS:
            read.unknown(here, "MAP-040", f"{kind!r} is no kind of actor", KINDS, kind)
        else:
            mode[KINDS[kind]] = MODES[read.choice(here, tuple(MODES)) or "observe"]
    ladder = Ladder(mode, _since(read, (*path, "since")))
    return Fence(name, read.rule(f"{name} fence", *path), (bound,), holdings, gates, ladder)


def _since(read: Reader, path: tuple[str, ...]) -> datetime | None:
    value: Any = read.value(path)
    if value is None:
        return None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            read.refuse(path, "MAP-042", f"since = {value} has no time zone.", "Write a date, or a time that ends in Z.")
            return None
        try:
            return value.astimezone(UTC)
        except OverflowError:
            read.refuse(path, "MAP-042", f"since = {value} is out of range.", "Write a date of this century.")
            return None
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    shown = value if isinstance(value, time) else repr(value)
    read.refuse(path, "MAP-042", f"since = {shown} is no date.", "Write it without quotes, such as: since = 2026-11-01")
    return None


def statuses_not_in_org(fences: Fences, picklist: Iterable[str]) -> tuple[list[str], list[str]]:
    """Compare fences.toml with the org's Lead Status picklist.

    Shapes: (values of the file that the org does not have, legacy ones apart; values of the org that no team owns), sorted.
    """
    org = set(picklist)
    holdings = fences.status.holdings
    return sorted({name for name, holding in holdings.items() if not holding.is_legacy} - org), sorted(org - set(holdings))
