"""Does what the org shows fit what fences.toml says: values, record types, reasons, conditions, queues, history? Values in,
findings out.

Source: real orgs, assumptions 1, 3 and 26 (docs/practices.md, Real orgs).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from syncd.cli.finding import FIELD_ACCESS, Finding, at, bad, meant, ok, warn
from syncd.core.fence_fields import OWNER_FIELD, TELL_IN_FIELD, history_of
from syncd.core.fence_map import circles_by, holders, machines, map_of, unreachable
from syncd.core.fence_model import OWNER, Bound, Fence, Fences, Holding
from syncd.core.fence_types import with_types
from syncd.core.values import Verdict
from syncd.ports import FieldSchema, ObjectSchema, RecordType

Schema = Mapping[str, ObjectSchema]
REVERTING = {Verdict.REVERT, Verdict.ASK}
LEAD_STATUS = Bound("Lead", "Status")
LEAD_FIELDS = (LEAD_STATUS, Bound("Lead", OWNER_FIELD))


def _field(schema: Schema, object: str, field: str) -> FieldSchema | None:
    seen = schema.get(object)
    return None if seen is None else seen.fields.get(field)


def _label(bound: Bound) -> str:
    return {LEAD_FIELDS[0]: "Lead Status", LEAD_FIELDS[1]: "Lead Owner"}.get(
        Bound(bound.object, bound.field), f"{bound.object} {bound.field}"
    )


def _check_of(bound: Bound) -> str:
    return "lead status" if (bound.object, bound.field) == ("Lead", "Status") else "fenced values"


def _fenced(fences: Fences) -> Iterator[tuple[Fence, Bound]]:
    return ((fence, bound) for fence in fences.fences if fence.holdings for bound in fence.bound)


def fences_writable(fences: Fences, schema: Schema) -> Iterator[Finding]:
    """Say which fields a revert would write and may not: the fenced one, its reason, and the one that tells why."""
    for fence in fences.fences:
        if REVERTING & set(fence.ladder.mode.values()):
            yield from _fence_writable(fence, schema)
    for side in fences.sides:
        if REVERTING & set(side.ladder.mode.values()):
            yield from _writable(f"{at(side.rule)} [fields]", schema, side.object, side.field)


def _fence_writable(fence: Fence, schema: Schema) -> Iterator[Finding]:
    who, tell = f"{at(fence.rule)} the {fence.name} fence", fence.ladder.tell or ""
    told_in = tell.removeprefix(TELL_IN_FIELD) if tell.startswith(TELL_IN_FIELD) else None
    for bound in fence.bound:
        for name in (bound.field, fence.reason_field, told_in):
            yield from _writable(who, schema, bound.object, name or "")
    task = schema.get("Task")
    if tell == "task" and task is not None and not task.is_createable:
        text = f"{who} tells by tasks, and syncd's user may not create any."
        yield bad("writable fields", text, "Give its permission set Create on Tasks, or write another tell.")


def _writable(who: str, schema: Schema, object: str, name: str) -> Iterator[Finding]:
    seen = _field(schema, object, name)
    if seen is not None and not seen.is_updateable:
        remedy = FIELD_ACCESS.format(object=object, right="Edit Access", field=name)
        yield bad("writable fields", f"{who} reverts, but syncd's user may not edit {object}.{name}.", remedy)


@dataclass(frozen=True, slots=True)
class Unowned:
    """A value that the org offers, or that records of a type may hold, and that no line of the file gives to a team."""

    bound: Bound
    value: str


def unowned_values(fences: Fences, schema: Schema) -> list[Unowned]:
    """Return the values of fenced picklists that no team owns."""
    found = []
    for fence, bound in _fenced(fences):
        seen = _field(schema, bound.object, bound.field)
        values = () if seen is None else seen.picklist
        found += [Unowned(bound, value) for value in sorted(set(values) - set(fence.holdings))]
    return found


def values_owned(fences: Fences, schema: Schema, records: Mapping[Unowned, int]) -> Iterator[Finding]:
    """Hold each fenced picklist against the file, both ways. `records` counts the records of each unowned value."""
    unowned = unowned_values(fences, schema)
    offered = _offered(fences, schema)
    for fence, bound in _fenced(fences):
        seen = _field(schema, bound.object, bound.field)
        if seen is None:
            continue
        check = _check_of(bound)
        if not seen.picklist:
            text = f"{at(fence.rule)} {bound.object}.{bound.field} is a {seen.type}, not a picklist: any value may stand in it."
            yield bad(check, text, "Name a picklist under fields, or make this one a picklist in Salesforce.")
            continue
        found = [*_missing(check, fence, bound, seen, offered[fence.name])] if bound == fence.bound[0] else []
        for one in (one for one in unowned if one.bound == bound):
            count = f"{records.get(one, 0):,} {'lead' if bound.object == 'Lead' else bound.object + ' record'}s have it"
            text = f"no team owns {_label(bound)} {one.value!r}; {count}, and their changes are only noted."
            table = "status" if fence.name == "status" else f"fence.{fence.name}.status"
            found.append(bad(check, text, f'Add a line under [{table}] in fences.toml: "{one.value}" = {{ team = "…" }}'))
        yield from found or [ok(check, f"all {len(seen.picklist)} values of {_label(bound)} are owned")]


def _offered(fences: Fences, schema: Schema) -> dict[str, frozenset[str]]:
    """Return by fence all values that one of its fields offers."""
    found: dict[str, frozenset[str]] = {}
    for fence, bound in _fenced(fences):
        seen = _field(schema, bound.object, bound.field)
        found[fence.name] = found.get(fence.name, frozenset()) | frozenset(() if seen is None else seen.picklist)
    return found


def _missing(check: str, fence: Fence, bound: Bound, seen: FieldSchema, offered: frozenset[str]) -> Iterator[Finding]:
    """Name the values of the file that the org does not have; where a fence has several fields, one of them is enough."""
    for value, holding in fence.holdings.items():
        if holding.is_legacy or value in offered or value in seen.picklist:
            continue
        text = f"{at(holding.rule)} {value!r} is not a {_label(bound)} of this org."
        yield bad(check, text, meant(value, seen.picklist))


def record_types_needed(fences: Fences, schema: Schema) -> list[str]:
    """Name the fenced objects whose records have types."""
    objects = dict.fromkeys(bound.object for _, bound in _fenced(fences))
    return [object for object in objects if _field(schema, object, "RecordTypeId") is not None]


def record_types_fit(fences: Fences, types: Mapping[str, Sequence[RecordType]]) -> Iterator[Finding]:
    """Hold the file against the picklists of each record type. `types` has the active ones by object."""
    check = "record types"
    found: list[Finding] = []
    looked_at = 0
    for fence, bound in _fenced(fences):
        known = types.get(bound.object)
        if known is None:
            continue
        names = [one.name for one in known]
        found += _types_known(check, fence, bound, names)
        for one in known:
            if bound.record_types and one.name not in bound.record_types:
                continue
            looked_at += 1
            of_object = frozenset(value for each in known for value in each.picklists.get(bound.field, ()))
            found += _type_fits(check, fence, bound, one, of_object if len(fence.bound) > 1 else frozenset(fence.holdings))
    if looked_at or found:
        yield from found or [ok(check, f"every value fits the {looked_at} record types that it applies to")]


def _types_known(check: str, fence: Fence, bound: Bound, known: Sequence[str]) -> Iterator[Finding]:
    for name in sorted(bound.record_types - set(known)):
        text = f"{at(fence.rule)} {bound.object} has no active record type {name!r}."
        yield bad(check, text, meant(name, known))
    if len(fence.bound) > 1:
        return  # a value's record types may be another object's
    for holding in fence.holdings.values():
        for name in sorted(set(holding.by_record_type) - set(known)):
            yield bad(check, f"{at(holding.rule)} {bound.object} has no active record type {name!r}.", meant(name, known))


def _type_fits(check: str, fence: Fence, bound: Bound, one: RecordType, of_object: Collection[str]) -> Iterator[Finding]:
    """Hold one record type against a fence. `of_object` are the values that concern the object: a fence may stand on several."""
    offered = one.picklists.get(bound.field, ())
    applies = {value for value, holding in fence.holdings.items() if _applies(holding, one.name)}
    for value in [value for value in fence.holdings if value in applies and value in of_object and value not in offered]:
        holding = fence.holdings[value]
        text = f"{at(holding.rule)} {bound.object} records of type {one.name!r} can't have {_label(bound)} {value!r}."
        others = 'by_record_type = { Other_Type = "…" }'
        yield bad(check, text, f"Add the value to the record type, or name the types that it is for in place of team: {others}")
    for value in [value for value in offered if value in fence.holdings and not holders(fence.holdings[value], one.name)]:
        if fence.holdings[value].is_legacy:
            continue
        text = f"{at(fence.holdings[value].rule)} no team owns {_label(bound)} {value!r} for record type {one.name!r}."
        yield bad(check, text, f'Add it to the value: by_record_type = {{ {one.name} = "…" }}')


def _applies(holding: Holding, record_type: str) -> bool:
    return not holding.is_legacy and bool(holders(holding, record_type))


def reasons_known(fences: Fences, schema: Schema) -> Iterator[Finding]:
    """Say which reasons the reason field does not offer: nobody could pass such a gate."""
    check = "reasons"
    found, count = [], 0
    for fence in fences.fences:
        for object in dict.fromkeys(bound.object for bound in fence.bound):
            seen = _field(schema, object, fence.reason_field or "")
            if seen is None or not seen.picklist:
                continue
            wanted = {(reason, gate.rule) for gate in fence.gates.values() for reason in gate.reasons}
            count += len(wanted)
            for reason, rule in sorted(wanted, key=lambda one: (one[1].line, one[0])):
                if reason not in seen.picklist:
                    text = f"{at(rule)} {reason!r} is no value of {object}.{fence.reason_field}: nobody could give that reason."
                    found.append(bad(check, text, meant(reason, seen.picklist)))
    if count:
        yield from found or [ok(check, f"{count} reasons can be given")]


def conditions_fit(fences: Fences, schema: Schema) -> Iterator[Finding]:
    """Check the conditions of gates, splits and teams with what the org says their fields hold."""
    types = {name: {field.name: field.type for field in seen.fields.values()} for name, seen in schema.items()}
    _, problems = with_types(fences, types)
    for problem in problems:
        yield bad("conditions", f"{problem.file}:{problem.line} [{problem.code}] {problem.text}", problem.remedy)


def queues_known(fences: Fences, queues: Iterable[str]) -> Iterator[Finding]:
    """Say which holding queues the org does not have."""
    known = {name.casefold(): name for name in queues}
    for fence in fences.fences:
        for holding in fence.holdings.values():
            if holding.queue is not None and holding.queue.casefold() not in known:
                text = f"{at(holding.rule)} there is no queue {holding.queue!r} to keep {holding.value!r}."
                yield bad("queues", text, meant(holding.queue, known.values()))


def lifecycle_sound(fences: Fences) -> Iterator[Finding]:
    """Warn of values that no lawful way leads to, and of rounds that machines alone can make."""
    check = "fence map"
    for fence in fences.fences:
        drawn = map_of(fences, fence.name)
        if fence.name != OWNER:
            for value in unreachable(drawn):
                text = f"{at(fence.holdings[value].rule)} no lawful way leads to {value!r} from {drawn.values[0]!r}."
                yield warn(check, text, 'Add a gate, or say how it comes about: set_by = "conversion" or legacy = true.')
        for circle in circles_by(drawn, machines(fences)):
            text = f"{at(fence.rule)} machines alone can go round: {' → '.join((*circle, circle[0]))}."
            yield warn(check, text, "Take the machine out of one of these gates: two of them could move a record for ever.")


@dataclass(frozen=True, slots=True)
class Tracked:
    """A fenced field, and under which name its history is kept in which object."""

    bound: Bound
    history: str
    name: str


def tracked_fields(fences: Fences | None) -> list[Tracked]:
    """Name the fields whose changes have to be proved: those that fences stand on, without a file those of leads."""
    bound = LEAD_FIELDS if fences is None else tuple(one for fence in fences.fences for one in fence.bound)
    plain = dict.fromkeys(Bound(one.object, one.field) for one in bound)
    return [Tracked(one, history_of(one.object).object, "Owner" if one.field == OWNER_FIELD else one.field) for one in plain]


def history_tracked(
    fields: Iterable[Tracked], schema: Schema, rows: Mapping[Tracked, int], records: Mapping[str, int]
) -> Iterator[Finding]:
    """Say whether changes of fenced fields can be proved. `rows` counts the history of each, `records` an object."""
    unseen: dict[str, list[Tracked]] = {}
    for one in fields:
        history = _field(schema, one.history, "Field")
        if history is None:
            unseen.setdefault(one.bound.object, []).append(one)
        else:
            yield _tracked(one, history, rows.get(one, 0), records.get(one.bound.object, 0))
    for object, hidden in unseen.items():
        text = f"{hidden[0].history} is not visible: no change of a {object.lower()} can be proved."
        yield bad("history tracking", text, _tick(object, " and ".join(_label(one.bound) for one in hidden)))


def _tracked(one: Tracked, history: FieldSchema, count: int, records: int) -> Finding:
    check, label = "history tracking", _label(one.bound)
    if history.picklist:
        judged, is_tracked = "by what describe says", one.name in history.picklist
    else:
        judged, is_tracked = f"by {count:,} history rows, as describe does not tell", count > 0
    if is_tracked:
        return ok(check, f"{label} is tracked (judged {judged})")
    if not records and not history.picklist:
        there_are_none = f"there are no {'leads' if one.bound.object == 'Lead' else one.bound.object + ' records'} yet"
        return warn(check, f"{label}: cannot be judged, as {there_are_none}.", _tick(one.bound.object, label))
    return bad(check, f"{label} is not tracked (judged {judged}).", _tick(one.bound.object, label))


def _tick(object: str, labels: str) -> str:
    where = f"Setup > Object Manager > {object} > Fields & Relationships > Set History Tracking: tick {labels}."
    return f"{where} Until then a change proves nobody: it is only noted."
