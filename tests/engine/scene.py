"""One installation of syncd beside the small org: its policy files, its cycles, and what came of them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from syncd.cli.wire import open_world
from syncd.config import Config, load_config
from syncd.core.values import Entry, InboxItem, Scalar
from syncd.engine.cycle import run_cycle
from syncd.engine.world import World
from syncd.ports import CycleRecord, LedgerQuery
from syncd.salesforce.org import SalesforceOrg
from syncd.sandbox.api import Hook
from syncd.sandbox.local import RunningOrg
from syncd.store.sql import open_store
from tests.checker.watch import WATCH
from tests.engine.small_org import ADMIN, PEOPLE

STARTER = Path(__file__).parents[2] / "mappings"
SECRET = {"SYNCD_CLIENT_SECRET": "sandbox-secret"}
APPROVED = 'approvers = { marketing = "dana@acme.example", sdr = "sid@acme.example", sales = "tom@acme.example" }\n'
OBJECTS = {
    "00Q": "Lead",
    "003": "Contact",
    "006": "Opportunity",
    "701": "Campaign",
    "00v": "CampaignMember",
    "005": "User",
    "a00": "Application__c",
}
HEADER = "id,email,firstName,lastName,company,leadScore,unsubscribed,emailInvalid,leadSource,updatedAt"


@dataclass(frozen=True, slots=True)
class Write:
    """One row that was sent to be written: `path` below the version, the subrequest's own headers, the answer's status."""

    path: str
    headers: Mapping[str, str]
    values: Mapping[str, Scalar]
    status: int


class OrgsTime:
    """A host's clock that passes time in the emulated org instead of sleeping."""

    def __init__(self, served: RunningOrg, *, stands_still: bool = False) -> None:
        self.served, self.stands_still = served, stands_still
        self.slept_s = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        if not self.stands_still:
            with self.served.org.lock:
                self.served.org.clock.advance(seconds)


def write_home(home: Path, url: str, *, config: str = "") -> Path:
    """Lay out what `syncd init` gives: config.toml and the starter's policy files, without nurture."""
    shutil.copytree(STARTER, home / "mappings")
    (home / "mappings" / "nurture.toml").unlink()
    fences = home / "mappings" / "fences.toml"
    fences.write_text(fences.read_text(encoding="utf-8").replace("grace_minutes = 30", "grace_minutes = 0"), encoding="utf-8")
    (home / "exports" / "marketo").mkdir(parents=True)
    org = f'[org]\nlogin_url = "{url}"\nclient_id = "sandbox-client"\nclient_secret = "${{SYNCD_CLIENT_SECRET}}"\n'
    (home / "config.toml").write_text(org + config, encoding="utf-8")
    return home


class Scene:
    """The small org after syncd's first cycle. Every helper acts in the org's time; nothing sleeps."""

    def __init__(self, served: RunningOrg, home: Path) -> None:
        self.served, self.home = served, home
        self.clock = OrgsTime(served)
        self.first_request = max((one["n"] for one in served.requests()), default=0)
        WATCH.together(served.url, home / "syncd.db")

    # --- the org ---------------------------------------------------------------------------------------------------

    def tick(self, seconds: float = 60) -> None:
        """Let time pass in the org."""
        with self.served.org.lock:
            self.served.org.clock.advance(seconds)

    def edit(self, who: str, id: str, **fields: Scalar) -> None:
        """Save a record as somebody, at the org's present second."""
        self.do(who, "update", id, **fields)

    def do(self, who: str, op: str, id: str, **fields: Scalar) -> dict[str, Any]:
        """Update, delete, convert or create (`id` is the object's name then) as somebody."""
        named = {"object": id} if op == "create" else {"object": OBJECTS[id[:3]], "id": id}
        [result] = self.served.org.edit([{"op": op, "fields": fields, **named}], user=username(who))
        assert result["success"], result
        return result

    def row(self, id: str) -> dict[str, Any]:
        """Return a record as it stands in the org."""
        object = OBJECTS[id[:3]]
        return next(row for row in self.served.org.dump([object])[object] if row["Id"] == id)

    def rows(self, object: str) -> list[dict[str, Any]]:
        """Return all live rows of an object."""
        return [row for row in self.served.org.dump([object])[object] if not row.get("IsDeleted")]

    def members(self) -> set[tuple[str, str]]:
        """Return (campaign, contact) of every campaign member."""
        return {(row["CampaignId"], row["ContactId"]) for row in self.rows("CampaignMember")}

    def settings(self, **wanted: Any) -> None:
        """Change the admin's switches."""
        self.served.org.change_settings(wanted)

    def hook(self, before: Hook | None = None, after: Hook | None = None) -> None:
        """Watch or disturb requests."""
        self.served.hook(before, after)

    def last_request(self) -> int:
        """Return the number of the latest request."""
        return max((one["n"] for one in self.served.requests(self.first_request)), default=self.first_request)

    def writes(self, since: int | None = None) -> list[Write]:
        """Return every row that was sent to be written since the scene began, or since a request."""
        found: list[Write] = []
        for one in self.served.requests(self.first_request if since is None else since):
            body, path = one["body"], str(one["path"])
            if not isinstance(body, dict):  # nothing was sent, or it was never carried out
                continue
            if path.endswith("/composite"):
                parts = zip(body["compositeRequest"], one["subrequests"] or [None] * 99, strict=False)
                found += [_patched(part, answer) for part, answer in parts if part["method"] != "GET"]
            elif one["method"] != "GET" and "oauth2" not in path and "ids" not in body:  # ids: rows are only read
                found += [_sent(path, one, row) for row in body.get("records", [body])]
        return found

    # --- the policy ------------------------------------------------------------------------------------------------

    def fences(self, status: Mapping[str, str] | None = None, owner: Mapping[str, str] | None = None, since: str = "") -> None:
        """Set the modes by kind of actor; kinds that are not named observe."""
        for section, modes in (("status", status or {}), ("owner", owner or {})):
            wanted = {"tool": "observe", "automation": "observe", "person": "observe", **modes}
            line = "mode = { " + ", ".join(f'{kind} = "{mode}"' for kind, mode in wanted.items()) + " }"
            stands = f"\nsince = {since}" if since else ""
            self.rewrite("fences.toml", rf"(\[crossing\.{section}\]\n)mode = .*(\nsince = .*)?", rf"\g<1>{line}{stands}")
        self.rewrite("fences.toml", r"^(approvers = .*\n)?", APPROVED)

    def nurture(self, mode: str) -> None:
        """Put the starter's nurture.toml in place, in one of its modes."""
        text = (STARTER / "nurture.toml").read_text(encoding="utf-8")
        (self.home / "mappings" / "nurture.toml").write_text(text, encoding="utf-8")
        self.rewrite("nurture.toml", r'mode    = "\w+"', f'mode    = "{mode}"')

    def mapping(self, mode: str) -> None:
        """Set the mode of the marketing tool's export."""
        self.rewrite("fields/marketo.toml", r'mode    = "\w+"', f'mode    = "{mode}"')

    def rewrite(self, name: str, pattern: str, by: str) -> None:
        """Edit a policy file; the pattern has to be there."""
        path = self.home / "mappings" / name
        text, count = re.subn(pattern, by, path.read_text(encoding="utf-8"))
        assert count, f"{pattern} is not in {name}"
        path.write_text(text, encoding="utf-8")

    def limits(self, **limits: int | str) -> None:
        """Write a [limits] section."""
        path = self.home / "config.toml"
        lines = "".join(f"{name} = {value}\n" for name, value in limits.items())
        path.write_text(path.read_text(encoding="utf-8").partition("[limits]")[0] + "[limits]\n" + lines, encoding="utf-8")

    def drop(self, name: str, *lines: str) -> None:
        """Drop an export that was finished a minute ago."""
        path = self.home / "exports" / "marketo" / name
        path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
        stamp = datetime.now(UTC).timestamp() - 60
        os.utime(path, (stamp, stamp))

    def files(self) -> set[str]:
        """Return the files of the drop folder."""
        root = self.home / "exports" / "marketo"
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    # --- syncd -----------------------------------------------------------------------------------------------------

    def config(self) -> Config:
        """Read the config as the command line does."""
        return load_config(self.home / "config.toml", SECRET)

    @contextmanager
    def world(self, *, is_read_only: bool = False) -> Iterator[tuple[World, SalesforceOrg]]:
        """Start syncd: read the files, log in, open the store."""
        with open_world(self.config(), is_read_only=is_read_only) as (world, org):
            yield replace(world, clock=self.clock), org

    def cycle(self, after_s: float = 60) -> CycleRecord:
        """Start syncd and run one cycle, by default a minute later."""
        self.tick(after_s)
        with self.world() as (world, org):
            return run_cycle(world, org)

    def ledger(self, record_id: str | None = None, *, kind: str | None = None) -> list[Entry]:
        """Return ledger rows, of one record or all."""
        with self.store() as store:
            query = LedgerQuery(record_id=record_id, kind=kind, limit=10**6)
            return [row.entry for row in store.ledger(query) if row.entry.kind != "baseline"]

    def outcomes(self, record_id: str | None = None) -> list[str]:
        """Return how intents ended, in order."""
        return [str(entry.outcome) for entry in self.ledger(record_id, kind="outcome")]

    def inbox(self, kind: str | None = None) -> list[InboxItem]:
        """Return the open inbox items."""
        with self.store() as store:
            return [item for _, item, _ in store.inbox() if kind in (None, item.kind)]

    @contextmanager
    def store(self) -> Iterator[Any]:
        """Open the database for reading."""
        store = open_store(self.config().store_url, None, read_only=True)
        try:
            yield store
        finally:
            store.dispose()

    def is_at_rest(self) -> bool:
        """Tell whether nothing is open and the ledger verifies."""
        with self.store() as store:
            return store.count_open() == 0 and not store.verify().problems


def username(who: str) -> str:
    """Return a username: of one of the small org's people, or the admin's."""
    return ADMIN if who == "admin" else PEOPLE[who][0]


def export_line(key: str, **cells: str) -> str:
    """Write one line of an export: `key` is the marketing tool's id of a person."""
    given = {
        "id": key, "email": f"{key.lower().replace('-', '.')}@example.com", "firstName": "Lea", "lastName": "X",
        "company": "Acme", "leadScore": "10", "unsubscribed": "false", "emailInvalid": "false", "leadSource": "Web",
        "updatedAt": "2026-03-01T10:00:00Z", **cells,
    }  # fmt: skip
    return ",".join(given.values())


def story(entries: Sequence[Entry]) -> list[tuple[str, str | None, str | None]]:
    """Shorten ledger rows to (kind, field, verdict or outcome)."""
    return [(entry.kind, entry.field, entry.verdict or entry.outcome) for entry in entries]


def _sent(path: str, one: Mapping[str, Any], row: Mapping[str, Any]) -> Write:
    """Shape a row of a collection; one that is updated names its record as a single update does."""
    if one["method"] != "PATCH" or "attributes" not in row:
        return Write(path, one["headers"], row, one["status"])
    values = {name: value for name, value in row.items() if name not in ("attributes", "id")}
    return Write(f"{row['attributes']['type']}/{row['id']}", one["headers"], values, one["status"])


def _patched(part: Mapping[str, Any], answer: Mapping[str, Any] | None) -> Write:
    path = str(part["url"]).partition("/sobjects/")[2]
    return Write(path, part.get("httpHeaders", {}), part.get("body", {}), int(answer["status"]) if answer else 0)
