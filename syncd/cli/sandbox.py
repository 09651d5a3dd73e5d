"""How does one get an emulated Salesforce org to rehearse on?"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from syncd.errors import SyncdError

sandbox = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Serve the emulated Salesforce org on a port."
)


@sandbox.callback()
def _group() -> None:
    """Serve the emulated Salesforce org on a port."""


@sandbox.command()
def serve(
    port: Annotated[int, typer.Option(help="The port; 0 picks a free one.", min=0, max=65535)] = 0,
    seed: Annotated[int, typer.Option(help="The seed of the org id and of made-up rows: equal seeds, equal orgs.")] = 0,
    now: Annotated[str | None, typer.Option(help="What the org's clock starts at, such as 2026-03-02T09:00:00Z.")] = None,
    load: Annotated[
        Path | None,
        typer.Option(help="A folder of CSV files named after objects (Lead.csv, User.csv …).", exists=True, file_okay=False),
    ] = None,
    users: Annotated[int, typer.Option(help="How many users to make up.", min=0)] = 0,
    company: Annotated[bool, typer.Option("--company", help="Fill the org with the demo company.")] = False,
    frozen: Annotated[bool, typer.Option("--frozen", help="The org's clock stands still until it is told to move.")] = False,
    state: Annotated[
        Path | None,
        typer.Option(help="Go on from this file when it is there, and save the org to it at the end.", dir_okay=False),
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(help="What goes wrong and when: a TOML or JSON file.", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Serve the emulated org until interrupted. Its address and credentials come as one JSON line on stdout."""
    try:
        module = importlib.import_module("syncd.sandbox.cli")
    except ModuleNotFoundError as missing:
        if missing.name is not None and missing.name.partition(".")[0] == "syncd":
            raise
        raise SyncdError(
            f"the emulated org needs {missing.name}, which is not installed.",
            hint="Install it with: pip install 'syncd[sandbox]'",
        ) from missing
    filled = {"seed": seed, "now": now, "load": load, "users": users, "company": company, "frozen": frozen}
    raise typer.Exit(module.serve(port=port, state=state, faults=faults, **filled))
