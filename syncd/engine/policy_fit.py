"""Do policy files fit the org, as it was last described? Only what can be told without asking it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from syncd.core import fence_types, nurture_conditions
from syncd.core.fence_model import Fences
from syncd.core.mapping_fit import schema_problems
from syncd.core.nurture import Nurture
from syncd.core.policies import Policies
from syncd.core.values import Problem
from syncd.engine.drift import field_users
from syncd.engine.needs import hidden_under
from syncd.ports import ObjectSchema

Schema = Mapping[str, ObjectSchema]


def misfits(policies: Policies, schema: Schema) -> list[Problem]:
    """Name what the org hides or has otherwise. Objects that were never described are not asked about: the next cycle does."""
    types = {name: {field.name: field.type for field in seen.fields.values()} for name, seen in schema.items()}
    found = [*_hidden(policies, schema), *_values(policies.fences, schema), *fence_types.with_types(policies.fences, types)[1]]
    if policies.nurture is not None:
        found += nurture_conditions.with_types(policies.nurture.screen, types)[1]
        found += _stages(policies.nurture, schema)
    for source in policies.sources:
        found += schema_problems(source, {name: seen.fields for name, seen in schema.items()})
    return list(dict.fromkeys(found))


def _hidden(policies: Policies, schema: Schema) -> Iterator[Problem]:
    users = field_users(policies)
    for name in hidden_under(policies, schema):
        object, _, field = name.partition(".")
        if object in schema and field:
            file, _, line = users.get((object, field), "mappings:1").partition(":")
            text = f"{name} does not exist, or is hidden from syncd's user."
            place = int(line) if line.isdigit() else 1
            yield Problem(file, place, 1, "MAP-065", text, "Correct the name, or give the permission set read access.")


def _values(fences: Fences, schema: Schema) -> Iterator[Problem]:
    """Hold the values of each fence against the picklists that it stands on, both ways."""
    for fence in fences.fences:
        bound = [one for one in fence.bound if fence.holdings and one.object in schema]
        fields = {f"{one.object}.{one.field}": schema[one.object].fields.get(one.field) for one in bound}
        offered = {name: field.picklist for name, field in fields.items() if field is not None and field.picklist}
        known = {value for values in offered.values() for value in values}
        for value, holding in fence.holdings.items():
            if known and value not in known and not holding.is_legacy:
                text = f"{value!r} is no value of {' or '.join(offered)} in this org."
                remedy = f"Use one of: {', '.join(map(repr, sorted(known)))}; or write legacy = true."
                yield Problem(holding.rule.file, holding.rule.line, 1, "MAP-066", text, remedy)
        for name, values in offered.items():
            for value in values:
                if value not in fence.holdings:
                    text = f"{value!r} of {name} is owned by no team."
                    yield Problem(
                        fence.rule.file, fence.rule.line, 1, "MAP-067", text, "Name a team for it, or write legacy = true."
                    )


def _stages(nurture: Nurture, schema: Schema) -> Iterator[Problem]:
    stage = schema["Opportunity"].fields.get("StageName") if "Opportunity" in schema else None
    for rule in nurture.stall.values() if stage is not None else ():
        if stage is not None and rule.stage not in stage.picklist:
            text = f"{rule.stage!r} is not an Opportunity Stage of this org."
            values = ", ".join(map(repr, stage.picklist))
            yield Problem(rule.rule.file, rule.rule.line, 1, "MAP-064", text, f"Use one of: {values}")
