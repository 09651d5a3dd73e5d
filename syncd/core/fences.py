"""Does a single move of a value cross its fence?

A fence stands between teams: each value is held by one team, or shared between some by a split. The team with the ball moves
it among its own values as it likes; any other move needs a gate that names who may pass. `core/replay.py` judges sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from syncd.core.actors import Directory, Team, line_of, team_of_owner
from syncd.core.changes import ASSIGNMENT_RULE
from syncd.core.fence_fields import OWNER_FIELD, RECORD_TYPE
from syncd.core.fence_model import ANY, Bound, Fence, Gate, Holding
from syncd.core.values import ActorKind, Fields, Rule, Scalar

CONVERSION = "conversion"
INACTIVE_USER = "inactive user"
HOLDING_QUEUE = "queue"
NEVER = "never-owner"


@dataclass(frozen=True, slots=True)
class Crossing:
    """Why a change may not stand: the rule it breaks and the sentence that says so. One whose code ends in "-unowned" or
    "-unknown" cannot be judged."""

    code: str
    reason: str
    rule: Rule

    @property
    def is_knowable(self) -> bool:
        """Tell whether the change is known to be unlawful."""
        return not self.code.endswith(("-unowned", "-unknown"))


class Passed(NamedTuple):
    """Why a change may stand. `gate` is the line of the gate it used, None inside one team; `owner` the owner move that
    belongs to that gate."""

    reason: str
    gate: Rule | None = None
    owner: str | None = None


class Move(NamedTuple):
    """One value of one record going from `before` to `after`, made by a team; the record as it was, and as it is then.

    What is not in `was` and `now` could not be read, or not as of that moment.
    """

    object: str
    field: str
    before: Scalar
    after: Scalar
    team: str | None
    was: Fields
    now: Fields

    @property
    def label(self) -> str:
        """Return the field with its object, such as Lead Status."""
        return f"{self.object} {self.field}"


class Ball(NamedTuple):
    """Who has the ball at a value of one record; `team` None: it cannot be known, and `why` says so. `perhaps` are the teams that
    it depends on what is not known whether they have it."""

    team: str | None
    why: str = ""
    perhaps: frozenset[str | None] = frozenset()

    def may_be(self, team: str | None) -> bool:
        """Tell whether a team has the ball, as far as that is known."""
        return team is not None and (team == self.team or team in self.perhaps)


def text_of(value: Scalar) -> str | None:
    """Return a value as the text that fences know it by."""
    return None if value is None else str(value)


def ball_at(holding: Holding, record: Fields) -> Ball:
    """Say who has the ball at a value, for one record: by its type, by the split, or always the same team.

    Source: practice 9: each value is owned by one team, or shared by a split that a rule decides.
    """
    if holding.team is not None and not holding.by_record_type and not holding.shared:
        return Ball(holding.team)
    if holding.by_record_type:
        type = record.get(RECORD_TYPE, "")
        if type == "":
            why = f"who has the ball at {holding.value!r} depends on the record type, which is not known"
            return Ball(None, why, frozenset({holding.team, *holding.by_record_type.values(), *dict(holding.shared)}))
        team = holding.by_record_type.get(str(type))
        if team is not None:
            return Ball(team)
    for index, (team, condition) in enumerate(holding.shared):
        holds = True if condition is None else condition.holds(record)
        if holds is None and condition is not None:
            why = f"who has the ball at {holding.value!r} depends on {condition.text!r}, which is not known"
            return Ball(None, why, frozenset({holding.team, *dict(holding.shared[index:])}))
        if holds:
            return Ball(team)
    return Ball(holding.team, "" if holding.team else f"no team owns {holding.value!r} for such a record")


def stands_on(bound: Bound, record: Fields) -> bool | None:
    """Tell whether a fence stands on a record of this type; None when its type is not known."""
    if not bound.record_types:
        return True
    type = record.get(RECORD_TYPE, "")
    return None if type == "" else type in bound.record_types


def gate_between(fence: Fence, before: str, after: str) -> Gate | None:
    """Return the gate from one value to another, that from any value after the one that names both."""
    return fence.gates.get((before, after)) or fence.gates.get((ANY, after))


def judge_value(move: Move, fence: Fence) -> Crossing | Passed:
    """Judge one move of a fenced value.

    Shapes: values are compared exactly as Salesforce returned them; a crossing or the reason why the move may stand.
    Errors: none. A value that no team owns cannot be judged, so that a new picklist value parks its records.
    Source: practice 9: each Lead Status value is owned by one team.
    """
    before, after = text_of(move.before), text_of(move.after)
    here, there = fence.holdings.get(before or ""), fence.holdings.get(after or "")
    if here is None or there is None:
        return Crossing("status-unowned", f"no team owns {move.label} {(before if here is None else after)!r}", fence.rule)
    if here.is_legacy or there.is_legacy:
        return Passed(f"{(here if here.is_legacy else there).value!r} is a legacy value: counted, not judged")
    if there.set_by == CONVERSION:
        return Crossing("by-hand", f"{after!r} is set by a conversion and not by hand", there.rule)
    return _judge_between(move, fence, here, there)


def _judge_between(move: Move, fence: Fence, here: Holding, there: Holding) -> Crossing | Passed:
    holder, taker = ball_at(here, move.was), ball_at(there, move.now)
    gate = gate_between(fence, here.value, there.value)
    passed = _through(gate, move, fence) if gate is not None and move.team in gate.by else None
    if isinstance(passed, Passed):
        return passed
    if holder.team is not None and holder.team == taker.team == move.team:
        return Passed(f"{move.team} has the ball at {here.value!r} and {there.value!r}")
    unknown = [(ball, holding) for ball, holding in ((holder, here), (taker, there)) if ball.team is None]
    if passed is not None and not (unknown and holder.may_be(move.team) and taker.may_be(move.team)):
        return passed
    for ball, holding in unknown:
        return Crossing("status-unknown", ball.why, holding.rule)
    if move.team != holder.team:
        who = move.team or "an unknown team"
        why = f"{here.value!r} belongs to {holder.team}; {who} moved it to {there.value!r}"
        return Crossing("wrong-side", why, here.rule)
    why = f"no gate lets {move.team} hand {here.value!r} over as {there.value!r}"
    return Crossing("no-gate", why, gate.rule if gate else here.rule)


def _through(gate: Gate, move: Move, fence: Fence) -> Crossing | Passed:
    """Say whether a record meets what a gate demands of it. The first demand that it fails is named."""
    name = gate.rule.name
    for field in gate.needs:
        if field not in move.now:
            return Crossing("field-unknown", f"gate {name} needs {field}, which is not known", gate.rule)
        if move.now[field] in (None, ""):
            return Crossing("field-empty", f"gate {name} needs {field}, which is empty", gate.rule)
    if gate.reasons:
        if fence.reason_field is None or fence.reason_field not in move.now:
            return Crossing("reason-unknown", f"gate {name} asks for a reason, which is not known", gate.rule)
        reason = move.now[fence.reason_field]
        if reason not in gate.reasons:
            given = f"{reason!r} is none" if reason else "there is none"
            return Crossing("no-reason", f"gate {name} asks for one of its reasons, and {given}", gate.rule)
    holds = True if gate.when is None else gate.when.holds(move.now)
    if holds is None and gate.when is not None:
        return Crossing("condition-unknown", f"whether gate {name} is open ({gate.when.text}) is not known", gate.rule)
    if not holds and gate.when is not None:
        return Crossing("gate-shut", f"gate {name} is open only when {gate.when.text}", gate.rule)
    return Passed(f"gate {name}", gate.rule, gate.owner)


def judge_owner(move: Move, fence: Fence, teams: Sequence[Team], people: Directory) -> Crossing | Passed:
    """Judge one owner move by the teams of the two owners.

    Source: practice 8: the Lead Owner is who will mainly deal with the person.
    """
    before, after = text_of(move.before), text_of(move.after)
    if (never := _never(after, fence, teams, people)) is not None:
        return never
    here, there = team_of_owner(before, people, teams), team_of_owner(after, people, teams)
    for owner, side in ((before, here), (after, there)):
        if side is None:
            who = people.display(owner)
            return Crossing("owner-unowned", f"owner {who} belongs to no team, or to several", fence.rule)
    gate = gate_between(fence, here or "", there or "")
    passed = _through(gate, move, fence) if gate is not None and move.team in gate.by else None
    if isinstance(passed, Passed):
        return passed
    if here == there == move.team:
        return Passed(f"inside {move.team}")
    if passed is not None:
        return passed
    if here not in {side.side for side in teams if side.kind is ActorKind.PERSON}:
        # New leads belong to whatever made them; a revert would take them from a team and give them back to a machine.
        return Crossing("owner-unowned", f"owner {people.display(before)} ({here}) is no team of people", fence.rule)
    moved = f"from {people.display(before)} ({here}) to {people.display(after)} ({there})"
    why = f"{move.team or 'an unknown team'} may not move the owner {moved}"
    return Crossing("no-gate", why, gate.rule if gate else fence.rule)


def _never(owner: str | None, fence: Fence, teams: Sequence[Team], people: Directory) -> Crossing | None:
    user = people.users.get(owner or "")
    if user is not None and not user.is_active and INACTIVE_USER in fence.never_to:
        return Crossing(NEVER, f"{user.name} is inactive and may never become the owner", fence.rule)
    if not fence.never_to:
        return None
    names = {line_of(owner, people, teams), team_of_owner(owner, people, teams)} & fence.never_to
    if names:
        return Crossing(NEVER, f"{people.display(owner)} ({min(map(str, names))}) may never become the owner", fence.rule)
    return None


def goes_with(passed: Passed, fence: Fence, status: Scalar, owner: Scalar, teams: Sequence[Team], people: Directory) -> bool:
    """Tell whether an owner move is the one that belongs to the gate which a status move passed.

    Shapes: `status` is the new value, `owner` the new owner's id.
    """
    if passed.owner is None:
        return False
    new_owner = text_of(owner)
    if passed.owner != HOLDING_QUEUE:
        return team_of_owner(new_owner, people, teams) == passed.owner
    holding = fence.holdings.get(text_of(status) or "")
    names = people.queues.get(new_owner or "", frozenset())
    return holding is not None and holding.queue is not None and holding.queue.casefold() in {name.casefold() for name in names}


def is_assignment(move: Move, fence: Fence, teams: Sequence[Team], people: Directory) -> Gate | None:
    """Return the gate by which an owner move can be the org's assignment rule's, or None."""
    if move.field != OWNER_FIELD:
        return None
    here, there = (team_of_owner(text_of(owner), people, teams) for owner in (move.before, move.after))
    gate = gate_between(fence, here or "", there or "")
    return gate if gate is not None and ASSIGNMENT_RULE in gate.by else None
