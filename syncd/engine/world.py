"""What does a cycle work with?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.core.actors import Directory
from syncd.core.cells import AS_WRITTEN, ContactPoints
from syncd.core.guard import Limits
from syncd.core.policies import Policies
from syncd.core.values import OrgRecord
from syncd.engine.needs import Need
from syncd.ports import Clock, Exports, ObjectSchema, OrgIdentity, OrgReader, Store
from syncd.ports.sources import Fetching

if TYPE_CHECKING:
    from syncd.engine.budget import Purse


class Stopped(Exception):
    """The daemon was asked to end; what is in flight is settled, the rest goes on at the next start."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how far: the interval of cycles, how many of them a slow object may wait, how far the watermark is
    held back behind the org's clock, syncd's share of the org's daily API requests, and what of them stays free for others
    (None: no bound of that kind). `writers` is how many batches of writes travel side by side (1: one after the other, in the
    caller's own thread), `load_rows_min` from how many records on they go as a Bulk load. `census_hour` is the hour of the
    configured zone in which the mirror is counted against the org, `formula_every` how often rows with formula fields are read
    anew. From `bulk_rows_min` rows on an object is read by a Bulk job; `backlog_slice` is how long a cycle works on what is still
    to be loaded before it looks at what is new (None: one interval). `canary` is how
    many first writes of a rule go alone, `regret_percent` how much of what it wrote people may set back (None: no such bound)."""

    interval: timedelta = timedelta(minutes=1)
    slow_every: int = 5
    hold_back: timedelta = timedelta(minutes=10)
    api_share_percent: float | None = 25
    api_reserve_percent: float | None = 20
    writers: int = 12
    load_rows_min: int = 20_000
    census_hour: int = 2
    formula_every: timedelta = timedelta(hours=6)
    bulk_rows_min: int = 20_000
    backlog_slice: timedelta | None = None
    canary: int | None = None
    regret_percent: float | None = None


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside a cycle: the org, the store, the policies, the folders and the clocks. `points` knows addresses and
    phone numbers, `fetching` where exports come from besides the drop folder (None: from nowhere, and none are removed)."""

    org: OrgReader
    store: Store
    policies: Policies
    exports: Exports
    plans: Path
    zone: tzinfo
    limits: Limits = field(default_factory=Limits)
    pace: Pace = field(default_factory=Pace)
    clock: Clock | None = None
    is_stopping: Callable[[], bool] = lambda: False
    points: ContactPoints = AS_WRITTEN
    fetching: Fetching | None = None

    def pause_point(self) -> None:
        """Raise Stopped when the daemon was asked to end."""
        if self.is_stopping():
            raise Stopped


@dataclass(slots=True)
class Cycle:
    """One cycle in progress: its id, the org's time at its begin, who we are, what is read, what was counted, and what is
    known of the API calls (None: they are not counted).

    `covered` says by object up to when all of the org's transactions had ended, where the org was asked; `caught` holds by
    object what is decided straight from memory. `families` gives by object the history that its changes are judged by, `tiers`
    which objects are read together. `wrote` counts confirmed writes by rule and the version of its file, `loads` how
    many open leads each owner gained or lost.
    """

    id: str
    now: datetime
    identity: OrgIdentity
    schema: Mapping[str, ObjectSchema]
    needs: Mapping[str, Need]
    read_people: Callable[[], Directory]
    calls_before: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    covered: dict[str, datetime] = field(default_factory=dict)
    caught: dict[str, tuple[OrgRecord, ...]] = field(default_factory=dict)
    purse: Purse | None = None
    families: Mapping[str, str] = field(default_factory=dict)
    tiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wrote: Counter[tuple[str, str]] = field(default_factory=Counter)
    loads: Counter[str] = field(default_factory=Counter)
    _people: Directory | None = field(default=None, init=False)

    @property
    def people(self) -> Directory:
        """Return the org's users and queues, read when somebody first asks: most cycles judge nothing."""
        if self._people is None:
            self._people = self.read_people()
        return self._people

    def forget_people(self) -> None:
        """Have users and queues read again: what is known of them has changed."""
        self._people = None

    def subject_of(self, object: str) -> str:
        """Name what a history tells of, and anything else as itself."""
        return next((name for name, history in self.families.items() if history == object), object)

    def count(self, name: str, number: int = 1) -> None:
        """Add to a count of this cycle."""
        if number:
            self.counts[name] = self.counts.get(name, 0) + number
