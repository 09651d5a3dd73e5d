"""What stands around a change that makes it lawful, or that keeps syncd from reacting to it?

Windows that were announced, mass edits, rules that stopped themselves, and fights: whatever is known beside the fence itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.bulk_events import NO_MASS_EDITS, PART_OF_ONE, MassEdits
from syncd.core.fence_model import Window
from syncd.core.fights import CAME_BACK, PARKED, YIELDED, Fight, parking, yielding
from syncd.core.ladder import FOLLOWED_UP
from syncd.core.values import MACHINES, Change, Rule, Verdict
from syncd.core.windows import announced


@dataclass(frozen=True, slots=True)
class Spared:
    """What a verdict is softened to, and why."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything beside the fences that a cycle's judgements depend on.

    `stopped` gives by rule (`rule_key`, or `bound_key` for all rules of a field) why it only observes; `yielded` names the
    machines that are left alone in a field (`fights.yielding`), `parked` the fields of records that are left alone
    (`fights.parking`).
    """

    windows: tuple[Window, ...] = ()
    mass_edits: MassEdits = NO_MASS_EDITS
    stopped: Mapping[str, str] = field(default_factory=dict)
    yielded: frozenset[str] = frozenset()
    parked: frozenset[str] = frozenset()

    def lawful(self, change: Change) -> str | None:
        """Return why a change is lawful whatever the gates say, or None."""
        return announced(change, self.windows)

    def spared(self, change: Change, verdict: Verdict, rule: Rule, fight: Fight, now: datetime) -> Spared | None:
        """Say what the verdict on a crossing is softened to, or None when it stands. Nothing is ever made harder.

        Source: real orgs, demands 4, 6 and 15, and assumption 42.
        """
        if verdict in (Verdict.ALLOW, Verdict.NOTE):
            return None
        if self.mass_edits.covers(change):
            return Spared(Verdict.NOTE, PART_OF_ONE)
        for key in (rule_key(rule), bound_key(rule, change.object, change.field)):
            if key in self.stopped:
                return Spared(Verdict.NOTE, f"the rule only observes now: {self.stopped[key]}")
        if verdict not in FOLLOWED_UP:
            return None
        if change.actor.kind in MACHINES and yielding(change.actor, change.object, change.field) in self.yielded:
            return Spared(Verdict.WARN, YIELDED)
        if change.actor.kind in MACHINES and fight.is_about(change):
            return Spared(Verdict.WARN, CAME_BACK)
        if parking(change.record_id, change.field) in self.parked or fight.is_too_much(now):
            return Spared(Verdict.WARN, PARKED)
        return None


CALM = Surroundings()


def rule_key(rule: Rule) -> str:
    """Name a rule so that it is the same rule when lines are added above it."""
    return f"{rule.file} {rule.name}"


def bound_key(rule: Rule, object: str, field: str) -> str:
    """Name what a file says of one field of an object, all its lines together."""
    return f"{rule.file} {object}.{field}"
