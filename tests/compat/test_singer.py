"""The Singer tap for Salesforce, into a target that writes JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.compat.conftest import LEADS, TOOLS, World, needed

STREAMS = {"Account", "Lead"}
Tap = Callable[..., str]


@pytest.fixture(params=["REST", "BULK"])
def tap(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Tap:
    entry = needed(TOOLS / "tap" / "bin" / "tap-salesforce")
    config = tmp_path / "config.json"
    facts = {
        "refresh_token": world.org.org.logins.open_refresh(world.org.org.api_user_id),
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "start_date": "2020-01-01T00:00:00Z",
        "api_type": request.param,
        "select_fields_by_default": "true",
    }
    config.write_text(json.dumps(facts), "utf-8")

    def run(*words: str | Path) -> str:
        done = world.run(entry, "--config", config, *words)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    run.api = request.param  # type: ignore[attr-defined]
    return run


def _selected(catalog: dict[str, Any]) -> dict[str, Any]:
    for stream in catalog["streams"]:
        for each in stream["metadata"]:
            if not each["breadcrumb"]:
                each["metadata"] |= {"selected": stream["stream"] in STREAMS}
                if "SystemModstamp" in stream["schema"]["properties"]:
                    each["metadata"] |= {"replication-method": "INCREMENTAL", "replication-key": "SystemModstamp"}
    return catalog


def _written(world: World, target: Path, messages: str) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    done = world.run(target, given=messages)
    assert done.returncode == 0, done.stderr[-3000:]
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in STREAMS}
    for file in world.home.glob("*.jsonl"):
        rows[file.name.partition("-")[0]] += [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        file.unlink()
    state: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return rows, state


def test_discover_sync_and_sync_again(tap: Tap, world: World, tmp_path: Path) -> None:
    target = needed(TOOLS / "target" / "bin" / "target-jsonl")
    catalog = json.loads(tap("--discover"))
    streams = {stream["stream"]: stream for stream in catalog["streams"]}
    assert {"Lead", "Account", "Opportunity", "Campaign", "User"} <= set(streams)
    assert {"Id", "Ext_Id__c", "SystemModstamp"} <= set(streams["Lead"]["schema"]["properties"])
    chosen, reached = tmp_path / "catalog.json", tmp_path / "state.json"
    chosen.write_text(json.dumps(_selected(catalog)), "utf-8")

    rows, state = _written(world, target, tap("--properties", chosen))
    assert {row["LastName"] for row in rows["Lead"]} == {f"Person {number:04}" for number in range(LEADS)}
    assert {row["Company"] for row in rows["Lead"]} == {'Quotes "&" Commas, Ltd.', "Umlaut Größe"}
    assert {row["Name"] for row in rows["Account"]} == {"Acme", "Globex", "Initech"}
    assert set(state["bookmarks"]) == STREAMS

    reached.write_text(json.dumps(state), "utf-8")
    world.org.org.sessions.end_all()
    rows, _ = _written(world, target, tap("--properties", chosen, "--state", reached))
    assert [row["LastName"] for row in rows["Lead"]] == [f"Person {LEADS - 1:04}"]
