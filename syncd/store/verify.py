"""Is the ledger still what was written, and if not, where is the first row that is wrong?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, select

from syncd.core.proof import Frontier
from syncd.ports import Verification
from syncd.store.ledger_rows import LEAF_COLUMNS, PARTS, commitment, frontier_of, leaf_of
from syncd.store.tables import ledger, ledger_head, ledger_values, outbox

_BATCH_ROWS = 5_000
_SEQ, _KIND, _CAUSE, _KEY = (LEAF_COLUMNS.index(name) for name in ("seq", "kind", "cause_seq", "key"))
_HASHES = {part: LEAF_COLUMNS.index(f"{part}_hash") for part in PARTS}
_END: tuple[Any, ...] = (1 << 62, "", "", "")


class Problems:
    """The first problem of each sort, and how many more of it there were."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._more: dict[str, int] = {}

    def add(self, sort: str, text: str) -> None:
        """Note a problem."""
        if sort in self._first:
            self._more[sort] = self._more.get(sort, 0) + 1
        else:
            self._first[sort] = text

    def texts(self) -> tuple[str, ...]:
        """Return one sentence for each sort."""
        more = {sort: f" {count} more like it." for sort, count in self._more.items()}
        return tuple(text + more.get(sort, "") for sort, text in self._first.items())


def verify_ledger(connection: Connection, org: str) -> Verification:
    """Read the whole ledger of an org once, in order, and check everything that it says about itself.

    Memory is that of one batch and of the intents without an outcome.
    """
    problems = Problems()
    values = _ValueStream(connection, org, problems)
    intents = _Intents(problems)
    frontier, kept, expected = Frontier(), _head(connection, org, problems), 1
    for batch in _batches(connection, _rows(org)):
        leaves = []
        for *columns, leaf in batch:
            seq = columns[_SEQ]
            if seq != expected:
                problems.add("gap", f"Row {expected}: missing; after row {expected - 1} comes row {seq}.")
            expected = seq + 1
            computed = leaf_of(columns)
            leaves.append(computed)
            if computed.hex() != leaf:
                problems.add("leaf", f"Row {seq}: it was changed after it was written; its leaf hash does not fit its columns.")
            values.check(seq, columns)
            if columns[_KIND] in ("intent", "outcome"):
                intents.see(columns)
        frontier = frontier.extended(leaves)
    values.finish()
    intents.finish(connection, org)
    _compare(frontier, kept, problems)
    return Verification(frontier.size, frontier.root().hex(), intents.open_count, problems.texts())


def _rows(org: str) -> Select[Any]:
    columns = [ledger.c[name] for name in (*LEAF_COLUMNS, "leaf")]
    return select(*columns).where(ledger.c.org == org).order_by(ledger.c.seq)


def _batches(connection: Connection, query: Select[Any]) -> Iterator[list[Any]]:
    result = connection.execution_options(stream_results=True).execute(query)
    while batch := list(islice(result, _BATCH_ROWS)):
        yield batch


def _head(connection: Connection, org: str, problems: Problems) -> Frontier | None:
    row = connection.execute(select(ledger_head.c.size, ledger_head.c.frontier).where(ledger_head.c.org == org)).first()
    if row is None:
        return None
    try:
        return frontier_of(row.size, row.frontier)
    except ValueError as error:
        problems.add("head", f"The head of the ledger was changed: {error}.")
        return None


def _compare(found: Frontier, kept: Frontier | None, problems: Problems) -> None:
    if kept is None:
        if found.size:
            problems.add(
                "head", f"Row 1: there are {found.size} rows, but the head of the ledger, which counts them, is gone or damaged."
            )
        return
    if found.size < kept.size:
        problems.add(
            "size", f"Row {found.size + 1}: the head counts {kept.size} rows, only {found.size} are there; rows were removed."
        )
    elif found.size > kept.size:
        problems.add(
            "size", f"Row {kept.size + 1}: the head counts {kept.size} rows, but {found.size} are there; rows were added past it."
        )
    else:
        for (first, last), ours, theirs in zip(found.spans(), found.peaks, kept.peaks, strict=True):
            if ours != theirs:
                rows = f"Row {first}" if first == last else f"Rows {first} to {last}"
                problems.add(
                    "root", f"{rows}: the Merkle root over them is not the one kept in the head; a row was rewritten or moved."
                )


class _ValueStream:
    """The personal values, walked in step with the rows; one that was erased is simply not there."""

    def __init__(self, connection: Connection, org: str, problems: Problems) -> None:
        table = ledger_values.c
        query = select(table.seq, table.part, table.salt, table.value).where(table.org == org).order_by(table.seq, table.part)
        self._rows = (row for batch in _batches(connection, query) for row in batch)
        self._problems = problems
        self._next: Any = next(self._rows, _END)

    def check(self, seq: int, columns: list[Any]) -> None:
        while self._next[0] <= seq:
            at, part, salt, value = self._next
            if at < seq or part not in _HASHES or columns[_HASHES[part]] is None:
                self._orphan()
            elif not _fits(columns[_HASHES[part]], salt, value):
                self._problems.add("value", f"Row {seq}: its value {part!r} was changed; it does not fit the row's commitment.")
            self._next = next(self._rows, _END)

    def finish(self) -> None:
        if self._next is not _END:
            self._orphan()

    def _orphan(self) -> None:
        self._problems.add("orphan", f"Row {self._next[0]}: a value {self._next[1]!r} is stored that no ledger row commits to.")


def _fits(hash: str, salt: str, value: str) -> bool:
    try:
        return commitment(salt, value) == hash
    except (ValueError, TypeError, AttributeError):  # the salt is no longer hex, or one of them no longer text
        return False


class _Intents:
    """Which intents have no outcome so far."""

    def __init__(self, problems: Problems) -> None:
        self._open: dict[int, str] = {}
        self._problems = problems
        self.open_count = 0

    def see(self, columns: list[Any]) -> None:
        seq, cause, key = columns[_SEQ], columns[_CAUSE], columns[_KEY]
        if columns[_KIND] == "intent":
            self._open[seq] = key
        elif self._open.pop(cause, None) != key:
            self._problems.add(
                "outcome", f"Row {seq}: an outcome of row {cause}, which is no intent of its key or has its outcome already."
            )

    def finish(self, connection: Connection, org: str) -> None:
        self.open_count = len(self._open)
        for (seq,) in connection.execute(select(outbox.c.seq).where(outbox.c.org == org).order_by(outbox.c.seq)):
            if self._open.pop(seq, None) is None:
                self._problems.add("outbox", f"Row {seq}: the outbox would send it, but it is no open intent of the ledger.")
        for seq in self._open:
            self._problems.add(
                "unsent", f"Row {seq}: an intent without outcome that is not in the outbox; nobody would ever settle it."
            )
