"""How does syncd write to many leads at once: from the decision in hand to every outcome in the ledger?

What is measured is all that a cycle does about writes: the intents and their ledger rows committed, the records looked at,
the requests, the outcomes recorded, the mirror brought up to date.
"""

from __future__ import annotations

from typing import Any

from bench.child import spending
from syncd.core.values import Intent, OrgRecord, Rule, digest
from syncd.engine.acting import act
from syncd.engine.cycle import begin, finish
from syncd.engine.opening import open_intents
from syncd.engine.world import World
from syncd.ports import OrgWriter

RULE = Rule("bench", "mappings/fences.toml", 1)
PAGE = 1000
VALUES: dict[str, tuple[str, str | int, str | int]] = {
    "contested": ("Status", "Working", "Meeting Set"),
    "uncontested": ("Lead_Score__c", 101, 102),
}


def write(world: World, org: OrgWriter, kind: str, count: int, skip: int) -> dict[str, Any]:
    """Set another value on leads of the mirror, the first `skip` left out; returns calls and seconds.

    Errors: RuntimeError when not every write was confirmed.
    """
    cycle = begin(world)
    field, one, other = VALUES[kind]
    leads = _leads(world, skip + count)[skip:]
    intents = [_intent(lead, field, other if lead.fields.get(field) == one else one, kind, cycle.id) for lead in leads]
    with spending() as spent:
        for start in range(0, len(intents), PAGE):
            with world.store.begin() as tx:
                open_intents(tx, [(intent, None) for intent in intents[start : start + PAGE]], cycle.now, cycle.id)
        calls = org.usage().ours
        act(world, org, cycle)
        calls = org.usage().ours - calls
    finish(world, cycle)
    confirmed, left = cycle.counts.get("outcomes confirmed", 0), world.store.count_open()
    if confirmed != count or left:
        raise RuntimeError(f"{confirmed} of {count} {kind} writes were confirmed, {left} are open: {cycle.counts}")
    return {"calls": calls, "rows": count, **spent.as_dict()}


def _leads(world: World, count: int) -> list[OrgRecord]:
    found: list[OrgRecord] = []
    while len(found) < count:
        page = world.store.scan("Lead", after_id=found[-1].id if found else "", limit=min(PAGE, count - len(found)))
        if not page:
            raise RuntimeError(f"only {len(found)} leads are mirrored")
        found += page
    return found


def _intent(lead: OrgRecord, field: str, value: str | int, kind: str, cycle: str) -> Intent:
    return Intent(
        key=digest(cycle, lead.id, field, value),
        object="Lead",
        record_id=lead.id,
        field=field,
        before=lead.fields.get(field),
        after=value,
        part="fence" if kind == "contested" else "mapping",
        rule=RULE,
        reason="measured",
        policy_hash="",
        cause="",
        decided_on=lead.modified_at.isoformat() if kind == "contested" else None,
        is_contested=kind == "contested",
    )
