"""How are fields written that nobody but syncd writes? In collections of 200, without a precondition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from syncd.core.routes import ROWS_A_CALL
from syncd.core.values import OrgRecord, OutcomeKind
from syncd.engine import owners
from syncd.engine.closing import Closing, close, outcome_of
from syncd.engine.looking import Group, by_object, grouped, look, settled
from syncd.engine.sending import Answers, Lane, batches_of, send, send_locked
from syncd.engine.updating import update
from syncd.ports import Overwrite, WriteResult

FIRST_TRIES = 5


@dataclass(slots=True)
class _Sent:
    """What came of the groups sent so far: `locked` was held by somebody (`had_locked`: at first), `written` is confirmed."""

    locked: list[Group] = field(default_factory=list)
    had_locked: bool = False
    written: list[Group] = field(default_factory=list)


def still_standing(lane: Lane, groups: Sequence[Group], *, anew: bool = False) -> list[Group]:
    """Close what an earlier cycle wrote without hearing so, and return what is to be sent.

    Shapes: `anew` looks at the intents of this cycle too. Else only those are looked at that may have been sent before.
    """
    old = [group for group in groups if anew or any(item.cycle != lane.cycle.id for item in group.items)]
    keys = {item.seq for group in old for item in group.items}
    standing = [group for group in groups if group.items[0].seq not in keys]
    for name, some in by_object(old):
        lane.world.pause_point()
        sight = look(lane.org, lane.cycle, name, some)
        ends = [(group, settled(group, sight, lane.cycle)) for group in some]
        close(lane.world, lane.cycle, [pair for _, end in ends if end is not None for pair in end])
        standing += [group for group, end in ends if end is None]
    return standing


def overwrite(lane: Lane, groups: Sequence[Group]) -> None:
    """Write groups of one object, each on another record. Leads go as `syncd.engine.owners` tells."""
    if not groups:
        return
    if groups[0].intent.object == owners.OBJECT:
        _overwrite_leads(lane, groups)
    else:
        _send(lane, groups)


def _send(
    lane: Lane,
    groups: Sequence[Group],
    known: Mapping[str, OrgRecord] | None = None,
    at_last: Callable[[Executor], None] = lambda pool: None,
) -> _Sent:
    sent = _Sent()

    def deliver(batch: Sequence[Group]) -> list[WriteResult]:
        rows = [Overwrite(group.intent.record_id, group.values) for group in batch]
        return lane.org.overwrite(batch[0].intent.object, rows)

    def record(answers: Answers[Sequence[Group], Sequence[WriteResult]]) -> None:
        pairs = [pair for batch, results in answers for pair in zip(batch, results, strict=True)]
        close(lane.world, lane.cycle, _answered(sent, pairs), known)

    def deliver_locked(batch: Sequence[Group]) -> list[Group]:
        sent.locked = []
        record([(batch, deliver(batch))])
        return sent.locked

    send(lane, batches_of(groups, ROWS_A_CALL), deliver, record, at_last)
    sent.had_locked = bool(sent.locked)
    send_locked(lane, sent.locked, ROWS_A_CALL, deliver_locked)
    return sent


def _overwrite_leads(lane: Lane, groups: Sequence[Group]) -> None:
    """Write leads in collections as long as that leaves their owners alone; the first ones in an org go singly."""
    rest = list(groups)
    for _ in range(FIRST_TRIES):
        if rest and owners.are_safe(lane.world.store) is None:
            _send_watched(lane, rest[:1], is_first=True)
            del rest[0]
    if not rest:
        return
    if owners.are_safe(lane.world.store):
        _send_watched(lane, rest)
    else:
        update(lane, rest)


def _send_watched(lane: Lane, groups: Sequence[Group], *, is_first: bool = False) -> None:
    if not lane.is_open():
        return
    known = lane.world.store.get(owners.OBJECT, [group.intent.record_id for group in groups])
    owners.watch(lane, groups, {} if is_first else known)
    glances: list[Future[owners.Owners]] = []

    def glance(pool: Executor) -> None:
        glances.append(pool.submit(owners.now, lane, [group.intent.record_id for group in groups]))

    sent = _send(lane, groups, known, glance)
    seen = glances[0].result() if glances and not sent.had_locked else None  # a locked row was written after the glance
    update(lane, grouped(owners.read_back(lane, seen, is_proof=bool(sent.written))))


def _answered(sent: _Sent, pairs: Iterable[tuple[Group, WriteResult]]) -> list[Closing]:
    closing: list[Closing] = []
    for group, result in pairs:
        outcome = outcome_of(result, is_judged_again=False)
        if outcome is not None:
            closing += group.all(outcome)
            sent.written += [group] if outcome.kind is OutcomeKind.CONFIRMED else []
        elif result.status == "locked":
            sent.locked.append(group)
    return closing
