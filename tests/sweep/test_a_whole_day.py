"""Does a day of one-minute cycles leave memory, files, the write-ahead log and the API share as they were, whatever fails?"""

from __future__ import annotations

import json
import logging
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from syncd.sandbox.faults_read import read_faults
from syncd.sandbox.local import running
from tests.engine.scene import Scene, export_line, write_home
from tests.engine.small_org import contact, lead, owner, write_small_org

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(1500)]

ROOT = Path(__file__).parents[2]
MINUTES = 24 * 60
SETTLED = 4 * 60  # caches and pools are filled by then
MEMORY_GROWS_MB_MAX = 12
LOG_BYTES_A_CYCLE_MAX = 4_000
WAL_BYTES_MAX = 64 * 2**20
DAILY_CALLS, SHARE_PERCENT = 40_000, 25
FAULT_SHARE = 0.06
FAULTS: tuple[dict[str, Any], ...] = (
    {"does": "lose", "kind": "composite"},
    {"does": "lose"},
    {"does": "reset"},
    {"does": "cut"},
    {"does": "truncated_json"},
    {"does": "401"},
    {"does": "412"},
    {"does": "429", "retry_after": 5},
    {"does": "503"},
    {"does": "html"},
    {"does": "lock_row"},
)


class Daemon:
    """The process that runs the cycles."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-m", "tests.sweep.day_driver", str(home)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def cycle(self) -> dict[str, Any]:
        """Run one cycle and return what it cost."""
        stdin, stdout = _pipe(self.process.stdin), _pipe(self.process.stdout)
        stdin.write("go\n")
        stdin.flush()
        told: dict[str, Any] = json.loads(stdout.readline())
        return told


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@contextmanager
def daemon(home: Path) -> Iterator[Daemon]:
    made = Daemon(home)
    try:
        yield made
    finally:
        _pipe(made.process.stdin).close()
        assert made.process.wait(20) == 0
        _pipe(made.process.stdout).close()


def people_work(scene: Scene, rng: random.Random, minute: int) -> None:
    """Let people and tools save what they save in a minute."""
    for _ in range(rng.choice((0, 0, 1, 2))):
        number = rng.randrange(4)
        what = rng.randrange(5)
        if what == 0:
            scene.edit("marketo", lead("Working", number), Status="Inquiry")
        elif what == 1:
            scene.edit("sam", lead("MQL", number), Status=rng.choice(("MQL", "Working", "Meeting Set")))
        elif what == 2:
            scene.edit("max", lead("Inquiry", number), LastName=f"Doe {minute}")
        elif what == 3:
            scene.edit("routing", lead("MQL", number), OwnerId=owner(rng.choice(("sam", "ada"))))
        else:
            scene.edit("mia", contact(number + 1), HasOptedOutOfEmail=rng.random() < 0.5)
    if minute % 90 == 30:
        lines = (export_line(f"Nurture-{n}", leadScore=str(minute % 100)) for n in range(3))
        scene.drop(f"export-{minute:04d}.csv", *lines)


def summary(costs: list[dict[str, Any]]) -> str:
    """Tell what the day cost, from when caches were filled to its end."""
    early, last = costs[SETTLED], costs[-1]
    memory = f"memory {early['memory_mb']:.0f} to {last['memory_mb']:.0f} MB, files {early['files']} to {last['files']}"
    wal = max(cost["wal_bytes"] for cost in costs) / 2**20
    a_cycle = f"{last['log_bytes'] // len(costs)} bytes of log and {last['calls'] / len(costs):.2f} calls a cycle"
    return f"{len(costs)} cycles: {memory}, WAL {wal:.1f} MB, {a_cycle}"


def test_a_day_with_faults_costs_no_more_at_its_end_than_at_its_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = 20261122
    rng = random.Random(seed)
    home, load = tmp_path / "home", tmp_path / "org"
    home.mkdir()
    load.mkdir()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    began = time.monotonic()
    with running(load=write_small_org(load)) as served:
        limits = f"[limits]\napi_calls_share_percent = {SHARE_PERCENT}\n"
        scene = Scene(served, write_home(home, served.url, config=limits))
        scene.fences({"tool": "revert", "person": "warn"}, {"tool": "revert"})
        scene.nurture("enroll")
        scene.mapping("write")
        scene.settings(daily_api_requests=DAILY_CALLS)
        with daemon(home) as syncd:
            costs = [syncd.cycle()]
            for minute in range(1, MINUTES):
                scene.tick(60)
                people_work(scene, rng, minute)
                if rng.random() < FAULT_SHARE:
                    strike = rng.choice(FAULTS) | {"nth": rng.randint(1, 3), "times": 1}
                    served.org.faults.replace(read_faults({"faults": [strike]}))
                costs.append(syncd.cycle())
                served.org.faults.replace(())
            for _ in range(15):  # what was left open in the last storm is settled
                scene.tick(60)
                costs.append(syncd.cycle())
        errors = Counter(cost["error"].partition(":")[0] for cost in costs if cost["error"])
        with capsys.disabled():
            sys.stdout.write(f"\n{summary(costs)}, seed {seed}, {time.monotonic() - began:.0f} s, failed {dict(errors)}\n")
        grown = costs[-1]["memory_mb"] - costs[SETTLED]["memory_mb"]
        assert costs[-1]["error"] == ""
        assert sum(errors.values()) < len(costs) * FAULT_SHARE
        assert set(errors) <= {"AnswerLost", "OrgUnreachable", "OrgRefused", "BudgetSpent", "LoginRefused"}, errors
        assert grown <= MEMORY_GROWS_MB_MAX
        assert costs[-1]["files"] <= costs[SETTLED]["files"] + 2
        assert max(cost["wal_bytes"] for cost in costs) <= WAL_BYTES_MAX
        assert costs[-1]["log_bytes"] <= LOG_BYTES_A_CYCLE_MAX * len(costs)
        assert costs[-1]["calls"] <= DAILY_CALLS * SHARE_PERCENT / 100
        assert scene.is_at_rest()
