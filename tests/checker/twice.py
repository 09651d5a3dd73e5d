"""Is it settled? A run with nothing new writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.checker.watch import USER
from tests.checker.wire import Sent, read_wire

Requests = Callable[[int], Sequence[Mapping[str, Any]]]


def second_run(cycle: Callable[[], object], requests: Requests) -> list[Sent]:
    """Run a cycle that takes up what is left, and a second one; return what the second one sent."""
    cycle()
    last = max((one["n"] for one in requests(0)), default=0)
    cycle()
    return read_wire(requests(last), USER).sent
