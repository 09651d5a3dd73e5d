"""What was asked of the org, request by request?"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

ENTRIES_MAX, BODIES_MAX, SENT_BYTES_MAX = 100_000, 5_000, 64 * 1024 * 1024


@dataclass(slots=True)
class Entry:
    """One API request as it was carried out.

    `body` is what was carried out; `sent` the bytes that came to be written, even where they were refused or lost; `results`
    what became of each record of a collection, or of a Bulk job.
    """

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
    results: list[dict[str, Any]] = field(default_factory=list)
    sent: bytes = b""

    def as_dict(self) -> dict[str, Any]:
        """Shape the entry for the control endpoint."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return told | {"sent": self.sent.decode(errors="backslashreplace")}


class Journal:
    """The last 100,000 requests, the last 5,000 of them with their bodies, as far as 64 MB of what was sent go."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self._with_body: deque[Entry] = deque()
        self._with_sent: deque[Entry] = deque()
        self._sent_bytes = 0
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

    def keep_sent(self, entry: Entry, sent: bytes) -> None:
        """Keep the bytes of a request that writes, letting the oldest kept ones go when they are too many."""
        entry.sent = sent
        self._sent_bytes += len(sent)
        self._with_sent.append(entry)
        while self._with_sent and (self._sent_bytes > SENT_BYTES_MAX or len(self._with_sent) > BODIES_MAX):
            oldest = self._with_sent.popleft()
            self._sent_bytes -= len(oldest.sent)
            oldest.sent = b""

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        """List the entries after entry `number`."""
        return [entry.as_dict() for entry in self._entries if entry.n > number]
