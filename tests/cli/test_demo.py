"""The demo on a small company: its report, the commands it prints, its folder and its processes."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from syncd.cli import wire
from syncd.cli.demo import Staging, stage
from syncd.config import load_config
from syncd.core.values import OutcomeKind
from syncd.errors import SyncdError
from syncd.ports import LedgerQuery

SMALL = "leads=2200, deals=120"
ENDS_S = 15


@dataclass(frozen=True, slots=True)
class Played:
    """A demo that was played: where, and what it wrote."""

    here: Path
    out: str
    err: str

    def commands(self) -> list[str]:
        """Return the lines to try next."""
        return [line.strip() for line in self.out.partition("Try next:\n")[2].splitlines()[:3]]

    def paste(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a printed line as somebody who pastes it."""
        return subprocess.run(command, shell=True, cwd=self.here, capture_output=True, text=True, check=False)


def program(*, days: int = 1, keep: bool = False) -> list[str]:
    """Return a small demo as a command."""
    asked = f"Staging(Path('syncd-demo'), days={days}, keep={keep}, {SMALL})"
    return [sys.executable, "-c", f"from pathlib import Path; from syncd.cli.demo import *; stage({asked})"]


def played(here: Path, *, keep: bool = False) -> Played:
    """Play a small demo of one day."""
    done = subprocess.run(program(keep=keep), cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Played(here, done.stdout, done.stderr)


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that ended and was not yet waited for does not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def ended(*pids: int) -> bool:
    """Wait until all processes have ended."""
    deadline = time.monotonic() + ENDS_S
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(is_running, pids))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Play the demo once."""
    return played(tmp_path_factory.mktemp("demo"))


def test_the_report_fits_one_screen(demo: Played) -> None:
    lines = demo.out.splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    "words",
    [
        "gates passed",
        "put back",
        "left alone",
        "stalled deals",
        "kept out",
        "exports",
        "quarantined",
        "no mail to",
        "stop and ask",
    ],
)
def test_the_report_tells_each_part_of_the_story(demo: Played, words: str) -> None:
    assert re.search(rf"^  {words}\s+\S.*\d", demo.out, re.MULTILINE)


def test_the_numbers_are_those_of_the_ledger(demo: Played) -> None:
    with wire.open_store_to_read(load_config(demo.here / "syncd-demo")) as store:
        confirmed = list(store.ledger(LedgerQuery(kind="outcome", outcome=OutcomeKind.CONFIRMED, field="Status")))
        size, cycles = store.ledger_size(), len(store.cycles(1000))
    assert confirmed
    assert f"  put back      {len(confirmed)} written within a cycle" in demo.out
    assert f"{size:,} rows, verified, root " in demo.out
    assert f" in {cycles} cycles " in demo.out


def test_every_unlawful_move_is_found_and_no_other(demo: Played) -> None:
    assert ": 0 missed, 0 wrong." in demo.out


def test_the_first_cycle_names_nobody(demo: Played) -> None:
    with wire.open_store_to_read(load_config(demo.here / "syncd-demo")) as store:
        first = store.cycles(1000)[-1]
        judged = [row.entry for row in store.ledger(LedgerQuery(kind="change")) if row.entry.cycle == first.id]
    assert {entry.verdict for entry in judged} == {"note"}


def test_progress_goes_to_stderr_one_line_a_day(demo: Played) -> None:
    assert len(demo.err.splitlines()) == 3
    assert "people and machines: " in demo.err.splitlines()[-1]


def test_the_printed_commands_work_as_pasted_when_the_org_has_gone(demo: Played) -> None:
    explain, query, plan = demo.commands()
    told = demo.paste(explain)
    assert told.returncode == 0, told.stderr
    assert "Marketo Sync (tool, team marketo) changed Status" in told.stdout
    assert "put back once already, so left alone" in " ".join(told.stdout.split())
    listed = demo.paste(query)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.count("\n") == 9
    assert " demo --keep && " in plan
    assert plan.endswith(" --config syncd-demo plan")


def test_the_secret_stands_in_a_file_of_its_own_that_nobody_else_may_read(demo: Played) -> None:
    folder = demo.here / "syncd-demo"
    assert stat.S_IMODE((folder / "client-secret").stat().st_mode) == 0o600
    assert "sandbox-secret" not in (folder / "config.toml").read_text()


def test_a_demo_that_stays_takes_a_plan_guards_its_folder_and_stops_as_printed(tmp_path: Path) -> None:
    kept = played(tmp_path, keep=True)
    found = re.search(r"kill (\d+) (\d+)$", kept.out, re.MULTILINE)
    assert found is not None
    pids = (int(found[1]), int(found[2]))
    try:
        assert all(map(is_running, pids))
        plan = kept.paste(kept.commands()[2])
        assert plan.returncode == 0, plan.stderr
        assert plan.stdout.startswith("Plan of ")
        with pytest.raises(SyncdError, match="still running") as refusal:
            stage(Staging(tmp_path / "syncd-demo"))
        assert refusal.value.hint.startswith("Stop it first: kill ")
        kept.paste(found[0])
        assert ended(*pids)
    finally:
        for pid in filter(is_running, pids):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a demo as from a terminal of its own."""
    command = program(days=20)
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def children_of(pid: int) -> list[int]:
    """Return the processes that a process started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_an_interrupted_demo_ends_its_org(starting: subprocess.Popen[str]) -> None:
    assert starting.stderr is not None
    while "first cycle" not in starting.stderr.readline():
        assert starting.poll() is None
    (org,) = children_of(starting.pid)
    starting.send_signal(signal.SIGINT)
    starting.communicate(timeout=ENDS_S)
    assert ended(org)
