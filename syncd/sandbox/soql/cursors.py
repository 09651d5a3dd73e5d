"""Which rows does a locator still have to give?"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.ids import base62, to_18

LOCATOR_LIFE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A query's result set, fixed when it first ran: row numbers, in order."""

    statement: str
    all_rows: bool
    rows: array[int]
    opened_at: datetime
    user_id: str
    page_rows: int


class Cursors:
    """Open query cursors by locator. There is no cap on them, as in the real thing; they end after two days."""

    def __init__(self) -> None:
        self._open: dict[str, Cursor] = {}
        self._minted = 0

    def open(self, cursor: Cursor) -> str:
        """Keep a cursor and return its locator, without the offset."""
        self._minted += 1
        self._open = {key: each for key, each in self._open.items() if cursor.opened_at - each.opened_at < LOCATOR_LIFE}
        locator = to_18("01g" + "SX" + "000" + base62(self._minted, 7))
        self._open[locator] = cursor
        return locator

    def find(self, text: str, user_id: str, now: datetime) -> tuple[str, Cursor, int]:
        """Return locator, cursor and offset of a ``01g…-2000``.

        Errors: INVALID_QUERY_LOCATOR for anything unknown, ended, another user's, or past the end.
        """
        locator, _, offset = text.partition("-")
        cursor = self._open.get(locator)
        if (
            cursor is None
            or not offset.isdigit()
            or cursor.user_id != user_id
            or int(offset) >= len(cursor.rows)
            or now - cursor.opened_at >= LOCATOR_LIFE
        ):
            raise SalesforceError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return locator, cursor, int(offset)
