"""What did each row of the org look like when it was last decided on?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select

from syncd.core.values import OrgRecord
from syncd.errors import StoreUnusable
from syncd.store.base import INDEXED, Reads, Writes, insert, read_setting, replace, write_setting
from syncd.store.encoding import chunked, keys_of, to_json, to_key, to_record, to_text
from syncd.store.tables import record_keys, records

_ROW = (records.c.object, records.c.id, records.c.modified_at, records.c.is_deleted, records.c.fields)
_BACKFILL_ROWS = 2_000


def records_by_id(connection: Connection, org: str, object: str, ids: Iterable[str]) -> dict[str, OrgRecord]:
    """Return mirrored rows by id."""
    found: dict[str, OrgRecord] = {}
    for chunk in chunked(ids):
        query = select(*_ROW).where(records.c.org == org, records.c.object == object, records.c.id.in_(chunk))
        found.update((row.id, to_record(*row)) for row in connection.execute(query))
    return found


class MirrorReads(Reads):
    """Rows by id, by key and in order."""

    indexed: Mapping[str, Sequence[str]]

    def get(self, object: str, ids: Iterable[str]) -> dict[str, OrgRecord]:
        """Return mirrored rows by id; deleted rows come with `is_deleted`."""
        with self._reading() as connection:
            return records_by_id(connection, self.org, object, ids)

    def by_key(self, object: str, field: str, values: Iterable[str]) -> list[OrgRecord]:
        """Return live mirrored rows whose indexed field equals one of the values (e-mail: normalised), in id order."""
        self._assert_indexed(object, field)
        keys = {key for value in values if (key := to_key(value)) is not None}
        found: list[OrgRecord] = []
        with self._reading() as connection:
            for chunk in chunked(sorted(keys)):
                query = (
                    select(*_ROW)
                    .select_from(record_keys.join(records, _same_row()))
                    .where(*self._under(object, field), record_keys.c.value.in_(chunk))
                )
                found.extend(to_record(*row) for row in connection.execute(query))
        return sorted(found, key=lambda record: record.id)

    def scan(
        self, object: str, *, field: str | None = None, values: Iterable[str] = (), after_id: str = "", limit: int = 1000
    ) -> list[OrgRecord]:
        """Return the next live rows of an object in id order, optionally only those with an indexed value.

        Shapes: with a field, an empty list of values finds nothing.
        """
        if field is None:
            query = (
                select(*_ROW)
                .where(records.c.org == self.org, records.c.object == object, ~records.c.is_deleted, records.c.id > after_id)
                .order_by(records.c.id)
                .limit(limit)
            )
            with self._reading() as connection:
                return [to_record(*row) for row in connection.execute(query)]
        self._assert_indexed(object, field)
        keys = {key for value in values if (key := to_key(value)) is not None}
        with self._reading() as connection:
            # One walk for each value: each is in id order as it stands, while an IN list would be sorted anew for every page.
            walks = [self._ids_with(connection, object, field, key, after_id, limit) for key in sorted(keys)]
            found = records_by_id(connection, self.org, object, islice(merge(*walks), limit))
        return [found[id] for id in sorted(found)]

    def _ids_with(self, connection: Connection, object: str, field: str, key: str, after_id: str, limit: int) -> Sequence[str]:
        query = select(record_keys.c.id).where(
            *self._under(object, field), record_keys.c.value == key, record_keys.c.id > after_id
        )
        return connection.execute(query.order_by(record_keys.c.id).limit(limit)).scalars().all()

    def count(self, object: str) -> int:
        """Count the live mirrored rows of an object."""
        query = select(func.count()).where(records.c.org == self.org, records.c.object == object, ~records.c.is_deleted)
        with self._reading() as connection:
            return connection.execute(query).scalar_one()

    def _under(self, object: str, field: str) -> tuple[ColumnElement[bool], ...]:
        return (record_keys.c.org == self.org, record_keys.c.object == object, record_keys.c.field == field)

    def _assert_indexed(self, object: str, field: str) -> None:
        if field not in self.indexed.get(object, ()):
            raise AssertionError(f"{object}.{field} is looked up but was not named to Store.index()")


def _same_row() -> ColumnElement[bool]:
    return and_(records.c.org == record_keys.c.org, records.c.object == record_keys.c.object, records.c.id == record_keys.c.id)


class MirrorWrites(Writes):
    """Rows as decided on."""

    def mirror(self, records: Sequence[OrgRecord]) -> None:
        """Insert or replace mirrored rows with their keys, history rows included."""
        mirror_rows(self.connection, self.org, records)
        by_object: dict[str, list[OrgRecord]] = {}
        for record in records:
            if self.indexed.get(record.object):
                by_object.setdefault(record.object, []).append(record)
        for object, changed in by_object.items():
            last = {record.id: record for record in changed}  # of two rows with one id the later one stands
            _drop_keys(self.connection, self.org, object, list(last))
            _add_keys(self.connection, self.org, last.values(), self.indexed[object])


def mirror_rows(connection: Connection, org: str, rows: Sequence[OrgRecord]) -> None:
    """Insert or replace rows without looking at their keys."""
    values = [
        {
            "org": org,
            "object": row.object,
            "id": row.id,
            "modified_at": to_text(row.modified_at),
            "is_deleted": row.is_deleted,
            "fields": to_json(row.fields),
        }
        for row in rows
    ]
    replace(connection, records, values)


def _drop_keys(connection: Connection, org: str, object: str, ids: Iterable[str]) -> None:
    for chunk in chunked(ids):
        connection.execute(
            delete(record_keys).where(record_keys.c.org == org, record_keys.c.object == object, record_keys.c.id.in_(chunk))
        )


def _add_keys(connection: Connection, org: str, rows: Iterable[OrgRecord], fields: Sequence[str]) -> None:
    keys = [
        {"org": org, "object": row.object, "field": field, "value": key, "id": row.id}
        for row in rows
        for field, key in keys_of(row, fields)
    ]
    if keys:
        connection.execute(insert(connection, record_keys).on_conflict_do_nothing(), keys)


def read_indexed(connection: Connection, org: str) -> dict[str, tuple[str, ...]]:
    """Return which fields of which object have keys."""
    stored = read_setting(connection, org, INDEXED) or {}
    return {object: tuple(fields) for object, fields in stored.items()}


def reindex(connection: Connection, org: str, fields: Mapping[str, Sequence[str]]) -> None:
    """Make the keys fit `fields`: drop those no longer wanted, make those that are new for all rows mirrored before."""
    before = read_indexed(connection, org)
    for object in sorted({*before, *fields}):
        old, wanted = set(before.get(object, ())), set(fields.get(object, ()))
        for field in sorted(old - wanted):
            connection.execute(
                delete(record_keys).where(record_keys.c.org == org, record_keys.c.object == object, record_keys.c.field == field)
            )
        if wanted - old:
            for rows in _pages(connection, org, object):
                _add_keys(connection, org, rows, sorted(wanted - old))
    write_setting(connection, org, INDEXED, {object: sorted(set(names)) for object, names in sorted(fields.items())})


def _pages(connection: Connection, org: str, object: str) -> Iterator[list[OrgRecord]]:
    after_id = ""
    while True:
        query = select(*_ROW).where(records.c.org == org, records.c.object == object, records.c.id > after_id)
        page = [to_record(*row) for row in connection.execute(query.order_by(records.c.id).limit(_BACKFILL_ROWS))]
        if not page:
            return
        yield page
        after_id = page[-1].id


def refuse_reindex(where: str) -> StoreUnusable:
    """Make the error for a reader that asks for keys nobody made."""
    return StoreUnusable(
        f"{where}: opened for reading only, but the mapping files now look up fields that have no keys yet.",
        hint="Run `syncd run --once`: the next cycle makes them.",
    )
