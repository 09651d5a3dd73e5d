"""What do people and machines do to leads on a day of the play?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from syncd.sandbox.company_fence import DISQUALIFIED, INQUIRY, MEETING_SET, MQL, NURTURE, QUALIFIED, WORKING
from syncd.sandbox.company_people import MARKETO, OUTREACH, ROUTING, Login
from syncd.sandbox.company_words import COMPANY_FIRST, FIRST_NAMES, LAST_NAMES
from syncd.sandbox.play_world import Moment, Record, Saved, Truth, World, bare_save, moment

Change = tuple[Record, Mapping[str, str]]
BULK = 1000


class LeadDay:
    """Scripts one day's leads; `start` is when the day begins."""

    def __init__(self, world: World, start: datetime, day: int, pushed: list[str]) -> None:
        self._world, self._start, self._day, self._pushed = world, start, day, pushed
        self._marketo, self._routing = world.cast.login(MARKETO), world.cast.login(ROUTING)
        self._nurture_queue = world.cast.queue("Nurture").id
        self._admin = world.cast.of("admin")[0]

    def moments(self) -> Iterator[Moment]:
        """Yield the day's moments in order of time."""
        if self._day > 1:
            yield self._set_back()
        yield self._marketing_work()
        yield self._route()
        yield self._sdr_start()
        yield self._outreach()
        yield from self._repush()
        yield self._sdr_outcomes()
        if self._day == 2:
            yield self._bulk_load()
        yield from self._oversteps()
        yield self._twice()
        yield self._new_inquiries()
        yield self._delete_one()
        if self._day == 5:
            yield self._friday()

    def _at(self, minutes: int) -> datetime:
        return self._start + timedelta(minutes=minutes)

    def _by_owner(self, changes: Iterable[Change]) -> list[Saved]:
        """Let each lead's owner make its change."""
        groups: dict[str, list[Change]] = {}
        for lead, fields in changes:
            groups.setdefault(lead["OwnerId"], []).append((lead, fields))
        return [self._world.save(self._world.logins[owner], group, "Lead") for owner, group in groups.items()]

    def _one(self, actor: Login, changes: Iterable[Change]) -> list[Saved]:
        return [self._world.save(actor, changes, "Lead")]

    def _anyone(self, team: str, role: str = "") -> Login:
        return self._world.rng.choice(self._world.cast.of(team, role))

    def _set_back(self) -> Moment:
        """Let SDRs undo by hand what the tool did to three of yesterday's leads. The fence has no gate for it."""
        saves = []
        for lead_id in self._pushed[:3]:
            lead = self._world.leads[lead_id]
            saves += self._by_owner([(lead, {"Status": WORKING})])
        return moment(self._at(8), "SDRs set back what the Marketo sync overwrote yesterday", saves)

    def _marketing_work(self) -> Moment:
        world, saves = self._world, []
        for status, count in ((INQUIRY, 9), (NURTURE, 9)):
            leads = world.pick(status, count, world.owned_by("marketing", a_person=False))
            saves += self._one(self._anyone("marketing"), [(lead, {"Status": MQL}) for lead in leads])
        kept = world.pick(INQUIRY, 20, world.owned_by("marketing", a_person=False))
        nurtured = {"Status": NURTURE, "OwnerId": self._nurture_queue}  # marketing moves leads between its queues freely
        saves += self._one(self._anyone("marketing"), [(lead, nurtured) for lead in kept[:17]])
        saves += self._one(self._anyone("marketing"), [(lead, {"Status": DISQUALIFIED}) for lead in kept[17:]])
        reopened = world.pick(DISQUALIFIED, 2, world.owned_by("marketing", a_person=False))
        saves += self._one(self._anyone("marketing"), [(lead, {"Status": INQUIRY}) for lead in reopened])
        return moment(self._at(15), "Marketing promotes, nurtures, disqualifies and reopens leads", saves)

    def _route(self) -> Moment:
        world = self._world
        leads = world.pick(MQL, 18, world.owned_by("marketing", a_person=False))
        queues = [queue.id for queue in world.cast.queues if queue.team == "sdr"]
        owners = [*(sdr.id for sdr in world.cast.of("sdr")), *queues]
        changes = [(lead, {"OwnerId": world.rng.choice(owners)}) for lead in leads]
        return moment(self._at(18), "Routing hands MQLs from marketing's queues to SDRs", self._one(self._routing, changes))

    def _sdr_start(self) -> Moment:
        world = self._world
        mine = world.pick(MQL, 18, world.owned_by("sdr"))
        saves = self._by_owner((lead, {"Status": WORKING}) for lead in mine)
        for lead in world.pick(MQL, 7, world.owned_by("sdr", a_person=False)):
            sdr = self._anyone("sdr")
            saves += self._one(sdr, [(lead, {"Status": WORKING, "OwnerId": sdr.id})])
        return moment(self._at(60), "SDRs claim MQLs and start working them", saves)

    def _outreach(self) -> Moment:
        leads = self._world.pick(MQL, 5, self._world.owned_by("sdr"))
        tool = self._world.cast.login(OUTREACH)
        saves = self._one(tool, [(lead, {"Status": WORKING}) for lead in leads])
        return moment(self._at(75), "Outreach sets Working for SDRs whose sequences started", saves)

    def _repush(self) -> Iterator[Moment]:
        """Let the Marketo sync push what it still holds over the SDRs' status; five leads are pushed three times."""
        world = self._world
        again = [world.leads[lead_id] for lead_id in self._pushed[:3]]
        fresh = world.pick(WORKING, 20 - len(again), world.owned_by("sdr"))
        stale = [(lead, {"Status": NURTURE if place % 4 else MQL}) for place, lead in enumerate(fresh, 1)]
        pushes = [*((lead, {"Status": NURTURE}) for lead in again), *stale]
        self._pushed[:] = [lead["Id"] for lead, fields in stale if fields["Status"] == NURTURE]
        for minutes, part in ((90, pushes), (110, pushes[-5:]), (130, pushes[-5:])):
            title = "The Marketo sync pushes an old status" + (" again" if minutes > 90 else "")
            yield moment(self._at(minutes), title, self._one(self._marketo, part))

    def _sdr_outcomes(self) -> Moment:
        world = self._world
        working = world.pick(WORKING, 28, world.owned_by("sdr"))
        saves = self._by_owner((lead, {"Status": MEETING_SET}) for lead in working[:12])
        saves += self._by_owner((lead, {"Status": DISQUALIFIED}) for lead in working[12:20])
        back = {"Status": NURTURE, "OwnerId": self._nurture_queue}
        saves += self._by_owner((lead, back) for lead in working[20:])
        met = world.pick(MEETING_SET, 6, world.owned_by("sdr"))
        buyers = [self._anyone("sales", "Account Executive") for _ in met]
        handed = [(lead, {"Status": QUALIFIED, "OwnerId": ae.id}) for lead, ae in zip(met, buyers, strict=True)]
        saves += self._by_owner(handed)
        return moment(self._at(150), "SDRs set meetings, qualify, disqualify and give leads back to nurture", saves)

    def _bulk_load(self) -> Moment:
        living = [lead for lead in self._world.leads.values() if lead["IsConverted"] == lead["IsDeleted"] == "false"]
        changes = [(lead, {"LeadSource": "Data Refresh 2026"}) for lead in living[:BULK]]
        saves = [self._world.save(self._admin, changes[n : n + 200], "Lead") for n in range(0, len(changes), 200)]
        return moment(self._at(165), f"The admin loads a new Lead Source into {len(changes):,} leads", saves)

    def _oversteps(self) -> Iterator[Moment]:
        """Yield the day's crossings by people, and one grab that the gates allow."""
        world = self._world
        working = world.pick(WORKING, 2, world.owned_by("sdr"))
        saves = self._one(self._anyone("marketing"), [(lead, {"Status": NURTURE}) for lead in working])
        yield moment(self._at(200), "A marketer takes Working leads back to Nurture", saves)
        ae = self._anyone("sales", "Account Executive")
        inquiries = world.pick(INQUIRY, 1)
        saves = self._one(ae, [(lead, {"Status": QUALIFIED}) for lead in inquiries])
        yield moment(self._at(215), "An account executive calls an Inquiry Qualified", saves)
        sdr = self._anyone("sdr")
        inquiries = world.pick(INQUIRY, 1, world.owned_by("marketing", a_person=False))
        saves = self._one(sdr, [(lead, {"Status": WORKING}) for lead in inquiries])
        yield moment(self._at(230), "An SDR works an Inquiry that marketing still owns", saves)
        parked = world.pick(NURTURE, 1, world.owned_by("marketing", a_person=False))
        saves = self._one(ae, [(lead, {"OwnerId": ae.id}) for lead in parked])
        yield moment(self._at(242), "An account executive grabs a lead out of marketing's Nurture queue", saves)
        claimed = world.pick(MEETING_SET, 1, world.owned_by("sdr"))
        saves = self._one(ae, [(lead, {"OwnerId": ae.id}) for lead in claimed])
        yield moment(self._at(245), "An account executive takes over an SDR's lead (sales may)", saves)
        won = world.pick(QUALIFIED, 1, world.owned_by("sales"))
        saves = self._one(sdr, [(lead, {"OwnerId": sdr.id}) for lead in won])
        yield moment(self._at(248), "An SDR takes a Qualified lead back from its account executive", saves)

    def _twice(self) -> Moment:
        """Change one lead lawfully, then unlawfully, a minute apart, so that both fall between two cycles."""
        leads = self._world.pick(MQL, 1, self._world.owned_by("sdr"))
        first = self._by_owner((lead, {"Status": WORKING}) for lead in leads)
        second = self._one(self._anyone("marketing"), [(lead, {"Status": NURTURE}) for lead in leads])
        for save in first:
            for edit in save.body["edits"]:
                edit["at"] = f"{self._at(259):%Y-%m-%dT%H:%M:%SZ}"
        return moment(self._at(260), "An SDR starts a lead and a marketer takes it back a minute later", [*first, *second])

    def _new_inquiries(self) -> Moment:
        rng, edits = self._world.rng, []
        queue = self._world.cast.queue("Inquiries").id
        for number in range(15):
            first, last, company = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES), f"{rng.choice(COMPANY_FIRST)} Works"
            person_id = str(8_000_000 + self._day * 100 + number)
            fields = {"FirstName": first, "LastName": last, "Company": company, "Status": INQUIRY, "OwnerId": queue}
            fields |= {"Email": f"new{number}.day{self._day}@works.example", "MA_Person_Id__c": person_id}
            edits.append({"op": "create", "object": "Lead", "fields": fields | {"LeadSource": "Web"}})
        return moment(self._at(310), "Marketo creates new inquiries", [bare_save(self._marketo, edits)])

    def _delete_one(self) -> Moment:
        saves = [delete(self._world, self._admin, lead) for lead in self._world.pick(DISQUALIFIED, 1)]
        return moment(self._at(320), "The admin deletes a lead that turned out to be a test", saves)

    def _friday(self) -> Moment:
        """Let one SDR set 40 leads to Working in a list view: lawful, and no proof that anybody was called."""
        world = self._world
        sdr = self._anyone("sdr")
        leads = world.pick(MQL, 40, lambda lead: world.owner_team[lead["OwnerId"]] == "sdr")
        saves = self._one(sdr, [(lead, {"Status": WORKING}) for lead in leads])
        return moment(self._at(460), f"Friday: {sdr.name} sets {len(leads)} leads to Working in a list view", saves)


def delete(world: World, actor: Login, lead: Record) -> Saved:
    """Delete a lead as `actor`."""
    lead["IsDeleted"] = "true"
    fact = Truth(lead["Id"], "IsDeleted", "false", "true", actor.username, is_lawful=True)
    return bare_save(actor, [{"op": "delete", "object": "Lead", "id": lead["Id"]}], [fact])
