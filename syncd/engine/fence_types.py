"""By which fences is judged, now that the org has said what its fields hold?"""

from __future__ import annotations

from collections.abc import Mapping

from syncd.core.fence_model import Fences
from syncd.core.fence_types import has_conditions, with_types
from syncd.engine.world import Cycle, World
from syncd.ports import ObjectSchema


def fences_of(world: World, cycle: Cycle) -> Fences:
    """Return the fences that a cycle judges by."""
    return fences_under(world.policies.fences, cycle.schema)


def fences_under(fences: Fences, schema: Mapping[str, ObjectSchema]) -> Fences:
    """Return the fences with their conditions compiled for the org's own types; `check` tells what is wrong with one."""
    if not has_conditions(fences):
        return fences
    types = {name: {one.name: one.type for one in seen.fields.values()} for name, seen in schema.items()}
    return with_types(fences, types)[0]
