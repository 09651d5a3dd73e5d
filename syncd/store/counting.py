"""How many rows does the mirror hold on each day, and which ids are they?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from syncd.ports.census import Span
from syncd.store.base import Reads
from syncd.store.encoding import to_moment, to_text
from syncd.store.tables import records


class CountReads(Reads):
    """What a census asks of the mirror. Rows that are known to be deleted are not counted."""

    def days(self, span: Span) -> dict[str, int]:
        """Count mirrored rows by day in UTC."""
        day = func.substr(records.c.modified_at, 1, 10)
        query = select(day, func.count()).where(*self._inside(span)).group_by(day)
        with self._reading() as connection:
            return {str(on): int(number) for on, number in connection.execute(query)}

    def count_span(self, span: Span) -> int:
        """Count mirrored rows."""
        with self._reading() as connection:
            return connection.execute(select(func.count()).select_from(records).where(*self._inside(span))).scalar_one()

    def stamps(self, span: Span) -> dict[str, datetime]:
        """Return the stamps of mirrored rows by id."""
        query = select(records.c.id, records.c.modified_at).where(*self._inside(span))
        with self._reading() as connection:
            return {id: to_moment(at) for id, at in connection.execute(query)}

    def id_cuts(self, span: Span, pieces: int) -> list[str]:
        """Return the ids that cut the mirrored rows into so many pieces of about one size."""
        total = self.count_span(span)
        places = sorted({total * number // pieces for number in range(1, pieces)} - {0})
        query = select(records.c.id).where(*self._inside(span)).order_by(records.c.id)
        with self._reading() as connection:
            found = [connection.execute(query.offset(place).limit(1)).scalar() for place in places]
        return [id for id in found if id is not None]

    def deleted_ids(self, object: str) -> list[str]:
        """Return the ids of mirrored rows that are known to be deleted."""
        query = select(records.c.id).where(records.c.org == self.org, records.c.object == object, records.c.is_deleted)
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def _inside(self, span: Span) -> tuple[ColumnElement[bool], ...]:
        bounds = [
            records.c.org == self.org,
            records.c.object == span.object,
            ~records.c.is_deleted,
            records.c.modified_at < to_text(span.until_at),
        ]
        if span.since_at is not None:
            bounds.append(records.c.modified_at >= to_text(span.since_at))
        if span.low:
            bounds.append(records.c.id >= span.low)
        if span.high:
            bounds.append(records.c.id < span.high)
        return tuple(bounds)
