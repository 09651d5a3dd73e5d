"""What would an export do to one person, field by field, and by which line of the mapping?

Decided by the very functions of the intake on rows that were cut out of the file; nothing is written anywhere. Why a field stays
as it is, is found by asking them again with one condition lifted: what would be written then was held back by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from syncd.core.kin import handle_of
from syncd.core.mapped import FieldWrite, writes_for
from syncd.core.mapping import Column, SourceMapping
from syncd.core.mapping_fit import schema_problems
from syncd.core.matching import Match, counting_rows, newest_of
from syncd.core.person_accounts import place_of
from syncd.core.rows import ParsedRow
from syncd.core.values import Entry, FlagFact, InboxItem, Intent, OrgRecord, Problem, Rule, Scalar
from syncd.engine.intake_context import IntakeContext, Tally
from syncd.engine.intake_flags import address_of
from syncd.engine.intake_people import People
from syncd.engine.intake_rows import decide_batch
from syncd.engine.intake_staging import staged_problem, staged_row
from syncd.ports import ExportFile, ExportRow, FieldSchema

WRITE, CREATE, LEAVE, REFUSED = "write", "create", "leave", "refused"
NOT_ON_ACCOUNT = "this is a Person Account, and its account does not take the field: see below"


@dataclass(frozen=True, slots=True)
class FieldSeen:
    """One field of a person: what it holds, what the file says, what becomes of it (write, create, leave or refused) and why."""

    object: str
    field: str
    column: str
    before: Scalar
    after: Scalar
    effect: str
    why: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class PersonSeen:
    """What a file comes to for one person, or for rows that fit nobody or several.

    `counts` are those of the intake; `raised` are flag rows of the ledger as they would be, `known` flags that are kept already;
    `told` is what would stand in the inbox. `line` is the row that counts, 0 when none does.
    """

    file: str
    mode: str
    lines: Sequence[int]
    line: int
    match: Match
    fields: Sequence[FieldSeen] = ()
    raised: Sequence[Entry] = ()
    known: Sequence[FlagFact] = ()
    told: Sequence[InboxItem] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    paused: Sequence[Problem] = ()
    superseded: Mapping[int, str] = field(default_factory=dict)


def preview_person(
    context: IntakeContext, mapping: SourceMapping, file: ExportFile, items: Sequence[ParsedRow | Problem]
) -> list[PersonSeen]:
    """Say what the rows of one person, or of whom they may be about, come to. Rows that fit different people give several.

    Shapes: `items` are all rows of the file that name these people.
    """
    mapping = mapping.of_file(file.name)
    rows = [item for item in items if isinstance(item, ParsedRow)]
    matches = dict(zip(map(id, rows), People(context, mapping).find(rows), strict=True))
    groups: dict[str, list[ParsedRow | Problem]] = {}
    for item in items:
        groups.setdefault(_staged(item, matches).key, []).append(item)
    return [_Seeing(context, mapping, file, group, matches).person() for _, group in sorted(groups.items())]


def _staged(item: ParsedRow | Problem, matches: Mapping[int, Match]) -> ExportRow:
    return staged_problem(item) if isinstance(item, Problem) else staged_row(item, matches[id(item)])


@dataclass(frozen=True, slots=True)
class _Seeing:
    context: IntakeContext
    mapping: SourceMapping
    file: ExportFile
    items: Sequence[ParsedRow | Problem]
    matches: Mapping[int, Match]

    def person(self) -> PersonSeen:
        rows = [item for item in self.items if isinstance(item, ParsedRow)]
        writing = replace(self.mapping, mode="write")
        tally = Tally(Counter())
        paused = schema_problems(self.mapping, {name: one.fields for name, one in self.context.schema.items()})
        stored = [_staged(item, self.matches) for item in self.items]
        batch = decide_batch(self.context, writing, self.file, [(stored[0].key, stored)], tally, is_paused=bool(paused))
        found = [self.matches[id(row)] for row in rows]
        match = next((one for one in found if one.person is not None), found[0] if found else Match())
        counting = newest_of(counting_rows(rows, found))[0]
        intents = [intent for intent, _ in batch.intents]
        fields = self._created(intents)
        if match.person is not None and counting is not None:
            fields += self._seen(match.person, counting, intents, tally)
        return PersonSeen(
            self.file.name,
            self.mapping.mode,
            [item.line for item in self.items],
            counting.line if counting is not None else 0,
            match,
            fields,
            [entry for entry in batch.entries if entry.kind == "flag"],
            self._known(rows, match),
            batch.items,
            dict(tally.counts),
            paused,
            self._superseded(rows, counting, tally),
        )

    def _seen(self, person: OrgRecord, counting: ParsedRow, intents: Sequence[Intent], tally: Tally) -> Iterator[FieldSeen]:
        """Tell of each field that the mapping names for this person, and of the opt-out."""
        by_field = {intent.field: intent for intent in intents if not intent.is_create}
        for column in self.mapping.writing:
            name = column.fields.get(person.object)
            place = None if name is None else place_of(person, name, self._fields("Account"))
            if place is not None and place[2] in by_field:
                yield _written(by_field.pop(place[2]), column.name)
            elif name is not None:
                yield self._left(column, name, counting, person, tally, is_taken=place is not None)
        for intent in by_field.values():
            yield _written(intent, "")

    def _created(self, intents: Sequence[Intent]) -> list[FieldSeen]:
        """Tell of each field of somebody who would be created."""
        columns = {field: column for column in self.mapping.writing for field in column.fields.values()}
        return [
            FieldSeen(
                intent.object, name, columns[name].name if name in columns else "", None, value, CREATE, intent.reason,
                columns[name].rule if name in columns else intent.rule,
            )
            for intent in intents if intent.is_create
            for name, value in (intent.values or {}).items()
        ]  # fmt: skip

    def _superseded(self, rows: Sequence[ParsedRow], counting: ParsedRow | None, tally: Tally) -> dict[int, str]:
        told = {}
        for row in rows:
            if counting is not None and row is not counting and not row.problems:
                told[row.line] = f"superseded by line {counting.line} of the same person"
            elif row.line in tally.lines.get("older", ()):
                told[row.line] = "older than what was read of this person before; only its opt-outs count"
        return told

    def _left(self, column: Column, name: str, row: ParsedRow, person: OrgRecord, tally: Tally, *, is_taken: bool) -> FieldSeen:
        """Say why a field stays as it is. `is_taken` tells whether syncd's user may write it where it stands."""
        before = person.fields.get(name)
        shown = row.values.get(column.name)

        def left(why: str, after: Scalar = shown, effect: str = LEAVE) -> FieldSeen:
            return FieldSeen(person.object, name, column.name, before, after, effect, why, column.rule)

        if column.flag is not None and not is_taken and column.name in row.flags.values():
            return left(NOT_ON_ACCOUNT, True, REFUSED)
        if column.flag is not None:
            return left("an opt-out is only ever set, and here nothing is to be set")
        if column.side != "marketing":
            return left('side = "sales": only read')
        if person.fields.get("IsConverted") is True:
            return left("a converted lead is not written")
        found, problems = self._written(column, row, person)
        if problems:
            problem = problems[0]
            return left(f"[{problem.code}] {problem.text} {problem.remedy}", effect=REFUSED)
        if found is not None and not is_taken:
            return left(NOT_ON_ACCOUNT, found.after, REFUSED)
        if found is not None:
            return left(self._held_back(row, tally), found.after)
        always = replace(column, when=None)
        over = replace(always, conflict="overwrite")
        lifted = (
            (always, "the condition of when does not hold"),
            (over, 'conflict = "fill", and there is a value'),
            (replace(over, blank="clear"), 'blank = "leave", and the cell is blank'),
        )
        for changed, why in lifted:
            found, _ = self._written(changed, row, person)
            if found is not None:
                return left(why, found.after)
        return left("equal", before if column.formula is not None else shown)

    def _written(self, column: Column, row: ParsedRow, person: OrgRecord) -> tuple[FieldWrite | None, Sequence[Problem]]:
        """Return what one column alone would write, as if nothing else were wrong with the row."""
        columns, computed = ((), (column,)) if column.is_computed else ((column,), ())
        alone = replace(self.mapping, opt_out_rule=None, columns=columns, computed=computed)
        mine = [problem for problem in row.problems if problem.text.startswith(f"Column {column.name!r}:")]
        if mine:
            return None, mine
        clean = replace(row, problems=())
        writes, problems = writes_for(alone, clean, person, self._fields(person.object), self.context.points)
        return next((one for one in writes if one.part == "map"), None), problems

    def _held_back(self, row: ParsedRow, tally: Tally) -> str:
        """Say what holds a whole row back of which this field would be written."""
        if tally.counts["quarantined"]:
            return "the row is set aside, see below: nothing of it is written but its opt-out"
        if row.line in tally.lines.get("older", ()):
            return "older than what was read of this person before"
        return "the mapping does not fit the org: its files wait"

    def _fields(self, object: str) -> Mapping[str, FieldSchema]:
        schema = self.context.schema.get(object)
        return schema.fields if schema else {}

    def _known(self, rows: Sequence[ParsedRow], match: Match) -> list[FlagFact]:
        people = [one for one in (match.person, *match.candidates) if one is not None]
        external = self.mapping.external_field
        handles = {handle_of(external, row.external) for row in rows if external and row.external}
        addresses = {address for one in people if (address := address_of(one))} | {row.address for row in rows if row.address}
        ids = {one.id for one in people} | {row.person_id for row in rows if row.person_id}
        return self.context.store.flags(sorted(ids), sorted({*addresses, *handles}))


def _written(intent: Intent, column: str) -> FieldSeen:
    return FieldSeen(intent.object, intent.field, column, intent.before, intent.after, WRITE, intent.reason, intent.rule)
