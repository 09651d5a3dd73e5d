"""Who was in which role, group or queue at the time of a change, when that has changed since?

The mirror holds what is; what it was before is kept row by row, with the time until which it was so. Where syncd did not look
for a while, only a span is known in which a row changed: whoever would be of another team before than after is nobody's then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.core.directory import Directory, directory_from
from syncd.core.values import Fields, OrgRecord

DIRECTORY_OBJECTS = (
    "User",
    "Group",
    "GroupMember",
    "UserRole",
    "PermissionSetAssignment",
    "Territory2",
    "UserTerritory2Association",
)
# A row of these that is new was not there before; a user, role, group or territory without members makes nobody anything.
MEMBERSHIPS = frozenset({"GroupMember", "PermissionSetAssignment", "UserTerritory2Association"})
VIEWS_KEPT = 256


@dataclass(frozen=True, slots=True)
class Former:
    """What a row of the directory was until it changed. `fields` None: it was not there.

    Until `unsure_from` it was so for sure, from `until_at` on for sure no longer.
    """

    object: str
    id: str
    until_at: datetime
    unsure_from: datetime
    fields: Fields | None


def former_of(known: OrgRecord | None, now: OrgRecord, *, looked_at: datetime | None, read_at: datetime) -> Former | None:
    """Say what a row was before it was read as it is now; None when there is nothing to keep.

    Shapes: `looked_at` is up to when everything of its object had been read before, None when it is read for the first time;
    `read_at` the org's time of this reading. A deletion carries no time of its own: it lies somewhere between the two.
    """
    if looked_at is None or (known is None and now.object not in MEMBERSHIPS):
        return None
    if known is None or known.is_deleted:
        return None if now.is_deleted else Former(now.object, now.id, now.modified_at, now.modified_at, None)
    if now.is_deleted:
        return Former(now.object, now.id, read_at, max(known.modified_at, min(looked_at, read_at)), known.fields)
    if dict(known.fields) == dict(now.fields):
        return None
    unsure_from = max(known.modified_at, min(looked_at, now.modified_at))
    return Former(now.object, now.id, now.modified_at, min(unsure_from, now.modified_at), known.fields)


@dataclass(slots=True)
class Past:
    """The directory as it was at any time."""

    rows: Mapping[str, Mapping[str, OrgRecord]]
    former: Sequence[Former]
    present: Directory
    _bounds: list[datetime] = field(default_factory=list)
    _views: dict[int, Directory] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.former = sorted(self.former, key=lambda each: each.until_at, reverse=True)
        self._bounds = sorted({at for each in self.former for at in (each.unsure_from, each.until_at)})

    def at(self, when: datetime) -> Directory | None:
        """Return the directory of a moment, with `unsure` for whom two states are possible; None when it was as it is."""
        place = bisect_right(self._bounds, when)
        if place == len(self._bounds):
            return None
        if place not in self._views:
            if len(self._views) >= VIEWS_KEPT:
                self._views.clear()
            self._views[place] = self._view(when)
        return self._views[place]

    def _view(self, when: datetime) -> Directory:
        before = self._undone([each for each in self.former if each.until_at > when])
        after = self._undone([each for each in self.former if each.unsure_from > when])
        return replace(before, unsure={id: user for id, user in after.users.items() if user != before.users.get(id)})

    def _undone(self, former: Iterable[Former]) -> Directory:
        """Take these changes back, the latest first."""
        rows: dict[str, dict[str, OrgRecord]] = {}
        for each in former:
            if each.object not in rows:
                rows[each.object] = dict(self.rows.get(each.object, {}))
            if each.fields is None:
                rows[each.object].pop(each.id, None)
            else:
                rows[each.object][each.id] = OrgRecord(each.object, each.id, each.until_at, each.fields)
        found = {name: rows.get(name, known).values() for name, known in {**self.rows, **rows}.items()}
        return directory_from(found, self.present.own_user_id, self.present.unseen)


def directory_with_past(
    rows: Mapping[str, Mapping[str, OrgRecord]], former: Sequence[Former], own_user_id: str, unseen: Iterable[str] = ()
) -> Directory:
    """Build the directory of now, which knows what it was before.

    Shapes: `rows` by object and id as they are now.
    """
    present = directory_from({name: known.values() for name, known in rows.items()}, own_user_id, unseen)
    return replace(present, as_of=Past(rows, former, present).at) if former else present
