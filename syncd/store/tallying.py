"""How often does each value occur, and who changed what among the rows that were just read?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import JSON, ColumnElement, Connection, Text, cast, func, select

from syncd.ports.tally import StagedEdit
from syncd.store.base import Reads
from syncd.store.encoding import from_json, to_moment, to_text
from syncd.store.layouts import names_of
from syncd.store.tables import layouts, records, staged

TRUE = ("true", "1")


class TallyReads(Reads):
    """Sums over many rows. Each is one statement for each layout that the rows have."""

    def staged_edits(self, history: str, fields: Collection[str], since_at: datetime | None = None) -> list[StagedEdit]:
        """Return the staged rows of a history object that tell of some fields (as history names them), in no order."""
        wanted = [staged.c.org == self.org, staged.c.object == history, staged.c.fields.is_not(None)]
        if since_at is not None:
            wanted.append(staged.c.modified_at >= to_text(since_at))
        query = select(staged.c.subject_id, staged.c.modified_at, staged.c.layout, staged.c.fields).where(*wanted)
        found: list[StagedEdit] = []
        with self._reading() as connection:
            for record_id, at, layout, text in connection.execute(query):
                values = dict(zip(names_of(connection, layout), from_json(text), strict=True))
                if values.get("Field") in fields and values.get("CreatedById"):
                    found.append(StagedEdit(str(values["CreatedById"]), str(values["Field"]), record_id, to_moment(at)))
        return found

    def tally(self, object: str, field: str, unless: Collection[str] = ()) -> dict[str, int]:
        """Count the live mirrored rows of an object by a field's value, leaving out rows where a field of `unless` is true."""
        found: dict[str, int] = {}
        with self._reading() as connection:
            for layout in self._layouts(connection, object):
                names = names_of(connection, layout)
                if field not in names:
                    continue
                value = _value(connection, names.index(field))
                kept = [func.coalesce(_value(connection, names.index(name)), "").not_in(TRUE) for name in unless if name in names]
                query = select(value, func.count()).where(*self._live(object), records.c.layout == layout, *kept).group_by(value)
                for key, number in connection.execute(query):
                    if key is not None:
                        found[str(key)] = found.get(str(key), 0) + int(number)
        return found

    def _layouts(self, connection: Connection, object: str) -> Sequence[int]:
        return connection.execute(select(layouts.c.number).where(layouts.c.object == object)).scalars().all()

    def _live(self, object: str) -> tuple[ColumnElement[bool], ...]:
        return (records.c.org == self.org, records.c.object == object, ~records.c.is_deleted)


def _value(connection: Connection, place: int) -> ColumnElement[str]:
    """Return the value at a place of a row's array, as text."""
    if connection.dialect.name == "postgresql":
        return func.json_array_element_text(cast(records.c.fields, JSON), place)
    return cast(func.json_extract(records.c.fields, f"$[{place}]"), Text)
