"""Which fence does a change cross, and what follows from that?

A fence stands between teams: on Lead Status each value has one owning team, on Lead Owner each owner has one. The team
with the ball moves it among its own values as it likes; any other move needs a gate that names who may pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from syncd.core.actors import Directory, team_of_owner
from syncd.core.fence_model import OWNER, STATUS, Fences
from syncd.core.fiscal import QuietPeriod
from syncd.core.ladder import react
from syncd.core.sparing import Spared
from syncd.core.values import ActorKind, Change, Judgement, Rule, Scalar, Verdict

NO_EVENTS: Mapping[int, str] = {}


@dataclass(frozen=True, slots=True)
class Crossing:
    """Why a change may not stand: the rule it breaks and the sentence that says so."""

    code: str
    reason: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Passed:
    """Why a change may stand; `gate` is the gate it used, None inside one team."""

    reason: str
    gate: Rule | None = None


def judge_status(before: str | None, after: str | None, team: str | None, fences: Fences) -> Crossing | Passed:
    """Judge one Lead Status move of an actor's team.

    Shapes: two status values, compared exactly as Salesforce returned them; a crossing or the reason why it may stand.
    Errors: none. A value that no team owns is a crossing, so that a new picklist value fails closed.
    Source: practice 9: each Lead Status value is owned by one team.
    """
    fence = fences.status
    for value in (before, after):
        if value is None or value not in fence.holdings:
            return Crossing("status-unowned", f"no team owns Lead Status {value!r}", fence.rule)
    for value in (before, after):
        if fence.holdings[value or ""].is_legacy:
            return Passed(f"{value!r} is a legacy value: counted, not judged")
    holding = fence.holdings[before or ""]
    here, there, rule = holding.team, fence.holdings[after or ""].team, holding.rule
    gate = fence.gates.get((before or "", after or ""))
    if gate and team in gate.by:
        return Passed(f"gate {gate.rule.name}", gate.rule)
    if here == there == team:
        return Passed(f"{team} has the ball at {before!r} and {after!r}")
    if team != here:
        return Crossing("wrong-side", f"{before!r} belongs to {here}; {team or 'an unknown team'} moved it to {after!r}", rule)
    return Crossing("no-gate", f"no gate lets {team} hand {before!r} over as {after!r}", gate.rule if gate else rule)


def judge_owner(before: str | None, after: str | None, team: str | None, fences: Fences, people: Directory) -> Crossing | Passed:
    """Judge one owner move of an actor's team by the teams of the two owners.

    Source: practice 8: the Lead Owner is who will mainly deal with the person.
    """
    here = team_of_owner(before, people, fences.teams)
    there = team_of_owner(after, people, fences.teams)
    for owner, side in ((before, here), (after, there)):
        if side is None:
            who = people.display(owner)
            return Crossing("owner-unowned", f"owner {who} belongs to no team, or to several", fences.owner.rule)
    gate = fences.owner.gates.get((here or "", there or ""))
    if gate and team in gate.by:
        return Passed(f"gate {gate.rule.name}", gate.rule)
    if here == there == team:
        return Passed(f"inside {team}")
    if here not in {side.side for side in fences.teams if side.kind is ActorKind.PERSON}:
        # New leads belong to whatever made them; a revert would take them from a team and give them back to a machine.
        return Crossing("owner-unowned", f"owner {people.display(before)} ({here}) is no team of people", fences.owner.rule)
    who = team or "an unknown team"
    moved = f"from {people.display(before)} ({here}) to {people.display(after)} ({there})"
    return Crossing("no-gate", f"{who} may not move the owner {moved}", gate.rule if gate else fences.owner.rule)


def nothing_spared(change: Change, verdict: Verdict, rule: Rule) -> Spared | None:
    """Soften nothing."""
    return None


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of the changes of one field of one record, in order.

    `standing` is the last value that may stand. When `owed` is true the record does not hold it, and a revert would
    restore it.
    """

    judgements: tuple[Judgement, ...] = field(default_factory=tuple)
    standing: Scalar = None
    owed: bool = False


def _judge(change: Change, before: Scalar, fences: Fences, people: Directory) -> Crossing | Passed:
    old, new = (None if before is None else str(before)), (None if change.after is None else str(change.after))
    if change.field == "Status":
        return judge_status(old, new, change.actor.team, fences)
    return judge_owner(old, new, change.actor.team, fences, people)


def replay(
    changes: Sequence[Change],
    fences: Fences,
    people: Directory,
    *,
    owed: Scalar = None,
    held: Scalar = None,
    first_sight: bool = False,
    explained: Iterable[int] = (),
    events: Mapping[int, str] = NO_EVENTS,
    quiet: QuietPeriod | None = None,
    spare: Callable[[Change, Verdict, Rule], Spared | None] = nothing_spared,
) -> Replay:
    """Judge the changes of one field of one record in order and name the last value that may stand.

    A change after an unlawful one is judged from the last value that may stand, not from the unlawful one; whoever puts
    that value back is always within the law. What is only noted or warned about stands, and so does what must have
    happened between two changes that do not join.

    Shapes: `changes` in the order in which they happened, of one record and one field (Status or OwnerId); `owed` the
    value still owed from an earlier cycle, or None; `held` the value that the record held before the first change, None
    when it is not known; `explained` the indices that syncd's own intents explain; `events` the indices that are part of an
    event which is lawful of its own kind, such as a lead conversion, with its name; `quiet` the quiet period
    that today lies in; `spare` says what the verdict on a crossing is softened to.
    """
    judgements: list[Judgement] = []
    base: Scalar = owed if owed is not None else (changes[0].before if changes else None)
    in_debt = owed is not None
    own = set(explained)
    for index, change in enumerate(changes):
        fence = fences.fence(OWNER if change.field == "OwnerId" else STATUS)
        earlier = changes[index - 1].after if index else held
        if earlier is not None and change.before != earlier:
            # A move nobody saw lies between the two: like any unproved change it stands, and this actor did not make it.
            base, in_debt = change.before, False
        if index in own or change.after == base:
            base, in_debt = change.after, False
            if index not in own:
                judgements.append(Judgement(change, Verdict.ALLOW, "back to the last lawful value"))
            continue
        result = Passed(events[index]) if index in events else _judge(change, base, fences, people)
        if isinstance(result, Passed):
            judgements.append(Judgement(change, Verdict.ALLOW, result.reason, gate=result.gate))
            base, in_debt = change.after, False
            continue
        reaction = react(result.code, result.reason, change, fence.ladder, quiet=quiet, first_sight=first_sight)
        verdict, reason, due_at = reaction.verdict, reaction.reason, reaction.due_at
        spared = spare(change, verdict, result.rule)
        if spared is not None:
            verdict, reason, due_at = spared.verdict, f"{reason}; {spared.reason}", None
        judgement = Judgement(change, verdict, reason, fence.name, result.rule, is_knowable=reaction.is_knowable, due_at=due_at)
        if verdict is Verdict.REVERT:
            judgements.append(replace(judgement, restore=base))
            in_debt = True
        else:
            judgements.append(judgement)
            base, in_debt = change.after, False
    return Replay(tuple(judgements), base, in_debt)
