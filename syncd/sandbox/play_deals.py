"""What do people and machines do to deals, and to the people on them, on a day of the play?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from syncd.sandbox.company_deals import CLOSED_LOST, CLOSED_WON, DISCOVERY, EVALUATION, NEGOTIATION, PROPOSAL
from syncd.sandbox.company_fence import QUALIFIED
from syncd.sandbox.company_people import AUTOMATION, MARKETO, Login
from syncd.sandbox.play_world import Body, DealState, Moment, Saved, Truth, World, bare_save, moment

_NEXT = {DISCOVERY: EVALUATION, EVALUATION: PROPOSAL, PROPOSAL: NEGOTIATION, NEGOTIATION: CLOSED_WON}


class DealDay:
    """Scripts one day's deals; `start` is when the day begins."""

    def __init__(self, world: World, start: datetime, day: int) -> None:
        self._world, self._start, self._day = world, start, day

    def moments(self) -> Iterator[Moment]:
        """Yield the day's moments in order of time."""
        yield self._stage_moves()
        yield self._tasks()
        yield self._convert()
        yield self._holds()
        yield self._automation()

    def _at(self, minutes: int) -> datetime:
        return self._start + timedelta(minutes=minutes)

    def _owner(self, deal: DealState) -> Login:
        return self._world.logins[deal.values["OwnerId"]]

    def _some(self, count: int, *, are_stalled: bool) -> list[DealState]:
        """Choose open deals that are stalled, or that somebody is at."""
        at = self._at(0)
        open_deals = [deal for deal in self._world.deals.values() if deal.values["StageName"] in _NEXT]
        fitting = [deal for deal in open_deals if deal.is_stalled(at) == are_stalled]
        return self._world.rng.sample(fitting, min(count, len(fitting)))

    def _stage_moves(self) -> Moment:
        """Let owners move ten live deals and one stalled one on; two are lost."""
        at, saves = self._at(180), []
        deals = [*self._some(10, are_stalled=False), *self._some(1, are_stalled=True)]
        for place, deal in enumerate(deals):
            stage = CLOSED_LOST if place < 2 else _NEXT[deal.values["StageName"]]
            saves.append(self._world.save(self._owner(deal), [(deal.values, {"StageName": stage})], "Opportunity"))
            deal.in_stage_since = at
        return moment(at, "Account executives move deals on", saves)

    def _tasks(self) -> Moment:
        """Log calls on 15 live deals and 2 stalled ones, which wakes those; Marketo logs its mails on 5 stalled ones."""
        at = self._at(190)
        called = [*self._some(15, are_stalled=False), *self._some(2, are_stalled=True)]
        saves = [self._task(self._owner(deal), deal, "Call: next steps", at) for deal in called]
        for deal in called:
            deal.last_sales_task_on = max(deal.last_sales_task_on or at.date(), at.date())
        marketo = self._world.cast.login(MARKETO)
        mailed = self._some(5, are_stalled=True)
        saves += [self._task(marketo, deal, f"Marketo: Email sent (Nurture {self._day})", at) for deal in mailed]
        return moment(at, "Account executives log calls; Marketo logs its mails as tasks", saves)

    def _task(self, actor: Login, deal: DealState, subject: str, at: datetime) -> Saved:
        fields = {"Subject": subject, "Status": "Completed", "Priority": "Normal", "ActivityDate": at.date().isoformat()}
        fields |= {"WhatId": deal.values["Id"], "OwnerId": actor.id}
        if deal.contact_ids:
            fields["WhoId"] = deal.contact_ids[0]
        return bare_save(actor, [{"op": "create", "object": "Task", "fields": fields}])

    def _convert(self) -> Moment:
        """Let an account executive convert one Qualified lead into an account, a contact and a deal."""
        world, saves = self._world, []
        for lead in world.pick(QUALIFIED, 1, world.owned_by("sales")):
            owner = world.owner_of(lead)
            lead["IsConverted"] = "true"
            fact = Truth(lead["Id"], "IsConverted", "false", "true", owner.username, is_lawful=True)
            fields: Body = {"convertedStatus": QUALIFIED, "opportunityName": f"{lead['Company']} - New business"}
            edit: Body = {"op": "convert", "object": "Lead", "id": lead["Id"], "fields": fields}
            saves.append(bare_save(owner, [edit], [fact]))
        return moment(self._at(275), "An account executive converts a Qualified lead", saves)

    def _holds(self) -> Moment:
        """Keep people out of campaigns: a hold on a contact, an opt-out, and on day 3 a hold on a whole deal."""
        world, at, saves = self._world, self._at(290), []
        until = (at.date() + timedelta(days=30)).isoformat()
        deals = [deal for deal in self._some(40, are_stalled=True) if self._free_contact(deal)]
        for deal, fields in zip(deals, ({"Nurture_Hold_Until__c": until}, {"HasOptedOutOfEmail": "true"}), strict=False):
            contact = world.contacts[self._free_contact(deal)]
            saves.append(world.save(self._owner(deal), [(contact, fields)], "Contact"))
        if self._day == 3 and len(deals) > 2:
            held = deals[2].values
            saves.append(world.save(self._owner(deals[2]), [(held, {"Nurture_Hold_Until__c": until})], "Opportunity"))
        return moment(at, "Sales holds a contact back and notes an opt-out told on the phone", saves)

    def _free_contact(self, deal: DealState) -> str:
        """Name the deal's first contact that is neither opted out nor on hold, or ""."""
        for contact_id in deal.contact_ids:
            contact = self._world.contacts[contact_id]
            if contact["HasOptedOutOfEmail"] == "false" and not contact["Nurture_Hold_Until__c"]:
                return contact_id
        return ""

    def _automation(self) -> Moment:
        """Let the org's own automation raise 40 scores; nobody's fence is about scores."""
        world = self._world
        leads = world.pick("Nurture", 40)
        changes = [(lead, {"Lead_Score__c": str(int(lead["Lead_Score__c"]) + 3)}) for lead in leads]
        return moment(self._at(300), "Automation raises lead scores", [world.save(world.cast.login(AUTOMATION), changes, "Lead")])
