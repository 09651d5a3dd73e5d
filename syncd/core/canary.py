"""Does a write of syncd's set anything else in motion, before many are sent?

A rule's first writes go alone, also the first after its file was changed. In the next cycle the whole records are compared with
what they were: when anything moved that syncd did not send, the rule stops until a person has looked.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from syncd.core.sparing import bound_key, rule_key
from syncd.core.values import InboxItem, Intent, OrgRecord, Scalar

CANARY = "canary"
FENCE = "fence"
PARTS = frozenset({FENCE, "map"})
"""The parts whose rules are tried out, also with the people whom a mapping creates, and stopped when people set back what they
wrote. An opt-out is written at once, whatever else moves."""
BOOKKEEPING = frozenset({"SystemModstamp", "LastModifiedDate", "LastModifiedById", "CreatedDate", "CreatedById", "Id"})
NAMED_MAX = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """How far a rule got under one version of its file: how many of its first writes moved nothing else, and why it stopped."""

    policy_hash: str
    passed: int = 0
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """A record that was written as one of a rule's first: what it held before (nothing where it was created), what was sent, by
    which rule each field, and the ledger rows of the intents."""

    object: str
    record_id: str
    written_at: datetime
    cycle: str
    before: Mapping[str, Scalar]
    sent: Mapping[str, Scalar]
    rules: Mapping[str, str]
    seqs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trials:
    """Everything that is being tried out, by `trial_key`."""

    rules: Mapping[str, Trial] = field(default_factory=dict)
    watched: tuple[Watched, ...] = ()

    def of(self, intent: Intent) -> Trial:
        """Return how far an intent's rule got; a changed file begins anew."""
        known = self.rules.get(trial_key(intent))
        return known if known is not None and known.policy_hash == intent.policy_hash else Trial(intent.policy_hash)

    def under_way(self, rule: str) -> int:
        """Count a rule's writes that nobody has looked at yet."""
        return sum(rule in one.rules.values() for one in self.watched)

    def stopped(self, policy_hash: str) -> dict[str, str]:
        """Return by rule why it stopped, of those that stand in the present version of a file."""
        return {rule: one.stopped for rule, one in self.rules.items() if one.stopped and one.policy_hash == policy_hash}


class Leave(StrEnum):
    """What becomes of a group of writes now."""

    FREE = "free"
    FIRST = "first"
    WAIT = "wait"
    STOP = "stop"


def trial_key(intent: Intent) -> str:
    """Name what is tried out by an intent: a column of a mapping, or all that the fences write to one field."""
    return bound_key(intent.rule, intent.object, intent.field) if intent.part == FENCE else rule_key(intent.rule)


def leaves(
    groups: Sequence[Sequence[Intent]], trials: Trials, first: int | None, stopped: Container[str] = frozenset()
) -> list[Leave]:
    """Say of each group of intents on one record whether it may leave.

    Shapes: `first` is how many of a rule's writes go alone; None: all are free. Stopped stays stopped; `stopped` names rules
    (`rule_key`) that stopped for another reason.
    """
    under_way = {rule: trials.under_way(rule) for rule in {trial_key(intent) for group in groups for intent in group}}
    is_stopped = [any(_is_tried(intent) and rule_key(intent.rule) in stopped for intent in group) for group in groups]
    return [
        Leave.STOP if has_stopped else _leave(group, trials, first, under_way)
        for group, has_stopped in zip(groups, is_stopped, strict=True)
    ]


def _leave(group: Sequence[Intent], trials: Trials, first: int | None, under_way: dict[str, int]) -> Leave:
    tried = {trial_key(intent): trials.of(intent) for intent in group if _is_tried(intent)}
    if any(trial.stopped for trial in tried.values()):
        return Leave.STOP
    new = [rule for rule, trial in tried.items() if first is not None and trial.passed < first]
    if not new:
        return Leave.FREE
    if first is not None and any(tried[rule].passed + under_way[rule] >= first for rule in new):
        return Leave.WAIT
    for rule in new:
        under_way[rule] += 1
    return Leave.FIRST


def _is_tried(intent: Intent) -> bool:
    return intent.part in PARTS


class Sight(StrEnum):
    """What looking at a written record again showed."""

    CALM = "calm"
    MOVED = "moved"
    UNCLEAR = "unclear"


Moved = Mapping[str, tuple[Scalar, Scalar]]


@dataclass(frozen=True, slots=True)
class History:
    """What history says of one record since syncd wrote it: the latest value that syncd's login set, by field, and the fields
    that others moved and syncd's login did not."""

    own: Mapping[str, Scalar] = field(default_factory=dict)
    others: frozenset[str] = frozenset()


NO_HISTORY = History()


def compare(
    one: Watched,
    now: OrgRecord | None,
    own_user_id: str,
    since: History,
    ours: Mapping[str, Scalar],
    calculated: Iterable[str] = (),
) -> tuple[Sight, Moved]:
    """Tell what moved on a record with syncd's write, besides what was sent.

    A person who saved the record meanwhile moved things too. Then only what history says of syncd's own login counts; while
    syncd's login is the last that saved it, every difference does: a Flow runs as whoever saved.

    Shapes: `ours` holds the value that syncd itself last meant to write, by field. What moved comes as field → (expected, found).
    """
    if now is None or now.is_deleted:
        return Sight.UNCLEAR, {}
    is_ours = now.fields.get("LastModifiedById") == own_user_id
    moved: dict[str, tuple[Scalar, Scalar]] = {}
    for name, expected in {**one.before, **one.sent}.items():
        if name in BOOKKEEPING or name in calculated or name not in now.fields:
            continue
        there = now.fields[name] if is_ours and name not in since.others else since.own.get(name, expected)
        if not is_same(there, expected) and (name in one.sent or not is_same(ours.get(name), there)):
            moved[name] = (expected, there)
    if moved:
        return Sight.MOVED, moved
    is_there = is_ours and all(is_same(now.fields.get(name), value) for name, value in one.sent.items())
    is_seen = is_there or any(name in since.own for name in one.sent)
    return (Sight.CALM if is_seen else Sight.UNCLEAR), {}


def is_same(here: Scalar, there: Scalar) -> bool:
    """Compare values as history, record and ledger write them, which is not always with the same type: 10, 10.0, "10".

    The order of a multi-select picklist and the case of an address mean nothing: Salesforce keeps its own.
    """
    if here == there or _kept(str(here)) == _kept(str(there)):
        return True
    try:
        return here is not None and there is not None and float(here) == float(there)
    except ValueError:
        return False


def _kept(text: str) -> object:
    parts = text.split(";")
    return sorted(parts) if len(parts) > 1 else text.casefold() if "@" in text else text


def after_look(trials: Trials, looks: Sequence[tuple[Watched, Sight, Moved]]) -> Trials:
    """Return the trials after some records were looked at again: a calm one counts, one that moved stops its rules."""
    rules = dict(trials.rules)
    for one, sight, moved in looks:
        mine = {one.rules[name] for name in moved if name in one.rules} or set(one.rules.values())
        for rule in sorted(mine if sight is Sight.MOVED else set(one.rules.values())):
            known = rules.get(rule)
            if known is None or sight is Sight.UNCLEAR:
                continue
            if sight is Sight.CALM:
                rules[rule] = replace(known, passed=known.passed + 1)
            else:
                rules[rule] = replace(known, stopped=f"this org's automation also changes {', '.join(sorted(moved))}")
    seen = {(one.object, one.record_id, one.written_at) for one, *_ in looks}
    left = tuple(one for one in trials.watched if (one.object, one.record_id, one.written_at) not in seen)
    return Trials(rules, left)


def stop_card(rule: str, trial: Trial, moved: Sequence[tuple[Watched, Moved]], flows: Sequence[str]) -> InboxItem:
    """Tell that a rule stopped, what moved on which records, and which automation may have done it."""
    object = moved[0][0].object
    names = sorted({name for _, fields in moved for name in fields})
    shown = "; ".join(
        f"{one.record_id}: " + ", ".join(f"{name} {was!r} → {now!r}" for name, (was, now) in sorted(fields.items()))
        for one, fields in moved[:NAMED_MAX]
    )
    records = f"{len(moved)} record{'s' if len(moved) > 1 else ''}"
    candidates = (
        f"Flows that run when a {object} is saved: {', '.join(flows)}" if flows else f"the Flows on {object} (Setup > Flows)"
    )
    return InboxItem(
        CANARY,
        rule,
        rule,
        f"When this rule wrote its first values, {', '.join(names)} of {records} moved too, which syncd did not send ({shown}). "
        "The rule stopped; what it would write waits, and what moved was not undone.",
        f"Look at {candidates}, and at Apex triggers and assignment rules. When that is as it should be: syncd inbox resolve    "
        "The rule begins anew with its first writes, and what waits is in the next: syncd plan",
        detail=trial.stopped,
    )


def to_json(trials: Trials) -> dict[str, Any]:
    """Return trials as JSON values."""
    return {
        "rules": {rule: [one.policy_hash, one.passed, one.stopped] for rule, one in trials.rules.items()},
        "watched": [
            {
                "object": one.object,
                "record_id": one.record_id,
                "written_at": one.written_at.isoformat(),
                "cycle": one.cycle,
                "before": dict(one.before),
                "sent": dict(one.sent),
                "rules": dict(one.rules),
                "seqs": list(one.seqs),
            }
            for one in trials.watched
        ],
    }


def from_json(body: Mapping[str, Any]) -> Trials:
    """Read trials back."""
    rules = {rule: Trial(*parts) for rule, parts in body["rules"].items()}
    watched = (
        Watched(
            one["object"],
            one["record_id"],
            datetime.fromisoformat(one["written_at"]),
            one["cycle"],
            one["before"],
            one["sent"],
            one["rules"],
            tuple(one["seqs"]),
        )
        for one in body["watched"]
    )
    return Trials(rules, tuple(watched))
