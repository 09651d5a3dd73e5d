"""Which deals have stalled today, and which of their people join a nurture campaign?

Evaluated once a day of the configured zone, and whenever nurture.toml changes: a deal stalls by the day, so the work does
not grow with the number of cycles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.core.nurture import Nurture, Track, local_day
from syncd.core.nurture_conditions import OPEN, TASK, KeptOut, deal_kept_out, is_out_of_scope
from syncd.core.values import Entry, OrgRecord
from syncd.engine.backfill import open_backfills
from syncd.engine.enrolling import judge_person, people_on
from syncd.engine.needs import hidden_under, shown_as
from syncd.engine.opening import open_intents
from syncd.engine.recycling_day import Day, Findings, begin_day
from syncd.engine.stalling import entered_stage_on, stall_reasons
from syncd.engine.world import Cycle, World
from syncd.ports import StoreReader

BATCH = 200
DONE = "nurture done"
CURSOR = "nurture cursor"
KEPT_OUT = "nurture kept out"
RECYCLED = "recycled"
NEEDED = frozenset(
    {
        "Opportunity", "Opportunity.StageName", "Opportunity.IsClosed", "Contact", "Contact.Email",
        "OpportunityContactRole", "OpportunityContactRole.OpportunityId", "OpportunityContactRole.ContactId",
        "CampaignMember", "CampaignMember.CampaignId", "CampaignMember.ContactId", "Campaign",
    }
)  # fmt: skip


def is_due(world: World, cycle: Cycle) -> bool:
    """Tell whether stalls are to be looked for in this cycle."""
    nurture = world.policies.nurture
    return nurture is not None and not rests(world, cycle) and world.store.setting(DONE) != _stamp(world, cycle, nurture)


def rests(world: World, cycle: Cycle) -> bool:
    """Tell whether nobody can be enrolled because something that may keep people out cannot be read; the inbox names it.

    A hidden opt-out is no reason to rest: it counts as given.
    """
    nurture = world.policies.nurture
    if nurture is None:
        return True
    needed = {*NEEDED, *(f"{object}.{field}" for object, field in nurture.hold_field.items())}
    asked = [one for one in nurture.screen.conditions() if one[0] != TASK]
    if any(rule.quiet_days is not None for rule in nurture.stall.values()):
        needed |= {"Task", "Task.WhatId", "Task.ActivityDate", "Task.IsClosed", "Task.CreatedById"}
        asked = list(nurture.screen.conditions())
    needed |= {f"{object}.{shown_as(name)}" for object, condition in asked for name in condition.fields}
    return not needed.isdisjoint(hidden_under(world.policies, cycle.schema))


def _stamp(world: World, cycle: Cycle, nurture: Nurture) -> str:
    return f"{local_day(cycle.now, world.zone)} {nurture.policy_hash}"


def recycle(world: World, cycle: Cycle, *, retell: bool = False) -> None:
    """Find the stalled deals and decide for each of their people: one transaction a batch, resumed after a crash.

    Shapes: `retell` enters what was decided before once more, as a plan wants it.
    """
    nurture = world.policies.nurture
    if nurture is None or rests(world, cycle):
        return
    stamp = _stamp(world, cycle, nurture)
    day = begin_day(world, cycle, nurture, retell=retell)
    cursor = world.store.setting(CURSOR)
    is_resumed = isinstance(cursor, dict) and cursor.get("stamp") == stamp and not retell
    after = str(cursor["after"]) if isinstance(cursor, dict) and is_resumed else ""
    if isinstance(cursor, dict) and is_resumed:
        day.kept_out.update(cursor.get("kept out", {}))
    while deals := world.store.scan("Opportunity", field="StageName", values=nurture.stall, after_id=after, limit=BATCH):
        world.pause_point()
        after = deals[-1].id
        found = _judge_deals(world, cycle, day, [deal for deal in deals if not deal.fields.get("IsClosed")])
        with world.store.begin() as tx:
            seqs = tx.append(found.entries)
            open_intents(tx, [(intent, seqs[cause]) for intent, cause in found.intents], cycle.now, cycle.id)
            for scope, verdicts in found.verdicts.items():
                tx.put_verdicts(scope, verdicts)
            tx.put_setting(CURSOR, {"stamp": stamp, "after": after, "kept out": dict(day.kept_out)})
    with world.store.begin() as tx:
        if _is_still_read(world, day):
            tx.put_setting(CURSOR, None)
        else:
            tx.put_setting(DONE, stamp)
        tx.put_setting(KEPT_OUT, {"on": day.today.isoformat(), "counts": dict(sorted(day.kept_out.items()))})


def _is_still_read(world: World, day: Day) -> bool:
    """Tell whether a formula could not be worked out while its objects are read again, for its fields: then it is asked anew."""
    reading = {one.object for one in open_backfills(world.store)}
    asked = {object for object, _ in day.screen.conditions()}
    return any(name.endswith(OPEN) for name in day.kept_out) and not asked.isdisjoint(reading)


def read_kept_out(store: StoreReader) -> Mapping[str, Any]:
    """Return how many deals and people the formulas kept out when stalls were last looked for: "on" a day, "counts" by name."""
    known = store.setting(KEPT_OUT)
    return known if isinstance(known, dict) else {}


def _judge_deals(world: World, cycle: Cycle, day: Day, deals: Sequence[OrgRecord]) -> Findings:
    reasons = stall_reasons(world, cycle, day, deals)
    found = Findings()
    if not reasons:
        return found
    known = {} if day.retell else world.store.verdicts(RECYCLED, reasons)
    roles = world.store.by_key("OpportunityContactRole", "OpportunityId", reasons)
    people = people_on(world, cycle, day, reasons, roles)
    ids = {id for id, _ in people}
    asked = [] if day.retell else sorted(ids)
    said = {campaign: dict(world.store.verdicts(f"campaign {campaign}", asked)) for campaign in set(day.campaigns.values())}
    for deal in deals:
        if deal.id not in reasons:
            continue
        if is_out_of_scope(day.screen, deal.fields):
            cycle.count("deals out of scope")
            day.keep_out(["deals out of scope"], deal.id)
            continue
        cycle.count("stalled")
        track = day.nurture.track_of(deal.text("StageName") or "")
        episode = f"{deal.text('StageName')} since {entered_stage_on(world, deal)}"
        why = deal_kept_out(day.screen, deal.fields)
        if why is not None:
            _keep_deal_out(cycle, day, deal, f"{reasons[deal.id]}; {why.reason}", why, known, found)
            continue
        cause = _note_recycle(cycle, day, deal, track, reasons[deal.id], found) if known.get(deal.id) != episode else None
        found.verdicts.setdefault(RECYCLED, {})[deal.id] = episode
        contacts = dict.fromkeys(role.text("ContactId") or "" for role in roles if role.text("OpportunityId") == deal.id)
        for contact_id in contacts:
            person = people.get((contact_id, track.name))
            if person is not None:
                judge_person(cycle, day, deal, track, person, cause, said, found)
    return found


def _keep_deal_out(
    cycle: Cycle, day: Day, deal: OrgRecord, reason: str, why: KeptOut, known: Mapping[str, str], found: Findings
) -> None:
    """Record why nobody of a stalled deal is enrolled, once for each reason."""
    day.keep_out(why.never or [f"scope{OPEN}"], deal.id)
    cycle.count("deals kept out")
    found.verdicts.setdefault(RECYCLED, {})[deal.id] = why.reason
    if known.get(deal.id) != why.reason:
        found.entries.append(
            Entry(
                kind="decision",
                at=cycle.now,
                cycle=cycle.id,
                object="Opportunity",
                record_id=deal.id,
                verdict="exclude",
                rule=why.rule,
                policy_hash=day.nurture.policy_hash,
                reason=reason,
                evidence={"modified_at": deal.modified_at.isoformat()},
            )
        )


def _note_recycle(cycle: Cycle, day: Day, deal: OrgRecord, track: Track, reason: str, found: Findings) -> int:
    found.entries.append(
        Entry(
            kind="decision",
            at=cycle.now,
            cycle=cycle.id,
            object="Opportunity",
            record_id=deal.id,
            related_id=day.campaigns.get(track.name),
            verdict="recycle",
            rule=day.nurture.stall[deal.text("StageName") or ""].rule,
            policy_hash=day.nurture.policy_hash,
            reason=f"{reason}: track {track.name}",
            evidence={"modified_at": deal.modified_at.isoformat()},
        )
    )
    cycle.count("recycled")
    return len(found.entries) - 1
