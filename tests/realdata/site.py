"""An installation of syncd next to a served org: a config file, policy files, and the verbs run, plan and apply."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from syncd.cli import wire
from syncd.config import Config, load_config
from syncd.core.plan import Plan
from syncd.core.values import InboxItem
from syncd.engine.cycle import run_cycle
from syncd.engine.planning import apply, preview
from syncd.engine.plans import read_plan, save_plan
from syncd.engine.schedule import holding_lease
from syncd.ports import CycleRecord, LedgerQuery, LedgerRow, Store
from syncd.sandbox.local import RunningOrg
from tests.checker.twice import second_run

CONFIG = """\
[org]
login_url = "{url}"
client_id = "{client_id}"
client_secret = "${{SYNCD_CLIENT_SECRET}}"
"""
LIFTED = """
[limits]
records_max = "off"
records_percent = "off"
owners_max = "off"
canary = "off"
"""
# Asking for rows by id, and for a token, travels in a POST.
_READS = re.compile(r"/oauth2/token$|/composite/sobjects/\w+$")
WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Write:
    """One row that the org was asked to change or to create."""

    method: str
    object: str
    record_id: str
    fields: Mapping[str, Any]


def _written(method: str, row: Mapping[str, Any]) -> Write:
    """Read one record of a collection."""
    fields = {name: value for name, value in row.items() if name not in ("attributes", "id")}
    return Write(method, row["attributes"]["type"], row.get("id", ""), fields)


class Site:
    """One folder with config, mappings, exports, plans and database, for one org."""

    def __init__(self, root: Path, org: RunningOrg, *, limits: str = "") -> None:
        self.root = root
        self.org = org
        self._since = max((request["n"] for request in org.requests()), default=0)
        root.mkdir(parents=True, exist_ok=True)
        text = CONFIG.format(url=org.url, client_id=org.client_id)
        (root / "config.toml").write_text(text + limits, encoding="utf-8")

    def policy(self, name: str, text: str) -> None:
        """Write one policy file, such as `fields/xeducation.toml`."""
        path = self.root / "mappings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    @property
    def config(self) -> Config:
        """Read the config file as every verb does."""
        return load_config(self.root / "config.toml", {"SYNCD_CLIENT_SECRET": self.org.client_secret})

    def cycle(self) -> CycleRecord:
        """Do `syncd run --once`."""
        with wire.open_world(self.config) as (world, org), holding_lease(world.store):
            return run_cycle(world, org)

    def settles(self) -> None:
        """Run two cycles with nothing new: the second one must not write."""
        assert second_run(self.cycle, self.org.requests) == []

    def plan(self, out: Path) -> Plan:
        """Do `syncd plan --out FILE`."""
        with wire.open_world(self.config, is_read_only=True) as (world, _):
            found = preview(world)
        save_plan(found.plan, out)
        return found.plan

    def apply(self, path: Path) -> CycleRecord:
        """Do `syncd apply FILE`."""
        with wire.open_world(self.config) as (world, org), holding_lease(world.store):
            return apply(world, org, read_plan(path))

    def plans(self) -> list[Path]:
        """List the plans that cycles wrote."""
        return sorted((self.root / "plans").glob("*.json"))

    def ask(self, question: Callable[[Store], _Found]) -> _Found:
        """Ask the database something."""
        with wire.open_world(self.config) as (world, _):
            return question(world.store)

    def ledger(self, **wanted: Any) -> list[LedgerRow]:
        """Return all ledger rows that fit."""
        return self.ask(lambda store: list(store.ledger(LedgerQuery(limit=10**9, **wanted))))

    def inbox(self) -> list[InboxItem]:
        """Return the open items."""
        return self.ask(lambda store: [item for _, item, _ in store.inbox()])

    def dump(self, name: str) -> list[dict[str, Any]]:
        """Return the live rows of an object, as the org itself has them."""
        return [row for row in self.org.org.dump([name])[name] if not row.get("IsDeleted")]

    def writes(self) -> list[Write]:
        """Return each write of a record that the org was asked for since this site stands, in order."""
        found = []
        for request in self.org.requests(self._since):
            path, body = request["path"].partition("/services/data/")[2].partition("/")[2], request["body"]
            if path == "composite":
                for part in body["compositeRequest"]:
                    if part["method"] in WRITES:
                        name, record_id = part["url"].split("/")[-2:]
                        found.append(Write(part["method"], name, record_id, part.get("body") or {}))
            elif path == "composite/sobjects" and request["method"] in WRITES:
                found += [_written(request["method"], row) for row in body["records"]]
            elif request["method"] in WRITES and not _READS.search(request["path"]):
                found.append(Write(request["method"], path, "", body or {}))
        return found

    def control(self, name: str, body: object) -> Any:
        """Turn to the org's control endpoint, as a person or a clock would."""
        parts = urlsplit(self.org.url)
        with closing(HTTPConnection(parts.hostname or "", parts.port, timeout=30)) as connection:
            connection.request("POST", f"/_sandbox/{name}", json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, text
            return json.loads(text)
