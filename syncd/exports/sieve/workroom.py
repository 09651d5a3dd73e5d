"""Where does a large file get laid out, and who clears away what a killed process left there?"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "syncd-sift-"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def workroom() -> Iterator[Path]:
    """Give a folder that nobody else may read, and remove it at the end.

    A process that is killed leaves its folder, with people's data in it: the next one to need a folder removes those that no
    living process holds. The kernel lets go of a lock when its holder ends, however it ends.
    """
    _clear(Path(tempfile.gettempdir()))
    folder, held = _begun()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _begun() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            held = os.open(folder, _FOLDER)
        except FileNotFoundError:
            continue  # somebody cleared it away before it was held
        fcntl.flock(held, fcntl.LOCK_EX)
        if folder.exists():  # nobody cleared it away before it was held
            return folder, held
        os.close(held)


def _clear(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if folder.is_symlink() or folder.lstat().st_uid != os.getuid():
                continue
            found = os.open(folder, _FOLDER)
            try:
                fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(found)
