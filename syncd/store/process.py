"""Which process of which machine is this, does another one still run, and how much time has passed?

Only clocks and names that nobody can step or give twice: process numbers come again, host names are copied from container to
container, and the time of day is corrected in both directions.
"""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path


def steady_seconds() -> float:
    """Return seconds since this machine was started: never stepped, and going on while it sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


@cache
def boot() -> str | None:
    """Name this run of this machine, or None where the system has no name for it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return None


def process_token() -> str | None:
    """Name this process among all that ever ran on this machine: its numbers' namespace and its begin."""
    began = _began(os.getpid())
    return None if began is None else f"{_namespace()}/{began}"


def is_alive(pid: int) -> bool:
    """Tell whether a process of this host runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as somebody else
        return True
    return True


def is_gone(pid: int, token: str | None) -> bool:
    """Tell whether a process of this machine surely ended. One in a container of its own cannot be seen: it may live."""
    if token is None:
        return not is_alive(pid)
    namespace, _, began = token.rpartition("/")
    if namespace != _namespace():
        return False
    return not is_alive(pid) or _began(pid) != began


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _began(pid: int) -> str | None:
    """Return when a process began, in the kernel's ticks. Source: proc(5), the 22nd field of /proc/<pid>/stat."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()[19]
