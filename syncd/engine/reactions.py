"""What becomes of the reverts that wait: for their time, or for a person's word?

Killed between any two lines, the next cycle finds what waits where it was: a wait ends in the transaction that opens its intent,
asks about it, or lets the value stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from syncd.core.asking import ASK, KEEP, question
from syncd.core.fights import Fight
from syncd.core.judging import Bench
from syncd.core.ladder import RUNGS, Reaction, Wait, ladder_of, when_due
from syncd.core.values import Change, Entry, InboxItem, OrgRecord, Proof, Scalar, Verdict, digest
from syncd.engine.judging import BATCH, FOUGHT, bench_of, standing_fences
from syncd.engine.opening import open_intents
from syncd.engine.telling import Caused, places_of, with_reasons
from syncd.engine.world import Cycle, World
from syncd.errors import SyncdError
from syncd.ports import StoreReader, StoreWriter

DECISION = "decision"
Debt = tuple[str, str]


@dataclass(slots=True)
class Fates:
    """What some waits of one object come to. `kept` are debts whose waits end, `asked` those that a person is asked about."""

    opened: dict[str, list[Caused]] = field(default_factory=dict)
    fought: dict[str, str] = field(default_factory=dict)
    kept: dict[Debt, Scalar] = field(default_factory=dict)
    asked: dict[Debt, Wait] = field(default_factory=dict)
    settled: list[Debt] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


def follow_up(world: World, cycle: Cycle) -> None:
    """Look again at every revert whose grace time is over: make it, ask about it, or let the value stand."""
    if not world.store.due_waits(cycle.now, 1):
        return
    bench, pending = bench_of(world, cycle, standing_fences(world, cycle))
    while waits := _whole(world.store.due_waits(cycle.now, BATCH)):
        world.pause_point()
        for object in sorted({wait.intent.object for wait in waits}):
            _follow_up(world, cycle, bench, pending, object, [wait for wait in waits if wait.intent.object == object])


def _whole(waits: Sequence[Wait]) -> Sequence[Wait]:
    """Leave the last record of a full page to the next one: what was moved together is decided together."""
    last = [wait.intent.record_id for wait in waits[-1:]]
    kept = [wait for wait in waits if wait.intent.record_id not in last]
    return kept if kept and len(waits) == BATCH else waits


def _follow_up(
    world: World, cycle: Cycle, bench: Bench, pending: Mapping[str, set[str]], object: str, waits: Sequence[Wait]
) -> None:
    ids = sorted({wait.intent.record_id for wait in waits})
    records = world.store.get(object, ids)
    fought = world.store.verdicts(FOUGHT, [_key(wait) for wait in waits])
    fates = Fates()
    for (id, _), group in _together(waits).items():
        if any(wait.intent.field in pending.get(id, ()) for wait in group):
            fates.kept |= {_debt(wait): wait.intent.after for wait in group}
            continue
        record, fights = records.get(id), [Fight.read(fought.get(_key(wait))) for wait in group]
        judged = [_judged_again(wait, record, bench, fight) for wait, fight in zip(group, fights, strict=True)]
        least = min(judged, key=lambda reaction: RUNGS[reaction.verdict])
        for wait, fight in zip(group, fights, strict=True):
            _decide(wait, least, record, fight, bench, fates)
    asked_before = _asked(world.store, object, {id for id, _ in fates.asked})
    with world.store.begin() as tx:
        _write(tx, cycle, bench, object, fates, records)
        tx.put_inbox(_questions(asked_before | fates.asked), cycle.now)
    cycle.count("asked about", len(fates.asked))
    cycle.count("left alone when due", len(fates.settled))


def _together(waits: Iterable[Wait]) -> dict[tuple[str, datetime], list[Wait]]:
    """Put together what one save moved: its reverts are one decision, and go no further than the mildest of them."""
    found: dict[tuple[str, datetime], list[Wait]] = {}
    for wait in waits:
        found.setdefault((wait.intent.record_id, wait.changed_at), []).append(wait)
    return found


def _judged_again(wait: Wait, record: OrgRecord | None, bench: Bench, fight: Fight) -> Reaction:
    """Judge a crossing once more, by all that is known now."""
    if record is None or record.is_deleted:
        return Reaction(Verdict.NOTE, "the record is gone")
    if record.fields.get("IsConverted"):
        return Reaction(Verdict.NOTE, "the lead is converted and read-only")
    if record.fields.get(wait.intent.field) != wait.intent.before:
        return Reaction(Verdict.NOTE, "the value was changed since")
    change = _change(wait, bench)
    lawful = bench.around.lawful(change)
    if lawful is not None:
        return Reaction(Verdict.ALLOW, lawful)
    ladder = ladder_of(bench.fences, change.object, change.field, wait.fence)
    reaction = when_due(wait, ladder, bench.quiet)
    spared = bench.around.spared(change, reaction.verdict, wait.intent.rule, fight, bench.now)
    return reaction if spared is None else Reaction(spared.verdict, spared.reason)


def _change(wait: Wait, bench: Bench) -> Change:
    one, actor = wait.intent, bench.actor(wait.actor_id, wait.changed_at)
    return Change(one.object, one.record_id, one.field, one.after, one.before, wait.changed_at, actor, Proof.HISTORY)


def _decide(wait: Wait, reaction: Reaction, record: OrgRecord | None, fight: Fight, bench: Bench, fates: Fates) -> None:
    if reaction.verdict is Verdict.ASK:
        fates.asked[_debt(wait)] = replace(wait, is_asked=True, due_at=None)
        fates.kept[_debt(wait)] = wait.intent.after
    elif reaction.verdict is Verdict.REVERT and record is not None:
        _open(wait, record, fight, bench, fates)
    else:
        fates.settled.append(_debt(wait))
        fates.entries.append(_entry(wait, bench, reaction.verdict, reaction.reason))


def _open(wait: Wait, record: OrgRecord, fight: Fight, bench: Bench, fates: Fates) -> None:
    one = wait.intent
    key = digest(bench.cycle, one.object, one.record_id, one.field, one.after)
    again = replace(one, key=key, decided_on=record.modified_at.isoformat(), policy_hash=bench.fences.policy_hash)
    fates.opened.setdefault(record.id, []).append((again, wait.cause))
    fates.kept[_debt(wait)] = one.after
    fates.fought[_key(wait)] = fight.after(_change(wait, bench), bench.now).text()


def _write(tx: StoreWriter, cycle: Cycle, bench: Bench, object: str, fates: Fates, records: Mapping[str, OrgRecord]) -> None:
    places = places_of(cycle, bench.fences)
    told = [one for id, some in fates.opened.items() for one in with_reasons(bench.fences, records.get(id), some, places)]
    open_intents(tx, told, cycle.now, cycle.id)
    tx.append(fates.entries)
    tx.put_verdicts(FOUGHT, fates.fought)
    tx.owe(object, fates.kept, fates.asked)
    tx.settle_debts(object, fates.settled)


def _asked(store: StoreReader, object: str, ids: Iterable[str]) -> dict[Debt, Wait]:
    """Return what of these records waits for a person's word, by (record id, field)."""
    return {debt: wait for debt, wait in store.waits(object, ids).items() if wait.is_put}


def _questions(asked: Mapping[Debt, Wait]) -> list[InboxItem]:
    by_record: dict[str, list[Wait]] = {}
    for (id, _), wait in sorted(asked.items()):
        by_record.setdefault(id, []).append(wait)
    return [question(waits) for waits in by_record.values()]


def _entry(wait: Wait, bench: Bench, verdict: Verdict, reason: str, **more: Any) -> Entry:
    one = wait.intent
    return Entry(
        kind=DECISION,
        at=bench.now,
        cycle=bench.cycle,
        object=one.object,
        record_id=one.record_id,
        field=one.field,
        before=one.after,
        after=one.before,
        changed_at=wait.changed_at,
        actor_kind=wait.kind.value,
        verdict=verdict.value,
        fence=wait.fence,
        rule=one.rule,
        policy_hash=bench.fences.policy_hash,
        reason=reason,
        cause_seq=wait.cause,
        **more,
    )


def answer(world: World, tx: StoreWriter, cycle: Cycle, bench: Bench, item: InboxItem, word: str, by: str) -> int:
    """Carry out a person's answer to a question, and return how many values are to be put back.

    Shapes: `word` is "revert" or "keep", `by` says who said so and why, such as `dana@host: agreed with sales`.
    """
    object = item.where.partition(" ")[0]
    record = world.store.get(object, [item.subject]).get(item.subject)
    waits = _asked(world.store, object, [item.subject])
    fought = world.store.verdicts(FOUGHT, [_key(wait) for wait in waits.values()])
    fates = Fates()
    for wait in waits.values():
        stands = record is not None and not record.is_deleted and record.fields.get(wait.intent.field) == wait.intent.before
        if word == KEEP or record is None or not stands:
            why = f"let stand by {by}" if word == KEEP else f"put back by {by}, but the value was changed since"
            fates.settled.append(_debt(wait))
            fates.entries.append(_entry(wait, bench, Verdict.ALLOW, why))
        else:
            [seq] = tx.append([_entry(wait, bench, Verdict.REVERT, f"put back by {by}")])
            _open(replace(wait, cause=seq), record, Fight.read(fought.get(_key(wait))), bench, fates)
    _write(tx, cycle, bench, object, fates, {} if record is None else {record.id: record})
    return len(fates.opened)


def refuse_unless_answered(numbered: Iterable[tuple[int, InboxItem]], word: str | None) -> None:
    """Make sure that questions are closed with an answer, and nothing else is. Errors: SyncdError."""
    for number, item in numbered:
        if item.kind == ASK and word is None:
            raise SyncdError(
                f"Inbox item {number} asks whether something is put back, and you gave no answer. Nothing was changed.",
                hint=f"Answer it: syncd inbox resolve {number} --revert    or    syncd inbox resolve {number} --keep",
            )
        if item.kind != ASK and word is not None:
            raise SyncdError(
                f"Inbox item {number} ({item.kind}) asks nothing that --{word} could answer. Nothing was changed.",
                hint=f"See: syncd inbox show {number}    Close it without an answer: syncd inbox resolve {number}",
            )


def _debt(wait: Wait) -> Debt:
    return wait.intent.record_id, wait.intent.field


def _key(wait: Wait) -> str:
    return f"{wait.intent.record_id}.{wait.intent.field}"
