"""Where do the org's records live? In one in-memory SQLite database, a typed table per object."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from syncd.sandbox.schema import Field, Schema, SObject

Row = dict[str, Any]
_INDEXED_FIELDS = frozenset({"email", "name", "username", "developername"})
_UNINDEXED_REFERENCES = (
    "createdbyid",
    "lastmodifiedbyid",
    "masterrecordid",
    "recordtypeid",
    "lastamount",
    "lastclose",
    "converted",
    "pricebook",
    "reportsto",
    "manager",
    "campaignmemberrecordtype",
)
_LOGS = (
    'CREATE TABLE "_Deleted" (Object TEXT, Id TEXT, DeletedAt TEXT)',
    'CREATE INDEX "_Deleted_when" ON "_Deleted" (Object, DeletedAt)',
    'CREATE TABLE "_Deeds" (N INTEGER PRIMARY KEY AUTOINCREMENT, At TEXT, UserId TEXT, Via TEXT, Object TEXT, RecordId TEXT, '
    "Field TEXT, Before, After, Hand TEXT, MadeAt TEXT)",
)


def quoted(name: str) -> str:
    """Quote a table or column name; names come from the schema, never from a request."""
    return '"' + name + '"'


def _person(column: str, lead_column: str | None = None) -> str:
    return (
        f'COALESCE((SELECT p."{column}" FROM "Contact" p WHERE p."Id" = {{t}}."ContactId"), '  # noqa: S608
        f'(SELECT p."{lead_column or column}" FROM "Lead" p WHERE p."Id" = {{t}}."LeadId"))'
    )


def _members(condition: str) -> str:
    return (
        '(SELECT COUNT(*) FROM "CampaignMember" m WHERE m."CampaignId" = {t}."Id" AND m."IsDeleted" = 0 '  # noqa: S608
        f"AND {condition})"
    )


VIRTUAL: dict[str, str] = {
    "open_activity": 'EXISTS (SELECT 1 FROM "Task" a WHERE a."WhatId" = {t}."Id" AND a."IsClosed" = 0 AND a."IsDeleted" = 0)',
    "overdue_task": 'EXISTS (SELECT 1 FROM "Task" a WHERE a."WhatId" = {t}."Id" AND a."IsClosed" = 0 '
    'AND a."IsDeleted" = 0 AND a."ActivityDate" < org_today())',
    "campaign_leads": _members('m."LeadId" IS NOT NULL AND m."ContactId" IS NULL'),
    "campaign_contacts": _members('m."ContactId" IS NOT NULL'),
    "campaign_responses": _members('m."HasResponded" = 1'),
    "member_type": "CASE WHEN {t}.\"ContactId\" IS NULL THEN 'Lead' ELSE 'Contact' END",
    "member_person": 'COALESCE({t}."ContactId", {t}."LeadId")',
    "member_owner": _person("OwnerId"),
    "member_salutation": _person("Salutation"),
    "member_name": _person("Name"),
    "member_first_name": _person("FirstName"),
    "member_last_name": _person("LastName"),
    "member_title": _person("Title"),
    "member_email": _person("Email"),
    "member_phone": _person("Phone"),
    "member_source": _person("LeadSource"),
    "member_opt_out": _person("HasOptedOutOfEmail"),
    "member_do_not_call": _person("DoNotCall"),
    "member_company": 'COALESCE((SELECT c."Name" FROM "Contact" p JOIN "Account" c ON c."Id" = p."AccountId" '
    'WHERE p."Id" = {t}."ContactId"), (SELECT p."Company" FROM "Lead" p WHERE p."Id" = {t}."LeadId"))',
}


def expression(field: Field, alias: str) -> str:
    """Write the SQL that reads one field of the table known as `alias`."""
    if field.virtual is not None:
        template = field.virtual[1:] if field.virtual.startswith("=") else VIRTUAL[field.virtual]
        return template.replace("{t}", alias)
    return f"{alias}.{quoted(field.name)}"


def _indexed(field: Field) -> bool:
    lower = field.name.lower()
    if not field.stored:
        return False
    if field.type == "reference":
        return not lower.startswith(_UNINDEXED_REFERENCES)
    return field.external_id or field.unique or lower in _INDEXED_FIELDS


class Database:
    """The tables. Statements are parameterised; the caller holds the org's lock."""

    def __init__(self, today: Callable[[], str]) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.connection.create_function("org_today", 0, today)
        for pragma in ("journal_mode=MEMORY", "synchronous=OFF", "temp_store=MEMORY", "cache_size=-64000"):
            self.connection.execute("PRAGMA " + pragma)

    def create_tables(self, schema: Schema) -> None:
        """Make one table per object, with the indexes that Salesforce would have."""
        for each in schema.objects.values():
            self.create_table(each)
        for statement in _LOGS:
            self.connection.execute(statement)

    def create_table(self, sobject: SObject) -> None:
        """Make one object's table, with its indexes."""
        columns = [
            f"{quoted(field.name)} {field.column_type}"
            for field in sobject.fields.values()
            if field.stored and field.name != "Id"
        ]
        self.connection.execute(f'CREATE TABLE {quoted(sobject.name)} ("Id" TEXT PRIMARY KEY, {", ".join(columns)})')
        for field in sobject.fields.values():
            if _indexed(field):
                self.add_index(sobject.name, field.name)
        for stamp in ("SystemModstamp", "CreatedDate"):
            if sobject.has(stamp):
                self.add_index(sobject.name, stamp, "Id")

    def add_index(self, table: str, *columns: str) -> None:
        """Index columns of a table."""
        name = quoted("_".join((table, *columns)))
        self.connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {quoted(table)} ({', '.join(map(quoted, columns))})")

    def drop_indexes(self, table: str) -> list[str]:
        """Drop a table's indexes and return the statements that make them again; for loads."""
        found = self.connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", (table,)
        ).fetchall()
        for name, _ in found:
            self.connection.execute(f"DROP INDEX {quoted(name)}")
        return [sql for _, sql in found]

    def add_column(self, table: str, field: Field) -> None:
        """Add the column of a custom field."""
        self.connection.execute(f"ALTER TABLE {quoted(table)} ADD COLUMN {quoted(field.name)} {field.column_type}")
        if _indexed(field):
            self.add_index(table, field.name)

    def insert(self, table: str, values: Mapping[str, Any]) -> None:
        """Insert one row."""
        self.connection.execute(self._insert_statement(table, list(values)), list(values.values()))

    def insert_many(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Insert many rows of the same columns."""
        self.connection.executemany(self._insert_statement(table, columns), rows)

    @staticmethod
    def _insert_statement(table: str, columns: Sequence[str]) -> str:
        marks = ", ".join("?" * len(columns))
        return " ".join(("INSERT INTO", quoted(table), "(", ", ".join(map(quoted, columns)), ") VALUES (", marks, ")"))

    def update(self, table: str, record_id: str, changes: Mapping[str, Any]) -> None:
        """Change columns of one row."""
        if changes:
            pairs = ", ".join(f"{quoted(column)} = ?" for column in changes)
            self.connection.execute(
                " ".join(("UPDATE", quoted(table), "SET", pairs, 'WHERE "Id" = ?')), [*changes.values(), record_id]
            )

    def delete(self, table: str, record_id: str) -> None:
        """Remove one row for good."""
        self.connection.execute(" ".join(("DELETE FROM", quoted(table), 'WHERE "Id" = ?')), (record_id,))

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a query and return its rows as dicts, values as stored."""
        cursor = self.connection.execute(statement, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, table: str, record_id: str) -> Row | None:
        """Return one row as stored, or None."""
        found = self.rows(" ".join(("SELECT * FROM", quoted(table), 'WHERE "Id" = ?')), (record_id,))
        return found[0] if found else None

    def where(self, table: str, order: str = "Id", **equal: Any) -> list[Row]:
        """Return the rows whose columns equal the given values (None means null), in id order."""
        conditions = " AND ".join(f"{quoted(column)} IS ?" for column in equal) or "1"
        return self.rows(
            " ".join(("SELECT * FROM", quoted(table), "WHERE", conditions, "ORDER BY", quoted(order))), list(equal.values())
        )

    def exists(self, table: str, record_id: str) -> bool:
        """Tell whether a row has this id, deleted or not."""
        statement = " ".join(("SELECT 1 FROM", quoted(table), 'WHERE "Id" = ?'))
        return self.connection.execute(statement, (record_id,)).fetchone() is not None

    def value(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, or None."""
        found = self.connection.execute(statement, parameters).fetchone()
        return found[0] if found else None

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo everything done inside when the block raises; nests."""
        self.connection.execute("SAVEPOINT step")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO step")
            self.connection.execute("RELEASE step")
            raise
        self.connection.execute("RELEASE step")

    def image(self) -> bytes:
        """Copy the whole database into bytes."""
        return self.connection.serialize()

    def restore(self, image: bytes) -> None:
        """Put the database back to an image.

        By way of a second connection: deserialising into one that has run statements before can crash SQLite.
        """
        with closing(sqlite3.connect(":memory:")) as source:
            source.deserialize(image)
            source.backup(self.connection)

    def close(self) -> None:
        """Let the memory go."""
        self.connection.close()
