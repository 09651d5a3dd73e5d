"""What of reading a file is told to others: how far a long one is, and that one without rows may be part of a set?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import structlog

from syncd.ports import Clock, ExportFile, Header, Item, Refused

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


def silent_when_empty(items: Iterator[Item]) -> Iterator[Item]:
    """Let one file of a set have nothing but a header: "cleaned" is empty where nobody was."""
    has_header = False
    for item in items:
        has_header = has_header or isinstance(item, Header)
        if not (has_header and isinstance(item, Refused) and item.kind == "pause"):
            yield item
