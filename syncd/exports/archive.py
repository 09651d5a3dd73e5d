"""Which originals in done/ and refused/ are old enough to be removed, and does anybody still need them?"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePath

from syncd.exports.archives import hash_of, hashes_of

PLACES = ("done", "refused")
_PUT_AWAY = re.compile(r"^[0-9a-f]{16}-")
_NAME_BYTES_MAX = 200


class FolderArchive:
    """The folders that finished and refused exports are put away into, below the drop folder `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def remove(
        self,
        before: datetime,
        is_kept: Callable[[str, str, Sequence[str]], bool],
        members: Mapping[str, str],
        is_enough: Callable[[], bool],
    ) -> int:
        """Remove the files that were put away before a moment and that nobody needs, until it is enough; return how many.

        Shapes: `is_kept` answers for (`source/done` or `source/refused`, original name, the hashes that the store knows
        such a file by); `members` are by source the patterns of the files in its archives.
        Only what syncd put there itself is ever removed. What cannot be removed stays; `syncd check` tells of it.
        """
        count = 0
        for path in self._old(before):
            if is_enough():
                break
            try:
                source, place = path.parent.parent.name, path.parent.name
                known_by = hashes_of(path, members.get(source, "*"))
                is_own = hash_of(path).startswith(path.name[:16])
                if is_own and not is_kept(f"{source}/{place}", original_name(path.name), known_by):
                    path.unlink()
                    count += 1
            except OSError:
                continue
        return count

    def original(self, source: str, name: str, sha256: str, members: str) -> tuple[Path, Sequence[str]] | None:
        """Return a finished file as it lies in done/, and the hashes that the store knows it by; None when it is not there.

        Shapes: a file of an archive is `archive.zip/file.csv`; its original is the archive, with the hashes of all in it.
        """
        kept = archived_name(name.partition("/")[0])
        with suppress(OSError):
            found = [path for path in (self.root / source / "done").iterdir() if original_name(path.name) == kept]
            # The likely ones first: each further one of that name has to be read to its end.
            found.sort(key=lambda path: (path.name.startswith(sha256[:16]), path.lstat().st_ctime_ns), reverse=True)
            for path in found:
                if stat.S_ISREG(path.lstat().st_mode) and sha256 in (hashes := hashes_of(path, members)):
                    return path, hashes
        return None

    def bring_back(self, original: Path) -> str:
        """Put a finished file back where it came from, to be taken once more, and return its name. Raises OSError."""
        return brought_back(original)

    def _old(self, before: datetime) -> Iterator[Path]:
        """Give what was put away before a moment: putting away and every later change move a file's change time."""
        for place in PLACES:
            for folder in sorted(self.root.glob(f"*/{place}")):
                if folder.is_symlink() or folder.parent.is_symlink():
                    continue
                with suppress(OSError):
                    for path in sorted(folder.iterdir()):
                        if _PUT_AWAY.match(path.name) and _is_older(path, before):
                            yield path


def _is_older(path: Path, before: datetime) -> bool:
    """Tell whether a file, and no link, was put away and left alone since before a moment."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    age_s = max(status.st_ctime, status.st_mtime)
    return stat.S_ISREG(status.st_mode) and age_s < before.timestamp()


def brought_back(path: Path) -> str:
    """Put a finished file back under its name; where that is taken, under one that comes before it. Returns the name."""
    folder, name = path.parent.parent, PurePath(original_name(path.name))
    target, number = folder / name, 9999
    while os.path.lexists(target):
        target, number = folder / f"{name.stem}-again-{number:04}{name.suffix}", number - 1
    path.replace(target)
    return target.name


def archived_name(name: str) -> str:
    """Return the end of a file's name that fits behind a piece of its hash: folders count a name's bytes, 255 at most."""
    return name.encode(errors="surrogateescape")[-_NAME_BYTES_MAX:].decode(errors="ignore")


def original_name(name: str) -> str:
    """Return the name that a file had before it was put away."""
    return _PUT_AWAY.sub("", name)
