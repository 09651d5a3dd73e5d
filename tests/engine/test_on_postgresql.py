"""Does the same week give the same ledger on both databases?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncd.engine.planning import apply, preview
from syncd.ports import LedgerQuery
from syncd.sandbox.local import running
from syncd.store.sql import open_store
from tests.checker.watch import WATCH, audit
from tests.engine.scene import Scene, export_line, write_home
from tests.engine.small_org import contact, lead, user, write_small_org
from tests.postgres import copy_to_sqlite

Told = dict[str, Any]


def live_a_week(home: Path, org: Path, store: str) -> Scene:
    """Let people and tools cross the fences, exports arrive and deals stall, in an org of its own."""
    with running(load=org) as served:
        write_home(home, served.url, config=f'[store]\nurl = "{store}"\n')
        scene = Scene(served, home)
        path = None if store.startswith("sqlite") else home / "syncd.db"
        if path is not None:
            del WATCH.pairs[served.url, path]  # it reads SQLite files: this one is made at the end
        scene.cycle()
        scene.fences({"tool": "revert", "person": "warn"}, {"tool": "revert"})
        scene.mapping("write")
        for number in range(3):
            scene.edit("marketo", lead("Working", number), Status="Inquiry")
        scene.edit("mia", lead("Working", 3), OwnerId=user("mia"))
        scene.edit("sam", lead("MQL"), FirstName="Żoë \N{GRINNING FACE}", LastName="a'b\\c%_")
        scene.drop("a.csv", export_line(lead("Nurture"), leadScore="91"), export_line(contact(1), unsubscribed="true"))
        scene.cycle()
        scene.do("ada", "delete", lead("Nurture", 1))
        scene.nurture("enroll")
        scene.tick()
        with scene.world(is_read_only=True) as (world, _):
            plan = preview(replace(world, clock=scene.clock)).plan
        assert plan.intents
        with scene.world() as (world, salesforce):
            apply(world, salesforce, plan)
        for _ in range(3):
            scene.cycle()
        assert scene.is_at_rest()
        if path is not None:
            copy_to_sqlite(store, path)
            assert audit(served.requests(), path, served.org) == []
        return scene


def told(scene: Scene) -> Told:
    """Return what the store has to say, without what is different in every run."""
    store = open_store(scene.config().store_url, None, read_only=True)
    cycles: dict[str, int] = {}
    try:
        entries = [
            replace(row.entry, cycle=str(cycles.setdefault(row.entry.cycle, len(cycles))), request_id=None, key=None)
            for row in store.ledger(LedgerQuery(limit=10**6))
            if row.entry.kind != "plan"
        ]
        return {
            "ledger": entries,
            "flags": store.flag_counts(),
            "inbox": [item for _, item, _ in store.inbox()],
            "counts": [cycle.counts for cycle in store.cycles()],
            "mirror": {name: store.count(name) for name in ("Lead", "Contact", "Opportunity", "LeadHistory", "Task")},
            "leads": store.scan("Lead"),
        }
    finally:
        store.dispose()


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_org(tmp_path_factory.mktemp("small-org"))


@pytest.mark.sweep
def test_the_same_week_gives_the_same_ledger_on_both_databases(tmp_path: Path, org: Path, postgres_url: str) -> None:
    homes: dict[str, Callable[[Path], str]] = {
        "sqlite": lambda home: f"sqlite:///{home}/syncd.db",
        "postgresql": lambda home: postgres_url,
    }
    found = {}
    for name, url in homes.items():
        home = tmp_path / name
        home.mkdir()
        found[name] = told(live_a_week(home, org, url(home)))
    first, second = found.values()
    assert {entry.outcome for entry in first["ledger"]} >= {None, "confirmed"}
    for part in first:
        assert first[part] == second[part], part
