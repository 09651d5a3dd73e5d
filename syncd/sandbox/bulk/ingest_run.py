"""How does a bulk load go through its file? A slice at a time, so that a client sees it move and can stop it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from syncd.sandbox.bulk.files import Lines, Rows, Style
from syncd.sandbox.bulk.ingest_columns import FileRefused, IngestColumn, read_header
from syncd.sandbox.bulk.ingest_rows import Saver, repeated_keys
from syncd.sandbox.bulk.jobs import ENDED, Job, take_end
from syncd.sandbox.deeds import API
from syncd.sandbox.save import How

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

CHUNK_ROWS, COPY_ROWS = 200, 5_000
FIELDS_MAX, FIELD_CHARS_MAX, RECORD_CHARS_MAX, HEADER_CHARS_MAX = 5_000, 32_000, 400_000, 32_000
_IDS_ONLY = ("delete", "hardDelete")


def advance(org: Org, job: Job) -> None:
    """Bring a load one question nearer to its end; see the settings ``bulk_polls`` and ``bulk_slice_rows``."""
    if job.state in ENDED or job.state == "Open":
        return
    now = org.clock.now()
    job.polls += 1
    try:
        columns = _begin(org, job, now)
        if job.state == "InProgress":
            _slice(org, job, columns, now)
            if job.state == "InProgress" and _at_end(job) and job.polls >= org.settings.bulk_polls:
                _finish(job, "JobComplete", now)
    except FileRefused as problem:
        _finish(job, "Failed", now, str(problem))


def _begin(org: Org, job: Job, now: datetime) -> list[IngestColumn]:
    if job.state == "UploadComplete":
        job.end = take_end(org, job)
        job.changed_at, job.state = now, "InProgress"
    names, offset = header_of(job)
    open_results(job, names)
    job.offset = max(job.offset, offset)
    if job.operation in _IDS_ONLY and [name.lower() for name in names] != ["id"]:
        raise FileRefused(f"InvalidBatch : The '{job.operation}' batch must contain only ids")
    return read_header(org, org.schema.get(job.object_name), names)


def header_of(job: Job) -> tuple[list[str], int]:
    """Read the header of a job's file, and where the first row begins.

    Errors: FileRefused for a file that is empty, not in UTF-8, or has other line ends than the job says.
    """
    if job.upload is None or not job.upload.size:
        raise FileRefused("InvalidBatch : The file is empty")
    lines = Lines(job.upload)
    names = next(iter(_records(lines, job.style)), [])
    head = job.upload.read(0, lines.offset)
    if head.endswith(b"\n") and head.endswith(b"\r\n") != (job.style.line_ending == "CRLF"):
        setting = job.style.line_ending
        raise FileRefused(f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {setting}")
    if len(head) > HEADER_CHARS_MAX or len(names) > FIELDS_MAX:
        raise FileRefused(f"InvalidBatch : The header has more than {HEADER_CHARS_MAX} characters or {FIELDS_MAX} fields")
    if names:
        names[0] = names[0].removeprefix("\ufeff")
    return names, lines.offset


def open_results(job: Job, names: Sequence[str]) -> None:
    """Make the three result files, when they are not there yet."""
    if job.succeeded is None:
        job.succeeded = Rows(["sf__Id", "sf__Created", *names], job.style)
        job.refused = Rows(["sf__Id", "sf__Error", *names], job.style)
        job.left = Rows(names, job.style)


def _records(lines: Lines, style: Style) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=style.delimiter, strict=True)
    except csv.Error as problem:
        raise FileRefused(f"ClientInputError : The file is no valid CSV: {problem}") from problem
    except UnicodeDecodeError as problem:
        raise FileRefused("ClientInputError : The file is not in UTF-8") from problem


def _slice(org: Org, job: Job, columns: Sequence[IngestColumn], now: datetime) -> None:
    assert job.upload is not None
    how = How(job.user_id, now, auto_assign=job.rule_id is not None, via=API)
    saver = Saver(org, org.schema.get(job.object_name), job.operation, job.external_id, how)
    lines = Lines(job.upload, job.offset)
    records = _records(lines, job.style)
    rest = org.settings.bulk_slice_rows
    while rest > 0:
        most, ends_here = _allowed(org, job, min(rest, CHUNK_ROWS), now)
        rows = [cells for cells in islice(records, most) if cells]
        for cells in rows:
            _check_size(cells)
        _save(job, saver, columns, rows)
        org.bulk.spend("ingest rows", len(rows), now)
        job.offset = lines.offset
        if ends_here:
            return _end_as_told(org, job, now)
        if len(rows) < most and _at_end(job):
            return None
        rest -= most
    return None


def _allowed(org: Org, job: Job, most: int, now: datetime) -> tuple[int, bool]:
    """Return how many rows may be saved next, and whether the job ends behind them because a setting says so."""
    used = org.bulk.spent("ingest rows", now)
    if used + most > org.settings.bulk_ingest_rows_daily:
        most = org.settings.bulk_ingest_rows_daily - used
        if most <= 0:
            raise FileRefused("ExceededQuota : ApiBatchItems Limit exceeded.")
    if job.end is not None:
        until = int(job.end.get("after_rows", 0)) - job.processed
        if until <= most:
            return max(until, 0), True
    return most, False


def _end_as_told(org: Org, job: Job, now: datetime) -> None:
    assert job.end is not None
    state = str(job.end.get("end", "Failed"))
    message = str(job.end.get("message", "InternalServerError : The job was ended by the server")) if state == "Failed" else ""
    _finish(job, state, now, message)


def _check_size(cells: Sequence[str]) -> None:
    longest = max(map(len, cells))
    if longest > FIELD_CHARS_MAX or sum(map(len, cells)) > RECORD_CHARS_MAX:
        raise FileRefused(
            f"InvalidBatch : A value has more than {FIELD_CHARS_MAX} characters, or a record more than {RECORD_CHARS_MAX}"
        )


def _save(job: Job, saver: Saver, columns: Sequence[IngestColumn], rows: Sequence[Sequence[str]]) -> None:
    assert job.succeeded is not None
    assert job.refused is not None
    repeated = repeated_keys(columns, rows, job.external_id)
    good, bad = [], []
    for cells in rows:
        saved = saver.save(columns, cells, repeated)
        if saved.error:
            bad.append(job.style.line([saved.record_id, saved.error, *cells]))
        else:
            good.append(job.style.line([saved.record_id, "true" if saved.created else "false", *cells]))
    job.succeeded.add(good)
    job.refused.add(bad)
    job.processed += len(rows)
    job.failed += len(bad)


def _at_end(job: Job) -> bool:
    return job.upload is None or job.offset >= job.upload.size


def _finish(job: Job, state: str, now: datetime, error: str = "") -> None:
    leave_rest(job)
    job.enter(state, now, error)


def leave_rest(job: Job) -> None:
    """Write what is left of the file to the unprocessed rows, as far as it can be read."""
    try:
        names, offset = header_of(job)
        open_results(job, names)
        assert job.upload is not None
        _copy_rest(job, Lines(job.upload, max(job.offset, offset)))
    except FileRefused:
        return


def _copy_rest(job: Job, lines: Lines) -> None:
    assert job.left is not None
    rows: list[bytes] = []
    try:
        for cells in _records(lines, job.style):
            if cells:
                rows.append(job.style.line(cells))
            if len(rows) >= COPY_ROWS:
                job.left.add(rows)
                rows = []
    finally:
        job.left.add(rows)
        job.offset = lines.offset
