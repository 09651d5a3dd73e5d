"""How is an answer spoilt on its way over the socket?"""

from __future__ import annotations

import asyncio
import socket
import struct
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from syncd.sandbox.faults import Fault, Strike

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

_DRAIN_S, _LOOK_S = 0.001, 0.01


async def linger(org: Org, strike: Strike, *, before: bool) -> None:
    """Wait as long as the slow faults say. By the org's clock: until it has come that far, or the faults are cleared."""
    for fault in strike.slow:
        if bool(fault.how.get("before")) != before:
            continue
        await asyncio.sleep(float(fault.how.get("seconds", 0)))
        until = org.clock.now() + timedelta(seconds=float(fault.how.get("org_seconds", 0)))
        while org.clock.now() < until and fault in org.faults.faults:
            await asyncio.sleep(_LOOK_S)


async def spoil(request: web.Request, fault: Fault, response: web.Response) -> web.StreamResponse:
    """Send a response as the fault has it. Where the connection is broken, what is returned goes nowhere."""
    body = response.body if isinstance(response.body, bytes) else b""
    if fault.does in ("refuse", "lose"):
        break_off(request, fault.how.get("how", "reset"))
    elif fault.does in ("cut", "reset"):
        await _begin(request, response, body[: _share(fault, body)])
        break_off(request, "reset" if fault.does == "reset" else "close")
    elif fault.does == "truncated_json":
        response.body = body[: _share(fault, body)]
    elif fault.does == "trickle":
        return await _trickle(request, response, body, fault)
    return response


def break_off(request: web.Request, how: str) -> None:
    """End a connection: `close` ends it in good order after what was written, `reset` at once."""
    transport = request.transport
    if transport is None:
        return
    if how == "close":
        transport.close()
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _share(fault: Fault, body: bytes) -> int:
    """Say how much of the body goes out; never all of it."""
    return min(int(fault.how.get("bytes", len(body) // 2)), max(0, len(body) - 1))


async def _begin(request: web.Request, response: web.Response, part: bytes) -> None:
    transport: Any = request.transport
    if transport is None:
        return
    length = len(response.body) if isinstance(response.body, bytes) else 0
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items() if name.lower() != "content-length"]
    # An answer without a body is cut as well: it promises one byte that never comes.
    lines.append(f"Content-Length: {max(length, 1)}")
    transport.write(("\r\n".join(lines) + "\r\n\r\n").encode() + part)
    while not transport.is_closing() and transport.get_write_buffer_size():
        await asyncio.sleep(_DRAIN_S)


async def _trickle(request: web.Request, response: web.Response, body: bytes, fault: Fault) -> web.StreamResponse:
    drops = web.StreamResponse(status=response.status, headers=response.headers)
    drops.content_length = len(body)
    await drops.prepare(request)
    step = int(fault.how.get("bytes", 64))
    for start in range(0, len(body), step):
        await drops.write(body[start : start + step])
        await asyncio.sleep(float(fault.how.get("seconds", 0.05)))
    await drops.write_eof()
    return drops
