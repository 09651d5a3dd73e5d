"""What does one look for stalled deals begin with, and what does a batch of them come to?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from syncd.core.nurture import Nurture, Track, local_day
from syncd.core.nurture_conditions import EVERYTHING, Screen, with_types
from syncd.core.values import Entry, InboxItem, Intent, OrgRecord
from syncd.engine.world import Cycle, World

NO_CAMPAIGN = "no-campaign"


@dataclass(frozen=True, slots=True)
class Day:
    """One evaluation: the policy, the day, the campaigns by track, and who is on the way into one already.

    `screen` has the formulas with the org's types, `kept_out` counts by exclusion the deals and people in `met`.
    """

    nurture: Nurture
    today: date
    campaigns: Mapping[str, str]
    on_the_way: set[tuple[str, str]]
    retell: bool = False
    screen: Screen = EVERYTHING
    kept_out: Counter[str] = field(default_factory=Counter)
    met: set[tuple[str, str]] = field(default_factory=set)

    def keep_out(self, names: Iterable[str], id: str) -> None:
        """Count a deal or person once for each exclusion that it met."""
        for name in names:
            if (name, id) not in self.met:
                self.met.add((name, id))
                self.kept_out[name] += 1


@dataclass(slots=True)
class Findings:
    """What one batch of deals comes to."""

    entries: list[Entry] = field(default_factory=list)
    intents: list[tuple[Intent, int]] = field(default_factory=list)
    verdicts: dict[str, dict[str, str]] = field(default_factory=dict)


def begin_day(world: World, cycle: Cycle, nurture: Nurture, *, retell: bool) -> Day:
    """Return a look that has found nothing yet, with the tracks whose campaigns can be used."""
    today, campaigns = local_day(cycle.now, world.zone), _campaigns(world, cycle, nurture)
    return Day(nurture, today, campaigns, _on_the_way(world), retell, _screen(nurture, cycle))


def _screen(nurture: Nurture, cycle: Cycle) -> Screen:
    """Return the formulas compiled for the org's own types; `check` tells what is wrong with one."""
    types = {name: {one.name: one.type for one in seen.fields.values()} for name, seen in cycle.schema.items()}
    return with_types(nurture.screen, types)[0]


def _on_the_way(world: World) -> set[tuple[str, str]]:
    waiting = [*(item.intent for item in world.store.open_intents()), *world.store.deferred()]
    return {(str(intent.after), intent.record_id) for intent in waiting if intent.is_create}


def _campaigns(world: World, cycle: Cycle, nurture: Nurture) -> dict[str, str]:
    """Return the campaign id by track; a track whose campaign cannot be used goes to the inbox and enrolls nobody."""
    found: dict[str, str] = {}
    faults: list[InboxItem] = []
    for track in nurture.tracks:
        usable = [row for row in world.store.by_key("Campaign", "Name", [track.campaign]) if row.fields.get("IsActive")]
        fault = _campaign_fault(world, track, usable)
        if fault is None:
            found[track.name] = usable[0].id
        else:
            where, remedy = f"{track.rule.file}:{track.rule.line}", "Correct the campaign or the track, then run: syncd check"
            faults.append(InboxItem(NO_CAMPAIGN, track.name, where, f"{fault} Nobody is enrolled in this track.", remedy))
    if faults or found:
        with world.store.begin() as tx:
            tx.put_inbox(faults, cycle.now)
            tx.resolve_inbox(NO_CAMPAIGN, list(found), cycle.now)
    return found


def _campaign_fault(world: World, track: Track, usable: Sequence[OrgRecord]) -> str | None:
    if len(usable) != 1:
        return f"{len(usable)} active campaigns are named {track.campaign!r}, not exactly one."
    if track.member_status is None:
        return None
    labels = [row.text("Label") for row in world.store.by_key("CampaignMemberStatus", "CampaignId", [usable[0].id])]
    if track.member_status in labels:
        return None
    return f"campaign {track.campaign!r} has no member status {track.member_status!r}."
