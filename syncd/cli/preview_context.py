"""What does the intake know when it is tried on a private copy, without a cycle?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from syncd.cli import wire
from syncd.errors import ConfigInvalid

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.engine.intake_context import IntakeContext
    from syncd.ports import Store, StoreReader


def context_on(config: Config, store: StoreReader, layer: Store | None = None) -> IntakeContext:
    """Return what a cycle would hand to the intake now, on a private layer of the store or to look alone.

    Errors: ConfigInvalid when no cycle has run yet.
    """
    from syncd.engine.intake_context import IntakeContext
    from syncd.engine.schema import SCHEMA, schema_from_json
    from syncd.exports.contact_points import ContactPoints

    kept = store.setting(SCHEMA)
    if not isinstance(kept, dict):
        raise ConfigInvalid("No cycle has run yet: nobody is known.", hint="Run first: syncd run --once")
    schema, org = schema_from_json(kept["objects"]), wire.known_org(config) or ""
    return IntakeContext(org, "preview", datetime.now(UTC), schema, layer or cast("Store", store), ContactPoints())
