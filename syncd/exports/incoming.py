"""How does a file that is fetched come into the drop folder: whole, or not at all?

It is written under a hidden name, which survives the process, and gets its own name when it is complete and on the disk.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from syncd.core.fetching import Original
from syncd.errors import SourceRefused
from syncd.exports.archives import hashes_of

_PREFIX, _SUFFIX = ".fetch-", ".part"
_CHUNK_BYTES = 1 << 20
_RESERVE_BYTES = 64 << 20  # the database is often on the same disk


class FolderIncoming:
    """The drop folder `root`, with a sub-folder for each source."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._hashes: dict[Path, _Hashes] = {}

    @contextmanager
    def part(self, source: str, original: Original) -> Iterator[FilePart]:
        """Begin to fetch a file, or go on where it was left. Errors: SourceRefused when it cannot be written."""
        path = self._folder(source) / _part_name(original)
        with _told(path), _opened(path) as stream:
            size = stream.seek(0, os.SEEK_END)
            if size > original.size_bytes:
                stream.truncate(0)
                size = 0
            hashes = self._hashes.get(path)
            if hashes is None or hashes.size_bytes != size:
                hashes = self._hashes[path] = _Hashes.of(stream, size)
            free = os.statvfs(path.parent)
            if original.size_bytes - size + _RESERVE_BYTES > free.f_bavail * free.f_frsize:
                text = f"{original.name} needs {original.size_bytes - size:,} bytes more than {path.parent} has to spare."
                raise SourceRefused(text, hint="Make room on that disk; fetching goes on by itself then.")
            yield FilePart(stream, path, path.parent / original.name, hashes)
            if not path.exists():
                self._hashes.pop(path, None)

    def sweep(self, source: str, wanted: tuple[Original, ...]) -> None:
        """Remove the parts of originals that nobody waits for any more."""
        kept = {_part_name(original) for original in wanted}
        folder = self._folder(source)
        with _told(folder):
            for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
                if path.name not in kept:
                    path.unlink(missing_ok=True)
                    self._hashes.pop(path, None)

    def waits(self, source: str, name: str) -> bool:
        """Tell whether a file of this name lies in the drop folder."""
        return os.path.lexists(self.root / source / name)

    def sha256(self, source: str, name: str) -> str:
        """Return the hash of a file of the drop folder; empty when there is none."""
        path = self.root / source / name
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError:
            return ""

    def done(self, source: str, name: str, sha256: str, members: str) -> Sequence[str]:
        """Return the hashes that the store knows a finished file by; none when it is not in done/."""
        path = self.root / source / "done" / f"{sha256[:16]}-{name}"
        try:
            return hashes_of(path, members) if path.is_file() and not path.is_symlink() else ()
        except OSError:
            return ()

    def set_aside(self, source: str, name: str) -> None:
        """Move a file of the drop folder to refused/, where it is kept."""
        path = self.root / source / name
        sha256 = self.sha256(source, name)
        target = path.parent / "refused"
        with _told(path):
            target.mkdir(exist_ok=True)
            path.replace(target / f"{sha256[:16]}-{name}")

    def _folder(self, source: str) -> Path:
        folder = self.root / source
        with _told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if folder.is_symlink():
                raise SourceRefused(f"{folder}, the folder of the source, is a link.", hint="Make it a real folder.")
        return folder


class _Hashes:
    """The hashes of the first so many bytes of a part."""

    def __init__(self) -> None:
        self.sha256, self.md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        self.size_bytes = 0

    @classmethod
    def of(cls, stream: BinaryIO, size_bytes: int) -> _Hashes:
        """Read what an earlier process has fetched."""
        hashes = cls()
        stream.seek(0)
        while hashes.size_bytes < size_bytes and (data := stream.read(_CHUNK_BYTES)):
            hashes.add(data)
        return hashes

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self.sha256.update(data)
        self.md5.update(data)
        self.size_bytes += len(data)


class FilePart:
    """A file that is being fetched."""

    def __init__(self, stream: BinaryIO, path: Path, target: Path, hashes: _Hashes) -> None:
        self._stream, self._path, self._target, self._hashes = stream, path, target, hashes

    @property
    def size_bytes(self) -> int:
        """Return how much of it is here."""
        return self._hashes.size_bytes

    def add(self, data: bytes) -> None:
        """Write more of it."""
        self._stream.seek(self._hashes.size_bytes)
        self._stream.write(data)
        self._stream.flush()
        self._hashes.add(data)

    def hashes(self) -> tuple[str, str]:
        """Return its (SHA-256, MD5)."""
        return self._hashes.sha256.hexdigest(), self._hashes.md5.hexdigest()

    def take(self, modified_at: datetime | None) -> None:
        """Give it its own name in the drop folder, durably. It keeps the time of the original."""
        if modified_at is not None:
            stamp = modified_at.timestamp()
            os.utime(self._stream.fileno(), (stamp, stamp))
        os.fsync(self._stream.fileno())
        self._path.replace(self._target)
        folder = os.open(self._target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def drop(self) -> None:
        """Remove it."""
        self._path.unlink(missing_ok=True)


def _part_name(original: Original) -> str:
    """Name the part of one version of an original: other bytes under the same name are another part."""
    version = f"{original.name}\0{original.size_bytes}\0{original.mark}"
    return f"{_PREFIX}{hashlib.sha256(version.encode()).hexdigest()[:32]}{_SUFFIX}"


def _opened(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SourceRefused(f"{path} is no regular file.", hint="Remove it.")
    return os.fdopen(descriptor, "r+b")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        text = f"{path} cannot be written: {error.strerror}."
        raise SourceRefused(text, hint="Check the folder's owner, permissions and free space.") from error
