"""Which flags do the rows of an export raise, for whom, and which may they take back?"""

from __future__ import annotations

from collections.abc import Iterable

from syncd.core.cells import normal_address
from syncd.core.flags import handle_of
from syncd.core.mapping import SourceMapping
from syncd.core.mapping_checks import OPT_OUT
from syncd.core.matching import Match
from syncd.core.rows import ParsedRow
from syncd.core.values import Entry, Flag, FlagFact, OrgRecord
from syncd.engine.intake_context import Batch, IntakeContext, Tally
from syncd.ports import ExportFile


def address_of(person: OrgRecord | None) -> str | None:
    """Return the address of a person as people are matched by it."""
    email = person.text("Email") if person else None
    return normal_address(email) if email else None


class FlagsOfRows:
    """Decides on the flags of one batch of rows and keeps what comes of it in the batch."""

    def __init__(self, context: IntakeContext, mapping: SourceMapping, file: ExportFile, tally: Tally, batch: Batch) -> None:
        self.context, self.mapping, self.file, self.tally, self.batch = context, mapping, file, tally, batch
        self.known: dict[tuple[Flag, str | None, str | None], FlagFact] = {}
        self.facts: list[FlagFact] = []
        self.places: dict[tuple[Flag, str | None, str | None], int] = {}

    def look_up(self, rows: Iterable[ParsedRow], people: Iterable[OrgRecord], ids: Iterable[str]) -> None:
        """Read at once what is known about everybody whom these rows may be about."""
        addresses = {row.address for row in rows} | {address_of(person) for person in people}
        addresses |= {self.handle(row) for row in rows}
        self.facts = self.context.store.flags(sorted(ids), sorted(one for one in addresses if one))
        self.known = {(fact.flag, fact.person_id, fact.address): fact for fact in self.facts if fact.source == self.mapping.name}

    def settle(self, row: ParsedRow, person: OrgRecord, rows: list[ParsedRow]) -> None:
        """Clear what may clear itself, and list a "yes" that stands against an opt-out."""
        if Flag.OPT_OUT_UNREADABLE in row.clear:
            address = row.address or address_of(person)
            latched = any(
                fact.flag is Flag.OPTED_OUT and (fact.person_id == person.id or (address is not None and fact.address == address))
                for fact in self.facts
            )
            if latched or person.fields.get(OPT_OUT) is True:
                self.tally.note("consent", row.line)
        raised = {flag for one in rows for flag in one.flags}
        for flag in row.clear:
            is_known = any(key[0] is flag and key[1] == person.id for key in self.known)
            if flag not in raised and is_known:
                self.batch.cleared.setdefault(flag, []).append(person.id)
                self.batch.entries.append(self._entry(row, person, flag.value, None, f"{row.where} says no longer {flag.value}"))

    def latch(self, row: ParsedRow, found: Match) -> bool:
        """Keep each flag of a row for everybody it may be about, and tell whether one was new."""
        is_new = False
        people: list[OrgRecord | None] = [found.person] if found.person else [*found.candidates] or [None]
        for flag, column in row.flags.items():
            for person in people:
                person_id = person.id if person else row.person_id
                address = row.address or address_of(person) or (None if person else self.handle(row))
                key = (flag, person_id, address)
                if key in self.known or key in self.places or (person_id is None and address is None):
                    continue
                is_new = True
                self.places[key] = len(self.batch.entries)
                self.batch.facts.append(FlagFact(flag, person_id, address, self.mapping.name, row.where, self.context.now_at))
                reason = f"{self.mapping.name} says {flag.value} in column {column!r} ({row.where})"
                self.batch.entries.append(self._entry(row, person, None, flag.value, reason, column))
                self.tally.counts["flags"] += 1
        return is_new

    def handle(self, row: ParsedRow) -> str | None:
        """Return what an opt-out of somebody who is not in the org yet is remembered by, for when they are."""
        field = self.mapping.external_field
        return handle_of(field, row.external) if field and row.external else None

    def _entry(
        self, row: ParsedRow, person: OrgRecord | None, before: str | None, after: str | None, reason: str, column: str = ""
    ) -> Entry:
        rule = next((one.rule for one in self.mapping.columns if one.name == column), None)
        return Entry(
            kind="flag", at=self.context.now_at, cycle=self.context.cycle,
            object=person.object if person else None, record_id=person.id if person else row.person_id,
            before=before, after=after, rule=rule, policy_hash=self.mapping.sha256, reason=reason,
            evidence={"file": row.file, "line": row.line, "sha256": self.file.sha256},
        )  # fmt: skip
