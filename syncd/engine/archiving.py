"""When are originals removed that were taken in, or refused, long ago?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from syncd.engine.fetching import SLICE_MIN_S
from syncd.engine.world import Cycle, World

SWEPT = "archive swept"


def sweep_archive(world: World, cycle: Cycle) -> None:
    """Remove old originals once a day, and count them; what half an interval is too short for is the next cycle's.

    One in done/ stays as long as the store does not know it as finished, as after a restore; one in refused/ while its
    inbox item is open. Ages are the host's: so are the stamps of files.
    """
    fetching = world.fetching
    if fetching is None or fetching.archive is None or fetching.keep is None:
        return
    today = cycle.now.astimezone(world.zone).date().isoformat()
    if world.store.setting(SWEPT) == today:
        return
    told = [item.subject for kind in ("export-file", "export-paused") for _, item, _ in world.store.inbox(kind=kind)]

    def is_kept(place: str, name: str, hashes: Sequence[str]) -> bool:
        source, _, folder = place.partition("/")
        if folder == "done":
            return not all(map(world.store.has_file, hashes))
        return any(subject == f"{source}/{name}" or subject.startswith(f"{source}/{name}/") for subject in told)

    ends_s = time.monotonic() + max(world.pace.interval.total_seconds() / 2, SLICE_MIN_S)

    def is_enough() -> bool:
        world.pause_point()
        return time.monotonic() >= ends_s

    now = world.clock.now() if world.clock is not None else datetime.now(UTC)
    members = {mapping.name: mapping.dialect.members for mapping in world.policies.sources}
    cycle.count("originals removed", fetching.archive.remove(now - fetching.keep, is_kept, members, is_enough))
    if is_enough():
        return
    with world.store.begin() as tx:
        tx.put_setting(SWEPT, today)
