"""Random days in the emulated org, whole cycles over HTTP: does anybody become a member whom the oracle leaves alone?"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.engine.scene import Scene, export_line
from tests.engine.small_org import contact, lead
from tests.engine.test_consent_live import DAY_S, convert
from tests.engine.test_merges_live import SLOW_S, merge
from tests.proof.opt_out_oracle import Oracle

CONTACTS = tuple(contact(number) for number in (1, 2, 3, 6, 7))
LEADS = tuple(lead("Qualified", number) for number in range(4))
ADDRESSES = ("shared@example.com", "other@example.com")


class Play:
    """What happens to a few people, told to the org, or to syncd by an export, and to the oracle."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene, self.pick, self.oracle, self.files = scene, random.Random(seed), Oracle(), 0
        self.there = [*CONTACTS, *LEADS]
        for id in self.there:
            self._known(id)

    def _known(self, id: str) -> None:
        row = self.scene.row(id)
        self.oracle.box[id] = row["HasOptedOutOfEmail"]
        self.oracle.known_by(id, row["Email"].lower(), f"number {row['MA_Person_Id__c']}")

    def _some(self, ids: tuple[str, ...]) -> str | None:
        left = [id for id in ids if id in self.there]
        return self.pick.choice(left) if left else None

    def move(self) -> None:
        """Give somebody an address that others may have."""
        id = self._some((*CONTACTS, *LEADS))
        if id is not None:
            self.scene.edit("mia", id, Email=self.pick.choice(ADDRESSES))
            self._known(id)

    def tick(self) -> None:
        """Tick the org's own box."""
        id = self._some((*CONTACTS, *LEADS))
        if id is not None:
            self.scene.edit("mia", id, HasOptedOutOfEmail=True)
            self._known(id)

    def untick(self) -> None:
        """Let a tool clear the org's own box."""
        ids = tuple(id for id in self.there if self.oracle.box.get(id) is True)
        id = self._some(ids)
        if id is not None:
            self.scene.edit("marketo", id, HasOptedOutOfEmail=False)
            self.oracle.unticked(id, 0, by_a_person=False)

    def delete(self) -> None:
        """Delete a lead."""
        id = self._some(LEADS)
        if id is not None:
            self.scene.do("mia", "delete", id)
            self.oracle.gone(id, id, 0)
            self.there.remove(id)

    def convert(self) -> None:
        """Convert a lead into a contact that is there."""
        one, other = self._some(LEADS), self._some(CONTACTS)
        if one is not None and other is not None:
            convert(self.scene, one, other)
            self.oracle.same(one, other, surely=True)
            self.there.remove(one)

    def merge(self) -> None:
        """Merge two of a kind."""
        ids = self.pick.choice((LEADS, CONTACTS))
        loser, winner = self._some(ids), self._some(ids)
        if loser is not None and winner is not None and loser != winner:
            merge(self.scene, winner, loser)
            self.oracle.same(loser, winner, surely=True)
            self.oracle.gone(loser, winner, 0)
            self.there.remove(loser)

    def opt_out(self) -> None:
        """Drop an export in which an address is opted out."""
        address = self.pick.choice((*ADDRESSES, "contact.1@example.com"))
        self.files += 1
        self.scene.drop(f"{self.files}.csv", export_line(f"X-{self.files}", email=address, unsubscribed="true"))
        self.oracle.out.append((address, address, "global", self.files))


ACTS: tuple[Callable[[Play], None], ...] = (
    Play.move, Play.move, Play.tick, Play.untick, Play.delete, Play.convert, Play.merge, Play.opt_out,
)  # fmt: skip


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(20))
def test_nobody_joins_a_campaign_whom_the_oracle_leaves_alone(scene: Scene, seed: int) -> None:
    play = Play(scene, seed)
    for _ in range(5):
        play.pick.choice(ACTS)(play)
        scene.cycle(SLOW_S)
    scene.nurture("enroll")
    scene.cycle(DAY_S)
    scene.cycle(DAY_S)
    joined = {person for _, person in scene.members()}
    assert [id for id in play.there if id in joined and play.oracle.must_be_left_alone(id, "global")] == []
    assert scene.is_at_rest()
