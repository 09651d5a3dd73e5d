"""In-memory ports for tests, syncd's own and its users': a model of an org that behaves like Salesforce, and its clock.

`OrgModel` holds the records and what people do to them; `InMemoryOrg` is the port over it, held to the same contract as the
adapter that speaks HTTP. Nothing here is used by a running syncd.
"""

from syncd.testing.model import OrgModel, Refusal
from syncd.testing.org import InMemoryOrg, ModelClock

__all__ = ["InMemoryOrg", "ModelClock", "OrgModel", "Refusal"]
