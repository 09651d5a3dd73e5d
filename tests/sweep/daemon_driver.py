"""Starts real daemons fast: one process imports syncd once, and forks a child for each daemon.

One JSON command a line on standard input, one line as the answer.
{"start": home, "log": file, …} starts `syncd run` and answers with its process number, which its requests carry in their
Sforce-Call-Options. "lease": factor that its lease's times are multiplied with; "org_time": true passes time in the emulated
org instead of sleeping; "commit", "side", "signal": a signal that it sends itself around its k-th commit.
{"code": pid} waits for the end of one and answers with its exit code.
"""

from __future__ import annotations

import faulthandler
import functools
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import requests
import simple_salesforce.api  # noqa: F401 - imported once here, not in every child
import tree_sitter_toml  # noqa: F401

from syncd.cli import asking, run, status, wire  # noqa: F401
from syncd.cli.main import main as syncd
from syncd.config import load_config
from syncd.engine import schedule
from syncd.engine.host_clock import HostClock
from syncd.exports import folder, reading  # noqa: F401
from syncd.salesforce import connection, org, transport  # noqa: F401
from syncd.store import lease, sql

SECRET = {"SYNCD_CLIENT_SECRET": "sandbox-secret"}
CODES: dict[int, int] = {}


def reap(*_: object) -> None:
    """Take note of every child that ended: one that is left unburied would count as alive."""
    while True:
        try:
            pid, state = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        CODES[pid] = os.waitstatus_to_exitcode(state)


def sleep_in(url: str) -> None:
    """Let daemons pass time in the emulated org instead of sleeping."""

    def sleep(_clock: object, seconds: float) -> None:
        requests.post(f"{url}/_sandbox/clock", json={"advance_s": seconds}, timeout=10).raise_for_status()

    setattr(HostClock, "sleep", sleep)  # noqa: B010 - a method of a class


def signal_at(command: dict[str, Any]) -> None:
    """Send this process a signal around a commit."""
    seen = [0]
    wanted, side, number = command["commit"], command["side"], getattr(signal, command["signal"])

    def before() -> None:
        seen[0] += 1
        if side == "before" and seen[0] == wanted:
            os.kill(os.getpid(), number)

    def after() -> None:
        if side == "after" and seen[0] == wanted:
            os.kill(os.getpid(), number)

    around = sql.Surroundings(before_commit=before, after_commit=after)
    sql.open_store = functools.partial(sql.open_store, around=around)


def quicken(factor: float) -> None:
    """Multiply all times of a lease."""
    lease.EXPIRES_AFTER *= factor
    lease._RENEWED_WITHIN_S *= factor
    lease._BEATS_EVERY_S *= factor
    schedule.RENEW_S *= factor


def live(command: dict[str, Any]) -> int:
    """Run one daemon in this forked child."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(command["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    faulthandler.register(signal.SIGUSR2, all_threads=True)  # where does one stand that does not end?
    os.environ.update(SECRET)
    transport.HEADERS = {**transport.HEADERS, "Sforce-Call-Options": f"client=syncd/{os.getpid()}"}
    connection.HEADERS = transport.HEADERS  # type: ignore[attr-defined]
    quicken(command.get("lease", 1.0))
    if command.get("org_time"):
        sleep_in(load_config(Path(command["start"]), SECRET).org.login_url)
    if command.get("commit"):
        signal_at(command)
    try:
        syncd(["run", "--config", command["start"]])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGCHLD, reap)
    for line in sys.stdin:
        command = json.loads(line)
        if "start" in command:
            pid = os.fork()
            if pid == 0:
                os._exit(live(command))
            told = pid
        else:
            pid, deadline = command["code"], time.monotonic() + 40
            while pid not in CODES and time.monotonic() < deadline:
                time.sleep(0.005)
            told = CODES.get(pid, 999)
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
