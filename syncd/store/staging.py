"""What was read and is not decided yet, and how far has each object been read?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as with_changes
from datetime import datetime
from heapq import merge
from itertools import groupby, islice

from sqlalchemy import ColumnElement, Connection, and_, case, delete, or_, select

from syncd.core.values import OrgRecord
from syncd.ports import Case, Keyset, Mark
from syncd.store.base import Reads, Writes, insert, replace
from syncd.store.encoding import chunked, from_json, to_json, to_moment, to_moment_or_none, to_record, to_text
from syncd.store.mirror import records_by_id
from syncd.store.tables import marks, records, staged


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

    def cases(self, objects: tuple[str, ...], limit: int) -> list[Case]:
        """Return the next staged cases of one family, subject object first, history object second, in subject id order.

        Shapes: a subject whose staged rows the mirror has already comes back too (`staged` equals `known`, or nothing at
        all is new), so that its rows can be unstaged. A row known only to be deleted comes as its mirrored row, or, when
        the mirror never had it, without fields.
        """
        subject, *histories = objects
        with self._reading() as connection:
            ids = self._next_subjects(connection, objects, limit)
            if not ids:
                return []
            rows, known = self._staged_subjects(connection, subject, ids)
            news: dict[str, list[OrgRecord]] = {}
            for history in histories:
                for subject_id, row in self._new_history(connection, history, ids):
                    news.setdefault(subject_id, []).append(row)
            known |= records_by_id(connection, self.org, subject, [id for id in ids if id not in rows])
        return [
            Case(id, rows.get(id), known.get(id), tuple(sorted(news.get(id, ()), key=lambda row: (row.modified_at, row.id))))
            for id in ids
        ]

    def _next_subjects(self, connection: Connection, objects: Sequence[str], limit: int) -> list[str]:
        # One ordered walk of the index for each object: a common ORDER BY over both would sort all that is staged, each time.
        walks = [
            connection.execute(
                select(staged.c.subject_id)
                .where(staged.c.org == self.org, staged.c.object == object)
                .distinct()
                .order_by(staged.c.subject_id)
                .limit(limit)
            ).scalars()
            for object in objects
        ]
        return [id for id, _ in islice(groupby(merge(*walks)), limit)]

    def _staged_subjects(
        self, connection: Connection, subject: str, ids: Sequence[str]
    ) -> tuple[dict[str, OrgRecord], dict[str, OrgRecord]]:
        there = and_(records.c.org == staged.c.org, records.c.object == staged.c.object, records.c.id == staged.c.id)
        query = (
            select(
                staged.c.id,
                staged.c.modified_at,
                staged.c.is_deleted,
                staged.c.fields,
                records.c.modified_at,
                records.c.is_deleted,
                records.c.fields,
            )
            .select_from(staged.outerjoin(records, there))
            .where(*_between(self.org, subject, ids))
        )
        rows: dict[str, OrgRecord] = {}
        known: dict[str, OrgRecord] = {}
        for id, at, is_deleted, fields, known_at, known_is_deleted, known_fields in connection.execute(query):
            before = None if known_fields is None else to_record(subject, id, known_at, known_is_deleted, known_fields)
            if before is not None:
                known[id] = before
            if fields is not None:
                rows[id] = to_record(subject, id, at, is_deleted, fields)
            elif before is not None:
                rows[id] = with_changes(before, is_deleted=True)
            else:
                rows[id] = OrgRecord(subject, id, to_moment(at), {}, is_deleted=True)
        return rows, known

    def _new_history(self, connection: Connection, history: str, ids: Sequence[str]) -> list[tuple[str, OrgRecord]]:
        there = and_(records.c.org == staged.c.org, records.c.object == staged.c.object, records.c.id == staged.c.id)
        query = select(staged.c.subject_id, staged.c.id, staged.c.modified_at, staged.c.is_deleted, staged.c.fields).where(
            *_between(self.org, history, ids), staged.c.fields.is_not(None), ~select(records.c.id).where(there).exists()
        )
        return [
            (subject_id, OrgRecord(history, id, to_moment(at), from_json(fields), is_deleted))
            for subject_id, id, at, is_deleted, fields in connection.execute(query)
        ]


def _between(org: str, object: str, ids: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    # The ids are the next ones without a gap, so their range is the same set and needs no IN list.
    return (staged.c.org == org, staged.c.object == object, staged.c.subject_id >= ids[0], staged.c.subject_id <= ids[-1])


class StagingWrites(Writes):
    """Staging and the marks."""

    def stage(self, object: str, records: Sequence[OrgRecord], subject_field: str | None, read: Keyset | None) -> None:
        """Stage rows as read and move the read mark. `subject_field` names the parent reference of a history object."""
        if records:
            statement = insert(self.connection, staged)
            new = statement.excluded
            # A page may come from a snapshot older than what is staged: the newer reading stays, and of two equally old
            # ones that which knows the row to be gone.
            is_newer = or_(
                new.order_at > staged.c.order_at,
                and_(new.order_at == staged.c.order_at, or_(new.is_deleted, ~staged.c.is_deleted)),
            )
            names = ("subject_id", "modified_at", "order_at", "is_deleted", "fields")
            changed = {name: new[name] for name in names}
            keys = [column.name for column in staged.primary_key]
            self.connection.execute(
                statement.on_conflict_do_update(index_elements=keys, set_=changed, where=is_newer),
                [self._staged_row(record, subject_field) for record in records],
            )
        if read is not None:
            row = {"org": self.org, "object": object, "read_at": to_text(read.at), "read_id": read.id}
            replace(self.connection, marks, [row], ["read_at", "read_id"])

    def _staged_row(self, record: OrgRecord, subject_field: str | None) -> dict[str, object]:
        at = to_text(record.modified_at)
        return {
            "org": self.org,
            "object": record.object,
            "id": record.id,
            "subject_id": record.id if subject_field is None else record.text(subject_field) or record.id,
            "modified_at": at,
            "order_at": at,
            "is_deleted": record.is_deleted,
            "fields": to_json(record.fields),
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
                        "fields": None,
                    }
                    for id in ids
                ],
            )
        replace(self.connection, marks, [{"org": self.org, "object": object, "deleted_at": at}], ["deleted_at"])

    def unstage(self, objects: tuple[str, ...], subject_ids: Sequence[str]) -> None:
        """Drop the staged rows of these subjects of one family."""
        for ids in chunked(subject_ids):
            self.connection.execute(
                delete(staged).where(staged.c.org == self.org, staged.c.object.in_(objects), staged.c.subject_id.in_(ids))
            )

    def forget_marks(self, object: str) -> None:
        """Forget how far an object was read, so that it is read again from the beginning."""
        self.connection.execute(delete(marks).where(marks.c.org == self.org, marks.c.object == object))

    def advance(self, object: str, decided_at: datetime) -> None:
        """Move the watermark and set the read mark back to it."""
        at = to_text(decided_at)
        row = {"org": self.org, "object": object, "decided_at": at, "read_at": at, "read_id": ""}
        replace(self.connection, marks, [row], ["decided_at", "read_at", "read_id"])
