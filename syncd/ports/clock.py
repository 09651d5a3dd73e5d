"""What does the engine ask of the host's clock?"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The host's clock. Decisions never use it: they use the org's."""

    def now(self) -> datetime:
        """Return the host's time as an aware UTC datetime."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
