"""Who writes Status and Owner in this org, and what do they look like?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import output, wire
from syncd.errors import ConfigInvalid, SyncdError

if TYPE_CHECKING:
    from syncd.core.actors import Directory
    from syncd.core.discovery import Proposal, Touch, Trace
    from syncd.core.fence_model import Fences
    from syncd.ports import StoreReader

FENCED = {"LeadHistory": ("LeadId", ("Status", "Owner"))}
HEADER = ("login", "rows", "peak/min", "odd hours", "many at once", "fields", "looks like", "in the file", "why")
_SPAN = re.compile(r"(\d{1,4})\s*d(ays?)?")

actors = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Look at who writes Status and Owner."
)


@actors.callback()
def _actors() -> None:
    """Look at who writes Status and Owner."""


@actors.command("discover")
def discover(
    context: typer.Context,
    since: Annotated[str, typer.Option(metavar="DAYS", help="How far back, such as 90d.")] = "90d",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Rank every login that changed Lead Status or Owner, by the history in the mirror, and propose what it is.

    Nothing is changed: the lines at the end are for fences.toml, once somebody has looked at them.
    """
    from syncd.core.discovery import propose, traces
    from syncd.engine.cycle import OWN_USER
    from syncd.engine.snapshots import read_directory

    config = wire.config_of(context)
    fences = wire.load_policies(config.mappings).fences
    days = _days(since)
    with wire.open_store_to_read(config) as store:
        people = read_directory(store, str(store.setting(OWN_USER) or ""))
        begin = _newest(store) - timedelta(days=days)
        others = (touch for touch in _touches(store, begin) if touch.user_id != people.own_user_id)
        found = [(trace, propose(trace, people.display(trace.user_id))) for trace in traces(others, config.zone)]
        rows = [
            _row(trace, proposal, people.display(trace.user_id), _in_file(trace, fences, people)) for trace, proposal in found
        ]
    if not rows:
        hint = "Run: syncd run --once, and let `syncd check` say whether Status and Owner are tracked."
        raise SyncdError(f"The mirror has no history of Lead Status or Owner in the last {days} days.", hint=hint)
    if as_json:
        output.as_json({"schema": 1, "since": begin, "actors": rows})
        return
    for line in (*output.table(HEADER, [_cells(row) for row in rows]), "", *_lines(rows)):
        output.data(line)


def _days(text: str) -> int:
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or int(found[1]) == 0:
        raise ConfigInvalid(f"--since {text!r} is no number of days.", hint="Write it as 90d.")
    return int(found[1])


def _newest(store: StoreReader) -> datetime:
    """Return the org's time up to which history was read: the host's clock decides nothing."""
    marks = [mark.decided_at for name, mark in store.marks().items() if name in FENCED and mark.decided_at is not None]
    return max(marks, default=datetime.now(UTC))


def _touches(store: StoreReader, begin: datetime) -> Iterator[Touch]:
    from syncd.core.discovery import Touch

    for name, (parent, fields) in FENCED.items():
        after = ""
        while page := store.scan(name, after_id=after):
            after = page[-1].id
            for row in page:
                user, record, field = row.text("CreatedById"), row.text(parent), row.text("Field")
                if (
                    row.modified_at >= begin
                    and user
                    and record
                    and field in fields
                    and _is_first_of_two(field, row.text("NewValue"))
                ):
                    yield Touch(user, record, field, row.modified_at)


def _is_first_of_two(field: str, value: str | None) -> bool:
    """An owner move leaves two rows, one with ids and one with names; only the former counts."""
    return field != "Owner" or value is None or value.startswith(("005", "00G"))


def _in_file(trace: Trace, fences: Fences, people: Directory) -> str:
    from syncd.core.actors import actor_of

    actor = actor_of(trace.user_id, people, fences.teams)
    return f"{actor.team or 'no team'} ({actor.kind.value})"


def _row(trace: Trace, proposal: Proposal, name: str, known: str) -> dict[str, Any]:
    return {"name": name, **asdict(trace), "likeness": proposal.likeness.value, "why": proposal.why, "in_file": known}


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    return (
        row["name"],
        row["rows"],
        row["peak"],
        f"{row['odd_share']:.0%}",
        f"{row['bulk_share']:.0%}",
        ", ".join(row["fields"]),
        row["likeness"],
        row["in_file"],
        row["why"],
    )


def _lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Write the lines for [teams] of fences.toml that the file lacks."""
    new = [row for row in rows if row["likeness"] in {"tool", "automation"} and row["in_file"].startswith("no team")]
    if new:
        yield "# For [teams] in fences.toml, once you have looked at them:"
    for number, row in enumerate(new, 1):
        name = re.sub(r"[^a-z0-9]+", "_", row["name"].lower()).strip("_") or f"machine_{number}"
        user = row["name"].replace("\\", "\\\\").replace('"', '\\"')
        yield f'{name} = {{ kind = "{row["likeness"]}", user = ["{output.visible(user)}"] }}    # {row["why"]}'
    for row in rows:
        if row["likeness"] == "shared login":
            yield f"# {row['name']}: {row['why']}. Until then its changes are only noted."
