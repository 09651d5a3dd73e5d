"""Steps that the tests of bulk jobs share."""

from __future__ import annotations

import csv
import io
from typing import Any

import requests

from tests.sandbox.client import BASE, Client

CSV = {"Content-Type": "text/csv; charset=UTF-8"}
POLLS_MAX = 50


def table(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    """Read a CSV answer."""
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def make_query(client: Client, statement: str, operation: str = "query", **more: Any) -> str:
    answer = client.call("POST", "/jobs/query", {"operation": operation, "query": statement} | more)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def wait(client: Client, kind: str, job_id: str) -> dict[str, Any]:
    """Ask for a job until it has ended."""
    for _ in range(POLLS_MAX):
        info: dict[str, Any] = client.call("GET", f"/jobs/{kind}/{job_id}").json()
        if info["state"] in ("JobComplete", "Failed", "Aborted"):
            return info
    raise AssertionError(info)


def run_query(client: Client, statement: str, operation: str = "query", **more: Any) -> list[dict[str, str]]:
    job_id = make_query(client, statement, operation, **more)
    info = wait(client, "query", job_id)
    assert info["state"] == "JobComplete", info
    return table(client.call("GET", f"/jobs/query/{job_id}/results").text)


def make_load(client: Client, operation: str, sobject: str = "Lead", **more: Any) -> str:
    answer = client.call("POST", "/jobs/ingest", {"operation": operation, "object": sobject, "contentType": "CSV"} | more)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def put(client: Client, job_id: str, text: str | bytes, headers: dict[str, str] | None = None) -> requests.Response:
    data = text.encode() if isinstance(text, str) else text
    url = f"{client.served.url}{BASE}/jobs/ingest/{job_id}/batches"
    return client.session.put(url, data=data, headers=CSV if headers is None else headers)


def close(client: Client, job_id: str, state: str = "UploadComplete") -> requests.Response:
    return client.call("PATCH", f"/jobs/ingest/{job_id}", {"state": state})


def start_load(client: Client, operation: str, text: str | bytes, sobject: str = "Lead", **more: Any) -> str:
    job_id = make_load(client, operation, sobject, **more)
    assert put(client, job_id, text).status_code == 201
    assert close(client, job_id).json()["state"] == "UploadComplete"
    return job_id


def results(client: Client, job_id: str, which: str) -> list[dict[str, str]]:
    answer = client.call("GET", f"/jobs/ingest/{job_id}/{which}")
    assert answer.status_code == 200, answer.text
    return table(answer.text)


def load(
    client: Client, operation: str, text: str, sobject: str = "Lead", **more: Any
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Run a load to its end and return its successful and its failed rows."""
    job_id = start_load(client, operation, text, sobject, **more)
    assert wait(client, "ingest", job_id)["state"] == "JobComplete"
    return results(client, job_id, "successfulResults"), results(client, job_id, "failedResults")
