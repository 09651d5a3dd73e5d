"""What does the first load of an org take, against a bare loop over the same fields, and how much memory?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.figures import Figure, Figures
from bench.hall import Hall

BULK_RATIO_MAX = 1.5
PEAK_MB_MAX = 200
GROWTH_MB_MAX = 25  # "flat": what the allocator and SQLite's cache may add


def measure(hall: Hall, few: int, many: int) -> Figures:
    """Compare the first load of many leads with the bare Bulk loop, and its memory with that of few."""
    small, large = hall.stage(few).first_load(), hall.stage(many).first_load()
    ours, bulk = large.ours["seconds"], large.bulk["seconds"]
    note = f"bare {_times(large.bulk)}, syncd {_times(large.ours)}, the org's CPU {large.org_cpu_s:.1f} s"
    yield Figure(f"first load of {many:,} leads, to the bare Bulk loop", ours / bulk, "x bare", BULK_RATIO_MAX, note)
    yield Figure(f"first load of {many:,} leads: calls", large.ours["calls"], "calls", None, f"{len(large.fields)} fields")
    peak, growth = large.ours["peak_mb"], large.ours["peak_mb"] - small.ours["peak_mb"]
    yield Figure(f"first load of {many:,} leads: peak memory", peak, "MiB", PEAK_MB_MAX)
    yield Figure(
        f"peak memory, {many:,} over {few:,} leads", growth, "MiB", GROWTH_MB_MAX, f"bare {large.bulk['peak_mb']:.0f} MiB"
    )


def measure_pull(hall: Hall, leads: int) -> Figures:
    """Compare the initial pull with the quicker of the bare loops."""
    load = hall.stage(leads).first_load()
    ours, bulk = load.ours["seconds"], load.bulk["seconds"]
    note = f"bare Bulk {_times(load.bulk)}, syncd {_times(load.ours)}, the org's CPU {load.org_cpu_s:.1f} s"
    yield Figure(f"initial pull of {leads:,} leads, to the bare Bulk loop", ours / bulk, "x bare", None, note)
    if load.rest is not None:
        rest = load.rest["seconds"]
        yield Figure(
            f"initial pull of {leads:,} leads, to the bare REST loop",
            ours / rest,
            "x bare",
            None,
            f"bare REST {_times(load.rest)}",
        )


def _times(spent: Mapping[str, Any]) -> str:
    """Return wall and own CPU time: on a machine that others use, the second tells more than the first."""
    return f"{spent['seconds']:.1f} s (CPU {spent['cpu_s']:.1f} s)"
