"""Is this the user's password, and what has the org handed out besides sessions?"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

PASSWORD, SECURITY_TOKEN = "sandbox-password", "sandbox-token"
LOCKED_OUT = timedelta(minutes=15)
_WRONG = "Invalid username, password, security token; or user locked out."


class LoginRefused(Exception):
    """A login fails, with the code that SOAP names; OAuth says less."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Logins:
    """Wrong attempts by user, refresh tokens, and sessions that an expired password restricts."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._minted = 0
        self._wrong: dict[str, tuple[int, datetime]] = {}
        self._refresh: dict[str, tuple[str, list[str]]] = {}
        self._replaced: dict[str, str] = {}
        self.restricted: set[str] = set()

    def open_refresh(self, user_id: str) -> str:
        """Hand out a refresh token, as the web-server flow does once a person has allowed the app."""
        self._minted += 1
        digest = hashlib.sha256(f"refresh {self._seed}/{self._minted}".encode()).digest()
        token = "5Aep861" + base64.urlsafe_b64encode(digest * 2).decode().rstrip("=").replace("-", ".")
        self._refresh[token] = (user_id, [])
        return token

    def rotate(self, token: str) -> str:
        """Replace a refresh token; the sessions that came from it are the new one's."""
        user_id, sessions = self._refresh.pop(token)
        fresh = self.open_refresh(user_id)
        self._refresh[fresh][1].extend(sessions)
        self._replaced[token] = fresh
        return fresh

    def end_reused(self, token: str) -> list[str]:
        """Revoke what has come of a refresh token that was replaced; return the sessions that end with it.

        Source: refresh token rotation (Salesforce Help): reuse ends the present refresh token and its access tokens.
        """
        while token in self._replaced:
            token = self._replaced.pop(token)
        return self.end_refresh(token) or []

    def refresh_user(self, token: str) -> str | None:
        """Return whose refresh token this is, or None."""
        found = self._refresh.get(token)
        return found[0] if found else None

    def note_session(self, refresh_token: str, access_token: str) -> None:
        """Remember that a session came from a refresh token, so that it ends with it."""
        self._refresh[refresh_token][1].append(access_token)

    def end_refresh(self, token: str) -> list[str] | None:
        """Revoke a refresh token; return the sessions that came from it, or None for an unknown one."""
        found = self._refresh.pop(token, None)
        return found[1] if found else None

    def locked_out(self, user_id: str, most: int, now: datetime) -> bool:
        """Tell whether too many wrong passwords have locked the user out, for now."""
        count, last = self._wrong.get(user_id, (0, now))
        return count >= most and now - last < LOCKED_OUT

    def note_attempt(self, user_id: str, now: datetime, *, right: bool) -> None:
        """Count a wrong password; a right one clears the count, and so does the end of a lockout."""
        count, last = self._wrong.pop(user_id, (0, now))
        if not right:
            self._wrong[user_id] = (1 if now - last >= LOCKED_OUT else count + 1, now)


def user_by_password(org: Org, username: str, given: str) -> dict[str, Any]:
    """Return the user with this name whose password, followed by the security token, was given.

    Errors: LoginRefused with INVALID_LOGIN, PASSWORD_LOCKOUT or LOGIN_MUST_USE_SECURITY_TOKEN.
    """
    rows = org.database.where("User", Username=username)
    if not rows or not rows[0]["IsActive"]:
        raise LoginRefused("INVALID_LOGIN", _WRONG)
    user, now = rows[0], org.clock.now()
    if org.logins.locked_out(user["Id"], org.settings.login_attempts_max, now):
        raise LoginRefused("PASSWORD_LOCKOUT", _WRONG)
    name = str(user["Username"])
    password = _of(org.settings.passwords, name, PASSWORD)
    with_token = password + _of(org.settings.security_tokens, name, SECURITY_TOKEN)
    if given == with_token or (given == password and not org.settings.security_token_required):
        org.logins.note_attempt(user["Id"], now, right=True)
        return user
    if given == password:
        raise LoginRefused("LOGIN_MUST_USE_SECURITY_TOKEN", _WRONG + " Are you at a new location? Append the security token.")
    org.logins.note_attempt(user["Id"], now, right=False)
    raise LoginRefused("INVALID_LOGIN", _WRONG)


def _of(table: dict[str, str], username: str, default: str) -> str:
    return next((value for name, value in table.items() if name.lower() == username.lower()), default)


def password_expired(org: Org, username: str) -> bool:
    """Tell whether the user must set a new password before doing anything else."""
    return username.lower() in (each.lower() for each in org.settings.expired_passwords)
