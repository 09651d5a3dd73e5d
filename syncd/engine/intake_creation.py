"""Which rows that fit nobody create somebody, within what the mapping's [create] table allows?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from syncd.core.creation import Creation
from syncd.core.kin import handle_of
from syncd.core.mapping import SourceMapping
from syncd.core.matching import names_of
from syncd.core.new_people import PREFIX, NewPerson, creation_of, new_person
from syncd.core.rows import ParsedRow
from syncd.core.values import Problem
from syncd.engine.intake_context import Batch, IntakeContext, Tally
from syncd.ports import ExportFile, StoreWriter

CREATED = "created"
"""The scope of verdicts that remembers what was sent to be created, by its stand-in id, and by source the rows' names for it."""


class NewPeople:
    """Decides on the rows of one batch that fit nobody."""

    def __init__(self, context: IntakeContext, mapping: SourceMapping, file: ExportFile, tally: Tally, batch: Batch) -> None:
        self.context, self.mapping, self.file, self.tally, self.batch = context, mapping, file, tally, batch
        self.names: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.former: set[str] = set()
        self.used = 0
        schema = context.schema.get(mapping.create.object) if mapping.create else None
        self.fields = (
            {name: replace(one, is_updateable=one.is_createable) for name, one in schema.fields.items()} if schema else {}
        )

    def look_up(self, rows: Iterable[ParsedRow]) -> None:
        """Read at once which of these were sent to be created before, and how many today, and who of them was somebody once."""
        if self.mapping.create is None:
            return
        rows = list(rows)
        store, scope = self.context.store, f"{CREATED}:{self.mapping.name}"
        self.former = {
            handle for _, handle in store.former_handles((), sorted({one for row in rows for one in self._handles(row)}))
        }
        self.names = dict(store.verdicts(scope, sorted({name for row in rows for name in names_of(row)})))
        self.states = dict(store.verdicts(CREATED, sorted(set(self.names.values()))))
        self.used = _used_today(self.context, self.mapping)

    def create(self, row: ParsedRow, *, is_excluded: bool) -> list[Problem] | bool:
        """Decide on one row: whether it creates somebody now, or what is wrong with what it says."""
        creation = self.mapping.create
        if creation is None or is_excluded or row.person_id is not None or self.former.intersection(self._handles(row)):
            return False  # an id, or a former key, that leads to nobody names somebody who was merged, is gone, or is hidden
        found = new_person(self.mapping, row, self.fields, self.context.points)
        if isinstance(found, tuple):
            self.tally.note("incomplete", row.line)
            return False
        if isinstance(found, list):
            return found
        return self._open(creation, row, found)

    def _handles(self, row: ParsedRow) -> set[str]:
        external = self.mapping.external_field
        handles = {row.address or "", handle_of(external, row.external) if external and row.external else ""}
        return handles - {""}

    def _open(self, creation: Creation, row: ParsedRow, person: NewPerson) -> bool:
        id = person.id(self.context.org_id)
        before = {self.names[name] for name in names_of(row) if name in self.names}
        if before - {id} or self.states.get(id) == person.state:
            return False  # it was sent before, or somebody else with one of these names was
        if self.used >= creation.per_day:
            self.tally.note("tomorrow", row.line)
            return False
        if self.mapping.mode != "write":
            self.tally.counts["would_create"] += 1
            return False
        self.used += 1
        self.states[id] = self.batch.created[id] = person.state
        for name in names_of(row):
            self.names[name] = self.batch.created_names[name] = id
        intent = creation_of(self.mapping, person, row, self.context.org_id, self.file.sha256)
        self.batch.intents.append((intent, None))
        self.tally.counts["intents"] += 1
        return True


def record_created(tx: StoreWriter, batch: Batch, mapping: SourceMapping, context: IntakeContext) -> None:
    """Remember who was sent to be created, in the transaction of the intents."""
    if not batch.created:
        return
    tx.put_verdicts(CREATED, batch.created)
    tx.put_verdicts(f"{CREATED}:{mapping.name}", batch.created_names)
    used = _used_today(context, mapping) + len(batch.created)
    tx.put_setting(_counter(mapping), {"day": _today(context), "count": used})


def send_again(tx: StoreWriter, subjects: Iterable[str]) -> None:
    """Let rows create people once more who were refused, or whose plan was declined: by what stands for their ids."""
    ids = {subject.partition(":")[0] for subject in subjects if subject.startswith(PREFIX)}
    tx.put_verdicts(CREATED, dict.fromkeys(sorted(ids), ""))


def _used_today(context: IntakeContext, mapping: SourceMapping) -> int:
    kept: Any = context.store.setting(_counter(mapping))
    return int(kept["count"]) if isinstance(kept, dict) and kept["day"] == _today(context) else 0


def _counter(mapping: SourceMapping) -> str:
    return f"{CREATED} by {mapping.name}"


def _today(context: IntakeContext) -> str:
    return context.now_at.date().isoformat()
