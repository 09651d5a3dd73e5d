"""What is much or old and still to be read: which objects, why, and how far is it?

A backfill is the one way of everything big: the first load of an object, and reading all of it again. What is hot goes before:
each cycle reads, decides and writes what changed, and only then works on the backlog. A *big delta* is no backlog: it is news,
and the cycle reads it at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from syncd.core.privacy import CONSENTS, INDIVIDUAL, POINT, PURPOSE
from syncd.engine.needs import OBJECTS
from syncd.ports import Job, StoreReader, StoreWriter

QUERY = "query"
FIRST_LOAD = "first load"
BIG_DELTA = "many changes"
READ_AGAIN = "read again"
NEW_FIELD = "a field is new"
WAITED_FOR = frozenset({"Lead", "Contact", "Opportunity", INDIVIDUAL, POINT, PURPOSE, *CONSENTS})
"""While one of them is loaded for the first time, nobody knows whom an export or a stalled deal is about, or who opted out."""
ACTORS = ("User", "Group", "GroupMember")
_RANK = {name: number for number, name in enumerate((*ACTORS, *(name for name in OBJECTS if name not in ACTORS)))}
NEW, ASKED, RUNNING = "new", "asked", "running"
_PLAIN = ("expected", "rows", "locator", "is_by_pages", "failures", "is_read", "keyed_after")
_TUPLES = ("fields", "after", "place")


@dataclass(frozen=True, slots=True)
class Backlog:
    """One object that is still to be read: why, how many rows are in, how many it will be (None: not known), since when."""

    object: str
    reason: str
    rows_done: int
    rows_expected: int | None
    since_at: datetime


@dataclass(frozen=True, slots=True)
class Backfill:
    """One job of the backlog and how far it is.

    `after` is where a big delta begins. `rows` were kept, `locator` is where a Bulk result goes on, `place` where pages do.
    `is_by_pages` when no Bulk job reads it; `failures` of such jobs. `keyed_after` is the last row whose keys were made,
    None before.
    """

    job: Job
    reason: str
    cut_at: datetime
    fields: tuple[str, ...] | None = None
    after: tuple[str, str] | None = None
    expected: int | None = None
    rows: int = 0
    locator: str | None = None
    place: tuple[str, str] | None = None
    is_by_pages: bool = False
    failures: int = 0
    is_read: bool = False
    keyed_after: str | None = None

    @property
    def object(self) -> str:
        """Name the object."""
        return self.job.object

    @property
    def is_first(self) -> bool:
        """Tell whether the object is loaded for the first time."""
        return self.reason == FIRST_LOAD

    @property
    def is_delta(self) -> bool:
        """Tell whether it reads only what changed."""
        return self.reason == BIG_DELTA

    @property
    def is_urgent(self) -> bool:
        """Tell whether the cycle cannot judge without it: what changed, and who the people are."""
        return self.is_delta or (self.is_first and self.object in ACTORS)

    @classmethod
    def of(cls, job: Job) -> Backfill:
        """Read a stored job."""
        kept: Mapping[str, Any] = job.payload
        known: dict[str, Any] = {name: kept[name] for name in _PLAIN if name in kept}
        known |= {name: tuple(kept[name]) for name in _TUPLES if kept.get(name)}
        return cls(job, kept["reason"], datetime.fromisoformat(kept["cut_at"]), **known)

    def stored(self, now: datetime) -> Job:
        """Return the job to store."""
        payload = {name: getattr(self, name) for name in ("reason", *_PLAIN, *_TUPLES)}
        return replace(self.job, payload={**payload, "cut_at": self.cut_at.isoformat()}, updated_at=now)

    def anew(self, **changes: Any) -> Backfill:
        """Begin again: what was read so far is kept where it is, and comes once more."""
        job = replace(self.job, job_id=None, state=NEW)
        return replace(self, job=job, rows=0, locator=None, place=None, is_read=False, keyed_after=None, **changes)


def new_backfill(object: str, reason: str, now: datetime, cut_at: datetime, **known: Any) -> Backfill:
    """Make a backfill that nobody has begun to read. `cut_at`: what changed from then on is followed as news."""
    job = Job(f"{object}: {reason}", QUERY, object, None, NEW, {}, now, now)
    return Backfill(job, reason, cut_at, **known)


def ask_for(tx: StoreWriter, object: str, reason: str, now: datetime) -> None:
    """Have all rows of an object read again, after what is hot. Asked for the same reason once more, it begins anew."""
    tx.put_job(new_backfill(object, reason, now, now).stored(now))


def open_backfills(store: StoreReader) -> list[Backfill]:
    """Return what is to be read, in the order of the work: people and queues, first loads, subjects before their histories."""
    found = [Backfill.of(job) for job in store.jobs(QUERY)]
    return sorted(found, key=lambda one: (not one.is_first, *_rank(one.object), one.job.created_at))


def _rank(object: str) -> tuple[int, bool]:
    return _RANK.get(object, len(_RANK)), object.endswith("History")


def backlog(store: StoreReader) -> list[Backlog]:
    """Say what is still to be read, for `status`."""
    return [Backlog(one.object, one.reason, one.rows, one.expected, one.job.created_at) for one in open_backfills(store)]


def first_load_of(store: StoreReader, object: str) -> Backfill | None:
    """Return the first load of an object while it is under way."""
    return next((one for one in open_backfills(store) if one.is_first and one.object == object), None)


def is_waited_for(store: StoreReader) -> bool:
    """Tell whether exports and nurture have to wait: a first load of people or deals is under way."""
    return any(one.is_first and one.object in WAITED_FOR for one in open_backfills(store))


def begin_loads(store: StoreReader, counts: Mapping[str, int], now: datetime, cut_at: datetime) -> list[Backfill]:
    """Make the backfills of objects that nobody follows yet; what changes from `cut_at` on is followed as news at once."""
    reasons = {name: READ_AGAIN if store.count(name) else FIRST_LOAD for name in counts}
    return [new_backfill(name, reasons[name], now, cut_at, expected=rows) for name, rows in counts.items()]


def big_ones(counts: Mapping[str, int], rows_min: int, families: Mapping[str, str]) -> set[str]:
    """Return which of the counted objects are loaded by a backfill: those with many rows, and a history with its subject.

    The history of rows that are not there yet cannot be judged.
    """
    big = {name for name, rows in counts.items() if rows >= rows_min}
    return big | {families[name] for name in big if families.get(name) in counts}
