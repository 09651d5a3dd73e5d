"""Which rows of an export come to nothing, every one of them, and why?

The inbox tells of rows that share a reason in one item, with the first lines. Here the intake runs once more on a private layer
over the store, looks at each row, and is asked for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.core.mapping import SourceMapping
from syncd.core.values import InboxItem
from syncd.engine.intake import take_in
from syncd.engine.intake_choices import CHOICE
from syncd.engine.intake_context import IntakeContext
from syncd.engine.intake_telling import GROUPED
from syncd.engine.previewing_all import ITEMS_MAX, NOT_TAKEN, OneFile
from syncd.ports import Background, ExportFile, Exports, Sieve


@dataclass(frozen=True, slots=True)
class RowLeft:
    """A row that changes nothing, or not all that it says: the kind of the inbox item that tells of it, and why."""

    line: int
    kind: str
    why: str


class _EachRow(OneFile):
    """A drop folder in which one file lies, whose every row is looked at."""

    def sift(
        self, file: ExportFile, mapping: SourceMapping, now_at: datetime, background: Background
    ) -> AbstractContextManager[Sieve | None]:
        """Leave no row unlooked at."""
        return nullcontext(None)


def rows_left(
    context: IntakeContext, folder: Exports, mapping: SourceMapping, file: ExportFile
) -> tuple[Sequence[RowLeft], Sequence[str]]:
    """Take a file in on `context.store`, a private layer, and list the rows that come to nothing now, in line order.

    Shapes: the rows, and why the file is not taken at all, if it is not.
    """
    found: list[RowLeft] = []

    def noted(what: str, line: int) -> None:
        found.append(RowLeft(line, GROUPED[what].kind, GROUPED[what].one[1]))

    before = {(item.kind, item.subject): times for _, item, times in context.store.inbox()}
    noting = replace(context, items_max=ITEMS_MAX, noted=noted)
    take_in(_EachRow(folder, file), [mapping], noting)
    told = [item for _, item, times in context.store.inbox() if before.get((item.kind, item.subject)) != times]
    found += _set_aside(told, file)
    refused = [f"{item.where}: {item.text} {item.remedy}" for item in told if item.kind in NOT_TAKEN]
    return sorted(found, key=lambda one: (one.line, one.kind)), refused


def _set_aside(items: Sequence[InboxItem], file: ExportFile) -> Iterator[RowLeft]:
    for item in items:
        name, _, line = item.where.rpartition(":")
        if item.kind in ("export-row", CHOICE) and name == file.name and line.isdecimal():
            yield RowLeft(int(line), item.kind, f"{item.text} {item.remedy}")
