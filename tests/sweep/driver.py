"""Runs cycles in forked children, so that each can be killed and the next starts at once.

One JSON command a line on standard input: {"home": …, "before_commit": k or 0, "after_commit": k or 0, "pace": {…}}, where the
pace is what differs from the usual one. The answer is the child's pid; after the word `go` the child runs one cycle, with the
lease, as `syncd run --once` does; the second answer is how it ended and how many commits it made. It kills itself with SIGKILL
around its k-th commit. {"warm": home} runs a cycle in this process itself, so that no child has to import anything.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
import simple_salesforce.api  # noqa: F401 - imported once here, not in every child
import tree_sitter_toml  # noqa: F401

from syncd.cli.wire import open_world
from syncd.config import load_config
from syncd.engine.cycle import run_cycle
from syncd.engine.schedule import holding_lease
from syncd.errors import SyncdError
from syncd.exports import folder, reading  # noqa: F401
from syncd.salesforce import org  # noqa: F401
from syncd.store import sql

SECRET = {"SYNCD_CLIENT_SECRET": "sandbox-secret"}
RESULT = "result.json"


class Commits:
    """Counts commits, and dies at the wanted one."""

    def __init__(self, command: dict[str, Any]) -> None:
        self.number = 0
        self.dies_before, self.dies_after = command["before_commit"], command["after_commit"]

    def before(self) -> None:
        self.number += 1
        if self.number == self.dies_before:
            os.kill(os.getpid(), signal.SIGKILL)

    def after(self) -> None:
        if self.number == self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)


class OrgsTime:
    """A host's clock that passes time in the emulated org instead of sleeping."""

    def __init__(self, url: str) -> None:
        self.url = url

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        requests.post(f"{self.url}/_sandbox/clock", json={"advance_s": seconds}, timeout=10).raise_for_status()


def run_child(command: dict[str, Any]) -> None:
    """Run one cycle and leave what came of it in a file."""
    home, commits = Path(command["home"]), Commits(command)
    around = sql.Surroundings(before_commit=commits.before, after_commit=commits.after)
    sql.open_store = functools.partial(sql.open_store, around=around)
    error = ""
    try:
        config = load_config(home / "config.toml", SECRET)
        with open_world(config) as (world, salesforce), holding_lease(world.store):
            pace = replace(world.pace, **command.get("pace", {}))
            run_cycle(replace(world, clock=OrgsTime(config.org.login_url), pace=pace), salesforce)
    except SyncdError as problem:
        error = str(problem)
    (home / RESULT).write_text(json.dumps({"commits": commits.number, "error": error}), encoding="utf-8")


def main() -> None:
    """Serve until standard input ends."""
    for line in sys.stdin:
        command = json.loads(line)
        if "warm" in command:
            run_child({**command, "home": command["warm"], "before_commit": 0, "after_commit": 0})
            sys.stdout.write("warm\n")
            sys.stdout.flush()
            continue
        gate, opener = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            os.read(gate, 1)
            run_child(command)
            os._exit(0)
        os.close(gate)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        sys.stdin.readline()
        os.write(opener, b"g")
        os.close(opener)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
