"""Does silence raise an alarm, and does everything that waits for a human show?"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from syncd.cli.status import health_problem
from syncd.core.values import Flag, FlagFact, InboxItem
from syncd.engine.health import Trouble
from syncd.engine.tally import TALLY
from syncd.ports import CycleRecord, ExportFile
from syncd.store.sql import SqlStore
from tests.cli.conftest import AT, LEAD, OTHER_LEAD, Syncd, a_cycle, an_item, intent

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("lag", "error", "says"),
    [
        (timedelta(seconds=30), None, ""),
        (timedelta(seconds=120), None, ""),
        (timedelta(seconds=-30), None, ""),
        (timedelta(seconds=121), None, "the last cycle ended 2 min 1 s ago, more than 2 intervals of 1 min"),
        (timedelta(days=3, hours=4), None, "the last cycle ended 3 d 4 h ago"),
        (timedelta(seconds=30), "no answer", "the last cycle failed: no answer"),
    ],
)
def test_stale_or_failing_is_unhealthy_with_the_reason_named(lag: timedelta, error: str | None, says: str) -> None:
    reason = health_problem([CycleRecord("c", AT, AT, {}, error)], lag, MINUTE)
    assert reason.startswith(says)
    assert bool(reason) == bool(says)


@pytest.mark.parametrize(
    ("trouble", "lag", "says"),
    [
        (
            Trouble(running="cycle", seen_in="a.py:1 in b", running_since_at=AT - 5 * MINUTE),
            30,
            "a cycle has been running for 5 min",
        ),
        (Trouble(starts=3), 30, "`syncd run` was started 3 times without finishing a cycle"),
        (Trouble(starts=2), 30, ""),
        (Trouble(failing=2, failing_since_at=AT - MINUTE, reason="no answer"), 30, "the last 2 tries of 1 min failed: no answer"),
        (Trouble(failing=2, failing_since_at=AT - MINUTE, reason="no answer"), 300, "the last cycle ended 5 min ago, more than"),
    ],
)
def test_what_keeps_the_daemon_from_finishing_is_the_reason(trouble: Trouble, lag: float, says: str) -> None:
    reason = health_problem([CycleRecord("c", AT, AT, {}, None)], timedelta(seconds=lag), MINUTE, trouble, AT)
    assert reason.startswith(says)
    assert bool(reason) == bool(says)
    assert "running?" not in reason


def test_a_store_without_a_cycle_is_unhealthy(syncd: Syncd, store: SqlStore) -> None:
    with store.begin() as tx:
        tx.put_setting("org", "known")
    said = syncd("status", "--healthcheck")
    assert (said.code, said.out) == (1, "no cycle has run yet; start one with: syncd run --once\n")


def test_a_running_daemon_is_healthy_in_one_line(syncd: Syncd, store: SqlStore) -> None:
    a_cycle(store, datetime.now(UTC))
    said = syncd("status", "--healthcheck")
    assert (said.code, said.out, said.err) == (0, "ok\n", "")


def test_a_stopped_daemon_fails_every_form_of_status(syncd: Syncd, store: SqlStore) -> None:
    a_cycle(store, datetime.now(UTC) - timedelta(minutes=5))
    for form in ([], ["--json"], ["--healthcheck"]):
        assert syncd("status", *form).code == 1
    assert "not healthy: the last cycle ended 5 min" in syncd("status").err
    assert syncd("status", "--json").json["is_healthy"] is False


def test_a_cycle_shows_what_it_did(syncd: Syncd, store: SqlStore) -> None:
    a_cycle(store, datetime.now(UTC) - timedelta(seconds=70), error="no answer")
    crossings = {"crossings": 3, "crossings note": 2, "crossings revert": 1}
    a_cycle(store, datetime.now(UTC), {"changes seen": 12, **crossings, "reverts": 1, "enrolled": 4, "API calls": 5})
    said = syncd("status")
    assert said.code == 0
    header, newest, older = said.out.splitlines()[8:11]
    assert header.startswith("ended")
    shown = dict(zip(re.split(r" {2,}", header), re.split(r" {2,}", newest), strict=False))
    assert (shown["took"], shown["changes seen"], shown["crossings"]) == ("4 s", "12", "3 (2 note, 1 revert)")
    assert (shown["reverts"], shown["enrolled"], shown["API calls"]) == ("1", "4", "5")
    assert older.endswith("no answer")
    assert syncd("status", "--json").json["cycles"][0]["counts"]["changes seen"] == 12


def test_what_waits_is_grouped_by_kind_with_its_remedy(syncd: Syncd, store: SqlStore) -> None:
    a_cycle(store, datetime.now(UTC))
    an_item(store, "plan-waiting", "plan-7.json", "612 records would change, limit 500 a cycle.")
    for number in range(5):
        an_item(store, "refused-write", f"{LEAD}:{number}", "Salesforce refused Status.")
    an_item(store, "refused-write", f"{LEAD}:0", "Salesforce refused Status.")
    said = syncd("status")
    assert "inbox: 6 items in 2 groups" in said.out
    assert "  refused-write: 5" in said.out
    assert "… and 2 more like it" in said.out
    assert "612 records would change, limit 500 a cycle." in said.out
    assert "next: Correct the record in Salesforce." in said.out
    items = syncd("status", "--json").json["inbox"]
    assert {item["times"] for item in items if item["subject"] == f"{LEAD}:0"} == {2}


def test_what_became_of_an_exports_rows_and_lines_is_shown_and_adds_up(syncd: Syncd, store: SqlStore) -> None:
    a_cycle(store, datetime.now(UTC))
    rows = {"rows": 6, "applied": 1, "unchanged": 2, "quarantined": 3}
    lines = {"lines": 9, "lines_header": 1, "lines_taken": 6, "lines_rejected": 2}
    for name, counts in (("a.csv", {**rows, **lines}), ("b.csv", {"rows": 1, "unchanged": 1, "would_write": 960})):
        file = ExportFile("marketo", f"/drop/{name}", name, name[0] * 64, 120)
        with store.begin() as tx:
            tx.begin_file(file)
            tx.finish_file(file.sha256, counts, AT)
    said = syncd("status").out
    assert "6 rows: 1 applied, 2 unchanged, 3 quarantined; 9 lines: 1 of the header, 6 in rows, 2 set aside" in said
    assert "1 row: 1 unchanged; 960 values not written, as the mapping observed\n" in said
    [first, _] = syncd("status", "--json").json["exports"]
    assert (first["name"], first["counts"]) == ("a.csv", {**rows, **lines})


def test_open_writes_excluded_people_and_the_daemon_are_shown(syncd: Syncd, store: SqlStore) -> None:
    now = datetime.now(UTC)
    a_cycle(store, now)
    with store.begin() as tx:
        tx.open([(intent(), None)], AT, "c1")
        facts = [
            FlagFact(Flag.OPTED_OUT, LEAD, None, "marketo", "a.csv:1", AT),
            FlagFact(Flag.UNREACHABLE, OTHER_LEAD, None, "marketo", "a.csv:2", AT),
        ]
        tx.add_flags(facts)
    said = syncd("status")
    assert "open writes   1, which the next cycle settles or sends" in said.out
    assert "no mail       2 people: 1 opted out, 1 unreachable" in said.out
    assert "daemon        no syncd is writing now" in said.out


def test_what_the_last_cycle_warned_of_is_told(syncd: Syncd, store: SqlStore) -> None:
    a_cycle(store, datetime.now(UTC) - timedelta(seconds=30), {"deletes lost": 1})
    a_cycle(store, datetime.now(UTC), {"held back": 612, "crossings warn": 3})
    said = syncd("status")
    assert "warning       612 writes were held back" in said.out
    assert "warning       3 changes crossed a fence that warns" in said.out
    assert "deletes" not in said.out


@pytest.mark.parametrize(("count", "reason"), [(1, "1 field that a rule needs is hidden"), (2, "2 fields that a rule needs are")])
def test_hidden_fields_are_unhealthy_until_a_cycle_sees_them(syncd: Syncd, store: SqlStore, count: int, reason: str) -> None:
    a_cycle(store, datetime.now(UTC) - timedelta(seconds=30), {"fields hidden": count})
    assert syncd("status", "--json").json["reason"].startswith(reason)
    a_cycle(store, datetime.now(UTC), {"fields hidden": 0})
    assert syncd("status").code == 0


def test_commands_in_a_status_keep_the_config(syncd: Syncd, store: SqlStore) -> None:
    a_cycle(store, datetime.now(UTC), {"crossings warn": 3})
    with store.begin() as tx:
        tx.put_inbox([InboxItem("plan-waiting", "p", "p.json", "612 records.", "Read it, then run: syncd apply p.json")], AT)
    said = syncd("--config", "config.toml", "status").out
    assert "syncd --config config.toml audit query --verdict warn" in said
    assert "syncd --config config.toml apply p.json" in said


def test_the_api_budget_is_shown_with_what_waits_and_until_when(syncd: Syncd, store: SqlStore) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    hour = now.replace(minute=0, second=0)
    a_cycle(store, now, {"API calls": 5})
    waits = {"backfill": {"reason": "3 of 4", "since_at": now.isoformat(), "resume_at": (hour + timedelta(hours=1)).isoformat()}}
    known = {"hours": {hour.isoformat(): 40}, "used": 900, "allowed": 1000, "seen_at": now.isoformat(), "waits": waits}
    with store.begin() as tx:
        tx.put_setting("api calls", {**known, "claimed": {"hour": hour.isoformat(), "calls": 2}})
    said = syncd("status")
    assert said.code == 0
    assert "API calls     42 by syncd in 24 hours, of a 25 % share; the org: 900 of 1,000" in said.out
    assert "waits         backfill, until " in said.out
    told = syncd("status", "--json").json
    assert told["paused"] is None
    assert (told["api_budget"]["own_calls_24h"], told["api_budget"]["own_share_calls"]) == (42, 250)
    assert told["api_budget"]["waiting"][0]["kind"] == "backfill"


def test_a_pause_for_the_api_budget_is_unhealthy_and_says_when_it_ends(syncd: Syncd, store: SqlStore) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    later = now + timedelta(hours=2)
    a_cycle(store, now, error="syncd has used 250 of its 25 % share")
    waits = {"fences": {"reason": "the share is used", "since_at": now.isoformat(), "resume_at": later.isoformat()}}
    with store.begin() as tx:
        tx.put_setting("api calls", {"hours": {}, "used": 900, "allowed": 1000, "seen_at": now.isoformat(), "waits": waits})
    said = syncd("status", "--json")
    assert said.code == 1
    assert said.json["reason"].endswith(f"the share is used; it goes on by itself at {later:%Y-%m-%d %H:%M:%S} UTC")
    assert datetime.fromisoformat(said.json["paused"]["resume_at"]) == later


def test_what_cannot_be_known_is_counted_and_shown(syncd: Syncd, store: SqlStore) -> None:
    a_cycle(store, datetime.now(UTC))
    with store.begin() as tx:
        kept = {"since_at": AT.isoformat(), "judged": 1200, "crossings": 31, "unknowable": 18}
        tx.put_setting(TALLY, kept)
    shown = syncd("status").out
    assert "1,200 changes since 2026-03-02 09:00" in shown
    assert "31 crossed a fence; of 18 (1.5 %) it cannot be known" in shown
    found = syncd("status", "--json").json["judged"]
    assert (found["judged"], found["crossings"], found["unknowable"]) == (1200, 31, 18)
