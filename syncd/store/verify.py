"""Is the ledger still what was written, and if not, where is the first row that is wrong?"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, CursorResult, and_, func, select
from sqlalchemy.exc import DBAPIError

from syncd.core.proof import Frontier
from syncd.core.values import Flag
from syncd.ports import Verification
from syncd.store.encoding import from_json, to_json
from syncd.store.ledger_rows import LEAF_COLUMNS, PARTS, commitment, frontier_of, leaf_of
from syncd.store.tables import consents, flags, ledger, ledger_head, ledger_values, outbox

_BATCH_ROWS = 5_000
_SEQ, _KIND, _CAUSE, _KEY = (LEAF_COLUMNS.index(name) for name in ("seq", "kind", "cause_seq", "key"))
_SENT = ("key", "object", "record_id", "field")  # what the outbox repeats of an intent
_SENT_PLACES = tuple(LEAF_COLUMNS.index(name) for name in (*_SENT, "after_hash"))
_HASHES = {part: LEAF_COLUMNS.index(f"{part}_hash") for part in PARTS}
_IN_ORDER = sorted(_HASHES.items())  # as the values come
_IN_PAIRS = ("intent", "outcome")


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
    values, intents = _Values(connection, org, problems), _Intents(problems)
    frontier, kept, last = Frontier(), _head(connection, org, problems), 0
    for batch in _batches(connection, org):
        leaves = [leaf_of(row) for row in batch]
        if _is_sound(batch, leaves, last):
            last += len(batch)
        else:
            last, leaves = _named(batch, leaves, last, problems)
        for row in batch:
            if row[_KIND] in _IN_PAIRS and isinstance(row[_SEQ], int):
                intents.see(row)
        values.check(batch, last)
        frontier = frontier.extended(leaves)
    values.finish()
    intents.finish(connection, org)
    _check_opt_outs(connection, org, problems)
    _check_consents(connection, org, problems)
    _compare(frontier, kept, problems)
    return Verification(frontier.size, frontier.root().hex(), intents.open_count, problems.texts())


def _batches(connection: Connection, org: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows in order as plain tuples; on SQLite as the driver has them, which a million rows notice."""
    columns = [ledger.c[name] for name in (*LEAF_COLUMNS, "leaf")]
    statement = select(*columns).where(ledger.c.org == org).order_by(ledger.c.seq)
    if connection.dialect.name == "sqlite":
        result = connection.execute(statement)
        while rows := _fetched(result, _BATCH_ROWS):
            yield rows
        result.close()
        return
    streamed = connection.execution_options(stream_results=True).execute(statement)
    while batch := streamed.fetchmany(_BATCH_ROWS):
        yield [tuple(row) for row in batch]


def _fetched(result: CursorResult[Any], rows: int | None = None) -> list[tuple[Any, ...]]:
    """Return rows as the driver has them. Errors: DBAPIError, as SQLAlchemy would raise it."""
    source: Any = result.cursor
    try:
        found: list[tuple[Any, ...]] = source.fetchall() if rows is None else source.fetchmany(rows)
    except sqlite3.Error as error:
        raise DBAPIError("reading the ledger", None, error) from error
    return found


def _is_sound(batch: Sequence[tuple[Any, ...]], leaves: Sequence[bytes], last: int) -> bool:
    """Tell whether all rows of a batch follow one another and fit their leaves. As a rule they do, so that is asked first."""
    seqs = [row[_SEQ] for row in batch]
    if seqs != list(range(last + 1, last + 1 + len(batch))) or set(map(type, seqs)) != {int}:
        return False
    return [leaf.hex() for leaf in leaves] == [row[-1] for row in batch]


def _named(batch: Sequence[tuple[Any, ...]], leaves: Sequence[bytes], last: int, problems: Problems) -> tuple[int, list[bytes]]:
    """Name what is wrong in a batch. Returns its last number, and the leaves of the rows that have one."""
    numbered = []
    for row, computed in zip(batch, leaves, strict=True):
        seq = row[_SEQ]
        if not isinstance(seq, int):
            problems.add("number", f"Row {last + 1}: after row {last} comes one whose number is no number.")
            continue
        if seq != last + 1:
            problems.add("gap", f"Row {last + 1}: missing; after row {last} comes row {seq}.")
        last = seq
        numbered.append(computed)
        if computed.hex() != row[-1]:
            problems.add("leaf", f"Row {seq}: it was changed after it was written; its leaf hash does not fit its columns.")
    return last, numbered


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


def _check_opt_outs(connection: Connection, org: str, problems: Problems) -> None:
    """Compare the opt-outs entered in the ledger with the facts that keep people from being enrolled, person by person."""
    value = and_(ledger_values.c.org == ledger.c.org, ledger_values.c.seq == ledger.c.seq, ledger_values.c.part == "after")
    is_opt_out = (ledger.c.org == org, ledger.c.kind == "flag", ledger_values.c.value == to_json(Flag.OPTED_OUT.value))
    is_first = ledger.c.before_hash.is_(None)  # one that was said again is one fact still
    query = select(ledger.c.seq, ledger.c.record_id).select_from(ledger.join(ledger_values, value)).where(*is_opt_out, is_first)
    entered: Counter[str] = Counter()
    first: dict[str, int] = {}
    for seq, person_id in connection.execute(query.order_by(ledger.c.seq)):
        entered[person_id or ""] += 1
        first.setdefault(person_id or "", seq)
    facts = select(flags.c.person_id, func.count()).where(flags.c.org == org, flags.c.flag == Flag.OPTED_OUT.value)
    kept: Counter[str] = Counter()
    for person_id, count in connection.execute(facts.group_by(flags.c.person_id)):
        kept[person_id] += count
    if gone := entered - kept:
        problems.add(
            "opt-out",
            f"Row {min(first[person_id] for person_id in gone)}: an opt-out that is no longer kept; {gone.total()} of "
            f"{entered.total()} opt-outs entered in the ledger are gone from the table of flags. "
            "Restore a backup; until then nobody should be enrolled.",
        )


def _check_consents(connection: Connection, org: str, problems: Problems) -> None:
    """Compare the consents that open opt-outs with those entered in the ledger: one that was put there by hand opens nobody."""
    told = select(ledger.c.record_id, func.count()).where(ledger.c.org == org, ledger.c.kind == "consent")
    entered = Counter({id or "": count for id, count in connection.execute(told.group_by(ledger.c.record_id))})
    stored = select(consents.c.person_id, func.count()).where(consents.c.org == org).group_by(consents.c.person_id)
    kept: Counter[str] = Counter()
    for person_id, count in connection.execute(stored):
        kept[person_id] = count
    if forged := kept - entered:
        problems.add(
            "consent",
            f"{forged.total()} of {kept.total()} consents are in no row of the ledger: nobody stored them by syncd. "
            "Restore a backup; until then nobody should be enrolled.",
        )


class _Values:
    """The personal values, read in step with the rows."""

    def __init__(self, connection: Connection, org: str, problems: Problems) -> None:
        self._connection = connection
        self._org = org
        self._problems = problems
        self._done_until = -(1 << 62)
        self._gone = 0
        self._first_gone = 0

    def check(self, rows: Sequence[Any], last: int) -> None:
        found = self._until(last)
        promised = [(row[_SEQ], part, row[place]) for row in rows for part, place in _IN_ORDER if row[place] is not None]
        if _committed(found) != promised:
            self._name(rows, found)

    def _name(self, rows: Sequence[Any], values: Sequence[Any]) -> None:
        by_seq = {row[_SEQ]: row for row in rows}
        found = set()
        for seq, part, salt, value in values:
            found.add((seq, part))
            row, place = by_seq.get(seq), _HASHES.get(part)
            promised = None if row is None or place is None else row[place]
            if promised is None:
                self._problems.add("orphan", f"Row {seq}: a value {part!r} is stored that no ledger row commits to.")
            elif not _fits(promised, salt, value):
                self._problems.add("value", f"Row {seq}: its value {part!r} was changed; it does not fit the row's commitment.")
        for seq, row in by_seq.items():
            for part, place in _HASHES.items():
                if row[place] is not None and (seq, part) not in found:
                    self._miss(seq)

    def _miss(self, seq: int) -> None:
        """Count a commitment without its value. No value is ever erased lawfully; one that were would be told apart here."""
        self._first_gone = self._first_gone or seq
        self._gone += 1

    def finish(self) -> None:
        if self._gone:
            what = "1 value is" if self._gone == 1 else f"{self._gone} values are"
            self._problems.add(
                "gone",
                f"Row {self._first_gone}: {what} gone, first in row {self._first_gone}; the rows commit to what is no longer "
                "stored. Keep the file aside and restore a backup.",
            )
        for seq, part, _, _ in self._until(1 << 62):
            self._problems.add("orphan", f"Row {seq}: a value {part!r} is stored that no ledger row commits to.")

    def _until(self, last: int) -> Sequence[Any]:
        table = ledger_values.c
        query = select(table.seq, table.part, table.salt, table.value).where(
            table.org == self._org, table.seq > self._done_until, table.seq <= last
        )
        self._done_until = last
        result = self._connection.execute(query.order_by(table.seq, table.part))
        rows = _fetched(result) if self._connection.dialect.name == "sqlite" else [tuple(row) for row in result]
        result.close()
        return rows


def _committed(values: Sequence[Any]) -> list[tuple[Any, ...]] | None:
    """Return (row, part, commitment) of stored values, or None when one of them can no longer be one."""
    try:
        return [(seq, part, sha256(bytes.fromhex(salt) + value.encode()).hexdigest()) for seq, part, salt, value in values]
    except (ValueError, TypeError, AttributeError):
        return None


def _fits(hash: str, salt: str, value: str) -> bool:
    try:
        return commitment(salt, value) == hash
    except (ValueError, TypeError, AttributeError):  # the salt is no longer hex, or one of them no longer text
        return False


class _Intents:
    """Which intents have no outcome so far."""

    def __init__(self, problems: Problems) -> None:
        self._open: dict[int, tuple[Any, ...]] = {}
        self._problems = problems
        self.open_count = 0

    def see(self, columns: Sequence[Any]) -> None:
        seq, cause, key = columns[_SEQ], columns[_CAUSE], columns[_KEY]
        if columns[_KIND] == "intent":
            self._open[seq] = tuple(columns[place] for place in _SENT_PLACES)
        elif self._open.pop(cause, (None,))[0] != key:
            self._problems.add(
                "outcome", f"Row {seq}: an outcome of row {cause}, which is no intent of its key or has its outcome already."
            )

    def finish(self, connection: Connection, org: str) -> None:
        self.open_count = len(self._open)
        value = and_(ledger_values.c.org == outbox.c.org, ledger_values.c.seq == outbox.c.seq, ledger_values.c.part == "after")
        query = select(outbox.c.seq, outbox.c.payload, ledger_values.c.value).select_from(outbox.outerjoin(ledger_values, value))
        for seq, payload, after in connection.execute(query.where(outbox.c.org == org).order_by(outbox.c.seq)):
            recorded = self._open.pop(seq, None)
            if recorded is None:
                self._problems.add("outbox", f"Row {seq}: the outbox would send it, but it is no open intent of the ledger.")
            elif not _repeats(payload, recorded, after):
                self._problems.add(
                    "payload", f"Row {seq}: the outbox would send something else than this row of the ledger says."
                )
        for seq in self._open:
            self._problems.add(
                "unsent", f"Row {seq}: an intent without outcome that is not in the outbox; nobody would ever settle it."
            )


def _repeats(payload: str, recorded: tuple[Any, ...], after: str | None) -> bool:
    try:
        sent = from_json(payload)
        *same, promised = recorded
        if [sent[name] for name in _SENT] != same:
            return False
        if promised is None or after is None:  # nothing was to be written, or the value is gone, which is told elsewhere
            return promised is not None or sent["after"] is None
        return to_json(sent["after"]) == after
    except (ValueError, TypeError, KeyError):  # no longer the JSON of an intent
        return False
