"""How are exports fetched over SFTP, from a server that has proved who it is?

A host key that known_hosts does not have, or has otherwise, is never accepted: the message shows it, and the line to add.
"""

from __future__ import annotations

import asyncio
import posixpath
import secrets
import stat
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from syncd.core.fetching import Original
from syncd.errors import SourceRefused, SourceUnreachable
from syncd.exports.access import RemoteAccess
from syncd.exports.remote.common import ASIDE, DONE, LISTED_MAX, aside_of, name_aside, put_away_name, short, too_many
from syncd.ports.sources import Listing, Proof

CONNECT_S, ANSWER_S = 15.0, 20.0
_Answer = TypeVar("_Answer")
_NO_SUCH = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)


@contextmanager
def sftp_session(access: RemoteAccess) -> Iterator[SftpSession]:
    """Log in for a `with` block. Errors: SourceRefused, SourceUnreachable."""
    with asyncio.Runner() as runner:
        session = SftpSession(access, runner)
        try:
            session.connect()
            yield session
        finally:
            session.close()


class SftpSession:
    """A logged-in connection. Links are never followed: they may lead out of the folder."""

    def __init__(self, access: RemoteAccess, runner: asyncio.Runner) -> None:
        self.access, self._runner = access, runner
        self.folder = access.path.removeprefix("/~/") if access.path.startswith("/~/") else access.path
        self._connection: asyncssh.SSHClientConnection | None = None
        self._sftp: asyncssh.SFTPClient
        self._file: tuple[Original, asyncssh.SFTPClientFile] | None = None

    def connect(self) -> None:
        """Connect, see to it that it is the right server, and log in."""
        known_hosts = self.access.known_hosts_file
        assert known_hosts is not None
        if not known_hosts.exists():
            raise self._unknown_key("")
        try:
            self._run(self._log_in(known_hosts), CONNECT_S)
        except asyncssh.HostKeyNotVerifiable as error:
            raise self._unknown_key(short(error, self.access)) from error
        except asyncssh.PermissionDenied as error:
            by = f"the key {self.access.key_file}" if self.access.key_file else "the password"
            text = f"{self.access.host} does not let {self.access.user} in with {by}."
            hint = "Check the user in the URL, and that the server knows the key or password; then run: syncd check"
            raise SourceRefused(text, hint=hint) from error
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            text = f"{self.access.key_file} cannot be used as a private key: {short(error, self.access)}."
            raise SourceRefused(text, hint="Give a private key in OpenSSH or PEM form, its passphrase as secret.") from error

    async def _log_in(self, known_hosts: Path) -> None:
        access = self.access
        secret = access.secret.get_secret_value() or None
        keys = [str(access.key_file)] if access.key_file else None
        self._connection = await asyncssh.connect(
            access.host,
            access.port,
            config=None,
            agent_path=None,
            username=access.user,
            known_hosts=str(known_hosts),
            client_keys=keys,
            passphrase=secret if keys else None,
            password=None if keys else secret,
            preferred_auth="publickey" if keys else "password,keyboard-interactive",
            connect_timeout=CONNECT_S,
            login_timeout=CONNECT_S,
        )
        self._sftp = await self._connection.start_sftp_client(path_errors="surrogateescape")

    def _unknown_key(self, why: str) -> SourceRefused:
        """Say which key the server shows, and whether known_hosts has another one for it."""
        access = self.access
        file = access.known_hosts_file
        key = self._run(asyncssh.get_server_host_key(access.host, access.port, config=None), CONNECT_S)
        if key is None:
            return SourceRefused(f"{access.host} shows no host key ({why}).", hint="Ask who runs the server.")
        where = access.host if access.port == 22 else f"[{access.host}]:{access.port}"
        line = f"{where} {key.export_public_key('openssh').decode().strip()}"
        shown = f"{key.get_algorithm()} {key.get_fingerprint('sha256')}"
        if self._has_other_key(file):
            text = f"The host key of {where} has CHANGED: it shows {shown}, and {file} has another one. Nothing was sent."
            hint = (
                "Somebody may be between you and the server. Ask who runs it, by another way than this network; only if the "
                f"fingerprint is right, put this line in place of the old one in {file}: {line}"
            )
            return SourceRefused(text, hint=hint)
        text = f"The host key of {where} is not known: it shows {shown}. Nothing was sent."
        hint = f"Compare the fingerprint with what whoever runs the server says. If it is right, add this line to {file}: {line}"
        return SourceRefused(text, hint=hint)

    def _has_other_key(self, file: Path | None) -> bool:
        try:
            known = asyncssh.read_known_hosts(str(file))
            return any(known.match(self.access.host, "", self.access.port if self.access.port != 22 else None))
        except (OSError, ValueError, asyncssh.Error):
            return False

    def listing(self) -> Listing:
        """Return what lies in the folder now."""
        originals: list[Original] = []
        odd: list[str] = []
        entries = self._run(self._entries(), ANSWER_S)
        if self.access.after != "leave" and self._run(self._bring_back(entries), ANSWER_S):
            entries = self._run(self._entries(), ANSWER_S)
        for entry in entries:
            name = str(entry.filename)
            kind = _kind(entry.attrs)
            if kind == stat.S_IFREG:
                originals.append(_original(name, entry.attrs))
            elif kind != stat.S_IFDIR and not name.startswith("."):
                odd.append(name)
        return Listing(tuple(sorted(originals, key=lambda each: each.name)), tuple(sorted(odd)))

    async def _bring_back(self, entries: list[asyncssh.SFTPName]) -> bool:
        """Give files their names again that were on the way to be put away; nobody knows what is in them."""
        names = {str(entry.filename) for entry in entries}
        lost = {str(entry.filename): name_aside(str(entry.filename)) for entry in entries if _kind(entry.attrs) == stat.S_IFREG}
        found = [(aside, name) for aside, name in lost.items() if name and name not in names]
        for aside, name in found:
            with suppress(asyncssh.SFTPError):
                await self._sftp.rename(self._path(aside), self._path(name))
        return bool(found)

    async def _entries(self) -> list[asyncssh.SFTPName]:
        found: list[asyncssh.SFTPName] = []
        async for entry in self._sftp.scandir(self.folder):
            if entry.filename not in (".", ".."):
                found.append(entry)
            if len(found) > LISTED_MAX:  # folders count too; a server may go on for ever
                raise too_many()
        return found

    def read(self, original: Original, offset: int, size_bytes: int) -> bytes:
        """Return the bytes from an offset on; the file stays open for the next ones."""
        return self._run(self._read(original, offset, size_bytes), ANSWER_S)

    async def _read(self, original: Original, offset: int, size_bytes: int) -> bytes:
        if self._file is None or self._file[0] != original:
            await self._close_file()
            handle = await self._sftp.open(self._path(original.name), "rb", encoding=None)
            self._file = (original, handle)
        data = await self._file[1].read(size_bytes, offset)
        assert isinstance(data, bytes)  # no encoding was asked for
        return data

    async def _close_file(self) -> None:
        if self._file is not None:
            handle, self._file = self._file[1], None
            with suppress(OSError, asyncssh.Error):
                await handle.close()

    def look(self, original: Original) -> Proof | None:
        """Return the original as it is now; SFTP tells no hash."""
        try:
            attrs = self._run(self._sftp.lstat(self._path(original.name)), ANSWER_S, missing=True)
        except _NO_SUCH:
            return None
        return Proof(_original(original.name, attrs)) if _kind(attrs) == stat.S_IFREG else None

    def put_away(self, original: Original, sha256: str) -> bool:
        """Delete or move an original. It is renamed first: what took its place meanwhile is seen then, and put back."""
        try:
            return self._run(self._put_away(original, sha256), ANSWER_S, missing=True)
        except _NO_SUCH:
            return False

    async def _put_away(self, original: Original, sha256: str) -> bool:
        path, new = self._path(original.name), put_away_name(sha256, original.name)
        if not _is_same(await self._sftp.lstat(path), original):
            return False
        aside, done = self._path(aside_of(original.name)), self._path(f"{DONE}/{new}")
        if self.access.after == "move":
            await self._sftp.makedirs(self._path(DONE), exist_ok=True)
            if await self._sftp.exists(done):  # the same bytes came before under this name
                done = f"{done}.{secrets.token_hex(4)}"
        await self._sftp.rename(path, aside)
        if not _is_same(await self._sftp.lstat(aside), original):
            await self._sftp.rename(aside, path)
            return False
        if self.access.after == "move":
            await self._sftp.rename(aside, done)
        else:
            await self._sftp.remove(aside)
        return True

    def may_put_away(self) -> None:
        """Make and remove a hidden folder: whoever may do that may remove files as well."""
        probe = self._path(f"{ASIDE}check-{secrets.token_hex(4)}")

        async def tried() -> None:
            await self._sftp.mkdir(probe)
            await self._sftp.rmdir(probe)

        self._run(tried(), ANSWER_S)

    def close(self) -> None:
        """Log out."""
        connection = self._connection
        if connection is not None:

            async def closed() -> None:
                await self._close_file()
                connection.close()
                await connection.wait_closed()

            with suppress(OSError, asyncssh.Error, SourceRefused, SourceUnreachable):
                self._run(closed(), ANSWER_S)

    def _path(self, name: str) -> str:
        return posixpath.join(self.folder, name)

    def _run(self, work: Coroutine[Any, Any, _Answer], seconds: float, *, missing: bool = False) -> _Answer:
        """Carry out one exchange. With `missing`, that there is no such file is the caller's to judge."""

        async def timed() -> _Answer:
            async with asyncio.timeout(seconds):
                return await work

        where = self.access.address
        try:
            return self._runner.run(timed())
        except (asyncssh.HostKeyNotVerifiable, asyncssh.PermissionDenied, asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
            raise
        except _NO_SUCH as error:
            if missing:
                raise
            raise SourceRefused(f"{where} does not exist on the server.", hint="Correct the path in the URL.") from error
        except asyncssh.SFTPPermissionDenied as error:
            text = f"{self.access.user} may not do that in {where}: {short(error, self.access)}."
            hint = 'Have whoever runs the server allow it: listing and reading, and with after = "delete" or "move" writing too.'
            raise SourceRefused(text, hint=hint) from error
        except TimeoutError as error:
            raise SourceUnreachable(f"{where} gave no answer within {seconds:.0f} s.") from error
        except (OSError, asyncssh.Error) as error:
            raise SourceUnreachable(f"{where} cannot be reached: {short(error, self.access)}.") from error


def _kind(attrs: asyncssh.SFTPAttrs) -> int:
    """Return the kind of a file as `stat` has it; where a server tells nothing, a file."""
    return stat.S_IFMT(attrs.permissions or 0) or stat.S_IFREG


def _is_same(attrs: asyncssh.SFTPAttrs, original: Original) -> bool:
    found = _original(original.name, attrs)
    return (found.size_bytes, found.mark) == (original.size_bytes, original.mark)


def _original(name: str, attrs: asyncssh.SFTPAttrs) -> Original:
    stamp = attrs.mtime
    at = None if stamp is None else datetime.fromtimestamp(stamp, UTC)
    return Original(name, attrs.size or 0, "" if stamp is None else f"{stamp:.0f}", at)
