"""How does Bulk API 1.0 write its answers and its refusals?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import orjson

from syncd.sandbox.bulk.files import CSV_TYPE
from syncd.sandbox.bulk.jobs import Batch, Job
from syncd.sandbox.call import Answer
from syncd.sandbox.clock import stamp

NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


class ClassicRefused(Exception):
    """One refusal of Bulk API 1.0."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


def read_words(raw: bytes, *, as_json: bool) -> dict[str, str]:
    """Read the body of a job request: its elements or properties by name; null ones are left out.

    Errors: ClassicRefused.
    """
    if as_json:
        try:
            given = orjson.loads(raw)
        except orjson.JSONDecodeError as problem:
            raise ClassicRefused("ClientInputError", f"The request is no valid JSON: {problem}") from problem
        if not isinstance(given, dict):
            raise ClassicRefused("ClientInputError", "The request must be a JSON object")
        return {name: str(value) for name, value in given.items() if value is not None}
    try:
        root = ElementTree.fromstring(raw)
    except ElementTree.ParseError as problem:
        raise ClassicRefused("InvalidXML", f"The request is no well-formed XML: {problem}") from problem
    if root.tag != f"{{{NAMESPACE}}}jobInfo":
        raise ClassicRefused("InvalidXML", f"The request must be a jobInfo of the namespace {NAMESPACE}")
    return {each.tag.rpartition("}")[2]: (each.text or "").strip() for each in root}


def refused(problem: ClassicRefused, *, as_json: bool) -> Answer:
    """Answer with a refusal."""
    told = {"exceptionCode": problem.code, "exceptionMessage": problem.message}
    return _json(problem.status, told) if as_json else _xml(problem.status, _element("error", told))


def told_job(job: Job, status: int, *, as_json: bool) -> Answer:
    """Answer with what is known about a job."""
    told = _job(job, as_json=as_json)
    return _json(status, told) if as_json else _xml(status, _element("jobInfo", told))


def told_batch(batch: Batch, status: int) -> Answer:
    """Answer with what is known about a batch; XML, as for every CSV job."""
    return _xml(status, _element("batchInfo", _batch(batch)))


def told_batches(batches: Sequence[Batch]) -> Answer:
    """Answer with all batches of a job."""
    inner = "".join(_element("batchInfo", _batch(each), namespace="") for each in batches)
    return _xml(200, f'<batchInfoList xmlns="{NAMESPACE}">{inner}</batchInfoList>')


def told_results(batch: Batch) -> Answer:
    """Answer with the ids of a batch's results."""
    return _xml(200, _element("result-list", {"result": batch.result_id}))


def told_rows(chunks: Iterator[bytes]) -> Answer:
    """Answer with a result's rows."""
    return Answer(200, headers={"Content-Type": CSV_TYPE}, chunks=chunks)


def _job(job: Job, *, as_json: bool) -> dict[str, Any]:
    states = [batch.state for batch in job.batches]
    created, changed = stamp(job.created_at), stamp(job.changed_at)
    return {
        "id": job.id,
        "operation": job.operation,
        "object": job.object_name,
        "createdById": job.user_id,
        "createdDate": created if as_json else _zulu(created),
        "systemModstamp": changed if as_json else _zulu(changed),
        "state": job.state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "numberBatchesQueued": states.count("Queued"),
        "numberBatchesInProgress": states.count("InProgress"),
        "numberBatchesCompleted": states.count("Completed"),
        "numberBatchesFailed": states.count("Failed"),
        "numberBatchesTotal": len(states),
        "numberRecordsProcessed": sum(_count(batch) for batch in job.batches),
        "numberRetries": 0,
        "apiVersion": float(job.version),
        "numberRecordsFailed": 0,
        "totalProcessingTime": job.spent_ms(),
        "apiActiveProcessingTime": job.spent_ms(),
        "apexProcessingTime": 0,
    }


def _batch(batch: Batch) -> dict[str, Any]:
    spent = int((batch.changed_at - batch.created_at).total_seconds() * 1_000)
    return {
        "id": batch.id,
        "jobId": batch.job_id,
        "state": batch.state,
        **({"stateMessage": batch.message} if batch.message else {}),
        "createdDate": _zulu(stamp(batch.created_at)),
        "systemModstamp": _zulu(stamp(batch.changed_at)),
        "numberRecordsProcessed": _count(batch),
        "numberRecordsFailed": 0,
        "totalProcessingTime": spent,
        "apiActiveProcessingTime": spent,
        "apexProcessingTime": 0,
    }


def _count(batch: Batch) -> int:
    return batch.rows.count if batch.rows is not None and batch.state == "Completed" else 0


def _zulu(text: str) -> str:
    return text.replace("+0000", "Z")


def _element(name: str, told: Mapping[str, Any], *, namespace: str = NAMESPACE) -> str:
    inner = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in told.items())
    place = f' xmlns="{namespace}"' if namespace else ""
    return f"<{name}{place}>{inner}</{name}>"


def _xml(status: int, text: str) -> Answer:
    return Answer(status, text=_HEAD + text, headers={"Content-Type": "application/xml"})


def _json(status: int, told: Mapping[str, Any]) -> Answer:
    return Answer(status, dict(told), headers={"Content-Type": "application/json"})
