"""How does a signal wake the main thread without a lock?

A signal handler runs inside whatever the main thread was doing; one that took a lock could wait for itself for ever. A byte
in a pipe needs none.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress


class Bell:
    """Rings once and stays rung."""

    def __init__(self) -> None:
        self._ear, self._rope = os.pipe()
        os.set_blocking(self._rope, False)

    def ring(self) -> None:
        """Wake who waits; from a signal handler or any thread."""
        with suppress(BlockingIOError):  # the pipe is full of earlier rings
            os.write(self._rope, b"!")

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the bell was rung, or for so long; tell whether it was."""
        return bool(select.select([self._ear], [], [], seconds)[0])

    def __del__(self) -> None:
        os.close(self._ear)
        os.close(self._rope)
