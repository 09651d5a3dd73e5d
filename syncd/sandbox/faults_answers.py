"""What does a request get in place of its real answer?"""

from __future__ import annotations

from typing import Any

from syncd.sandbox.call import Answer
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.faults import Fault

_HTML = {"Content-Type": "text/html;charset=UTF-8"}
MAINTENANCE = """<!DOCTYPE html>
<html><head><title>Salesforce - Down for Maintenance</title></head>
<body><h1>We are down for maintenance.</h1><p>Sorry for the inconvenience. We'll be back shortly.</p></body></html>
"""
ERROR_PAGE = """<!DOCTYPE html>
<html><head><title>Error</title></head>
<body><h1>An unexpected connection error occurred.</h1><p>Your request could not be served.</p></body></html>
"""


def canned(fault: Fault) -> Answer:
    """Write the answer that a fault gives instead of the org's own. The edge's answers are not counted as API calls."""
    if fault.does == "html":
        return Answer(int(fault.how.get("status", 200)), headers=dict(_HTML), text=ERROR_PAGE, api_calls=0)
    if fault.does == "503":
        return Answer(503, headers=_HTML | _retry_after(fault, None), text=MAINTENANCE, api_calls=0)
    if fault.does == "429":
        refused = SalesforceError("TOO_MANY_REQUESTS", "Too many requests. Try again later.", status=429)
        return _refusal(refused, _retry_after(fault, 30))
    if fault.does == "401":
        return _refusal(SalesforceError("INVALID_SESSION_ID", "Session expired or invalid", status=401))
    if fault.does == "412":
        return Answer(412)
    return _refusal(SalesforceError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403))


def _refusal(error: SalesforceError, headers: dict[str, str] | None = None) -> Answer:
    return Answer(error.status, [error.rest()], headers or {}, api_calls=0)


def _retry_after(fault: Fault, usual: int | None) -> dict[str, str]:
    seconds: Any = fault.how.get("retry_after", usual)
    return {} if seconds is None else {"Retry-After": str(seconds)}
