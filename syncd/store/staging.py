"""What was read and is not decided yet, and how far has each object been read?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace as with_changes
from datetime import datetime
from heapq import merge
from itertools import groupby, islice
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, and_, bindparam, case, delete, func, or_, select

from syncd.core.values import OrgRecord
from syncd.ports import Case, Keyset, Mark
from syncd.store.among import among
from syncd.store.base import Reads, Writes, insert, replace
from syncd.store.encoding import to_moment, to_moment_or_none, to_text
from syncd.store.layouts import keep_layout, layout_number, to_array, to_record
from syncd.store.mirror import records_by_id
from syncd.store.tables import marks, records, staged

Walk = tuple[str, tuple[ColumnElement[bool], ...]]


class StagingReads(Reads):
    """Marks and staged cases."""

    def marks(self) -> Mapping[str, Mark]:
        """Return the marks by object name."""
        with self._reading() as connection:
            rows = connection.execute(select(marks).where(marks.c.org == self.org)).all()
        return {
            row.object: Mark(
                decided_at=to_moment_or_none(row.decided_at),
                read=None if row.read_at is None else Keyset(to_moment(row.read_at), row.read_id),
                deleted_at=to_moment_or_none(row.deleted_at),
            )
            for row in rows
        }

    def staged_objects(self) -> frozenset[str]:
        """Name the objects of which something is staged: one step of the index for each, however many rows it has."""
        found: list[str] = []
        with self._reading() as connection:
            while True:
                later = (staged.c.object > found[-1],) if found else ()
                name = connection.execute(select(func.min(staged.c.object)).where(staged.c.org == self.org, *later)).scalar()
                if name is None:
                    return frozenset(found)
                found.append(name)

    def cases(
        self,
        objects: tuple[str, ...],
        limit: int,
        *,
        history_since: datetime | None = None,
        first_sight_until: datetime | None = None,
    ) -> list[Case]:
        """Return the next staged cases of one family, subject object first, history object second, in subject id order.

        Shapes: a subject whose staged rows the mirror has already comes back too (`staged` equals `known`, or nothing at
        all is new), so that its rows can be unstaged. A row known only to be deleted comes as its mirrored row, or, when
        the mirror never had it, without fields. With `history_since`, history before it stays where it is. With
        `first_sight_until`, only history before it comes, each with the mirrored row of its subject as if just read.
        """
        subject, *histories = objects
        if first_sight_until is not None:
            return self._first_sights(objects, limit, first_sight_until)
        walks = [(subject, ()), *((history, _since(history_since)) for history in histories)]
        with self._reading() as connection:
            ids = self._next_subjects(connection, walks, limit)
            if not ids:
                return []
            rows, known = self._staged_subjects(connection, subject, ids)
            news = self._news(connection, walks[1:], ids)
            known |= records_by_id(connection, self.org, subject, [id for id in ids if id not in rows])
        return [Case(id, rows.get(id), known.get(id), in_order(news.get(id, ()))) for id in ids]

    def _first_sights(self, objects: tuple[str, ...], limit: int, until: datetime) -> list[Case]:
        subject, *histories = objects
        walks = [(history, (staged.c.modified_at < to_text(until),)) for history in histories]
        with self._reading() as connection:
            ids = self._next_subjects(connection, walks, limit)
            if not ids:
                return []
            news = self._news(connection, walks, ids)
            rows = records_by_id(connection, self.org, subject, ids)
        return [Case(id, rows.get(id), None, in_order(news.get(id, ()))) for id in ids]

    def _next_subjects(self, connection: Connection, walks: Sequence[Walk], limit: int) -> list[str]:
        # One ordered walk of the index for each object: a common ORDER BY over both would sort all that is staged, each time.
        found = [
            connection.execute(
                select(staged.c.subject_id)
                .where(staged.c.org == self.org, staged.c.object == object, *only)
                .distinct()
                .order_by(staged.c.subject_id)
                .limit(limit)
            ).scalars()
            for object, only in walks
        ]
        return [id for id, _ in islice(groupby(merge(*found)), limit)]

    def _staged_subjects(
        self, connection: Connection, subject: str, ids: Sequence[str]
    ) -> tuple[dict[str, OrgRecord], dict[str, OrgRecord]]:
        there = and_(records.c.org == staged.c.org, records.c.object == staged.c.object, records.c.id == staged.c.id)
        query = (
            select(
                staged.c.id,
                staged.c.modified_at,
                staged.c.is_deleted,
                staged.c.layout,
                staged.c.fields,
                records.c.modified_at,
                records.c.is_deleted,
                records.c.layout,
                records.c.fields,
            )
            .select_from(staged.outerjoin(records, there))
            .where(*_between(self.org, subject, ids))
        )
        rows: dict[str, OrgRecord] = {}
        known: dict[str, OrgRecord] = {}
        for id, at, is_deleted, layout, fields, *mirrored in connection.execute(query):
            before = None if mirrored[-1] is None else to_record(connection, subject, id, *mirrored)
            if before is not None:
                known[id] = before
            if fields is not None:
                rows[id] = to_record(connection, subject, id, at, is_deleted, layout, fields)
            elif before is not None:
                rows[id] = with_changes(before, is_deleted=True)
            else:
                rows[id] = OrgRecord(subject, id, to_moment(at), {}, is_deleted=True)
        return rows, known

    def _news(self, connection: Connection, walks: Sequence[Walk], ids: Sequence[str]) -> dict[str, list[OrgRecord]]:
        """Return the staged history rows of these subjects that the mirror does not have yet."""
        there = and_(records.c.org == staged.c.org, records.c.object == staged.c.object, records.c.id == staged.c.id)
        found: dict[str, list[OrgRecord]] = {}
        for history, only in walks:
            query = select(
                staged.c.subject_id, staged.c.id, staged.c.modified_at, staged.c.is_deleted, staged.c.layout, staged.c.fields
            ).where(
                *_between(self.org, history, ids),
                *only,
                staged.c.fields.is_not(None),
                ~select(records.c.id).where(there).exists(),
            )
            for subject_id, *row in connection.execute(query):
                found.setdefault(subject_id, []).append(to_record(connection, history, *row))
        return found


def in_order(history: Iterable[OrgRecord]) -> tuple[OrgRecord, ...]:
    """Return history rows in the order in which they happened."""
    return tuple(sorted(history, key=lambda row: (row.modified_at, row.id)))


def _since(at: datetime | None) -> tuple[ColumnElement[bool], ...]:
    return () if at is None else (staged.c.modified_at >= to_text(at),)


def _between(org: str, object: str, ids: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    # The ids are the next ones without a gap, so their range is the same set and needs no IN list.
    return (staged.c.org == org, staged.c.object == object, staged.c.subject_id >= ids[0], staged.c.subject_id <= ids[-1])


class StagingWrites(Writes):
    """Staging and the marks."""

    def stage(self, object: str, records: Sequence[OrgRecord], subject_field: str | None, read: Keyset | None) -> int:
        """Stage rows as read and move the read mark. `subject_field` names the parent reference of a history object.

        Shapes: rows that are in the mirror as they are, or newer, are not staged; returns how many were left out.
        """
        rows = [self._staged_row(record, subject_field) for record in records]
        for object, names in {(record.object, tuple(sorted(record.fields))) for record in records}:
            keep_layout(self.connection, object, names)
        kept = stage_rows(self.connection, rows)
        if read is not None:
            row = {"org": self.org, "object": object, "read_at": to_text(read.at), "read_id": read.id}
            replace(self.connection, marks, [row], ["read_at", "read_id"])
        return len(rows) - kept

    def _staged_row(self, record: OrgRecord, subject_field: str | None) -> dict[str, object]:
        at = to_text(record.modified_at)
        names, fields = to_array(record.fields)
        return {
            "org": self.org,
            "object": record.object,
            "id": record.id,
            "subject_id": record.id if subject_field is None else record.text(subject_field) or record.id,
            "modified_at": at,
            "order_at": at,
            "is_deleted": record.is_deleted,
            "layout": layout_number(record.object, names),
            "fields": fields,
        }

    def stage_deleted(self, object: str, ids: Sequence[str], covered_until: datetime) -> None:
        """Stage deletions (in their case, `staged` is the mirrored row with `is_deleted`) and move the deletes mark."""
        at = to_text(covered_until)
        if ids:
            statement = insert(self.connection, staged)
            newest = case((statement.excluded.order_at > staged.c.order_at, statement.excluded.order_at), else_=staged.c.order_at)
            keys = [column.name for column in staged.primary_key]
            self.connection.execute(
                statement.on_conflict_do_update(index_elements=keys, set_={"is_deleted": True, "order_at": newest}),
                [
                    {
                        "org": self.org,
                        "object": object,
                        "id": id,
                        "subject_id": id,
                        "modified_at": at,
                        "order_at": at,
                        "is_deleted": True,
                        "layout": None,
                        "fields": None,
                    }
                    for id in ids
                ],
            )
        replace(self.connection, marks, [{"org": self.org, "object": object, "deleted_at": at}], ["deleted_at"])

    def unstage(
        self,
        objects: tuple[str, ...],
        subject_ids: Sequence[str],
        *,
        history_since: datetime | None = None,
        first_sight_until: datetime | None = None,
    ) -> None:
        """Drop the staged rows of these subjects of one family, as `cases` with the same limits gave them."""
        subject, *histories = objects
        until = () if first_sight_until is None else (staged.c.modified_at < to_text(first_sight_until),)
        only = [staged.c.object.in_(histories), *_since(history_since), *until]
        mine = and_(*only) if first_sight_until is not None else or_(staged.c.object == subject, and_(*only))
        theirs = among(self.connection, staged.c.subject_id, subject_ids)
        self.connection.execute(delete(staged).where(staged.c.org == self.org, theirs, mine))

    def forget_marks(self, object: str) -> None:
        """Forget how far an object was read, so that it is read again from the beginning."""
        self.connection.execute(delete(marks).where(marks.c.org == self.org, marks.c.object == object))

    def advance(self, object: str, decided_at: datetime) -> None:
        """Move the watermark and set the read mark back to it."""
        at = to_text(decided_at)
        row = {"org": self.org, "object": object, "decided_at": at, "read_at": at, "read_id": ""}
        replace(self.connection, marks, [row], ["decided_at", "read_at", "read_id"])


def stage_rows(connection: Connection, rows: Sequence[Mapping[str, object]], *, spares_deleted: bool = False) -> int:
    """Stage rows that the mirror does not have as they are, or newer. Returns how many.

    Shapes: `spares_deleted` is for rows of a snapshot that may be older than a deletion which the mirror knows of.
    """
    if not rows:
        return 0
    there = (records.c.org == _given("org"), records.c.object == _given("object"), records.c.id == _given("id"))
    same = and_(
        records.c.modified_at == _given("modified_at"), records.c.layout == _given("layout"), records.c.fields == _given("fields")
    )
    is_newer = records.c.modified_at > _given("modified_at")
    of_its_kind = and_(records.c.is_deleted == _given("is_deleted"), or_(is_newer, same))
    has_it = and_(
        *there,
        or_(of_its_kind, and_(records.c.is_deleted, records.c.modified_at >= _given("modified_at")))
        if spares_deleted
        else of_its_kind,
    )
    names = [column.name for column in staged.columns]
    given = select(*(_given(name) for name in names)).where(~select(records.c.id).where(has_it).exists())
    statement = insert(connection, staged).from_select(names, given)
    new = statement.excluded
    # A page may come from a snapshot older than what is staged: the newer reading stays, and of two equally old
    # ones that which knows the row to be gone.
    stays = or_(
        new.order_at > staged.c.order_at,
        and_(new.order_at == staged.c.order_at, or_(new.is_deleted, ~staged.c.is_deleted)),
    )
    keys = [column.name for column in staged.primary_key]
    changed = {name: new[name] for name in names if name not in keys}
    upsert = statement.on_conflict_do_update(index_elements=keys, set_=changed, where=stays)
    return connection.execute(upsert.execution_options(preserve_rowcount=True), list(rows)).rowcount


def _given(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=staged.c[name].type)
