"""A whole installation in one process: the model of an org, a real database in memory, the starter's policies, an export."""

from __future__ import annotations

import functools
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from syncd.cli.wire import load_policies
from syncd.core.guard import Limits
from syncd.core.policies import Policies
from syncd.engine.cycle import run_cycle
from syncd.engine.world import Pace, World
from syncd.exports.folder import DropFolder
from syncd.ports import CycleRecord
from syncd.store.base import Database
from syncd.store.sql import SqlStore, Surroundings, open_store
from syncd.testing import InMemoryOrg, ModelClock, OrgModel
from syncd.testing.org import ORG_ID
from tests.checker.book import read_book, size_of
from tests.checker.join import Evidence, problems_of
from tests.checker.watch import USER
from tests.checker.wire import read_wire

STARTER = Path(__file__).parents[2] / "mappings"
MEMORY = Path("/dev/shm")  # a file system in memory: commits cost nothing there
CUSTOM = {
    "Lead": "Lead_Score__c:double MA_Person_Id__c:external",
    "Contact": "MA_Person_Id__c:external Nurture_Hold_Until__c:date",
    "Opportunity": "Nurture_Hold_Until__c:date",
}
HEADER = "id,email,firstName,lastName,company,leadScore,unsubscribed,emailInvalid,leadSource,updatedAt"
USERS = {
    "mia": ("Marketing Manager", "mia@sandbox.example"),
    "sam": ("SDR", "sam@sandbox.example"),
    "ada": ("Account Executive", "ada@sandbox.example"),
    "marketo": ("", "marketo.sync@sandbox.example"),
}
OBJECTS = ("Lead", "LeadHistory", "Contact", "Opportunity", "CampaignMember", "Task")
NO_LIMITS = Limits(records_max=None, records_percent=None, records_min=0, owners_max=None)
PACE = Pace(api_share_percent=None, api_reserve_percent=None, writers=1)
Disturb = Callable[[str, str], None]
_ENGINES: dict[Path, Database] = {}


def nothing(*_: Any) -> None:
    """Disturb nothing."""


@functools.cache
def policies() -> Policies:
    """Return the starter's policies with everything switched on: reverts of tools, however many at once, fields, enrolments."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "mappings"
        shutil.copytree(STARTER, home)
        _rewrite(home / "fences.toml", r"mode = .*", 'mode = { tool = "revert", automation = "observe", person = "warn" }')
        _rewrite(home / "fences.toml", "grace_minutes = 30", "grace_minutes = 0")
        _rewrite(home / "fences.toml", r"# \[bulk\](.*)\n# records = 50", r"[bulk]\1\nrecords = 1000")
        _rewrite(home / "fields" / "marketo.toml", r'mode    = "\w+"', 'mode    = "write"')
        _rewrite(home / "nurture.toml", r'mode    = "\w+"', 'mode    = "enroll"')
        return load_policies(home)


def _rewrite(path: Path, pattern: str, by: str) -> None:
    text, count = re.subn(pattern, by, path.read_text(encoding="utf-8"))
    assert count, pattern
    path.write_text(text, encoding="utf-8")


def a_company(leads: int = 4) -> OrgModel:
    """Make an org: leads that belong to SDRs, a deal that has stalled, its two people, a campaign."""
    model = OrgModel(custom=CUSTOM)
    for alias, (role, username) in USERS.items():
        role_id = model.load("UserRole", Name=role, DeveloperName=role.replace(" ", "_")) if role else None
        model.load("User", Name=alias, Username=username, IsActive=True, UserRoleId=role_id)
    model.load("Campaign", Name="SYNCD Stalled Early", IsActive=True)
    model.load("Campaign", Name="SYNCD Stalled Late", IsActive=True)
    for campaign in model.live("Campaign"):
        model.load("CampaignMemberStatus", CampaignId=campaign["Id"], Label="Sent", IsDefault=True)
    sam, ada = model.user_id("sam@sandbox.example"), model.user_id("ada@sandbox.example")
    for number in range(leads):
        person = f"L-{number}"
        model.load(
            "Lead", LastName=person, Company="Acme", Status="Working", OwnerId=sam, Email=f"{person.lower()}@example.com",
            MA_Person_Id__c=person, Lead_Score__c=10.0, LeadSource="Web",
        )  # fmt: skip
    long_ago = datetime(2025, 6, 1, tzinfo=UTC)
    deal = model.load(
        "Opportunity", Name="Deal", StageName="Discovery", OwnerId=ada, CreatedDate=long_ago, LastStageChangeDate=long_ago
    )
    for number in range(2):
        person = f"C-{number}"
        contact = model.load(
            "Contact", LastName=person, Email=f"{person.lower()}@example.com", MA_Person_Id__c=person, OwnerId=ada
        )
        model.load("OpportunityContactRole", OpportunityId=deal, ContactId=contact, Role="Decision Maker")
    model.change_settings({"schema_changed_at": long_ago})
    return model


def export_line(key: str, **cells: str) -> str:
    """Write one line of the marketing tool's export."""
    given = {
        "id": key, "email": f"{key.lower()}@example.com", "firstName": "", "lastName": key, "company": "Acme", "leadScore": "10",
        "unsubscribed": "false", "emailInvalid": "false", "leadSource": "Web", "updatedAt": "2026-03-01T10:00:00Z", **cells,
    }  # fmt: skip
    return ",".join(given.values())


@dataclass(slots=True)
class Play:
    """One installation beside a model. `log` is the model's request log, `seen` what was committed when each write came in."""

    home: Path
    model: OrgModel
    disturb: Disturb = nothing
    before_commit: Callable[[], None] = nothing
    after_commit: Callable[[], None] = nothing
    log: list[dict[str, Any]] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)
    pace: Pace = PACE
    host_is_ahead_s: float = 0

    @property
    def database(self) -> Path:
        """Return the database's place."""
        return self.home / "syncd.db"

    @contextmanager
    def world(self) -> Iterator[tuple[World, InMemoryOrg]]:
        """Start syncd: a connection, the database, the drop folder."""
        org = InMemoryOrg(self.model, self._point, self.log)
        store = self._store()
        try:
            clock = HostClock(self.model, self.host_is_ahead_s)
            folder = DropFolder(self.home / "exports", _Host(), is_read_only=False)
            yield World(org, store, policies(), folder, self.home / "plans", UTC, NO_LIMITS, self.pace, clock), org
        finally:
            store.dispose()

    def _point(self, point: str, what: str) -> None:
        if point == "before" and not what.startswith("GET"):
            self.seen[self.log[-1]["n"] + 1 if self.log else 1] = size_of(self.database)
        self.disturb(point, what)

    def _store(self) -> SqlStore:
        """Open the database. The engine of a home is kept without its connections: what it has compiled serves again."""
        around = Surroundings(before_commit=lambda: self.before_commit(), after_commit=lambda: self.after_commit())
        if self.database not in _ENGINES:
            store = open_store(f"sqlite:///{self.database}", ORG_ID, around=around)
            _ENGINES[self.database] = store.database
            return store
        return SqlStore(_ENGINES[self.database], ORG_ID, str(self.database), around, read_only=False)

    def cycle(self, after_s: float = 60) -> CycleRecord:
        """Start syncd and run one cycle, by default a minute later."""
        self.model.clock.advance(after_s)
        with self.world() as (world, org):
            return run_cycle(world, org)

    def edit(self, who: str, op: str, object: str, id: str = "", **fields: Any) -> dict[str, Any]:
        """Edit a record as one of the people."""
        username = USERS[who][1] if who in USERS else "admin@sandbox.example"
        [done] = self.model.edit([{"op": op, "object": object, "id": id, "fields": fields}], user=username)
        return done

    def drop(self, name: str, *lines: str) -> None:
        """Drop an export that was finished a minute ago."""
        path = self.home / "exports" / "marketo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
        stamp = datetime.now(UTC).timestamp() - 60
        os.utime(path, (stamp, stamp))


@dataclass(frozen=True, slots=True)
class Image:
    """An installation and its org at one moment, to be played again and again."""

    model: OrgModel
    database: bytes
    size: int

    @classmethod
    def of(cls, play: Play) -> Image:
        """Take down how an installation stands that is not running."""
        return cls(play.model.snapshot(), play.database.read_bytes(), size_of(play.database))

    def play(self, home: Path) -> Play:
        """Put an installation back to this moment."""
        for left in home.glob("*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        play = Play(home, self.model.snapshot())
        play.model.deeds.clear()
        play.database.write_bytes(self.database)
        return play

    def disagreements(self, play: Play) -> list[str]:
        """Hold the model's log against the ledger since this moment."""
        evidence = Evidence(read_wire(play.log, USER), read_book(play.database), play.seen, self.size, play.model.deeds, USER)
        return problems_of(evidence)


class HostClock(ModelClock):
    """A host's clock that is wrong by so many seconds."""

    def __init__(self, model: OrgModel, ahead_s: float) -> None:
        super().__init__(model)
        self.ahead_s = ahead_s

    def now(self) -> datetime:
        return self.model.clock.at + timedelta(seconds=self.ahead_s)


class _Host:
    """The host's clock, for the age of files."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


@contextmanager
def a_home() -> Iterator[Path]:
    """Give a folder in memory."""
    with tempfile.TemporaryDirectory(prefix="syncd-proof-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        try:
            yield Path(folder)
        finally:
            _ENGINES.pop(Path(folder) / "syncd.db", None)


def seed_of(text: str | None) -> int:
    """Return the seed that was asked for, or a new one."""
    return int(text) if text else secrets.randbelow(2**32)
