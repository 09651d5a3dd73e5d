"""How are the rows of an export that come to nothing handed to whoever puts them right?"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from syncd.cli import output, wire
from syncd.cli.preview_context import context_on
from syncd.errors import SyncdError

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.core.mapping import SourceMapping
    from syncd.engine.listing_rows import RowLeft
    from syncd.ports import ExportFile, Store

FIRST = ("syncd line", "syncd kind", "syncd why")


def write_rows(config: Config, mapping: SourceMapping, file: ExportFile, kind: str | None, out: Path | None) -> int:
    """Write a CSV of the rows of a file that come to nothing, each as it stands in the file; return how many.

    Errors: SyncdError where the file is not taken at all, or the CSV cannot be written.
    """
    from syncd.engine.host_clock import HostClock
    from syncd.engine.listing_rows import rows_left
    from syncd.exports.folder import DropFolder
    from syncd.exports.raw_rows import rows_at

    folder = DropFolder(config.exports, HostClock(), is_read_only=True)
    with wire.open_store_to_read(config) as store, cast("Store", store).scratch() as layer:
        found, refused = rows_left(context_on(config, store, layer), folder, mapping, file)
    if refused:
        raise SyncdError("\n".join(map(output.visible, refused)), hint="Put that right; then its rows can be listed.")
    rows = [one for one in found if kind in (None, one.kind)]
    header, cells = rows_at(file, mapping, {one.line for one in rows})
    with _opened(out) as text:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([*FIRST, *map(output.harmless, header)])
        writer.writerows(_lines(rows, cells))
    return len(rows)


def _lines(rows: Sequence[RowLeft], cells: dict[int, tuple[str, ...]]) -> Iterator[list[str]]:
    for one in rows:
        yield [str(one.line), one.kind, output.harmless(one.why), *map(output.harmless, cells.get(one.line, ()))]


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    """Give the file to write to; stdout without one. Spreadsheets take a file for UTF-8 by the mark at its begin."""
    if out is None:
        yield sys.stdout
        return
    try:
        with out.open("w", encoding="utf-8-sig", newline="") as text:
            yield text
    except OSError as error:
        raise SyncdError(f"{out} cannot be written: {error.strerror}.", hint="Name another file with --out.") from error
