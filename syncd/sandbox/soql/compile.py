"""How does a SOQL tree read as one SQL statement, and how are its rows shaped?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.schema import Schema, SObject
from syncd.sandbox.settings import Settings
from syncd.sandbox.soql.conditions import ConditionWriter
from syncd.sandbox.soql.render import Node
from syncd.sandbox.soql.resolve import Column, Joins
from syncd.sandbox.soql.tokens import located
from syncd.sandbox.soql.tree import Aggregate, AllFields, Ordering, Path, Query, Selected

OFFSET_MAX = 2_000
ALL_FIELDS_MAX = 200


@dataclass(slots=True)
class Compiled:
    """A statement ready to run, in its parts, and the shape of a row."""

    sobject: SObject
    columns: list[str]
    source: str
    where: str
    group: str
    ordering: str
    parameters: list[Any]
    limit: int | None
    offset: int
    shape: Node
    root_alias: str
    keys: list[tuple[str, bool]] | None = None  # of a grouped query: name, and whether it is a boolean
    children: list[tuple[str, Compiled, str]] = field(default_factory=list)
    counts_only: bool = False

    @property
    def tail(self) -> str:
        """Write the statement from FROM up to the ordering."""
        return " ".join(part for part in (self.source, self.where, self.group) if part)


class Compiler:
    """Compiles one statement against an org's schema, as the API user sees it."""

    def __init__(self, schema: Schema, settings: Settings, today: date, *, all_rows: bool) -> None:
        self.schema = schema
        self.settings = settings
        self.today = today
        self.all_rows = all_rows

    def compile(self, query: Query, *, extra: Path | None = None) -> Compiled:
        """Compile a query; `extra` is one more column in front, for child queries.

        Errors: SalesforceError as Salesforce words them.
        """
        joins = Joins(self.schema, self.settings, query.text)
        sobject = joins.start(query.source, query.source_column, query.alias)
        if query.offset > OFFSET_MAX:
            raise SalesforceError(
                "NUMBER_OUTSIDE_VALID_RANGE", located(query.text, 1, f"Maximum SOQL offset allowed is {OFFSET_MAX}")
            )
        node = Node(sobject.name, sobject.name)
        columns = [joins.column(extra).sql] if extra else []
        compiled = Compiled(sobject, columns, "", "", "", "", [], query.limit, query.offset, node, joins.root.alias)
        if any(isinstance(each, Aggregate) for each in query.select) or query.group_by:
            self._grouped(query, joins, compiled)
        else:
            self._plain(query, joins, compiled)
        self._finish(query, joins, compiled)
        return compiled

    def _finish(self, query: Query, joins: Joins, compiled: Compiled) -> None:
        compiled.where = self._where(query, joins, compiled.parameters)
        compiled.group = self._group(query, joins, compiled.parameters)
        compiled.ordering = self._ordering(query, joins)
        compiled.source = " ".join(joins.clauses)

    def _where(self, query: Query, joins: Joins, parameters: list[Any]) -> str:
        conditions = []
        root = joins.root
        if not self.all_rows:
            conditions = [f'{root.alias}."{name}" = 0' for name in ("IsDeleted", "IsArchived") if root.sobject.has(name)]
        if self.settings.unshared:
            conditions.append(f'{root.alias}."Id" NOT IN ({", ".join("?" * len(self.settings.unshared))})')
            parameters.extend(self.settings.unshared)
        if query.where is not None:
            writer = ConditionWriter(query.text, self.today, _resolver(joins, query), self._semi_join(joins), parameters)
            conditions.append(writer.write(query.where))
        return "WHERE " + " AND ".join(conditions) if conditions else ""

    def _semi_join(self, outer: Joins) -> Any:
        def write(query: Query, left: Column, parameters: list[Any]) -> str:
            if left.field.type not in ("id", "reference") or len(query.select) != 1:
                raise SalesforceError(
                    "MALFORMED_QUERY",
                    located(outer.statement, query.source_column, "A semi-join compares an id field with one selected id field"),
                )
            chosen = query.select[0]
            if not isinstance(chosen, Selected) or query.order_by or query.limit is not None or query.group_by:
                raise SalesforceError(
                    "MALFORMED_QUERY",
                    located(outer.statement, query.source_column, "A semi-join takes neither ORDER BY, LIMIT nor GROUP BY"),
                )
            joins = Joins(self.schema, self.settings, outer.statement, outer.aliases)
            joins.start(query.source, query.source_column, query.alias)
            column = joins.column(chosen.path)
            if column.field.type not in ("id", "reference"):
                raise SalesforceError(
                    "MALFORMED_QUERY",
                    located(outer.statement, chosen.path.column, "The selected field of a semi-join must be an id"),
                )
            where = self._where(query, joins, parameters)
            present = f"{column.sql} IS NOT NULL"
            where = f"{where} AND {present}" if where else f"WHERE {present}"
            return " ".join(("SELECT", column.sql, *joins.clauses, where))

        return write

    def _plain(self, query: Query, joins: Joins, compiled: Compiled) -> None:
        compiled.shape.id_index = _add(compiled.columns, f'{joins.root.alias}."Id"')
        for item in query.select:
            if isinstance(item, Query):
                self._child(item, joins, compiled)
            elif isinstance(item, AllFields):
                self._all_fields(item, query, joins, compiled)
            else:
                assert isinstance(item, Selected)
                if item.path.function:
                    raise SalesforceError(
                        "MALFORMED_QUERY",
                        located(query.text, item.path.column, f"{item.path.function} is selected only where it is grouped by"),
                    )
                if item.alias and item.alias != item.path.parts[-1]:
                    raise SalesforceError(
                        "MALFORMED_QUERY", located(query.text, item.path.column, "only aggregate expressions use field aliasing")
                    )
                self._select(item.path, joins, compiled)

    def _select(self, path: Path, joins: Joins, compiled: Compiled) -> None:
        column = joins.column(path)
        parts = joins.local(path)
        node = compiled.shape
        for depth in range(1, len(parts)):
            scope = joins.scope(parts[:depth], path)
            name = _relationship_name(joins, parts[:depth], path)
            node = node.child(name, scope, lambda: _add(compiled.columns, scope.id_sql))  # noqa: B023
        if column.field.type == "address":
            self._address(column, joins, (path, parts[:-1]), node, compiled)
        elif not node.has(column.field.name):
            node.add(column.field, _add(compiled.columns, column.sql))
        elif len(parts) == 1 and column.field.name == "Id":
            raise SalesforceError("INVALID_FIELD", f"duplicate field selected: {column.field.name}")
        else:
            raise SalesforceError("INVALID_FIELD", f"duplicate field selected: {path.text}")

    def _address(self, column: Column, joins: Joins, where: tuple[Path, tuple[str, ...]], node: Node, compiled: Compiled) -> None:
        path, prefix = where
        scope = joins.scope(prefix, path)
        stem = column.field.name.removesuffix("Address")
        indexes = {}
        for part in ("Street", "City", "State", "PostalCode", "Country", "Latitude", "Longitude", "GeocodeAccuracy"):
            component = joins.column(Path((*prefix, stem + part), path.column))
            indexes[part[0].lower() + part[1:]] = _add(compiled.columns, component.sql)
        assert scope.tables
        node.add_address(column.field.name, indexes)

    def _all_fields(self, item: AllFields, query: Query, joins: Joins, compiled: Compiled) -> None:
        if item.kind not in ("ALL", "STANDARD", "CUSTOM"):
            raise SalesforceError("MALFORMED_QUERY", located(query.text, item.column, f"unexpected token: '{item.kind}'"))
        if item.kind != "STANDARD" and (query.limit is None or query.limit > ALL_FIELDS_MAX):
            raise SalesforceError(
                "MALFORMED_QUERY",
                located(query.text, item.column, f"The SOQL FIELDS function must have a LIMIT of at most {ALL_FIELDS_MAX}"),
            )
        chosen = [
            each
            for each in joins.root.sobject.fields.values()
            if (item.kind == "ALL" or each.custom == (item.kind == "CUSTOM"))
            and not self.settings.hides(joins.root.sobject.name, each.name)
        ]
        if not chosen:
            raise SalesforceError(
                "MALFORMED_QUERY",
                located(query.text, item.column, f"The SELECT clause has no field: FIELDS({item.kind}) matches none"),
            )
        for each in chosen:
            if not compiled.shape.has(each.name):
                self._select(Path((each.name,), item.column), joins, compiled)

    def _child(self, item: Query, joins: Joins, compiled: Compiled) -> None:
        for child, pointer in self.schema.children_of(joins.root.sobject.name):
            if pointer.child_relationship and pointer.child_relationship.lower() == item.source.lower():
                inner = self.compile(replace(item, source=child.name), extra=Path((pointer.name,), item.source_column))
                compiled.children.append((pointer.child_relationship, inner, pointer.name))
                compiled.shape.add_children(pointer.child_relationship, len(compiled.children) - 1)
                return
        raise SalesforceError(
            "INVALID_TYPE",
            located(
                joins.statement,
                item.source_column,
                f"Didn't understand relationship '{item.source}' in FROM part of query "
                "call. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom "
                "relationship name.",
            ),
        )

    def _grouped(self, query: Query, joins: Joins, compiled: Compiled) -> None:
        if _only_count(query):
            compiled.counts_only = True
            return
        grouped = {_group_key(joins, path) for path in query.group_by}
        compiled.keys = []
        unnamed = 0
        if query.limit is not None and not query.group_by:
            raise SalesforceError("MALFORMED_QUERY", located(query.text, 1, "an aggregate without GROUP BY takes no LIMIT"))
        for item in query.select:
            if isinstance(item, Aggregate):
                name = item.alias or f"expr{unnamed}"
                unnamed += 0 if item.alias else 1
                column = _aggregate(joins, item, query.text)
            elif isinstance(item, Selected) and _group_key(joins, item.path) in grouped:
                column = joins.column(item.path)
                is_unnamed = item.alias is None and bool(item.path.function)
                name = item.alias or (f"expr{unnamed}" if is_unnamed else column.field.name)
                unnamed += is_unnamed
            else:
                at = item.path.column if isinstance(item, Selected) else 1
                label = item.path.text if isinstance(item, Selected) else "subquery"
                raise SalesforceError("MALFORMED_QUERY", located(query.text, at, f"Field must be grouped or aggregated: {label}"))
            compiled.columns.append(column.sql)
            compiled.keys.append((name, column.field.type == "boolean"))

    def _group(self, query: Query, joins: Joins, parameters: list[Any]) -> str:
        if not query.group_by:
            return ""
        terms = []
        for path in query.group_by:
            column = joins.column(path)
            if not column.field.groupable:
                raise SalesforceError(
                    "INVALID_FIELD",
                    located(query.text, path.column, f"field '{column.field.name}' can not be grouped in a query call"),
                )
            terms.append(column.sql)
        clause = "GROUP BY " + ", ".join(terms)
        if query.having is not None:
            writer = ConditionWriter(query.text, self.today, _resolver(joins, query), self._semi_join(joins), parameters)
            clause += " HAVING " + writer.write(query.having)
        return clause

    def _ordering(self, query: Query, joins: Joins) -> str:
        terms = [_order_term(joins, term, query) for term in query.order_by]
        return "ORDER BY " + ", ".join(terms) if terms else ""


def _group_key(joins: Joins, path: Path) -> tuple[str, ...]:
    return (path.function, *(part.lower() for part in joins.local(path)))


def _order_term(joins: Joins, term: Ordering, query: Query) -> str:
    column = _resolver(joins, query)(term.by)
    if not column.field.sortable:
        at = term.by.column
        raise SalesforceError(
            "INVALID_FIELD", located(query.text, at, f"field '{column.field.name}' can not be sorted in a query call")
        )
    words = [column.sql, "DESC" if term.descending else "ASC"]
    if column.field.nillable or (isinstance(term.by, Path) and len(joins.local(term.by)) > 1):
        words.append("NULLS LAST" if term.nulls_last else "NULLS FIRST")
    return " ".join(words)


def _resolver(joins: Joins, query: Query) -> Any:
    def resolve(operand: Path | Aggregate) -> Column:
        return _aggregate(joins, operand, query.text) if isinstance(operand, Aggregate) else joins.column(operand)

    return resolve


def _aggregate(joins: Joins, item: Aggregate, statement: str) -> Column:
    if item.path is None:
        raise SalesforceError(
            "MALFORMED_QUERY", located(statement, item.column, "COUNT() must be the only element in the SELECT list")
        )
    column = joins.column(item.path)
    if item.function in ("sum", "avg") and column.field.type not in ("int", "double", "currency", "percent"):
        raise SalesforceError(
            "MALFORMED_QUERY",
            located(
                statement, item.column, f"field {item.path.text} does not support aggregate operator {item.function.upper()}"
            ),
        )
    counts = item.function in ("count", "count_distinct")
    inner = f"DISTINCT {column.sql}" if item.function == "count_distinct" else column.sql
    function = "COUNT" if counts else item.function.upper()
    changed = replace(column.field, type="int", filterable=True) if counts else column.field
    return Column(changed, f"{function}({inner})", column.entity)


def _only_count(query: Query) -> bool:
    first = query.select[0]
    return len(query.select) == 1 and isinstance(first, Aggregate) and first.path is None and not query.group_by


def _relationship_name(joins: Joins, parts: tuple[str, ...], path: Path) -> str:
    for table in joins.scope(parts[:-1], path).tables:
        pointer = table.sobject.relationships.get(parts[-1].lower())
        if pointer is not None and pointer.relationship:
            return pointer.relationship
    return parts[-1]


def _add(columns: list[str], sql: str) -> int:
    columns.append(sql)
    return len(columns) - 1
