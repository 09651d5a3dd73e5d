"""Does docs/sandbox.md name the versions that make compat runs?"""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = json.loads((ROOT / "tests/compat/clients/package.json").read_text("utf-8"))["dependencies"]


def _pinned(environment: str, package: str) -> str:
    lock = (ROOT / f"requirements/{environment}.lock").read_text("utf-8")
    found = re.search(rf"^{package}==(\S+)", lock, re.MULTILINE)
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize(
    ("client", "versions"),
    [
        ("simple-salesforce", version("simple-salesforce")),
        ("jsforce", PACKAGES["jsforce"]),
        ("sf command line", PACKAGES["@salesforce/cli"]),
        ("tap-salesforce into target-jsonl", f"{_pinned('tap', 'tap-salesforce')}, {_pinned('target', 'target-jsonl')}"),
    ],
)
def test_the_compatibility_table_names_the_locked_versions(client: str, versions: str) -> None:
    table = (ROOT / "docs/sandbox.md").read_text("utf-8").partition("## Compatibility")[2]
    (row,) = [line for line in table.splitlines() if line.startswith(f"| {client}")]
    assert row.split("|")[2].strip() == versions


def test_the_lock_of_the_node_clients_names_no_download_address() -> None:
    lock = json.loads((ROOT / "tests/compat/clients/package-lock.json").read_text("utf-8"))
    assert not [name for name, facts in lock["packages"].items() if "resolved" in facts]
    assert all("integrity" in facts for name, facts in lock["packages"].items() if name and not facts.get("inBundle"))
