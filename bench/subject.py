"""syncd as it is measured: a first cycle, then idle ones, in a process of its own. Prints one JSON line.

usage: python -m bench.subject CONFIG IDLE_CYCLES
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from syncd.cli import wire
from syncd.config import load_config
from syncd.engine.cycle import run_cycle
from syncd.engine.schedule import holding_lease


def main() -> None:
    """Run the cycles of one configuration."""
    config, idle_cycles = load_config(Path(sys.argv[1])), int(sys.argv[2])
    with wire.open_world(config) as (world, org), holding_lease(world.store):
        began = time.perf_counter()
        first = run_cycle(world, org)
        seconds = time.perf_counter() - began
        idle_ms, idle_cpu_ms, calls = [], [], []
        for _ in range(idle_cycles):
            began, began_cpu = time.perf_counter(), time.process_time()
            record = run_cycle(world, org)
            idle_ms.append((time.perf_counter() - began) * 1000)
            idle_cpu_ms.append((time.process_time() - began_cpu) * 1000)
            calls.append(record.counts.get("API calls", 0))
        leads = world.store.count("Lead")
    found = {
        "leads": leads,
        "seconds": seconds,
        "calls": first.counts["API calls"],
        "idle_ms": min(idle_ms),
        "idle_cpu_ms": min(idle_cpu_ms),
        "idle_calls_max": max(calls),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
