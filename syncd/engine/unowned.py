"""When are records no longer parked that hold a value which no team owned?"""

from __future__ import annotations

from syncd.core.unowned import UNOWNED, owned_by_now
from syncd.engine.world import Cycle, World


def settle_unowned(world: World, cycle: Cycle) -> None:
    """Close what the inbox says of values that the fence file knows by now."""
    parked = [item.subject for _, item, _ in world.store.inbox(kind=UNOWNED)]
    settled = owned_by_now(parked, world.policies.fences) if parked else []
    if settled:
        with world.store.begin() as tx:
            tx.resolve_inbox(UNOWNED, settled, cycle.now)
