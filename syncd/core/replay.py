"""What came of all that happened to one record between two looks: what may stand, and what is owed?

Everything is judged in the order in which it happened, transaction by transaction. A status move and the owner move and reason
that came with it are one decision; what was lawful in the same save stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, Protocol

from syncd.core.actors import RECORD_OWNER, Directory, side_of
from syncd.core.changes import ASSIGNMENT_RULE, automation
from syncd.core.fence_fields import OWNER_FIELD
from syncd.core.fence_model import Fence, Ladder, SideRule
from syncd.core.fences import (
    NEVER,
    Crossing,
    Move,
    Passed,
    goes_with,
    is_assignment,
    judge_owner,
    judge_value,
    stands_on,
    text_of,
)
from syncd.core.ladder import FOLLOWED_UP, OWNER_WRITTEN, react
from syncd.core.law import Law
from syncd.core.sides import judge_side, restored
from syncd.core.sparing import Spared
from syncd.core.transactions import transactions
from syncd.core.values import ActorKind, Change, Fields, Judgement, Proof, Rule, Scalar, Verdict

BACK = "back to the last lawful value"
ASSIGNED = "moved by the org's assignment rule"
IN_OUR_SECOND = "the org's automation moved it in the second of syncd's write"
SIDES = "fields"
ALLOW, REVERT = Verdict.ALLOW, Verdict.REVERT
HISTORY, AUTOMATION = Proof.HISTORY, Proof.AUTOMATION


class Spare(Protocol):
    """What softens the verdict on a crossing of a rule."""

    def __call__(self, change: Change, verdict: Verdict, rule: Rule, /) -> Spared | None:
        """Say what the verdict is softened to and why, or None when it stands."""


def nothing_spared(change: Change, verdict: Verdict, rule: Rule) -> Spared | None:
    """Soften nothing."""
    return None


@dataclass(frozen=True, slots=True)
class Course:
    """What happened to one record between two looks.

    Shapes: `changes` of any fields, in the order in which they happened. `held` is what the record held before the first of
    them, as far as that is known; `owed` the lawful values still owed by field; `explained` the indices that syncd's own intents
    explain; `events` those that are part of an event which is lawful of its own kind, such as a conversion, with its name.
    `found` is what it holds since `read_at` in fields whose moves no history tells.
    """

    object: str
    changes: Sequence[Change]
    held: Fields = field(default_factory=dict)
    owed: Mapping[str, Scalar] = field(default_factory=dict)
    explained: frozenset[int] = frozenset()
    events: Mapping[int, str] = field(default_factory=dict)
    is_first_sight: bool = False
    found: Fields = field(default_factory=dict)
    read_at: datetime | None = None


class Standing(NamedTuple):
    """The last value of a field that may stand. When it `is_owed` the record does not hold it, and a revert restores it."""

    value: Scalar
    is_owed: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of everything that happened to a record: the judgements in order, and by field what may stand."""

    judgements: tuple[Judgement, ...] = ()
    standing: Mapping[str, Standing] = field(default_factory=dict)


def replay(course: Course, law: Law, *, spare: Spare = nothing_spared) -> Replay:
    """Judge all that happened to one record in order, and name the last values that may stand.

    A change after an unlawful one is judged from the last value that may stand, not from the unlawful one; whoever puts that
    value back is always within the law. What is only noted or warned about stands, and so does what must have happened
    between two changes that do not join. Changes of fields that nothing stands on only tell what the record held.

    Shapes: `spare` says what the verdict on a crossing is softened to. syncd's own writes have no judgement.
    """
    replaying = _Replaying(course, law, spare)
    for group in transactions(course.changes):
        replaying.judge(group)
    return Replay(tuple(replaying.judgements), replaying.standing)


@dataclass(slots=True)
class _Save:
    """One transaction under judgement: the record before it, after it and as it might stand before it, and what was decided."""

    was: Fields
    now: Fields
    stood: Fields
    team: str | None
    people: Directory
    moved: int
    goes_back: bool = False
    judged: dict[int, Judgement] = field(default_factory=dict)
    passed: list[tuple[Fence, Passed, Change]] = field(default_factory=list)
    leads: list[tuple[Fence, Judgement]] = field(default_factory=list)


class _Replaying:
    def __init__(self, course: Course, law: Law, spare: Spare) -> None:
        self.course, self.law, self.spare = course, law, spare
        self.posts = law.posts(course.object)
        self.state: Fields = course.held
        self.standing = {name: Standing(value, is_owed=True) for name, value in course.owed.items()}
        self.judgements: list[Judgement] = []

    def judge(self, group: Sequence[int]) -> None:
        """Judge one transaction: values first, then the owner that moved with them, then reasons and all other fields."""
        if len(group) == 1 and not self.course.explained:
            self._judge_alone(group[0])
            return
        changes = {index: self.course.changes[index] for index in group}
        save = self._save(changes.values())
        theirs = self._others(changes)
        for index in sorted(theirs, key=lambda index: self._rank(theirs[index].field)):
            self._judge(index, theirs[index], save)
        self._close(save, changes)

    def _judge_alone(self, index: int) -> None:
        """Judge a transaction of one change, which most are."""
        change = self.course.changes[index]
        save = self._save((change,))
        self._judge(index, change, save)
        self._close(save, {index: change})

    def _close(self, save: _Save, changes: Mapping[int, Change]) -> None:
        self.state = save.now
        self._settle_reasons()
        judged = [save.judged[index] for index in changes if index in save.judged]
        self.judgements += self._with_side_effects(judged, changes) if save.goes_back else judged

    def _with_side_effects(self, judged: Sequence[Judgement], changes: Mapping[int, Change]) -> list[Judgement]:
        """Name on what is put back whatever else moved in the same save and is not: it may be the org's automation's."""
        known = {item.change.field for item in judged if item.change.proof is not AUTOMATION}
        saved_at = next(iter(changes.values())).changed_at
        unproved = (each for each in self.course.changes if each.proof is Proof.LAST_MODIFIED and each.changed_at == saved_at)
        moved = {each.field for each in (*changes.values(), *unproved)}
        moved |= self.course.found.keys() if saved_at == self.course.read_at else set()
        if not moved - known:
            return list(judged)
        note = f"; not undone, though it moved in the same save: {', '.join(sorted(moved - known))}"
        return [replace(item, reason=item.reason + note) if item.verdict is REVERT else item for item in judged]

    def _rank(self, field: str) -> tuple[bool, bool]:
        return field not in self.posts.fences, field == OWNER_FIELD

    def _judge(self, index: int, change: Change, save: _Save) -> None:
        posts, field = self.posts, change.field
        if field in posts.fences:
            if field == OWNER_FIELD:
                self._owner(index, change, save)
            else:
                self._value(index, change, save)
        elif field in posts.reasons:
            self._reason(index, change, save)
        elif field in posts.sides:
            self._side(index, change, save, posts.sides[field])

    def _save(self, changes: Collection[Change]) -> _Save:
        first = next(iter(changes))
        if first.proof is AUTOMATION:
            first = next((change for change in changes if change.proof is not AUTOMATION), first)
        for change in changes:
            held = self.state.get(change.field, change.before)
            known = self.standing.get(change.field)
            if known is None or change.before != held:
                # A move nobody saw lies between the two: like any unproved change it stands, and this actor did not make it.
                self.standing[change.field] = Standing(change.before)
        people = self.law.people_at(first.changed_at)
        team = first.actor.team
        if team == RECORD_OWNER:
            team = side_of(first.actor, text_of(self.state.get(OWNER_FIELD)), people, self.law.fences.teams)
        now = dict(self.state)
        for change in changes:
            now[change.field] = change.after
        if self.course.read_at is not None and first.changed_at >= self.course.read_at:
            now |= self.course.found
        stood = self.state
        if self.posts.sides:
            stood = {**stood, **{name: each.value for name, each in self.standing.items()}}
        return _Save(self.state, now, stood, team, people, len(changes))

    def _others(self, changes: Mapping[int, Change]) -> Mapping[int, Change]:
        """Return what is to be judged. syncd's own writes stand, and what moved with them is the org's automation's."""
        own = self.course.explained & changes.keys()
        if not own:
            return changes
        found = {}
        for index, change in changes.items():
            if index in own:
                self.standing[change.field] = Standing(change.after)
            elif change.actor.kind is ActorKind.SYNCD:
                found[index] = replace(change, actor=automation(change.actor, IN_OUR_SECOND), proof=AUTOMATION)
            else:
                found[index] = change
        return found

    def _move(self, change: Change, save: _Save) -> Move:
        team = save.team if change.proof is not AUTOMATION else change.actor.team
        base = self.standing[change.field].value
        return Move(change.object, change.field, base, change.after, team, save.was, save.now)

    def _excused(self, index: int, change: Change) -> Passed | None:
        """Say why a change needs no judgement."""
        if change.after == self.standing[change.field].value:
            return Passed(BACK)
        event = self.course.events.get(index)
        return None if event is None else Passed(event)

    def _value(self, index: int, change: Change, save: _Save) -> None:
        fence: Fence | None = self.posts.everywhere.get(change.field)
        aside: Crossing | Passed | None = None
        if fence is None:
            fence, aside = _fence_over(self.posts.fences[change.field], change, save.now)
        result = self._excused(index, change) or aside or judge_value(self._move(change, save), fence)
        if isinstance(result, Passed):
            save.passed.append((fence, result, change))
            self._stand(index, change, result, save)
        else:
            save.leads.append((fence, self._cross(index, change, result, fence.name, fence.ladder, save)))

    def _owner(self, index: int, change: Change, save: _Save) -> None:
        fence = self.posts.fences[change.field][0]
        law, move = self.law.fences, self._move(change, save)
        result = self._excused(index, change) or judge_owner(move, fence, law.teams, save.people)
        if isinstance(result, Crossing) and result.code != NEVER:
            change, result = self._with_others(change, result, move, fence, save)
        if isinstance(result, Passed):
            self._stand(index, change, result, save)
        else:
            self._cross(index, change, result, fence.name, fence.ladder, save, lead=_led(change, result, save))

    def _with_others(
        self, change: Change, result: Crossing, move: Move, fence: Fence, save: _Save
    ) -> tuple[Change, Crossing | Passed]:
        """Let an owner move pass that belongs to a gate which the save passed, or that the assignment rule made in it."""
        teams = self.law.fences.teams
        for behind, passed, lead in save.passed:
            if goes_with(passed, behind, lead.after, change.after, teams, save.people):
                return change, Passed(f"goes with {passed.reason}", passed.gate)
        gate = is_assignment(move, fence, teams, save.people) if save.moved > 1 else None
        if gate is None or change.proof not in (HISTORY, AUTOMATION):
            return change, result
        who = automation(change.actor, ASSIGNED, ASSIGNMENT_RULE)
        return replace(change, actor=who, proof=AUTOMATION), Passed(ASSIGNED, gate.rule)

    def _reason(self, index: int, change: Change, save: _Save) -> None:
        """Let a reason share the fate of the move that it gives the reason for."""
        names = self.posts.reasons[change.field]
        lead = next((judged for fence, judged in save.leads if fence.name in names), None)
        excuse = self._excused(index, change)
        if excuse is not None or lead is None or lead.verdict not in FOLLOWED_UP or change.proof is not HISTORY:
            self._stand(index, change, excuse or Passed("a reason is judged with the move that it belongs to"), save)
            return
        base = self.standing[change.field]
        why = f"goes with {lead.change.field}: {lead.reason}"
        save.judged[index] = replace(lead, change=change, reason=why, restore=base.value)
        self.standing[change.field] = _owing(lead.verdict, base.value, change.after)

    def _side(self, index: int, change: Change, save: _Save, side: SideRule) -> None:
        followed, held = None, None
        if side.follows is not None:
            followed = self.law.fences.fence(side.follows)
            held = save.stood.get(self.posts.field_of(side.follows) or "")
        result = self._excused(index, change) or judge_side(self._move(change, save), side, followed, held)
        if isinstance(result, Passed):
            self._stand(index, change, result, save)
        else:
            restore = restored(side, self.standing[change.field].value, change.after)
            self._cross(index, change, result, SIDES, side.ladder, save, restore=Standing(restore))

    def _stand(self, index: int, change: Change, passed: Passed, save: _Save) -> None:
        save.judged[index] = Judgement(_acting(change, save), ALLOW, passed.reason, gate=passed.gate)
        self.standing[change.field] = Standing(change.after)

    def _cross(
        self,
        index: int,
        change: Change,
        crossing: Crossing,
        name: str,
        ladder: Ladder,
        save: _Save,
        *,
        lead: Judgement | None = None,
        restore: Standing | None = None,
    ) -> Judgement:
        """Say what follows from a crossing. What belongs to a `lead` that is followed up is followed up as far."""
        change = _acting(change, save)
        reaction = react(
            crossing.code, crossing.reason, change, ladder, quiet=self.law.quiet, first_sight=self.course.is_first_sight
        )
        verdict, reason, due_at = reaction.verdict, reaction.reason, reaction.due_at
        if lead is not None:
            verdict, reason, due_at = lead.verdict, f"{crossing.reason}; goes with {lead.change.field}", lead.due_at
        base = restore or self.standing[change.field]
        spared = self.spare(change, verdict, crossing.rule) or self._unwanted(change, verdict, base.value, save)
        if spared is not None:
            verdict, reason, due_at = spared.verdict, f"{reason}; {spared.reason}", None
        is_knowable = reaction.is_knowable and crossing.is_knowable and change.proof is HISTORY
        judged = Judgement(
            change,
            verdict,
            reason,
            name if is_knowable else None,
            crossing.rule,
            restore=base.value if verdict in FOLLOWED_UP else None,
            is_knowable=is_knowable,
            due_at=due_at,
        )
        self.standing[change.field] = _owing(verdict, base.value, change.after)
        save.judged[index] = judged
        save.goes_back = save.goes_back or verdict is REVERT
        return judged

    def _unwanted(self, change: Change, verdict: Verdict, lawful: Scalar, save: _Save) -> Spared | None:
        """Give no record back to somebody who has left: the org would refuse it."""
        if change.field != OWNER_FIELD or verdict not in FOLLOWED_UP:
            return None
        user = save.people.users.get(text_of(lawful) or "")
        return None if user is None or user.is_active else Spared(Verdict.WARN, f"the last lawful owner {user.name} is inactive")

    def _settle_reasons(self) -> None:
        """Owe no reason once the move that it belonged to is no longer owed."""
        for name, fences in self.posts.reasons.items():
            if self._is_owed(name) and not any(map(self._is_owed, self._led_by(fences))):
                self.standing[name] = Standing(self.state.get(name))

    def _led_by(self, names: frozenset[str]) -> Iterator[str]:
        """Give the fields of fences whose moves a reason is given for. An owner takes no reason back with it."""
        for name, fences in self.posts.fences.items():
            if name != OWNER_FIELD and any(fence.name in names for fence in fences):
                yield name

    def _is_owed(self, field: str) -> bool:
        return field in self.standing and self.standing[field].is_owed


def _owing(verdict: Verdict, lawful: Scalar, held: Scalar) -> Standing:
    return Standing(lawful, is_owed=True) if verdict in FOLLOWED_UP else Standing(held)


def _fence_over(fences: Sequence[Fence], change: Change, record: Fields) -> tuple[Fence, Crossing | Passed | None]:
    """Return the fence that stands on a field of this record, or one of the field's and why no fence can judge the change."""
    doubted = None
    for fence in fences:
        bound = next(each for each in fence.bound if (each.object, each.field) == (change.object, change.field))
        stands = stands_on(bound, record)
        if stands:
            return fence, None
        if stands is None:
            doubted = doubted or fence
    if doubted is not None:
        return doubted, Crossing("type-unknown", "which fence it stands behind depends on its record type", doubted.rule)
    return fences[0], Passed(f"no fence stands on {change.object} {change.field} of this record type")


def _led(change: Change, crossing: Crossing, save: _Save) -> Judgement | None:
    """Return the status move that an unlawful owner move came with, when that is followed up: the two are one decision."""
    if not crossing.is_knowable or change.proof is not HISTORY or change.object not in OWNER_WRITTEN:
        return None
    return next((judged for _, judged in save.leads if judged.verdict in FOLLOWED_UP), None)


def _acting(change: Change, save: _Save) -> Change:
    """Name the team that the actor acted for, when it is the record owner's."""
    if change.actor.team != RECORD_OWNER:
        return change
    why = change.actor.why if save.team else f"{change.actor.why}, for the record's owner, who belongs to no team"
    return replace(change, actor=replace(change.actor, team=save.team, why=why))
