"""How does the org answer over HTTP?"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from syncd.sandbox.api import Arrival, Hook, Opened, answer_request, open_request
from syncd.sandbox.call import Answer
from syncd.sandbox.clock import http_date
from syncd.sandbox.control import PREFIX, control
from syncd.sandbox.faults_wire import linger, spoil
from syncd.sandbox.hosts import instance_url
from syncd.sandbox.org import Org

WORKERS = 8
BODY_MAX_BYTES = 160 * 1024 * 1024  # above a bulk job's limit of 150 MB, so that the org can refuse it
LINE_MAX_BYTES = 1024 * 1024  # above the org's own limit of 16,384, so that the org can say 414
_NO_BODY = frozenset({204, 304})


class Server:
    """Serves one org. Requests are read concurrently and carried out one at a time, under the org's lock."""

    def __init__(self, org: Org, *, on_request: Hook | None = None, after_request: Hook | None = None) -> None:
        self.org = org
        self.on_request = on_request
        self.after_request = after_request
        self.watchers: list[Hook] = []
        self.url = ""
        self._workers = ThreadPoolExecutor(WORKERS, "sandbox")
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> str:
        """Listen and return the URL; port 0 picks a free one."""
        app = web.Application(client_max_size=BODY_MAX_BYTES)
        app.router.add_route("*", "/{tail:.*}", self._respond)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=1.0, max_line_size=LINE_MAX_BYTES, max_field_size=LINE_MAX_BYTES
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        chosen = self._runner.addresses[0][1]
        self.url = f"http://{host}:{chosen}"
        return self.url

    async def stop(self) -> None:
        """Stop listening and let the running requests finish."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._workers.shutdown(wait=True)

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        if not request.path.startswith(PREFIX):
            headers = {name.lower(): value for name, value in request.headers.items()}
            target = "/" + request.raw_path.lstrip("/")  # clients whose base URL ends in a slash ask for //services/data
            arrival = Arrival(request.method, target, headers, b"", instance_url(request.host, self.url))
            opened = await loop.run_in_executor(self._workers, open_request, self.org, arrival)
            try:
                return await self._carry_out(request, arrival, opened)
            finally:
                self.org.flights.end(opened.entry.n)
        raw = await request.read()
        answer = Answer(403, {"error": "The control endpoint answers this machine only."})
        if _is_local(request.remote):
            params = dict(parse_qsl(request.query_string))
            answer = await loop.run_in_executor(
                self._workers, control, self.org, request.method, request.path.removeprefix(PREFIX).strip("/"), params, raw
            )
        return self._response(answer, await loop.run_in_executor(self._workers, encode, answer))

    async def _carry_out(self, request: web.Request, arrival: Arrival, opened: Opened) -> web.StreamResponse:
        strike, loop = opened.strike, asyncio.get_running_loop()
        if strike.decides is not None and strike.is_refused:
            return await spoil(request, strike.decides, web.Response())
        arrival = replace(arrival, body=await request.read())
        await linger(self.org, strike, before=True)
        answer = await loop.run_in_executor(
            self._workers, answer_request, self.org, arrival, opened, self._before, self.after_request
        )
        if answer.chunks is not None and strike.decides is None:
            await linger(self.org, strike, before=False)
            return await self._stream(request, answer, answer.chunks)
        response = self._response(answer, await loop.run_in_executor(self._workers, encode, answer))
        await linger(self.org, strike, before=False)
        return await spoil(request, strike.decides, response) if strike.decides is not None else response

    def _before(self, number: int, method: str, path: str) -> None:
        for watcher in self.watchers:
            watcher(number, method, path)
        if self.on_request is not None:
            self.on_request(number, method, path)

    async def _stream(self, request: web.Request, answer: Answer, chunks: Iterator[bytes]) -> web.StreamResponse:
        headers = {"Date": http_date(self.org.clock.now()), "Server": "sandbox", **answer.headers}
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        while chunk := await loop.run_in_executor(self._workers, next, chunks, b""):
            await response.write(chunk)
        await response.write_eof()
        return response

    def _response(self, answer: Answer, body: bytes | None) -> web.Response:
        headers: dict[str, str] = {"Date": http_date(self.org.clock.now()), "Server": "sandbox", **answer.headers}
        if answer.text is not None:
            headers.setdefault("Content-Type", "text/plain;charset=UTF-8")
        elif body is not None:
            headers.setdefault("Content-Type", "application/json;charset=UTF-8")
        return web.Response(status=answer.status, body=body, headers=headers)


def encode(answer: Answer) -> bytes | None:
    """Write an answer's body; None when it has none."""
    if answer.text is not None:
        return answer.text.encode()
    if answer.chunks is not None:
        return b"".join(answer.chunks)
    if answer.status in _NO_BODY or answer.body is None:
        return None
    return orjson.dumps(answer.body)


def _is_local(remote: str | None) -> bool:
    try:
        return ipaddress.ip_address(remote or "").is_loopback
    except ValueError:
        return False


def ready_line(url: str, org: Org, client: Mapping[str, str]) -> str:
    """Write the one line that tells a caller where the org is and how to log in."""
    facts: dict[str, Any] = {"url": url, "org_id": org.org_id, **client}
    return orjson.dumps(facts).decode()
