"""A small org as a load folder: its people, queues, thirty leads, six deals and two campaigns."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from syncd.salesforce.ids import to_18

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OLD = "2025-06-01T08:00:00Z"

STATUSES = ("Inquiry", "Nurture", "MQL", "Working", "Meeting Set", "Disqualified", "Qualified")

# alias: (username, first name, last name, role)
PEOPLE: Mapping[str, tuple[str, str, str, str]] = {
    "mia": ("mia.marketing@sandbox.example", "Mia", "Market", "Marketing Manager"),
    "max": ("max.marketing@sandbox.example", "Max", "Opser", "Marketing Ops"),
    "sam": ("sam.sdr@sandbox.example", "Sam", "Dialer", "SDR"),
    "sue": ("sue.sdr@sandbox.example", "Sue", "Caller", "SDR"),
    "ada": ("ada.ae@sandbox.example", "Ada", "Closer", "Account Executive"),
    "vic": ("vic.vp@sandbox.example", "Vic", "Chief", "VP Sales"),
    "marketo": ("marketo.sync@sandbox.example", "Marketo", "Sync", ""),
    "outreach": ("outreach.sync@sandbox.example", "Outreach", "Sync", ""),
    "routing": ("routing@sandbox.example", "Lead", "Routing", ""),
    "flow": ("automated.process@sandbox.example", "Automated", "Process", ""),
    "nobody": ("nora.nobody@sandbox.example", "Nora", "Nobody", ""),
    "both": ("bob.both@sandbox.example", "Bob", "Both", "SDR"),  # in marketing's queue as well, whose line comes first
}
ADMIN = "admin@sandbox.example"
QUEUES = ("Inquiries", "Nurture", "MQL_AMER", "MQL_EMEA")
QUEUE_MEMBERS = {"Inquiries": ("mia", "both"), "MQL_AMER": ("sam",)}

OWNER_AT = {
    "Inquiry": "Inquiries", "Nurture": "mia", "MQL": "MQL_AMER", "Working": "sam", "Meeting Set": "sue", "Disqualified": "sue",
    "Qualified": "ada",
}  # fmt: skip

# deal: (stage, days in the stage, contacts with a role, hold until)
DEALS: Mapping[str, tuple[str, int, tuple[int, ...], str]] = {
    "stalled-early": ("Discovery", 90, (1, 2, 3, 4, 5), ""),
    "stalled-late": ("Proposal", 120, (5, 6, 7, 8), ""),
    "fresh": ("Discovery", 5, (4, 9), ""),
    "worked": ("Evaluation", 100, (10,), ""),
    "on-hold": ("Proposal", 120, (11,), "2026-06-30"),
    "won": ("Closed Won", 200, (12,), ""),
}


def user(name: str) -> str:
    """Give a user's id."""
    return to_18(f"0055e00000Us{list(PEOPLE).index(name):03d}")


def queue(name: str) -> str:
    """Give a queue's id."""
    return to_18(f"00G5e00000Qu{QUEUES.index(name):03d}")


def owner(name: str) -> str:
    """Give the id of a user or queue."""
    return queue(name) if name in QUEUES else user(name)


def lead(status: str, number: int = 0) -> str:
    """Give the id of the `number`-th lead (0 … 3) of a status."""
    return to_18(f"00Q5e00000L{STATUSES.index(status)}{number:03d}")


CONVERTED = to_18("00Q5e00000Lconv")
DELETED_LATER = to_18("00Q5e00000Ldele")


def contact(number: int) -> str:
    """Give a contact's id, 1 … 12."""
    return to_18(f"0035e00000Co{number:03d}")


def deal(name: str) -> str:
    """Give a deal's id."""
    return to_18(f"0065e00000De{list(DEALS).index(name):03d}")


def campaign(track: str) -> str:
    """Give the campaign of a track: early or late."""
    return to_18(f"7015e00000Ca{('early', 'late').index(track):03d}")


def write_small_org(folder: Path) -> Path:
    """Write the load folder."""
    roles = sorted({role for *_, role in PEOPLE.values() if role})
    role_ids = {role: to_18(f"00E5e00000Ro{number:03d}") for number, role in enumerate(roles)}
    _write(
        folder, "UserRole", [{"Id": id, "Name": role, "DeveloperName": role.replace(" ", "_")} for role, id in role_ids.items()]
    )
    _write(folder, "User", [_user(alias, role_ids) for alias in PEOPLE])
    groups = [{"Id": queue(name), "Name": name, "DeveloperName": name, "Type": "Queue", "CreatedDate": OLD} for name in QUEUES]
    _write(folder, "Group", groups)
    _write(folder, "QueueSobject", [{"QueueId": queue(name), "SobjectType": "Lead"} for name in QUEUES])
    members = [(name, one) for name, several in QUEUE_MEMBERS.items() for one in several]
    _write(folder, "GroupMember", [{"GroupId": queue(name), "UserOrGroupId": user(one)} for name, one in members])
    _write(folder, "LeadStatus", [_status(number, name) for number, name in enumerate((*STATUSES, "Converted"), 1)])
    _write(folder, "Account", [{"Id": to_18("0015e00000Ac000"), "Name": "Acme", "CreatedDate": OLD}])
    _write(folder, "Contact", [_contact(number) for number in range(1, 13)])
    _write(folder, "Lead", _leads())
    _write(folder, "Application__c", [_application(number) for number in range(4)])
    _write(folder, "Opportunity", [_deal(name) for name in DEALS])
    roles_on = [(name, number) for name, (_, _, contacts, _) in DEALS.items() for number in contacts]
    _write(folder, "OpportunityContactRole", [_role(name, number) for name, number in roles_on])
    _write(folder, "Campaign", [_campaign("early", "SYNCD Stalled Early"), _campaign("late", "SYNCD Stalled Late")])
    _write(folder, "Task", [_task("worked", "Called about the budget", 3)])
    return folder


def _write(folder: Path, name: str, rows: Sequence[Mapping[str, str]]) -> None:
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _user(alias: str, roles: Mapping[str, str]) -> dict[str, str]:
    username, first, last, role = PEOPLE[alias]
    return {
        "Id": user(alias), "Username": username, "FirstName": first, "LastName": last, "Email": username, "Alias": alias,
        "IsActive": "true", "Profile.Name": "Standard User", "UserRoleId": roles.get(role, ""), "UserType": "Standard",
        "CreatedDate": OLD,
    }  # fmt: skip


def _status(number: int, name: str) -> dict[str, str]:
    is_default, is_converted = str(name == "Inquiry").lower(), str(name == "Converted").lower()
    return {"MasterLabel": name, "ApiName": name, "SortOrder": str(number), "IsDefault": is_default, "IsConverted": is_converted}


def _contact(number: int) -> dict[str, str]:
    return {
        "Id": contact(number), "FirstName": "Con", "LastName": f"Tact {number}", "Email": f"contact.{number}@example.com",
        "AccountId": to_18("0015e00000Ac000"), "MA_Person_Id__c:external": f"c{number}", "Nurture_Hold_Until__c:date": "",
        "No_Offers__c:boolean": "false", "Contact_Status__c:picklist": STATUSES[(number - 1) % 7],
        "CreatedDate": OLD, "LastModifiedDate": OLD,
    }  # fmt: skip


def application(number: int) -> str:
    """Give an application's id, 0 … 3. They are a custom object: not every org has them."""
    return to_18(f"a005e00000Ap{number:03d}")


def _application(number: int) -> dict[str, str]:
    return {
        "Id": application(number), "Name": f"Application {number}", "Channel__c": "Web", "OwnerId": user("sam"),
        "Stage__c:picklist": ("Open", "Review", "Signed", "Draft")[number], "CreatedDate": OLD, "LastModifiedDate": OLD,
    }  # fmt: skip


def _leads() -> list[dict[str, str]]:
    rows = [_lead(lead(status, number), status, f"{status} {number}", status) for status in STATUSES for number in range(4)]
    rows.append(_lead(DELETED_LATER, "Working", "Going", "Working"))
    gone = _lead(CONVERTED, "Converted", "Became", "Qualified")
    return [*rows, {**gone, "IsConverted": "true", "ConvertedContactId": contact(12)}]


def _lead(id: str, status: str, name: str, like: str) -> dict[str, str]:
    return {
        "Id": id, "FirstName": "Lea", "LastName": name, "Company": "Acme", "Status": status, "OwnerId": owner(OWNER_AT[like]),
        "Email": f"{name.lower().replace(' ', '.')}@example.com", "MA_Person_Id__c:external": name.replace(" ", "-"),
        "Lead_Score__c:number": "10", "LeadSource": "Web", "No_Offers__c:boolean": "false", "Nurture_Hold_Until__c:date": "",
        "IsConverted": "", "ConvertedContactId": "",
        "CreatedDate": OLD, "LastModifiedDate": "2026-02-01T08:00:00Z",
    }  # fmt: skip


def _deal(name: str) -> dict[str, str]:
    stage, days, _, hold = DEALS[name]
    entered = f"{NOW - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "Id": deal(name), "Name": name, "StageName": stage, "AccountId": to_18("0015e00000Ac000"), "OwnerId": user("ada"),
        "CloseDate": "2026-12-31", "Amount": "1000", "LastStageChangeDate": entered, "CreatedDate": OLD,
        "LastModifiedDate": entered, "Nurture_Hold_Until__c:date": hold,
    }  # fmt: skip


def _role(name: str, number: int) -> dict[str, str]:
    return {"OpportunityId": deal(name), "ContactId": contact(number), "Role": "Decision Maker", "CreatedDate": OLD}


def _campaign(track: str, name: str) -> dict[str, str]:
    return {"Id": campaign(track), "Name": name, "IsActive": "true", "CreatedDate": OLD}


def _task(name: str, subject: str, days_ago: int) -> dict[str, str]:
    on = NOW - timedelta(days=days_ago)
    return {
        "WhatId": deal(name), "Subject": subject, "ActivityDate": f"{on:%Y-%m-%d}", "Status": "Completed",
        "OwnerId": user("ada"), "CreatedById": user("ada"), "CreatedDate": f"{on:%Y-%m-%dT%H:%M:%SZ}",
    }  # fmt: skip
