"""Which columns does a query have? `GET /query?q=…&columns=true`, as the command line and the Developer Console ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from syncd.sandbox.schema import Field, Schema, SObject
from syncd.sandbox.soql.compile import Compiled, Compiler
from syncd.sandbox.soql.parse import parse
from syncd.sandbox.soql.render import Node
from syncd.sandbox.soql.tree import Aggregate, Query

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

_APEX_TYPES = {
    "id": "Id",
    "reference": "Id",
    "boolean": "Boolean",
    "int": "Integer",
    "double": "Double",
    "currency": "Double",
    "percent": "Double",
    "date": "Date",
    "datetime": "Datetime",
    "address": "Address",
}
_NUMBERS = {"Integer", "Double"}


def column_metadata(org: Org, statement: str) -> dict[str, Any]:
    """Describe the columns of a statement; it is compiled but not run.

    Errors: SalesforceError, as for running it.
    """
    query = parse(statement)
    compiled = Compiler(org.schema, org.settings, org.clock.now().date(), all_rows=False).compile(query)
    grouped = compiled.keys is not None
    columns = (
        _grouped(query, compiled)
        if grouped or compiled.counts_only
        else _of_node(org.schema, compiled.shape, compiled.sobject, compiled)
    )
    return {
        "columnMetadata": columns,
        "entityName": compiled.sobject.name,
        "groupBy": bool(query.group_by),
        "idSelected": any(each["columnName"] == "Id" for each in columns),
        "keyPrefix": compiled.sobject.key_prefix,
    }


def _grouped(query: Query, compiled: Compiled) -> list[dict[str, Any]]:
    columns = []
    for item, (name, _) in zip(query.select, compiled.keys or (), strict=False):
        if isinstance(item, Aggregate):
            shown = f"{item.function.lower()}({item.path.text if item.path else ''})"
            columns.append(_column(name, None, shown=shown, aggregate=True))
        else:
            columns.append(_column(name, compiled.sobject.find(name)))
    return columns


def _of_node(schema: Schema, node: Node, sobject: SObject | None, compiled: Compiled) -> list[dict[str, Any]]:
    columns = []
    for name, _, what in node.steps:
        children = next((inner for relation, inner, _ in compiled.children if relation == name), None)
        if isinstance(what, Node):
            parent = schema.find(what.url_object) if what.url_object else None
            columns.append(_column(name, None, joined=_of_node(schema, what, parent, compiled)))
        elif children is not None:
            inner = _of_node(schema, children.shape, children.sobject, children)
            columns.append(_column(name, None, aggregate=True, joined=inner))
        else:
            columns.append(_column(name, sobject.find(name) if sobject else None))
    return columns


def _column(
    name: str,
    field: Field | None,
    *,
    shown: str | None = None,
    aggregate: bool = False,
    joined: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    apex = _APEX_TYPES.get(field.type, "String") if field else None
    return {
        "aggregate": aggregate,
        "apexType": apex,
        "booleanType": apex == "Boolean",
        "columnName": name,
        "custom": bool(field and field.custom),
        "displayName": shown or name,
        "foreignKeyName": None,
        "insertable": bool(field and field.createable),
        "joinColumns": joined or [],
        "numberType": apex in _NUMBERS,
        "textType": apex == "String",
        "updatable": bool(field and field.updateable),
    }
