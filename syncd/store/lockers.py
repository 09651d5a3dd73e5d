"""Which program keeps a SQLite file locked?"""

from __future__ import annotations

import os
from pathlib import Path

_LOCKS = Path("/proc/locks")


def lockers_of(path: Path) -> tuple[str, ...]:
    """Name the other processes that hold a write lock on a database file or its log; nobody where the host does not tell.

    Source: proc(5), /proc/locks: number, kind, manner, READ or WRITE, process, device and inode, range.
    """
    inodes = {_inode(path), _inode(path.with_name(f"{path.name}-shm"))} - {None}
    try:
        lines = [line.split() for line in _LOCKS.read_text("ascii", "replace").splitlines()]
    except OSError:
        return ()
    held = {int(line[4]) for line in lines if len(line) > 7 and line[3] == "WRITE" and line[5].rpartition(":")[2] in inodes}
    return tuple(named(pid) for pid in sorted(held - {os.getpid()}) if pid > 0)


def named(pid: int) -> str:
    """Name a process by its number and its program."""
    try:
        program = Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    except OSError:
        return f"process {pid}"
    return f"process {pid} ({program})"


def _inode(path: Path) -> str | None:
    try:
        return str(path.stat().st_ino)
    except OSError:
        return None
