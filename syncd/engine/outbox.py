"""Which intents are open, and which of them travel in a Bulk load that Salesforce has not ended yet?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from syncd.engine.world import World
from syncd.ports import Job, OpenIntent

INGEST = "ingest"
PAGE = 1000
WINDOW = 50_000
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Loads:
    """The ledger rows of intents that are under way in Bulk loads, as spans of sequence numbers in order, ends included."""

    spans: tuple[Span, ...] = ()

    def __contains__(self, seq: object) -> bool:
        if not isinstance(seq, int):
            return False
        place = bisect_right(self.spans, (seq, float("inf")))
        return place > 0 and seq <= self.spans[place - 1][1]


def spans_of(seqs: Iterable[int]) -> list[Span]:
    """Write sequence numbers as spans."""
    spans: list[Span] = []
    for seq in sorted(seqs):
        if spans and spans[-1][1] == seq - 1:
            spans[-1] = (spans[-1][0], seq)
        else:
            spans.append((seq, seq))
    return spans


def loads_of(jobs: Sequence[Job]) -> Loads:
    """Return what travels in these loads."""
    return Loads(tuple(sorted((int(first), int(last)) for job in jobs for first, last in job.payload["spans"])))


def open_items(world: World, loads: Loads) -> Iterator[OpenIntent]:
    """Return the open intents in ledger order, without those that a load carries."""
    items = world.store.open_intents()
    return (item for item in items if item.seq not in loads) if loads.spans else items


def items_of(world: World, job: Job) -> Iterator[OpenIntent]:
    """Return the intents of one load that are still open."""
    mine = loads_of([job])
    first, last = min(span[0] for span in mine.spans), max(span[1] for span in mine.spans)
    for item in takewhile(lambda item: item.seq <= last, world.store.open_intents(first - 1)):
        if item.seq in mine:
            yield item


def windows(items: Iterable[OpenIntent]) -> Iterator[list[OpenIntent]]:
    """Cut the outbox into pieces that fit into memory, never between intents on one record."""
    window: list[OpenIntent] = []
    for item in items:
        if len(window) >= WINDOW and (item.intent.is_create or item.intent.record_id != window[-1].intent.record_id):
            yield window
            window = []
        window.append(item)
    if window:
        yield window
