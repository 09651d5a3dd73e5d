"""Which bulk resource does a URL below ``/jobs`` name?"""

from __future__ import annotations

from syncd.sandbox.bulk.ingest_jobs import ingest_jobs
from syncd.sandbox.bulk.query_jobs import query_jobs
from syncd.sandbox.call import Answer, Call
from syncd.sandbox.errors import NotThere


def bulk(call: Call) -> Answer:
    """Answer a call to ``/jobs/query`` or ``/jobs/ingest``.

    Errors: SalesforceError; 404 for anything else.
    """
    word = call.parts[1].lower() if len(call.parts) > 1 else ""
    if word == "query":
        return query_jobs(call)
    if word == "ingest":
        return ingest_jobs(call)
    raise NotThere()


def takes_raw_body(method: str, parts: tuple[str, ...]) -> bool:
    """Tell whether a request's body is a file: the data of a bulk load."""
    return method == "PUT" and [part.lower() for part in parts[:2]] == ["jobs", "ingest"]
