"""Which changes of a record were saved together, and which of them were part of an event of its own kind?

A transaction is what one login saved on one record in one second. Conversions, merges and undeletes move fields too, and so
does the org's automation in the name of whoever saved: neither is anybody's move.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from syncd.core.changes import CONVERSION, automation
from syncd.core.values import ActorKind, Change, OrgRecord, Proof

CONVERTED = "part of a lead conversion"
MERGED = "part of a merge"
UNDELETED = "came back with the record from the recycle bin"
EVENTS: Mapping[str, str] = {
    CONVERSION: CONVERTED,
    "leadMerged": MERGED,
    "contactMerged": MERGED,
    "accountMerged": MERGED,
}
"""What a history row's Field says when it names an event and no field."""

Followers = Mapping[tuple[str, str], frozenset[str]]
"""By (object, field) the fields without which it never moves."""


def transactions(changes: Sequence[Change]) -> Iterator[list[int]]:
    """Group the changes of one record into transactions, in the order in which they began.

    Shapes: indices of `changes`, which come in the order in which they happened. A transaction moves a field once: whoever
    moves it again in the same second begins another.
    """
    group: list[int] = []
    for index, change in enumerate(changes):
        if group and not _is_one(changes[group[0]], change, (changes[at].field for at in group)):
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def _is_one(first: Change, change: Change, fields: Iterable[str]) -> bool:
    same = (first.changed_at, first.actor.user_id) == (change.changed_at, change.actor.user_id)
    return same and change.field not in fields


def events_of(history: Sequence[OrgRecord]) -> dict[datetime, str]:
    """Return by moment the events that history rows tell of. All that moved in that second belongs to them.

    Source: Object Reference, LeadHistory and ContactHistory, Field.
    """
    named = ((row.modified_at, EVENTS.get(row.text("Field") or "")) for row in history)
    return {at: event for at, event in named if event is not None}


def automated(changes: Sequence[Change], followers: Followers) -> list[Change]:
    """Take what the org's automation did in somebody's name out of that name.

    It is a field that never moves without another one that moved in the same transaction, and a field that moves twice in
    one second: nobody saves a record twice in a second.
    Source: real orgs, assumption 4.
    """
    if len(changes) < 2:
        return list(changes)
    found = list(changes)
    moved: set[tuple[datetime, str | None, str]] = set()
    for group in transactions(changes):
        fields = {changes[index].field for index in group}
        for index in group:
            change = changes[index]
            if change.proof is not Proof.HISTORY:
                continue
            save = (change.changed_at, change.actor.user_id, change.field)
            leads = followers.get((change.object, change.field), frozenset()) & fields
            leader = None if change.actor.kind is ActorKind.SYNCD else min(leads, default=None)
            if leader is not None or save in moved:
                why = f"{change.field} always moves with {leader}" if leader else f"{change.field} moved twice in one second"
                found[index] = replace(change, actor=automation(change.actor, why), proof=Proof.AUTOMATION)
            moved.add(save)
    return found
