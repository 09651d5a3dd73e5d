"""What was asked of the org, request by request?"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

ENTRIES_MAX, BODIES_MAX = 100_000, 5_000


@dataclass(slots=True)
class Entry:
    """One API request as it was carried out."""

    n: int
    at: str
    method: str
    path: str
    headers: dict[str, str]
    query: str = ""
    body: Any = None
    status: int = 0
    api_calls: int = 0
    user: str | None = None
    faults: list[str] = field(default_factory=list)
    subrequests: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Shape the entry for the control endpoint."""
        return {name: getattr(self, name) for name in self.__slots__}


class Journal:
    """The last 100,000 requests, the last 5,000 of them with their bodies."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self._with_body: deque[Entry] = deque()
        self._count = 0

    def open(self, at: str, method: str, path: str, headers: dict[str, str], query: str = "") -> Entry:
        """Begin an entry; numbers start at 1 and never repeat."""
        self._count += 1
        entry = Entry(self._count, at, method, path, headers, query)
        self._entries.append(entry)
        return entry

    def keep_body(self, entry: Entry, body: Any) -> None:
        """Keep a request's body, letting the oldest kept one go when there are too many."""
        entry.body = body
        self._with_body.append(entry)
        if len(self._with_body) > BODIES_MAX:
            self._with_body.popleft().body = None

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        """List the entries after entry `number`."""
        return [entry.as_dict() for entry in self._entries if entry.n > number]
