"""What do a salesperson and a marketer do on one day?"""

from __future__ import annotations

from syncd.sandbox.scripts_org import MARKETING, SALES, SDR, Body, OrgLacks, Present, Row, Step, create, save, update


def sales_day(org: Present) -> list[Step]:
    """Let a salesperson move deals on, lose one, log calls, and work the leads that are theirs."""
    org.person((*SALES, *SDR), "sales")
    owners = {str(row["Id"]) for words in (SALES, SDR) for row in org.people(words)}
    deals = [row for row in org.rows["Opportunity"] if org.is_open(row) and row["OwnerId"] in owners]
    first = org.some(deals, 1, "open opportunity of a salesperson")[0]
    seller = org.users[first["OwnerId"]]
    mine = org.some([row for row in deals if row["OwnerId"] == seller["Id"]], 6, "open opportunity of a salesperson")
    user = seller["Username"]
    moved = [update("Opportunity", deal, StageName=stage) for deal in mine[:3] if (stage := _next_stage(org, deal))]
    today = org.at(90).date().isoformat()
    calls = [
        create("Task", Subject="Call: next steps", Status="Completed", ActivityDate=today, WhatId=deal["Id"]) for deal in mine[:3]
    ]
    steps = [
        Step(org.at(30), f"{seller['Name']} moves deals on", (save(user, moved),)),
        Step(org.at(90), f"{seller['Name']} logs calls", (save(user, calls),)),
        Step(org.at(150), f"{seller['Name']} loses a deal", (save(user, _lost(org, mine[3:4])),)),
        Step(org.at(200), f"{seller['Name']} notes next steps", (save(user, _noted(org, mine[4:])),)),
        Step(org.at(260), f"{seller['Name']} works leads", (save(user, _worked(org, seller)),)),
    ]
    return _full(steps)


def _next_stage(org: Present, deal: Row) -> str | None:
    names = [str(row["ApiName"]) for row in org.stages if not row["IsClosed"]]
    place = names.index(deal["StageName"]) + 1 if deal["StageName"] in names else len(names)
    return names[place] if place < len(names) else None


def _lost(org: Present, deals: list[Row]) -> list[Body]:
    lost = [str(row["ApiName"]) for row in org.stages if row["IsClosed"] and not row["IsWon"]]
    return [update("Opportunity", deal, StageName=lost[0]) for deal in deals if lost]


def _noted(org: Present, deals: list[Row]) -> list[Body]:
    return [update("Opportunity", deal, NextStep=f"Send the offer of {org.now:%d %B}") for deal in deals]


def _worked(org: Present, seller: Row) -> list[Body]:
    mine = [row for row in org.rows["Lead"] if row["OwnerId"] == seller["Id"] and not row["IsDeleted"] and not row["IsConverted"]]
    moves = [(lead, org.next_status(lead)) for lead in mine[:3]]
    return [update("Lead", lead, Status=status) for lead, status in moves if status]


def marketing_day(org: Present) -> list[Step]:
    """Let a marketer qualify leads, enrich some, note an opt-out, and take one back that sales works on."""
    marketer = org.person(MARKETING, "marketing")
    user, team = marketer["Username"], {str(row["Id"]) for row in org.people(MARKETING)}
    first = org.first_status()
    fresh = org.leads(8, lambda lead: lead["Status"] == first, what=f"open lead in status {first!r}")
    onward = org.next_status(fresh[0])
    if onward is None:
        raise OrgLacks(f"no status follows {first!r}, and a marketer's day moves leads on. Add one to LeadStatus.csv.")
    qualified = [update("Lead", lead, Status=onward) for lead in fresh[:4]]
    enriched = [update("Lead", lead, LeadSource="Webinar", Rating="Warm") for lead in fresh[4:7]]
    opted_out = [update("Lead", lead, HasOptedOutOfEmail=True) for lead in fresh[7:]]
    worked = [
        row
        for row in org.rows["Lead"]
        if not (row["IsDeleted"] or row["IsConverted"] or row["Status"] == first)
        and row["OwnerId"] in org.users
        and row["OwnerId"] not in team
    ]
    taken = [update("Lead", lead, Status=first) for lead in worked[org.day - 1 : org.day]]
    steps = [
        Step(org.at(20), f"{marketer['Name']} moves leads on to {onward}", (save(user, qualified),)),
        Step(org.at(75), f"{marketer['Name']} enriches leads after a webinar", (save(user, enriched),)),
        Step(org.at(140), f"{marketer['Name']} notes an opt-out", (save(user, opted_out),)),
        Step(org.at(210), f"{marketer['Name']} takes a lead back that somebody else works on", (save(user, taken),)),
    ]
    return _full(steps)


def _full(steps: list[Step]) -> list[Step]:
    return [step for step in steps if any(body["edits"] for body in step.edits)]
