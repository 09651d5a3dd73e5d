from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses

from tests.salesforce.client_wire import Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    """An org of canned answers that lets syncd log in, unless a test says otherwise."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Wire(mock)
