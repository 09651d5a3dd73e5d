"""Does another syncd of this machine write for the same org, into a database of its own?

The lease cannot tell: it is in the other database. So the one writer of an org takes a name that the kernel gives to one
process at a time and takes back when that process ends. It is seen by every user of the machine, but not in another container
or on another machine: there, the org's own history tells (a change by syncd's user that this ledger does not explain).
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from hashlib import sha256

QUESTIONS_MAX = 1000  # of those who ask who it is; one that is stopped answers none of them, and the kernel keeps so many
_PEER = struct.Struct("3i")  # process, user, group. Source: unix(7), SO_PEERCRED.


class Claims:
    """The orgs that this process writes for. All stores of one process share them; the last one that ends gives an org back."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[socket.socket, int, int]] = {}
        self._lock = threading.Lock()

    def take(self, org: str, site: str) -> int | None:
        """Claim an org, and return None; or the number of the process that has it (0 where the kernel does not tell).

        Shapes: `site` tells orgs apart that have one id, as emulated ones do.
        """
        name = _name(org, site)
        with self._lock:
            held = self._held.get(name)
            if held is not None and held[1] == os.getpid():
                self._held[name] = (*held[:2], held[2] + 1)
                return None
            taken = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                taken.bind(name)
                taken.listen(QUESTIONS_MAX)
            except OSError:
                taken.close()
                return _holder(name)
            self._held[name] = (taken, os.getpid(), 1)
            return None

    def give_back(self, org: str, site: str) -> None:
        """Take back one claim; others have the org when it was the last one."""
        name = _name(org, site)
        with self._lock:
            taken, pid, count = self._held.pop(name)
            if count > 1:
                self._held[name] = (taken, pid, count - 1)
            else:
                taken.close()


CLAIMS = Claims()


def _name(org: str, site: str) -> str:
    return "\0syncd." + sha256(f"{org}\n{site}".encode()).hexdigest()[:32]


def _holder(name: str) -> int:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(1)
            asking.connect(name)
            pid, _, _ = _PEER.unpack(asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    except OSError:
        return 0
    return int(pid)
