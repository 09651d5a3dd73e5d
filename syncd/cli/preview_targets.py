"""Which files are previewed, and under the mapping of which source?"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.cli import output
from syncd.cli.mapping_files import file_named, folder_of, read, refuse, unreadable
from syncd.core.values import Problem
from syncd.errors import ConfigInvalid
from syncd.ports import ExportFile

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.core.mapping import SourceMapping

DONE = "done"


@dataclass(frozen=True, slots=True)
class Target:
    """One file to be looked at, under the mapping of its source. It may have no hash yet: see `hashed`."""

    mapping: SourceMapping
    file: ExportFile


def targets(config: Config, source: str | None, path: Path | None, instead: Path | None = None) -> list[Target]:
    """Return what is to be looked at: the file that was named, else what waits, else the last file that was taken.

    Shapes: `instead` is a mapping to be tried in place of the source's own.
    Errors: ConfigInvalid where it is not clear which file or source is meant, or there is none.
    """
    if instead is not None and source is None:
        source = _tried(config, instead, path)
    if path is not None:
        mapping = _mapping(config, source or _source_of(config, path), instead)
        return [Target(mapping, file) for file in files_at(mapping, path)]
    from syncd.engine.host_clock import HostClock
    from syncd.exports.folder import DropFolder  # slow to load

    mappings = [_mapping(config, name, instead) for name in ([source] if source else _sources(config))]
    folder = DropFolder(config.exports, HostClock(), is_read_only=True, hash_of=lambda path: "")
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


def hashed(target: Target) -> Target:
    """Return a target whose file has its hash. Raises ConfigInvalid when it cannot be read."""
    from syncd.exports.archives import hash_of

    path = Path(target.file.path)
    if target.file.sha256:
        return target
    try:
        sha256 = hash_of(path)
    except OSError as error:
        raise unreadable(path, error) from error
    return replace(target, file=replace(target.file, sha256=sha256))


def files_at(mapping: SourceMapping, path: Path) -> list[ExportFile]:
    """Return a file by its path, or each file of an archive of several. Raises ConfigInvalid when it cannot be read."""
    from syncd.exports.archive import original_name
    from syncd.exports.archives import contents_of
    from syncd.exports.unpacking import NotText

    name = original_name(path.name) if path.parent.name == DONE else path.name
    try:
        if path.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        with path.open("rb"):  # to hash it takes as long as to search it
            file = ExportFile(mapping.name, str(path), name, "", path.stat().st_size)
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
