"""What does a query answer, page by page?"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.soql.compile import Compiled, Compiler
from syncd.sandbox.soql.cursors import Cursor
from syncd.sandbox.soql.parse import parse
from syncd.sandbox.soql.render import Renderer

if TYPE_CHECKING:
    from syncd.sandbox.org import Org


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, through which API version, for pages of how many rows."""

    user_id: str
    base: str  # /services/data/v62.0
    page_rows: int = 2_000


def query(org: Org, statement: str, asker: Asker, *, all_rows: bool = False) -> dict[str, Any]:
    """Run a statement and return its first page.

    Errors: SalesforceError.
    """
    compiled = _compile(org, statement, all_rows)
    if compiled.counts_only:
        total = org.database.value(" ".join(("SELECT COUNT(*)", compiled.tail)), compiled.parameters)
        return {"totalSize": _limited(total, compiled), "done": True, "records": []}
    if compiled.keys is not None:
        return _aggregated(org, compiled)
    limit = asker.page_rows + 1 if compiled.limit is None else min(compiled.limit, asker.page_rows + 1)
    rows = _rows(org, compiled, f"{compiled.ordering} LIMIT {limit} OFFSET {compiled.offset}", compiled.parameters)
    if len(rows) <= asker.page_rows:
        return {"totalSize": len(rows), "done": True, "records": _records(org, compiled, rows, asker)}
    cursor = Cursor(statement, all_rows, _row_numbers(org, compiled), org.clock.now(), asker.user_id, asker.page_rows)
    locator = org.cursors.open(cursor)
    return {
        "totalSize": len(cursor.rows),
        "done": False,
        "nextRecordsUrl": f"{asker.base}/query/{locator}-{asker.page_rows}",
        "records": _records(org, compiled, rows[: asker.page_rows], asker),
    }


def next_page(org: Org, text: str, asker: Asker) -> dict[str, Any]:
    """Return the page a locator points to: the rows fixed by the first execution, with the values they have now.

    A row deleted since then is missing from its page, unless the cursor came from queryAll.
    Errors: INVALID_QUERY_LOCATOR.
    """
    locator, cursor, offset = org.cursors.find(text, asker.user_id, org.clock.now())
    compiled = _compile(org, cursor.statement, cursor.all_rows)
    wanted = cursor.rows[offset : offset + cursor.page_rows]
    alias = compiled.root_alias
    alive = f' AND {alias}."IsDeleted" = 0' if compiled.sobject.has("IsDeleted") and not cursor.all_rows else ""
    statement = " ".join(
        (
            "SELECT",
            ", ".join((*compiled.columns, f"{alias}.rowid")),
            compiled.source,
            f"WHERE {alias}.rowid IN ({_marks(len(wanted))})",
            alive,
        )
    )
    found = {row[-1]: row for row in org.database.connection.execute(statement, list(wanted))}
    rows = [found[number] for number in wanted if number in found]
    end = offset + len(wanted)
    answer: dict[str, Any] = {"totalSize": len(cursor.rows), "done": end >= len(cursor.rows)}
    if not answer["done"]:
        answer["nextRecordsUrl"] = f"{asker.base}/query/{locator}-{end}"
    return answer | {"records": _records(org, compiled, rows, asker)}


def _compile(org: Org, statement: str, all_rows: bool) -> Compiled:
    compiler = Compiler(org.schema, org.settings, org.clock.now().date(), all_rows=all_rows)
    return compiler.compile(parse(statement))


def _limited(total: int, compiled: Compiled) -> int:
    total = max(0, total - compiled.offset)
    return total if compiled.limit is None else min(total, compiled.limit)


def _rows(org: Org, compiled: Compiled, ending: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    statement = " ".join(("SELECT", ", ".join(compiled.columns), compiled.tail, ending))
    return org.database.connection.execute(statement, parameters).fetchall()


def _row_numbers(org: Org, compiled: Compiled) -> array[int]:
    limit = -1 if compiled.limit is None else compiled.limit
    statement = " ".join(
        (f"SELECT {compiled.root_alias}.rowid", compiled.tail, compiled.ordering, f"LIMIT {limit} OFFSET {compiled.offset}")
    )
    return array("q", (number for (number,) in org.database.connection.execute(statement, compiled.parameters)))


def _records(org: Org, compiled: Compiled, rows: Sequence[Sequence[Any]], asker: Asker) -> list[dict[str, Any] | None]:
    renderer = Renderer(asker.base, org.schema.by_prefix)
    node = compiled.shape
    children = [
        _children(org, inner, [row[node.id_index] for row in rows], pointer, asker) for _, inner, pointer in compiled.children
    ]
    return [renderer.record(node, row, children) for row in rows]


def _children(org: Org, inner: Compiled, parents: Sequence[str], pointer: str, asker: Asker) -> dict[str, Any]:
    condition = f'{inner.root_alias}."{pointer}" IN ({_marks(len(parents))})'
    where = f"{inner.where} AND {condition}" if inner.where else f"WHERE {condition}"
    statement = " ".join(("SELECT", ", ".join(inner.columns), inner.source, where, inner.ordering))
    grouped: dict[str, list[Sequence[Any]]] = {}
    for row in org.database.connection.execute(statement, (*inner.parameters, *parents)):
        grouped.setdefault(row[0], []).append(row)
    answers = {}
    for parent, rows in grouped.items():
        kept = rows[inner.offset :] if inner.limit is None else rows[inner.offset : inner.offset + inner.limit]
        if kept:
            answers[parent] = {"totalSize": len(kept), "done": True, "records": _records(org, inner, kept, asker)}
    return answers


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _aggregated(org: Org, compiled: Compiled) -> dict[str, Any]:
    assert compiled.keys is not None
    limit = -1 if compiled.limit is None else compiled.limit
    rows = _rows(org, compiled, f"{compiled.ordering} LIMIT {limit} OFFSET {compiled.offset}", compiled.parameters)
    if len(rows) > 2_000:
        raise SalesforceError(
            "EXCEEDED_ID_LIMIT",
            "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch",
        )
    records = [
        {"attributes": {"type": "AggregateResult"}}
        | {name: bool(value) if boolean else value for (name, boolean), value in zip(compiled.keys, row, strict=True)}
        for row in rows
    ]
    return {"totalSize": len(records), "done": True, "records": records}
