"""How do up to 25 calls travel as one and still each stand for itself?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncd.sandbox.call import Answer, Call, split_url
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.versions import check_version

SUBREQUESTS_MAX = 25
_KNOWN = frozenset({"method", "url", "richInput", "binaryPartName", "binaryPartNameAlias"})
_METHODS = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD"})
_HALTED = [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted per user request"}]
Dispatch = Callable[[Call], Answer]


def batch(call: Call, dispatch: Dispatch) -> Answer:
    """Carry out the subrequests in order; each commits by itself and counts as an API call of its own.

    Errors: 400 for the whole call when the envelope is malformed; a failing subrequest is reported in its place.
    """
    body = call.object_body()
    requests = _checked(body)
    halts = body.get("haltOnError", False) is True
    results: list[dict[str, Any]] = []
    log: list[dict[str, Any]] = []
    failed = False
    for request in requests:
        if failed and halts:
            results.append({"statusCode": 412, "result": _HALTED})
            continue
        answer = _one(call, request, dispatch)
        failed = failed or answer.status >= 400
        results.append({"statusCode": answer.status, "result": answer.body})
        log.append({"method": request["method"], "url": request["url"], "status": answer.status, "headers": {}})
    return Answer(200, {"hasErrors": failed, "results": results}, api_calls=max(1, len(log)), subrequests=log)


def _checked(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    requests = body.get("batchRequests")
    if not isinstance(requests, list) or not requests or not all(isinstance(each, dict) for each in requests):
        raise SalesforceError("JSON_PARSER_ERROR", "batchRequests must be a list of subrequests at [line:1, column:2]")
    if not isinstance(body.get("haltOnError", False), bool):
        raise SalesforceError("JSON_PARSER_ERROR", "haltOnError must be a boolean at [line:1, column:2]")
    if len(requests) > SUBREQUESTS_MAX:
        message = f"A batch has at most {SUBREQUESTS_MAX} subrequests, this one has {len(requests)}"
        raise SalesforceError("LIMIT_EXCEEDED", message)
    for request in requests:
        unknown = sorted(set(request) - _KNOWN)
        if unknown:
            raise SalesforceError("JSON_PARSER_ERROR", f'Unrecognized field "{unknown[0]}" at [line:1, column:2]')
        if not isinstance(request.get("method"), str) or not isinstance(request.get("url"), str):
            raise SalesforceError("JSON_PARSER_ERROR", "A subrequest needs method and url as text at [line:1, column:2]")
        if request["method"].upper() not in _METHODS:
            raise SalesforceError("INVALID_INPUT", f"Unknown method {request['method']!r} in a subrequest")
    return requests


def _one(call: Call, request: Mapping[str, Any], dispatch: Dispatch) -> Answer:
    try:
        with call.org.database.savepoint():
            return dispatch(_subcall(call, request))
    except SalesforceError as refusal:
        return Answer(refusal.status, [refusal.rest()])


def _subcall(call: Call, request: Mapping[str, Any]) -> Call:
    url = request["url"].lstrip("/")
    cut = split_url("/" + url if url.startswith("services/data/") else "/services/data/" + url)
    if cut is None:
        raise SalesforceError("INVALID_INPUT", f"The url of a subrequest starts with vXX.X/, not {request['url']!r}")
    version, parts, params = cut
    check_version(version, call.org.settings)
    if float(version) > float(call.version):
        raise SalesforceError("INVALID_INPUT", f"Version {version} of a subrequest is newer than the batch's, {call.version}")
    if not parts or parts[0].lower() not in ("sobjects", "query", "queryall", "limits"):
        raise SalesforceError("INVALID_INPUT", f"This resource is not supported in a batch: {request['url']}")
    return Call(
        call.org,
        request["method"].upper(),
        version,
        parts,
        params,
        {},
        request.get("richInput"),
        call.user_id,
        call.instance_url,
    )
