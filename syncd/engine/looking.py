"""What became of a write that may have been sent, as far as the org shows?

Nothing is guessed: the record is read, and its history where somebody else saved it since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.core.fence_fields import history_of
from syncd.core.routes import READ_AT_ONCE
from syncd.core.values import Intent, OrgRecord, Outcome, OutcomeKind, Scalar
from syncd.engine.closing import Closing
from syncd.engine.world import Cycle
from syncd.ports import Fresh, OpenIntent, OrgWriter

Written = set[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Group:
    """Intents on one record that travel together."""

    items: tuple[OpenIntent, ...]

    @property
    def intent(self) -> Intent:
        """Return the first intent; all name the same record."""
        return self.items[0].intent

    @property
    def values(self) -> dict[str, Scalar]:
        """Return what would be written."""
        return {item.intent.field: item.intent.after for item in self.items}

    def all(self, outcome: Outcome) -> list[Closing]:
        """Close every intent of the group alike."""
        return [(item, outcome) for item in self.items]


@dataclass(frozen=True, slots=True)
class Sight:
    """Some groups' records of one object as just read, and what syncd itself wrote to them since the decisions."""

    fresh: Fresh
    ours: Written

    def of(self, group: Group) -> OrgRecord | None:
        """Return the record of a group, or None when it is gone or no longer visible."""
        return self.fresh.records.get(group.intent.record_id)


def grouped(items: Iterable[OpenIntent]) -> list[Group]:
    """Put together what travels in one request: intents on one record, of one part, and alike in what they need."""
    groups: dict[tuple[str, str, str, bool], list[OpenIntent]] = {}
    for item in items:
        one = item.intent
        groups.setdefault((one.object, one.record_id, one.part, one.is_contested), []).append(item)
    return [Group(tuple(group)) for group in groups.values()]


def by_object(groups: Iterable[Group], at_once: int = READ_AT_ONCE) -> Iterator[tuple[str, list[Group]]]:
    """Cut groups into pieces of one object each, no larger than one look."""
    mine: dict[str, list[Group]] = {}
    for group in groups:
        mine.setdefault(group.intent.object, []).append(group)
    for name in sorted(mine):
        for start in range(0, len(mine[name]), at_once):
            yield name, mine[name][start : start + at_once]


def look(org: OrgWriter, cycle: Cycle, name: str, groups: Sequence[Group], more: Iterable[str] = ()) -> Sight:
    """Read the records of some groups of one object as they stand now, in the fields that they write and in `more`."""
    fields = sorted({field for group in groups for field in group.values} | {"LastModifiedById", *more})
    fresh = org.read(name, sorted({group.intent.record_id for group in groups}), fields)
    return Sight(fresh, _written_by_us(org, cycle, name, groups, fresh))


def _written_by_us(org: OrgWriter, cycle: Cycle, name: str, groups: Sequence[Group], fresh: Fresh) -> Written:
    """Return (record id, field, new value) of our own history rows since the decision, asked only where others saved since."""
    kept = history_of(name)
    history, parent = kept.object, kept.parent
    if history not in cycle.schema:
        return set()
    decided_at: dict[str, datetime | None] = {}
    for group in groups:
        record = fresh.records.get(group.intent.record_id)
        if record is not None and _is_doubtful(group, record, cycle):
            decided_at[record.id] = _decided_at(group)
    if not decided_at:
        return set()
    where = {parent: sorted(decided_at), "CreatedById": [cycle.identity.user_id]}
    rows = org.find(history, (parent, "Field", "NewValue"), where).records.values()
    return {
        (row.text(parent) or "", _field_of(row), row.text("NewValue") or "")
        for row in rows
        if (at := decided_at.get(row.text(parent) or "")) is None or row.modified_at > at
    }


def _field_of(row: OrgRecord) -> str:
    """Name the field of a history row as the record does: history says Owner where the record says OwnerId."""
    field = row.text("Field") or ""
    return "OwnerId" if field == "Owner" else field


def _is_doubtful(group: Group, record: OrgRecord, cycle: Cycle) -> bool:
    """Tell whether only history can say if our write came through: somebody saved the record after the decision."""
    is_there = holds(group, record)
    if is_there and record.fields.get("LastModifiedById") == cycle.identity.user_id:
        return False
    at = _decided_at(group)
    return is_there if at is None else record.modified_at != at


def _decided_at(group: Group) -> datetime | None:
    text = group.intent.decided_on
    return None if text is None else datetime.fromisoformat(text)


def holds(group: Group, record: OrgRecord) -> bool:
    """Tell whether a record holds everything that a group would write."""
    return all(record.fields.get(field) == value for field, value in group.values.items())


def settled(group: Group, sight: Sight, cycle: Cycle) -> list[Closing] | None:
    """Say how a group ends without being sent (again), or None when it still stands.

    Source: promise 5: a person's edit is never clobbered; what was changed since the decision is theirs.
    """
    record = sight.of(group)
    if record is None:
        return group.all(Outcome(OutcomeKind.SUPERSEDED, "the record is gone or no longer visible", code="GONE"))
    # A save is whole or nothing: one field in the history speaks for those that the org keeps no history of.
    is_in_history = any((record.id, field, str(value)) in sight.ours for field, value in group.values.items())
    if holds(group, record):
        if is_in_history or _is_ours_alone(group) or record.fields.get("LastModifiedById") == cycle.identity.user_id:
            return group.all(Outcome(OutcomeKind.CONFIRMED, "found written when looking"))
        return group.all(Outcome(OutcomeKind.SUPERSEDED, "somebody else has set the same value"))
    if _is_ours_alone(group):
        return None
    if is_in_history:
        return group.all(Outcome(OutcomeKind.CONFIRMED, "written, as the history shows, and changed again since"))
    at = _decided_at(group)
    if at is not None and record.modified_at != at:
        return group.all(Outcome(OutcomeKind.SUPERSEDED, "the record was saved since; it is judged again"))
    moved = [item for item in group.items if record.fields.get(item.intent.field) not in (item.intent.before, item.intent.after)]
    if moved:
        names = ", ".join(item.intent.field for item in moved)
        return group.all(Outcome(OutcomeKind.SUPERSEDED, f"{names} was changed since; theirs stands"))
    return None


def _is_ours_alone(group: Group) -> bool:
    """Tell whether nobody else writes these fields. An opt-out needs no precondition either, but others set it too."""
    return all(not item.intent.is_contested and item.intent.part == "map" for item in group.items)
