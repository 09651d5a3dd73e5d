"""One served org, put back to its first state for every test, and a client that knows nothing of syncd."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncd.sandbox.local import RunningOrg, running
from syncd.sandbox.org import Snapshot
from tests.sandbox.client import Client


@pytest.fixture(scope="session")
def fresh() -> Iterator[tuple[RunningOrg, Snapshot]]:
    with running() as org:
        yield org, org.org.snapshot()


@pytest.fixture
def served(fresh: tuple[RunningOrg, Snapshot]) -> RunningOrg:
    running_org, first = fresh
    running_org.org.restore(first)
    running_org.hook()
    return running_org


@pytest.fixture
def client(served: RunningOrg) -> Iterator[Client]:
    with Client(served) as client:
        yield client
