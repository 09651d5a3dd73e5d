"""How do thousands of unconditional updates travel as one Bulk API 2.0 load, and what became of each row?

Source: Bulk API 2.0 Developer Guide, Ingest. No assignment rule runs: that would take the job's own `assignmentRuleId`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from syncd.core.routes import NULL, may_load
from syncd.core.values import Scalar
from syncd.errors import AnswerLost, OrgUnreachable
from syncd.ports import IngestJob, Overwrite, WriteResult
from syncd.salesforce import soql
from syncd.salesforce.connection import Connection
from syncd.salesforce.errors import Fault, NotThere
from syncd.salesforce.rows import moment
from syncd.salesforce.writes import missing_is_gone, record_id, status_of

_CSV = {"Content-Type": "text/csv; charset=UTF-8"}


def open_job(connection: Connection, object: str) -> IngestJob:
    """Open a load of updates."""
    asked = {"object": soql.name(object), "operation": "update", "contentType": "CSV", "lineEnding": "LF"}
    body = connection.write(f"opening a Bulk load of {object}", _path(connection), asked)
    return _told(body)


def fill(connection: Connection, job_id: str, rows: Sequence[Overwrite]) -> None:
    """Upload the rows of an open load."""
    what = f"upload of {len(rows)} rows to Bulk load {job_id}"
    connection.write(what, f"{_path(connection, job_id)}/batches", written(rows).encode(), _CSV, method="PUT")


def written(rows: Sequence[Overwrite]) -> str:
    """Write rows in the load's own dialect: an empty cell leaves a field alone, #N/A empties it."""
    fields = sorted({name for row in rows for name in row.values})
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["Id", *map(soql.name, fields)])
    for row in rows:
        cells = (_cell(row.values[name]) if name in row.values else "" for name in fields)
        writer.writerow([record_id(row.id), *cells])
    return stream.getvalue()


def _cell(value: Scalar) -> str:
    if not may_load(value):
        raise AssertionError("a value that no Bulk load can carry")
    if value is None:
        return NULL
    return str(value).lower() if isinstance(value, bool) else str(value)


def close(connection: Connection, job_id: str) -> None:
    """Say that the upload is complete."""
    _enter(connection, job_id, "UploadComplete")


def abort(connection: Connection, job_id: str) -> None:
    """Give up a load."""
    _enter(connection, job_id, "Aborted")


def _enter(connection: Connection, job_id: str, state: str) -> None:
    connection.write(f"setting Bulk load {job_id} to {state}", _path(connection, job_id), {"state": state}, method="PATCH")


def ask(connection: Connection, job_id: str) -> IngestJob | None:
    """Ask how a load stands; None when the org has forgotten it."""
    try:
        return _told(connection.read(f"Bulk load {job_id}", "GET", _path(connection, job_id)))
    except NotThere:
        return None


def open_jobs(connection: Connection) -> list[IngestJob]:
    """List the loads that were opened and never closed."""
    path = f"{_path(connection)}?isPkChunkingEnabled=false&jobType=V2Ingest"
    found: list[IngestJob] = []
    while path:
        body = connection.read("list of Bulk loads", "GET", path)
        found += [_told(each) for each in _records(body) if each.get("state") == "Open"]
        path = "" if body.get("done", True) else str(body.get("nextRecordsUrl") or "")
    return found


def _records(body: Any) -> list[Mapping[str, Any]]:
    records = body.get("records") if isinstance(body, Mapping) else None
    if not isinstance(records, list):
        raise OrgUnreachable("The org listed its Bulk loads in a form that syncd can't read.")
    return records


def results(connection: Connection, job_id: str) -> list[WriteResult]:
    """Read what became of each row of an ended load."""
    rows = [WriteResult("done", id, request_id=job_id) for id, _ in _rows(connection, job_id, "successfulResults")]
    rows += [_failed(id, words, job_id) for id, words in _rows(connection, job_id, "failedResults")]
    left = _rows(connection, job_id, "unprocessedrecords")
    return rows + [WriteResult("unprocessed", id, text="the load ended before this row", request_id=job_id) for id, _ in left]


def _rows(connection: Connection, job_id: str, which: str) -> Iterator[tuple[str, str]]:
    """Give (record id, sf__Error) of one result file. `sf__Id` is empty in failed rows: the echoed Id names the record."""
    text = connection.read_text(f"{which} of Bulk load {job_id}", f"{_path(connection, job_id)}/{which}")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from ((row.get("Id") or row.get("sf__Id") or "", row.get("sf__Error") or "") for row in reader)
    except csv.Error as cause:
        raise OrgUnreachable(f"The {which} of Bulk load {job_id} are no whole CSV file: {cause}.") from cause


def _failed(id: str, words: str, job_id: str) -> WriteResult:
    code, _, rest = words.partition(":")
    text = rest.rpartition(":")[0] or rest
    return missing_is_gone(WriteResult(status_of([Fault(code, text)]), id, code, text, job_id))


def _path(connection: Connection, job_id: str = "") -> str:
    return f"{connection.base}/jobs/ingest" + (f"/{record_id(job_id)}" if job_id else "")


def _told(body: Any) -> IngestJob:
    try:
        return IngestJob(
            str(body["id"]), str(body["object"]), str(body["state"]), str(body["createdById"]), moment(str(body["createdDate"])),
            int(body.get("numberRecordsProcessed") or 0), int(body.get("numberRecordsFailed") or 0),
            str(body.get("errorMessage") or ""),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise AnswerLost("The org told of a Bulk load in a form that syncd can't read.") from cause
