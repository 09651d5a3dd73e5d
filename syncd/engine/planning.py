"""What would the next cycle do, and how is exactly that done?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from syncd.core.plan import Plan
from syncd.core.routes import READ_AT_ONCE
from syncd.core.values import Entry, Intent, OrgRecord, digest
from syncd.engine.acting import act
from syncd.engine.cycle import begin, decide, finish
from syncd.engine.holding import WAITING_PLAN
from syncd.engine.opening import open_intents
from syncd.engine.outbox import Loads, open_items
from syncd.engine.recycling import read_kept_out
from syncd.engine.restored import is_restored
from syncd.engine.world import Cycle, World
from syncd.errors import PlanRefused
from syncd.ports import CycleRecord, LedgerQuery, OrgWriter

APPLIED = "plan applied"
PARTS = {"fences": ("fence",), "exports": ("flag", "map"), "nurture": ("nurture",)}
SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """What a cycle would decide now: the plan of its writes, every ledger row it would add, its counts, and how many deals and
    people the formulas of nurture.toml keep out, by name."""

    plan: Plan
    entries: Sequence[Entry]
    counts: Mapping[str, int]
    kept_out: Mapping[str, int]


def preview(world: World, only: str | None = None) -> Preview:
    """Decide as the next cycle would, on a private layer over the store, and send nothing.

    Shapes: `only` keeps the writes of one part: "fences", "exports" or "nurture". What earlier cycles held back for a
    person's word is in the plan again, as long as the record still holds the value that it would replace. With "nurture"
    the entries tell of every stalled deal and person once more, else of what is new.
    Source: promise 6: a plan sends no write and changes nothing in the store, the watermark included.
    """
    with world.store.scratch() as layer:
        inner = replace(world, store=layer)
        size = layer.ledger_size()
        cycle = begin(inner)
        waiting = layer.deferred()
        with layer.begin() as tx:
            tx.undefer(waiting)
        decide(inner, cycle, everything=True, retell=only == "nurture")
        intents = [item.intent for item in open_items(inner, Loads())]
        intents += still_wanted(inner, waiting, intents)
        entries = [row.entry for row in layer.ledger(LedgerQuery(limit=10**9)) if row.seq > size]
        kept_out = read_kept_out(layer).get("counts") or {}
    kept = [intent for intent in intents if only is None or intent.part in PARTS[only]]
    plan = Plan(cycle.identity.org_id, cycle.now, dict(world.policies.hashes), kept)
    return Preview(plan, entries, dict(cycle.counts), kept_out)


def still_wanted(world: World, waiting: Sequence[Intent], fresh: Sequence[Intent]) -> list[Intent]:
    """Return what was held back and still fits the mirror, less what was decided anew (`fresh`)."""
    anew = {_target(intent) for intent in fresh}
    kept: list[Intent] = []
    for name in sorted({intent.object for intent in waiting if not intent.is_create}):
        mine = [intent for intent in waiting if intent.object == name and not intent.is_create and _target(intent) not in anew]
        rows = world.store.get(name, [intent.record_id for intent in mine])
        kept += [_renewed(intent, rows[intent.record_id]) for intent in mine if _stands(intent, rows.get(intent.record_id))]
    return kept


def _target(intent: Intent) -> tuple[str, str, str]:
    return (intent.object, intent.record_id, intent.field)


def _stands(intent: Intent, record: OrgRecord | None) -> bool:
    return record is not None and not record.is_deleted and record.fields.get(intent.field) == intent.before


def _renewed(intent: Intent, record: OrgRecord) -> Intent:
    return intent if intent.decided_on is None else replace(intent, decided_on=record.modified_at.isoformat())


def apply(world: World, org: OrgWriter, plan: Plan, by: str = "") -> CycleRecord:
    """Carry out exactly this plan, or refuse before the first write.

    Shapes: `by` says who gave the word, such as `dana@host`; it stands in the ledger.
    Errors: PlanRefused when the plan is for another org, was decided under other policy files, was applied before, or when
    any of its records was changed since.
    Source: promise 6: the plan is the contract.
    """
    cycle = begin(world)
    _refuse_unless_it_fits(world, cycle, plan)
    act(world, org, cycle, limits=world.limits)
    _refuse_if_moved(org, plan)
    name = plan.hash
    opened = [(replace(intent, key=digest(name, intent.key)), None) for intent in plan.intents]
    subjects = [item.subject for _, item, _ in world.store.inbox(kind=WAITING_PLAN) if name[:8] in item.subject]
    words = f"plan {name[:8]} of {plan.made_at:%Y-%m-%d %H:%M} UTC applied{f' by {by}' if by else ''}: {len(opened)} writes"
    with world.store.begin() as tx:
        row = Entry(kind="plan", at=cycle.now, cycle=cycle.id, reason=words, evidence={"plan": name, "applied_by": by})
        [seq] = tx.append([row])
        open_intents(tx, [(intent, seq) for intent, _ in opened], cycle.now, cycle.id)
        tx.undefer(plan.intents)
        tx.put_setting(f"{APPLIED} {name}", cycle.now.isoformat())
        tx.resolve_inbox(WAITING_PLAN, subjects, cycle.now)
    act(world, org, cycle)
    return finish(world, cycle)


def is_applied(world: World, plan: Plan) -> bool:
    """Tell whether a plan's writes were committed to the ledger before."""
    return world.store.setting(f"{APPLIED} {plan.hash}") is not None


def take_up_again(world: World, org: OrgWriter) -> CycleRecord:
    """Send what is left of a plan whose application was cut short: its intents stand in the outbox, each is looked at first."""
    cycle = begin(world)
    act(world, org, cycle)
    return finish(world, cycle)


def _refuse_unless_it_fits(world: World, cycle: Cycle, plan: Plan) -> None:
    if plan.org_id != cycle.identity.org_id:
        raise PlanRefused(f"The plan is for org {plan.org_id}; config.toml leads to org {cycle.identity.org_id}.")
    if is_restored(world):
        raise PlanRefused("The store was restored, and is not compared with the org yet.", hint="Run first: syncd run --once")
    applied = world.store.setting(f"{APPLIED} {plan.hash}")
    if applied is not None:
        raise PlanRefused(f"The plan was applied already, at {applied}.")
    hashes = world.policies.hashes
    changed = [name for name in sorted({*plan.policies, *hashes}) if plan.policies.get(name) != hashes.get(name)]
    if changed:
        raise PlanRefused(f"The policy files changed since the plan was made: {', '.join(changed)}.")


def _refuse_if_moved(org: OrgWriter, plan: Plan) -> None:
    moved: list[str] = []
    updates = [intent for intent in plan.intents if not intent.is_create]
    for name in sorted({intent.object for intent in updates}):
        mine = [intent for intent in updates if intent.object == name]
        fields = sorted({intent.field for intent in mine})
        rows: dict[str, OrgRecord] = {}
        ids = sorted({intent.record_id for intent in mine})
        for start in range(0, len(ids), READ_AT_ONCE):
            rows |= org.read(name, ids[start : start + READ_AT_ONCE], fields).records
        moved += [f"{name} {i.record_id} {i.field}" for i in mine if not _is_unmoved(i, rows.get(i.record_id))]
    if moved:
        shown = "".join(f"\n  {line}" for line in moved[:SHOWN_MAX])
        more = f"\n  … and {len(moved) - SHOWN_MAX} more" if len(moved) > SHOWN_MAX else ""
        raise PlanRefused(f"{len(moved)} of {len(plan.intents)} records were changed since the plan was made:{shown}{more}")


def _is_unmoved(intent: Intent, record: OrgRecord | None) -> bool:
    if record is None or record.fields.get(intent.field) != intent.before:
        return False
    return intent.decided_on is None or record.modified_at.isoformat() == intent.decided_on
