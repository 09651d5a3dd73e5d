"""How are bulk loads made, filled, watched and read? Bulk API 2.0, ``/jobs/ingest``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncd.sandbox.bulk import ingest_run
from syncd.sandbox.bulk.asked import INGEST_WORDS, mismatch, read_asked, wanted_state
from syncd.sandbox.bulk.files import CSV_TYPE, Spool
from syncd.sandbox.bulk.jobs import ENDED, Job, check_object
from syncd.sandbox.bulk.query_jobs import abort, delete_job, list_jobs, only
from syncd.sandbox.call import Answer, Call
from syncd.sandbox.errors import NotThere, SalesforceError
from syncd.sandbox.ids import parse_id
from syncd.sandbox.schema import SObject

KIND = "V2Ingest"
_RESULTS = {"successfulresults": "succeeded", "failedresults": "refused", "unprocessedrecords": "left"}
_VERBS = {"insert": "create", "update": "update", "upsert": "update", "delete": "delete", "hardDelete": "delete"}


def ingest_jobs(call: Call) -> Answer:
    """Answer a call to ``/jobs/ingest`` or below it.

    Errors: SalesforceError.
    """
    rest = call.parts[2:]
    if not rest:
        only(call, "GET", "HEAD", "POST")
        return _create(call) if call.method == "POST" else list_jobs(call, KIND)
    job = call.org.bulk.find(rest[0], KIND, call.org.clock.now())
    if len(rest) == 1:
        return _one_job(call, job)
    if len(rest) == 2 and rest[1].lower() == "batches":
        only(call, "PUT")
        return _take_data(call, job)
    if len(rest) == 2 and rest[1].lower() in _RESULTS:
        only(call, "GET")
        return _results(job, _RESULTS[rest[1].lower()])
    raise NotThere()


def _create(call: Call) -> Answer:
    org, asked = call.org, read_asked(call.object_body(), INGEST_WORDS)
    if "query" in asked:
        raise mismatch()
    name = check_object(org, asked.get("object", ""))
    sobject = org.schema.get(name)
    if not sobject.can(_VERBS[asked["operation"]]):
        message = f"InvalidEntity : Entity '{name}' does not support {asked['operation']}"
        raise SalesforceError("INVALIDENTITY", message)
    if asked["operation"] == "hardDelete" and not org.settings.bulk_hard_delete:
        message = "hardDelete operation requires special user profile permission, please contact your system administrator"
        raise SalesforceError("FEATURENOTENABLED", message)
    key, rule = _key(call, sobject, asked), _rule(call, asked)
    now = org.clock.now()
    if org.bulk.spent("batches", now) >= org.settings.bulk_batches_daily:
        raise SalesforceError("EXCEEDEDQUOTA", "ExceededQuota : ApiBatchItems Limit exceeded.")
    job = org.bulk.open(org, KIND, "Open", asked | {"object": name}, (call.user_id, call.version))
    job.external_id, job.rule_id = key, rule
    return Answer(200, _info(job), results=[{"id": job.id, "success": True}])


def _key(call: Call, sobject: SObject, asked: Mapping[str, Any]) -> str | None:
    given = asked.get("externalIdFieldName")
    if asked["operation"] != "upsert":
        return None
    if not given:
        message = f"InvalidJob : External ID was blank for {sobject.name}. An External ID must be specified for upsert."
        raise SalesforceError("INVALIDJOB", message)
    field = sobject.find(given)
    hidden = call.org.settings.hides(sobject.name, given)
    if field is None or hidden or not (field.external_id or field.id_lookup or field.name == "Id"):
        message = f"InvalidJob : Field name provided, {given} does not match an External ID, Salesforce Id, or indexed field"
        raise SalesforceError("INVALIDJOB", f"{message} for {sobject.name}")
    return field.name


def _rule(call: Call, asked: Mapping[str, Any]) -> str | None:
    given = asked.get("assignmentRuleId")
    if not given:
        return None
    rule = parse_id(given)
    if rule is None or not call.org.database.exists("AssignmentRule", rule):
        raise SalesforceError("INVALIDJOB", f"InvalidJob : Invalid assignment rule id: {given}")
    return rule


def _info(job: Job) -> dict[str, Any]:
    info = job.info() | {"contentUrl": f"services/data/v{job.version}/jobs/ingest/{job.id}/batches"}
    if job.external_id:
        info["externalIdFieldName"] = job.external_id
    if job.rule_id:
        info["assignmentRuleId"] = job.rule_id
    return info


def _one_job(call: Call, job: Job) -> Answer:
    only(call, "DELETE", "GET", "HEAD", "PATCH")
    if call.method == "DELETE":
        return delete_job(call, job)
    if call.method == "PATCH":
        _move(call, job)
        return Answer(200, _info(job))
    ingest_run.advance(call.org, job)
    told = _info(job) | {
        "jobType": KIND,
        "numberRecordsProcessed": job.processed,
        "numberRecordsFailed": job.failed,
        "retries": 0,
        "totalProcessingTime": job.spent_ms(),
        "apiActiveProcessingTime": job.spent_ms(),
        "apexProcessingTime": 0,
    }
    return Answer(200, told | ({"errorMessage": job.error} if job.error else {}))


def _move(call: Call, job: Job) -> None:
    state, now = wanted_state(call.object_body(), ("UploadComplete", "Aborted")), call.org.clock.now()
    if state == "Aborted":
        if job.state not in ENDED:
            ingest_run.leave_rest(job)
        abort(job, now)
        return
    if job.state != "Open":
        word = "Completed" if job.state == "JobComplete" else job.state
        raise SalesforceError("INVALIDJOBSTATE", f"Closing already {word} Job not allowed")
    if job.uploads > 1:
        message = (
            f"Found multiple contents for job: <{job.id[:15]}>, please 'Close' / 'Abort' / 'Delete' the current Job then "
            "create a new Job and make sure you only do 'PUT' once on a given Job."
        )
        raise SalesforceError("INVALIDJOB", message)
    job.enter("UploadComplete", now)


def _take_data(call: Call, job: Job) -> Answer:
    """Take a job's file: 201. A second one is taken as well, and the job can then not be closed."""
    if job.state != "Open":
        raise SalesforceError("INVALIDJOBSTATE", f"InvalidJobState : Data cannot be added to a Job in state {job.state}")
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/csv":
        raise SalesforceError(
            "UNSUPPORTED_MEDIA_TYPE", f"Content type '{kind}' is not supported; send text/csv; charset=UTF-8", status=415
        )
    data = call.body if isinstance(call.body, bytes) else b""
    most = call.org.settings.bulk_file_bytes_max
    if len(data) > most:
        raise SalesforceError("LIMIT_EXCEEDED", f"The file has {len(data)} bytes, the maximum is {most}", status=413)
    job.upload = Spool()
    job.upload.append(data)
    job.uploads += 1
    call.org.bulk.spend("batches", 1, call.org.clock.now())
    return Answer(201)


def _results(job: Job, which: str) -> Answer:
    if job.state not in ENDED:
        raise SalesforceError("INVALIDJOBSTATE", f"InvalidJobState : Results are not available, the job state is {job.state}")
    rows = getattr(job, which)
    nothing: Iterator[bytes] = iter(())
    count = rows.count if rows is not None else 0
    headers = {"Content-Type": CSV_TYPE, "Sforce-NumberOfRecords": str(count), "Sforce-Locator": "null"}
    return Answer(200, headers=headers, chunks=rows.page() if rows is not None else nothing)
