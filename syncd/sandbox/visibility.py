"""Which saves are stamped already, but not yet there for anybody to see?

A long transaction stamps its rows when it saves them and commits minutes later. Until then everybody reads the rows as they
were, writers run into the lock, and `latestDateCovered` stays where the transaction began.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from syncd.sandbox.errors import ControlRefused, SalesforceError
from syncd.sandbox.ids import parse_id

if TYPE_CHECKING:
    from syncd.sandbox.org import Org
    from syncd.sandbox.save import How


@dataclass(frozen=True, slots=True)
class Uncommitted:
    """An edit whose transaction still runs, with the ids it has been given."""

    edit: Mapping[str, Any]
    how: How
    due_at: datetime
    ids: Mapping[str, tuple[str, ...]]


class _Undo(Exception):
    """Leaves the savepoint of the trial."""


class Transactions:
    """The transactions that still run, in the order they began."""

    def __init__(self) -> None:
        self._running: list[Uncommitted] = []
        self._counted = 0

    def began_at(self) -> datetime | None:
        """Return when the oldest running transaction stamped its rows, or None."""
        return min((each.how.at for each in self._running), default=None)

    def delay_of(self, edit: Mapping[str, Any], setting: Mapping[str, Any] | None) -> timedelta | None:
        """Say how long this edit's transaction runs: its own `visible_after_s`, or every so many by the setting."""
        seconds = edit.get("visible_after_s")
        if seconds is not None:
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
                raise ControlRefused(f"visible_after_s takes a number of seconds above 0, not {seconds!r}.")
            return timedelta(seconds=seconds)
        if setting is None or str(edit.get("object", "")).lower() != str(setting["object"]).lower():
            return None
        self._counted += 1
        return timedelta(minutes=setting["minutes"]) if self._counted % setting.get("every", 1) == 0 else None

    def run(self, org: Org, edit: Mapping[str, Any], how: How, delay: timedelta) -> dict[str, Any]:
        """Try an edit, take it back, and keep it for later. The caller learns the outcome, as the person in front of it does.

        Errors: SalesforceError when the edit is refused; nothing is kept then.
        """
        before = dict(org.mint.counters)
        outcome: dict[str, Any] = {}
        try:
            with org.database.savepoint():
                outcome = org.apply(edit, how)
                raise _Undo
        except _Undo:
            pass
        minted = {prefix: org.mint.between(prefix, before.get(prefix, 0), last) for prefix, last in org.mint.counters.items()}
        due_at = org.clock.now() + delay
        self._running.append(Uncommitted(edit, how, due_at, {prefix: ids for prefix, ids in minted.items() if ids}))
        held = parse_id(str(edit.get("id", "")))
        if held is not None:
            org.locks.hold([held], until=due_at)
        return outcome

    def commit_due(self, org: Org) -> None:
        """Commit what is due, earliest first. An edit that has become impossible by then is rolled back unseen."""
        now = org.clock.now()
        due = sorted((each for each in self._running if each.due_at <= now), key=lambda each: each.due_at)
        if not due:
            return
        self._running = [each for each in self._running if each.due_at > now]
        for each in due:
            org.mint.promised = {prefix: deque(ids) for prefix, ids in each.ids.items()}
            try:
                with org.database.savepoint():
                    org.apply(each.edit, each.how)
            except SalesforceError:
                continue
            finally:
                org.mint.promised = {}
