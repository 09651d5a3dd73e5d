"""First loads and other big reads: by Bulk jobs, behind what is hot, resumed wherever they were cut short."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncd.cli.status import read_status
from syncd.core.values import OrgRecord
from syncd.engine.backfill import ask_for, backlog
from syncd.engine.cycle import run_cycle
from syncd.engine.needs import OBJECTS
from syncd.engine.planning import preview
from syncd.engine.requests import take_up
from syncd.engine.world import Stopped, World
from syncd.errors import OrgUnreachable
from syncd.ports import CycleRecord, LedgerQuery, OrgWriter, Store
from syncd.sandbox.faults_read import read_faults
from tests.engine.scene import Scene, export_line, story
from tests.engine.small_org import CONVERTED, DELETED_LATER, lead

ROWS_MIN = 8
LOST = "*/jobs/query"
NO_TIME, ALL_TIME = timedelta(0), timedelta(hours=1)


@contextmanager
def begun(
    scene: Scene, *, slice: timedelta = ALL_TIME, rows_min: int = ROWS_MIN, **changes: Any
) -> Iterator[tuple[World, OrgWriter]]:
    """Start syncd with little patience for pages: from so few rows on it reads by Bulk jobs."""
    with scene.world() as (world, org):
        pace = replace(world.pace, bulk_rows_min=rows_min, backlog_slice=slice)
        yield replace(world, pace=pace, **changes), org


def cycle(scene: Scene, **how: Any) -> CycleRecord:
    """Start syncd and run one cycle a minute later."""
    scene.tick()
    with begun(scene, **how) as (world, org):
        return run_cycle(world, org)


@pytest.fixture
def fresh(scene: Scene) -> Scene:
    """An installation that has never run; a page of a Bulk result holds seven rows."""
    (scene.home / "syncd.db").unlink()
    scene.settings(bulk_page_rows=7)
    return scene


def mirrored(store: Store) -> dict[str, list[OrgRecord]]:
    return {name: store.scan(name, limit=1000) for name in OBJECTS}


def paths(scene: Scene, part: str, since: int = 0) -> list[str]:
    return [one["path"] for one in scene.served.requests(since or scene.first_request) if part in one["path"]]


def test_a_first_load_by_bulk_jobs_ends_where_pages_would(fresh: Scene) -> None:
    fresh.edit("ada", lead("MQL", 1), Status="Working")
    cycle(fresh, rows_min=10_000)
    assert not paths(fresh, "/jobs/query")
    with fresh.store() as store:
        by_pages, baselines = mirrored(store), story_of(store)
    (fresh.home / "syncd.db").unlink()
    record = cycle(fresh)
    assert record.counts.get("backlog") == 1  # exports and nurture waited for it
    with fresh.store() as store:
        assert mirrored(store) == by_pages
        assert story_of(store) == baselines
        assert [row.id for row in store.by_key("Lead", "Email", ["mql.1@example.com"])] == [lead("MQL", 1)]
        assert [row.id for row in store.by_key("Lead", "ConvertedContactId", [by_pages["Contact"][-1].id])] == [CONVERTED]
        assert backlog(store) == []
    assert len(paths(fresh, "/jobs/query")) > 3
    assert "backlog" not in cycle(fresh).counts


def story_of(store: Any) -> tuple[dict[str | None, int], list[tuple[str, str | None, str | None]]]:
    """Return how many rows of each object were noted as first seen, and what else the ledger says."""
    entries = [row.entry for row in store.ledger(LedgerQuery())]
    seen: dict[str | None, int] = {}
    for entry in entries:
        if entry.kind == "baseline":
            seen[entry.object] = seen.get(entry.object, 0) + int(str(entry.evidence["rows"]))
    return seen, [line for line in story(entries) if line[0] != "baseline"]


def test_a_first_load_that_is_stopped_anywhere_goes_on_where_it_was(fresh: Scene) -> None:
    fresh.edit("ada", lead("MQL", 1), Status="Working")
    cycle(fresh, rows_min=10_000)
    with fresh.store() as store:
        wanted, noted = mirrored(store), story_of(store)
    (fresh.home / "syncd.db").unlink()
    before, starts = fresh.last_request(), 0
    while True:
        starts += 1
        left = iter(range(2 * starts))
        try:
            record = cycle(fresh, is_stopping=lambda left=left: next(left, None) is None)
        except Stopped:
            assert starts < 400
            continue
        if not record.counts.get("backlog"):
            break
    assert starts > 10
    with fresh.store() as store:
        assert mirrored(store) == wanted
        assert story_of(store) == noted
        assert backlog(store) == []
    results = [path for path in paths(fresh, "/results", before) if "/jobs/query" in path]
    assert len(results) == 5 + 2 + 2 + 2 + 2, "each page of leads, users, groups, contacts and roles was read once"


def test_hot_leads_are_decided_before_the_backlog(fresh: Scene) -> None:
    hot, later = lead("Working", 0), lead("Working", 1)
    fresh.fences(status={"person": "revert"})
    first = cycle(fresh, slice=NO_TIME)
    assert first.counts["backlog"] > 0
    fresh.edit("ada", hot, Title="Buyer")
    cycle(fresh, slice=NO_TIME)
    with fresh.store() as store:
        assert list(store.get("Lead", [hot, later])) == [hot]
        assert {one.object for one in backlog(store)} >= {"Lead", "LeadHistory"}
    fresh.tick()
    fresh.edit("mia", hot, Status="Nurture")  # marketing takes a lead back that sales works on
    record = cycle(fresh, slice=NO_TIME)
    assert record.counts["reverts"] == 1
    assert record.counts["backlog"] > 0
    assert fresh.row(hot)["Status"] == "Working"
    cycle(fresh)
    with fresh.store() as store:
        assert store.get("Lead", [hot])[hot].fields["Status"] == "Working"
        assert len(store.get("Lead", [hot, later])) == 2


def test_status_says_what_is_still_to_be_loaded(fresh: Scene) -> None:
    cycle(fresh, slice=NO_TIME)
    with fresh.store() as store:
        found = read_status(store, timedelta(minutes=1), datetime.now(UTC))
    first = found.backlog[0]
    assert (first.object, first.reason, first.rows_done, first.rows_expected) == ("Lead", "first load", 0, 30)


def test_a_plan_of_an_org_that_was_never_read_reads_all_of_it_and_keeps_nothing(fresh: Scene) -> None:
    with begun(fresh) as (world, _):
        found = preview(world)
        assert found.counts["rows read"] > 30
        assert "waiting for a first load" not in found.counts
        assert world.store.count("Lead") == 0
        assert backlog(world.store) == []


def test_run_once_goes_on_until_everything_is_loaded_and_what_waited_is_done(fresh: Scene) -> None:
    fresh.mapping("write")
    fresh.drop("new.csv", export_line("MQL-1", leadScore="77"))
    with begun(fresh) as (world, org):
        world.store.ask("cycle", {}, "dana@host", datetime.now(UTC))
        assert take_up(world, org) == 1
        assert backlog(world.store) == []
    assert fresh.row(lead("MQL", 1))["Lead_Score__c"] == 77


def test_what_is_deleted_while_it_is_loaded_does_not_linger(fresh: Scene) -> None:
    cycle(fresh, slice=NO_TIME)
    with begun(fresh, slice=ALL_TIME) as (world, org):
        jobs = iter(range(100))

        def deleted_meanwhile(_number: int, _method: str, path: str) -> None:
            if "/results" in path and next(jobs) == 0:
                fresh.do("admin", "delete", DELETED_LATER)

        fresh.hook(deleted_meanwhile)
        fresh.tick()
        run_cycle(world, org)
        fresh.hook()
    cycle(fresh)
    with fresh.store() as store:
        assert DELETED_LATER not in {row.id for row in store.scan("Lead")}
        assert store.count("Lead") == len(fresh.rows("Lead"))


def test_exports_wait_for_the_first_load_and_no_longer(fresh: Scene) -> None:
    fresh.mapping("write")
    fresh.drop("new.csv", export_line("MQL-1", leadScore="77"))
    waiting = cycle(fresh, slice=NO_TIME)
    assert waiting.counts["waiting for a first load"] == 1
    assert fresh.files() == {"new.csv"}
    assert cycle(fresh).counts["backlog"] == 1
    cycle(fresh)
    assert [name for name in fresh.files() if not name.startswith("done/")] == []
    assert fresh.row(lead("MQL", 1))["Lead_Score__c"] == 77


def test_many_changes_come_by_a_bulk_job_and_keep_their_authors(scene: Scene) -> None:
    scene.settings(bulk_page_rows=7, page_size_max=3)
    scene.fences(status={"person": "observe"})
    changed = [lead(status, number) for status in ("MQL", "Working") for number in range(4)] + [
        lead("Inquiry", n) for n in range(4)
    ]
    for id in changed:
        scene.edit("ada", id, Status="Meeting Set")
    scene.tick(700)
    record = cycle(scene)
    assert paths(scene, "/jobs/query")
    assert record.counts["moves of Status"] == len(changed)
    entries = [entry for entry in scene.ledger(kind="change") if entry.field == "Status"]
    assert sorted(str(entry.record_id) for entry in entries) == sorted(changed)
    assert {entry.proof for entry in entries} == {"history"}
    again = cycle(scene)
    assert "moves of Status" not in again.counts
    with scene.store() as store:
        assert all(store.get("Lead", changed)[id].fields["Status"] == "Meeting Set" for id in changed)


@pytest.mark.sweep
def test_many_changes_that_were_cut_short_are_read_to_the_end(scene: Scene) -> None:
    scene.settings(bulk_page_rows=7, page_size_max=3)
    changed = [lead(status, number) for status in ("MQL", "Working", "Inquiry") for number in range(4)]
    for id in changed:
        scene.edit("ada", id, Status="Meeting Set")
    for left in range(60):
        stops = iter(range(left))
        try:
            cycle(scene, is_stopping=lambda stops=stops: next(stops, None) is None)
        except Stopped:
            continue
        break
    entries = [entry for entry in scene.ledger(kind="change") if entry.field == "Status"]
    assert sorted(str(entry.record_id) for entry in entries) == sorted(changed)


@pytest.mark.parametrize("end", ["Failed", "Aborted"])
def test_a_job_that_fails_is_begun_again_and_pages_are_read_when_it_fails_thrice(fresh: Scene, end: str) -> None:
    fresh.settings(bulk_jobs=[{"operation": "query", "object": "Lead", "end": end}] * 3)
    cycle(fresh)
    with fresh.store() as store:
        assert store.count("Lead") == len(fresh.rows("Lead"))
        assert store.by_key("Lead", "Email", ["mql.1@example.com"])


def test_a_job_that_the_org_has_forgotten_is_begun_again(fresh: Scene) -> None:
    cycle(fresh, slice=timedelta(microseconds=1))
    with fresh.served.org.lock:
        for job in fresh.served.org.bulk.listed("V2Query", fresh.served.org.clock.now()):
            fresh.served.org.bulk.remove(job)
    cycle(fresh)
    with fresh.store() as store:
        assert store.count("Lead") == len(fresh.rows("Lead"))


def test_a_result_that_is_gone_in_the_middle_is_read_anew_from_another_job(fresh: Scene) -> None:
    org, seen = fresh.served.org, []

    def forget(_number: int, _method: str, path: str) -> None:
        if path.endswith("/results"):
            seen.append(path)
            if len(seen) == 2:
                org.bulk.remove(org.bulk.find(path.split("/")[-2], "V2Query", org.clock.now()))

    fresh.hook(forget)
    cycle(fresh)
    fresh.hook()
    assert len(set(seen)) > 4, "the first object took two jobs"
    with fresh.store() as store:
        assert store.count("Lead") == len(fresh.rows("Lead"))
        assert store.count("User") == len(fresh.rows("User"))


def test_a_job_whose_beginning_was_never_heard_of_is_ended_and_begun_again(fresh: Scene) -> None:
    fresh.served.org.faults.replace(read_faults({"faults": [{"does": "lose", "method": "POST", "path": LOST, "times": 1}]}))
    with pytest.raises(OrgUnreachable):
        cycle(fresh)
    cycle(fresh)
    with fresh.served.org.lock:
        states = [job.state for job in fresh.served.org.bulk.listed("V2Query", fresh.served.org.clock.now())]
    assert states.count("Aborted") == 1
    assert set(states) == {"Aborted", "JobComplete"}


def test_what_is_read_again_repairs_the_mirror_and_tells_of_it(scene: Scene) -> None:
    lost, wrong = lead("MQL", 0), lead("MQL", 1)
    with begun(scene) as (world, org):
        with world.store.begin() as tx:
            known = world.store.get("Lead", [lost, wrong])
            tx.mirror([replace(known[wrong], fields={**known[wrong].fields, "Name": "Nobody"})])
            ask_for(tx, "Lead", "for the test", org.now())
        assert [(one.object, one.reason) for one in backlog(world.store)] == [("Lead", "for the test")]
        scene.tick()
        run_cycle(world, org)
        assert world.store.get("Lead", [wrong])[wrong].fields["Name"] == scene.row(wrong)["Name"]
        assert backlog(world.store) == []


def test_where_much_is_read_twice_the_org_says_how_far_it_is_safe_to_go_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.engine.pulling.DENSE_ROWS", 3)
    for number in range(4):
        scene.edit("ada", lead("MQL", number), Title="Buyer")
    cycle(scene)
    before = scene.last_request()
    cycle(scene)
    cycle(scene)
    asked = [
        part["url"] for one in scene.served.requests(before) for part in one["subrequests"] or () if "/updated/" in part["url"]
    ]
    assert any("/Lead/updated/" in url for url in asked)
    with scene.store() as store:
        assert scene.served.org.clock.now() - store.marks()["Lead"].decided_at < timedelta(minutes=4)
