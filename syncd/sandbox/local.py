"""How does a test get an org of its own, in this process?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from syncd.sandbox.api import Hook
from syncd.sandbox.control import moment_of
from syncd.sandbox.org import CLIENT_ID, CLIENT_SECRET, Org
from syncd.sandbox.server import Server
from syncd.sandbox.start import build_org

START = "2026-03-02T09:00:00Z"


class RunningOrg:
    """A served org: its `url`, and the `org` itself for edits, dumps and snapshots."""

    client_id, client_secret = CLIENT_ID, CLIENT_SECRET

    def __init__(self, server: Server) -> None:
        self._server = server
        self.org = server.org

    @property
    def url(self) -> str:
        """Return the base URL."""
        return self._server.url

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """List the requests after request number `since`."""
        with self.org.lock:
            return self.org.journal.since(since)

    def hook(self, on_request: Hook | None = None, after_request: Hook | None = None) -> None:
        """Put other hooks in place of the ones given at the start."""
        self._server.on_request, self._server.after_request = on_request, after_request

    def watch(self, watcher: Hook) -> None:
        """Call `watcher` with each request before any hook and before it is carried out, as long as the org is served."""
        self._server.watchers.append(watcher)


@contextmanager
def running(
    *,
    load: Path | str | None = None,
    seed: int = 0,
    now: str = START,
    frozen: bool = True,
    company: bool = False,
    users: int = 0,
    org: Org | None = None,
    on_request: Hook | None = None,
    after_request: Hook | None = None,
) -> Iterator[RunningOrg]:
    """Serve an org from a thread of this process until the block ends.

    The hooks get (number, method, path): before a request is carried out, and after it was applied but before the
    answer is sent. They run on a server thread, without the org's lock, so they may edit the org.
    """
    mine = org is None
    served = org or build_org(
        load=Path(load) if load else None, seed=seed, now=moment_of(now), frozen=frozen, company=company, users=users
    )
    server = Server(served, on_request=on_request, after_request=after_request)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox-loop", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result()
        yield RunningOrg(server)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        if mine:
            served.close()
