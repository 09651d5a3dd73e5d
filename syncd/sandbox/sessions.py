"""Whose session is this token, is it still good, and how many calls has the org had today?"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta


class Sessions:
    """Tokens and the rolling 24-hour count of API calls."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._minted = 0
        self._open: dict[str, tuple[str, datetime]] = {}
        self._calls: dict[datetime, int] = {}

    def open(self, org_id: str, user_id: str, now: datetime, seconds: int) -> str:
        """Start a session that lasts `seconds` and return its token."""
        self._minted += 1
        digest = hashlib.sha256(f"{self._seed}/{self._minted}".encode()).digest()
        token = f"{org_id[:15]}!AQ{base64.urlsafe_b64encode(digest * 2).decode().rstrip('=').replace('-', '.')}"
        self._open[token] = (user_id, now + timedelta(seconds=seconds))
        return token

    def user_of(self, token: str, now: datetime) -> str | None:
        """Return the user of a good session, or None."""
        found = self._open.get(token)
        return found[0] if found is not None and now < found[1] else None

    def facts_of(self, token: str, now: datetime) -> tuple[str, datetime] | None:
        """Return a good session's user and when it ends, or None."""
        found = self._open.get(token)
        return found if found is not None and now < found[1] else None

    def end(self, token: str) -> bool:
        """Revoke a token; tell whether it was known."""
        return self._open.pop(token, None) is not None

    def end_all(self) -> None:
        """End every session, as a changed session policy would."""
        self._open.clear()

    def calls_today(self, now: datetime) -> int:
        """Count the API calls of the last 24 hours, by the hour."""
        limit = now - timedelta(hours=24)
        self._calls = {hour: calls for hour, calls in self._calls.items() if hour > limit}
        return sum(self._calls.values())

    def count_calls(self, now: datetime, calls: int) -> None:
        """Add calls to the count."""
        hour = now.replace(minute=0, second=0)
        self._calls[hour] = self._calls.get(hour, 0) + calls
