"""How do up to 25 calls travel as one?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from syncd.sandbox.call import Answer, Call, split_url
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.versions import check_version

SUBREQUESTS_MAX, HEAVY_MAX = 25, 5
_REFERENCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*\Z")
_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)((?:\.[A-Za-z0-9_]+|\[\d+\])*)\}")
_METHODS = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD"})
_FORBIDDEN_HEADERS = frozenset({"accept", "authorization", "content-type"})
_ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."
Dispatch = Callable[[Call], Answer]


class _Undo(Exception):
    """Leaves the outer savepoint of an all-or-none call."""


def composite(call: Call, dispatch: Dispatch) -> Answer:
    """Carry out the subrequests in order, as one API call.

    Errors: 400 for the whole call when the envelope is malformed; a failing subrequest is reported in its place.
    """
    body = call.object_body()
    for name in ("allOrNone", "collateSubrequests"):
        if not isinstance(body.get(name, False), bool):
            raise SalesforceError("JSON_PARSER_ERROR", f"{name} must be a boolean at [line:1, column:2]")
    requests = check_requests(body.get("compositeRequest"), SUBREQUESTS_MAX)
    if sum(_is_heavy(request["url"]) for request in requests) > HEAVY_MAX:
        raise SalesforceError(
            "LIMIT_EXCEEDED", f"At most {HEAVY_MAX} subrequests of a composite call can be query, queryAll or sObject Collections"
        )
    results, log = carry_out(call, requests, dispatch, all_or_none=body.get("allOrNone", False) is True)
    return Answer(200, {"compositeResponse": results}, subrequests=log)


def carry_out(
    call: Call, requests: list[dict[str, Any]], dispatch: Dispatch, *, all_or_none: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Carry out checked subrequests in order; return their results, and what the journal keeps of them."""
    results: list[dict[str, Any]] = []
    log: list[dict[str, Any]] = []
    try:
        with call.org.database.savepoint():
            for request in requests:
                results.append(_one(call, request, results, dispatch))
                log.append(
                    {
                        "method": request["method"],
                        "url": request["url"],
                        "status": results[-1]["httpStatusCode"],
                        "headers": request.get("httpHeaders") or {},
                    }
                )
                if all_or_none and results[-1]["httpStatusCode"] >= 400:
                    raise _Undo
    except _Undo:
        guilty = results[-1]
        halted = [_halted(request["referenceId"], _ROLLED_BACK) for request in requests]
        halted[len(results) - 1] = guilty
        results = halted
    return results, log


def check_requests(requests: Any, most: int) -> list[dict[str, Any]]:
    """Look at a list of subrequests before any is carried out.

    Errors: SalesforceError for the whole call.
    """
    if not isinstance(requests, list) or not requests or not all(isinstance(each, dict) for each in requests):
        raise SalesforceError("JSON_PARSER_ERROR", "compositeRequest must be a list of subrequests at [line:1, column:2]")
    if len(requests) > most:
        raise SalesforceError("LIMIT_EXCEEDED", f"A composite call has at most {most} subrequests, this one has {len(requests)}")
    seen: set[str] = set()
    for request in requests:
        _check_request(request, seen)
    return requests


def _check_request(request: dict[str, Any], seen: set[str]) -> None:
    for name in ("method", "url", "referenceId"):
        if not isinstance(request.get(name), str):
            raise SalesforceError("JSON_PARSER_ERROR", f"A subrequest needs {name} as text at [line:1, column:2]")
    reference = request["referenceId"]
    if not _REFERENCE_ID.match(reference):
        raise SalesforceError(
            "INVALID_INPUT",
            f"referenceId {reference!r} may hold letters, digits and underscores, and starts with a letter or digit",
        )
    if reference in seen:
        raise SalesforceError("INVALID_INPUT", f"referenceId {reference!r} is used twice")
    seen.add(reference)
    if request["method"].upper() not in _METHODS:
        raise SalesforceError("INVALID_INPUT", f"Unknown method {request['method']!r} in subrequest {reference}")
    headers = request.get("httpHeaders") or {}
    if not isinstance(headers, dict):
        raise SalesforceError("JSON_PARSER_ERROR", "httpHeaders must be an object at [line:1, column:2]")
    forbidden = sorted(name for name in headers if name.lower() in _FORBIDDEN_HEADERS)
    if forbidden:
        raise SalesforceError("INVALID_INPUT", f"Subrequest {reference} may not set the header {forbidden[0]}")


def _is_heavy(url: str) -> bool:
    cut = split_url(url)
    if cut is None or not cut[1]:
        return False
    first, second = cut[1][0].lower(), cut[1][1].lower() if len(cut[1]) > 1 else ""
    return first in ("query", "queryall") or (first == "composite" and second == "sobjects")


def _one(call: Call, request: Mapping[str, Any], earlier: list[dict[str, Any]], dispatch: Dispatch) -> dict[str, Any]:
    reference = str(request["referenceId"])
    try:
        url = _resolve(request["url"], earlier)
        body = _resolve(request.get("body"), earlier)
    except LookupError as missing:
        return _halted(reference, f"Invalid reference specified. No value for {missing.args[0]} found in the earlier subrequests")
    try:
        with call.org.database.savepoint():
            answer = dispatch(_subcall(call, request, url, body))
    except SalesforceError as refusal:
        answer = Answer(refusal.status, [refusal.rest()])
    return {"body": answer.body, "httpHeaders": answer.headers, "httpStatusCode": answer.status, "referenceId": reference}


def _subcall(call: Call, request: Mapping[str, Any], url: str, body: Any) -> Call:
    cut = split_url(url)
    if cut is None:
        raise SalesforceError("INVALID_INPUT", f"The url of a subrequest starts with /services/data/vXX.X/, not {url!r}")
    version, parts, params = cut
    check_version(version, call.org.settings)
    first = parts[0].lower() if parts else ""
    supported = (
        first == "sobjects"
        or (first in ("query", "queryall") and len(parts) == 1)
        or (first == "composite" and len(parts) > 1 and parts[1].lower() == "sobjects")
    )
    if not supported:
        raise SalesforceError("INVALID_INPUT", f"This resource is not supported in a composite call: {url}")
    headers = {name.lower(): str(value) for name, value in (request.get("httpHeaders") or {}).items()}
    return Call(call.org, request["method"].upper(), version, parts, params, headers, body, call.user_id, call.instance_url)


def _halted(reference: str, message: str) -> dict[str, Any]:
    return {
        "body": [{"errorCode": "PROCESSING_HALTED", "message": message}],
        "httpHeaders": {},
        "httpStatusCode": 400,
        "referenceId": reference,
    }


def _resolve(value: Any, earlier: list[dict[str, Any]]) -> Any:
    if isinstance(value, str) and "@{" in value:
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return _look_up(whole, earlier)
        return _REFERENCE.sub(lambda match: str(_look_up(match, earlier)), value)
    if isinstance(value, dict):
        return {name: _resolve(each, earlier) for name, each in value.items()}
    if isinstance(value, list):
        return [_resolve(each, earlier) for each in value]
    return value


def _look_up(match: re.Match[str], earlier: list[dict[str, Any]]) -> Any:
    name = match.group(1) + match.group(2)
    found = next((result for result in earlier if result["referenceId"] == match.group(1)), None)
    if found is None or found["httpStatusCode"] >= 300:
        raise LookupError(name)
    value = found["body"]
    for step in re.findall(r"\.([A-Za-z0-9_]+)|\[(\d+)\]", match.group(2)):
        try:
            value = value[step[0]] if step[0] else value[int(step[1])]
        except (KeyError, IndexError, TypeError) as missing:
            raise LookupError(name) from missing
    return value
