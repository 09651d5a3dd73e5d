"""What would other fences have made of changes that were judged already?

Nothing follows from it: fences judge what happens from now on. It shows whom an edit of them is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from syncd.core.actors import actor_of
from syncd.core.directory import Directory
from syncd.core.fence_model import Fences, Ladder
from syncd.core.law import Law
from syncd.core.replay import Course, replay
from syncd.core.values import Actor, ActorKind, Change, Entry, Fields, Judgement, Proof

UNJUDGED = "not judged"
Key = tuple[str, object, object]


@dataclass(frozen=True, slots=True)
class Story:
    """What the ledger tells of one record: the rows of its changes as they happened, and what it holds after them."""

    object: str
    id: str
    rows: Sequence[Entry]
    holds: Fields


@dataclass(frozen=True, slots=True)
class Otherwise:
    """A change that two versions of the fences judge differently; a verdict is empty where none of the fences judges it."""

    change: Change
    before: str
    after: str
    reason: str

    @property
    def who(self) -> str:
        """Name who made the change, and for which team."""
        actor = self.change.actor
        by = actor.name or actor.kind.value
        return f"{by} ({actor.team})" if actor.team else by

    @property
    def text(self) -> str:
        """Return it as one line."""
        change = self.change
        moved = f"{change.object} {change.record_id} {change.field} {change.before!r} -> {change.after!r}"
        why = f", {self.reason}" if self.reason else ""
        return f"{moved} by {self.who} at {change.changed_at:%Y-%m-%d %H:%M} UTC: {self.before} -> {self.after}{why}"


def law_for(fences: Fences, people: Directory) -> Law:
    """Return what to judge the past by: as if these fences had stood all the time, and no quiet period lay in it."""
    ever = tuple(replace(fence, ladder=_ever(fence.ladder)) for fence in fences.fences)
    sides = tuple(replace(side, ladder=_ever(side.ladder)) for side in fences.sides)
    return Law(replace(fences, fences=ever, sides=sides), people, past=people.at)


def _ever(ladder: Ladder) -> Ladder:
    return replace(ladder, since=None)


def judged_otherwise(stories: Iterable[Story], before: Law, after: Law) -> list[Otherwise]:
    """Judge what happened to some records by two versions of the fences, and return where they differ, the newest first.

    Shapes: what spares a change besides the fences, such as an announced mass edit, is left aside on both sides.
    """
    found = []
    for story in stories:
        was, now = _judged(story, before), _judged(story, after)
        for key in {**was, **now}:
            one, other = was.get(key), now.get(key)
            if (one and one.verdict) is not (other and other.verdict):
                judged = other or one
                assert judged is not None
                found.append(Otherwise(judged.change, _verdict(one), _verdict(other), "" if other is None else other.reason))
    return sorted(found, key=lambda each: each.change.changed_at, reverse=True)


def counted(found: Iterable[Otherwise]) -> dict[str, Counter[str]]:
    """Count them by field, and by what becomes of the verdict."""
    counts: dict[str, Counter[str]] = {}
    for one in found:
        counts.setdefault(f"{one.change.object}.{one.change.field}", Counter())[f"{one.before} -> {one.after}"] += 1
    return dict(sorted(counts.items()))


def _verdict(judged: Judgement | None) -> str:
    return UNJUDGED if judged is None else judged.verdict.value


def _judged(story: Story, law: Law) -> Mapping[Key, Judgement]:
    changes = [change for row in story.rows if (change := _change(story, row, law)) is not None]
    held = dict(story.holds)
    for change in reversed(changes):
        held[change.field] = change.before
    own = frozenset(index for index, change in enumerate(changes) if change.actor.kind is ActorKind.SYNCD)
    judged = replay(Course(story.object, changes, held, explained=own), law).judgements
    return {(item.change.field, item.change.changed_at, item.change.after): item for item in judged}


def _change(story: Story, row: Entry, law: Law) -> Change | None:
    """Return the change that a row tells of, made by whom these fences take its user for."""
    if row.field is None or row.changed_at is None or row.proof is None or row.actor_kind is None:
        return None
    proof = Proof(row.proof)
    actor = Actor(row.actor_id, row.actor or "", ActorKind(row.actor_kind), row.team)
    if proof is Proof.HISTORY and row.actor_id is not None and actor.kind is not ActorKind.SYNCD:
        actor = actor_of(row.actor_id, law.people_at(row.changed_at), law.fences.teams)
    return Change(story.object, story.id, row.field, row.before, row.after, row.changed_at, actor, proof, row.evidence)
