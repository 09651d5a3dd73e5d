"""How are many rows read by a Bulk API 2.0 query job, straight from the socket and never more than a chunk at once?

Source: Bulk API 2.0 Developer Guide, Query.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any
from urllib.parse import quote

import requests
from urllib3.exceptions import HTTPError

from syncd.core.values import Scalar
from syncd.errors import OrgRefused, OrgUnreachable
from syncd.ports import Chunk, ObjectSchema, Pull, QueryJob
from syncd.ports.bulk import ABORTED, DONE, FAILED, RUNNING
from syncd.salesforce import rows, soql
from syncd.salesforce.connection import Connection
from syncd.salesforce.errors import NotThere
from syncd.salesforce.pull import reads_deleted

CHUNK_ROWS = 2_048  # what a processor keeps at hand: with 10,000 everything takes a third longer
TRIES_MAX = 4
_BUFFER_BYTES = 256 * 1024
_CELL_CHARS_MAX = 1 << 20  # a long text area holds 131,072 characters; csv's own limit is as many
_STATES = {"JobComplete": DONE, "Failed": FAILED, "Aborted": ABORTED}
_BROKEN = (HTTPError, requests.RequestException, OSError, ValueError, csv.Error)  # ValueError: bytes that are no UTF-8
csv.field_size_limit(max(csv.field_size_limit(), _CELL_CHARS_MAX))

Convert = Callable[[Sequence[str]], Sequence[Scalar]]


def open_job(connection: Connection, pull: Pull) -> QueryJob:
    """Begin a job. A lost answer leaves a job that nobody reads: it changes nothing in the org."""
    operation = "queryAll" if reads_deleted(pull) else "query"
    asked = {"operation": operation, "query": soql.bulk_statement(pull), "contentType": "CSV", "lineEnding": "LF"}
    return _told(connection.write(f"beginning a Bulk query of {pull.object}", _path(connection), asked))


def ask(connection: Connection, job_id: str) -> QueryJob | None:
    """Ask how a job stands; None when the org has forgotten it."""
    try:
        return _told(connection.read(f"Bulk query {job_id}", "GET", _path(connection, job_id)))
    except NotThere:
        return None


def running(connection: Connection, object: str, since_at: datetime) -> list[QueryJob]:
    """List the jobs over an object that our user began since then and that have not ended."""
    user_id = connection.identity().user_id
    path = f"{_path(connection)}?jobType=V2Query"
    found: list[QueryJob] = []
    while path:
        body = connection.read("list of Bulk queries", "GET", path)
        found += [_told(job) for job in _listed(body) if _is_ours(job, object, since_at, user_id)]
        path = "" if body.get("done", True) else str(body.get("nextRecordsUrl") or "")
    return found


def abort(connection: Connection, job_id: str) -> None:
    """End a job; one that has ended already, or is gone, is as good."""
    with suppress(NotThere, OrgRefused):
        connection.write(f"aborting Bulk query {job_id}", _path(connection, job_id), {"state": "Aborted"}, method="PATCH")


def _is_ours(job: Mapping[str, Any], object: str, since_at: datetime, user_id: str) -> bool:
    if str(job.get("object", "")).lower() != object.lower() or job.get("state") in _STATES:
        return False
    by, at = str(job.get("createdById", "")), job.get("createdDate")
    return by[:15] == user_id[:15] and isinstance(at, str) and rows.moment(at) >= since_at


def _listed(body: Any) -> list[Mapping[str, Any]]:
    records = body.get("records") if isinstance(body, Mapping) else None
    if not isinstance(records, list):
        raise OrgUnreachable("The org listed its Bulk queries in a form that syncd can't read.")
    return records


def _told(body: Any) -> QueryJob:
    try:
        state = _STATES.get(str(body["state"]), RUNNING)
        count = int(body.get("numberRecordsProcessed") or 0)
        return QueryJob(str(body["id"]), str(body.get("object") or ""), state, count, str(body.get("errorMessage") or ""))
    except rows.UNREADABLE as cause:
        raise OrgUnreachable("The org told of a Bulk query in a form that syncd can't read.") from cause


def _path(connection: Connection, job_id: str = "") -> str:
    return f"{connection.base}/jobs/query" + (f"/{quote(job_id, safe='')}" if job_id else "")


@dataclass(slots=True)
class _Place:
    """Where the reading of a result stands: the page, and how many of its rows were given on."""

    locator: str | None
    rows: int = 0


def read(connection: Connection, job: QueryJob, pull: Pull, schema: ObjectSchema, locator: str | None) -> Iterator[Chunk]:
    """Read the rows of a job, chunk by chunk; a page that breaks off is asked for again, and goes on where it broke."""
    place, tries = _Place(locator), 0
    table = _Table.of(pull, schema)
    while True:
        before = (place.locator, place.rows)
        try:
            yield from _page(connection, job, table, place)
        except _BROKEN as cause:
            tries = 1 if (place.locator, place.rows) != before else tries + 1
            if tries >= TRIES_MAX:
                text = f"The rows of Bulk query {job.id} over {job.object} broke off {tries} times in the same place: {cause}."
                raise OrgUnreachable(text) from cause
            connection.wait_before_try(tries)
            continue
        if place.locator is None:
            return


def _page(connection: Connection, job: QueryJob, table: _Table, place: _Place) -> Iterator[Chunk]:
    path = f"{_path(connection, job.id)}/results" + (f"?locator={quote(place.locator, safe='')}" if place.locator else "")
    with connection.stream(f"rows of Bulk query {job.id}", path) as answer:
        following, announced = _head(answer, job)
        lines = csv.reader(chain.from_iterable(_lines(answer)), strict=True)
        order = table.order(next(lines, []), job)
        for _ in islice(lines, place.rows):  # given on before the page broke off
            pass
        while True:
            some = list(islice(lines, CHUNK_ROWS))
            place.rows += len(some)
            if place.rows > announced or (not some and place.rows < announced):
                raise ValueError(f"{announced} rows were announced and {place.rows} came")
            is_end = place.rows == announced
            if is_end:
                place.locator, place.rows = following, 0
            yield table.chunk(some, order, place.locator, is_page_end=is_end, is_last=is_end and following is None)
            if is_end:
                return


def _lines(answer: requests.Response) -> Iterator[Iterator[str]]:
    """Give the lines of an answer's text, block by block, their ends kept. io.TextIOWrapper takes a third longer."""
    decode, rest = codecs.getincrementaldecoder("utf-8")().decode, ""
    while block := answer.raw.read(_BUFFER_BYTES, decode_content=True):
        text = rest + decode(block)
        end = text.rfind("\n") + 1
        rest = text[end:]
        yield io.StringIO(text[:end], newline="\n")
    if last := rest + decode(b"", final=True):  # csv takes an empty line for a row without cells
        yield iter([last])


def _head(answer: requests.Response, job: QueryJob) -> tuple[str | None, int]:
    following, count = answer.headers.get("Sforce-Locator", ""), answer.headers.get("Sforce-NumberOfRecords", "")
    if not following or not count.isdigit():
        raise OrgUnreachable(f"The org sent rows of Bulk query {job.id} without saying how many or where it goes on.")
    return (None if following == "null" else following), int(count)


class _Table:
    """Which columns a result has, and what their cells mean."""

    def __init__(self, object: str, asked: Sequence[str], names: Sequence[str], stamp_field: str, schema: ObjectSchema) -> None:
        self.object = object
        self.asked = [name.lower() for name in asked]
        self.names = tuple(sorted(names))
        self.stamp = stamp_field.lower()
        types = {name.lower(): field.type for name, field in schema.fields.items()}
        self.converts = [_CONVERTS.get(types.get(name.lower(), "")) for name in self.names]

    @classmethod
    def of(cls, pull: Pull, schema: ObjectSchema) -> _Table:
        """Say what a pull's result looks like."""
        return cls(pull.object, soql.with_key(pull.fields, pull.stamp_field), pull.fields, pull.stamp_field, schema)

    def order(self, heading: Sequence[str], job: QueryJob) -> dict[str, int]:
        """Return where each column stands. Errors: OrgUnreachable for other columns than were asked for."""
        found = {name.lower(): number for number, name in enumerate(heading)}
        if sorted(found) != sorted(self.asked):
            raise OrgUnreachable(f"Bulk query {job.id} over {job.object} has other columns than were asked for.")
        return found

    def chunk(
        self, lines: Sequence[Sequence[str]], order: Mapping[str, int], locator: str | None, *, is_page_end: bool, is_last: bool
    ) -> Chunk:
        """Turn lines into columns. Errors: ValueError for lines of different lengths."""
        cells = list(zip(*lines, strict=True)) or [()] * len(order)
        if len(cells) != len(order):
            raise ValueError("a line has more or fewer cells than the heading")
        columns: list[Sequence[Scalar]] = []
        for name, convert in zip(self.names, self.converts, strict=True):
            column = cells[order[name.lower()]]
            if convert is not None:
                columns.append(convert(column))
            else:
                columns.append([cell or None for cell in column] if "" in column else column)
        ids, stamps = cells[order["id"]], cells[order[self.stamp]]
        return Chunk(self.object, self.names, ids, stamps, columns, locator, is_page_end, is_last)


def _booleans(column: Sequence[str]) -> Sequence[Scalar]:
    return [cell == "true" if cell else None for cell in column]


def _numbers(column: Sequence[str]) -> Sequence[Scalar]:
    return [float(cell) if cell else None for cell in column]


def _integers(column: Sequence[str]) -> Sequence[Scalar]:
    return [int(float(cell)) if cell else None for cell in column]


def _moments(column: Sequence[str]) -> Sequence[Scalar]:
    """Write times as REST does, so that a row reads the same whichever way it came."""
    return [cell[:-1] + "+0000" if cell else None for cell in column]


_CONVERTS: Mapping[str, Convert] = {
    "boolean": _booleans,
    "double": _numbers,
    "currency": _numbers,
    "percent": _numbers,
    "int": _integers,
    "long": _integers,
    "datetime": _moments,
}
