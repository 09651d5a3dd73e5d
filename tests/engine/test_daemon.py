"""Does the daemon run, end within ten seconds, stay alone, keep secrets, and come back after kill -9?"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from syncd.sandbox.local import RunningOrg
from tests.engine.scene import SECRET, Scene, username, write_home
from tests.engine.small_org import lead, write_small_org

ENDS_WITHIN_S = 10
STARTS_WITHIN_S = 40
FAST = '[schedule]\ninterval = "1 s"\n'
ENVIRON = {**os.environ, **SECRET}
WORKING = lead("Working")


class Daemon:
    """One `syncd run` as a process; its log is read line by line."""

    def __init__(self, home: Path, *verb: str) -> None:
        arguments = [sys.executable, "-m", "syncd.cli.main", *(verb or ("run",)), "--config", str(home)]
        self.log = (home / f"log-{len(list(home.glob('log-*')))}").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(arguments, env=ENVIRON, stdout=subprocess.PIPE, stderr=self.log)

    def lines(self) -> list[str]:
        return Path(self.log.name).read_text(encoding="utf-8").splitlines()

    def events(self) -> list[dict[str, Any]]:
        """Return the whole log lines so far; each of them is JSON."""
        text = Path(self.log.name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def wait_for(self, event: str, times: int = 1) -> list[dict[str, Any]]:
        """Wait until the log tells of something so many times."""
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            found = [one for one in self.events() if one["event"] == event]
            if len(found) >= times:
                return found
            assert self.process.poll() is None, f"the daemon ended with {self.process.returncode}: {self.lines()}"
            assert time.monotonic() < deadline, f"no {event!r} in {self.lines()}"
            time.sleep(0.02)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Signal the daemon; return its exit code and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(ENDS_WITHIN_S + 20)
        return self.process.returncode, time.monotonic() - began

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.log.close()


@contextmanager
def daemon(home: Path, *verb: str) -> Iterator[Daemon]:
    """Start syncd; whatever is left of it at the end is killed."""
    started = Daemon(home, *verb)
    try:
        yield started
    finally:
        started.close()


def syncd(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "syncd.cli.main", *arguments, "--config", str(home)]
    return subprocess.run(command, env=ENVIRON, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def home(ticking: RunningOrg, tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return write_home(path, ticking.url, config=FAST)


@contextmanager
def sandbox_process(folder: Path) -> Iterator[str]:
    """Start the emulated org as its users do; give its URL."""
    command = [sys.executable, "-m", "syncd.sandbox", "--port", "0", "--load", str(folder), "--now", "2026-03-02T09:00:00Z"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            assert process.wait(10) == 0


def test_beside_the_org_it_puts_a_crossing_back_tells_json_and_no_secret_and_ends_at_once(tmp_path: Path) -> None:
    folder, home = tmp_path / "load", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    with sandbox_process(write_small_org(folder)) as url:
        write_home(home, url, config=FAST)
        path = home / "mappings" / "fences.toml"
        text = path.read_text(encoding="utf-8").replace('tool = "observe"', 'tool = "revert"')
        path.write_text(text.replace("grace_minutes = 30", "grace_minutes = 0"), encoding="utf-8")
        with daemon(home) as one:
            one.wait_for("cycle")
            edit = {"op": "update", "object": "Lead", "id": WORKING, "fields": {"Status": "Inquiry"}}
            body = {"user": username("marketo"), "edits": [edit]}
            requests.post(f"{url}/_sandbox/edit", json=body, timeout=10).raise_for_status()
            one.wait_for("cycle", 2)
            deadline = time.monotonic() + 30
            while _status_of(url, WORKING) != "Working":
                assert time.monotonic() < deadline, one.lines()
                time.sleep(0.05)
            code, took_s = one.end()
            assert (code, one.events()[-1]["event"]) == (0, "ended")
            assert took_s < ENDS_WITHIN_S
            assert sum(event.get("reverts", 0) for event in one.events()) <= 1
            told = "\n".join(one.lines())
            assert "sandbox-secret" not in told
            assert "!AQ" not in told  # a token of the emulated org is "<org>!AQ…"
            assert "Traceback" not in told


def _status_of(url: str, id: str) -> str:
    rows = requests.get(f"{url}/_sandbox/dump", params={"objects": "Lead"}, timeout=10).json()["Lead"]
    return next(str(row["Status"]) for row in rows if row["Id"] == id)


@pytest.mark.sweep
def test_asked_to_end_while_a_request_hangs_it_ends_within_ten_seconds(ticking: RunningOrg, home: Path) -> None:
    release, hanging = threading.Event(), threading.Event()

    def hang(n: int, method: str, path: str) -> None:
        hanging.set()
        release.wait(40)

    try:
        with daemon(home) as one:
            one.wait_for("cycle")
            ticking.hook(hang)
            assert hanging.wait(STARTS_WITHIN_S)
            code, took_s = one.end()
            assert code == 0, one.lines()
            assert took_s < ENDS_WITHIN_S
            assert one.events()[-1]["event"] == "ended"
    finally:
        release.set()
        ticking.hook()
    with daemon(home) as two:
        two.wait_for("cycle")
        assert two.end()[0] == 0


def test_asked_to_end_while_it_still_logs_in_it_ends_at_once(ticking: RunningOrg, home: Path) -> None:
    entered, release = threading.Event(), threading.Event()

    def hang(number: int, method: str, path: str) -> None:
        entered.set()
        release.wait(30)

    ticking.hook(on_request=hang)
    with daemon(home) as one:
        assert entered.wait(STARTS_WITHIN_S)
        try:
            code, seconds = one.end()
        finally:
            release.set()
        assert (code, one.events()) == (0, [])
        assert seconds < ENDS_WITHIN_S


@pytest.mark.sweep
def test_only_one_writes_for_an_org(ticking: RunningOrg, home: Path) -> None:
    with daemon(home) as one:
        one.wait_for("cycle")
        refused = syncd(home, "run")
        assert refused.returncode == 1, refused
        assert f"process {one.process.pid} on {socket.gethostname()}" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert syncd(home, "status").returncode in (0, 1)
        cycles = len(one.wait_for("cycle"))
        one.wait_for("cycle", cycles + 1)
        assert one.end()[0] == 0


def test_after_kill_9_the_next_start_takes_over_at_once(ticking: RunningOrg, home: Path) -> None:
    with daemon(home) as one:
        one.wait_for("cycle")
        one.end(signal.SIGKILL)
    with daemon(home) as two:
        two.wait_for("cycle")
        assert two.end(signal.SIGINT)[0] == 0
    scene = Scene(ticking, home)
    with scene.store() as store:
        assert store.lease_holder() is None
        assert store.verify().problems == ()


@pytest.mark.sweep
def test_an_org_that_goes_away_is_waited_for(ticking: RunningOrg, home: Path) -> None:
    with daemon(home) as one:
        one.wait_for("cycle")
        ticking.org.change_settings({"daily_api_requests": 1})
        [failed, *_] = one.wait_for("cycle failed")
        assert "TotalRequests Limit exceeded" in failed["reason"]
        ticking.org.change_settings({"daily_api_requests": 100_000})
        assert one.process.poll() is None
        assert one.end()[0] == 0
