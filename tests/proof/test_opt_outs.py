"""Random histories of people, from all sources: is anybody ever mailed whom an oracle of a page would leave alone?"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from syncd.core.clearing import Clearer, is_the_persons_word, opt_outs_taken
from syncd.core.consent import Consent
from syncd.core.flags import Reason, key_of, newest_facts, reasons_against
from syncd.core.kin import Found, handle_of, handle_of_record, handles_of, people_of
from syncd.core.latching import SOURCE, kept_of
from syncd.core.merging import carried_flags
from syncd.core.values import ActorKind, Flag, FlagFact, OrgRecord, Proof, Scalar
from tests.proof.opt_out_oracle import Oracle

ZERO = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = ("MA__c",)
LEADS, CONTACTS = ("00QA", "00QB", "00QC"), ("003A", "003B")
ADDRESSES = ("a@x.example", "b@x.example", "c@x.example", None)
NUMBERS = ("1", "2", None)
TOPICS = ("global", "topic:t")
SOURCES = ("marketo", "hubspot")
CLEARERS = tuple(
    Clearer("005", "Somebody", kind, proof)
    for kind, proof in (
        (ActorKind.PERSON, Proof.HISTORY),
        (ActorKind.PERSON, Proof.LAST_MODIFIED),
        (ActorKind.TOOL, Proof.HISTORY),
        (ActorKind.UNKNOWN, Proof.LAST_MODIFIED),
    )
)


class History:
    """One history: what happens is told to the oracle, and to syncd as the engine would; both are asked at the end."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.hour = count(1)
        self.now = 0
        self.oracle = Oracle()
        self.mirror: dict[str, OrgRecord] = {}
        self.links: set[tuple[str, str]] = set()
        self.facts: dict[object, FlagFact] = {}
        self.consents: list[Consent] = []
        self.told: list[str] = []
        for id in (*LEADS, *CONTACTS):
            self._read(
                id, {"Email": self.pick.choice(ADDRESSES), "MA__c": self.pick.choice(NUMBERS), "HasOptedOutOfEmail": False}
            )

    def run(self, length: int) -> Counter[str]:
        """Let things happen, and compare."""
        for _ in range(length):
            self.now = next(self.hour)
            act: Callable[[], None] = self.pick.choice(ACTS).__get__(self)
            act()
        counts: Counter[str] = Counter()
        for id in CONTACTS:
            if not self.mirror[id].is_deleted:
                person = people_of([id], self._look, KEYS)[id]
                reasons = reasons_against(self.mirror[id], person, self.facts.values(), self.consents)
                counts.update(self._compared(id, topic, reasons) for topic in TOPICS)
        return counts

    def _compared(self, id: str, topic: str, reasons: list[Reason]) -> str:
        is_out = any(reason.keeps_out(frozenset({topic})) for reason in reasons)
        if not self.oracle.must_be_left_alone(id, topic):
            return "kept out to be sure" if is_out else "mailed"
        return "kept out" if is_out else f"OVERRIDDEN {id} {topic} after {self.told}"

    def _look(self, ids: frozenset[str], handles: frozenset[str]) -> Found:
        rows = [
            row
            for row in self.mirror.values()
            if row.id in ids
            or (
                not row.is_deleted
                and (row.fields.get("ConvertedContactId") in ids or not handles.isdisjoint(handles_of(row, KEYS)))
            )
        ]
        return Found(rows, [link for link in self.links if link[0] in ids or link[1] in handles])

    # --- what the org does ---------------------------------------------------------------------------------------------

    def _at(self) -> datetime:
        return ZERO + timedelta(hours=self.now)

    def _read(self, id: str, fields: dict[str, Scalar], *, is_deleted: bool = False) -> None:
        """Read a row as the engine does: what would be lost is kept before the row takes the place of the known one."""
        known = self.mirror.get(id)
        row = OrgRecord("Lead" if id in LEADS else "Contact", id, self._at(), fields, is_deleted)
        if is_deleted and known is not None:
            row = replace(known, is_deleted=True)
        if known is not None:
            kept = kept_of(known, row, KEYS, {})
            self.links.update(kept.links)
            self._keep(kept.facts)
        self.mirror[id] = row
        if not is_deleted:
            self.oracle.box[id] = fields["HasOptedOutOfEmail"]
            number = fields["MA__c"]
            self.oracle.known_by(id, str(fields["Email"] or ""), f"number {number}" if number else None)

    def _keep(self, facts: tuple[FlagFact, ...] | list[FlagFact]) -> None:
        for fact in newest_facts(facts, self.facts.values()):
            first = self.facts.get(key_of(fact))
            self.facts[key_of(fact)] = fact if first is None else replace(first, said_at=fact.last_said)

    def _some(self, ids: tuple[str, ...]) -> OrgRecord | None:
        there = [
            self.mirror[id] for id in ids if not self.mirror[id].is_deleted and not self.mirror[id].fields.get("IsConverted")
        ]
        return self.pick.choice(there) if there else None

    def edit(self) -> None:
        """Give a record another address or external id."""
        row = self._some((*LEADS, *CONTACTS))
        if row is not None:
            name, value = self.pick.choice((("Email", self.pick.choice(ADDRESSES)), ("MA__c", self.pick.choice(NUMBERS))))
            self.told.append(f"{row.id} {name} = {value}")
            self._read(row.id, {**row.fields, name: value})

    def tick(self) -> None:
        """Tick the org's own box, or make it unreadable."""
        row = self._some((*LEADS, *CONTACTS))
        if row is not None:
            value = None if self.pick.random() < 0.1 else True
            self.told.append(f"{row.id} box = {value}")
            self._read(row.id, {**row.fields, "HasOptedOutOfEmail": value})

    def untick(self) -> None:
        """Clear the org's own box."""
        row = self._some((*LEADS, *CONTACTS))
        if row is None or row.fields["HasOptedOutOfEmail"] is False:
            return
        by = self.pick.choice(CLEARERS)
        self.told.append(f"{row.id} box cleared by {by.kind} {by.proof}")
        was_at = int((row.modified_at - ZERO).total_seconds() // 3600)
        is_true = row.fields["HasOptedOutOfEmail"] is True
        read = replace(row, modified_at=self._at(), fields={**row.fields, "HasOptedOutOfEmail": False})
        for clearing in opt_outs_taken(row, read, {}):
            if not is_the_persons_word(by):
                fact = FlagFact(Flag.OPTED_OUT, row.id, clearing.address, SOURCE, "cleared", clearing.true_until, clearing.scope)
                self._keep([fact])
        self._read(row.id, dict(read.fields))
        is_a_person = by.kind is ActorKind.PERSON and by.proof is Proof.HISTORY
        self.oracle.unticked(row.id, was_at, by_a_person=is_a_person or not is_true)

    def delete(self) -> None:
        """Delete a record."""
        row = self._some((*LEADS, *CONTACTS))
        if row is not None:
            self.told.append(f"{row.id} deleted")
            self.oracle.gone(row.id, row.id, int((row.modified_at - ZERO).total_seconds() // 3600))
            self._read(row.id, {}, is_deleted=True)

    def convert(self) -> None:
        """Convert a lead into a contact that is there."""
        lead, contact = self._some(LEADS), self._some(CONTACTS)
        if lead is not None and contact is not None:
            self.told.append(f"{lead.id} converted into {contact.id}")
            self._read(lead.id, {**lead.fields, "IsConverted": True, "ConvertedContactId": contact.id})
            self.oracle.same(lead.id, contact.id, surely=True)

    def merge(self) -> None:
        """Merge a record into another of its object."""
        ids = self.pick.choice((LEADS, CONTACTS))
        loser, winner = self._some(ids), self._some(ids)
        if loser is None or winner is None or loser.id == winner.id:
            return
        self.told.append(f"{loser.id} merged into {winner.id}")
        leads = [row for row in self.mirror.values() if not row.is_deleted and row.fields.get("ConvertedContactId") == loser.id]
        handles = {handle for row in (loser, *leads) for handle in handles_of(row, KEYS)}
        self._keep(carried_flags(loser, leads, list(self.facts.values()), handles, winner.id))
        self.links.update([(winner.id, handle) for handle in handles_of(loser, KEYS)])
        self.links.add((winner.id, handle_of_record(loser.id)))
        self.oracle.same(loser.id, winner.id, surely=True)
        self.oracle.gone(loser.id, winner.id, int((loser.modified_at - ZERO).total_seconds() // 3600))
        known = self.mirror[loser.id]
        self.links.update(kept_of(known, replace(known, is_deleted=True), KEYS, {}).links)
        self.mirror[loser.id] = replace(known, is_deleted=True)

    # --- what exports and people say -----------------------------------------------------------------------------------

    def _row(self) -> tuple[str | None, str | None]:
        """Say whom a row of an export is about: a record and the address of the row, or somebody who is in no record."""
        row = self._some((*LEADS, *CONTACTS)) if self.pick.random() < 0.7 else None
        address = self.pick.choice(ADDRESSES)
        if row is not None:
            return row.id, address or next(iter(handles_of(replace(row, fields={"Email": row.fields["Email"]}), KEYS)), None)
        number = self.pick.choice(NUMBERS)
        return None, address or (handle_of("MA__c", number) if number else None)

    def opt_out(self) -> None:
        """Let an export say that somebody is opted out, of everything or of a topic."""
        id, address = self._row()
        if id is None and address is None:
            return
        scope = self.pick.choice(TOPICS)
        self.told.append(f"{id} {address} opted out of {scope}")
        self._keep([FlagFact(Flag.OPTED_OUT, id, address, self.pick.choice(SOURCES), "f:1", self._at(), scope)])
        thing = (address or "").replace("MA__c=", "number ")
        self.oracle.out.append((id or thing, thing or str(id), scope, self.now))

    def blur(self) -> None:
        """Let an export say something that cannot be read, or can again."""
        row, source = self._some((*LEADS, *CONTACTS)), self.pick.choice(SOURCES)
        if row is None:
            return
        mine = {key: fact for key, fact in self.facts.items() if fact.flag is Flag.OPT_OUT_UNREADABLE and fact.source == source}
        if any(fact.person_id == row.id for fact in mine.values()):
            self.told.append(f"{row.id} readable in {source}")
            self.facts = {key: fact for key, fact in self.facts.items() if key not in mine or fact.person_id != row.id}
            self.oracle.blurred.discard((source, row.id))
        else:
            self.told.append(f"{row.id} unreadable in {source}")
            self._keep([FlagFact(Flag.OPT_OUT_UNREADABLE, row.id, None, source, "f:1", self._at())])
            self.oracle.blurred.add((source, row.id))

    def consent(self) -> None:
        """Store evidence of consent, new or old."""
        row = self._some((*LEADS, *CONTACTS))
        if row is not None:
            scope, given = self.pick.choice(TOPICS), self.now - self.pick.choice((0, 0, 0, 2))
            self.told.append(f"{row.id} consents to {scope} at {given}")
            at = ZERO + timedelta(hours=given)
            self.consents.append(Consent(row.id, None, scope, at, "form", "Yes", "dana", at))
            self.oracle.yes.append((row.id, scope, given))


ACTS = (
    History.edit, History.tick, History.untick, History.delete, History.convert, History.merge, History.opt_out,
    History.opt_out, History.blur, History.consent, History.consent,
)  # fmt: skip


def histories(first: int, number: int) -> Counter[str]:
    """Compare so many histories, each from a seed of its own; an override is counted under the words that tell it."""
    total: Counter[str] = Counter()
    for seed in range(first, first + number):
        total += History(seed).run(2 + seed % 9)
    return total


def told(total: Counter[str]) -> list[str]:
    return [words for words in total if words.startswith("OVERRIDDEN")][:3]


def test_nobody_is_mailed_whom_the_oracle_leaves_alone() -> None:
    total = histories(0, 1500)
    assert told(total) == []
    assert total["mailed"] > 300
    assert total["kept out"] > 1000
    assert total["kept out to be sure"] < total["kept out"] / 10


@pytest.mark.sweep
@pytest.mark.timeout(1200)
def test_nobody_is_mailed_in_a_hundred_thousand_histories() -> None:
    assert told(histories(10**7, 100_000)) == []


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_nobody_is_mailed_in_a_million_histories() -> None:
    with ProcessPoolExecutor(2) as pool:
        parts = pool.map(histories, range(0, 10**6, 50_000), [50_000] * 20)
        total = sum(parts, Counter[str]())
    assert told(total) == []
    assert total.total() > 10**6
