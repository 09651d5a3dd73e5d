"""How is a request put to the org so that no trap of the wire or of simple-salesforce bites?

Closed here, once for all callers: no time-outs, headers lost when a session is renewed, endless re-logins, usage figures of
failed answers lost, https only, API version 59.0, X-PrettyPrint. simple-salesforce builds the request; statuses are ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import requests
from requests.exceptions import RequestException
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from syncd.errors import AnswerLost, OrgUnreachable, SyncdError
from syncd.ports import OrgIdentity
from syncd.salesforce import errors
from syncd.salesforce.access import OrgAccess
from syncd.salesforce.grants import Form
from syncd.salesforce.login import Login, OrgSession
from syncd.salesforce.throttle import TRIES, Throttle, pause_s
from syncd.salesforce.transport import HEADERS, Meter, open_session, retry_after_s


class _Again(Exception):
    """A read that is worth asking again: `error` is what to raise when it was the last time."""

    def __init__(self, error: SyncdError, wait_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


def host_now() -> datetime:
    """Return the host's clock."""
    return datetime.now(UTC)


class Connection:
    """Requests to one org: reads are asked again when that can help, writes never are."""

    def __init__(
        self,
        access: OrgAccess,
        *,
        wall: Callable[[], datetime] = host_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.access = access
        self.meter = Meter(wall)
        self._wall = wall
        self._sleep = sleep
        self._http = open_session(access, self.meter)
        self._throttle = Throttle(access.login_url, wall)
        self._login = Login(access, self._ask_token, self._connect, wall, self._org_now)

    @property
    def base(self) -> str:
        """Return the path that every REST resource begins with."""
        return f"/services/data/v{self.access.api_version}"

    def identity(self) -> OrgIdentity:
        """Return org and user, logging in when needed."""
        return self._login.current().identity

    def now(self) -> datetime:
        """Return the org's clock as of the latest answer, logging in when there was none."""
        if self.meter.now() is None:
            self.identity()
        now = self.meter.now()
        if now is None:
            raise OrgUnreachable(f"{self.access.login_url} answers without a Date header, so the org's time is unknown.")
        return now

    def look_at_clock(self) -> None:
        """Bring the org's clock up to date by a request that costs no API call: the list of versions.

        Source: REST API Developer Guide, Versions: needs no session and does not count.
        """
        try:
            self._http.get(f"{self._host().rstrip('/')}/services/data/", allow_redirects=False)
        except RequestException as cause:
            raise self._unreachable("its time", cause) from cause

    def try_login_at_once(self) -> None:
        """Let the next login pass although logins were refused before: somebody waits to see what comes of it."""
        self._login.try_at_once()

    def read(self, what: str, method: str, path: str, body: object = None) -> Any:
        """Ask something that changes nothing, again when that can help, and return the JSON answer.

        `what` names the request in messages, `path` begins with a slash.
        """
        return self._repeated(lambda: self._read_once(what, method, path, body))

    def read_text(self, what: str, path: str) -> str:
        """Ask for a CSV file, again when that can help, and return it whole."""
        text: str = self._repeated(lambda: self._read_once(what, "GET", path, None, {"Accept": "text/csv"}))
        return text

    def stream(self, what: str, path: str) -> requests.Response:
        """Ask for a CSV file, again when that can help, and return the answer unread: whoever asked reads and closes it."""
        answer: requests.Response = self._repeated(lambda: self._stream_once(what, path))
        return answer

    def wait_before_try(self, number: int) -> None:
        """Pause before something is asked for the second (1), third (2) … time."""
        self._sleep(min(20.0, 0.5 * 2.0**number))

    def write(self, what: str, path: str, body: object, headers: Mapping[str, str] | None = None, *, method: str = "POST") -> Any:
        """Send something that changes records, once, and return the JSON answer. A body of bytes leaves as it is.

        Errors: AnswerLost when it may have been carried out and nobody told us; any other error means it was not.
        """
        try:
            answer = self._sent(method, path, body, headers or {})
        except RequestException as cause:
            if _never_left(cause):
                text = f"{self._host()} could not be reached for {what}: {_said(cause)}. Nothing was sent."
                raise OrgUnreachable(text) from cause
            raise AnswerLost(f"The answer to {what} did not arrive: {_said(cause)}.") from cause
        try:
            found = errors.parse(answer.content)
        except errors.NotSalesforce as cause:
            raise AnswerLost(f"{self._host()} answered {what} with {answer.status_code} and {cause}.") from cause
        if answer.status_code >= 500:
            error = errors.refusal(what, answer.status_code, found, self.access.api_version)
            raise AnswerLost(f"{error} What became of the write is unknown.")
        if answer.status_code >= 300:
            raise errors.refusal(what, answer.status_code, found, self.access.api_version)
        return found

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _read_once(
        self, what: str, method: str, path: str, body: object, headers: Mapping[str, str] = MappingProxyType({})
    ) -> Any:
        try:
            answer = self._sent(method, path, body, headers)
        except RequestException as cause:
            raise _Again(self._unreachable(what, cause)) from cause
        wait_s = retry_after_s(answer.headers, self.meter.now())
        if answer.status_code < 300 and headers:
            return _text(what, answer)
        try:
            found = errors.parse(answer.content)
        except errors.NotSalesforce as cause:
            text = f"{self._host()} answered {what} with {answer.status_code} and {cause}."
            raise _Again(OrgUnreachable(text), wait_s) from cause
        if answer.status_code < 300:
            return found
        error = errors.refusal(what, answer.status_code, found, self.access.api_version)
        if answer.status_code in errors.BUSY_STATUSES:
            raise _Again(error, wait_s)
        raise error

    def _stream_once(self, what: str, path: str) -> requests.Response:
        try:
            answer = self._sent("GET", path, None, {"Accept": "text/csv"}, is_streamed=True)
        except RequestException as cause:
            raise _Again(self._unreachable(what, cause)) from cause
        if answer.status_code < 300:
            return answer
        with answer:
            wait_s = retry_after_s(answer.headers, self.meter.now())
            try:
                found = errors.parse(answer.content)
            except errors.NotSalesforce as cause:
                text = f"{self._host()} answered {what} with {answer.status_code} and {cause}."
                raise _Again(OrgUnreachable(text), wait_s) from cause
        error = errors.refusal(what, answer.status_code, found, self.access.api_version)
        if answer.status_code in errors.BUSY_STATUSES:
            raise _Again(error, wait_s)
        raise error

    def _sent(
        self, method: str, path: str, body: object, headers: Mapping[str, str], *, is_streamed: bool = False
    ) -> requests.Response:
        """Send one request: again with a new session where the old one had ended, and again when too many ran at once.

        Both were refused before they were carried out, so that this holds for writes as well.
        """
        number = 0
        while True:
            with self._throttle.turn():
                session = self._login.current()
                answer = _call(session, method, path, body, headers, is_streamed=is_streamed)
                if _is_expired(answer):
                    answer = _call(self._login.renew(session), method, path, body, headers, is_streamed=is_streamed)
            wait_s = retry_after_s(answer.headers, self.meter.now())
            self._throttle.heard(answer.status_code, wait_s, self.access.deadline_s)
            number += 1
            if not self._throttle.is_crowded(answer) or number >= TRIES:
                return answer
            self._sleep(max(wait_s, pause_s(number - 1)))

    def _ask_token(self, form: Callable[[], Form]) -> requests.Response:
        answer: requests.Response = self._repeated(lambda: self._ask_token_once(form()))
        return answer

    def _ask_token_once(self, form: Form) -> requests.Response:
        url = f"{self._host().rstrip('/')}/services/oauth2/token"
        self._throttle.check()
        try:
            answer = self._http.post(url, data=form, allow_redirects=False)
        except RequestException as cause:
            raise _Again(self._unreachable("the login", cause)) from cause
        wait_s = retry_after_s(answer.headers, self.meter.now())
        self._throttle.heard(answer.status_code, wait_s, self.access.deadline_s)
        if answer.status_code in errors.BUSY_STATUSES:
            text = f"{self._host()} answered the login with {answer.status_code}: busy or in maintenance."
            raise _Again(OrgUnreachable(text), wait_s)
        return answer

    def _org_now(self) -> datetime:
        """Return the org's clock as well as it is known before the login: a signature that it finds too old is refused."""
        if self.meter.skew() is None:
            with suppress(OrgUnreachable):
                self.look_at_clock()
        return self._wall() + (self.meter.skew() or timedelta(0))

    def _connect(self, token: str, instance_url: str) -> Any:
        from simple_salesforce.api import Salesforce

        return Salesforce(
            session_id=token, instance_url=instance_url, version=self.access.api_version, session=self._http, domain="login"
        )

    def _repeated(self, ask: Callable[[], Any]) -> Any:
        retrying = Retrying(
            retry=retry_if_exception_type(_Again),
            stop=self._is_enough,
            wait=_pause,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(ask)
        except _Again as last:
            raise last.error from last.__cause__

    def _is_enough(self, state: RetryCallState) -> bool:
        if stop_after_attempt(self.access.attempts_max)(state):
            return True
        spent_s = max(state.seconds_since_start or 0.0, state.idle_for)
        return spent_s + state.upcoming_sleep > self.access.deadline_s

    def _unreachable(self, what: str, cause: RequestException) -> OrgUnreachable:
        return OrgUnreachable(
            f"{self._host()} could not be reached for {what}: {_said(cause)}.",
            hint="Check the network, the proxy and login_url under [org] in config.toml. Nothing is lost meanwhile.",
        )

    def _host(self) -> str:
        return self.access.login_url


_BACKOFF = wait_exponential(multiplier=0.5, max=20.0) + wait_random(0.0, 0.5)


def _pause(state: RetryCallState) -> float:
    problem = state.outcome.exception() if state.outcome is not None else None
    asked_s = problem.wait_s if isinstance(problem, _Again) else 0.0
    return max(asked_s, _BACKOFF(state))


def _call(
    session: OrgSession, method: str, path: str, body: object, headers: Mapping[str, str], *, is_streamed: bool = False
) -> requests.Response:
    """Send one request through simple-salesforce and return its answer whatever the status.

    simple-salesforce raises on an error status and drops the answer's headers with it; the hook keeps the answer.
    """
    from simple_salesforce.exceptions import SalesforceError

    answers: list[requests.Response] = []

    def keep(answer: requests.Response, *_: Any, **__: Any) -> None:
        answers.append(answer)

    client = session.client
    url = f"https://{client.sf_instance}{path}"
    options: dict[str, Any] = {"headers": {**HEADERS, **headers}, "hooks": {"response": keep}, "allow_redirects": False}
    if is_streamed:
        options["stream"] = True
    if isinstance(body, bytes):
        options["data"] = body
    elif body is not None:
        options["json"] = body
    try:
        client._call_salesforce(method, url, **options)
    except SalesforceError:
        return answers[-1]
    return answers[-1]


def _text(what: str, answer: requests.Response) -> str:
    """Return a file as text: UTF-8 whatever the answer's header leaves out."""
    try:
        return answer.content.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise OrgUnreachable(f"The answer to {what} is no UTF-8 text.") from cause


def _is_expired(answer: requests.Response) -> bool:
    if answer.status_code != 401:
        return False
    try:
        found = errors.faults(errors.parse(answer.content))
    except errors.NotSalesforce:
        return False
    return any(fault.code == "INVALID_SESSION_ID" for fault in found)


def _never_left(cause: RequestException) -> bool:
    """Tell whether no connection came about, so that the org cannot have seen the request."""
    return isinstance(cause, requests.ConnectTimeout) or _reason(cause) in {"NewConnectionError", "NameResolutionError"}


def _said(cause: RequestException) -> str:
    """Put a network failure in a few words, without URLs or object addresses."""
    if isinstance(cause, requests.ConnectTimeout):
        return "no connection within the time limit"
    if isinstance(cause, requests.Timeout):
        return "no answer within the time limit"
    if isinstance(cause, requests.exceptions.SSLError):
        return "the TLS certificate or handshake was not accepted"
    if isinstance(cause, requests.exceptions.ProxyError):
        return "the proxy refused or failed"
    return {
        "NameResolutionError": "the host name is unknown",
        "NewConnectionError": "the connection was refused",
    }.get(_reason(cause), "the connection broke")


def _reason(cause: RequestException) -> str:
    """Name urllib3's reason behind a failure, or give an empty text."""
    reason = getattr(cause.args[0] if cause.args else None, "reason", None)
    return "" if reason is None else type(reason).__name__
