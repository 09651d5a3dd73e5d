"""How does a row become the JSON record a client sees?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from syncd.sandbox.history import FALSE, TRUE
from syncd.sandbox.schema import Field, SObject

if TYPE_CHECKING:
    from syncd.sandbox.soql.resolve import Scope

_RAW, _BOOLEAN, _ANY, _NODE, _ADDRESS, _CHILDREN = range(6)
_KINDS = {"boolean": _BOOLEAN, "anyType": _ANY}
_ANY_BOOLEANS = {TRUE: True, FALSE: False}


def any_value(value: Any) -> Any:
    """Read a stored anyType value."""
    return _ANY_BOOLEANS.get(value, value) if isinstance(value, str) else value


class Node:
    """The shape of one record in an answer: its own fields, its parents, its children."""

    def __init__(self, kind: str, url_object: str | None, id_index: int = 0) -> None:
        self.kind = kind
        self.url_object = url_object  # None: the id's prefix decides, for lookups to several objects
        self.id_index = id_index
        self.steps: list[tuple[str, int, Any]] = []
        self._names: dict[str, Node | None] = {}

    def has(self, name: str) -> bool:
        """Tell whether a field is already in the shape."""
        return name.lower() in self._names

    def add(self, field: Field, index: int) -> None:
        """Add a field read from a column."""
        self._names[field.name.lower()] = None
        self.steps.append((field.name, _KINDS.get(field.type, _RAW), index))

    def add_address(self, name: str, indexes: Mapping[str, int]) -> None:
        """Add a compound address."""
        self._names[name.lower()] = None
        self.steps.append((name, _ADDRESS, indexes))

    def add_children(self, name: str, index: int) -> None:
        """Add the place of a child query's rows."""
        self._names[name.lower()] = None
        self.steps.append((name, _CHILDREN, index))

    def child(self, name: str, scope: Scope, id_column: Callable[[], int]) -> Node:
        """Return the node of a parent record, adding it at first use."""
        found = self._names.get(name.lower())
        if found is None:
            single = len(scope.tables) == 1
            found = Node(scope.entity, scope.tables[0].sobject.name if single else None, id_column())
            self._names[name.lower()] = found
            self.steps.append((name, _NODE, found))
        return found


class Renderer:
    """Turns rows into records for one API version."""

    def __init__(self, base: str, by_prefix: Mapping[str, str]) -> None:
        self.base = base + "/sobjects/"
        self.by_prefix = by_prefix

    def record(self, node: Node, row: Sequence[Any], children: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any] | None:
        """Build one record, or None for a parent that is not there."""
        record_id = row[node.id_index]
        if record_id is None:
            return None
        owner = node.url_object or self.by_prefix.get(record_id[:3], node.kind)
        built: dict[str, Any] = {"attributes": {"type": node.kind, "url": f"{self.base}{owner}/{record_id}"}}
        for name, kind, what in node.steps:
            if kind == _RAW:
                built[name] = row[what]
            elif kind == _BOOLEAN:
                built[name] = bool(row[what])
            elif kind == _NODE:
                built[name] = self.record(what, row)
            elif kind == _ANY:
                built[name] = any_value(row[what])
            elif kind == _ADDRESS:
                built[name] = address({part: row[index] for part, index in what.items()})
            else:
                built[name] = children[what].get(record_id)
        return built


def address(parts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Build a compound address; None when every part is empty."""
    return dict(parts) if any(value is not None for value in parts.values()) else None


def stored_row(sobject: SObject, row: Mapping[str, Any]) -> dict[str, Any]:
    """Show a stored row with JSON types and no attributes, as dumps do."""
    shown = {}
    for name, value in row.items():
        field = sobject.find(name)
        if field is not None and field.type == "boolean":
            value = bool(value)
        elif field is not None and field.type == "anyType":
            value = any_value(value)
        shown[name] = value
    return shown
