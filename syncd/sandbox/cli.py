"""How is the emulated org started as a process of its own?"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from syncd.sandbox.control import moment_of
from syncd.sandbox.errors import ControlRefused, LoadRefused, StateRefused
from syncd.sandbox.faults_read import read_faults_file
from syncd.sandbox.logins import PASSWORD, SECURITY_TOKEN
from syncd.sandbox.org import CLIENT_ID, CLIENT_SECRET, Org
from syncd.sandbox.server import Server, ready_line
from syncd.sandbox.start import build_org
from syncd.sandbox.state import resume_org, save_state

LOGINS = (
    f"The connected app is {CLIENT_ID} with secret {CLIENT_SECRET}. Every user's password is {PASSWORD} and security token "
    f"{SECURITY_TOKEN}, written behind the password, unless the settings passwords and security_tokens say otherwise; the "
    "setting jwt_public_key registers the key of the JWT bearer flow."
)


def serve(
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    seed: int = 0,
    now: str | None = None,
    frozen: bool = False,
    load: Path | None = None,
    users: int = 0,
    company: bool = False,
    state: Path | None = None,
    faults: Path | None = None,
) -> int:
    """Serve an org until SIGTERM or SIGINT. Prints one line of JSON when it is ready; returns the exit code.

    `state`: a file that the org is saved to at the end. When it is there already, the org is the one it holds, and `load`,
    `seed`, `users` and `company` mean nothing. `faults`: a file of faults, see `syncd.sandbox.faults`.
    """
    try:
        strikes = read_faults_file(faults) if faults else None
        at = moment_of(now) if now else None
        if state is not None and state.exists():
            org = resume_org(state, now=at, frozen=frozen)
        else:
            org = build_org(load=load, seed=seed, now=at, frozen=frozen, company=company, users=users)
        org.state_file = state
        if strikes is not None:
            org.faults.replace(strikes)
    except (ControlRefused, LoadRefused, StateRefused) as refusal:
        sys.stderr.write(f"sandbox: {refusal}\n")
        return 2
    try:
        asyncio.run(_serve(org, host, port))
        if state is not None:
            save_state(org, state)
    except StateRefused as refusal:
        sys.stderr.write(f"sandbox: {refusal}\n")
        return 1
    except OSError as problem:
        sys.stderr.write(
            f"sandbox: cannot listen on {host}:{port}: {problem.strerror}. Choose another --port, or 0 for a free one.\n"
        )
        return 1
    finally:
        org.close()
    return 0


async def _serve(org: Org, host: str, port: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    server = Server(org)
    try:
        url = await server.start(port, host)
        sys.stdout.write(ready_line(url, org, {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}) + "\n")
        sys.stdout.flush()
        await ended.wait()
    finally:
        await server.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m syncd.sandbox", description="Serve an emulated Salesforce org.", epilog=LOGINS
    )
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--now", help="where the org's clock starts, e.g. 2026-03-02T09:00:00Z")
    parser.add_argument("--frozen", action="store_true", help="the clock stands still until the control endpoint moves it")
    parser.add_argument("--load", type=Path, metavar="DIR", help="a folder of CSV files, one per object")
    parser.add_argument("--users", type=int, default=0, metavar="N", help="add N plausible users")
    parser.add_argument("--company", action="store_true", help="fill the org with a made-up company")
    parser.add_argument("--state", type=Path, metavar="FILE", help="go on from this file when it is there; save to it at the end")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="what goes wrong: a TOML or JSON file")
    given = parser.parse_args(argv)
    return serve(**vars(given))
