"""What does an org do by itself? Records, stamps, history, the bin, transactions that commit late, and people who edit.

As in Salesforce, stamps have whole seconds, a save that changes nothing moves them, an owner's change leaves two history rows,
and a long transaction stamps its rows when it saves them and shows them when it commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.core.values import Scalar
from syncd.ports.writing import Overwrite, WriteResult
from syncd.testing.shapes import CHILDREN, HISTORY_OF, MERGING, TRACKED, Shape, shapes

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
BIN_DAYS = timedelta(days=15)
Row = dict[str, Any]
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


class Refusal(Exception):
    """The org does not save this: Salesforce's code and words, and the HTTP status."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(f"{code} {text}")
        self.code, self.text, self.status = code, text, status


@dataclass(frozen=True, slots=True)
class Running:
    """An edit whose transaction has not committed yet."""

    edit: Mapping[str, Any]
    user_id: str
    at: datetime
    due_at: datetime


@dataclass(slots=True)
class Load:
    """One Bulk load of updates: its rows, and what became of those that were written so far."""

    id: str
    object: str
    created_at: datetime
    state: str = "Open"
    rows: list[Overwrite] = field(default_factory=list)
    results: list[WriteResult] = field(default_factory=list)
    polls: int = 0

    def copy(self) -> Load:
        """Copy the load as it stands."""
        return replace(self, rows=list(self.rows), results=list(self.results))


@dataclass(slots=True)
class BulkQuery:
    """One Bulk query job; its rows are read when they are asked for first."""

    id: str
    object: str
    created_at: datetime
    state: str = "running"
    polls: int = 0
    rows: list[Any] | None = None


@dataclass(slots=True)
class ModelTime:
    """The org's clock. It stands still until it is moved."""

    at: datetime = START

    def now(self) -> datetime:
        """Return the org's time."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Let time pass; a negative number steps back, as a correction does."""
        self.at += timedelta(seconds=seconds)


@dataclass(slots=True)
class OrgModel:
    """One org. `tables` holds rows by object and id; times in rows are datetimes, everything else JSON scalars.

    `refuses` is the org's validation rule: it gets object, row before and changes, and may return a Refusal.
    """

    custom: Mapping[str, str] = field(default_factory=dict)
    clock: ModelTime = field(default_factory=ModelTime)
    tables: dict[str, dict[str, Row]] = field(default_factory=dict)
    bin_log: list[tuple[str, str, datetime]] = field(default_factory=list)
    deeds: list[dict[str, Any]] = field(default_factory=list)
    running: list[Running] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    locks: dict[str, int] = field(default_factory=dict)
    loads: dict[str, Load] = field(default_factory=dict)
    queries: dict[str, BulkQuery] = field(default_factory=dict)
    used: int = 0
    refuses: Callable[[str, Mapping[str, Any], Mapping[str, Any]], Refusal | None] = lambda object, row, changes: None
    counter: int = 0
    owner: str = ""
    admin: str = ""
    shapes: dict[str, Shape] = field(init=False)

    def __post_init__(self) -> None:
        self.shapes = shapes(self.custom)
        for name in self.shapes:
            self.tables.setdefault(name, {})
        profile = self.load("Profile", Name="Minimum Access - API Only Integrations")
        self.owner = self.load("User", Name="syncd", Username="syncd@sandbox.example", IsActive=True, ProfileId=profile)
        self.admin = self.load("User", Name="Admin", Username="admin@sandbox.example", IsActive=True, ProfileId=profile)

    # --- loading and looking ---------------------------------------------------------------------------------------

    def load(self, object: str, **fields: Any) -> str:
        """Put a row in as it is, with no history and no deed; Id and stamps are made where they are missing."""
        now = self.second()
        row: Row = dict.fromkeys(self.shapes[object].fields)
        row |= {name: False for name, one in self.shapes[object].fields.items() if one.type == "boolean"}
        row |= {name: now - timedelta(days=30) for name, one in self.shapes[object].fields.items() if name in _STAMPS}
        row |= {name: _moment(value) if name in _STAMPS or name in _MOMENTS else value for name, value in fields.items()}
        row["Id"] = eighteen(fields["Id"]) if fields.get("Id") else self.mint(self.shapes[object].prefix)
        if row.get("LastName"):
            row["Name"] = row.get("Name") or " ".join(part for part in (row.get("FirstName"), row["LastName"]) if part)
        if object == "Opportunity":
            row["IsClosed"] = str(row["StageName"]).startswith("Closed")
        self.tables[object][row["Id"]] = row
        return str(row["Id"])

    def second(self) -> datetime:
        """Return the org's time as rows are stamped: whole seconds."""
        return self.clock.at.replace(microsecond=0)

    def mint(self, prefix: str) -> str:
        """Return an unused id; ids grow."""
        self.counter += 1
        return eighteen(f"{prefix}5e{self.counter:010d}")

    def user_id(self, name: str) -> str:
        """Return the id of a user or queue, by username, developer name or id."""
        for object, key in (("User", "Username"), ("Group", "DeveloperName")):
            for row in self.tables[object].values():
                if name in (row["Id"], row[key]):
                    return str(row["Id"])
        raise KeyError(name)

    def live(self, object: str) -> list[Row]:
        """Return the rows that are not in the bin."""
        return [row for row in self.tables[object].values() if not row["IsDeleted"]]

    def row(self, id: str) -> Row:
        """Return a row by its id, whatever its object."""
        return next(table[id] for table in self.tables.values() if id in table)

    # --- what people do --------------------------------------------------------------------------------------------

    def edit(self, edits: Sequence[Mapping[str, Any]], *, user: str = "admin@sandbox.example") -> list[dict[str, Any]]:
        """Carry out people's edits: {"op", "object", "id", "fields", "visible_after_s"}, as the emulated org takes them."""
        self.settle()
        return [self._edit(one, self.user_id(user)) for one in edits]

    def _edit(self, edit: Mapping[str, Any], user_id: str) -> dict[str, Any]:
        try:
            if edit.get("visible_after_s"):
                self.check_lock(str(edit.get("id")))
                due_at = self.clock.at + timedelta(seconds=edit["visible_after_s"])
                self.running.append(Running(edit, user_id, self.second(), due_at))
                return {"success": True, "id": edit.get("id"), "errors": []}
            return {"success": True, "errors": [], "id": self.apply(edit, user_id, self.second())}
        except Refusal as refusal:
            return {"success": False, "id": edit.get("id"), "errors": [{"statusCode": refusal.code, "message": refusal.text}]}

    def settle(self) -> None:
        """Commit the transactions that are due, and let the bin forget."""
        due = sorted((one for one in self.running if one.due_at <= self.clock.at), key=lambda one: one.due_at)
        self.running = [one for one in self.running if one.due_at > self.clock.at]
        for one in due:
            try:
                self.apply(one.edit, one.user_id, one.at)
            except Refusal:
                continue  # it has become impossible meanwhile: rolled back, and nobody ever saw it

    def began_at(self) -> datetime | None:
        """Return when the oldest transaction that still runs stamped its rows."""
        return min((one.at for one in self.running), default=None)

    def apply(self, edit: Mapping[str, Any], user_id: str, at: datetime, via: str = "edit") -> str:
        """Carry out one edit and return the id. Errors: Refusal; nothing is saved then."""
        object, op, fields = str(edit["object"]), edit["op"], dict(edit.get("fields") or {})
        if op == "create":
            return self.create(object, fields, user_id, at, via)
        id = str(edit["id"])
        for one in (id, str(fields.get("loser"))):
            self.check_lock(one)
        row = self.need(object, id, is_deleted=op in ("undelete", "purge") or None)
        if op == "update":
            self.save(object, row, fields, user_id, at, via)
        elif op == "delete":
            self._bin(object, row, user_id, at, via)
        elif op == "undelete":
            self._write(object, row, {"IsDeleted": False}, user_id, at, via)
            self.bin_log = [one for one in self.bin_log if one[1] != id]
        elif op == "purge":
            del self.tables[object][id]
        elif op == "merge":
            self._merge(object, row, self.need(object, str(fields["loser"])), user_id, at)
        elif op == "touch":
            row["SystemModstamp"] = at
        elif op == "convert":
            self._convert(row, str(fields.get("Status") or fields.get("convertedStatus") or ""), user_id, at)
        else:
            raise ValueError(f"no edit {op!r}")
        return id

    def check_lock(self, id: str) -> None:
        """Refuse a save while a transaction that has not committed holds the row. Errors: Refusal."""
        if any(one.edit.get("id") == id for one in self.running):
            raise Refusal("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")

    def need(self, object: str, id: str, *, is_deleted: bool | None = None) -> Row:
        """Return a row that is there. Errors: Refusal for one that is gone or in the bin."""
        row = self.tables[object].get(id)
        if row is None:
            raise Refusal("NOT_FOUND", "The requested resource does not exist", 404)
        if row["IsDeleted"] and not is_deleted:
            raise Refusal("ENTITY_IS_DELETED", "entity is deleted", 404)
        return row

    def create(self, object: str, fields: Mapping[str, Any], user_id: str, at: datetime, via: str = "edit") -> str:
        """Create a row. Errors: Refusal."""
        self._check(object, None, fields)
        id = self.load(object, **{**fields, **_stamped(at, user_id)})
        row = self.tables[object][id]
        if "OwnerId" in self.shapes[object].fields and row["OwnerId"] is None:
            row["OwnerId"] = user_id
        if object == "Lead" and row["Status"] is None:
            row["Status"] = self.shapes["Lead"].fields["Status"].picklist[0]
        if object in HISTORY_OF and self._tracked(object):
            self._history(object, id, "created", (None, None), user_id, at)
        self._deed(object, id, "Id", (None, id), user_id, via)
        return id

    def save(self, object: str, row: Row, fields: Mapping[str, Any], user_id: str, at: datetime, via: str = "edit") -> None:
        """Change a row as a person or a client does. Errors: Refusal."""
        if row.get("IsConverted"):
            raise Refusal("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        self._check(object, row, fields)
        refusal = self.refuses(object, row, fields)
        if refusal is not None:
            raise refusal
        self._write(object, row, fields, user_id, at, via)

    def _check(self, object: str, row: Row | None, fields: Mapping[str, Any]) -> None:
        known = self.shapes[object].fields
        for name, value in fields.items():
            one = known.get(name)
            if one is None or name in self.settings.get("hidden_fields", {}).get(object, ()):
                raise Refusal("INVALID_FIELD", f"No such column '{name}' on sobject of type {object}")
            if one.type in ("string", "email", "picklist") and len(str(value or "")) > one.length:
                raise Refusal("STRING_TOO_LONG", f"{name}: data value too large: {str(value)[:20]} (max length={one.length})")
            if one.type == "reference" and value is not None and not self._exists(str(value)):
                raise Refusal("INVALID_CROSS_REFERENCE_KEY", f"invalid cross reference id: {value}")
        if object == "CampaignMember" and row is None:
            self._check_member(fields)

    def _exists(self, id: str) -> bool:
        whole = eighteen(id)
        return any(whole in table and not table[whole]["IsDeleted"] for table in self.tables.values())

    def _check_member(self, fields: Mapping[str, Any]) -> None:
        same = ("CampaignId", "LeadId", "ContactId")
        wanted = [fields.get(name) and eighteen(str(fields[name])) for name in same]
        if any([row[name] for name in same] == wanted for row in self.live("CampaignMember")):
            raise Refusal("DUPLICATE_VALUE", "Already a campaign member.")

    def _write(self, object: str, row: Row, fields: Mapping[str, Any], user_id: str, at: datetime, via: str) -> None:
        changes = {name: value for name, value in fields.items() if value != row.get(name)}
        if object == "Opportunity" and "StageName" in changes:
            closed = str(changes["StageName"]).startswith("Closed")
            changes |= {"IsClosed": closed, "LastStageChangeDate": at}
            stage = {"OpportunityId": row["Id"], "StageName": changes["StageName"]}
            self.load("OpportunityHistory", **stage, **_stamped(at, user_id))
        if object == "Task" and "Status" in changes:
            changes |= {"IsClosed": changes["Status"] == "Completed"}
        for name, value in changes.items():
            if name in self._tracked(object):
                self._history(object, row["Id"], name.removesuffix("Id"), (row[name], value), user_id, at)
                if name == "OwnerId":
                    names = (self._name(row[name]), self._name(value))
                    self._history(object, row["Id"], "Owner", names, user_id, at)
            self._deed(object, row["Id"], name, (row.get(name), value), user_id, via)
        row |= changes
        row |= {name: value for name, value in _stamped(at, user_id).items() if name in row and not name.startswith("Created")}

    def _tracked(self, object: str) -> Sequence[str]:
        found: Mapping[str, Sequence[str]] = self.settings.get("history_tracking", TRACKED)
        return found.get(object, ())

    def _name(self, id: str | None) -> str | None:
        return next((table[id]["Name"] for table in (self.tables["User"], self.tables["Group"]) if id in table), None)

    def _history(self, object: str, id: str, name: str, values: tuple[Scalar, Scalar], user_id: str, at: datetime) -> None:
        row = {f"{object}Id": id, "Field": name, "OldValue": values[0], "NewValue": values[1]}
        self.load(HISTORY_OF[object], **row, CreatedDate=at, CreatedById=user_id)

    def _deed(self, object: str, id: str, name: str, values: tuple[Any, Any], user_id: str, via: str) -> None:
        username = self.tables["User"].get(user_id, {}).get("Username")
        told = {"n": len(self.deeds) + 1, "username": username, "via": via, "object": object, "id": id, "field": name}
        self.deeds.append(told | {"before": values[0], "after": values[1]})

    def _bin(self, object: str, row: Row, user_id: str, at: datetime, via: str) -> None:
        for child, pointer in CHILDREN.get(object, ()):
            for one in [each for each in self.tables[child].values() if each[pointer] == row["Id"] and not each["IsDeleted"]]:
                self._bin(child, one, user_id, at, via)
        self._write(object, row, {"IsDeleted": True}, user_id, at, via)
        self.bin_log.append((object, row["Id"], at))

    def _merge(self, object: str, winner: Row, loser: Row, user_id: str, at: datetime) -> None:
        if object not in MERGING or winner is loser:
            raise Refusal("INVALID_TYPE_FOR_OPERATION", f"entity cannot be merged: {object}")
        joined = {one["CampaignId"] for one in self.live("CampaignMember") if winner["Id"] in (one["LeadId"], one["ContactId"])}
        for child, pointer in CHILDREN[object]:
            for one in [each for each in self.live(child) if each[pointer] == loser["Id"]]:
                if not child.endswith("History") and not (child == "CampaignMember" and one["CampaignId"] in joined):
                    one[pointer], one["SystemModstamp"] = winner["Id"], at
        loser["MasterRecordId"] = winner["Id"]
        self._bin(object, loser, user_id, at, "merge")
        self._write(object, winner, {}, user_id, at, "merge")

    def _convert(self, lead: Row, status: str, user_id: str, at: datetime) -> None:
        if lead["IsConverted"]:
            raise Refusal("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        stamps = _stamped(at, user_id)
        account = self.load("Account", Name=lead["Company"], OwnerId=user_id, **stamps)
        kept = {name: lead[name] for name in ("FirstName", "LastName", "Email", "HasOptedOutOfEmail")}
        contact = self.load("Contact", AccountId=account, OwnerId=user_id, **kept, **stamps)
        self._history("Lead", lead["Id"], "leadConverted", (None, None), user_id, at)
        changes = {"IsConverted": True, "ConvertedContactId": contact, "ConvertedAccountId": account}
        self._write("Lead", lead, {**changes, "Status": status or lead["Status"]}, user_id, at, "conversion")
        for one in self.live("CampaignMember"):
            if one["LeadId"] == lead["Id"]:
                one["ContactId"], one["SystemModstamp"] = contact, at

    # --- copies ----------------------------------------------------------------------------------------------------

    def change_settings(self, wanted: Mapping[str, Any]) -> None:
        """Change the admin's switches: hidden_fields, read_only_fields, page_size_max, daily_api_requests …"""
        self.settings |= wanted

    def snapshot(self) -> OrgModel:
        """Copy the org."""
        copy = OrgModel.__new__(OrgModel)
        for name in ("custom", "shapes", "refuses", "counter", "owner", "admin", "used"):
            setattr(copy, name, getattr(self, name))
        copy.clock = ModelTime(self.clock.at)
        copy.tables = {name: {id: dict(row) for id, row in table.items()} for name, table in self.tables.items()}
        copy.bin_log, copy.running, copy.deeds = list(self.bin_log), list(self.running), list(self.deeds)
        copy.settings, copy.locks = dict(self.settings), dict(self.locks)
        copy.loads = {id: load.copy() for id, load in self.loads.items()}
        copy.queries = {id: replace(query) for id, query in self.queries.items()}
        return copy

    def rows_of(self, objects: Sequence[str]) -> Iterator[tuple[str, Row]]:
        """Give (object, row) of the live rows of some objects."""
        for object in objects:
            for row in self.live(object):
                yield object, row


_STAMPS = frozenset({"CreatedDate", "LastModifiedDate", "SystemModstamp"})
_MOMENTS = frozenset({"LastStageChangeDate", "CompletedDateTime"})


def _stamped(at: datetime, user_id: str) -> dict[str, Any]:
    whose = {"CreatedById": user_id, "LastModifiedById": user_id}
    return {**dict.fromkeys(sorted(_STAMPS), at), **whose}


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else value


def eighteen(id: str) -> str:
    """Return an id with its 18 characters: five more bits of capitals for each five characters."""
    if len(id) != 15:
        return id
    thirds = (id[start : start + 5] for start in (0, 5, 10))
    return id + "".join(_LETTERS[sum(1 << place for place, letter in enumerate(part) if letter.isupper())] for part in thirds)
