"""Which rows changed or were deleted? Five objects' questions in one API call; the following pages one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from syncd.errors import FieldHidden, OrgUnreachable
from syncd.ports import Answer, Counted, DeletedSince, DescribedSince, Keyset, Page, Pull, UpdatedSince
from syncd.salesforce import composite, soql
from syncd.salesforce.composite import Part, PartAnswer
from syncd.salesforce.connection import Connection
from syncd.salesforce.cursor import CursorExpired, pages
from syncd.salesforce.questions import Counting, Describing, Window

RESTARTS_MAX = 3
Query = Counting | Pull
Light = Describing | Window
"""Questions that are no queries: 25 of them fit into one call, beside 5 queries 20."""


def pull(
    connection: Connection,
    pulls: Sequence[Pull],
    deleted: Sequence[DeletedSince] = (),
    *,
    counted: Sequence[str] = (),
    updated: Sequence[UpdatedSince] = (),
    described: Sequence[DescribedSince] = (),
) -> Iterator[Answer]:
    """Read changed rows page by page, each page as soon as it is there. See `syncd.ports.OrgReader.pull`."""
    queries: list[Query] = [*(Counting(object) for object in counted), *pulls]
    since: list[DeletedSince | UpdatedSince] = [*deleted, *updated]
    windows = [Window.of(question, connection.now()) for question in since]
    light: list[Light] = [*(Describing(each) for each in described), *(window for window in windows if window is not None)]
    while queries or light:
        asked, queries = queries[: composite.QUERIES_MAX], queries[composite.QUERIES_MAX :]
        room = composite.SUBREQUESTS_MAX - len(asked)
        beside, light = light[:room], light[room:]
        yield from _one_call(connection, asked, beside)


def _one_call(connection: Connection, queries: Sequence[Query], light: Sequence[Light]) -> Iterator[Answer]:
    parts = [_part(each) for each in (*queries, *light)]
    found = composite.ask(connection, "pull " + ", ".join(part.what for part in parts), parts)
    of_queries, of_light = found[: len(queries)], found[len(queries) :]
    found.clear()
    asked = list(zip(light, of_light, strict=True))
    for question, answer in asked:
        if isinstance(question, Describing):
            yield question.read(connection, answer)
    hidden: FieldHidden | None = None
    of_queries.reverse()
    for query in queries:
        answer = of_queries.pop()  # its rows must not stay in memory while the next pages are read
        try:
            yield from _rows(connection, query, answer)
        except FieldHidden as problem:
            hidden = hidden or problem
    for question, answer in asked:
        if isinstance(question, Window):
            yield question.read(connection, answer)
    if hidden is not None:
        raise hidden


def _rows(connection: Connection, query: Query, answer: PartAnswer) -> Iterator[Page | Counted]:
    if isinstance(query, Counting):
        yield query.read(connection, answer)
    else:
        yield from _pages(connection, query, composite.expect(connection, _part(query), answer))


def _part(question: Query | Light) -> Part:
    return _query(question) if isinstance(question, Pull) else question.part()


def _query(pull: Pull, resume: Keyset | None = None) -> Part:
    """Write the question. IsDeleted is always false for `query`: selecting it asks for deleted and merged rows too."""
    resource = "queryAll" if reads_deleted(pull) else "query"
    return Part(f"query {pull.object}", f"/{resource}?q={soql.encoded(soql.pull_statement(pull, resume))}")


def reads_deleted(pull: Pull) -> bool:
    """Tell whether a pull asks for rows in the recycle bin, too."""
    return any(field.lower() == "isdeleted" for field in pull.fields)


def _pages(connection: Connection, pull: Pull, body: Any) -> Iterator[Page]:
    """Yield the pages of one pull; when its cursor expires, the pull goes on after the last row that was yielded."""
    resume, restarts = pull.after, 0
    while True:
        try:
            for page in pages(connection, pull.object, pull.fields, pull.stamp_field, body):
                if page.records:
                    resume = Keyset(page.records[-1].modified_at, page.records[-1].id)
                yield page
                if pull.rows_max is not None and page.total > pull.rows_max:
                    return
        except CursorExpired as cause:
            restarts += 1
            if restarts > RESTARTS_MAX:
                raise OrgUnreachable(f"The org dropped the cursor of {pull.object} {restarts} times.") from cause
        else:
            return
        part = _query(pull, resume)
        body = connection.read(part.what, "GET", connection.base + part.path)
