"""As whom are we logged in? The only place that knows the secret and the session token."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from syncd.errors import LoginRefused, OrgRefused, OrgUnreachable, SyncdError
from syncd.logs import Redaction
from syncd.ports import OrgIdentity
from syncd.salesforce import errors
from syncd.salesforce.access import OrgAccess, url_fault
from syncd.salesforce.breaker import Breaker
from syncd.salesforce.grants import Asked, Form, Grants
from syncd.salesforce.ids import to_18
from syncd.salesforce.refusals import login_refusal


@dataclass(frozen=True, slots=True)
class OrgSession:
    """One opened session. `client` is simple-salesforce's object, aimed at the instance."""

    identity: OrgIdentity
    client: Any = field(repr=False)


class Login:
    """Holds the session that all threads share and renews it once for all of them.

    `ask` sends a form to the token endpoint, made anew for each attempt; `wall` is the host's clock, `org_now` the org's.
    """

    def __init__(
        self,
        access: OrgAccess,
        ask: Callable[[Callable[[], Form]], requests.Response],
        connect: Callable[[str, str], Any],
        wall: Callable[[], datetime],
        org_now: Callable[[], datetime],
    ) -> None:
        self._access = access
        self._ask = ask
        self._connect = connect
        self._grants = Grants(access, wall, org_now)
        self._breaker = Breaker(access, wall)
        self._lock = threading.Lock()
        self._session: OrgSession | None = None

    def current(self) -> OrgSession:
        """Return the session, logging in when there is none yet."""
        session = self._session
        return session if session is not None else self.renew(None)

    def renew(self, stale: OrgSession | None) -> OrgSession:
        """Replace a session that was refused; when another thread did so already, return that one.

        Errors: LoginRefused, without asking again, while a refusal is too fresh; OrgRefused when the login now leads to
        another org.
        """
        with self._lock:
            if self._session is not None and self._session is not stale:
                return self._session
            self._breaker.check()
            opened = self._open()
            if self._session is not None and opened.identity.org_id != self._session.identity.org_id:
                raise _other_org(self._access.login_url, self._session.identity, opened.identity)
            self._session = opened
            return opened

    def try_at_once(self) -> None:
        """Forget that logins were refused before: somebody is there to see what comes of the next one."""
        self._breaker.suspend()

    def _open(self) -> OrgSession:
        with self._grants.asking() as asked:
            body = self._granted(asked)
            asked.granted(body)
            session = self._opened(body)
        self._breaker.opened()
        return session

    def _granted(self, asked: Asked) -> Any:
        url = self._access.login_url
        answer = self._ask(asked.form)
        try:
            body = errors.parse(answer.content)
        except errors.NotSalesforce as cause:
            # Half an answer may hold half a token: only a page is quoted.
            shown = _redacted(str(cause), asked) if answer.content.lstrip().startswith(b"<") else "an answer that is no JSON"
            raise OrgUnreachable(f"{url} answered the login with {answer.status_code} and {shown}.") from None
        if answer.status_code == 200:
            return body
        fault = (errors.faults(body) or (errors.Fault("", ""),))[0]
        code, text = _redacted(fault.code, asked), _redacted(fault.text, asked)
        refusal: SyncdError = login_refusal(self._access, answer.status_code, code, text, lost_at=asked.lost_at())
        if isinstance(refusal, LoginRefused):
            self._breaker.refused(refusal)
        raise refusal

    def _opened(self, body: Any) -> OrgSession:
        try:
            token, instance_url = str(body["access_token"]), str(body["instance_url"]).rstrip("/")
            org_id, user_id = urlsplit(str(body["id"])).path.rstrip("/").split("/")[-2:]
            identity = OrgIdentity(to_18(org_id), to_18(user_id), instance_url)
        except (KeyError, TypeError, ValueError) as cause:
            raise OrgUnreachable(
                f"{self._access.login_url} answered the login without a session that syncd understands.",
                hint="Check that login_url under [org] in config.toml is the org's My Domain.",
            ) from cause
        if (fault := url_fault(instance_url)) is not None:
            named = Redaction().text(instance_url)
            raise OrgRefused(f"The login named {named} as the org's address, which {fault}. Nothing was sent there.")
        return OrgSession(identity, self._connect(token, instance_url))


def _redacted(text: str, asked: Asked) -> str:
    """Take out the secrets of this login, and whatever looks like a token: a proxy or a page may send anything back."""
    return Redaction(asked.secrets).text(text)


def _other_org(url: str, before: OrgIdentity, now: OrgIdentity) -> OrgRefused:
    return OrgRefused(
        f"{url} led to org {before.org_id} until now and leads to org {now.org_id}: a sandbox was refreshed, or the address was "
        "given to another org. Nothing was sent there.",
        hint="If that is meant, start syncd again: the new org is read as if for the first time, and keeps its own ledger.",
    )
