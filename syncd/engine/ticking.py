"""What calls the daemon every half second, whatever becomes of the host's clock?

APScheduler ticks by the time of day. One that is set back would hold the next tick until it is that late again, and one that
is set forward, by decades where a machine starts without a battery, would have every tick in between counted. So the next tick
is always planned from now, and whoever waits for the end sees to it that ticks come.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

TICK_S = 0.5
STILL_S = 2.0


class Soon(BaseTrigger):  # type: ignore[misc]  # the library has no types
    """Fires half a second from now."""

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Return when to tick next (the signature is APScheduler's)."""
        return now + timedelta(seconds=TICK_S)


class Ticker:
    """Calls a function again and again, in another thread, never twice at once."""

    def __init__(self, tick: Callable[[], None], steady: Callable[[], float] = time.monotonic) -> None:
        self._tick, self._steady = tick, steady
        self._seen_s = steady()
        self._is_busy = False
        self._scheduler = BackgroundScheduler(timezone=UTC)
        rules = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._job = self._scheduler.add_job(self._call, Soon(), next_run_time=datetime.now(UTC), **rules)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Tick inside the block; at its end the last tick is waited for."""
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that is skipped while one lasts is no news
        self._scheduler.start()
        try:
            yield
        finally:
            self._scheduler.shutdown(wait=True)

    def nudge(self) -> None:
        """Tick at once when no tick has come for too long: the host's clock was set back."""
        if not self._is_busy and self._steady() - self._seen_s > STILL_S:
            self._job.modify(next_run_time=datetime.now(UTC))

    def _call(self) -> None:
        self._is_busy = True
        try:
            self._tick()
        finally:
            self._seen_s, self._is_busy = self._steady(), False
