"""How far is a crossing followed up: noted, warned about, asked about, or put back, and when?

Machines may be enforced first and people last; what is not proved, or may never be written, is not enforced at all.
Source: promise 8: nobody is surprised, nobody is accused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.core.fence_model import Fences, Ladder
from syncd.core.fiscal import QuietPeriod
from syncd.core.values import ActorKind, Change, Intent, Judgement, Proof, Verdict

RUNGS: Mapping[Verdict, int] = {verdict: rung for rung, verdict in enumerate(Verdict)}
ENFORCEABLE = frozenset({ActorKind.TOOL, ActorKind.AUTOMATION, ActorKind.PERSON})
FOLLOWED_UP = frozenset({Verdict.ASK, Verdict.REVERT})
"""The verdicts after which a record may be owed its last lawful value."""
NEVER_WRITTEN = frozenset({"Opportunity"})
OWNER_WRITTEN = frozenset({"Lead"})


@dataclass(frozen=True, slots=True)
class Reaction:
    """What follows from a crossing, and why.

    `due_at` is when to follow it up at the earliest, None for at once. `is_knowable` is False when nobody can know who made
    the change, or for whom.
    """

    verdict: Verdict
    reason: str
    due_at: datetime | None = None
    is_knowable: bool = True


def react(
    code: str, reason: str, change: Change, ladder: Ladder, *, quiet: QuietPeriod | None = None, first_sight: bool = False
) -> Reaction:
    """Say what follows from a change that crosses a fence.

    Shapes: `code` and `reason` are the crossing's, and the reason comes back with what softened the verdict. `quiet` is the
    quiet period that the judging falls into.
    Errors: none; what cannot be judged is noted.
    """
    doubt = _doubt(change)
    if doubt is not None:
        return Reaction(Verdict.NOTE, f"{reason}; {doubt}, so only noted", is_knowable=False)
    because = _only_noted(code, change, ladder, first_sight=first_sight)
    if because is not None:
        return Reaction(Verdict.NOTE, f"{reason}; {because}")
    wanted = mode_for(ladder, change.actor.kind)
    ceiling = _ceiling(change.object, change.field, quiet)
    if ceiling is not None and RUNGS[wanted] > RUNGS[ceiling.verdict]:
        return replace(ceiling, reason=f"{reason}; {ceiling.reason}")
    due_at = change.changed_at + ladder.grace if ladder.grace and wanted in FOLLOWED_UP else None
    return Reaction(wanted, reason, due_at)


def mode_for(ladder: Ladder, kind: ActorKind) -> Verdict:
    """Return how far crossings of a kind of actor are followed up at most. Admins, partners and shared logins are noted only."""
    return ladder.mode.get(kind, Verdict.NOTE) if kind in ENFORCEABLE else Verdict.NOTE


def _mode(verdict: Verdict) -> str:
    """Name a verdict as the file does."""
    return "observe" if verdict is Verdict.NOTE else verdict.value


def _doubt(change: Change) -> str | None:
    """Say why nobody can know who made a change, or None."""
    actor = change.actor
    if change.proof is Proof.SHARED_LOGIN or actor.kind is ActorKind.SHARED:
        return "a shared login proves nobody's hand"
    if change.proof is not Proof.HISTORY:
        return None if change.proof is Proof.AUTOMATION else "not proved by history"
    if actor.kind is ActorKind.UNKNOWN or actor.team is None:
        return actor.why or "the actor is unknown"
    return None


def _only_noted(code: str, change: Change, ladder: Ladder, *, first_sight: bool) -> str | None:
    """Say why a crossing whose actor is known is still only noted, or None."""
    if change.proof is not Proof.HISTORY:
        return "automation's, which no history proves, so only noted"
    if code.endswith(("-unowned", "-unknown")):
        return "what cannot be judged is only noted"
    if first_sight:
        return "part of the baseline, so only noted"
    if ladder.since is not None and change.changed_at < ladder.since:
        return f"before the fence stood ({ladder.since:%Y-%m-%d %H:%M} UTC), so only noted"
    return None


def _ceiling(object: str, field: str, quiet: QuietPeriod | None) -> Reaction | None:
    """Return how far anything about a field may be followed up now, and why no further; None: to the end."""
    if object in NEVER_WRITTEN:
        return Reaction(Verdict.WARN, f"{object} fields are never written, so only warned about")
    if field == "OwnerId" and object not in OWNER_WRITTEN:
        return Reaction(Verdict.WARN, f"the owner of a {object} is never written, so only warned about")
    return None if quiet is None else Reaction(quiet.ceiling, f"{quiet} are quiet, so nothing is put back")


@dataclass(frozen=True, slots=True)
class Wait:
    """A revert that is not made yet.

    It is looked at again at `due_at`; then it is made, or, when `is_asked`, a person is asked. `due_at` None: the person
    was asked, and has not answered. `intent` is the write that would be made, `cause` the ledger row of the crossing.
    """

    intent: Intent
    fence: str
    kind: ActorKind
    changed_at: datetime
    actor_id: str | None = None
    is_asked: bool = False
    due_at: datetime | None = None
    cause: int | None = None

    @property
    def is_put(self) -> bool:
        """Tell whether a person has the question before them."""
        return self.is_asked and self.due_at is None


def wait_of(crossing: Judgement, intent: Intent, now: datetime, *, was_asked: bool = False) -> Wait | None:
    """Return how the revert of a crossing waits, or None when it is made at once.

    Shapes: `crossing` is the last one of the field, and was judged ASK or REVERT. `was_asked`: the debt began with a question
    that nobody has answered; then whatever came after it is asked about as well.
    """
    is_asked = was_asked or crossing.verdict is Verdict.ASK
    is_due = crossing.due_at is None or crossing.due_at <= now
    if is_due and not is_asked:
        return None
    change = crossing.change
    due_at = None if is_due else crossing.due_at
    return Wait(intent, str(crossing.fence), change.actor.kind, change.changed_at, change.actor.user_id, is_asked, due_at)


NO_WAITS: Mapping[tuple[str, str], Wait] = {}


def ladder_of(fences: Fences, object: str, field: str, name: str | None = None) -> Ladder | None:
    """Return the ladder by which crossings on a field of an object are followed up, by the fence of a name or by what stands
    on the field."""
    for fence in fences.fences:
        if fence.name == name or (name is None and any((each.object, each.field) == (object, field) for each in fence.bound)):
            return fence.ladder
    return next((side.ladder for side in fences.sides if (side.object, side.field) == (object, field)), None)


def when_due(wait: Wait, ladder: Ladder | None, quiet: QuietPeriod | None) -> Reaction:
    """Say what becomes of a waiting revert now that its grace time is over, by the fences as they stand now.

    Shapes: `ladder` is that of its fence, None when no fence stands there any more. REVERT: it is made; ASK: a person is asked;
    anything less: the value stands, for the reason given.
    Source: never retroactive: what the file no longer asks for is not done.
    """
    if ladder is None:
        return Reaction(Verdict.NOTE, f"the fence {wait.fence} is gone from the file, so it stands")
    wanted = mode_for(ladder, wait.kind)
    if wanted not in FOLLOWED_UP:
        return Reaction(wanted, f"by now the file says {_mode(wanted)} for {wait.kind.value}, so it stands")
    ceiling = _ceiling(wait.intent.object, wait.intent.field, quiet)
    if ceiling is not None and ceiling.verdict not in FOLLOWED_UP:
        return ceiling
    if wait.is_asked or wanted is Verdict.ASK or (ceiling is not None and ceiling.verdict is Verdict.ASK):
        return Reaction(Verdict.ASK, wait.intent.reason)
    return Reaction(Verdict.REVERT, wait.intent.reason)
