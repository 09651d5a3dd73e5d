"""Which reverts wait for their time, or for a person's word? They stand with the debts, and end with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Row, select

from syncd.core.ladder import Wait
from syncd.core.plan import intent_from_dict, intent_to_dict
from syncd.core.values import ActorKind, Scalar
from syncd.store.among import among
from syncd.store.base import Reads, Writes, replace
from syncd.store.encoding import from_json, to_json, to_moment, to_moment_or_none, to_text, to_text_or_none
from syncd.store.tables import debts

Debt = tuple[str, str]


class WaitReads(Reads):
    """Reverts that are not made yet."""

    def waits(self, object: str, record_ids: Iterable[str]) -> dict[Debt, Wait]:
        """Return the reverts of these records that wait, by (record id, field)."""
        query = select(debts).where(debts.c.org == self.org, debts.c.object == object, debts.c.wait.is_not(None))
        with self._reading() as connection:
            theirs = query.where(among(connection, debts.c.record_id, record_ids))
            return {(row.record_id, row.field): _wait_of(row) for row in connection.execute(theirs)}

    def due_waits(self, until: datetime, limit: int = 1000) -> list[Wait]:
        """Return the reverts whose time has come, the longest due first."""
        query = select(debts).where(debts.c.org == self.org, debts.c.due_at <= to_text(until))
        with self._reading() as connection:
            ordered = query.order_by(debts.c.due_at, debts.c.record_id, debts.c.field).limit(limit)
            return [_wait_of(row) for row in connection.execute(ordered)]


def owe(tx: Writes, object: str, lawful: Mapping[Debt, Scalar], waits: Mapping[Debt, Wait]) -> None:
    """Remember what records are owed, and which of it waits."""
    rows = [
        {
            "org": tx.org,
            "object": object,
            "record_id": id,
            "field": field,
            "value": to_json(value),
            "due_at": to_text_or_none(waits[id, field].due_at) if (id, field) in waits else None,
            "wait": _text_of(waits[id, field]) if (id, field) in waits else None,
        }
        for (id, field), value in lawful.items()
    ]
    replace(tx.connection, debts, rows)


def _text_of(wait: Wait) -> str:
    return to_json(
        {
            "intent": intent_to_dict(wait.intent),
            "fence": wait.fence,
            "kind": wait.kind.value,
            "changed_at": to_text(wait.changed_at),
            "actor_id": wait.actor_id,
            "is_asked": wait.is_asked,
            "cause": wait.cause,
        }
    )


def _wait_of(row: Row[tuple[str, ...]]) -> Wait:
    body = from_json(row.wait)
    return Wait(
        intent_from_dict(body["intent"]),
        body["fence"],
        ActorKind(body["kind"]),
        to_moment(body["changed_at"]),
        body["actor_id"],
        body["is_asked"],
        to_moment_or_none(row.due_at),
        body["cause"],
    )
