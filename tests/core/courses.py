"""What came of the changes of one lead, under the samples' strict policy with some of its lines set otherwise?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syncd.core.fence_model import Condition, Fence, Ladder, SideRule
from syncd.core.law import Law
from syncd.core.replay import Course, Replay, replay
from syncd.core.values import Actor, ActorKind, Change, Fields, Rule, Scalar, Verdict
from tests.core.samples import STRICT, change, fences, people, user_id

ALLOW, NOTE, WARN, ASK, REVERT = Verdict.ALLOW, Verdict.NOTE, Verdict.WARN, Verdict.ASK, Verdict.REVERT
MIA, SAM, RITA, ADA = (user_id(name) for name in ("mia", "sam", "rita", "ada"))
RULE = Rule("line", "fences.toml", 7)
REASON = "Status_Reason__c"


def condition(field: str, value: Scalar) -> Condition:
    """Return the condition that a field holds a value."""

    def holds(record: Fields) -> bool | None:
        return record[field] == value if field in record else None

    return Condition(f"{field} = {value}", RULE, frozenset({field}), holds)


def law(
    *,
    gates: Mapping[tuple[str, str], Mapping[str, Any]] | None = None,
    holdings: Mapping[str, Mapping[str, Any]] | None = None,
    status: Mapping[str, Any] | None = None,
    owner: Mapping[str, Any] | None = None,
    sides: tuple[SideRule, ...] = (),
    more: tuple[Fence, ...] = (),
) -> Law:
    """Return the strict policy of the samples with some gates, holdings and keys of its fences set otherwise, and more fences."""
    known = fences(STRICT)
    fence = replace(known.status, reason_field=REASON, **(status or {}))
    changed = {pair: replace(fence.gates[pair], **keys) for pair, keys in (gates or {}).items()}
    held = {value: replace(fence.holdings[value], **keys) for value, keys in (holdings or {}).items()}
    fence = replace(fence, gates={**fence.gates, **changed}, holdings={**fence.holdings, **held})
    owners = replace(known.owner, **(owner or {}))
    return Law(replace(known, fences=(fence, owners, *more), sides=sides), people())


def played(law: Law, *changes: Change, held: Fields | None = None, **more: Any) -> Replay:
    """Replay changes of one lead."""
    return replay(Course("Lead", changes, held or {}, **more), law)


def owner(before: str, after: str, by: str | Actor, minutes: int = 0) -> Change:
    """Return an owner move."""
    return change(before, after, by, minutes, field="OwnerId")


def told(result: Replay) -> dict[str, list[Verdict]]:
    """Return the verdicts by field, in order."""
    found: dict[str, list[Verdict]] = {}
    for item in result.judgements:
        found.setdefault(item.change.field, []).append(item.verdict)
    return found


def owed(result: Replay) -> dict[str, Scalar]:
    """Return what is owed by field."""
    return {name: standing.value for name, standing in result.standing.items() if standing.is_owed}


def side(**more: Any) -> SideRule:
    """Return a rule on Lead Rating that puts everybody back."""
    everybody = {ActorKind.TOOL: REVERT, ActorKind.PERSON: REVERT}
    return SideRule("Lead", "Rating", RULE, ladder=Ladder(everybody), **more)
