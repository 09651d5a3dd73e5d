"""Which fields never move alone in this org, as its history shows, and since when is that known?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from syncd.core.fence_model import Fences
from syncd.core.followers import Streak, Streaks, followers_of, saves_in, streaks_after
from syncd.core.transactions import Followers, events_of
from syncd.engine.world import Cycle
from syncd.ports import Case, StoreReader, StoreWriter

STREAKS = "fields that move together"


def known_followers(store: StoreReader, fences: Fences) -> Followers:
    """Return by (object, field) the fields without which it never moves."""
    kept = store.setting(STREAKS)
    if not isinstance(kept, dict):
        return {}
    found = {}
    for object, streaks in kept.items():
        given = [fence.reason_field for fence in fences.fences if fence.reason_field]
        for field, others in followers_of(_read(streaks), fences.fields_of(object), given).items():
            found[object, field] = others
    return found


def keep_streaks(tx: StoreWriter, store: StoreReader, cycle: Cycle, object: str, cases: Iterable[Case]) -> None:
    """Count which fields moved together in the history that a batch brings. Part of the batch's own transaction, so that no
    row is counted twice.
    """
    saves = [
        save for case in cases if case.history for save in saves_in(case.history, cycle.identity.user_id, events_of(case.history))
    ]
    if not saves:
        return
    kept = store.setting(STREAKS)
    everything = kept if isinstance(kept, dict) else {}
    known = _read(everything.get(object, {}))
    after = streaks_after(known, saves)
    if after is not known:
        tx.put_setting(STREAKS, {**everything, object: _stored(after)})


def _read(kept: Mapping[str, Mapping[str, Sequence[object]]]) -> Streaks:
    return {
        field: {other: Streak(int(str(saves)), tuple(map(str, logins))) for other, (saves, *logins) in beside.items()}
        for field, beside in kept.items()
    }


def _stored(streaks: Streaks) -> dict[str, dict[str, list[object]]]:
    return {
        field: {other: [streak.saves, *streak.logins] for other, streak in beside.items()} for field, beside in streaks.items()
    }
