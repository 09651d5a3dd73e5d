"""Would the files that wait in the drop folder be taken, as the mappings stand?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from syncd.cli.finding import Finding, Level
from syncd.core.mapping import SourceMapping

FILES_MAX = 5
ITEMS_MAX = 1_000
_CHECK = "exports"


def files_fit(exports: Path, sources: Sequence[SourceMapping]) -> Iterator[Finding]:
    """Look at the beginnings of the first waiting files of each source; nothing is taken."""
    from syncd.exports.folder import is_to_read

    for source in sources:
        folder = exports / source.name
        try:
            paths = sorted(path for path in folder.iterdir() if is_to_read(path, source))
        except OSError:
            continue  # whether the folder is there, and can be read, is looked at before
        for path in paths[:FILES_MAX]:
            yield from _begins_well(path, source)
        if (more := len(paths) - FILES_MAX) > 0:
            yield Finding(Level.OK, _CHECK, f"{folder}: {more:,} more waiting, which were not looked at")


def _begins_well(path: Path, source: SourceMapping) -> Iterator[Finding]:
    from syncd.exports.archives import contents_of
    from syncd.exports.reading import items_of
    from syncd.exports.unpacking import NotText
    from syncd.ports import ExportFile, Refused

    file = ExportFile(source.name, str(path), path.name, "", 0)
    try:
        contents = contents_of(path, source.dialect.members)
        members = [one.name for one in contents.members] if contents is not None else [""]
        for member in members[:FILES_MAX]:
            one = replace(file, member=member, name=f"{path.name}/{member}" if member else path.name)
            with path.open("rb") as stream:
                items = islice(items_of(stream, one, source), ITEMS_MAX)
                problems = [item.problem for item in items if isinstance(item, Refused) and item.kind != "wait"]
            for problem in problems:
                yield _not_taken(path.parent / problem.file, problem.line, problem.text, problem.remedy)
    except NotText as error:
        yield _not_taken(path, 1, str(error), error.remedy)
    except OSError as error:
        yield Finding(Level.WARNING, _CHECK, f"{path} cannot be read: {error.strerror}.", "Check its owner and permissions.")


def _not_taken(path: Path, line: int, text: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, _CHECK, f"{path}:{line} would not be taken: {text}", remedy)
