"""What were users, roles, groups and queues before they changed, and until when?"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from syncd.core.past import Former
from syncd.store.base import Reads, Writes, replace
from syncd.store.encoding import from_json, to_json, to_moment, to_text
from syncd.store.tables import former_people


class FormerReads(Reads):
    """The former rows of one org's directory."""

    def former(self) -> list[Former]:
        """Return what rows of the directory were before they changed, in the order in which they changed."""
        order = (former_people.c.until_at, former_people.c.object, former_people.c.id)
        query = select(former_people).where(former_people.c.org == self.org).order_by(*order)
        with self._reading() as connection:
            return [
                Former(
                    row.object,
                    row.id,
                    to_moment(row.until_at),
                    to_moment(row.unsure_from),
                    None if row.fields is None else from_json(row.fields),
                )
                for row in connection.execute(query)
            ]


class FormerWrites(Writes):
    """What changes about them."""

    def put_former(self, rows: Sequence[Former]) -> None:
        """Keep what rows of the directory were until they changed; what is kept for that time already is replaced."""
        replace(
            self.connection,
            former_people,
            [
                {
                    "org": self.org,
                    "object": row.object,
                    "id": row.id,
                    "until_at": to_text(row.until_at),
                    "unsure_from": to_text(row.unsure_from),
                    "fields": None if row.fields is None else to_json(dict(row.fields)),
                }
                for row in rows
            ],
        )
