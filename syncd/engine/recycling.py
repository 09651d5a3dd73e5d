"""Which deals have stalled today, and which of their people join a nurture campaign?

Evaluated once a day of the configured zone, and whenever nurture.toml changes: a deal stalls by the day, so the work does
not grow with the number of cycles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from syncd.core.actors import line_of
from syncd.core.nurture import (
    Deal,
    Nurture,
    Person,
    Track,
    activity_on,
    kept_out_because,
    local_day,
    stage_entered_on,
    stalled_because,
)
from syncd.core.nurture_conditions import (
    CONTACT,
    EVERYTHING,
    OPEN,
    TASK,
    KeptOut,
    Screen,
    counted,
    deal_kept_out,
    is_out_of_scope,
    with_types,
)
from syncd.core.values import Entry, InboxItem, Intent, OrgRecord, digest
from syncd.engine.backfill import open_backfills
from syncd.engine.consent import reasons_by
from syncd.engine.needs import hidden_under, shown_as
from syncd.engine.opening import open_intents
from syncd.engine.world import Cycle, World
from syncd.ports import StoreReader

BATCH = 200
DONE = "nurture done"
CURSOR = "nurture cursor"
KEPT_OUT = "nurture kept out"
RECYCLED = "recycled"
NO_CAMPAIGN = "no-campaign"
NEEDED = frozenset(
    {
        "Opportunity", "Opportunity.StageName", "Opportunity.IsClosed", "Contact", "Contact.Email",
        "OpportunityContactRole", "OpportunityContactRole.OpportunityId", "OpportunityContactRole.ContactId",
        "CampaignMember", "CampaignMember.CampaignId", "CampaignMember.ContactId", "Campaign",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Day:
    """One evaluation: the policy, the day, the campaigns by track, and who is on the way into one already.

    `screen` has the formulas with the org's types, `kept_out` counts by exclusion the deals and people in `met`.
    """

    nurture: Nurture
    today: date
    campaigns: Mapping[str, str]
    on_the_way: set[tuple[str, str]]
    retell: bool = False
    screen: Screen = EVERYTHING
    kept_out: Counter[str] = field(default_factory=Counter)
    met: set[tuple[str, str]] = field(default_factory=set)

    def keep_out(self, names: Iterable[str], id: str) -> None:
        """Count a deal or person once for each exclusion that it met."""
        for name in names:
            if (name, id) not in self.met:
                self.met.add((name, id))
                self.kept_out[name] += 1


@dataclass(slots=True)
class Findings:
    """What one batch of deals comes to."""

    entries: list[Entry] = field(default_factory=list)
    intents: list[tuple[Intent, int]] = field(default_factory=list)
    verdicts: dict[str, dict[str, str]] = field(default_factory=dict)


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
    today, campaigns = local_day(cycle.now, world.zone), _campaigns(world, cycle, nurture)
    day = Day(nurture, today, campaigns, _on_the_way(world), retell, _screen(nurture, cycle))
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


def _screen(nurture: Nurture, cycle: Cycle) -> Screen:
    """Return the formulas compiled for the org's own types; `check` tells what is wrong with one."""
    types = {name: {one.name: one.type for one in seen.fields.values()} for name, seen in cycle.schema.items()}
    return with_types(nurture.screen, types)[0]


def _on_the_way(world: World) -> set[tuple[str, str]]:
    waiting = [*(item.intent for item in world.store.open_intents()), *world.store.deferred()]
    return {(str(intent.after), intent.record_id) for intent in waiting if intent.is_create}


def _campaigns(world: World, cycle: Cycle, nurture: Nurture) -> dict[str, str]:
    """Return the campaign id by track; a track whose campaign cannot be used goes to the inbox and enrolls nobody."""
    found: dict[str, str] = {}
    faults: list[InboxItem] = []
    for track in nurture.tracks:
        usable = [row for row in world.store.by_key("Campaign", "Name", [track.campaign]) if row.fields.get("IsActive")]
        fault = _campaign_fault(world, track, usable)
        if fault is None:
            found[track.name] = usable[0].id
        else:
            where, remedy = f"{track.rule.file}:{track.rule.line}", "Correct the campaign or the track, then run: syncd check"
            faults.append(InboxItem(NO_CAMPAIGN, track.name, where, f"{fault} Nobody is enrolled in this track.", remedy))
    if faults or found:
        with world.store.begin() as tx:
            tx.put_inbox(faults, cycle.now)
            tx.resolve_inbox(NO_CAMPAIGN, list(found), cycle.now)
    return found


def _campaign_fault(world: World, track: Track, usable: Sequence[OrgRecord]) -> str | None:
    if len(usable) != 1:
        return f"{len(usable)} active campaigns are named {track.campaign!r}, not exactly one."
    if track.member_status is None:
        return None
    labels = [row.text("Label") for row in world.store.by_key("CampaignMemberStatus", "CampaignId", [usable[0].id])]
    if track.member_status in labels:
        return None
    return f"campaign {track.campaign!r} has no member status {track.member_status!r}."


def _judge_deals(world: World, cycle: Cycle, day: Day, deals: Sequence[OrgRecord]) -> Findings:
    reasons = _stalled(world, cycle, day, deals)
    found = Findings()
    if not reasons:
        return found
    known = {} if day.retell else world.store.verdicts(RECYCLED, reasons)
    roles = world.store.by_key("OpportunityContactRole", "OpportunityId", reasons)
    people = _people(world, cycle, day, reasons, roles)
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
        episode = f"{deal.text('StageName')} since {_entered(world, deal)}"
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
                _judge_person(cycle, day, deal, track, person, cause, said, found)
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


def _entered(world: World, deal: OrgRecord) -> date:
    has_date = deal.text("LastStageChangeDate") is not None
    history = [] if has_date else world.store.by_key("OpportunityHistory", "OpportunityId", [deal.id])
    return stage_entered_on(deal, history, world.zone)


def _stalled(world: World, cycle: Cycle, day: Day, deals: Iterable[OrgRecord]) -> dict[str, str]:
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
        facts = Deal(deal.id, deal.text("StageName") or "", entered_on, last.get(deal.id), deal.day(hold))
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


def _people(
    world: World, cycle: Cycle, day: Day, reasons: Mapping[str, str], roles: Sequence[OrgRecord]
) -> dict[tuple[str, str], Person]:
    """Return everybody on these deals, by contact and track, with all that may keep them out."""
    store = world.store
    ids = sorted({contact_id for role in roles if (contact_id := role.text("ContactId"))})
    contacts = store.get("Contact", ids)
    against = reasons_by(world, cycle, contacts)
    active = _active_deals(world, cycle, day, ids, reasons)
    members = {(row.text("CampaignId"), row.text("ContactId")) for row in store.by_key("CampaignMember", "ContactId", ids)}
    hold = day.nurture.hold_field.get("Contact", "")
    people: dict[tuple[str, str], Person] = {}
    for id, contact in contacts.items():
        met = day.screen.against(CONTACT, contact.fields)
        day.keep_out(counted(met), id)
        never = [one.why(says) for one, says in met]
        for track in day.nurture.tracks:
            is_member = (day.campaigns.get(track.name), id) in members
            flags = [reason.text for reason in against[id] if reason.keeps_out(track.scopes)]
            people[id, track.name] = Person(
                id, flags, contact.day(hold), active.get(id, ()), is_member, contact.is_deleted, never
            )
    return people


def _active_deals(
    world: World, cycle: Cycle, day: Day, contact_ids: Sequence[str], stalled: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return by contact the names of other open deals that have not stalled."""
    roles = world.store.by_key("OpportunityContactRole", "ContactId", contact_ids)
    others = {deal for role in roles if (deal := role.text("OpportunityId")) and deal not in stalled}
    rows = world.store.get("Opportunity", sorted(others))
    running = [deal for deal in rows.values() if not deal.is_deleted and not deal.fields.get("IsClosed")]
    also_stalled = _stalled(world, cycle, day, running)
    names = {deal.id: deal.text("Name") or deal.id for deal in running if deal.id not in also_stalled}
    found: dict[str, list[str]] = {}
    for role in roles:
        deal, contact = role.text("OpportunityId") or "", role.text("ContactId") or ""
        if deal in names and names[deal] not in found.setdefault(contact, []):
            found[contact].append(names[deal])
    return {contact: deals for contact, deals in found.items() if deals}


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


def _judge_person(
    cycle: Cycle,
    day: Day,
    deal: OrgRecord,
    track: Track,
    person: Person,
    cause: int | None,
    said: Mapping[str, dict[str, str]],
    found: Findings,
) -> None:
    campaign = day.campaigns.get(track.name)
    if campaign is None or person.is_member or (campaign, person.id) in day.on_the_way:
        return
    reasons = kept_out_because(person, day.today)
    verdict = "; ".join(reasons) or "enroll"
    is_new = said[campaign].get(person.id) != verdict
    is_enrolled = not reasons and day.nurture.mode != "observe"
    if is_new or (is_enrolled and cause is None):
        found.entries.append(_person_entry(cycle, day, deal, track, person, reasons, campaign))
        cause = len(found.entries) - 1
    if is_new:
        cycle.count("kept out" if reasons else "to enroll")
        said[campaign][person.id] = verdict
        found.verdicts.setdefault(f"campaign {campaign}", {})[person.id] = verdict
    if is_enrolled and cause is not None:
        day.on_the_way.add((campaign, person.id))
        found.intents.append((_enrolment(cycle, day, deal, track, person, campaign), cause))


def _person_entry(
    cycle: Cycle, day: Day, deal: OrgRecord, track: Track, person: Person, reasons: Sequence[str], campaign: str
) -> Entry:
    return Entry(
        kind="decision",
        at=cycle.now,
        cycle=cycle.id,
        object="Contact",
        record_id=person.id,
        related_id=deal.id,
        verdict="exclude" if reasons else "enroll",
        rule=track.rule,
        policy_hash=day.nurture.policy_hash,
        reason="; ".join(reasons) or f"deal {deal.text('Name') or deal.id} has stalled",
        evidence={"campaign": campaign, "track": track.name},
    )


def _enrolment(cycle: Cycle, day: Day, deal: OrgRecord, track: Track, person: Person, campaign: str) -> Intent:
    row = {"CampaignId": campaign, "ContactId": person.id}
    if track.member_status is not None:
        row["Status"] = track.member_status
    return Intent(
        key=digest(cycle.id, "CampaignMember", campaign, person.id),
        object="CampaignMember",
        record_id=person.id,
        field="CampaignId",
        before=None,
        after=campaign,
        part="nurture",
        rule=track.rule,
        reason=f"deal {deal.text('Name') or deal.id} has stalled",
        policy_hash=day.nurture.policy_hash,
        cause=deal.id,
        related_id=deal.id,
        values=row,
    )
