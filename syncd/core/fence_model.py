"""What is a fence made of, once its file is read?

A fence stands between teams on one lifecycle: each value of its fields is held by one team, and a gate lets a team hand a
record over. Everything here is plain data; `core/fences.py` judges by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from syncd.core.actors import Team
from syncd.core.values import ActorKind, Fields, Problem, Rule, Verdict

ANY = "any"
STATUS = "status"
OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition in Salesforce formula syntax, compiled by whoever read the file.

    `fields` are the API names that it reads on the judged record; `holds` says True or False of a record's fields, or None
    when it cannot be known because one of them is hidden or was never read. `typed` compiles it again with what the org says
    its fields hold (every field of the object, to its described type).
    """

    text: str
    rule: Rule
    fields: frozenset[str]
    holds: Callable[[Fields], bool | None] = field(compare=False, repr=False)
    typed: Callable[[Mapping[str, str]], Condition | Problem] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Bound:
    """One `Object.Field` that a fence stands on, such as Lead.Status; `record_types` (developer names) limits it, empty: all."""

    object: str
    field: str
    record_types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Holding:
    """Who has the ball at one value.

    Exactly one of these says so: `team`; or `shared`, the split in the order of the file, first match wins, a None condition
    for the rest. `by_record_type` (developer name → team) goes before both. Moves from and to a legacy value are counted and
    not judged. `queue` keeps the records that wait at this value. `set_by` "conversion": lawful only as part of one.
    """

    value: str
    rule: Rule
    team: str | None = None
    shared: tuple[tuple[str, Condition | None], ...] = ()
    by_record_type: Mapping[str, str] = field(default_factory=dict)
    is_legacy: bool = False
    is_end: bool = False
    queue: str | None = None
    set_by: str | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """A lawful way through: moving from `before` to `after` (values, or teams of owners) by any team in `by`.

    `reasons`: the fence's reason field must hold one of these afterwards; empty: no reason is asked. `needs`: fields that must
    be filled. `when`: a condition on the record after the move. `owner`: the owner move that belongs to the status move: "queue"
    (the holding queue of the new value) or a team's name; None: the owner stays or moves by its own fence.
    """

    before: str
    after: str
    by: frozenset[str]
    rule: Rule
    reasons: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    when: Condition | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """How far a crossing is followed up, by kind of actor; what is not named is observed.

    Changes before `since` are only noted. A reaction waits `grace` after the change, so that whoever made it can correct it.
    `tell` says where a revert leaves its reason: "field <API name>", "task", "chatter", or None.
    """

    mode: Mapping[ActorKind, Verdict] = field(default_factory=dict)
    since: datetime | None = None
    grace: timedelta = timedelta(0)
    tell: str | None = None


@dataclass(frozen=True, slots=True)
class Fence:
    """One fence: the fields it stands on, who holds which value, the gates, and the ladder.

    `name` is "status" for the lifecycle of [status], "owner" for [owner], else the NAME of [fence.NAME]. The owner fence has
    no holdings: its values are the teams of the owners. `never_to` names what may never become an owner: "inactive user" or
    a line under [teams].
    """

    name: str
    rule: Rule
    bound: tuple[Bound, ...]
    holdings: Mapping[str, Holding]
    gates: Mapping[tuple[str, str], Gate]
    ladder: Ladder
    reason_field: str | None = None
    never_to: frozenset[str] = frozenset()


class Sharing(StrEnum):
    """How two sides share a field that is nobody's alone."""

    NEWEST = "newest"
    FILL_BLANKS = "fill blanks"
    UNION = "union"


@dataclass(frozen=True, slots=True)
class SideRule:
    """Whose a field is that no fence stands on: [fields] "Lead.Rating" = ….

    Exactly one is set: `team` (always that side's), `follows` (the name of the fence whose current holder it belongs to), or
    `shared` (by a rule). `ladder` is that of [crossing.fields].
    """

    object: str
    field: str
    rule: Rule
    team: str | None = None
    follows: str | None = None
    shared: Sharing | None = None
    ladder: Ladder = Ladder()


@dataclass(frozen=True, slots=True)
class Quiet:
    """When nobody is reverted: the last business days of a fiscal quarter or year; `days` 0: never."""

    days: int = 0
    of: str = "quarter"
    ceiling: Verdict = Verdict.WARN


@dataclass(frozen=True, slots=True)
class BulkEvent:
    """From how many records of one actor, field and value in which time a mass edit is one event."""

    records: int = 50
    within: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Approver:
    """Who may approve for a team, and the line that says so."""

    team: str
    who: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Window:
    """When a window stands open for somebody's planned mass edit: lawful, whatever the gates say."""

    actor_id: str
    fields: frozenset[str]
    opened_at: datetime
    until: datetime
    reason: str
    opened_by: str


@dataclass(frozen=True, slots=True)
class Fences:
    """The whole of fences.toml. `teams` stand in the order of the file; `fences` hold one named "status", one named "owner"."""

    version: str
    policy_hash: str
    teams: tuple[Team, ...]
    fences: tuple[Fence, ...]
    sides: tuple[SideRule, ...] = ()
    quiet: Quiet = Quiet()
    bulk: BulkEvent = BulkEvent()
    approvers: tuple[Approver, ...] = ()

    def fence(self, name: str) -> Fence:
        """Return the fence of a name. Errors: KeyError when there is none."""
        for fence in self.fences:
            if fence.name == name:
                return fence
        raise KeyError(name)

    @property
    def status(self) -> Fence:
        """Return the fence of [status], the lifecycle."""
        return self.fence(STATUS)

    @property
    def owner(self) -> Fence:
        """Return the fence of [owner]."""
        return self.fence(OWNER)

    def on(self, object: str, field: str) -> Fence | None:
        """Return the fence that stands on a field of an object, or None."""
        return fence_on(self.fences, object, field)

    def fields_of(self, object: str) -> tuple[str, ...]:
        """Return the fields of an object that fences stand on, in the order of the fences."""
        return tuple(dict.fromkeys(bound.field for fence in self.fences for bound in fence.bound if bound.object == object))


def fence_on(fences: Sequence[Fence], object: str, field: str) -> Fence | None:
    """Return the fence that stands on a field of an object, or None."""
    return next((fence for fence in fences for bound in fence.bound if (bound.object, bound.field) == (object, field)), None)
