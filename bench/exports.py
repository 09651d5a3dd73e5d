"""What does it take to read an export of a million rows, match it against a million people, and find what is new in it?"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import previewing
from bench.child import child
from bench.figures import Figure, Figures
from bench.hall import Hall

RATIO_MAX = 2
AGAIN_MAX = 0.5
PEAK_MB_MAX = 600
SIDES = "bench.exports_sides"


def measure(hall: Hall, rows: int) -> Figures:
    """Take an export of 25 columns in, in which one row of a hundred is changed; then the same rows but the last one.

    The bare script reads the file by DuckDB, fetches id, e-mail and row hash of everybody, and joins; each side has a process.
    """
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        with child(SIDES, folder) as preparing:
            preparing.ask("prepare", rows=rows)
        with child(SIDES, folder) as floor:
            bare = floor.ask("bare", name="first.csv")
        with child(SIDES, folder) as subject:
            first = subject.ask("take", name="first.csv")
        with child(SIDES, folder) as subject:
            again = subject.ask("take", name="second.csv")
        size = (Path(folder) / "first.csv").stat().st_size / 1e6
        previews = list(previewing.measure(Path(folder), rows))
    changed = first["counts"].get("would_write", 0)
    note = f"bare {_times(bare)}, syncd {_times(first)}, {size:.0f} MB, {changed:,} values found"
    yield Figure(f"export of {rows:,} rows, to the bare script", first["seconds"] / bare["seconds"], "x bare", RATIO_MAX, note)
    note = f"syncd {_times(again)}"
    yield Figure("the same rows but the last one, to that", again["seconds"] / first["seconds"], "x", AGAIN_MAX, note)
    peak = max(first["peak_mb"], again["peak_mb"])
    yield Figure(f"export of {rows:,} rows: peak memory", peak, "MiB", PEAK_MB_MAX, f"bare {bare['peak_mb']:.0f} MiB")
    yield from previews
    _check(rows, first["counts"], again["counts"])


def _check(rows: int, first: Mapping[str, int], again: Mapping[str, int]) -> None:
    for counts, values in ((first, rows // 100), (again, rows // 100 + 1)):
        if counts.get("unchanged") != rows or counts.get("would_write") != values:
            raise AssertionError(f"of {rows} rows {values} values should have been found: {dict(counts)}")


def _times(spent: Mapping[str, Any]) -> str:
    """Return wall and own CPU time: on a machine that others use, the second tells more than the first."""
    return f"{spent['seconds']:.1f} s (CPU {spent['cpu_s']:.1f} s)"
