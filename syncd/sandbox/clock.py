"""What time is it in the emulated org, and how does Salesforce write it down?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

_EPOCH_MIN, _EPOCH_MAX = 1700, 4000


class SandboxClock:
    """A clock that ticks with the machine's, shifted; or stands still until it is moved.

    Units: whole seconds, UTC, because Salesforce's record stamps have no finer grain.
    """

    def __init__(self, now: datetime | None = None, *, frozen: bool = False) -> None:
        self._shift = timedelta(0)
        self._stands_at: datetime | None = None
        if now is not None:
            self.set(now)
        if frozen:
            self.freeze()

    def now(self) -> datetime:
        """Return the org's time, cut to the second."""
        moment = self._stands_at if self._stands_at is not None else datetime.now(UTC) + self._shift
        return moment.replace(microsecond=0)

    @property
    def frozen(self) -> bool:
        """Tell whether the clock stands still."""
        return self._stands_at is not None

    def freeze(self) -> None:
        """Stop the clock where it is."""
        self._stands_at = self.now()

    def release(self) -> None:
        """Let the clock tick on from where it stands."""
        if self._stands_at is not None:
            self._shift = self._stands_at - datetime.now(UTC)
            self._stands_at = None

    def set(self, moment: datetime) -> None:
        """Put the clock to `moment`; it stays frozen or ticking as it was."""
        if self._stands_at is not None:
            self._stands_at = moment
        else:
            self._shift = moment - datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Move the clock forward (or back, when negative) by `seconds`."""
        self.set((self._stands_at or datetime.now(UTC) + self._shift) + timedelta(seconds=seconds))


def stamp(moment: datetime) -> str:
    """Write a datetime as REST answers do: ``2026-01-02T03:04:05.000+0000``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def zulu(moment: datetime) -> str:
    """Write a datetime as the control endpoint does: ``2026-01-02T03:04:05Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(moment: datetime) -> str:
    """Write a datetime as HTTP headers do: ``Fri, 02 Jan 2026 03:04:05 GMT``."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def parse_http_date(text: str) -> datetime | None:
    """Read an HTTP date, or return None when it is not one."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_datetime(text: str) -> datetime | None:
    """Read an ISO datetime with an offset or Z, cut to the second; None when it is not one or out of Salesforce's range."""
    if "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None or not _EPOCH_MIN <= moment.year <= _EPOCH_MAX:
        return None
    return moment.astimezone(UTC).replace(microsecond=0)


def parse_date(text: str) -> date | None:
    """Read ``YYYY-MM-DD``, or return None."""
    if len(text) != 10:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _EPOCH_MIN <= day.year <= _EPOCH_MAX else None


def stamped(text: str) -> datetime:
    """Read a stamp that this org wrote itself."""
    return datetime.fromisoformat(text)
