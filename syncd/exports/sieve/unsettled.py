"""Which rows are looked at although they are known, because something waits for the next word about their person?"""

# ruff: noqa: S608  every text that comes from a file goes through sieve.columns.literal
from __future__ import annotations

from typing import TYPE_CHECKING

from syncd.core.kin import handle_of
from syncd.core.mapping import SourceMapping
from syncd.exports.sieve import columns as sql
from syncd.exports.sieve.rows import Cells

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WORDS = {"id": "id:", "external": "ext:", "email": "email:"}
"""What the key of a person begins with, by the kind of key."""


def look_again(database: DuckDBPyConnection, mapping: SourceMapping, cells: Cells) -> None:
    """Take rows out of `hit` about people of whom a row waits in the inbox (`told`), or whose external id something was said of
    (`flagged`) before anybody had it: a row without fault, or one that says the contrary, settles that."""
    keys = {kind: sql.key_of(kind, cells.of(name), mapping.null) for kind, name in mapping.match.items()}
    if database.execute("SELECT 1 FROM told LIMIT 1").fetchall():
        of_told = " OR ".join(
            f"({key} = '?' OR '{WORDS[kind]}' || {key} IN (SELECT name FROM told))" for kind, key in keys.items()
        )
        database.execute(f"DELETE FROM hit WHERE 'id:' || person IN (SELECT name FROM told) OR {_n_where(of_told)}")
    handles = said_of_ids(mapping)
    if "external" in keys and database.execute(f"{handles} LIMIT 1").fetchall():
        is_said = f"({keys['external']} = '?' OR {keys['external']} IN ({handles}))"
        database.execute(f"DELETE FROM hit WHERE {_n_where(is_said)}")


def said_of_ids(mapping: SourceMapping) -> str:
    """Write a query for the external ids that something was said of while nobody had them."""
    handle = sql.literal(handle_of(mapping.external_field or "", "").lower())
    return f"SELECT substr(address, length({handle}) + 1) FROM flagged WHERE starts_with(lower(address), {handle})"


def _n_where(condition: str) -> str:
    return f"n IN (SELECT r.rowid FROM r JOIN hit ON hit.n = r.rowid WHERE {condition})"
