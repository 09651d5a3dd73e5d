"""An SFTP server of the test's own, with its folder, its host key and the one user that it lets in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
from pydantic import SecretStr

from syncd.exports.access import RemoteAccess

USER, PASSWORD = "syncd", "correct horse"


@dataclass
class SftpServer:
    """A running server. `dies_after` bytes have been read it drops its connections, once."""

    folder: Path
    home: Path
    port: int = 0
    dies_after: int | None = None
    opened: int = 0
    read_bytes: int = 0
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)

    @property
    def known_hosts(self) -> Path:
        """Return the file of host keys."""
        return self.home / "known_hosts"

    def access(self, **more: object) -> RemoteAccess:
        """Say how syncd comes in: with its key."""
        given: dict[str, object] = {
            "known_hosts_file": self.known_hosts, "key_file": self.home / "key", "after": "leave", **more
        }  # fmt: skip
        return RemoteAccess("marketo", "sftp", "127.0.0.1", self.port, USER, "", path="/out", **given)  # type: ignore[arg-type]

    def with_password(self, password: str) -> RemoteAccess:
        """Say how syncd comes in: with a password."""
        return self.access(key_file=None, secret=SecretStr(password))

    def put(self, name: str, data: bytes) -> Path:
        """Let the marketing tool put a file there."""
        path = self.folder / "out" / name
        path.write_bytes(data)
        return path


@contextmanager
def served(folder: Path, home: Path, *, is_known: bool = True) -> Iterator[SftpServer]:
    """Serve a folder whose `out` is where exports lie; `home` gets the client's key and its file of host keys."""
    (folder / "out").mkdir()
    server = SftpServer(folder, home)
    host_key, own = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    own.write_private_key(home / "key")
    (home / "key").chmod(0o600)
    loop = asyncio.new_event_loop()

    class Login(asyncssh.SSHServer):
        def connection_made(self, connection: asyncssh.SSHServerConnection) -> None:
            server.opened += 1
            server.connections.append(connection)

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

    class Files(asyncssh.SFTPServer):
        def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
            super().__init__(channel, chroot=bytes(folder))

        def read(self, file_obj: object, offset: int, size: int) -> bytes:
            if server.dies_after is not None and offset + size > server.dies_after:
                server.dies_after = None
                for connection in server.connections:
                    connection.abort()
                return b""
            server.read_bytes += size
            data = super().read(file_obj, offset, size)
            assert isinstance(data, bytes)
            return data

    async def listen() -> asyncssh.SSHAcceptor:
        keys = asyncssh.import_authorized_keys(own.export_public_key().decode())
        return await asyncssh.listen(
            "127.0.0.1", 0, server_factory=Login, server_host_keys=[host_key], authorized_client_keys=keys, sftp_factory=Files
        )

    acceptor = loop.run_until_complete(listen())
    server.port = acceptor.get_port()
    line = f"[127.0.0.1]:{server.port} {host_key.export_public_key().decode()}"
    if is_known:
        server.known_hosts.write_text(line, "utf-8")
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def ended() -> None:
        for connection in server.connections:
            connection.abort()
        acceptor.close()
        await acceptor.wait_closed()
        await asyncio.sleep(0.02)  # the connections' own tasks end

    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(ended(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
