"""How do a million rows get into the mirror? By column, in one prepared statement for many rows, their keys sorted at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import repeat

import orjson
from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    Connection,
    Insert,
    Update,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    update,
)

from syncd.core.values import Scalar
from syncd.ports import Chunk, Packed
from syncd.store.base import Reads, Writes, insert
from syncd.store.encoding import to_json, to_key, to_text
from syncd.store.export_known import PEOPLE, forget_all, forget_rows
from syncd.store.inserting import KEPT, insert_columns
from syncd.store.layouts import keep_layout, lookup_number
from syncd.store.staging import stage_rows
from syncd.store.tables import record_keys, records

KEYED_AT_ONCE = 1_000_000
"""Rows whose keys one transaction makes: it takes a few seconds, which other writers wait for."""
_BLANK = re.compile(r"\s")
_STAMP_CHARS = len("2026-01-02T03:04:05.000Z")
_Columns = Mapping[str, Sequence[object]]


class LoadReads(Reads):
    """What is done with rows before a transaction begins."""

    indexed: Mapping[str, Sequence[str]]

    def pack(self, chunk: Chunk) -> Packed:
        """Prepare rows for `load` or `reload`, outside of the transaction that then takes them."""
        fields = self.indexed.get(chunk.object, ())
        found_by: Sequence[object] = [None] * len(chunk.ids)
        if fields and set(fields) <= set(chunk.names):
            keys = [_keys(chunk.columns[chunk.names.index(field)]) for field in fields]
            nothing = to_json([None] * len(fields))
            found_by = [keyed if keyed != nothing else None for keyed in _arrays(keys)]
        columns = {
            "id": chunk.ids,
            "modified_at": _times(chunk.stamps),
            "fields": _arrays(chunk.columns),
            "found_by": found_by,
        }
        return Packed(chunk, columns)


class LoadWrites(Writes):
    """What Bulk jobs brought."""

    def load(self, packed: Packed) -> int:
        """Put rows of a first load straight into the mirror; those that are there stay as they are. Returns how many are new.

        Shapes: nobody can look them up by key before `key_loaded`.
        """
        chunk = packed.chunk
        if not chunk.ids:
            return 0
        layout = keep_layout(self.connection, chunk.object, chunk.names)
        constants = {"org": self.org, "object": chunk.object, "is_deleted": False, "layout": layout}
        same = {name: [value] * len(chunk.ids) for name, value in constants.items()}
        count = insert_columns(self.connection, records, {**packed.columns, **same}, KEPT)
        if count and chunk.object in PEOPLE:
            forget_rows(self.connection, self.org, chunk.ids)
        return count

    def reload(self, packed: Packed, subject_field: str | None) -> int:
        """Take rows of an object that is read again. Returns how many are staged to be decided.

        Shapes: a row whose stamp is the mirror's is put into the mirror: what differs is a field that is new to syncd, or one
        that Salesforce works out. Other rows are staged, unless the mirror has a newer one.
        """
        chunk, columns = packed.chunk, packed.columns
        if not chunk.ids:
            return 0
        layout = keep_layout(self.connection, chunk.object, chunk.names)
        is_changed = _run(self.connection, _REFRESH, columns, {"org": self.org, "object": chunk.object, "layout": layout})
        if is_changed and chunk.object in PEOPLE:
            forget_rows(self.connection, self.org, chunk.ids)
        subjects = chunk.ids
        if subject_field in chunk.names:
            parents = chunk.columns[chunk.names.index(subject_field)]
            subjects = [str(parent or id) for parent, id in zip(parents, chunk.ids, strict=True)]
        rows = zip(chunk.ids, subjects, columns["modified_at"], columns["fields"], strict=True)
        return stage_rows(
            self.connection,
            [
                {
                    "org": self.org,
                    "object": chunk.object,
                    "id": id,
                    "subject_id": subject,
                    "modified_at": at,
                    "order_at": at,
                    "is_deleted": False,
                    "layout": layout,
                    "fields": fields,
                }
                for id, subject, at, fields in rows
            ],
            spares_deleted=True,
        )

    def key_loaded(self, object: str, after_id: str = "") -> str | None:
        """Make the keys of rows that were loaded, in id order, some of them in each transaction.

        Shapes: returns the id to go on after, or None when all rows have their keys.
        """
        mine = (records.c.org == self.org, records.c.object == object, records.c.id > after_id)
        last_id = self.connection.execute(
            select(records.c.id).where(*mine).order_by(records.c.id).offset(KEYED_AT_ONCE - 1).limit(1)
        ).scalar_one_or_none()
        span = (*mine, records.c.id <= last_id) if last_id is not None else mine
        fields = self.indexed.get(object, ())
        if fields and object in PEOPLE:
            forget_all(self.connection, self.org)
        if fields:
            self.connection.execute(self._keying([lookup_number(self.org, object, field) for field in fields], span))
        return last_id

    def _keying(self, lookups: Sequence[int], span: Sequence[ColumnElement[bool]]) -> Insert:
        """Write the statement that takes the keys of all fields out of each row in one walk over the rows."""
        if self.connection.dialect.name == "postgresql":
            elements = (
                func.json_array_elements_text(cast(records.c.found_by, JSON))
                .table_valued("value", with_ordinality="place", joins_implicitly=True)
                .render_derived()
            )
            place: ColumnElement[int] = elements.c.place - 1
        else:
            elements = func.json_each(records.c.found_by).table_valued("key", "value", joins_implicitly=True)
            place = elements.c.key
        lookup = case(*((place == number, literal(lookup)) for number, lookup in enumerate(lookups))).label("lookup")
        found = (
            select(lookup, elements.c.value.label("value"), records.c.id)
            .select_from(records, elements)
            .where(*span, records.c.found_by.is_not(None), elements.c.value.is_not(None))
        )
        # Sorted by the database first, a million keys go in at the end of the table one after the other.
        keyed = found.order_by(lookup, elements.c.value, records.c.id)
        return insert(self.connection, record_keys).from_select(["lookup", "value", "id"], keyed).on_conflict_do_nothing()


def _arrays(columns: Sequence[Sequence[Scalar]]) -> list[str]:
    try:
        return [orjson.dumps(row).decode() for row in zip(*columns, strict=True)]
    except TypeError:
        return [to_json(row) for row in zip(*columns, strict=True)]


def _keys(column: Sequence[Scalar]) -> Sequence[Scalar]:
    """Return `to_key` of every value, without calling it where the texts of the column are their own keys."""
    if not {str, type(None)}.issuperset(map(type, column)):
        return [to_key(value) for value in column]
    texts = ",".join(map(str, filter(None, column)))
    if "@" not in texts or (texts.isascii() and texts == texts.lower() and not _BLANK.search(texts)):
        return [value or None for value in column] if "" in column else column
    return [to_key(value) for value in column]


def _times(stamps: Sequence[str]) -> list[str]:
    if all(len(stamp) == _STAMP_CHARS for stamp in stamps):
        return [stamp[:-1] + "000Z" for stamp in stamps]
    return [to_text(datetime.fromisoformat(stamp)) for stamp in stamps]


def _given(name: str) -> BindParameter[object]:
    return bindparam(f"of_{name}", type_=records.c[name].type)


_REFRESH = (
    update(records)
    .where(
        *(records.c[name] == _given(name) for name in ("org", "object", "id", "modified_at")),
        ~records.c.is_deleted,
        or_(records.c.layout != _given("layout"), records.c.fields != _given("fields")),
        records.c.found_by.is_not_distinct_from(_given("found_by")),
    )
    .values(layout=_given("layout"), fields=_given("fields"))
)


def _run(connection: Connection, statement: Update, columns: _Columns, constants: Mapping[str, object]) -> int:
    """Carry out a statement once for each row and count the rows; `of_id` takes its values from the column "id"."""
    if connection.dialect.name != "sqlite":
        found = [dict(constants) | dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        given = [{f"of_{name}": value for name, value in row.items()} for row in found]
        return connection.execute(statement.execution_options(preserve_rowcount=True), given).rowcount
    # Tuples in the order of the statement's marks: a dictionary for each of a million rows takes as long as the rows.
    compiled = statement.compile(dialect=connection.dialect)
    order = [name.removeprefix("of_") for name in compiled.positiontup or ()]
    rows_of = [columns[name] if name in columns else repeat(constants[name]) for name in order]
    rows = list(zip(*rows_of))  # noqa: B905 - constants repeat without end
    options = {"preserve_rowcount": True}
    return connection.exec_driver_sql(str(compiled), rows, execution_options=options).rowcount
