"""What happens at a handoff, and to deals and people that nobody works on, that misleads whoever counts fields alone?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from syncd.sandbox.scripts_org import MARKETING, SALES, SDR, Body, OrgLacks, Present, Row, Step, create, save, update

NURTURE_DAYS, MAIL_EVERY_DAYS, QUIET_DEALS = 60, 4, 5
MAIL_DAYS: Final = 5
FLIPPED: Final = 40
MERGED_SCORES: Final = (40, 30, 20)
SCORE: Final = "Lead_Score__c"


def nurture_mails(org: Present) -> list[Step]:
    """Let a marketing tool log its nurture mails as closed tasks on quiet deals for sixty days."""
    user = org.machine()["Username"]
    deals = [row for row in org.rows["Opportunity"] if org.is_open(row)]
    quiet = sorted(deals, key=lambda row: (row["LastActivityDate"] or "", row["LastStageChangeDate"] or "", row["Id"]))
    chosen = org.some(quiet[: QUIET_DEALS * 2], QUIET_DEALS, "open opportunity")
    steps: list[Step] = []
    for number, day in enumerate(range(1, NURTURE_DAYS + 1, MAIL_EVERY_DAYS), 1):
        at = org.at(day * 24 * 60)
        mails = [
            create(
                "Task",
                Subject=f"Email: Nurture {number}",
                Status="Completed",
                ActivityDate=at.date().isoformat(),
                WhatId=deal["Id"],
            )
            for deal in chosen
        ]
        steps.append(Step(at, f"{user} logs nurture mail {number} on {len(chosen)} quiet deals", (save(user, mails),)))
    return steps


def activity_capture(org: Present) -> list[Step]:
    """Let a rep mail a lead and a deal daily where activity capture is on: the timeline shows it, no task does."""
    rep = org.person((*SALES, *SDR), "sales")
    leads = org.leads(1, lambda row: row["OwnerId"] in org.users, what="lead of a user")
    deals = org.some([row for row in org.rows["Opportunity"] if org.is_open(row)], 1, "open opportunity")
    mails: list[Body] = [
        {"op": "mail", "object": name, "id": row["Id"], "fields": {"Subject": "Following up"}}
        for name, row in (("Lead", leads[0]), ("Opportunity", deals[0]))
    ]
    on = Step(org.at(1), "The admin switches activity capture on", settings={"activity_capture": True})
    days = [
        Step(org.at(60 + day * 24 * 60), f"{rep['Name']} mails a lead and a deal's people", (save(rep["Username"], mails),))
        for day in range(MAIL_DAYS)
    ]
    return [on, *days]


def friday_flip(org: Present) -> list[Step]:
    """Let a rep set forty leads to the next status in a list view on Friday at 16:55, and call one of them on Monday."""
    first = org.first_status()
    alike: dict[tuple[str, str], list[Row]] = {}
    for row in org.rows["Lead"]:
        if not (row["IsDeleted"] or row["IsConverted"]) and row["OwnerId"] in org.users and org.next_status(row):
            alike.setdefault((row["OwnerId"], row["Status"]), []).append(row)
    if not alike:
        raise OrgLacks(f"the org has no open lead of a user, from {first!r} on. Serve the org with --company or give it --load.")
    most = max(len(rows) for rows in alike.values())
    owner_id, before = org.rng.choice(sorted(key for key, rows in alike.items() if len(rows) >= min(FLIPPED, most)))
    rep, leads = org.users[owner_id], alike[owner_id, before][:FLIPPED]
    status = org.next_status(leads[0])
    friday = _at(org.now, weekday=4, hour=16, minute=55)
    monday = friday + timedelta(days=3) - timedelta(hours=7)
    call = create("Task", Subject="Call", Status="Completed", ActivityDate=monday.date().isoformat(), WhoId=leads[0]["Id"])
    flipped = save(rep["Username"], [update("Lead", row, Status=status) for row in leads])
    return [
        Step(friday, f"{rep['Name']} sets {len(leads)} leads to {status} in a list view", (flipped,)),
        Step(monday, f"{rep['Name']} logs a call with one of them", (save(rep["Username"], [call]),)),
    ]


def opt_out_leak(org: Present) -> list[Step]:
    """Let an opted-out lead be converted into an opted-in contact, and another be merged into an opted-in lead."""
    converted = [str(row["ApiName"]) for row in org.statuses if row["IsConverted"]]
    leads = org.leads(3, lambda row: row["OwnerId"] in org.users, what="lead of a user")
    fit = [row for row in org.rows["Contact"] if not (row["IsDeleted"] or row["HasOptedOutOfEmail"]) and row["AccountId"]]
    contacts = org.some(fit, 1, "opted-in contact of an account")
    if len(leads) < 3 or not converted:
        raise OrgLacks("the org has no three open leads of users, or no status that converts. Serve it with --company.")
    gone, winner, loser = leads
    marketer = org.person(MARKETING, "marketing")["Username"]
    told = [update("Lead", row, HasOptedOutOfEmail=row is not winner) for row in leads]
    options = {
        "convertedStatus": converted[0],
        "contactId": contacts[0]["Id"],
        "accountId": contacts[0]["AccountId"],
        "doNotCreateOpportunity": True,
    }
    conversion: Body = {"op": "convert", "object": "Lead", "id": gone["Id"], "fields": options}
    merge: Body = {"op": "merge", "object": "Lead", "id": winner["Id"], "fields": {"loser": loser["Id"]}}
    owner = org.users[gone["OwnerId"]]["Username"]
    return [
        Step(org.at(10), f"{marketer} notes who wants no mail", (save(marketer, told),)),
        Step(org.at(40), f"{owner} converts an opted-out lead into a contact that is not", (save(owner, [conversion]),)),
        Step(org.at(60), "An admin merges an opted-out lead into one that is not", (save(org.admin(), [merge]),)),
    ]


def score_merge(org: Present) -> list[Step]:
    """Let an admin merge three leads, and the marketing tool add their scores up to ninety."""
    if not any(SCORE in row for row in org.rows["Lead"]):
        raise OrgLacks(
            f"the org has no field Lead.{SCORE}. Load Lead.csv with a column {SCORE}:number, or serve it with --company."
        )
    first = org.first_status()
    leads = org.leads(3, lambda row: row["Status"] == first, what=f"open lead in status {first!r}")
    if len(leads) < len(MERGED_SCORES):
        raise OrgLacks(f"the org has no three open leads in status {first!r}. Serve the org with --company.")
    tool, admin, winner = org.machine()["Username"], org.admin(), leads[0]
    scored = [update("Lead", row, **{SCORE: score}) for row, score in zip(leads, MERGED_SCORES, strict=True)]
    merges: list[Body] = [
        {"op": "merge", "object": "Lead", "id": winner["Id"], "fields": {"loser": row["Id"]}} for row in leads[1:]
    ]
    summed = update("Lead", winner, **{SCORE: sum(MERGED_SCORES)})
    return [
        Step(org.at(10), f"{tool} scores three leads", (save(tool, scored),)),
        Step(org.at(40), f"{admin} merges the three", (save(admin, merges),)),
        Step(org.at(45), f"{tool} adds their scores up to {sum(MERGED_SCORES)}", (save(tool, [summed]),)),
    ]


def mobile_late(org: Present) -> list[Step]:
    """Let a rep work a lead on the road at nine; the edit reaches the org at three in the afternoon, with that time."""
    [lead] = org.leads(1, lambda row: row["OwnerId"] in org.users and org.next_status(row) is not None, what="lead of a user")
    rep = org.users[lead["OwnerId"]]
    made_at = org.now.replace(hour=9, minute=0, second=0, microsecond=0)
    made_at = made_at if made_at >= org.now else made_at + timedelta(days=1)
    edit = update("Lead", lead, Status=org.next_status(lead)) | {"made_at": f"{made_at:%Y-%m-%dT%H:%M:%SZ}"}
    return [Step(made_at + timedelta(hours=6), f"{rep['Name']}'s edit of nine o'clock arrives", (save(rep["Username"], [edit]),))]


def _at(now: datetime, *, weekday: int, hour: int, minute: int) -> datetime:
    ahead = (weekday - now.weekday()) % 7
    at = (now + timedelta(days=ahead)).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return at if at > now else at + timedelta(days=7)
