"""How are exports fetched from another folder of this machine, such as a mounted share? Links are never followed."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from syncd.core.fetching import Original
from syncd.errors import SourceRefused, SourceUnreachable
from syncd.exports.access import RemoteAccess
from syncd.exports.remote.common import ASIDE, DONE, aside_of, name_aside, put_away_name
from syncd.ports.sources import Listing, Proof


@contextmanager
def folder_session(access: RemoteAccess) -> Iterator[FolderSession]:
    """Open a folder; that takes nothing."""
    yield FolderSession(access)


class FolderSession:
    """A folder that may be anybody's, so that nothing is read through a link."""

    def __init__(self, access: RemoteAccess) -> None:
        self.access, self.folder = access, Path(access.path)

    def listing(self) -> Listing:
        """Return what lies in the folder now."""
        originals: list[Original] = []
        odd: list[str] = []
        with self._told():
            if self.access.after != "leave":
                self._bring_back()
            for entry in os.scandir(self.folder):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    originals.append(_original(entry.name, status))
                elif not stat.S_ISDIR(status.st_mode) and not entry.name.startswith("."):
                    odd.append(entry.name)
        return Listing(tuple(sorted(originals, key=lambda each: each.name)), tuple(sorted(odd)))

    def _bring_back(self) -> None:
        """Give files their names again that were on the way to be put away; nobody knows what is in them."""
        for entry in list(os.scandir(self.folder)):
            name = name_aside(entry.name)
            if name and entry.is_file(follow_symlinks=False) and not os.path.lexists(self.folder / name):
                (self.folder / entry.name).rename(self.folder / name)

    def read(self, original: Original, offset: int, size_bytes: int) -> bytes:
        """Return the bytes from an offset on."""
        with self._told(), os.fdopen(os.open(self.folder / original.name, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            stream.seek(offset)
            return stream.read(size_bytes)

    def look(self, original: Original) -> Proof | None:
        """Return the original as it is now."""
        with self._told():
            try:
                status = (self.folder / original.name).lstat()
            except FileNotFoundError:
                return None
        return Proof(_original(original.name, status)) if stat.S_ISREG(status.st_mode) else None

    def put_away(self, original: Original, sha256: str) -> bool:
        """Delete or move an original. It is renamed first: what took its place meanwhile is seen then, and put back."""
        proof = self.look(original)
        if proof is None or not _is_same(proof.original, original):
            return False
        path, new = self.folder / original.name, put_away_name(sha256, original.name)
        target = self.folder / aside_of(original.name)
        with self._told():
            if self.access.after == "move":
                (self.folder / DONE).mkdir(exist_ok=True)
            try:
                path.rename(target)
            except FileNotFoundError:
                return False
            if not _is_same(_original(original.name, target.lstat()), original):
                target.rename(path)
                return False
            if self.access.after == "move":
                target.rename(self.folder / DONE / new)
            else:
                target.unlink()
        return True

    def may_put_away(self) -> None:
        """Make and remove a hidden folder: whoever may do that may remove files as well."""
        with self._told():
            probe = self.folder / f"{ASIDE}check-{secrets.token_hex(4)}"
            probe.mkdir()
            probe.rmdir()

    @contextmanager
    def _told(self) -> Iterator[None]:
        where = self.access.address
        try:
            yield
        except FileNotFoundError as error:
            raise SourceRefused(f"{where} does not exist.", hint="Mount it, or correct the URL.") from error
        except PermissionError as error:
            raise SourceRefused(f"{where}: permission denied.", hint="Give syncd's user the right to it.") from error
        except OSError as error:
            raise SourceUnreachable(f"{where} cannot be used: {error.strerror}.") from error


def _is_same(found: Original, original: Original) -> bool:
    return (found.size_bytes, found.mark) == (original.size_bytes, original.mark)


def _original(name: str, status: os.stat_result) -> Original:
    """Describe a file. Not by its inode: many network shares change it at every mount."""
    at = datetime.fromtimestamp(status.st_mtime, UTC)
    return Original(name, status.st_size, str(status.st_mtime_ns), at)
