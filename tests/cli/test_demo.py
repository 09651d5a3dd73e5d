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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.cli import wire
from syncd.cli.demo import Staging, stage
from syncd.config import load_config
from syncd.core.values import OutcomeKind
from syncd.errors import SyncdError
from syncd.ports import LedgerQuery
from tests.checker.watch import audit_over_http

SMALL = "leads=2200, deals=120"
ENDS_S = 15


@dataclass(frozen=True, slots=True)
class Played:
    """A demo that was played with --keep: where, when, what it wrote, and where the org's log and the ledger disagree."""

    here: Path
    began_at: datetime
    out: str
    err: str
    disagreements: list[str] = field(default_factory=list)

    @property
    def stop(self) -> str:
        """Return the printed line that stops what was left running."""
        found = re.search(r"kill \d+ \d+$", self.out, re.MULTILINE)
        assert found is not None
        return found[0]

    @property
    def pids(self) -> list[int]:
        """Return the processes that were left running."""
        return [int(word) for word in self.stop.split()[1:]]

    def commands(self) -> list[str]:
        """Return the lines to try next."""
        return [line.strip() for line in self.out.partition("Try next:\n")[2].splitlines()[:3]]

    def paste(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a printed line as somebody who pastes it."""
        return subprocess.run(command, shell=True, cwd=self.here, capture_output=True, text=True, check=False)


def program(size: str, *, keep: bool = False) -> list[str]:
    """Return a small demo as a command."""
    asked = f"Staging(Path('syncd-demo'), days=1, keep={keep}, {size})"
    return [sys.executable, "-c", f"from pathlib import Path; from syncd.cli.demo import *; stage({asked})"]


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
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Play the demo once, with --keep, and end what it left running."""
    here, began_at = tmp_path_factory.mktemp("demo"), datetime.now(UTC)
    done = subprocess.run(program(SMALL, keep=True), cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = Played(here, began_at, done.stdout, done.stderr)
    daemon, _ = found.pids
    os.kill(daemon, signal.SIGSTOP)
    folder = here / "syncd-demo"
    found.disagreements.extend(audit_over_http(load_config(folder).org.login_url, folder / "syncd.db"))
    os.kill(daemon, signal.SIGCONT)
    yield found
    for pid in filter(is_running, found.pids):
        os.kill(pid, signal.SIGKILL)


def test_the_report_fits_one_screen(demo: Played) -> None:
    lines = demo.out.splitlines()
    assert len(lines) <= 45
    told = [line for line in lines if line.strip() not in demo.commands()]  # a command is as long as its paths
    assert max(map(len, told)) <= 100


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
        size = sum(row.entry.at < demo.began_at for row in store.ledger(LedgerQuery(limit=10**6)))
        cycles = sum(cycle.ended_at < demo.began_at for cycle in store.cycles(1000))
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


def test_the_orgs_log_and_the_ledger_agree(demo: Played) -> None:
    assert demo.disagreements == []


def test_progress_goes_to_stderr_one_line_a_day(demo: Played) -> None:
    assert len(demo.err.splitlines()) == 3
    assert "people and machines: " in demo.err.splitlines()[-1]


def test_the_days_add_up_to_the_changes_of_the_report(demo: Played) -> None:
    told = re.search(r"^  changes seen  ([\d,]+) ", demo.out, re.MULTILINE)
    days = re.findall(r"syncd: ([\d,]+) changes", demo.err)
    assert told is not None
    assert sum(int(day.replace(",", "")) for day in days) == int(told[1].replace(",", "")) > 0


def test_the_printed_commands_work_as_pasted(demo: Played) -> None:
    explain, query, _ = demo.commands()
    told = demo.paste(explain)
    assert told.returncode == 0, told.stderr
    assert "Marketo Sync (tool, team marketo) changed Status" in told.stdout
    assert "put back once already, so left alone" in " ".join(told.stdout.split())
    listed = demo.paste(query)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.count("\n") == 9


def test_the_secret_stands_in_a_file_of_its_own_that_nobody_else_may_read(demo: Played) -> None:
    folder = demo.here / "syncd-demo"
    assert stat.S_IMODE((folder / "client-secret").stat().st_mode) == 0o600
    assert "sandbox-secret" not in (folder / "config.toml").read_text()


def test_a_demo_that_stays_takes_a_plan_guards_its_folder_and_stops_as_printed(demo: Played) -> None:
    assert all(map(is_running, demo.pids))
    plan = demo.paste(demo.commands()[2])
    assert plan.returncode == 0, plan.stderr
    assert plan.stdout.startswith("Plan of ")
    with pytest.raises(SyncdError, match="still running") as refusal:
        stage(Staging(demo.here / "syncd-demo"))
    assert refusal.value.hint == f"Stop it first: {demo.stop}"
    demo.paste(demo.stop)
    assert ended(*demo.pids)


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a demo, as from a terminal."""
    command = program("leads=200, deals=60")
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def child_of(process: subprocess.Popen[str]) -> int:
    """Wait until a process has started another one."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None:
        if found := children.read_text().split():
            return int(found[0])
        time.sleep(0.01)
    pytest.fail(f"it ended without starting the org: {process.communicate()[1]}")


def test_an_interrupted_demo_ends_its_org(starting: subprocess.Popen[str]) -> None:
    org = child_of(starting)
    starting.send_signal(signal.SIGINT)
    starting.communicate(timeout=ENDS_S)
    assert ended(org)
