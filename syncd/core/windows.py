"""Is a change part of a mass edit that somebody announced?

A window stands open for one login, for some fields or for all, from a moment to a moment. What that login changes meanwhile is
lawful, whatever the gates say. It never reaches back: what was changed before the window stood is judged as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from syncd.core.fence_model import Window
from syncd.core.values import ActorKind, Change, Proof

LONGEST = timedelta(days=31)
SHOWN_FOR = timedelta(days=90)
WAITING, STANDING, OVER = "waiting for a second person", "open", "over"


@dataclass(frozen=True, slots=True)
class Announced:
    """A window with its number and whose login it is. `approved_by` is who gave the second word; until that is given, where one
    is needed, the window does not stand."""

    number: int
    window: Window
    actor: str
    is_waiting: bool = False
    approved_by: str = ""

    def state(self, now: datetime) -> str:
        """Say in one word how it stands."""
        if now >= self.window.until:
            return OVER
        return WAITING if self.is_waiting else STANDING


def covers(window: Window, change: Change) -> bool:
    """Tell whether a change was made by the window's login, in one of its fields, while it stood open.

    Shapes: a field is named as `Lead.OwnerId`, or as `OwnerId` for every object; no field at all means any.
    Source: real orgs, demand 15; a login that several use is announced like any other.
    """
    if change.proof not in (Proof.HISTORY, Proof.SHARED_LOGIN) or change.actor.user_id != window.actor_id:
        return False
    if change.actor.kind is ActorKind.SYNCD or not window.opened_at <= change.changed_at < window.until:
        return False
    return not window.fields or bool(window.fields & {change.field, f"{change.object}.{change.field}"})


def announced(change: Change, windows: Iterable[Window]) -> str | None:
    """Return why a change is lawful by a window, in the words of the ledger, or None when none stands over it."""
    for window in windows:
        if covers(window, change):
            return f"announced by {window.opened_by} until {window.until:%Y-%m-%d %H:%M} UTC: {window.reason}"
    return None


def standing(known: Sequence[Announced]) -> tuple[Window, ...]:
    """Return the windows that stand or stood; those that wait for a second word never did."""
    return tuple(one.window for one in known if not one.is_waiting)


def approved(one: Announced, by: str, now: datetime) -> Announced:
    """Return the window as it stands from now on by the word of a second person."""
    return replace(one, window=replace(one.window, opened_at=now), is_waiting=False, approved_by=by)


def closed(one: Announced, now: datetime) -> Announced:
    """Return the window as it ended now; what was changed while it stood stays lawful."""
    return replace(one, window=replace(one.window, until=min(one.window.until, now)))


def kept(known: Iterable[Announced], now: datetime) -> list[Announced]:
    """Return what is still worth keeping: history rows of a time long past come no more."""
    return [one for one in known if one.window.until > now - SHOWN_FOR]


def to_json(one: Announced) -> dict[str, Any]:
    """Return a window as JSON values."""
    window = one.window
    return {
        "number": one.number,
        "actor_id": window.actor_id,
        "actor": one.actor,
        "fields": sorted(window.fields),
        "opened_at": window.opened_at.isoformat(),
        "until": window.until.isoformat(),
        "reason": window.reason,
        "opened_by": window.opened_by,
        "approved_by": one.approved_by,
        "is_waiting": one.is_waiting,
    }


def from_json(body: Mapping[str, Any]) -> Announced:
    """Read a window back."""
    window = Window(
        str(body["actor_id"]),
        frozenset(body["fields"]),
        datetime.fromisoformat(body["opened_at"]),
        datetime.fromisoformat(body["until"]),
        str(body["reason"]),
        str(body["opened_by"]),
    )
    return Announced(int(body["number"]), window, str(body["actor"]), bool(body["is_waiting"]), str(body["approved_by"]))
