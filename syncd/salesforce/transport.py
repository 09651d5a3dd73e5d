"""How does one HTTP request leave this machine, and what does every answer tell besides its body?"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from syncd import __version__
from syncd.errors import OrgRefused, OrgUnreachable
from syncd.ports import ApiUsage
from syncd.salesforce.access import OrgAccess, is_loopback

HEADERS: Mapping[str, str] = {
    "Sforce-Call-Options": f"client=syncd/{__version__}",
    "Sforce-Mru": "updateMru=false",
    "X-PrettyPrint": "0",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": f"syncd/{__version__}",
}
_USAGE = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")
_COUNTED = re.compile(r"/services/data/v[^/]+/.")


class Meter:
    """What the answers told: the org's clock, its API usage, and how many calls were ours. Shared by threads."""

    def __init__(self, wall: Callable[[], datetime]) -> None:
        self._wall = wall
        self._lock = threading.Lock()
        self._clock: tuple[datetime, timedelta] | None = None
        self._usage = (0, 0)
        self._ours = 0

    def sent(self, url: str) -> None:
        """Count one request that is about to leave; logins and the list of versions cost nothing."""
        if _COUNTED.match(urlsplit(url).path):
            with self._lock:
                self._ours += 1

    def heard(self, headers: Mapping[str, str]) -> None:
        """Take note of the headers of an answer, of a failed one as well."""
        at = _http_date(headers.get("Date"))
        usage = _USAGE.search(headers.get("Sforce-Limit-Info", ""))
        with self._lock:
            if at is not None:
                self._clock = (at, at - self._wall())
            if usage is not None:
                self._usage = (int(usage[1]), int(usage[2]))

    def now(self) -> datetime | None:
        """Return the org's clock in the latest answer, or None before the first. Units: whole seconds, UTC."""
        clock = self._clock
        return None if clock is None else clock[0]

    def skew(self) -> timedelta | None:
        """Return how far the org's clock was ahead of this host's at the latest answer."""
        clock = self._clock
        return None if clock is None else clock[1]

    def usage(self) -> ApiUsage:
        """Return the org's API usage in the latest answer and the number of our own calls."""
        with self._lock:
            return ApiUsage(used=self._usage[0], allowed=self._usage[1], ours=self._ours)


class OrgAdapter(HTTPAdapter):
    """Sends with time-outs, without automatic retries, and lets plain http out to this machine only.

    simple-salesforce writes https:// in front of every host; for an org on this machine (login_url is http://127.0.0.1…)
    the scheme is set back here.
    """

    def __init__(self, access: OrgAccess, meter: Meter) -> None:
        super().__init__(max_retries=0, pool_maxsize=16)
        self._timeout = (access.connect_timeout_s, access.read_timeout_s)
        self._is_plain = access.login_url.startswith("http://")
        self._meter = meter

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request and note what its answer tells."""
        url = request.url or ""
        parts = urlsplit(url)
        if self._is_plain:
            if not is_loopback(parts.hostname):
                raise OrgRefused(f"{parts.hostname} is not this machine, and login_url is plain http: nothing was sent.")
            request.url = parts._replace(scheme="http").geturl()
            kwargs["proxies"] = {}
        elif parts.scheme != "https":
            raise OrgRefused(f"{parts.hostname} asks for plain http: nothing was sent.")
        kwargs["timeout"] = self._timeout
        self._meter.sent(url)
        try:
            answer = super().send(request, *args, **kwargs)
        except requests.RequestException:
            raise
        except OSError as cause:
            raise OrgUnreachable(
                f"{parts.hostname} was not asked: {' '.join(str(cause).split())}.",
                hint="Check the file that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names: it must hold certificates.",
            ) from cause
        self._meter.heard(answer.headers)
        return answer


def open_session(access: OrgAccess, meter: Meter) -> requests.Session:
    """Open the one HTTP session. A ~/.netrc entry for the host must not replace the bearer token: hence `auth`."""
    session = requests.Session()
    session.auth = _leave_headers_alone
    session.headers.clear()
    session.headers.update(HEADERS)
    adapter = OrgAdapter(access, meter)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def retry_after_s(headers: Mapping[str, str], now: datetime | None) -> float:
    """Read Retry-After (seconds or an HTTP date); 0 when there is none."""
    given = headers.get("Retry-After", "").strip()
    if given.isdigit():
        return float(given)
    until = _http_date(given)
    return max(0.0, (until - now).total_seconds()) if until is not None and now is not None else 0.0


def _http_date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return at.replace(tzinfo=at.tzinfo or UTC, microsecond=0).astimezone(UTC)


def _leave_headers_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
