"""How do batches of writes leave several at a time, so that a stop or a crash leaves only what looking can resolve?

Every intent is in the ledger before its batch leaves, and each answer is recorded as it comes. Only the sending runs in
threads: the store and the decisions stay with the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from syncd.core.guard import Kind
from syncd.core.values import digest
from syncd.engine.budget import may_spend
from syncd.engine.world import Cycle, Stopped, World
from syncd.errors import SyncdError
from syncd.ports import OrgWriter

TRIES = 3
FIRST_PAUSE_S = 0.4
Item = TypeVar("Item")
Batch = TypeVar("Batch")
Answer = TypeVar("Answer")
Answers = Sequence[tuple[Batch, Answer]]


@dataclass(frozen=True, slots=True)
class Lane:
    """All that writes of one urgency need to leave. `kind` says what their API calls are spent on."""

    world: World
    org: OrgWriter
    cycle: Cycle
    kind: Kind

    def is_open(self) -> bool:
        """Tell whether one more batch may leave now; False when the calls for it are better kept for something else.

        Errors: Stopped when the daemon was asked to end; LeaseHeld when another process has become the one writer.
        """
        self.world.pause_point()
        if not may_spend(self.world, self.cycle, self.kind):
            return False
        self.world.store.check_writer()
        return True


def batches_of(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut into batches."""
    return (items[start : start + size] for start in range(0, len(items), size))


def send(
    lane: Lane,
    batches: Iterable[Batch],
    deliver: Callable[[Batch], Answer],
    record: Callable[[Answers[Batch, Answer]], None],
    at_last: Callable[[Executor], None] = lambda pool: None,
) -> None:
    """Deliver batches, several at a time, and record answers as they come. A lane that closes keeps the rest for later.

    Shapes: `record` gets what has arrived since the last time, one batch or several, each with its answer. `at_last` is called
            where all have arrived and the last ones are not recorded yet: what it has the pool do goes on meanwhile.
    Errors: whatever kept a batch from leaving or lost its answer; no further batch leaves then, and what is under way is
    recorded first.
    """
    if lane.world.pace.writers <= 1:
        for batch in batches:
            if not lane.is_open():
                return
            record([(batch, deliver(batch))])
        return
    with ThreadPoolExecutor(lane.world.pace.writers, thread_name_prefix="syncd-writer") as pool:
        _Flight(lane, pool, deliver, record).fly(iter(batches), at_last)


def side_by_side(lane: Lane, ask: Callable[[Item], Answer], items: Sequence[Item]) -> list[Answer]:
    """Ask several questions that change nothing at the same time; the answers come in their order."""
    if lane.world.pace.writers <= 1 or len(items) < 2:
        return [ask(item) for item in items]
    with ThreadPoolExecutor(lane.world.pace.writers, thread_name_prefix="syncd-reader") as pool:
        return list(pool.map(ask, items))


class _Flight(Generic[Batch, Answer]):
    """Batches under way. After the first trouble nothing leaves any more."""

    def __init__(
        self,
        lane: Lane,
        pool: ThreadPoolExecutor,
        deliver: Callable[[Batch], Answer],
        record: Callable[[Answers[Batch, Answer]], None],
    ) -> None:
        self.lane, self.pool, self.deliver, self.record = lane, pool, deliver, record
        self.under_way: dict[Future[Answer], Batch] = {}
        self.is_open = True
        self.trouble: SyncdError | Stopped | None = None

    def fly(self, waiting: Iterator[Batch], at_last: Callable[[Executor], None]) -> None:
        self._launch(waiting)
        while self.under_way:
            answers = self._land()
            self._launch(waiting)  # the next ones are on their way while these are recorded
            if not self.under_way and self.trouble is None:
                at_last(self.pool)
            self.record(answers)
        if self.trouble is not None:
            raise self.trouble

    def _launch(self, waiting: Iterator[Batch]) -> None:
        while self.is_open and len(self.under_way) < self.lane.world.pace.writers:
            batch = next(waiting, None)
            if batch is None or not self._may_leave():
                return
            self.under_way[self.pool.submit(self.deliver, batch)] = batch

    def _may_leave(self) -> bool:
        try:
            self.is_open = self.lane.is_open()
        except (SyncdError, Stopped) as trouble:
            self._stop(trouble)
        return self.is_open

    def _stop(self, trouble: SyncdError | Stopped) -> None:
        self.is_open = False
        self.trouble = self.trouble or trouble

    def _land(self) -> Answers[Batch, Answer]:
        landed, _ = wait(self.under_way, return_when=FIRST_COMPLETED)
        answers: list[tuple[Batch, Answer]] = []
        for future in [one for one in self.under_way if one in landed]:
            batch = self.under_way.pop(future)
            try:
                answers.append((batch, future.result()))
            except SyncdError as trouble:
                self._stop(trouble)
        return answers


def send_locked(lane: Lane, locked: Sequence[Item], size: int, deliver: Callable[[Sequence[Item]], Sequence[Item]]) -> None:
    """Send rows that somebody held again, one batch after the other, at most three times in a cycle.

    Shapes: `deliver` sends a batch, records what became of it, and returns what is still held. What is held at the end stays
    open; the next cycle looks at it and sends it again.
    Units: pauses of about 0.6, 1.2 and 2.4 seconds, never twice the same, so that two writers do not meet again.
    """
    for attempt in range(TRIES):
        if not locked or lane.world.clock is None:
            break
        jitter = int(digest(lane.cycle.id, len(locked), attempt)[:8], 16) / 0xFFFFFFFF
        lane.world.clock.sleep(FIRST_PAUSE_S * 2**attempt * (1 + jitter))
        held: list[Item] = []
        for batch in batches_of(locked, size):
            held += deliver(batch) if lane.is_open() else batch
        locked = held
    lane.cycle.count("rows left locked", len(locked))
