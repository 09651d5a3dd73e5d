"""What does taking in exports need of a cycle, and what do its rows add up to?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.cells import AS_WRITTEN, ContactPoints
from syncd.core.consent import Consent
from syncd.core.values import Entry, FlagFact, InboxItem, Intent
from syncd.ports import KnownRow, ObjectSchema, Store

LINES_MAX = 20
EXAMPLES_MAX = 3
ITEMS_MAX = 100


@dataclass(frozen=True, slots=True)
class IntakeContext:
    """What taking in exports needs of a cycle. `now_at` is the org's time; `schema` the visible fields by object; `points` knows
    addresses and phone numbers. `noted` hears of every line that is told of together with others, and of what. `asked_at` is when
    the question was asked whose answer is carried out: it takes back only what was said before."""

    org_id: str
    cycle: str
    now_at: datetime
    schema: Mapping[str, ObjectSchema]
    store: Store
    points: ContactPoints = AS_WRITTEN
    items_max: int = ITEMS_MAX
    noted: Callable[[str, int], None] | None = None
    asked_at: datetime | None = None


@dataclass(slots=True)
class Tally:
    """The counts of one file so far, and the first lines of what is told in one item per file."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: dict[str, list[int]] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    noted: Callable[[str, int], None] | None = None

    def note(self, what: str, line: int, example: str = "") -> None:
        """Count a line that is told of in a grouped item, and keep the first examples of what stands on such lines."""
        self.counts[what] += 1
        if self.counts[what] <= LINES_MAX:
            self.lines.setdefault(what, []).append(line)
        if example and len(known := self.examples.setdefault(what, [])) < EXAMPLES_MAX:
            known.append(example)
        if self.noted is not None:
            self.noted(what, line)


@dataclass(slots=True)
class Batch:
    """What some groups of rows come to.

    `intents` come with the flag entry that caused them, by its place in `entries`. `told` are the inbox subjects by the names
    of the person they are about, `settled` those whose person came again without a fault, `asked` the rows to keep by the subject
    of the question that they ask. `created` are those sent to be created, by what stands for their ids, and `created_names` what
    their rows call them. `known` is what is remembered of the newest row of a person, `forgotten` are those whose rows have to be
    looked at again.
    """

    facts: list[FlagFact] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    intents: list[tuple[Intent, int | None]] = field(default_factory=list)
    items: list[InboxItem] = field(default_factory=list)
    known: dict[str, KnownRow] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    settled: list[str] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)
    created: dict[str, str] = field(default_factory=dict)
    created_names: dict[str, str] = field(default_factory=dict)
    cleared: list[FlagFact] = field(default_factory=list)
    again: list[FlagFact] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
