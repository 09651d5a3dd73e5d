"""Measure syncd against bare loops that do the same reads and writes, and print each figure with what it is held to.

usage: python -m bench [--quick] [--only NAME]...

--quick takes small orgs, for CI: what depends on size is told, not held to the promise. Exits 1 when a promise is not kept.
The emulated org itself, with a million leads, is measured by: python -m bench.sandbox
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from bench import changed, conditions, exports, idling, judging, loading, others, writing
from bench.figures import Figure, Figures, tell
from bench.hall import Hall

Scenario = Callable[[Hall], Figures]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many leads each scenario has."""

    idle: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    load: int = 1_000_000
    pull: int = 100_000
    changed: tuple[int, int] = (120_000, 1_200)
    calls: tuple[tuple[str, int], ...] = (("contested", 1_000), ("uncontested", 1_000), ("uncontested", 100_000))
    latency: tuple[int, int] = (10_000, 1_000)
    others: int = 100_000
    judged: int = 1_000_000
    exported: int = 1_000_000
    evaluated: int = 1_000_000


QUICK = Sizes(
    idle=(4_000, 10_000),
    load=10_000,
    pull=4_000,
    changed=(10_000, 1_200),
    calls=(("contested", 1_000), ("uncontested", 1_000)),
    latency=(2_000, 500),
    others=4_000,
    judged=20_000,
    exported=50_000,
    evaluated=200_000,
)


def scenarios(sizes: Sizes) -> dict[str, Scenario]:
    """Return what can be measured by name, in the order that leaves each the rows as it needs them."""
    return {
        "exports": lambda hall: exports.measure(hall, sizes.exported),
        "judging": lambda hall: judging.measure(sizes.judged),
        "conditions": lambda hall: conditions.measure(sizes.evaluated),
        "pull": lambda hall: loading.measure_pull(hall, sizes.pull),
        "others": lambda hall: others.measure(hall, sizes.others),
        "changed": lambda hall: changed.measure(hall, *sizes.changed),
        "idle": lambda hall: idling.measure(hall, sizes.idle),
        "load": lambda hall: loading.measure(hall, sizes.pull, sizes.load),
        "latency": lambda hall: writing.measure_latency(hall, max(sizes.pull, sizes.latency[0]), *sizes.latency),
        "calls": lambda hall: writing.measure_calls(hall, max(sizes.pull, sizes.latency[0]), sizes.calls),
    }


def main() -> int:
    """Measure and say which promise is not kept."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure syncd against bare loops.")
    parser.add_argument("--quick", action="store_true", help="small orgs, for CI")
    names = list(scenarios(QUICK))
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"measure only: {', '.join(names)}")
    given = parser.parse_args()
    tell(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before\n")
    found: list[Figure] = []
    with Hall() as hall:
        for name, measure in scenarios(QUICK if given.quick else Sizes()).items():
            if given.only and name not in given.only:
                continue
            began = time.perf_counter()
            tell(f"== {name}\n")
            for figure in measure(hall):
                figure = _as_told(figure, is_quick=given.quick)
                found.append(figure)
                tell(figure.line())
            tell(f"-- {name} took {time.perf_counter() - began:.0f} s\n")
    missed = [figure for figure in found if not figure.is_reached]
    tell(f"{len(found)} figures, {sum(each.at_most is not None for each in found)} of them promised, {len(missed)} not reached\n")
    return 1 if missed else 0


def _as_told(figure: Figure, *, is_quick: bool) -> Figure:
    """Hold small orgs to calls, CPU and memory only: a ratio of milliseconds on a busy machine says nothing."""
    is_ratio = figure.unit in ("x bare", "x", "s")
    return replace(figure, at_most=None) if is_quick and is_ratio else figure


if __name__ == "__main__":
    sys.exit(main())
