"""Staging and cases, held against a model of dictionaries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.core.values import OrgRecord
from syncd.ports import Case
from syncd.store.sql import SqlStore, Surroundings

T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FAMILY = ("Lead", "LeadHistory")
ORGS = count()

leads = st.sampled_from(["00Q1", "00Q2", "00Q3", "00Q4"])
moments = st.integers(0, 4).map(lambda seconds: T + timedelta(seconds=seconds))
lead_rows = st.builds(
    OrgRecord,
    object=st.just("Lead"),
    id=leads,
    modified_at=moments,
    fields=st.fixed_dictionaries({"Status": st.sampled_from(["Open", "MQL", None])}),
    is_deleted=st.booleans(),
)
history_rows = st.integers(0, 7).map(
    lambda number: OrgRecord("LeadHistory", f"017{number}", T + timedelta(seconds=number % 3), {"LeadId": f"00Q{number % 5}"})
)
steps = st.one_of(
    st.tuples(st.just("stage"), st.lists(lead_rows, max_size=4)),
    st.tuples(st.just("stage history"), st.lists(history_rows, max_size=4)),
    st.tuples(st.just("mirror"), st.lists(lead_rows | history_rows, max_size=3)),
    st.tuples(st.just("delete"), st.tuples(st.lists(leads, max_size=3), moments)),
    st.tuples(st.just("unstage"), st.lists(leads, max_size=3)),
)


@dataclass
class Model:
    """What staging means, without a database."""

    mirrored: dict[tuple[str, str], OrgRecord] = field(default_factory=dict)
    staged: dict[str, tuple[datetime, OrgRecord | None, bool]] = field(default_factory=dict)
    history: dict[str, OrgRecord] = field(default_factory=dict)
    gone_at: dict[str, datetime] = field(default_factory=dict)

    def stage(self, rows: list[OrgRecord]) -> None:
        for row in rows:
            known = self.mirrored.get(("Lead", row.id))
            if known is not None and known.is_deleted == row.is_deleted and (known.modified_at > row.modified_at or known == row):
                continue
            at, _, is_gone = self.staged.get(row.id, (T - timedelta(days=1), None, False))
            if row.modified_at > at or (row.modified_at == at and (row.is_deleted or not is_gone)):
                self.staged[row.id] = (row.modified_at, row, row.is_deleted)

    def delete(self, ids: list[str], covered: datetime) -> None:
        for id in ids:
            at, row, _ = self.staged.get(id, (covered, None, True))
            if row is None:
                self.gone_at.setdefault(id, covered)
            self.staged[id] = (max(at, covered), row, True)

    def unstage(self, ids: list[str]) -> None:
        for id in ids:
            self.staged.pop(id, None)
            self.gone_at.pop(id, None)
        self.history = {id: row for id, row in self.history.items() if row.fields["LeadId"] not in ids}

    def cases(self) -> list[Case]:
        subjects = sorted({*self.staged, *(str(row.fields["LeadId"]) for row in self.history.values())})
        return [self.case(id) for id in subjects]

    def case(self, id: str) -> Case:
        known = self.mirrored.get(("Lead", id))
        new = [row for row in self.history.values() if row.fields["LeadId"] == id and (row.object, row.id) not in self.mirrored]
        return Case(id, self.reading(id, known), known, tuple(sorted(new, key=lambda row: (row.modified_at, row.id))))

    def reading(self, id: str, known: OrgRecord | None) -> OrgRecord | None:
        if id not in self.staged:
            return None
        _, row, is_gone = self.staged[id]
        if row is not None:
            return replace(row, is_deleted=is_gone)
        return replace(known, is_deleted=True) if known else OrgRecord("Lead", id, self.gone_at[id], {}, is_deleted=True)


def take(step: str, what: object, store: SqlStore, model: Model) -> None:
    with store.begin() as tx:
        match step, what:
            case "stage", list(rows):
                tx.stage("Lead", rows, None, None)
                model.stage(rows)
            case "stage history", list(rows):
                tx.stage("LeadHistory", rows, "LeadId", None)
                model.history |= {row.id: row for row in rows if model.mirrored.get((row.object, row.id)) != row}
            case "mirror", list(rows):
                tx.mirror(rows)
                model.mirrored |= {(row.object, row.id): row for row in rows}
            case "delete", (list(ids), datetime() as covered):
                tx.stage_deleted("Lead", ids, covered)
                model.delete(ids, covered)
            case "unstage", list(ids):
                tx.unstage(FAMILY, ids)
                model.unstage(ids)


@pytest.fixture
def quick(store: SqlStore) -> Iterator[SqlStore]:
    """Return a store that does not wait for the disk."""
    with store.scratch() as copy:
        yield copy


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=12), st.integers(1, 6))
def test_cases_are_what_a_dictionary_would_say(quick: SqlStore, taken: list[tuple[str, object]], limit: int) -> None:
    store, model = SqlStore(quick.database, f"00D{next(ORGS)}", quick.where, Surroundings(), read_only=False), Model()
    for step, what in taken:
        take(step, what, store, model)
    assert store.cases(FAMILY, limit) == model.cases()[:limit]
    assert store.staged_objects() == {name for name, rows in zip(FAMILY, (model.staged, model.history), strict=True) if rows}
    drained: list[Case] = []
    while batch := store.cases(FAMILY, limit):
        drained += batch
        with store.begin() as tx:
            tx.unstage(FAMILY, [case.subject_id for case in batch])
    assert drained == model.cases()
