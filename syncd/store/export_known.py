"""What is known of people from exports before, and which rows of the mirror does a sieve hold an export against?

A row hash says: this row was compared with this very record, its flags and its keys, and nothing followed. Whatever changes one
of these empties it in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
    true,
    update,
)  # fmt: skip
from sqlalchemy.dialects.sqlite import Insert

from syncd.ports.sifting import CUT, KnownRow, PeopleBlock, UnchangedLine
from syncd.store.among import among
from syncd.store.base import Reads, Writes, insert_in
from syncd.store.encoding import to_json, to_key
from syncd.store.inserting import insert_rows
from syncd.store.layouts import lookup_number, names_of
from syncd.store.tables import export_known, flags, former_handles, record_keys, records, verdicts

PEOPLE = ("Lead", "Contact")
FIELDS_CHARS_MAX = 100_000
"""A record with more text than this comes without its fields: nothing can be said of it but that it is there."""
ID_CHARS, HASH_CHARS = 18, 32
_ROWS_AT_ONCE = 20_000
_COLUMNS = ("org", "person_id", "source", "row_hash", "newest", "would_write")


class KnownReads(Reads):
    """What exports said before, and the mirror as blocks of text lines for a program that reads a million of them."""

    indexed: Mapping[str, Sequence[str]]

    def newest_stamps(self, source: str, person_ids: Iterable[str]) -> dict[str, str]:
        """Return by person how new the newest row of a source was; people of whom no row had a time are left out."""
        known = export_known.c
        with self._reading() as connection:
            mine = (known.org == self.org, known.source == source, known.newest != "")
            query = select(known.person_id, known.newest).where(*mine, among(connection, known.person_id, set(person_ids)))
            return {row[0]: row[1] for row in connection.execute(query)}

    def known_rows(self, source: str) -> Iterator[str]:
        """Give person, row hash, newest and would_write of everybody whom a source named, in blocks of lines."""
        known = export_known.c
        line = _line(known.person_id, func.coalesce(known.row_hash, ""), known.newest, cast(known.would_write, Text))
        yield from self._blocks(select(line).where(known.org == self.org, known.source == source))

    def flagged(self) -> Iterator[str]:
        """Give person and address of every flag fact, whatever it says, in blocks of lines."""
        line = _line(flags.c.person_id, _on_one_line(flags.c.address))
        yield from self._blocks(select(line).where(flags.c.org == self.org))

    def told_rows(self, source: str) -> Iterator[str]:
        """Give the names of people of whom a row of this source waits in the inbox, in blocks of lines."""
        mine = (verdicts.c.org == self.org, verdicts.c.scope == f"inbox:{source}", verdicts.c.verdict != "")
        yield from self._blocks(select(_on_one_line(verdicts.c.subject)).where(*mine))

    def people_blocks(self) -> Iterator[PeopleBlock]:
        """Give id, keys and fields of every live lead and contact, in blocks of lines."""
        row = records.c
        with self._reading() as connection:
            for object in PEOPLE:
                live = (row.org == self.org, row.object == object, ~row.is_deleted)
                for layout in connection.execute(select(row.layout).where(*live).distinct()).scalars().all():
                    fields = case((func.length(row.fields) > FIELDS_CHARS_MAX, ""), else_=row.fields)
                    line = _line(row.id, func.coalesce(row.found_by, ""), fields)
                    names = names_of(connection, layout)
                    for block in _blocks(connection, select(line).where(*live, row.layout == layout)):
                        yield PeopleBlock(object, names, tuple(self.indexed.get(object, ())), block)

    def _blocks(self, query: Select[str]) -> Iterator[str]:
        with self._reading() as connection:
            yield from _blocks(connection, query)


class KnownWrites(Writes):
    """What exports said."""

    def put_known(self, source: str, rows: Sequence[KnownRow]) -> None:
        """Remember the newest row of each person; a row without a time leaves the time that is known."""
        if not rows:
            return
        timed = [(self.org, row[0], source, row[1], row[2], row[3]) for row in rows if row[2]]
        insert_rows(self.connection, export_known, _COLUMNS, timed, _COLUMNS[3:])
        others = [(self.org, row[0], source, row[1], "", row[3]) for row in rows if not row[2]]
        insert_rows(self.connection, export_known, _COLUMNS, others, ("row_hash", "would_write"))

    def put_unchanged(self, source: str, lines: Sequence[UnchangedLine]) -> None:
        """Remember rows that lead to nothing: the database cuts the lines, which takes half as long as to hand it each value."""
        given = {"of_org": self.org, "of_source": source, "lines": to_json(list(lines))}
        self.connection.execute(_remembering(self.connection.dialect.name), given)

    def forget_rows(self, person_ids: Collection[str]) -> None:
        """Let the next row about these people be looked at again, from whatever source."""
        forget_rows(self.connection, self.org, person_ids)


@cache
def _remembering(dialect: str) -> Insert:
    """Build the statement for lines that come as one JSON array."""
    if dialect == "sqlite":
        line = func.json_each(bindparam("lines", type_=Text)).table_valued("value").c.value
    else:
        line = func.json_array_elements_text(cast(bindparam("lines", type_=Text), JSON)).table_valued("value").c.value
    values = {
        "org": bindparam("of_org", type_=Text),
        "person_id": func.substr(line, 1, ID_CHARS),
        "source": bindparam("of_source", type_=Text),
        "row_hash": func.nullif(func.trim(func.substr(line, ID_CHARS + 1, HASH_CHARS)), ""),
        "newest": func.substr(line, ID_CHARS + HASH_CHARS + 1),
        "would_write": literal(0),
    }
    statement = insert_in(dialect, export_known).from_select(list(values), select(*values.values()).where(true()))
    new = statement.excluded
    newest = case((new.newest == "", export_known.c.newest), else_=new.newest)
    changes = {"row_hash": new.row_hash, "newest": newest, "would_write": new.would_write}
    return statement.on_conflict_do_update(index_elements=list(export_known.primary_key), set_=changes)


def forget_rows(connection: Connection, org: str, person_ids: Collection[str]) -> None:
    """Empty the row hashes of people."""
    if person_ids and _has_any(connection, org):
        _forget(connection, org, among(connection, export_known.c.person_id, person_ids))


def forget_sharing(connection: Connection, org: str, field: str, values: Collection[str]) -> None:
    """Empty the row hashes of everybody who is found by one of these keys: a match may have become ambiguous."""
    if not values or not _has_any(connection, org):
        return
    for object in PEOPLE:
        mine = record_keys.c.lookup == lookup_number(org, object, field)
        shared = select(record_keys.c.id).where(mine, among(connection, record_keys.c.value, values))
        _forget(connection, org, export_known.c.person_id.in_(shared))


def forget_flagged(connection: Connection, org: str, person_ids: Iterable[str | None], addresses: Iterable[str | None]) -> None:
    """Empty the row hashes of people whose flags change, named by id or by an address that they have or had."""
    if not _has_any(connection, org):
        return
    keys = {key for one in addresses if (key := to_key(one)) is not None}
    former = former_handles.c
    had = select(former.person_id).where(former.org == org, among(connection, former.handle, keys))
    had_it = connection.execute(had).scalars().all() if keys else ()
    forget_rows(connection, org, {id for id in person_ids if id} | set(had_it))
    forget_sharing(connection, org, "Email", keys)


def forget_all(connection: Connection, org: str) -> None:
    """Empty all row hashes: the keys of many records change at once."""
    if _has_any(connection, org):
        _forget(connection, org)


def _has_any(connection: Connection, org: str) -> bool:
    return connection.execute(select(literal(1)).where(export_known.c.org == org).limit(1)).first() is not None


def _forget(connection: Connection, org: str, *whose: ColumnElement[bool]) -> None:
    mine = (export_known.c.org == org, export_known.c.row_hash.is_not(None))
    connection.execute(update(export_known).where(*mine, *whose).values(row_hash=None))


def _on_one_line(column: ColumnElement[str]) -> ColumnElement[str]:
    return func.replace(func.replace(func.replace(column, "\n", " "), "\r", " "), CUT, " ")


def _line(*columns: ColumnElement[str]) -> ColumnElement[str]:
    line = columns[0]
    for column in columns[1:]:
        line = line.concat(CUT).concat(column)
    return line


def _blocks(connection: Connection, query: Select[str]) -> Iterator[str]:
    """Give the lines of a query in blocks.

    From SQLite as the driver has them: a row object for each of a million lines would double the time. PostgreSQL would send all
    of them at once, were they not streamed by SQLAlchemy.
    """
    if connection.dialect.name == "sqlite":
        result = connection.execute(query)
        while result.cursor is not None and (rows := result.cursor.fetchmany(_ROWS_AT_ONCE)):
            yield "\n".join([row[0] for row in rows]) + "\n"
        return
    streamed = connection.execution_options(stream_results=True, yield_per=_ROWS_AT_ONCE).execute(query)
    for some in streamed.partitions(_ROWS_AT_ONCE):
        yield "\n".join([row[0] for row in some]) + "\n"
