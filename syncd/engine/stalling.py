"""Which open deals have stalled, and which other deals of a person run?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from syncd.core.actors import line_of
from syncd.core.holds import last_day
from syncd.core.nurture import Deal, activity_on, stage_entered_on, stalled_because
from syncd.core.values import OrgRecord
from syncd.engine.recycling_day import Day
from syncd.engine.world import Cycle, World


def stall_reasons(world: World, cycle: Cycle, day: Day, deals: Iterable[OrgRecord]) -> dict[str, str]:
    """Return the reason by deal for those of the open deals that have stalled."""
    rows = list(deals)
    ids = [deal.id for deal in rows]
    last = _last_activity(world, cycle, day, ids)
    undated = [deal.id for deal in rows if deal.text("LastStageChangeDate") is None]
    history = world.store.by_key("OpportunityHistory", "OpportunityId", undated) if undated else []
    hold = day.nurture.hold_field.get("Opportunity", "")
    reasons = {}
    for deal in rows:
        own = [row for row in history if row.text("OpportunityId") == deal.id]
        entered_on = stage_entered_on(deal, own, world.zone)
        facts = Deal(deal.id, deal.text("StageName") or "", entered_on, last.get(deal.id), last_day(deal, hold))
        reason = stalled_because(facts, day.nurture.stall, day.today)
        if reason is not None:
            reasons[deal.id] = reason
    return reasons


def _last_activity(world: World, cycle: Cycle, day: Day, ids: Sequence[str]) -> dict[str, date]:
    if all(rule.quiet_days is None for rule in day.nurture.stall.values()):
        return {}
    last: dict[str, date] = {}
    activity = day.nurture.activity
    for task in world.store.by_key("Task", "WhatId", ids):
        line = line_of(task.text("CreatedById"), cycle.people, world.policies.fences.teams)
        on = activity_on(task, line in activity.by, activity, day.today, world.zone, day.screen)
        deal = task.text("WhatId") or ""
        if on is not None and on > last.get(deal, date.min):
            last[deal] = on
    return last


def entered_stage_on(world: World, deal: OrgRecord) -> date:
    """Return the day on which a deal entered its present stage."""
    has_date = deal.text("LastStageChangeDate") is not None
    history = [] if has_date else world.store.by_key("OpportunityHistory", "OpportunityId", [deal.id])
    return stage_entered_on(deal, history, world.zone)


def active_deals(
    world: World, cycle: Cycle, day: Day, contact_ids: Sequence[str], stalled: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return by contact the names of other open deals that have not stalled."""
    roles = world.store.by_key("OpportunityContactRole", "ContactId", contact_ids)
    others = {deal for role in roles if (deal := role.text("OpportunityId")) and deal not in stalled}
    rows = world.store.get("Opportunity", sorted(others))
    running = [deal for deal in rows.values() if not deal.is_deleted and not deal.fields.get("IsClosed")]
    also_stalled = stall_reasons(world, cycle, day, running)
    names = {deal.id: deal.text("Name") or deal.id for deal in running if deal.id not in also_stalled}
    found: dict[str, list[str]] = {}
    for role in roles:
        deal, contact = role.text("OpportunityId") or "", role.text("ContactId") or ""
        if deal in names and names[deal] not in found.setdefault(contact, []):
            found[contact].append(names[deal])
    return {contact: deals for contact, deals in found.items() if deals}
