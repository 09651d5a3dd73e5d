"""Is the mirror what the org is, counted now? The same as every night, on request."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from syncd.cli import asking, output, wire


def census(
    context: typer.Context,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="OBJECT", help="Drop gone rows of this object from the mirror, however many."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Run a cycle that counts the mirror against the org, day by day, and puts right what differs. Exit 1 when something did."""
    from syncd.core.census import sentence
    from syncd.engine.requests import CENSUS

    config = wire.config_of(context)
    found: dict[str, Any] = dict(asking.ask(context, config, CENSUS, {"accept": list(accept or ())}))
    if as_json:
        output.as_json({"schema": 1, **found})
    else:
        output.data(f"drift {output.visible(sentence(found))}")
    if found["drift"]:
        raise typer.Exit(1)
