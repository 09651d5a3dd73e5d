"""What do tests of real daemons share: starting them, their logs, and who wrote when in the org's request log?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from syncd.sandbox.local import RunningOrg

ROOT = Path(__file__).parents[2]


class Nursery:
    """Starts daemons, and remembers all that still live."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.sweep.daemon_driver"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.alive: set[int] = set()
        self._logs: dict[int, Path] = {}

    def start(self, home: Path, log: Path, **wishes: Any) -> int:
        """Start one daemon and return its process number."""
        pid = self._ask({"start": str(home), "log": str(log), **wishes})
        self.alive.add(pid)
        self._logs[pid] = log
        return pid

    def code(self, pid: int) -> int:
        """Wait for the end of a daemon and return its exit code."""
        code = self._ask({"code": pid})
        if code == 999:
            os.kill(pid, signal.SIGUSR2)
            time.sleep(0.5)
        assert code != 999, f"process {pid} did not end: {self._logs[pid].read_text('utf-8')}"
        self.alive.discard(pid)
        return code

    def end(self, pid: int) -> tuple[int, float]:
        """Ask a daemon to end; return its exit code and how long it took."""
        began = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        return self.code(pid), time.monotonic() - began

    def kill(self, pid: int) -> None:
        """Kill a daemon."""
        os.kill(pid, signal.SIGKILL)
        self.code(pid)

    def close(self) -> None:
        """Kill whoever still lives, and end."""
        for pid in sorted(self.alive):
            self.kill(pid)
        _pipe(self.process.stdin).close()
        self.process.wait(10)
        _pipe(self.process.stdout).close()

    def _ask(self, command: dict[str, Any]) -> int:
        stdin = _pipe(self.process.stdin)
        stdin.write(json.dumps(command) + "\n")
        stdin.flush()
        return int(_pipe(self.process.stdout).readline())


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def events(log: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a daemon's log."""
    text = log.read_text("utf-8") if log.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines() if line.startswith("{")]


def wait_until(is_so: Callable[[], bool], seconds: float, what: Callable[[], object]) -> float:
    """Wait for something and return how long it took; `what` tells what there was instead."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds, what()
        time.sleep(0.01)
    return time.monotonic() - began


@dataclass(frozen=True, slots=True)
class Deed:
    """One write of one process in the order in which the org heard of them."""

    n: int
    pid: int


def deeds_of(served: RunningOrg, since: int = 0) -> list[Deed]:
    """Return who wrote when, from the org's own request log: all that is no question and no login."""
    found: list[Deed] = []
    for one in served.requests(since):
        agent = {name.lower(): value for name, value in one["headers"].items()}.get("sforce-call-options", "")
        if one["method"] == "GET" or "/oauth2/" in one["path"] or not agent.removeprefix("client=syncd/").isdigit():
            continue
        if one["path"].endswith("/composite") and not any(part["method"] != "GET" for part in _parts(one)):
            continue
        if one["path"].endswith("/jobs/query") or "ids" in (one["body"] or {}):
            continue
        found.append(Deed(one["n"], int(agent.removeprefix("client=syncd/"))))
    return found


def _parts(one: dict[str, Any]) -> Sequence[dict[str, Any]]:
    body = one["body"]
    parts: Sequence[dict[str, Any]] = body.get("compositeRequest", ()) if isinstance(body, dict) else ()
    return parts


def overlaps(deeds: Sequence[Deed]) -> list[str]:
    """Name each process that wrote again after another had begun to write."""
    wrong: list[str] = []
    order: list[int] = []
    for deed in deeds:
        if order and order[-1] == deed.pid:
            continue
        if deed.pid in order:
            wrong.append(f"request {deed.n}: process {deed.pid} writes again after process {order[-1]} began to")
        order.append(deed.pid)
    return wrong
