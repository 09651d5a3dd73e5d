"""Which intents leave the reason of a revert where reps look, in this org?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from syncd.core.fence_model import Fences
from syncd.core.ladder import ladder_of
from syncd.core.telling import CLOSED, FIELD, NOTE_CHARS, TELL, Places, tellings
from syncd.core.values import Intent, OrgRecord, OutcomeKind
from syncd.engine.world import Cycle, World
from syncd.ports import LedgerQuery, OpenIntent

Caused = tuple[Intent, int | None]


def note_fields(fences: Fences) -> dict[tuple[str, str], str]:
    """Return the fields that take a note, by (object, field), each with the fence that says so."""
    found: dict[tuple[str, str], str] = {}
    for fence in fences.fences:
        place, _, name = (fence.ladder.tell or "").partition(" ")
        if place == FIELD:
            found |= {(bound.object, name): fence.name for bound in fence.bound}
    return found


def places_of(cycle: Cycle, fences: Fences) -> Places:
    """Say where words can be left. A note field that is hidden or read-only is none: the value is put back without it."""
    chars = {}
    for object, name in note_fields(fences):
        seen = cycle.schema.get(object)
        field = None if seen is None else seen.fields.get(name)
        if field is not None and field.is_updateable:
            chars[object, name] = field.length or NOTE_CHARS
    task = cycle.schema.get("Task")
    status = None if task is None else task.fields.get("Status")
    return Places(chars, status is not None and CLOSED in status.picklist, cycle.people, cycle.now)


def with_reasons(fences: Fences, record: OrgRecord | None, reverts: Sequence[Caused], places: Places) -> list[Caused]:
    """Return the reverts of one record, and behind them the intents that leave their reason."""
    if record is None or not reverts:
        return list(reverts)
    intents = [intent for intent, _ in reverts]
    ladders = [ladder for one in intents if (ladder := ladder_of(fences, one.object, one.field)) is not None]
    told = tellings(ladders[0].tell if ladders else None, record, intents, places)
    return [*reverts, *((one, reverts[0][1]) for one in told)]


def after_their_reverts(world: World, items: Iterable[OpenIntent]) -> Iterator[tuple[OpenIntent, bool | None]]:
    """Tell of each task or post whether it may be made: True once its revert is done, False once it will not be, None before.

    Shapes: whatever else is to be created may be made.
    """
    for item in items:
        yield item, True if item.intent.part != TELL else _is_done(world, item)


def _is_done(world: World, item: OpenIntent) -> bool | None:
    query = LedgerQuery(record_id=item.intent.record_id, field=item.intent.cause, kind="outcome", newest_first=True, limit=1)
    for row in world.store.ledger(query):
        if row.seq > item.seq:
            return row.entry.outcome == OutcomeKind.CONFIRMED
    return None
