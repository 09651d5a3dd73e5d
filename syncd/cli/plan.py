"""`syncd plan` and `syncd apply`: what would be written and why; exactly that, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import output, wire

if TYPE_CHECKING:
    from syncd.core.values import Entry, Intent
    from syncd.engine.planning import Preview

SHOWN_MAX = 40
PART_NAMES = ("fences", "exports", "nurture")


def plan(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the plan to a file for `syncd apply`.")] = None,
    only: Annotated[str | None, typer.Option("--only", metavar="PART", help="fences, exports or nurture.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a review.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Show what the next cycle would write, record by record, and why. Writes nothing."""
    from syncd.core.plan import plan_to_json
    from syncd.engine.planning import preview
    from syncd.engine.plans import save_plan

    if only is not None and only not in PART_NAMES:
        raise typer.BadParameter(f"{only!r} is no part of a plan. Parts: {', '.join(PART_NAMES)}.", param_hint="--only")
    with wire.open_world(wire.config_of(context), is_read_only=True) as (world, _org):
        found = preview(world, only)
        if out is not None:
            save_plan(found.plan, out)
    if as_json:
        output.data(plan_to_json(found.plan).rstrip())
    else:
        for line in _lines(found, only, is_markdown=markdown):
            output.data(line)
    if out is not None:
        output.message(f"The plan is in {out}. Carry it out with: syncd apply {out}")


def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan, written by `syncd plan --out` or by a cycle.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON.")] = False,
) -> None:
    """Carry out exactly one plan, or refuse."""
    from syncd.engine.planning import apply as apply_plan
    from syncd.engine.plans import read_plan
    from syncd.engine.schedule import holding_lease

    chosen = read_plan(file)
    with wire.open_world(wire.config_of(context)) as (world, org), holding_lease(world.store):
        record = apply_plan(world, org, chosen)
        left = world.store.count_open()
    if as_json:
        output.as_json({"schema": 1, "plan": chosen.hash, "cycle": record, "open_intents": left})
        return
    output.data(f"plan {chosen.hash[:8]}: {output.many(len(chosen.intents), 'write')}")
    for name, number in sorted(record.counts.items()):
        if name.startswith("outcomes "):
            output.data(f"  {name.removeprefix('outcomes '):<28}{number:>9,}")
    if left:
        output.message(f"{output.many(left, 'write')} still open; the next cycle settles them: syncd run --once")


def _lines(found: Preview, only: str | None, *, is_markdown: bool) -> list[str]:
    intents = found.plan.intents
    title = f"Plan of {output.when(found.plan.made_at)} for org {found.plan.org_id}: {output.many(len(intents), 'write')}"
    lines = [f"# {title}" if is_markdown else title]
    lines += _table(("record", "field", "before", "after", "rule", "why"), [_intent_row(i) for i in intents], is_markdown)
    decisions = [entry for entry in found.entries if _is_told(entry, only)]
    if decisions:
        heading = f"What was decided about {output.many(len(decisions), 'change or person', 'changes and people')}"
        lines += ["", f"## {heading}" if is_markdown else heading]
        lines += _table(("record", "decision", "rule", "why"), [_decision_row(entry) for entry in decisions], is_markdown)
    return lines


def _is_told(entry: Entry, only: str | None) -> bool:
    if entry.kind == "decision":
        return only in (None, "nurture")
    return entry.kind == "change" and entry.verdict != "allow" and only in (None, "fences")


def _intent_row(intent: Intent) -> tuple[object, ...]:
    rule = f"{intent.rule.file}:{intent.rule.line}"
    kind = f"{intent.object} {intent.record_id}" if not intent.is_create else f"new member {intent.record_id}"
    return (kind, intent.field, intent.before, intent.after, rule, intent.reason)


def _decision_row(entry: Entry) -> tuple[object, ...]:
    rule = f"{entry.rule.file}:{entry.rule.line}" if entry.rule else ""
    return (f"{entry.object} {entry.record_id}", entry.verdict, rule, entry.reason)


def _table(header: Sequence[str], rows: Sequence[Sequence[object]], is_markdown: bool) -> Iterable[str]:
    shown = list(rows) if is_markdown else list(rows[:SHOWN_MAX])
    if not shown:
        return []
    if is_markdown:
        body = [[output.harmless(cell).replace("|", "\\|") for cell in row] for row in shown]
        return [f"| {' | '.join(row)} |" for row in [list(header), ["---"] * len(header), *body]]
    more = [f"… and {len(rows) - SHOWN_MAX:,} more; all of them with --markdown or --json"] if len(rows) > SHOWN_MAX else []
    return [*output.table(header, shown), *more]
