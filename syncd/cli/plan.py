"""`syncd plan` and `syncd apply`: what would be written and why; exactly that, or nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import asking, output, wire
from syncd.cli.story import Names

if TYPE_CHECKING:
    from syncd.core.routes import Cost
    from syncd.core.values import Entry, Intent, Scalar
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
    from syncd.core.routes import costs
    from syncd.engine.ingesting import terms_of
    from syncd.engine.planning import preview
    from syncd.engine.plans import save_plan

    if only is not None and only not in PART_NAMES:
        raise typer.BadParameter(f"{only!r} is no part of a plan. Parts: {', '.join(PART_NAMES)}.", param_hint="--only")
    config = wire.config_of(context)
    with wire.open_world(config, is_read_only=True, tell=output.message) as (opened, _org):
        world = asking.under_what_is_in_force(config, opened)
        found = preview(world, only)
        terms = terms_of(world, found.plan.made_at)
        if out is not None:
            save_plan(found.plan, out)
        nurture = world.policies.nurture if only in (None, "nurture") else None
        told = _Told(
            found=found,
            costs=costs(found.plan.intents, terms),
            only=only,
            names=Names(world.store),
            nurture_mode=nurture.mode if nurture is not None else "",
            is_markdown=markdown,
        )
        lines = [] if as_json else told.lines()
    if as_json:
        output.data(plan_to_json(found.plan, terms).rstrip())
    for line in lines:
        output.data(line)
    if nurture is not None and only is None and not as_json:
        output.message(f"What was decided about people in earlier cycles: {wire.command(context, 'plan --only nurture')}")
    if out is not None:
        output.message(f"The plan is in {out}. Carry it out with: {wire.command(context, f'apply {shlex.quote(str(out))}')}")


def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan, written by `syncd plan --out` or by a cycle.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON.")] = False,
) -> None:
    """Carry out exactly one plan, or refuse. A daemon that runs does it; else this command takes its place meanwhile."""
    from syncd.core.plan import plan_to_json
    from syncd.engine.plans import read_plan
    from syncd.engine.requests import APPLY, record_from_json

    chosen = read_plan(file)
    answer = asking.ask(context, wire.config_of(context), APPLY, {"plan": plan_to_json(chosen), "name": str(file)})
    record, left = record_from_json(answer["cycle"]), answer["open_intents"]
    if as_json:
        output.as_json({"schema": 1, "plan": chosen.hash, "cycle": record, "open_intents": left})
        return
    output.data(f"plan {chosen.hash[:8]}: {output.many(len(chosen.intents), 'write')}")
    for name, number in sorted(record.counts.items()):
        if name.startswith("outcomes "):
            output.data(f"  {name.removeprefix('outcomes '):<28}{number:>9,}")
    if answer["is_resumed"]:
        output.message("syncd ended while it carried this plan out, and went on with it; all outcomes: syncd audit query")
    if left:
        again = wire.command(context, "run --once")
        output.message(f"{output.many(left, 'write')} still open; the next cycle settles them: {again}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A preview as text. `nurture_mode` is that of nurture.toml, empty where the plan has no such part."""

    found: Preview
    costs: Sequence[Cost]
    only: str | None
    names: Names
    nurture_mode: str
    is_markdown: bool

    def lines(self) -> list[str]:
        intents = self.found.plan.intents
        decisions = [entry for entry in self.found.entries if _is_told(entry, self.only)]
        self._learn(intents, decisions)
        made_at = output.when(self.found.plan.made_at)
        title = f"Plan of {made_at} for org {self.found.plan.org_id}: {output.many(len(intents), 'write')}"
        lines = [f"# {title}" if self.is_markdown else title]
        if self.nurture_mode == "observe":
            lines.append("nurture.toml observes: nobody is enrolled")
        if self.nurture_mode and self.found.kept_out:
            lines.append("kept out of nurture: " + ", ".join(f"{name} {n:,}" for name, n in self.found.kept_out.items()))
        people = [one for one in intents if _is_new_person(one)]
        changed = [self._intent(one) for one in intents if not _is_new_person(one)]
        lines += self._table(("record", "field", "before", "after", "rule", "why"), changed)
        if people:
            lines += self._heading(f"{output.many(len(people), 'person', 'people')} would be created")
            lines += self._table(("new", "found again by", "fields", "rule", "why"), [_new_person(one) for one in people])
        if self.costs:
            lines += self._heading(
                f"How they would leave: about {output.many(sum(cost.calls for cost in self.costs), 'API call')}"
            )
            rows = [(cost.way.value, cost.object, cost.writes, cost.records, cost.calls) for cost in self.costs]
            lines += self._table(("way", "object", "writes", "records", "API calls"), rows)
        if decisions:
            new = "" if self.only == "nurture" else "newly "
            heading = f"What was {new}decided about {output.many(len(decisions), 'change or person', 'changes and people')}"
            lines += self._heading(heading)
            lines += self._table(("record", "decision", "rule", "why"), [self._decision(entry) for entry in decisions])
        return lines

    def _heading(self, text: str) -> list[str]:
        return ["", f"## {text}" if self.is_markdown else text]

    def _learn(self, intents: Sequence[Intent], decisions: Sequence[Entry]) -> None:
        ids = {intent.record_id for intent in intents} | {entry.record_id for entry in decisions if entry.record_id}
        ids |= {str(value) for one in intents if one.field.endswith("Id") for value in (one.before, one.after) if value}
        self.names.learn(ids)

    def _named(self, record_id: Scalar) -> str:
        name = self.names.of(record_id)
        return str(record_id) if name == record_id else f"{record_id} {name}"

    def _intent(self, intent: Intent) -> tuple[object, ...]:
        values = [self._named(v) if v and intent.field.endswith("Id") else v for v in (intent.before, intent.after)]
        kind = {"CampaignMember": "new member", "FeedItem": "new post on"}.get(intent.object, f"new {intent.object} for")
        kind = kind if intent.is_create else intent.object
        rule = f"{intent.rule.file}:{intent.rule.line}"
        return (f"{kind} {self._named(intent.record_id)}", intent.field, *values, rule, intent.reason)

    def _decision(self, entry: Entry) -> tuple[object, ...]:
        rule = f"{entry.rule.file}:{entry.rule.line}" if entry.rule else ""
        return (f"{entry.object} {self._named(entry.record_id)}", entry.verdict, rule, entry.reason)

    def _table(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterable[str]:
        return _table(header, rows, self.is_markdown)


def _is_new_person(intent: Intent) -> bool:
    return intent.is_create and intent.part == "map"


def _new_person(intent: Intent) -> tuple[object, ...]:
    values = dict(intent.values or {})
    key = f"{intent.field} {values.pop(intent.field, '')}"
    fields = ", ".join(f"{name} {value}" for name, value in sorted(values.items()))
    return (intent.object, key, fields, f"{intent.rule.file}:{intent.rule.line}", intent.reason)


def _is_told(entry: Entry, only: str | None) -> bool:
    if entry.kind == "decision":
        return only in (None, "nurture" if entry.fence is None else "fences")
    return entry.kind == "change" and entry.verdict != "allow" and only in (None, "fences")


def _table(header: Sequence[str], rows: Sequence[Sequence[object]], is_markdown: bool) -> Iterable[str]:
    shown = list(rows) if is_markdown else list(rows[:SHOWN_MAX])
    if not shown:
        return []
    if is_markdown:
        body = [[output.harmless(cell).replace("|", "\\|") for cell in row] for row in shown]
        return [f"| {' | '.join(row)} |" for row in [list(header), ["---"] * len(header), *body]]
    more = [f"… and {len(rows) - SHOWN_MAX:,} more; all of them with --markdown or --json"] if len(rows) > SHOWN_MAX else []
    return [*output.table(header, shown), *more]
