"""How far is the reading of a long file?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import structlog

from syncd.ports import Clock, ExportFile, Item

EVERY = timedelta(seconds=5)
_LOOK_ITEMS = 1000


def told(items: Iterator[Item], file: ExportFile, place: Callable[[], int], clock: Clock) -> Iterator[Item]:
    """Give the items, and say in the log every few seconds how many there were and how many bytes of the file they took."""
    log, said_at = structlog.get_logger("syncd"), clock.now()
    for count, item in enumerate(items):
        if count % _LOOK_ITEMS == _LOOK_ITEMS - 1 and (now_at := clock.now()) - said_at >= EVERY:
            said_at = now_at
            log.info("export-read", file=file.name, rows=count, bytes=place(), of_bytes=file.size_bytes)
        yield item
