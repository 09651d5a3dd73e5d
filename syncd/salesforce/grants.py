"""What is sent to the token endpoint, flow by flow, and what of its answer has to be kept before it is used?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncd.errors import LoginRefused
from syncd.salesforce.access import ClientCredentials, JwtBearer, OrgAccess, Password, RefreshToken
from syncd.salesforce.token_file import TokenFile

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_S = 180
KEY_BITS_MIN = 2048
Form = Mapping[str, str]


def _nothing(body: Any) -> None:
    """Keep nothing."""


def _none() -> None:
    """Tell of nothing lost."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One login under way: `form` makes what is sent, anew for each attempt; `granted` keeps what must not be lost.

    `secrets` are the words that must not show in a message about it; `lost_at` says to which earlier question no answer came.
    """

    form: Callable[[], Form]
    granted: Callable[[Any], None] = _nothing
    secrets: tuple[str, ...] = ()
    lost_at: Callable[[], str | None] = _none


class Grants:
    """Opens logins by the configured flow. `wall` is the host's clock, `org_now` the org's as well as it is known."""

    def __init__(self, access: OrgAccess, wall: Callable[[], datetime], org_now: Callable[[], datetime]) -> None:
        self._access = access
        self._wall = wall
        self._org_now = org_now
        self._file = TokenFile(access.method.token_file) if isinstance(access.method, RefreshToken) else None

    @contextmanager
    def asking(self) -> Iterator[Asked]:
        """Give the login to carry out inside the block.

        Errors: LoginRefused or OrgUnreachable when a key or token cannot be used; nothing was sent then.
        """
        method = self._access.method
        if self._file is not None:
            with self._file.held():
                asked = self._refreshing(self._file)
                try:
                    yield asked
                except LoginRefused:
                    if asked.lost_at() is None:
                        self._file.forget()
                    raise
        elif isinstance(method, JwtBearer):
            key = _private_key(method)
            yield Asked(lambda: self._signed(method, key))
        elif isinstance(method, Password):
            yield Asked(lambda: self._password(method), secrets=self._plain())
        else:
            yield Asked(self._client_credentials, secrets=self._plain())

    def _plain(self) -> tuple[str, ...]:
        return tuple(each.get_secret_value() for each in self._access.secrets)

    def _app(self) -> dict[str, str]:
        secret = self._access.client_secret.get_secret_value()
        return {"client_id": self._access.client_id, **({"client_secret": secret} if secret else {})}

    def _client_credentials(self) -> Form:
        assert isinstance(self._access.method, ClientCredentials)
        return {"grant_type": "client_credentials", **self._app()}

    def _password(self, method: Password) -> Form:
        password = method.password.get_secret_value() + method.security_token.get_secret_value()
        return {"grant_type": "password", "username": method.username, "password": password, **self._app()}

    def _signed(self, method: JwtBearer, key: Any) -> Form:
        import jwt

        expires_at = int(self._org_now().timestamp()) + ASSERTION_S
        claims = {"iss": self._access.client_id, "sub": method.username, "aud": method.audience, "exp": expires_at}
        return {"grant_type": JWT_BEARER, "assertion": jwt.encode(claims, key, algorithm="RS256")}

    def _refreshing(self, file: TokenFile) -> Asked:
        token = file.read()
        before = file.lost_at
        asked_at: list[datetime] = []
        file.expect(self._wall())

        def granted(body: Any) -> None:
            fresh = body.get("refresh_token") if isinstance(body, Mapping) else None
            if isinstance(fresh, str) and fresh and fresh != token:
                file.keep(fresh)
            else:
                file.forget()

        def form() -> Form:
            asked_at.append(self._wall())
            return {"grant_type": "refresh_token", "refresh_token": token, **self._app()}

        def lost_at() -> str | None:
            return before or (asked_at[0].isoformat(timespec="seconds") if len(asked_at) > 1 else None)

        return Asked(form, granted, (token, *self._plain()), lost_at)


def _private_key(method: JwtBearer) -> Any:
    """Read the key. Errors: LoginRefused saying what is wrong with the file, never quoting it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(method.key_file.read_bytes(), password=None)
    except OSError as cause:
        raise _key_refused(method, f"cannot be read: {cause.strerror}") from None
    except TypeError:
        raise _key_refused(method, "is protected by a passphrase, which syncd cannot ask for") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _key_refused(method, "is no private key in PEM form") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < KEY_BITS_MIN:
        raise _key_refused(method, f"holds no RSA key of at least {KEY_BITS_MIN} bits")
    return key


def _key_refused(method: JwtBearer, why: str) -> LoginRefused:
    return LoginRefused(
        f"The private key {method.key_file} {why}.",
        hint="Make a key and its certificate with: openssl req -x509 -newkey rsa:2048 -nodes -days 730 -subj /CN=syncd "
        "-keyout key.pem -out certificate.pem. Upload certificate.pem in the app's OAuth settings, chmod 600 key.pem, and "
        "name it in private_key_file under [org] in config.toml.",
    )
