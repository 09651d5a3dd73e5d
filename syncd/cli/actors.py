"""Who writes what the fences stand on, and what do they look like?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import output, wire
from syncd.errors import ConfigInvalid, SyncdError

if TYPE_CHECKING:
    from syncd.core.fence_model import Fences
    from syncd.engine.discovering import Login

HEADER = ("login", "rows", "fenced", "peak/min", "odd hours", "many at once", "fields", "looks like", "in the file", "why")
FIELDS_SHOWN = 4
_SPAN = re.compile(r"(\d{1,4})\s*d(ays?)?")
_KIND_OF = {"tool": "tool", "automation": "automation", "shared login": "shared"}

actors = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Look at who writes what the fences stand on."
)


@actors.callback()
def _actors() -> None:
    """Look at who writes what the fences stand on."""


@actors.command("discover")
def discover(
    context: typer.Context,
    since: Annotated[str, typer.Option(metavar="DAYS", help="How far back, such as 90d.")] = "90d",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Rank every login that changed what a fence stands on, by the history in the mirror, and propose what it is.

    Nothing is changed: the lines at the end are for fences.toml, once somebody has looked at them.
    """
    from syncd.engine.cycle import OWN_USER
    from syncd.engine.discovering import logins_seen

    config = wire.config_of(context)
    fences = wire.load_policies(config.mappings).fences
    days = _days(since)
    with wire.open_store_to_read(config) as store:
        own_user = str(store.setting(OWN_USER) or "")
        seen = logins_seen(store, fences, own_user, config.zone, since=timedelta(days=days))
    rows = [_row(login, fences) for login in seen.logins if login.trace.fenced]
    if not rows:
        hint = "Run: syncd run --once, and let `syncd check` say whether Status and Owner are tracked."
        raise SyncdError(f"The mirror has no history of Lead Status or Owner in the last {days} days.", hint=hint)
    if as_json:
        output.as_json({"schema": 1, "since": seen.since_at, "actors": rows})
        return
    taken = {team.name for team in fences.teams}
    for line in (*output.table(HEADER, [_cells(row) for row in rows]), "", *_lines(rows, taken)):
        output.data(line)


def _days(text: str) -> int:
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or int(found[1]) == 0:
        raise ConfigInvalid(f"--since {text!r} is no number of days.", hint="Write it as 90d.")
    return int(found[1])


def _row(login: Login, fences: Fences) -> dict[str, Any]:
    actor = login.actor
    return {
        "name": login.name,
        "username": login.username,
        "is_active": login.is_active,
        **asdict(login.trace),
        "likeness": login.proposal.likeness.value,
        "why": login.proposal.why,
        "in_file": f"{actor.team or 'no team'} ({actor.kind.value})",
        "in_file_why": actor.why,
    }


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    shown, more = row["fields"][:FIELDS_SHOWN], len(row["fields"]) - FIELDS_SHOWN
    return (
        row["name"],
        row["rows"],
        row["fenced"],
        row["peak"],
        f"{row['odd_share']:.0%}",
        f"{row['bulk_share']:.0%}",
        ", ".join(shown) + (f" and {more} more" if more > 0 else ""),
        row["likeness"],
        row["in_file"],
        row["why"],
    )


def _lines(rows: list[dict[str, Any]], taken: set[str]) -> Iterator[str]:
    """Write the lines for [teams] of fences.toml that the file lacks, each under a name that is not `taken`."""
    new = [row for row in rows if row["likeness"] in _KIND_OF and _is_news(row)]
    if new:
        yield "# For [teams] in fences.toml, above the lines of people (the first that fits wins), once you have looked at them:"
    for number, row in enumerate(new, 1):
        name = re.sub(r"[^a-z0-9]+", "_", row["name"].lower()).strip("_") or "machine"
        name = f"{name}_{number}" if name in taken else name
        taken.add(name)
        user = (row["username"] or row["name"]).replace("\\", "\\\\").replace('"', '\\"')
        yield f'{name} = {{ kind = "{_KIND_OF[row["likeness"]]}", user = ["{output.visible(user)}"] }}    # {row["why"]}'
    for row in rows:
        if row["likeness"] == "shared login":
            yield f"# {row['name']}: {row['why']}. Until then its changes are only noted."


def _is_news(row: dict[str, Any]) -> bool:
    """Tell whether the file says nothing of a machine, or takes it for people."""
    return str(row["in_file"]).endswith(("(unknown)", "(person)"))
