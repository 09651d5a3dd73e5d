"""Whose leads will nobody work: of inactive owners, in queues without members, in piles, or with a machine?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import median
from typing import Any

from syncd.core.actors import Team, actor_of
from syncd.core.directory import Directory
from syncd.core.values import ActorKind, OrgRecord

PILE_TIMES = 3
PILE_LEADS = 20
TEAM_MIN = 3
NAMED_MAX = 3


class Ailment(StrEnum):
    """What is wrong with an owner, the most urgent first."""

    INACTIVE = "inactive owner"
    NOBODY = "queue without members"
    SYNCD = "syncd's own user"
    MACHINE = "machine"
    UNSEEN = "owner that syncd cannot see"
    PILE = "lopsided load"


@dataclass(frozen=True, slots=True)
class OwnerFinding:
    """One owner whose leads need somebody. `name` is empty where a person would be put to shame; `typical` is the median of
    the team of a lopsided load."""

    ailment: Ailment
    owner_id: str
    name: str
    leads: int
    team: str = ""
    typical: float = 0


def find(loads: Mapping[str, int], people: Directory, teams: Sequence[Team]) -> list[OwnerFinding]:
    """Say which owners of open leads need a look, the most urgent kind first, then by number of leads.

    Shapes: `loads` counts open leads by owner id, a user's or a queue's.
    """
    staffed = {name for user in people.users.values() if user.is_active for name in user.queues}
    found = [_owner(id, number, people, teams, staffed) for id, number in loads.items() if number > 0]
    findings = [one for one in found if one is not None] + list(_piles(loads, people, teams))
    order = list(Ailment)
    return sorted(findings, key=lambda one: (order.index(one.ailment), -one.leads, one.owner_id))


def _owner(id: str, leads: int, people: Directory, teams: Sequence[Team], staffed: set[str]) -> OwnerFinding | None:
    names = people.queues.get(id)
    if names is not None:
        is_empty = "GroupMember" not in people.unseen and not names & staffed
        return OwnerFinding(Ailment.NOBODY, id, people.display(id), leads) if is_empty else None
    user = people.users.get(id)
    if id == people.own_user_id:
        return OwnerFinding(Ailment.SYNCD, id, people.display(id), leads)
    if user is None:
        return OwnerFinding(Ailment.UNSEEN, id, id, leads)
    if not user.is_active:
        return OwnerFinding(Ailment.INACTIVE, id, user.name, leads)
    if actor_of(id, people, teams).kind in (ActorKind.TOOL, ActorKind.AUTOMATION, ActorKind.SHARED):
        return OwnerFinding(Ailment.MACHINE, id, user.name, leads)
    return None


def _piles(loads: Mapping[str, int], people: Directory, teams: Sequence[Team]) -> Iterable[OwnerFinding]:
    """Give the owners who hold far more than is usual in their team. Source: Lead assignment that stopped going round."""
    by_team: dict[str, dict[str, int]] = {}
    for id, user in people.users.items():
        if id in loads and user.is_active:
            actor = actor_of(id, people, teams)
            if actor.kind is ActorKind.PERSON and actor.team is not None:
                by_team.setdefault(actor.team, {})[id] = loads[id]
    for team, mine in by_team.items():
        usual = median(mine.values())
        for id, leads in mine.items():
            if len(mine) >= TEAM_MIN and leads > PILE_TIMES * usual and leads - usual >= PILE_LEADS:
                yield OwnerFinding(Ailment.PILE, id, "", leads, team, float(usual))


def moved(before: OrgRecord | None, after: OrgRecord | None) -> Counter[str]:
    """Return what a lead's new state adds to the loads of its owners."""
    change: Counter[str] = Counter()
    for record, number in ((before, -1), (after, 1)):
        owner = record.text("OwnerId") if record is not None and is_open(record) else None
        if owner is not None:
            change[owner] += number
    return Counter({owner: number for owner, number in change.items() if number})


def is_open(record: OrgRecord) -> bool:
    """Tell whether a lead is still somebody's to work."""
    return not record.is_deleted and not record.fields.get("IsConverted")


def sentences(findings: Sequence[OwnerFinding]) -> list[str]:
    """Say in one sentence for each kind of finding how many leads it is about, and of whom."""
    told: list[str] = []
    for ailment in Ailment:
        mine = [one for one in findings if one.ailment is ailment]
        if not mine:
            continue
        leads = sum(one.leads for one in mine)
        names = ", ".join(one.name for one in mine[:NAMED_MAX] if one.name)
        more = f" and {len(mine) - NAMED_MAX} more" if len(mine) > NAMED_MAX else ""
        told.append(_sentence(ailment, leads, mine, f"{names}{more}"))
    return told


def _sentence(ailment: Ailment, leads: int, mine: Sequence[OwnerFinding], names: str) -> str:
    several = f"{leads:,} open lead{'s' if leads != 1 else ''}"
    match ailment:
        case Ailment.INACTIVE:
            return f"{several} of inactive owners: {names}"
        case Ailment.NOBODY:
            return f"{several} in queues that no active user is in: {names}"
        case Ailment.SYNCD:
            return f"{several} owned by syncd's own user, who will not call anybody"
        case Ailment.MACHINE:
            return f"{several} owned by machines: {names}"
        case Ailment.UNSEEN:
            return f"{several} of owners that syncd's user may not see: {names}"
        case Ailment.PILE:
            teams = "; ".join(
                f"{one.leads:,} with one person of {one.team}, where {one.typical:g} are usual" for one in mine[:NAMED_MAX]
            )
            return f"lopsided loads: {teams}{f'; and {len(mine) - NAMED_MAX} more' if len(mine) > NAMED_MAX else ''}"


def to_json(findings: Iterable[OwnerFinding]) -> list[dict[str, Any]]:
    """Return findings as JSON values."""
    return [{**asdict(one), "ailment": one.ailment.value} for one in findings]


def from_json(body: Iterable[Mapping[str, Any]]) -> list[OwnerFinding]:
    """Read findings back."""
    return [OwnerFinding(**{**one, "ailment": Ailment(one["ailment"])}) for one in body]
