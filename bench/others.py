"""How do other people's clients fare on the same org: the Singer tap into target-jsonl, and simple-salesforce into SQLite?

They know only Salesforce's own addresses, so all of them go through the front, and so does the bare loop they are measured by.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.child import ROOT, child
from bench.figures import Figure, Figures, tell
from bench.hall import Hall, Stage
from syncd.sandbox.front import fronted

ADDRESS = "https://syncd.my.salesforce.com"
TOOLS = (ROOT / ".compat" / "tap" / "bin" / "tap-salesforce", ROOT / ".compat" / "target" / "bin" / "target-jsonl")


def measure(hall: Hall, leads: int) -> Figures:
    """Load all leads by each of them."""
    stage = hall.stage(leads)
    load = stage.first_load()
    with fronted(stage.org.url) as front:
        facts = (ADDRESS, stage.org.client_id, stage.org.client_secret, str(stage.folder / "front-floor.db"))
        with child("bench.floor", *facts, **front.environment) as floor:
            bare = floor.ask("rest_load", object="Lead", fields=load.fields)["seconds"]
        yield Figure(f"{leads:,} leads: the bare REST loop through the front", bare, "s")
        with child("bench.other_loops", str(stage.folder / "loops.db"), **front.environment) as loops:
            for task in ("rest", "bulk2"):
                found = loops.ask(task, object="Lead", fields=load.fields)
                _check(found["rows"], leads)
                yield _figure(f"simple-salesforce {task} into SQLite", found["seconds"], bare)

        if not all(tool.exists() for tool in TOOLS):
            if os.environ.get("CI"):
                raise RuntimeError("the Singer tap is not installed: run make ci-tools")
            tell("-- the Singer tap is not installed and was not measured: run make ci-tools\n")
            return
        yield _figure("the Singer tap into target-jsonl, by REST", _singer(stage, front.environment, load.fields), bare)


def _figure(name: str, seconds: float, bare: float) -> Figure:
    return Figure(name, seconds / bare, "x bare", None, f"{seconds:.1f} s")


def _check(rows: int, leads: int) -> None:
    if rows != leads:
        raise RuntimeError(f"{rows} of {leads} leads were loaded")


def _singer(stage: Stage, environment: dict[str, str], fields: Sequence[str]) -> float:
    """Discover, choose the fields, and sync. Units: seconds of the sync alone."""
    home = stage.folder / "singer"
    home.mkdir()
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **environment}
    config = home / "config.json"
    facts = {
        "refresh_token": stage.control.post("refresh_token", {})["refresh_token"],
        "client_id": stage.org.client_id,
        "client_secret": stage.org.client_secret,
        "start_date": "2020-01-01T00:00:00Z",
        "api_type": "REST",
        "select_fields_by_default": "false",
    }
    config.write_text(json.dumps(facts), encoding="utf-8")
    tap = [str(TOOLS[0]), "--config", str(config)]
    listed = subprocess.run([*tap, "--discover"], cwd=home, env=environ, capture_output=True, check=True).stdout
    catalog = home / "catalog.json"
    catalog.write_text(json.dumps(_chosen(json.loads(listed), fields)), encoding="utf-8")
    began = time.perf_counter()
    with subprocess.Popen(
        [*tap, "--properties", str(catalog)], cwd=home, env=environ, stdout=subprocess.PIPE, stderr=_log(home)
    ) as one:
        subprocess.run([str(TOOLS[1])], cwd=home, env=environ, stdin=one.stdout, capture_output=True, check=True)
    seconds = time.perf_counter() - began
    _check(sum(line.count(b"\n") for file in home.glob("Lead-*.jsonl") for line in [file.read_bytes()]), stage.leads)
    return seconds


def _log(home: Path) -> Any:
    return (home / "tap.log").open("wb")


def _chosen(catalog: dict[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """Choose leads and the fields that everybody reads."""
    catalog["streams"] = [stream for stream in catalog["streams"] if stream["stream"] == "Lead"]
    for each in catalog["streams"][0]["metadata"]:
        if each["breadcrumb"]:
            each["metadata"]["selected"] = each["breadcrumb"][-1] in fields
        else:
            each["metadata"] |= {"selected": True, "replication-method": "INCREMENTAL", "replication-key": "SystemModstamp"}
    return catalog
