"""How are bulk queries made, watched and read? Bulk API 2.0, ``/jobs/query``."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncd.sandbox.bulk.asked import QUERY_WORDS, mismatch, read_asked, wanted_state
from syncd.sandbox.bulk.files import CSV_TYPE, Rows
from syncd.sandbox.bulk.jobs import ENDED, Job, check_object, take_end
from syncd.sandbox.bulk.query_run import compile_bulk, run_query
from syncd.sandbox.call import Answer, Call
from syncd.sandbox.errors import NotThere, SalesforceError, method_not_allowed
from syncd.sandbox.soql.parse import parse

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

KIND = "V2Query"
PAGE_URLS, LISTED_MAX = 5, 1_000


def query_jobs(call: Call) -> Answer:
    """Answer a call to ``/jobs/query`` or below it.

    Errors: SalesforceError.
    """
    rest = call.parts[2:]
    if not rest:
        return _all_jobs(call)
    job = call.org.bulk.find(rest[0], KIND, call.org.clock.now())
    if len(rest) == 1:
        return _one_job(call, job)
    if len(rest) == 2 and rest[1].lower() in ("results", "resultpages"):
        only(call, "GET")
        return _results(call, job) if rest[1].lower() == "results" else _pages(call, job)
    raise NotThere()


def only(call: Call, *methods: str) -> None:
    """Refuse any other method."""
    if call.method not in methods:
        raise method_not_allowed(call.method, ",".join(sorted(methods)))


def _all_jobs(call: Call) -> Answer:
    only(call, "GET", "HEAD", "POST")
    return create_job(call) if call.method == "POST" else list_jobs(call, KIND)


def _one_job(call: Call, job: Job) -> Answer:
    only(call, "DELETE", "GET", "HEAD", "PATCH")
    now = call.org.clock.now()
    if call.method == "DELETE":
        return delete_job(call, job)
    if call.method == "PATCH":
        wanted_state(call.object_body(), ("Aborted",))
        abort(job, now)
    else:
        advance(call.org, job)
    return Answer(200, _told(job))


def create_job(call: Call) -> Answer:
    """Make a query job; what is wrong with its query is said at once."""
    asked = read_asked(call.object_body(), QUERY_WORDS)
    org, now = call.org, call.org.clock.now()
    if "object" in asked or "externalIdFieldName" in asked:
        raise mismatch()
    if not asked.get("query", "").strip():
        raise SalesforceError("API_ERROR", "query must be specified")
    name = check_query(org, asked["query"], all_rows=asked["operation"] == "queryAll")
    most, used = org.settings.bulk_query_jobs_daily, org.bulk.spent("query jobs", now)
    if used >= most:
        message = f"Max bulk v2 query jobs ({most}) per 24 hrs has been reached (number of jobs submitted: {used})"
        raise SalesforceError("LIMIT_EXCEEDED", message)
    org.bulk.spend("query jobs", 1, now)
    job = org.bulk.open(org, KIND, "UploadComplete", asked | {"object": name}, (call.user_id, call.version))
    job.statement = asked["query"]
    return Answer(200, job.info())


def check_query(org: Org, statement: str, *, all_rows: bool) -> str:
    """Return the object a bulk query is about.

    Errors: INVALIDENTITY for an object the Bulk API does not take, API_ERROR for all else that is wrong with the query.
    """
    try:
        source = parse(statement).source
        if org.schema.find(source) is None:
            check_object(org, source)
        compiled, _ = compile_bulk(org, statement, all_rows=all_rows)
    except SalesforceError as refusal:
        code = refusal.code if refusal.code == "INVALIDENTITY" else "API_ERROR"
        raise SalesforceError(code, refusal.message) from refusal
    return compiled.sobject.name


def advance(org: Org, job: Job) -> None:
    """Bring a job one question nearer to its end. It runs at the first question, and ends at the last one needed."""
    if job.state in ENDED:
        return
    now = org.clock.now()
    job.polls += 1
    if job.state == "UploadComplete":
        _start(org, job, now)
    if job.state == "InProgress" and job.polls >= org.settings.bulk_polls:
        job.enter("JobComplete", now)


def _start(org: Org, job: Job, now: datetime) -> None:
    end = take_end(org, job)
    if end is not None and end.get("end") in ("Failed", "Aborted"):
        message = str(end.get("message", "InternalServerError : The job was ended by the server"))
        job.enter(str(end["end"]), now, message if end["end"] == "Failed" else "")
        return
    try:
        job.rows = run_query(org, job.statement, job.style, all_rows=job.operation == "queryAll")
    except SalesforceError as refusal:
        job.enter("Failed", now, f"{refusal.code}: {refusal.message}")
        return
    job.processed = job.rows.count
    job.enter("InProgress", now)


def abort(job: Job, now: datetime) -> None:
    """Abort a job.

    Errors: INVALIDJOBSTATE for one that has ended.
    """
    if job.state in ENDED:
        word = "Completed" if job.state == "JobComplete" else job.state
        raise SalesforceError("INVALIDJOBSTATE", f"Aborting already {word} Job not allowed")
    job.enter("Aborted", now)


def delete_job(call: Call, job: Job) -> Answer:
    """Forget a job and its results: 204.

    Errors: INVALIDJOBSTATE while it runs or waits for data.
    """
    if job.state not in ENDED and job.state != "UploadComplete":
        raise SalesforceError("INVALIDJOBSTATE", f"Deleting a Job in state {job.state} not allowed")
    call.org.bulk.remove(job)
    return Answer(204)


def _told(job: Job) -> dict[str, Any]:
    told = job.info() | {
        "jobType": KIND,
        "numberRecordsProcessed": job.processed,
        "retries": 0,
        "totalProcessingTime": job.spent_ms(),
        "isPkChunkingSupported": True,
    }
    return told | ({"errorMessage": job.error} if job.error else {})


def list_jobs(call: Call, kind: str) -> Answer:
    """List jobs, at most a thousand in one answer."""
    jobs = call.org.bulk.listed(kind, call.org.clock.now())
    start = row_of(call.params["queryLocator"]) if call.params.get("queryLocator") else 0
    end = start + LISTED_MAX
    done = end >= len(jobs)
    path = "/".join((call.base, "jobs", "query" if kind == KIND else "ingest"))
    return Answer(
        200,
        {
            "done": done,
            "records": [job.info() | {"jobType": kind} for job in jobs[start:end]],
            "nextRecordsUrl": None if done else f"{path}?queryLocator={locator_of(end)}",
        },
    )


def locator_of(row: int) -> str:
    """Write the locator of the page that begins with this row."""
    return base64.b64encode(str(row).encode()).decode().rstrip("=")


def row_of(locator: str) -> int:
    """Read a locator.

    Errors: API_ERROR for text that no answer ever gave.
    """
    try:
        row = int(base64.b64decode(locator + "=" * (-len(locator) % 4), validate=True))
    except (binascii.Error, ValueError) as problem:
        raise SalesforceError("API_ERROR", f"Invalid locator: {locator}") from problem
    if locator_of(row) != locator or row < 1:
        raise SalesforceError("API_ERROR", f"Invalid locator: {locator}")
    return row


def _stretch(call: Call, job: Job) -> tuple[Rows, int, int]:
    if call.version != job.version:
        message = f"The job was created with API version {job.version}, its results cannot be read with {call.version}"
        raise SalesforceError("API_ERROR", message, status=409)
    if job.state != "JobComplete" or job.rows is None:
        raise SalesforceError("INVALIDJOBSTATE", f"InvalidJobState : Results are not available, the job state is {job.state}")
    start = row_of(call.params["locator"]) if call.params.get("locator") else 0
    if start and start >= job.rows.count:
        raise SalesforceError("API_ERROR", f"Invalid locator: {call.params['locator']}")
    text = call.params.get("maxRecords", str(call.org.settings.bulk_page_rows))
    if not text.isdigit() or not int(text):
        raise SalesforceError("API_ERROR", f"maxRecords must be a positive number, not {text!r}")
    return job.rows, start, int(text)


def _results(call: Call, job: Job) -> Answer:
    rows, start, most = _stretch(call, job)
    end = min(start + most, rows.count)
    headers = {
        "Content-Type": CSV_TYPE,
        "Sforce-NumberOfRecords": str(end - start),
        "Sforce-Locator": locator_of(end) if end < rows.count else "null",
    }
    return Answer(200, headers=headers, chunks=rows.page(start, end))


def _pages(call: Call, job: Job) -> Answer:
    rows, start, most = _stretch(call, job)
    base = f"{call.base}/jobs/query/{job.id}"
    size = f"maxRecords={most}" if "maxRecords" in call.params else ""
    starts = list(range(start, max(rows.count, 1), most))
    pages = [
        {"resultUrl": _address(base + "/results", f"locator={locator_of(at)}" if at else "", size)} for at in starts[:PAGE_URLS]
    ]
    answer: dict[str, Any] = {"resultPages": pages, "done": len(starts) <= PAGE_URLS}
    if not answer["done"]:
        answer["nextRecordUrl"] = _address(base + "/resultPages", f"locator={locator_of(starts[PAGE_URLS])}", size)
    return Answer(200, answer)


def _address(path: str, *parameters: str) -> str:
    return "?".join(filter(None, (path, "&".join(filter(None, parameters)))))
