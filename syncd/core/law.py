"""What is a record judged by: which fences and rules stand on its fields, and whose people are they?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.actors import Directory
from syncd.core.fence_model import Fence, Fences, SideRule
from syncd.core.fiscal import QuietPeriod
from syncd.core.values import Rule


@dataclass(frozen=True, slots=True)
class Posts:
    """What stands on the fields of one object: fences, side rules, and the names of the fences that a reason field serves.

    `everywhere` has the fields on which one fence stands for records of every type.
    """

    fences: Mapping[str, tuple[Fence, ...]]
    everywhere: Mapping[str, Fence]
    sides: Mapping[str, SideRule]
    reasons: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, law: Fences, object: str) -> Posts:
        """Find what stands on an object."""
        fenced: dict[str, tuple[Fence, ...]] = {}
        reasons: dict[str, frozenset[str]] = {}
        for fence in law.fences:
            fields = dict.fromkeys(bound.field for bound in fence.bound if bound.object == object)
            for name in fields:
                fenced[name] = (*fenced.get(name, ()), fence)
            if fields and fence.reason_field:
                reasons[fence.reason_field] = reasons.get(fence.reason_field, frozenset()) | {fence.name}
        scoped = {bound.field for fence in law.fences for bound in fence.bound if bound.object == object and bound.record_types}
        everywhere = {name: fences[0] for name, fences in fenced.items() if len(fences) == 1 and name not in scoped}
        return cls(fenced, everywhere, {side.field: side for side in law.sides if side.object == object}, reasons)

    @property
    def judged(self) -> tuple[str, ...]:
        """Return the fields whose changes are judged, or go back with one that is."""
        return tuple(dict.fromkeys([*self.fences, *self.reasons, *self.sides]))

    def rule_of(self, name: str) -> Rule:
        """Return the line that stands on a field."""
        if name in self.fences:
            return self.fences[name][0].rule
        if name in self.sides:
            return self.sides[name].rule
        return next(each.rule for fences in self.fences.values() for each in fences if each.name in self.reasons[name])

    def field_of(self, fence: str) -> str | None:
        """Return the field of this object that a fence stands on."""
        return next((name for name, fences in self.fences.items() for each in fences if each.name == fence), None)


@dataclass(frozen=True, slots=True)
class Law:
    """What every record is judged by: the fences, the people of the org, now and at any earlier moment, and the quiet period
    that today lies in."""

    fences: Fences
    people: Directory
    quiet: QuietPeriod | None = None
    past: Callable[[datetime], Directory] | None = None
    _posts: dict[str, Posts] = field(default_factory=dict, repr=False, compare=False)

    def posts(self, object: str) -> Posts:
        """Return what stands on the fields of an object."""
        if object not in self._posts:
            self._posts[object] = Posts.of(self.fences, object)
        return self._posts[object]

    def people_at(self, at: datetime) -> Directory:
        """Return the people as they were at a moment. Source: real orgs, assumption 28: judge with the team of that day."""
        return self.people if self.past is None else self.past(at)
