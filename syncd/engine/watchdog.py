"""Is what runs now still alive, and does it take longer than it should?

Signs of life are the pause points of a cycle and the answers of the org. Time is the machine's steady clock: a corrected
clock neither hides a hang nor makes one up.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HANGS_AFTER_S = 900.0
_PACKAGE = str(Path(__file__).parents[1])


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that runs for too long: what, for how long, where it stands, and whether it shows no sign of life."""

    what: str
    running_s: float
    seen_in: str
    is_hanging: bool


class Watchdog:
    """Watches the one thing that the worker does at a time.

    Units: seconds. `patience_s` is how long it may take before it is told of, once; `calls` counts the org's answers.
    """

    def __init__(self, patience_s: float, steady: Callable[[], float], calls: Callable[[], int] = lambda: 0) -> None:
        self.patience_s = patience_s
        self._steady, self._calls = steady, calls
        self._what = ""
        self._began_s = self._sign_s = 0.0
        self._calls_seen = 0
        self._thread = 0
        self._is_told = False

    @contextmanager
    def watching(self, what: str) -> Iterator[None]:
        """Watch what happens inside the block."""
        self._began_s = self._sign_s = self._steady()
        self._thread, self._is_told, self._what = threading.get_ident(), False, what
        try:
            yield
        finally:
            self._what = ""

    def sign(self) -> None:
        """Take note that the worker is alive."""
        self._sign_s = self._steady()

    def look(self) -> Finding | None:
        """Return what is to be told now: an overrun once, a hang each time; None when all is well."""
        what, now_s = self._what, self._steady()
        if not what:
            return None
        calls = self._calls()
        if calls != self._calls_seen:
            self._calls_seen, self._sign_s = calls, now_s
        is_hanging = now_s - self._sign_s >= HANGS_AFTER_S
        running_s = now_s - self._began_s
        if not is_hanging and (self._is_told or running_s < self.patience_s):
            return None
        self._is_told = True
        return Finding(what, running_s, where_is(self._thread), is_hanging)


def where_is(thread: int) -> str:
    """Name the innermost line of ours that a thread stands in, without any value: `acting.py:123 in act`."""
    frame = sys._current_frames().get(thread)
    ours = [one for one in traceback.extract_stack(frame) if one.filename.startswith(_PACKAGE)] if frame else []
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno} in {ours[-1].name}" if ours else ""
