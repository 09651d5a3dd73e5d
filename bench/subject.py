"""syncd as it is measured, in a process of its own.

usage: python -m bench.subject CONFIG     (then one JSON line a task)
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.child import serve, spending
from bench.subject_writes import write
from syncd.cli import wire
from syncd.config import load_config
from syncd.engine.cycle import begin, run_cycle
from syncd.engine.loading import BACKLOG
from syncd.engine.schedule import RENEW_S, holding_lease
from syncd.engine.world import World
from syncd.ports import OrgWriter


class Subject:
    """The tasks over one configuration."""

    def __init__(self, world: World, org: OrgWriter) -> None:
        self._world = world
        self._org = org

    def cycles(self, count: int) -> dict[str, Any]:
        """Run cycles and tell what each took."""
        found = []
        for _ in range(count):
            with spending() as spent:
                record = run_cycle(self._world, self._org)
            self._world.store.checkpoint()  # as the daemon does between two cycles
            found.append({**spent.as_dict(), "counts": dict(record.counts), "calls": record.counts.get("API calls", 0)})
        return {"cycles": found}

    def load(self) -> dict[str, Any]:
        """Run cycles until everything is loaded, as `run --once` does; the log is brought into the file within the time."""
        calls, is_behind = 0, True
        with spending() as spent:
            while is_behind:
                counts = run_cycle(self._world, self._org).counts
                self._world.store.checkpoint()
                calls, is_behind = calls + counts.get("API calls", 0), bool(counts.get(BACKLOG))
        return {"calls": calls, **spent.as_dict()}

    def fields(self, object: str) -> dict[str, Any]:
        """Return the fields that a cycle reads of an object, Id and time stamp included."""
        need = begin(self._world).needs[object]
        return {"fields": list(dict.fromkeys(("Id", *need.fields, need.stamp_field)))}

    def counted(self, object: str) -> dict[str, Any]:
        """Count the mirrored rows of an object."""
        return {"rows": self._world.store.count(object)}

    def ledger_size(self) -> dict[str, Any]:
        """Count the rows of the ledger."""
        return {"rows": self._world.store.ledger_size()}

    def write(self, kind: str, count: int, skip: int) -> dict[str, Any]:
        """Write to so many leads: see bench/subject_writes.py."""
        return write(self._world, self._org, kind, count, skip)


@contextmanager
def _renewing(renew: Callable[[], None]) -> Iterator[None]:
    """Renew the lease as the daemon does, however long a cycle takes."""
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(RENEW_S):
            renew()

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def main() -> None:
    """Serve the tasks."""
    config = load_config(Path(sys.argv[1]))
    with wire.open_world(config) as (world, org), holding_lease(world.store) as renew, _renewing(renew):
        subject = Subject(world, org)
        names = ("cycles", "load", "fields", "counted", "ledger_size", "write")
        serve({name: getattr(subject, name) for name in names})


if __name__ == "__main__":
    main()
