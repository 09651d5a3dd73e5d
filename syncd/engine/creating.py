"""How is a row created that must never be there twice?

Each is looked for by its natural key before it is sent: a lost answer may have created it. Members of one campaign travel
together and never side by side: they lock the campaign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from syncd.core.flags import opt_out_fields
from syncd.core.nurture import local_day
from syncd.core.privacy import LINK
from syncd.core.routes import ROWS_A_CALL
from syncd.core.values import Intent, OrgRecord, Outcome, OutcomeKind, Scalar
from syncd.engine.closing import Closing, close, outcome_of
from syncd.engine.consent import external_fields, holds_by, org_opt_outs, people_by, reasons_by
from syncd.engine.sending import Lane, batches_of, send_locked
from syncd.engine.telling import after_their_reverts
from syncd.engine.world import Cycle, World
from syncd.ports import OpenIntent, OrgWriter, WriteResult

NATURAL_KEYS: Mapping[str, tuple[str, ...]] = {
    "CampaignMember": ("CampaignId", "ContactId"),
    "Task": ("WhoId", "WhatId", "OwnerId", "Subject", "ActivityDate"),
    "FeedItem": ("ParentId", "Body"),
}
ASKED_FOR: Mapping[str, tuple[str, ...]] = {
    "CampaignMember": ("CampaignId", "ContactId"),
    "Task": ("WhoId", "WhatId", "Subject"),
    "FeedItem": ("ParentId",),
}
"""The part of each natural key that a query may ask for: only texts and ids are written alike in a query and in a row."""
Key = tuple[Scalar, ...]


def create(lane: Lane, items: Sequence[OpenIntent]) -> None:
    """Look for each row by its natural key, and at the person's consent, then send what is missing.

    What tells why something was put back waits for that, and is not made when it was not.
    """
    told = list(after_their_reverts(lane.world, items))
    moot = [
        (item, _not_sent(item, "nothing was put back, so there is nothing to tell", lane.cycle))
        for item, may in told
        if may is False
    ]
    close(lane.world, lane.cycle, moot)
    ready = [item for item, may in told if may]
    for name in sorted({item.intent.object for item in ready}):
        mine = sorted((item for item in ready if item.intent.object == name), key=lambda item: (str(item.intent.after), item.seq))
        for some in batches_of(mine, ROWS_A_CALL):
            _create_some(lane, name, some)


def _create_some(lane: Lane, name: str, items: Sequence[OpenIntent]) -> None:
    missing = _missing(lane, name, items)

    def deliver(some: Sequence[OpenIntent]) -> list[OpenIntent]:
        results = lane.org.create(name, [dict(item.intent.values or {}) for item in some])
        return _record(lane, name, some, results)

    def look_and_deliver(some: Sequence[OpenIntent]) -> list[OpenIntent]:
        left = _missing(lane, name, some)
        return deliver(left) if left else []

    if missing and lane.is_open():
        send_locked(lane, deliver(missing), ROWS_A_CALL, look_and_deliver)


def settle(lane: Lane, items: Sequence[OpenIntent]) -> None:
    """Close what an earlier cycle may have created without hearing so; send nothing."""
    for name in sorted({item.intent.object for item in items}):
        for some in batches_of([item for item in items if item.intent.object == name], ROWS_A_CALL):
            _missing(lane, name, some)


def _missing(lane: Lane, name: str, items: Sequence[OpenIntent]) -> list[OpenIntent]:
    """Close what is there already, and what may not be sent any more; return the rest."""
    known = _found(lane.org, name, items)
    kept_out = _kept_out(lane, items) if name == "CampaignMember" else {}  # the last look before they leave
    closing: list[Closing] = []
    missing: list[OpenIntent] = []
    for item in items:
        row, reason = known.get(_key(name, item.intent.values or {})), kept_out.get(item.seq)
        if row is not None:
            closing.append((item, _there_already(name, row, lane.cycle)))
        elif reason is not None:
            closing.append((item, _not_sent(item, reason, lane.cycle)))
        else:
            missing.append(item)
    close(lane.world, lane.cycle, closing)
    return missing


def _not_sent(item: OpenIntent, reason: str, cycle: Cycle) -> Outcome:
    """Tell apart what never left, and what an earlier cycle may have sent: that was looked for, and it is not there."""
    kind = OutcomeKind.NOT_SENT if item.cycle == cycle.id else OutcomeKind.NOT_APPLIED
    return Outcome(kind, reason, code="EXCLUDED")


def _record(lane: Lane, name: str, items: Sequence[OpenIntent], results: Sequence[WriteResult]) -> list[OpenIntent]:
    """Record what became of each row, and return those whose parents somebody held."""
    answered = list(zip(items, results, strict=True))
    closing: list[Closing] = []
    for item, result in answered:
        outcome = outcome_of(result, is_judged_again=False)
        if result.status != "duplicate" and outcome is not None:
            closing.append((item, replace(outcome, created_id=result.id)))
    twice = [item for item, result in answered if result.status == "duplicate"]
    known = _found(lane.org, name, twice) if twice else {}
    for item in twice:
        row = known.get(_key(name, item.intent.values or {}))
        closing += [(item, _there_already(name, row, lane.cycle))] if row is not None else []
    close(lane.world, lane.cycle, closing)
    return [item for item, result in answered if result.status == "locked"]


def _found(org: OrgWriter, name: str, items: Sequence[OpenIntent]) -> dict[Key, OrgRecord]:
    """Return the rows that are there, by natural key."""
    rows = [item.intent.values or {} for item in items]
    known = [field for field in ASKED_FOR[name] if all(row.get(field) is not None for row in rows)]
    where = {field: sorted({row[field] for row in rows}, key=str) for field in known}
    found = org.find(name, (*NATURAL_KEYS[name], "CreatedById"), where)
    return {_key(name, row.fields): row for row in found.records.values()}


def _key(name: str, row: Mapping[str, Scalar]) -> Key:
    return tuple(row.get(field) for field in NATURAL_KEYS[name])


def _there_already(name: str, row: OrgRecord, cycle: Cycle) -> Outcome:
    if row.text("CreatedById") == cycle.identity.user_id:
        return Outcome(OutcomeKind.CONFIRMED, "found written when looking", created_id=row.id)
    text = "already a campaign member" if name == "CampaignMember" else "somebody else has created the same"
    return Outcome(OutcomeKind.SUPERSEDED, text, "DUPLICATE_VALUE", created_id=row.id)


def _kept_out(lane: Lane, items: Sequence[OpenIntent]) -> Mapping[int, str]:
    """Look at each person's consent once more, right before the push; return the reason by ledger row of the intent.

    Source: promise 4: an opt-out is never overridden, lost or late.
    """
    fresh = _read_anew(lane, sorted({item.intent.record_id for item in items}))
    people = people_by(lane.world, lane.cycle, fresh)
    against = reasons_by(lane.world, lane.cycle, fresh, people, lane.org)
    holds = holds_by(lane.world, fresh, people)
    today = local_day(lane.org.now(), lane.world.zone)
    found: dict[int, str] = {}
    for item in items:
        contact = fresh.get(item.intent.record_id)
        if contact is None:
            found[item.seq] = "the contact is gone or no longer visible"
            continue
        scopes = _scopes_of(lane.world, item.intent)
        reasons = [reason.text for reason in against[contact.id] if reason.keeps_out(scopes)]
        hold = holds.get(contact.id)
        reasons += [hold.text] if hold is not None and hold.until >= today else []
        found |= {item.seq: "; ".join(reasons)} if reasons else {}
    return found


def _read_anew(lane: Lane, ids: Sequence[str]) -> Mapping[str, OrgRecord]:
    """Read what may speak against these contacts from the org, as it stands now."""
    nurture = lane.world.policies.nurture
    hold = nurture.hold_field.get("Contact", "") if nurture is not None else ""
    fields = opt_out_fields("Contact", org_opt_outs(lane.world))
    wanted = dict.fromkeys(["Email", LINK, *fields, *external_fields(lane.world), *([hold] if hold else [])])
    seen = lane.cycle.schema["Contact"].fields
    return lane.org.read("Contact", ids, [name for name in wanted if name in seen]).records


def _scopes_of(world: World, intent: Intent) -> frozenset[str] | None:
    """Return the brand and topic of an enrolment's track; None when no track of today's file is behind it."""
    tracks = world.policies.nurture.tracks if world.policies.nurture is not None else ()
    return next((track.scopes for track in tracks if track.rule.name == intent.rule.name), None)
