"""What does a script find in the org before it begins, and whom and what does it pick?

Everything is picked from the org's own rows, in id order, by a generator seeded with script, seed and day: the same org gives
the same picks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from syncd.sandbox.seeds import ADMIN_USERNAME, API_USERNAME

Row = dict[str, Any]
Body = dict[str, Any]
OBJECTS: Final = (
    "User",
    "UserRole",
    "Profile",
    "Group",
    "Lead",
    "LeadStatus",
    "Contact",
    "Opportunity",
    "OpportunityStage",
)
SALES, SDR = ("account executive", "sales user"), ("sdr", "sales development")
MARKETING, ADMIN = ("marketing",), ("system administrator",)
CONNECTORS = ("marketo", "pardot", "hubspot", "connector", "integration", "sync")
DONE_BY_HAND = frozenset({ADMIN_USERNAME, API_USERNAME})


class OrgLacks(RuntimeError):
    """The org has not what a script needs. The message says what, and how it gets there."""


@dataclass(frozen=True, slots=True)
class Step:
    """What happens at one time: switches of the admin, then saves as bodies of /_sandbox/edit."""

    at: datetime
    title: str
    edits: tuple[Body, ...] = ()
    settings: Mapping[str, Any] | None = None


class Present:
    """An org's rows as a script finds them. Times are given in minutes after `now`, the org's clock."""

    def __init__(self, rows: Mapping[str, list[Row]], settings: Mapping[str, Any], now: datetime, rng: Random, day: int) -> None:
        self.rows, self.settings, self.now, self.rng, self.day = rows, settings, now, rng, day
        self._roles = {row["Id"]: row["Name"] for row in rows["UserRole"]}
        self._profiles = {row["Id"]: row["Name"] for row in rows["Profile"]}
        self.users = {row["Id"]: row for row in rows["User"] if row["IsActive"]}
        self.statuses = _sorted(rows["LeadStatus"])
        self.stages = _sorted(rows["OpportunityStage"])

    def at(self, minutes: int) -> datetime:
        """Return the moment so many minutes after the script began."""
        return self.now + timedelta(minutes=minutes)

    def people(self, words: tuple[str, ...]) -> list[Row]:
        """List the active users whose role, else profile, else username has one of the words in it."""
        there = [row for row in self.users.values() if row["Username"] not in DONE_BY_HAND]
        by_role = [row for row in there if _names(self._roles.get(row["UserRoleId"]), words)]
        by_profile = [row for row in there if _names(self._profiles.get(row["ProfileId"]), words)]
        return by_role or by_profile or [row for row in there if _names(row["Username"], words)]

    def person(self, words: tuple[str, ...], who: str) -> Row:
        """Pick one of those users.

        Errors: OrgLacks when there is none.
        """
        found = self.people(words)
        if not found:
            wanted = ", ".join(repr(word) for word in words)
            message = f"the org has no active user for {who}: none with {wanted} in role, profile or username"
            raise OrgLacks(f"{message}. Add one to User.csv of the load folder, or serve the org with --company or --users 20.")
        return self.rng.choice(found)

    def machine(self) -> Row:
        """Pick the user that a native connector signs in as.

        Errors: OrgLacks when there is none.
        """
        for word in CONNECTORS:
            for row in self.users.values():
                if word in row["Username"].lower() and row["Username"] not in DONE_BY_HAND:
                    return row
        message = f"the org has no active user for the connector: none with {' or '.join(CONNECTORS)} in the username"
        raise OrgLacks(f"{message}. Add one to User.csv of the load folder, or serve the org with --company.")

    def admin(self) -> str:
        """Name an administrator; every org has one."""
        found = self.people(ADMIN)
        return str(found[0]["Username"]) if found else ADMIN_USERNAME

    def leads(self, count: int, where: Callable[[Row], bool] = lambda lead: True, *, what: str = "lead") -> list[Row]:
        """Pick up to `count` open leads, in id order.

        Errors: OrgLacks when there is none.
        """
        fit = [row for row in self.rows["Lead"] if not row["IsDeleted"] and not row["IsConverted"] and where(row)]
        return self.some(fit, count, what)

    def some(self, fit: list[Row], count: int, what: str) -> list[Row]:
        """Pick up to `count` of these rows, in id order.

        Errors: OrgLacks when there is none.
        """
        if not fit:
            message = f"the org has no {what}, and the script needs one"
            raise OrgLacks(f"{message}. Load records with --load, serve the org with --company, or play another script.")
        return sorted(self.rng.sample(fit, min(count, len(fit))), key=lambda row: str(row["Id"]))

    def is_open(self, deal: Row) -> bool:
        """Say whether an opportunity is neither deleted nor closed."""
        return not deal["IsDeleted"] and not deal["IsClosed"]

    def next_status(self, lead: Row) -> str | None:
        """Name the status after a lead's own, or None at the end of the list."""
        names = [str(row["ApiName"]) for row in self.statuses if not row["IsConverted"]]
        place = names.index(lead["Status"]) + 1 if lead["Status"] in names else len(names)
        return names[place] if place < len(names) else None

    def first_status(self) -> str:
        """Name the status that leads begin with."""
        return next((str(row["ApiName"]) for row in self.statuses if row["IsDefault"]), str(self.statuses[0]["ApiName"]))


def save(user: str, edits: Iterable[Body]) -> Body:
    """Make the body of one person's saves."""
    return {"user": user, "edits": list(edits)}


def update(object_name: str, row: Row, **fields: Any) -> Body:
    """Make the edit that changes fields of a record."""
    return {"op": "update", "object": object_name, "id": row["Id"], "fields": fields}


def create(object_name: str, **fields: Any) -> Body:
    """Make the edit that creates a record."""
    return {"op": "create", "object": object_name, "fields": fields}


def _names(text: str | None, words: tuple[str, ...]) -> bool:
    return any(word in (text or "").lower() for word in words)


def _sorted(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row["SortOrder"] or 0, str(row["Id"])))
