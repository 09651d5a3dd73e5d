"""Who is the one writer of this org?

One row for each org. It is never removed: its epoch counts how often the lease changed hands, and whoever writes shows the
epoch that it was given. So a process that was paused, and wakes up after another took over, can't write anything more.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, text, update

from syncd.errors import LeaseHeld
from syncd.ports import LeaseHolder
from syncd.store.base import Reads, replace
from syncd.store.claim import CLAIMS
from syncd.store.encoding import to_moment, to_text
from syncd.store.lockers import named
from syncd.store.process import boot, is_gone, process_token, steady_seconds
from syncd.store.tables import lease

_Row = Row[Any]

EXPIRES_AFTER = timedelta(seconds=24)
_RENEWED_WITHIN_S = 16.0  # a writer whose last beat is older renews before it goes on: nobody may take over meanwhile
_BEATS_EVERY_S = 5.0


class Leases(Reads):
    """The lease of the org, changed only by its holder or when its holder is gone."""

    now: Callable[[], datetime]
    host: str
    is_private = False
    site: str | None = None  # tells apart orgs of one id; None where other databases for the same org are not looked for
    _writing: Callable[..., AbstractContextManager[Connection]]
    _is_claimed = False
    _epoch: int | None = None  # of the lease as this store was given it
    _beat_s = 0.0

    def lease_holder(self) -> LeaseHolder | None:
        """Return who holds the lease now, or None; an expired lease or a dead process on this host holds nothing."""
        with self._reading() as connection:
            row = self._row(connection)
            return None if row is None or not self._is_held(row, self._time(connection)) else _holder(row)

    def acquire_lease(self, host: str, pid: int, at: datetime | None = None) -> None:
        """Become the one writer. Raises LeaseHeld naming host, pid and since when.

        Shapes: without `at` the store's own clock counts: the machine's steady one, on PostgreSQL the server's for other hosts.
        """
        rival = self._claim_org()
        try:
            self._acquire(host, pid, at, rival)
        except BaseException:
            self.unclaim()
            raise

    def _acquire(self, host: str, pid: int, at: datetime | None, rival: int | None) -> None:
        asked_s = steady_seconds()
        with self._writing(as_writer=False) as connection:
            now = at or self._time(connection)
            row = self._row(connection)
            if rival is not None and not (row is not None and rival in (0, row.pid) and self._is_here(row)):
                raise self._claimed(rival)
            token = self._token(host, pid)
            is_ours = row is not None and (row.host, row.pid) == (host, pid) and row.token in (None, token)
            if row is not None and not is_ours and self._is_held(row, now, is_told=at is not None):
                raise self._held(row)
            since = row.since_at if row is not None and is_ours else to_text(now)
            epoch = (0 if row is None else row.epoch) + 1
            beat = self._beat(now, None if at is not None else asked_s)
            replace(
                connection,
                lease,
                [{"org": self.org, "host": host, "pid": pid, "since_at": since, "epoch": epoch, "token": token, **beat}],
            )
        self._epoch, self._beat_s = epoch, asked_s

    def renew_lease(self, host: str, pid: int, at: datetime | None = None) -> None:
        """Keep the lease alive; nothing happens when it was given back. Raises LeaseHeld when another took it."""
        if self._epoch is None:
            return
        self._claim_org()  # who was taken over from may have ended since
        asked_s = steady_seconds()
        with self._writing(as_writer=False) as connection:
            row = self._row(connection)
            if row is None or (row.host, row.pid, row.epoch) != (host, pid, self._epoch):
                raise self._held(row)  # whoever took it may have written since
            self._store_beat(connection, self._beat(at or self._time(connection), None if at is not None else asked_s))
        self._beat_s = asked_s

    def release_lease(self, host: str, pid: int) -> None:
        """Give the lease back; nothing happens when it is not ours."""
        with self._writing(as_writer=False) as connection:
            ours = (lease.c.org == self.org, lease.c.host == host, lease.c.pid == pid, lease.c.epoch == self._epoch)
            free = {"host": "", "pid": 0, "token": None, "boot": None, "beat_s": None}
            is_released = connection.execute(update(lease).where(*ours).values(**free)).rowcount == 1
        if is_released:
            self._epoch = None
            self.unclaim()

    @property
    def holds_lease(self) -> bool:
        """Tell whether this store took the lease and did not give it back; another may have taken it over since."""
        return self._epoch is not None

    def check_writer(self) -> None:
        """Make sure that this process is still the one writer: to be called right before anything leaves for the org.

        Errors: LeaseHeld when another took over; StoreUnusable when the store cannot tell. In both cases nothing may leave.
        """
        if self._epoch is not None and steady_seconds() - self._beat_s >= _RENEWED_WITHIN_S:
            asked_s = steady_seconds()
            with self._writing():  # paused, or starved: with a fresh beat nobody takes over while the batch is on its way
                pass
            self._beat_s = max(self._beat_s, asked_s)
            return
        with self._reading() as connection:
            self._require_writer(connection)

    def _claim_org(self) -> int | None:
        """Claim the org on this machine, once; return the process that has it."""
        if self.site is None or self._is_claimed or sys.platform != "linux":
            return None
        rival = CLAIMS.take(self.org, self.site)
        self._is_claimed = rival is None
        return rival

    def unclaim(self) -> None:
        """Let another process of this machine write for the org."""
        if self.site is not None and self._is_claimed:
            self._is_claimed = False
            CLAIMS.give_back(self.org, self.site)

    def _claimed(self, pid: int) -> LeaseHeld:
        who, look = (named(pid), f"ps -fp {pid}") if pid else ("one that answers nothing", "pgrep -af syncd")
        return LeaseHeld(
            f"{self.where}: org {self.org} is written by another syncd on this machine, {who}, with another database.",
            hint=f"Stop that one first: two writers for one org are never allowed. See what it is with: {look}",
        )

    def _require_writer(self, connection: Connection) -> None:
        """Refuse to write after another took the lease. A store that never took it writes while nobody holds it."""
        if self.is_private:
            return
        row = self._row(connection)
        if self._epoch is not None:
            if row is None or row.epoch != self._epoch:
                raise self._held(row)
        elif row is not None and not self._is_this_process(row) and self._is_held(row, self._time(connection)):
            raise self._held(row)

    def _beat_along(self, connection: Connection) -> None:
        """Let a transaction of the holder count as a sign of life: a long one keeps the lease's own renewal waiting."""
        began_s = steady_seconds()
        if self._epoch is None or self.is_private or began_s - self._beat_s < _BEATS_EVERY_S:
            return
        row = self._row(connection)
        if row is not None and row.beat_s is not None:
            self._store_beat(connection, self._beat(self._time(connection), began_s))
            self._beat_s = began_s

    def _store_beat(self, connection: Connection, beat: dict[str, object]) -> None:
        connection.execute(update(lease).where(lease.c.org == self.org, lease.c.epoch == self._epoch).values(**beat))

    def _beat(self, now: datetime, steady_s: float | None) -> dict[str, object]:
        return {"heartbeat_at": to_text(now), "boot": None if steady_s is None else boot(), "beat_s": steady_s}

    def _is_here(self, row: _Row) -> bool:
        return row.host == self.host or (row.boot is not None and row.boot == boot())

    def _is_this_process(self, row: _Row) -> bool:
        return (row.host, row.pid) == (self.host, os.getpid()) and row.token in (None, process_token())

    def _token(self, host: str, pid: int) -> str | None:
        return process_token() if (host, pid) == (self.host, os.getpid()) else None

    def _time(self, connection: Connection) -> datetime:
        """Return the time that all writers of this store share: on PostgreSQL the server's."""
        if connection.dialect.name == "postgresql":
            found: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            return found
        return self.now()

    def _row(self, connection: Connection) -> _Row | None:
        return connection.execute(select(lease).where(lease.c.org == self.org)).first()

    def _is_held(self, row: _Row, now: datetime, *, is_told: bool = False) -> bool:
        is_here = row.boot is not None and row.boot == boot()
        if not row.host or (row.host == self.host and (is_here or row.boot is None) and is_gone(row.pid, row.token)):
            return False
        if is_here and not is_told:
            return steady_seconds() - float(row.beat_s) < EXPIRES_AFTER.total_seconds()
        # A beat from far in the future was made by a clock that was set back since: it says nothing.
        return abs(now - to_moment(row.heartbeat_at)) < EXPIRES_AFTER

    def _held(self, row: _Row | None) -> LeaseHeld:
        if row is None or not row.host:
            return LeaseHeld(f"{self.where}: the lease of org {self.org} is no longer this process's; another had it since.")
        return LeaseHeld(
            f"{self.where}: org {self.org} is written by another syncd, process {row.pid} on {row.host}, since {row.since_at}."
        )


def _holder(row: _Row) -> LeaseHolder:
    return LeaseHolder(row.host, row.pid, to_moment(row.since_at))
