"""Does a mapping file write what fences.toml keeps for somebody?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncd.core.fence_model import Fences
from syncd.core.mapping import Column, SourceMapping
from syncd.core.values import Problem


def fenced_columns(fences: Fences, sources: Iterable[SourceMapping]) -> list[Problem]:
    """Report each column that would write a field on which a fence stands, or alone a field that [fields] shares out."""
    return [problem for source in sources for column in source.writing for problem in _of_column(fences, source.file, column)]


def _of_column(fences: Fences, file: str, column: Column) -> Iterator[Problem]:
    if column.side != "marketing" or column.flag is not None:
        return
    for object, field in column.fields.items():
        fence = fences.on(object, field)
        side = next((rule for rule in fences.sides if (rule.object, rule.field) == (object, field)), None)
        reasons = {one.reason_field for one in fences.fences if any(bound.object == object for bound in one.bound)}
        if fence is not None:
            text = f"{object}.{field} is fenced ({fence.rule.file}:{fence.rule.line}): no export ever writes it."
            yield Problem(file, column.rule.line, 1, "MAP-108", text, "Remove the column; who may set it stands in fences.toml.")
        elif field in reasons:
            text = f"{object}.{field} holds the reasons that gates ask for: no export ever writes it."
            yield Problem(file, column.rule.line, 1, "MAP-108", text, "Remove the column, or name another reason field.")
        elif side is not None and column.exclusive:
            text = f"{object}.{field} is nobody's alone ({side.rule.file}:{side.rule.line}), and this column is exclusive."
            yield Problem(
                file, column.rule.line, 1, "MAP-125", text, "Take exclusive out here, or the line under [fields] there."
            )
