"""What is the emulated org, as one thing that can be asked, edited, copied and put back?"""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from syncd.sandbox import access, conversion, deeds, deletion, mail, role_groups, save, seeds, setup_trail
from syncd.sandbox.bin import RecycleBin
from syncd.sandbox.bulk.jobs import BulkJobs
from syncd.sandbox.clock import SandboxClock, stamp
from syncd.sandbox.database import Database
from syncd.sandbox.duplicates import ALLOW
from syncd.sandbox.errors import ControlRefused, SalesforceError
from syncd.sandbox.faults import Faults
from syncd.sandbox.formulas import put_formulas
from syncd.sandbox.ids import IdMint, parse_id
from syncd.sandbox.journal import Journal
from syncd.sandbox.locks import Locks
from syncd.sandbox.logins import Logins
from syncd.sandbox.objects_people import MARKETING, PEOPLE
from syncd.sandbox.objects_privacy import PRIVACY
from syncd.sandbox.objects_sales import SALES
from syncd.sandbox.objects_teams import FEED_ITEM, TEAMS
from syncd.sandbox.schema import Field, Schema, SObject, parse_field
from syncd.sandbox.sessions import Sessions
from syncd.sandbox.settings import Settings
from syncd.sandbox.soql.cursors import Cursors
from syncd.sandbox.spending import Flights
from syncd.sandbox.switches import check_switches
from syncd.sandbox.visibility import Transactions

_VERBS = ("update", "delete", "convert", "undelete", "merge", "purge", "touch", "mail")
CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-secret"
SCHEMA_SWITCHES = frozenset(
    {"hidden_fields", "read_only_fields", "picklists", "hidden_objects", "record_type_values", "data_privacy"}
)
"""What describe says changes with these."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole org at one moment; opaque."""

    image: bytes
    rest: dict[str, Any]


class Org:
    """One org. Every method takes the lock itself; times are the org's own clock's."""

    def __init__(self, *, seed: int = 0, now: datetime | None = None, frozen: bool = False) -> None:
        self.seed = seed
        self.lock = threading.RLock()
        self.clock = SandboxClock(now, frozen=frozen)
        self.settings = Settings()
        self.mint = IdMint(seed)
        self.schema = Schema((*PEOPLE, *TEAMS, *PRIVACY, *SALES, *MARKETING, FEED_ITEM))
        self.sessions = Sessions(seed)
        self.logins = Logins(seed)
        self.locks = Locks()
        self.transactions = Transactions()
        self.recycle_bin = RecycleBin()
        self.faults = Faults()
        self.flights = Flights()
        self.state_file: Path | None = None
        self.journal = Journal()
        self.cursors = Cursors()
        self.bulk = BulkJobs()
        self.started_at = self.clock.now()
        self.schema_changed_at = self.started_at
        self.org_id = self.api_user_id = self.admin_id = ""
        self.database = Database(lambda: self.clock.now().date().isoformat())
        self.database.create_tables(self.schema)

    @classmethod
    def with_defaults(cls, *, seed: int = 0, now: datetime | None = None, frozen: bool = False, users: int = 0) -> Org:
        """Make an org with system users and the usual picklists, and no records."""
        org = cls(seed=seed, now=now, frozen=frozen)
        seeds.seed_system(org)
        seeds.seed_picklists(org)
        seeds.seed_users(org, users)
        role_groups.add_all_role_groups(org)
        return org

    def remember_system_ids(self) -> None:
        """Look up the ids that every request needs."""
        self.org_id = self.database.where("Organization")[0]["Id"]
        self.api_user_id = self.database.where("User", Username=seeds.API_USERNAME)[0]["Id"]
        self.admin_id = self.database.where("User", Username=seeds.ADMIN_USERNAME)[0]["Id"]

    def change_settings(self, wanted: Mapping[str, Any]) -> None:
        """Change the admin's switches; what describe says may change with them."""
        with self.lock:
            check_switches(self, wanted)
            formulas = self.settings.formula_fields
            self.settings.change(wanted)
            if "formula_fields" in wanted:
                put_formulas(self, formulas, self.settings.formula_fields)
            if SCHEMA_SWITCHES & wanted.keys():
                self.schema_changed_at = self.clock.now()
            if "access_by_permission_set" in wanted:
                access.assign(self)
            if "workflow_rules" in wanted:
                setup_trail.list_automation(self, self.settings.workflow_rules)
            if "assignment_rule" in wanted:
                active = int(bool((wanted["assignment_rule"] or {}).get("active")))
                for row in self.database.where("AssignmentRule"):
                    self.database.update("AssignmentRule", row["Id"], {"Active": active})

    def now_stamp(self) -> str:
        """Return the org's time as records store it."""
        return stamp(self.clock.now())

    def mint_id(self, key_prefix: str) -> str:
        """Return an unused id."""
        table = self.schema.by_prefix.get(key_prefix)
        while True:
            record_id = self.mint.mint(key_prefix)
            if table is None or not self.database.exists(table, record_id):
                return record_id

    def add_custom_field(self, sobject: SObject, notation: str) -> Field:
        """Add a custom field, given in field notation, to an object."""
        field = parse_field(notation)
        self.database.add_column(sobject.name, field)
        self.schema.replace(sobject.with_fields([field]))
        self.schema_changed_at = self.clock.now()
        return field

    def picklist(self, sobject: SObject, field: Field) -> tuple[str, ...]:
        """List the values of a picklist field, in order."""
        changed = self.settings.picklists.get(sobject.name, {}).get(field.name)
        if changed is not None:
            return tuple(changed)
        if (sobject.name, field.name) == ("Lead", "Status"):
            return tuple(row["ApiName"] for row in self.database.where("LeadStatus", order="SortOrder"))
        if (sobject.name, field.name) in (("Opportunity", "StageName"), ("OpportunityHistory", "StageName")):
            return tuple(row["ApiName"] for row in self.database.where("OpportunityStage", order="SortOrder"))
        return field.picklist

    def default_lead_status(self) -> str | None:
        """Name the status a new lead gets when none is given."""
        rows = self.database.where("LeadStatus", order="SortOrder")
        return next((str(row["ApiName"]) for row in rows if row["IsDefault"]), rows[0]["ApiName"] if rows else None)

    def stage(self, name: str) -> Mapping[str, Any] | None:
        """Return the row of an opportunity stage, or None for a value the org does not list."""
        rows = self.database.where("OpportunityStage", ApiName=name)
        return rows[0] if rows else None

    def rule_owner(self) -> str | None:
        """Return the owner that the active lead assignment rule would set, or None."""
        rule = self.settings.assignment_rule
        return self.resolve_owner(str(rule["owner"])) if rule and rule.get("active") else None

    def resolve_owner(self, text: str) -> str:
        """Find a user by username or id, or a queue by developer name, name or id.

        Errors: ControlRefused naming what was looked for.
        """
        for table, column in (("User", "Username"), ("Group", "DeveloperName"), ("Group", "Name"), ("User", "Name")):
            rows = self.database.where(table, **{column: text})
            rows = [row for row in rows if table == "User" or role_groups.may_own(row)]
            if rows:
                return str(rows[0]["Id"])
        full = parse_id(text)
        if full is not None and (self.database.exists("User", full) or self.database.exists("Group", full)):
            return full
        raise ControlRefused(
            f"There is no user or queue {text!r} in this org; give a username, a queue's developer name, or an id."
        )

    def name_of(self, record_id: str | None) -> str | None:
        """Return the name of the record an id stands for, as history rows show it."""
        table = self.schema.by_prefix.get(record_id[:3]) if record_id else None
        if table is None or not self.schema.get(table).has("Name"):
            return record_id
        row = self.database.row(table, str(record_id))
        return row["Name"] if row else record_id

    def edit(
        self,
        edits: Sequence[Mapping[str, Any]],
        *,
        user: str = seeds.ADMIN_USERNAME,
        auto_assign: bool = False,
        by_flow: bool = False,
        login_as: str | None = None,
        hand: str | None = None,
    ) -> list[dict[str, Any]]:
        """Carry out a person's edits, or a scheduled flow's, one after the other, each by itself; see the control endpoint."""
        with self.lock:
            self.settle()
            user_id, via = self.resolve_owner(user), deeds.AUTOMATION if by_flow else deeds.EDIT
            if login_as is not None:
                setup_trail.note_login_as(self, self.resolve_owner(login_as), user_id)
            behind = hand or login_as
            return [self._edit(each, user_id, auto_assign, via, behind) for each in edits]

    def settle(self) -> None:
        """Let happen what time alone brings about: transactions commit, the bin forgets. Every request begins with it."""
        self.transactions.commit_due(self)
        self.recycle_bin.let_old_go(self)

    def _edit(
        self, edit: Mapping[str, Any], user_id: str, auto_assign: bool, via: str, hand: str | None = None
    ) -> dict[str, Any]:
        from syncd.sandbox.control import moment_of

        at = moment_of(edit["at"], self.clock.now()) if edit.get("at") else self.clock.now()
        try:
            how = save.How(user_id, at, auto_assign, sees_all=True, duplicates=ALLOW, via=via, hand=hand)
            if edit.get("made_at"):
                how = replace(how, made_at=stamp(moment_of(edit["made_at"], at)))
            delay = self.transactions.delay_of(edit, self.settings.late_commit)
            outcome = self.transactions.run(self, edit, how, delay) if delay else self.apply(edit, how)
            return {"success": True, "errors": []} | outcome
        except SalesforceError as refusal:
            return {"id": edit.get("id"), "success": False, "errors": [refusal.dml()]}

    def apply(self, edit: Mapping[str, Any], how: save.How) -> dict[str, Any]:
        """Carry out one edit and return the ids it names.

        Errors: SalesforceError, ControlRefused.
        """
        sobject = self.schema.find(str(edit.get("object", "")))
        if sobject is None:
            raise SalesforceError("INVALID_TYPE", f"sObject type '{edit.get('object')}' is not supported.")
        verb, fields = edit.get("op"), edit.get("fields") or {}
        if verb == "create":
            return {"id": save.create(self, sobject, fields, how)}
        record_id = parse_id(str(edit.get("id", "")))
        if verb not in _VERBS:
            raise ControlRefused(f"Edit {verb!r} is unknown; use create, {', '.join(_VERBS)}.")
        if record_id is None:
            raise SalesforceError("MALFORMED_ID", f"bad id {edit.get('id')}", fields=("Id",))
        if verb == "update":
            save.update(self, sobject, record_id, fields, how)
        elif verb == "delete":
            deletion.delete(self, sobject, record_id, how)
        elif verb == "undelete":
            deletion.undelete(self, sobject, record_id, how)
        elif verb == "merge":
            deletion.merge(self, sobject, record_id, str(parse_id(str(fields.get("loser")))), how)
        elif verb == "purge":
            deletion.purge(self, sobject, how, record_id)
        elif verb == "mail":
            return {"id": mail.log_mail(self, sobject, record_id, str(fields.get("Subject") or "Mail"), how)}
        elif verb == "touch":
            save.live_row(self, sobject, record_id)
            self.database.update(sobject.name, record_id, {"SystemModstamp": how.stamp})
        else:
            return {"id": record_id, **conversion.convert(self, record_id, fields, how)}
        return {"id": record_id}

    def dump(self, names: Sequence[str] = ()) -> dict[str, list[dict[str, Any]]]:
        """Return every row of the named objects (of all, when none is named) in id order, deleted rows included."""
        from syncd.sandbox.soql.render import stored_row

        with self.lock:
            self.settle()
            wanted = [self.schema.get(name) for name in names] or list(self.schema.objects.values())
            return {each.name: [stored_row(each, row) for row in self.database.where(each.name)] for each in wanted}

    def snapshot(self) -> Snapshot:
        """Copy the org: records, clock, counters, sessions, settings, schema. The request journal is not part of it."""
        with self.lock:
            rest = {name: getattr(self, name) for name in _COPIED}
            return Snapshot(self.database.image(), copy.deepcopy(rest) | {"schema": dict(self.schema.objects)})

    def restore(self, snapshot: Snapshot) -> None:
        """Put the org back to a snapshot of its own; the snapshot can be used again."""
        with self.lock:
            self.database.restore(snapshot.image)
            rest = dict(snapshot.rest)
            self.schema = Schema(rest.pop("schema").values())
            for name, value in copy.deepcopy(rest).items():
                setattr(self, name, value)

    def close(self) -> None:
        """Let the org's memory go."""
        with self.lock:
            self.database.close()


_COPIED = (
    "clock",
    "settings",
    "mint",
    "sessions",
    "logins",
    "locks",
    "transactions",
    "recycle_bin",
    "faults",
    "cursors",
    "bulk",
    "started_at",
    "schema_changed_at",
    "org_id",
    "api_user_id",
    "admin_id",
)
