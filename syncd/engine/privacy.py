"""What do the org's data privacy records say of these people now: by the mirror, or by the org itself right before a push?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.cells import normal_address, spellings
from syncd.core.flags import Reason
from syncd.core.kin import Person
from syncd.core.privacy import (
    BY_POINT,
    BY_TYPE,
    INDIVIDUAL,
    LINK,
    POINT,
    PURPOSE,
    PrivacySources,
    Said,
    asked_of,
    said_by_consent,
    said_by_individual,
)
from syncd.core.values import GLOBAL, OrgRecord
from syncd.engine.needs import Need, privacy_under
from syncd.engine.world import Cycle, World
from syncd.ports import OrgReader, StoreReader

PEOPLE = ("Lead", "Contact")


@dataclass(frozen=True, slots=True)
class Heard:
    """What is said of individuals, by their ids, and of e-mail addresses as they are compared."""

    of_individual: dict[str, list[Said]] = field(default_factory=dict)
    of_address: dict[str, list[Said]] = field(default_factory=dict)

    def of(self, individuals: Iterable[str], addresses: Iterable[str]) -> list[Said]:
        """Return all that is said of any of them, each thing once."""
        found = [said for id in individuals for said in self.of_individual.get(id, ())]
        found += [said for address in addresses for said in self.of_address.get(address, ())]
        return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where rows are looked up: in the mirror, or, with an org, in the org as it stands now. What is hidden is not asked for."""

    needs: Mapping[str, Need]
    store: StoreReader
    org: OrgReader | None = None

    def get(self, object: str, ids: Collection[str]) -> Mapping[str, OrgRecord]:
        """Return rows by id."""
        need = self.needs.get(object)
        if need is None or not ids:
            return {}
        return self.store.get(object, ids) if self.org is None else self.org.read(object, sorted(ids), need.fields).records

    def by(self, object: str, name: str, values: Collection[str]) -> Sequence[OrgRecord]:
        """Return live rows by the value of a field."""
        need = self.needs.get(object)
        if need is None or name not in need.fields or not values:
            return ()
        if self.org is None:
            return self.store.by_key(object, name, values)
        return list(self.org.find(object, need.fields, {name: sorted(values)}).records.values())


def individual_of(record: OrgRecord) -> str | None:
    """Return the individual that a lead or contact points to."""
    return record.text(LINK)


def privacy_reasons(
    world: World, cycle: Cycle, records: Mapping[str, OrgRecord], people: Mapping[str, Person], org: OrgReader | None = None
) -> dict[str, list[Reason]]:
    """Return by record what data privacy records say against mailing the person, the person's other records included.

    Shapes: `records` as just read, which may be newer than the mirror; with an org, it is asked how its records stand now.
    Source: promise 4: any source may opt out, and what cannot be read counts as opted out.
    """
    sources = privacy_under(world.policies)
    if not sources or not records:
        return {}
    now = cycle.now if org is None else org.now()
    return reasons_heard(Shelf(cycle.needs, world.store, org), sources, records, people, now)


def reasons_heard(
    shelf: Shelf, sources: PrivacySources, records: Mapping[str, OrgRecord], people: Mapping[str, Person], at: datetime
) -> dict[str, list[Reason]]:
    """Return by record what a shelf tells against mailing the person at a moment."""
    own = {id: [*people[id].with_others(record)] for id, record in records.items()}
    linked = {id: {found for row in rows if (found := individual_of(row))} for id, rows in own.items()}
    addresses = {id: {one for one in people[id].handles if "@" in one} for id in records}  # external ids with an @ find nobody
    heard = hear(shelf, sources, set[str]().union(*linked.values()), set[str]().union(*addresses.values()), at)
    hidden = hidden_from(shelf.needs, sources)
    reasons: dict[str, list[Reason]] = {}
    for id, rows in own.items():
        objects = {row.object for row in rows}
        closed = [Reason(f"opt-out can't be read ({text} is not visible)") for of, text in hidden if of is None or of in objects]
        late = [_not_read(row, LINK) for row in rows if _is_unread(shelf, row, LINK)]
        said = [*late, *heard.of(sorted(linked[id]), sorted(addresses[id]))]
        reasons[id] = list(dict.fromkeys([*closed, *(one.reason for one in said)]))
    return reasons


def hidden_from(needs: Mapping[str, Need], sources: PrivacySources) -> list[tuple[str | None, str]]:
    """Name what cannot be read by now, with the object whose people it keeps out; None: everybody."""
    found: list[tuple[str | None, str]] = []
    for object, (fields, _) in asked_of(sources).items():
        need = needs.get(object)
        if need is None:
            found.append((None, object))
        else:
            found += [(None, f"{object} {name}") for name in fields if name not in need.fields]
    pointing = [name for name in PEOPLE if name in needs]
    return found + [(name, f"{name} {LINK}") for name in pointing if LINK not in needs[name].fields]


def hear(shelf: Shelf, sources: PrivacySources, individuals: Collection[str], addresses: Collection[str], at: datetime) -> Heard:
    """Look up what is said of these individuals and addresses, for all of them at once."""
    heard = Heard()
    if sources.boxes and INDIVIDUAL in shelf.needs:
        rows = shelf.get(INDIVIDUAL, individuals)
        for id in individuals:
            row = rows.get(id)
            said = [_not_seen(id, at)] if row is None else [*said_by_individual(row, sources)]
            said += [] if row is None else [_not_read(row, name) for name in sources.boxes if _is_unread(shelf, row, name)]
            heard.of_individual.setdefault(id, []).extend(said)
    typed = shelf.by(BY_TYPE, "PartyId", individuals)
    points = {row.id: row for row in shelf.by(POINT, "ParentId", individuals)}
    written = {form for address in addresses for form in spellings(address)}
    points |= {row.id: row for row in shelf.by(POINT, "EmailAddress", written)}
    pointed = shelf.by(BY_POINT, "ContactPointId", points)
    names = purposes_of(shelf, [*typed, *pointed])
    for row in typed:
        _put(heard.of_individual, row.text("PartyId"), said_by_consent(row, sources, names, at))
    for row in pointed:
        point, told = points[row.text("ContactPointId") or ""], said_by_consent(row, sources, names, at)
        _put(heard.of_individual, point.text("ParentId"), told)
        _put(heard.of_address, address_at(point), told)
    return heard


def address_at(point: OrgRecord) -> str | None:
    """Return the address of a contact point as it is compared."""
    address = point.text("EmailAddress")
    return normal_address(address) if address else None


def purposes_of(shelf: Shelf, rows: Iterable[OrgRecord]) -> dict[str, str]:
    """Return the names of the data use purposes that consents name, by id."""
    ids = {id for row in rows if (id := row.text("DataUsePurposeId"))}
    if not ids or PURPOSE not in shelf.needs:
        return {}
    return {id: name for id, row in shelf.store.get(PURPOSE, ids).items() if (name := row.text("Name")) and not row.is_deleted}


def _put(heard: dict[str, list[Said]], key: str | None, said: Said | None) -> None:
    if key and said is not None:
        heard.setdefault(key, []).append(said)


def _is_unread(shelf: Shelf, row: OrgRecord, name: str) -> bool:
    """Tell whether a field is read by now and was not when this row was: it comes once more, of a large object after a while."""
    need = shelf.needs.get(row.object)
    return need is not None and not row.is_deleted and name in need.fields and name not in row.fields


def _not_read(row: OrgRecord, name: str) -> Said:
    words = f"{row.object} {row.id} {name} is still to be read"
    return Said(words, GLOBAL, row.object, row.modified_at, is_unreadable=True)


def _not_seen(id: str, at: datetime) -> Said:
    """Tell of an individual that is there, since somebody points to it, and is not shared with syncd's user or not read yet."""
    return Said(f"{INDIVIDUAL} {id} is not visible", GLOBAL, INDIVIDUAL, at, is_unreadable=True)
