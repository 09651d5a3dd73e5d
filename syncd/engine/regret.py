"""What do people set back of what syncd wrote, and which rules only observe for that?

Writes are counted as they are confirmed and kept at the end of the cycle: a crash forgets some, and stops a rule rather earlier.
What people set back is read from history alone; a field whose history the org does not keep cannot be counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.core.canary import PARTS, is_same
from syncd.core.changes import field_moved
from syncd.core.judging import Bench, Ruling
from syncd.core.regret import REGRET, Tally, card, counted, from_json, is_regret, stop_if_regretted, stopped, to_json
from syncd.core.sparing import rule_key
from syncd.core.values import ActorKind, Entry, InboxItem, Intent, Judgement, OrgRecord, OutcomeKind, Scalar
from syncd.engine.opening import WRITTEN
from syncd.engine.world import Cycle, World
from syncd.ports import Case, LedgerQuery, StoreReader, StoreWriter

TALLIES = "regret"


def read_tallies(store: StoreReader) -> dict[str, Tally]:
    """Return what each rule wrote, and what of it people set back."""
    known = store.setting(TALLIES)
    return from_json(known) if isinstance(known, dict) else {}


def stopped_rules(world: World) -> Mapping[str, str]:
    """Return by rule why it only observes."""
    policies = world.policies
    return stopped(read_tallies(world.store), [policies.fences.policy_hash, *(source.sha256 for source in policies.sources)])


def count_write(cycle: Cycle, intent: Intent) -> None:
    """Count a confirmed write of a rule."""
    if intent.part in PARTS and not intent.is_create:
        cycle.wrote[rule_key(intent.rule), intent.policy_hash] += 1


def keep_writes(tx: StoreWriter, world: World, cycle: Cycle) -> None:
    """Keep what this cycle's rules wrote."""
    if not cycle.wrote:
        return
    hashes = dict(cycle.wrote.keys())
    writes = {rule: number for (rule, _), number in cycle.wrote.items()}
    tx.put_setting(TALLIES, to_json(counted(read_tallies(world.store), hashes, writes, {}, cycle.now.date())))
    cycle.wrote.clear()


@dataclass(frozen=True, slots=True)
class _Edit:
    """A person's change of a field that syncd once meant to write."""

    object: str
    record_id: str
    field: str
    row: OrgRecord
    judgement: Judgement | None


def note_regrets(
    tx: StoreWriter, world: World, cycle: Cycle, bench: Bench, name: str, decided: Sequence[tuple[Case, Ruling]]
) -> None:
    """Count what people set back within a day, and stop the rules that this happens to too often."""
    edits = list(_edits(world, bench, name, decided))
    if not edits:
        return
    written = world.store.verdicts(WRITTEN, [f"{edit.record_id}.{edit.field}" for edit in edits])
    found = [(edit, wrote) for edit in edits if (wrote := _written(world.store, edit, written)) is not None]
    regretted = [(edit, wrote) for edit, wrote in found if _is_regret(edit, wrote)]
    if not regretted:
        return
    tx.append([_entry(edit, wrote, cycle) for edit, wrote in regretted])
    rules = {rule_key(wrote.rule): wrote.policy_hash or "" for _, wrote in regretted if wrote.rule is not None}
    numbers = Counter(rule_key(wrote.rule) for _, wrote in regretted if wrote.rule is not None)
    before = read_tallies(world.store)
    after = counted(before, rules, {}, numbers, cycle.now.date())
    after |= {rule: stop_if_regretted(after[rule], world.pace.regret_percent, cycle.now.date()) for rule in rules}
    tx.put_setting(TALLIES, to_json(after))
    cards = [card(rule, after[rule]) for rule in rules if after[rule].stopped and not _was_stopped(before, after, rule)]
    tx.put_inbox(cards, cycle.now)
    cycle.count("values set back by people", len(regretted))


def _was_stopped(before: Mapping[str, Tally], after: Mapping[str, Tally], rule: str) -> bool:
    known = before.get(rule)
    return known is not None and bool(known.stopped) and known.policy_hash == after[rule].policy_hash


def _edits(world: World, bench: Bench, name: str, decided: Sequence[tuple[Case, Ruling]]) -> Iterator[_Edit]:
    fenced = {*bench.fences.fields_of(name), "OwnerId"}
    mapped = {field for source in world.policies.sources for column in source.writing for field in (column.fields.get(name),)}
    for case, ruling in decided:
        if case.known is None or not case.history:
            continue
        judged = {item.change.evidence.get("history_id"): item for item in ruling.judgements}
        for row in case.history:
            field = field_moved(row)
            if field not in fenced and field not in mapped:
                continue
            if bench.actor(row.text("CreatedById")).kind is ActorKind.PERSON and (field not in fenced or row.id in judged):
                yield _Edit(name, case.subject_id, field, row, judged.get(row.id))


def _written(store: StoreReader, edit: _Edit, written: Mapping[str, str]) -> Entry | None:
    """Return the ledger row of the write that an edit replaced, or None when it replaced something else."""
    if not is_same(written.get(f"{edit.record_id}.{edit.field}"), _before(edit)):
        return None
    latest = LedgerQuery(record_id=edit.record_id, field=edit.field, limit=1, newest_first=True)
    wrote = next(iter(store.ledger(replace(latest, kind="intent"))), None)
    ended = next(iter(store.ledger(replace(latest, kind="outcome"))), None)
    if wrote is None or ended is None or ended.entry.cause_seq != wrote.seq:
        return None
    return wrote.entry if ended.entry.outcome == OutcomeKind.CONFIRMED.value and wrote.entry.rule is not None else None


def _before(edit: _Edit) -> Scalar:
    return edit.judgement.change.before if edit.judgement is not None else edit.row.fields.get("OldValue")


def _is_regret(edit: _Edit, wrote: Entry) -> bool:
    after = edit.judgement.change.after if edit.judgement is not None else edit.row.fields.get("NewValue")
    changed_at: datetime = edit.row.modified_at
    return is_regret(wrote, changed_at, after, edit.judgement)


def _entry(edit: _Edit, wrote: Entry, cycle: Cycle) -> Entry:
    return Entry(
        kind=REGRET,
        at=cycle.now,
        cycle=cycle.id,
        object=edit.object,
        record_id=edit.record_id,
        field=edit.field,
        changed_at=edit.row.modified_at,
        rule=wrote.rule,
        policy_hash=wrote.policy_hash,
        reason="a person set back what syncd wrote, within 24 hours",
        evidence={"history_id": edit.row.id, "history_object": edit.row.object},
    )


def believe_again(world: World, tx: StoreWriter, item: InboxItem) -> None:
    """Let a rule that only observed write again; what it wrote before counts no more."""
    tx.put_setting(TALLIES, to_json({rule: one for rule, one in read_tallies(world.store).items() if rule != item.subject}))
