"""Which people of a stalled deal join its campaign, and what keeps the others out?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncd.core.nurture import Person, Track, kept_out_because
from syncd.core.nurture_conditions import CONTACT, counted
from syncd.core.values import Entry, Intent, OrgRecord, digest
from syncd.engine.consent import holds_by, people_by, reasons_by
from syncd.engine.recycling_day import Day, Findings
from syncd.engine.stalling import active_deals
from syncd.engine.world import Cycle, World


def people_on(
    world: World, cycle: Cycle, day: Day, reasons: Mapping[str, str], roles: Sequence[OrgRecord]
) -> dict[tuple[str, str], Person]:
    """Return everybody on these deals, by contact and track, with all that may keep them out."""
    store = world.store
    ids = sorted({contact_id for role in roles if (contact_id := role.text("ContactId"))})
    contacts = store.get("Contact", ids)
    kin = people_by(world, cycle, contacts)
    against, holds = reasons_by(world, cycle, contacts, kin), holds_by(world, contacts, kin)
    active = active_deals(world, cycle, day, ids, reasons)
    members = {(row.text("CampaignId"), row.text("ContactId")) for row in store.by_key("CampaignMember", "ContactId", ids)}
    people: dict[tuple[str, str], Person] = {}
    for id, contact in contacts.items():
        met = day.screen.against(CONTACT, contact.fields)
        day.keep_out(counted(met), id)
        never = [one.why(says) for one, says in met]
        for track in day.nurture.tracks:
            is_member = (day.campaigns.get(track.name), id) in members
            flags = [reason.text for reason in against[id] if reason.keeps_out(track.scopes)]
            people[id, track.name] = Person(id, flags, holds.get(id), active.get(id, ()), is_member, contact.is_deleted, never)
    return people


def judge_person(
    cycle: Cycle,
    day: Day,
    deal: OrgRecord,
    track: Track,
    person: Person,
    cause: int | None,
    said: Mapping[str, dict[str, str]],
    found: Findings,
) -> None:
    """Enroll a person of a stalled deal, or record why not, once for each verdict."""
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
