"""Which flags do the rows of an export raise, for whom, which may they take back, and who consents again?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from syncd.core.cells import normal_address
from syncd.core.consent import Consent, opted_out_of
from syncd.core.kin import became, handle_of, record_of
from syncd.core.mapping import SourceMapping
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.mapping_file.keys import PEOPLE
from syncd.core.matching import Match
from syncd.core.rows import ParsedRow
from syncd.core.values import GLOBAL, Entry, Flag, FlagFact, OrgRecord
from syncd.engine.intake_context import Batch, IntakeContext, Tally
from syncd.ports import ExportFile, StoreReader

Key = tuple[Flag, str, str | None, str | None]
"""Flag, scope, person and address: what one source says of one person once."""


def address_of(person: OrgRecord | None) -> str | None:
    """Return the address of a person as people are matched by it."""
    email = person.text("Email") if person else None
    return normal_address(email) if email else None


class FlagsOfRows:
    """Decides on the flags of one batch of rows and keeps what comes of it in the batch."""

    def __init__(
        self, context: IntakeContext, mapping: SourceMapping, file: ExportFile, tally: Tally, batch: Batch, said_at: datetime
    ) -> None:
        self.said_at = said_at  # of a file that is taken in again this is long ago
        self.context, self.mapping, self.file, self.tally, self.batch = context, mapping, file, tally, batch
        self.known: dict[Key, FlagFact] = {}
        self.facts: list[FlagFact] = []
        self.consents: list[Consent] = []
        self.places: dict[Key, int] = {}
        self.again: set[Key] = set()
        self.by_id: set[Key] = set()
        self.were: dict[str, set[str]] = {}

    def look_up(self, rows: Iterable[ParsedRow], people: Iterable[OrgRecord], ids: Iterable[str]) -> None:
        """Read at once what is known about everybody whom these rows may be about."""
        handles = {row.address for row in rows} | {address_of(person) for person in people} | {self.handle(row) for row in rows}
        ids = set(ids)
        self.were = merged_into(self.context.store, ids)
        wanted = sorted(ids.union(*self.were.values())), sorted(one for one in handles if one)
        self.facts = self.context.store.flags(*wanted)
        self.consents = self.context.store.consents(*wanted)
        self._follow_leads(ids)
        mine = (fact for fact in self.facts if fact.source == self.mapping.name)
        self.known = {(fact.flag, fact.scope, fact.person_id, fact.address): fact for fact in mine}

    def _follow_leads(self, ids: Collection[str]) -> None:
        """Find out which contacts became of leads that share an address with these people."""
        leads = {fact.person_id for fact in self.facts if fact.person_id and fact.person_id.startswith("00Q")}.difference(ids)
        for id, lead in self.context.store.get("Lead", sorted(leads)).items() if leads else ():
            if (contact := became(lead)) is not None:
                self.were.setdefault(contact, set()).add(id)

    def settle(self, row: ParsedRow, person: OrgRecord, rows: list[ParsedRow]) -> None:
        """Clear what may clear itself, store evidence of consent, and list a "yes" that stands against an opt-out without it."""
        self._consent(row, person)
        if Flag.OPT_OUT_UNREADABLE in row.clear and row.consent is None:
            address = row.address or address_of(person)
            latched = any(
                fact.flag is Flag.OPTED_OUT
                and fact.scope == GLOBAL
                and (fact.person_id == person.id or (address is not None and fact.address == address))
                and not any(self._is_of_theirs(consent, fact, fact) for consent in self.consents)
                for fact in self.facts
            )
            if latched or person.fields.get(OPT_OUT) is True:
                self.tally.note("consent", row.line)
        raised = {flag for one in rows for flag in one.flags}
        for flag in row.clear:
            known = [fact for fact in self.known.values() if fact.flag is flag and self._is_over(fact, row, person)]
            if flag not in raised and known:
                self.batch.cleared += known
                self.batch.entries.append(self._entry(row, person, flag.value, None, f"{row.where} says no longer {flag.value}"))

    def _is_over(self, fact: FlagFact, row: ParsedRow, person: OrgRecord) -> bool:
        """Tell whether a row that says so ends what was said of this person, of what became it, or of an address or id of theirs.

        An address is unreachable until that very address is said to be reachable.
        """
        if self.context.asked_at is not None and fact.seen_at >= self.context.asked_at:
            return False
        handle = self.handle(row)
        own = {row.address, address_of(person), handle} - {None}
        if fact.flag is Flag.UNREACHABLE and row.address is not None and fact.address not in (None, row.address, handle):
            return False
        if fact.person_id is None:
            return fact.address in own
        return fact.person_id == person.id or fact.person_id in self.were.get(person.id, ())

    def _consent(self, row: ParsedRow, person: OrgRecord) -> None:
        """Keep the evidence that a row brings of a person who is known, once."""
        given = row.consent
        if given is None:
            return
        source = f"{self.mapping.name}: {given.source}"
        consent = Consent(
            person.id, address_of(person), given.scope, given.at, source, given.wording, row.where, self.context.now_at
        )
        known = ((one.person_id, one.scope, one.given_at, one.source) for one in (*self.consents, *self.batch.consents))
        if (person.id, given.scope, given.at, source) not in known:
            self.batch.consents.append(consent)
            self.batch.entries.append(consent_entry(consent, self.context.cycle, person.object, self.mapping.sha256))
            self.tally.counts["consents"] += 1

    def latch(self, row: ParsedRow, found: Match) -> bool:
        """Keep each flag of a row for everybody it may be about, and tell whether one was new."""
        is_new = False
        people: list[OrgRecord | None] = [found.person] if found.person else [*found.candidates] or [None]
        for flag, scope, column in _raised(row):
            for person in people:
                person_id = person.id if person else row.person_id
                address = row.address or address_of(person) or (None if person else self.handle(row))
                key = (flag, scope, person_id, address)
                if person_id is None and address is None:
                    continue
                fact = FlagFact(flag, person_id, address, self.mapping.name, row.where, self.said_at, scope)
                if person is None and flag is Flag.OPTED_OUT:
                    self._keep_by_id(fact, row)
                if key in self.places:
                    continue
                words = opted_out_of(scope) if flag is Flag.OPTED_OUT and scope != GLOBAL else flag.value
                reason = f"{self.mapping.name} says {words} in column {column!r} ({row.where})"
                if key in self.known:
                    self._say_again(key, fact, row, person, reason, column)
                    continue
                is_new = True
                self.places[key] = len(self.batch.entries)
                self.batch.facts.append(fact)
                self.batch.entries.append(self._entry(row, person, None, flag.value, reason, column, scope))
                self.tally.counts["flags"] += 1
        return is_new

    def _keep_by_id(self, fact: FlagFact, row: ParsedRow) -> None:
        """Keep an opt-out of nobody by the external id too: the next row with that id may name another address."""
        handle = self.handle(row)
        key = (fact.flag, fact.scope, fact.person_id, handle)
        if handle is None or handle == fact.address or key in self.by_id:
            return
        self.by_id.add(key)
        kept = replace(fact, address=handle)
        if key in self.known:
            self.batch.again += [kept] if kept.seen_at > self.known[key].last_said else []
            return
        self.batch.facts.append(kept)
        reason = f"{self.mapping.name} opted out nobody in the org ({row.where}): kept by the id {handle} too"
        self.batch.entries.append(self._entry(row, None, None, fact.flag.value, reason, scope=fact.scope))

    def _say_again(self, key: Key, fact: FlagFact, row: ParsedRow, person: OrgRecord | None, reason: str, column: str) -> None:
        """Keep that an opt-out is said again: consent given before opens it no more, and where there is any, that is news."""
        if fact.flag is not Flag.OPTED_OUT or key in self.again or fact.seen_at <= self.known[key].last_said:
            return
        self.again.add(key)
        self.batch.again.append(fact)
        if any(self._is_of_theirs(consent, fact, self.known[key]) for consent in self.consents):
            text = f"{reason}, after consent to it"
            self.batch.entries.append(self._entry(row, person, fact.flag.value, fact.flag.value, text, column, fact.scope))
            self.tally.counts["flags"] += 1

    def _is_of_theirs(self, consent: Consent, fact: FlagFact, known: FlagFact) -> bool:
        """Tell whether somebody's consent is newer than what an export said of them before, and about the same."""
        ids = {fact.person_id, *self.were.get(fact.person_id or "", ())} - {None}
        is_theirs = consent.person_id in ids or (consent.address is not None and consent.address == fact.address)
        return is_theirs and consent.scope == fact.scope and consent.given_at > known.last_said

    def handle(self, row: ParsedRow) -> str | None:
        """Return what an opt-out of somebody who is not in the org yet is remembered by, for when they are."""
        field = self.mapping.external_field
        return handle_of(field, row.external) if field and row.external else None

    def place_of(self, row: ParsedRow, person: OrgRecord) -> int | None:
        """Return the place of the entry of the opt-out that a row raised for a person."""
        return self.places.get((Flag.OPTED_OUT, GLOBAL, person.id, row.address or address_of(person)))

    def _entry(
        self, row: ParsedRow, person: OrgRecord | None, before: str | None, after: str | None, reason: str, column: str = "",
        scope: str = GLOBAL,
    ) -> Entry:  # fmt: skip
        rule = next((one.rule for one in self.mapping.columns if one.name == column), None)
        return Entry(
            kind="flag", at=self.context.now_at, cycle=self.context.cycle,
            object=person.object if person else None, record_id=person.id if person else row.person_id,
            before=before, after=after, rule=rule, policy_hash=self.mapping.sha256, reason=reason,
            evidence={"file": row.file, "line": row.line, "sha256": self.file.sha256, "scope": scope},
        )  # fmt: skip


def merged_into(store: StoreReader, ids: Iterable[str]) -> dict[str, set[str]]:
    """Return by record those that became it and are gone: merged ones, and deleted leads that were converted."""
    found: dict[str, set[str]] = {}
    for person_id, handle in store.former_handles(sorted(ids), ()):
        if (former := record_of(handle)) is not None:
            found.setdefault(person_id, set()).add(former)
    former_ids = sorted(set[str]().union(*found.values()))
    back = {id for name in PEOPLE for id, row in store.get(name, former_ids).items() if not row.is_deleted}
    return {id: former - back for id, former in found.items()}


def _raised(row: ParsedRow) -> Iterator[tuple[Flag, str, str]]:
    """Give each flag of a row with what it covers and the column that raised it."""
    yield from ((flag, GLOBAL, column) for flag, column in row.flags.items())
    known = {GLOBAL} if Flag.OPTED_OUT in row.flags else set()
    yield from ((Flag.OPTED_OUT, scope, column) for scope, column in row.scoped.items() if scope not in known)


def consent_entry(consent: Consent, cycle: str, object: str | None, policy_hash: str | None = None) -> Entry:
    """Return the ledger row of a consent: what was agreed to, where and when, and who stored it."""
    return Entry(
        kind="consent", at=consent.noted_at, cycle=cycle, object=object, record_id=consent.person_id, after=consent.wording,
        changed_at=consent.given_at, policy_hash=policy_hash, reason=f"consent from {consent.source}, stored by {consent.by}",
        evidence={"scope": consent.scope, "source": consent.source, "at": consent.given_at.isoformat()},
    )  # fmt: skip
