"""Whose are the fields that no fence stands on?"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from syncd.core.fence_file.bindings import OPPORTUNITY, object_field
from syncd.core.fence_model import Bound, Sharing, SideRule
from syncd.core.reading import Reader
from syncd.core.sides import LATCHES

FIELDS = "fields"
KEYS = ("team", "follows", "shared")


def read_sides(
    read: Reader, bound: Collection[Bound], fences: Mapping[str, Collection[str]], teams: Collection[str]
) -> tuple[SideRule, ...]:
    """Read [fields]. `bound` is what fences stand on, `fences` maps their names to their objects, `teams` may hold a field."""
    fenced = {(one.object, one.field) for one in bound}
    found = [_side(read, written, fenced, fences, teams) for written in read.table((FIELDS,))]
    return tuple(rule for rule in found if rule is not None)


def _side(
    read: Reader,
    written: str,
    fenced: Collection[tuple[str, str]],
    fences: Mapping[str, Collection[str]],
    teams: Collection[str],
) -> SideRule | None:
    path = (FIELDS, written)
    split = object_field(read, path, written)
    read.known_keys(path, KEYS)
    if split is None:
        return None
    object, field = split
    if field in LATCHES:
        text = f"{written} has no side: whoever opts out is heard, and nobody opts anybody in."
        read.refuse(path, "MAP-058", text, "Take the line out; the latch stands above all rules.")
    elif split in fenced or field == "OwnerId":
        text = f"a fence stands on {written} already."
        read.refuse(path, "MAP-058", text, "Take the line out: the fence says whose its values are.")
    given = [key for key in KEYS if read.value((*path, key)) is not None]
    if len(given) != 1 and isinstance(read.value(path), dict):
        said = "nothing" if not given else " and ".join(given)
        text = f"{written} says {said}; it takes one of team, follows and shared."
        read.refuse(path, "MAP-059", text, 'Write it as { follows = "status" }, { team = "sales" } or { shared = "newest" }.')
    team, follows = read.text((*path, "team")), read.text((*path, "follows"))
    if team is not None and team not in teams:
        read.unknown((*path, "team"), "MAP-022", f"{written} is given to {team!r}, which is no team of people", teams, team)
    if follows is not None and follows not in fences:
        read.unknown((*path, "follows"), "MAP-059", f"{written} follows {follows!r}, which is no fence", fences, follows)
    elif follows is not None and object not in fences[follows]:
        text = f"{written} follows {follows!r}, which does not stand on {object}."
        read.refuse((*path, "follows"), "MAP-059", text, 'Name a fence of the same object, or say whose it is: { team = "…" }')
    shared = read.choice((*path, "shared"), tuple(each.value for each in Sharing))
    rule = read.rule(f"field {written}", *path)
    return SideRule(object, field, rule, team, follows, None if shared is None else Sharing(shared))


def is_read_only(object: str) -> bool:
    """Tell whether syncd never writes an object, whatever a policy says."""
    return object == OPPORTUNITY
