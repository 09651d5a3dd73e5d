"""What keeps the daemon from finishing its cycles? Left in the store by the daemon, read by `syncd status`.

All times are the host's: they tell how long somebody has waited, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from syncd.errors import SyncdError
from syncd.ports import Store, StoreReader
from syncd.ports.restored import RESTORED

STARTS = "starts without a finished cycle"
FAILING = "cycles failing"
OVERRUN = "cycle overrunning"
STARTS_ALLOWED = 2
BACK_OFF_S = 5.0
BACK_OFF_MAX_S = 300.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stands in the way.

    `starts` counts the starts since a cycle was last finished, `failing` how often the last tries failed in a row for which
    `reason`; `running` names what takes longer than it should, where it was last seen, and since when.
    """

    starts: int = 0
    failing: int = 0
    failing_since_at: datetime | None = None
    reason: str = ""
    hint: str = ""
    running: str = ""
    is_restored: bool = False
    seen_in: str = ""
    running_since_at: datetime | None = None


CALM = Trouble()


def read_trouble(store: StoreReader) -> Trouble:
    """Read what the daemon left."""
    failing, running = _told(store, FAILING), _told(store, OVERRUN)
    return Trouble(
        starts=int(_told(store, STARTS).get("times") or 0),
        failing=int(failing.get("times") or 0),
        failing_since_at=_at(failing),
        reason=str(failing.get("reason") or ""),
        hint=str(failing.get("hint") or ""),
        is_restored=store.setting(RESTORED) is not None,
        running=str(running.get("what") or ""),
        seen_in=str(running.get("seen_in") or ""),
        running_since_at=_at(running),
    )


def note_start(store: Store, at: datetime) -> timedelta:
    """Count a start, and return how long to wait before the first cycle: longer after each start that finished none.

    The first two may be bad luck, such as a power cut and the next; what comes after them is a loop.
    """
    before = int(_told(store, STARTS).get("times") or 0)
    _put(store, STARTS, {"times": before + 1, "since_at": at.isoformat()})
    if before < STARTS_ALLOWED:
        return timedelta(0)
    return timedelta(seconds=min(BACK_OFF_MAX_S, BACK_OFF_S * 2 ** min(before - STARTS_ALLOWED, 10)))


def note_settled(store: Store) -> None:
    """A cycle was finished, or the daemon was asked to end: nothing stands in the way any more."""
    for key in (STARTS, FAILING, OVERRUN):
        if store.setting(key) is not None:
            _put(store, key, None)


def note_failure(store: Store, problem: SyncdError, at: datetime) -> None:
    """Count a cycle that failed."""
    before = _told(store, FAILING)
    since = before.get("since_at") or at.isoformat()
    told = {"times": int(before.get("times") or 0) + 1, "since_at": since, "reason": str(problem), "hint": problem.hint}
    _put(store, FAILING, told)


def note_overrun(store: Store, what: str, seen_in: str, since_at: datetime) -> None:
    """Note what takes longer than it should."""
    _put(store, OVERRUN, {"what": what, "seen_in": seen_in, "since_at": since_at.isoformat()})


def _told(store: StoreReader, key: str) -> Mapping[str, Any]:
    known = store.setting(key)
    return known if isinstance(known, dict) else {}


def _at(told: Mapping[str, Any]) -> datetime | None:
    since = told.get("since_at")
    return None if since is None else datetime.fromisoformat(since)


def _put(store: Store, key: str, value: object) -> None:
    with store.begin() as tx:
        tx.put_setting(key, value)
