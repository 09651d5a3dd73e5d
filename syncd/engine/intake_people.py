"""Whom in the mirror are the rows of an export about?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from syncd.core.cells import normal_address, spellings
from syncd.core.kin import handle_of, handles_of, record_of
from syncd.core.mapping import SourceMapping
from syncd.core.mapping_file.keys import PEOPLE
from syncd.core.matching import Match, choice_key, chosen_of, match, today
from syncd.core.rows import ParsedRow
from syncd.core.values import OrgRecord
from syncd.engine.intake_context import IntakeContext
from syncd.engine.merging import winners_of
from syncd.ports import StoreReader

CHOSEN = "chosen"


class People:
    """Finds the people of rows in the mirror, many rows at a time."""

    def __init__(self, context: IntakeContext, mapping: SourceMapping) -> None:
        self.context, self.mapping = context, mapping

    def find(self, rows: Sequence[ParsedRow]) -> list[Match]:
        """Return the match of each row, in order."""
        return self._chosen(rows, self._followed(rows, self._matched(rows)))

    def _matched(self, rows: Sequence[ParsedRow]) -> list[Match]:
        """Match rows key by key: whoever is found by one is not looked up by the next."""
        found = [Match()] * len(rows)
        people: list[dict[str, Sequence[OrgRecord]]] = [{} for _ in rows]
        contacts: dict[str, OrgRecord] = {}
        for kind in self.mapping.match:
            places = [place for place, one in enumerate(found) if one.person is None]
            by_kind = self._by_kind(kind, [rows[place] for place in places])
            ids = {one.text("ConvertedContactId") or "" for several in by_kind for one in several} - {"", *contacts}
            contacts.update(self.context.store.get("Contact", ids) if ids else {})
            for place, several in zip(places, by_kind, strict=True):
                people[place][kind] = several
                id, external, email = (people[place].get(name, ()) for name in ("id", "external", "email"))
                found[place] = match(self.mapping, id, external, email, contacts)
        return found

    def _by_kind(self, kind: str, rows: Sequence[ParsedRow]) -> list[Sequence[OrgRecord]]:
        """Return for each row whom one of its keys leads to."""
        if kind == "id":
            return self._by_id(rows)
        name = "Email" if kind == "email" else self.mapping.external_field
        keys = [row.address if kind == "email" else row.external for row in rows]
        known = self._by_key(name, {key for key in keys if key}) if name else {}
        return [known.get(_folded(key), ()) for key in keys]

    def _by_id(self, rows: Sequence[ParsedRow]) -> list[Sequence[OrgRecord]]:
        named = {row.person_id for row in rows if row.person_id}
        if not named:
            return [()] * len(rows)
        store = self.context.store
        winners = winners_of(store, named)
        ids = named | set(winners.values())
        by_id = {**store.get("Lead", _of(ids, "00Q")), **store.get("Contact", _of(ids, "003"))}
        return [_standing(by_id, row.person_id, winners) for row in rows]

    def _followed(self, rows: Sequence[ParsedRow], found: list[Match]) -> list[Match]:
        """Let rows that fit nobody mean who is left of whom they name: the record with that key was merged into theirs."""
        lost = {handle for row, one in zip(rows, found, strict=True) if one.is_nobody for handle in self._handles(row)}
        left = left_of(self.context.store, self.mapping.external_field, lost) if lost else {}
        return [self._left(row, one, left) if left and one.is_nobody else one for row, one in zip(rows, found, strict=True)]

    def _left(self, row: ParsedRow, found: Match, left: Mapping[str, Sequence[OrgRecord]]) -> Match:
        external = self._external(row)
        one = match(self.mapping, (), left.get(external or "", ()), left.get(row.address or "", ()), {})
        return found if one.is_nobody else replace(one, is_former=True)

    def _external(self, row: ParsedRow) -> str | None:
        name = self.mapping.external_field
        return handle_of(name, row.external) if name and row.external else None

    def _handles(self, row: ParsedRow) -> set[str]:
        return {one for one in (row.address, self._external(row)) if one}

    def _chosen(self, rows: Sequence[ParsedRow], found: list[Match]) -> list[Match]:
        """Let what was chosen before decide where several people fit."""
        keys = {choice_key(row) for row, one in zip(rows, found, strict=True) if one.is_ambiguous}
        chosen = choices_of(self.context.store, self.mapping.name, keys) if keys else {}
        if not chosen:
            return found
        standing = standing_people(self.context.store, chosen.values())
        return [self._decided(row, one, chosen, standing) for row, one in zip(rows, found, strict=True)]

    def _decided(self, row: ParsedRow, found: Match, chosen: Mapping[str, str], standing: Mapping[str, OrgRecord]) -> Match:
        id = chosen.get(choice_key(row), "")
        person = standing.get(id)
        return found if person is None else chosen_of(found, person, is_followed=person.id != id)

    def _by_key(self, name: str, values: Iterable[str]) -> dict[str, list[OrgRecord]]:
        wanted = sorted({one for value in values for one in (spellings(value) if "@" in value else (value,))})
        found: dict[str, list[OrgRecord]] = {}
        for kind in PEOPLE:
            schema = self.context.schema.get(kind)
            if wanted and schema is not None and name in schema.fields:
                for person in self.context.store.by_key(kind, name, wanted):
                    found.setdefault(_folded(person.text(name)), []).append(person)
        return found


def left_of(store: StoreReader, external: str | None, handles: Iterable[str]) -> dict[str, list[OrgRecord]]:
    """Return by address or external id the live people into whom records that had it were merged."""
    wanted = set(handles)
    people = {person_id for person_id, _ in store.former_handles((), sorted(wanted))}
    known = store.former_handles(sorted(people), ()) if people else []
    merged = winners_of(store, {id for _, handle in known if (id := record_of(handle)) is not None})
    losers = {**store.get("Lead", _of(merged, "00Q")), **store.get("Contact", _of(merged, "003"))}
    standing = standing_people(store, losers)
    found: dict[str, list[OrgRecord]] = {}
    for id, loser in losers.items():
        had = wanted.intersection(handles_of(loser, [external] if external else ()))
        for handle in had if loser.is_deleted and id in standing else ():
            found.setdefault(handle, []).append(standing[id])
    return found


def choices_of(store: StoreReader, source: str, keys: Iterable[str]) -> dict[str, str]:
    """Return the ids that a person chose for rows with these keys (`core.matching.choice_key`)."""
    return {key: id for key, id in store.verdicts(f"{CHOSEN}:{source}", sorted(keys)).items() if id}


def standing_people(store: StoreReader, ids: Iterable[str]) -> dict[str, OrgRecord]:
    """Return by id the live record that each is today: merged ones are followed, and converted leads to their contact."""
    wanted = set(ids)
    winners = winners_of(store, wanted)
    everybody = wanted | set(winners.values())
    known = {**store.get("Lead", _of(everybody, "00Q")), **store.get("Contact", _of(everybody, "003"))}
    contacts = store.get("Contact", {one.text("ConvertedContactId") or "" for one in known.values()} - {""})
    found = {id: today(one, contacts) for id in wanted for one in _standing(known, id, winners)}
    return {id: one for id, one in found.items() if not one.is_deleted}


def _standing(by_id: Mapping[str, OrgRecord], id: str | None, winners: Mapping[str, str]) -> list[OrgRecord]:
    """Return the record that an id means today: the one it was merged into, unless it came back from the bin."""
    own = by_id.get(id or "")
    found = own if own is not None and not own.is_deleted else by_id.get(winners.get(id or "", ""), own)
    return [] if found is None else [found]


def _of(ids: Iterable[str], prefix: str) -> list[str]:
    return sorted(one for one in ids if one.startswith(prefix))


def _folded(key: str | None) -> str:
    return normal_address(key) if key and "@" in key else key or ""
