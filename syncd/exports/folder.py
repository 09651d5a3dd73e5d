"""Which export files wait in the drop folder, and where do they go afterwards?

One sub-folder per source. A file is only read when it has stopped growing, it never leaves the folder by a link, and it is
moved away only after everything in it is decided.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from syncd.core.fetching import is_unfinished
from syncd.core.mapping import SourceMapping
from syncd.core.values import Problem
from syncd.exports.archive import archived_name, brought_back
from syncd.exports.archives import Contents, contents_of, hash_of, hashes_of
from syncd.exports.progress import silent_when_empty, told
from syncd.exports.reading import items_of
from syncd.exports.records import quoted
from syncd.exports.sieve.sifting import sift
from syncd.exports.unpacking import NotText
from syncd.ports import Background, Clock, ExportFile, Item, Refused, Sieve

QUIET = timedelta(seconds=2)
_State = tuple[int, int, int]


@dataclass(slots=True)
class _Look:
    """A file as last seen: its inode, size and time, since when it is so, and its hash once read.

    `contents` is what an archive of several files holds by the pattern `members`, `wrong` why it cannot be read; `left` names
    those of its files that are not done with, and `is_refused` says that one of them never will be taken. `stuck` is why the
    file could not be put away.
    """

    state: _State
    since_at: datetime
    sha256: str | None = None
    members: str | None = None
    contents: Contents | None = None
    wrong: NotText | None = None
    left: set[str] = field(default_factory=set)
    is_refused: bool = False
    stuck: Problem | None = None


class DropFolder:
    """The folder that marketing-automation exports are dropped into; `root/<source>/` per source.

    `hash_of` says what a file is known by; who only looks at files may leave it empty.
    """

    def __init__(self, root: Path, clock: Clock, *, is_read_only: bool = False, hash_of: Callable[[Path], str] = hash_of) -> None:
        self.root = root
        self.clock = clock
        self.is_read_only = is_read_only
        self._hash_of = hash_of
        self._looks: dict[str, _Look] = {}

    def waiting(self, mapping: SourceMapping) -> tuple[list[ExportFile], list[Problem]]:
        """Return the files of a source that may be read now, in name order, and what may never be read.

        A file that grew since the last look, or was changed less than two seconds ago, waits for a later call.
        """
        folder = self.root / mapping.name
        files: list[ExportFile] = []
        problems: list[Problem] = []
        if folder.is_symlink():
            return [], [_problem(folder, "EXP-020", "The folder of the source is a link.", "Make it a real folder.")]
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208  names, not paths, are what has to be judged
        except FileNotFoundError:
            return [], []
        except OSError as error:
            return [], [_unreadable(folder, error)]
        self._forget({str(folder / name) for name in names}, f"{folder}{os.sep}")
        for name in names:
            found = self._one(folder / name, name, mapping)
            if isinstance(found, Problem):
                problems.append(found)
            elif found is not None:
                if (stuck := self._looks[found.path].stuck) is not None:
                    problems.append(stuck)
                files += self._unpacked(found, mapping, problems)
        return files, problems

    def rows(self, file: ExportFile, mapping: SourceMapping, now_at: datetime | None = None) -> Iterator[Item]:
        """Read a file: its header, then a row or a problem for each record. See `exports.reading.items_of`."""
        look = self._looks.get(file.path)
        if look is not None and look.wrong is not None:
            yield Refused(Problem(file.name, 1, 1, look.wrong.code, str(look.wrong), look.wrong.remedy))
            return
        try:
            with os.fdopen(os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
                place = partial(os.lseek, stream.fileno(), 0, os.SEEK_CUR)
                items = told(items_of(stream, file, mapping, now_at), file, place, self.clock)
                members = look.contents.members if look is not None and look.contents is not None else ()
                yield from silent_when_empty(items) if any(one.has_rows for one in members) else items
        except OSError as error:
            problem = Problem(file.name, 1, 1, "EXP-021", f"The file cannot be read: {error.strerror}.", "Check its permissions.")
            yield Refused(problem, "wait")

    def sift(
        self, file: ExportFile, mapping: SourceMapping, now_at: datetime, background: Background
    ) -> AbstractContextManager[Sieve | None]:
        """Hold a large file against what is known. See `exports.sifting.sift`."""
        return sift(file, mapping, now_at, background)

    def done(self, file: ExportFile) -> None:
        """Move a finished file to done/; nothing happens when it is there already."""
        self._put(file, "done")

    def refused(self, file: ExportFile) -> None:
        """Move a file that will never be taken to refused/."""
        self._put(file, "refused")

    def bring_back(self, is_known: Callable[[str], bool]) -> list[str]:
        """Put finished files back whose SHA-256 is not known, to be taken once more; return their names."""
        if self.is_read_only or not self.root.is_dir():
            return []
        found: list[Path] = []
        for path in self.root.glob("*/done/*"):
            try:
                if path.is_file() and not path.is_symlink() and not all(map(is_known, hashes_of(path))):
                    found.append(path)
            except OSError as error:
                structlog.get_logger("syncd").error("export-not-taken-again", file=str(path), why=error.strerror)
        # The last one first: of several with one name it is the one that keeps it, and the others come before it by their names.
        found.sort(key=lambda path: (path.lstat().st_mtime_ns, path.name), reverse=True)
        return sorted(brought_back(path) for path in found)

    def _forget(self, there: set[str], inside: str) -> None:
        """Forget files that somebody took out of a folder."""
        for gone in [path for path in self._looks if path.startswith(inside) and path not in there]:
            del self._looks[gone]

    def _one(self, path: Path, name: str, mapping: SourceMapping) -> ExportFile | Problem | None:
        """Judge one name of the folder; None when there is nothing to do with it now."""
        if is_unfinished(name):
            return None
        if not name.isprintable():
            return _problem(path, "EXP-022", "The file name holds characters that cannot be shown.", "Rename the file.")
        try:
            status = path.lstat()
        except OSError:
            return None
        if stat.S_ISLNK(status.st_mode):
            return _problem(path, "EXP-020", "This is a link: it may lead out of the folder.", "Put the file itself here.")
        if stat.S_ISDIR(status.st_mode):
            return None
        if not stat.S_ISREG(status.st_mode):
            return _problem(path, "EXP-020", "This is no regular file.", "Remove it.")
        if not fnmatch.fnmatchcase(name, mapping.pattern):
            text = f"The name does not fit pattern = {mapping.pattern!r}."
            return _problem(path, "EXP-023", text, f"Rename the file, or correct pattern in {mapping.file}.")
        return self._quiet(path, name, status, mapping)

    def _quiet(self, path: Path, name: str, status: os.stat_result, mapping: SourceMapping) -> ExportFile | Problem | None:
        now_at = self.clock.now()
        state = _state(status)
        look = self._looks.get(str(path))
        has_grown = look is not None and look.state != state
        if look is None or has_grown:
            look = self._looks[str(path)] = _Look(state, now_at)
        rest = max(now_at - look.since_at, now_at - datetime.fromtimestamp(status.st_mtime, UTC))
        if has_grown or rest < QUIET:
            return None
        if look.sha256 is None:
            try:
                look.sha256 = self._hash_of(path)
            except OSError as error:
                return _unreadable(path, error)
        return ExportFile(mapping.name, str(path), name, look.sha256, status.st_size)

    def _unpacked(self, file: ExportFile, mapping: SourceMapping, problems: list[Problem]) -> list[ExportFile]:
        """Return the files within an archive of several, or the file itself."""
        look, pattern = self._looks[file.path], mapping.dialect.members
        if look.members != pattern:
            look.members, look.contents, look.wrong = pattern, None, None
            try:
                look.contents = contents_of(Path(file.path), pattern)
            except NotText as error:
                look.wrong = error
            except OSError as error:
                look.members = None
                problems.append(_unreadable(Path(file.path), error))
                return []
            look.left = {one.name for one in look.contents.members} if look.contents else set()
        if look.contents is None:
            return [file]
        if look.contents.others:
            names = ", ".join(map(quoted, look.contents.others[:3])) + (", ..." if len(look.contents.others) > 3 else "")
            text = f"Of the archive {names} was left aside: it does not fit members = {pattern!r}."
            remedy = f"Nothing to do, or correct members under [file] in {mapping.file}."
            problems.append(_problem(Path(file.path), "EXP-024", text, remedy))
        return [
            replace(file, name=f"{file.name}/{one.name}", sha256=one.sha256, size_bytes=one.size_bytes, member=one.name)
            for one in look.contents.members
            if one.name in look.left
        ]

    def _is_all(self, file: ExportFile, look: _Look | None, where: str) -> bool:
        """Note that a file of an archive is done with, and tell whether the archive is."""
        if not file.member or look is None:
            return not file.member
        look.left.discard(file.member)
        look.is_refused |= where == "refused"
        return not look.left

    def _put(self, file: ExportFile, where: str) -> None:
        """Move a file unless other bytes have taken its place since it was hashed; an archive, once all in it is done with."""
        path = Path(file.path)
        look = self._looks.get(file.path)
        if self.is_read_only or not self._is_all(file, look, where):
            return
        sha256, where = file.sha256, "refused" if look is not None and look.is_refused else where
        if look is not None and look.sha256 is not None:
            sha256 = look.sha256
        try:
            if look is not None and _state(path.lstat()) != look.state:
                return
            target = self.root / file.source / where
            target.mkdir(exist_ok=True)
            target /= f"{sha256[:16]}-{archived_name(path.name)}"
            path.replace(target)
            with suppress(PermissionError):  # it is somebody else's; `syncd check` tells of it
                target.chmod(0o600)
        except FileNotFoundError:
            pass
        except OSError as error:
            remedy = "Check the owner and permissions of its folder; nothing else may be called done or refused there."
            text = f"This was read and cannot be moved to {where}: {error.strerror}."
            if look is not None:
                look.stuck = _problem(path, "EXP-021", text, remedy)
            return
        self._looks.pop(file.path, None)


def is_to_read(path: Path, mapping: SourceMapping) -> bool:
    """Tell by its name and kind whether a file would be read once it has stopped growing."""
    is_file = path.is_file() and not path.is_symlink() and path.name.isprintable()
    return is_file and not is_unfinished(path.name) and fnmatch.fnmatchcase(path.name, mapping.pattern)


def _state(status: os.stat_result) -> _State:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _unreadable(path: Path, error: OSError) -> Problem:
    return _problem(path, "EXP-021", f"This cannot be read: {error.strerror}.", "Check its owner and permissions.")


def _problem(path: Path, code: str, text: str, remedy: str) -> Problem:
    shown = str(path) if str(path).isprintable() else ascii(str(path))
    return Problem(shown, 1, 1, code, text, remedy)
