"""Which people and machines can be played in any emulated org, and what did they do by its own record?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Final

from syncd.sandbox.play_player import EditFailed, Player, PlayStopped
from syncd.sandbox.play_world import Moment
from syncd.sandbox.scripts_fences import (
    connector_wins,
    nightly_flow,
    owner_flow,
    permission_set,
    realignment,
    shared_login,
)
from syncd.sandbox.scripts_handoff import (
    activity_capture,
    friday_flip,
    mobile_late,
    nurture_mails,
    opt_out_leak,
    score_merge,
)
from syncd.sandbox.scripts_machines import assignment_rule, connector, data_load, scheduled_flow
from syncd.sandbox.scripts_org import OBJECTS, OrgLacks, Present, Step
from syncd.sandbox.scripts_people import marketing_day, sales_day
from syncd.sandbox.scripts_records import conversions, merges

__all__ = ["DAYS", "SCENES", "SCRIPTS", "OrgLacks", "PlayStopped", "Played", "play_script"]

Script = Callable[[Present], list[Step]]
DAYS: Final[dict[str, Script]] = {
    "sales-day": sales_day,
    "marketing-day": marketing_day,
    "connector": connector,
    "data-load": data_load,
    "scheduled-flow": scheduled_flow,
    "assignment-rule": assignment_rule,
    "merges": merges,
    "conversions": conversions,
}
# What misleads whoever guards an org; each has an end of its own, in tests/sandbox/test_scenes.py.
SCENES: Final[dict[str, Script]] = {
    "connector-wins": connector_wins,
    "shared-login": shared_login,
    "nightly-flow": nightly_flow,
    "realignment": realignment,
    "nurture-mails": nurture_mails,
    "activity-capture": activity_capture,
    "friday-flip": friday_flip,
    "opt-out-leak": opt_out_leak,
    "score-merge": score_merge,
    "mobile-late": mobile_late,
    "permission-set": permission_set,
    "owner-flow": owner_flow,
}
SCRIPTS: Final[dict[str, Script]] = DAYS | SCENES


@dataclass(frozen=True, slots=True)
class Played:
    """A script that was played: its steps, the edits refused, and the org's deeds meanwhile, whoever did them."""

    script: str
    began_at: datetime
    ended_at: datetime
    steps: tuple[Step, ...]
    refused: tuple[EditFailed, ...]
    deeds: tuple[dict[str, Any], ...]


class _Stage(Player):
    """A player that also reads the org and turns its switches."""

    def present(self, script: str, seed: int, day: int) -> Present:
        rows = self._ask("GET", f"/_sandbox/dump?objects={','.join(OBJECTS)}", None)
        settings = self._ask("GET", "/_sandbox/settings", None)
        return Present(rows, settings, self.now(), Random(f"{seed} {script} {day}"), day)

    def last_deed(self) -> int:
        deeds = self._ask("GET", "/_sandbox/deeds?last=1", None)
        return int(deeds[0]["n"]) if deeds else 0

    def deeds_since(self, number: int) -> tuple[dict[str, Any], ...]:
        return tuple(self._ask("GET", f"/_sandbox/deeds?since={number}", None))

    def take(self, step: Step) -> list[EditFailed]:
        self.advance_to(step.at)
        if step.settings is not None:
            self._ask("POST", "/_sandbox/settings", dict(step.settings))
        failed: list[EditFailed] = []
        for body in step.edits:
            named = body if "user" in body else body | {"user": None}
            failed += self.play(Moment(step.at, step.title, (named,)))
        return failed


def play_script(script: str, url: str, *, seed: int = 0, day: int = 1, between: Callable[[Step], object] | None = None) -> Played:
    """Play one of SCRIPTS against a running emulated org, from its present time on.

    Another day, or another seed, picks other records. The org's clock is moved forward to each step, never back. `between` is
    called after each step, so that somebody who watches the org can do so in its time.
    Errors: OrgLacks before anything is done; PlayStopped when the org can't be reached; KeyError for an unknown script.
    """
    stage = _Stage(url)
    present = stage.present(script, seed, day)
    steps = sorted(SCRIPTS[script](present), key=lambda step: step.at)
    before = stage.last_deed()
    refused: list[EditFailed] = []
    for step in steps:
        refused += stage.take(step)
        if between is not None:
            between(step)
    return Played(script, present.now, stage.now(), tuple(steps), tuple(refused), stage.deeds_since(before))
