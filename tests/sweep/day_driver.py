"""Runs cycles on command in a process of its own, as the daemon does, and tells what they cost it.

One line on standard input, one cycle; the answer is one JSON line: resident memory in MB, open files, bytes of the write-ahead
log and of everything logged so far, API calls so far, and how the cycle ended. The world is opened once, for the whole day.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from syncd import logs
from syncd.cli import wire
from syncd.config import Config, load_config
from syncd.engine.cycle import run_cycle
from syncd.engine.schedule import holding_lease, log_cycle
from syncd.errors import SyncdError
from syncd.salesforce.org import SalesforceOrg
from tests.sweep.driver import SECRET, OrgsTime


def _impatient(config: Config) -> closing[SalesforceOrg]:
    """Give the org with pauses between attempts that pass at once."""
    return closing(SalesforceOrg(config.org, sleep=lambda seconds: None))


def _cost(home: Path) -> dict[str, Any]:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    wal, log = home / "syncd.db-wal", home / "syncd.log"
    return {
        "memory_mb": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "wal_bytes": wal.stat().st_size if wal.exists() else 0,
        "log_bytes": log.stat().st_size,
    }


def main() -> None:
    """Serve until standard input ends."""
    home = Path(sys.argv[1])
    config = load_config(home / "config.toml", SECRET)
    wire.open_org = functools.partial(_impatient)
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((home / "syncd.log").open("w", encoding="utf-8"))
        stack.enter_context(contextlib.redirect_stderr(log))
        logs.configure("json", "info")
        world, org = stack.enter_context(wire.open_world(config))
        renew = stack.enter_context(holding_lease(world.store))
        world = replace(world, clock=OrgsTime(config.org.login_url))
        for _ in sys.stdin:
            error = ""
            try:
                renew()
                log_cycle(run_cycle(world, org))
            except SyncdError as problem:
                error = f"{type(problem).__name__}: {problem}"
            world.store.checkpoint()
            log.flush()
            told = {**_cost(home), "calls": org.usage().ours, "error": error}
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
