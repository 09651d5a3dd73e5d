"""How do accounts, contacts and deals look as rows of the load folder?"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Final

from syncd.sandbox.company_deals import PROBABILITY, STAGES, Account, Contact, Deal, website
from syncd.sandbox.company_tables import Row, record_id, stamp, table, words

_AUDIT: Final = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById")
_ACCOUNT: Final = ("Id", "Name", "Industry", "BillingCountry", "Website", "OwnerId", *_AUDIT)
_CONTACT: Final = (
    *words("Id AccountId FirstName LastName Title Email MailingCountry OwnerId HasOptedOutOfEmail"),
    *("MA_Person_Id__c:external", "Nurture_Hold_Until__c:date"),
    *_AUDIT,
)
_OPPORTUNITY: Final = (
    *words("Id Name AccountId StageName Amount CloseDate LeadSource OwnerId LastStageChangeDate LastActivityDate"),
    "Nurture_Hold_Until__c:date",
    *_AUDIT,
)
_SNAPSHOT: Final = words("OpportunityId StageName Amount CloseDate Probability PrevAmount PrevCloseDate CreatedById CreatedDate")
_FIELD_MOVE: Final = ("OpportunityId", "Field", "DataType", "OldValue", "NewValue", "CreatedById", "CreatedDate")
_ROLE: Final = ("Id", "OpportunityId", "ContactId", "Role", "IsPrimary", "CreatedDate", "CreatedById")
_TASK: Final = words("Id Subject Status Priority ActivityDate OwnerId WhatId WhoId CreatedDate CreatedById LastModifiedDate")
_STAGE: Final = words(
    """MasterLabel ApiName IsActive SortOrder IsClosed IsWon DefaultProbability ForecastCategory
    ForecastCategoryName"""
)
_FORECAST_NAMES: Final = {"BestCase": "Best Case", "Forecast": "Commit"}


def write_stages(folder: Path) -> None:
    """Write the opportunity stages in order."""
    with table(folder, "OpportunityStage", _STAGE) as row:
        for order, (name, closed, won, probability, forecast) in enumerate(STAGES, 1):
            label = _FORECAST_NAMES.get(forecast, forecast)
            row((name, name, "true", order, _flag(closed), _flag(won), probability, forecast, label))


def write_accounts(folder: Path, accounts: Iterable[Account]) -> None:
    """Write the accounts."""
    with table(folder, "Account", _ACCOUNT) as row:
        for account in accounts:
            created, by = stamp(account.created_at), account.owner.id
            row((account.id, account.name, account.industry, account.country, website(account), by, created, by, created, by))


def write_contacts(folder: Path, contacts: Iterable[Contact]) -> None:
    """Write the contacts in id order."""
    with table(folder, "Contact", _CONTACT) as row:
        for contact in sorted(contacts, key=lambda contact: contact.id):
            created, by = stamp(contact.created_at), contact.owner.id
            name = (contact.first, contact.last, contact.title, contact.email, contact.country, by)
            flags = (_flag(contact.opted_out), contact.person_id, _day(contact.hold_on))
            row((contact.id, contact.account_id, *name, *flags, created, by, created, by))


def write_deals(folder: Path, deals: Iterable[Deal], now: datetime) -> None:
    """Write the opportunities, their histories, contact roles and tasks."""
    with ExitStack() as files:
        opportunity, snapshot, field_move, role, task = (
            files.enter_context(table(folder, name, columns))
            for name, columns in (
                ("Opportunity", _OPPORTUNITY),
                ("OpportunityHistory", _SNAPSHOT),
                ("OpportunityFieldHistory", _FIELD_MOVE),
                ("OpportunityContactRole", _ROLE),
                ("Task", _TASK),
            )
        )
        roles = tasks = 0
        for deal in deals:
            opportunity(_opportunity_row(deal, now))
            _write_moves(deal, snapshot, field_move)
            roles = _write_roles(deal, role, roles)
            tasks = _write_tasks(deal, task, tasks)


def _opportunity_row(deal: Deal, now: datetime) -> tuple[object, ...]:
    first, last = deal.moves[0], deal.moves[-1]
    changed = [move.at for before, move in zip(deal.moves, deal.moves[1:], strict=False) if before.stage != move.stage]
    # a deal that never changed its stage often has no LastStageChangeDate; readers fall back to CreatedDate
    stage_since = changed[-1] if changed else first.at
    stage_stamp = "" if not changed and int(deal.id[10:15], 36) % 7 == 0 else stamp(stage_since)
    activity = max((task.on for task in deal.tasks), default=None)
    modified = stamp(max([last.at, *(task.at for task in deal.tasks if task.at < now)]))
    known = (deal.id, deal.name, deal.account.id, last.stage, last.amount, last.close_on.isoformat(), deal.source)
    audit = (stamp(first.at), first.actor.id, modified, deal.owner.id)
    return (*known, deal.owner.id, stage_stamp, _day(activity), _day(deal.hold_on), *audit)


def _write_moves(deal: Deal, snapshot: Row, field_move: Row) -> None:
    before = None
    for move in deal.moves:
        at, amount, close_on = stamp(move.at), "", ""
        if before is None:
            field_move((deal.id, "created", "Text", "", "", move.actor.id, at))
        else:
            amount, close_on = str(before.amount), before.close_on.isoformat()
            if before.stage != move.stage:
                field_move((deal.id, "StageName", "DynamicEnum", before.stage, move.stage, move.actor.id, at))
        values = (move.stage, move.amount, move.close_on.isoformat(), PROBABILITY[move.stage], amount, close_on)
        snapshot((deal.id, *values, move.actor.id, at))
        before = move


def _write_roles(deal: Deal, row: Row, written: int) -> int:
    created, by = stamp(deal.moves[0].at), deal.owner.id
    for place, (contact, name) in enumerate(deal.roles):
        written += 1
        row_id = record_id("OpportunityContactRole", written)
        row((row_id, deal.id, contact.id, name, _flag(place == 0), created, by))
    return written


def _write_tasks(deal: Deal, row: Row, written: int) -> int:
    for task in deal.tasks:
        written += 1
        status, at = ("Completed" if task.done else "Not Started"), stamp(task.at)
        known = (record_id("Task", written), task.subject, status, "Normal", task.on.isoformat(), task.owner.id)
        row((*known, deal.id, task.who_id, at, task.owner.id, at))
    return written


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _day(on: date | None) -> str:
    return on.isoformat() if on else ""
