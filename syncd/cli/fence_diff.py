"""`syncd fence diff`: which changes of the last days does an edit of the fences judge otherwise?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import output, wire
from syncd.cli.story import Names
from syncd.errors import ConfigInvalid

if TYPE_CHECKING:
    from syncd.core.fence_effect import Otherwise
    from syncd.core.fence_model import Fences
    from syncd.engine.fence_effect import FenceEffect

SHOWN_MAX = 20
HEADER = ("record", "field", "before", "after", "by", "at", "verdict", "why now")


def diff(
    context: typer.Context,
    old: Annotated[Path, typer.Argument(metavar="OLD.toml", help="The fence file as it was before the edit.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document, with all of them.")] = False,
) -> None:
    """Show which changes of the last 7 days the fence file judges otherwise than OLD.toml. Changes nothing, asks no org."""
    from syncd.engine.fence_effect import LOOKED_AT, fence_effect

    config = wire.config_of(context)
    before, new = _read(old), wire.load_policies(config.mappings)
    with wire.open_store_to_read(config) as store:
        effect = fence_effect(store, before, new)
        names = Names(store)
        names.learn({one.change.record_id for one in effect.found[:SHOWN_MAX]})
    if as_json:
        found = [_as_values(one) for one in effect.found]
        output.as_json({"schema": 1, "days": LOOKED_AT.days, "changes": effect.number, "otherwise": found})
        return
    for line in _told(effect, names):
        output.data(line)


def _read(path: Path) -> Fences:
    from syncd.core.policy import parse_fences
    from syncd.policies.conditions import compile_condition
    from syncd.policies.documents import read_table

    table, problems = read_table(path)
    fences = None
    if table is not None:
        fences, problems = parse_fences(table, compile_condition=compile_condition)
    if fences is None:
        raise ConfigInvalid("\n".join(map(str, problems)), hint="Name a fence file that was in force once, such as a copy.")
    return fences


def _told(effect: FenceEffect, names: Names) -> Iterator[str]:
    from syncd.engine.fence_effect import LOOKED_AT

    if not effect.found:
        yield f"{output.many(effect.number, 'change')} of the last {LOOKED_AT.days} days: both files judge each of them alike."
        return
    yield from effect.told
    yield "Nothing of this follows: fences judge what happens from now on."
    yield ""
    yield from output.table(HEADER, [_row(one, names) for one in effect.found[:SHOWN_MAX]])
    if len(effect.found) > SHOWN_MAX:
        yield f"… and {len(effect.found) - SHOWN_MAX:,} more; all of them with --json"


def _row(one: Otherwise, names: Names) -> tuple[object, ...]:
    change = one.change
    name = names.of(change.record_id)
    record = f"{change.object} {change.record_id}" + ("" if name == change.record_id else f" {name}")
    at = output.stamp(change.changed_at)
    return (record, change.field, change.before, change.after, one.who, at, f"{one.before} -> {one.after}", one.reason)


def _as_values(one: Otherwise) -> dict[str, Any]:
    change = one.change
    return {
        "object": change.object,
        "record_id": change.record_id,
        "field": change.field,
        "before": change.before,
        "after": change.after,
        "changed_at": change.changed_at,
        "actor_id": change.actor.user_id,
        "actor": change.actor.name,
        "team": change.actor.team,
        "verdict_before": one.before,
        "verdict_after": one.after,
        "reason": one.reason,
    }
