"""`syncd demo`: the whole of syncd on an emulated org, with nothing to configure."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import output, wire
from syncd.cli.demo_folder import make_afresh, note_processes, write_settings
from syncd.cli.demo_org import DAEMON_LOG, ORG_LOG, Running, daemon_running, need, org_running
from syncd.errors import SyncdError

if TYPE_CHECKING:
    from syncd.cli.demo_days import Course
    from syncd.cli.demo_report import Figures
    from syncd.ports import LedgerRow
    from syncd.sandbox.play import Moment, Player

BEGINS_AT_HOUR = 8
DAYS_MAX = 20
DEFAULT = Path("syncd-demo")


@dataclass(frozen=True, slots=True)
class Staging:
    """What the demo is to be: where, how many days, from which seed, how big a company, and whether it stays."""

    folder: Path
    days: int = 5
    seed: int = 0
    keep: bool = False
    leads: int = 5200
    deals: int = 1240


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the org and a daemon running, to look around.")] = False,
    days: Annotated[int, typer.Option(help="How many working days to play.", min=1, max=DAYS_MAX)] = 5,
    seed: Annotated[int, typer.Option(help="Equal seeds, equal companies.")] = 0,
    folder: Annotated[Path, typer.Option(metavar="DIR", help="Where to write.")] = DEFAULT,
) -> None:
    """Show everything on a local emulated org, with nothing to configure: a company, some days, and a report."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        stage(Staging(folder, days, seed, keep))
    except KeyboardInterrupt:
        output.message(f"\nstopped: the emulated org was ended; {folder} keeps what was done so far")
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def stage(asked: Staging) -> None:
    """Play the demo and print its report.

    Errors: SyncdError when the folder is somebody else's, when the emulated org is not installed or does not start.
    """
    from syncd import logs
    from syncd.cli.demo_report import report
    from syncd.cli.demo_truth import compare

    need("syncd.sandbox.cli")
    logs.configure("console", "error")
    began = time.monotonic()
    make_afresh(asked.folder)
    start = first_monday(datetime.now(UTC), asked.days)
    company = asked.folder / "company"
    output.message(f"making a company of {asked.leads:,} leads and {asked.deals:,} opportunities in {asked.folder}/ …")
    need("syncd.sandbox.company").write_company(company, seed=asked.seed, now=start, leads=asked.leads, deals=asked.deals)
    with org_running(asked.folder, company, start, asked.seed) as (org, ready):
        write_settings(asked.folder, ready, interval="10 s" if asked.keep else "1 min")
        moments: list[Moment] = need("syncd.sandbox.play").days(company, seed=asked.seed, start=start, count=asked.days)
        exports = asked.folder / "exports" / "marketo"
        player: Player = need("syncd.sandbox.play").Player(ready["url"], company=company, exports=exports, seed=asked.seed)
        course = _play(asked.folder, player, moments)
        figures, ids = _figures(asked.folder)
        truth = compare(moments, figures.rows, ids, figures.began_at)
        for line in report(figures, course, truth, asked.days, time.monotonic() - began):
            output.data(line)
        if asked.keep:
            daemon = _kept(asked.folder, org, player)
    output.data("\n".join(["", *next_steps(asked.folder, figures.rows, keep=asked.keep)]))
    if asked.keep:
        output.data("\n".join(_running(asked.folder, ready["url"], org.pid, daemon)))


def first_monday(now: datetime, days: int) -> datetime:
    """Return the latest Monday morning after which so many working days are over by now."""
    weeks, more = divmod(days - 1, 5)
    latest = now - timedelta(weeks=weeks, days=more + 1)
    monday = latest - timedelta(days=latest.weekday())
    return monday.replace(hour=BEGINS_AT_HOUR, minute=0, second=0, microsecond=0)


def _play(folder: Path, player: Player, moments: Sequence[Moment]) -> Course:
    from syncd.cli.demo_days import Days
    from syncd.config import load_config
    from syncd.engine.schedule import holding_lease

    with wire.open_world(load_config(folder)) as (world, org), holding_lease(world.store):
        days = Days(world, org, player, folder / "exports" / "marketo")
        first = days.first_look()
        read, enrolled = first.counts.get("rows read", 0), first.counts.get("enrolled", 0)
        output.message(f"syncd's first cycle: {read:,} rows read as they stand, {enrolled:,} people of stalled deals enrolled")
        try:
            return days.play(moments, output.message)
        except need("syncd.sandbox.play").PlayStopped as stopped:
            raise SyncdError(
                f"the play stopped: {stopped}", hint=f"Read {folder / ORG_LOG}, then run the demo again."
            ) from stopped


def _figures(folder: Path) -> tuple[Figures, dict[str, str]]:
    """Read the figures of the report, and the user ids by username."""
    from syncd.cli.demo_report import read_figures
    from syncd.config import load_config

    with wire.open_store_to_read(load_config(folder)) as store:
        users = {user.text("Username") or "": user.id for user in store.scan("User")}
        return read_figures(store), users


def _kept(folder: Path, org: Running, player: Player) -> int:
    """Leave the org and a daemon running, with the org's clock at today; returns the daemon's process."""
    player.advance_to(datetime.now(UTC))
    with daemon_running(folder) as daemon:
        note_processes(folder, (daemon.pid, org.pid))
        org.keep = daemon.keep = True
    return daemon.pid


def next_steps(folder: Path, rows: Sequence[LedgerRow], *, keep: bool) -> list[str]:
    """Return three commands to try next, as they can be pasted from here."""
    from syncd.cli.demo_report import story_record

    syncd = _program()
    config = f"{syncd} --config {shlex.quote(_shown(folder))}"
    record = story_record(rows)
    explain = f"  {config} explain {record}" if record else f"  {config} status"
    lines = ["Try next:", explain, f"  {config} audit query --verdict warn --limit 8"]
    if keep:
        return [*lines, f"  {config} plan"]
    again = f"{syncd} demo --keep" + ("" if folder == DEFAULT else f" --folder {shlex.quote(_shown(folder))}")
    return [
        *lines,
        f"  {again} && {config} plan",
        "  (a plan asks the org, which ended with this demo; --keep plays it again and leaves it running)",
    ]


def _running(folder: Path, url: str, org: int, daemon: int) -> list[str]:
    return [
        f"Still running: the org at {url} (process {org})",
        f"  and syncd, a cycle every 10 s (process {daemon})",
        f"  log: {_shown(folder / DAEMON_LOG)}   drop exports into: {_shown(folder / 'exports' / 'marketo')}/",
        f"  stop both with: kill {daemon} {org}",
    ]


def _program() -> str:
    """Name the running syncd so that a pasted line finds it."""
    own = Path(sys.executable).parent / "syncd"
    on_path = shutil.which("syncd")
    if on_path is not None and (not own.exists() or Path(on_path).resolve() == own.resolve()):
        return "syncd"
    return shlex.quote(_shown(own)) if own.exists() else f"{shlex.quote(sys.executable)} -m syncd.cli.main"


def _shown(path: Path) -> str:
    """Return a path from here when it lies below, else in full."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow the links of a virtual environment
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(whole)
