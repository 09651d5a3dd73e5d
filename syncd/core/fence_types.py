"""What do the conditions of fences.toml come to once an org has said what its fields hold?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from syncd.core.fence_model import Condition, Fence, Fences, Gate, Holding
from syncd.core.values import Problem

USER = "User"
# Field -> described type, by object.
Types = Mapping[str, Mapping[str, str]]


def with_types(fences: Fences, types: Types) -> tuple[Fences, list[Problem]]:
    """Compile every condition again with the types of the fields that it looks at.

    Shapes: the fences, and what is wrong with a condition, with line and character within its text. A condition that is wrong,
    and one of an object that is not visible, stays as it was. What holds of several objects has to fit each of them.
    """
    typing = _Typing(types)
    teams = tuple(replace(team, where=typing.of(team.where, (USER,))) if team.where else team for team in fences.teams)
    return replace(fences, teams=teams, fences=tuple(map(typing.fence, fences.fences))), typing.problems


def has_conditions(fences: Fences) -> bool:
    """Tell whether there is anything to compile."""
    of_gates = any(gate.when for fence in fences.fences for gate in fence.gates.values())
    shared = any(holding.shared for fence in fences.fences for holding in fence.holdings.values())
    return of_gates or shared or any(team.where for team in fences.teams)


@dataclass(frozen=True, slots=True)
class _Typing:
    types: Types
    problems: list[Problem] = field(default_factory=list)

    def fence(self, fence: Fence) -> Fence:
        objects = tuple(dict.fromkeys(bound.object for bound in fence.bound))
        gates = {pair: self._gate(gate, objects) for pair, gate in fence.gates.items()}
        holdings = {value: self._holding(holding, objects) for value, holding in fence.holdings.items()}
        return replace(fence, gates=gates, holdings=holdings)

    def _gate(self, gate: Gate, objects: Iterable[str]) -> Gate:
        return replace(gate, when=self.of(gate.when, objects)) if gate.when else gate

    def _holding(self, holding: Holding, objects: Iterable[str]) -> Holding:
        if not holding.shared:
            return holding
        return replace(holding, shared=tuple((team, when and self.of(when, objects)) for team, when in holding.shared))

    def of(self, condition: Condition | None, objects: Iterable[str]) -> Condition | None:
        """Return a condition compiled for the first of the objects that is visible."""
        if condition is None or condition.typed is None:
            return condition
        compiled: list[Condition] = []
        for object in objects:
            if object not in self.types:
                continue
            found = condition.typed(self.types[object])
            if isinstance(found, Condition):
                compiled.append(found)
            else:
                self._note(replace(found, text=f"{condition.rule.name}, on {object}: {found.text}"), condition)
        return compiled[0] if compiled else condition

    def _note(self, problem: Problem, condition: Condition) -> None:
        """Keep a problem once, though a line opens many gates."""
        placed = replace(problem, file=condition.rule.file, line=condition.rule.line)
        if placed not in self.problems:
            self.problems.append(placed)
