"""Does a real daemon take edited policy files on SIGHUP and on save, never in the middle of a cycle, and never a broken one?"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.core.values import Entry
from syncd.sandbox.local import RunningOrg
from tests.engine.scene import Scene, write_home
from tests.engine.small_org import lead
from tests.engine.test_daemon import FAST, STARTS_WITHIN_S, Daemon, daemon, syncd

pytestmark = pytest.mark.sweep


@pytest.fixture
def scene(ticking: RunningOrg, tmp_path: Path) -> Scene:
    home = tmp_path / "home"
    home.mkdir()
    return Scene(ticking, write_home(home, ticking.url, config=FAST))


def wait(one: Daemon, until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not until():
        assert time.monotonic() < deadline, one.lines()
        time.sleep(0.05)


def crossings(scene: Scene, id: str) -> list[Entry]:
    return [entry for entry in scene.ledger(id, kind="change") if entry.field == "Status"]


def test_an_edit_during_a_cycle_counts_from_the_next_one_on_and_each_row_names_its_version(scene: Scene) -> None:
    held, release = threading.Event(), threading.Event()

    def hook(n: int, method: str, path: str) -> None:
        if "/composite" in path or "/query" in path:
            held.set()
            release.wait(STARTS_WITHIN_S)

    with daemon(scene.home) as one:
        one.wait_for("cycle")
        scene.hook(hook)
        assert held.wait(STARTS_WITHIN_S)
        try:
            scene.edit("marketo", lead("Working"), Status="Inquiry")
            scene.fences({"tool": "revert"})
            time.sleep(2)
            assert not [event for event in one.events() if event["event"] == "policy files taken"]
        finally:
            scene.hook()
            release.set()
        [taken] = one.wait_for("policy files taken")
        assert taken["number"] >= 1
        wait(one, lambda: bool(crossings(scene, lead("Working"))))
        scene.edit("marketo", lead("Working", 1), Status="Inquiry")
        wait(one, lambda: scene.row(lead("Working", 1))["Status"] == "Working")
        assert scene.row(lead("Working"))["Status"] == "Inquiry"
        [before], [after, *_] = crossings(scene, lead("Working")), crossings(scene, lead("Working", 1))
        assert before.verdict != after.verdict == "revert"
        assert before.policy_hash != after.policy_hash
        assert one.end()[0] == 0


def test_broken_files_fail_status_with_each_problem_until_they_are_put_right(scene: Scene) -> None:
    path = scene.home / "mappings" / "fences.toml"
    text = path.read_text(encoding="utf-8")
    with daemon(scene.home) as one:
        one.wait_for("cycle")
        path.write_text(text.replace("[gate]", "[gates]"), encoding="utf-8")
        one.wait_for("edited policy files are not in force")
        told = syncd(scene.home, "status")
        assert told.returncode == 1
        assert "mappings/fences.toml:" in told.stdout
        assert "unknown key 'gates'" in told.stdout
        assert "Traceback" not in told.stderr
        cycles = len(one.wait_for("cycle"))
        one.wait_for("cycle", cycles + 2)
        path.write_text(text.replace('version = "2026-11"', 'version = "2026-12"'), encoding="utf-8")
        one.wait_for("policy files taken")
        found = json.loads(syncd(scene.home, "status", "--json").stdout)
        assert found["policies"]["refused"] == []
        assert found["policies"]["versions"]["fences.toml"] == "2026-12"
        assert [item for item in found["inbox"] if item["kind"] == "policy-invalid"] == []
        assert one.end()[0] == 0


def test_a_storm_of_hangups_ends_nothing_and_loads_identical_files_for_nothing(scene: Scene) -> None:
    with daemon(scene.home) as one:
        one.wait_for("cycle")
        for _ in range(200):
            one.process.send_signal(signal.SIGHUP)
            time.sleep(0.005)
        one.wait_for("policy files unchanged")
        cycles = len(one.wait_for("cycle"))
        one.wait_for("cycle", cycles + 2)
        assert not [event for event in one.events() if event["event"] == "policy files taken"]
        path = scene.home / "mappings" / "fences.toml"
        path.write_text(path.read_text(encoding="utf-8") + "\n# noted\n", encoding="utf-8")
        one.process.send_signal(signal.SIGHUP)
        one.wait_for("policy files taken")
        assert one.end()[0] == 0
