"""May the login be tried again now?

A refused login is a fault that waiting alone seldom mends, and a user who is refused too often is locked. So the pauses
grow; a password is tried three times and then not before `syncd check` has succeeded.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from syncd.errors import LoginRefused
from syncd.salesforce.access import OrgAccess, Password

FIRST_PAUSE = timedelta(minutes=3)
LONGEST_PAUSE = timedelta(minutes=48)
PASSWORDS_MAX = 3
_MENDED = "When it is put right, run: syncd check"


@dataclass(frozen=True, slots=True)
class Refusals:
    """How often in a row, when last, and in which words."""

    number: int
    at: datetime
    text: str
    hint: str


class Breaker:
    """Remembers refused logins, in `access.refusals` too where that is set, so that a restart does not forget them.

    `wall` is the host's clock: the org's cannot be asked for without a login.
    """

    def __init__(self, access: OrgAccess, wall: Callable[[], datetime]) -> None:
        self._access = access
        self._wall = wall
        self._own: Refusals | None = None
        self._is_kept = False
        self._is_suspended = False
        self._whose = f"{access.login_url} {access.client_id} {access.method.name}"

    def check(self) -> None:
        """Raise LoginRefused, with the words of the last refusal, while the login must not be tried."""
        last = None if self._is_suspended else self._remembered()
        if last is None:
            return
        if isinstance(self._access.method, Password) and last.number >= PASSWORDS_MAX:
            when = f"It was refused {last.number} times and is not tried again, so that the user is not locked"
        else:
            again_at = last.at + min(FIRST_PAUSE * 2 ** (last.number - 1), LONGEST_PAUSE)
            if not last.at <= self._wall() < again_at:
                return
            when = f"It is not tried again before {again_at:%Y-%m-%d %H:%M} UTC"
        raise LoginRefused(f"{last.text} {when}.", hint=f"{last.hint} {_MENDED}".strip())

    def suspend(self) -> None:
        """Let the next login pass whatever happened before: somebody waits to see what comes of it."""
        self._is_suspended = True

    def refused(self, error: LoginRefused) -> None:
        """Remember one more refusal."""
        self._is_suspended = False
        before = self._remembered()
        number = 1 if before is None else before.number + 1
        self._own = Refusals(number, self._wall(), str(error), error.hint)
        self._keep(self._own)

    def opened(self) -> None:
        """Forget the refusals: a login succeeded."""
        self._own = None
        if self._access.refusals is not None:
            with suppress(OSError):
                self._access.refusals.unlink(missing_ok=True)

    def _remembered(self) -> Refusals | None:
        path = self._access.refusals
        if path is None:
            return self._own
        try:
            found = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            if self._is_kept:  # another process, such as `syncd check`, has logged in since
                self._own, self._is_kept = None, False
            return self._own
        except (OSError, orjson.JSONDecodeError):
            return self._own
        return self._read(found) or self._own

    def _read(self, found: object) -> Refusals | None:
        known = found.get(self._whose) if isinstance(found, dict) else None
        if not isinstance(known, dict):
            return None
        try:
            at = datetime.fromisoformat(known["at"]).astimezone(UTC)
            return Refusals(int(known["number"]), at, str(known["text"]), str(known["hint"]))
        except (KeyError, TypeError, ValueError):
            return None

    def _keep(self, last: Refusals) -> None:
        path = self._access.refusals
        if path is None:
            return
        told = {"number": last.number, "at": last.at.isoformat(), "text": last.text, "hint": last.hint}
        fresh = path.with_name(f"{path.name}.new")
        with suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            fresh.write_bytes(orjson.dumps({self._whose: told}))
            fresh.replace(path)
            self._is_kept = True
