"""Where is the org, and with which credentials does syncd log in there?"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

API_VERSION = "62.0"
SHARED_LOGIN_HOSTS = frozenset({"login.salesforce.com", "test.salesforce.com"})
NO_SECRET = SecretStr("")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The app logs in as itself, as its Run As user. Works at the org's My Domain alone."""

    name = "client-credentials"


@dataclass(frozen=True, slots=True)
class JwtBearer:
    """The app signs for a user with the private key in `key_file` (PEM, RSA).

    `audience` is whom the signature is meant for: https://login.salesforce.com, or https://test.salesforce.com for a sandbox.
    """

    username: str
    key_file: Path
    audience: str
    name = "jwt-bearer"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """Somebody allowed the app once, and `token_file` holds what came of it. Salesforce may replace the token at each login."""

    token_file: Path
    name = "refresh-token"


@dataclass(frozen=True, slots=True)
class Password:
    """A user's name and password. Salesforce is retiring it; newer orgs refuse it."""

    username: str
    password: SecretStr
    security_token: SecretStr = NO_SECRET
    name = "password"


Method = ClientCredentials | JwtBearer | RefreshToken | Password


@dataclass(frozen=True, slots=True)
class OrgAccess:
    """One org, the External Client App that syncd logs in with, and by which OAuth flow.

    `login_url` is the org's My Domain, without a path; plain http is for loopback addresses only. `refusals` is the file in
    which refused logins are remembered from one process to the next; None: each process remembers its own.
    Units: time-outs in seconds. `deadline_s` bounds one read with all its retries.
    """

    login_url: str
    client_id: str
    client_secret: SecretStr = NO_SECRET
    api_version: str = API_VERSION
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 120.0
    attempts_max: int = 5
    deadline_s: float = 180.0
    method: Method = ClientCredentials()
    refusals: Path | None = None

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """Return every secret of the configuration, so that none of them is ever logged."""
        more = (self.method.password, self.method.security_token) if isinstance(self.method, Password) else ()
        return tuple(each for each in (self.client_secret, *more) if each.get_secret_value())


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
    """Say what is wrong with a login or instance URL, or None when it may be used."""
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
    return None


def shared_fault(url: str) -> str | None:
    """Say why client credentials cannot be used at a URL, or None when they can.

    Source: that flow needs the org's My Domain (REST API Developer Guide, Authorization).
    """
    if (urlsplit(url).hostname or "").lower() in SHARED_LOGIN_HOSTS:
        return "is the login page that all orgs share; this login works only at your org's own My Domain"
    return None


def audience_of(login_url: str) -> str:
    """Return whom a signed assertion is meant for when the config does not say: the production login, or the sandboxes'."""
    host = (urlsplit(login_url).hostname or "").lower()
    is_sandbox = host == "test.salesforce.com" or ".sandbox.my." in host
    return "https://test.salesforce.com" if is_sandbox else "https://login.salesforce.com"
