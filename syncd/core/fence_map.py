"""What does a fence file allow as a whole: who may move what where, what can't be reached, what never leaves, what goes round?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from syncd.core.fence_model import OWNER, Fence, Fences, Gate, Holding
from syncd.core.values import MACHINES, Rule

SHARED = " / "
NOBODY = "nobody"
NOT_PEOPLE = ("syncd", "assignment rule")
ROUNDS_MAX = 20
WAYS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Move:
    """One lawful move: from a value to another, by these teams; `rule` is its gate's line, None inside a team.

    `asks` says what the gate demands besides, each as a few words; `owner` which owner move belongs to it.
    """

    before: str
    after: str
    by: tuple[str, ...]
    rule: Rule | None = None
    asks: tuple[str, ...] = ()
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class FenceMap:
    """All lawful moves of one fence over its values, which stand in the order of the file.

    `team_of` has each value's team, or the teams that share it. What ends at a value of `ends` is meant to; `given` are the
    values that come about without a move: by a conversion, or long ago.
    """

    values: tuple[str, ...]
    team_of: Mapping[str, str]
    moves: tuple[Move, ...]
    ends: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()

    @property
    def teams(self) -> tuple[str, ...]:
        """Return the teams that own values, in the order of the file."""
        return tuple(dict.fromkeys(self.team_of[value] for value in self.values))

    def between(self, before: str, after: str) -> tuple[str, ...]:
        """Return who may make a move, nobody when there is no gate."""
        return tuple(
            dict.fromkeys(team for move in self.moves if (move.before, move.after) == (before, after) for team in move.by)
        )

    def gate(self, before: str, after: str) -> Move | None:
        """Return the move that a gate opens from one value to another, or None."""
        return next((m for m in self.moves if m.rule is not None and (m.before, m.after) == (before, after)), None)


def map_of(fences: Fences, name: str, record_type: str | None = None) -> FenceMap:
    """Map one fence, as it stands for records of one type or for all.

    Errors: KeyError when there is no fence of that name.
    """
    return owner_map(fences) if name == OWNER else _value_map(fences.fence(name), record_type)


def status_map(fences: Fences) -> FenceMap:
    """Map the fence of the lifecycle: a team moves freely among its own values, and every gate adds its moves."""
    return _value_map(fences.status, None)


def holders(holding: Holding, record_type: str | None = None) -> tuple[str, ...]:
    """Name who may have the ball at a value, for records of one type or for all, in the order of the file."""
    of_type = holding.by_record_type.get(record_type or "")
    if of_type is not None:
        return (of_type,)
    others = () if record_type else tuple(holding.by_record_type.values())
    named = (holding.team, *(team for team, _ in holding.shared), *others)
    return tuple(dict.fromkeys(team for team in named if team))


def _value_map(fence: Fence, record_type: str | None) -> FenceMap:
    who = {value: holders(holding, record_type) for value, holding in fence.holdings.items()}
    team_of = {value: SHARED.join(teams) or NOBODY for value, teams in who.items()}
    own = [Move(a, b, both) for a in who for b in who if a != b and (both := tuple(t for t in who[a] if t in who[b]))]
    ends = frozenset(value for value, holding in fence.holdings.items() if holding.is_end)
    given = frozenset(value for value, holding in fence.holdings.items() if holding.set_by or holding.is_legacy)
    return FenceMap(tuple(who), team_of, (*own, *_gates(fence)), ends, given)


def _gates(fence: Fence) -> list[Move]:
    return [Move(*pair, tuple(sorted(gate.by)), gate.rule, _asks(gate), gate.owner) for pair, gate in fence.gates.items()]


def _asks(gate: Gate) -> tuple[str, ...]:
    reasons = ("reason: " + ", ".join(sorted(gate.reasons)),) if gate.reasons else ()
    needs = tuple(f"filled: {field}" for field in gate.needs)
    return (*reasons, *needs, *((f"when {gate.when.text}",) if gate.when else ()))


def owner_map(fences: Fences) -> FenceMap:
    """Map the fence on Lead Owner: its values are the teams that owners belong to."""
    gates = _gates(fences.owner)
    named = (team for holding in fences.status.holdings.values() for team in holders(holding))
    sides = dict.fromkeys((*named, *(side for move in gates for side in (move.before, move.after))))
    return FenceMap(tuple(sides), {side: side for side in sides}, tuple(gates))


def machines(fences: Fences) -> frozenset[str]:
    """Name who can pass a gate without a person."""
    of_machines = {team.side for team in fences.teams if team.kind in MACHINES}
    of_people = {team.side for team in fences.teams if team.kind not in MACHINES}
    return frozenset({*(of_machines - of_people), *NOT_PEOPLE})


def unreachable(fence: FenceMap, start: str | None = None) -> tuple[str, ...]:
    """Name the values that no lawful way leads to from the first one (where new leads begin), or from a given one.

    Shapes: `start` defaults to the first value of the file; values in the order of the file.
    """
    first = start if start is not None else next(iter(fence.values), None)
    reached = _reached(fence, [*([] if first is None else [first]), *(value for value in fence.values if value in fence.given)])
    return tuple(value for value in fence.values if value not in reached)


def dead_ends(fence: FenceMap) -> tuple[str, ...]:
    """Name the teams that nobody can take a value away from: what is there ends there, and no line of the file says it shall."""
    meant = fence.ends | fence.given
    open_ended = [team for team in fence.teams if not {v for v in fence.values if fence.team_of[v] == team} <= meant]
    return tuple(team for team in open_ended if not any(_leaves(fence, move, team) for move in fence.moves))


def _leaves(fence: FenceMap, move: Move, team: str) -> bool:
    return fence.team_of.get(move.before) == team and fence.team_of.get(move.after) != team


def _reached(fence: FenceMap, begin: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    waiting = list(begin)
    while waiting:
        value = waiting.pop()
        if value not in seen:
            seen.add(value)
            waiting += [move.after for move in fence.moves if move.before == value]
    return seen


def circles(fence: FenceMap) -> tuple[tuple[str, ...], ...]:
    """Name the rounds that a record can make between teams, each once, from its first team in the file's order; 20 at most.

    A round is lawful when people make it (a lead that comes back is worked again); one that machines alone can make runs for
    ever: see `circles_by`.
    """
    return _circles(fence.teams, {(fence.team_of[m.before], fence.team_of[m.after]) for m in _crossing(fence)})


def circles_by(fence: FenceMap, teams: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """Name the rounds that these teams (say, the machines) can make without anybody else."""
    steps = {(fence.team_of[m.before], fence.team_of[m.after]) for m in _crossing(fence) if teams & set(m.by)}
    return _circles(fence.teams, steps)


def _crossing(fence: FenceMap) -> list[Move]:
    known, gates = fence.team_of, (move for move in fence.moves if move.rule is not None)
    return [m for m in gates if m.before in known and m.after in known and known[m.before] != known[m.after]]


def _circles(teams: Sequence[str], steps: set[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Find the simple rounds, short ones first; each begins with its first team, so that it is found once.

    Between many teams there are more rounds than anybody could read, or wait for: the first ROUNDS_MAX are enough.
    """
    place = {team: number for number, team in enumerate(teams)}
    onward: dict[str, list[str]] = {team: [] for team in teams}
    for before, after in sorted(steps, key=lambda step: (place[step[0]], place[step[1]])):
        onward[before].append(after)
    found: list[tuple[str, ...]] = []
    ways: list[tuple[str, ...]] = [(team,) for team in teams]
    while ways and len(found) < ROUNDS_MAX:
        found += [way for way in ways if way[0] in onward[way[-1]]]
        longer = ((*way, team) for way in ways for team in onward[way[-1]] if team not in way and place[team] > place[way[0]])
        ways = list(islice(longer, WAYS_MAX))
    return tuple(found[:ROUNDS_MAX])
