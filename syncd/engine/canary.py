"""How do a rule's first writes go alone, and who looks at the records afterwards?

What is written as a first write is noted before it leaves, with all that the record held. The next cycle reads the whole record
again. Killed between, the note stands, and the look comes later; a write that never came through counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

from syncd.core.canary import (
    BOOKKEEPING,
    NO_HISTORY,
    History,
    Leave,
    Moved,
    Sight,
    Trials,
    Watched,
    after_look,
    compare,
    from_json,
    leaves,
    stop_card,
    to_json,
    trial_key,
)
from syncd.core.changes import field_moved
from syncd.core.sparing import rule_key
from syncd.core.values import InboxItem, OrgRecord, Outcome, OutcomeKind, Scalar
from syncd.engine.closing import Closing, close
from syncd.engine.intake_creation import send_again
from syncd.engine.looking import Group, grouped
from syncd.engine.looking import Sight as Look
from syncd.engine.opening import WRITTEN
from syncd.engine.sending import Lane
from syncd.engine.world import World
from syncd.errors import OrgRefused
from syncd.ports import OpenIntent, OrgWriter, StoreReader, StoreWriter

TRIALS = "canary"
STOPPED = "STOPPED"
TOLD_FOR = timedelta(days=1)
"""How long after a write a record can still tell what the write set in motion: a restored store may look much later."""
FLOWS = "FlowDefinitionView"
ON_SAVE = frozenset({"RecordBeforeSave", "RecordAfterSave"})


def read_trials(store: StoreReader) -> Trials:
    """Return how far each rule got."""
    known = store.setting(TRIALS)
    return from_json(known) if isinstance(known, dict) else Trials()


@dataclass(frozen=True, slots=True)
class Sorted:
    """Open intents by what becomes of them now: they leave freely, or as a rule's first writes, or wait in the outbox."""

    free: Sequence[OpenIntent]
    first: Sequence[OpenIntent] = ()
    waiting: Sequence[OpenIntent] = ()


def sort_out(lane: Lane, items: Sequence[OpenIntent], stopped: Mapping[str, str]) -> Sorted:
    """Say what may leave now.

    Shapes: `stopped` gives by rule why it only observes; what such a rule wants written is closed, and kept for a person's word.
    """
    first = lane.world.pace.canary
    trials = read_trials(lane.world.store)
    if first is None and not stopped and not trials.rules:
        return Sorted(items)
    groups = grouped(items)
    under_way = {seq for one in trials.watched for seq in one.seqs}
    mine = [group for group in groups if not under_way.intersection(item.seq for item in group.items)]
    says = dict(
        zip(map(_seq, mine), leaves([[i.intent for i in group.items] for group in mine], trials, first, stopped), strict=True)
    )
    fates = [(group, says.get(_seq(group), Leave.FIRST)) for group in groups]
    _hold(lane, [group for group, fate in fates if fate is Leave.STOP], trials, stopped)
    by_fate = {wanted: [item for group, fate in fates if fate is wanted for item in group.items] for wanted in Leave}
    lane.cycle.count("writes waiting for a rule's first", len(by_fate[Leave.WAIT]))
    return Sorted(by_fate[Leave.FREE], by_fate[Leave.FIRST], by_fate[Leave.WAIT])


def _seq(group: Group) -> int:
    return group.items[0].seq


def _hold(lane: Lane, groups: Sequence[Group], trials: Trials, stopped: Mapping[str, str]) -> None:
    """Close what a stopped rule wants written, and keep it for a person's word."""
    items = [item for group in groups for item in group.items]
    if not items:
        return
    closing: list[Closing] = []
    for item in items:
        why = stopped.get(rule_key(item.intent.rule)) or trials.of(item.intent).stopped or "another rule of this write stopped"
        closing.append((item, Outcome(OutcomeKind.NOT_SENT, f"{item.intent.rule.name} stopped: {why}", code=STOPPED)))
    close(lane.world, lane.cycle, closing)
    with lane.world.store.begin() as tx:
        tx.defer([item.intent for item in items])
    lane.cycle.count("held back", len(items))


def whole_record(lane: Lane, object: str) -> set[str]:
    """Name every mirrored field of an object that a read by id can give."""
    need = lane.cycle.needs.get(object)
    return {name for name in need.fields if "." not in name} if need is not None else set()


def watch(lane: Lane, groups: Sequence[Group], look: Look) -> None:
    """Note what these records hold, before the first writes to them leave."""
    trials = read_trials(lane.world.store)
    rules = dict(trials.rules)
    seqs = {item.seq for group in groups for item in group.items}
    watched = [one for one in trials.watched if not seqs.intersection(one.seqs)]
    for group in groups:
        record = look.of(group)
        assert record is not None, "only records that were found are written"
        rules |= {trial_key(item.intent): trials.of(item.intent) for item in group.items}
        watched.append(_watched(lane, group, record))
    _keep(lane, Trials(rules, tuple(watched)))


def watch_created(lane: Lane, closing: Sequence[Closing]) -> None:
    """Note what was sent of people who were created, by their ids, as first writes of their mapping's [create]."""
    first, trials = lane.world.pace.canary, read_trials(lane.world.store)
    done = [(item, end.created_id) for item, end in closing if end.kind is OutcomeKind.CONFIRMED and end.created_id]
    new = [pair for pair in done if first is not None and trials.of(pair[0].intent).passed < first]
    if not new:
        return
    rules = {trial_key(item.intent): trials.of(item.intent) for item, _ in new}
    at, cycle = lane.org.now(), lane.cycle.id
    watched = [
        Watched(item.intent.object, id, at, cycle, {}, values, dict.fromkeys(values, trial_key(item.intent)), (item.seq,))
        for item, id in new if (values := item.intent.values or {})
    ]  # fmt: skip
    _keep(lane, Trials({**trials.rules, **rules}, (*trials.watched, *watched)))


def _watched(lane: Lane, group: Group, record: OrgRecord) -> Watched:
    return Watched(
        record.object,
        record.id,
        lane.org.now(),
        lane.cycle.id,
        {name: value for name, value in record.fields.items() if name not in BOOKKEEPING},
        group.values,
        {item.intent.field: trial_key(item.intent) for item in group.items},
        tuple(item.seq for item in group.items),
    )


def forget_unwritten(lane: Lane, closing: Sequence[Closing]) -> None:
    """Stop watching records whose write did not come through."""
    gone = {item.seq for item, outcome in closing if outcome.kind is not OutcomeKind.CONFIRMED}
    trials = read_trials(lane.world.store)
    kept = tuple(one for one in trials.watched if not gone.intersection(one.seqs))
    if len(kept) != len(trials.watched):
        _keep(lane, replace(trials, watched=kept))


def _keep(lane: Lane, trials: Trials) -> None:
    with lane.world.store.begin() as tx:
        tx.put_setting(TRIALS, to_json(trials))


def look_again_at_first(lane: Lane, *, at_once: bool = False) -> None:
    """Read the records of first writes again, whole, and stop each rule whose write set something else in motion.

    Shapes: `at_once` looks at those of this cycle too, and lets a rule go on when nothing moved: a person approved its writes.
    """
    trials = read_trials(lane.world.store)
    due = [one for one in trials.watched if (at_once or one.cycle != lane.cycle.id) and not _is_open(lane.world, one)]
    if not due or not lane.is_open():
        return
    looks: list[tuple[Watched, Sight, Moved]] = []
    for object in sorted({one.object for one in due}):
        looks += _looks(lane, object, [one for one in due if one.object == object])
    after = after_look(trials, looks)
    if at_once:
        after = _waved_through(after, looks, lane.world.pace.canary or 0)
    cards = _cards(lane.org, trials, after, looks)
    with lane.world.store.begin() as tx:
        tx.put_setting(TRIALS, to_json(after))
        tx.put_inbox(cards, lane.cycle.now)
    lane.cycle.count("first writes looked at", len(looks))
    lane.cycle.count("rules stopped", len(cards))


def _is_open(world: World, one: Watched) -> bool:
    return any(item.seq == seq for seq in one.seqs for item in islice(world.store.open_intents(seq - 1), 1))


def _waved_through(trials: Trials, looks: Sequence[tuple[Watched, Sight, Moved]], enough: int) -> Trials:
    calm = {rule for one, sight, _ in looks if sight is not Sight.MOVED for rule in one.rules.values()}
    rules = {
        rule: replace(one, passed=max(one.passed, enough)) if rule in calm and not one.stopped else one
        for rule, one in trials.rules.items()
    }
    return replace(trials, rules=rules)


def _looks(lane: Lane, object: str, due: Sequence[Watched]) -> list[tuple[Watched, Sight, Moved]]:
    own = lane.cycle.identity.user_id
    fields = sorted({name for one in due for name in (*one.before, *one.sent)} | {"LastModifiedById"})
    now = lane.org.read(object, sorted({one.record_id for one in due}), fields).records
    schema = lane.cycle.schema.get(object)
    calculated = [name for name, one in schema.fields.items() if one.is_calculated] if schema is not None else []
    keys = [f"{one.record_id}.{name}" for one in due for name in one.before]
    written = lane.world.store.verdicts(WRITTEN, keys)

    def compared(one: Watched, since: History) -> tuple[Watched, Sight, Moved]:
        if lane.cycle.now - one.written_at > TOLD_FOR:
            return one, Sight.UNCLEAR, {}
        ours: dict[str, Scalar] = {name: written.get(f"{one.record_id}.{name}") for name in one.before}
        return (one, *compare(one, now.get(one.record_id), own, since, ours, calculated))

    first = [compared(one, NO_HISTORY) for one in due]
    doubtful = [one for one, sight, _ in first if sight is not Sight.CALM and one.record_id in now]
    told = _history(lane, object, doubtful)
    return [look if look[0] not in doubtful else compared(look[0], told.get(look[0].record_id, NO_HISTORY)) for look in first]


def _history(lane: Lane, object: str, due: Sequence[Watched]) -> dict[str, History]:
    """Return what history says of records since they were written, where the org keeps one."""
    history = lane.cycle.families.get(object, f"{object}History")
    need = lane.cycle.needs.get(history)
    parent = need.parent or f"{object}Id" if need is not None else None
    if not due or need is None or parent is None:
        return {}
    since = {one.record_id: one.written_at.replace(microsecond=0) for one in due}
    rows = lane.org.find(history, (parent, "Field", "NewValue", "CreatedById", "CreatedDate"), {parent: sorted(since)}).records
    by_record: dict[str, list[OrgRecord]] = {}
    for row in sorted(rows.values(), key=lambda row: (row.modified_at, row.id)):
        record_id = row.text(parent) or ""
        if row.modified_at >= since[record_id]:
            by_record.setdefault(record_id, []).append(row)
    return {id: _told(mine, lane.cycle.identity.user_id) for id, mine in by_record.items()}


def _told(rows: Iterable[OrgRecord], own_user_id: str) -> History:
    own: dict[str, Scalar] = {}
    others: set[str] = set()
    for row in rows:
        name = field_moved(row)
        if name == "OwnerId" and not str(row.fields.get("NewValue")).startswith(("005", "00G")):
            continue  # an owner move has a second row, with names
        if row.text("CreatedById") == own_user_id:
            own[name] = row.fields.get("NewValue")
        else:
            others.add(name)
    return History(own, frozenset(others - set(own)))


def _cards(org: OrgWriter, before: Trials, after: Trials, looks: Sequence[tuple[Watched, Sight, Moved]]) -> list[InboxItem]:
    cards: list[InboxItem] = []
    for rule, trial in after.rules.items():
        known = before.rules.get(rule)
        moved = [(one, fields) for one, sight, fields in looks if sight is Sight.MOVED and rule in one.rules.values()]
        if trial.stopped and moved and not (known is not None and known.stopped):
            cards.append(stop_card(rule, trial, moved, flows_on(org, moved[0][0].object)))
    return cards


def flows_on(org: OrgWriter, object: str) -> list[str]:
    """Name the active Flows that run when a record of an object is saved; none where syncd's user may not see Flows.

    Source: Object Reference, FlowDefinitionView.
    """
    fields = ("Label", "ApiName", "TriggerType", "TriggerObjectOrEventId", "TriggerObjectOrEventLabel")
    try:
        rows = org.find(FLOWS, fields, {"IsActive": [True]}).records.values()
    except OrgRefused:
        return []
    mine = [row for row in rows if object in (row.text("TriggerObjectOrEventId"), row.text("TriggerObjectOrEventLabel"))]
    return sorted(row.text("Label") or row.text("ApiName") or row.id for row in mine if row.text("TriggerType") in ON_SAVE)


def begin_anew(world: World, tx: StoreWriter, item: InboxItem) -> None:
    """Let a rule that stopped begin again with its first writes. Whom it did not create is created by the next row about them."""
    trials = read_trials(world.store)
    held = [intent for intent in world.store.deferred() if intent.is_create and trial_key(intent) == item.subject]
    tx.undefer(held)
    send_again(tx, [intent.record_id for intent in held])
    rules = {rule: one for rule, one in trials.rules.items() if rule != item.subject}
    tx.put_setting(TRIALS, to_json(replace(trials, rules=rules)))


def stopped_by_canary(store: StoreReader, policy_hash: str) -> Mapping[str, str]:
    """Return by rule why it stopped, under the present version of its file."""
    return read_trials(store).stopped(policy_hash)
