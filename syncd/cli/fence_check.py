"""What does `syncd check` ask of the org on behalf of fences.toml?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from syncd.cli import fence_findings
from syncd.cli.finding import Finding

if TYPE_CHECKING:
    from syncd.core.actors import Directory
    from syncd.core.fence_model import Fences
    from syncd.core.values import Scalar
    from syncd.ports import ObjectSchema, RecordType
    from syncd.salesforce.org import SalesforceOrg


def fences_fit(
    org: SalesforceOrg, fences: Fences | None, schema: Mapping[str, ObjectSchema], types_of: Callable[[str], Sequence[RecordType]]
) -> Iterator[Finding]:
    """Hold the org against the fences, and its history tracking against what has to be proved.

    Counts come in one call for five of them; `types_of` asks for the record types of an object, which costs a call and one for
    each of its types.
    """
    unowned = fence_findings.unowned_values(fences, schema) if fences is not None else []
    tracked = fence_findings.tracked_fields(fences)
    asked = [one for one in tracked if one.history in schema]
    objects = [name for name in dict.fromkeys(one.bound.object for one in tracked) if name in schema]
    if not objects:
        return
    questions: list[tuple[str, dict[str, list[Scalar]]]] = [(name, {}) for name in objects]
    questions += [(one.history, {"Field": [one.name]}) for one in asked]
    questions += [(one.bound.object, {one.bound.field: [one.value]}) for one in unowned]
    counts = iter(org.count(questions))
    records = {name: next(counts) for name in objects}
    rows = {one: next(counts) for one in asked}
    if fences is not None:
        yield from fence_findings.values_owned(fences, schema, {one: next(counts) for one in unowned})
        needed = fence_findings.record_types_needed(fences, schema)
        yield from fence_findings.record_types_fit(fences, {name: types_of(name) for name in needed})
        yield from fence_findings.reasons_known(fences, schema)
        yield from fence_findings.conditions_fit(fences, schema)
        yield from fence_findings.lifecycle_sound(fences)
    yield from fence_findings.history_tracked(tracked, schema, rows, records)


def queues_fit(fences: Fences, people: Directory) -> Iterator[Finding]:
    """Hold the queues that values name against those of the org."""
    return fence_findings.queues_known(fences, (word for words in people.queues.values() for word in words))
