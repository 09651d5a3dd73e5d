"""How is a place that exports come from opened, and asked again when it does not answer?

Libraries are imported when a source is opened: most installations fetch nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_random_exponential

from syncd.core.fetching import Original
from syncd.errors import SourceRefused, SourceUnreachable, SyncdError
from syncd.exports.access import AZ, FILE, GS, S3, SFTP, RemoteAccess
from syncd.exports.remote.common import LISTED_MAX, short, too_many
from syncd.ports.sources import Listing, Proof, Session

ATTEMPTS = 3
WAIT_MAX_S = 4.0
TRIES_S = 10.0  # so that a server that swallows everything costs a cycle one waiting time, not three
INSTALL = 'Install it: pip install "syncd[files]"'

_Answer = TypeVar("_Answer")
Opener = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """A source as config.toml names it. Nothing is sent before it is opened."""

    access: RemoteAccess
    sleep: Callable[[float], None] = time.sleep

    @property
    def name(self) -> str:
        """Return the name of the source, which is that of its mapping file."""
        return self.access.name

    @property
    def address(self) -> str:
        """Return the URL without any secret."""
        return self.access.address

    @property
    def after(self) -> str:
        """Return what becomes of an original once it was taken in."""
        return self.access.after

    @contextmanager
    def opened(self) -> Iterator[Session]:
        """Connect for a `with` block. Errors: SourceRefused, SourceUnreachable, when three attempts failed."""
        session = _Patient(self.access, lambda: _session(self.access), self.sleep)
        try:
            yield session
        finally:
            session.close()


def _session(access: RemoteAccess) -> AbstractContextManager[Session]:
    """Connect with the library of the URL's kind."""
    if access.scheme == FILE:
        from syncd.exports.remote.folder import folder_session

        return folder_session(access)
    try:
        if access.scheme == SFTP:
            from syncd.exports.remote.sftp import sftp_session

            return sftp_session(access)
        if access.scheme == S3:
            from syncd.exports.remote.s3 import s3_session

            return s3_session(access)
        if access.scheme == GS:
            from syncd.exports.remote.gs import gs_session

            return gs_session(access)
        assert access.scheme == AZ
        from syncd.exports.remote.az import az_session

        return az_session(access)
    except ImportError as error:
        text = f"{access.address} needs the Python package {error.name}, which is not installed."
        raise SourceRefused(text, hint=INSTALL) from error


class _Patient:
    """Asks a session, and connects anew and asks again when no answer came."""

    def __init__(self, access: RemoteAccess, opener: Opener, sleep: Callable[[float], None]) -> None:
        self._access, self._opener, self._sleep = access, opener, sleep
        self._open: Session | None = None
        self._stack = ExitStack()

    def listing(self) -> Listing:
        """Return what lies at the source now."""
        found = self._asked(lambda session: session.listing())
        if len(found.originals) > LISTED_MAX:
            raise too_many()
        return found

    def read(self, original: Original, offset: int, size_bytes: int) -> bytes:
        """Return the bytes from an offset on."""
        return self._asked(lambda session: session.read(original, offset, size_bytes))

    def look(self, original: Original) -> Proof | None:
        """Return the original as it is now."""
        return self._asked(lambda session: session.look(original))

    def put_away(self, original: Original, sha256: str) -> bool:
        """Delete or move an original; not tried twice, since the answer to the first may be all that was lost."""
        with self._understood():
            return self._session().put_away(original, sha256)

    def may_put_away(self) -> None:
        """Try whether originals may be put away."""
        with self._understood():
            self._session().may_put_away()

    def close(self) -> None:
        """End the connection. What it says to that is of no use to anybody."""
        stack, self._stack, self._open = self._stack, ExitStack(), None
        with suppress(SourceRefused, SourceUnreachable), self._understood():
            stack.close()

    def _session(self) -> Session:
        if self._open is None:
            self._open = self._stack.enter_context(self._opener())
        return self._open

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Take whatever else a library raises over an answer that makes no sense for an outage: it must end no cycle."""
        try:
            yield
        except SyncdError:
            raise
        except Exception as error:
            kind = type(error).__name__
            text = f"{self._access.address} gave an answer that makes no sense ({kind}: {short(error, self._access)})."
            raise SourceUnreachable(text) from error

    def _asked(self, question: Callable[[Session], _Answer]) -> _Answer:
        def ask() -> _Answer:
            try:
                with self._understood():
                    return question(self._session())
            except SourceUnreachable:
                self.close()
                raise

        attempts = Retrying(
            stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(TRIES_S),
            wait=wait_random_exponential(multiplier=0.5, max=WAIT_MAX_S),
            retry=retry_if_exception_type(SourceUnreachable),
            sleep=self._sleep,
            reraise=True,
        )
        return attempts(ask)


def sources_of(accesses: Sequence[RemoteAccess]) -> tuple[RemoteSource, ...]:
    """Return the sources of a config."""
    return tuple(RemoteSource(access) for access in accesses)
