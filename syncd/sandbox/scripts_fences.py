"""What puts fences to the test in real orgs: machines that win, shared logins, mass edits, lost rights, Flows that move more?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, TypeVar

from syncd.sandbox.scripts_org import SDR, Body, OrgLacks, Present, Row, Step, create, save, update

PUSHES, PUSH_MINUTES = 12, 5
BATCH: Final = 200
FLOW_LEADS, REALIGNED, REALIGN_MINUTES = 3_000, 12_000, 40
MASS_MIN: Final = 50  # from here on an edit of many records is one event
ACCESS: Final = "syncd_access"
OWNER_FLOW: Final = "Lead owner follows status"
T = TypeVar("T")


def connector_wins(org: Present) -> list[Step]:
    """Let a native connector push its old status over a rep's every five minutes, an hour long; then the rep sets it anew."""
    user, old = org.machine()["Username"], org.first_status()
    [lead] = org.leads(1, lambda row: row["Status"] != old and row["OwnerId"] in org.users, what=f"owned lead beyond {old!r}")
    owner = str(org.users[lead["OwnerId"]]["Username"])
    pushed = save(user, [update("Lead", lead, Status=old)])
    steps = [
        Step(org.at(PUSH_MINUTES * n), f"{user} pushes the status it knows, time {n}", (pushed,)) for n in range(1, PUSHES + 1)
    ]
    again = save(owner, [update("Lead", lead, Status=lead["Status"])])
    return [*steps, Step(org.at(PUSH_MINUTES * (PUSHES + 2)), f"{owner} sets the lead to {lead['Status']} again", (again,))]


def shared_login(org: Present) -> list[Step]:
    """Let four tools work through one login: one pushes statuses, one routes, one enriches, one brings in new people."""
    user, old = org.machine()["Username"], org.first_status()
    leads = org.leads(12, lambda row: row["Status"] != old and row["OwnerId"] in org.users, what=f"owned lead beyond {old!r}")
    sdr = org.person(SDR, "the router's target")
    pushed, routed, enriched = leads[:4], leads[4:8], leads[8:]
    new = [
        create("Lead", LastName=f"Attendee {n}", Company="Webinar", Email=f"att{n}.{org.rng.randrange(16**6):06x}@web.example")
        for n in range(1, 5)
    ]
    done: list[tuple[str, str, list[Body]]] = [
        ("the marketing tool", "pushes statuses", [update("Lead", row, Status=old) for row in pushed]),
        (
            "the router",
            "hands leads out",
            [update("Lead", row, OwnerId=sdr["Id"]) for row in routed if row["OwnerId"] != sdr["Id"]],
        ),
        ("the enrichment tool", "completes leads", [update("Lead", row, Rating="Warm", Title="Head of IT") for row in enriched]),
        ("the webinar tool", "brings attendees in", new),
    ]
    return [
        Step(org.at(10 + 7 * number), f"{hand} {what} as {user}", (save(user, edits) | {"hand": hand},))
        for number, (hand, what, edits) in enumerate(done)
        if edits
    ]


def nightly_flow(org: Present) -> list[Step]:
    """Let a scheduled Flow of the default workflow user, an active admin, rewrite thousands of statuses at two in the morning."""
    at = org.now.replace(hour=2, minute=0, second=0, microsecond=0)
    at = at if at > org.now else at + timedelta(days=1)
    old = org.first_status()
    leads = _many(org, FLOW_LEADS, [row for row in _open(org) if row["Status"] != old], f"leads beyond status {old!r}")
    flow: Body = {"scheduled_flow": True, "hand": "Nightly clean-up"}
    user = org.admin()
    return [
        Step(
            at + timedelta(seconds=2 * number),
            f"The Flow that runs as {user} sets {len(some)} leads to {old}",
            (save(user, [update("Lead", row, Status=old) for row in some]) | flow,),
        )
        for number, some in enumerate(_batches(leads))
    ]


def realignment(org: Present) -> list[Step]:
    """Let an admin give thousands of leads to other owners within forty minutes, as a territory realignment does."""
    user, sdrs = org.admin(), org.people(SDR)
    if len(sdrs) < 2:
        raise OrgLacks("the org has no two active users with SDR in role, profile or username. Serve the org with --company.")
    leads = _many(org, REALIGNED, [row for row in _open(org) if row["OwnerId"] in org.users], "leads that people own")
    batches = _batches([(row, _another(sdrs, row, place)) for place, row in enumerate(leads)])
    between = timedelta(minutes=REALIGN_MINUTES) / max(len(batches), 1)
    return [
        Step(
            org.at(5) + number * between,
            f"{user} gives {len(some)} leads to other owners",
            (save(user, [update("Lead", row, OwnerId=owner) for row, owner in some]),),
        )
        for number, some in enumerate(batches)
    ]


def _another(sdrs: list[Row], lead: Row, place: int) -> str:
    others = [str(each["Id"]) for each in sdrs if each["Id"] != lead["OwnerId"]]
    return others[place % len(others)]


def permission_set(org: Present) -> list[Step]:
    """Let an admin take syncd's permission set away while a machine keeps pushing statuses, and give it back an hour later."""
    admin, user, old = org.admin(), org.machine()["Username"], org.first_status()
    leads = org.leads(6, lambda row: row["Status"] != old and row["OwnerId"] in org.users, what=f"owned lead beyond {old!r}")
    pushed = [save(user, [update("Lead", row, Status=old) for row in some]) for some in (leads[:3], leads[3:]) if some]

    def held(assigned: bool) -> dict[str, Any]:
        return {"access_by_permission_set": {"name": ACCESS, "assigned": assigned}}

    return [
        Step(org.at(1), f"{admin} gives the API user its objects by the permission set {ACCESS}", settings=held(True)),
        Step(org.at(10), f"{user} pushes statuses", (pushed[0],)),
        Step(org.at(15), f"{admin} takes the permission set away", settings=held(False)),
        Step(org.at(20), f"{user} pushes more statuses", tuple(pushed[1:])),
        Step(org.at(75), f"{admin} gives the permission set back", settings=held(True)),
    ]


def owner_flow(org: Present) -> list[Step]:
    """Let a Flow change the owner whenever a status changes, and a machine push statuses that call for being put back."""
    user, old = org.machine()["Username"], org.first_status()
    alike: dict[str, list[Row]] = {}
    for row in _open(org):
        if row["Status"] != old and row["OwnerId"] in org.users:
            alike.setdefault(row["Status"], []).append(row)
    most = max(alike.values(), key=len, default=[])
    leads = org.some(most, 12, f"owned lead beyond {old!r}")
    target = org.person(SDR, "the Flow's target")
    rule = {"object": "Lead", "changed": ["Status"], "set": {"OwnerId": target["Id"]}, "name": OWNER_FLOW}
    rules = [*org.settings["workflow_rules"], rule]
    pushed = save(user, [update("Lead", row, Status=old) for row in leads])
    return [
        Step(
            org.at(5), f"A Flow now gives each lead whose status changes to {target['Name']}", settings={"workflow_rules": rules}
        ),
        Step(org.at(20), f"{user} pushes the status it knows over {len(leads)} leads", (pushed,)),
    ]


def _open(org: Present) -> list[Row]:
    return [row for row in org.rows["Lead"] if not row["IsDeleted"] and not row["IsConverted"]]


def _many(org: Present, count: int, fit: list[Row], what: str) -> list[Row]:
    if len(fit) < MASS_MIN:
        message = f"the org has no {MASS_MIN} open {what}, and the script needs them"
        raise OrgLacks(f"{message}. Serve the org with --company, or load records with --load.")
    return sorted(org.rng.sample(fit, min(count, len(fit))), key=lambda row: str(row["Id"]))


def _batches(rows: list[T]) -> list[list[T]]:
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
