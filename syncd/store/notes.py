"""What does syncd remember between cycles besides the mirror: settings, debts, verdicts, inbox and cycles?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, delete, select, update

from syncd.core.ladder import NO_WAITS, Wait
from syncd.core.values import InboxItem, Scalar
from syncd.ports import CycleRecord, InboxCard
from syncd.store.among import among
from syncd.store.base import Writes, insert, read_setting, replace, write_setting
from syncd.store.encoding import from_json, to_json, to_moment, to_moment_or_none, to_text
from syncd.store.inserting import insert_rows
from syncd.store.tables import cycles, debts, inbox, verdicts
from syncd.store.waiting import Debt, WaitReads, owe


class NoteReads(WaitReads):
    """Settings, debts, verdicts, inbox, cycles."""

    def setting(self, key: str) -> object:
        """Return a stored JSON value, or None."""
        with self._reading() as connection:
            value: object = read_setting(connection, self.org, key)
            return value

    def lawful(self, object: str, record_ids: Iterable[str]) -> dict[tuple[str, str], Scalar]:
        """Return the last lawful values still owed to records, by (record id, field)."""
        wanted = set(record_ids)
        if not wanted:
            return {}
        query = select(debts.c.record_id, debts.c.field, debts.c.value).where(debts.c.org == self.org, debts.c.object == object)
        with self._reading() as connection:
            # As with verdicts: debts are few.
            span = (debts.c.record_id >= min(wanted), debts.c.record_id <= max(wanted))
            rows = connection.execute(query.where(*span).limit(len(wanted) + 1)).all()
            if len(rows) > len(wanted):
                rows = connection.execute(query.where(among(connection, debts.c.record_id, wanted))).all()
        return {(id, field): from_json(value) for id, field, value in rows if id in wanted}

    def verdicts(self, scope: str, subjects: Iterable[str]) -> dict[str, str]:
        """Return the last recorded verdict by subject, to record only what is new."""
        wanted = set(subjects)
        if not wanted:
            return {}
        query = select(verdicts.c.subject, verdicts.c.verdict).where(verdicts.c.org == self.org, verdicts.c.scope == scope)
        span = (verdicts.c.subject >= min(wanted), verdicts.c.subject <= max(wanted))
        with self._reading() as connection:
            # A batch of records lies close together, and few of them have a verdict: one walk over their span mostly finds
            # no more than asked for, where a list of all subjects would be looked up one by one.
            rows = connection.execute(query.where(*span).limit(len(wanted) + 1)).all()
            if len(rows) > len(wanted):
                rows = connection.execute(query.where(among(connection, verdicts.c.subject, wanted))).all()
        return {subject: verdict for subject, verdict in rows if subject in wanted}

    def inbox(self, *, kind: str | None = None, open_only: bool = True) -> list[tuple[int, InboxItem, int]]:
        """Return (number, item, times seen) of the inbox, or of one kind of items."""
        return [(card.number, card.item, card.times) for card in self.inbox_cards(kind=kind, open_only=open_only)]

    def inbox_cards(self, *, kind: str | None = None, open_only: bool = True) -> list[InboxCard]:
        """Return the inbox with everything that is known of each item, in order of number."""
        query = select(inbox).where(inbox.c.org == self.org).order_by(inbox.c.number)
        if kind is not None:
            query = query.where(inbox.c.kind == kind)
        if open_only:
            query = query.where(inbox.c.resolved_at.is_(None))
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            InboxCard(
                row["number"],
                InboxItem(row["kind"], row["subject"], row["where"], row["text"], row["remedy"], row["detail"]),
                row["times"],
                to_moment(row["first_at"]),
                to_moment(row["last_at"]),
                to_moment_or_none(row["resolved_at"]),
            )
            for row in rows
        ]

    def cycles(self, limit: int = 20) -> list[CycleRecord]:
        """Return the latest cycles, newest first."""
        query = (
            select(cycles).where(cycles.c.org == self.org).order_by(cycles.c.started_at.desc(), cycles.c.id.desc()).limit(limit)
        )
        with self._reading() as connection:
            rows = connection.execute(query).all()
        return [
            CycleRecord(row.id, to_moment(row.started_at), to_moment(row.ended_at), from_json(row.counts), row.error)
            for row in rows
        ]


class NoteWrites(Writes):
    """Settings, debts, verdicts, inbox, cycles."""

    def put_setting(self, key: str, value: object) -> None:
        """Store a JSON value."""
        write_setting(self.connection, self.org, key, value)

    def owe(self, object: str, lawful: Mapping[Debt, Scalar], waits: Mapping[Debt, Wait] = NO_WAITS) -> None:
        """Remember the last lawful values that records are owed, by (record id, field), and which of them wait."""
        owe(self, object, lawful, waits)

    def settle_debts(self, object: str, debts: Sequence[tuple[str, str]]) -> None:
        """Forget what records were owed, as (record id, field): their values are lawful again."""
        settle_debts(self, object, debts)

    def put_verdicts(self, scope: str, verdicts: Mapping[str, str]) -> None:
        """Remember the last recorded verdicts."""
        put_verdicts(self, scope, verdicts)

    def put_inbox(self, items: Sequence[InboxItem], at: datetime) -> None:
        """Add items; one with the same kind and subject is the same item, seen again, and open again."""
        if not items:
            return
        seen_at = to_text(at)
        rows = [
            {
                "org": self.org,
                "kind": item.kind,
                "subject": item.subject,
                "where": item.where,
                "text": item.text,
                "remedy": item.remedy,
                "detail": item.detail,
                "times": 1,
                "first_at": seen_at,
                "last_at": seen_at,
            }
            for item in items
        ]
        statement = insert(self.connection, inbox)
        changed: dict[str, object] = {name: statement.excluded[name] for name in ("where", "text", "remedy", "detail", "last_at")}
        changed |= {"times": inbox.c.times + 1, "resolved_at": None}
        self.connection.execute(statement.on_conflict_do_update(index_elements=["org", "kind", "subject"], set_=changed), rows)

    def resolve_inbox(self, kind: str, subjects: Sequence[str], at: datetime) -> None:
        """Close items whose cause is gone."""
        if not subjects:
            return
        unresolved = (inbox.c.org == self.org, inbox.c.kind == kind, inbox.c.resolved_at.is_(None))
        is_open = set(self.connection.execute(select(inbox.c.subject).where(*unresolved)).scalars())
        if closing := is_open.intersection(subjects):
            theirs = among(self.connection, inbox.c.subject, closing)
            self.connection.execute(update(inbox).where(*unresolved, theirs).values(resolved_at=to_text(at)))

    def put_cycle(self, cycle: CycleRecord) -> None:
        """Record a finished cycle."""
        row = {
            "org": self.org,
            "id": cycle.id,
            "started_at": to_text(cycle.started_at),
            "ended_at": to_text(cycle.ended_at),
            "counts": to_json(dict(cycle.counts)),
            "error": cycle.error,
        }
        replace(self.connection, cycles, [row])


def put_verdicts(tx: Writes, scope: str, given: Mapping[str, str]) -> None:
    """Remember the last recorded verdicts."""
    rows = [(tx.org, scope, subject, verdict) for subject, verdict in given.items()]
    insert_rows(tx.connection, verdicts, ("org", "scope", "subject", "verdict"), rows, ("verdict",))


def settle_debts(tx: Writes, object: str, settled: Sequence[tuple[str, str]]) -> None:
    """Forget what records were owed."""
    if settled:
        same = and_(
            debts.c.org == tx.org,
            debts.c.object == object,
            debts.c.record_id == bindparam("settled_id"),
            debts.c.field == bindparam("settled_field"),
        )
        rows = [{"settled_id": record_id, "settled_field": field} for record_id, field in settled]
        tx.connection.execute(delete(debts).where(same), rows)
