"""How is everything staged decided, batch by batch, so that a crash repeats or resumes and never skips?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from syncd.core.asking import ASK
from syncd.core.fence_fields import own_fields
from syncd.core.fence_model import Fence, Fences, Ladder
from syncd.core.fights import BLOCKED, FOUGHT_OVER
from syncd.core.judging import Bench, Ruling, Subject, rule_on
from syncd.core.ladder import Wait
from syncd.core.values import Entry, OrgRecord, Verdict
from syncd.engine.backfill import first_load_of
from syncd.engine.bulk_events import tell_mass_edits
from syncd.engine.catching import caught_cases
from syncd.engine.fence_types import fences_of
from syncd.engine.followers import keep_streaks, known_followers
from syncd.engine.latching import Latched, keep, latched_by
from syncd.engine.opening import WRITTEN, open_intents
from syncd.engine.owner_health import see_owners
from syncd.engine.quiet import quiet_now
from syncd.engine.regret import note_regrets
from syncd.engine.snapshots import formers
from syncd.engine.surroundings import surroundings
from syncd.engine.tally import keep_tally
from syncd.engine.telling import Caused, places_of, with_reasons
from syncd.engine.world import Cycle, World
from syncd.ports import Case, StoreReader, StoreWriter

BATCH = 1000
FOUGHT = "fought"
Decided = tuple[Case, Ruling]


def decide_plain(world: World, cycle: Cycle) -> None:
    """Mirror the objects that no fence stands on."""
    judged, waiting = {*cycle.families, *cycle.families.values()}, world.store.staged_objects()
    tiers = (object for objects in cycle.tiers.values() for object in objects)
    read = sorted(tiers, key=lambda object: not object.endswith("History"))  # who changed a row is known when the row is decided
    for name in (object for object in read if object in waiting and object not in judged):
        while cases := world.store.cases((name,), BATCH):
            world.pause_point()
            changed = [case.staged for case in cases if case.staged is not None and case.staged != case.known]
            baseline = _baseline(world, cycle, name, len(changed))
            former = formers(world, cycle, name, cases)
            latched = latched_by(world, cycle, name, cases)
            with world.store.begin() as tx:
                tx.put_former(former)
                tx.mirror(changed)
                keep(tx, world, cycle, latched)
                tx.append(baseline)
                tx.unstage((name,), [case.subject_id for case in cases])
            cycle.count("changes seen", len(changed))


def _baseline(world: World, cycle: Cycle, name: str, rows: int) -> list[Entry]:
    """Return the row that says how an object was first seen, once for each batch of the first read."""
    mark = world.store.marks().get(name)
    if not rows or (mark is not None and mark.decided_at is not None):
        return []
    words = f"{rows} rows of {name} as first seen"
    return [Entry(kind="baseline", at=cycle.now, cycle=cycle.id, object=name, reason=words, evidence={"rows": rows})]


def standing_fences(world: World, cycle: Cycle) -> Fences:
    """Return the fences with the time since when they stand: the file's, else that of the first cycle that knew them."""
    fences = fences_of(world, cycle)
    readable = (one for fence in fences.fences for one in _as_readable(cycle, fence))
    standing = tuple(replace(one, ladder=_since(world, cycle, f"fence {one.name}", one.ladder)) for one in readable)
    sides = tuple(
        replace(side, ladder=_since(world, cycle, f"field {side.object}.{side.field}", side.ladder)) for side in fences.sides
    )
    return replace(fences, fences=standing, sides=sides)


def _as_readable(cycle: Cycle, fence: Fence) -> list[Fence]:
    """Only note where a field is hidden: nobody could see what a revert came to. The inbox names the field."""
    seen = {each: cycle.schema.get(each.object) for each in fence.bound}
    hidden = [each for each, schema in seen.items() if schema is None or each.field not in schema.fields]
    if not hidden:
        return [fence]
    noting = replace(fence, bound=tuple(hidden), ladder=replace(fence.ladder, mode={}))
    visible = tuple(each for each in fence.bound if each not in hidden)
    return [replace(fence, bound=visible), noting] if visible else [noting]


def _since(world: World, cycle: Cycle, what: str, ladder: Ladder) -> Ladder:
    if ladder.since is not None:
        return ladder
    key = f"{what} since"
    known = world.store.setting(key)
    if known is None:
        with world.store.begin() as tx:
            tx.put_setting(key, cycle.now.isoformat())
    since = cycle.now if known is None else datetime.fromisoformat(str(known))
    return replace(ladder, since=since)


def decide_fenced(world: World, cycle: Cycle) -> None:
    """Judge every record of the objects that fences stand on which was caught or staged: a batch is one transaction of rows,
    entries and intents.

    While a history is loaded for the first time, what is older than that load stays staged until it is whole.
    """
    fences = standing_fences(world, cycle)
    waiting = {*world.store.staged_objects(), *cycle.caught}
    families = {name: history for name, history in cycle.families.items() if name in cycle.needs and waiting & {name, history}}
    if not families:
        return
    bench, pending = bench_of(world, cycle, fences)
    for name, history in families.items():
        if cases := caught_cases(world, cycle, name, history):
            _decide_batch(world, cycle, bench, name, cases, pending, is_staged=False)
        loading = first_load_of(world.store, history)
        since = None if loading is None else loading.cut_at
        while cases := world.store.cases((name, history), BATCH, history_since=since):
            world.pause_point()
            _decide_batch(world, cycle, bench, name, cases, pending, history_since=since)


def decide_first_sights(world: World, cycle: Cycle, name: str, history: str, until: datetime) -> None:
    """Judge the history that a first load brought, with each record as if it had just been seen for the first time."""
    bench, pending = bench_of(world, cycle, standing_fences(world, cycle))
    while cases := world.store.cases((name, history), BATCH, first_sight_until=until):
        world.pause_point()
        _decide_batch(world, cycle, bench, name, cases, pending, first_sight_until=until)


def bench_of(world: World, cycle: Cycle, fences: Fences) -> tuple[Bench, dict[str, set[str]]]:
    """Return what all judgements share, and the fenced fields with an open intent by record."""
    around, quiet = surroundings(world, cycle, fences), quiet_now(world, cycle, fences)
    followers = known_followers(world.store, fences)
    bench = Bench(fences, cycle.people, cycle.id, cycle.now, around, quiet, cycle.people.at, followers)
    fenced = {(name, field) for name, fields in own_fields(fences.fences, fences.sides).items() for field in fields}
    pending: dict[str, set[str]] = {}
    for intent in (opened.intent for opened in world.store.open_intents()):
        if (intent.object, intent.field) in fenced:  # an export may have opened very many others
            pending.setdefault(intent.record_id, set()).add(intent.field)
    return bench, pending


def _decide_batch(
    world: World,
    cycle: Cycle,
    bench: Bench,
    name: str,
    cases: Sequence[Case],
    pending: Mapping[str, set[str]],
    *,
    is_staged: bool = True,
    history_since: datetime | None = None,
    first_sight_until: datetime | None = None,
) -> None:
    rulings = [rule_on(subject, bench) for subject in _subjects(world.store, bench.fences, name, cases, pending)]
    baseline = _baseline(world, cycle, name, sum(case.known is None and case.staged is not None for case in cases))
    decided = list(zip(cases, rulings, strict=True))
    latched = latched_by(world, cycle, name, cases) if first_sight_until is None else Latched()
    with world.store.begin() as tx:
        tx.mirror([row for ruling in rulings for row in ruling.mirror], {} if is_staged else _known_of(cases))
        _write_rulings(tx, cycle, bench.fences, name, baseline, decided)
        _write_around(tx, world, cycle, bench, name, decided)
        keep(tx, world, cycle, latched)
        if is_staged:
            subjects = [case.subject_id for case in cases]
            limits = {"history_since": history_since, "first_sight_until": first_sight_until}
            tx.unstage((name, cycle.families[name]), subjects, **limits)
    _count(cycle, rulings)
    if first_sight_until is None:
        see_owners(cycle, name, ((case.known, _latest(case, ruling)) for case, ruling in decided))


def _write_around(tx: StoreWriter, world: World, cycle: Cycle, bench: Bench, name: str, decided: Sequence[Decided]) -> None:
    """Keep what a batch tells beside its own records: to the inbox, of fights and mass edits, and what is counted over time."""
    rulings = [ruling for _, ruling in decided]
    tx.put_inbox([item for ruling in rulings for item in ruling.inbox], cycle.now)
    tx.resolve_inbox(ASK, [case.subject_id for case, ruling in decided if ruling.is_unasked], cycle.now)
    made_up = [fight for ruling in rulings for fight in ruling.made_up]
    for kind in (FOUGHT_OVER, BLOCKED):
        tx.resolve_inbox(kind, made_up, cycle.now)
    fights = {f"{case.subject_id}.{field}": value for case, ruling in decided for field, value in ruling.fought.items()}
    tx.put_verdicts(FOUGHT, fights)
    judged = [item for case, ruling in decided if case.known is not None for item in ruling.judgements]
    tell_mass_edits(tx, world, cycle, bench.around.mass_edits, judged)
    note_regrets(tx, world, cycle, bench, name, decided)
    keep_streaks(tx, world.store, cycle, name, [case for case, _ in decided])
    keep_tally(tx, world.store, cycle, judged)


def _known_of(cases: Sequence[Case]) -> dict[str, OrgRecord | None]:
    """Return what the mirror holds of cases that were just read from it: their histories were not in it."""
    known: dict[str, OrgRecord | None] = {case.subject_id: case.known for case in cases}
    return known | {row.id: None for case in cases for row in case.history}


def _subjects(
    store: StoreReader, fences: Fences, name: str, cases: Sequence[Case], pending: Mapping[str, set[str]]
) -> list[Subject]:
    ids = [case.subject_id for case in cases]
    fields = own_fields(fences.fences, fences.sides).get(name, ())
    known_ids = [case.subject_id for case in cases if case.known is not None]
    keys = [f"{id}.{field}" for id in known_ids for field in fields]
    owed = store.lawful(name, ids) if fields else {}
    waits = store.waits(name, {id for id, _ in owed}) if owed else {}
    written, fought = (store.verdicts(WRITTEN, keys), store.verdicts(FOUGHT, keys)) if keys else ({}, {})
    return [
        Subject(
            name,
            case.subject_id,
            case.staged,
            case.known,
            case.history,
            {f: owed[case.subject_id, f] for f in fields if (case.subject_id, f) in owed},
            {f: written[f"{case.subject_id}.{f}"] for f in fields if f"{case.subject_id}.{f}" in written},
            {f: fought[f"{case.subject_id}.{f}"] for f in fields if f"{case.subject_id}.{f}" in fought},
            frozenset(pending.get(case.subject_id, ())),
            {f: waits[case.subject_id, f] for f in fields if (case.subject_id, f) in waits},
        )
        for case in cases
    ]


def _latest(case: Case, ruling: Ruling) -> OrgRecord | None:
    """Return a record as the ruling leaves it in the mirror."""
    return next((row for row in ruling.mirror if row.id == case.subject_id), case.known)


def _write_rulings(
    tx: StoreWriter, cycle: Cycle, fences: Fences, name: str, baseline: Sequence[Entry], decided: Sequence[Decided]
) -> None:
    """Enter all that follows for a batch of records in few statements: the number of rows costs, not that of records."""
    seqs = tx.append([*baseline, *(entry for _, ruling in decided for entry in ruling.entries)])
    opened: list[Caused] = []
    waits: dict[tuple[str, str], Wait] = {}
    places = places_of(cycle, fences) if any(ruling.intents for _, ruling in decided) else None
    first = len(baseline)
    for case, ruling in decided:
        caused = [(intent, None if cause is None else seqs[first + cause]) for intent, cause in ruling.intents]
        now = [one for one in caused if one[0].field not in ruling.waits]
        opened += with_reasons(fences, _latest(case, ruling), now, places) if now and places is not None else now
        waits |= {
            (one.record_id, one.field): replace(ruling.waits[one.field], cause=seq)
            for one, seq in caused
            if one.field in ruling.waits
        }
        first += len(ruling.entries)
    open_intents(tx, opened, cycle.now, cycle.id)
    owed = {(case.subject_id, field): lawful for case, ruling in decided for field, lawful in ruling.owe.items()}
    tx.owe(name, owed, waits)
    tx.settle_debts(name, [(case.subject_id, field) for case, ruling in decided for field in ruling.settled])


def _count(cycle: Cycle, rulings: Sequence[Ruling]) -> None:
    for ruling in rulings:
        cycle.count("changes seen", len(ruling.judgements))
        cycle.count("quarantined", len(ruling.inbox))
        for field, moves in ruling.moves.items():
            cycle.count(f"moves of {field}", moves)
        cycle.count("cannot be known", sum(not judgement.is_knowable for judgement in ruling.judgements))
        for judgement in ruling.judgements:
            if judgement.fence is not None:
                cycle.count("crossings")
                cycle.count(f"crossings {judgement.verdict.value}")
            elif judgement.gate is not None and judgement.verdict is Verdict.ALLOW:
                cycle.count("gates passed")
