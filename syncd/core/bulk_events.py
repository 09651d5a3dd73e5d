"""Was a change one of a mass edit: many records, by one login, in one field, within minutes?

A territory realignment, a data load, a Flow of the night: thousands of rows that one decision stands behind. Judged row by row
they would bury everything else, and putting them back would be a mass edit of syncd's own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from syncd.core.fence_model import BulkEvent
from syncd.core.values import MACHINES, Actor, Change, InboxItem, Proof

MASS_EDIT = "mass-edit"
PART_OF_ONE = "one of many in a mass edit, so only noted"

Key = tuple[str, str, str]
"""A login's id, an object and a field."""
Seen = tuple[datetime, str]
"""When a record was changed, and its id."""
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class MassEdits:
    """The stretches of time, by login, object and field, in which what that login did there was one event; ends included."""

    spans: Mapping[Key, tuple[Span, ...]] = field(default_factory=dict)

    def covers(self, change: Change) -> bool:
        """Tell whether a change was part of one. What no history row proves belongs to nobody, and so to no event."""
        return self.span_of(change) is not None

    def span_of(self, change: Change) -> Span | None:
        """Return the event that a change was part of."""
        if change.proof not in (Proof.HISTORY, Proof.SHARED_LOGIN):
            return None
        spans = self.spans.get((change.actor.user_id or "", change.object, change.field), ())
        at = bisect_right(spans, change.changed_at, key=lambda span: span[0])
        return spans[at - 1] if at and change.changed_at <= spans[at - 1][1] else None


NO_MASS_EDITS = MassEdits()


def spans_of(seen: Iterable[Seen], bulk: BulkEvent) -> tuple[Span, ...]:
    """Return the stretches that hold enough different records close enough together.

    Shapes: a change lies in one of them exactly when some window of `bulk.within` around it holds `bulk.records` records.
    """
    ordered = sorted(seen)
    here: Counter[str] = Counter()
    spans: list[Span] = []
    first = 0
    for at, record_id in ordered:
        here[record_id] += 1
        while at - ordered[first][0] > bulk.within:
            gone = ordered[first][1]
            here[gone] -= 1
            if not here[gone]:
                del here[gone]
            first += 1
        if len(here) < bulk.records:
            continue
        if spans and ordered[first][0] <= spans[-1][1]:
            spans[-1] = (spans[-1][0], at)
        else:
            spans.append((ordered[first][0], at))
    return tuple(spans)


def recent_of(seen: Iterable[Seen], bulk: BulkEvent) -> tuple[Seen, ...]:
    """Return what has to be remembered so that a mass edit is seen although it is read in pieces.

    Shapes: of each record its latest change, of the last `bulk.within`, no more than `bulk.records` of them: one more record
    makes it a mass edit then, whatever came before.
    """
    latest = {record_id: at for at, record_id in sorted(seen)}
    newest = max(latest.values(), default=None)
    kept = sorted((at, id) for id, at in latest.items() if newest is not None and at >= newest - bulk.within)
    return tuple(kept[-bulk.records :])


def find(edits: Mapping[Key, Sequence[Seen]], before: Mapping[Key, Sequence[Seen]], bulk: BulkEvent) -> MassEdits:
    """Find the mass edits among what is new, together with what was seen before."""
    found = {key: spans_of([*before.get(key, ()), *seen], bulk) for key, seen in edits.items()}
    return MassEdits({key: spans for key, spans in found.items() if spans})


def joined(edits: MassEdits, known: MassEdits, since_at: datetime) -> MassEdits:
    """Put together what was found now and what was known before, less what ended before `since_at`."""
    found: dict[Key, tuple[Span, ...]] = {}
    for key in {**known.spans, **edits.spans}:
        spans: list[Span] = []
        for span in sorted((*known.spans.get(key, ()), *edits.spans.get(key, ()))):
            if spans and span[0] <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(spans[-1][1], span[1]))
            elif span[1] >= since_at:
                spans.append(span)
        if spans:
            found[key] = tuple(spans)
    return MassEdits(found)


def by_key(edits: Iterable[tuple[Key, Seen]]) -> dict[Key, list[Seen]]:
    """Put the edits of one login in one field of one object together."""
    found: dict[Key, list[Seen]] = {}
    for key, seen in edits:
        found.setdefault(key, []).append(seen)
    return found


@dataclass(frozen=True, slots=True)
class Event:
    """What is known of the latest mass edit of one login in one field. `crossings` counts what passed no gate; `is_confirmed`:
    a person said that it was meant."""

    since: datetime
    until: datetime
    records: int = 0
    crossings: int = 0
    is_confirmed: bool = False

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Event:
        """Read what `as_json` gave."""
        times = {name: datetime.fromisoformat(body[name]) for name in ("since", "until")}
        return cls(**{**body, **times})

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "records": self.records,
            "crossings": self.crossings,
            "is_confirmed": self.is_confirmed,
        }


def gone_on(before: Event | None, span: Span, records: int, crossings: int, bulk: BulkEvent) -> Event:
    """Return the event with what a batch adds to it: the same one as long as it pauses no longer than `bulk.within`."""
    if before is None or span[0] > before.until + bulk.within or span[1] < before.since - bulk.within:
        return Event(*span, records, crossings)
    return replace(
        before,
        since=min(before.since, span[0]),
        until=max(before.until, span[1]),
        records=before.records + records,
        crossings=before.crossings + crossings,
    )


def who(actor: Actor) -> str:
    """Name a machine; of a person's login say the kind and the id, because a card is no accusation."""
    if actor.kind in MACHINES:
        return actor.name
    return f"the login {actor.user_id} ({actor.kind.value})"


def card(key: Key, actor: Actor, event: Event) -> InboxItem:
    """Tell of a mass edit, once for all its rows."""
    user_id, object, name = key
    when = f"between {event.since:%Y-%m-%d %H:%M} and {event.until:%H:%M} UTC"
    return InboxItem(
        MASS_EDIT,
        subject_of(key),
        f"{object} {name}",
        f"{who(actor)} changed {name} of {event.records:,} records {when}; {event.crossings:,} of these moves pass no gate. "
        "They stand: none of them is put back, and nobody is told.",
        "If it was meant, confirm it: syncd inbox resolve    Next time announce it: syncd window open --actor "
        f"{user_id} --field {object}.{name} --until … --reason …    If not, undo it where it was made.",
        detail=f"since {event.since.isoformat()} until {event.until.isoformat()}",
    )


def subject_of(key: Key) -> str:
    """Return the subject under which a login's mass edits of a field stand in the inbox."""
    user_id, object, name = key
    return f"{user_id}:{object}.{name}"


def key_of(subject: str) -> Key:
    """Read a subject back."""
    user_id, _, bound = subject.partition(":")
    object, _, name = bound.partition(".")
    return (user_id, object, name)


def touched(edits: MassEdits, changes: Iterable[tuple[Change, bool]]) -> Iterator[tuple[Key, Actor, Span, int, int]]:
    """Add changes up by the mass edit that they were part of.

    Shapes: changes come with whether they crossed a fence; the counts are of changed records and of crossings.
    """
    actors: dict[tuple[Key, Span], Actor] = {}
    records: dict[tuple[Key, Span], set[str]] = {}
    crossings: Counter[tuple[Key, Span]] = Counter()
    for change, is_crossing in changes:
        span = edits.span_of(change)
        if span is None:
            continue
        place = ((change.actor.user_id or "", change.object, change.field), span)
        actors[place] = change.actor
        records.setdefault(place, set()).add(change.record_id)
        crossings[place] += is_crossing
    for (key, span), ids in records.items():
        yield key, actors[key, span], span, len(ids), crossings[key, span]
