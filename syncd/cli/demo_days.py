"""How do several days at the demo company pass, with syncd looking in between?"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.cli import output
from syncd.core.values import InboxItem
from syncd.engine.cycle import run_cycle
from syncd.engine.holding import WAITING_PLAN
from syncd.engine.planning import apply
from syncd.engine.plans import read_plan
from syncd.engine.world import World
from syncd.ports import CycleRecord, LedgerQuery, OrgWriter

if TYPE_CHECKING:
    from syncd.sandbox.play import Moment, Player

CYCLE_AFTER = timedelta(minutes=4)
GAP = timedelta(minutes=15)
UNWATCHED_MAX = 3
DAY_BEGINS = timedelta(minutes=3)
QUIET_S = 5
BULK = 500
EVERYTHING = 10**9


@dataclass(frozen=True, slots=True)
class Asked:
    """A cycle that stopped before its first write: its reason, and the plan that was then applied."""

    reason: str
    plan: Path
    writes: int


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody's mass edit, and the cycle that read it."""

    title: str
    records: int
    cycle: CycleRecord


@dataclass(slots=True)
class Course:
    """How the days went: what the report says beside the ledger and the cycles."""

    asked: list[Asked] = field(default_factory=list)
    bulk: list[Seen] = field(default_factory=list)
    refused: int = 0


class Days:
    """Plays the days, and runs cycles between the moments as the daemon would."""

    def __init__(self, world: World, org: OrgWriter, player: Player, exports: Path) -> None:
        self.world, self.org, self.player, self.exports = world, org, player, exports
        self.course = Course()

    def first_look(self) -> CycleRecord:
        """Run the first cycle: everything is read as it stands."""
        return self.cycle()[-1]

    def play(self, moments: Sequence[Moment], tell: Callable[[str], None]) -> Course:
        """Play all moments in order, telling one line a day."""
        days = list(_by_day(moments))
        for day, today in days:
            before = self.world.store.ledger_size()
            self.player.advance_to(today[0].at - DAY_BEGINS)
            cycles = self.cycle()
            saves = 0
            for moment, is_watched in _watched(today):
                saves += self._play(moment)
                if is_watched:
                    self.player.advance_to(moment.at + CYCLE_AFTER)
                    done = self.cycle()
                    cycles += done
                    self._note_bulk(moment, done[0])
            if today is days[-1][1]:
                cycles += self._idle(today[-1].at)
            changes = output.many(self._judged_after(before), "change")
            tell(f"{day:%a %d %b}  people and machines: {saves:,} saves  syncd: {changes}, {_did(cycles)}")
        return self.course

    def cycle(self) -> list[CycleRecord]:
        """Run one cycle. When it stops and asks, say yes as a person would: read the plan and apply it."""
        record = run_cycle(self.world, self.org)
        if not record.counts.get("held back"):
            return [record]
        waiting = [item for _, item, _ in self.world.store.inbox(kind=WAITING_PLAN)]
        return [record, *(self._apply(item) for item in waiting)]

    def _apply(self, item: InboxItem) -> CycleRecord:
        plan = read_plan(Path(item.where))
        self.course.asked.append(Asked(plan.reason, Path(item.where), len(plan.intents)))
        return apply(self.world, self.org, plan)

    def _play(self, moment: Moment) -> int:
        self.player.advance_to(moment.at)
        self.course.refused += len(self.player.play(moment))
        if moment.export is not None:
            _let_rest(self.exports)
        return sum(len(body["edits"]) for body in moment.edits)

    def _note_bulk(self, moment: Moment, record: CycleRecord) -> None:
        records = sum(len(body["edits"]) for body in moment.edits)
        if records >= BULK:
            self.course.bulk.append(Seen(moment.title, records, record))

    def _judged_after(self, seq: int) -> int:
        """Count the judged changes that the ledger gained since it had so many rows: what the report counts, day by day."""
        began_at = self.world.store.cycles(EVERYTHING)[-1].started_at
        newest = self.world.store.ledger(LedgerQuery(kind="change", limit=EVERYTHING, newest_first=True))
        entries = (row.entry for row in takewhile(lambda row: row.seq > seq, newest))
        return sum(entry.changed_at is not None and entry.changed_at >= began_at for entry in entries)

    def _idle(self, ended_at: datetime) -> list[CycleRecord]:
        """Run cycles when nothing has happened for an hour; the slow questions are asked in the first two, the last is idle."""
        done: list[CycleRecord] = []
        for seconds in (0, 10, 20):
            self.player.advance_to(ended_at + timedelta(hours=1, seconds=seconds))
            done += self.cycle()
        return done


def _let_rest(folder: Path) -> None:
    """Date the new export back: a file counts as whole only when nobody has written to it for two seconds."""
    before = time.time() - QUIET_S
    for path in folder.glob("*.csv"):
        os.utime(path, (before, before))


def _by_day(moments: Sequence[Moment]) -> Iterator[tuple[datetime, list[Moment]]]:
    days: dict[object, list[Moment]] = {}
    for moment in moments:
        days.setdefault(moment.at.date(), []).append(moment)
    for today in days.values():
        yield today[0].at, today


def _watched(today: Sequence[Moment]) -> Iterator[tuple[Moment, bool]]:
    """Say after which moments a cycle runs: the export, the day's last, each with quiet behind it, and every fourth in a row."""
    unwatched = 0
    for moment, following in zip(today, [*today[1:], None], strict=True):
        is_quiet = following is None or following.at - moment.at >= GAP
        is_watched = is_quiet or moment.export is not None or unwatched == UNWATCHED_MAX
        unwatched = 0 if is_watched else unwatched + 1
        yield moment, is_watched


def _did(cycles: Sequence[CycleRecord]) -> str:
    total: Counter[str] = Counter()
    for record in cycles:
        total.update(record.counts)
    parts = [
        output.many(total["crossings"], "crossing"),
        f"{total['reverts']:,} put back",
        f"{total['enrolled']:,} enrolled",
    ]
    asked = "; stopped once to ask" if total["held back"] else ""
    return ", ".join(parts) + asked
