"""Who are the demo company's leads, and how did each come to where it stands?

Every lead is told as a story: the moves of Status and Owner with time and actor, from its first value to its present
one. The story is the lead's history, and its end is the lead, so the two can't disagree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from syncd.sandbox.company_fence import (
    DISQUALIFIED,
    INQUIRY,
    LEAD_STATUSES,
    MEETING_SET,
    MQL,
    NURTURE,
    QUALIFIED,
    WORKING,
)
from syncd.sandbox.company_people import MARKETO, ROUTING, Cast, Login, Queue
from syncd.sandbox.company_tables import Row, record_id, stamp, words, working_hour
from syncd.sandbox.company_words import (
    COUNTRIES,
    FIRST_NAMES,
    INDUSTRIES,
    LAST_NAMES,
    SOURCES,
    TITLES,
    Addresses,
    company_name,
)

LEAD_COLUMNS: Final = words(
    """Id FirstName LastName Company Title Email Phone Country Industry LeadSource Status OwnerId HasOptedOutOfEmail
    IsConverted ConvertedDate ConvertedAccountId ConvertedContactId ConvertedOpportunityId Lead_Score__c:number
    MA_Person_Id__c:external CreatedDate CreatedById LastModifiedDate LastModifiedById SystemModstamp"""
)
HISTORY_COLUMNS: Final = ("LeadId", "Field", "DataType", "OldValue", "NewValue", "CreatedById", "CreatedDate")
_STATUS_WEIGHTS: Final = (26, 30, 9, 12, 5, 6, 12)  # in the order of LEAD_STATUSES
# days since the last move; leads that somebody works on moved lately
_LAST_MOVE_DAYS: Final = {MQL: (0.2, 6), WORKING: (0.3, 30), MEETING_SET: (0.3, 14)}
_ROADS: Final = {
    INQUIRY: ((INQUIRY,),),
    NURTURE: ((INQUIRY, NURTURE), (INQUIRY, NURTURE), (INQUIRY, MQL, WORKING, NURTURE), (INQUIRY, MQL, NURTURE)),
    MQL: ((INQUIRY, MQL), (INQUIRY, NURTURE, MQL)),
    WORKING: ((INQUIRY, MQL, WORKING), (INQUIRY, NURTURE, MQL, WORKING)),
    MEETING_SET: ((INQUIRY, MQL, WORKING, MEETING_SET), (INQUIRY, NURTURE, MQL, WORKING, MEETING_SET)),
    QUALIFIED: ((INQUIRY, MQL, WORKING, QUALIFIED), (INQUIRY, NURTURE, MQL, WORKING, MEETING_SET, QUALIFIED)),
    DISQUALIFIED: ((INQUIRY, DISQUALIFIED), (INQUIRY, NURTURE, DISQUALIFIED), (INQUIRY, MQL, WORKING, DISQUALIFIED)),
}

_TYPICAL_SCORE: Final = {
    INQUIRY: 22,
    NURTURE: 38,
    MQL: 84,
    WORKING: 80,
    MEETING_SET: 92,
    QUALIFIED: 98,
    DISQUALIFIED: 20,
}
_DATA_TYPES: Final = {"Status": "DynamicEnum", "Owner": "EntityId", "OwnerName": "Text"}


@dataclass(frozen=True, slots=True)
class Conversion:
    """A lead that became a contact with an opportunity, at `at`."""

    contact_id: str
    account_id: str
    opportunity_id: str
    owner: Login
    at: datetime
    first: str
    last: str
    company: str
    email: str
    title: str
    country: str
    person_id: str
    opted_out: bool


@dataclass(frozen=True, slots=True)
class Move:
    """One field of a lead set to a new value."""

    field: str
    before: str
    after: str
    actor: Login
    at: datetime


class Story:
    """One lead's moves in order; always knows where the lead stands."""

    def __init__(self, created_at: datetime, created_by: Login, owner: Login | Queue) -> None:
        self.created_at, self.created_by = created_at, created_by
        self.status, self.owner = INQUIRY, owner
        self.moves: list[Move] = []
        self.at, self.actor = created_at, created_by

    def set_status(self, after: str, actor: Login, at: datetime) -> None:
        self.moves.append(Move("Status", self.status, after, actor, at))
        self.status, self.at, self.actor = after, at, actor

    def set_owner(self, after: Login | Queue, actor: Login, at: datetime) -> None:
        if after.id == self.owner.id:
            return
        names = [who.label if isinstance(who, Queue) else who.name for who in (self.owner, after)]
        self.moves.append(Move("OwnerName", names[0], names[1], actor, at))
        self.moves.append(Move("Owner", self.owner.id, after.id, actor, at))
        self.owner, self.at, self.actor = after, at, actor


class LeadWriter:
    """Invents leads one at a time, so that a company of any size is written in the same memory."""

    def __init__(self, rng: Random, cast: Cast, now: datetime, addresses: Addresses) -> None:
        self._rng, self._now, self._addresses = rng, now, addresses
        self._marketers, self._sdrs, self._aes = cast.of("marketing"), cast.of("sdr"), cast.of("sales", "Account Executive")
        self._marketo, self._routing = cast.login(MARKETO), cast.login(ROUTING)
        self._queues = {queue.developer_name: queue for queue in cast.queues}
        self._last_person: tuple[str, str, str, str] = ("", "", "", "")

    def leads(self, count: int, conversions: list[Conversion]) -> Iterator[tuple[list[object], Story, Conversion | None]]:
        """Yield (Lead row, story, conversion) `count` times; Qualified leads use up `conversions` first, one each."""
        waiting = iter(conversions)
        for number in range(1, count + 1):
            if number <= len(LEAD_STATUSES):
                status = LEAD_STATUSES[number - 1]
            else:
                status = self._rng.choices(LEAD_STATUSES, _STATUS_WEIGHTS)[0]
            conversion = next(waiting, None) if status == QUALIFIED else None
            yield *self._lead(number, status, conversion), conversion

    def _lead(self, number: int, status: str, conversion: Conversion | None) -> tuple[list[object], Story]:
        rng = self._rng
        country, region, dial = rng.choice(COUNTRIES)
        until = conversion.at if conversion else self._now
        story = self._story(status, region, until, conversion.owner if conversion else None)
        score = min(150, max(0, int(rng.gauss(_TYPICAL_SCORE[status], 18))))
        phone = f"{dial} {rng.randrange(200, 999)} 555 {rng.randrange(1000, 9999)}"
        if conversion:
            person = (conversion.first, conversion.last, conversion.company, conversion.title, conversion.email)
            person_id, opted_out, country = conversion.person_id, conversion.opted_out, conversion.country
        else:
            person, person_id = self._person(number)
            opted_out = rng.random() < 0.03
        known = (*person, phone, country, rng.choice(INDUSTRIES), rng.choice(SOURCES), status, story.owner.id)
        converted: tuple[str, ...] = ("false", "", "", "", "")
        if conversion:
            day = conversion.at.date().isoformat()
            converted = ("true", day, conversion.account_id, conversion.contact_id, conversion.opportunity_id)
        row = [record_id("Lead", number), *known, _flag(opted_out), *converted, score, person_id]
        row += [stamp(story.created_at), story.created_by.id, *self._audit(story, number, conversion)]
        return row, story

    def _person(self, number: int) -> tuple[tuple[str, str, str, str, str], str]:
        """Name a lead: first name, last name, company, title, e-mail; and its id in the marketing tool."""
        rng = self._rng
        title = rng.choice(TITLES)
        if number % 400 == 8 and self._last_person[3]:
            # the same person came in twice, by another form: same address, unknown to the marketing tool
            first, last, company, email = self._last_person
            return (first, last, company.rsplit(" ", 1)[0], title, email), ""
        first, last, company = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES), company_name(rng)
        if number % 650 == 15:
            last = "Null"
        email = self._addresses.new(first, last, company) if number % 40 != 30 else ""
        self._last_person = (first, last, company, email)
        person_id = str(1_000_000 + number) if number % 25 != 24 else ""
        return (first, last, company, title, email), person_id

    def _story(self, status: str, region: str, until: datetime, buyer: Login | None) -> Story:
        rng = self._rng
        road = rng.choice(_ROADS[status])
        times = self._times(len(road), _LAST_MOVE_DAYS.get(status, (0.5, 320)) if buyer is None else (1, 4), until)
        by_tool = rng.random() < 0.8
        created_by = self._marketo if by_tool else rng.choice(self._marketers)
        story = Story(times[0], created_by, self._queues["Inquiries"])
        sdr = rng.choice(self._sdrs)
        for after, at in zip(road[1:], times[1:], strict=True):
            self._step(story, after, at, sdr, region, buyer)
        return story

    def _times(self, count: int, last_days: tuple[float, float], until: datetime) -> list[datetime]:
        """Pick ascending times, the last one within `last_days` of `until`, people's edits in office hours."""
        rng = self._rng
        raw = [until - timedelta(days=rng.uniform(*last_days))]
        for _ in range(count - 1):
            raw.append(raw[-1] - timedelta(days=rng.uniform(0.2, 25)))
        times: list[datetime] = []
        latest = until - timedelta(hours=2)
        for at in reversed(raw):
            snapped = working_hour(rng, at.date()) if at.weekday() < 5 else at
            at = (snapped if snapped < latest else at).replace(microsecond=0)
            if times and at <= times[-1] + timedelta(minutes=10):
                at = times[-1] + timedelta(minutes=rng.randrange(11, 16))
            times.append(at)
        return times

    def _step(self, story: Story, after: str, at: datetime, sdr: Login, region: str, buyer: Login | None) -> None:
        rng = self._rng
        before = story.status
        if after == MQL:
            story.set_status(MQL, rng.choice(self._marketers), at)
            queued = self._queues[f"MQL_{region}"] if rng.random() < 0.4 else sdr
            story.set_owner(queued, self._routing, at + timedelta(seconds=rng.randrange(20, 240)))
        elif before in (INQUIRY, NURTURE):
            marketer = rng.choice(self._marketers)
            story.set_status(after, marketer, at)
            if after == NURTURE:
                story.set_owner(self._queues["Nurture"], marketer, at)
        elif after == NURTURE:
            story.set_status(NURTURE, sdr, at)
            story.set_owner(self._queues["Nurture"], sdr, at)
        elif after == QUALIFIED:
            story.set_status(QUALIFIED, sdr, at)
            story.set_owner(buyer or rng.choice(self._aes), sdr, at)
        else:
            story.set_status(after, sdr, at)
            story.set_owner(sdr, sdr, at)
            if after == WORKING and rng.random() < 0.04:
                self._tug_of_war(story, sdr, at)

    def _tug_of_war(self, story: Story, sdr: Login, at: datetime) -> None:
        """Let the marketing tool push its old status over the rep's, and the rep set it back: two crossings."""
        pushed = at + timedelta(minutes=self._rng.randrange(2, 6))
        story.set_status(NURTURE, self._marketo, pushed)
        story.set_status(WORKING, sdr, pushed + timedelta(minutes=3))

    def _audit(self, story: Story, number: int, conversion: Conversion | None) -> tuple[str, str, str]:
        """Say who saved the lead last, and when: often a tool that touched another field, as in every real org."""
        if conversion:
            return stamp(conversion.at), conversion.owner.id, stamp(conversion.at)
        room = self._now - timedelta(seconds=90) - story.at
        if number % 3 == 0 or room < timedelta(minutes=1):
            return stamp(story.at), story.actor.id, stamp(story.at)
        pushed_at = max(story.at, self._now - timedelta(minutes=95))  # one score push of the tool, all in one second
        at = pushed_at if number % 13 == 0 else story.at + room * self._rng.random()
        modstamp = at + timedelta(seconds=2) if number % 17 == 0 else at  # automation moves this stamp alone
        return stamp(at), self._marketo.id, stamp(modstamp)


def _flag(value: bool) -> str:
    return "true" if value else "false"


def write_history(row: Row, lead_id: str, story: Story, conversion: Conversion | None) -> None:
    """Write a lead's history rows. An owner move makes two: one with the names, one with the ids."""
    row((lead_id, "created", "Text", "", "", story.created_by.id, stamp(story.created_at)))
    for move in story.moves:
        field = "Owner" if move.field == "OwnerName" else move.field
        kind = _DATA_TYPES[move.field]
        row((lead_id, field, kind, move.before, move.after, move.actor.id, stamp(move.at)))
    if conversion:
        row((lead_id, "leadConverted", "Text", "", "", conversion.owner.id, stamp(conversion.at)))
