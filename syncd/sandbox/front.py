"""How do clients that insist on https://login.salesforce.com reach this org, without a change to them?

A loopback proxy takes their CONNECT, shows a certificate for Salesforce's names, and passes what they say on to the org.
It connects to nothing else: every other host is refused and remembered.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import ssl
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from syncd.sandbox.hosts import DOMAINS, LOGIN_HOSTS, is_org_host
from syncd.sandbox.tls import make_certificates

CHUNK_BYTES = 64 * 1024
GOODBYE_S = 1.0
_BROKEN = (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


class Front:
    """A proxy in front of one org: its `url`, the authority's file, and the hosts it `refused`."""

    def __init__(self, org_url: str, folder: Path) -> None:
        self._org = urlsplit(org_url)
        self.authority, self._context = make_certificates(folder, (*LOGIN_HOSTS, *(f"*{domain}" for domain in DOMAINS)))
        self.refused: list[str] = []
        self.url = ""
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> str:
        """Listen on loopback and return the proxy's URL; port 0 picks a free one."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self.url

    async def stop(self) -> None:
        """Stop listening and end the open connections."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    @property
    def environment(self) -> dict[str, str]:
        """Name the variables that send requests, curl and Node.js here."""
        bundle = str(self.authority)
        proxy = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), self.url)
        trust = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"), bundle)
        return proxy | trust | {"NO_PROXY": "", "no_proxy": ""}

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._tunnel(reader, writer)
        except (*_BROKEN, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            await _close(writer)
            self._open.discard(task)

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        method, target = (first[0], first[1]) if len(first) > 1 else ("", "")
        host, _, port = target.rpartition(":")
        if method != "CONNECT" or port != "443" or not is_org_host(host):
            self.refused.append(f"{method} {target}")
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        await writer.start_tls(self._context)
        org_reader, org_writer = await asyncio.open_connection(self._org.hostname, self._org.port)
        try:
            await _both(asyncio.create_task(_pass_on(reader, org_writer)), asyncio.create_task(_pass_on(org_reader, writer)))
        finally:
            await _close(org_writer)


async def _both(*ways: asyncio.Task[None]) -> None:
    """Wait until one way has ended: neither Salesforce nor its clients leave a connection half open."""
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        ended = await asyncio.gather(*ways, return_exceptions=True)
    for each in ended:
        if isinstance(each, OSError):
            raise each


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while chunk := await source.read(CHUNK_BYTES):
        target.write(chunk)
        await target.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    """Say goodbye, and go when the other side has not said it too within a second."""
    writer.close()
    with contextlib.suppress(*_BROKEN, TimeoutError, asyncio.CancelledError):
        await asyncio.wait_for(writer.wait_closed(), GOODBYE_S)
    writer.transport.abort()


@contextmanager
def fronted(org_url: str, *, port: int = 0) -> Iterator[Front]:
    """Run a front from a thread of this process until the block ends."""
    with tempfile.TemporaryDirectory(prefix="syncd-front-") as folder:
        front = Front(org_url, Path(folder))
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="sandbox-front", daemon=True)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(front.start(port), loop).result()
            yield front
        finally:
            asyncio.run_coroutine_threadsafe(front.stop(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Stand in front of a running org until SIGTERM or SIGINT. Prints one line of JSON: the variables to set."""
    parser = argparse.ArgumentParser(
        prog="python -m syncd.sandbox.front", description="Let clients reach an emulated org under Salesforce's own names."
    )
    parser.add_argument("org", metavar="URL", help="the url that `python -m syncd.sandbox` printed")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    given = parser.parse_args(argv)
    named = urlsplit(given.org)
    if named.scheme != "http" or not named.hostname or not named.port:
        parser.error(f"{given.org!r} is no address of an org. Give the url that it printed, such as http://127.0.0.1:8080.")
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    try:
        with fronted(given.org, port=given.port) as front:
            sys.stdout.write(json.dumps(front.environment) + "\n")
            sys.stdout.flush()
            ended.wait()
    except OSError as problem:
        sys.stderr.write(f"front: cannot listen on 127.0.0.1:{given.port}: {problem.strerror}. Choose another --port, or 0.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
