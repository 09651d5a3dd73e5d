"""The in-memory model in the place of the emulated org, for the contract's tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.testing import InMemoryOrg, OrgModel
from syncd.testing.org import URL


class ModelStage:
    """A model with the handles that the tests use on a served org."""

    url = URL

    def __init__(self, leads: Sequence[Mapping[str, str]]) -> None:
        self.org = OrgModel()
        self.log: list[dict[str, Any]] = []
        for row in leads:
            self.org.load("Lead", OwnerId=self.org.admin, **row)
        self.org.load("Campaign", Id="7015e00000Camp1", Name="Nurture", IsActive=True)
        self.org.load("Group", Id="00G5e00000Queue", Name="Inbound", DeveloperName="Inbound", Type="Queue")

    def client(self) -> InMemoryOrg:
        """Open one more process's connection."""
        return InMemoryOrg(self.org, log=self.log)

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """List the calls after a call."""
        return self.log[since:]
