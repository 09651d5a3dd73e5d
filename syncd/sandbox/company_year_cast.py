"""Which twelve logins work in a company's year, one at least of every kind, and how does the company look when it begins?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from syncd.sandbox.company_fence import LEAD_STATUSES
from syncd.sandbox.company_tables import record_id, stamp, table, words

SHARED, NOBODY, FLOW, ASSIGNED, BY_OWNER = "shared", "nobody", "flows", "assignment rule", "owner"
TOOLS: Final = ("marketo", "routing", "enrichment", "webinars")  # who work through the shared login
PEOPLE: Final = frozenset({"marketing", "sdr", "sales"})
# team that changes are judged as (BY_OWNER: the record owner's), username, first name, last name, role, profile
_LOGINS: Final = (
    ("marketing", "dana.keller", "Dana", "Keller", "Marketing Ops", "Marketing User"),
    ("sdr", "ben.foster", "Ben", "Foster", "SDR", "Standard User"),
    ("sdr", "elif.kaya", "Elif", "Kaya", "SDR", "Standard User"),
    ("sales", "emma.davies", "Emma", "Davies", "Account Executive", "Standard User"),
    ("admin", "ruth.sanders", "Ruth", "Sanders", "", "System Administrator"),
    ("partners", "paul.partner", "Paul", "Partner", "", "Partner Community User"),
    ("marketo", "marketo.sync", "Marketo", "Sync", "", "Integration User"),
    ("routing", "routing", "Lead", "Routing", "", "Integration User"),
    (BY_OWNER, "outreach.sync", "Outreach", "Sync", "", "Integration User"),
    (FLOW, "automated.process", "Automated", "Process", "", "Integration User"),
    (SHARED, "integration", "Four", "Tools", "", "Integration User"),
    (NOBODY, "nora.nobody", "Nora", "Nobody", "", "Standard User"),
)
_QUEUES: Final = (("Inquiries", "marketing"), ("MQL_Queue", "sdr"), ("Hot", "sales"))
_USER_COLUMNS: Final = words("Id Username FirstName LastName Email Alias IsActive ProfileId UserRoleId CreatedDate")


@dataclass(frozen=True, slots=True)
class Login:
    """One of the twelve."""

    id: str
    username: str
    name: str
    team: str


def username(login: str) -> str:
    """Return the username of one of the twelve."""
    return f"{login}@sandbox.example"


class YearCast:
    """The logins by team, and who may own a lead for whom."""

    def __init__(self) -> None:
        self.logins = tuple(
            Login(record_id("User", number), username(login), f"{first} {last}", team)
            for number, (team, login, first, last, *_) in enumerate(_LOGINS, 1)
        )
        self.names = {login.id: login.name for login in self.logins}
        self.owners: dict[str, list[str]] = {team: [one.id for one in self.logins if one.team == team] for team in sorted(PEOPLE)}
        for number, (name, team) in enumerate(_QUEUES, 1):
            self.owners[team].append(record_id("Group", number))
            self.names[record_id("Group", number)] = name
        self.team_of = {owner: team for team, owners in self.owners.items() for owner in owners}

    def one_of(self, team: str) -> Login:
        """Return the first login of a team."""
        return next(login for login in self.logins if login.team == team)

    def named(self, name: str) -> Login:
        """Return the login of a username."""
        return next(login for login in self.logins if login.username == name)


def write_cast(folder: Path, cast: YearCast, start: datetime) -> None:
    """Write profiles, roles, users, queues and lead statuses into a load folder."""
    profiles, roles = _numbered(each[5] for each in _LOGINS), _numbered(each[4] for each in _LOGINS if each[4])
    with table(folder, "Profile", ("Id", "Name", "UserType")) as row:
        for name, number in profiles.items():
            row((record_id("Profile", number), name, "PowerPartner" if name.startswith("Partner") else "Standard"))
    with table(folder, "UserRole", ("Id", "Name", "DeveloperName")) as row:
        for name, number in roles.items():
            row((record_id("UserRole", number), name, name.replace(" ", "_")))
    with table(folder, "User", _USER_COLUMNS) as row:
        for login, (_, alias, first, last, role, profile) in zip(cast.logins, _LOGINS, strict=True):
            role_id = record_id("UserRole", roles[role]) if role else ""
            named = (login.id, login.username, first, last, login.username, alias[:8], "true")
            row((*named, record_id("Profile", profiles[profile]), role_id, created_at(start)))
    _write_queues(folder)
    with table(folder, "LeadStatus", ("MasterLabel", "ApiName", "SortOrder", "IsDefault", "IsConverted")) as row:
        for order, status in enumerate(LEAD_STATUSES, 1):
            row((status, status, order, str(order == 1).lower(), str(order == len(LEAD_STATUSES)).lower()))


def created_at(start: datetime) -> str:
    """Return when everything came to be that is there as the year begins."""
    return stamp(start - timedelta(days=30))


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names), 1)}


def _write_queues(folder: Path) -> None:
    with table(folder, "Group", ("Id", "Name", "DeveloperName", "Type")) as row:
        for number, (name, _) in enumerate(_QUEUES, 1):
            row((record_id("Group", number), name, name, "Queue"))
    with table(folder, "QueueSobject", ("QueueId", "SobjectType")) as row:
        for number in range(1, len(_QUEUES) + 1):
            row((record_id("Group", number), "Lead"))
