"""Where is the org, and with which credentials does syncd log in there?"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

API_VERSION = "62.0"
SHARED_LOGIN_HOSTS = frozenset({"login.salesforce.com", "test.salesforce.com"})


@dataclass(frozen=True, slots=True)
class OrgAccess:
    """One org and the External Client App that syncd logs in with (OAuth client credentials).

    `login_url` is the org's My Domain, without a path; plain http is for loopback addresses only.
    Units: time-outs in seconds. `deadline_s` bounds one read with all its retries.
    """

    login_url: str
    client_id: str
    client_secret: SecretStr
    api_version: str = API_VERSION
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 120.0
    attempts_max: int = 5
    deadline_s: float = 180.0


def is_loopback(host: str | None) -> bool:
    """Tell whether a host name can only mean this machine."""
    if host is None:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def url_fault(url: str) -> str | None:
    """Say what is wrong with a login or instance URL, or None when it may be used.

    Source: the client-credentials flow needs the org's My Domain (REST API Developer Guide, Authorization).
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "is not an https:// URL"
    if parts.username or parts.password:
        return "holds a user name or password"
    if parts.query or parts.fragment or parts.path.strip("/"):
        return "goes on after the host name"
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return "is plain http, which would send the secret readable over the network"
    if parts.hostname.lower() in SHARED_LOGIN_HOSTS:
        return "is the login page that all orgs share; this login works only at your org's own My Domain"
    return None
