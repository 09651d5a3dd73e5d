"""How many requests may be under way at once, and until when does the org want to be left alone?"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import requests

from syncd.errors import OrgUnreachable
from syncd.salesforce import errors

MOST = 16
TRIES = 6
GROWS_AFTER = 50
LONGEST_HOLD = timedelta(hours=2)


class Throttle:
    """Shared by all threads of one connection. `wall` is the host's clock."""

    def __init__(self, host: str, wall: Callable[[], datetime]) -> None:
        self._host = host
        self._wall = wall
        self._free = threading.Condition()
        self._under_way = 0
        self._most = MOST
        self._smooth = 0
        self._hold: tuple[datetime, datetime] | None = None

    @property
    def most(self) -> int:
        """Return how many requests may be under way at once."""
        return self._most

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one more request may leave. Errors: OrgUnreachable while the org wants to be left alone."""
        self.check()
        with self._free:
            self._free.wait_for(lambda: self._under_way < self._most)
            self._under_way += 1
        try:
            yield
        finally:
            with self._free:
                self._under_way -= 1
                self._free.notify()

    def check(self) -> None:
        """Raise OrgUnreachable, saying until when, while the org wants to be left alone."""
        hold = self._hold
        if hold is not None and hold[0] <= self._wall() < hold[1]:
            until = f"{hold[1]:%Y-%m-%d %H:%M:%S} UTC"
            raise OrgUnreachable(
                f"{self._host} is busy or in maintenance and asked to be left alone until {until}. Nothing was sent.",
                hint="syncd goes on by itself then. Nothing is lost meanwhile.",
            )

    def heard(self, status: int, wait_s: float, patience_s: float) -> None:
        """Take note of an answer: a pause that is longer than a caller waits holds for every request until it is over."""
        if status in errors.BUSY_STATUSES and wait_s > patience_s:
            now = self._wall()
            self._hold = (now, now + min(timedelta(seconds=wait_s), LONGEST_HOLD))

    def is_crowded(self, answer: requests.Response) -> bool:
        """Tell whether a request was refused, and not carried out, because too many run at once; fewer may leave then.

        Source: Salesforce Developer Limits, Concurrent API Requests.
        """
        crowded = answer.status_code == 403 and _names_concurrency(answer)
        with self._free:
            if crowded:
                self._most, self._smooth = max(1, self._most // 2), 0
            else:
                self._smooth += 1
                if self._smooth >= GROWS_AFTER and self._most < MOST:
                    self._most, self._smooth = self._most + 1, 0
                    self._free.notify()
        return crowded


def pause_s(number: int) -> float:
    """Return how long to wait after the `number`-th refusal (0, 1, …), with jitter so that threads do not return together."""
    return float(min(20.0, 0.5 * 2.0**number) * random.uniform(0.75, 1.25))


def _names_concurrency(answer: requests.Response) -> bool:
    try:
        found = errors.faults(errors.parse(answer.content))
    except errors.NotSalesforce:
        return False
    return any(fault.code == "REQUEST_LIMIT_EXCEEDED" and "concurrent" in fault.text.lower() for fault in found)
