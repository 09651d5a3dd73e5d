"""As whom are we logged in? The only place that knows the secret and the session token."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

from syncd.errors import OrgRefused, OrgUnreachable
from syncd.ports import OrgIdentity
from syncd.salesforce import errors
from syncd.salesforce.access import OrgAccess, url_fault
from syncd.salesforce.ids import to_18


@dataclass(frozen=True, slots=True)
class OrgSession:
    """One opened session. `client` is simple-salesforce's object, aimed at the instance."""

    identity: OrgIdentity
    client: Any = field(repr=False)


class Login:
    """Holds the session that all threads share and renews it once for all of them."""

    def __init__(self, access: OrgAccess, ask: Callable[[], requests.Response], connect: Callable[[str, str], Any]) -> None:
        self._access = access
        self._ask = ask
        self._connect = connect
        self._lock = threading.Lock()
        self._session: OrgSession | None = None

    def current(self) -> OrgSession:
        """Return the session, logging in when there is none yet."""
        session = self._session
        return session if session is not None else self.renew(None)

    def renew(self, stale: OrgSession | None) -> OrgSession:
        """Replace a session that was refused; when another thread did so already, return that one."""
        with self._lock:
            if self._session is not None and self._session is not stale:
                return self._session
            self._session = self._open()
            return self._session

    def _open(self) -> OrgSession:
        url = self._access.login_url
        answer = self._ask()
        try:
            body = errors.parse(answer.content)
        except errors.NotSalesforce as cause:
            raise OrgUnreachable(f"{url} answered the login with {answer.status_code} and {cause}.") from cause
        if answer.status_code != 200:
            fault = (errors.faults(body) or (errors.Fault("", ""),))[0]
            raise errors.login_refusal(url, answer.status_code, self._redacted(fault.code), self._redacted(fault.text))
        return self._opened(body)

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
            raise OrgRefused(f"The login named {instance_url} as the org's address, which {fault}. Nothing was sent there.")
        return OrgSession(identity, self._connect(token, instance_url))

    def _redacted(self, text: str) -> str:
        return text.replace(self._access.client_secret.get_secret_value(), "***")
