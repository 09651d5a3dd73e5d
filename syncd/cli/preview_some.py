"""Which rows of a large export does a sample look at?"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.cli.mapping_files import unreadable
from syncd.cli.preview_rows import items_in
from syncd.core.rows import ParsedRow
from syncd.core.values import Problem
from syncd.ports import Refused

if TYPE_CHECKING:
    from datetime import datetime

    from syncd.cli.preview_targets import Target
    from syncd.ports import Item

LARGE_BYTES = 512 * 1024
"""From here on a sample looks at some rows only, unless all are asked for: packed or not, that is thousands of rows."""
ROWS = 2000


@dataclass(frozen=True, slots=True)
class Portion:
    """Some rows of a file of so many lines, and why the file is not taken at all, if it is not."""

    items: list[ParsedRow | Problem]
    lines: int
    refused: Refused | None


def some_of(target: Target, now_at: datetime) -> Portion:
    """Read some rows of a file, spread over all of it, the same ones each time. Raises ConfigInvalid when it cannot be read."""
    from syncd.exports.portions import Thinning, portion
    from syncd.exports.reading import items_of

    path, file = Path(target.file.path), replace(target.file, sha256="")
    try:
        with path.open("rb") as stream:
            cut = portion(stream, file, target.mapping, ROWS)
            if cut is not None:
                return _portion(items_in(cut[0], target, now_at), cut[1])
            stream.seek(0)
            thinning = Thinning(ROWS)
            found = _portion(items_of(stream, file, target.mapping, now_at, thinning), 0)
            return Portion([item for item in found.items if thinning.is_kept(item.line)], thinning.lines, found.refused)
    except OSError as error:
        raise unreadable(path, error) from error


def rows_on(target: Target, lines: Collection[int], now_at: datetime) -> list[ParsedRow | Problem] | None:
    """Read the rows that stand on some lines; None where they can't be cut out. Raises ConfigInvalid when it cannot be read."""
    from syncd.exports.excerpts import excerpt

    path = Path(target.file.path)
    try:
        with path.open("rb") as stream:
            cut = excerpt(stream, target.file, target.mapping, (), lines)
    except OSError as error:
        raise unreadable(path, error) from error
    return None if cut is None else _portion(items_in(cut, target, now_at), 0).items


def _portion(items: Iterable[Item], lines: int) -> Portion:
    given = list(items)
    rows = [item for item in given if isinstance(item, (ParsedRow, Problem))]
    return Portion(rows, lines, next((item for item in given if isinstance(item, Refused)), None))
