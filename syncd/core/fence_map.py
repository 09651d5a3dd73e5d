"""What does a fence file allow as a whole: who may move what where, what can't be reached, what never leaves, what goes round?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from syncd.core.fence_model import Fences
from syncd.core.values import Rule


@dataclass(frozen=True, slots=True)
class Move:
    """One lawful move: from a value to another, by these teams; `rule` is its gate's line, None inside a team."""

    before: str
    after: str
    by: tuple[str, ...]
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class FenceMap:
    """All lawful moves of one fence over its values, which stand in the order of the file. `team_of` has each value's team."""

    values: tuple[str, ...]
    team_of: Mapping[str, str]
    moves: tuple[Move, ...]

    @property
    def teams(self) -> tuple[str, ...]:
        """Return the teams that own values, in the order of the file."""
        return tuple(dict.fromkeys(self.team_of[value] for value in self.values))

    def between(self, before: str, after: str) -> tuple[str, ...]:
        """Return who may make a move, nobody when there is no gate."""
        return tuple(
            dict.fromkeys(team for move in self.moves if (move.before, move.after) == (before, after) for team in move.by)
        )


def status_map(fences: Fences) -> FenceMap:
    """Map the fence on Lead Status: a team moves freely among its own values, and every gate adds its moves."""
    team_of = _team_of(fences)
    values = tuple(team_of)
    own = [Move(a, b, (team_of[a],)) for a in values for b in values if a != b and team_of[a] == team_of[b]]
    gates = [Move(*pair, tuple(sorted(gate.by)), gate.rule) for pair, gate in fences.status.gates.items()]
    return FenceMap(values, team_of, (*own, *gates))


def _team_of(fences: Fences) -> dict[str, str]:
    return {value: holding.team or "" for value, holding in fences.status.holdings.items()}


def owner_map(fences: Fences) -> FenceMap:
    """Map the fence on Lead Owner: its values are the teams that owners belong to."""
    gates = [Move(*pair, tuple(sorted(gate.by)), gate.rule) for pair, gate in fences.owner.gates.items()]
    sides = dict.fromkeys((*_team_of(fences).values(), *(s for m in gates for s in (m.before, m.after))))
    return FenceMap(tuple(sides), {side: side for side in sides}, tuple(gates))


def unreachable(fence: FenceMap, start: str | None = None) -> tuple[str, ...]:
    """Name the values that no lawful way leads to from the first one (where new leads begin).

    Shapes: `start` defaults to the first value of the file; values in the order of the file.
    """
    first = start if start is not None else next(iter(fence.values), None)
    reached = _reached(fence, [] if first is None else [first])
    return tuple(value for value in fence.values if value not in reached)


def dead_ends(fence: FenceMap) -> tuple[str, ...]:
    """Name the teams that nobody can take a value away from: what is there ends there, or leaves by conversion."""
    return tuple(team for team in fence.teams if not any(_leaves(fence, move, team) for move in fence.moves))


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
    """Name the rounds that a record can make between teams, each once, from its first team in the file's order.

    A round is lawful when people make it (a lead that comes back is worked again); one that machines alone can make runs for
    ever: see `circles_by`.
    """
    return _circles(fence.teams, {(fence.team_of[m.before], fence.team_of[m.after]) for m in _crossing(fence)})


def circles_by(fence: FenceMap, teams: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """Name the rounds that these teams (say, the machines) can make without anybody else."""
    steps = {(fence.team_of[m.before], fence.team_of[m.after]) for m in _crossing(fence) if teams & set(m.by)}
    return _circles(fence.teams, steps)


def _crossing(fence: FenceMap) -> list[Move]:
    known = fence.team_of
    return [m for m in fence.moves if m.before in known and m.after in known and known[m.before] != known[m.after]]


def _circles(teams: Sequence[str], steps: set[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Find the simple rounds; each begins with its first team, so that it is found once."""
    place = {team: number for number, team in enumerate(teams)}
    found: list[tuple[str, ...]] = []

    def walk(path: tuple[str, ...]) -> None:
        for before, after in sorted(steps, key=lambda step: place.get(step[1], len(place))):
            if before != path[-1]:
                continue
            if after == path[0]:
                found.append(path)
            elif after not in path and place[after] > place[path[0]]:
                walk((*path, after))

    for team in teams:
        walk((team,))
    return tuple(found)
