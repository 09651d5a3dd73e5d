"""Olist's marketing funnel: 8,000 leads, 842 of them won, as an org with SDRs and sales representatives.

Each id is one user for each column it stands in: 13 ids are both SDR and representative, so they are two users each. The SDR
owns a lead from its first contact (a day: midnight UTC). When the deal is won the SDR hands the lead to the representative,
who converts it a minute later. A lead that was never won belongs to the SDR that its own id points at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from syncd.sandbox.ids import IdMint
from tests.realdata.tables import read_rows, write_rows

START = "2017-06-01T00:00:00Z"
NOW = "2018-12-01T00:00:00Z"
OPEN, CONVERTED = "Contacted", "Won"
ODD = "b91cf8812365f50ff4bda4bcd6206b05"
PAUSE = timedelta(minutes=1)
_LEAD_COLUMNS = (
    "Id", "LastName", "Company", "Email", "Status", "LeadSource", "OwnerId", "CreatedDate", "LastModifiedDate", "IsConverted",
    "ConvertedDate", "ConvertedAccountId", "ConvertedContactId", "Mql_Id__c:external", "Landing_Page__c",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Win:
    """A won deal: when, from which SDR to which representative, as user ids."""

    at: datetime
    sdr_id: str
    representative_id: str


@dataclass(frozen=True, slots=True)
class Person:
    """One lead of the funnel. `owner_id` is the SDR who had it first."""

    key: str
    contacted_at: datetime
    source: str
    landing_page: str
    owner_id: str
    win: Win | None


@dataclass(frozen=True, slots=True)
class Funnel:
    """Everybody, and the users by (id, column)."""

    people: tuple[Person, ...]
    users: dict[tuple[str, str], str]


def read_funnel(data: Path) -> Funnel:
    """Read both files; user ids are the same in every run."""
    won = {row["mql_id"]: row for row in read_rows(data / "closed_deals.csv")}
    mint = IdMint(842)
    keys = sorted({(row[column], column) for row in won.values() for column in ("sdr_id", "sr_id")})
    users = {key: mint.mint("005") for key in keys}
    sdrs = [user for (_, column), user in users.items() if column == "sdr_id"]
    people = []
    for row in read_rows(data / "mql.csv"):
        deal = won.get(row["mql_id"])
        win = None
        if deal is not None:
            won_at = datetime.fromisoformat(deal["won_date"]).replace(tzinfo=UTC)
            win = Win(won_at, users[deal["sdr_id"], "sdr_id"], users[deal["sr_id"], "sr_id"])
        owner = win.sdr_id if win else sdrs[int(row["mql_id"][:8], 16) % len(sdrs)]
        contacted_at = datetime.fromisoformat(row["first_contact_date"]).replace(tzinfo=UTC)
        people.append(Person(row["mql_id"], contacted_at, row["origin"], row["landing_page_id"], owner, win))
    return Funnel(tuple(people), users)


def write_users(funnel: Funnel, folder: Path) -> None:
    """Write users, their roles, and what a lead's status may be."""
    roles = {"sdr_id": "SDR", "sr_id": "Representative"}
    write_rows(folder, "UserRole", ("Name", "DeveloperName"), [{"Name": name, "DeveloperName": name} for name in roles.values()])
    write_rows(
        folder,
        "User",
        ("Id", "Username", "LastName", "Email", "Profile.Name", "UserRole.Name"),
        (
            {
                "Id": user,
                "Username": username(key, column),
                "LastName": f"{roles[column]} {key[:8]}",
                "Email": username(key, column),
                "Profile.Name": "Sales User",
                "UserRole.Name": roles[column],
            }
            for (key, column), user in funnel.users.items()
        ),
    )
    statuses = [(OPEN, "true", "false"), (CONVERTED, "false", "true")]
    write_rows(
        folder,
        "LeadStatus",
        ("MasterLabel", "ApiName", "SortOrder", "IsDefault", "IsConverted"),
        (
            {"MasterLabel": name, "ApiName": name, "SortOrder": order, "IsDefault": first, "IsConverted": converted}
            for order, (name, first, converted) in enumerate(statuses, 1)
        ),
    )


def username(key: str, column: str) -> str:
    """Return the username of an id in one of its columns."""
    return f"{key}@{column.replace('_id', '')}.olist.example"


def lead_fields(person: Person) -> dict[str, str]:
    """Return what a lead is created with, by API name."""
    return {
        "LastName": f"Seller {person.key[:8]}",
        "Company": f"Shop {person.key[:8]}",
        "Email": f"{person.key}@seller.example",
        "Status": OPEN,
        "LeadSource": person.source,
        "OwnerId": person.owner_id,
        "Mql_Id__c": person.key,
        "Landing_Page__c": person.landing_page,
    }


def write_empty_leads(folder: Path) -> None:
    """Write a lead file with a header alone, for its custom fields."""
    write_rows(folder, "Lead", _LEAD_COLUMNS)


def write_org(funnel: Funnel, folder: Path) -> None:
    """Write the org as it stands in the end, with its history: every won lead handed over and converted."""
    write_users(funnel, folder)
    mint = IdMint(843)
    rows = [_Rows(person, mint) for person in funnel.people]
    won = [row for row in rows if row.person.win]
    write_rows(folder, "Account", ("Id", "Name", "OwnerId"), (row.account() for row in won))
    write_rows(folder, "Contact", ("Id", "LastName", "Email", "AccountId", "OwnerId"), (row.contact() for row in won))
    write_rows(folder, "Lead", _LEAD_COLUMNS, (row.lead() for row in rows))
    write_rows(
        folder,
        "LeadHistory",
        ("LeadId", "Field", "DataType", "OldValue", "NewValue", "CreatedById", "CreatedDate"),
        (line for row in won for line in row.history()),
    )


class _Rows:
    """All rows that one person leaves in the org."""

    def __init__(self, person: Person, mint: IdMint) -> None:
        self.person = person
        self.lead_id = mint.mint("00Q")
        self.account_id = mint.mint("001") if person.win else ""
        self.contact_id = mint.mint("003") if person.win else ""

    @property
    def win(self) -> Win:
        assert self.person.win is not None
        return self.person.win

    def lead(self) -> dict[str, str]:
        fields = lead_fields(self.person)
        key = fields.pop("Mql_Id__c")
        row = {**fields, "Id": self.lead_id, "Mql_Id__c:external": key, "CreatedDate": moment(self.person.contacted_at)}
        if self.person.win is None:
            return row
        converted_at = self.win.at + PAUSE
        return row | {
            "Status": CONVERTED,
            "OwnerId": self.win.representative_id,
            "LastModifiedDate": moment(max(converted_at, self.person.contacted_at)),
            "IsConverted": "true",
            "ConvertedDate": f"{converted_at:%Y-%m-%d}",
            "ConvertedAccountId": self.account_id,
            "ConvertedContactId": self.contact_id,
        }

    def account(self) -> dict[str, str]:
        return {"Id": self.account_id, "Name": f"Shop {self.person.key[:8]}", "OwnerId": self.win.representative_id}

    def contact(self) -> dict[str, str]:
        fields = lead_fields(self.person)
        return {
            "Id": self.contact_id,
            "LastName": fields["LastName"],
            "Email": fields["Email"],
            "AccountId": self.account_id,
            "OwnerId": self.win.representative_id,
        }

    def history(self) -> Iterator[dict[str, str]]:
        """Give the rows as Salesforce writes them: an owner move as ids and as names, a conversion as an event and a status."""
        sdr, representative = self.win.sdr_id, self.win.representative_id
        moved = {"LeadId": self.lead_id, "Field": "Owner", "CreatedById": sdr, "CreatedDate": moment(self.win.at)}
        yield {**moved, "DataType": "EntityId", "OldValue": sdr, "NewValue": representative}
        yield {**moved, "DataType": "Text", "OldValue": f"User {sdr}", "NewValue": f"User {representative}"}
        at = moment(self.win.at + PAUSE)
        converted = {"LeadId": self.lead_id, "CreatedById": representative, "CreatedDate": at}
        yield {**converted, "Field": "leadConverted", "DataType": "Text"}
        yield {**converted, "Field": "Status", "DataType": "DynamicEnum", "OldValue": OPEN, "NewValue": CONVERTED}


def moment(at: datetime) -> str:
    """Write a time as load folders and the control endpoint read it."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
