"""Which open intents wait for a person's word instead of being sent?"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from syncd.core.guard import Limits, too_many
from syncd.core.plan import Plan
from syncd.core.telling import TELL
from syncd.core.values import InboxItem, Intent, Outcome, OutcomeKind
from syncd.engine.outbox import PAGE, Loads, open_items
from syncd.engine.plans import write_plan
from syncd.engine.world import Cycle, World
from syncd.ports import OpenIntent

LIMIT = "mass-change limit"
WAITING_PLAN = "plan-waiting"


def over_limit(world: World, limits: Limits, loads: Loads) -> str | None:
    """Say which limit of a cycle the open intents break, or None.

    Source: promise 8: a cycle that would change more than the agreed number of records stops and asks.
    """
    people = world.store.count("Lead") + world.store.count("Contact") if world.store.count_open() > limits.records_min else 0
    return too_many((item.intent for item in open_items(world, loads)), limits, people)


def hold_back(world: World, cycle: Cycle, reason: str, loads: Loads) -> None:
    """Turn the open intents into a plan. Nothing of them is sent then."""
    hold(world, cycle, lambda: open_items(world, loads), f"{LIMIT}: {reason}", "or raise [limits] in config.toml")


def hold_for_asking(world: World, cycle: Cycle) -> None:
    """Turn new enrolments into a plan when nurture.toml says that a person is asked first."""
    nurture = world.policies.nurture
    if nurture is None or nurture.mode != "ask":
        return

    def held() -> Iterator[OpenIntent]:
        return (item for item in open_items(world, Loads()) if item.intent.is_create and item.intent.part not in (TELL, "map"))

    number = sum(1 for _ in held())
    if number:
        hold(world, cycle, held, f'{number} enrolments wait for a word (mode = "ask")', "or leave it")


def hold(world: World, cycle: Cycle, held: Callable[[], Iterable[OpenIntent]], reason: str, otherwise: str) -> None:
    """Write a plan of these intents, and close them: those of earlier cycles were looked for and are not in the org.

    Shapes: `held` reads them from the outbox each time it is called: there may be a million, and only some are in memory at once.
    """
    plan = Plan(cycle.identity.org_id, cycle.now, dict(world.policies.hashes), (), reason)
    path = write_plan(world, plan, _Held(held))
    text = f"{reason}; plan {path.name}"
    remedy = f"Read it, then run: syncd apply {shlex.quote(str(path))}    ({otherwise})"
    item = InboxItem(WAITING_PLAN, path.name, str(path), f"{reason}. Nothing was written.", remedy)
    with world.store.begin() as tx:
        items = iter(held())
        while block := list(islice(items, PAGE)):
            kinds = [OutcomeKind.NOT_SENT if one.cycle == cycle.id else OutcomeKind.NOT_APPLIED for one in block]
            closed = [(one, Outcome(kind, text, code="HELD")) for one, kind in zip(block, kinds, strict=True)]
            tx.close(closed, cycle.now, cycle.id)
            tx.defer([one.intent for one in block])
            cycle.count("held back", len(block))
        tx.put_inbox([item], cycle.now)


@dataclass(frozen=True, slots=True)
class _Held:
    """What is held, read anew each time it is gone through."""

    items: Callable[[], Iterable[OpenIntent]]

    def __iter__(self) -> Iterator[Intent]:
        return (item.intent for item in self.items())
