"""What did syncd promise to write, and how did it end, by its database? Read with plain SQL."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OUTCOMES = ("confirmed", "rejected", "superseded", "not_sent", "not_applied")
_ROWS = """
SELECT l.seq, l.at, l.kind, l.object, l.record_id, l.field, l.evidence, l.cause_seq, l.key, l.outcome, l.after_hash, v.value
FROM ledger l LEFT JOIN ledger_values v ON v.org = l.org AND v.seq = l.seq AND v.part = 'after'
WHERE l.kind IN ('intent', 'outcome') ORDER BY l.seq
"""


@dataclass(frozen=True, slots=True)
class Promise:
    """One intent: the record's values when it creates one, else the one field to write."""

    seq: int
    at: str
    object: str
    record_id: str
    field: str
    after: Any
    values: Mapping[str, Any] | None
    key: str

    def __str__(self) -> str:
        return f"intent {self.seq} ({self.object} {self.record_id} {self.field} = {self.after!r})"


@dataclass(frozen=True, slots=True)
class End:
    """One outcome."""

    seq: int
    cause_seq: int
    outcome: str


@dataclass(slots=True)
class Book:
    """All intents and outcomes by sequence number, what the outbox holds, and what is wrong with them by themselves."""

    promises: dict[int, Promise] = field(default_factory=dict)
    ends: dict[int, End] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    size: int = 0


def read_book(path: Path) -> Book:
    """Read a database file. Raises sqlite3.Error when it is none."""
    if not path.exists():
        return Book()
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        rows = database.execute(_ROWS).fetchall()
        outbox = {int(seq) for (seq,) in database.execute("SELECT seq FROM outbox")}
    return book_of(rows, outbox)


def size_of(path: Path) -> int:
    """Return the newest sequence number that is committed; 0 for a database that is not there yet."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        try:
            (newest,) = database.execute("SELECT MAX(seq) FROM ledger").fetchone()
        except sqlite3.OperationalError as problem:
            if "no such table" in str(problem):
                return 0
            raise
    return int(newest or 0)


def book_of(rows: Iterable[tuple[Any, ...]], outbox: set[int]) -> Book:
    """Put ledger rows in order; each intent has exactly one outcome or is open, and each outcome its intent before it."""
    book = Book(open=outbox)
    for seq, at, kind, object, record_id, name, evidence, cause_seq, key, outcome, after_hash, value in rows:
        book.size = max(book.size, int(seq))
        if kind == "intent":
            book.promises[seq] = Promise(seq, at, object, record_id, name, _after(value), _values(evidence, _after(value)), key)
            if after_hash is not None and value is None:
                book.problems.append(f"intent {seq} has lost its value")
            continue
        if cause_seq not in book.promises:
            book.problems.append(f"outcome {seq} belongs to no intent before it")
        elif cause_seq in book.ends:
            book.problems.append(f"{book.promises[cause_seq]} has two outcomes: {book.ends[cause_seq].seq} and {seq}")
        else:
            book.ends[cause_seq] = End(seq, cause_seq, str(outcome))
        if outcome not in OUTCOMES:
            book.problems.append(f"outcome {seq} is {outcome!r}, none of {', '.join(OUTCOMES)}")
    unended = book.promises.keys() - book.ends.keys()
    book.problems += [f"{book.promises[seq]} has no outcome and is not open" for seq in sorted(unended - outbox)]
    book.problems += [f"the outbox holds {seq}, which is ended or no intent" for seq in sorted(outbox - unended)]
    keys = Counter(promise.key for promise in book.promises.values())
    book.problems += [f"two intents have the key {key}" for key, times in sorted(keys.items()) if times > 1]
    return book


def _after(value: str | None) -> Any:
    return None if value is None else json.loads(value)


def _values(evidence: str | None, after: Any) -> dict[str, Any] | None:
    found = json.loads(evidence) if evidence else {}
    if "creates" in found:  # a person: their values stand where values can be erased
        return dict(json.loads(after)) if after else {}
    values = {name.removeprefix("values."): value for name, value in found.items() if name.startswith("values.")}
    return values or None
