"""Is a file laid out for the sieve as it is, without what is no good row in it, or not at all?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from syncd.core.mapping import SourceMapping
from syncd.exports.sieve.beside import Beside
from syncd.exports.sieve.combing import Laid
from syncd.exports.sieve.opening import OpenFile, open_database, open_file
from syncd.exports.sieve.reach import is_told, may_be_known
from syncd.exports.sieve.sifted import PLAIN, SiftedFile, tell_not_sifted
from syncd.exports.sieve.workroom import workroom
from syncd.ports.exports import ExportFile
from syncd.ports.sifting import Background

SIFTED_FROM_BYTES = 256 * 1024
"""Below this a file is looked at row by row: that costs less than to begin."""
LARGE_BYTES = 4 << 20


@contextmanager
def sift(file: ExportFile, mapping: SourceMapping, now_at: datetime, background: Background) -> Iterator[SiftedFile | None]:
    """Hold a file against what is known; None where every row has to be looked at.

    Shapes: every line of the file was accounted for; what is no good row of it has to be looked at.
    """
    mapping = mapping.of_file(file.name)
    opened = open_file(file, mapping, SIFTED_FROM_BYTES) if may_be_known(mapping) else None
    if opened is None:
        yield None
        return
    with opened, _room(file) as folder:
        if folder is None:
            yield None
            return
        with Beside(folder, background, is_large=is_told(mapping) and opened.text_bytes >= LARGE_BYTES) as beside:
            # Also a plain file has another name there: DuckDB takes signs such as [ and * in a name for a pattern.
            path = folder / PLAIN
            for laid in _ways(opened, path, now_at):
                with open_database(folder, file.path) as database:
                    found = SiftedFile(database, folder, file, mapping, laid, now_at, background, beside)
                    if found.table.is_proven(str(path)):
                        if opened.is_same() and found.is_held():
                            yield found
                            return
                        break
    yield None


@contextmanager
def _room(file: ExportFile) -> Iterator[Path | None]:
    """Give a folder to work in; None where there is no room for one."""
    with ExitStack() as stack:
        folder: Path | None = None
        try:
            folder = stack.enter_context(workroom())
        except OSError as error:
            tell_not_sifted(file, error)
        yield folder


def _ways(opened: OpenFile, path: Path, now_at: datetime) -> Iterator[Laid]:
    """Lay a file out as it is, and where that is not enough, without what is no good row in it."""
    for lay_out in (partial(opened.lay_out, path), partial(opened.comb, path, now_at)):
        try:
            laid = lay_out()
        except OSError as error:
            tell_not_sifted(opened.file, error)
            return
        if laid is not None:
            yield laid
