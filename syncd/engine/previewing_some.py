"""What would some rows of an export come to, by kind of effect? Decided as the intake does; nothing is kept anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from syncd.core.mapping import SourceMapping
from syncd.core.mapping_fit import schema_problems
from syncd.core.rows import ParsedRow
from syncd.core.values import Problem
from syncd.engine.intake import BATCH_GROUPS
from syncd.engine.intake_context import IntakeContext, Tally
from syncd.engine.intake_people import People
from syncd.engine.intake_rows import decide_batch
from syncd.engine.intake_staging import staged_problem, staged_row
from syncd.engine.intake_telling import told_together
from syncd.engine.previewing_all import ITEMS_MAX, Decided, Effect, flag_of, set_aside, write_of
from syncd.ports import ExportFile, ExportRow


def decide_some(
    context: IntakeContext, mapping: SourceMapping, file: ExportFile, items: Sequence[ParsedRow | Problem]
) -> Decided:
    """Say what rows come to as if the file held no others and the mapping wrote."""
    context = replace(context, items_max=ITEMS_MAX)
    mapping = replace(mapping.of_file(file.name), mode="write")
    rows = [item for item in items if isinstance(item, ParsedRow)]
    stored = [staged_row(row, match) for row, match in zip(rows, People(context, mapping).find(rows), strict=True)]
    stored += [staged_problem(item) for item in items if isinstance(item, Problem)]
    groups: dict[str, list[ExportRow]] = {}
    for one in sorted(stored, key=lambda one: (one.key, one.line)):
        groups.setdefault(one.key, []).append(one)
    paused = schema_problems(mapping, {name: one.fields for name, one in context.schema.items()})
    tally = Tally()
    effects: list[Effect] = []
    waiting = iter(groups.items())
    while some := list(islice(waiting, BATCH_GROUPS)):
        batch = decide_batch(context, mapping, file, some, tally, is_paused=bool(paused))
        effects += [write_of(intent) for intent, _ in batch.intents]
        effects += [flag_of(entry) for entry in batch.entries if entry.kind == "flag"]
        effects += set_aside(batch.items)
    effects += set_aside(told_together(file, tally))
    return Decided(dict(tally.counts), effects, [f"{one.file}:{one.line} [{one.code}] {one.text} {one.remedy}" for one in paused])
