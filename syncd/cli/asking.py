"""How does a command have something done by the one writer of the org?

Where a daemon runs the command leaves it a request and waits for the outcome. Where none runs the command takes the lease,
does it, and gives the lease back; also when the daemon ends while the command waits.
"""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from syncd.cli import output, wire
from syncd.errors import LeaseHeld, StoreUnusable, SyncdError

if TYPE_CHECKING:
    import typer

    from syncd.config import Config
    from syncd.engine.world import World
    from syncd.ports import LeaseHolder, Store

LOOK_S = 0.1
LOOK_FOR_WRITER_S = 1.0
TELL_AFTER_S = 3.0
WAITS_FOR_S = 600.0
ATTEMPTS = 5


def ask(context: typer.Context, config: Config, verb: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Have one request carried out and return its answer; how long that takes is up to what the writer is doing.

    Errors: what the request was refused for, as it would be raised here; LeaseHeld when the writers change too often.
    """
    number: int | None = None
    refusal = LeaseHeld("The writer of this org changed several times while this command waited.", hint="Try again.")
    for _ in range(ATTEMPTS):
        number, answer = _through_the_writer(context, config, verb, payload, number)
        if answer is None:
            try:
                answer = _by_ourselves(config, verb, payload, number)
            except LeaseHeld as held:  # a daemon was started just now, or one writes for the org with another database
                refusal = held
                continue
        return _unless_refused(answer)
    raise refusal


def asker() -> str:
    """Return who asks, such as `dana@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that no account has
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _unless_refused(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    from syncd.engine.requests import error_from_json

    if "error" in answer:
        raise error_from_json(answer["error"])
    return answer


def _through_the_writer(
    context: typer.Context, config: Config, verb: str, payload: Mapping[str, Any], number: int | None
) -> tuple[int | None, Mapping[str, Any] | None]:
    """Leave the request to who holds the lease and wait; no answer when nobody holds it (any more)."""
    with wire.open_known_store(config) as store:
        if store is None or store.lease_holder() is None:
            return number, None
        if number is None:
            number = store.ask(verb, payload, asker(), datetime.now(UTC))
        try:
            return number, _awaited(context, store, number)
        except KeyboardInterrupt:
            _take_back(context, store, number)
            raise


def _awaited(context: typer.Context, store: Store, number: int) -> Mapping[str, Any] | None:
    began_s = looked_s = time.monotonic()
    is_told = False
    while True:
        request = store.request(number)
        if request is not None and request.result is not None:
            return request.result
        now_s = time.monotonic()
        if now_s - looked_s >= LOOK_FOR_WRITER_S:
            looked_s, holder = now_s, store.lease_holder()
            if holder is None:
                return None
            if not is_told and now_s - began_s >= TELL_AFTER_S:
                is_told = True
                output.message(_busy(holder))
        if now_s - began_s >= WAITS_FOR_S:
            _take_back(context, store, number)
            raise SyncdError(
                f"The daemon did not finish request {number} within {WAITS_FOR_S / 60:.0f} minutes.",
                hint=f"See what it is doing: {wire.command(context, 'status')}",
            )
        time.sleep(LOOK_S)


def _busy(holder: LeaseHolder) -> str:
    return f"waiting for process {holder.pid} on {holder.host}: it does this after the cycle that it is in"


def _take_back(context: typer.Context, store: Store, number: int) -> None:
    """Withdraw a request; one that was begun is finished by the daemon without us."""
    from syncd.engine.requests import error_to_json

    told = {"error": error_to_json(SyncdError("The command that asked for this did not wait any longer."))}
    if not store.withdraw(number, told, datetime.now(UTC)):
        output.message(f"request {number} was begun already; the daemon finishes it. See: {wire.command(context, 'status')}")


def _by_ourselves(config: Config, verb: str, payload: Mapping[str, Any], number: int | None) -> Mapping[str, Any]:
    """Take the lease, carry out what waits, ours included, and give the lease back."""
    from syncd.engine.requests import take_up
    from syncd.engine.schedule import holding_lease

    with wire.open_world(config, tell=output.message) as (opened, org), holding_lease(opened.store):
        world = under_what_is_in_force(config, opened)
        if number is None:
            number = world.store.ask(verb, payload, asker(), datetime.now(UTC))
        try:
            while True:
                request = world.store.request(number)
                assert request is not None, f"request {number} vanished"
                if request.result is not None:
                    return request.result
                take_up(world, org)
        except BaseException:
            _give_up(world.store, number)
            raise


def under_what_is_in_force(config: Config, world: World) -> World:
    """Go on with the policy files before an edit that waits for a word, as a daemon does."""
    from syncd.cli.policy_files import policy_files
    from syncd.engine.policy_files import kept_in_force

    kept = kept_in_force(world, policy_files(config))
    if kept is None or kept.policies is None:
        return world
    output.message("Edited policy files wait for a word; those before them are in force. See: syncd inbox list")
    return replace(world, policies=kept.policies)


def _give_up(store: Store, number: int) -> None:
    """Close our request when we cannot finish it: nobody shall carry it out after the command told that it failed."""
    from syncd.engine.requests import error_to_json

    told = {"error": error_to_json(SyncdError("The command that carried this out was cut short."))}
    with suppress(StoreUnusable), store.begin() as tx:
        tx.finish_request(number, {}, told, datetime.now(UTC))
