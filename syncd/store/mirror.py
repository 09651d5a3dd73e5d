"""What did each row of the org look like when it was last decided on?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select, update

from syncd.core.values import OrgRecord
from syncd.errors import StoreUnusable
from syncd.store.among import among
from syncd.store.base import INDEXED, Reads, Writes, read_setting, write_setting
from syncd.store.encoding import from_json, keys_of, to_json, to_key, to_text
from syncd.store.export_known import PEOPLE, forget_all, forget_rows, forget_sharing
from syncd.store.inserting import KEPT, insert_rows
from syncd.store.layouts import keep_layout, lookup_number, to_array, to_record
from syncd.store.tables import record_keys, records

ROW = (records.c.object, records.c.id, records.c.modified_at, records.c.is_deleted, records.c.layout, records.c.fields)
COLUMNS = ("org", "object", "id", "modified_at", "is_deleted", "layout", "fields", "found_by")
NOTHING_KNOWN: Mapping[str, OrgRecord | None] = {}
_BACKFILL_ROWS = 2_000
_SECOND = "%Y-%m-%dT%H:%M:%S"


def records_by_id(connection: Connection, org: str, object: str, ids: Iterable[str]) -> dict[str, OrgRecord]:
    """Return mirrored rows by id."""
    wanted = list(ids)
    if not wanted:
        return {}
    query = select(*ROW).where(records.c.org == org, records.c.object == object, among(connection, records.c.id, wanted))
    return {row[1]: to_record(connection, *row) for row in connection.execute(query)}


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
        if not keys:
            return []
        with self._reading() as connection:
            query = (
                select(*ROW)
                .select_from(record_keys.join(records, records.c.id == record_keys.c.id))
                .where(records.c.org == self.org, records.c.object == object)
                .where(self._under(object, field), among(connection, record_keys.c.value, keys))
            )
            return sorted((to_record(connection, *row) for row in connection.execute(query)), key=lambda record: record.id)

    def scan(
        self, object: str, *, field: str | None = None, values: Iterable[str] = (), after_id: str = "", limit: int = 1000
    ) -> list[OrgRecord]:
        """Return the next live rows of an object in id order, optionally only those with an indexed value.

        Shapes: with a field, an empty list of values finds nothing.
        """
        if field is None:
            query = (
                select(*ROW)
                .where(records.c.org == self.org, records.c.object == object, ~records.c.is_deleted, records.c.id > after_id)
                .order_by(records.c.id)
                .limit(limit)
            )
            with self._reading() as connection:
                return [to_record(connection, *row) for row in connection.execute(query)]
        self._assert_indexed(object, field)
        keys = {key for value in values if (key := to_key(value)) is not None}
        with self._reading() as connection:
            # One walk for each value: each is in id order as it stands, while an IN list would be sorted anew for every page.
            walks = [self._ids_with(connection, object, field, key, after_id, limit) for key in sorted(keys)]
            found = records_by_id(connection, self.org, object, islice(merge(*walks), limit))
        return [found[id] for id in sorted(found)]

    def _ids_with(self, connection: Connection, object: str, field: str, key: str, after_id: str, limit: int) -> Sequence[str]:
        query = select(record_keys.c.id).where(
            self._under(object, field), record_keys.c.value == key, record_keys.c.id > after_id
        )
        return connection.execute(query.order_by(record_keys.c.id).limit(limit)).scalars().all()

    def within(self, object: str, field: str, after: datetime, until: datetime) -> Iterator[list[OrgRecord]]:
        """Give live mirrored rows whose indexed time lies after one moment and not after another, in id order, by pages."""
        self._assert_indexed(object, field)
        return self._within(object, field, after, until)

    def _within(self, object: str, field: str, after: datetime, until: datetime) -> Iterator[list[OrgRecord]]:
        # REST and Bulk write the same second in two ways, which agree as far as the second goes.
        first, last = (moment.astimezone(UTC).strftime(_SECOND) for moment in (after, until + timedelta(seconds=1)))
        is_near = (self._under(object, field), record_keys.c.value >= first, record_keys.c.value < last)
        with self._reading() as connection:
            ids = connection.execute(select(record_keys.c.id).where(*is_near).order_by(record_keys.c.id)).scalars().all()
        for page in (ids[start : start + _BACKFILL_ROWS] for start in range(0, len(ids), _BACKFILL_ROWS)):
            found = self.get(object, page)  # by pages: an import may have given a million consents one and the same term
            rows = [row for id in page if (row := found.get(id)) is not None and after < (row.moment(field) or after) <= until]
            if rows:
                yield rows

    def count(self, object: str) -> int:
        """Count the live mirrored rows of an object."""
        query = select(func.count()).where(records.c.org == self.org, records.c.object == object, ~records.c.is_deleted)
        with self._reading() as connection:
            return connection.execute(query).scalar_one()

    def _under(self, object: str, field: str) -> ColumnElement[bool]:
        return record_keys.c.lookup == lookup_number(self.org, object, field)

    def _assert_indexed(self, object: str, field: str) -> None:
        if field not in self.indexed.get(object, ()):
            raise AssertionError(f"{object}.{field} is looked up but was not named to Store.index()")


class MirrorWrites(Writes):
    """Rows as decided on."""

    def mirror(self, records: Sequence[OrgRecord], known: Mapping[str, OrgRecord | None] = NOTHING_KNOWN) -> None:
        """Insert or replace mirrored rows with their keys, history rows included.

        Shapes: `known` saves reading again what the mirror holds until now, by id; None: it has no such row.
        """
        by_object: dict[str, dict[str, OrgRecord]] = {}
        for record in records:  # of two rows with one id the later one stands
            by_object.setdefault(record.object, {})[record.id] = record
        for object, rows in by_object.items():
            self._mirror_object(object, rows, known)

    def _mirror_object(self, object: str, rows: Mapping[str, OrgRecord], known: Mapping[str, OrgRecord | None]) -> None:
        fields = self.indexed.get(object, ())
        before = self._keys_before(object, rows, known) if fields else {}
        values, after = [], {}
        layout_of: dict[tuple[str, ...], int] = {}
        for id, row in rows.items():
            names, array = to_array(row.fields)
            if names not in layout_of:
                layout_of[names] = keep_layout(self.connection, object, names)
            keys = keys_of(row, fields)
            if keys is not None and before.get(id) == keys:
                del before[id]  # found as before
            elif keys is not None:
                after[id] = keys
            found_by = None if keys is None else to_json(keys)
            values.append((self.org, object, id, to_text(row.modified_at), row.is_deleted, layout_of[names], array, found_by))
        insert_rows(self.connection, records, COLUMNS, values, COLUMNS[3:])
        change_keys(self.connection, self.org, object, fields, before, after)
        if object in PEOPLE:
            forget_rows(self.connection, self.org, rows.keys())
            for place, field in enumerate(fields):
                forget_sharing(
                    self.connection, self.org, field, {key for keys in after.values() if (key := keys[place]) is not None}
                )

    def _keys_before(self, object: str, ids: Iterable[str], known: Mapping[str, OrgRecord | None]) -> dict[str, list[str | None]]:
        fields = self.indexed[object]
        found = {id: keys for id in ids if (row := known.get(id)) is not None and (keys := keys_of(row, fields)) is not None}
        if unknown := [id for id in ids if id not in known]:
            found |= stored_keys(self.connection, self.org, object, unknown)
        return found


def stored_keys(connection: Connection, org: str, object: str, ids: Iterable[str]) -> dict[str, list[str | None]]:
    """Return the keys of mirrored rows that have some."""
    mine = (records.c.org == org, records.c.object == object, records.c.found_by.is_not(None))
    query = select(records.c.id, records.c.found_by).where(*mine, among(connection, records.c.id, ids))
    return {id: from_json(found_by) for id, found_by in connection.execute(query)}


def change_keys(
    connection: Connection,
    org: str,
    object: str,
    fields: Sequence[str],
    before: Mapping[str, Sequence[str | None]],
    after: Mapping[str, Sequence[str | None]],
) -> None:
    """Take rows out of the keys that they no longer have, and put them under their new ones."""
    old, new = _pairs(org, object, fields, before), _pairs(org, object, fields, after)
    gone = [{"of_lookup": lookup, "of_value": value, "of_id": id} for lookup, value, id in sorted(old - new)]
    if gone:
        mine = [record_keys.c[name] == bindparam(f"of_{name}") for name in ("lookup", "value", "id")]
        connection.execute(delete(record_keys).where(*mine), gone)
    insert_rows(connection, record_keys, ("lookup", "value", "id"), sorted(new - old), KEPT)


def _pairs(org: str, object: str, fields: Sequence[str], keys: Mapping[str, Sequence[str | None]]) -> set[tuple[int, str, str]]:
    lookups = [lookup_number(org, object, field) for field in fields]
    return {
        (lookup, value, id)
        for id, values in keys.items()
        for lookup, value in zip(lookups, values, strict=True)
        if value is not None
    }


def read_indexed(connection: Connection, org: str) -> dict[str, tuple[str, ...]]:
    """Return which fields of which object have keys."""
    stored = read_setting(connection, org, INDEXED) or {}
    return {object: tuple(fields) for object, fields in stored.items()}


def reindex(connection: Connection, org: str, fields: Mapping[str, Sequence[str]]) -> None:
    """Make the keys fit `fields`: drop those no longer wanted, make those that are new for all rows mirrored before."""
    before = read_indexed(connection, org)
    for object in sorted({*before, *fields}):
        old, wanted = sorted(set(before.get(object, ()))), sorted(set(fields.get(object, ())))
        if old == wanted:
            continue
        forget_all(connection, org)
        for field in old:
            if field not in wanted:
                connection.execute(delete(record_keys).where(record_keys.c.lookup == lookup_number(org, object, field)))
        for rows in _pages(connection, org, object):
            _rekey(connection, org, object, rows, wanted)
    write_setting(connection, org, INDEXED, {object: sorted(set(names)) for object, names in sorted(fields.items())})


def _rekey(connection: Connection, org: str, object: str, rows: Sequence[OrgRecord], fields: Sequence[str]) -> None:
    keys = {row.id: found for row in rows if (found := keys_of(row, fields)) is not None}
    same = [records.c[name] == bindparam(f"of_{name}") for name in ("org", "object", "id")]
    changed = [
        {"of_org": org, "of_object": object, "of_id": row.id, "new": to_json(keys[row.id]) if row.id in keys else None}
        for row in rows
    ]
    connection.execute(update(records).where(*same).values(found_by=bindparam("new")), changed)
    change_keys(connection, org, object, fields, {}, keys)


def _pages(connection: Connection, org: str, object: str) -> Iterator[list[OrgRecord]]:
    after_id = ""
    while True:
        query = select(*ROW).where(records.c.org == org, records.c.object == object, records.c.id > after_id)
        page = [to_record(connection, *row) for row in connection.execute(query.order_by(records.c.id).limit(_BACKFILL_ROWS))]
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
