"""What becomes of one HTTP request: session, count, journal, resource, answer?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from syncd.sandbox import oauth, soap, spending
from syncd.sandbox.bulk import classic
from syncd.sandbox.bulk.route import takes_raw_body
from syncd.sandbox.call import Answer, Call, parse_body, split_url
from syncd.sandbox.clock import zulu
from syncd.sandbox.errors import NotThere, PasswordExpired, SalesforceError, SessionRefused, method_not_allowed
from syncd.sandbox.faults import CANNED, Strike
from syncd.sandbox.faults_answers import canned
from syncd.sandbox.journal import Entry
from syncd.sandbox.resources import dispatch
from syncd.sandbox.versions import check_version, known_versions, season, warning

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

URI_MAX = 16_384
_SECRETS = ("/services/oauth2", "/services/Soap")  # what is sent there is never kept
Hook = Callable[[int, str, str], None]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it came in: `target` is the raw path with its query string; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    instance_url: str

    @property
    def path(self) -> str:
        """Return the path without the query string."""
        return unquote(self.target.partition("?")[0])


@dataclass(frozen=True, slots=True)
class Opened:
    """A request that has its number, and what goes wrong with it."""

    entry: Entry
    strike: Strike


def open_request(org: Org, arrival: Arrival) -> Opened:
    """Number a request whose head has come in. Its body need not be there yet."""
    with org.lock:
        entry = _journal(org, arrival)
        strike = org.faults.strike(entry)
        org.flights.begin(entry.n, org.clock.now(), strike.wait_s)
        return Opened(entry, strike)


def answer_request(org: Org, arrival: Arrival, opened: Opened, before: Hook | None = None, after: Hook | None = None) -> Answer:
    """Carry out one request under the org's lock; the hooks run outside it, before and after."""
    entry = opened.entry
    if before is not None:
        before(entry.n, arrival.method, entry.path)
    with org.lock:
        if arrival.method != "GET" and not entry.path.startswith(_SECRETS):
            org.journal.keep_sent(entry, arrival.body)
        answer = _struck(org, arrival, opened)
        entry.status, entry.api_calls = answer.status, answer.api_calls
        entry.subrequests, entry.results = answer.subrequests, answer.results
    if after is not None:
        after(entry.n, arrival.method, entry.path)
    return answer


def _journal(org: Org, arrival: Arrival) -> Entry:
    kept = {_title(name): value for name, value in arrival.headers.items() if name.startswith(("sforce-", "if-"))}
    return org.journal.open(
        zulu(org.clock.now()), arrival.method, arrival.path, kept, unquote(arrival.target.partition("?")[2].replace("+", " "))
    )


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _struck(org: Org, arrival: Arrival, opened: Opened) -> Answer:
    fault = opened.strike.decides
    instead = canned(fault) if fault is not None and fault.does in CANNED else None
    if instead is None or (fault is not None and fault.how.get("after")):
        org.faults.begin(opened.entry)
        try:
            answer = _guarded(org, arrival, opened.entry)
        finally:
            org.faults.end()
        if instead is None:
            return answer
        instead.api_calls, instead.subrequests, instead.results = answer.api_calls, answer.subrequests, answer.results
    if fault is not None and fault.does == "401":
        org.sessions.end(_bearer(arrival.headers))
    return instead


def _guarded(org: Org, arrival: Arrival, entry: Entry) -> Answer:
    org.settle()
    try:
        with org.database.savepoint():
            return _route(org, arrival, entry)
    except SalesforceError as refusal:
        return Answer(
            refusal.status,
            [refusal.rest()],
            spending.limit_header(org) if entry.user else {},
            api_calls=int(entry.user is not None and refusal.code != "REQUEST_LIMIT_EXCEEDED"),
        )


def _route(org: Org, arrival: Arrival, entry: Entry) -> Answer:
    size = len(arrival.target.encode())
    if size > URI_MAX:
        raise SalesforceError("URI_TOO_LONG", f"The URI has {size} bytes, the maximum is {URI_MAX}", status=414)
    if size + sum(len(name) + len(value) for name, value in arrival.headers.items()) > URI_MAX:
        raise SalesforceError("HEADERS_TOO_LONG", f"URI and headers exceed {URI_MAX} bytes", status=431)
    path = arrival.path
    if path.rstrip("/") == "/services/data":
        return Answer(
            200,
            [
                {"label": season(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
                for number in known_versions(org.settings)
            ],
            api_calls=0,
        )
    if path in ("/services/oauth2/token", "/services/oauth2/revoke", "/services/oauth2/introspect"):
        if arrival.method != "POST":
            raise method_not_allowed(arrival.method, "POST")
        if path.endswith("revoke"):
            return oauth.revoke(org, arrival.body)
        issue = oauth.introspect if path.endswith("introspect") else oauth.token
        return issue(org, arrival.headers, arrival.body, arrival.instance_url)
    if path.startswith(soap.PREFIXES):
        return soap.answer_soap(org, arrival.method, path, arrival.body, arrival.instance_url)
    return _with_session(org, arrival, entry)


def _with_session(org: Org, arrival: Arrival, entry: Entry) -> Answer:
    path = arrival.path
    user_id = org.sessions.user_of(_bearer(arrival.headers), org.clock.now())
    if path == "/services/oauth2/userinfo" or path.startswith("/id/"):
        if user_id is None:
            return Answer(403, text="Bad_OAuth_Token", api_calls=0)
        if path.startswith("/id/"):
            if not oauth.is_identity_of(org, path, user_id):
                return Answer(403, text="Wrong_Org", api_calls=0)
            return Answer(200, oauth.identity(org, user_id, arrival.instance_url), api_calls=0)
        return Answer(200, oauth.userinfo(org, user_id, arrival.instance_url), api_calls=0)
    if path.startswith(classic.PREFIX):
        return classic.answer_classic(org, entry, path, arrival.method, arrival.headers, arrival.body)
    cut = split_url(arrival.target)
    if cut is None:
        raise NotThere()
    if user_id is None:
        raise SessionRefused()
    if _bearer(arrival.headers) in org.logins.restricted:
        raise PasswordExpired()
    entry.user = (org.database.row("User", user_id) or {}).get("Username")
    return _counted(org, arrival, entry, (cut, user_id))


def _counted(org: Org, arrival: Arrival, entry: Entry, asked: tuple[tuple[str, tuple[str, ...], dict[str, str]], str]) -> Answer:
    (version, parts, params), user_id = asked
    now = org.clock.now()
    spending.refuse_when_spent(org, entry.n)
    org.sessions.count_calls(now, 1)
    check_version(version, org.settings)
    is_file = takes_raw_body(arrival.method, parts)
    body = arrival.body if is_file else parse_body(arrival.body, arrival.headers.get("content-type", ""))
    org.journal.keep_body(entry, None if is_file else body)
    call = Call(org, arrival.method, version, parts, params, arrival.headers, body, user_id, arrival.instance_url)
    answer = dispatch(call)
    if answer.api_calls > 1:
        org.sessions.count_calls(now, answer.api_calls - 1)
    answer.headers.update(spending.limit_header(org) | warning(version, org.settings))
    return answer


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "oauth") else ""
