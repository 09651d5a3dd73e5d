"""Which user does an OAuth grant stand for?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox.errors import ControlRefused
from syncd.sandbox.logins import LoginRefused, password_expired, user_by_password

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
EXPIRES_WITHIN_S = 5 * 60 + 60  # five minutes, and a minute for clocks that differ
MILLISECONDS_FROM = 100_000_000_000  # the sf command line gives milliseconds, and Salesforce lets it in
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
Form = Mapping[str, str]


class GrantRefused(Exception):
    """The token endpoint says no, with an OAuth error code."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error, self.description, self.status = error, description, status


def granted_user(org: Org, form: Form, client: tuple[str, str], instance_url: str) -> str:
    """Return the id of the user that the grant opens a session for.

    Errors: GrantRefused.
    """
    grant = _GRANTS.get(form.get("grant_type", ""))
    if grant is None:
        raise GrantRefused("unsupported_grant_type", "grant type not supported")
    user_id = grant(org, form, client, instance_url)
    user = org.database.row("User", user_id)
    if user is None or not user["IsActive"]:
        raise GrantRefused("inactive_user", "user is inactive")
    return user_id


def check_client(client: tuple[str, str], *, secret: bool = True) -> None:
    """Refuse a client that is not the connected app; `secret`: it must know its secret as well."""
    from syncd.sandbox.org import CLIENT_ID, CLIENT_SECRET

    if client[0] != CLIENT_ID:
        raise GrantRefused("invalid_client_id", "client identifier invalid")
    if (secret or client[1]) and client[1] != CLIENT_SECRET:
        raise GrantRefused("invalid_client", "invalid client credentials", status=401)


def _client_credentials(org: Org, form: Form, client: tuple[str, str], instance_url: str) -> str:
    check_client(client)
    return org.api_user_id


def _password(org: Org, form: Form, client: tuple[str, str], instance_url: str) -> str:
    check_client(client)
    if not org.settings.password_flow:
        raise GrantRefused("invalid_grant", "authentication failure")
    try:
        user = user_by_password(org, form.get("username", ""), form.get("password", ""))
    except LoginRefused as refusal:
        raise GrantRefused("invalid_grant", "authentication failure") from refusal
    if password_expired(org, user["Username"]):
        raise GrantRefused("invalid_grant", "expired password")
    return _approved(org, user)


def _refresh(org: Org, form: Form, client: tuple[str, str], instance_url: str) -> str:
    check_client(client, secret=False)
    user_id = org.logins.refresh_user(form.get("refresh_token", ""))
    if user_id is None:
        for session in org.logins.end_reused(form.get("refresh_token", "")):
            org.sessions.end(session)
        raise GrantRefused("invalid_grant", "expired access/refresh token")
    return user_id


def _jwt_bearer(org: Org, form: Form, client: tuple[str, str], instance_url: str) -> str:
    claims = _verified(org, form.get("assertion", ""))
    check_client((str(claims.get("iss", "")), ""), secret=False)
    if claims.get("aud") not in (*AUDIENCES, instance_url):
        raise GrantRefused("invalid_grant", "audience is invalid")
    _check_expiry(claims.get("exp"), org.clock.now().timestamp())
    rows = org.database.where("User", Username=str(claims.get("sub", "")))
    if not rows:
        raise GrantRefused("invalid_grant", "user hasn't approved this consumer")
    return _approved(org, rows[0])


def _check_expiry(expires_at: object, now: float) -> None:
    if isinstance(expires_at, str) and expires_at.isdigit():
        expires_at = int(expires_at)  # simple-salesforce quotes the number, and is understood
    if isinstance(expires_at, bool) or not isinstance(expires_at, int | float):
        raise GrantRefused("invalid_grant", "invalid assertion: exp is missing")
    if expires_at <= now:
        raise GrantRefused("invalid_grant", "token expired")
    if now + EXPIRES_WITHIN_S < expires_at < MILLISECONDS_FROM:
        raise GrantRefused("invalid_grant", "invalid assertion: exp lies more than 5 minutes ahead")


def _approved(org: Org, user: Mapping[str, Any]) -> str:
    if user["Username"].lower() in (name.lower() for name in org.settings.unapproved_users):
        raise GrantRefused("invalid_grant", "user hasn't approved this consumer")
    return str(user["Id"])


def _verified(org: Org, assertion: str) -> dict[str, Any]:
    import jwt

    if not org.settings.jwt_public_key:
        raise GrantRefused("invalid_grant", "invalid assertion: the connected app has no certificate")
    try:
        # The times are judged by the org's own clock, which the library does not know.
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
        key = public_key(org.settings.jwt_public_key)
        claims: dict[str, Any] = jwt.decode(assertion, key, algorithms=["RS256"], options=options)
    except jwt.InvalidTokenError as problem:
        raise GrantRefused("invalid_grant", "invalid assertion") from problem
    return claims


def public_key(pem: str) -> Any:
    """Read the RSA public key of a PEM certificate or public key.

    Errors: ControlRefused when it is neither.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        raw = pem.encode()
        key = x509.load_pem_x509_certificate(raw).public_key() if "CERTIFICATE" in pem else load_pem_public_key(raw)
    except ValueError as problem:
        raise ControlRefused(f"jwt_public_key is no PEM certificate or public key: {problem}") from problem
    if not isinstance(key, RSAPublicKey):
        raise ControlRefused("jwt_public_key holds no RSA key. The flow signs with RS256: make one with openssl genrsa 2048.")
    return key


_GRANTS: dict[str, Callable[[Org, Form, tuple[str, str], str], str]] = {
    "client_credentials": _client_credentials,
    "password": _password,
    "refresh_token": _refresh,
    JWT_BEARER: _jwt_bearer,
}
