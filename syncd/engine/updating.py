"""How is a field written that people change too, so that no edit of theirs is lost?

Conditionally, 25 records a call. A write goes out only on a state that was read when the org's clock stood in a later second
than the record's stamp: within one second the precondition cannot tell two saves apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from syncd.core.routes import PATCHES_A_CALL
from syncd.core.values import OrgRecord
from syncd.engine.canary import forget_unwritten, watch, whole_record
from syncd.engine.closing import Closing, close, outcome_of
from syncd.engine.looking import Group, Sight, by_object, look, settled
from syncd.engine.sending import Answers, Lane, batches_of, send, send_locked
from syncd.engine.world import Cycle
from syncd.ports import Update, WriteResult

GRAIN_S = 1.1
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Patch:
    """One group and the request that carries it."""

    group: Group
    request: Update


@dataclass(slots=True)
class _Round:
    """What one look came to: `later` has to be looked at again, `locked` was held by somebody."""

    ready: list[Patch] = field(default_factory=list)
    closing: list[Closing] = field(default_factory=list)
    later: list[Group] = field(default_factory=list)
    locked: list[Patch] = field(default_factory=list)


def update(lane: Lane, groups: Sequence[Group], *, is_first: bool = False) -> None:
    """Look at each record, then write what still stands. What no round could settle stays open for the next cycle.

    Shapes: `is_first` says that these are first writes of their rules: each record is noted whole before its write leaves.
    """
    waiting = list(groups)
    for number in range(ROUNDS):
        if not waiting or (number and not _let_a_second_pass(lane, waiting[0])):
            return
        later: list[Group] = []
        for name, some in by_object(waiting):
            later += _look_and_send(lane, name, some, is_first=is_first)
        waiting = later


def _let_a_second_pass(lane: Lane, group: Group) -> bool:
    """Wait until the org's clock is past the second of the latest saves. False where nobody gave us a clock to wait by."""
    if lane.world.clock is None:
        return False
    lane.world.clock.sleep(GRAIN_S)
    # A look is dated by the answer before it: without one more answer the next look would be dated before the wait.
    lane.org.read(group.intent.object, [group.intent.record_id], ["LastModifiedById"])
    return True


def _look_and_send(lane: Lane, name: str, groups: Sequence[Group], *, is_first: bool) -> list[Group]:
    """Return the groups whose record was saved within the clock's last second, or while we were writing."""
    sight = look(lane.org, lane.cycle, name, groups, whole_record(lane, name) if is_first else ())
    found = _sorted_out(groups, sight, lane.cycle)

    def end(closing: Sequence[Closing]) -> None:
        close(lane.world, lane.cycle, closing)
        if is_first:
            forget_unwritten(lane, closing)

    end(found.closing)
    if is_first:
        watch(lane, [patch.group for patch in found.ready], sight)

    def deliver(batch: Sequence[Patch]) -> list[WriteResult]:
        return lane.org.update([patch.request for patch in batch])

    def record(answers: Answers[Sequence[Patch], Sequence[WriteResult]]) -> None:
        pairs = [pair for batch, results in answers for pair in zip(batch, results, strict=True)]
        end(_answered(found, pairs))

    def deliver_locked(batch: Sequence[Patch]) -> list[Patch]:
        found.locked = []
        record([(batch, deliver(batch))])
        return found.locked

    send(lane, batches_of(found.ready, PATCHES_A_CALL), deliver, record)
    send_locked(lane, found.locked, PATCHES_A_CALL, deliver_locked)
    return found.later


def _sorted_out(groups: Sequence[Group], sight: Sight, cycle: Cycle) -> _Round:
    found = _Round()
    busy: set[str] = set()
    for group in groups:
        ended, record = settled(group, sight, cycle), sight.of(group)
        if ended is not None or record is None:
            found.closing += ended or []
        elif record.id in busy or _is_too_fresh(record, sight):
            found.later.append(group)
        else:
            busy.add(record.id)
            found.ready.append(Patch(group, Update(record.object, record.id, group.values, record.modified_at)))
    return found


def _is_too_fresh(record: OrgRecord, sight: Sight) -> bool:
    return record.modified_at.replace(microsecond=0) >= sight.fresh.asked_at.replace(microsecond=0)


def _answered(found: _Round, pairs: Iterable[tuple[Patch, WriteResult]]) -> list[Closing]:
    closing: list[Closing] = []
    for patch, result in pairs:
        is_judged_again = patch.group.intent.decided_on is not None
        outcome = outcome_of(result, is_judged_again=is_judged_again)
        if outcome is not None:
            closing += patch.group.all(outcome)
        elif result.status == "locked":
            found.locked.append(patch)
        else:
            found.later.append(patch.group)
    return closing
