"""What would an export come to under a mapping? Read as the daemon would, nothing is kept and nobody is looked up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncd.cli import output
from syncd.cli.mapping_files import tell_of_long, unreadable

if TYPE_CHECKING:
    from syncd.core.mapping import SourceMapping
    from syncd.core.mapping_trial import Trial
    from syncd.core.values import Problem
    from syncd.ports import Item

FAULTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Against:
    """An export held against a mapping. `refused` is why the file as a whole would not be taken; `hints` are proposals."""

    export: Path
    trial: Trial
    refused: Problem | None
    hints: tuple[str, ...]

    @property
    def is_fine(self) -> bool:
        """Tell whether the file would be taken with every row of it."""
        return self.refused is None and not self.trial.faults


def hold_against(mapping: SourceMapping, export: Path) -> Against:
    """Read an export to its last row. Raises ConfigInvalid when there is no such file."""
    from syncd.core.mapping_trial import Trial
    from syncd.core.rows import ParsedRow
    from syncd.core.values import Problem
    from syncd.exports.unpacking import NotText
    from syncd.ports import Header, Refused

    trial = Trial(mapping)
    refused = None
    try:
        tell_of_long(output.visible(export.name), export.stat().st_size)
        for item in _items(mapping, export):
            if isinstance(item, Header):
                trial.header, trial.extra = item.columns, item.extra
            elif isinstance(item, Refused):
                refused = item.problem
            elif isinstance(item, ParsedRow | Problem):
                trial.take(item)
    except OSError as error:
        raise unreadable(export, error) from error
    except NotText as error:
        refused = Problem(export.name, 1, 1, error.code, str(error), error.remedy)
    return Against(export, trial, refused, tuple(_hints(mapping, export, trial, refused.remedy if refused is not None else "")))


def _items(mapping: SourceMapping, export: Path) -> Iterator[Item]:
    """Read a file, or each file of a set in an archive, as the daemon would."""
    from syncd.exports.archives import contents_of
    from syncd.exports.reading import items_of
    from syncd.ports import ExportFile

    contents = contents_of(export, mapping.dialect.members)
    members = [(one.name, one.sha256) for one in contents.members] if contents is not None else [("", "")]
    for member, digest in members:
        with export.open("rb") as stream:
            if not member:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                stream.seek(0)
            name = f"{export.name}/{member}" if member else export.name
            file = ExportFile(mapping.name, str(export), name, digest, export.stat().st_size, member)
            yield from items_of(stream, file, mapping, datetime.now(UTC))


def _hints(mapping: SourceMapping, export: Path, trial: Trial, remedy: str) -> Iterator[str]:
    """Say what of the mapping could be otherwise. None of it is ever applied by itself."""
    from syncd.core.suggestions.names import is_detail, other_channel, sounds_opted_out
    from syncd.exports.sampling import sample
    from syncd.exports.vendors import NoExport

    if remedy:
        try:
            seen = sample(export).export
        except NoExport:
            return
        if seen.encoding.lower() != mapping.encoding.lower() and seen.encoding not in remedy:
            yield f'the file looks like encoding = "{seen.encoding}"; the mapping says "{mapping.encoding}"'
        if seen.delimiter != mapping.delimiter and "delimiter" not in remedy:
            yield f"its cells look separated by {seen.delimiter!r}; the mapping says {mapping.delimiter!r}"
    for name in trial.extra:
        if sounds_opted_out(name) and not is_detail(name) and not other_channel(name):
            yield f"{name!r} sounds like an opt-out, and nothing is done with it: if it is one, whoever it names gets mail"
    by_word: dict[str, list[str]] = {}
    for name, word in trial.nullish:
        by_word.setdefault(word, []).append(f"{name!r} ({trial.nullish[name, word]:,})")
    for word, names in by_word.items():
        yield f"{word!r} is read as a value in {', '.join(names[:5])}: add it to null if it means none"


def told(one: Against) -> Iterator[str]:
    """Write it for a person."""
    trial = one.trial
    if one.refused is not None:
        yield f"{one.refused.file}:{one.refused.line} [{one.refused.code}] {output.visible(one.refused.text)}"
        yield f"  next: {output.visible(one.refused.remedy)}"
    else:
        flags = "".join(f", {count:,} {flag.value.replace('_', ' ')}" for flag, count in sorted(trial.flagged.items()))
        yield f"{one.export.name}: {output.many(trial.rows, 'row')}, {trial.whole:,} without a fault{flags}"
    for fault in trial.worst()[:FAULTS_SHOWN]:
        where = f"column {fault.column!r}" if fault.column else "rows"
        lines = ", ".join(map(str, fault.lines)) + (" …" if fault.count > len(fault.lines) else "")
        yield f"  [{fault.first.code}] {where}: {fault.count:,} of {trial.rows:,}, on lines {lines}"
        yield f"      {fault.first.line}: {output.visible(fault.first.text)}"
        yield f"      next: {output.visible(fault.first.remedy)}"
    if trial.extra:
        shown = ", ".join(repr(name) for name in trial.extra[:12]) + (" …" if len(trial.extra) > 12 else "")
        yield f"  columns that the mapping does not use: {shown}"
    for column in trial.mapping.columns:
        if trial.rows and trial.blank[column.name] == trial.rows:
            yield f"  column {column.name!r} is blank in every row"
    for hint in one.hints:
        yield f"  hint: {output.visible(hint)}"


def as_values(one: Against) -> dict[str, Any]:
    """Return it as JSON values."""
    return {
        "export": str(one.export),
        "refused": one.refused,
        **one.trial.counts(),
        "missing": one.trial.missing,
        "unused": one.trial.extra,
        "blank": dict(one.trial.blank),
        "faults": [
            {"code": fault.first.code, "column": fault.column, "count": fault.count, "lines": fault.lines, "first": fault.first}
            for fault in one.trial.worst()
        ],
        "hints": one.hints,
    }
