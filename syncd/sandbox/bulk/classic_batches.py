"""How does a Bulk API 1.0 query come to its rows: in one batch, or chunked by primary key?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from syncd.sandbox.bulk.classic_words import ClassicRefused
from syncd.sandbox.bulk.jobs import BATCH_PREFIX, RESULT_PREFIX, Batch, Job, take_end
from syncd.sandbox.bulk.query_run import Bounds, run_query
from syncd.sandbox.database import quoted
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.soql.parse import parse

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

CHUNK_ROWS, CHUNK_ROWS_MAX = 100_000, 250_000
_CHUNKABLE = frozenset(
    {
        "Account",
        "Campaign",
        "CampaignMember",
        "Case",
        "Contact",
        "Event",
        "Lead",
        "Opportunity",
        "OpportunityContactRole",
        "OpportunityHistory",
        "Task",
        "User",
        "UserRole",
    }
)


def read_chunking(org: Org, job: Job, headers: Mapping[str, str]) -> None:
    """Read ``Sforce-Enable-PKChunking``: ``true``, or ``chunkSize=50000; parent=Lead`` with or without it.

    Errors: ClassicRefused for a size out of range, an object that cannot be chunked, or a parent that is none.
    """
    parts = [part.strip() for part in headers.get("sforce-enable-pkchunking", "").split(";") if part.strip()]
    if not parts or parts[0].lower() == "false":
        return
    given = dict(part.split("=", 1) for part in parts if "=" in part)
    size = given.get("chunkSize", str(CHUNK_ROWS)).strip()
    if not size.isdigit() or not 0 < int(size) <= CHUNK_ROWS_MAX:
        raise ClassicRefused("InvalidJob", f"Invalid PK chunk size: {size}. The maximum is {CHUNK_ROWS_MAX}")
    job.chunk_rows, job.chunk_parent = int(size), given.get("parent", "").strip()
    if job.chunk_parent:
        _pointer(org, job)
    elif job.object_name not in _CHUNKABLE:
        raise ClassicRefused("InvalidJob", f"PK chunking is not supported for {job.object_name} without a parent")


def _pointer(org: Org, job: Job) -> str:
    pointer = org.schema.get(job.object_name).find(job.chunk_parent + "Id")
    if pointer is not None and job.object_name.endswith("History") and job.chunk_parent in _CHUNKABLE:
        return pointer.name
    raise ClassicRefused("InvalidJob", f"{job.chunk_parent} is not a parent of {job.object_name} that can be chunked")


def add_batch(org: Org, job: Job, statement: str, now: datetime, bounds: Bounds | None = None) -> Batch:
    """Queue a batch."""
    batch = Batch(org.mint_id(BATCH_PREFIX), job.id, now, now, statement, bounds=bounds)
    job.batches.append(batch)
    return batch


def advance(org: Org, job: Job, batch: Batch) -> None:
    """Bring a batch one question nearer to its end; see the setting ``bulk_polls``."""
    if batch.ended or job.state == "Aborted":
        return
    now = org.clock.now()
    batch.polls += 1
    if batch.state == "Queued":
        _start(org, job, batch, now)
    if batch.state == "InProgress" and batch.polls >= org.settings.bulk_polls:
        batch.state, batch.changed_at = "Completed", now
        batch.result_id = org.mint_id(RESULT_PREFIX)


def _start(org: Org, job: Job, batch: Batch, now: datetime) -> None:
    batch.changed_at = now
    end = take_end(org, job)
    if end is not None:
        batch.state, batch.message = "Failed", str(end.get("message", "InternalServerError : The batch was ended by the server"))
        return
    try:
        _check_root(job, batch.statement)
        if job.chunk_rows and batch.bounds is None:
            _chunk(org, job, batch, now)
            return
        key = _pointer(org, job) if job.chunk_parent else "Id"
        everything = job.operation == "queryAll"
        batch.rows = run_query(org, batch.statement, job.style, all_rows=everything, bounds=batch.bounds, by=key)
        batch.state = "InProgress"
    except SalesforceError as refusal:
        code = "FUNCTIONALITY_NOT_ENABLED" if refusal.code == "API_ERROR" else refusal.code
        batch.state, batch.message = "Failed", f"InvalidBatch : Failed to process query: {code}: {refusal.message}"


def _check_root(job: Job, statement: str) -> None:
    query = parse(statement)
    if query.source.lower() != job.object_name.lower():
        raise SalesforceError(
            "INVALID_TYPE_FOR_OPERATION",
            f"The root entity of the requested query ({query.source}) does not match the entity of the requested Bulk API "
            f"Job ({job.object_name}).",
        )
    if job.chunk_rows and (query.order_by or query.limit is not None):
        raise SalesforceError("MALFORMED_QUERY", "PK chunking takes neither ORDER BY nor LIMIT")


def _chunk(org: Org, job: Job, batch: Batch, now: datetime) -> None:
    """Put one batch per stretch of ids in the place of the first, which ends unprocessed."""
    table = org.schema.get(job.chunk_parent or job.object_name)
    numbered = f'SELECT "Id", ROW_NUMBER() OVER (ORDER BY "Id") - 1 AS n FROM {quoted(table.name)}'  # noqa: S608
    starts = org.database.connection.execute(
        " ".join(('SELECT "Id" FROM (', numbered, ') WHERE n > 0 AND n % ? = 0 ORDER BY "Id"')), (job.chunk_rows,)
    ).fetchall()
    edges: list[str | None] = [None, *(record_id for (record_id,) in starts), None]
    for bounds in pairwise(edges):
        add_batch(org, job, batch.statement, now, bounds)
    batch.state = "NotProcessed"


def whole_query(raw: bytes) -> str:
    """Read the text of a query batch.

    Errors: ClassicRefused for an empty one, or one that is not UTF-8.
    """
    try:
        text = re.sub(r"\s+\Z", "", raw.decode())
    except UnicodeDecodeError as problem:
        raise ClassicRefused("InvalidBatch", "The query is not in UTF-8") from problem
    if not text.strip():
        raise ClassicRefused("InvalidBatch", "The batch is empty; send the query as its text")
    return text
