"""What does the fence file allow as a whole?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import output, wire
from syncd.errors import ConfigInvalid, SyncdError

if TYPE_CHECKING:
    from syncd.core.fence_map import FenceMap
    from syncd.core.fence_model import Fences

FORMATS = ("text", "mermaid", "svg")

fence = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Look at the fence file as a whole.")


@fence.callback()
def _fence() -> None:
    """Look at the fence file as a whole."""


@fence.command("show")
def show(
    context: typer.Context,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="text, mermaid or svg.")] = "text",
    owners: Annotated[bool, typer.Option("--owners", help="The fence on Lead Owner in place of Lead Status.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write to a file, such as fence.svg.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show who may move what where, and what can't be reached, never leaves or goes round. Asks no org."""
    from syncd.core.fence_map import owner_map, status_map

    if form not in FORMATS:
        raise ConfigInvalid(f"There is no format {form!r}.", hint=f"Take one of: {', '.join(FORMATS)}.")
    fences = wire.load_policies(wire.config_of(context).mappings).fences
    drawn = owner_map(fences) if owners else status_map(fences)
    if as_json:
        output.as_json({"schema": 1, **_facts(drawn, fences)})
        return
    _give(_written(drawn, fences, form, owners=owners), out)


def _written(drawn: FenceMap, fences: Fences, form: str, *, owners: bool) -> str:
    from syncd.cli.fence_drawing import mermaid, svg

    title = f"Fence on Lead {'Owner' if owners else 'Status'}, version {fences.version}"
    if form == "svg":
        return svg(drawn, title)
    lines = mermaid(drawn) if form == "mermaid" else _told(drawn, fences)
    return "".join(f"{line}\n" for line in lines)


def _give(text: str, out: Path | None) -> None:
    if out is None:
        output.data(text.rstrip("\n"))
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise SyncdError(
            f"{out} can't be written: {fault.strerror}.", hint="Name a file in a folder that you may write to."
        ) from fault
    output.message(f"written: {out}")


def _told(drawn: FenceMap, fences: Fences) -> Iterator[str]:
    from syncd.cli.fence_drawing import matrix

    header, rows = matrix(drawn)
    yield from output.table(header, rows)
    yield ""
    yield "A cell names the teams that may make the move; a dot is a move inside one team; an empty cell is a crossing."
    facts = _facts(drawn, fences)
    start = drawn.values[0] if drawn.values else ""
    yield from _listed(f"no way leads there from {start!r}", facts["unreachable"])
    yield from _listed("nothing leads out of", facts["dead_ends"])
    yield from _listed("round", [" → ".join((*circle, circle[0])) for circle in facts["circles"]])
    yield from _listed("round that machines alone can make", [" → ".join((*c, c[0])) for c in facts["machine_circles"]])


def _listed(words: str, found: list[str]) -> Iterator[str]:
    for each in found:
        yield f"{words}: {output.visible(each)}"


def _facts(drawn: FenceMap, fences: Fences) -> dict[str, list[Any]]:
    from syncd.core.fence_map import circles, circles_by, dead_ends, unreachable
    from syncd.core.values import ActorKind

    machines = frozenset(team.name for team in fences.teams if team.kind in (ActorKind.TOOL, ActorKind.AUTOMATION))
    return {
        "values": [{"value": value, "team": drawn.team_of[value]} for value in drawn.values],
        "gates": [asdict(move) for move in drawn.moves if move.rule is not None],
        "unreachable": list(unreachable(drawn)),
        "dead_ends": list(dead_ends(drawn)),
        "circles": [list(circle) for circle in circles(drawn)],
        "machine_circles": [list(circle) for circle in circles_by(drawn, machines)],
    }
