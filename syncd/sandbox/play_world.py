"""Where does every record of the demo company stand while the play goes on?

The play's own copy of the values it touches. An edit is written here as it is scripted, so each truth's `before` is the
value that the record had at that moment in an org where nobody else writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

from syncd.sandbox.company_deals import stalled
from syncd.sandbox.company_fence import may_set_owner, may_set_status
from syncd.sandbox.company_people import Login, demo_cast
from syncd.sandbox.company_tables import parse_stamp, read_table

Body = dict[str, Any]
Record = dict[str, str]
_KEPT = ("Id", "Status", "OwnerId", "LeadSource", "Lead_Score__c", "Company", "IsConverted", "IsDeleted")
_NUMBERS = ("Lead_Score__c",)
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "": None}


@dataclass(frozen=True, slots=True)
class Truth:
    """One field of one existing record, changed by one login: what really happened, and whether it was lawful.

    Values are texts as the CSV has them: "" is null, booleans are true/false. `field` is the API name (OwnerId).
    """

    record_id: str
    field: str
    before: str
    after: str
    username: str
    is_lawful: bool


@dataclass(frozen=True, slots=True)
class ExportDrop:
    """The marketing tool's file of one day (1 = the first)."""

    day: int


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happens at one time: saves, as bodies of /_sandbox/edit in order, or a file dropped."""

    at: datetime
    title: str
    edits: tuple[Body, ...] = ()
    truth: tuple[Truth, ...] = ()
    export: ExportDrop | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """One person's save: the body to send and what it truly did."""

    body: Body
    truth: tuple[Truth, ...]


@dataclass(slots=True)
class DealState:
    """An opportunity as the play sees it."""

    values: Record
    in_stage_since: datetime
    last_sales_task_on: date | None
    contact_ids: list[str] = field(default_factory=list)

    def is_stalled(self, now: datetime) -> bool:
        """Say whether the deal counts as stalled at `now`."""
        return stalled(self.values["StageName"], self.in_stage_since, self.last_sales_task_on, now)


class World:
    """All records of the load folder that the play may touch, and what it did to them."""

    def __init__(self, folder: Path, rng: Random) -> None:
        self.cast, self.rng = demo_cast(), rng
        self.owner_team = self.cast.owner_team()
        self.logins = {login.id: login for login in (*self.cast.people, *self.cast.machines)}
        self.leads = {row["Id"]: {"IsDeleted": "false"} | _kept(row) for row in read_table(folder, "Lead")}
        self.contacts = {row["Id"]: row for row in read_table(folder, "Contact")}
        self.deals = self._read_deals(folder)
        self.spent: set[str] = set()
        self._by_status: dict[str, list[str]] = {}
        for lead in self.leads.values():
            self._by_status.setdefault(lead["Status"], []).append(lead["Id"])
        for ids in self._by_status.values():
            rng.shuffle(ids)

    def _read_deals(self, folder: Path) -> dict[str, DealState]:
        deals = {
            row["Id"]: DealState(row, parse_stamp(row["LastStageChangeDate"] or row["CreatedDate"]), None)
            for row in read_table(folder, "Opportunity")
        }
        for row in read_table(folder, "OpportunityContactRole"):
            deals[row["OpportunityId"]].contact_ids.append(row["ContactId"])
        for row in read_table(folder, "Task"):
            if self.owner_team[row["OwnerId"]] in ("sales", "sdr"):
                deal, on = deals[row["WhatId"]], date.fromisoformat(row["ActivityDate"])
                deal.last_sales_task_on = max(deal.last_sales_task_on or on, on)
        return deals

    def pick(self, status: str, count: int, where: Callable[[Record], bool] = lambda lead: True) -> list[Record]:
        """Choose up to `count` living leads of a status that no crossing has touched yet."""
        chosen: list[Record] = []
        for lead_id in self._by_status.get(status, ()):
            lead = self.leads[lead_id]
            if len(chosen) == count:
                break
            is_alive = lead["Status"] == status and lead["IsConverted"] == lead["IsDeleted"] == "false"
            if is_alive and lead_id not in self.spent and where(lead):
                chosen.append(lead)
        return chosen

    def owned_by(self, team: str, *, a_person: bool = True) -> Callable[[Record], bool]:
        """Make a condition for `pick`: owned by the team, by a person of it or (a_person=False) by its queue."""
        return lambda lead: self.owner_team[lead["OwnerId"]] == team and (lead["OwnerId"] in self.logins) == a_person

    def owner_of(self, lead: Record) -> Login:
        """Name the person who owns a lead."""
        return self.logins[lead["OwnerId"]]

    def save(self, actor: Login, changes: Iterable[tuple[Record, Mapping[str, str]]], object_name: str) -> Saved:
        """Set fields of records as `actor`; returns the body to send and what it truly did."""
        edits: list[Body] = []
        truth: list[Truth] = []
        for record, fields in changes:
            edits.append({"op": "update", "object": object_name, "id": record["Id"], "fields": _as_json(fields)})
            truth += self._truths(actor, record, fields)
            for name, value in fields.items():
                record[name] = value
                if object_name == "Lead" and name == "Status":
                    self._by_status.setdefault(value, []).append(record["Id"])
        self.spent.update(fact.record_id for fact in truth if not fact.is_lawful)
        return Saved({"user": actor.username, "edits": edits}, tuple(truth))

    def _truths(self, actor: Login, record: Record, fields: Mapping[str, str]) -> list[Truth]:
        """Judge each field that changes; a login without a team of its own acts for the record's owner."""
        team = actor.team or self.owner_team.get(record.get("OwnerId", ""), "")
        facts: list[Truth] = []
        for name, after in fields.items():
            before = record.get(name, "")
            if before == after:
                continue
            is_lawful = True
            if name == "Status":
                is_lawful = may_set_status(team, before, after)
            elif name == "OwnerId":
                is_lawful = may_set_owner(team, self.owner_team[before], self.owner_team[after])
            facts.append(Truth(record["Id"], name, before, after, actor.username, is_lawful))
        return facts


def moment(at: datetime, title: str, saved: Iterable[Saved]) -> Moment:
    """Bind saves into one moment, leaving out those that touch nothing."""
    full = [save for save in saved if save.body["edits"]]
    return Moment(at, title, tuple(save.body for save in full), tuple(fact for save in full for fact in save.truth))


def bare_save(actor: Login, edits: list[Body], truth: Iterable[Truth] = ()) -> Saved:
    """Wrap edits that aren't updates (create, convert, delete) as a save."""
    return Saved({"user": actor.username, "edits": edits}, tuple(truth))


def _kept(row: Mapping[str, str]) -> Record:
    return {name: row[name] for name in _KEPT if name in row}


def _as_json(fields: Mapping[str, str]) -> dict[str, Any]:
    return {name: int(value) if name in _NUMBERS else _WORDS.get(value, value) for name, value in fields.items()}
