"""Which file is previewed, and which of its rows are about the person that somebody names?"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.cli import output
from syncd.cli.mapping_files import file_named, folder_of, read, refuse, unreadable
from syncd.core.cells import normal_address
from syncd.core.rows import ParsedRow
from syncd.core.values import OrgRecord, Problem
from syncd.errors import ConfigInvalid
from syncd.ports import ExportFile, Refused

if TYPE_CHECKING:
    from datetime import datetime

    from syncd.config import Config
    from syncd.core.mapping import SourceMapping
    from syncd.engine.intake_context import IntakeContext
    from syncd.ports import Item

DONE = "done"
ID_LENGTHS = (15, 18)


@dataclass(frozen=True, slots=True)
class Target:
    """One file to be looked at, under the mapping of its source."""

    mapping: SourceMapping
    file: ExportFile


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom somebody names: a line, or words that stand in a cell of theirs, and the people whom the mirror knows by them."""

    line: int = 0
    words: tuple[str, ...] = ()
    people: tuple[OrgRecord, ...] = ()

    def is_about(self, row: ParsedRow, external_field: str | None) -> bool:
        """Tell whether a row names the person by any key."""
        ids = {one.id[:15] for one in self.people}
        keys = {normal_address(word) if "@" in word else word.casefold() for word in self.words}
        named = (row.address, row.external, row.person_id)
        mine = {normal_address(one) if "@" in one else one.casefold() for one in named if one}
        return row.line == self.line or not keys.isdisjoint(mine) or (row.person_id or "")[:15] in ids


def targets(config: Config, source: str | None, path: Path | None, instead: Path | None = None) -> list[Target]:
    """Return what is to be looked at: the file that was named, else what waits, else the last file that was taken.

    Shapes: `instead` is a mapping to be tried in place of the source's own.
    Errors: ConfigInvalid where it is not clear which file or source is meant, or there is none.
    """
    from syncd.engine.host_clock import HostClock
    from syncd.exports.folder import DropFolder

    if instead is not None and source is None:
        source = _tried(config, instead, path)
    if path is not None:
        mapping = _mapping(config, source or _source_of(config, path), instead)
        return [Target(mapping, file) for file in files_at(mapping, path)]
    mappings = [_mapping(config, name, instead) for name in ([source] if source else _sources(config))]
    folder = DropFolder(config.exports, HostClock(), is_read_only=True)
    looked = [(mapping, *folder.waiting(mapping)) for mapping in mappings]
    problems = [problem for *_, wrong in looked for problem in wrong]
    found = [Target(mapping, file) for mapping, files, _ in looked for file in files]
    taken = [(mapping, last) for mapping in mappings if not found and (last := _last(config, mapping))]
    found += [Target(mapping, file) for mapping, last in taken for file in files_at(mapping, last)]
    if not found:
        raise _nothing(config, mappings, problems)
    for problem in problems:
        output.message(f"left aside: {output.visible(problem)}")
    return found


def _nothing(config: Config, mappings: Sequence[SourceMapping], problems: Sequence[Problem]) -> ConfigInvalid:
    """Say why there is nothing to look at."""
    if not mappings:
        return ConfigInvalid(f"There is no mapping in {folder_of(config)}.", hint="Begin with: syncd mapping suggest EXPORT")
    if problems:
        return ConfigInvalid("\n".join(map(str, problems)), hint="Put that right, or name another file with --file EXPORT.")
    folders = [config.exports / mapping.name for mapping in mappings]
    fresh = [path for folder in folders for path in folder.glob("*") if path.is_file() and time.time() - path.stat().st_mtime < 3]
    if fresh:
        return ConfigInvalid(f"{fresh[0]} was written a moment ago: it waits for two seconds.", hint="Then try again.")
    names = ", ".join(map(str, folders))
    return ConfigInvalid(f"No export waits in {names}, and none was taken yet.", hint="Name one with --file EXPORT.")


def files_at(mapping: SourceMapping, path: Path) -> list[ExportFile]:
    """Return a file by its path, or each file of an archive of several. Raises ConfigInvalid when it cannot be read."""
    from syncd.exports.archive import original_name
    from syncd.exports.archives import contents_of
    from syncd.exports.unpacking import NotText

    name = original_name(path.name) if path.parent.name == DONE else path.name
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        file = ExportFile(mapping.name, str(path), name, sha256, path.stat().st_size)
        contents = contents_of(path.resolve(), mapping.dialect.members)
    except OSError as error:
        raise unreadable(path, error) from error
    except NotText:  # told of when it is read
        return [file]
    members = contents.members if contents is not None else ()
    return [replace(file, name=f"{name}/{one.name}", sha256=one.sha256, member=one.name) for one in members] or [file]


def _mapping(config: Config, source: str, instead: Path | None) -> SourceMapping:
    own = file_named(folder_of(config), source)
    return refuse(read(own, config)) if instead is None else replace(refuse(read(instead, config)), name=own.stem)


def _tried(config: Config, instead: Path, path: Path | None) -> str:
    """Return the source that a mapping is tried for: the one of its name, or of the export, or the only one."""
    known = _sources(config)
    if instead.stem in known:
        return instead.stem
    if path is not None:
        return _source_of(config, path)
    if len(known) == 1:
        return known[0]
    raise ConfigInvalid(f"It is not clear for which source {instead} is.", hint=f"Say --source with one of: {', '.join(known)}")


def _sources(config: Config) -> list[str]:
    return sorted(path.stem for path in folder_of(config).glob("*.toml"))


def _source_of(config: Config, path: Path) -> str:
    """Return the source of a file: by the folder that it lies in, or the only one that there is."""
    known = _sources(config)
    near = [name for name in known if name in (path.resolve().parent.name, path.resolve().parent.parent.name)]
    if len(near) == 1 or len(known) == 1:
        return (near or known)[0]
    raise ConfigInvalid(f"It is not clear of which source {path} is.", hint=f"Say --source with one of: {', '.join(known)}")


def _last(config: Config, mapping: SourceMapping) -> Path | None:
    files = [path for path in (config.exports / mapping.name / DONE).glob("*") if path.is_file()]
    return max(files, key=lambda path: (path.stat().st_ctime_ns, path.name), default=None)  # when it was put there


def wanted(person: str, mapping: SourceMapping, context: IntakeContext) -> Wanted:
    """Say whom a word means: a line number, a Salesforce id, or what stands in a key column."""
    word = person.strip()
    if word.isdecimal() and len(word) not in ID_LENGTHS:
        return Wanted(line=int(word))
    return _known_by(Wanted(words=(word,)), mapping, context)


def _known_by(asked: Wanted, mapping: SourceMapping, context: IntakeContext) -> Wanted:
    """Add all keys of the people whom the mirror knows by these words."""
    from syncd.core.cells import spellings
    from syncd.salesforce.ids import to_18

    people: dict[str, OrgRecord] = {}
    for word in asked.words:
        for object, prefix in (("Lead", "00Q"), ("Contact", "003")):
            if word.startswith(prefix):
                with suppress(ValueError):  # it only begins like an id
                    people |= context.store.get(object, [to_18(word)])
            fields = [("Email", spellings(word))] if "@" in word else []
            fields += [(mapping.external_field, (word,))] if mapping.external_field else []
            visible = context.schema[object].fields if object in context.schema else {}
            for name, values in fields:
                found = context.store.by_key(object, name, list(values)) if name in visible else []
                people |= {one.id: one for one in found}
    words = dict.fromkeys(asked.words)
    for one in people.values():
        external = one.text(mapping.external_field) if mapping.external_field else None
        words |= dict.fromkeys(key for key in (one.id[:15], external, one.text("Email")) if key)
    return replace(asked, words=tuple(words), people=tuple(people.values()))


def rows_about(target: Target, asked: Wanted, context: IntakeContext) -> tuple[list[ParsedRow | Problem], Refused | None]:
    """Return all rows of a file that name a person, and why the file is not taken at all, if it is not."""
    items, refused = _found(target, asked, context.now_at)
    rows = [item for item in items if isinstance(item, ParsedRow)]
    keys = tuple(dict.fromkeys(key for row in rows for key in (row.address, row.external, row.person_id) if key))
    more = _known_by(replace(asked, words=(*asked.words, *keys)), target.mapping, context)
    if not rows or {word.casefold() for word in more.words} == {word.casefold() for word in asked.words}:
        return items, refused
    again, refused = _found(target, more, context.now_at)
    return again, refused


def _found(target: Target, asked: Wanted, now_at: datetime) -> tuple[list[ParsedRow | Problem], Refused | None]:
    found: list[ParsedRow | Problem] = []
    refused = None
    for item, is_named in _items(target, asked, now_at):
        if isinstance(item, Refused):
            refused = item
        elif isinstance(item, ParsedRow):
            found += [item] if asked.is_about(item, target.mapping.external_field) else []
        elif isinstance(item, Problem) and (is_named or item.line == asked.line):
            found.append(item)
    return found, refused


def _items(target: Target, asked: Wanted, now_at: datetime) -> Iterator[tuple[Item, bool]]:
    """Give the items that may be about somebody, and whether a word fills a cell of theirs: cut out, or else all of the file."""
    from syncd.exports.excerpts import excerpt, has_cell
    from syncd.exports.reading import items_of

    mapping, file = target.mapping, target.file
    try:
        with Path(file.path).open("rb") as stream:
            cut = excerpt(stream, file, mapping, asked.words, [asked.line] if asked.line else [])
            if cut is None:
                stream.seek(0)
                yield from ((item, False) for item in items_of(stream, file, mapping, now_at))
                return
    except OSError as error:
        raise unreadable(Path(file.path), error) from error
    named = {one.line for one in cut.found if has_cell(one, mapping, asked.words)}
    if cut.found:
        data = cut.data
        small = replace(file, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data), member="")
        for item in _placed(items_of(io.BytesIO(data), small, mapping, now_at), cut.lines):
            yield item, isinstance(item, Problem) and item.line in named


def _placed(items: Iterable[Item], lines: dict[int, int]) -> Iterator[Item]:
    """Give rows the lines that they have in the whole file."""
    for item in items:
        if isinstance(item, ParsedRow):
            line = lines.get(item.line, item.line)
            yield replace(item, line=line, problems=_moved(item.problems, line))
        elif isinstance(item, Problem):
            yield replace(item, line=lines.get(item.line, item.line))
        else:
            yield item


def _moved(problems: Sequence[Problem], line: int) -> tuple[Problem, ...]:
    return tuple(replace(problem, line=line) for problem in problems)
