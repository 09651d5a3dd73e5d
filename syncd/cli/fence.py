"""What does the fence file allow as a whole?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import output, wire
from syncd.cli.fence_diff import diff
from syncd.errors import ConfigInvalid, SyncdError

if TYPE_CHECKING:
    from syncd.core.fence_map import FenceMap
    from syncd.core.fence_model import Fence, Fences

FORMATS = ("text", "mermaid", "svg")
MODES = {"note": "observe"}

fence = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Look at the fence file as a whole.")


@fence.callback()
def _fence() -> None:
    """Look at the fence file as a whole."""


fence.command("diff")(diff)


@fence.command("show")
def show(
    context: typer.Context,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="text, mermaid or svg.")] = "text",
    name: Annotated[str, typer.Option("--fence", metavar="NAME", help="status, owner, or a NAME under [fence].")] = "status",
    owners: Annotated[bool, typer.Option("--owners", help="The same as --fence owner.")] = False,
    record_type: Annotated[
        str | None, typer.Option("--record-type", metavar="NAME", help="As it stands for records of one type.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write to a file, such as fence.svg.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show who may move what where, and what can't be reached, never leaves or goes round. Asks no org."""
    from syncd.core.fence_map import map_of
    from syncd.core.fence_model import OWNER

    if form not in FORMATS:
        raise ConfigInvalid(f"There is no format {form!r}.", hint=f"Take one of: {', '.join(FORMATS)}.")
    fences = wire.load_policies(wire.config_of(context).mappings).fences
    shown = _fence_of(fences, OWNER if owners else name)
    drawn = map_of(fences, shown.name, record_type)
    if as_json:
        output.as_json({"schema": 1, **_about(fences, shown), **_facts(drawn, fences)})
        return
    _give(_written(drawn, fences, form, _title(fences, shown, record_type)), out)


def _fence_of(fences: Fences, name: str) -> Fence:
    names = [each.name for each in fences.fences]
    if name not in names:
        raise ConfigInvalid(f"There is no fence {name!r} in fences.toml.", hint=f"Take one of: {', '.join(names)}.")
    return fences.fence(name)


def _title(fences: Fences, shown: Fence, record_type: str | None) -> str:
    fields = ", ".join(f"{bound.object}.{bound.field}" for bound in shown.bound)
    of_type = f", record type {record_type}" if record_type else ""
    return f"Fence on {fields}{of_type}, version {fences.version}"


def _about(fences: Fences, shown: Fence) -> dict[str, Any]:
    bound = [{"object": one.object, "field": one.field, "record_types": sorted(one.record_types)} for one in shown.bound]
    names = [each.name for each in fences.fences]
    mode = {kind.value: MODES.get(verdict, verdict.value) for kind, verdict in shown.ladder.mode.items()}
    about = {"fence": shown.name, "fences": names, "version": fences.version, "fields": bound, "reason": shown.reason_field}
    return {**about, "mode": mode, "never_to": sorted(shown.never_to)}


def _written(drawn: FenceMap, fences: Fences, form: str, title: str) -> str:
    from syncd.cli.fence_drawing import mermaid, svg

    if form == "svg":
        return svg(drawn, title)
    lines = mermaid(drawn) if form == "mermaid" else _told(drawn, fences, title)
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


def _told(drawn: FenceMap, fences: Fences, title: str) -> Iterator[str]:
    from syncd.cli.fence_drawing import ASKS, matrix

    header, rows = matrix(drawn)
    yield from output.table(header, rows)
    yield ""
    yield output.visible(title)
    yield "A cell names the teams that may make the move; a dot is a move inside one team; an empty cell is a crossing."
    gates = {move.rule: move for move in drawn.moves if move.asks or move.owner}
    if gates:
        yield f"{ASKS} the gate asks for more:"
    for rule, move in gates.items():
        with_owner = (f"owner to {move.owner}",) if move.owner else ()
        yield output.visible(f"  {rule.name if rule else ''}: {'; '.join((*move.asks, *with_owner))}")
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
    from syncd.core.fence_map import circles, circles_by, dead_ends, machines, unreachable

    return {
        "values": [{"value": value, "team": drawn.team_of[value]} for value in drawn.values],
        "gates": [asdict(move) for move in drawn.moves if move.rule is not None],
        "unreachable": list(unreachable(drawn)),
        "dead_ends": list(dead_ends(drawn)),
        "circles": [list(circle) for circle in circles(drawn)],
        "machine_circles": [list(circle) for circle in circles_by(drawn, machines(fences))],
    }
