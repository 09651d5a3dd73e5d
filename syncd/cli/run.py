"""`syncd run`: the daemon, or one cycle."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import asking, output, wire

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.ports import CycleRecord

QUIET = "rows read"


def run(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Run one cycle and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: print the cycle as JSON.")] = False,
) -> None:
    """Run the daemon, or one cycle with --once."""
    from syncd import logs

    if not once:
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nothing is in force yet that could be read again
    config = wire.config_of(context)
    config.require_secrets()
    secrets = [*config.org.secrets, *(source.secret for source in config.sources)]
    logs.configure(config.log.format, config.log.level, secrets=secrets)
    if once:
        record = _one_cycle(context, config)
        if as_json:
            output.as_json({"schema": 1, "cycle": record})
        else:
            _tell(context, record)
        return
    _serve(config)


def _serve(config: Config) -> None:
    from syncd.cli.policy_files import policy_files
    from syncd.engine.schedule import Daemon

    daemon = Daemon(files=policy_files(config))
    daemon.listen()
    known = partial(wire.open_known_store, config)
    daemon.run(
        lambda: wire.open_world(
            config, await_org=lambda org: daemon.await_org(org, known), is_stopping=daemon.is_ending, tell=daemon.warn
        )
    )


def _leave(_number: int, _frame: object) -> None:
    """End at once: nothing has begun, and a process 1 without an answer to SIGTERM would ignore it."""
    os._exit(0)


def _one_cycle(context: typer.Context, config: Config) -> CycleRecord:
    from syncd.engine.requests import CYCLE, record_from_json

    return record_from_json(asking.ask(context, config, CYCLE, {})["cycle"])


def _tell(context: typer.Context, record: CycleRecord) -> None:
    output.data(f"cycle {record.id} at {output.when(record.started_at)} (the org's clock)")
    for name, number in sorted(record.counts.items()):
        output.data(f"  {name:<28}{number:>9,}")
    if record.counts.get("held back"):
        output.message(f"Too much for one cycle: nothing was written. See the plan with: {wire.command(context, 'status')}")
