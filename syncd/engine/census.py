"""Is the mirror what the org is? Counted by day, then by id where the counts differ, and put right.

Counts are of rows whose last change lies before the watermark: what changed since is on its way. What differs at first sight
is read by id before it counts as drift, so that a row that somebody saves meanwhile is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from syncd.core.census import Drift, Suspects, differing_days, is_mass_loss, ranges, suspects, to_json
from syncd.core.nurture import local_day
from syncd.core.routes import READ_AT_ONCE
from syncd.core.values import Entry, InboxItem, OrgRecord
from syncd.engine.backfill import ask_for, open_backfills
from syncd.engine.merging import follow_merges
from syncd.engine.needs import Need, objects_under, tiers_under
from syncd.engine.world import Cycle, World
from syncd.errors import PlanRefused
from syncd.ports import Mark
from syncd.ports.census import Span

RESULT = "census"
NEXT_AT = "census next at"
WANTED = "census wanted"
ACCEPTED = "census accepts the loss of"
HELD = "rows-gone"
DAYS_MAX = timedelta(days=1_900)
ARCHIVED_AFTER = timedelta(days=360)
ARCHIVED = frozenset({"Task", "Event"})
IDS_AT_ONCE = 4_000
PIECES = 5
LONG_AGO = "2000-01-01T00:00:00+00:00"
DEPTH_MAX = 8
REASON = "many rows are missing"
CALLS = 20


@dataclass(frozen=True, slots=True)
class Counting:
    """One object to count: its rows up to its watermark, the last years by day and what is older in one number."""

    need: Need
    mark: Mark
    recent: Span
    older: Span | None

    @property
    def keeps_more(self) -> bool:
        """Tell whether the mirror may hold rows that the org has dropped."""
        return self.need.lives_with is not None


def is_due(world: World, cycle: Cycle) -> list[str]:
    """Return the objects to count now: all once a night, those whose deletes the org forgot at once.

    The first night is the one after the first cycle.
    """
    wanted = world.store.setting(WANTED)
    due = world.store.setting(NEXT_AT)
    if due is None:
        with world.store.begin() as tx:
            tx.put_setting(NEXT_AT, _next_at(world, cycle.now).isoformat())
    elif cycle.now >= datetime.fromisoformat(str(due)):
        return list(cycle.needs)
    return [name for name in wanted if name in cycle.needs] if isinstance(wanted, list) else []


def _next_at(world: World, now: datetime) -> datetime:
    day = local_day(now, world.zone)
    at = datetime.combine(day, time(world.pace.census_hour), world.zone).astimezone(UTC)
    return at if at > now else datetime.combine(day + timedelta(days=1), time(world.pace.census_hour), world.zone).astimezone(UTC)


def order_census(world: World, accepted: Sequence[str] = ()) -> None:
    """Have everything read and counted in the next cycle. `accepted`: the objects whose gone rows somebody has looked at."""
    objects = objects_under(world.policies)
    unknown = sorted(set(accepted) - set(objects))
    if unknown:
        raise PlanRefused(f"syncd does not mirror {', '.join(unknown)}.", hint=f"It mirrors: {', '.join(sorted(objects))}.")
    with world.store.begin() as tx:
        for tier in tiers_under(world.policies):
            tx.put_setting(f"tier {tier}", None)
        tx.put_setting(NEXT_AT, LONG_AGO)
        tx.put_setting(ACCEPTED, list(accepted))


def want_census(world: World, object: str) -> None:
    """Have an object counted in this cycle: something about it may have been missed."""
    known = world.store.setting(WANTED)
    wanted = known if isinstance(known, list) else []
    if object not in wanted:
        with world.store.begin() as tx:
            tx.put_setting(WANTED, [*wanted, object])


def take_census(world: World, cycle: Cycle, objects: Iterable[str]) -> list[Drift]:
    """Count these objects on both sides, look at what differs, and stage what puts the mirror right.

    What was staged is decided by the caller.
    """
    objects = list(objects)
    known = world.store.setting(ACCEPTED)
    accepted = frozenset(known if isinstance(known, list) else ())
    loading = {one.object for one in open_backfills(world.store)}
    countings = [counting for name in objects if name not in loading and (counting := _counting(world, cycle, name)) is not None]
    found = []
    for one, spans, lacking in _differing(world, countings):
        if lacking >= world.pace.bulk_rows_min:
            found.append(
                (Drift(one.need.object, world.store.count(one.need.object), lacking=lacking), list[OrgRecord](), one.mark)
            )
        else:
            found.append(_examined(world, one, spans, accepted))
    for drift, rows, mark in found:
        _put_right(world, cycle, drift, rows, mark)
    _tell(world, cycle, [drift for drift, _, _ in found], is_whole=set(objects) >= {*cycle.needs})
    return [drift for drift, _, _ in found]


def _counting(world: World, cycle: Cycle, name: str) -> Counting | None:
    """Say what to count of an object; None while it is not read to its end."""
    need, mark = cycle.needs[name], world.store.marks().get(name, Mark())
    if mark.decided_at is None or world.store.cases((name,), 1):
        return None
    until_at = mark.decided_at.replace(microsecond=0)
    first = datetime.combine((until_at - (ARCHIVED_AFTER if name in ARCHIVED else DAYS_MAX)).date(), time(), UTC)
    recent = Span(name, need.stamp_field, first, until_at)
    return Counting(need, mark, recent, None if name in ARCHIVED else Span(name, need.stamp_field, None, first))


def _differing(world: World, countings: Sequence[Counting]) -> Iterator[tuple[Counting, list[Span], int]]:
    """Count all objects, and give each with the spans whose counts differ and how many rows the mirror lacks at least."""
    by_day = world.org.count_days([one.recent for one in countings])
    older = [one.older for one in countings if one.older is not None]
    totals = dict(zip(older, world.org.count_spans(older), strict=True))
    for one, org in zip(countings, by_day, strict=True):
        days = _mirrored(world, one)
        spans = [_of_day(one.recent, day) for day in differing_days(days, org, keeps_more=one.keeps_more)]
        lacking = sum(max(number - days.get(day, 0), 0) for day, number in org.items())
        if one.older is not None:
            here = world.store.count_span(one.older)
            if here < totals[one.older] or (here > totals[one.older] and not one.keeps_more):
                spans.append(one.older)
            lacking += max(totals[one.older] - here, 0)
        yield one, spans, lacking


def _of_day(span: Span, day: str) -> Span:
    first = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return replace(span, since_at=first, until_at=min(first + timedelta(days=1), span.until_at))


def _mirrored(world: World, one: Counting) -> Mapping[str, int]:
    """Count the mirror by day, without the rows whose parent is gone: the org has dropped them with it."""
    days = world.store.days(one.recent)
    if one.need.lives_with is None:
        return days
    field, parent = one.need.lives_with
    gone = world.store.deleted_ids(parent) if field in one.need.indexed else []
    orphans = world.store.by_key(one.need.object, field, gone) if gone else []
    lost = Counter(f"{row.modified_at:%Y-%m-%d}" for row in orphans)
    return {day: number - lost[day] for day, number in days.items()}


def _examined(
    world: World, one: Counting, spans: Sequence[Span], accepted: frozenset[str]
) -> tuple[Drift, list[OrgRecord], Mark]:
    """Look at what differs by id, then at each suspect itself."""
    rows = world.store.count(one.need.object)
    found = _all_suspects(world, one, spans)
    fresh = _fresh(world, one, found.ids)
    # A row that moved from one day to another may have hidden a row that is gone, or come: its other day is looked at too.
    days = {f"{row.modified_at:%Y-%m-%d}" for row in fresh.values() if row.modified_at < one.recent.until_at}
    unseen = [span for day in sorted(days) if (span := _of_day(one.recent, day)) not in spans]
    if unseen:
        found = found.and_also(_all_suspects(world, one, unseen))
        fresh |= _fresh(world, one, [id for id in found.ids if id not in fresh])
    if not found:
        return Drift(one.need.object, rows), [], one.mark
    known = world.store.get(one.need.object, [*fresh, *found.extra])
    late = {id: row for id, row in fresh.items() if not _is_same(row, known.get(id)) and row.modified_at < one.recent.until_at}
    missing = tuple(id for id in late if id not in known or known[id].is_deleted)
    stale = tuple(id for id in late if id not in missing)
    lost = [id for id in found.extra if id not in fresh and id in known and not known[id].is_deleted]
    fates = world.org.fates(one.need.object, lost) if lost else {}
    gone = tuple(id for id in lost if id not in fates or fates[id].is_deleted)
    unexplained = [id for id in gone if id not in fates]
    is_held = one.need.object not in accepted and is_mass_loss(len(unexplained), rows)
    return Drift(one.need.object, rows, missing, stale, gone, is_held), list(late.values()), one.mark


def _all_suspects(world: World, one: Counting, spans: Sequence[Span]) -> Suspects:
    found = Suspects()
    for span in spans:
        world.pause_point()
        found = found.and_also(_suspects(world, span, 0, keeps_more=one.keeps_more))
    return found


def _is_same(row: OrgRecord, known: OrgRecord | None) -> bool:
    return known is not None and not known.is_deleted and known.modified_at == row.modified_at


def _fresh(world: World, one: Counting, ids: Sequence[str]) -> dict[str, OrgRecord]:
    unique = list(dict.fromkeys(ids))
    found: dict[str, OrgRecord] = {}
    for start in range(0, len(unique), READ_AT_ONCE):
        found |= world.org.read(one.need.object, unique[start : start + READ_AT_ONCE], one.need.fields).records
    return found


def _suspects(world: World, span: Span, depth: int, *, keeps_more: bool) -> Suspects:
    """Compare ids; where there are many, only in the ranges whose counts differ."""
    cuts = world.store.id_cuts(span, PIECES) if depth < DEPTH_MAX and world.store.count_span(span) > IDS_AT_ONCE else []
    if not cuts:
        return suspects(world.store.stamps(span), dict(world.org.ids(span)), keeps_more=keeps_more)
    found = Suspects()
    pieces = [replace(span, low=low, high=high) for low, high in ranges(cuts, span.low, span.high)]
    for piece, number in zip(pieces, world.org.count_spans(pieces), strict=True):
        if world.store.count_span(piece) != number:
            found = found.and_also(_suspects(world, piece, depth + 1, keeps_more=keeps_more))
    return found


def _put_right(world: World, cycle: Cycle, drift: Drift, rows: Sequence[OrgRecord], mark: Mark) -> None:
    if not drift.number:
        return
    if drift.lacking:
        with world.store.begin() as tx:
            ask_for(tx, drift.object, REASON, cycle.now)
    need = cycle.needs[drift.object]
    for start in range(0, len(rows), READ_AT_ONCE):
        with world.store.begin() as tx:
            tx.stage(drift.object, rows[start : start + READ_AT_ONCE], need.parent, None)
    followed_at = mark.deleted_at or mark.decided_at
    if drift.gone and not drift.is_held and followed_at is not None:
        follow_merges(world, cycle, drift.object, drift.gone)
        with world.store.begin() as tx:
            tx.stage_deleted(drift.object, drift.gone, followed_at)
    cycle.count("drift", drift.number)


def _tell(world: World, cycle: Cycle, found: Sequence[Drift], *, is_whole: bool) -> None:
    known = world.store.setting(WANTED)
    wanted = known if isinstance(known, list) else []
    items = [_held_item(drift) for drift in found if drift.is_held]
    entries = [_entry(cycle, drift) for drift in found if drift.number]
    with world.store.begin() as tx:
        tx.append(entries)
        tx.put_inbox(items, cycle.now)
        tx.resolve_inbox(HELD, [drift.object for drift in found if not drift.is_held], cycle.now)
        tx.put_setting(WANTED, [name for name in wanted if name not in {drift.object for drift in found}])
        tx.put_setting(ACCEPTED, None)
        if is_whole:
            tx.put_setting(NEXT_AT, _next_at(world, cycle.now).isoformat())
        if is_whole or entries:
            tx.put_setting(RESULT, to_json(cycle.now, found))


def _entry(cycle: Cycle, drift: Drift) -> Entry:
    missing = len(drift.missing) + drift.lacking
    words = f"{missing} missing, {len(drift.stale)} old, {len(drift.gone)} gone of {drift.rows} rows of {drift.object}"
    evidence = {"missing": missing, "stale": len(drift.stale), "gone": len(drift.gone), "held": drift.is_held}
    return Entry(kind="census", at=cycle.now, cycle=cycle.id, object=drift.object, reason=words, evidence=evidence)


def _held_item(drift: Drift) -> InboxItem:
    shown = ", ".join(drift.gone[:3])
    return InboxItem(
        HELD,
        drift.object,
        drift.object,
        f"{len(drift.gone):,} of {drift.rows:,} rows of {drift.object} are no longer there, such as {shown}. Rows that syncd's "
        "user lost sight of look the same, so that nothing was dropped from the mirror.",
        f"Look at one of them in Salesforce. If it was deleted: syncd census --accept {drift.object}. If not: give syncd's user "
        "View All on the object.",
    )
