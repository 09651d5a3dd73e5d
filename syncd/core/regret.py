"""Do people set back what a rule writes?

Whoever sets a value back within a day of syncd's write says that the rule was wrong. Where that happens too often the rule only
observes, until somebody has looked at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from syncd.core.values import Entry, InboxItem, Judgement, Scalar, Verdict

REGRET = "regret"
WITHIN = timedelta(hours=24)
LOOKED_BACK = timedelta(days=30)
WRITES_MIN = 10

ByDay = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Tally:
    """What one rule wrote and what of it people set back, by day, under one version of its file; and why it stopped."""

    policy_hash: str
    writes: ByDay = field(default_factory=dict)
    regrets: ByDay = field(default_factory=dict)
    stopped: str = ""

    def sums(self, on: date) -> tuple[int, int]:
        """Return the writes and the regrets of the last 30 days."""
        since = (on - LOOKED_BACK).isoformat()
        return _since(self.writes, since), _since(self.regrets, since)

    def percent(self, on: date) -> float:
        """Return how much of what the rule wrote people set back; 0 while it wrote nothing."""
        writes, regrets = self.sums(on)
        return 100 * regrets / writes if writes else 0.0


def _since(counts: ByDay, since: str) -> int:
    return sum(number for day, number in counts.items() if day > since)


def _added(counts: ByDay, number: int, on: date) -> dict[str, int]:
    since = (on - LOOKED_BACK).isoformat()
    kept = {day: each for day, each in counts.items() if day > since}
    return kept | {on.isoformat(): kept.get(on.isoformat(), 0) + number} if number else kept


def counted(
    tallies: Mapping[str, Tally], hashes: Mapping[str, str], writes: Mapping[str, int], regrets: Mapping[str, int], on: date
) -> dict[str, Tally]:
    """Add to the tallies of some rules. `hashes` gives by rule the version of its file; a new version begins anew."""
    found = dict(tallies)
    for rule in {**writes, **regrets}:
        known = found.get(rule)
        if known is None or known.policy_hash != hashes[rule]:
            known = Tally(hashes[rule])
        wrote, set_back = _added(known.writes, writes.get(rule, 0), on), _added(known.regrets, regrets.get(rule, 0), on)
        found[rule] = replace(known, writes=wrote, regrets=set_back)
    return found


def stop_if_regretted(tally: Tally, percent_max: float | None, on: date) -> Tally:
    """Return the tally, stopped when people set back too much of what its rule wrote.

    Shapes: fewer than 10 writes stop nothing: one of them would be too much at once. None stops nothing.
    """
    writes, regrets = tally.sums(on)
    if percent_max is None or tally.stopped or writes < WRITES_MIN or tally.percent(on) <= percent_max:
        return tally
    words = f"people set back {regrets:,} of its {writes:,} values within {WITHIN.total_seconds() / 3600:.0f} hours"
    return replace(tally, stopped=f"{words} ({tally.percent(on):.1f} %)")


def is_regret(written: Entry, changed_at: datetime, after: Scalar, judgement: Judgement | None) -> bool:
    """Tell whether a person's change of what syncd wrote says that it should not have been written.

    A team that has the ball moves it on, which is no regret; setting back what was replaced is, and so is any move that passes
    no gate. Values that no fence stands on belong to no team: each change of them within a day counts.

    Shapes: `written` is the ledger row of syncd's write, `judgement` what came of the change, None where no fence stands.
    """
    if not written.at <= changed_at <= written.at + WITHIN:
        return False
    is_lawful_move = judgement is not None and judgement.verdict is Verdict.ALLOW
    return not is_lawful_move or str(after) == str(written.before)


def card(rule: str, tally: Tally) -> InboxItem:
    """Tell that a rule only observes now."""
    return InboxItem(
        REGRET,
        rule,
        rule,
        f"This rule only observes now: {tally.stopped}, more than [limits] regret_percent allows.",
        "Ask those who work with these records what the rule gets wrong: syncd audit query --kind regret    Change its line, or "
        "let it stand as it is: syncd inbox resolve",
    )


def to_json(tallies: Mapping[str, Tally]) -> dict[str, Any]:
    """Return tallies as JSON values."""
    return {rule: [one.policy_hash, dict(one.writes), dict(one.regrets), one.stopped] for rule, one in tallies.items()}


def from_json(body: Mapping[str, Any]) -> dict[str, Tally]:
    """Read tallies back."""
    return {rule: Tally(*parts) for rule, parts in body.items()}


def stopped(tallies: Mapping[str, Tally], hashes: Iterable[str]) -> dict[str, str]:
    """Return by rule why it only observes, of those whose file stands as it was."""
    known = set(hashes)
    return {rule: one.stopped for rule, one in tallies.items() if one.stopped and one.policy_hash in known}
