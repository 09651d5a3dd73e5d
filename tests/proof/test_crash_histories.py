"""Is nothing lost, doubled, unaudited or stuck, wherever a cycle dies, and wherever the ones that recover from it die?

In process, on a real database, by every call and every commit of a cycle that writes in every way: see `crashes`. Real
processes are killed in tests/sweep.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from syncd.testing import InMemoryOrg
from tests.checker.book import size_of
from tests.proof.crashes import Explorer, Moment, count_histories
from tests.proof.stage import PACE, Play, a_company, a_home, export_line

FAULTS = ("away", "lost", "full")
Start = Callable[[str], Explorer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a scene at the beginning of its cycle; see `SCENES`."""
    with a_home() as home:

        def begin(scene: str) -> Explorer:
            prepare, pace = SCENES[scene]
            play = Play(home, a_company(6), pace=pace)
            for _ in range(3):
                play.cycle()
            prepare(play)
            play.model.clock.advance(60)
            for kept in (play.log, play.seen, play.model.deeds):
                kept.clear()
            return Explorer(home, Moment.of(play), size_of(play.database))

        yield begin


def two_reverts(play: Play) -> None:
    """Let a tool put two leads out of line."""
    play.model.clock.advance(60)
    for lead in list(play.model.tables["Lead"])[:2]:
        play.edit("marketo", "update", "Lead", lead, Status="Inquiry")


def every_way(play: Play) -> None:
    """Let a day bring reverts of status and owner, fields and an opt-out by export, a deal that stalled, an edit, a delete."""
    two_reverts(play)
    model, leads = play.model, list(play.model.tables["Lead"])
    model.clock.advance(86_400)
    play.edit("marketo", "update", "Lead", leads[2], Status="Nurture", OwnerId=model.user_id("mia@sandbox.example"))
    play.edit("sam", "update", "Lead", leads[3], Title="Chief")
    play.edit("sam", "delete", "Lead", leads[5])
    stamps = dict.fromkeys(("SystemModstamp", "LastModifiedDate"), model.second())
    long_ago = datetime(2025, 6, 1, tzinfo=UTC)
    contact = model.load("Contact", LastName="C-9", Email="c-9@example.com", MA_Person_Id__c="C-9", **stamps)
    deal = model.load(
        "Opportunity", Name="Late", StageName="Proposal", CreatedDate=long_ago, LastStageChangeDate=long_ago, **stamps,
        OwnerId=model.user_id("ada@sandbox.example"),
    )  # fmt: skip
    model.load("OpportunityContactRole", OpportunityId=deal, ContactId=contact, Role="Decision Maker", **stamps)
    scores = (export_line(f"L-{n}", leadScore="77") for n in (0, 3))
    play.drop("scores.csv", *scores, export_line("L-4", unsubscribed="true"), export_line("stranger", leadScore="many"))


SCENES = {
    "two reverts": (two_reverts, PACE),
    "every way": (every_way, PACE),
    "every way, by Bulk loads": (every_way, replace(PACE, load_rows_min=1)),
}
EVERY_WAY = [name for name in SCENES if name.startswith("every")]


def everything_wrong(explorer: Explorer) -> list[str]:
    """List what went wrong in any life."""
    return [wrong for life in explorer.lives.values() for wrong in life.wrong]


def tell(capsys: pytest.CaptureFixture[str], explorer: Explorer, histories: int, what: str) -> None:
    """Say how many histories there were."""
    with capsys.disabled():
        lives = len(explorer.lives)
        sys.stdout.write(f"\n{histories:,} histories of {what}, through {lives:,} moments that differ, each played: 0 wrong\n")


def explore(start: Start, scene: str, deaths: int, capsys: pytest.CaptureFixture[str]) -> int:
    """Play all histories of a scene with at most so many deaths; return how many there are."""
    explorer = start(scene)
    histories = count_histories(explorer, explorer.started, deaths)
    assert everything_wrong(explorer)[:12] == []
    tell(capsys, explorer, histories, f"up to {deaths} deaths ({scene})")
    return histories


@pytest.mark.parametrize("scene", EVERY_WAY)
def test_the_undisturbed_cycle_writes_in_every_way(start: Start, scene: str) -> None:
    explorer = start(scene)
    life = explorer.life(explorer.started)
    assert life.wrong == []
    assert explorer.calm is not None
    kinds = sorted(" ".join(what.split()[:2]) for what in explorer.calm.taken)
    is_bulk = "Bulk" in scene
    assert kinds.count("update Lead") >= (5 if is_bulk else 6)
    assert kinds.count("create CampaignMember") == 1
    assert any("done" in name for name in explorer.calm.files)
    assert any("jobs/ingest" in call for call in life.calls) == is_bulk
    assert len(life.calls) >= 8


def test_a_cycle_that_dies_anywhere_is_carried_on(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(start, "two reverts", 1, capsys) > 15


@pytest.mark.sweep
@pytest.mark.timeout(1200)
def test_cycles_that_die_again_and_again_are_carried_on(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(start, "two reverts", 5, capsys) > 100_000


@pytest.mark.sweep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scene", EVERY_WAY)
def test_a_cycle_that_writes_in_every_way_and_dies_is_carried_on(
    start: Start, scene: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explore(start, scene, 1, capsys) > 100


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("scene", "deaths", "histories"), [("two reverts", 6, 1_000_000), ("every way", 2, 5_000)])
def test_a_million_histories_are_carried_on(
    start: Start, scene: str, deaths: int, histories: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explore(start, scene, deaths, capsys) > histories


@pytest.mark.sweep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("scene", EVERY_WAY)
def test_a_call_or_commit_that_fails_anywhere_is_carried_on(
    start: Start, scene: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    explorer = start(scene)
    life = explorer.life(explorer.started)
    points = life.commits if kind == "full" else len(life.calls)
    left = [explorer.fault(explorer.started, number, kind) for number in range(1, points + 1)]
    found = [moment for moment in left if moment is not None]
    assert len(found) >= (3 if kind == "lost" else 8)
    histories = sum(count_histories(explorer, moment, 0) for moment in found)
    assert everything_wrong(explorer)[:12] == []
    tell(capsys, explorer, histories, f"one failure, {kind} ({scene})")


def test_a_syncd_that_cannot_see_what_it_wrote_is_found_out(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measure itself: when every look shows the org as it was before the first death, it says so."""
    explorer = start("two reverts")
    before = explorer.started.model
    read = InMemoryOrg.read
    monkeypatch.setattr(
        InMemoryOrg, "read", lambda self, object, ids, fields: read(InMemoryOrg(before.snapshot()), object, ids, fields)
    )
    count_histories(explorer, explorer.started, 1)
    assert everything_wrong(explorer)
