"""What do the tests of the core speak about? One small company, as plain functions.

Marketing, sdr and sales are people; marketo is a tool that acts for marketing, routing a tool of its own, flows an
automation and admin an admin. Tools and automations are reverted, people warned, unless a test says otherwise.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from syncd.core.actors import Directory, Team, User, actor_of
from syncd.core.fence_model import Fences
from syncd.core.nurture import Nurture, parse_nurture
from syncd.core.policy import parse_fences
from syncd.core.tables import Table
from syncd.core.values import Actor, ActorKind, Change, Intent, OrgRecord, Proof, Rule, Scalar

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
LEAD = "00QSX0000000001AAA"
OWN_USER = "005SX000000own0AAA"

TEAMS = """
[teams]
admin     = { kind = "admin", profile = ["System Administrator"] }
marketo   = { kind = "tool", user = ["marketo@acme.example"], acts_for = "marketing" }
routing   = { kind = "tool", user = ["routing@acme.example"] }
flows     = { kind = "automation", user = ["Automated Process"] }
marketing = { role = ["Marketing Manager"], queue = ["Nurture"] }
sdr       = { role = ["SDR"], queue = ["MQL_EMEA"] }
sales     = { profile = ["Sales Rep"], user = ["Vera Vice"] }
"""
STATUS = """
[status]
"Inquiry" = { team = "marketing" }
"Nurture" = { team = "marketing" }
"MQL" = { team = "sdr" }
"Working" = { team = "sdr" }
"Qualified" = { team = "sales" }
"""
GATES = """
[gate]
"Inquiry, Nurture -> MQL" = { by = ["marketing"] }
"MQL, Working -> Nurture" = { by = ["sdr"] }
"Working -> Qualified" = { by = ["sdr", "sales"] }
[owner]
"marketing -> sdr" = { by = ["marketing", "routing"] }
"sdr -> sales" = { by = ["sdr"] }
"""
CROSSING = """
[crossing.status]
mode = { tool = "revert", automation = "revert", person = "warn" }
[crossing.owner]
mode = { tool = "revert", automation = "revert", person = "warn" }
"""
POLICY = 'version = "v1"\n' + TEAMS + STATUS + GATES + CROSSING
APPROVED = 'approvers = { marketing = "dana@acme.example", sdr = "sid@acme.example", sales = "tom@acme.example" }\n'
STRICT = APPROVED + POLICY.replace('person = "warn"', 'person = "revert"')

NURTURE = """
version = "v1"
[activity]
by = ["sales"]
ignore = ["Marketo:"]
[hold]
Contact = "Hold_Until__c"
[stall]
"Discovery" = { in_stage_days = 45, quiet_days = 21 }
"Proposal" = { in_stage_days = 60 }
[track]
"early" = { stages = ["Discovery"], campaign = "Stalled Early" }
"late" = { stages = ["Proposal"], campaign = "Stalled Late", member_status = "Sent" }
"""


def table(text: str, file: str = "fences.toml") -> Table:
    """Parse TOML text; without positions every rule stands on line 1."""
    return Table(file, tomllib.loads(text), {}, "hash")


def fences(text: str = POLICY) -> Fences:
    """Return the policy of a TOML text that has no problems."""
    policy, problems = parse_fences(table(text))
    assert policy is not None, [str(problem) for problem in problems]
    return policy


def nurture(text: str = NURTURE) -> Nurture:
    """Return the nurture policy of a TOML text that has no problems."""
    policy, problems = parse_nurture(table(text, "nurture.toml"))
    assert policy is not None, [str(problem) for problem in problems]
    return policy


def _user(short: str, name: str, profile: str = "Standard User", role: str = "", queues: Sequence[str] = ()) -> User:
    return User(user_id(short), name, f"{short}@acme.example", profile, role, True, frozenset(queues))


def user_id(short: str) -> str:
    """Return the id of a user of the company by the first part of the username."""
    return f"005SX{short:0>10.10}AAA"


QUEUES = {
    "00GSX0000000001AAA": frozenset({"Nurture"}),
    "00GSX0000000002AAA": frozenset({"MQL EMEA", "MQL_EMEA"}),
    "00GSX0000000003AAA": frozenset({"Partner Leads"}),
}
NURTURE_QUEUE, MQL_QUEUE, PARTNER_QUEUE = QUEUES


def people() -> Directory:
    """Return the company's users and queues."""
    users = [
        _user("ada", "Ada Admin", profile="System Administrator"),
        _user("marketo", "Marketo Sync"),
        _user("routing", "Routing"),
        _user("autoproc", "Automated Process"),
        _user("mia", "Mia Market", role="Marketing Manager"),
        _user("sam", "Sam Dialer", role="SDR"),
        _user("rita", "Rita Rep", profile="Sales Rep"),
        _user("vera", "Vera Vice"),
        _user("quinn", "Quinn Queue", queues=("MQL EMEA", "MQL_EMEA")),
        _user("both", "Bo Both", profile="Sales Rep", role="SDR"),
        _user("nemo", "Nemo"),
    ]
    own = User(OWN_USER, "syncd Integration", "syncd@acme.example", "Sales Rep", "SDR", True)
    return Directory({user.id: user for user in [*users, own]}, QUEUES, OWN_USER)


def actor(short: str) -> Actor:
    """Resolve a user of the company under the usual policy."""
    return actor_of(OWN_USER if short == "syncd" else user_id(short), people(), teams())


def teams() -> tuple[Team, ...]:
    """Return the teams of the usual policy."""
    return fences().teams


def change(
    before: Scalar, after: Scalar, by: str | Actor, minutes: int = 0, *, field: str = "Status", proof: Proof = Proof.HISTORY
) -> Change:
    """Return one change of the lead, some minutes after noon."""
    who = actor(by) if isinstance(by, str) else by
    return Change("Lead", LEAD, field, before, after, NOON + timedelta(minutes=minutes), who, proof)


def somebody(kind: ActorKind, team: str | None) -> Actor:
    """Return an actor of a kind and team without a directory."""
    return Actor("005SX0000000any", "Any", kind, team, "made up")


def history(
    number: int, before: Scalar, after: Scalar, *, by: str = "sam", field: str = "Status", minutes: int = 0, **more: Scalar
) -> OrgRecord:
    """Return one LeadHistory row."""
    fields = {"Field": field, "OldValue": before, "NewValue": after, "CreatedById": user_id(by), "LeadId": LEAD, **more}
    return OrgRecord("LeadHistory", f"017SX{number:010}AAA", NOON + timedelta(minutes=minutes), fields)


def lead(minutes: int = 0, *, is_deleted: bool = False, **fields: Scalar) -> OrgRecord:
    """Return the lead as read some minutes after noon."""
    return OrgRecord("Lead", LEAD, NOON + timedelta(minutes=minutes), fields, is_deleted)


def row(object: str, id: str, fields: Mapping[str, Scalar]) -> OrgRecord:
    """Return any row of the org."""
    return OrgRecord(object, id, NOON, fields)


def intent(
    number: int = 1, *, field: str = "Status", values: Mapping[str, Scalar] | None = None, after: Scalar = "MQL"
) -> Intent:
    """Return an intent for the lead or contact with a number."""
    return Intent(
        key=f"key-{number}-{field}",
        object="Lead" if values is None else "CampaignMember",
        record_id=f"00QSX{number:010}AAA",
        field=field,
        before="Working",
        after=after,
        part="fence",
        rule=Rule("status fence", "fences.toml", 40),
        reason="no gate",
        policy_hash="hash",
        cause="017SX0000000001AAA",
        values=values,
    )
