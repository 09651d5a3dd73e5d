"""Which records were sent to be written, by the emulated org's request log?

Knows what Salesforce's guides name as ways to write: one record, composite calls, collections, Bulk API 2.0 loads. A writing
request of any other kind is a finding, so that no way to write stays unseen.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_VERSIONED = re.compile(r"^/+services/data/v[\d.]+/(.*)$")
_HARMLESS = re.compile(r"^(jobs/query(/\w+)?|jobs/ingest/\w+|composite/sobjects/\w+)$")
_NULL_MARK = "#N/A"


@dataclass(frozen=True, slots=True)
class Sent:
    """One record as it was sent: by which request, to do what, and whether the org took it (None: the log does not say).

    `is_text`: the values are cells of a CSV file.
    """

    n: int
    at: str
    op: str
    object: str
    id: str
    fields: Mapping[str, Any]
    applied: bool | None
    is_text: bool = False

    def __str__(self) -> str:
        return f"request {self.n} {self.op} {self.object} {self.id or '(new)'}"


@dataclass(slots=True)
class Wire:
    """All that one user sent, in order; `unread` names what cannot be judged."""

    sent: list[Sent] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    created: set[str] = field(default_factory=set)


def read_wire(requests: Sequence[Mapping[str, Any]], user: str) -> Wire:
    """Read a request log."""
    wire = Wire()
    jobs: dict[str, tuple[str, str]] = {}
    for one in requests:
        versioned = _VERSIONED.match(str(one["path"]))
        if versioned is None or one["method"] in ("GET", "HEAD") or one["user"] not in (user, None):
            continue
        if one["status"] == 0 and not one["sent"]:  # the connection broke before the org had read it
            continue
        path = versioned[1].strip("/")
        try:
            wire.sent += _rows(one, path, jobs)
        except (ValueError, LookupError, TypeError) as problem:
            wire.unread.append(f"request {one['n']} {one['method']} {path} cannot be read: {problem!r}")
        wire.created |= {str(result["id"]) for result in one["results"] if result.get("success") and result.get("id")}
    return wire


def _rows(one: Mapping[str, Any], path: str, jobs: dict[str, tuple[str, str]]) -> Iterator[Sent]:
    if path == "composite":
        yield from _composite(one)
    elif path == "jobs/ingest":
        asked = json.loads(one["sent"])
        jobs.update({str(result["id"]): (str(asked["operation"]), str(asked["object"])) for result in one["results"]})
    elif found := re.match(r"^jobs/ingest/(\w+)/batches$", path):
        if one["status"] < 400:
            yield from _load(one, *jobs[found[1]])
    elif _is_harmless(one, path):
        return
    else:
        yield from _part(one, one["method"], path, json.loads(one["sent"] or "{}"), _applied(one))


def _is_harmless(one: Mapping[str, Any], path: str) -> bool:
    """Tell whether a request only reads by id, or moves a job."""
    reads = path.startswith("composite/sobjects/") and one["method"] == "POST" and "ids" in json.loads(one["sent"] or "{}")
    return bool(_HARMLESS.match(path)) and (reads or path.startswith("jobs/"))


def _applied(one: Mapping[str, Any]) -> bool | None:
    """Tell whether the whole request was carried out; 0: the log does not know yet."""
    return None if one["status"] == 0 else one["status"] < 300


def _composite(one: Mapping[str, Any]) -> Iterator[Sent]:
    parts = json.loads(one["sent"])["compositeRequest"]
    answers: list[Mapping[str, Any] | None] = [*one["subrequests"], *[None] * (len(parts) - len(one["subrequests"]))]
    for part, answer in zip(parts, answers, strict=True):
        if part["method"] in ("GET", "HEAD"):
            continue
        versioned = _VERSIONED.match(part["url"].partition("?")[0])
        if versioned is None:
            raise ValueError(part["url"])
        applied = (_applied(one) and None) if answer is None else answer["status"] < 300
        yield from _part(one, part["method"], versioned[1].strip("/"), part.get("body") or {}, applied)


def _part(one: Mapping[str, Any], method: str, path: str, body: Mapping[str, Any], applied: bool | None) -> Iterator[Sent]:
    """Read one write of one record or of a collection."""
    words = path.split("/")
    place = (one["n"], one["at"])
    if path == "composite/sobjects" and method in ("POST", "PATCH"):
        results = one["results"] or [None] * len(body["records"])
        for record, result in zip(body["records"], results, strict=True):
            fields = {name: value for name, value in record.items() if name not in ("attributes", "id", "Id")}
            done = (applied and None) if result is None else bool(result["success"])
            given = str(record.get("id") or record.get("Id") or "")
            yield Sent(*place, _op(method), str(record["attributes"]["type"]), given, fields, done)
    elif words[0] == "sobjects" and len(words) == 2 and method == "POST":
        yield Sent(*place, "create", words[1], "", body, applied)
    elif words[0] == "sobjects" and len(words) == 3 and method in ("PATCH", "DELETE"):
        yield Sent(*place, _op(method), words[1], words[2], body, applied)
    else:
        raise ValueError(f"{method} {path} is no way to write that the checker knows")


def _op(method: str) -> str:
    return {"POST": "create", "PATCH": "update", "DELETE": "delete"}[method]


def _load(one: Mapping[str, Any], operation: str, object: str) -> Iterator[Sent]:
    """Read the file of a Bulk job. An empty cell says nothing about its field, the null mark clears it."""
    op = {"insert": "create", "update": "update"}.get(operation, operation)
    for row in csv.DictReader(io.StringIO(one["sent"], newline="")):
        given = {name.lower(): name for name in row}
        fields = {name: _cell(value) for name, value in row.items() if name.lower() != "id" and value != ""}
        yield Sent(one["n"], one["at"], op, object, row[given["id"]] if "id" in given else "", fields, None, is_text=True)


def _cell(text: str) -> str | None:
    return None if text == _NULL_MARK else text
