"""What does a cycle cost in which nothing has changed, and does it depend on the size of the org?"""

from __future__ import annotations

from bench.figures import Figure, Figures
from bench.hall import Hall

CYCLES = 15
CALLS_MAX = 1
CPU_MS_MAX = 100
GROWTH_MAX = 1.5  # between the smallest and the largest org: "unchanged", on a machine that others use too


def measure(hall: Hall, sizes: tuple[int, ...]) -> Figures:
    """Run idle cycles over each org; CPU is the median, since a slow tier or the host's other work falls into some."""
    medians = []
    for leads in sizes:
        stage = hall.stage(leads)
        stage.first_load()
        stage.control.advance(3600)
        with stage.subject() as subject:
            subject.ask("cycles", count=6)  # the slow tiers, after that hour
            cycles = subject.ask("cycles", count=CYCLES)["cycles"]
        cpu = sorted(each["cpu_s"] * 1000 for each in cycles)[CYCLES // 2]
        medians.append(cpu)
        calls = max(each["calls"] for each in cycles)
        yield Figure(f"idle cycle, {leads:,} leads mirrored: calls", calls, "calls", CALLS_MAX)
        yield Figure(f"idle cycle, {leads:,} leads mirrored: own CPU", cpu, "ms", CPU_MS_MAX)
    growth = medians[-1] / medians[0]
    yield Figure(f"idle cycle's CPU, {sizes[-1]:,} to {sizes[0]:,} leads", growth, "x", GROWTH_MAX)
