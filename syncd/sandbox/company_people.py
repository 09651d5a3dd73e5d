"""Who works at the demo company, and which machines work beside them?

30 people: 5 in marketing, 10 SDRs, 14 in sales, 1 admin. Then four logins that are no people, and four queues.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from syncd.sandbox.company_tables import record_id, stamp, table
from syncd.sandbox.company_words import address_part

ADMIN_PROFILE: Final = "System Administrator"
_PROFILES: Final = (ADMIN_PROFILE, "Marketing User", "Standard User", "Integration User")
# role, the role above it
_ROLES: Final = (
    ("CEO", ""),
    ("Marketing Manager", "CEO"),
    ("Marketing Ops", "Marketing Manager"),
    ("VP Sales", "CEO"),
    ("SDR", "VP Sales"),
    ("Account Executive", "VP Sales"),
)
# team, role, profile, department, who
_STAFF: Final = (
    ("marketing", "Marketing Manager", "Marketing User", "Marketing", "Dana Keller, Mira Novák, Samir Haddad"),
    ("marketing", "Marketing Ops", "Marketing User", "Marketing", "Nele Brandt, Oscar Lindqvist"),
    (
        "sdr",
        "SDR",
        "Standard User",
        "Sales Development",
        "Abena Boateng, Ben Foster, Clara Weber, Diego Flores, Elif Kaya, Grace Murphy, Hugo Lambert, Linh Tran, "
        "Priya Shah, Theo Walsh",
    ),
    ("sales", "VP Sales", "Standard User", "Sales", "Tom Graham, Ingrid Dahl"),
    (
        "sales",
        "Account Executive",
        "Standard User",
        "Sales",
        "Ana Pereira, Carlos Ortiz, Emma Davies, Farah Khan, Jack Quinn, Jana Richter, Kofi Kamara, Laura Rossi, "
        "Marco Bianchi, Nina Olsen, Ravi Kumar, Victor Moreau",
    ),
    ("admin", "", ADMIN_PROFILE, "Business Systems", "Ruth Sanders"),
)
MARKETO: Final = "marketo.sync@sandbox.example"
ROUTING: Final = "routing@sandbox.example"
OUTREACH: Final = "outreach.sync@sandbox.example"
AUTOMATION: Final = "automated.process@sandbox.example"
# username, first name, last name, team that its changes are judged as ("" = the record owner's)
_MACHINES: Final = (
    (MARKETO, "Marketo", "Sync", "marketo"),
    (ROUTING, "Lead", "Routing", "routing"),
    (OUTREACH, "Outreach", "Sync", ""),
    (AUTOMATION, "Automated", "Process", "automation"),
)
# developer name, label, team
_QUEUES: Final = (
    ("Inquiries", "Inquiries", "marketing"),
    ("Nurture", "Nurture", "marketing"),
    ("MQL_AMER", "MQL AMER", "sdr"),
    ("MQL_EMEA", "MQL EMEA", "sdr"),
)


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody, or something, who signs in. `team` is whom its changes are judged as."""

    id: str
    username: str
    first: str
    last: str
    team: str
    role: str = ""
    profile: str = "Integration User"
    department: str = ""

    @property
    def name(self) -> str:
        """The full name, as history rows show it."""
        return f"{self.first} {self.last}"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue that owns leads."""

    id: str
    developer_name: str
    label: str
    team: str


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody who can own or change a record."""

    people: tuple[Login, ...]
    machines: tuple[Login, ...]
    queues: tuple[Queue, ...]

    def of(self, team: str, role: str = "") -> tuple[Login, ...]:
        """List the people of a team, or of one of its roles."""
        return tuple(login for login in self.people if login.team == team and role in ("", login.role))

    def login(self, username: str) -> Login:
        """Find somebody by username."""
        return next(login for login in (*self.people, *self.machines) if login.username == username)

    def queue(self, developer_name: str) -> Queue:
        """Find a queue by its developer name."""
        return next(queue for queue in self.queues if queue.developer_name == developer_name)

    def owner_team(self) -> dict[str, str]:
        """Map every id that may own a lead to its team."""
        teams = {login.id: login.team for login in (*self.people, *self.machines)}
        return teams | {queue.id: queue.team for queue in self.queues}


def demo_cast() -> Cast:
    """Name everybody at the demo company; the same whatever the seed."""
    people: list[Login] = []
    for team, role, profile, department, names in _STAFF:
        for name in names.split(", "):
            first, last = name.split(" ")
            username = f"{address_part(first)}.{address_part(last)}@sandbox.example"
            number = len(people) + 1
            people.append(Login(record_id("User", number), username, first, last, team, role, profile, department))
    machines = tuple(
        Login(record_id("User", 100 + n), username, first, last, team)
        for n, (username, first, last, team) in enumerate(_MACHINES, 1)
    )
    queues = tuple(Queue(record_id("Group", n), *names) for n, names in enumerate(_QUEUES, 1))
    return Cast(tuple(people), machines, queues)


def write_people(folder: Path, cast: Cast, now: datetime) -> None:
    """Write profiles, roles, users, queues and who is in them."""
    created = stamp(now - timedelta(days=900))
    profiles = {name: record_id("Profile", n) for n, name in enumerate(_PROFILES, 1)}
    roles = {name: record_id("UserRole", n) for n, (name, _) in enumerate(_ROLES, 1)}
    with table(folder, "Profile", ("Id", "Name", "CreatedDate")) as row:
        for name, profile_id in profiles.items():
            row((profile_id, name, created))
    with table(folder, "UserRole", ("Id", "Name", "DeveloperName", "ParentRoleId")) as row:
        for name, parent in _ROLES:
            row((roles[name], name, name.replace(" ", "_"), roles.get(parent, "")))
    columns = "Id Username FirstName LastName Email Alias IsActive ProfileId UserRoleId UserType Department Title"
    with table(folder, "User", (*columns.split(), "TimeZoneSidKey", "CreatedDate")) as row:
        for who in (*cast.people, *cast.machines):
            alias = address_part(who.first[0] + who.last)[:8]
            facts = (alias, "true", profiles[who.profile], roles.get(who.role, ""), "Standard", who.department, who.role)
            row((who.id, who.username, who.first, who.last, who.username, *facts, "UTC", created))
    _write_queues(folder, cast, created)


def _write_queues(folder: Path, cast: Cast, created: str) -> None:
    with table(folder, "Group", ("Id", "Name", "DeveloperName", "Type", "CreatedDate")) as row:
        for queue in cast.queues:
            row((queue.id, queue.label, queue.developer_name, "Queue", created))
    with table(folder, "QueueSobject", ("QueueId", "SobjectType")) as row:
        for queue in cast.queues:
            row((queue.id, "Lead"))
    with table(folder, "GroupMember", ("GroupId", "UserOrGroupId")) as row:
        for queue in cast.queues:
            for login in cast.of(queue.team):
                row((queue.id, login.id))
