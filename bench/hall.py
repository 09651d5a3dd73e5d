"""Which orgs are measured, with which settings of syncd, and how much of the time is the org's own?"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.child import ROOT, Child, child
from bench.client import Control
from bench.figures import tell
from bench.org import RunningOrg, serving, write_leads

# What the starter mapping has not: columns enough for 15 fields of a lead, one of them written by nobody but syncd.
COLUMNS = """
[column."title"]
field = { Lead = "Title" }
type = "text"
side = "sales"
conflict = "fill"

[column."phone"]
field = { Lead = "Phone" }
type = "text"
side = "sales"
conflict = "fill"

[column."country"]
field = { Lead = "Country" }
type = "text"
side = "sales"
conflict = "fill"
"""
CONFIG = """
[org]
login_url = "{url}"
client_id = "{client_id}"
client_secret = "${{SYNCD_CLIENT_SECRET}}"

[limits]
records_max = "off"
records_percent = "off"
owners_max = "off"
canary = "off"
api_calls_share_percent = "off"
"""


REST_MAX = 200_000  # more is read by Bulk jobs only


@dataclass(frozen=True, slots=True)
class FirstLoad:
    """What the first load of an org took: syncd's first cycle, the bare loops, and the org's own CPU in syncd's."""

    ours: dict[str, Any]
    bulk: dict[str, Any]
    rest: dict[str, Any] | None
    fields: list[str]
    org_cpu_s: float


@dataclass(frozen=True, slots=True)
class Stage:
    """One org of so many leads, and a folder for those that read it."""

    leads: int
    org: RunningOrg
    folder: Path
    control: Control
    _loads: list[FirstLoad] = field(default_factory=list)

    def first_load(self) -> FirstLoad:
        """Load all leads once by bare loops and once by syncd, one after the other, and remember what it took."""
        if not self._loads:
            with self.subject() as subject:
                cpu = self.org.cpu_s()
                ours = subject.ask("load")
                cpu = self.org.cpu_s() - cpu
                fields = subject.ask("fields", object="Lead")["fields"]
                rows = subject.ask("counted", object="Lead")["rows"]
            with self.floor() as floor:
                bulk = floor.ask("bulk_load", object="Lead", fields=fields)
            rest = None
            if self.leads <= REST_MAX:
                with self.floor("rest-floor") as floor:
                    rest = floor.ask("rest_load", object="Lead", fields=fields)
            if rows != self.leads or bulk["rows"] != self.leads:
                raise RuntimeError(f"of {self.leads} leads syncd mirrored {rows}, the bare loop {bulk['rows']}")
            self._loads.append(FirstLoad(ours, bulk, rest, fields, cpu))
        return self._loads[0]

    @contextmanager
    def floor(self, name: str = "floor") -> Iterator[Child]:
        """Give the bare loops over a database of their own."""
        facts = (self.org.url, self.org.client_id, self.org.client_secret, str(self.folder / f"{name}.db"))
        with child("bench.floor", *facts) as found:
            yield found

    @contextmanager
    def subject(self, name: str = "syncd") -> Iterator[Child]:
        """Give syncd over a store of its own, kept under this name."""
        with child("bench.subject", str(self._config(name)), SYNCD_CLIENT_SECRET=self.org.client_secret) as found:
            yield found

    def _config(self, name: str) -> Path:
        home = self.folder / name
        if not home.exists():
            shutil.copytree(ROOT / "mappings", home / "mappings")
            source = home / "mappings" / "fields" / "marketo.toml"
            source.write_text(source.read_text(encoding="utf-8") + COLUMNS, encoding="utf-8")
            text = CONFIG.format(url=self.org.url, client_id=self.org.client_id)
            (home / "config.toml").write_text(text, encoding="utf-8")
        return home / "config.toml"


class Hall:
    """Starts each org when it is first asked for, and ends all of them after the block."""

    def __init__(self) -> None:
        self._stages: dict[int, tuple[Stage, ExitStack]] = {}

    def __enter__(self) -> Hall:
        return self

    def __exit__(self, *_: object) -> None:
        for leads in list(self._stages):
            self.close(leads)

    def stage(self, leads: int) -> Stage:
        """Return the org of so many leads."""
        if leads not in self._stages:
            began = time.perf_counter()
            ends = ExitStack()
            folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="syncd-bench-")))
            write_leads(folder / "load", leads)
            org = ends.enter_context(serving(folder / "load"))
            self._stages[leads] = (Stage(leads, org, folder, Control(org.url)), ends)
            tell(f"-- an org of {leads:,} leads stands after {time.perf_counter() - began:.0f} s\n")
        return self._stages[leads][0]

    def close(self, leads: int) -> None:
        """End the org of so many leads."""
        self._stages.pop(leads)[1].close()
