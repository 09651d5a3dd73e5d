"""How does a bulk query become CSV rows?

The rows are written once, when the job starts: a snapshot, whatever is saved afterwards. SQLite writes each line itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from syncd.sandbox.bulk.files import Rows, Style
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.schema import Field
from syncd.sandbox.soql.compile import Compiled, Compiler
from syncd.sandbox.soql.parse import parse
from syncd.sandbox.soql.resolve import Column, Joins
from syncd.sandbox.soql.tree import Aggregate, Path, Query

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

FETCH_ROWS = 2_000
_ARGUMENTS_MAX = 100  # SQLite's functions take 127
Bounds = tuple[str | None, str | None]


class BulkCompiler(Compiler):
    """Compiles what the Bulk API takes of SOQL, and keeps the chosen columns in the order they were chosen."""

    chosen: list[tuple[str, Column]]

    def compile(self, query: Query, *, extra: Path | None = None) -> Compiled:
        """Compile a query.

        Errors: API_ERROR for what bulk queries do not offer; else as the compiler says.
        """
        self.chosen = []
        if query.group_by or any(isinstance(each, Aggregate) for each in query.select):
            raise _not_offered("Aggregate Relationships not supported in Bulk Query")
        if any(isinstance(each, Query) for each in query.select):
            raise _not_offered("Nested queries are not supported in Bulk Query")
        if query.offset:
            raise _not_offered("OFFSET is not supported in Bulk Query")
        return super().compile(query, extra=extra)

    def _select(self, path: Path, joins: Joins, compiled: Compiled) -> None:
        column = joins.column(path)
        if column.field.type in ("address", "location"):
            raise _not_offered("Selecting compound data not supported in Bulk Query")
        super()._select(path, joins, compiled)
        self.chosen.append((_heading(joins, joins.local(path), column), column))


def _not_offered(message: str) -> SalesforceError:
    return SalesforceError("API_ERROR", message)


def _heading(joins: Joins, parts: Sequence[str], column: Column) -> str:
    names = []
    for depth in range(1, len(parts)):
        tables = joins.scope(tuple(parts[: depth - 1]), Path(tuple(parts), 0)).tables
        pointers = [table.sobject.relationships.get(parts[depth - 1].lower()) for table in tables]
        names.append(next((pointer.relationship or "" for pointer in pointers if pointer), parts[depth - 1]))
    return ".".join([*names, column.field.name])


def compile_bulk(org: Org, statement: str, *, all_rows: bool) -> tuple[Compiled, list[tuple[str, Column]]]:
    """Compile a statement for a bulk job and return it with its chosen columns.

    Errors: SalesforceError in the query's own words.
    """
    compiler = BulkCompiler(org.schema, org.settings, org.clock.now().date(), all_rows=all_rows)
    return compiler.compile(parse(statement)), compiler.chosen


def run_query(org: Org, statement: str, style: Style, *, all_rows: bool, bounds: Bounds | None = None, by: str = "Id") -> Rows:
    """Write a query's rows as they are now. `bounds` cuts them to one chunk: ids `by` from the first up to the second."""
    compiled, chosen = compile_bulk(org, statement, all_rows=all_rows)
    rows = Rows([name for name, _ in chosen], style)
    conditions, parameters = _cut(compiled, bounds, by)
    limit = "" if compiled.limit is None else f"LIMIT {compiled.limit}"
    line = _line([column for _, column in chosen], style)
    cursor = org.database.connection.execute(
        " ".join(("SELECT CAST(", line, "AS BLOB)", compiled.source, conditions, compiled.ordering, limit)),
        [*compiled.parameters, *parameters],
    )
    while found := cursor.fetchmany(FETCH_ROWS):
        rows.add([text for (text,) in found])
    rows.complete = True
    return rows


def _cut(compiled: Compiled, bounds: Bounds | None, by: str) -> tuple[str, list[str]]:
    first, beyond = bounds or (None, None)
    column = f'{compiled.root_alias}."{by}"'
    pairs = [(f"{column} >= ?", first), (f"{column} < ?", beyond)]
    conditions = [compiled.where] + [text for text, value in pairs if value is not None]
    joined = " AND ".join(filter(None, conditions))
    if joined and not compiled.where:
        joined = "WHERE " + joined
    return joined, [value for _, value in pairs if value is not None]


def _line(columns: Sequence[Column], style: Style) -> str:
    parts = []
    for start in range(0, len(columns), _ARGUMENTS_MAX):
        group = columns[start : start + _ARGUMENTS_MAX]
        last = start + len(group) == len(columns)
        pattern = style.delimiter.join(['"%w"'] * len(group)) + (style.ending if last else style.delimiter)
        parts.append(f"printf('{pattern}', {', '.join(_value(each) for each in group)})")
    return " || ".join(parts)


def _value(column: Column) -> str:
    field, sql = column.field, column.sql
    if field.type == "boolean":
        return f"CASE {sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE '' END"
    if field.type == "datetime":
        return f"COALESCE(substr({sql}, 1, 23) || 'Z', '')"
    if field.type == "anyType":
        return f"COALESCE(CASE {sql} WHEN char(0) || 'true' THEN 'true' WHEN char(0) || 'false' THEN 'false' ELSE {sql} END, '')"
    return sql if _never_null(field, column) else f"COALESCE({sql}, '')"


def _never_null(field: Field, column: Column) -> bool:
    return field.type == "id" and column.sql.startswith("t0.")
