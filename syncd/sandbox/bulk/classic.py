"""How does the org answer Bulk API 1.0, ``/services/async/{version}/job``? CSV queries only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syncd.sandbox import spending
from syncd.sandbox.bulk import classic_words as words
from syncd.sandbox.bulk.classic_batches import add_batch, advance, read_chunking, whole_query
from syncd.sandbox.bulk.classic_words import ClassicRefused
from syncd.sandbox.bulk.files import Style
from syncd.sandbox.bulk.jobs import Batch, Job, check_object
from syncd.sandbox.call import Answer
from syncd.sandbox.errors import NotThere, SalesforceError
from syncd.sandbox.ids import parse_id
from syncd.sandbox.versions import check_version

if TYPE_CHECKING:
    from syncd.sandbox.journal import Entry
    from syncd.sandbox.org import Org

PREFIX = "/services/async/"
KIND = "Classic"
NO_ROWS = b"Records not found for this query"
_LOADS = ("insert", "update", "upsert", "delete", "hardDelete")


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, its session already known to be good."""

    org: Org
    method: str
    parts: tuple[str, ...]
    headers: Mapping[str, str]
    raw: bytes
    user_id: str
    version: str

    @property
    def as_json(self) -> bool:
        return is_json(self.headers)


def is_json(headers: Mapping[str, str]) -> bool:
    """Tell whether a client speaks JSON about jobs; else it is XML."""
    return "json" in headers.get("content-type", "").lower() or "json" in headers.get("accept", "").lower()


def answer_classic(org: Org, entry: Entry, path: str, method: str, headers: Mapping[str, str], raw: bytes) -> Answer:
    """Answer a call. Refusals carry `exceptionCode`, as XML or JSON, and an ended session is status 400."""
    version, *parts = path.removeprefix(PREFIX).strip("/").split("/")
    try:
        user_id = org.sessions.user_of(headers.get("x-sfdc-session", ""), org.clock.now())
        if user_id is None:
            raise ClassicRefused("InvalidSessionId", "Invalid session id")
        entry.user = (org.database.row("User", user_id) or {}).get("Username")
        spending.refuse_when_spent(org, entry.n)
        org.sessions.count_calls(org.clock.now(), 1)
        check_version(version, org.settings)
        return _answer(_Asked(org, method, tuple(parts), headers, raw, user_id, version))
    except ClassicRefused as problem:
        return words.refused(problem, as_json=is_json(headers))
    except SalesforceError as refusal:
        return words.refused(_classic(refusal, version), as_json=is_json(headers))


def _classic(refusal: SalesforceError, version: str) -> ClassicRefused:
    if refusal.code == "REQUEST_LIMIT_EXCEEDED":
        return ClassicRefused("ExceededQuota", refusal.message, status=403)
    if refusal.code == "INVALIDENTITY":
        return ClassicRefused("InvalidEntity", refusal.message.removeprefix("InvalidEntity : "))
    if refusal.code == "GONE" or isinstance(refusal, NotThere):
        return ClassicRefused("InvalidVersion", f"Invalid version: {version}")
    return ClassicRefused("ClientInputError", refusal.message)


def _answer(asked: _Asked) -> Answer:
    if asked.parts[:1] != ("job",):
        raise ClassicRefused("InvalidUrl", f"Destination URL not reset. The URL returned from login must be set: {asked.parts}")
    if len(asked.parts) == 1:
        _only(asked, "POST")
        return _create(asked)
    job = _job(asked)
    if len(asked.parts) == 2:
        _only(asked, "GET", "POST")
        return _change(asked, job) if asked.method == "POST" else _show(asked, job)
    if asked.parts[2] != "batch" or len(asked.parts) > 6:
        raise ClassicRefused("InvalidUrl", f"There is no such resource: {'/'.join(asked.parts)}")
    if len(asked.parts) == 3:
        _only(asked, "GET", "POST")
        return _add(asked, job) if asked.method == "POST" else _batches(asked, job)
    _only(asked, "GET")
    return _batch(asked, job)


def _only(asked: _Asked, *methods: str) -> None:
    if asked.method not in methods:
        message = f"HTTP Method '{asked.method}' not allowed. Allowed are {','.join(methods)}"
        raise ClassicRefused("MethodNotAllowed", message, status=405)


def _job(asked: _Asked) -> Job:
    try:
        return asked.org.bulk.find(asked.parts[1], KIND, asked.org.clock.now())
    except NotThere as missing:
        raise ClassicRefused("InvalidJob", f"Invalid job id: {asked.parts[1]}") from missing


def _create(asked: _Asked) -> Answer:
    given = words.read_words(asked.raw, as_json="json" in asked.headers.get("content-type", "").lower())
    operation, kind = given.get("operation", ""), given.get("contentType", "XML")
    if operation in _LOADS:
        raise ClassicRefused("FeatureNotEnabled", f"{operation} by Bulk API 1.0 is not enabled for this org; use Bulk API 2.0")
    if operation not in ("query", "queryAll"):
        raise ClassicRefused("InvalidJob", f"Invalid operation: {operation}")
    if kind != "CSV":
        raise ClassicRefused("FeatureNotEnabled", f"Content type {kind} is not enabled for this org; use CSV")
    name = check_object(asked.org, given.get("object", ""))
    asked_for = {"operation": operation, "object": name, "style": Style()}
    job = asked.org.bulk.open(asked.org, KIND, "Open", asked_for, (asked.user_id, asked.version))
    try:
        read_chunking(asked.org, job, asked.headers)
    except ClassicRefused:
        asked.org.bulk.remove(job)
        raise
    return words.told_job(job, 201, as_json=asked.as_json)


def _change(asked: _Asked, job: Job) -> Answer:
    state = words.read_words(asked.raw, as_json="json" in asked.headers.get("content-type", "").lower()).get("state", "")
    if state not in ("Closed", "Aborted"):
        raise ClassicRefused("InvalidJobState", f"Job state cannot be set to {state}")
    if job.state != "Open" and not (job.state == "Closed" and state == "Aborted"):
        word = "Closing" if state == "Closed" else "Aborting"
        raise ClassicRefused("InvalidJobState", f"{word} already {job.state} Job not allowed")
    job.enter(state, asked.org.clock.now())
    if state == "Aborted":
        for batch in job.batches:
            if not batch.ended:
                batch.state, batch.changed_at = "NotProcessed", job.changed_at
    return words.told_job(job, 200, as_json=asked.as_json)


def _show(asked: _Asked, job: Job) -> Answer:
    for batch in list(job.batches):
        advance(asked.org, job, batch)
    return words.told_job(job, 200, as_json=asked.as_json)


def _add(asked: _Asked, job: Job) -> Answer:
    org, now = asked.org, asked.org.clock.now()
    if job.state != "Open":
        raise ClassicRefused("InvalidJobState", f"A batch cannot be added to a Job in state {job.state}")
    kind = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/csv":
        raise ClassicRefused("InvalidBatch", f"Content type {kind} does not fit the job's, which is CSV")
    if job.chunk_rows and job.batches:
        raise ClassicRefused("InvalidJob", "A job with PK chunking takes one batch")
    if org.bulk.spent("batches", now) >= org.settings.bulk_batches_daily:
        raise ClassicRefused("ExceededQuota", "ApiBatchItems Limit exceeded.")
    statement = whole_query(asked.raw)
    org.bulk.spend("batches", 1, now)
    return words.told_batch(add_batch(org, job, statement, now), 201)


def _batches(asked: _Asked, job: Job) -> Answer:
    for batch in list(job.batches):
        advance(asked.org, job, batch)
    return words.told_batches(job.batches)


def _batch(asked: _Asked, job: Job) -> Answer:
    wanted = parse_id(asked.parts[3])
    batch = next((each for each in job.batches if each.id == wanted), None)
    if batch is None:
        raise ClassicRefused("InvalidBatch", f"Invalid batch id: {asked.parts[3]}")
    if len(asked.parts) == 4:
        advance(asked.org, job, batch)
        return words.told_batch(batch, 200)
    if asked.parts[4] != "result":
        raise ClassicRefused("InvalidUrl", f"There is no such resource: {'/'.join(asked.parts)}")
    return _result(asked, batch)


def _result(asked: _Asked, batch: Batch) -> Answer:
    if batch.state != "Completed" or batch.rows is None:
        raise ClassicRefused("InvalidBatch", f"The batch has no result, its state is {batch.state}")
    if len(asked.parts) == 5:
        return words.told_results(batch)
    if parse_id(asked.parts[5]) != batch.result_id:
        raise ClassicRefused("InvalidBatch", f"Invalid result id: {asked.parts[5]}")
    return words.told_rows(batch.rows.page() if batch.rows.count else iter((NO_ROWS,)))
