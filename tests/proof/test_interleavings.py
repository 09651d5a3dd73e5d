"""Does a person's edit stand, at whatever point between syncd's read and its write it comes?

Hundreds of leads at a time are put out of line by a tool and scored by an export; while a cycle puts things right, somebody
edits every one of them, each at a point of its own: before or after a call, or right before the very row is written, in the
same second or later. Nobody's value may be lost, and what nobody touched is put right.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from syncd.ports import Update, WriteResult
from syncd.testing import InMemoryOrg
from tests.proof.stage import Image, Play, a_company, a_home, export_line

LEADS, SHARDS, TIMES = 500, 8, 2
SWEEP = 100_000
EDITS: tuple[dict[str, Any], ...] = (
    {"Status": "MQL"}, {"Status": "Nurture"}, {"Status": "Meeting Set"}, {"Title": "Chief"}, {"Company": "Umbrella"},
    {"Lead_Score__c": 3.0}, {"Status": "Disqualified", "Title": "Gone"}, {"Email": "new@example.com"},
)  # fmt: skip
PAUSES_S = (0.0, 0.0, 0.0, 0.1, 0.4, 0.9, 1.0, 2.5)


@pytest.fixture(scope="module")
def company() -> Iterator[Image]:
    """Give a company that syncd has seen, at rest."""
    with a_home() as home:
        play = Play(home, a_company(LEADS))
        for _ in range(3):
            play.cycle()
        yield Image.of(play)


@dataclass
class Humans:
    """People who each edit one lead, at their own point of a cycle."""

    play: Play
    dice: random.Random
    at_point: dict[int, list[str]] = field(default_factory=dict)
    at_row: dict[str, str] = field(default_factory=dict)
    wanted: dict[tuple[str, str], Any] = field(default_factory=dict)
    points: int = 0
    edits: int = 0
    has_pulled: bool = False

    def plan(self, points: int) -> None:
        """Give each lead its points: half of them right before its own row is written, if it ever is."""
        for lead in [*self.play.model.tables["Lead"]] * TIMES:
            if self.dice.random() < 0.5:
                self.at_row[lead] = lead
            else:
                self.at_point.setdefault(self.dice.randrange(1, points + 1), []).append(lead)

    def disturb(self, point: str, what: str) -> None:
        """Edit those whose point this is."""
        self.points += 1
        self.has_pulled |= point == "after" and what.startswith("GET composite pull") and "Lead," in what
        if self.dice.random() < 0.3:
            self.play.model.clock.advance(self.dice.choice(PAUSES_S))
        for lead in self.at_point.pop(self.points, []):
            self._edit(lead)
        if point == "row":
            words = what.split()
            if words[-1] in self.at_row:
                self._edit(self.at_row.pop(words[-1]))

    def _edit(self, lead: str) -> None:
        fields = self.dice.choice(EDITS)
        score_before = self.play.model.tables["Lead"][lead]["Lead_Score__c"]
        done = self.play.edit("sam", "update", "Lead", lead, **fields)
        assert done["success"], done
        self.edits += 1
        # A score that syncd saw before it decided is Marketing's to overwrite; any other value stands whenever it came.
        is_news = self.has_pulled and fields.get("Lead_Score__c") != score_before
        self.wanted |= {(lead, name): value for name, value in fields.items() if is_news or name != "Lead_Score__c"}


def one_round(image: Image, play: Play, dice: random.Random) -> tuple[int, list[str]]:
    """Play one cycle with people in it, and two quiet ones; return how many edits met it and what went wrong."""
    model = play.model
    leads = list(model.tables["Lead"])
    model.clock.advance(60)
    for lead in leads:
        play.edit("marketo", "update", "Lead", lead, Status="Inquiry")
    play.drop("scores.csv", *(export_line(f"L-{n}", leadScore="77") for n in range(0, LEADS, 2)))
    humans = Humans(play, dice)
    humans.plan(LEADS)
    play.disturb = humans.disturb
    play.cycle(after_s=dice.choice(PAUSES_S))
    play.disturb = lambda point, what: None
    for _ in range(2):
        play.cycle()
    wrong = [
        f"{id} {name}: somebody wrote {value!r}, and it is {model.tables['Lead'][id][name]!r}"
        for (id, name), value in humans.wanted.items()
        if model.tables["Lead"][id][name] != value
    ]
    touched = {id for id, name in humans.wanted if name == "Status"}
    wrong += [
        f"{id} was not put right: {row['Status']}"
        for id, row in model.tables["Lead"].items()
        if id not in touched and row["Status"] != "Working"
    ]
    return humans.edits, wrong + image.disagreements(play)


def interleave(image: Image, seed: int, wanted: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Play rounds until so many edits met a cycle."""
    met = rounds = 0
    with a_home() as home:
        while met < wanted:
            edits, wrong = one_round(image, image.play(home), random.Random(f"{seed} {rounds}"))
            assert not wrong, f"seed {seed}, round {rounds}:\n" + "\n".join(wrong[:12])
            met, rounds = met + edits, rounds + 1
    with capsys.disabled():
        sys.stdout.write(f"\n{met} edits by people in {rounds} cycles, seed {seed}: 0 clobbered\n")


def test_an_org_that_ignores_preconditions_is_found_out(company: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measure itself: with every conditional write let pass, people's edits are lost, and it says so."""
    original = InMemoryOrg.update

    def careless(self: InMemoryOrg, updates: Sequence[Update]) -> list[WriteResult]:
        return original(self, [replace(one, unmodified_since=datetime.max.replace(tzinfo=UTC)) for one in updates])

    monkeypatch.setattr(InMemoryOrg, "update", careless)
    with a_home() as home:
        _, wrong = one_round(company, company.play(home), random.Random(1))
    assert any("somebody wrote" in one for one in wrong)


def test_an_edit_at_any_point_of_a_cycle_stands(company: Image, capsys: pytest.CaptureFixture[str]) -> None:
    interleave(company, 1, 1_000, capsys)


@pytest.mark.sweep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_an_edit_at_any_point_of_very_many_cycles_stands(company: Image, shard: int, capsys: pytest.CaptureFixture[str]) -> None:
    interleave(company, 1_000 + shard, SWEEP // SHARDS, capsys)
