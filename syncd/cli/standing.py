"""Which rules stand back, which windows stand open, and which owners need a look: the lines of `syncd status` for that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncd.core.owner_health import OwnerFinding, sentences, to_json
from syncd.core.regret import Tally
from syncd.core.windows import STANDING, WAITING, Announced
from syncd.core.windows import to_json as window_to_json

if TYPE_CHECKING:
    from syncd.engine.policy_state import PolicyState
    from syncd.ports import StoreReader

CHANGES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Standing:
    """What syncd knows of itself and of the owners. `owners` is None before leads were counted; `stopped` gives by rule why it
    only observes; `windows` are those that are open or wait; `kept_out` is what formulas of nurture.toml kept out, and when;
    `policies` says which files a running daemon has in force."""

    now: datetime
    owners: Sequence[OwnerFinding] | None
    stopped: Mapping[str, str]
    tallies: Mapping[str, Tally]
    windows: Sequence[Announced]
    kept_out: Mapping[str, Any] = field(default_factory=dict)
    policies: PolicyState | None = None

    def told(self) -> Iterator[tuple[str, str]]:
        """Give the lines of a status as (name, text), none where nothing is out of the ordinary."""
        yield from self._policies()
        for rule, why in sorted(self.stopped.items()):
            yield "observes", f"{rule}: {why}"
        sums = [one.sums(self.now.date()) for one in self.tallies.values()]
        writes, regrets = sum(wrote for wrote, _ in sums), sum(set_back for _, set_back in sums)
        if regrets:
            yield (
                "regret",
                f"people set back {regrets:,} of {writes:,} values of the last 30 days within 24 hours of syncd's write",
            )
        for one in self.windows:
            until = f"until {one.window.until:%Y-%m-%d %H:%M} UTC: {one.window.reason}"
            yield "window", f"{one.number}, {one.state(self.now)}, for {one.actor}, {until}"
        for sentence in sentences(self.owners or ()):
            yield "owners", sentence
        counts = self.kept_out.get("counts") or {}
        if counts:
            yield "nurture", f"kept out on {self.kept_out['on']}: " + ", ".join(f"{name} {n:,}" for name, n in counts.items())

    @property
    def reason(self) -> str:
        """Say why somebody has to look at the policy files, or return an empty text."""
        refused = self.policies.refused if self.policies is not None else ()
        count = "1 problem" if len(refused) == 1 else f"{len(refused)} problems"
        return f"edited policy files are not in force, {count}: {refused[0]}" if refused else ""

    def _policies(self) -> Iterator[tuple[str, str]]:
        """Tell which policy files are in force, what the last edit changed, and which edit is not in force."""
        known = self.policies
        if known is None or known.since_at is None:
            return
        versions = ", ".join(f"{name} {version}" for name, version in sorted(known.versions.items()))
        yield "policies", f"in force since {known.since_at:%Y-%m-%d %H:%M} UTC: {versions}"
        for text in known.changes[:CHANGES_SHOWN]:
            yield "changed", text
        for text in known.examples:
            yield "it is about", text
        for text in known.refused[:CHANGES_SHOWN]:
            yield "not taken", text
        if known.waiting:
            yield "waits", f"{known.waiting} See: syncd inbox list"
        if known.restart:
            yield "restart", "config.toml was edited: it counts when syncd run is started again"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        on = self.now.date()
        rules = {
            rule: {"writes": one.sums(on)[0], "set_back": one.sums(on)[1], "percent": round(one.percent(on), 2)}
            for rule, one in sorted(self.tallies.items())
        }
        return {
            "owners": None if self.owners is None else to_json(self.owners),
            "rules_stopped": dict(self.stopped),
            "regret": rules,
            "nurture_kept_out": dict(self.kept_out) or None,
            "policies": None if self.policies is None else asdict(self.policies),
            "windows": [{**window_to_json(one), "state": one.state(self.now)} for one in self.windows],
        }


def read_standing(store: StoreReader, now: datetime) -> Standing:
    """Read it from the store."""
    from syncd.engine.canary import read_trials
    from syncd.engine.owner_health import read_owner_health
    from syncd.engine.policy_state import read_policy_state
    from syncd.engine.recycling import read_kept_out
    from syncd.engine.regret import read_tallies
    from syncd.engine.windows import read_windows

    tallies = read_tallies(store)
    stopped = {rule: one.stopped for rule, one in read_trials(store).rules.items() if one.stopped}
    stopped |= {rule: one.stopped for rule, one in tallies.items() if one.stopped}
    policies = read_policy_state(store) if store.lease_holder() is not None else None
    windows = [one for one in read_windows(store) if one.state(now) in (STANDING, WAITING)]
    return Standing(now, read_owner_health(store), stopped, tallies, windows, read_kept_out(store), policies)
