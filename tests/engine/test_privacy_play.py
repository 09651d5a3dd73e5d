"""Random histories of individuals and consents: is anybody enrolled of whom the org once said no while syncd looked?"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from tests.engine.scene import Scene
from tests.engine.small_org import campaign, contact
from tests.engine.test_merges_live import SLOW_S
from tests.engine.test_nurture_live import EARLY, LATE
from tests.engine.test_opt_out_boxes_live import enrolled
from tests.engine.test_privacy_live import changed, consent, individual, private

__all__ = ["private"]
PEOPLE = (1, 2, 3, 5)
ROUNDS, ACTS = 6, 5


class Privacy:
    """What stands in the org, as a few dictionaries; `seen` are those who were out when syncd looked, `ever` who may be out."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene, self.pick = scene, random.Random(seed)
        self.individuals = [individual(scene) for _ in range(4)]
        self.ticked: set[str] = set()
        self.link: dict[int, str | None] = dict.fromkeys(PEOPLE)
        self.terms: dict[str, tuple[str, datetime, datetime]] = {}
        self.seen: set[int] = set()
        self.spoken: set[str] = set()
        self.linked: set[tuple[int, str]] = set()

    def now(self) -> datetime:
        """Return the org's time."""
        with self.scene.served.org.lock:
            now: datetime = self.scene.served.org.clock.now()
        return now

    def act(self) -> None:
        """Let one thing happen."""
        self.pick.choice((self._tick, self._link, self._link, self._consent, self._take_back))()

    def look(self) -> None:
        """Have syncd look, and note who is out by what stands in the org now."""
        self.scene.cycle(SLOW_S)
        now = self.now()
        out = self.ticked | {party for party, begins, ends in self.terms.values() if begins <= now < ends}
        self.seen |= {number for number, one in self.link.items() if one in out}

    def _tick(self) -> None:
        one = self.pick.choice(self.individuals)
        changed(self.scene, "Individual", one, HasOptedOutSolicit=one not in self.ticked)
        self.ticked ^= {one}
        self.spoken.add(one)

    def _link(self) -> None:
        number, one = self.pick.choice(PEOPLE), self.pick.choice([None, *self.individuals])
        self.scene.edit("mia", contact(number), IndividualId=one)
        self.link[number] = one
        self.linked |= {(number, one)} if one is not None else set()

    def _consent(self) -> None:
        one = self.pick.choice(self.individuals)
        begins = self.now().replace(microsecond=0) + timedelta(seconds=self.pick.choice([-SLOW_S, 1.5 * SLOW_S]))
        ends = begins + timedelta(seconds=self.pick.choice([0.75, 2.5, 99]) * SLOW_S)
        dates = {"EffectiveFrom": f"{begins:%Y-%m-%dT%H:%M:%SZ}", "EffectiveTo": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}
        self.terms[consent(self.scene, one, **dates)] = one, begins, ends
        self.spoken.add(one)

    def _take_back(self) -> None:
        if not self.terms:
            return
        id = self.pick.choice(sorted(self.terms))
        op = self.pick.choice(("update", "delete"))
        changed(self.scene, "ContactPointTypeConsent", id, op, **({"PrivacyConsentStatus": "OptIn"} if op == "update" else {}))
        del self.terms[id]


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(6))
def test_nobody_is_enrolled_who_was_out_when_syncd_looked_and_nobody_kept_out_of_whom_nothing_was_said(
    private: Scene, seed: int
) -> None:
    privacy = Privacy(private, seed)
    for _ in range(ROUNDS):
        for _ in range(ACTS):
            privacy.act()
        privacy.look()
    members = enrolled(private)
    now = {number for number in PEOPLE if (campaign("early"), contact(number)) not in members}
    never = {number for number in PEOPLE if not any((number, one) in privacy.linked for one in privacy.spoken)}
    assert privacy.seen <= now
    assert now.isdisjoint(never)
    assert {one for one in EARLY | LATE if one[1] not in {contact(number) for number in PEOPLE}} <= members
    assert private.is_at_rest()
