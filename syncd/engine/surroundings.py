"""What is known in this cycle beside the fences that keeps syncd from reacting?"""

from __future__ import annotations

from syncd.core.fence_model import Fences
from syncd.core.fights import BLOCKED, FOUGHT_OVER, MACHINE_WINS
from syncd.core.sparing import Surroundings
from syncd.core.windows import standing
from syncd.engine.bulk_events import mass_edits
from syncd.engine.canary import stopped_by_canary
from syncd.engine.regret import stopped_rules
from syncd.engine.windows import read_windows
from syncd.engine.world import Cycle, World


def surroundings(world: World, cycle: Cycle, fences: Fences) -> Surroundings:
    """Gather windows, mass edits, rules that stopped and fights, once a cycle, before the first record is judged."""
    yielded, fought_over, blocked = (
        frozenset(item.subject for _, item, _ in world.store.inbox(kind=kind)) for kind in (MACHINE_WINS, FOUGHT_OVER, BLOCKED)
    )
    return Surroundings(
        windows=standing(read_windows(world.store)),
        mass_edits=mass_edits(world, cycle, fences),
        stopped={**stopped_by_canary(world.store, fences.policy_hash), **stopped_rules(world)},
        yielded=yielded,
        parked=fought_over | blocked,
    )
