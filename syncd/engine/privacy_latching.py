"""What is kept of an opt-out that a data privacy record says, so that it outlasts the record, its terms and whoever points to it?

It is worked out before the batch that brings the change is written, and becomes durable with it. Terms begin and end without any
change in the org: they are looked at in every cycle, by their dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.core.clearing import Clearer, Clearing, box_word
from syncd.core.privacy import (
    BEGINS,
    BY_POINT,
    BY_TYPE,
    CONSENTS,
    ENDS,
    INDIVIDUAL,
    LINK,
    POINT,
    STATUS,
    Said,
    said_by_consent,
    said_by_individual,
)
from syncd.core.values import ActorKind, Flag, FlagFact, OrgRecord, Proof
from syncd.engine.clearing import named, tell_cleared
from syncd.engine.merging import what_is_new
from syncd.engine.needs import privacy_under
from syncd.engine.privacy import PEOPLE, Shelf, address_at, hear, individual_of, purposes_of
from syncd.engine.world import Cycle, World
from syncd.ports import Case

LOOKED_AT = "consents looked at"
BY_ITS_TERM = Clearer("term", "the date on which they end", ActorKind.UNKNOWN, Proof.NONE, "as their records say")
_A_MOMENT = timedelta(seconds=1)


@dataclass(slots=True)
class Kept:
    """Opt-outs as facts about leads, contacts and addresses, and those of them that the org says no more."""

    facts: list[FlagFact] = field(default_factory=list)
    asked: list[tuple[Clearing, Clearer]] = field(default_factory=list)


def kept_of_privacy(world: World, cycle: Cycle, name: str, cases: Sequence[Case]) -> Kept:
    """Say what is to be kept of opt-outs when leads or contacts, or data privacy records, are seen or change."""
    if not privacy_under(world.policies):
        return Kept()
    if name in PEOPLE:
        return _of_links(world, cycle, cases)
    if name in (INDIVIDUAL, BY_TYPE, BY_POINT):
        return _of_records(world, cycle, name, cases)
    return _of_points(world, cycle, cases) if name == POINT else Kept()


def keep_terms(world: World, cycle: Cycle, *, is_last: bool) -> None:
    """Keep the opt-outs whose term has begun or ended since this was looked at last.

    Shapes: a cycle looks before it decides what changed, since that may be a consent that was taken back or a lead that points
    elsewhere after the term, and at last once more, at consents that are new.
    """
    purposes = privacy_under(world.policies).purposes
    consents = [name for name in CONSENTS if name in purposes and name in cycle.needs]
    if not consents:
        return
    known = world.store.setting(LOOKED_AT)
    since = cycle.now if known is None else datetime.fromisoformat(str(known))
    looked_up = [(name, date) for name in consents for date in (BEGINS, ENDS) if date in cycle.needs[name].indexed]
    for name, date in looked_up if since < cycle.now else ():
        for rows in world.store.within(name, date, since, cycle.now):
            world.pause_point()
            _keep_these(world, cycle, date, rows)
    if is_last:
        with world.store.begin() as tx:
            tx.put_setting(LOOKED_AT, cycle.now.isoformat())


def _keep_these(world: World, cycle: Cycle, date: str, rows: Sequence[OrgRecord]) -> None:
    """Keep what consents said at the moment at which their term began, or right before it ended; killed, they come once more."""
    sources, names = privacy_under(world.policies), purposes_of(Shelf(cycle.needs, world.store), rows)
    before = _A_MOMENT if date == ENDS else timedelta(0)
    said = [(row, said_by_consent(row, sources, names, (row.moment(date) or cycle.now) - before)) for row in rows]
    by = BY_ITS_TERM if date == ENDS else None
    kept = _about(world, cycle, [(row, one, by) for row, one in said if one is not None])
    if not kept.facts:
        return
    facts, entries = what_is_new(world, cycle, kept.facts)
    with world.store.begin() as tx:
        tx.renew_flags(facts)
        tx.append(entries)
        if kept.asked:
            tell_cleared(tx, world, cycle, kept.asked)


def _of_links(world: World, cycle: Cycle, cases: Iterable[Case]) -> Kept:
    """Keep what the individual says to whom a lead or contact points by now, and what the one before said."""
    moved = []
    for case in cases:
        if case.staged is not None:
            before = individual_of(case.known) if case.known is not None and not case.known.is_deleted else None
            after = None if case.staged.is_deleted else individual_of(case.staged)
            moved += [(case.staged, before, after)] if before != after else []
    individuals = {id for _, *both in moved for id in both if id}
    if not individuals:
        return Kept()
    sources = privacy_under(world.policies)
    heard = hear(Shelf(cycle.needs, world.store), sources, individuals, (), cycle.now)
    unread = {before for _, before, _ in moved if before and any(said.is_unreadable for said in heard.of([before], ()))}
    if unread:  # left before it was read, since individuals are read less often than leads: asked for now, or never
        heard.of_individual.update(hear(Shelf(cycle.needs, world.store, world.org), sources, unread, (), cycle.now).of_individual)
    kept = Kept()
    lost: list[tuple[OrgRecord, Said]] = []
    for record, before, after in moved:
        now = [said for said in heard.of([after] if after else [], ()) if not said.is_unreadable]
        then = [said for said in heard.of([before] if before else [], ()) if not said.is_unreadable]
        kept.facts += [_fact(said, record.id) for said in dict.fromkeys([*then, *now])]
        lost += [(record, said) for said in then] if then and not now and not record.is_deleted and LINK in record.fields else []
    by = _savers(world, cycle, [record for record, _ in lost])
    kept.asked = [(_clearing(record, said), by[record.id]) for record, said in lost]
    return kept


def _of_records(world: World, cycle: Cycle, name: str, cases: Iterable[Case]) -> Kept:
    """Keep what such records say that they did not say before, and what they say no more."""
    sources = privacy_under(world.policies)
    changed = [(case.known, case.staged) for case in cases if case.staged is not None and case.staged != case.known]
    names = purposes_of(Shelf(cycle.needs, world.store), [row for pair in changed for row in pair if row is not None])

    def said_by(row: OrgRecord | None) -> list[Said]:
        if row is None or row.is_deleted:
            return []
        one = said_by_consent(row, sources, names, cycle.now) if name in CONSENTS else None
        found = [*said_by_individual(row, sources)] if name == INDIVIDUAL else [one] if one is not None else []
        return [said for said in found if not said.is_unreadable]

    told: list[tuple[OrgRecord, Said, Clearer | None]] = []
    gone: list[tuple[OrgRecord, OrgRecord, Said]] = []
    for known, read in changed:
        then, now = said_by(known), said_by(read)
        is_elsewhere = known is not None and _of_whom(known) != _of_whom(read)
        same, still = {(one.words, one.scope) for one in then}, {(one.words, one.scope) for one in now}
        told += [(read, one, None) for one in now if is_elsewhere or (one.words, one.scope) not in same]
        if known is not None:
            gone += [(known, read, one) for one in then if is_elsewhere or (one.words, one.scope) not in still]
    by = _savers(world, cycle, [read for _, read, _ in gone])
    told += [(before, one, by[read.id] if _is_taken_back(read, one) else None) for before, read, one in gone]
    return _about(world, cycle, told)


def _of_whom(row: OrgRecord) -> tuple[str | None, str | None]:
    """Return the individual or contact point that a consent is about; individuals are about themselves."""
    return row.text("PartyId"), row.text("ContactPointId")


def _is_taken_back(read: OrgRecord, said: Said) -> bool:
    """Tell whether a record says otherwise by now, or is gone; one that can't be read any more says nothing."""
    name = STATUS if read.object in CONSENTS else said.words.rpartition(" ")[2]
    return read.is_deleted or read.fields.get(name) is not None


def _of_points(world: World, cycle: Cycle, cases: Iterable[Case]) -> Kept:
    """Keep what is said of an address for whom it was, before it becomes another one or goes to somebody else."""
    moved = [one.known for one in cases if one.known and one.staged and one.staged != one.known and not one.known.is_deleted]
    shelf, points = Shelf(cycle.needs, world.store), {row.id: row for row in moved}
    rows = shelf.by(BY_POINT, "ContactPointId", points)
    names = purposes_of(shelf, rows)
    said = [(row, said_by_consent(row, privacy_under(world.policies), names, cycle.now)) for row in rows]
    return _about(world, cycle, [(row, one, None) for row, one in said if one is not None], points)


def _about(
    world: World,
    cycle: Cycle,
    told: Sequence[tuple[OrgRecord, Said, Clearer | None]],
    points: Mapping[str, OrgRecord] | None = None,
) -> Kept:
    """Say about whom these records say it: all who point to the individual, and an address. With a clearer, they no longer do."""
    told = [(row, said, by) for row, said, by in told if not said.is_unreadable]
    wanted = {row.text("ContactPointId") or "" for row, _, _ in told if row.object == BY_POINT} - {""}
    known = {**(world.store.get(POINT, wanted) if wanted else {}), **(points or {})}
    parties, addresses = [], []
    for row, _, _ in told:
        point = known.get(row.text("ContactPointId") or "") if row.object == BY_POINT else None
        own = row.id if row.object == INDIVIDUAL else row.text("PartyId")
        parties.append(own if point is None else point.text("ParentId"))
        addresses.append(None if point is None else address_at(point))
    people = _pointing(world, cycle, {id for id in parties if id})
    kept = Kept()
    for (_, said, by), party, address in zip(told, parties, addresses, strict=True):
        own_people = people.get(party or "", [])
        kept.facts += [_fact(said, person.id) for person in own_people]
        kept.facts += [FlagFact(Flag.OPTED_OUT, None, address, said.source, said.words, said.at, said.scope)] if address else []
        kept.asked += [(_clearing(person, said), by) for person in own_people] if by is not None else []
    return kept


def _pointing(world: World, cycle: Cycle, individuals: set[str]) -> dict[str, list[OrgRecord]]:
    shelf = Shelf(cycle.needs, world.store)
    found: dict[str, list[OrgRecord]] = {}
    for row in (row for object in PEOPLE for row in shelf.by(object, LINK, individuals)):
        found.setdefault(individual_of(row) or "", []).append(row)
    return found


def _fact(said: Said, person_id: str) -> FlagFact:
    return FlagFact(Flag.OPTED_OUT, person_id, None, said.source, said.words, said.at, said.scope)


def _clearing(person: OrgRecord, said: Said) -> Clearing:
    return Clearing(person.object, person.id, box_word(said.words), said.scope, None, said.at)


def _savers(world: World, cycle: Cycle, records: Sequence[OrgRecord]) -> dict[str, Clearer]:
    """Return who saved each last, which is a hint and proves nothing; of what is gone nobody knows."""
    found: dict[str, Clearer] = {}
    for object in {record.object for record in records}:
        ids = sorted({record.id for record in records if record.object == object})
        rows = world.org.read(object, ids, ["LastModifiedById"]).records
        for id in ids:
            found[id] = named(world, cycle, rows[id].text("LastModifiedById") if id in rows else None, Proof.LAST_MODIFIED)
    return found
