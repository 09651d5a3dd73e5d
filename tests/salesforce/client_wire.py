"""An org of canned answers: single wire shapes that a healthy org never sends, and the requests that arrived."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
import responses
from pydantic import SecretStr

from syncd.salesforce.access import OrgAccess
from syncd.salesforce.org import SalesforceOrg

URL = "http://127.0.0.1:18443"
DATE = "Mon, 02 Mar 2026 09:00:00 GMT"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECRET = "canary-5ecret/+&"
TOKEN = "00Dxx0000001abc!AQcanarytoken.canarytoken"
ORG_ID, USER_ID = "00Dxx0000001abc", "005xx000001Sv6Y"
EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
HTML = "<html><body>We are down for maintenance.</body></html>"

Answer = tuple[int, object] | tuple[int, object, Mapping[str, str]] | Exception
Body = dict[str, Any]


class Wire:
    """Plays answers in order, one for each request; the last one is repeated. `slept_s` are the waits between reads."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        self.slept_s: list[float] = []
        self.sent: list[requests.PreparedRequest] = []
        self.tokens = 0
        self._answers: list[Answer | Callable[[Body], Answer]] = []

    def org(self, **access: Any) -> SalesforceOrg:
        """Give a client aimed here; its sleep only takes notes."""
        config = OrgAccess(URL, "client-id", SecretStr(SECRET), **access)
        return SalesforceOrg(config, wall=lambda: NOW - timedelta(seconds=90), sleep=self.slept_s.append)

    def login(self, status: int = 200, body: object = None, **headers: str) -> None:
        """Answer logins, by default with a new token each time."""

        def answer(_: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
            self.tokens += 1
            opened = {"access_token": f"{TOKEN}{self.tokens}", "instance_url": URL, "id": f"{URL}/id/{ORG_ID}/{USER_ID}"}
            text = body if isinstance(body, str) else json.dumps(opened if body is None else body)
            return status, {"Date": DATE, **headers}, text

        self.mock.add_callback("POST", f"{URL}/services/oauth2/token", answer)

    def answers(self, *answers: Answer | Callable[[Body], Answer]) -> None:
        """Set the answers of all other requests."""
        self._answers = list(answers)
        for method in ("GET", "POST", "PATCH", "PUT"):
            self.mock.add_callback(method, re.compile(re.escape(URL) + "/services/data"), self._next)

    def _next(self, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], str]:
        self.sent.append(request)
        given = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        answer = given(json.loads(request.body or "{}")) if callable(given) else given
        if isinstance(answer, Exception):
            raise answer
        status, body, *more = answer
        headers = {"Date": DATE, "Sforce-Limit-Info": f"api-usage={len(self.sent)}/15000", **(more[0] if more else {})}
        return status, headers, body if isinstance(body, str) else json.dumps(body)

    def body(self, number: int = -1) -> Body:
        """Return the JSON body of a request."""
        found: Body = json.loads(self.sent[number].body or "{}")
        return found


def composite(*answers: tuple[int, object]) -> Callable[[Body], Answer]:
    """Answer a composite call with one (status, body) for each subrequest."""

    def answer(body: Body) -> Answer:
        return 200, {
            "compositeResponse": [
                {"referenceId": part["referenceId"], "httpStatusCode": status, "httpHeaders": {}, "body": found}
                for part, (status, found) in zip(body["compositeRequest"], answers, strict=False)
            ]
        }

    return answer


def row(number: int, stamp: str = "2026-03-02T08:00:00.000+0000", **fields: object) -> Body:
    """Make one Lead row as it comes over the wire."""
    return {"attributes": {"type": "Lead"}, "Id": f"00Q5e{number:010d}AAA", "SystemModstamp": stamp, **fields}


def rows_page(*rows: Body, more: str | None = None, total: int | None = None) -> Body:
    """Make one page of a query's answer."""
    page: Body = {"totalSize": len(rows) if total is None else total, "done": more is None, "records": list(rows)}
    return page if more is None else {**page, "nextRecordsUrl": more}
