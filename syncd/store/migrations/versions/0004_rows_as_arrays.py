"""Keep the mirror's rows as arrays of values, with the names kept once, and look rows up by shorter keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from syncd.store.encoding import from_json, to_json, to_key
from syncd.store.layouts import layout_number, lookup_number

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ROWS = 2_000
_OLD = ("org", "object", "id", "modified_at", "is_deleted", "fields")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "layouts",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    connection = op.get_bind()
    op.rename_table("records", "records_before")
    if connection.dialect.name == "postgresql":
        op.execute("ALTER INDEX IF EXISTS records_pkey RENAME TO records_before_pkey")
    op.create_table(
        "records",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.Text(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("layout", sa.BigInteger(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("found_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("org", "object", "id"),
        sqlite_with_rowid=False,
    )
    op.drop_table("record_keys")
    op.create_table(
        "record_keys",
        sa.Column("lookup", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lookup", "value", "id"),
        sqlite_with_rowid=False,
    )
    op.add_column("staged", sa.Column("layout", sa.BigInteger(), nullable=True))
    _move_rows(connection)
    op.drop_table("records_before")


def _move_rows(connection: sa.Connection) -> None:
    tables = sa.MetaData()
    tables.reflect(connection, only=("records_before", "records", "record_keys", "staged", "layouts", "settings"))
    before, records, keys, staged, layouts, settings = (
        tables.tables[name] for name in ("records_before", "records", "record_keys", "staged", "layouts", "settings")
    )
    seen: set[int] = set()

    def arrayed(object: str, text: str) -> tuple[int, str, dict[str, Any]]:
        fields = from_json(text)
        names = tuple(sorted(fields))
        number = layout_number(object, names)
        if number not in seen:
            connection.execute(layouts.insert(), [{"number": number, "object": object, "names": to_json(names)}])
            seen.add(number)
        return number, to_json([fields[name] for name in names]), fields

    query = sa.select(settings.c.org, settings.c.value).where(settings.c.key == "store.indexed")
    indexed = {org: from_json(value) for org, value in connection.execute(query)}
    for page in _pages(connection, before):
        rows, found = [], []
        for row in page:
            number, values, fields = arrayed(row.object, row.fields)
            names = sorted(indexed.get(row.org, {}).get(row.object, ()))
            looked_up = None if row.is_deleted or not names else [to_key(fields.get(name)) for name in names]
            rows.append(
                {name: getattr(row, name) for name in _OLD}
                | {"layout": number, "fields": values, "found_by": None if looked_up is None else to_json(looked_up)}
            )
            found += [
                {"lookup": lookup_number(row.org, row.object, name), "value": key, "id": row.id}
                for name, key in zip(names, looked_up or (), strict=False)
                if key is not None
            ]
        connection.execute(records.insert(), rows)
        if found:
            connection.execute(keys.insert(), found)
    for page in _pages(connection, staged):
        for row in page:
            if row.fields is None:
                continue
            number, values, _ = arrayed(row.object, row.fields)
            same = (staged.c.org == row.org, staged.c.object == row.object, staged.c.id == row.id)
            connection.execute(staged.update().where(*same).values(layout=number, fields=values))


def _pages(connection: sa.Connection, table: sa.Table) -> Iterator[list[Any]]:
    keys = (table.c.org, table.c.object, table.c.id)
    query = sa.select(table).order_by(*keys).limit(_ROWS)
    page = list(connection.execute(query))
    while page:
        yield page
        last = sa.tuple_(*(sa.literal(getattr(page[-1], key.name)) for key in keys))
        page = list(connection.execute(query.where(sa.tuple_(*keys) > last)))
