"""simple-salesforce as its users write it: all leads into SQLite, by REST pages or by a bulk2 job.

usage: python -m bench.other_loops DATABASE     (then one JSON line a task)
"""

from __future__ import annotations

import csv
import io
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from simple_salesforce.api import Salesforce

from bench.child import serve, spending

BATCH = 2_000


class Loops:
    """The loops over one org behind the front."""

    def __init__(self, database: str) -> None:
        self._rows = sqlite3.connect(database)
        self._rows.execute("PRAGMA journal_mode=WAL")
        domain = "syncd.my"
        self._client: Any = Salesforce(
            consumer_key="sandbox-client", consumer_secret="sandbox-secret", domain=domain, version="62.0"
        )

    def rest(self, object: str, fields: Sequence[str]) -> dict[str, Any]:
        """Iterate over query_all_iter."""

        def rows(statement: str) -> Iterable[Sequence[Any]]:
            return ([row[name] for name in fields] for row in self._client.query_all_iter(statement))

        return self._load(object, fields, rows)

    def bulk2(self, object: str, fields: Sequence[str]) -> dict[str, Any]:
        """Iterate over the pages of bulk2.query."""

        def rows(statement: str) -> Iterable[Sequence[Any]]:
            for page in getattr(self._client.bulk2, object).query(statement):
                lines = csv.reader(io.StringIO(page))
                next(lines)
                yield from lines

        return self._load(object, fields, rows)

    def _load(self, object: str, fields: Sequence[str], read: Callable[[str], Iterable[Sequence[Any]]]) -> dict[str, Any]:
        columns = ", ".join(f"{name} PRIMARY KEY" if name == "Id" else name for name in fields)
        self._rows.execute(f"CREATE TABLE IF NOT EXISTS {object} ({columns})")
        insert = f"INSERT OR REPLACE INTO {object} VALUES ({','.join('?' * len(fields))})"  # noqa: S608
        with spending() as spent:
            rows = iter(read(f"SELECT {', '.join(fields)} FROM {object}"))  # noqa: S608
            while page := list(islice(rows, BATCH)):
                with self._rows:
                    self._rows.executemany(insert, page)
        count = self._rows.execute(f"SELECT COUNT(*) FROM {object}").fetchone()[0]  # noqa: S608
        return {"rows": count, **spent.as_dict()}


def main() -> None:
    """Serve the tasks."""
    loops = Loops(sys.argv[1])
    serve({"rest": loops.rest, "bulk2": loops.bulk2})


if __name__ == "__main__":
    main()
