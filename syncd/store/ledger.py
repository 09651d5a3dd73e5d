"""What happened, in which order, and which writes are still open?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    union,
)  # fmt: skip
from sqlalchemy.exc import DBAPIError

from syncd.core.proof import Frontier
from syncd.core.values import Entry, Intent, Outcome, Scalar
from syncd.ports import LedgerQuery, LedgerRow, OpenIntent, Verification
from syncd.store.among import among, each
from syncd.store.base import Reads, Writes, insert, replace
from syncd.store.encoding import from_json, to_json, to_text
from syncd.store.inserting import insert_rows
from syncd.store.ledger_rows import (
    ROW_COLUMNS,
    VALUE_COLUMNS,
    frontier_of,
    frontier_text,
    intent_entry,
    intent_json,
    intent_of,
    ledger_row,
    outcome_entry,
    rows_of,
)
from syncd.store.sqlite import reading_any_bytes
from syncd.store.tables import deferred, ledger, ledger_head, ledger_values, outbox
from syncd.store.verify import verify_ledger

_PAGE_ROWS = 500
_OPEN_ROWS = 1000
# Written out: SQLite uses an index over some rows only where the statement itself says that it is about these.
_IS_INTENT = ledger.c.kind == literal_column("'intent'")
_IS_ACTOR = ledger_values.c.part == literal_column("'actor'")


class LedgerReads(Reads):
    """The ledger and the outbox."""

    def open_intents(self, after_seq: int = 0) -> Iterator[OpenIntent]:
        """Give every intent without an outcome in ledger order, by pages: meanwhile they may be ended."""
        query = select(outbox.c.seq, outbox.c.cycle, outbox.c.payload).where(outbox.c.org == self.org).order_by(outbox.c.seq)
        while True:
            with self._reading() as connection:
                rows = connection.execute(query.where(outbox.c.seq > after_seq).limit(_OPEN_ROWS)).all()
            for seq, cycle, payload in rows:
                yield OpenIntent(seq, cycle, intent_of(payload))
            if len(rows) < _OPEN_ROWS:
                return
            after_seq = rows[-1].seq

    def deferred(self) -> list[Intent]:
        """Return the intents that the mass-change limit or a mode of asking held back, in the order of their deferral."""
        query = select(deferred.c.payload).where(deferred.c.org == self.org).order_by(deferred.c.number)
        with self._reading() as connection:
            return [intent_of(payload) for payload in connection.execute(query).scalars()]

    def count_open(self) -> int:
        """Count the intents without an outcome."""
        with self._reading() as connection:
            return connection.execute(select(func.count()).select_from(outbox).where(outbox.c.org == self.org)).scalar_one()

    def ledger(self, query: LedgerQuery) -> Iterator[LedgerRow]:
        """Return ledger rows in order of sequence (a row matches `record_id` by its record or its related record).

        Shapes: `since_at` is inside the range, `until_at` is not. `actor` matches the user id or the name.
        Pages of 500 rows, each its own short transaction: a slow reader never holds up the daemon.
        """
        return islice(self._pages(query), query.limit)

    def _pages(self, query: LedgerQuery) -> Iterator[LedgerRow]:
        statement = _filtered(self.org, query)
        order = ledger.c.seq.desc() if query.newest_first else ledger.c.seq
        statement = statement.order_by(order).limit(min(_PAGE_ROWS, query.limit))
        last: int | None = None
        while True:
            beyond = [] if last is None else [ledger.c.seq < last if query.newest_first else ledger.c.seq > last]
            with self._reading() as connection:
                rows = connection.execute(statement.where(*beyond)).mappings().all()
                values = _values(connection, self.org, [row["seq"] for row in rows])
            if not rows:
                return
            for row in rows:
                yield ledger_row(dict(row), values.get(row["seq"], {}))
            last = rows[-1]["seq"]

    def ledger_size(self) -> int:
        """Return the number of ledger rows."""
        with self._reading() as connection:
            return _head(connection, self.org).size

    def verify(self) -> Verification:
        """Recompute leaves, commitments and the RFC 6962 root, and check that every closed intent has exactly one outcome."""
        with self._reading() as connection:
            try:
                return verify_ledger(connection, self.org)
            except DBAPIError as error:
                if "decode" not in str(error.orig):
                    raise
            with reading_any_bytes(connection):
                return verify_ledger(connection, self.org)


def _filtered(org: str, query: LedgerQuery) -> Select[tuple[object, ...]]:
    conditions: list[ColumnElement[bool]] = [ledger.c.org == org]
    for name in ("field", "kind", "verdict", "outcome"):
        wanted = getattr(query, name)
        if wanted is not None:
            conditions.append(ledger.c[name] == wanted)
    if query.record_id is not None:
        conditions.append(ledger.c.seq.in_(_seqs_about(org, query.record_id)))
    if query.actor is not None:
        conditions.append(ledger.c.seq.in_(_seqs_by(org, query.actor)))
    if query.since_at is not None:
        conditions.append(ledger.c.seq.in_(_seqs_between(org, query.since_at, query.until_at)))
    elif query.until_at is not None:
        # Nearly all rows are older than a time alone: walk in order of sequence, and keep the index by time out of it.
        conditions.append(ledger.c.at.concat("") < to_text(query.until_at))
    return select(ledger).where(and_(*conditions))


# Sequence numbers are found first, each in an index of its own: an OR over two columns, or a range of times in another
# order than asked for, would walk or sort the whole ledger.


def _seqs_about(org: str, record_id: str) -> CompoundSelect[int]:
    columns = (ledger.c.record_id, ledger.c.related_id)
    return union(*(select(ledger.c.seq).where(ledger.c.org == org, column == record_id) for column in columns))


def _seqs_by(org: str, actor: str) -> CompoundSelect[int]:
    named = select(ledger_values.c.seq).where(ledger_values.c.org == org, _IS_ACTOR, ledger_values.c.value == to_json(actor))
    return union(select(ledger.c.seq).where(ledger.c.org == org, ledger.c.actor_id == actor), named)


def _seqs_between(org: str, since_at: datetime, until_at: datetime | None) -> Select[int]:
    found = select(ledger.c.seq).where(ledger.c.org == org, ledger.c.at >= to_text(since_at))
    return found if until_at is None else found.where(ledger.c.at < to_text(until_at))


def _values(connection: Connection, org: str, seqs: Sequence[int]) -> dict[int, dict[str, Scalar]]:
    values: dict[int, dict[str, Scalar]] = {}
    query = select(ledger_values.c.seq, ledger_values.c.part, ledger_values.c.value).where(
        ledger_values.c.org == org, among(connection, ledger_values.c.seq, seqs)
    )
    for seq, part, value in connection.execute(query):
        values.setdefault(seq, {})[part] = from_json(value)
    return values


def _head(connection: Connection, org: str) -> Frontier:
    row = connection.execute(select(ledger_head.c.size, ledger_head.c.frontier).where(ledger_head.c.org == org)).first()
    return Frontier() if row is None else frontier_of(row.size, row.frontier)


class LedgerWrites(Writes):
    """Appending; nothing here changes or removes a ledger row."""

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """Append ledger rows and return their sequence numbers."""
        for entry in entries:
            if entry.kind in ("intent", "outcome"):
                raise AssertionError(f"an {entry.kind} is written with open() or close(), which keep the outbox in step")
        return self._append(entries)

    def open(self, intents: Sequence[tuple[Intent, int | None]], at: datetime, cycle: str) -> list[int]:
        """Append intents (with the sequence number of their cause) to the ledger and the outbox; a known key is skipped.

        Shapes: the sequence numbers of the intents that were new, in order.
        """
        known = self._known_keys([intent.key for intent, _ in intents])
        new: list[tuple[Intent, int | None]] = []
        for intent, cause_seq in intents:
            if intent.key not in known:
                known.add(intent.key)
                new.append((intent, cause_seq))
        seqs = self._append([intent_entry(intent, cause_seq, at, cycle) for intent, cause_seq in new])
        rows = [(self.org, seq, cycle, intent_json(intent)) for seq, (intent, _) in zip(seqs, new, strict=True)]
        insert_rows(self.connection, outbox, ("org", "seq", "cycle", "payload"), rows)
        return seqs

    def close(self, outcomes: Sequence[tuple[OpenIntent, Outcome]], at: datetime, cycle: str) -> None:
        """Append outcomes and take their intents out of the outbox."""
        seqs = [opened.seq for opened, _ in outcomes]
        mine = (outbox.c.org == self.org, among(self.connection, outbox.c.seq, seqs))
        closed = self.connection.execute(delete(outbox).where(*mine)).rowcount
        if closed != len(seqs):
            raise AssertionError(f"of the intents {seqs[:20]} only {closed} of {len(seqs)} are open: each ends exactly once")
        self._append([outcome_entry(opened, outcome, at, cycle) for opened, outcome in outcomes])

    def defer(self, intents: Sequence[Intent]) -> None:
        """Keep intents that wait for a person's word; one for the same object, record, field and value is kept once.

        Shapes: the newer of two stays, in the older one's place: it knows the record and the policy as they are now.
        """
        if not intents:
            return
        statement = insert(self.connection, deferred)
        keys = ["org", "object", "record_id", "field", "value"]
        changed = {"payload": statement.excluded.payload}
        rows = [{**self._wish(intent), "payload": intent_json(intent)} for intent in intents]
        self.connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)

    def undefer(self, intents: Sequence[Intent]) -> None:
        """Forget waiting intents for the same object, record, field and value."""
        # Hardly ever does an intent wait: one look saves a statement for each that was written.
        if intents and self.connection.execute(select(deferred.c.number).where(deferred.c.org == self.org).limit(1)).first():
            names = ("org", "object", "record_id", "field", "value")
            same = and_(*(deferred.c[name] == bindparam(f"same_{name}") for name in names))
            wishes = [{f"same_{name}": part for name, part in self._wish(intent).items()} for intent in intents]
            self.connection.execute(delete(deferred).where(same), wishes)

    def _wish(self, intent: Intent) -> dict[str, str]:
        return {
            "org": self.org,
            "object": intent.object,
            "record_id": intent.record_id,
            "field": intent.field,
            "value": to_json(intent.after),
        }

    def _known_keys(self, keys: Sequence[str]) -> set[str]:
        key = each(self.connection, keys)
        # One by one: for a list of them SQLite would rather read all intents that there ever were.
        is_known = select(ledger.c.seq).where(ledger.c.org == self.org, _IS_INTENT, ledger.c.key == key).exists()
        return set(self.connection.execute(select(key).where(is_known)).scalars())

    def _append(self, entries: Sequence[Entry]) -> list[int]:
        if not entries:
            return []
        head = _head(self.connection, self.org)
        found = rows_of(self.org, head.size + 1, entries, self.salts)
        insert_rows(self.connection, ledger, ROW_COLUMNS, found.rows)
        insert_rows(self.connection, ledger_values, VALUE_COLUMNS, found.values)
        seqs = list(range(head.size + 1, head.size + 1 + len(entries)))
        head = head.extended(found.leaves)
        replace(self.connection, ledger_head, [{"org": self.org, "size": head.size, "frontier": frontier_text(head)}])
        return seqs
