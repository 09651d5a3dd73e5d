"""Which rows hold values that Salesforce works out, and when are they read anew?

A formula's value may change, by the calendar or through another record, although the row's stamp does not: no pull brings it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from syncd.core.guard import Kind
from syncd.engine.backfill import ask_for
from syncd.engine.budget import may_spend
from syncd.engine.needs import ALL, Need
from syncd.engine.world import Cycle, World
from syncd.ports import ObjectSchema

REASON = "formula fields"
READ_AT = "formulas read at"
CALLS = 5
_OWN = {need.object: frozenset(need.fields) for need in ALL}


def formulas_in(needs: Iterable[Need], schema: Mapping[str, ObjectSchema]) -> dict[str, list[str]]:
    """Return by object the formulas and roll-ups that a mapping or a rule names."""
    found = {}
    for need in needs:
        fields = schema[need.object].fields if need.object in schema else {}
        own = _OWN.get(need.object, frozenset())
        names = [name for name in need.fields if name not in own and name in fields and fields[name].is_calculated]
        if names:
            found[need.object] = names
    return found


def read_formulas_again(world: World, cycle: Cycle) -> None:
    """Ask for the objects whose formulas were read too long ago; first sight reads them, too."""
    named = formulas_in(cycle.needs.values(), cycle.schema)
    known = world.store.setting(READ_AT)
    read_at: dict[str, str] = known if isinstance(known, dict) else {}
    if not named and not read_at:
        return
    new = {name: cycle.now.isoformat() for name in named if name not in read_at}
    every = world.pace.formula_every
    late = [name for name in named if name in read_at and cycle.now - datetime.fromisoformat(read_at[name]) >= every]
    due = [name for name in late if may_spend(world, cycle, Kind.BACKFILL, CALLS)]
    if not new and not due and read_at.keys() <= named.keys():
        return
    with world.store.begin() as tx:
        for name in due:
            ask_for(tx, name, REASON, cycle.now)
        kept = {name: at for name, at in read_at.items() if name in named}
        tx.put_setting(READ_AT, {**kept, **new, **dict.fromkeys(due, cycle.now.isoformat())})
