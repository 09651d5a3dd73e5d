"""Does a daemon that is asked to end do so within ten seconds, wherever in a cycle it is, and does nothing stay unresolved?"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.sweep.daemons import Nursery, events, wait_until
from tests.sweep.test_kill_sweep import STAGES, Point, Theatre, differences, points_of, theatre

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(900)]

__all__ = ["theatre"]
ENDS_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


def interrupted(theatre: Theatre, nursery: Nursery, point: Point) -> tuple[int, float, Path]:
    """Run the cycle in a daemon that is asked to end at a point; return its exit code, how long it took, and its log."""
    start, asked_at, pids = theatre.begin_anew(), [0.0], [0]
    log = theatre.home / "daemon.log"

    def strike(n: int, side: str) -> None:
        if (point.what, point.side, point.number) == ("request", side, n - start):
            wait_until(lambda: bool(pids[0]), 10, lambda: "no process number")
            asked_at[0] = time.monotonic()
            os.kill(pids[0], signal.SIGTERM)

    theatre.served.hook(lambda n, method, path: strike(n, "before"), lambda n, method, path: strike(n, "after"))
    wishes = {"commit": point.number, "side": point.side, "signal": "SIGTERM"} if point.what == "commit" else {}
    began = time.monotonic()
    pids[0] = nursery.start(theatre.home, log, org_time=True, **wishes)
    wait_until(lambda: bool(asked_at[0]) or _told(log) & {"cycle", "ended", "cut short"} != set(), 60, lambda: events(log))
    if not asked_at[0] and "ended" not in _told(log):  # this run had fewer requests or commits: it idles
        asked_at[0] = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(pids[0], signal.SIGTERM)
    code = nursery.code(pids[0])
    took_s = time.monotonic() - (asked_at[0] or began)
    theatre.served.hook()
    return code, took_s, log


def _told(log: Path) -> set[str]:
    return {str(event["event"]) for event in events(log)}


@pytest.mark.parametrize("theatre", [STAGES[0], STAGES[2]], ids=lambda stage: str(stage.name), indirect=True)
@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.soak)])
def test_sigterm_at_every_point_ends_with_0_in_time_and_the_next_cycle_is_clean(
    theatre: Theatre, nursery: Nursery, stride: int, capsys: pytest.CaptureFixture[str]
) -> None:
    calm, requests, commits = theatre.play()
    wrong: dict[Point, list[str]] = {}
    longest = 0.0
    points = points_of(requests, commits)[::stride]
    for point in points:
        first, (code, took_s, log) = theatre._last_request(), interrupted(theatre, nursery, point)
        longest = max(longest, took_s)
        found = [] if (code, took_s < ENDS_WITHIN_S) == (0, True) else [f"exit {code} after {took_s:.1f} s: {events(log)}"]
        for _ in range(2):
            theatre.scene.tick(60)
            assert theatre._run(None)[0] == 0
        found += differences(calm, theatre._end(first))
        if found:
            wrong[point] = found
    with capsys.disabled():
        sys.stdout.write(f"\nSIGTERM at {len(points)} points: {len(wrong)} wrong, the longest end took {longest:.1f} s\n")
    assert not wrong, "\n".join(f"{point}:\n    " + "\n    ".join(found[:6]) for point, found in list(wrong.items())[:8])
