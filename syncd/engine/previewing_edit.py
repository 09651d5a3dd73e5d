"""Which rows of a large export may an edit of its mapping concern at all?

A row for which nothing would be written by the columns that differ, under either mapping, comes to the same under both: whatever
else it says. The sieve finds the others by these columns alone.
"""

from __future__ import annotations

from dataclasses import fields, replace

from syncd.core.mapping import Column, SourceMapping
from syncd.core.rows import ParsedRow
from syncd.core.values import Rule, digest
from syncd.engine.intake_context import IntakeContext
from syncd.engine.intake_people import People
from syncd.engine.intake_sifting import background_of
from syncd.ports import ExportFile, Exports

LINES_MAX = 50_000
"""So many rows at most are decided one by one; of more the whole file is taken in under both mappings."""
_OF_FILE = frozenset(("name", "file", "sha256", "version", "columns", "table", "mode", "opt_out_rule"))
_NOWHERE = Rule("", "", 0)


def lines_concerned(
    context: IntakeContext, folder: Exports, old: SourceMapping, new: SourceMapping, file: ExportFile
) -> set[int] | None:
    """Return the lines of rows that may come to something else, with those of other rows about the same people.

    Shapes: None where that is not known for less than taking the file in: the mappings differ in more than columns, the file is
            none for the sieve, or the rows are many.
    """
    narrowed = _narrowed(old, new)
    if not narrowed:
        return None
    lines: set[int] = set()
    for mapping in narrowed:
        with folder.sift(file, mapping, context.now_at, background_of(context, mapping)) as sieve:
            if sieve is None:
                return None
            people = People(context, mapping)
            for items in sieve.rest():
                rows = [item for item, _ in items if isinstance(item, ParsedRow)]
                found = people.find(rows)
                ids = {person.id for one in found for person in (one.person, *one.candidates) if person is not None}
                sieve.related(ids, {row.key for row, one in zip(rows, found, strict=True) if one.person is None})
                lines |= {item.line for item, _ in items}
                if len(lines) > LINES_MAX:
                    return None
            lines |= {item.line for items in sieve.others() for item, _ in items}
    return lines


def _narrowed(old: SourceMapping, new: SourceMapping) -> list[SourceMapping]:
    """Return both mappings with only those columns writing in which they differ; nothing where they differ in more."""
    for one in fields(SourceMapping):
        if one.name not in _OF_FILE and getattr(old, one.name) != getattr(new, one.name):
            return []
    if (old.opt_out_rule is None) != (new.opt_out_rule is None):
        return []
    return [_only_writing(mapping, other) for mapping, other in ((old, new), (new, old))]


def _only_writing(mapping: SourceMapping, other: SourceMapping) -> SourceMapping:
    """Return a mapping in which the columns that stand in another one too are only read."""
    same = {column.name: _placeless(column) for column in other.columns}
    columns = tuple(
        replace(column, side="sales") if column.flag is None and same.get(column.name) == _placeless(column) else column
        for column in mapping.columns
    )
    # Of no row it is known by another mapping's hashes that it comes to nothing.
    return replace(mapping, columns=columns, sha256=digest("narrowed", mapping.sha256), table=None)


def _placeless(column: Column) -> Column:
    return replace(column, rule=_NOWHERE)
