"""Intents that tests put into the outbox themselves, and a cycle that does nothing but carry them out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from syncd.core.guard import Limits
from syncd.core.values import Intent, Rule, Scalar, digest
from syncd.engine.acting import act
from syncd.engine.cycle import begin, finish
from syncd.engine.opening import open_intents
from syncd.engine.world import Cycle
from tests.engine.scene import OBJECTS, Scene
from tests.engine.small_org import STATUSES, campaign, lead

RULE = Rule("score", "mappings/fields/marketo.toml", 35)
LEADS = [lead(status, number) for status in STATUSES for number in range(4)]
SCORE = "Lead_Score__c"


def intent(record_id: str, field: str, before: Scalar, after: Scalar, **more: Any) -> Intent:
    """Return a contested write of one field; `more` says otherwise."""
    one = Intent(
        digest(record_id, field, after), OBJECTS[record_id[:3]], record_id, field, before, after, "map", RULE, "a test", "h", "c"
    )
    return replace(one, **more)


def score(record_id: str, value: Scalar = 77, **more: Any) -> Intent:
    """Return a write of a field that nobody but syncd writes."""
    return intent(record_id, SCORE, 10, value, **{"is_contested": False, **more})


def latch(record_id: str) -> Intent:
    """Return the write of an opt-out."""
    return intent(record_id, "HasOptedOutOfEmail", False, True, part="flag", is_contested=False)


def member(contact_id: str, track: str = "early") -> Intent:
    """Return the creation of a campaign member."""
    values = {"CampaignId": campaign(track), "ContactId": contact_id}
    made = intent(contact_id, "CampaignId", None, campaign(track), part="nurture", values=values)
    return replace(made, object="CampaignMember")


@contextmanager
def opened(
    scene: Scene,
    intents: Sequence[Intent],
    is_stopping: Callable[[], bool] | None = None,
    wrap: Callable[[Any], Any] = lambda store: store,
    **pace: Any,
) -> Iterator[Any]:
    """Begin a cycle a minute later, with these intents in the ledger; give (world, org, cycle)."""
    scene.tick()
    with scene.world() as (world, org):
        around = {"is_stopping": is_stopping or world.is_stopping, "store": wrap(world.store)}
        world = replace(world, pace=replace(world.pace, **pace), **around)
        cycle = begin(world)
        with world.store.begin() as tx:
            open_intents(tx, [(one, None) for one in intents], cycle.now, cycle.id)
        yield world, org, cycle


def carry_out(scene: Scene, intents: Sequence[Intent], *, limits: Limits | None = None, **more: Any) -> Cycle:
    """Put intents into the ledger and act on all that are open."""
    with opened(scene, intents, **more) as (world, org, cycle):
        act(world, org, cycle, limits=limits)
        finish(world, cycle)
        found: Cycle = cycle
        return found


class Killed(BaseException):
    """The process is gone: nothing catches this."""


class Mortal:
    """A store that dies at one commit: just before it, so that nothing of it is kept, or right after it."""

    def __init__(self, store: Any, at: int, side: str) -> None:
        self._store, self._at, self._side = store, at, side
        self.commits = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def begin(self) -> Iterator[Any]:
        """Open a transaction, the last one perhaps."""
        self.commits += 1
        is_last = self.commits == self._at
        with self._store.begin() as tx:
            yield tx
            if is_last and self._side == "before":
                raise Killed
        if is_last:
            raise Killed


def kinds(scene: Scene) -> dict[str, int]:
    """Count how intents ended."""
    found: dict[str, int] = {}
    for outcome in scene.outcomes():
        found[outcome] = found.get(outcome, 0) + 1
    return found


def scores(scene: Scene, ids: Sequence[str]) -> set[Scalar]:
    """Return the scores of leads as they stand in the org."""
    rows = {row["Id"]: row[SCORE] for row in scene.rows("Lead")}
    return {rows[id] for id in ids}


def asked(scene: Scene, method: str, ending: str) -> list[dict[str, Any]]:
    """Return the requests of the scene by method and the end of their path."""
    found = scene.served.requests(scene.first_request)
    return [one for one in found if one["method"] == method and str(one["path"]).endswith(ending)]


def safe_owners(scene: Scene) -> None:
    """Let the first write of leads in collections be done already."""
    with scene.world() as (world, _), world.store.begin() as tx:
        tx.put_setting("collections leave the owners of leads alone", True)
