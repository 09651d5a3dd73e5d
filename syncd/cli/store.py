"""`syncd store`: a copy of the database, and a copy in the place of the database."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import asking, output, wire

if TYPE_CHECKING:
    from syncd.store.backup import Copy

store = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Back the database up, and restore it."
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@store.command()
def backup(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Where to; by default a new file in this folder.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite FILE.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the database while the daemon goes on, and check the copy. Exit 1 when its ledger is not whole."""
    from syncd.store.backup import back_up

    config = wire.config_of(context)
    target = file if file is not None else Path(f"syncd-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.backup")
    made = back_up(config.store_url, target, replace=replace)
    _tell(made, as_json, f"{target}: {made.size_bytes / 1e6:,.1f} MB in {made.took_s:.1f} s, checked")
    if not as_json:
        output.message(f"Restore it with: {wire.command(context, f'store restore {shlex.quote(str(target))}')}")
    _exit_with(made)


@store.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `syncd store backup` made.")],
    replace: Annotated[bool, typer.Option("--replace", help="Put the present database aside; it is only renamed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of the database. The next cycle reads and compares before anything is written to the org."""
    from syncd.store.backup import restore as restore_copy

    config = wire.config_of(context)
    made = restore_copy(config.store_url, file, by=asking.asker(), replace=replace)
    _tell(made, as_json, f"restored from {file} in {made.took_s:.1f} s")
    if not as_json:
        if made.put_aside is not None:
            output.message(f"The database that was there is now {made.put_aside}.")
        output.message(f"The next cycle reads, compares and writes nothing: {wire.command(context, 'run --once')}")
    _exit_with(made)


def _tell(made: Copy, as_json: bool, line: str) -> None:
    if as_json:
        output.as_json(_as_json(made))
        return
    output.data(line)
    for org in made.orgs:
        last = f"last cycle {org.last_cycle_at}" if org.last_cycle_at else "no cycle yet"
        output.data(f"  org {org.org}: {org.ledger_rows:,} ledger rows, {org.records:,} records, {last}")
        output.data(f"  root {org.root}")
        for problem in org.problems:
            output.data(f"  finding: {output.visible(problem)}")


def _exit_with(made: Copy) -> None:
    if any(org.problems for org in made.orgs):
        raise typer.Exit(1)


def _as_json(made: Copy) -> dict[str, Any]:
    return {
        "schema": 1,
        "file": str(made.path),
        "size_bytes": made.size_bytes,
        "took_s": round(made.took_s, 3),
        "put_aside": None if made.put_aside is None else str(made.put_aside),
        "orgs": made.orgs,
    }
