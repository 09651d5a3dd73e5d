"""How long does a person wait who wants to see what an export would do to one of its people?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bench.child import ROOT
from bench.figures import Figure, Figures

SECONDS_MAX = 3
CONFIG = '[org]\nlogin_url = "http://127.0.0.1:9"\nclient_id = "bench"\nclient_secret = "${SYNCD_CLIENT_SECRET}"\n'


def measure(folder: Path, rows: int) -> Figures:
    """Ask for people of the export in `folder` in every way: by address, line and id, and for one whose row names another id.

    Each is a command of its own, as somebody types it, with its start.
    """
    shutil.copytree(ROOT / "mappings", folder / "mappings")
    (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
    near_end = rows - rows // 10
    _with_another_id(folder, near_end)
    address = f"person{near_end}@company{near_end % 5000}.example"
    ways = {
        "address": (address, "first.csv"), "line": (f"line:{near_end}", "first.csv"), "id": (f"external:{near_end}", "first.csv"),
        "short id": ("external:7", "first.csv"), "another id": (address, "moved.csv"),
    }  # fmt: skip
    took = {name: _preview(folder, person, file) for name, (person, file) in ways.items()}
    note = ", ".join(f"by {name} {seconds:.1f} s" for name, seconds in took.items())
    yield Figure(f"preview of one person of {rows:,}, the slowest way", max(took.values()), "s", SECONDS_MAX, note)


def _with_another_id(folder: Path, number: int) -> None:
    """Write the export once more with another external id in the row of one person."""
    key = f"\n{number},person{number}@".encode()
    data = (folder / "first.csv").read_bytes()
    if data.count(key) != 1:
        raise AssertionError(f"row {number} is not in the export as it was written")
    (folder / "moved.csv").write_bytes(data.replace(key, b"\n7" + key[1:]))


def _preview(folder: Path, person: str, file: str) -> float:
    command = [sys.executable, "-m", "syncd", "--config", str(folder), "mapping", "preview", "--offline", "--source", "marketo"]
    began = time.perf_counter()
    ended = subprocess.run(
        [*command, "--person", person, "--file", str(folder / file)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    took = time.perf_counter() - began
    if ended.returncode or "found by" not in ended.stdout:
        raise AssertionError(f"{person} was not found: {ended.stdout}{ended.stderr}")
    return took
