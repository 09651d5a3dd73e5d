"""Which mass edits are among what was just read, and who hears of them?

They are looked for before the first row is judged, in everything that is new and in what each login did in the minutes before,
so that it does not matter in how many pieces a mass edit is read. Killed before the rows are decided, the next cycle finds the
same again: what is remembered is a set of records with their times.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from syncd.core.bulk_events import (
    NO_MASS_EDITS,
    Event,
    Key,
    MassEdits,
    Seen,
    by_key,
    card,
    find,
    gone_on,
    joined,
    key_of,
    recent_of,
    subject_of,
    touched,
)
from syncd.core.fence_model import OWNER, Fences
from syncd.core.values import InboxItem, Judgement, OrgRecord
from syncd.engine.backfill import first_load_of
from syncd.engine.world import Cycle, World
from syncd.ports import Mark, StoreReader, StoreWriter

RECENT = "recent edits"
EVENTS = "mass edits"
SPANS = "spans of mass edits"
REMEMBERED = timedelta(days=3)
NAME_IN_HISTORY = {"OwnerId": "Owner"}


def mass_edits(world: World, cycle: Cycle, fences: Fences) -> MassEdits:
    """Find the mass edits by others that reach into what is about to be judged, and remember what was read.

    Shapes: baselines are left out: what happened before an object was first read is history.
    """
    before_now = _known_spans(world.store)
    edits = by_key(_new_edits(world, cycle, fences))
    if not edits:
        return before_now
    known = world.store.verdicts(RECENT, [subject_of(key) for key in edits])
    before = {key: _read(known[subject_of(key)]) for key in edits if subject_of(key) in known}
    after = {subject_of(key): _text(recent_of([*before.get(key, ()), *seen], fences.bulk)) for key, seen in edits.items()}
    changed = {subject: text for subject, text in after.items() if known.get(subject) != text}
    found = joined(find(edits, before, fences.bulk), before_now, cycle.now - REMEMBERED)
    if changed or found != before_now:
        with world.store.begin() as tx:
            tx.put_verdicts(RECENT, changed)
            tx.put_setting(
                SPANS, {subject_of(key): [[a.isoformat(), b.isoformat()] for a, b in found.spans[key]] for key in found.spans}
            )
    return found


def _known_spans(store: StoreReader) -> MassEdits:
    """Return the mass edits of the last days: what waits for its grace time is judged again long after it was read."""
    known = store.setting(SPANS)
    if not isinstance(known, dict):
        return NO_MASS_EDITS
    times = {key_of(subject): [[datetime.fromisoformat(at) for at in span] for span in spans] for subject, spans in known.items()}
    return MassEdits({key: tuple((first, last) for first, last in spans) for key, spans in times.items()})


def _new_edits(world: World, cycle: Cycle, fences: Fences) -> Iterator[tuple[Key, Seen]]:
    marks = world.store.marks()
    staged = world.store.staged_objects()
    for object, history in cycle.families.items():
        fields = {NAME_IN_HISTORY.get(name, name): name for name in _watched(fences, object)}
        if not fields or history not in cycle.needs or marks.get(history, Mark()).decided_at is None:
            continue
        parent = cycle.needs[history].parent
        for row in cycle.caught.get(history, ()):
            yield from _edit(object, fields, parent, row, cycle.identity.user_id)
        if history not in staged:
            continue
        loading = first_load_of(world.store, history)
        for edit in world.store.staged_edits(history, fields, None if loading is None else loading.cut_at):
            if edit.login_id != cycle.identity.user_id:
                yield (edit.login_id, object, fields[edit.field]), (edit.at, edit.record_id)


def _watched(fences: Fences, object: str) -> tuple[str, ...]:
    has_owner = any(fence.name == OWNER and any(bound.object == object for bound in fence.bound) for fence in fences.fences)
    return tuple(dict.fromkeys((*fences.fields_of(object), *(("OwnerId",) if has_owner else ()))))


def _edit(
    object: str, fields: Mapping[str, str], parent: str | None, row: OrgRecord, own_user_id: str
) -> Iterable[tuple[Key, Seen]]:
    login, name = row.text("CreatedById"), fields.get(row.text("Field") or "")
    record_id = row.text(parent) if parent else None
    if login and name and record_id and login != own_user_id:
        yield (login, object, name), (row.modified_at, record_id)


def tell_mass_edits(tx: StoreWriter, world: World, cycle: Cycle, edits: MassEdits, judgements: Sequence[Judgement]) -> None:
    """Count what a batch adds to mass edits, and keep one inbox item for each whose moves pass no gate.

    Shapes: `judgements` are those of records that were known before; announced and lawful moves need nobody.
    """
    if not edits.spans:
        return
    parts = list(touched(edits, ((item.change, item.fence is not None) for item in judgements)))
    if not parts:
        return
    events = _events(world.store, [subject_of(key) for key, *_ in parts])
    cards: dict[str, InboxItem] = {}
    for key, actor, span, records, crossings in parts:
        subject = subject_of(key)
        event = events[subject] = gone_on(events.get(subject), span, records, crossings, world.policies.fences.bulk)
        if event.crossings and not event.is_confirmed:
            cards[subject] = card(key, actor, event)
        cycle.count("changes in mass edits", records)
    tx.put_verdicts(EVENTS, {subject: json.dumps(event.as_json()) for subject, event in events.items()})
    tx.put_inbox(list(cards.values()), cycle.now)


def confirm(world: World, tx: StoreWriter, item: InboxItem) -> None:
    """Note that a mass edit was meant: what is left of it to be read opens no item any more."""
    for subject, event in _events(world.store, [item.subject]).items():
        tx.put_verdicts(EVENTS, {subject: json.dumps({**event.as_json(), "is_confirmed": True})})


def _events(store: StoreReader, subjects: Iterable[str]) -> dict[str, Event]:
    return {subject: Event.read(json.loads(text)) for subject, text in store.verdicts(EVENTS, subjects).items()}


def _text(seen: Sequence[Seen]) -> str:
    return json.dumps([[at.isoformat(), id] for at, id in seen], separators=(",", ":"))


def _read(text: str) -> list[Seen]:
    return [(datetime.fromisoformat(at), id) for at, id in json.loads(text)]
