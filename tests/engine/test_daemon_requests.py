"""Do commands go through a daemon that runs, and does the daemon outlast an org that is away and a cycle that hangs?"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from syncd.cli.main import main
from syncd.core.plan import plan_to_json
from syncd.core.values import InboxItem
from syncd.engine import health
from syncd.engine.planning import preview
from syncd.sandbox.local import RunningOrg
from syncd.store import claim
from tests.engine.scene import Scene, username, write_home
from tests.engine.small_org import lead
from tests.engine.test_daemon import ENDS_WITHIN_S, FAST, daemon, syncd

QUIET = '[schedule]\ninterval = "1 h"\n'
WORKING = lead("Working")


@pytest.fixture
def home(ticking: RunningOrg, tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return write_home(path, ticking.url, config=QUIET)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def status(home: Path) -> Any:
    return json.loads(syncd(home, "status", "--json").stdout)


@pytest.mark.sweep
def test_while_it_idles_commands_are_carried_out_at_once_by_the_daemon(ticking: RunningOrg, home: Path) -> None:
    scene = Scene(ticking, home)
    scene.fences(status={"tool": "revert"})
    with daemon(home) as one:
        one.wait_for("cycle")
        edit = {"op": "update", "object": "Lead", "id": WORKING, "fields": {"Status": "Inquiry"}}
        ticking.org.edit([edit], user=username("marketo"))
        once = syncd(home, "run", "--once", "--json")
        assert once.returncode == 0, once
        assert json.loads(once.stdout)["cycle"]["counts"]["crossings"] == 1
        with scene.world() as (world, _):
            number = world.store.ask("cycle", {}, "dana@host", scene.clock.now())
            began = time.monotonic()
            while (request := world.store.request(number)) is not None and request.taken_at is None:
                assert time.monotonic() - began < 1.5, one.lines()
                time.sleep(0.01)
        assert len(one.wait_for("request done", 2)) >= 2
        plan = home / "plan.json"
        with scene.world(is_read_only=True) as (world, _):
            plan.write_text(plan_to_json(preview(world).plan), "utf-8")
        applied = syncd(home, "apply", str(plan), "--json")
        assert applied.returncode == 0, applied
        again = syncd(home, "apply", str(plan))
        assert again.returncode == 1
        assert "was applied already" in again.stderr
        assert one.end()[0] == 0
        told = "\n".join(one.lines())
        assert '"request refused"' in told
    assert scene.is_at_rest()


def test_a_command_names_who_writes_for_the_org_with_another_database(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SYNCD_CLIENT_SECRET", "sandbox-secret")
    monkeypatch.setattr(claim.CLAIMS, "take", lambda org, site: os.getppid())
    with pytest.raises(SystemExit) as ended:
        main(["--config", str(home), "run", "--once"])
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert f"is written by another syncd on this machine, process {os.getppid()}" in told
    assert "Stop that one first: two writers for one org are never allowed." in told


@pytest.mark.sweep
def test_items_are_closed_through_the_daemon_and_without_one(ticking: RunningOrg, home: Path) -> None:
    scene = Scene(ticking, home)
    assert syncd(home, "run", "--once").returncode == 0
    with scene.world() as (world, _), world.store.begin() as tx:
        tx.put_inbox([InboxItem("export-row", f"s{n}", "a.csv:1", "text", "remedy") for n in range(2)], world.org.now())
    first, second = (item["number"] for item in json.loads(syncd(home, "inbox", "list", "--json").stdout)["items"])
    with daemon(home) as one:
        one.wait_for("cycle")
        assert syncd(home, "inbox", "resolve", str(first), "--reason", "seen").stdout == f"closed 1 inbox item: {first}\n"
        assert one.end()[0] == 0
    assert syncd(home, "inbox", "resolve", str(second), "--reason", "seen").returncode == 0
    assert scene.inbox() == []
    assert len(scene.ledger(kind="asked")) == 2


@pytest.mark.sweep
def test_a_command_whose_daemon_dies_does_it_itself(ticking: RunningOrg, home: Path) -> None:
    entered, release = threading.Event(), threading.Event()

    def hang(number: int, method: str, path: str) -> None:
        entered.set()
        release.wait(30)

    with daemon(home) as one:
        one.wait_for("cycle")
        ticking.hook(hang)
        with daemon(home, "run", "--once", "--json") as command:
            assert entered.wait(20)
            ticking.hook()
            one.process.kill()
            one.process.wait()
            release.set()
            assert command.process.wait(30) == 0
            assert command.process.stdout is not None
            assert json.loads(command.process.stdout.read())["cycle"]["error"] is None


@pytest.mark.sweep
def test_an_org_that_is_away_at_the_start_is_waited_for_and_status_says_so(ticking: RunningOrg, home: Path) -> None:
    assert syncd(home, "run", "--once").returncode == 0
    config = home / "config.toml"
    text = config.read_text("utf-8")
    config.write_text(text.replace(ticking.url, f"http://127.0.0.1:{closed_port()}"), "utf-8")
    with daemon(home) as one:
        [told] = one.wait_for("the org does not answer")[:1]
        assert one.process.poll() is None
        found = status(home)
        assert found["trouble"]["reason"] == told["reason"]
        assert f"failed: {told['reason']}" in found["reason"]
        assert found["lease"]["pid"] == one.process.pid
        code, took_s = one.end()
        assert (code, took_s < ENDS_WITHIN_S) == (0, True)


@contextmanager
def _gate(url: str) -> Iterator[tuple[int, threading.Event]]:
    """Give a port that refuses connections until the event is set, and then leads to the org."""
    port, is_open, done = closed_port(), threading.Event(), threading.Event()
    target = ("127.0.0.1", int(url.rsplit(":", 1)[1]))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with sink:
            try:
                while block := source.recv(65536):
                    sink.sendall(block)
            except OSError:
                return

    def serve() -> None:
        is_open.wait(60)
        with socket.create_server(("127.0.0.1", port)) as server:
            server.settimeout(0.1)
            while not done.is_set():
                try:
                    client, _ = server.accept()
                except TimeoutError:
                    continue
                inner = socket.create_connection(target)
                for pair in ((client, inner), (inner, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield port, is_open
    finally:
        is_open.set()
        done.set()
        thread.join(10)


@pytest.mark.sweep
def test_a_first_start_without_the_org_begins_when_it_answers(ticking: RunningOrg, tmp_path: Path) -> None:
    with _gate(ticking.url) as (port, is_open):
        path = tmp_path / "far"
        path.mkdir()
        write_home(path, f"http://127.0.0.1:{port}", config=FAST)
        with daemon(path) as one:
            one.wait_for("the org does not answer")
            is_open.set()
            one.wait_for("cycle")
            assert one.end()[0] == 0


def test_a_login_that_is_refused_at_the_first_start_is_said_at_once(ticking: RunningOrg, home: Path) -> None:
    config = home / "config.toml"
    config.write_text(config.read_text("utf-8").replace("sandbox-client", "no-such-client"), "utf-8")
    said = syncd(home, "run")
    assert said.returncode == 1
    assert "client_id" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.sweep
def test_a_cycle_that_overruns_is_named_in_log_and_status(ticking: RunningOrg, home: Path) -> None:
    config = home / "config.toml"
    config.write_text(config.read_text("utf-8").replace('"1 h"', '"1 s"'), "utf-8")
    entered, release = threading.Event(), threading.Event()

    def hang(number: int, method: str, path: str) -> None:
        entered.set()
        release.wait(40)

    with daemon(home) as one:
        one.wait_for("cycle")
        ticking.hook(hang)
        try:
            assert entered.wait(20)
            [told] = one.wait_for("takes longer than it should")
            assert told["what"] == "cycle"
            assert ".py:" in told["seen_in"]
            time.sleep(0.2)
            reason = status(home)["reason"]
            assert "more than 2 intervals of 1 s; a cycle has been running for" in reason
            checked = syncd(home, "status", "--healthcheck")
            assert checked.returncode == 1
            assert "a cycle has been running for" in checked.stdout
        finally:
            ticking.hook()
            release.set()
        cycles = len(one.wait_for("cycle"))
        one.wait_for("cycle", cycles + 1)
        assert status(home)["trouble"]["running"] == ""
        assert one.end()[0] == 0


@pytest.mark.sweep
def test_a_crash_loop_is_slowed_down_and_named(ticking: RunningOrg, home: Path) -> None:
    assert syncd(home, "run", "--once").returncode == 0
    scene = Scene(ticking, home)
    with scene.world() as (world, _):
        for _ in range(3):
            health.note_start(world.store, scene.clock.now())
    with daemon(home) as one:
        [told] = one.wait_for("waits before the first cycle: earlier starts ended without one")
        assert told["wait_s"] == 10
        assert "started 4 times without finishing a cycle" in status(home)["reason"]
        code, took_s = one.end()
        assert (code, took_s < ENDS_WITHIN_S) == (0, True)
    assert status(home)["trouble"]["starts"] == 0


@pytest.mark.sweep
def test_killed_at_its_first_cycle_again_and_again_it_counts_its_starts(ticking: RunningOrg, home: Path) -> None:
    entered = threading.Event()

    def strike(number: int, method: str, path: str) -> None:
        if path.endswith("/composite"):
            entered.set()
            time.sleep(0.3)

    assert syncd(home, "run", "--once").returncode == 0
    ticking.hook(strike)
    for _ in range(2):
        entered.clear()
        with daemon(home) as one:
            assert entered.wait(30), one.lines()
            os.kill(one.process.pid, signal.SIGKILL)
            one.process.wait()
    ticking.hook()
    assert status(home)["trouble"]["starts"] == 2
    with daemon(home) as last:
        last.wait_for("waits before the first cycle: earlier starts ended without one")
        last.wait_for("cycle")
        assert last.end()[0] == 0
    assert status(home)["trouble"]["starts"] == 0
