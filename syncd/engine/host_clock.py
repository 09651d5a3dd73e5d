"""What time is it on this machine, and how does a process wait? On its own, so that who only asks need not load a daemon."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class HostClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the host's time in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
