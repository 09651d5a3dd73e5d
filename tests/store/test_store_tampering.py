"""Someone who can write the file changes the ledger: verify says so and says where."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.core.proof import tree_root
from syncd.core.values import Entry, Intent, Outcome, OutcomeKind, Rule
from syncd.ports import LedgerQuery
from syncd.store.ledger_rows import LEAF_COLUMNS, leaf_of
from syncd.store.sql import SqlStore, Surroundings, open_store

ORG = "00D5e00000SYNCDAAA"
T = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Opener = Callable[..., SqlStore]
CREATES_ROW_13 = ", ".join(f'"{name}"' for name in LEAF_COLUMNS if name != "seq")


def wish(key: str) -> Intent:
    return Intent(key, "Lead", "00Q1", "Status", "MQL", "Open", "revert", Rule("r", "f", 1), "why", "h", "crossing")


@pytest.fixture
def twelve(store: SqlStore, database: Path) -> Path:
    """Return a database with twelve rows: eight changes, intents 9 and 10, the outcome 11 of 9, and a note."""
    with store.begin() as tx:
        tx.append(
            [
                Entry(kind="change", at=T, cycle="c", record_id=f"00Q{n}", before="Open", after=n, actor="Ann", evidence={"n": n})
                for n in range(1, 9)
            ]
        )
        tx.open([(wish("k1"), 1), (wish("k2"), 2)], T, "c")
    with store.begin() as tx:
        tx.close([(next(store.open_intents()), Outcome(OutcomeKind.CONFIRMED))], T, "c")
        tx.append([Entry(kind="note", at=T, cycle="c", reason="end")])
    verification = store.verify()
    assert (verification.problems, verification.rows, verification.open_intents) == ((), 12, 1)
    store.dispose()
    return database


def tampered(path: Path, *statements: str) -> tuple[str, ...]:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    store = open_store(f"sqlite:///{path}", ORG)
    try:
        return store.verify().problems
    finally:
        store.dispose()


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["UPDATE ledger SET reason = 'another' WHERE seq = 5"], ["Row 5: it was changed"]),
        (["UPDATE ledger SET leaf = 'zz' WHERE seq = 12"], ["Row 12: it was changed"]),
        (["UPDATE ledger SET evidence = x'ff00' WHERE seq = 3"], ["Row 3: it was changed"]),
        (["DELETE FROM ledger WHERE seq = 5"], ["Row 5: missing", "Row 5: a value", "Row 12: the head counts 12 rows"]),
        (["DELETE FROM ledger WHERE seq = 1"], ["Row 1: missing"]),
        (["DELETE FROM ledger WHERE seq = 12"], ["Row 12: the head counts 12 rows, only 11 are there"]),
        (["DELETE FROM ledger", "DELETE FROM ledger_values", "DELETE FROM outbox"], ["Row 1: the head counts 12 rows, only 0"]),
        (
            [
                "UPDATE ledger SET seq = 99 WHERE seq = 3",
                "UPDATE ledger SET seq = 3 WHERE seq = 4",
                "UPDATE ledger SET seq = 4 WHERE seq = 99",
            ],
            ["Row 3: it was changed", "Row 3: its value"],
        ),
        (
            ["UPDATE ledger_values SET value = '\"Sold\"' WHERE seq = 4 AND part = 'before'"],
            ["Row 4: its value 'before' was changed"],
        ),
        (["UPDATE ledger_values SET salt = 'no hex' WHERE seq = 4"], ["Row 4: its value 'actor' was changed"]),
        (["UPDATE ledger_values SET value = x'00' WHERE seq = 4"], ["Row 4: its value 'actor' was changed"]),
        (["INSERT INTO ledger_values SELECT org, 12, part, salt, value FROM ledger_values WHERE seq = 1"], ["Row 12: a value"]),
        (["INSERT INTO ledger_values SELECT org, 77, part, salt, value FROM ledger_values WHERE seq = 1"], ["Row 77: a value"]),
        (["DELETE FROM ledger_values WHERE seq = 7 AND part = 'actor'"], ["Row 7: 1 value is gone, first in row 7"]),
        (["DELETE FROM ledger_values"], ["Row 1: 30 values are gone, first in row 1"]),
        (["DELETE FROM outbox"], ["Row 10: an intent without outcome that is not in the outbox"]),
        (["UPDATE outbox SET seq = 3"], ["Row 3: the outbox would send it", "Row 10: an intent without outcome"]),
        (
            ["UPDATE outbox SET payload = replace(payload, '\"Open\"', '\"Sold\"')"],
            ["Row 10: the outbox would send something else"],
        ),
        (["UPDATE outbox SET payload = replace(payload, '00Q1', '00Q9')"], ["Row 10: the outbox would send something else"]),
        (["UPDATE outbox SET payload = '[]'"], ["Row 10: the outbox would send something else"]),
        (["UPDATE ledger SET reason = CAST(x'ff' AS TEXT) WHERE seq = 7"], ["Row 7: it was changed"]),
        (["UPDATE ledger SET seq = 'seven' WHERE seq = 7"], ["Row 7: missing", "Row 13: after row 12 comes one whose number"]),
        (["DELETE FROM ledger_head"], ["Row 1: there are 12 rows, but the head"]),
        (["UPDATE ledger_head SET size = 11"], ["The head of the ledger was changed"]),
        (["UPDATE ledger_head SET frontier = 'xyz'"], ["The head of the ledger was changed"]),
        (["UPDATE ledger SET cause_seq = 10 WHERE seq = 11"], ["Row 11: it was changed", "Row 11: an outcome of row 10"]),
        (
            [f"INSERT INTO ledger (seq, leaf, {CREATES_ROW_13}) SELECT 13, leaf, {CREATES_ROW_13} FROM ledger WHERE seq = 11"],  # noqa: S608
            ["Row 13: it was changed", "Row 13: an outcome of row 9", "Row 13: the head counts 12 rows, but 13 are there"],
        ),
    ],
)
def test_tampering_shows_and_shows_where(twelve: Path, statements: list[str], named: list[str]) -> None:
    problems = tampered(twelve, *statements)
    for words in named:
        assert any(problem.startswith(words) for problem in problems), problems


def test_a_row_rewritten_with_its_leaf_is_found_by_the_root(twelve: Path) -> None:
    with closing(sqlite3.connect(twelve)) as connection:
        columns = ", ".join(f'"{name}"' for name in LEAF_COLUMNS)
        row = list(connection.execute(f"SELECT {columns} FROM ledger WHERE seq = 6").fetchone())  # noqa: S608
    row[LEAF_COLUMNS.index("cycle")] = "c9"
    problems = tampered(twelve, f"UPDATE ledger SET cycle = 'c9', leaf = '{leaf_of(row).hex()}' WHERE seq = 6")  # noqa: S608
    assert len(problems) == 1
    assert problems[0].startswith("Rows 1 to 8: the Merkle root")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seq=st.integers(1, 12),
    column=st.sampled_from([name for name in LEAF_COLUMNS if name not in ("seq", "org")]),
    text=st.text("ab9", min_size=1),
)
def test_any_edit_of_any_column_names_its_row(twelve: Path, seq: int, column: str, text: str) -> None:
    with closing(sqlite3.connect(twelve, isolation_level=None)) as connection:
        [(before,)] = connection.execute(f'SELECT "{column}" FROM ledger WHERE seq = ?', (seq,))  # noqa: S608
        edit = f'UPDATE ledger SET "{column}" = ? WHERE seq = ?'  # noqa: S608
        connection.execute(edit, (text, seq))
        [(after,)] = connection.execute(f'SELECT "{column}" FROM ledger WHERE seq = ?', (seq,))  # noqa: S608
        try:
            problems = tampered(twelve)
        finally:
            connection.execute(edit, (before, seq))
    assert any(problem.startswith(f"Row {seq}: it was changed") for problem in problems) == (before != after)


def test_values_that_are_gone_show_and_leave_leaves_and_root_whole(twelve: Path, opened: Opener) -> None:
    root = opened().verify().root
    [problem] = tampered(twelve, "DELETE FROM ledger_values WHERE seq IN (2, 9)")
    assert problem.startswith("Row 2: 5 values are gone, first in row 2")
    store = opened()
    assert store.verify().root == root
    entry = list(store.ledger(LedgerQuery(limit=2)))[1].entry
    assert (entry.before, entry.after, entry.actor, entry.record_id) == (None, None, None, "00Q2")


def test_personal_values_stand_in_no_ledger_row(twelve: Path) -> None:
    with closing(sqlite3.connect(twelve)) as connection:
        rows = connection.execute("SELECT * FROM ledger WHERE kind = 'change'").fetchall()
    assert "Ann" not in str(rows)
    assert "Open" not in str(rows)


def test_equal_values_have_unequal_commitments(twelve: Path) -> None:
    with closing(sqlite3.connect(twelve)) as connection:
        hashes = [hash for (hash,) in connection.execute("SELECT before_hash FROM ledger WHERE before_hash IS NOT NULL")]
    assert len(hashes) == len(set(hashes)) == 11


def test_leaves_root_and_commitments_can_be_computed_without_syncd(opened: Opener, database: Path) -> None:
    store = opened(around=Surroundings(salts=lambda size: b"\x07" * size))
    with store.begin() as tx:
        tx.append(
            [Entry(kind="note", at=T, cycle="c", before="Ä"), Entry(kind="note", at=T, cycle="c", evidence={"b": 1, "a": "x"})]
        )
    rows = list(store.ledger(LedgerQuery()))
    commitment = sha256(b"\x07" * 32 + '"Ä"'.encode()).hexdigest()
    first = f'{{"at":"2026-03-01T12:00:00.000000Z","before_hash":"{commitment}","cycle":"c","kind":"note","org":"{ORG}","seq":1}}'
    second = (
        '{"at":"2026-03-01T12:00:00.000000Z","cycle":"c","evidence":"{\\"a\\":\\"x\\",\\"b\\":1}",'
        f'"kind":"note","org":"{ORG}","seq":2}}'
    )
    leaves = [sha256(b"\x00" + text.encode()).digest() for text in (first, second)]
    assert [row.leaf for row in rows] == [leaf.hex() for leaf in leaves]
    assert store.verify().root == tree_root(leaves).hex()


@pytest.mark.parametrize("rows", [1, 5, 7])
@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE ledger SET reason = 'x' WHERE seq = 7", "Row 7: it was changed"),
        ("DELETE FROM ledger WHERE seq = 6", "Row 6: missing"),
        ("UPDATE ledger_values SET value = '\"x\"' WHERE seq = 8 AND part = 'before'", "Row 8: its value 'before' was changed"),
        ("UPDATE ledger_values SET salt = 'zz' WHERE seq = 6 AND part = 'actor'", "Row 6: its value 'actor' was changed"),
        ("DELETE FROM ledger_values WHERE seq = 7 AND part = 'actor'", "Row 7: 1 value is gone"),
        ("UPDATE ledger_values SET part = 'reason' WHERE seq = 7 AND part = 'actor'", "Row 7: a value 'reason' is stored"),
    ],
)
def test_tampering_shows_in_whichever_batch_it_lies(
    twelve: Path, monkeypatch: pytest.MonkeyPatch, rows: int, statement: str, named: str
) -> None:
    monkeypatch.setattr("syncd.store.verify._BATCH_ROWS", rows)
    assert any(problem.startswith(named) for problem in tampered(twelve, statement))
