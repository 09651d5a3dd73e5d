"""How do the property tests run on a machine that is busy with other things, and who checks what a test's cycles wrote?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.checker import watch
from tests.postgres import postgres_server, postgres_url

settings.register_profile("syncd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("syncd")
watch.install()

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(autouse=True)
def audited() -> Iterator[None]:
    """Hold the orgs' request logs against the ledgers after every test that ran a cycle.

    Source: promise 2: no write without a durable intent before it, no intent without its outcome.
    """
    watch.WATCH.begin()
    yield
    found = watch.WATCH.end()
    if found:
        pytest.fail("the request log and the ledger disagree:\n" + "\n".join(found[:20]), pytrace=False)
