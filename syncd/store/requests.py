"""What do commands ask the one writer to do, and what became of it?

Appending a row here is the only thing that a process without the lease may write. While a request is under way its result
column holds how often it was taken up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from syncd.ports.requests import Request
from syncd.store.base import Reads, Writes
from syncd.store.encoding import from_json, to_json, to_moment, to_moment_or_none, to_text
from syncd.store.tables import requests

TAKEN_AT_ONCE = 100
_TRIES = "tries"


class Requests(Reads):
    """What anybody may do: ask, look, and take back what nobody has taken up."""

    _writing: Callable[..., AbstractContextManager[Connection]]

    def ask(self, verb: str, payload: Mapping[str, Any], by: str, at: datetime) -> int:
        """Append a request and return its number."""
        row = {"org": self.org, "verb": verb, "payload": to_json(dict(payload)), "asked_by": by, "asked_at": to_text(at)}
        with self._writing(as_writer=False) as connection:
            [number] = connection.execute(insert(requests).values(row).returning(requests.c.number)).one()
            return int(number)

    def withdraw(self, number: int, result: Mapping[str, Any], at: datetime) -> bool:
        """Close a request that nobody has taken up; False when somebody has."""
        is_free = (requests.c.number == number, requests.c.taken_at.is_(None), requests.c.done_at.is_(None))
        with self._writing(as_writer=False) as connection:
            closed = update(requests).where(requests.c.org == self.org, *is_free)
            closed = closed.values(done_at=to_text(at), result=to_json(dict(result)))
            return connection.execute(closed).rowcount > 0

    def request(self, number: int) -> Request | None:
        """Return one request, or None."""
        with self._reading() as connection:
            row = connection.execute(select(requests).where(requests.c.org == self.org, requests.c.number == number)).first()
        return None if row is None else _request(row)

    def waiting_requests(self) -> Sequence[Request]:
        """Return what is not done yet, oldest first; what was taken up by a writer that died over it is among them."""
        is_open = (requests.c.org == self.org, requests.c.done_at.is_(None))
        query = select(requests).where(*is_open).order_by(requests.c.number).limit(TAKEN_AT_ONCE)
        with self._reading() as connection:
            return [_request(row) for row in connection.execute(query)]


class RequestWrites(Writes):
    """What only the holder of the lease does."""

    def take_request(self, request: Request, at: datetime) -> None:
        """Note that a request is being carried out, and how often that was begun."""
        taken = {"taken_at": to_text(at), "result": to_json({_TRIES: request.tries + 1})}
        self._put(request.number, taken)

    def finish_request(self, number: int, payload: Mapping[str, Any], result: Mapping[str, Any], at: datetime) -> None:
        """Note what became of a request; `payload` replaces what was asked, so that no list of records stays behind."""
        self._put(number, {"payload": to_json(dict(payload)), "result": to_json(dict(result)), "done_at": to_text(at)})

    def _put(self, number: int, values: Mapping[str, str]) -> None:
        self.connection.execute(update(requests).where(requests.c.org == self.org, requests.c.number == number).values(values))


def _request(row: Row[Any]) -> Request:
    told = from_json(row.result) if row.result is not None else None
    is_done = row.done_at is not None
    return Request(
        number=row.number,
        verb=row.verb,
        payload=from_json(row.payload),
        asked_by=row.asked_by,
        asked_at=to_moment(row.asked_at),
        taken_at=to_moment_or_none(row.taken_at),
        done_at=to_moment_or_none(row.done_at),
        tries=0 if is_done or told is None else int(told[_TRIES]),
        result=told if is_done else None,
    )
