"""How many calls do writes cost, and how long do they take when every call takes 150 ms longer?"""

from __future__ import annotations

from typing import Any

from bench.child import Child
from bench.figures import Figure, Figures
from bench.hall import Hall, Stage

CALLS_MAX = {("contested", 1_000): 45, ("uncontested", 1_000): 6, ("uncontested", 100_000): 40}
LATENCY_S = 0.15
RATIO_MAX = 1.5
CONTESTED_S_MAX = 4
VALUE = {"Lead_Score__c": 77}


def measure_calls(hall: Hall, leads: int, sizes: tuple[tuple[str, int], ...]) -> Figures:
    """Write to leads of one org; contested writes go to the last of them, which nothing else has written to."""
    stage = hall.stage(leads)
    stage.first_load()
    stage.control.advance(3600)
    with stage.subject() as subject:
        subject.ask("cycles", count=3)
        # Once in an org's life the first lead goes alone and its owner is read back: three calls that no later write costs.
        subject.ask("write", kind="uncontested", count=1, skip=0)
        for kind, count in sizes:
            found = subject.ask("write", kind=kind, count=count, skip=leads - count if kind == "contested" else 0)
            note = f"{found['seconds']:.1f} s, {count / found['seconds']:,.0f} rows/s"
            promise = CALLS_MAX.get((kind, count))
            yield Figure(f"{count:,} {kind} writes", found["calls"], "calls", promise, note)


def measure_latency(hall: Hall, leads: int, uncontested: int, contested: int) -> Figures:
    """Write with latency on every call, beside the bare loops under the same latency."""
    stage = hall.stage(leads)
    stage.first_load()
    stage.control.advance(3600)
    with stage.subject() as subject, stage.floor() as floor:
        ids = floor.ask("ids", object="Lead", limit=uncontested)["ids"]
        subject.ask("cycles", count=3)
        stage.control.latency(LATENCY_S)
        try:
            bare = floor.ask("collections", object="Lead", ids=ids, values=VALUE)
            bulk = floor.ask("bulk_update", object="Lead", ids=ids, values=VALUE)
            ours, cpu = _written(stage, subject, "uncontested", uncontested, 0)
            theirs, _ = _written(stage, subject, "contested", contested, uncontested)
        finally:
            stage.control.latency(0)
    slow = f"{LATENCY_S * 1000:.0f} ms a call"
    note = (
        f"bare {bare['seconds']:.2f} s, syncd {ours['seconds']:.2f} s in {ours['calls']} calls, of it {cpu:.1f} s the org's CPU"
    )
    ratio = ours["seconds"] / bare["seconds"]
    yield Figure(f"{uncontested:,} uncontested, {slow}, to bare collections by 8", ratio, "x bare", RATIO_MAX, note)
    ratio = ours["seconds"] / bulk["seconds"]
    promise = RATIO_MAX if bulk["seconds"] < bare["seconds"] else None
    yield Figure(
        f"{uncontested:,} uncontested, {slow}, to a bare Bulk job", ratio, "x bare", promise, f"bare {bulk['seconds']:.2f} s"
    )
    yield Figure(f"{contested:,} contested, {slow}", theirs["seconds"], "s", CONTESTED_S_MAX, f"{theirs['calls']} calls")


def _written(stage: Stage, subject: Child, kind: str, count: int, skip: int) -> tuple[dict[str, Any], float]:
    cpu = stage.org.cpu_s()
    found = subject.ask("write", kind=kind, count=count, skip=skip)
    return found, stage.org.cpu_s() - cpu
