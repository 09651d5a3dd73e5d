"""Does what a ledger of years holds make it no slower to write to, and to ask whom a change is by?"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from syncd.core.values import Entry, InboxItem, Intent, Rule
from syncd.ports import LedgerQuery
from syncd.store.sql import SqlStore

T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
INTENT = Intent("key", "Lead", "00Q1", "Status", "Open", "Working", "fence", Rule("keep", "mappings/fences.toml", 1), "", "", "")


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Collect what is asked of databases in the block."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            found.append((statement, given))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def write(store: SqlStore) -> None:
    with store.begin() as tx:
        tx.open([(INTENT, None)], T, "c1")


def ask(store: SqlStore) -> None:
    assert [row.entry.actor for row in store.ledger(LedgerQuery(actor="Ana"))] == ["Ana"]


@pytest.mark.parametrize(("act", "index"), [(write, "ledger_by_key"), (ask, "ledger_values_by_actor")])
def test_a_long_ledger_is_searched_by_an_index(
    store: SqlStore, database: Path, act: Callable[[SqlStore], None], index: str
) -> None:
    with store.begin() as tx:
        tx.append([Entry(kind="judged", at=T, cycle="c0", actor="Ana")])
    with statements() as asked:
        act(store)
    with closing(sqlite3.connect(database)) as connection:
        plans = [str(row[3]) for text, given in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", given)]
    assert [plan for plan in plans if index in plan]
    assert not [plan for plan in plans if "ledger_by_kind" in plan or plan.startswith("SCAN ledger")]


@pytest.mark.parametrize("kind", [None, "export-row"])
def test_what_is_open_in_the_inbox_is_found_among_all_that_was_closed(store: SqlStore, database: Path, kind: str | None) -> None:
    items = [InboxItem("export-row", f"e.csv:{n}", f"e.csv:{n}", "bad", "mend it") for n in range(3)]
    with store.begin() as tx:
        tx.put_inbox(items, T)
        tx.resolve_inbox("export-row", ["e.csv:0", "e.csv:1"], T)
    with statements() as asked:
        assert [item.subject for _, item, _ in store.inbox(kind=kind)] == ["e.csv:2"]
    with closing(sqlite3.connect(database)) as connection:
        plans = [str(row[3]) for text, given in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", given)]
    assert [plan for plan in plans if "inbox_open" in plan], plans
    assert len(store.inbox(kind=kind, open_only=False)) == 3
    assert store.inbox(kind="other", open_only=False) == []
