"""The floor: what a competent bare loop takes for the same reads, and nothing else is done.

Rows go into one SQLite table a object, by primary key, WAL, a commit a page.

usage: python -m bench.floor URL CLIENT_ID CLIENT_SECRET DATABASE     (then one JSON line a task)
"""

from __future__ import annotations

import csv
import io
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from bench.child import serve, spending
from bench.client import BASE, Client
from bench.floor_writes import FloorWrites

BULK_PAGE_ROWS = 50_000


class Floor(FloorWrites):
    """The bare loops over one org and one database."""

    def __init__(self, client: Client, database: str) -> None:
        super().__init__(client)
        self._rows = sqlite3.connect(database)
        self._rows.execute("PRAGMA journal_mode=WAL")

    def rest_load(self, object: str, fields: Sequence[str]) -> dict[str, Any]:
        """Read all rows of an object by query pages."""
        insert = self._table(object, fields)
        rows = 0
        with spending() as spent:
            for page in self._client.query(_statement(object, fields, "ORDER BY SystemModstamp, Id")):
                self._keep(insert, [[row[name] for name in fields] for row in page])
                rows += len(page)
        return {"rows": rows, **spent.as_dict()}

    def bulk_load(self, object: str, fields: Sequence[str]) -> dict[str, Any]:
        """Read all rows of an object by a Bulk API 2.0 query job, streamed from the socket."""
        insert = self._table(object, fields)
        with spending() as spent:
            body = {"operation": "query", "query": _statement(object, fields, "")}
            path = f"{BASE}/jobs/query/{self._client.json('POST', f'{BASE}/jobs/query', body)['id']}"
            self._client.wait(path)
            locator = ""
            while locator != "null":
                more = {"maxRecords": str(BULK_PAGE_ROWS)} | ({"locator": locator} if locator else {})
                url = f"{self._client.url}{path}/results"
                with self._client.session.get(url, params=more, stream=True, timeout=600) as answer:
                    raw: Any = answer.raw
                    raw.decode_content, raw.auto_close = True, False
                    lines = csv.reader(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
                    next(lines)
                    self._keep(insert, lines)
                    locator = answer.headers["Sforce-Locator"]
        rows = self._rows.execute(f"SELECT COUNT(*) FROM {object}").fetchone()[0]  # noqa: S608  # our own object names
        return {"rows": rows, **spent.as_dict()}

    def changes(self, questions: Sequence[tuple[str, Sequence[str], str]]) -> dict[str, Any]:
        """Read what changed, as (object, fields, condition), one query each, and upsert the rows."""
        rows = 0
        inserts = [self._table(object, fields) for object, fields, _ in questions]
        self._rows.execute("PRAGMA wal_autocheckpoint=0")  # between two rounds instead, as syncd has it
        with spending() as spent:
            for insert, (object, fields, condition) in zip(inserts, questions, strict=True):
                for page in self._client.query(_statement(object, fields, condition)):
                    self._keep(insert, [[row[name] for name in fields] for row in page])
                    rows += len(page)
        self._rows.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return {"rows": rows, **spent.as_dict()}

    def ids(self, object: str, limit: int) -> dict[str, Any]:
        """Return record ids in order."""
        pages = self._client.query(f"SELECT Id FROM {object} ORDER BY Id LIMIT {limit}")  # noqa: S608
        return {"ids": [row["Id"] for page in pages for row in page]}

    def _table(self, object: str, fields: Sequence[str]) -> str:
        columns = ", ".join(f"{name} PRIMARY KEY" if name == "Id" else name for name in fields)
        self._rows.execute(f"CREATE TABLE IF NOT EXISTS {object} ({columns})")
        marks = ",".join("?" * len(fields))
        return f"INSERT OR REPLACE INTO {object} VALUES ({marks})"  # noqa: S608

    def _keep(self, insert: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._rows:
            self._rows.executemany(insert, rows)


def _statement(object: str, fields: Sequence[str], condition: str) -> str:
    return f"SELECT {', '.join(fields)} FROM {object} {condition}".rstrip()  # noqa: S608


def main() -> None:
    """Serve the tasks."""
    url, client_id, client_secret, database = sys.argv[1:5]
    floor = Floor(Client(url, client_id, client_secret), database)
    names = ("rest_load", "bulk_load", "changes", "ids", "collections", "bulk_update")
    serve({name: getattr(floor, name) for name in names})


if __name__ == "__main__":
    main()
