"""Who is the one writer of this org?"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from syncd.errors import LeaseHeld
from syncd.ports import LeaseHolder
from syncd.store.base import Reads, replace
from syncd.store.encoding import to_moment, to_text
from syncd.store.tables import lease

_Row = Row[Any]

EXPIRES_AFTER = timedelta(seconds=30)


def is_alive(pid: int) -> bool:
    """Tell whether a process of this host runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as somebody else
        return True
    return True


class Leases(Reads):
    """One row for each org, changed only by its holder or when its holder is gone."""

    now: Callable[[], datetime]
    host: str
    _writing: Callable[[], AbstractContextManager[Connection]]

    def lease_holder(self) -> LeaseHolder | None:
        """Return who holds the lease now, or None; an expired lease or a dead process on this host holds nothing."""
        with self._reading() as connection:
            row = self._row(connection)
        return None if row is None or not _holds(row, self.host, self.now()) else _holder(row)

    def acquire_lease(self, host: str, pid: int, at: datetime) -> None:
        """Become the one writer. Raises LeaseHeld naming host, pid and since when."""
        self._take(host, pid, at, is_lost=_holds)

    def renew_lease(self, host: str, pid: int, at: datetime) -> None:
        """Keep the lease alive. Raises LeaseHeld when another took it."""
        self._take(host, pid, at, is_lost=lambda row, host, at: True)  # whoever took it may have written since

    def release_lease(self, host: str, pid: int) -> None:
        """Give the lease back; nothing happens when it is not ours."""
        with self._writing() as connection:
            connection.execute(delete(lease).where(lease.c.org == self.org, lease.c.host == host, lease.c.pid == pid))

    def _take(self, host: str, pid: int, at: datetime, is_lost: Callable[[_Row, str, datetime], bool]) -> None:
        with self._writing() as connection:
            row = self._row(connection)
            is_ours = row is not None and (row.host, row.pid) == (host, pid)
            if row is not None and not is_ours and is_lost(row, host, at):
                raise LeaseHeld(
                    f"{self.where}: org {self.org} is written by another syncd, "
                    f"process {row.pid} on {row.host}, since {row.since_at}."
                )
            beat = to_text(at)
            since = row.since_at if row is not None and is_ours else beat
            taken = {"org": self.org, "host": host, "pid": pid, "since_at": since, "heartbeat_at": beat}
            replace(connection, lease, [taken])

    def _row(self, connection: Connection) -> _Row | None:
        return connection.execute(select(lease).where(lease.c.org == self.org)).first()


def _holds(row: _Row, host: str, at: datetime) -> bool:
    if row.host == host and not is_alive(row.pid):
        return False
    return at - to_moment(row.heartbeat_at) < EXPIRES_AFTER


def _holder(row: _Row) -> LeaseHolder:
    return LeaseHolder(row.host, row.pid, to_moment(row.since_at))
