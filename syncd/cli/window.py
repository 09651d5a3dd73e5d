"""`syncd window`: a planned mass edit, announced so that it is lawful while it lasts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import asking, output, wire

if TYPE_CHECKING:
    from syncd.core.windows import Announced

HEADER = ("number", "state", "login", "fields", "from", "until", "opened by", "approved by", "reason")

window = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Announce planned mass edits, and see which stand."
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="A number from `syncd window list`.")]


@window.command("open")
def open_(
    context: typer.Context,
    actor: Annotated[str, typer.Option("--actor", metavar="LOGIN", help="Whose edit: a username, a name or an id.")],
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="A day or a time such as 2026-11-23T18:00, in the zone of config.toml.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the ledger with your name.")],
    field: Annotated[
        list[str] | None,
        typer.Option("--field", metavar="OBJECT.FIELD", help="Only this field; may be repeated. Default: every fenced one."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let one login move what it likes, over every gate, until then. What it did before stays as it was judged."""
    from syncd.engine.windows import OPEN

    config = wire.config_of(context)
    moment = read_until(until, config.zone).isoformat()
    payload = {"actor": actor, "until": moment, "reason": reason, "fields": list(field or ())}
    _tell(context, asking.ask(context, config, OPEN, payload)["window"], as_json=as_json)


@window.command()
def approve(context: typer.Context, number: Number, as_json: AsJson = False) -> None:
    """Give the second word for a window that another person opened. It stands from now on."""
    from syncd.engine.windows import APPROVE

    config = wire.config_of(context)
    _tell(context, asking.ask(context, config, APPROVE, {"number": number})["window"], as_json=as_json)


@window.command()
def close(context: typer.Context, number: Number, as_json: AsJson = False) -> None:
    """End a window now. What was changed while it stood stays lawful."""
    from syncd.engine.windows import CLOSE

    config = wire.config_of(context)
    _tell(context, asking.ask(context, config, CLOSE, {"number": number})["window"], as_json=as_json)


@window.command("list")
def list_windows(context: typer.Context, as_json: AsJson = False) -> None:
    """List the windows of the last three months, the oldest first."""
    from syncd.core.windows import to_json
    from syncd.engine.windows import read_windows

    now = datetime.now(UTC)
    with wire.open_store_to_read(wire.config_of(context)) as store:
        known = read_windows(store)
    if as_json:
        output.as_json({"schema": 1, "windows": [{**to_json(one), "state": one.state(now)} for one in known]})
        return
    if not known:
        output.data("no window was opened in the last three months")
        return
    for line in output.table(HEADER, [_cells(one, now) for one in known]):
        output.data(line)


def read_until(text: str, zone: tzinfo) -> datetime:
    """Read the end of a window: a day lasts to its midnight; a time without a zone is one of the configured zone.

    Errors: typer.BadParameter for anything else.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as cause:
        raise typer.BadParameter(f"{text!r} is no time. Write 2026-11-23 or 2026-11-23T18:00.", param_hint="--until") from cause
    is_day = len(text.strip()) <= len("2026-11-23")
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    if is_day:
        moment = datetime.combine(moment.date() + timedelta(days=1), time(), zone)
    return moment.astimezone(UTC)


def _tell(context: typer.Context, body: Mapping[str, Any], *, as_json: bool) -> None:
    from syncd.core.windows import from_json

    if as_json:
        output.as_json({"schema": 1, "window": body})
        return
    one = from_json(body)
    fields = ", ".join(sorted(one.window.fields)) or "every fenced field"
    output.data(f"window {one.number}: {output.visible(one.actor)}, {fields}, until {output.when(one.window.until)}")
    if one.is_waiting:
        output.data(f"it waits for a second person: {wire.command(context, f'window approve {one.number}')}")


def _cells(one: Announced, now: datetime) -> tuple[object, ...]:
    held = one.window
    fields = ", ".join(sorted(held.fields)) or "all"
    times = (output.stamp(held.opened_at), output.stamp(held.until))
    return (one.number, one.state(now), one.actor, fields, *times, held.opened_by, one.approved_by, held.reason)
