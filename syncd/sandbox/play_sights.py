"""Which records of the demo company are worth showing to somebody who looks at it for the first time?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from syncd.sandbox.company_tables import read_table
from syncd.sandbox.exports_demo import doubled_addresses
from syncd.sandbox.play import days
from syncd.sandbox.play_world import Moment, World

# how a moment's title begins, and what its first record is worth showing as
_SCENES: Final = {
    "The Marketo sync pushes an old status": "lead overwritten by the Marketo sync",
    "SDRs set back what": "lead fought over by an SDR and the Marketo sync",
    "A marketer takes Working": "Working lead taken back by a marketer",
    "An account executive calls": "Inquiry called Qualified by an account executive",
    "An SDR works an Inquiry": "Inquiry worked by an SDR too early",
    "An account executive grabs": "lead grabbed out of the Nurture queue",
    "An SDR starts a lead": "lead changed lawfully, then unlawfully",
    "An account executive converts": "lead converted during the play",
    "Routing hands": "lead handed over by routing",
    "Sales holds": "contact put on hold during the play",
}


def interesting(folder: Path, *, seed: int, start: datetime) -> dict[str, str]:
    """Name records worth showing: what they are -> id, or e-mail address.

    Shapes: in the order of telling; what a small company lacks is left out. Deals named here are left alone by the play
    that `days` scripts for the same folder, seed and start.
    """
    found: dict[str, str] = {}
    moments = days(folder, seed=seed, start=start)
    for key, record_id in (*_scenes(moments), *_deals(World(folder, Random(seed)), moments, start), *_leads(folder)):
        found.setdefault(key, record_id)
    return found


def _scenes(moments: list[Moment]) -> Iterator[tuple[str, str]]:
    for moment in moments:
        for title, key in _SCENES.items():
            if moment.title.startswith(title) and moment.truth:
                yield key, moment.truth[0].record_id


def _deals(world: World, moments: list[Moment], start: datetime) -> Iterator[tuple[str, str]]:
    edits = [edit for moment in moments for body in moment.edits for edit in body["edits"]]
    touched = {edit.get("id") or edit["fields"].get("WhatId") for edit in edits}
    is_open = {key for key, deal in world.deals.items() if not deal.values["StageName"].startswith("Closed")}
    stalled = {key for key in is_open if world.deals[key].is_stalled(start)}
    on_live = {contact for key in is_open - stalled for contact in world.deals[key].contact_ids}
    today = start.date().isoformat()
    for key in sorted(is_open - touched):
        deal = world.deals[key]
        if key not in stalled:
            if deal.contact_ids and deal.is_stalled(start + timedelta(days=4)):
                yield "opportunity that stalls during the play", key
            continue
        yield f"stalled opportunity with {'people' if deal.contact_ids else 'nobody'} on it", key
        if deal.values["Nurture_Hold_Until__c"] >= today:
            yield "stalled opportunity on hold", key
        for contact_id in deal.contact_ids:
            contact = world.contacts[contact_id]
            if contact_id in on_live:
                yield "contact on a stalled and a live deal", contact_id
            if contact["HasOptedOutOfEmail"] == "true":
                yield "opted-out contact on a stalled deal", contact_id
            if contact["Nurture_Hold_Until__c"] >= today:
                yield "contact on hold on a stalled deal", contact_id


def _leads(folder: Path) -> Iterator[tuple[str, str]]:
    moves = Counter(row["LeadId"] for row in read_table(folder, "LeadHistory"))
    yield "lead with the longest history", max(moves, key=lambda lead_id: moves[lead_id])
    consent = {row["Id"]: row["HasOptedOutOfEmail"] for row in read_table(folder, "Contact")}
    for row in read_table(folder, "Lead"):
        if row["LastName"] == "Null":
            yield "lead with the surname Null", row["Id"]
        if row["HasOptedOutOfEmail"] == "true" and consent.get(row["ConvertedContactId"]) == "false":
            yield "converted lead whose opt-out its contact lost", row["Id"]
    for email in doubled_addresses(folder)[:1]:
        yield "e-mail address of two leads", email
