"""`syncd run`: the daemon, or one cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import output, wire

if TYPE_CHECKING:
    from syncd.ports import CycleRecord

QUIET = "rows read"


def run(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Run one cycle and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: print the cycle as JSON.")] = False,
) -> None:
    """Run the daemon, or one cycle with --once."""
    from syncd import logs
    from syncd.engine.schedule import Daemon

    config = wire.config_of(context)
    logs.configure(config.log.format, config.log.level, secrets=[config.org.client_secret])
    if once:
        record = _one_cycle(context)
        if as_json:
            output.as_json({"schema": 1, "cycle": record})
        else:
            _tell(context, record)
        return
    daemon = Daemon()
    daemon.listen()
    with wire.open_world(config, is_stopping=daemon.is_ending, tell=daemon.warn) as (world, org):
        daemon.run(world, org)


def _one_cycle(context: typer.Context) -> CycleRecord:
    from syncd.engine.cycle import run_cycle
    from syncd.engine.schedule import holding_lease

    with wire.open_world(wire.config_of(context), tell=output.message) as (world, org), holding_lease(world.store):
        return run_cycle(world, org)


def _tell(context: typer.Context, record: CycleRecord) -> None:
    output.data(f"cycle {record.id} at {output.when(record.started_at)} (the org's clock)")
    for name, number in sorted(record.counts.items()):
        output.data(f"  {name:<28}{number:>9,}")
    if record.counts.get("held back"):
        output.message(f"Too much for one cycle: nothing was written. See the plan with: {wire.command(context, 'status')}")
