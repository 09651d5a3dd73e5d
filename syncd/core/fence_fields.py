"""Which objects does a fence file stand on, and which fields of them does it name?

Salesforce keeps what happened to an object's fields in an object of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from syncd.core.fence_model import Bound, Condition, Fence, SideRule
from syncd.core.values import Rule

RECORD_TYPE = "RecordType.DeveloperName"
OWNER_FIELD = "OwnerId"
TELL_IN_FIELD = "field "


@dataclass(frozen=True, slots=True)
class History:
    """The object that keeps the changes of another one's fields, and its reference to that."""

    object: str
    parent: str


def history_of(object: str) -> History:
    """Name the history of an object.

    Source: Object Reference: StandardObjectNameHistory, CustomObject__History (its reference is ParentId), and
    OpportunityFieldHistory, which is named by no rule.
    """
    if object.endswith("__c"):
        return History(f"{object.removesuffix('__c')}__History", "ParentId")
    if object == "Opportunity":
        return History("OpportunityFieldHistory", "OpportunityId")
    return History(f"{object}History", f"{object}Id")


@dataclass(frozen=True, slots=True)
class Named:
    """One field of one object, and the line of the policy that needs it. `is_own`: a fence or a side rule stands on it."""

    object: str
    field: str
    rule: Rule
    is_own: bool = False


def fields_named(fences: Sequence[Fence], sides: Sequence[SideRule] = ()) -> Iterator[Named]:
    """Name every field that must be read before the fences can judge, each with the line that wants it; some come twice.

    Shapes: what a fence names besides its own fields (reason, conditions, fields to be filled) is wanted on each object that
    it stands on, since the same gate opens for all of them.
    """
    for fence in fences:
        beside = list(_beside(fence))
        for bound in fence.bound:
            yield Named(bound.object, bound.field, fence.rule, is_own=True)
            yield Named(bound.object, OWNER_FIELD, fence.rule)
            if needs_record_type(fence, bound):
                yield Named(bound.object, RECORD_TYPE, fence.rule)
            for field, rule in beside:
                yield Named(bound.object, field, rule)
    for side in sides:
        yield Named(side.object, side.field, side.rule, is_own=True)


def needs_record_type(fence: Fence, bound: Bound) -> bool:
    """Tell whether a record's type decides what the fence says of it."""
    return bool(bound.record_types) or any(holding.by_record_type for holding in fence.holdings.values())


def _beside(fence: Fence) -> Iterator[tuple[str, Rule]]:
    if fence.reason_field:
        yield fence.reason_field, fence.rule
    tell = fence.ladder.tell or ""
    if tell.startswith(TELL_IN_FIELD):
        yield tell.removeprefix(TELL_IN_FIELD), fence.rule
    for holding in fence.holdings.values():
        for _, condition in holding.shared:
            yield from _of(condition)
    for gate in fence.gates.values():
        yield from ((field, gate.rule) for field in gate.needs)
        yield from _of(gate.when)


def _of(condition: Condition | None) -> Iterator[tuple[str, Rule]]:
    if condition is not None:
        yield from ((field, condition.rule) for field in sorted(condition.fields))


def fenced_objects(fences: Iterable[Fence], sides: Iterable[SideRule] = ()) -> tuple[str, ...]:
    """Name the objects that a fence or a side rule stands on, in the order of the file."""
    bound = [each.object for fence in fences for each in fence.bound]
    return tuple(dict.fromkeys([*bound, *(side.object for side in sides)]))


def own_fields(fences: Iterable[Fence], sides: Iterable[SideRule] = ()) -> Mapping[str, tuple[str, ...]]:
    """Return by object the fields that a fence or a side rule stands on, or that a revert of theirs writes with them."""
    found: dict[str, dict[str, None]] = {}
    for fence in fences:
        for bound in fence.bound:
            mine = found.setdefault(bound.object, {})
            mine[bound.field] = None
            if fence.reason_field:
                mine[fence.reason_field] = None
    for side in sides:
        found.setdefault(side.object, {})[side.field] = None
    return {object: tuple(fields) for object, fields in found.items()}
