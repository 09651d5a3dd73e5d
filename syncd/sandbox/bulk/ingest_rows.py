"""How is one row of a bulk load saved? By the same path as any other save."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syncd.sandbox import deletion, save
from syncd.sandbox.bulk.ingest_columns import NULL, IngestColumn, matching_ids
from syncd.sandbox.errors import NotThere, SalesforceError
from syncd.sandbox.ids import parse_id
from syncd.sandbox.save import How
from syncd.sandbox.schema import SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a row: `error` is empty when it was saved."""

    record_id: str = ""
    created: bool = False
    error: str = ""


class Saver:
    """Saves rows for one job."""

    def __init__(self, org: Org, sobject: SObject, operation: str, key: str | None, how: How) -> None:
        self.org, self.sobject, self.how = org, sobject, how
        self.key = sobject.fields[key.lower()].name if key else None
        self._save: Callable[[Values], Saved] = getattr(self, _SAVES[operation])

    def save(self, columns: Sequence[IngestColumn], cells: Sequence[str], repeated: frozenset[str]) -> Saved:
        """Save one row. `repeated` holds the key values that several rows of its chunk share: none of those is saved."""
        given_id = ""
        try:
            values = _values(columns, cells)
            given_id = parse_id(str(values.get("Id", ""))) or ""
            self._refuse_repeated(values, repeated)
            with self.org.database.savepoint():
                return self._save(values)
        except NotThere:
            missing = SalesforceError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=())
            return Saved(given_id, error=written_error(missing))
        except SalesforceError as refusal:
            return Saved(given_id, error=written_error(refusal))

    def _refuse_repeated(self, values: Values, repeated: frozenset[str]) -> None:
        value = str(values.get(self.key, "")) if self.key and repeated else ""
        if value and value.lower() in repeated:
            raise SalesforceError("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", fields=(self.key or "",))

    def _insert(self, values: Values) -> Saved:
        given = {name: value for name, value in values.items() if value is not None}
        return Saved(save.create(self.org, self.sobject, given, self.how), created=True)

    def _update(self, values: Values) -> Saved:
        record_id = self._own_id(values, "update")
        save.update(self.org, self.sobject, record_id, _without(values, "Id"), self.how)
        return Saved(record_id)

    def _upsert(self, values: Values) -> Saved:
        assert self.key is not None
        value = values.get(self.key)
        if self.key == "Id":
            return self._update(values) if value else self._insert(_without(values, "Id"))
        if value is None:
            raise SalesforceError("MISSING_ARGUMENT", f"{self.key} not specified", fields=(self.key,))
        ids = matching_ids(self.org, self.sobject, self.key, value)
        if len(ids) > 1:
            message = f"more than one record found for external id field: [{', '.join(ids)}]"
            raise SalesforceError("DUPLICATE_EXTERNAL_ID", message, fields=(self.key,))
        if not ids:
            return self._insert(values)
        save.update(self.org, self.sobject, ids[0], _without(values, self.key), self.how)
        return Saved(ids[0])

    def _delete(self, values: Values) -> Saved:
        record_id = self._own_id(values, "delete")
        deletion.delete(self.org, self.sobject, record_id, self.how)
        return Saved(record_id)

    def _hard_delete(self, values: Values) -> Saved:
        saved = self._delete(values)
        deletion.purge(self.org, self.sobject, self.how, saved.record_id)
        return saved

    def _own_id(self, values: Values, verb: str) -> str:
        text = values.get("Id")
        if not text:
            article = "an" if verb[0] in "aeiou" else "a"
            raise SalesforceError("MISSING_ARGUMENT", f"Id not specified in {article} {verb} call", fields=())
        record_id = parse_id(text)
        if record_id is None or (self.sobject.key_prefix and not record_id.startswith(self.sobject.key_prefix)):
            message = f"{self.sobject.label} ID: id value of incorrect type: {text}"
            raise SalesforceError("MALFORMED_ID", message, fields=("Id",))
        return record_id


_SAVES = {"insert": "_insert", "update": "_update", "upsert": "_upsert", "delete": "_delete", "hardDelete": "_hard_delete"}


def _without(values: Values, name: str) -> Values:
    return {each: value for each, value in values.items() if each != name}


def _values(columns: Sequence[IngestColumn], cells: Sequence[str]) -> Values:
    if len(cells) != len(columns):
        message = f"The row has {len(cells)} values, the header has {len(columns)}"
        raise SalesforceError("API_ERROR", message, fields=())
    values: Values = {}
    for column, cell in zip(columns, cells, strict=True):
        if cell == NULL:
            values.setdefault(column.field, None)
        elif cell:
            values[column.field] = column.read(cell)
    return values


def written_error(refusal: SalesforceError) -> str:
    """Write a refusal as ``sf__Error`` does: ``CODE:message:FIELDS --``."""
    fields = ",".join(refusal.fields or ())
    return f"{refusal.code}:{refusal.message}:{fields + ' ' if fields else ''}--"


def repeated_keys(columns: Sequence[IngestColumn], rows: Sequence[Sequence[str]], key: str | None) -> frozenset[str]:
    """Find the key values that stand in more than one row of a chunk."""
    place = next((at for at, column in enumerate(columns) if key and column.field.lower() == key.lower()), None)
    if place is None:
        return frozenset()
    seen: Mapping[str, int] = {}
    counts: dict[str, int] = dict(seen)
    for cells in rows:
        if len(cells) > place and cells[place]:
            value = cells[place].lower()
            counts[value] = counts.get(value, 0) + 1
    return frozenset(value for value, count in counts.items() if count > 1)
