"""What do the machines of an org do: a native connector, an admin's data load, a scheduled Flow, an assignment rule?"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from syncd.sandbox.company_people import AUTOMATION
from syncd.sandbox.scripts_org import SDR, Body, Present, Row, Step, create, save, update

LOADED: Final = 400
BATCH: Final = 200
PUSHES: Final = 3


def connector(org: Present) -> list[Step]:
    """Let a native connector push an old status, the owners set it back, and the connector push it again, three times in all."""
    user, old = org.machine()["Username"], org.first_status()
    leads = org.leads(
        5, lambda lead: lead["Status"] != old and lead["OwnerId"] in org.users, what=f"open lead of a user beyond status {old!r}"
    )
    pushed = save(user, [update("Lead", lead, Status=old) for lead in leads])
    steps: list[Step] = []
    for number in range(PUSHES):
        again = " again" if number else ""
        steps.append(Step(org.at(20 + number * 40), f"{user} pushes the status it knows{again}", (pushed,)))
        if number < PUSHES - 1:
            back = tuple(save(_owner(org, lead), [update("Lead", lead, Status=lead["Status"])]) for lead in leads)
            steps.append(Step(org.at(40 + number * 40), f"The owners set it back{again}", back))
    return steps


def _owner(org: Present, lead: Row) -> str:
    return str(org.users[lead["OwnerId"]]["Username"])


def data_load(org: Present) -> list[Step]:
    """Let an admin load a new Lead Source into many leads, in batches, and create a list of new ones."""
    user, source = org.admin(), f"Data load {org.day} of {org.now:%Y-%m-%d}"
    leads = org.leads(LOADED)
    batches = [leads[start : start + BATCH] for start in range(0, len(leads), BATCH)]
    loaded = tuple(save(user, [update("Lead", lead, LeadSource=source) for lead in batch]) for batch in batches)
    new = [
        create("Lead", LastName=f"Listed {number:02}", Company="Trade Fair", Email=_address(org, number), LeadSource=source)
        for number in range(1, 21)
    ]
    return [
        Step(org.at(15), f"{user} loads a new Lead Source into {len(leads)} leads", loaded),
        Step(org.at(25), f"{user} loads {len(new)} new leads", (save(user, new),)),
    ]


def _address(org: Present, number: int) -> str:
    return f"listed{number:02}.{org.rng.randrange(16**6):06x}@fair.example"


def scheduled_flow(org: Present) -> list[Step]:
    """Let a scheduled Flow call leads cold at two in the morning, as the user Automated Process."""
    at = org.now.replace(hour=2, minute=0, second=0, microsecond=0)
    at = at if at > org.now else at + timedelta(days=1)
    leads = org.leads(50, lambda lead: lead["Rating"] != "Cold", what="open lead that is not rated Cold")
    body: Body = {"scheduled_flow": True, "edits": [update("Lead", lead, Rating="Cold") for lead in leads]}
    if any(row["Username"] == AUTOMATION for row in org.users.values()):
        body["user"] = AUTOMATION
    return [Step(at, f"The Flow that runs at two calls {len(leads)} leads cold", (body,))]


def assignment_rule(org: Present) -> list[Step]:
    """Let the lead assignment rule hand new and changed leads to a queue, or to an SDR where the org has no queue."""
    queues = [row for row in org.rows["Group"] if row["Type"] == "Queue"]
    target = org.rng.choice(queues) if queues else org.person(SDR, "the assignment rule's target")
    name = str(target["DeveloperName"] if queues else target["Username"])
    rule = {"assignment_rule": {"owner": name, "active": True}}
    leads = org.leads(3, lambda lead: lead["OwnerId"] != target["Id"], what="open lead of another owner")
    new = [create("Lead", LastName=f"Web {number}", Company="Web to Lead", Email=_address(org, number)) for number in range(1, 6)]
    assigned = {"headers": {"Sforce-Auto-Assign": "TRUE"}}
    user = org.admin()
    changed = [update("Lead", lead, Rating="Hot") for lead in leads]
    return [
        Step(org.at(10), f"The admin lets the assignment rule give leads to {name}", settings=rule),
        Step(org.at(20), "New leads come in from the web form", (save(user, new) | assigned,)),
        Step(org.at(45), f"{user} saves leads with the rule on", (save(user, changed) | assigned,)),
        Step(org.at(60), "The admin puts the rule back", settings={"assignment_rule": org.settings["assignment_rule"]}),
    ]
