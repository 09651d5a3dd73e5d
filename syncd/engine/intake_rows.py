"""What do the rows of an export come to: which flags, which writes, what for the inbox?

Reads the store and decides; `engine.intake` writes what is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from syncd.core.mapped import FieldWrite, opt_out_write, writes_for
from syncd.core.mapping import SourceMapping
from syncd.core.matching import Match, counting_rows, names_of, newest_of
from syncd.core.person_accounts import place_of, unwritable
from syncd.core.rows import ParsedRow, from_payload, problem_from
from syncd.core.values import Flag, InboxItem, Intent, OrgRecord, Problem, digest
from syncd.engine.intake_again import all_again
from syncd.engine.intake_choices import which_line, which_person
from syncd.engine.intake_context import LINES_MAX, Batch, IntakeContext, Tally
from syncd.engine.intake_creation import NewPeople
from syncd.engine.intake_flags import FlagsOfRows
from syncd.engine.intake_people import People
from syncd.engine.intake_sifting import Trace, known_row
from syncd.engine.intake_telling import note_letters
from syncd.ports import ExportFile, ExportRow, FieldSchema


def row_of(stored: ExportRow) -> ParsedRow | Problem:
    """Make a staged row or row problem again."""
    payload: Mapping[str, Any] = stored.payload
    return problem_from(payload["problem"]) if "problem" in payload else from_payload(stored.line, payload)


def decide_batch(
    context: IntakeContext,
    mapping: SourceMapping,
    file: ExportFile,
    groups: Sequence[tuple[str, list[ExportRow]]],
    tally: Tally,
    *,
    is_paused: bool = False,
) -> Batch:
    """Decide some groups of staged rows; a paused mapping only latches flags."""
    return _Deciding(context, mapping, file, tally, is_paused).all(groups)


class _Deciding:
    def __init__(self, context: IntakeContext, mapping: SourceMapping, file: ExportFile, tally: Tally, is_paused: bool) -> None:
        self.context, self.mapping, self.file, self.tally, self.is_paused = context, mapping, file, tally, is_paused
        self.batch = Batch()
        again = all_again(context.store).get(file.sha256)
        self.anew = (again.request,) if again is not None else ()
        self.flags = FlagsOfRows(
            context, mapping, file, tally, self.batch, again.said_at if again is not None else context.now_at
        )
        self.people = NewPeople(context, mapping, file, tally, self.batch)
        self.stamps: Mapping[str, str] = {}
        self.hashes: Mapping[int, str] = {}
        self.told: Mapping[str, str] = {}

    def all(self, groups: Sequence[tuple[str, list[ExportRow]]]) -> Batch:
        read = [[row_of(stored) for stored in rows] for _, rows in groups]
        rows = [[row for row in group if isinstance(row, ParsedRow)] for group in read]
        flat = [row for group in rows for row in group]
        self.hashes = {one.line: str(one.payload["hash"]) for _, group in groups for one in group if one.payload.get("hash")}
        matches = dict(zip(map(id, flat), People(self.context, self.mapping).find(flat), strict=True))
        self._look_up(flat, list(matches.values()))
        for group, good in zip(read, rows, strict=True):
            self.tally.counts["rows"] += len(group)
            for row in group:
                if isinstance(row, Problem) and not self.is_paused:
                    self._quarantine([row])
            if good:
                self._group(good, [matches[id(row)] for row in good])
        return self.batch

    def _look_up(self, rows: list[ParsedRow], matches: list[Match]) -> None:
        """Read at once what is known about all people of the batch."""
        people = [person for found in matches for person in (found.person, *found.candidates) if person is not None]
        ids = {person.id for person in people} | {row.person_id for row in rows if row.person_id}
        self.flags.look_up(rows, people, ids)
        self.people.look_up(row for row, found in zip(rows, matches, strict=True) if found.person is None)
        self.stamps = self.context.store.newest_stamps(self.mapping.name, ids)
        names = {name for row in rows for name in names_of(row)} | {f"id:{one}" for one in ids}
        self.told = self.context.store.verdicts(f"inbox:{self.mapping.name}", sorted(names))

    def _group(self, rows: list[ParsedRow], matches: list[Match]) -> None:
        """Decide all rows of one person: any of them opts out, the newest one counts for the rest."""
        trace = Trace.of(self.batch, self.tally)
        is_new = sum(self.flags.latch(row, found) for row, found in zip(rows, matches, strict=True)) > 0
        person = next((found.person for found in matches if found.person is not None), None)
        flagged = next((row for row in rows if Flag.OPTED_OUT in row.flags), None)
        writes: list[tuple[ParsedRow, FieldWrite]] = []
        if self.is_paused:
            return
        if person is not None and flagged is not None:
            opt_out = opt_out_write(self.mapping, flagged, person, self._fields(person))
            writes += [(flagged, opt_out)] if opt_out else []
        row = self._counting_row(rows, counting_rows(rows, matches))
        found = matches[rows.index(row)] if row else Match()
        good = False
        if row is not None and self._is_of_one(row, found) and found.person is not None:
            mapped, good = self._mapped(row, found.person, rows)
            writes += mapped
        self._open(writes, person)
        if good:
            has_effect = is_new or bool(writes and self.mapping.mode == "write")
            self.tally.counts["applied" if has_effect else "unchanged"] += 1
        is_idle = good and not is_new and len(rows) == 1 and trace == Trace.of(self.batch, self.tally)
        known = (
            known_row(self.mapping, row, found, self.hashes.get(row.line) if is_idle else None, len(writes))
            if row and good
            else None
        )
        if known is not None:
            self.batch.known[known[0]] = known
        elif person is not None:
            self.batch.forgotten.append(person.id)

    def _counting_row(self, rows: Sequence[ParsedRow], own: Sequence[ParsedRow]) -> ParsedRow | None:
        """Return the one readable row that counts among their own, setting aside and counting all others."""
        row, ties = newest_of(own)
        tied = {problem.line for problem in ties}
        asking = [one for one in rows if one.line in tied and not one.problems]
        for one in rows:
            if one.problems:
                self._quarantine(one.problems, one)
            elif one.line not in tied and one is not row:
                self.tally.counts["superseded"] += 1
        if len(asking) > 1:
            self._ask(asking, *which_line(self.mapping, self.file, asking, ties[0].text))
        elif asking:
            self._quarantine([problem for problem in ties if problem.line == asking[0].line], asking[0])
        return None if row is None or row.problems else row

    def _is_of_one(self, row: ParsedRow, found: Match) -> bool:
        if found.is_ambiguous:
            self._ask([row], *which_person(self.context.store, self.mapping, self.file, row, found.candidates))
        elif found.person is None:
            self._nobody(row)
        return found.person is not None

    def _nobody(self, row: ParsedRow) -> None:
        """Count a row that fits nobody, unless it creates somebody."""
        theirs = {row.address, self.flags.handle(row)} - {None}
        known = chain(self.flags.facts, self.batch.facts)
        is_excluded = bool(row.flags or row.scoped) or any(fact.address in theirs for fact in known)
        is_new = self.people.create(row, is_excluded=is_excluded)
        if is_new is True:
            self.tally.counts["applied"] += 1
        elif is_new is False:
            self.tally.note("unmatched", row.line)
        else:
            self._quarantine(is_new, row)

    def _ask(self, rows: Sequence[ParsedRow], item: InboxItem, kept: str) -> None:
        """Set rows aside and ask which of them, or whom, is meant; beyond `items_max` they are only counted, as others are."""
        for row in rows:
            self._count_fault(row.line)
        if self.tally.counts["quarantined"] <= self.context.items_max:
            self.batch.items.append(item)
            self.batch.asked[item.subject] = kept
            for row in rows:
                self._remember(row, item.subject)

    def _mapped(
        self, row: ParsedRow, person: OrgRecord, rows: list[ParsedRow]
    ) -> tuple[list[tuple[ParsedRow, FieldWrite]], bool]:
        """Return the writes of the row that counts, and whether the row was taken."""
        stamp = row.newest_at.isoformat() if row.newest_at else ""
        known = self.stamps.get(person.id, "")
        if stamp and known and datetime.fromisoformat(stamp) < datetime.fromisoformat(known):
            self.tally.counts["superseded"] += 1
            self.tally.note("older", row.line)
            return [], False
        writes, problems = writes_for(self.mapping, row, person, self._fields(person), self.context.points)
        if problems:
            self._quarantine(problems, row)
            return [], False
        note_letters(self.tally, row.line, writes)
        self._settle(row, person)
        self.flags.settle(row, person, rows)
        return [(row, write) for write in writes if write.part == "map"], True

    def _open(self, writes: list[tuple[ParsedRow, FieldWrite]], person: OrgRecord | None) -> None:
        if self.mapping.mode != "write" or person is None:
            self.tally.counts["would_write"] += len(writes)
            return
        for row, write in writes:
            place = place_of(person, write.field, self._fields_of("Account"))
            if place is None:
                self.batch.items.append(unwritable(person, write))
                continue
            cause = f"{self.file.sha256}:{row.line}"
            key = digest(self.context.org_id, *place, cause, write.after, *self.anew)
            intent = Intent(
                key, *place, write.before, write.after, write.part, write.rule,
                write.reason, self.mapping.sha256, cause, is_contested=write.is_contested,
            )  # fmt: skip
            told_at = self.flags.place_of(row, person) if write.part == "flag" else None
            self.batch.intents.append((intent, told_at))
            self.tally.counts["intents"] += 1

    def _settle(self, row: ParsedRow, person: OrgRecord) -> None:
        """Take a person's earlier faults out of the inbox: they have come again without one."""
        for name in {*names_of(row), f"id:{person.id}"}:
            subjects = self.told.get(name, "")
            if subjects and name not in self.batch.told:
                self.batch.settled += subjects.split("\n")
                self.batch.told[name] = ""

    def _quarantine(self, problems: Sequence[Problem], row: ParsedRow | None = None) -> None:
        """Put one row into the inbox; beyond `items_max` rows of a file only their count and first lines are told."""
        first = problems[0]
        if not self._count_fault(first.line):
            return
        where = f"{self.file.name}:{first.line}"
        text = " ".join(f"[{problem.code}] {problem.text}" for problem in problems)
        self.batch.items.append(InboxItem("export-row", where, where, text, first.remedy))
        if row is not None:
            self._remember(row, where)

    def _count_fault(self, line: int) -> bool:
        """Count a row that is set aside, and tell whether it still gets an item of its own."""
        self.tally.counts["quarantined"] += 1
        is_told = self.tally.counts["quarantined"] <= self.context.items_max
        if not is_told:
            self.tally.note("more", line)
        return is_told

    def _remember(self, row: ParsedRow, subject: str) -> None:
        """Note what was told of a person, by all names that the row calls them by."""
        for name in names_of(row):
            earlier = [one for one in self.batch.told.get(name, self.told.get(name, "")).split("\n") if one and one != subject]
            self.batch.told[name] = "\n".join([*earlier, subject][-LINES_MAX:])

    def _fields(self, person: OrgRecord) -> Mapping[str, FieldSchema]:
        return self._fields_of(person.object)

    def _fields_of(self, object: str) -> Mapping[str, FieldSchema]:
        schema = self.context.schema.get(object)
        return schema.fields if schema else {}
