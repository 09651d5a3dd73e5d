"""Where does the refresh token live, so that no crash loses it and no two processes spend it?

With rotation switched on, Salesforce answers each refresh with a new token and forgets the old one; asking once more with an
old one revokes the new one as well. So the file is read and replaced under a lock, and the answer is on disk before it is
used: first in full in a second file beside it, then under its name. Killed in between, the next login finds it there.
Source: OAuth 2.0 Refresh Token Flow, refresh token rotation (Salesforce Help).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from syncd.errors import LoginRefused, OrgUnreachable

TOKEN_BYTES_MAX = 10_000
_ROOM = 4096
_ASKED = b"asked "


class TokenFile:
    """The refresh token in a file that only syncd's user can read and write.

    Use it inside `with file.held():`. `lost_at` tells since when the answer to an earlier refresh is missing, or None.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost_at: str | None = None
        self._next = path.with_name(f".{path.name}.next")
        self._held = ""
        self._unsaved: tuple[str, str] | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from spending the token meanwhile. A lock that its holder died with is free again."""
        lock = self._open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def read(self) -> str:
        """Return the token, the one that a killed process had received but not yet put in place included.

        Errors: LoginRefused when there is none, OrgUnreachable when the latest one cannot be put on disk; the text never
        holds a part of it.
        """
        self._finish()
        try:
            held = self.path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as cause:
            raise self._unusable("cannot be read") from cause
        if not held or len(held) > TOKEN_BYTES_MAX or not held.isprintable() or " " in held:
            raise self._unusable("does not hold a refresh token alone")
        if self._unsaved is not None and self._unsaved[0] == held:
            self.keep(self._unsaved[1])
            return self.read()
        self._held, self._unsaved = held, None
        return held

    def expect(self, asked_at: datetime) -> None:
        """Make room on the disk for the answer before it is asked for: what cannot be kept must not be asked.

        Errors: OrgUnreachable when the folder cannot be written to; nothing was asked then.
        """
        note = _ASKED + asked_at.isoformat(timespec="seconds").encode() + b"\n"
        try:
            self._write(note)
        except OSError as cause:
            raise self._cannot_keep(cause, "Nothing was asked.") from cause

    def keep(self, token: str) -> None:
        """Put the token of an answer on disk, whole or not at all; it may be used afterwards.

        Errors: OrgUnreachable when that fails; the token is kept in memory and put on disk by the next login of this process.
        """
        self._unsaved = (self._held, token)
        try:
            self._write(f"{token}\n".encode())
            self._put_in_place()
        except OSError as cause:
            raise self._cannot_keep(cause, "It is kept in memory alone; the next login tries again.") from cause
        self._unsaved, self.lost_at = None, None

    def forget(self) -> None:
        """Take back what `expect` prepared: an answer came, and the token stays as it is."""
        self.lost_at = None
        with suppress(OSError):
            self._next.unlink(missing_ok=True)

    def _finish(self) -> None:
        """Carry on where a killed process stopped. Errors: OrgUnreachable when what it received cannot be put in place."""
        try:
            left = self._next.read_bytes()
            if self.path.exists() and self.path.stat().st_mtime_ns > self._next.stat().st_mtime_ns:
                self._next.unlink()  # somebody has put another token into the file since
                return
            line, newline, rest = left.partition(b"\n")
            if line.startswith(_ASKED):
                self.lost_at = line[len(_ASKED) :].decode("ascii", "replace")
            elif line and newline and not rest.strip(b"\0"):
                self._put_in_place()
        except FileNotFoundError:
            return
        except OSError as cause:
            raise self._cannot_keep(cause, "Nothing was asked.") from cause

    def _put_in_place(self) -> None:
        content = self._next.read_bytes()
        os.truncate(self._next, len(content.rstrip(b"\0")))
        self._next.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _write(self, content: bytes) -> None:
        """Write the second file in place, into the room that was made for it, in one piece."""
        descriptor = self._open(self._next, os.O_WRONLY | os.O_CREAT)
        try:
            os.pwrite(descriptor, content.ljust(_ROOM, b"\0"), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _open(self, path: Path, flags: int) -> int:
        try:
            return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as cause:
            raise self._cannot_keep(cause, "Nothing was asked.") from cause

    def _unusable(self, why: str) -> LoginRefused:
        return LoginRefused(
            f"{self.path}, the file with the refresh token, {why}.",
            hint="Allow the app once more as the integration user, and put the refresh token alone into that file (chmod 600).",
        )

    def _cannot_keep(self, cause: OSError, then: str) -> OrgUnreachable:
        return OrgUnreachable(
            f"A new refresh token could not be kept beside {self.path}: {cause.strerror or 'input or output failed'}. {then}",
            hint=f"syncd must be able to write to the folder {self.path.parent}: Salesforce replaces the token at a login.",
        )
